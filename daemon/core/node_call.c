/* SPDX-License-Identifier: MIT */
/* What control clients ask of the core: one handler for each method whose place is NODE, and the
 * calls that wait for the other side. */
#include "daemon/core/node_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/digits.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"

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

/* A handler returns what came of the call. Whoever returns CALL_LATER has seen to it that an
 * effect, an attempt or a waiter answers. */
enum outcome_kind { OUTCOME_RESULT, OUTCOME_ERROR, OUTCOME_LATER };

struct outcome {
    enum outcome_kind kind;
    enum error error;
    const char *message;
    struct bytes result;
};

static struct outcome later(void)
{
    return (struct outcome){.kind = OUTCOME_LATER};
}

static struct outcome failed(enum error error, const char *message)
{
    return (struct outcome){.kind = OUTCOME_ERROR, .error = error, .message = message};
}

static struct outcome answered(struct bytes result)
{
    return (struct outcome){.kind = OUTCOME_RESULT, .result = result};
}

/* The answer of a call that changed something: when the change is durable. */
static struct outcome when_durable(struct node *node, uint64_t call, struct bytes result)
{
    struct effect *effect = ledger_effect(node, EFFECT_REPLY);

    effect->call = call;
    effect->bytes = result;
    return later();
}

static void put_peer_id(struct json_writer *w, const struct contact *contact)
{
    char peer_id[PEER_ID_LENGTH + 1];

    peer_id_encode(contact->row.key, peer_id);
    json_put_string(w, "peer_id", peer_id);
}

/* {peer_id, alias} */
static struct bytes contact_result(const struct contact *contact)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    put_peer_id(&w, contact);
    json_put_string(&w, "alias", contact->row.alias);
    json_write_close(&w, '}');
    return result;
}

/* --- Waiters --- */

static void remove_waiter(struct node *node, struct waiter *waiter)
{
    struct waiter **link = &node->waiters;

    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    timers_stop(&node->timers, &waiter->timer);
    free(waiter);
}

void call_begin_waiting(struct node *node, struct waiter *waiter)
{
    waiter->timer.kind = TIMER_WAITER;
    if (waiter->wait_s >= 0)
        timers_set(&node->timers, &waiter->timer,
                   mono_after(node->now.mono, (uint64_t)(waiter->wait_s * 1000)));
    waiter->next = node->waiters;
    node->waiters = waiter;
}

static void put_message_id(struct json_writer *w, uint64_t epoch, uint64_t number)
{
    char id[DIGITS_MESSAGE_ID_MAX + 1];

    digits_message_id(epoch, number, id);
    json_put_string(w, "id", id);
}

static struct bytes message_result(const struct contact *contact, uint64_t seq, uint64_t epoch,
                                   uint64_t number, const char *state, bool timed_out)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_put_integer(&w, "seq", (int64_t)seq);
    put_message_id(&w, epoch, number);
    json_put_string(&w, "peer", contact != NULL ? contact->row.alias : NULL);
    if (contact != NULL)
        put_peer_id(&w, contact);
    json_put_string(&w, "state", state);
    if (timed_out)
        json_put_bool(&w, "timed_out", true);
    json_write_close(&w, '}');
    return result;
}

static void answer_message(struct node *node, const struct waiter *waiter, const char *state,
                           bool timed_out)
{
    struct bytes result =
        message_result(contacts_by_number(&node->contacts, waiter->peer), waiter->seq,
                       waiter->epoch, waiter->number, state, timed_out);

    call_reply(node, waiter->call, &result);
    bytes_done(&result);
}

void call_delivered(struct node *node, uint32_t stream, uint64_t through)
{
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->stream != stream || waiter->number > through)
            continue;
        answer_message(node, waiter, "delivered", false);
        remove_waiter(node, waiter);
    }
}

void call_message_failed(struct node *node, uint32_t peer)
{
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->peer != peer || waiter->stream == 0)
            continue;
        call_reply_error(node, waiter->call, ERR_NOT_CONNECTED,
                         "the chat was ended before the message was delivered");
        remove_waiter(node, waiter);
    }
}

