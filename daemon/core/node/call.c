/* What control clients ask of the core: one handler for each method whose place is NODE. The
 * handlers stand by noun in call_chat.c, call_contact.c and call_request.c. */
#include "daemon/core/node/call.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/state.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/node/wait.h"

/* --- Answers --- */

void call_reply_error(struct node *node, uint64_t call, enum error error, const char *message)
{
    const void *memory = NULL;
    struct action *action =
        node_act(node, ACTION_REPLY, message, message != NULL ? strlen(message) + 1 : 0, &memory);

    action->reply.call = call;
    action->reply.error = error;
    action->reply.message = message != NULL ? memory : NULL;
}

void call_reply_error_with(struct node *node, uint64_t call, enum error error, const char *message,
                           const struct bytes *data)
{
    const size_t text_length = strlen(message) + 1, data_length = bytes_length(data) - 2;
    struct bytes both = BYTES_EMPTY;
    const void *memory;

    bytes_append(&both, message, text_length);
    bytes_append(&both, bytes_data(data) + 1, data_length);
    struct action *action =
        node_act(node, ACTION_REPLY, bytes_data(&both), bytes_length(&both), &memory);
    bytes_done(&both);
    action->reply.call = call;
    action->reply.error = error;
    action->reply.message = memory;
    action->reply.json = (const char *)memory + text_length;
    action->reply.length = data_length;
}

void call_reply(struct node *node, uint64_t call, const struct bytes *result)
{
    const void *memory;
    struct action *action =
        node_act(node, ACTION_REPLY, bytes_data(result), bytes_length(result), &memory);

    action->reply.call = call;
    action->reply.error = OK;
    action->reply.json = memory;
    action->reply.length = bytes_length(result);
}

struct outcome outcome_later(void)
{
    return (struct outcome){.kind = OUTCOME_LATER};
}

struct outcome outcome_error(enum error error, const char *message)
{
    return (struct outcome){.kind = OUTCOME_ERROR, .error = error, .message = message};
}

struct outcome outcome_result(struct bytes result)
{
    return (struct outcome){.kind = OUTCOME_RESULT, .result = result};
}

struct outcome outcome_in_turn(struct node *node, uint64_t call, struct bytes result)
{
    struct effect *effect = ledger_effect(node, EFFECT_REPLY);

    effect->call = call;
    effect->bytes = result;
    return outcome_later();
}

struct outcome outcome_when_durable(struct node *node, uint64_t call, struct bytes result)
{
    flight_make_sure(node);
    return outcome_in_turn(node, call, result);
}

void call_put_peer_id(struct json_writer *w, const struct contact *contact)
{
    json_put_string(w, "peer_id", contact->row.is_classic ? NULL : contact->peer_id);
    if (contact->row.is_classic)
        json_put_bool(w, "classic", true);
}

/* --- Lists of contacts --- */

/* One that is gone since the page before is looked for by its number: later contacts have higher
 * ones. */
static const struct contact *first_behind(const struct node *node, uint32_t number)
{
    const struct contact *contact = contacts_by_number(&node->contacts, number);

    if (contact != NULL)
        return contact->by_number.next;
    contact = node->contacts.by_number;
    while (contact != NULL && contact->row.peer <= number)
        contact = contact->by_number.next;
    return contact;
}

struct outcome call_contacts(const struct node *node, const char *list, int64_t after,
                             int64_t limit, contact_writer *write)
{
    const struct contact *contact = first_behind(node, (uint32_t)after);
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    int64_t count = 0;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, list);
    json_write_open(&w, '[');
    for (;
         contact != NULL && bytes_length(&result) < LIST_BYTES_MAX && (limit == 0 || count < limit);
         contact = contact->by_number.next)
        if (write(node, &w, contact)) {
            after = contact->row.peer;
            count++;
        }
    json_write_close(&w, ']');
    if (contact != NULL)
        json_put_integer(&w, "next", after);
    json_write_close(&w, '}');
    return outcome_result(result);
}

/* {peer_id, alias} */
struct bytes call_contact_result(const struct contact *contact)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    call_put_peer_id(&w, contact);
    json_put_string(&w, "alias", contact->row.alias);
    json_write_close(&w, '}');
    return result;
}

/* --- Dispatch --- */

static struct outcome (*const handlers[API_METHOD_COUNT])(struct node *node,
                                                          const struct input *input) = {
    [API_CHAT_REQUEST] = method_chat_request,
    [API_CHAT_REQUESTS] = method_chat_requests,
    [API_CHAT_ACCEPT] = method_chat_accept,
    [API_CHAT_REFUSE] = method_chat_refuse,
    [API_CHAT_MESSAGE] = method_chat_message,
    [API_CHAT_CONNECTED] = method_chat_connected,
    [API_CHAT_DISCONNECT] = method_chat_disconnect,
    [API_CONTACT_LIST] = method_contact_list,
    [API_CONTACT_RENAME] = method_contact_rename,
    [API_CONTACT_VERIFY] = method_contact_verify,
    [API_CONTACT_REMOVE] = method_contact_remove,
    [API_CONTACT_BLOCK] = method_contact_block,
    [API_CONTACT_UNBLOCK] = method_contact_unblock,
    [API_REGISTER] = method_register,
    [API_LISTPEER] = method_listpeer,
    [API_EXIT_NETWORK] = method_exit_network,
};

void call_input(struct node *node, const struct input *input)
{
    struct outcome outcome;

    must(handlers[input->call.method] != NULL);
    outcome = node->stopping ? outcome_error(ERR_SHUTTING_DOWN, NULL)
                             : handlers[input->call.method](node, input);
    switch (outcome.kind) {
    case OUTCOME_RESULT:
        call_reply(node, input->call.call, &outcome.result);
        bytes_done(&outcome.result);
        break;
    case OUTCOME_ERROR:
        call_reply_error(node, input->call.call, outcome.error, outcome.message);
        break;
    case OUTCOME_LATER:
        break;
    }
}

/* Nobody is there to be answered; what is under way on the network goes on only if it was sent. */
void call_gone(struct node *node, uint64_t client)
{
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->client == client) {
            dial_cancel(node, attempt->dial);
            call_attempt_free(node, attempt);
        }
    }
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->client == client)
            wait_remove(node, waiter);
    }
    lookup_client_gone(node, client);
    tracker_calls_gone(node, client);
}

void call_stop(struct node *node)
{
    while (node->attempts != NULL)
        call_attempt_failed(node, node->attempts, ERR_SHUTTING_DOWN, NULL);
    while (node->waiters != NULL) /* what they wait for is kept, and goes on after the next start */
        wait_expire(node, node->waiters);
    lookup_stop(node);
    tracker_calls_stop(node);
}

void call_done(struct node *node)
{
    while (node->attempts != NULL)
        call_attempt_free(node, node->attempts);
    while (node->waiters != NULL)
        wait_remove(node, node->waiters);
    lookup_done(node);
    tracker_calls_done(node);
}
