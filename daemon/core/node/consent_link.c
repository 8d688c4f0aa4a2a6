/* Consent over links: who asks there, and who answers (p2pchat-protocol(7), Consent). */
#include "daemon/core/node/consent.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/tell.h"

/* --- Saying --- */

/* An id at once, to whoever is on this link: nothing of ours changes with it. */
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

/* --- Asking --- */

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

/* Whether the key was proved at the place that the user named, which is the first of the dial's
 * addresses. */
static bool is_proved_there(const struct session *session, const struct attempt *attempt)
{
    return attempt->dial != 0 && attempt->dial == session->dial && session->address == 0;
}

/* The peer of a chat.request is there and has proved its key. */
void consent_attempt_reached(struct node *node, struct session *session, struct attempt *attempt)
{
    struct contact *contact = contacts_by_key(&node->contacts, session->key);
    const char *name = session->name[0] != '\0' ? session->name : NULL;

    if (contact == NULL) {
        contact = new_contact(node, session, name, attempt->address);
    } else if (attempt->address != NULL &&
               (contact->row.address == NULL || is_proved_there(session, attempt))) {
        struct peer_row row = contact->row;
        row.address = attempt->address;
        ledger_put_peer(node, &row);
    }
    contact = known_again(node, contact, session);
    struct request *asks = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);
    if (consent_is_open(contact)) {
        struct request_row none = {.peer = contact->row.peer};
        consent_reply_request(node, attempt, &none, "accepted");
    } else if (asks != NULL) { /* they asked already: this is the answer */
        struct request_row row = asks->row;
        consent_accept(node, asks, NULL);
        consent_reply_request(node, attempt, &row, "accepted");
    } else {
        consent_ask(node, contact, attempt, session->remote);
    }
    call_attempt_free(node, attempt);
}

/* --- Being asked --- */

static bool is_listed(const struct node *node, const struct contact *contact)
{
    for (size_t i = 0; i < node->accept_from_count; i++)
        if (memcmp(node->accept_from[i], contact->row.key, KEY_LENGTH) == 0)
            return true;
    return false;
}

static bool is_accepted_at_once(const struct node *node, const struct contact *contact)
{
    /* they lost what we still have: a restored or new database */
    return consent_is_open(contact) || is_listed(node, contact);
}

void consent_accept_listed(struct node *node)
{
    for (struct request *r = node->requests.first, *next; r != NULL; r = next) {
        next = r->next;
        if (r->row.direction == DIRECTION_IN && r->row.state == REQUEST_PENDING &&
            is_listed(node, contacts_by_number(&node->contacts, r->row.peer)))
            consent_accept(node, r, NULL);
    }
}

/* "Crossing requests accept each other; the lower key's id holds." */
static void cross(struct node *node, struct contact *contact, struct request *ours,
                  const struct request_row *theirs)
{
    bool is_ours = peer_key_compare(node->identity->key.bytes, contact->row.key) < 0;
    struct request_row row = *theirs;

    row.state = REQUEST_ACCEPTED;
    ledger_put_request(node, &row);
    consent_granted(node, contact, requests_by_number(&node->requests, ours->row.request),
                    CONSENT_PENDING, is_ours ? ours->row.id : theirs->id);
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
            consent_say_id(node, contact, MESSAGE_CHAT_ACCEPT, id);
        if (consent_is_open(contact))
            consent_say_have(node, contact);
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
    consent_forget_answered(node, contact);
    if (contact_is_stranger(contact) &&
        requests_pending(&node->requests, contact->row.peer, DIRECTION_IN) == NULL)
        consent_make_room(node, session_block(session), false);
    contact = known_again(node, contact, session);
    consent_new_request(node, contact, DIRECTION_IN, message.request, message.greeting,
                        session->remote, &row);
    struct request *ours = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
    if (ours != NULL && !consent_is_open(contact)) {
        cross(node, contact, ours, &row);
    } else if (is_accepted_at_once(node, contact)) {
        ledger_put_request(node, &row);
        consent_accept(node, requests_by_number(&node->requests, row.request), NULL);
    } else {
        consent_ask_the_user(node, contact, &row, session_block(session));
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
        consent_granted(node, contact, ours, CONSENT_MUTUAL, id);
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
    consent_set(node, contact, CONSENT_MUTUAL, contact->row.consent_id);
}

static void was_refused(struct node *node, struct contact *contact,
                        const uint8_t id[CONSENT_ID_LENGTH])
{
    struct request *ours = requests_by_id(&node->requests, contact->row.peer, DIRECTION_OUT, id);

    if (ours == NULL || ours->row.state != REQUEST_PENDING || contact->row.consent != CONSENT_ASKED)
        return;
    consent_refused(node, contact, ours);
}

/* We accepted, but the request was over at theirs: there never was a chat. */
static void came_too_late(struct node *node, struct contact *contact, struct request *request)
{
    const struct request *ours =
        requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);

    consent_note_failed(node, contact, stream_end(node, contact, "request_expired"));
    tell_request(node, EVENT_CHAT_EXPIRED, &request->row, LOGGED);
    consent_remember_answer(node, request, REQUEST_EXPIRED, consent_left_of(node, request));
    consent_set(node, contact, ours != NULL ? CONSENT_ASKED : CONSENT_NONE, NULL);
    if (ours != NULL) /* it crossed theirs, and stands */
        consent_say_request(node, contact, &ours->row);
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
        consent_note_failed(node, contact, consent_end_chat(node, contact, CONSENT_NONE, "them"));
    else if (contact->row.consent == CONSENT_ENDING)
        consent_set(node, contact, CONSENT_NONE, NULL);
}

static void was_disconnected(struct node *node, struct session *session, struct contact *contact,
                             const uint8_t id[CONSENT_ID_LENGTH])
{
    struct request *asks = requests_by_id(&node->requests, contact->row.peer, DIRECTION_IN, id);

    if (asks != NULL && asks->row.state == REQUEST_PENDING) {
        consent_taken_back(node, contact, asks);
        return;
    }
    has_no_consent(node, contact, id);
    if (session->contact == contact)
        consent_say_id(node, contact, MESSAGE_NO_CONSENT, id);
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
