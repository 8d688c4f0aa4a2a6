#include "ctl/acks.h"

#include "ctl/clock.h"
#include "ctl/refusal.h"

enum {
    RETRY_MS = 1000, /* after an error that passes by itself */
    SEND_MS = 1000   /* a line is less than any socket takes at once */
};

enum outcome acks_open(struct acks *acks, const char *socket, struct mono deadline,
                       struct bytes *message)
{
    enum outcome outcome = client_connect(&acks->client, socket, deadline, message);

    acks->is_open = outcome == OUTCOME_DONE;
    acks->is_asked = false;
    return outcome;
}

void acks_close(struct acks *acks)
{
    if (acks->is_open)
        client_done(&acks->client);
    acks->is_open = false;
}

void acks_begin(struct acks *acks, int64_t seq)
{
    acks->done = acks->acknowledged = seq;
}

void acks_reach(struct acks *acks, int64_t seq)
{
    if (acks->consumer != NULL && seq > acks->done)
        acks->done = seq;
}

bool acks_settled(const struct acks *acks)
{
    return acks->acknowledged >= acks->done;
}

void acks_end(struct acks *acks)
{
    acks->is_ending = true;
    acks->pause_ms = 0;
    acks->due = clock_now();
}

struct pollfd acks_waits_for(const struct acks *acks)
{
    return (struct pollfd){.fd = acks->is_open ? acks->client.socket : -1, .events = POLLIN};
}

struct mono acks_deadline(const struct acks *acks)
{
    return !acks->is_open || acks->is_asked || acks_settled(acks) ? MONO_NEVER : acks->due;
}

static enum outcome take_answer(struct acks *acks, const struct rpc_incoming *answer,
                                struct bytes *message)
{
    acks->is_asked = false;
    if (answer->kind == RPC_RESULT) {
        acks->acknowledged = acks->asked;
        return OUTCOME_DONE;
    }
    if (refusal_passes(answer) && !acks->is_ending) {
        acks->due = mono_after(clock_now(), RETRY_MS);
        return OUTCOME_DONE;
    }
    if (refusal_is_shutdown(answer))
        return OUTCOME_NO_DAEMON;
    acks->is_refused = true;
    bytes_text(message, "what was done is not acknowledged: ");
    return refusal_say(answer, message);
}

static enum outcome read_answers(struct acks *acks, struct bytes *message)
{
    enum client_read received = client_receive(&acks->client), read;
    struct rpc_incoming answer;

    while ((read = client_answer(&acks->client, &answer, message)) == CLIENT_READ) {
        enum outcome outcome = take_answer(acks, &answer, message);

        rpc_incoming_done(&answer);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    if (read == CLIENT_BROKEN)
        return OUTCOME_FAILED;
    return received == CLIENT_CLOSED ? OUTCOME_NO_DAEMON : OUTCOME_DONE;
}

static void ask(struct acks *acks)
{
    struct bytes params = BYTES_EMPTY;
    struct mono now = clock_now();
    struct json_writer w;

    json_write_init(&w, &params);
    json_write_open(&w, '{');
    json_put_string(&w, "consumer", acks->consumer);
    json_put_integer(&w, "seq", acks->done);
    json_write_close(&w, '}');
    client_send(&acks->client, "events.ack", &params, mono_after(now, SEND_MS));
    bytes_done(&params);
    acks->is_asked = true;
    acks->asked = acks->done;
    acks->due = mono_after(now, acks->pause_ms);
}

enum outcome acks_work(struct acks *acks, struct bytes *message)
{
    enum outcome outcome;

    if (!acks->is_open)
        return OUTCOME_DONE;
    outcome = read_answers(acks, message);
    if (outcome == OUTCOME_DONE && mono_due(acks_deadline(acks), clock_now()))
        ask(acks);
    return outcome;
}
