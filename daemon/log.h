/* The daemon's own log: lines on standard error, one for each thing that happened.
 *
 * Under systemd each line begins with its priority (sd-daemon(3)), elsewhere with the time. Every
 * line passes through text_append_safe, so that nothing from others can forge lines or move a
 * cursor. Secrets and the text of messages are never logged. */
#ifndef P2PCHAT_DAEMON_LOG_H
#define P2PCHAT_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "daemon/core/action.h"

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };

/* The name of a level ("warning"), and the level of a name; false when there is none. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

/* Lines above this level are dropped from now on (before: above info). */
void log_set_level(enum log_level level);

/* Writes one line, unless its level is dropped. What is longer than LOG_LINE_MAX is cut. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes what the core notes (ACTION_NOTE): its words, then code=…, peer=…, address=…
 * and count=…. */
void log_note(const struct action *note);

/* --- The parts that need no standard error --- */

enum log_manner {
    LOG_MANNER_PLAIN,  /* "2026-01-31 12:00:00.123 notice: …", local time */
    LOG_MANNER_JOURNAL /* "<5>…" */
};

/* Whether `descriptor` is the stream that systemd made for us (`journal_stream`: the value of
 * $JOURNAL_STREAM, or NULL). */
enum log_manner log_manner_of(int descriptor, const char *journal_stream);

/* Appends one line, with its end. */
void log_compose(struct bytes *out, enum log_manner manner, enum log_level level, int64_t unix_ms,
                 const char *text, size_t length);

/* Appends the text of a note's line. */
void log_compose_note(struct bytes *out, const struct action *note);

#endif
