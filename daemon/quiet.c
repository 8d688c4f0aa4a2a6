#include "daemon/quiet.h"

#include <event2/event.h>

#include "daemon/limits.h"

/* That the timer is not pending any more is all there is to it. */
static void on_over(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    (void)context;
}

void quiet_init(struct quiet *quiet, struct event_base *base)
{
    evtimer_assign(&quiet->timer, base, on_over, NULL);
}

void quiet_done(struct quiet *quiet)
{
    event_del(&quiet->timer);
}

bool quiet_may_speak(struct quiet *quiet)
{
    static const struct timeval length = {.tv_sec = QUIET_S};

    if (evtimer_pending(&quiet->timer, NULL))
        return false;
    evtimer_add(&quiet->timer, &length);
    return true;
}
