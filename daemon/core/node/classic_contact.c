/* Classic contacts: who they are, and how they request and are requested, answer and are answered,
 * with the same consent as peers with a key (p2pchat-protocol(7), The classic dialect).
 *
 * Such a contact is a host and a port, with the name that it gives. */
#include "daemon/core/node/call.h"
#include "daemon/core/node/consent.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/digits.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/name.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/stream.h"

/* --- Who it is --- */

/* "a hash of the address, with the bit that no key has": where others have their key. */
static void address_key(const struct host_port *at, uint8_t ret_key[KEY_LENGTH])
{
    static const char tag[] = "p2pchat classic";
    char text[sizeof tag - 1 + ADDRESS_HOST_PORT_MAX + 1];

    memcpy(text, tag, sizeof tag - 1);
    host_port_format(at, text + sizeof tag - 1);
    crypto_blake2b_256((const uint8_t *)text, strlen(text), ret_key);
    ret_key[KEY_LENGTH - 1] |= 0x80;
}

static struct contact *contact_at(const struct node *node, const struct host_port *at)
{
    uint8_t key[KEY_LENGTH];

    address_key(at, key);
    return contacts_by_key(&node->contacts, key);
}

bool classic_is_contact(const struct node *node, const struct host_port *at)
{
    const struct contact *contact =
        node->dialect.is_on && host_is_literal(at->host) ? contact_at(node, at) : NULL;

    return contact != NULL && (consent_is_open(contact) || contact->row.consent == CONSENT_ASKED);
}

static bool is_at_host(const struct contact *contact, const char *host)
{
    struct host_port at;

    return contact->row.is_classic && contact->row.address != NULL &&
           host_port_parse(contact->row.address, PORT_ZERO_REFUSED, &at) == OK &&
           strcmp(at.host, host) == 0;
}

static bool has_name(const struct contact *contact, const char *name)
{
    return contact->row.name != NULL && name_equal(contact->row.name, name);
}

/* "the contact of that name at the source's host; when there is none, or there are several": NULL.
 * Of those with consent, or of those who wait for our answer. */
static struct contact *speaker(const struct node *node, const char *host, const char *name,
                               bool has_consent)
{
    struct contact *found = NULL;

    for (struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        const bool is_one = has_consent ? consent_is_open(c) : c->row.consent == CONSENT_WAS_ASKED;

        if (!is_one || c->row.blocked || !is_at_host(c, host) || !has_name(c, name))
            continue;
        if (found != NULL)
            return NULL;
        found = c;
    }
    return found;
}

static bool is_self(const struct node *node, const struct host_port *local,
                    const struct host_port *remote)
{
    return remote->port == node->classic.port && strcmp(remote->host, local->host) == 0;
}

/* What it is called as long as it has not given its name: "192.0.2.1-40000". */
static void placeholder(const struct host_port *at, char out[ADDRESS_NAME_MAX + 1])
{
    char port[DIGITS_DECIMAL_MAX + 1];
    struct writer w;

    digits_decimal(at->port, port);
    writer_init(&w, out, ADDRESS_NAME_MAX + 1);
    for (const char *c = at->host; *c != '\0'; c++)
        writer_u8(&w, (uint8_t)(*c == ':' ? '.' : *c)); /* no name has a colon */
    writer_u8(&w, '-');
    writer_bytes(&w, port, strlen(port) + 1);
    must(!w.failed); /* a literal is short */
}

static struct contact *put_contact(struct node *node, const struct peer_row *row)
{
    ledger_put_peer(node, row);
    return contacts_by_number(&node->contacts, row->peer);
}

/* Whether an alias stands in for the name. It has a number behind it when the user calls somebody
 * else so. */
static bool is_stand_in(const char *alias, const char *stand_in)
{
    const size_t length = strlen(stand_in);

    if (strncmp(alias, stand_in, length) != 0)
        return false;
    alias += length;
    return *alias == '\0' || (*alias == '-' && alias[1 + strspn(alias + 1, "0123456789")] == '\0');
}

