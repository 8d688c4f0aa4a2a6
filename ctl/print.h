/* Standard output and standard error. */
#ifndef P2PCHAT_CTL_PRINT_H
#define P2PCHAT_CTL_PRINT_H

#include "common/bytes.h"
#include "ctl/outcome.h"
#include "ctl/phrase.h"

/* Whether what goes to standard output may be coloured: a terminal is there, and neither $NO_COLOR
 * nor TERM=dumb says otherwise. */
enum look print_look(void);

/* Writes all of `out` to standard output and empties it. OUTCOME_FAILED when that cannot be done,
 * and `message` says why. When nobody reads any more the process ends as SIGPIPE ends it. */
enum outcome print_out(struct bytes *out, struct bytes *message);

/* Says on standard error what went wrong, behind the program's name. */
void print_complaint(const struct bytes *message);

#endif
