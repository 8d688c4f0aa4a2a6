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
    uint64_t period_ms;   /* in which it is fed */
    uint64_t patience_ms; /* with the disk */
    bool is_hungry;       /* it is not fed, and that was said */
};

static uint64_t lesser(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* However short the watchdog is, the loop does something else, too. */
static uint64_t period_ms(uint64_t watchdog_ms)
{
    return watchdog_ms < 3 ? 1 : watchdog_ms / 3;
}

uint64_t watchdog_patience_ms(uint64_t watchdog_ms)
{
    return lesser(period_ms(watchdog_ms) * 2, WATCHDOG_CALL_MS);
}

static void arm(struct watchdog *dog, uint64_t after_ms)
{
    const struct timeval after = {.tv_sec = (time_t)(after_ms / 1000),
                                  .tv_usec = (suseconds_t)(after_ms % 1000 * 1000)};

    must(evtimer_add(dog->timer, &after) == 0);
}

/* Looks again when the patience is over, if that is earlier than the next feeding. */
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
    arm(dog, is_stuck ? dog->period_ms : lesser(dog->patience_ms - silence_ms, dog->period_ms));
}

struct watchdog *watchdog_new(struct pump *pump)
{
    const uint64_t watchdog_ms = service_watchdog_ms();
    struct watchdog *dog;

    if (watchdog_ms == 0)
        return NULL;
    dog = xcalloc(1, sizeof(*dog));
    dog->pump = pump;
    dog->period_ms = period_ms(watchdog_ms);
    dog->patience_ms = watchdog_patience_ms(watchdog_ms);
    dog->timer = evtimer_new(pump->base, on_timer, dog);
    must(dog->timer != NULL);
    arm(dog, lesser(dog->patience_ms, dog->period_ms));
    return dog;
}

void watchdog_free(struct watchdog *dog)
{
    if (dog == NULL)
        return;
    event_free(dog->timer);
    free(dog);
}
