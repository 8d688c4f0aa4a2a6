/* The daemon's own log: one line for each thing that happened, on standard error, or an entry with
 * fields in systemd's journal (p2pchatd(8), Log). What can be told is a row of log_code.def.
 *
 * Every text passes through text_append_safe, so that nothing from others can forge lines or fields
 * or move a cursor. Secrets and the text of messages are never logged. */
#ifndef P2PCHAT_DAEMON_LOG_H
#define P2PCHAT_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "daemon/core/action.h"
#include "daemon/log_code.h"

/* The name of a level ("warning"), and the level of a name; false when there is none. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

/* Lines above this level are dropped from now on (before: above info). */
void log_set_level(enum log_level level);

/* Who called, by SO_PEERCRED. */
struct log_caller {
    uid_t user;
    pid_t process;
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

/* Tells what the row of `code` says, in the words of `format`, with `fields` (NULL: none), unless
 * its level is dropped. One line; what is longer than LOG_LINE_MAX is cut. */
void log_coded(enum log_code code, const struct log_fields *fields, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for each line of `text`. */
void log_coded_lines(enum log_code code, const struct log_fields *fields, const struct bytes *text);

/* Tells what the core notes (ACTION_NOTE). */
void log_note(const struct action *note);

/* Nobody is waited for who does not take lines (LOG_PATIENCE_MS): a line that is not taken is lost,
 * and counted, and the next that is taken says how many were. Says so if it can be said by now: to
 * be called now and then. */
void log_look_again(void);

/* At the end: waits until the journal has looked at what it was sent, as journal_flush does, and
 * says what was lost. */
void log_flush(void);

/* --- The parts that need no standard error --- */

struct log_entry {
    enum log_level level;
    const char *code;       /* or NULL */
    const char *message_id; /* or NULL */
    struct log_fields fields;
    const char *text; /* not safe yet */
    size_t length;
};

/* A note as an entry, whose text is appended to `text` and borrowed from it. */
struct log_entry log_entry_of_note(const struct action *note, struct bytes *text);

enum log_manner {
    LOG_MANNER_PLAIN,    /* "2026-01-31 12:00:00.123 notice: … code=…": a file; local time */
    LOG_MANNER_TERMINAL, /* the same for a person who watches */
    LOG_MANNER_COLOUR,   /* the same, in colours */
    LOG_MANNER_PREFIXED, /* "<5>… code=…" (sd-daemon(3)): the journal takes no entries */
    LOG_MANNER_JOURNAL   /* no line, but an entry */
};

/* How to speak to `descriptor`: is it the stream that systemd made for us (`journal_stream`: the
 * value of $JOURNAL_STREAM, or NULL), or a terminal (`terminal`: the value of $TERM; NULL: without
 * colours)? */
enum log_manner log_manner_of(int descriptor, const char *journal_stream, const char *terminal);

/* Appends one line, with its end, in any manner but LOG_MANNER_JOURNAL. */
void log_compose(struct bytes *out, enum log_manner manner, int64_t unix_ms,
                 const struct log_entry *entry);

/* Appends all fields that the journal is told (journal.h). */
void log_compose_journal(struct bytes *out, const struct log_entry *entry);

#endif
