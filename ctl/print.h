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

/* How far writing came. */
enum printed {
    PRINTED_ALL,
    PRINTED_UNREAD, /* nobody reads any more */
    PRINTED_CUT,    /* a signal that ends us came, and it took too long after it */
    PRINTED_FAILED  /* errno says why */
};

/* The same piece by piece, and the number of bytes that were written. SIGPIPE must be ignored. */
enum printed print_some(const struct bytes *out, size_t *ret_written);

/* What print_out() says when writing failed, and how it ends when nobody reads: as if SIGPIPE had
 * not been ignored. */
enum outcome print_failure(int error, struct bytes *message);
_Noreturn void print_end_unread(void);

/* Says on standard error what went wrong, behind the program's name. */
void print_complaint(const struct bytes *message);

#endif
