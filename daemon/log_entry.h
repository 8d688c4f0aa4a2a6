/* One thing that the daemon's own log tells, and how that is written: as a line, or as an entry of
 * the journal (p2pchatd(8), Log).
 *
 * Every text passes through text_append_safe, so that nothing from others can forge lines or fields
 * or move a cursor. */
#ifndef P2PCHAT_DAEMON_LOG_ENTRY_H
#define P2PCHAT_DAEMON_LOG_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "daemon/core/action.h"
#include "daemon/log_code.h"

/* Who called, by SO_PEERCRED. */
struct log_caller {
    uid_t user;
    pid_t process;
    bool is_outside; /* of our user namespace, where `user` stands for all who are */
};

/* What a line is about; NULL or 0 is what it is not about. */
struct log_fields {
    const uint8_t *key;              /* the peer's */
    const char *address;             /* where it is: HOST:PORT */
    uint64_t link;                   /* number of the carrier */
    const char *method;              /* of the control socket */
    const char *error;               /* a stable name: of an error, of why a link ended */
    uint64_t count;                  /* of what the text tells */
    const struct log_caller *caller; /* the program on the control socket */
};

/* All of it. */
struct log_entry {
    enum log_level level;
    const char *code;       /* or NULL */
    const char *message_id; /* or NULL */
    struct log_fields fields;
    const char *text; /* not safe yet */
    size_t length;
};

/* What the core notes (ACTION_NOTE) as an entry, whose text is written to `text` and borrowed from
 * it. */
struct log_entry log_entry_of_note(const struct action *note, struct bytes *text);

/* For whom it is written. */
enum log_manner {
    LOG_MANNER_PLAIN,    /* "2026-01-31 12:00:00.123 notice: … code=…": a file; local time */
    LOG_MANNER_TERMINAL, /* the same for a person who watches */
    LOG_MANNER_COLOUR,   /* the same, in colours */
    LOG_MANNER_PREFIXED, /* "<5>… code=…" (sd-daemon(3)): the journal takes no entries */
    LOG_MANNER_JOURNAL   /* no line, but an entry */
};

/* Appends one line, with its end, in any manner but LOG_MANNER_JOURNAL. */
void log_entry_line(struct bytes *out, enum log_manner manner, int64_t unix_ms,
                    const struct log_entry *entry);

/* Appends all fields that the journal is told (journal.h). */
void log_entry_journal(struct bytes *out, const struct log_entry *entry);

#endif
