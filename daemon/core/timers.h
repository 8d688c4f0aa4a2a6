/* Deadlines of many things in one heap, so that a node needs one timer.
 *
 * A struct timer is embedded in what it belongs to. The order is total (deadline, then the order in
 * which timers were first set), so that the same inputs give the same trace. */
#ifndef P2PCHAT_DAEMON_CORE_TIMERS_H
#define P2PCHAT_DAEMON_CORE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"

/* Zeroed but for kind: not set. */
struct timer {
    struct mono at;
    uint64_t order; /* drawn at each change from "not set" to "set" */
    size_t place;   /* index in the heap, from 1; 0: not set */
    int kind;       /* the owner's: what is to be done, and in what the timer is embedded */
};

struct timers {
    struct timer **heap; /* heap[1] is the earliest */
    size_t count;
    size_t room;
    uint64_t next_order;
};

void timers_done(struct timers *timers);

/* Sets or moves a timer; MONO_NEVER stops it. */
void timers_set(struct timers *timers, struct timer *timer, struct mono at);

/* Stops a timer; no effect on one that is not set. */
void timers_stop(struct timers *timers, struct timer *timer);

/* Takes the earliest timer that is due off the heap; NULL when none is. */
struct timer *timers_take_due(struct timers *timers, struct mono now);

/* When the earliest timer is due; MONO_NEVER when none is set. */
struct mono timers_deadline(const struct timers *timers);

#endif
