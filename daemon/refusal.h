/* Why a start is refused: what to tell, and the exit code (sysexits.h; p2pchatd(8), Exit status).
 */
#ifndef P2PCHAT_DAEMON_REFUSAL_H
#define P2PCHAT_DAEMON_REFUSAL_H

#include <stdbool.h>
#include <sysexits.h>

enum { REFUSAL_WHY_MAX = 1024 };

struct refusal {
    int exit_code;
    char why[REFUSAL_WHY_MAX]; /* one line; may hold text from outside, so log it, don't print it */
};

/* Fills in the refusal and returns false, for `return refuse(…)`. */
bool refuse(struct refusal *ret_refusal, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
