#include "ctl/subscription.h"

#include <stdio.h>

#include "ctl/clock.h"
#include "ctl/params.h"
#include "ctl/phrase.h"
#include "ctl/print.h"
#include "ctl/refusal.h"
#include "ctl/session.h"
#include "ctl/signals.h"

enum {
    COME_BACK_MS_MIN = 50,   /* a daemon that is restarted is away for so long at least */
    COME_BACK_MS_MAX = 1000, /* nobody notices, and a thousand readers cost nothing */
    STEADY_MS = 1000,        /* a daemon that was there for so long is not one that keeps dying */

    /* Between acknowledgements of what is printed: cheap under load, and soon enough. A command is
     * worth one of its own, so that it runs once more only if it must. */
    ACKS_PAUSE_MS = 50
};

static void note(const char *text)
{
    struct bytes line = BYTES_EMPTY;

    bytes_text(&line, text);
    print_complaint(&line);
    bytes_done(&line);
}

static const char *socket_of(const struct subscription *s)
{
    return (const char *)bytes_data(&s->socket);
}

static void disconnect(struct subscription *s)
{
    if (s->is_open)
        client_done(&s->client);
    s->is_open = false;
    acks_close(&s->acks);
}

/* --- Where it stands --- */

static void note_another_log(int64_t known, int64_t from)
{
    char text[160];

    snprintf(text, sizeof(text),
             "the log has begun anew, or is an older copy: events after %lld follow, instead of "
             "those after %lld",
             (long long)from, (long long)known);
    note(text);
}

/* The daemon tells events from behind `from` on. Of a log that is the same, that is not before what
 * it was asked for; of a consumer, not before what it acknowledged. */
static void stand_at(struct subscription *s, int64_t from)
{
    const bool is_consumer = s->acks.consumer != NULL;
    const char *since = s->invocation->value[ARG_EVENTS_SUBSCRIBE_SINCE];
    int64_t known = 0;

    if (s->has_begun)
        known = is_consumer ? s->acks.acknowledged : s->position;
    else if (since != NULL)
        known = invocation_integer(s->invocation, ARG_EVENTS_SUBSCRIBE_SINCE);
    if (from < known)
        note_another_log(known, from);
    if (!s->has_begun || from < known || from > s->position)
        s->position = from;
    if (is_consumer && (!s->has_begun || from < known))
        acks_begin(&s->acks, from);
    s->has_begun = true;
}

/* How far an event reaches: its seq, or the end of a gap in the log. False for one that has no
 * place in the log. */
static bool reach_of(const struct json *event, int64_t *ret_seq)
{
    return json_integer(json_member(event, "seq"), ret_seq) ||
           (phrase_is(event, "type", "gap") && json_integer(json_member(event, "to"), ret_seq));
}

bool subscription_take(struct subscription *s, const struct json *event, int64_t *ret_position)
{
    int64_t seq;

    if (reach_of(event, &seq)) {
        if (seq <= s->position)
            return false;
        s->position = seq;
    }
    *ret_position = s->position;
    return true;
}

/* --- Connect and subscribe --- */

static enum outcome subscribe(struct subscription *s, struct mono deadline, bool *ret_is_away,
                              struct bytes *message)
{
    struct bytes params = BYTES_EMPTY;
    struct rpc_incoming answer;
    struct json_writer w;
    enum outcome outcome;
    int64_t from;

    json_write_init(&w, &params);
    params_write(s->invocation, &w);
    outcome =
        client_call(&s->client, params_method(s->invocation), &params, deadline, &answer, message);
    bytes_done(&params);
    if (outcome != OUTCOME_DONE) {
        *ret_is_away = outcome == OUTCOME_RAN_OUT || s->client.is_lost;
        return outcome;
    }
    if (answer.kind == RPC_ERROR) {
        *ret_is_away = refusal_is_shutdown(&answer) || refusal_passes(&answer);
        outcome = refusal_say(&answer, message);
    } else if (json_integer(json_member(answer.body, "from"), &from)) {
        stand_at(s, from);
    } else {
        bytes_text(message, "the daemon does not say where the events begin");
        outcome = OUTCOME_FAILED;
    }
    rpc_incoming_done(&answer);
    return outcome;
}