/* The other side answered a request, or its time is over: told when that is durable. */
void call_answered(struct node *node, const struct request_row *row, const char *state,
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
            effect->bytes = consent_request_result(node, row, waiter->source, state, false);
        remove_waiter(node, waiter);
    }
}

void call_expire_waiter(struct node *node, struct waiter *waiter)
{
    if (waiter->stream != 0) {
        answer_message(node, waiter, "queued", true);
    } else {
        struct request_row row = {.request = waiter->request, .peer = waiter->peer};
        struct bytes result = consent_request_result(node, &row, waiter->source, "sent", true);
        call_reply(node, waiter->call, &result);
        bytes_done(&result);
    }
    remove_waiter(node, waiter);
}

/* --- chat.request --- */

void call_attempt_free(struct node *node, struct attempt *attempt)
{
    struct attempt **link = &node->attempts;

    while (*link != attempt)
        link = &(*link)->next;
    *link = attempt->next;
    timers_stop(&node->timers, &attempt->timer);
    free(attempt->address);
    free(attempt->greeting);
    free(attempt);
}

void call_attempt_failed(struct node *node, struct attempt *attempt, enum error error)
{
    call_reply_error(node, attempt->call, error, NULL);
    session_cancel_dial(node, attempt->dial);
    call_attempt_free(node, attempt);
}

/* Whom `to` means, as far as we know: a contact, a key, a place, or several of these. */
struct target {
    struct contact *contact; /* or NULL */
    bool has_key;
    uint8_t key[KEY_LENGTH];
    bool has_place;
    struct host_port place;
    const char *source;
};

static enum error find_target(struct node *node, const char *to, struct target *target,
                              const char **ret_message)
{
    struct address address;
    struct peer_key key;
    char place[ADDRESS_HOST_PORT_MAX + 1];

    if (address_parse(to, &address) != OK) {
        *ret_message = "parameter 'to' is no address: give host:port, [v6]:port, a name, PEERID, "
                       "PEERID@host:port or p2pchat:PEERID@host:port?name=NAME";
        return ERR_INVALID_PARAMS;
    }
    target->has_place = address.has_host;
    target->place = address.at;
    if (address.peer_id[0] != '\0') {
        enum error error = peer_id_decode(address.peer_id, PEER_ID_LENGTH, &key);
        if (error != OK) {
            *ret_message = error_text(error);
            return ERR_INVALID_PARAMS;
        }
        target->has_key = true;
        memcpy(target->key, key.bytes, KEY_LENGTH);
        target->contact = contacts_by_key(&node->contacts, key.bytes);
        target->source = "peer_id";
    } else if (address.has_host) {
        host_port_format(&address.at, place);
        target->contact = contacts_by_address(&node->contacts, place);
        target->source = target->contact != NULL ? "contact" : "address";
    } else {
        enum error error = contacts_find(&node->contacts, to, &target->contact);
        if (error != OK)
            return error == ERR_NO_SUCH_PEER ? ERR_NO_TRACKER : error;
        target->source = "contact";
    }
    if (target->contact != NULL) {
        target->has_key = true;
        memcpy(target->key, target->contact->row.key, KEY_LENGTH);
    }
    return OK;
}

static enum error check_target(const struct node *node, const struct target *target,
                               const char **ret_message)
{
    if (target->has_key && memcmp(target->key, node->identity->key.bytes, KEY_LENGTH) == 0) {
        *ret_message = "this is our own peer id";
        return ERR_INVALID_PARAMS;
    }
    if (target->contact != NULL && target->contact->row.blocked)
        return ERR_BLOCKED;
    if (target->contact == NULL && !target->has_place) {
        *ret_message = "this peer id is not known and no tracker is configured: add an address, "
                       "PEERID@host:port";
        return ERR_NO_TRACKER;
    }
    return OK;
}

