#include "daemon/housekeeping.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/control.h"
#include "daemon/limits.h"

struct housekeeping {
    struct pump *pump;
    struct event *timer;
    uint64_t consumer_ms_max;
    struct mono save_due; /* of the age clock */
    bool is_saving;
};

static void save_age(struct housekeeping *h)
{
    h->is_saving = true;
    store_save_age(h->pump->store, 0, pump_now(h->pump));
}

static void on_period(evutil_socket_t descriptor, short what, void *context)
{
    struct housekeeping *h = context;

    (void)descriptor;
    (void)what;
    if (h->pump->is_stopping)
        return;
    if (!h->is_saving && mono_due(h->save_due, pump_now(h->pump).mono))
        save_age(h);
    control_expire(h->pump->control, h->consumer_ms_max);
}

struct housekeeping *housekeeping_new(struct pump *pump, const struct config *config)
{
    struct housekeeping *h = xcalloc(1, sizeof(*h));

    h->pump = pump;
    h->consumer_ms_max = config->consumer_days * 86400000;
    h->timer = event_new(pump->base, -1, EV_PERSIST, on_period, h);
    must(h->timer != NULL);
    return h;
}

void housekeeping_free(struct housekeeping *h)
{
    if (h == NULL)
        return;
    event_free(h->timer);
    free(h);
}

void housekeeping_start(struct housekeeping *h)
{
    const struct timeval period = {.tv_sec = HOUSEKEEPING_PERIOD_MS / 1000};

    event_add(h->timer, &period);
    on_period(-1, 0, h);
}

void housekeeping_stop(struct housekeeping *h)
{
    save_age(h);
}

/* What failed is tried again a minute later. */
void housekeeping_kept(struct housekeeping *h, const struct store_answer *answer)
{
    h->is_saving = false;
    if (answer->error == OK)
        h->save_due = mono_after(pump_now(h->pump).mono, AGE_SAVE_PERIOD_MS);
}
