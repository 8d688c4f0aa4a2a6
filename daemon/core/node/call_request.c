/* chat.request: whom an address means, and the attempt to reach them; chat.requests, chat.accept
 * and chat.refuse. */
#include "daemon/core/node/call.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/tell.h"
#include "daemon/core/node/trackers.h"

/* --- chat.request --- */

void call_attempt_free(struct node *node, struct attempt *attempt)
{
    struct attempt **link = &node->attempts;

    while (*link != attempt)
        link = &(*link)->next;
    *link = attempt->next;
    timers_stop(&node->timers, &attempt->timer);
    if (attempt->lookup != NULL)
        lookup_free(node, attempt->lookup);
    free(attempt->address);
    free(attempt->greeting);
    free(attempt->name);
    free(attempt);
}

void call_attempt_failed(struct node *node, struct attempt *attempt, enum error error,
                         const char *message)
{
    call_reply_error(node, attempt->call, error, message);
    dial_cancel(node, attempt->dial);
    call_attempt_free(node, attempt);
}

void call_end_attempts(struct node *node, const uint8_t key[KEY_LENGTH], enum error error,
                       const char *message)
{
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->has_key && memcmp(attempt->key, key, KEY_LENGTH) == 0)
            call_attempt_failed(node, attempt, error, message);
    }
}

/* Whom `to` means, as far as we know: a contact, a key, a place, or several of these; or a name or
 * key that trackers are to be asked for. */
struct target {
    bool is_asked_for;
    enum message_asks asks;
    struct contact *contact; /* or NULL */
    bool has_key;
    uint8_t key[KEY_LENGTH];
    bool has_place;
    struct host_port place;
    bool is_classic; /* it is spoken to in the classic dialect, at that place */
    const char *source;
};

/* Neither known nor a name that trackers could know. */
static enum error not_a_name(const char *text, const char **ret_message)
{
    if (strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == strlen(text))
        *ret_message = "this looks like the beginning of a peer id, and nobody who is known has "
                       "it: give all 56 characters, or a name";
    return ERR_BAD_NAME;
}

