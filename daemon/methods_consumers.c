/* Readers of events that have a name: events.ack, events.consumers, events.forget, and what of
 * events.subscribe concerns them. */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/consumers.h"
#include "daemon/control_state.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/methods.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

void control_consumers_init(struct control *control)
{
    control->consumers = consumers_new();
}

void control_consumers_done(struct control *control)
{
    consumers_free(control->consumers);
}

void control_load_consumer(void *control, const struct consumer_row *row)
{
    consumers_load(((struct control *)control)->consumers, row);
}

void control_tell_lags(const struct control *control,
                       void (*tell)(void *context, const char *consumer, uint64_t lag),
                       void *context)
{
    const uint64_t last = store_last_seq(control->pump->store);

    for (const struct consumer *c = consumers_next(control->consumers, NULL); c != NULL;
         c = consumers_next(control->consumers, c))
        if (c->exists)
            tell(context, c->row.name, last > c->row.seq ? last - c->row.seq : 0);
}

/* --- Writing, and waiting for it --- */

static void drain(struct control *control)
{
    struct store *store = control->pump->store;
    struct consumer_write write;

    while (consumers_next_write(control->consumers, &write)) {
        const uint64_t id = PUMP_QUESTION_OF_CONTROL | write.consumer;

        if (write.is_removal)
            store_drop_consumer(store, id, write.row->name);
        else
            store_put_consumer(store, id, write.row, write.lazy);
    }
}

/* What a call asked for is durable. */
static const struct answered *answer(struct call *call)
{
    const struct consumer *consumer = call->consumer.of;
    struct json_writer *w;

    call->consumer.of = NULL;
    if (call->method == API_EVENTS_SUBSCRIBE && !call->client->follows)
        return call_fail(call, ERR_INVALID_REQUEST, NULL); /* was expelled meanwhile */
    if (call->method == API_EVENTS_SUBSCRIBE)
        return events_begin(call, consumer->kept.seq, &call->consumer.filter);
    w = call_result(call);
    json_write_open(w, '{');
    if (call->method == API_EVENTS_ACK) {
        json_put_string(w, "consumer", consumer->row.name);
        json_put_integer(w, "seq", (int64_t)call->consumer.seq);
    }
    json_write_close(w, '}');
    return call_succeed(call);
}

static const struct answered *decline(struct call *call, enum error error)
{
    struct client *c = call->client;

    call->consumer.of = NULL;
    if (call->method == API_EVENTS_SUBSCRIBE)
        events_leave(c);
    return call_fail(call, error, NULL);
}

/* Answers when a change of the consumer is durable. */
static const struct answered *answer_after(struct call *call, struct consumer *consumer,
                                           uint64_t change)
{
    call->consumer.of = consumer;
    call->consumer.change = change;
    call->consumer.seq = consumer->row.seq;
    if (change <= consumer->kept_change)
        return answer(call);
    TAILQ_INSERT_TAIL(&consumer->calls, call, in_consumer);
    drain(call->client->control);
    return call_waits();
}

void control_consumers_kept(struct control *control, const struct store_answer *kept)
{
    struct consumer *consumer =
        consumers_written(control->consumers, kept->id & ~PUMP_QUESTION_OF_CONTROL, kept->error);
    struct call *call, *next;

    for (call = TAILQ_FIRST(&consumer->calls); call != NULL; call = next) {
        next = TAILQ_NEXT(call, in_consumer);
        if (call->consumer.change > consumer->kept_change)
            continue; /* its write is still to come */
        TAILQ_REMOVE(&consumer->calls, call, in_consumer);
        if (kept->error == OK)
            answer(call);
        else
            decline(call, kept->error);
    }
    if (consumer->has_expired && !consumer->is_kept)
        log_coded(LOG_CONSUMER_FORGOTTEN, NULL,
                  "the consumer %s was not used for longer than ConsumerDays= and is forgotten",
                  consumer->row.name);
    consumers_settle(control->consumers, consumer);
    drain(control);
}

/* --- Handlers --- */

