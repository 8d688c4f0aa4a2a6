/* Consent: who may send us messages, because both sides said so (p2pchat-protocol(7), Consent).
 *
 *     NONE ──we ask──► ASKED ──CHAT_ACCEPT or HAVE of our id──► MUTUAL
 *     NONE ──they ask──► WAS_ASKED ──we accept──► PENDING ──their HAVE──► MUTUAL
 *     ASKED ──they ask too──► PENDING (crossing: the lower key's id holds)
 *     MUTUAL, PENDING ──we end it──► ENDING ──NO_CONSENT──► NONE
 *     MUTUAL, PENDING ──DISCONNECT or NO_CONSENT of our id──► NONE
 *
 * What is said here is said again on every new link until the other side shows that it knows. */
#include "daemon/core/node/consent.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/state.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/tell.h"
#include "daemon/core/node/wait.h"

bool consent_is_open(const struct contact *contact)
{
    return contact->row.consent == CONSENT_PENDING || contact->row.consent == CONSENT_MUTUAL;
}

/* --- Saying --- */

/* The msgdata of a message that says an id, in an effect: it goes out when all is durable. */
void consent_say_id(struct node *node, const struct contact *contact, enum message_type type,
                    const uint8_t id[CONSENT_ID_LENGTH])
{
    struct effect *effect = ledger_effect(node, EFFECT_SEND);

    effect->peer = contact->row.peer;
    effect->type = type;
    if (type == MESSAGE_CHAT_ACCEPT)
        message_accept_encode(&effect->bytes, id, node_name(node));
    else
        message_id_encode(&effect->bytes, type, id);
}

void consent_say_request(struct node *node, const struct contact *contact,
                         const struct request_row *row)
{
    struct message_request message = {.name = node_name(node), .greeting = row->greeting};
    struct effect *effect = ledger_effect(node, EFFECT_SEND);

    memcpy(message.request, row->id, CONSENT_ID_LENGTH);
    effect->peer = contact->row.peer;
    effect->type = MESSAGE_CHAT_REQUEST;
    message_request_encode(&effect->bytes, &message);
}

void consent_say_have(struct node *node, const struct contact *contact)
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
        consent_say_request(node, contact, &asked->row);
    switch (contact->row.consent) {
    case CONSENT_NONE:
    case CONSENT_ASKED:
    case CONSENT_WAS_ASKED:
        break;
    case CONSENT_PENDING:
        if (asked == NULL)
            consent_say_id(node, contact, MESSAGE_CHAT_ACCEPT, contact->row.consent_id);
        consent_say_have(node, contact);
        break;
    case CONSENT_MUTUAL:
        consent_say_have(node, contact);
        break;
    case CONSENT_ENDING:
        consent_say_id(node, contact, MESSAGE_DISCONNECT, contact->row.consent_id);
        break;
    }
}

/* --- Changing --- */

struct contact *consent_set(struct node *node, const struct contact *contact, enum consent consent,
                            const uint8_t *id)
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

void consent_remember_answer(struct node *node, const struct request *request,
                             enum request_state state, int64_t left_ms)
{
    struct request_row row = request->row;

    row.state = state;
    row.left_ms = left_ms;
    ledger_put_request(node, &row);
}

int64_t consent_left_of(const struct node *node, const struct request *request)
{
    return (int64_t)mono_left_ms(node->now.mono, request->timer.at);
}

void consent_granted(struct node *node, struct contact *contact, struct request *request,
                     enum consent consent, const uint8_t id[CONSENT_ID_LENGTH])
{
    uint32_t number = request->row.request;

    contact = consent_set(node, contact, consent, id);
    tell_request(node, EVENT_CHAT_ACCEPTED, &request->row, LOGGED);
    wait_answered(node, &request->row, "accepted", OK);
    if (consent == CONSENT_MUTUAL)
        ledger_remove_request(node, requests_by_number(&node->requests, number));
    consent_say_have(node, contact);
}