/* The alias that the contact is to have, owned, or NULL: it keeps the one that it has. What stands
 * in for a name gives way to it, and to nothing else. */
static char *better_alias(const struct node *node, const struct contact *contact,
                          const struct host_port *at, const char *name)
{
    const struct peer_row *row = &contact->row;
    char stand_in[ADDRESS_NAME_MAX + 1];

    placeholder(at, stand_in);
    if (row->alias != NULL &&
        (name == NULL || row->name != NULL || !is_stand_in(row->alias, stand_in)))
        return NULL;
    return contacts_new_alias(&node->contacts, name != NULL ? name : stand_in, row->key);
}

/* Gives the contact a name, and an alias when it has none but what stood in for it. */
static struct contact *name_contact(struct node *node, struct contact *contact,
                                    const struct host_port *at, const char *name)
{
    char *alias = better_alias(node, contact, at, name);
    char address[ADDRESS_HOST_PORT_MAX + 1];
    struct peer_row row = contact->row;

    host_port_format(at, address);
    if (alias == NULL && (name == NULL || (row.name != NULL && strcmp(row.name, name) == 0)))
        return contact;
    row.alias = alias != NULL ? alias : row.alias;
    row.name = name != NULL ? (char *)name : row.name;
    row.address = address;
    contact = put_contact(node, &row);
    free(alias);
    return contact;
}

/* The contact at that address, new or removed before; `name` is what it is called, or NULL. */
static struct contact *know(struct node *node, const struct host_port *at, const char *name)
{
    char address[ADDRESS_HOST_PORT_MAX + 1], stand_in[ADDRESS_NAME_MAX + 1];
    struct contact *contact = contact_at(node, at);

    if (contact != NULL)
        return name_contact(node, contact, at, name);
    struct peer_row row = {.peer = node->contacts.last_peer + 1,
                           .name = (char *)name,
                           .address = address,
                           .is_classic = true};
    host_port_format(at, address);
    address_key(at, row.key);
    placeholder(at, stand_in);
    row.alias = contacts_new_alias(&node->contacts, name != NULL ? name : stand_in, row.key);
    struct contact *victim = name != NULL ? contacts_named(&node->contacts, name, row.key) : NULL;
    contact = put_contact(node, &row);
    free(row.alias);
    if (victim != NULL)
        ration_warn(node, DANGER_NAME_CLAIMED, victim, row.peer, address);
    return contact;
}

struct contact *classic_contact_seen(struct node *node, struct contact *contact)
{
    struct peer_row row = contact->row;
    const int64_t age_ms = node->now.unix_ms - row.last_seen_ms;

    contact->talk.is_online = true;
    if (age_ms >= 0 && age_ms < CLASSIC_SEEN_MS)
        return contact;
    row.last_seen_ms = node->now.unix_ms;
    return put_contact(node, &row);
}

/* --- Being asked --- */

/* Who asks again although there is a chat has lost what we still have: the original keeps nothing.
 */
static void asked_within_chat(struct node *node, struct contact *contact)
{
    uint64_t suppressed;

    if (ration_of_contact(node, &contact->asked_again, &suppressed))
        consent_say_have(node,
                         consent_set(node, contact, CONSENT_PENDING, contact->row.consent_id));
}

/* "Requests that cross accept each other": they are told by CHAT_ACCEPT. */
static void crossed(struct node *node, struct contact *contact, struct request *ours)
{
    consent_granted(node, contact, ours, CONSENT_PENDING, ours->row.id);
}

