#include "daemon/housekeeping.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/control.h"
#include "daemon/limits.h"

#define DAY_MS UINT64_C(86400000)

enum { ID_AGE, ID_TRIM, ID_CLAIMS }; /* of what the store is given */

struct housekeeping {
    struct pump *pump;
    struct event *timer;
    uint64_t consumer_ms_max;
    struct mono save_due; /* of the age clock */
    bool is_saving;

    struct retention keep;
    struct mono trim_due;
    bool is_trimming; /* slice by slice, through the log once */
    bool has_trimmed; /* something was removed this time */
    bool keep_is_new; /* since this time began */

    bool is_trimming_claims; /* some at a time, until none is over */
};

static void save_age(struct housekeeping *h)
{
    h->is_saving = true;
    store_save_age(h->pump->store, ID_AGE, pump_now(h->pump));
}

static void trim(struct housekeeping *h, uint64_t after_seq)
{
    store_trim(h->pump->store, ID_TRIM, &h->keep, after_seq, pump_now(h->pump).mono);
}

static void start_trimming(struct housekeeping *h)
{
    if ((h->keep.age_ms == 0 && h->keep.bytes == 0) || h->is_trimming ||
        !mono_due(h->trim_due, pump_now(h->pump).mono))
        return;
    h->is_trimming = true;
    h->has_trimmed = h->keep_is_new = false;
    trim(h, 0);
}

/* A slice was looked at, and perhaps removed. */
static void go_on_trimming(struct housekeeping *h, const struct store_answer *answer)
{
    if (answer->floor > 0) {
        h->has_trimmed = true;
        control_floor(h->pump->control);
    }
    if (answer->error == OK && !answer->end && !h->pump->is_stopping) {
        trim(h, answer->scanned_through);
        return;
    }
    h->is_trimming = false;
    if (answer->error == OK && !h->has_trimmed && !h->keep_is_new && answer->scanned_through > 0)
        h->trim_due = mono_after(pump_now(h->pump).mono, RETAIN_REST_MS);
}

static void trim_claims(struct housekeeping *h)
{
    h->is_trimming_claims = true;
    store_trim_claims(h->pump->store, ID_CLAIMS, pump_now(h->pump).mono);
}

static void go_on_trimming_claims(struct housekeeping *h, const struct store_answer *answer)
{
    h->is_trimming_claims = false;
    if (answer->error == OK && !answer->end && !h->pump->is_stopping)
        trim_claims(h);
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
    start_trimming(h);
    if (!h->is_trimming_claims)
        trim_claims(h);
}

static void take_config(struct housekeeping *h, const struct config *config)
{
    h->consumer_ms_max = config->consumer_days * DAY_MS;
    h->keep.age_ms = config->retain_days * DAY_MS;
    h->keep.bytes = config->retain_bytes;
}

struct housekeeping *housekeeping_new(struct pump *pump, const struct config *config)
{
    struct housekeeping *h = xcalloc(1, sizeof(*h));

    h->pump = pump;
    take_config(h, config);
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

void housekeeping_configure(struct housekeeping *h, const struct config *config)
{
    take_config(h, config);
    h->keep_is_new = true;
    h->trim_due = pump_now(h->pump).mono;
    on_period(-1, 0, h);
}

void housekeeping_stop(struct housekeeping *h)
{
    save_age(h);
}

/* What failed is tried again a minute later. */
void housekeeping_kept(struct housekeeping *h, const struct store_answer *answer)
{
    if (answer->id == ID_TRIM) {
        go_on_trimming(h, answer);
        return;
    }
    if (answer->id == ID_CLAIMS) {
        go_on_trimming_claims(h, answer);
        return;
    }
    h->is_saving = false;
    if (answer->error == OK)
        h->save_due = mono_after(pump_now(h->pump).mono, AGE_SAVE_PERIOD_MS);
}