static struct attempt *new_attempt(struct node *node, const struct input *input,
                                   const struct target *target)
{
    const struct api_args *args = input->call.args;
    const char *greeting = api_string(args, ARG_CHAT_REQUEST_GREETING);
    struct attempt *attempt = xcalloc(1, sizeof *attempt);
    char place[ADDRESS_HOST_PORT_MAX + 1];

    attempt->call = input->call.call;
    attempt->client = input->call.client;
    attempt->source = target->source;
    attempt->has_key = target->has_key;
    memcpy(attempt->key, target->key, KEY_LENGTH);
    attempt->greeting = greeting != NULL ? xstrdup(greeting) : NULL;
    attempt->wait = api_bool(args, ARG_CHAT_REQUEST_WAIT, false);
    attempt->wait_s = api_number(args, ARG_CHAT_REQUEST_WAIT_S, -1);
    if (target->has_place) {
        host_port_format(&target->place, place);
        attempt->address = xstrdup(place);
    }
    attempt->timer.kind = TIMER_ATTEMPT;
    timers_set(&node->timers, &attempt->timer, mono_after(node->now.mono, ATTEMPT_MS));
    attempt->next = node->attempts;
    node->attempts = attempt;
    return attempt;
}

static struct outcome chat_request(struct node *node, const struct input *input)
{
    struct target target = {0};
    const char *message = NULL;
    struct host_port addresses[DIAL_ADDRESSES_MAX];
    size_t count = 0, attempts = 0;
    enum error error =
        find_target(node, api_string(input->call.args, ARG_CHAT_REQUEST_TO), &target, &message);

    if (error == OK)
        error = check_target(node, &target, &message);
    if (error != OK)
        return failed(error, message);
    if (target.contact != NULL && consent_is_open(target.contact)) {
        struct request_row row = {.peer = target.contact->row.peer};
        return answered(consent_request_result(node, &row, target.source, "accepted", false));
    }
    for (const struct attempt *a = node->attempts; a != NULL; a = a->next)
        attempts++;
    if (attempts >= ATTEMPTS_MAX)
        return failed(ERR_LIMIT_EXCEEDED, "too many chat requests are being dialled");
    if (target.has_place)
        addresses[count++] = target.place;
    if (target.contact != NULL)
        count += session_addresses(target.contact, addresses + count, DIAL_ADDRESSES_MAX - count);
    struct session *session = target.has_key ? session_of_key(node, target.key) : NULL;
    if (session == NULL && count == 0)
        return failed(ERR_UNREACHABLE, "no address of this peer is known; give HOST PORT");
    struct attempt *attempt = new_attempt(node, input, &target);
    if (session != NULL)
        consent_attempt_reached(node, session, attempt);
    else
        attempt->dial =
            session_start_dial(node, 0, target.has_key ? target.key : NULL, addresses, count);
    return later();
}

/* --- Requests --- */

static struct outcome chat_requests(struct node *node, const struct input *input)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    (void)input;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, "requests");
    json_write_open(&w, '[');
    for (const struct request *r = node->requests.first; r != NULL; r = r->next) {
        const struct contact *contact = contacts_by_number(&node->contacts, r->row.peer);
        if (r->row.state != REQUEST_PENDING || contact == NULL || consent_is_open(contact))
            continue;
        json_write_open(&w, '{');
        consent_write_number(&w, &r->row);
        json_put_string(&w, "direction", r->row.direction == DIRECTION_IN ? "in" : "out");
        put_peer_id(&w, contact);
        json_put_string(&w, "alias", contact->row.alias);
        json_put_string(&w, "name", contact->row.name);
        json_put_string(&w, "address", r->row.address);
        json_put_string(&w, "greeting", r->row.greeting);
        json_put_integer(&w, "expires_in_s",
                         (int64_t)(mono_left_ms(node->now.mono, r->timer.at) + 999) / 1000);
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    return answered(result);
}

/* The newest request of a peer to us, whatever became of it. */
static struct request *newest_asked(const struct node *node, uint32_t peer)
{
    struct request *newest = NULL;

    for (struct request *r = node->requests.first; r != NULL; r = r->next)
        if (r->row.peer == peer && r->row.direction == DIRECTION_IN)
            newest = r;
    return newest;
}

