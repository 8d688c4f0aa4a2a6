/* The way of a transaction: handed over at the end of an input, and what follows when it comes back
 * durable, or failed. */
#include "daemon/core/node/ledger.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/trackers.h"

static void happen_all(struct node *node, struct effect *effects,
                       const struct transaction *transaction)
{
    for (struct effect *effect = effects, *next; effect != NULL; effect = next) {
        next = effect->next;
        effect_happen(node, effect, transaction);
        effect_free(effect);
    }
}

static struct effect *take_ready(struct node *node)
{
    struct effect *ready = node->ready;

    node->ready = NULL;
    node->ready_end = &node->ready;
    return ready;
}

/* Whether all that is on its way was undone already, and only has to come back as failed. */
static bool is_all_undone(const struct node *node)
{
    return node->open == NULL && node->last_ticket <= node->failed_through;
}

bool flight_settle(struct node *node)
{
    if (node->open == NULL && (node->flights == NULL || is_all_undone(node))) {
        struct effect *effects = take_ready(node);
        happen_all(node, effects, NULL);
        return effects != NULL;
    }
    if (node->open ==
        NULL) { /* what was said before is not durable yet: effects keep their order */
        struct flight *newest = node->newest_flight;
        *newest->effects_end = node->ready;
        if (node->ready != NULL)
            newest->effects_end = node->ready_end;
        node->ready = NULL;
        node->ready_end = &node->ready;
        return false;
    }
    struct flight *flight = node->open;
    node->open = NULL;
    if (node->ready != NULL) {
        flight->effects = node->ready;
        flight->effects_end = node->ready_end;
        node->ready = NULL;
        node->ready_end = &node->ready;
    }
    *node->flights_end = flight;
    node->flights_end = &flight->next;
    node->newest_flight = flight;
    node_act(node, ACTION_APPEND, NULL, 0, NULL)->append.transaction = flight->transaction;
    flight->transaction = NULL; /* the shell's, until it comes back */
    return true;
}

/* --- What became of it --- */

static void undo_done(struct undo *undo)
{
    change_done(&undo->before);
    free(undo);
}

static struct flight *take_flight(struct node *node, uint64_t ticket)
{
    struct flight *flight = node->flights;

    must(flight != NULL && flight->ticket == ticket);
    node->flights = flight->next;
    if (node->flights == NULL)
        node->flights_end = &node->flights;
    return flight;
}

static void flight_free(struct flight *flight)
{
    for (struct undo *undo = flight->undo, *next; undo != NULL; undo = next) {
        next = undo->next;
        undo_done(undo);
    }
    for (struct effect *effect = flight->effects, *next; effect != NULL; effect = next) {
        next = effect->next;
        effect_free(effect);
    }
    if (flight->transaction != NULL)
        transaction_free(flight->transaction);
    free(flight);
}

static void close_unanswered(struct node *node)
{
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        if (s->is_unanswered)
            session_close(node, s, LINK_END_STORAGE);
}

/* The disk works again: what was dropped meanwhile is asked for by HAVE, and what was undone is
 * said again. (Not earlier: the answers could not be kept either.) */
static void recovered(struct node *node)
{
    node->store_failing = false;
    node->store_retry_ms = 0;
    timers_stop(&node->timers, &node->store_timer);
    hello_new_record(node); /* the last one may have failed */
    close_unanswered(node);
    for (struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        if (c->session != NULL && c->is_undone) {
            hello_learn(node, c->session);
            session_use(node, c, c->session);
        } else if (c->session != NULL && consent_is_open(c)) {
            c->owes_have = true;
            stream_touch(node, c);
        }
        c->is_undone = false;
    }
}

static void count_delivered(struct node *node, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->changes[i].kind == CHANGE_STREAM_OUT)
            node->totals.messages_delivered += transaction->changes[i].stream.queued;
}

static void durable(struct node *node, struct transaction *transaction)
{
    struct flight *flight = take_flight(node, transaction->ticket);
    struct effect *effects = flight->effects;

    count_delivered(node, transaction);
    flight->effects = NULL;
    happen_all(node, effects, transaction);
    flight_free(flight);
    transaction_free(transaction);
}

void flight_durable(struct node *node, struct transaction *first)
{
    if (node->store_failing)
        recovered(node);
    for (struct transaction *transaction = first, *next; transaction != NULL; transaction = next) {
        next = transaction->next;
        durable(node, transaction);
    }
}

static void undo_flight(struct node *node, struct flight *flight)
{
    for (struct undo *undo = flight->undo, *next; undo != NULL; undo = next) {
        next = undo->next;
        ledger_put_back(node, undo);
        undo_done(undo);
    }
    flight->undo = NULL;
}

/* The newest flight that is not undone. */
static struct flight *newest_to_undo(const struct node *node)
{
    struct flight *newest = NULL;

    for (struct flight *flight = node->flights; flight != NULL; flight = flight->next)
        if (flight->undo != NULL)
            newest = flight;
    return newest;
}

/* All that is on its way fails with the first: goes back to what is durable, newest change first.
 */
static void undo_all(struct node *node)
{
    for (struct flight *flight; (flight = newest_to_undo(node)) != NULL;)
        undo_flight(node, flight);
    for (struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next)
        if (c->is_undone)
            session_consent_changed(node, c);
    trackers_undone(node);
}

void flight_failed(struct node *node, struct transaction *transaction, enum error error)
{
    if (transaction->ticket > node->failed_through) {
        undo_all(node);
        node->failed_through = node->last_ticket;
    }
    struct flight *flight = take_flight(node, transaction->ticket);

    node->store_failing = true;
    ledger_carry(node, transaction);
    for (struct effect *effect = flight->effects; effect != NULL; effect = effect->next)
        effect_fail(node, effect, error);
    if (node->store_timer.place == 0) {
        node->store_retry_ms =
            node->store_retry_ms == 0 ? STORE_RETRY_MIN_MS : node->store_retry_ms * 2;
        if (node->store_retry_ms > STORE_RETRY_MAX_MS)
            node->store_retry_ms = STORE_RETRY_MAX_MS;
        node->store_timer.kind = TIMER_STORE;
        timers_set(&node->timers, &node->store_timer,
                   mono_after(node->now.mono, node->store_retry_ms));
    }
    flight_free(flight);
    transaction_free(transaction);
}

/* Tries the disk again, with something that is true anyhow (and what was carried over). */
void flight_retry(struct node *node)
{
    ledger_put_meta(node, META_RECORD_SEQUENCE, node->record_sequence);
}

void flight_make_sure(struct node *node)
{
    if (node->store_failing && node->open == NULL)
        flight_retry(node);
}

void flight_done(struct node *node)
{
    for (struct effect *effect = take_ready(node), *next; effect != NULL; effect = next) {
        next = effect->next;
        effect_free(effect);
    }
    if (node->open != NULL)
        flight_free(node->open);
    for (struct flight *flight = node->flights, *next; flight != NULL; flight = next) {
        next = flight->next;
        flight_free(flight);
    }
}
