/* Consent: who may send us messages, because both sides said so (p2pchat-protocol(7), Consent).
 *
 *     NONE ──we ask──► ASKED ──CHAT_ACCEPT or HAVE of our id──► MUTUAL
 *     NONE ──they ask──► WAS_ASKED ──we accept──► PENDING ──their HAVE──► MUTUAL
 *     ASKED ──they ask too──► PENDING (crossing: the lower key's id holds)
 *     MUTUAL, PENDING ──we end it──► ENDING ──NO_CONSENT──► NONE
 *     MUTUAL, PENDING ──DISCONNECT or NO_CONSENT of our id──► NONE
 *
 * What is said here is said again on every new link until the other side shows that it knows. */
#include "daemon/core/node/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"

bool consent_is_open(const struct contact *contact)
{
    return contact->row.consent == CONSENT_PENDING || contact->row.consent == CONSENT_MUTUAL;
}

/* --- Saying --- */

/* The msgdata of a message that says an id, in an effect: it goes out when all is durable. */
static void say_id(struct node *node, const struct contact *contact, enum message_type type,
                   const uint8_t id[CONSENT_ID_LENGTH])
{
    struct effect *effect = ledger_effect(node, EFFECT_SEND);

    effect->peer = contact->row.peer;
    effect->type = type;
    if (type == MESSAGE_CHAT_ACCEPT)
        message_accept_encode(&effect->bytes, id, node->name);
    else
        message_id_encode(&effect->bytes, type, id);
}

/* The same at once, to whoever is on this link: nothing of ours changes with it. */
static void answer_id(struct node *node, struct session *session, enum message_type type,
                      const uint8_t id[CONSENT_ID_LENGTH])
{
    struct bytes data = BYTES_EMPTY;

    message_id_encode(&data, type, id);
    session_send(node, session, type, &data);
    bytes_done(&data);
}

/* We know of no consent under this id: the chat is over there, too. While the disk fails we may
 * only have failed to keep it: then nothing is said now, and all of it again when the disk works.
 */
void consent_deny(struct node *node, struct session *session, const uint8_t id[CONSENT_ID_LENGTH])
{
    if (node->store_failing)
        session->is_unanswered = true;
    else
        answer_id(node, session, MESSAGE_NO_CONSENT, id);
}

static void say_request(struct node *node, const struct contact *contact,
                        const struct request_row *row)
{
    struct message_request message = {.name = node->name, .greeting = row->greeting};
    struct effect *effect = ledger_effect(node, EFFECT_SEND);

    memcpy(message.request, row->id, CONSENT_ID_LENGTH);
    effect->peer = contact->row.peer;
    effect->type = MESSAGE_CHAT_REQUEST;
    message_request_encode(&effect->bytes, &message);
}

static void say_have(struct node *node, const struct contact *contact)
{
    ledger_effect(node, EFFECT_HAVE)->peer = contact->row.peer;
}

/* On every new link, whatever is not known to be known. */
void consent_greeted(struct node *node, struct session *session)
{
    const struct contact *contact = session->contact;
    const struct request *asked =
        requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);

    if (asked != NULL)
        say_request(node, contact, &asked->row);
    switch (contact->row.consent) {
    case CONSENT_NONE:
    case CONSENT_ASKED:
    case CONSENT_WAS_ASKED:
        break;
    case CONSENT_PENDING:
        if (asked == NULL)
            say_id(node, contact, MESSAGE_CHAT_ACCEPT, contact->row.consent_id);
        say_have(node, contact);
        break;
    case CONSENT_MUTUAL:
        say_have(node, contact);
        break;
    case CONSENT_ENDING:
        say_id(node, contact, MESSAGE_DISCONNECT, contact->row.consent_id);
        break;
    }
}

/* --- Changing --- */