/* REQUEST or PEER: a request that waits for our answer. */
static enum error find_asked(const struct node *node, const char *text,
                             struct request **ret_request, const char **ret_message)
{
    struct request *request = requests_by_number(&node->requests, request_number(text));
    struct contact *contact;

    if (request == NULL && contacts_find(&node->contacts, text, &contact) == OK) {
        request = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);
        if (request == NULL)
            request = newest_asked(node, contact->row.peer);
    }
    if (request == NULL)
        return ERR_NO_SUCH_REQUEST;
    if (request->row.direction == DIRECTION_OUT) {
        *ret_message = "this request is ours: the other side has to answer it";
        return ERR_NO_SUCH_REQUEST;
    }
    switch (request->row.state) {
    case REQUEST_PENDING:
        *ret_request = request;
        return OK;
    case REQUEST_EXPIRED:
        *ret_message = "the request expired before it was answered; it changes nothing now";
        return ERR_REQUEST_EXPIRED;
    case REQUEST_ACCEPTED:
        *ret_message = "the request was accepted already";
        return ERR_NO_SUCH_REQUEST;
    case REQUEST_REFUSED:
        *ret_message = "the request was refused already";
        return ERR_NO_SUCH_REQUEST;
    }
    return ERR_INTERNAL_ERROR;
}

static enum error check_alias(const struct node *node, const struct contact *contact,
                              const char *alias)
{
    if (name_check(alias) != OK)
        return ERR_BAD_NAME;
    const struct contact *holder = contacts_by_alias(&node->contacts, alias);
    return holder != NULL && holder != contact ? ERR_NAME_TAKEN : OK;
}

static struct outcome chat_accept(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *alias = api_string(args, ARG_CHAT_ACCEPT_AS), *message = NULL;
    struct request *request;
    enum error error =
        find_asked(node, api_string(args, ARG_CHAT_ACCEPT_REQUEST), &request, &message);

    if (error == OK && alias != NULL)
        error = check_alias(node, contacts_by_number(&node->contacts, request->row.peer), alias);
    if (error != OK)
        return failed(error, message);
    consent_accept(node, request, alias);
    return when_durable(node, input->call.call,
                        consent_request_result(node, &request->row, NULL, NULL, false));
}

static struct outcome chat_refuse(struct node *node, const struct input *input)
{
    const char *message = NULL;
    struct request *request;
    enum error error =
        find_asked(node, api_string(input->call.args, ARG_CHAT_REFUSE_REQUEST), &request, &message);

    if (error != OK)
        return failed(error, message);
    consent_refuse(node, request);
    return when_durable(node, input->call.call,
                        consent_request_result(node, &request->row, NULL, NULL, false));
}

/* --- Messages --- */

static struct outcome chat_message(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CHAT_MESSAGE_PEER), &contact);

    if (error == OK && contact->row.blocked)
        error = ERR_BLOCKED;
    else if (error == OK && !consent_is_open(contact))
        error = ERR_NOT_CONNECTED;
    if (error == OK) {
        const struct effect answer = {
            .call = input->call.call,
            .client = input->call.client,
            .wait = api_bool(args, ARG_CHAT_MESSAGE_WAIT, false),
            .wait_s = api_number(args, ARG_CHAT_MESSAGE_WAIT_S, -1),
        };
        error = stream_queue(node, contact, api_string(args, ARG_CHAT_MESSAGE_TEXT),
                             api_string(args, ARG_CHAT_MESSAGE_KEY), &answer);
    }
    return error == OK ? later() : failed(error, NULL);
}

