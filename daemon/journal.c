#include "daemon/journal.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/text.h"
#include "daemon/limits.h"

static const struct sockaddr_un journal = {.sun_family = AF_UNIX,
                                           .sun_path = "/run/systemd/journal/socket"};

/* Made when it is needed first, and kept. */
static int sending = -1;

void journal_add(struct bytes *entry, const char *name, const char *value, size_t length)
{
    bytes_text(entry, name);
    bytes_u8(entry, '=');
    text_append_safe(entry, value, length);
    bytes_u8(entry, '\n');
}

static bool send_datagram(const void *bytes, size_t length)
{
    if (sending < 0)
        sending = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sending >= 0 && sendto(sending, bytes, length, MSG_NOSIGNAL,
                                  (const struct sockaddr *)&journal, sizeof(journal)) >= 0;
}

bool journal_send(const struct bytes *entry)
{
    return send_datagram(bytes_data(entry), bytes_length(entry));
}

void journal_flush(void)
{
    int unread = 0;

    /* One entry after the other: when this empty one, which is none, was received, those before it
     * were dealt with. */
    if (sending < 0 || !send_datagram("", 0))
        return;
    for (int ms = 0; ms < JOURNAL_FLUSH_MS; ms++) {
        if (ioctl(sending, SIOCOUTQ, &unread) < 0 || unread == 0)
            return;
        poll(NULL, 0, 1); /* the loop has ended, and there is nothing else to do */
    }
}