static struct contact *set_consent(struct node *node, const struct contact *contact,
                                   enum consent consent, const uint8_t *id)
{
    static const uint8_t none[CONSENT_ID_LENGTH];
    struct peer_row row = contact->row;
    bool becomes_mutual = consent == CONSENT_MUTUAL && row.consent != CONSENT_MUTUAL;

    row.consent = consent;
    if (becomes_mutual)
        row.last_seen_ms = node->now.unix_ms;
    memmove(row.consent_id, id != NULL ? id : none, CONSENT_ID_LENGTH);
    if (consent == CONSENT_NONE && row.alias == NULL) { /* removed, and they know: no pin is left */
        row.address = NULL;
        row.record = NULL;
        row.record_length = 0;
    }
    ledger_put_peer(node, &row);
    struct contact *changed = contacts_by_number(&node->contacts, row.peer);
    session_consent_changed(node, changed);
    if (becomes_mutual)
        ledger_effect(node, EFFECT_ONLINE)->peer = changed->row.peer;
    return changed;
}

/* A peer that asks or is asked for the first time. */
static struct contact *new_contact(struct node *node, const struct session *session,
                                   const char *name, const char *address)
{
    struct peer_row row = {.peer = node->contacts.last_peer + 1,
                           .name = (char *)name,
                           .address = (char *)address,
                           .record = session->record,
                           .record_length = session->record_length,
                           .is_local = session_is_local(session)};

    memcpy(row.key, session->key, KEY_LENGTH);
    row.alias = contacts_new_alias(&node->contacts, name, row.key);
    struct contact *victim = name != NULL ? contacts_named(&node->contacts, name, row.key) : NULL;
    ledger_put_peer(node, &row);
    free(row.alias);
    struct contact *contact = contacts_by_number(&node->contacts, row.peer);
    session_consent_changed(node, contact);
    if (victim != NULL)
        ration_warn(node, DANGER_NAME_CLAIMED, victim, row.peer, session->remote);
    return contact;
}

/* A peer that was known and removed is known again: by a new alias, where its HELLO said. */
static struct contact *known_again(struct node *node, struct contact *contact,
                                   const struct session *session)
{
    struct peer_row row = contact->row;

    if (row.alias != NULL)
        return contact;
    row.alias = contacts_new_alias(&node->contacts, row.name, row.key);
    if (row.record == NULL) {
        row.record = session->record;
        row.record_length = session->record_length;
        row.is_local = session_is_local(session);
    }
    ledger_put_peer(node, &row);
    free(row.alias);
    return contacts_by_number(&node->contacts, row.peer);
}

static void remember_answer(struct node *node, const struct request *request,
                            enum request_state state, int64_t left_ms)
{
    struct request_row row = request->row;

    row.state = state;
    row.left_ms = left_ms;
    ledger_put_request(node, &row);
}

static int64_t left_of(const struct node *node, const struct request *request)
{
    return (int64_t)mono_left_ms(node->now.mono, request->timer.at);
}

/* Both sides have agreed, and this request of ours is why. */
static void granted(struct node *node, struct contact *contact, struct request *request,
                    enum consent consent, const uint8_t id[CONSENT_ID_LENGTH])
{
    uint32_t number = request->row.request;

    contact = set_consent(node, contact, consent, id);
    tell_request(node, EVENT_CHAT_ACCEPTED, &request->row, LOGGED);
    wait_answered(node, &request->row, "accepted", OK);
    if (consent == CONSENT_MUTUAL)
        ledger_remove_request(node, requests_by_number(&node->requests, number));
    say_have(node, contact);
}

void consent_accept(struct node *node, struct request *request, const char *alias)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);
    struct peer_row row = contact->row;

    if (alias != NULL) {
        row.alias = (char *)alias;
        ledger_put_peer(node, &row);
    }
    contact = set_consent(node, contact, CONSENT_PENDING, request->row.id);
    remember_answer(node, request, REQUEST_ACCEPTED, left_of(node, request));
    tell_request(node, EVENT_CHAT_ACCEPTED, &request->row, LOGGED);
    say_id(node, contact, MESSAGE_CHAT_ACCEPT, contact->row.consent_id);
    say_have(node, contact);
}

