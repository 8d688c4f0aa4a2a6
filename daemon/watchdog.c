#include "daemon/watchdog.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/log.h"
#include "daemon/pump.h"
#include "daemon/service.h"
#include "daemon/store/store.h"

struct watchdog {
    struct pump *pump;
    struct event *timer;
    uint64_t patience_ms; /* with the disk */
    bool is_hungry;       /* it is not fed, and that was said */
};

uint64_t watchdog_patience_ms(uint64_t watchdog_ms)
{
    const uint64_t part_ms = watchdog_ms / 3 * 2;

    return part_ms < WATCHDOG_CALL_MS ? part_ms : WATCHDOG_CALL_MS;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct watchdog *dog = context;
    const uint64_t silence_ms = store_silence_ms(dog->pump->store, pump_now(dog->pump).mono);
    const bool is_stuck = silence_ms >= dog->patience_ms;

    (void)fd;
    (void)events;
    if (!is_stuck)
        service_feed();
    else if (!dog->is_hungry)
        log_coded(LOG_WRITER_STUCK, NULL,
                  "the disk has not answered for %" PRIu64
                  " s: if it goes on so, systemd starts this daemon again",
                  silence_ms / 1000);
    dog->is_hungry = is_stuck;
}

struct watchdog *watchdog_new(struct pump *pump)
{
    const uint64_t watchdog_ms = service_watchdog_ms(), period_ms = watchdog_ms / 3;
    const struct timeval period = {.tv_sec = (time_t)(period_ms / 1000),
                                   .tv_usec = (suseconds_t)(period_ms % 1000 * 1000)};
    struct watchdog *dog;

    if (watchdog_ms == 0)
        return NULL;
    dog = xcalloc(1, sizeof(*dog));
    dog->pump = pump;
    dog->patience_ms = watchdog_patience_ms(watchdog_ms);
    dog->timer = event_new(pump->base, -1, EV_PERSIST, on_timer, dog);
    must(dog->timer != NULL && event_add(dog->timer, &period) == 0);
    return dog;
}

void watchdog_free(struct watchdog *dog)
{
    if (dog == NULL)
        return;
    event_free(dog->timer);
    free(dog);
}
