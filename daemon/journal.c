#include "daemon/journal.h"

#include <errno.h>
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

static int open_socket(void)
{
    const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int room = JOURNAL_BUFFER_BYTES;

    if (made >= 0)
        (void)setsockopt(made, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    return made;
}

static enum journal_answer send_datagram(const void *bytes, size_t length)
{
    if (sending < 0)
        sending = open_socket();
    if (sending < 0)
        return JOURNAL_ABSENT;
    if (sendto(sending, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT,
               (const struct sockaddr *)&journal, sizeof(journal)) >= 0)
        return JOURNAL_TOOK;
    return errno == EAGAIN || errno == ENOBUFS ? JOURNAL_BUSY : JOURNAL_ABSENT;
}

enum journal_answer journal_send(const struct bytes *entry)
{
    return send_datagram(bytes_data(entry), bytes_length(entry));
}

void journal_flush(void)
{
    enum journal_answer answer = JOURNAL_BUSY;
    int unread = 0;

    if (sending < 0)
        return;
    /* One entry after the other: when this empty one, which is none, was received, those before it
     * were dealt with. */
    for (int ms = 0; ms < JOURNAL_FLUSH_MS; ms++) {
        if (answer == JOURNAL_BUSY)
            answer = send_datagram("", 0);
        if (answer == JOURNAL_ABSENT || ioctl(sending, SIOCOUTQ, &unread) < 0 ||
            (answer == JOURNAL_TOOK && unread == 0))
            return;
        poll(NULL, 0, 1); /* the loop has ended, and there is nothing else to do */
    }
}
