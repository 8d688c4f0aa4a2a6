/* What would be said again and again in the daemon's own log, because others can make it happen as
 * often as they like, is said once, and not again for QUIET_S. */
#ifndef P2PCHAT_DAEMON_QUIET_H
#define P2PCHAT_DAEMON_QUIET_H

#include <event2/event_struct.h>
#include <stdbool.h>

struct quiet {
    struct event timer;
};

/* Nothing has been said. Ended before the base is freed. */
void quiet_init(struct quiet *quiet, struct event_base *base);
void quiet_done(struct quiet *quiet);

/* Whether it may be said now; then it is taken for said. */
bool quiet_may_speak(struct quiet *quiet);

#endif