void consent_refuse(struct node *node, struct request *request)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);

    contact = set_consent(node, contact, CONSENT_NONE, NULL);
    remember_answer(node, request, REQUEST_REFUSED, left_of(node, request));
    tell_request(node, EVENT_CHAT_REFUSED, &request->row, LOGGED);
    say_id(node, contact, MESSAGE_CHAT_REFUSE, request->row.id);
}

static void remove_pending(struct node *node, const struct contact *contact,
                           enum direction direction)
{
    struct request *request = requests_pending(&node->requests, contact->row.peer, direction);

    if (request == NULL)
        return;
    if (direction == DIRECTION_OUT)
        wait_answered(node, &request->row, NULL, ERR_REQUEST_EXPIRED);
    ledger_remove_request(node, request);
}

/* The other side ended what messages of ours waited for. */
static void note_failed(struct node *node, const struct contact *contact, uint64_t count)
{
    if (count > 0)
        node_note(node, NOTE_NOTICE, "messages_failed", contact->row.key, NULL,
                  "the other side ended the chat, and messages to it failed")
            ->note.count = count;
}

/* The chat is over: `consent` is NONE, or ENDING as long as the other side does not know. */
static uint64_t end_chat(struct node *node, struct contact *contact, enum consent consent,
                         const char *by)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    uint8_t id[CONSENT_ID_LENGTH];

    memcpy(id, contact->row.consent_id, sizeof id);
    remove_pending(node, contact, DIRECTION_OUT);
    remove_pending(node, contact, DIRECTION_IN);
    const uint64_t failed = stream_end(node, contact, "disconnected");
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "by", by);
    json_write_close(&w, '}');
    ledger_log(node, EVENT_CHAT_DISCONNECTED, contact->row.peer, &object);
    bytes_done(&object);
    set_consent(node, contact, consent, consent == CONSENT_ENDING ? id : NULL);
    return failed;
}

void consent_disconnect(struct node *node, struct contact *contact)
{
    struct request *asked = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
    uint8_t id[CONSENT_ID_LENGTH];

    if (consent_is_open(contact)) {
        memcpy(id, contact->row.consent_id, sizeof id);
        end_chat(node, contact, CONSENT_ENDING, "us");
        say_id(node, contact, MESSAGE_DISCONNECT, id);
    } else if (asked != NULL) { /* the request is taken back */
        say_id(node, contact, MESSAGE_DISCONNECT, asked->row.id);
        tell_request(node, EVENT_CHAT_EXPIRED, &asked->row, LOGGED);
        remove_pending(node, contact, DIRECTION_OUT);
        set_consent(node, contact, CONSENT_NONE, NULL);
    }
}

/* Somebody who asked, was never answered, and is nothing to us: leaves no name behind, and no row
 * unless the log tells of it. */
static void forget_stranger(struct node *node, struct contact *contact)
{
    struct peer_row row = contact->row;

    if (!contact_is_stranger(contact))
        return;
    contacts_retire_alias(&node->contacts, contact);
    if (contact->is_logged) {
        row.alias = NULL;
        ledger_put_peer(node, &row);
        return;
    }
    session_forget_contact(node, contact);
    ledger_remove_peer(node, contact);
}

/* A request that nobody answered is not open any more. */
static void tell_expired(struct node *node, const struct request *request)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);
    bool is_in = request->row.direction == DIRECTION_IN;

    tell_request(node, EVENT_CHAT_EXPIRED, &request->row,
                 is_in && !request->is_logged ? LIVE_ONLY : LOGGED);
    set_consent(node, contact, CONSENT_NONE, NULL);
    if (!is_in)
        wait_answered(node, &request->row, NULL, ERR_REQUEST_EXPIRED);
}