void consent_accept(struct node *node, struct request *request, const char *alias)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);
    struct peer_row row = contact->row;

    if (alias != NULL) {
        row.alias = (char *)alias;
        ledger_put_peer(node, &row);
    }
    contact = consent_set(node, contact, CONSENT_PENDING, request->row.id);
    consent_remember_answer(node, request, REQUEST_ACCEPTED, consent_left_of(node, request));
    tell_request(node, EVENT_CHAT_ACCEPTED, &request->row, LOGGED);
    consent_say_id(node, contact, MESSAGE_CHAT_ACCEPT, contact->row.consent_id);
    consent_say_have(node, contact);
}

void consent_refuse(struct node *node, struct request *request)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);

    contact = consent_set(node, contact, CONSENT_NONE, NULL);
    consent_remember_answer(node, request, REQUEST_REFUSED, consent_left_of(node, request));
    tell_request(node, EVENT_CHAT_REFUSED, &request->row, LOGGED);
    consent_say_id(node, contact, MESSAGE_CHAT_REFUSE, request->row.id);
}

void consent_refused(struct node *node, struct contact *contact, struct request *request)
{
    tell_request(node, EVENT_CHAT_REFUSED, &request->row, LOGGED);
    wait_answered(node, &request->row, "refused", OK);
    consent_set(node, contact, CONSENT_NONE, NULL);
    ledger_remove_request(node, request);
}

void consent_remove_pending(struct node *node, const struct contact *contact,
                            enum direction direction)
{
    struct request *request = requests_pending(&node->requests, contact->row.peer, direction);

    if (request == NULL)
        return;
    if (direction == DIRECTION_OUT)
        wait_answered(node, &request->row, NULL, ERR_REQUEST_EXPIRED);
    ledger_remove_request(node, request);
}

void consent_note_failed(struct node *node, const struct contact *contact, uint64_t count)
{
    if (count > 0)
        node_note_contact(node, NOTE_NOTICE, "messages_failed", contact,
                          "the other side ended the chat")
            ->note.count = count;
}

uint64_t consent_end_chat(struct node *node, struct contact *contact, enum consent consent,
                          const char *by)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    uint8_t id[CONSENT_ID_LENGTH];

    memcpy(id, contact->row.consent_id, sizeof id);
    consent_remove_pending(node, contact, DIRECTION_OUT);
    consent_remove_pending(node, contact, DIRECTION_IN);
    const uint64_t failed = stream_end(node, contact, "disconnected");
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "by", by);
    json_write_close(&w, '}');
    ledger_log(node, EVENT_CHAT_DISCONNECTED, contact->row.peer, &object);
    bytes_done(&object);
    consent_set(node, contact, consent, consent == CONSENT_ENDING ? id : NULL);
    return failed;
}

void consent_disconnect(struct node *node, struct contact *contact)
{
    struct request *asked = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
    uint8_t id[CONSENT_ID_LENGTH];

    if (consent_is_open(contact)) {
        memcpy(id, contact->row.consent_id, sizeof id);
        consent_end_chat(node, contact, CONSENT_ENDING, "us");
        consent_say_id(node, contact, MESSAGE_DISCONNECT, id);
    } else if (asked != NULL) { /* the request is taken back */
        consent_say_id(node, contact, MESSAGE_DISCONNECT, asked->row.id);
        tell_request(node, EVENT_CHAT_EXPIRED, &asked->row, LOGGED);
        consent_remove_pending(node, contact, DIRECTION_OUT);
        consent_set(node, contact, CONSENT_NONE, NULL);
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

void consent_tell_expired(struct node *node, const struct request *request)
{
    struct contact *contact = contacts_by_number(&node->contacts, request->row.peer);
    bool is_in = request->row.direction == DIRECTION_IN;

    tell_request(node, EVENT_CHAT_EXPIRED, &request->row,
                 is_in && !request->is_logged ? LIVE_ONLY : LOGGED);
    consent_set(node, contact, CONSENT_NONE, NULL);
    if (!is_in)
        wait_answered(node, &request->row, NULL, ERR_REQUEST_EXPIRED);
}

void consent_forget_request(struct node *node, struct request *request)
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
        consent_forget_request(node, request);
        return;
    }
    consent_tell_expired(node, request);
    consent_remember_answer(node, request, REQUEST_EXPIRED, REQUEST_REMEMBERED_MS);
}

void consent_taken_back(struct node *node, const struct contact *contact, struct request *request)
{
    if (contact_is_stranger(contact) && !request->is_logged) {
        consent_tell_expired(node, request);
        consent_forget_request(node, request);
    } else {
        consent_expire(node, request);
    }
}

