/* Entries of systemd's journal, with fields of their own (systemd.journal-fields(7)), in its own
 * protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL. */
#ifndef P2PCHAT_DAEMON_JOURNAL_H
#define P2PCHAT_DAEMON_JOURNAL_H

#include <stddef.h>

#include "common/bytes.h"

/* Adds a field to an entry, which is a line for each. `name` is ours: capitals and underscores. The
 * value is made safe (text.h), so that it has no end of line, whoever wrote it. */
void journal_add(struct bytes *entry, const char *name, const char *value, size_t length);

/* Sends an entry; never waits. */
enum journal_answer {
    JOURNAL_TOOK,
    JOURNAL_BUSY,  /* there is no room for it now: the journal hangs, or has much to do */
    JOURNAL_ABSENT /* it is not there, or takes no such entries: it is to be said in another way */
};
enum journal_answer journal_send(const struct bytes *entry);

/* Waits until the journal has looked at what was sent, for at most JOURNAL_FLUSH_MS. It asks the
 * system for the unit of the process then, which cannot be told of one that is gone. */
void journal_flush(void);

#endif
