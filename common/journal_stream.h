/* The stream that systemd makes for what a service writes, whose lines become entries of the
 * journal (systemd.exec(5), $JOURNAL_STREAM). */
#ifndef P2PCHAT_COMMON_JOURNAL_STREAM_H
#define P2PCHAT_COMMON_JOURNAL_STREAM_H

#include <stdbool.h>

/* Whether the descriptor is that stream; `value` is that of $JOURNAL_STREAM, or NULL. */
bool journal_stream_is(int descriptor, const char *value);

#endif