static const struct answered *refuse_name(struct call *call)
{
    return call_fail(call, ERR_BAD_NAME,
                     "a consumer's name is made of A-Z, a-z, 0-9, '.', '_', '@' and '-'");
}

static void touch(const struct control *control, struct consumer *consumer)
{
    const struct now now = pump_now(control->pump);

    consumers_touch(consumer, now.unix_ms, store_age_ms(control->pump->store, now.mono));
}

const struct answered *control_consumers_follow(struct call *call, const char *name,
                                                const struct feed_filter *filter)
{
    struct client *c = call->client;
    struct consumers *consumers = c->control->consumers;
    struct consumer *consumer = consumers_find(consumers, name);
    enum error error = consumers_check_name(name);

    if (error != OK)
        return refuse_name(call);
    if (consumer == NULL)
        error = consumers_add(consumers, name, store_last_seq(c->control->pump->store), &consumer);
    if (error != OK)
        return call_fail(call, error,
                         "there are too many consumers; forget one that is not used any more");
    touch(c->control, consumer);
    consumer->followers++;
    c->follows = true;
    c->consumer = consumer->number;
    call->consumer.filter = *filter;
    return answer_after(call, consumer, consumer->born);
}

void control_consumers_leave(struct client *c)
{
    struct consumer *consumer = consumers_numbered(c->control->consumers, c->consumer);

    c->consumer = 0;
    if (consumer == NULL)
        return;
    touch(c->control, consumer);
    consumer->followers--;
}

const struct answered *method_events_ack(struct call *call, const struct api_args *args)
{
    struct control *control = call->client->control;
    const char *name = api_string(args, ARG_EVENTS_ACK_CONSUMER);
    const uint64_t seq = (uint64_t)api_integer(args, ARG_EVENTS_ACK_SEQ, 0);
    const uint64_t last_seq = store_last_seq(control->pump->store);
    struct consumer *consumer = consumers_find(control->consumers, name);
    char message[API_MESSAGE_MAX];

    if (consumer == NULL)
        return call_fail(call, ERR_NO_SUCH_CONSUMER, NULL);
    if (seq > last_seq) {
        snprintf(message, sizeof(message),
                 "the parameter 'seq' lies beyond the log, which ends at %" PRIu64, last_seq);
        return call_fail(call, ERR_INVALID_PARAMS, message);
    }
    touch(control, consumer);
    consumers_ack(control->consumers, consumer, seq);
    return answer_after(call, consumer, consumer->change);
}

const struct answered *method_events_consumers(struct call *call, const struct api_args *args)
{
    const struct consumers *consumers = call->client->control->consumers;
    struct json_writer *w = call_result(call);

    (void)args;
    json_write_open(w, '{');
    json_write_name(w, "consumers");
    json_write_open(w, '[');
    for (const struct consumer *c = consumers_next(consumers, NULL); c != NULL;
         c = consumers_next(consumers, c)) {
        if (!c->exists || !c->is_kept)
            continue; /* not yet, or not any more */
        json_write_open(w, '{');
        json_put_string(w, "consumer", c->row.name);
        json_put_integer(w, "seq", (int64_t)c->kept.seq);
        json_put_time(w, "last_used", c->row.last_used_ms);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
    json_write_close(w, '}');
    return call_succeed(call);
}

const struct answered *method_events_forget(struct call *call, const struct api_args *args)
{
    struct control *control = call->client->control;
    struct consumer *consumer =
        consumers_find(control->consumers, api_string(args, ARG_EVENTS_FORGET_CONSUMER));

    if (consumer == NULL)
        return call_fail(call, ERR_NO_SUCH_CONSUMER, NULL);
    consumers_forget(control->consumers, consumer);
    return answer_after(call, consumer, consumer->change);
}

/* --- Expiry --- */

void control_expire(struct control *control, uint64_t consumer_ms_max)
{
    const struct now now = pump_now(control->pump);

    consumers_expire(control->consumers, now.unix_ms, store_age_ms(control->pump->store, now.mono),
                     consumer_ms_max);
    drain(control);
}