/* What was answered is forgotten; and who asked, if that is all we know of them. */
static void forget_request(struct node *node, struct request *request)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);

    ledger_remove_request(node, request);
    if (contact != NULL && contact->row.consent == CONSENT_NONE)
        forget_stranger(node, contact);
}

void consent_expire(struct node *node, struct request *request)
{
    const struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);

    if (request->row.state != REQUEST_PENDING || contact == NULL || consent_is_open(contact)) {
        forget_request(node, request);
        return;
    }
    tell_expired(node, request);
    remember_answer(node, request, REQUEST_EXPIRED, REQUEST_REMEMBERED_MS);
}

/* --- Asking --- */

static void new_request(struct node *node, const struct contact *contact, enum direction direction,
                        const uint8_t id[CONSENT_ID_LENGTH], const char *greeting,
                        const char *address, struct request_row *ret_row)
{
    *ret_row = (struct request_row){.request = node->requests.last_request + 1,
                                    .peer = contact->row.peer,
                                    .direction = direction,
                                    .greeting = (char *)greeting,
                                    .address = (char *)address,
                                    .left_ms = node->request_timeout_ms,
                                    .state = REQUEST_PENDING};
    memcpy(ret_row->id, id, CONSENT_ID_LENGTH);
}

static void reply_request(struct node *node, const struct attempt *attempt,
                          const struct request_row *row, const char *state)
{
    struct effect *effect;
    bool is_final = strcmp(state, "sent") != 0;

    if (is_final || !attempt->wait) {
        effect = ledger_effect(node, EFFECT_REPLY);
        effect->call = attempt->call;
        effect->bytes = tell_request_result(node, row, attempt->source, state, false);
        return;
    }
    effect = ledger_effect(node, EFFECT_WAIT);
    effect->waiter = xcalloc(1, sizeof *effect->waiter);
    *effect->waiter = (struct waiter){.call = attempt->call,
                                      .client = attempt->client,
                                      .peer = row->peer,
                                      .request = row->request,
                                      .source = attempt->source,
                                      .wait_s = attempt->wait_s};
}

static void ask(struct node *node, struct contact *contact, const struct attempt *attempt,
                const char *address)
{
    uint8_t id[CONSENT_ID_LENGTH];
    struct request_row row;

    remove_pending(node, contact, DIRECTION_OUT);
    random_fill(&node->random, id, sizeof id);
    new_request(node, contact, DIRECTION_OUT, id, attempt->greeting, address, &row);
    ledger_put_request(node, &row);
    contact = set_consent(node, contact, CONSENT_ASKED, NULL);
    tell_request(node, EVENT_CHAT_REQUESTED, &row, LOGGED);
    say_request(node, contact, &row);
    reply_request(node, attempt, &row, "sent");
}

/* The peer of a chat.request is there and has proved its key. */
void consent_attempt_reached(struct node *node, struct session *session, struct attempt *attempt)
{
    struct contact *contact = contacts_by_key(&node->contacts, session->key);
    const char *name = session->name[0] != '\0' ? session->name : NULL;

    if (contact == NULL) {
        contact = new_contact(node, session, name, attempt->address);
    } else if (attempt->address != NULL) {
        struct peer_row row = contact->row;
        row.address = attempt->address;
        ledger_put_peer(node, &row);
    }
    contact = known_again(node, contact, session);
    struct request *asks = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);
    if (consent_is_open(contact)) {
        struct request_row none = {.peer = contact->row.peer};
        reply_request(node, attempt, &none, "accepted");
    } else if (asks != NULL) { /* they asked already: this is the answer */
        struct request_row row = asks->row;
        consent_accept(node, asks, NULL);
        reply_request(node, attempt, &row, "accepted");
    } else {
        ask(node, contact, attempt, session->remote);
    }
    call_attempt_free(node, attempt);
}

/* --- Being asked --- */

/* "Strangers' requests are bounded per address block, per key and in number; the oldest goes
 * first." */