/* A message is durable, or its key stood for one before. */
void call_stored(struct node *node, const struct effect *effect, const struct log_row *row)
{
    const struct contact *contact = contacts_by_number(&node->contacts, effect->peer);
    const struct out_stream *stream =
        contact != NULL ? outbox_stream(&contact->outbox, row->stream) : NULL;
    bool is_delivered = row->delivered || (stream != NULL && stream->row.acked >= row->number);
    const char *state = is_delivered ? "delivered" : stream != NULL ? "queued" : "failed";

    if (row->result != OK) {
        call_reply_error(node, effect->call, row->result, NULL);
        return;
    }
    if (effect->wait && !is_delivered && stream != NULL) {
        struct waiter *waiter = xcalloc(1, sizeof *waiter);
        *waiter = (struct waiter){.call = effect->call,
                                  .client = effect->client,
                                  .peer = effect->peer,
                                  .stream = row->stream,
                                  .number = row->number,
                                  .seq = row->seq,
                                  .epoch = row->epoch,
                                  .wait_s = effect->wait_s};
        call_begin_waiting(node, waiter);
        return;
    }
    struct bytes result = message_result(contact, row->seq, row->epoch, row->number, state, false);
    call_reply(node, effect->call, &result);
    bytes_done(&result);
}

static struct outcome chat_connected(struct node *node, const struct input *input)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    (void)input;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, "peers");
    json_write_open(&w, '[');
    for (const struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        if (!consent_is_open(c))
            continue;
        const char *address = c->session != NULL ? c->session->remote : c->row.address;
        json_write_open(&w, '{');
        json_put_string(&w, "alias", c->row.alias);
        put_peer_id(&w, c);
        json_put_string(&w, "name", c->row.name);
        json_put_bool(&w, "online", c->session != NULL);
        json_put_string(&w, "via", "direct");
        json_put_integer(&w, "hops", 0);
        json_put_string(&w, "address", address);
        json_put_bool(&w, "verified", c->row.verified);
        json_put_integer(&w, "queued", (int64_t)outbox_queued(&c->outbox));
        if (c->session != NULL)
            json_put_time(&w, "last_seen", node->now.unix_ms);
        else if (c->row.last_seen_ms != 0)
            json_put_time(&w, "last_seen", c->row.last_seen_ms);
        else
            json_put_null(&w, "last_seen");
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    return answered(result);
}

static struct outcome chat_disconnect(struct node *node, const struct input *input)
{
    struct contact *contact;
    enum error error = contacts_find(
        &node->contacts, api_string(input->call.args, ARG_CHAT_DISCONNECT_PEER), &contact);

    if (error == OK && !consent_is_open(contact) && contact->row.consent != CONSENT_ASKED)
        error = ERR_NOT_CONNECTED;
    if (error != OK)
        return failed(error, NULL);
    struct bytes result = contact_result(contact);
    consent_disconnect(node, contact);
    return when_durable(node, input->call.call, result);
}

/* --- Contacts --- */

static const char *consent_name(enum consent consent)
{
    switch (consent) {
    case CONSENT_NONE:
        return "none";
    case CONSENT_ASKED:
        return "asked";
    case CONSENT_WAS_ASKED:
        return "was_asked";
    case CONSENT_PENDING:
        return "pending";
    case CONSENT_MUTUAL:
        return "mutual";
    case CONSENT_ENDING:
        return "ending";
    }
    return "none";
}

static struct outcome contact_list(struct node *node, const struct input *input)
{
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    (void)input;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, "contacts");
    json_write_open(&w, '[');
    for (const struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        if (c->row.alias == NULL)
            continue;
        json_write_open(&w, '{');
        json_put_string(&w, "alias", c->row.alias);
        put_peer_id(&w, c);
        json_put_string(&w, "name", c->row.name);
        json_put_string(&w, "consent", consent_name(c->row.consent));
        json_put_bool(&w, "verified", c->row.verified);
        json_put_bool(&w, "blocked", c->row.blocked);
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    return answered(result);
}

static struct outcome contact_rename(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *alias = api_string(args, ARG_CONTACT_RENAME_ALIAS);
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CONTACT_RENAME_PEER), &contact);

    if (error == OK)
        error = check_alias(node, contact, alias);
    if (error != OK)
        return failed(error, NULL);
    struct peer_row row = contact->row;
    row.alias = (char *)alias;
    ledger_put_peer(node, &row);
    contact->is_stranger = false;
    return when_durable(node, input->call.call, contact_result(contact));
}

