/* The age clock: how long the log has been there, for whatever expires by days.
 *
 * The wall clock may jump by years and must not expire anything by it. So the age is the time that
 * the daemon ran, and for each time that it was down what the wall clock says about that, but no
 * more than a day. It never goes back, but by what was not saved before a crash. */
#ifndef P2PCHAT_DAEMON_STORE_AGE_H
#define P2PCHAT_DAEMON_STORE_AGE_H

#include <stdint.h>

#include "common/mono.h"

/* Longer than a machine is off over night, and nothing against the days after which things expire.
 */
enum { AGE_DOWN_MAX_MS = 24 * 3600 * 1000 };

/* How the clock stood when it was last written down. */
struct age_row {
    uint64_t ms;
    int64_t wall_ms; /* Unix time then; 0: it never was */
};

struct age {
    uint64_t ms; /* at: */
    struct mono since;
};

/* The clock goes on from where it was saved. */
struct age age_start(const struct age_row *saved, struct now now);

/* What it shows. */
uint64_t age_ms(const struct age *age, struct mono now);

#endif