/* --- Asking --- */

void consent_new_request(struct node *node, const struct contact *contact, enum direction direction,
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

void consent_reply_request(struct node *node, const struct attempt *attempt,
                           const struct request_row *row, const char *state)
{
    struct effect *effect;
    bool is_final = strcmp(state, "sent") != 0;

    if (is_final || !attempt->wait) {
        flight_make_sure(node); /* who agreed before changes nothing */
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

void consent_ask(struct node *node, struct contact *contact, const struct attempt *attempt,
                 const char *address)
{
    uint8_t id[CONSENT_ID_LENGTH];
    struct request_row row;

    consent_remove_pending(node, contact, DIRECTION_OUT);
    random_fill(&node->random, id, sizeof id);
    consent_new_request(node, contact, DIRECTION_OUT, id, attempt->greeting, address, &row);
    ledger_put_request(node, &row);
    contact = consent_set(node, contact, CONSENT_ASKED, NULL);
    tell_request(node, EVENT_CHAT_REQUESTED, &row, LOGGED);
    consent_say_request(node, contact, &row);
    consent_reply_request(node, attempt, &row, "sent");
}

/* --- Being asked --- */

/* "Strangers' requests are bounded per address block, per key and in number; the oldest goes
 * first." */
void consent_make_room(struct node *node, uint64_t block, bool is_classic)
{
    const size_t most = is_classic ? REQUESTS_CLASSIC_MAX : REQUESTS_MAX;
    struct request *oldest;

    if (requests_waiting(&node->requests, block, is_classic, &oldest) >= REQUESTS_BLOCK_MAX ||
        requests_waiting(&node->requests, 0, is_classic, &oldest) >= most) {
        consent_tell_expired(node, oldest);
        consent_forget_request(node, oldest);
    }
}

void consent_forget_answered(struct node *node, const struct contact *contact)
{
    for (struct request *r = node->requests.first, *next; r != NULL; r = next) {
        next = r->next;
        if (r->row.peer == contact->row.peer && r->row.direction == DIRECTION_IN &&
            r->row.state != REQUEST_PENDING)
            ledger_remove_request(node, r);
    }
}

void consent_ask_the_user(struct node *node, struct contact *contact, const struct request_row *row,
                          uint64_t block)
{
    uint64_t suppressed;

    consent_remove_pending(node, contact, DIRECTION_IN);
    ledger_put_request(node, row);
    contact = consent_set(node, contact, CONSENT_WAS_ASKED, NULL);
    /* who is known was refused or parted from: one row a minute of each */
    bool is_logged = contact_is_stranger(contact)
                         ? ration_take(node, RATIONED_REQUEST, block, &suppressed)
                         : ration_of_contact(node, &contact->asked_again, &suppressed);
    requests_by_number(&node->requests, row->request)->is_logged = is_logged;
    tell_request(node, EVENT_CHAT_REQUESTED, row, is_logged ? LOGGED : LIVE_ONLY);
}

/* --- What the user does to a contact --- */

void consent_remove(struct node *node, struct contact *contact)
{
    call_end_attempts(node, contact->row.key, ERR_REQUEST_EXPIRED,
                      "the contact was removed before it was asked");
    consent_disconnect(node, contact);
    consent_remove_pending(node, contact, DIRECTION_IN);
    struct peer_row row = contact->row;
    contacts_retire_alias(&node->contacts, contact);
    row.alias = NULL;
    row.verified = false;
    ledger_put_peer(node, &row);
    if (contact->row.consent != CONSENT_ENDING)
        consent_set(node, contact, CONSENT_NONE, NULL);
}

void consent_block(struct node *node, struct contact *contact)
{
    struct effect *effect;

    call_end_attempts(node, contact->row.key, ERR_BLOCKED, NULL);
    if (consent_is_open(contact))
        consent_end_chat(node, contact, CONSENT_NONE, "us");
    consent_remove_pending(node, contact, DIRECTION_OUT);
    consent_remove_pending(node, contact, DIRECTION_IN);
    struct peer_row row = contact->row;
    row.blocked = true;
    ledger_put_peer(node, &row);
    consent_set(node, contact, CONSENT_NONE, NULL);
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
