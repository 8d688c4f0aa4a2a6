/* One entry of systemd's journal, with fields of its own (systemd.journal-fields(7)). */
#ifndef P2PCHAT_DAEMON_JOURNAL_H
#define P2PCHAT_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"

enum { JOURNAL_FIELDS_MAX = 16 };

/* All zero: an entry without fields. */
struct journal_entry {
    struct bytes text;               /* "NAME=value" of all fields, one behind the other */
    size_t ends[JOURNAL_FIELDS_MAX]; /* of each field in `text` */
    size_t count;
};

/* Adds a field. `name` is ours: capitals and underscores. The value is made safe (text.h), so that
 * it has one line, whoever wrote it. */
void journal_add(struct journal_entry *entry, const char *name, const char *value, size_t length);
void journal_done(struct journal_entry *entry);

/* Sends it (sd_journal_sendv(3)). False when libsystemd is not installed or the journal does not
 * take it: then it is to be said in another way. */
bool journal_send(const struct journal_entry *entry);

#endif
