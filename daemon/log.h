/* The daemon's own log: one line for each thing that happened, on standard error, or an entry with
 * fields in systemd's journal (p2pchatd(8), Log). What can be told is a row of log_code.def.
 * Secrets and the text of messages are never logged. */
#ifndef P2PCHAT_DAEMON_LOG_H
#define P2PCHAT_DAEMON_LOG_H

#include "common/bytes.h"
#include "daemon/core/action.h"
#include "daemon/log_code.h"
#include "daemon/log_entry.h"

/* Lines above this level are dropped from now on (before: above info). */
void log_set_level(enum log_level level);

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

/* How to speak to `descriptor`: is it the stream that systemd made for us (`journal_stream`: the
 * value of $JOURNAL_STREAM, or NULL), or a terminal (`terminal`: the value of $TERM; NULL: without
 * colours)? */
enum log_manner log_manner_of(int descriptor, const char *journal_stream, const char *terminal);

#endif
