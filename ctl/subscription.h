/* A subscription to events that outlives its daemon: it knows how far it came, and goes on from
 * there at the next one. */
#ifndef P2PCHAT_CTL_SUBSCRIPTION_H
#define P2PCHAT_CTL_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/json.h"
#include "ctl/acks.h"
#include "ctl/client.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

struct subscription {
    struct invocation *invocation; /* whose parameters it has; --since moves along */
    struct bytes socket;           /* path of the daemon's, ended by a NUL: stays the same one */
    struct client client;
    bool is_open;
    bool has_begun;   /* there was a daemon */
    int64_t position; /* seq of the last event that was taken, or where they begin */
    struct acks acks;
    uint64_t pause_ms;    /* before the next attempt to come back */
    struct mono open_for; /* since when it is open */
};

/* Subscribes for the first time, by `deadline`, and begins to acknowledge what a consumer does. Is
 * to be ended with subscription_done() in any case. As session_call(). */
enum outcome subscription_open(struct subscription *subscription, struct invocation *invocation,
                               struct mono deadline, struct bytes *message);
void subscription_done(struct subscription *subscription);

/* After the daemon was lost: waits until it is there again and has taken the subscription. Says on
 * standard error that it waits, and that it is over. Comes to its end when a signal ends us, or
 * with the outcome of the daemon's refusal. */
enum outcome subscription_come_back(struct subscription *subscription, struct bytes *message);

/* Whether an event is new, and so to be taken: then the position moves behind it. One that was
 * taken before comes again when the daemon was lost before it heard that. `ret_position` is where
 * the reader of events stands now. */
bool subscription_take(struct subscription *subscription, const struct json *event,
                       int64_t *ret_position);

/* Tells the daemon the rest of what the consumer has done, and waits for the answer until
 * `deadline`, also for a daemon that is away if `comes_back`. As acks_work(); OUTCOME_RAN_OUT when
 * the deadline came first. */
enum outcome subscription_settle(struct subscription *subscription, bool comes_back,
                                 struct mono deadline, struct bytes *message);

#endif
