/* Calls that are answered later: when the other side has answered a request or acknowledged a
 * message, or when their time is over. */
#include "daemon/core/node/wait.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/digits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/tell.h"

void wait_remove(struct node *node, struct waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next != NULL)
        waiter->next->link = waiter->link;
    else
        node->waiters_end = waiter->link;
    timers_stop(&node->timers, &waiter->timer);
    free(waiter);
}

void wait_begin(struct node *node, struct waiter *waiter)
{
    waiter->timer.kind = TIMER_WAITER;
    if (waiter->wait_s >= 0)
        timers_set(&node->timers, &waiter->timer,
                   mono_after(node->now.mono, (uint64_t)(waiter->wait_s * 1000)));
    waiter->next = NULL;
    waiter->link = node->waiters_end;
    *node->waiters_end = waiter;
    node->waiters_end = &waiter->next;
    const struct contact *contact = contacts_by_number(&node->contacts, waiter->peer);
    if (node->stopping)
        wait_expire(node, waiter);
    else if (contact != NULL && contact->session == NULL)
        dialler_want_now(&node->dialler, contact->row.peer); /* not in a back-off's own time */
}

static void put_message_id(struct json_writer *w, uint64_t epoch, uint64_t number)
{
    char id[DIGITS_MESSAGE_ID_MAX + 1];

    digits_message_id(epoch, number, id);
    json_put_string(w, "id", id);
}

struct bytes wait_message_result(const struct node *node, const struct waiter *waiter,
                                 const char *state, bool timed_out)
{
    const struct contact *contact = contacts_by_number(&node->contacts, waiter->peer);
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_put_integer(&w, "seq", (int64_t)waiter->seq);
    put_message_id(&w, waiter->epoch, waiter->number);
    json_put_string(&w, "peer", contact != NULL ? contact->row.alias : NULL);
    if (contact != NULL)
        call_put_peer_id(&w, contact);
    json_put_string(&w, "state", state);
    if (timed_out)
        tell_timed_out(node, &w);
    json_write_close(&w, '}');
    return result;
}

static void answer_message(struct node *node, const struct waiter *waiter, const char *state,
                           bool timed_out)
{
    struct bytes result = wait_message_result(node, waiter, state, timed_out);

    call_reply(node, waiter->call, &result);
    bytes_done(&result);
}

const char *wait_arrived_state(const struct contact *contact)
{
    return contact != NULL && contact->row.is_classic ? "sent" : "delivered";
}

void wait_delivered(struct node *node, uint32_t stream, uint64_t through, const char *state)
{
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->stream != stream || waiter->number > through)
            continue;
        answer_message(node, waiter, state, false);
        wait_remove(node, waiter);
    }
}

/* The chat is over: told when that is durable. */
void wait_failed(struct node *node, uint32_t peer)
{
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->peer != peer || waiter->stream == 0)
            continue;
        struct effect *effect = ledger_effect(node, EFFECT_REPLY);
        effect->call = waiter->call;
        effect->bytes = wait_message_result(node, waiter, "failed", false);
        wait_remove(node, waiter);
    }
}

/* The other side answered a request, or its time is over: told when that is durable. */
void wait_answered(struct node *node, const struct request_row *row, const char *state,
                   enum error error)
{
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->request != row->request)
            continue;
        struct effect *effect = ledger_effect(node, EFFECT_REPLY);
        effect->call = waiter->call;
        effect->error = error;
        if (error == OK)
            effect->bytes = tell_request_result(node, row, waiter->source, state, false);
        wait_remove(node, waiter);
    }
}

void wait_expire(struct node *node, struct waiter *waiter)
{
    if (waiter->stream != 0) {
        answer_message(node, waiter, "queued", true);
    } else {
        struct request_row row = {.request = waiter->request, .peer = waiter->peer};
        struct bytes result = tell_request_result(node, &row, waiter->source, "sent", true);
        call_reply(node, waiter->call, &result);
        bytes_done(&result);
    }
    wait_remove(node, waiter);
}
