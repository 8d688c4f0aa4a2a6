#include "daemon/journal.h"

#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* The place in our source is none of an administrator's business. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/libsystemd.h"

/* Where the journal listens (systemd-journald.service(8)). */
#define SOCKET_PATH "/run/systemd/journal/socket"

void journal_add(struct journal_entry *entry, const char *name, const char *value, size_t length)
{
    must(entry->count < JOURNAL_FIELDS_MAX);
    bytes_text(&entry->text, name);
    bytes_u8(&entry->text, '=');
    text_append_safe(&entry->text, value, length);
    entry->ends[entry->count++] = bytes_length(&entry->text);
}

void journal_done(struct journal_entry *entry)
{
    bytes_done(&entry->text);
}

/* Looked up once: a daemon that tells all that it does tells much. */
static __typeof__(&sd_journal_sendv) find_sendv(void)
{
    static __typeof__(&sd_journal_sendv) found;
    static bool was_sought;

    if (!was_sought)
        found = (__typeof__(&sd_journal_sendv))libsystemd_function("sd_journal_sendv");
    was_sought = true;
    return found;
}

bool journal_send(const struct journal_entry *entry)
{
    const __typeof__(&sd_journal_sendv) sendv = find_sendv();
    struct iovec fields[JOURNAL_FIELDS_MAX];
    /* What is only read need not be writable, but struct iovec knows one kind. */
    char *text = (char *)(uintptr_t)bytes_data(&entry->text);
    size_t begin = 0;

    for (size_t i = 0; i < entry->count; i++) {
        fields[i] = (struct iovec){.iov_base = text + begin, .iov_len = entry->ends[i] - begin};
        begin = entry->ends[i];
    }
    /* The library calls it a success when there is no journal. */
    return sendv != NULL && access(SOCKET_PATH, W_OK) == 0 && sendv(fields, (int)entry->count) == 0;
}