/* Whether `text` is these digits, blanks aside. */
static bool is_number(const char *text, const char digits[SAFETY_NUMBER_DIGITS + 1])
{
    for (; *text != '\0'; text++)
        if (*text != ' ' && *text != *digits++)
            return false;
    return *digits == '\0';
}

static struct outcome contact_verify(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *number = api_string(args, ARG_CONTACT_VERIFY_NUMBER);
    char digits[SAFETY_NUMBER_DIGITS + 1];
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CONTACT_VERIFY_PEER), &contact);

    if (error != OK)
        return failed(error, NULL);
    safety_number(node->identity->key.bytes, contact->row.key, digits);
    if (number != NULL && !is_number(number, digits))
        return failed(ERR_INVALID_PARAMS,
                      "the number is not the same: mistyped, or somebody is between the two of "
                      "you; nothing was marked");
    if (number != NULL && !contact->row.verified) {
        struct peer_row row = contact->row;
        row.verified = true;
        ledger_put_peer(node, &row);
    }
    json_write_init(&w, &result);
    json_write_open(&w, '{');
    put_peer_id(&w, contact);
    json_put_string(&w, "alias", contact->row.alias);
    json_put_string(&w, "safety_number", digits);
    json_put_bool(&w, "verified", contact->row.verified);
    json_write_close(&w, '}');
    return when_durable(node, input->call.call, result);
}

/* contact.remove, contact.block and contact.unblock: find the contact, do it, answer {peer_id,
 * alias}. */
static struct outcome change_contact(struct node *node, const struct input *input, int place,
                                     void (*change)(struct node *node, struct contact *contact))
{
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(input->call.args, place), &contact);

    if (error != OK)
        return failed(error, NULL);
    struct bytes result = contact_result(contact);
    change(node, contact);
    return when_durable(node, input->call.call, result);
}

static struct outcome contact_remove(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_REMOVE_PEER, consent_remove);
}

static struct outcome contact_block(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_BLOCK_PEER, consent_block);
}

static struct outcome contact_unblock(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_UNBLOCK_PEER, consent_unblock);
}

/* --- Dispatch --- */

static struct outcome (*const handlers[API_METHOD_COUNT])(struct node *node,
                                                          const struct input *input) = {
    [API_CHAT_REQUEST] = chat_request,       [API_CHAT_REQUESTS] = chat_requests,
    [API_CHAT_ACCEPT] = chat_accept,         [API_CHAT_REFUSE] = chat_refuse,
    [API_CHAT_MESSAGE] = chat_message,       [API_CHAT_CONNECTED] = chat_connected,
    [API_CHAT_DISCONNECT] = chat_disconnect, [API_CONTACT_LIST] = contact_list,
    [API_CONTACT_RENAME] = contact_rename,   [API_CONTACT_VERIFY] = contact_verify,
    [API_CONTACT_REMOVE] = contact_remove,   [API_CONTACT_BLOCK] = contact_block,
    [API_CONTACT_UNBLOCK] = contact_unblock,
};

void call_input(struct node *node, const struct input *input)
{
    struct outcome outcome;

    must(handlers[input->call.method] != NULL);
    outcome = node->stopping ? failed(ERR_SHUTTING_DOWN, NULL)
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
            session_cancel_dial(node, attempt->dial);
            call_attempt_free(node, attempt);
        }
    }
    for (struct waiter *waiter = node->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->client == client)
            remove_waiter(node, waiter);
    }
}

void call_stop(struct node *node)
{
    while (node->attempts != NULL)
        call_attempt_failed(node, node->attempts, ERR_SHUTTING_DOWN);
    while (node->waiters != NULL) {
        call_reply_error(node, node->waiters->call, ERR_SHUTTING_DOWN, NULL);
        remove_waiter(node, node->waiters);
    }
}

void call_done(struct node *node)
{
    while (node->attempts != NULL)
        call_attempt_free(node, node->attempts);
    while (node->waiters != NULL)
        remove_waiter(node, node->waiters);
}
