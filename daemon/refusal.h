/* Why a start is refused: what to tell, as which line of the log, and the exit code (sysexits.h;
 * p2pchatd(8), Exit status).
 */
#ifndef P2PCHAT_DAEMON_REFUSAL_H
#define P2PCHAT_DAEMON_REFUSAL_H

#include <stdbool.h>
#include <sysexits.h>

#include "daemon/log_code.h"

enum { REFUSAL_WHY_MAX = 1024 };

struct refusal {
    int exit_code;
    enum log_code code;
    char why[REFUSAL_WHY_MAX]; /* one line; may hold text from outside, so log it, don't print it */
};

/* Fills in the refusal, as LOG_START_REFUSED, and returns false, for `return refuse(…)`. */
bool refuse(struct refusal *ret_refusal, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes another line of the log of it, one that says what is to be done; returns false. */
bool refuse_as(struct refusal *refusal, enum log_code code);

#endif