static void make_room(struct node *node, uint64_t block)
{
    struct request *oldest;

    if (requests_waiting(&node->requests, block, &oldest) >= REQUESTS_BLOCK_MAX ||
        requests_waiting(&node->requests, 0, &oldest) >= REQUESTS_MAX) {
        tell_expired(node, oldest);
        forget_request(node, oldest);
    }
}

/* "A newer request from the same key replaces its older one", answered or not. */
static void forget_answered(struct node *node, const struct contact *contact)
{
    for (struct request *r = node->requests.first, *next; r != NULL; r = next) {
        next = r->next;
        if (r->row.peer == contact->row.peer && r->row.direction == DIRECTION_IN &&
            r->row.state != REQUEST_PENDING)
            ledger_remove_request(node, r);
    }
}

static bool is_accepted_at_once(const struct node *node, const struct contact *contact)
{
    if (consent_is_open(contact)) /* they lost what we still have: a restored or new database */
        return true;
    for (size_t i = 0; i < node->accept_from_count; i++)
        if (memcmp(node->accept_from[i], contact->row.key, KEY_LENGTH) == 0)
            return true;
    return false;
}

/* "Crossing requests accept each other; the lower key's id holds." */
static void cross(struct node *node, struct contact *contact, struct request *ours,
                  const struct request_row *theirs)
{
    bool is_ours = peer_key_compare(node->identity->key.bytes, contact->row.key) < 0;
    struct request_row row = *theirs;

    row.state = REQUEST_ACCEPTED;
    ledger_put_request(node, &row);
    granted(node, contact, requests_by_number(&node->requests, ours->row.request), CONSENT_PENDING,
            is_ours ? ours->row.id : theirs->id);
}

static void ask_the_user(struct node *node, struct contact *contact, const struct request_row *row,
                         uint64_t block)
{
    uint64_t suppressed;

    remove_pending(node, contact, DIRECTION_IN);
    ledger_put_request(node, row);
    contact = set_consent(node, contact, CONSENT_WAS_ASKED, NULL);
    /* who is known was refused or parted from: one row a minute of each, as of a block */
    bool is_logged = contact_is_stranger(contact)
                         ? ration_take(node, RATIONED_REQUEST, block, &suppressed)
                         : ration_take(node, RATIONED_ASKED_AGAIN, contact->row.peer, &suppressed);
    requests_by_number(&node->requests, row->request)->is_logged = is_logged;
    tell_request(node, EVENT_CHAT_REQUESTED, row, is_logged ? LOGGED : LIVE_ONLY);
}

/* A request with an id that is answered already: the same answer, unshown. */
static void answer_again(struct node *node, struct session *session, struct contact *contact,
                         const struct request *request)
{
    const uint8_t *id = request->row.id;

    switch (request->row.state) {
    case REQUEST_PENDING:
        break;
    case REQUEST_ACCEPTED:
        if (!consent_is_open(contact))
            consent_deny(node, session, id);
        else if (memcmp(contact->row.consent_id, id, CONSENT_ID_LENGTH) == 0)
            say_id(node, contact, MESSAGE_CHAT_ACCEPT, id);
        if (consent_is_open(contact))
            say_have(node, contact);
        break;
    case REQUEST_REFUSED:
        answer_id(node, session, MESSAGE_CHAT_REFUSE, id);
        break;
    case REQUEST_EXPIRED:
        consent_deny(node, session, id);
        break;
    }
}

