/* chat.message, chat.connected and chat.disconnect. */
#include "daemon/core/node/call.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/wait.h"

/* What cannot be sent now may have been sent before, under this very key: the answer of a call is
 * the same then, whenever it is made. */
static void answer_by_key(struct node *node, const struct contact *contact, const char *key,
                          const char *text, const struct effect *answer)
{
    const size_t row = ledger_find_message(node, contact->row.peer, key, text);
    struct effect *effect = ledger_effect_like(node, EFFECT_FOUND, answer);

    effect->peer = contact->row.peer;
    effect->row = row;
}

struct outcome method_chat_message(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *text = api_string(args, ARG_CHAT_MESSAGE_TEXT);
    const char *key = api_string(args, ARG_CHAT_MESSAGE_KEY);
    struct effect answer = {
        .call = input->call.call,
        .client = input->call.client,
        .wait = api_bool(args, ARG_CHAT_MESSAGE_WAIT, false),
        .wait_s = api_number(args, ARG_CHAT_MESSAGE_WAIT_S, -1),
    };
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CHAT_MESSAGE_PEER), &contact);

    if (error != OK)
        return outcome_error(error, NULL);
    if (contact->row.is_classic && !node->dialect.is_on)
        return outcome_error(ERR_NOT_CONNECTED, "this node does not speak the classic dialect any "
                                                "more; set Listen= of [Classic] again");
    if (contact->row.blocked)
        error = ERR_BLOCKED;
    else if (!consent_is_open(contact))
        error = ERR_NOT_CONNECTED;
    else if (contact->row.is_classic && classic_is_too_long(node, contact, text))
        error = ERR_TOO_LONG;
    else
        error = stream_queue(node, contact, text, key, &answer);
    if (error == OK)
        return outcome_later();
    if (key == NULL)
        return outcome_error(error, NULL);
    answer.error = error;
    answer_by_key(node, contact, key, text, &answer);
    return outcome_later();
}

/* A message is durable, or its key stood for one before. */
void call_stored(struct node *node, const struct effect *effect, const struct log_row *row)
{
    const struct contact *contact = contacts_by_number(&node->contacts, effect->peer);
    const struct out_stream *stream =
        contact != NULL ? outbox_stream(&contact->outbox, row->stream) : NULL;
    bool is_delivered = row->delivered || (stream != NULL && stream->row.acked >= row->number);
    const char *state = is_delivered     ? wait_arrived_state(contact)
                        : stream != NULL ? "queued"
                                         : "failed";

    if (row->result != OK) {
        call_reply_error(node, effect->call, row->result, NULL);
        return;
    }
    const struct waiter of = {.call = effect->call,
                              .client = effect->client,
                              .peer = effect->peer,
                              .stream = row->stream,
                              .number = row->number,
                              .seq = row->seq,
                              .epoch = row->epoch,
                              .wait_s = effect->wait_s};
    if (effect->wait && !is_delivered && stream != NULL) {
        struct waiter *waiter = xcalloc(1, sizeof *waiter);
        *waiter = of;
        wait_begin(node, waiter);
        return;
    }
    struct bytes result = wait_message_result(node, &of, state, false);
    if (is_delivered || stream != NULL) {
        call_reply(node, effect->call, &result);
        bytes_done(&result);
        return;
    }
    struct effect *reply = ledger_effect(node, EFFECT_REPLY); /* when the end of the chat is kept */
    reply->call = effect->call;
    reply->bytes = result;
}

void call_found(struct node *node, const struct effect *effect, const struct log_row *row)
{
    if (row->result == ERR_NOT_FOUND)
        call_reply_error(node, effect->call, effect->error, NULL);
    else
        call_stored(node, effect, row);
}

static bool write_connected(const struct node *node, struct json_writer *w, const struct contact *c)
{
    const bool is_online = c->session != NULL || c->talk.is_online;

    if (!consent_is_open(c))
        return false;
    json_write_open(w, '{');
    json_put_string(w, "alias", c->row.alias);
    call_put_peer_id(w, c);
    json_put_string(w, "name", c->row.name);
    json_put_bool(w, "online", is_online);
    if (c->row.is_classic)
        json_put_string(w, "via", "classic");
    else
        json_put_string(w, "via", is_online ? "direct" : NULL);
    if (c->session != NULL)
        json_put_integer(w, "hops", 0);
    else
        json_put_null(w, "hops");
    json_put_string(w, "address", c->session != NULL ? c->session->remote : c->row.address);
    json_put_bool(w, "verified", c->row.verified);
    json_put_integer(w, "queued", (int64_t)outbox_queued(&c->outbox));
    if (c->session != NULL)
        json_put_time(w, "last_seen", node->now.unix_ms);
    else if (c->row.last_seen_ms != 0)
        json_put_time(w, "last_seen", c->row.last_seen_ms);
    else
        json_put_null(w, "last_seen");
    json_write_close(w, '}');
    return true;
}

struct outcome method_chat_connected(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;

    return call_contacts(node, "peers", api_integer(args, ARG_CHAT_CONNECTED_AFTER, 0),
                         api_integer(args, ARG_CHAT_CONNECTED_LIMIT, 0), write_connected);
}

struct outcome method_chat_disconnect(struct node *node, const struct input *input)
{
    struct contact *contact;
    enum error error = contacts_find(
        &node->contacts, api_string(input->call.args, ARG_CHAT_DISCONNECT_PEER), &contact);

    if (error == OK && !consent_is_open(contact) && contact->row.consent != CONSENT_ASKED)
        error = ERR_NOT_CONNECTED;
    if (error != OK)
        return outcome_error(error, NULL);
    struct bytes result = call_contact_result(contact);
    consent_disconnect(node, contact);
    return outcome_when_durable(node, input->call.call, result);
}