static enum error find_target(struct node *node, const char *to, struct target *target,
                              const char **ret_message)
{
    struct address address;
    struct peer_key key;
    char place[ADDRESS_HOST_PORT_MAX + 1];

    if (address_parse(to, &address) != OK) {
        *ret_message = "parameter 'to' is no address: give host:port, [v6]:port, a name, PEERID, "
                       "PEERID@host:port, p2pchat:PEERID@host:port?name=NAME or "
                       "classic:host:port";
        return ERR_INVALID_PARAMS;
    }
    target->has_place = address.has_host;
    target->is_classic = address.is_classic;
    target->place = address.at;
    if (address.peer_id[0] != '\0') {
        enum error error = peer_id_decode(address.peer_id, PEER_ID_LENGTH, &key);
        if (error != OK) {
            *ret_message = error == ERR_BAD_CHECKSUM
                               ? "parameter 'to': the checksum of the peer id is wrong: mistyped?"
                               : "parameter 'to' holds no peer id that could be: mistyped?";
            return ERR_INVALID_PARAMS;
        }
        target->has_key = true;
        memcpy(target->key, key.bytes, KEY_LENGTH);
        target->contact = contacts_by_key(&node->contacts, key.bytes);
        target->source = "peer_id";
        target->is_asked_for = !address.has_host && lookup_is_possible(node);
        target->asks = ASKS_PEER_ID;
    } else if (address.is_classic) {
        return OK;
    } else if (address.has_host) {
        host_port_format(&address.at, place);
        target->contact = contacts_by_address(&node->contacts, place);
        target->source = target->contact != NULL ? "contact" : "address";
        target->is_classic = target->contact == NULL && (lookup_was_classic(node, &address.at) ||
                                                         classic_is_contact(node, &address.at));
        /* it may be a classic peer's, which trackers know */
        target->is_asked_for = target->contact == NULL && !target->is_classic &&
                               node->dialect.is_on && lookup_is_possible(node);
        target->asks = ASKS_ADDRESS;
    } else {
        enum error error = contacts_find(&node->contacts, to, &target->contact);
        if (error != OK && error != ERR_NO_SUCH_PEER)
            return error;
        if (error != OK && !lookup_is_possible(node))
            return ERR_NO_TRACKER;
        if (error != OK && name_check(to) != OK)
            return not_a_name(to, ret_message);
        target->source = error == OK ? "contact" : "tracker";
        target->is_asked_for = error != OK;
        target->asks = ASKS_NAME;
    }
    if (target->contact != NULL && target->contact->row.is_classic) {
        target->is_classic = true;
        must(host_port_parse(target->contact->row.address, PORT_ZERO_REFUSED, &target->place) ==
             OK);
    } else if (target->contact != NULL) {
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
    if (target->contact == NULL && !target->has_place && !target->is_asked_for) {
        *ret_message = "this peer id is not known and no tracker is in use: add an address, "
                       "PEERID@host:port";
        return ERR_NO_TRACKER;
    }
    return OK;
}

struct attempt *call_new_attempt(struct node *node, const struct input *input, const char *source)
{
    const struct api_args *args = input->call.args;
    const char *greeting = api_string(args, ARG_CHAT_REQUEST_GREETING);
    struct attempt *attempt;
    size_t attempts = 0;

    for (const struct attempt *a = node->attempts; a != NULL; a = a->next)
        attempts++;
    if (attempts >= ATTEMPTS_MAX)
        return NULL;
    attempt = xcalloc(1, sizeof *attempt);
    attempt->call = input->call.call;
    attempt->client = input->call.client;
    attempt->source = source;
    attempt->greeting = greeting != NULL ? xstrdup(greeting) : NULL;
    attempt->wait = api_bool(args, ARG_CHAT_REQUEST_WAIT, false);
    attempt->wait_s = api_number(args, ARG_CHAT_REQUEST_WAIT_S, -1);
    attempt->timer.kind = TIMER_ATTEMPT;
    timers_set(&node->timers, &attempt->timer, mono_after(node->now.mono, ATTEMPT_MS));
    attempt->next = node->attempts;
    node->attempts = attempt;
    return attempt;
}

static void aim(struct attempt *attempt, const struct target *target)
{
    char place[ADDRESS_HOST_PORT_MAX + 1];

    attempt->has_key = target->has_key;
    memcpy(attempt->key, target->key, KEY_LENGTH);
    if (!target->has_place)
        return;
    host_port_format(&target->place, place);
    attempt->address = xstrdup(place);
}

static struct outcome too_many(void)
{
    return outcome_error(ERR_LIMIT_EXCEEDED, "too many chat requests are being dialled");
}

/* Over the link that there is, or one that is dialled: to these addresses, and to those where the
 * peer was known to be. */
static void go(struct node *node, struct attempt *attempt, struct dial_address *addresses,
               size_t count)
{
    const struct contact *contact =
        attempt->has_key ? contacts_by_key(&node->contacts, attempt->key) : NULL;
    struct session *session = attempt->has_key ? session_of_key(node, attempt->key) : NULL;

    if (session != NULL && trackers_is_session(session)) {
        call_attempt_failed(node, attempt, ERR_UNREACHABLE, "a tracker answers there, no peer");
        return;
    }
    if (session != NULL) {
        consent_attempt_reached(node, session, attempt);
        return;
    }
    if (contact != NULL)
        count += dial_addresses(contact, addresses + count, DIAL_ADDRESSES_MAX - count);
    if (count == 0)
        call_attempt_failed(node, attempt, ERR_UNREACHABLE,
                            "no address of this peer is known; give HOST PORT");
    else
        attempt->dial =
            dial_start(node, 0, attempt->has_key ? attempt->key : NULL, addresses, count);
}

/* Trackers are asked, unless there is a link already. */
static struct outcome look_up(struct node *node, const struct input *input,
                              const struct target *target)
{
    struct message_listpeer question = {.asks = target->asks,
                                        .text = api_string(input->call.args, ARG_CHAT_REQUEST_TO),
                                        .limit = 1};
    struct attempt *attempt = call_new_attempt(node, input, target->source);
    struct lookup *lookup;

    if (attempt == NULL)
        return too_many();
    aim(attempt, target);
    if (target->asks == ASKS_ADDRESS)
        question.text = attempt->address;
    memcpy(question.key.bytes, target->key, KEY_LENGTH);
    if (lookup_start(node, &question, &lookup) != OK) {
        call_attempt_free(node, attempt);
        return too_many();
    }
    lookup->attempt = attempt;
    attempt->lookup = lookup;
    lookup_go(node, lookup);
    return outcome_later();
}

static struct outcome already_open(struct node *node, uint64_t call, const struct contact *contact,
                                   const char *source)
{
    const struct request_row row = {.peer = contact->row.peer};

    return outcome_when_durable(node, call,
                                tell_request_result(node, &row, source, "accepted", false));
}

struct outcome method_chat_request(struct node *node, const struct input *input)
{
    struct target target = {0};
    const char *message = NULL;
    struct dial_address addresses[DIAL_ADDRESSES_MAX] = {0};
    enum error error =
        find_target(node, api_string(input->call.args, ARG_CHAT_REQUEST_TO), &target, &message);

    if (error == OK && !target.is_classic)
        error = check_target(node, &target, &message);
    if (error != OK)
        return outcome_error(error, message);
    if (target.contact != NULL && consent_is_open(target.contact))
        return already_open(node, input->call.call, target.contact, target.source);
    if (target.is_asked_for && !(target.has_key && session_of_key(node, target.key) != NULL))
        return look_up(node, input, &target);
    struct attempt *attempt = call_new_attempt(node, input, target.source);
    if (attempt == NULL)
        return too_many();
    if (target.is_classic) {
        classic_ask(node, attempt, &(const struct dial_address){.at = target.place}, NULL);
        return outcome_later();
    }
    aim(attempt, &target);
    addresses[0].at = target.place;
    go(node, attempt, addresses, target.has_place ? 1 : 0);
    return outcome_later();
}

/* --- What trackers say --- */

static void fail_with_candidates(struct node *node, struct attempt *attempt,
                                 const struct lookup *lookup)
{
    struct bytes data = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &data);
    json_write_open(&w, '{');
    json_write_name(&w, "candidates");
    json_write_open(&w, '[');
    for (size_t i = 0; i < lookup->entry_count; i++) {
        const struct lookup_entry *entry = &lookup->entries[i];
        const struct tracker *tracker = trackers_by_number(node, entry->tracker);
        char peer_id[PEER_ID_LENGTH + 1];

        if (entry->has_key)
            peer_id_encode(entry->key, peer_id);
        json_write_open(&w, '{');
        json_put_string(&w, "peer_id", entry->has_key ? peer_id : NULL);
        json_put_string(&w, "name", entry->name);
        json_put_string(&w, "source", entry->has_key ? "tracker" : "classic");
        json_put_string(&w, "tracker", tracker != NULL ? tracker->setting.text : NULL);
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    call_reply_error_with(node, attempt->call, ERR_AMBIGUOUS_PEER,
                          "more than one peer has this name: compare their peer ids with what the "
                          "person says, and ask for one by its peer id",
                          &data);
    bytes_done(&data);
    call_attempt_free(node, attempt);
}

/* Nothing was found, and there is no other way to the peer. */
static void fail_unfound(struct node *node, struct attempt *attempt, const struct lookup *lookup)
{
    if (!lookup_was_answered(lookup))
        call_attempt_failed(node, attempt, ERR_UNREACHABLE, "no tracker answers; see 'status'");
    else if (lookup->outdated > 0)
        call_attempt_failed(node, attempt, ERR_NO_SUCH_PEER,
                            "what the tracker shows is older than what is known of that peer, and "
                            "is not used");
    else
        call_attempt_failed(node, attempt, ERR_NO_SUCH_PEER, "no tracker lists this peer");
}

/* Whom the trackers mean: one key, or none (a key goes before a classic peer of the same name).
 * ERR_NO_SUCH_PEER, ERR_AMBIGUOUS_PEER. */
static enum error choose(const struct lookup *lookup, const struct lookup_entry **ret_entry)
{
    const struct lookup_entry *first = lookup->entries;

    if (lookup->entry_count == 0)
        return ERR_NO_SUCH_PEER;
    if (lookup->entry_count > 1 && first[1].has_key == first[0].has_key)
        return ERR_AMBIGUOUS_PEER;
    *ret_entry = first;
    return OK;
}

/* The peer that was found: asked, unless there is something between us already. */
static void ask_found(struct node *node, struct attempt *attempt, const struct lookup_entry *entry)
{
    struct target target = {.has_key = true, .is_asked_for = true};
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    const char *message = NULL;
    size_t count = 0;

    memcpy(target.key, entry->key, KEY_LENGTH);
    target.contact = contacts_by_key(&node->contacts, entry->key);
    const enum error error = check_target(node, &target, &message);
    if (error != OK) {
        call_attempt_failed(node, attempt, error, message);
        return;
    }
    if (target.contact != NULL && consent_is_open(target.contact)) {
        already_open(node, attempt->call, target.contact, attempt->source);
        call_attempt_free(node, attempt);
        return;
    }
    attempt->has_key = true;
    memcpy(attempt->key, entry->key, KEY_LENGTH);
    for (size_t i = 0; i < entry->address_count; i++)
        dial_add_told(addresses, &count, DIAL_ADDRESSES_MAX, &entry->addresses[i], entry->is_local);
    go(node, attempt, addresses, count);
}

/* Whoever is there is a classic peer, if a list says so; else a node, or so we shall see. */
static void address_looked_up(struct node *node, struct attempt *attempt,
                              const struct lookup *lookup)
{
    struct dial_address addresses[DIAL_ADDRESSES_MAX] = {0};

    must(host_port_parse(attempt->address, PORT_ZERO_REFUSED, &addresses[0].at) == OK);
    if (lookup->entry_count == 0)
        go(node, attempt, addresses, 1);
    else
        classic_ask(node, attempt, &addresses[0], lookup->entries[0].name);
}

void request_looked_up(struct node *node, struct attempt *attempt, struct lookup *lookup)
{
    const struct contact *known =
        attempt->has_key ? contacts_by_key(&node->contacts, attempt->key) : NULL;
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    const struct lookup_entry *entry;

    if (lookup->asks == ASKS_ADDRESS) {
        address_looked_up(node, attempt, lookup);
        return;
    }
    const enum error error = choose(lookup, &entry);
    if (error == ERR_AMBIGUOUS_PEER)
        fail_with_candidates(node, attempt, lookup);
    else if (error != OK && known != NULL)
        go(node, attempt, addresses, 0);
    else if (error != OK)
        fail_unfound(node, attempt, lookup);
    else if (entry->has_key)
        ask_found(node, attempt, entry);
    else
        classic_ask(
            node, attempt,
            &(const struct dial_address){.at = entry->addresses[0], .not_local = !entry->is_local},
            entry->name);
}

/* --- Requests --- */

struct outcome method_chat_requests(struct node *node, const struct input *input)
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
        tell_request_number(&w, &r->row);
        json_put_string(&w, "direction", r->row.direction == DIRECTION_IN ? "in" : "out");
        call_put_peer_id(&w, contact);
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
    return outcome_result(result);
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

/* REQUEST or PEER: a request that waits for our answer. What looks like a REQUEST is one, also
 * where a peer has chosen such a name. */
static enum error find_asked(const struct node *node, const char *text,
                             struct request **ret_request, const char **ret_message)
{
    uint32_t number = request_number(text);
    struct request *request = requests_by_number(&node->requests, number);
    struct contact *contact;

    if (number == 0 && contacts_find(&node->contacts, text, &contact) == OK) {
        request = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);
        if (request == NULL)
            request = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
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

struct outcome method_chat_accept(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *alias = api_string(args, ARG_CHAT_ACCEPT_AS), *message = NULL;
    struct request *request;
    enum error error =
        find_asked(node, api_string(args, ARG_CHAT_ACCEPT_REQUEST), &request, &message);

    if (error == OK && alias != NULL)
        error =
            call_check_alias(node, contacts_by_number(&node->contacts, request->row.peer), alias);
    if (error != OK)
        return outcome_error(error, message);
    consent_accept(node, request, alias);
    return outcome_when_durable(node, input->call.call,
                                tell_request_result(node, &request->row, NULL, NULL, false));
}

struct outcome method_chat_refuse(struct node *node, const struct input *input)
{
    const char *message = NULL;
    struct request *request;
    enum error error =
        find_asked(node, api_string(input->call.args, ARG_CHAT_REFUSE_REQUEST), &request, &message);

    if (error != OK)
        return outcome_error(error, message);
    consent_refuse(node, request);
    return outcome_when_durable(node, input->call.call,
                                tell_request_result(node, &request->row, NULL, NULL, false));
}