/* `ret_is_away`: when it fails, whether only because no daemon is there that can be asked. */
static enum outcome connect_and_subscribe(struct subscription *s, struct mono deadline,
                                          bool *ret_is_away, struct bytes *message)
{
    enum outcome outcome =
        client_connect(&s->client, socket_of(s), deadline, s->has_begun ? NULL : message);

    *ret_is_away = outcome == OUTCOME_NO_DAEMON || outcome == OUTCOME_RAN_OUT;
    if (outcome != OUTCOME_DONE)
        return outcome;
    s->is_open = true;
    outcome = subscribe(s, deadline, ret_is_away, message);
    if (outcome == OUTCOME_DONE && s->acks.consumer != NULL) {
        outcome = acks_open(&s->acks, socket_of(s), deadline, message);
        *ret_is_away = true;
    }
    if (outcome != OUTCOME_DONE)
        disconnect(s);
    s->open_for = clock_now();
    return outcome;
}

enum outcome subscription_open(struct subscription *s, struct invocation *invocation,
                               struct mono deadline, struct bytes *message)
{
    bool is_away;

    *s = (struct subscription){
        .invocation = invocation,
        .pause_ms = COME_BACK_MS_MIN,
        .acks = {.consumer = invocation->value[ARG_EVENTS_SUBSCRIBE_CONSUMER],
                 .pause_ms = invocation->exec != NULL ? 0 : ACKS_PAUSE_MS},
    };
    session_socket(invocation, &s->socket);
    return connect_and_subscribe(s, deadline, &is_away, message);
}

void subscription_done(struct subscription *s)
{
    disconnect(s);
    bytes_done(&s->socket);
}

/* --- Come back --- */

/* False when a signal ends us. */
static bool pause_for(uint64_t ms)
{
    const struct mono end = mono_after(clock_now(), ms);

    while (!signals_stop() && !mono_due(end, clock_now()))
        signals_poll(NULL, 0, end);
    return !signals_stop();
}

enum outcome subscription_come_back(struct subscription *s, struct bytes *message)
{
    struct mono now = clock_now();
    enum outcome outcome;
    bool is_away;

    if (mono_left_ms(s->open_for, now) >= STEADY_MS)
        s->pause_ms = COME_BACK_MS_MIN;
    disconnect(s);
    if (s->acks.consumer == NULL)
        invocation_set_integer(s->invocation, ARG_EVENTS_SUBSCRIBE_SINCE, s->position);
    note("the daemon went away; waiting for it to come back");
    do {
        bytes_clear(message);
        if (!pause_for(s->pause_ms))
            return OUTCOME_DONE;
        s->pause_ms = s->pause_ms * 2 < COME_BACK_MS_MAX ? s->pause_ms * 2 : COME_BACK_MS_MAX;
        now = clock_now();
        outcome =
            connect_and_subscribe(s, mono_after(now, s->invocation->timeout_ms), &is_away, message);
    } while (outcome != OUTCOME_DONE && is_away && !signals_stop());
    if (outcome == OUTCOME_DONE)
        note("the daemon is back");
    return outcome;
}

/* --- The end --- */

/* One step towards it. */
static enum outcome settle_some(struct subscription *s, struct mono deadline, struct bytes *message)
{
    enum outcome outcome = OUTCOME_DONE;
    struct pollfd answers;

    if (!s->acks.is_open)
        outcome = acks_open(&s->acks, socket_of(s), deadline, message);
    if (outcome == OUTCOME_DONE)
        outcome = acks_work(&s->acks, message);
    if (outcome != OUTCOME_DONE || acks_settled(&s->acks))
        return outcome;
    answers = acks_waits_for(&s->acks);
    signals_poll(&answers, 1, mono_earlier(deadline, acks_deadline(&s->acks)));
    return OUTCOME_DONE;
}

enum outcome subscription_settle(struct subscription *s, bool comes_back, struct mono deadline,
                                 struct bytes *message)
{
    enum outcome outcome;

    if (s->is_open)
        client_done(&s->client); /* so that no more events come */
    s->is_open = false;
    acks_end(&s->acks);
    while (!acks_settled(&s->acks)) {
        outcome = settle_some(s, deadline, message);
        if (outcome == OUTCOME_FAILED)
            return outcome;
        if (outcome != OUTCOME_DONE) {
            acks_close(&s->acks);
            if (!comes_back || !pause_for(COME_BACK_MS_MIN))
                return outcome;
        }
        if (mono_due(deadline, clock_now()))
            return outcome != OUTCOME_DONE ? outcome : OUTCOME_RAN_OUT;
        bytes_clear(message);
    }
    return OUTCOME_DONE;
}