static void new_question(struct node *node, const struct host_port *at, const char *name)
{
    const uint64_t block = address_block(at->host);
    struct contact *contact = contact_at(node, at);
    char address[ADDRESS_HOST_PORT_MAX + 1];
    uint8_t id[CONSENT_ID_LENGTH];
    struct request_row row;

    if (contact != NULL)
        consent_forget_answered(node, contact);
    if (contact == NULL || contact_is_stranger(contact))
        consent_make_room(node, block, true);
    contact = know(node, at, name);
    host_port_format(at, address);
    random_fill(&node->random, id, sizeof id);
    consent_new_request(node, contact, DIRECTION_IN, id, NULL, address, &row);
    consent_ask_the_user(node, contact, &row, block);
}

static void was_asked(struct node *node, const struct host_port *at, const char *name)
{
    struct contact *contact = contact_at(node, at);
    struct request *ours = NULL, *theirs = NULL;

    if (contact != NULL) {
        ours = requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);
        theirs = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);
    }
    if (contact != NULL && contact->row.blocked)
        return;
    if (contact != NULL && consent_is_open(contact)) {
        if (has_name(contact, name)) /* another name there is somebody else: the chat stays */
            asked_within_chat(node, contact);
    } else if (ours != NULL) {
        crossed(node, name_contact(node, contact, at, name), ours);
    } else if (theirs == NULL || !has_name(contact, name)) { /* else it waits already */
        new_question(node, at, name);
    }
}

/* --- Being answered --- */

/* "An answer given early never counts": whether this request of ours went out. */
static bool is_asked(const struct contact *contact, const struct request *request)
{
    const struct classic_talk *talk = &contact->talk;
    const bool is_out = talk->is_under_way && talk->is_out && talk->item == CLASSIC_SAY_REQUEST &&
                        talk->request == request->row.request;

    return contact->row.consent == CONSENT_ASKED && (is_out || classic_is_said(contact, request));
}

static void was_accepted(struct node *node, const struct host_port *at, const char *name)
{
    struct contact *contact = contact_at(node, at);
    struct request *ours = contact != NULL
                               ? requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT)
                               : NULL;

    if (ours == NULL || contact->row.blocked || !is_asked(contact, ours))
        return;
    contact = name_contact(node, contact, at, name);
    contact->talk.is_online = true;
    consent_granted(node, contact, ours, CONSENT_MUTUAL, ours->row.id);
}

/* "to the only open request to its host, and when there are several it changes nothing" */
static void was_refused(struct node *node, const char *host)
{
    struct contact *contact, *found = NULL;
    struct request *request = NULL;

    for (struct request *r = node->requests.first; r != NULL; r = r->next) {
        if (r->row.state != REQUEST_PENDING || r->row.direction != DIRECTION_OUT ||
            (contact = contacts_by_number(&node->contacts, r->row.peer)) == NULL ||
            contact->row.consent != CONSENT_ASKED || !is_at_host(contact, host))
            continue;
        if (found != NULL)
            return;
        found = contact;
        request = r;
    }
    if (found != NULL && is_asked(found, request))
        consent_refused(node, found, request);
}

static void was_told(struct node *node, const char *host, const struct classic_object *object)
{
    struct contact *contact = speaker(node, host, object->name, true);

    if (contact == NULL)
        return;
    consent_confirmed(node, contact); /* who talks has heard that we accepted */
    contact = classic_contact_seen(node, contacts_by_number(&node->contacts, contact->row.peer));
    stream_classic_message(node, contact, object->text, object->text_length);
}

static void was_disconnected(struct node *node, const char *host, const char *name)
{
    struct contact *contact = speaker(node, host, name, true);
    struct request *asks;

    if (contact != NULL) {
        consent_note_failed(node, contact, consent_end_chat(node, contact, CONSENT_NONE, "them"));
        return;
    }
    contact = speaker(node, host, name, false);
    asks =
        contact != NULL ? requests_pending(&node->requests, contact->row.peer, DIRECTION_IN) : NULL;
    if (asks != NULL)
        consent_taken_back(node, contact, asks);
}