static void was_asked(struct node *node, struct session *session, const struct json *data)
{
    struct message_request message;
    struct contact *contact = session->contact;
    struct request_row row;
    struct request *known;

    if (message_request_decode(data, &message) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (contact == NULL)
        contact = new_contact(node, session, message.name, NULL);
    known = requests_by_id(&node->requests, contact->row.peer, DIRECTION_IN, message.request);
    if (known != NULL) {
        answer_again(node, session, contact, known);
        return;
    }
    forget_answered(node, contact);
    if (contact_is_stranger(contact) &&
        requests_pending(&node->requests, contact->row.peer, DIRECTION_IN) == NULL)
        make_room(node, session_block(session));
    contact = known_again(node, contact, session);
    new_request(node, contact, DIRECTION_IN, message.request, message.greeting, session->remote,
                &row);
    struct request *ours = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
    if (ours != NULL && !consent_is_open(contact)) {
        cross(node, contact, ours, &row);
    } else if (is_accepted_at_once(node, contact)) {
        ledger_put_request(node, &row);
        consent_accept(node, requests_by_number(&node->requests, row.request), NULL);
    } else {
        ask_the_user(node, contact, &row, session_block(session));
    }
}

/* --- Being answered --- */

static void was_accepted(struct node *node, struct session *session, const struct json *data)
{
    uint8_t id[CONSENT_ID_LENGTH];
    const char *name;

    if (message_accept_decode(data, id, &name) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (!consent_confirm(node, session, id))
        consent_deny(node, session, id);
}

/* The other side shows, by CHAT_ACCEPT or HAVE, that it consents under this id. False: we know of
 * no such consent. */
bool consent_confirm(struct node *node, struct session *session,
                     const uint8_t id[CONSENT_ID_LENGTH])
{
    struct contact *contact = session->contact;

    if (contact == NULL)
        return false;
    struct request *ours = requests_by_id(&node->requests, contact->row.peer, DIRECTION_OUT, id);
    if (contact->row.consent == CONSENT_ASKED && ours != NULL &&
        ours->row.state == REQUEST_PENDING) {
        granted(node, contact, ours, CONSENT_MUTUAL, id);
        return true;
    }
    return consent_is_open(contact) && memcmp(contact->row.consent_id, id, CONSENT_ID_LENGTH) == 0;
}

/* Their HAVE under our consent id: what was pending is mutual. */
void consent_confirmed(struct node *node, struct contact *contact)
{
    struct request *crossed;

    if (contact->row.consent != CONSENT_PENDING)
        return;
    crossed = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
    if (crossed != NULL)
        ledger_remove_request(node, crossed);
    set_consent(node, contact, CONSENT_MUTUAL, contact->row.consent_id);
}

static void was_refused(struct node *node, struct contact *contact,
                        const uint8_t id[CONSENT_ID_LENGTH])
{
    struct request *ours = requests_by_id(&node->requests, contact->row.peer, DIRECTION_OUT, id);

    if (ours == NULL || ours->row.state != REQUEST_PENDING || contact->row.consent != CONSENT_ASKED)
        return;
    tell_request(node, EVENT_CHAT_REFUSED, &ours->row, LOGGED);
    wait_answered(node, &ours->row, "refused", OK);
    set_consent(node, contact, CONSENT_NONE, NULL);
    ledger_remove_request(node, ours);
}

/* We accepted, but the request was over at theirs: there never was a chat. */
static void came_too_late(struct node *node, struct contact *contact, struct request *request)
{
    const struct request *ours =
        requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);

    note_failed(node, contact, stream_end(node, contact, "request_expired"));
    tell_request(node, EVENT_CHAT_EXPIRED, &request->row, LOGGED);
    remember_answer(node, request, REQUEST_EXPIRED, left_of(node, request));
    set_consent(node, contact, ours != NULL ? CONSENT_ASKED : CONSENT_NONE, NULL);
    if (ours != NULL) /* it crossed theirs, and stands */
        say_request(node, contact, &ours->row);
}

/* NO_CONSENT ends it on either side, and is how DISCONNECT is acknowledged. */
static void has_no_consent(struct node *node, struct contact *contact,
                           const uint8_t id[CONSENT_ID_LENGTH])
{
    struct request *ours = requests_by_id(&node->requests, contact->row.peer, DIRECTION_OUT, id);
    struct request *theirs = requests_by_id(&node->requests, contact->row.peer, DIRECTION_IN, id);

    if (ours != NULL && ours->row.state == REQUEST_PENDING &&
        contact->row.consent == CONSENT_ASKED) { /* its time is over there */
        consent_expire(node, ours);
        return;
    }
    if (memcmp(contact->row.consent_id, id, CONSENT_ID_LENGTH) != 0)
        return;
    if (contact->row.consent == CONSENT_PENDING && theirs != NULL)
        came_too_late(node, contact, theirs);
    else if (consent_is_open(contact))
        note_failed(node, contact, end_chat(node, contact, CONSENT_NONE, "them"));
    else if (contact->row.consent == CONSENT_ENDING)
        set_consent(node, contact, CONSENT_NONE, NULL);
}

/* Remembered like one that expired, but not for every stranger who comes by: keys are free. */
static void taken_back(struct node *node, const struct contact *contact, struct request *request)
{
    if (contact_is_stranger(contact) && !request->is_logged) {
        tell_expired(node, request);
        forget_request(node, request);
    } else {
        consent_expire(node, request);
    }
}

static void was_disconnected(struct node *node, struct session *session, struct contact *contact,
                             const uint8_t id[CONSENT_ID_LENGTH])
{
    struct request *asks = requests_by_id(&node->requests, contact->row.peer, DIRECTION_IN, id);

    if (asks != NULL && asks->row.state == REQUEST_PENDING) {
        taken_back(node, contact, asks);
        return;
    }
    has_no_consent(node, contact, id);
    if (session->contact == contact)
        say_id(node, contact, MESSAGE_NO_CONSENT, id);
}

void consent_message(struct node *node, struct session *session, enum message_type type,
                     const struct json *data)
{
    uint8_t id[CONSENT_ID_LENGTH];

    if (type == MESSAGE_CHAT_REQUEST) {
        was_asked(node, session, data);
        return;
    }
    if (type == MESSAGE_CHAT_ACCEPT) {
        was_accepted(node, session, data);
        return;
    }
    if (message_id_decode(type, data, id) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (session->contact == NULL) {
        if (type == MESSAGE_DISCONNECT)
            consent_deny(node, session, id);
        return;
    }
    if (type == MESSAGE_CHAT_REFUSE)
        was_refused(node, session->contact, id);
    else if (type == MESSAGE_NO_CONSENT)
        has_no_consent(node, session->contact, id);
    else
        was_disconnected(node, session, session->contact, id);
}

/* --- What the user does to a contact --- */

void consent_remove(struct node *node, struct contact *contact)
{
    call_end_attempts(node, contact->row.key, ERR_REQUEST_EXPIRED,
                      "the contact was removed before it was asked");
    consent_disconnect(node, contact);
    remove_pending(node, contact, DIRECTION_IN);
    struct peer_row row = contact->row;
    contacts_retire_alias(&node->contacts, contact);
    row.alias = NULL;
    row.verified = false;
    ledger_put_peer(node, &row);
    if (contact->row.consent != CONSENT_ENDING)
        set_consent(node, contact, CONSENT_NONE, NULL);
}

void consent_block(struct node *node, struct contact *contact)
{
    struct effect *effect;

    call_end_attempts(node, contact->row.key, ERR_BLOCKED, NULL);
    if (consent_is_open(contact))
        end_chat(node, contact, CONSENT_NONE, "us");
    remove_pending(node, contact, DIRECTION_OUT);
    remove_pending(node, contact, DIRECTION_IN);
    struct peer_row row = contact->row;
    row.blocked = true;
    ledger_put_peer(node, &row);
    set_consent(node, contact, CONSENT_NONE, NULL);
    effect = ledger_effect(node, EFFECT_CLOSE_LINK);
    effect->why = LINK_END_BLOCKED;
    memcpy(effect->key, contact->row.key, KEY_LENGTH);
}

void consent_unblock(struct node *node, struct contact *contact)
{
    struct peer_row row = contact->row;

    row.blocked = false;
    ledger_put_peer(node, &row);
}