void classic_contact_heard(struct node *node, const char *source,
                           const struct classic_object *object)
{
    switch (object->type) {
    case CLASSIC_CHAT_REQUEST:
        was_asked(node, &object->at, object->name);
        break;
    case CLASSIC_CHAT_ACCEPT:
        was_accepted(node, &object->at, object->name);
        break;
    case CLASSIC_CHAT_REFUSE:
        was_refused(node, source);
        break;
    case CLASSIC_CHAT_MESSAGE:
        was_told(node, source, object);
        break;
    case CLASSIC_DISCONNECT:
        was_disconnected(node, source, object->name);
        break;
    case CLASSIC_REGISTER:
    case CLASSIC_REGISTER_SUCCESS:
    case CLASSIC_REGISTER_ERROR:
    case CLASSIC_LISTPEER:
    case CLASSIC_PEERLIST:
    case CLASSIC_EXIT_NETWORK:
    case CLASSIC_FILE_TRANSFER:
        break; /* not for peers */
    }
}

/* --- Asking --- */

static struct attempt *attempt_of(const struct node *node, uint64_t dial)
{
    struct attempt *attempt = node->attempts;

    while (attempt != NULL && attempt->dial != dial)
        attempt = attempt->next;
    return attempt;
}

/* The answer that can be given at once: they agreed before, or asked first. */
static bool answer_at_once(struct node *node, struct contact *contact,
                           const struct attempt *attempt)
{
    struct request_row row = {.peer = contact->row.peer};
    struct request *asks = requests_pending(&node->requests, contact->row.peer, DIRECTION_IN);

    if (!consent_is_open(contact)) {
        if (asks == NULL)
            return false;
        row = asks->row;
        consent_accept(node, asks, NULL);
    }
    consent_reply_request(node, attempt, &row, "accepted");
    return true;
}

uint32_t classic_contact_reached(struct node *node, uint64_t dial, const struct host_port *remote,
                                 const struct host_port *local)
{
    struct attempt *attempt = attempt_of(node, dial);
    char address[ADDRESS_HOST_PORT_MAX + 1];

    must(attempt != NULL);
    if (is_self(node, local, remote)) {
        call_attempt_failed(node, attempt, ERR_INVALID_PARAMS, "this is our own address");
        return 0;
    }
    struct contact *contact = contact_at(node, remote);
    if (contact != NULL && contact->row.blocked) {
        call_attempt_failed(node, attempt, ERR_BLOCKED, NULL);
        return 0;
    }
    contact = know(node, remote, attempt->name);
    const uint32_t peer = contact->row.peer;
    if (!answer_at_once(node, contact, attempt)) {
        host_port_format(remote, address);
        consent_ask(node, contact, attempt, address);
    }
    call_attempt_free(node, attempt);
    contact = contacts_by_number(&node->contacts, peer);
    return classic_talk_take_over(node, contact) ? peer : 0;
}

void classic_ask(struct node *node, struct attempt *attempt, const struct dial_address *to,
                 const char *name)
{
    struct contact *contact = host_is_literal(to->at.host) ? contact_at(node, &to->at) : NULL;

    attempt->source = "classic";
    if (!node->dialect.is_on) {
        call_attempt_failed(node, attempt, ERR_INVALID_PARAMS,
                            "this node does not speak the classic dialect; set Listen= of "
                            "[Classic] so that the answer can come in");
    } else if (attempt->greeting != NULL) {
        call_attempt_failed(node, attempt, ERR_INVALID_PARAMS,
                            "a request of the classic dialect has no greeting; leave it out");
    } else if (contact != NULL && contact->row.blocked) {
        call_attempt_failed(node, attempt, ERR_BLOCKED, NULL);
    } else if (contact != NULL && answer_at_once(node, contact, attempt)) {
        call_attempt_free(node, attempt);
    } else {
        attempt->name = name != NULL ? xstrdup(name) : NULL;
        attempt->dial = classic_errand_start(node, CLASSIC_ATTEMPT, 0, to);
    }
}
