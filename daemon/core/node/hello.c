/* The beginning of a link: who proved itself, what HELLO says, and which of several links to one
 * peer is used (p2pchat-protocol(7), Links). And what our own HELLO says: our signed record. */
#include "daemon/core/node/hello.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/overlay/peer_record.h"

/* --- Proof and HELLO --- */

void hello_proved(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH])
{
    struct contact *contact = contacts_by_key(&node->contacts, key);

    session_enter_key(node, session, key);
    node->proved_count++;
    if (session->dial != 0)
        node->totals.links_dialled++;
    else
        node->totals.links_accepted++;
    session->contact = contact;
    const bool is_told = contact != NULL && !contact_is_stranger(contact) &&
                         !ration_is_exceeded(node, &contact->refusals);
    node_note(node, is_told ? NOTE_INFO : NOTE_DEBUG, "link_proved", key, session->remote,
              session->dial != 0 ? "dialled" : "accepted")
        ->note.link = session->carrier;
    if (memcmp(key, node->identity->key.bytes, KEY_LENGTH) == 0) {
        session_close(node, session, LINK_END_SELF);
        return;
    }
    if (contact != NULL && contact->row.blocked) {
        session_close(node, session, LINK_END_BLOCKED);
        return;
    }
    if ((session->dial == 0 && registration_dialled_back(node, key)) ||
        dial_back_is(node, session->dial)) { /* it is reached there: now it knows */
        session_close(node, session, LINK_END_DUPLICATE);
        return;
    }
    bool is_trusted = contact != NULL && consent_is_open(contact);
    uint64_t evicted;
    switch (doorman_proved(&node->doorman, session->carrier,
                           is_trusted ? DOORMAN_CONTACT : DOORMAN_STRANGER, &evicted)) {
    case DOORMAN_REFUSE:
        session_close(node, session, LINK_END_LIMIT);
        return;
    case DOORMAN_ENTER_EVICT:
        session_close(node, session_by_carrier(node, evicted), LINK_END_LIMIT);
        break;
    case DOORMAN_ENTER:
        break;
    }
    link_set_tier(session->link, is_trusted ? LINK_CONTACT : LINK_STRANGER);
    session_judge_idle(node, session);
}

/* The record in HELLO. False when it is there and not a good one of this key's. */
static bool read_record(const struct session *session, const struct message_hello *hello,
                        struct peer_record *ret_record, uint8_t bytes[PEER_RECORD_BYTES_MAX],
                        size_t *ret_length)
{
    size_t length = 0;

    if (message_hello_record(hello, bytes, PEER_RECORD_BYTES_MAX, &length) != OK)
        return false;
    *ret_length = length;
    if (length == 0)
        return true;
    return peer_record_decode(bytes, length, ret_record) == OK &&
           memcmp(ret_record->key, session->key, KEY_LENGTH) == 0;
}

/* Whether it takes the place of the one that is known. One that was issued in the future is not to
 * be believed: the peer's clock was wrong, and its database may have forgotten that since. */
static bool is_newer(const struct node *node, const struct peer_record *record,
                     const struct peer_row *row)
{
    struct peer_record known;

    if (row->record == NULL || peer_record_decode(row->record, row->record_length, &known) != OK)
        return true;
    return peer_record_is_newer(record, &known) ||
           (record->sequence != known.sequence &&
            peer_record_validity(&known, node->now.unix_ms) == PEER_RECORD_AHEAD);
}

bool hello_learn_record(struct node *node, struct contact *contact, const struct told_record *told)
{
    struct peer_row row = contact->row;
    struct peer_record record;

    if (peer_record_decode(told->bytes, told->length, &record) != OK ||
        !is_newer(node, &record, &row))
        return false;
    if (record.name[0] != '\0' && (row.name == NULL || strcmp(row.name, record.name) != 0)) {
        struct contact *victim = contacts_named(&node->contacts, record.name, row.key);
        if (victim != NULL)
            ration_warn(node, DANGER_NAME_CLAIMED, victim, row.peer, told->from);
        row.name = record.name;
    }
    row.record = (uint8_t *)told->bytes;
    row.record_length = told->length;
    row.is_local = told->is_local;
    ledger_put_peer(node, &row);
    return true;
}

/* A contact has told its name and where it can be found. The alias stays. */
void hello_learn(struct node *node, const struct session *session)
{
    const struct told_record told = {.bytes = session->record,
                                     .length = session->record_length,
                                     .is_local = session_is_local(session),
                                     .from = session->remote};

    if (session->record != NULL && session->contact != NULL)
        hello_learn_record(node, session->contact, &told);
}

static bool was_displaced(const struct instances *seen, uint64_t instance)
{
    for (size_t i = 0; i < INSTANCES_KNOWN; i++)
        if (seen->displaced[i] == instance)
            return true;
    return false;
}

static void note_displaced(struct instances *seen, uint64_t instance)
{
    if (was_displaced(seen, instance))
        return;
    seen->displaced[seen->next] = instance;
    seen->next = (seen->next + 1) % INSTANCES_KNOWN;
}

/* "Two instances of one key that displace each other three times in 10 minutes are a cloned
 * identity: the node warns, and keeps the link that it has." False: this link must go. */
static bool may_displace(struct node *node, struct session *session, struct contact *contact)
{
    struct instances *seen = &contact->instances;
    const struct session *old = contact->session;

    if (old == NULL || old->instance == session->instance)
        return true;
    if (was_displaced(seen, session->instance)) {
        if (mono_left_ms(node->now.mono, mono_after(seen->since, INSTANCES_WINDOW_MS)) == 0) {
            seen->since = node->now.mono;
            seen->returned = 0;
        }
        seen->returned++;
        if (seen->returned == INSTANCES_DISPLACED_MAX)
            ration_warn(node, DANGER_CLONED_IDENTITY, contact, contact->row.peer, session->remote);
        if (seen->returned >= INSTANCES_DISPLACED_MAX)
            return false;
    }
    note_displaced(seen, old->instance);
    return true;
}

/* The newest link is used. Duplicates of strangers are closed, too: they may become contacts. */
static void choose_session(struct node *node, struct session *session)
{
    struct contact *contact = session->contact;

    if (contact != NULL && !may_displace(node, session, contact)) {
        session_close(node, session, LINK_END_LIMIT);
        return;
    }
    if (contact != NULL)
        session_use(node, contact, session);
    session_close_others(node, session);
}

/* Nobody chats with a tracker; and the link over which it has us registered is not to give way. */
static void refuse_tracker(struct node *node, struct session *session)
{
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->dial != 0 && attempt->dial == session->dial)
            call_attempt_failed(node, attempt, ERR_UNREACHABLE, "a tracker answers there, no peer");
    }
    session_close(node, session, LINK_END_DUPLICATE);
}

void hello_greeted(struct node *node, struct session *session, const struct json *data)
{
    struct message_hello hello;
    struct peer_record record = {0};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    if (message_hello_decode(data, &hello) != OK ||
        !read_record(session, &hello, &record, bytes, &length)) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    session->greeted = true;
    session->instance = hello.instance;
    memcpy(session->name, record.name, sizeof record.name);
    if (length > 0) {
        session->record = xmemdup(bytes, length);
        session->record_length = length;
    }
    struct contact *contact = session->contact;
    if (contact != NULL && consent_is_open(contact))
        contacts_seen_in(&node->contacts, contact, session_block(session));
    hello_learn(node, session);
    if (node->role == ROLE_NODE && hello.role == ROLE_TRACKER && !trackers_is_session(session)) {
        refuse_tracker(node, session);
        return;
    }
    choose_session(node, session);
    if (trackers_is_session(session)) {
        trackers_greeted(node, session, hello.role);
        return; /* nobody asks it for a chat */
    }
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->dial != 0 ? attempt->dial == session->dial
                               : memcmp(attempt->key, session->key, KEY_LENGTH) == 0)
            consent_attempt_reached(node, session, attempt);
    }
}

/* --- Our own record --- */

/* "Sequence = max(last+1, Unix ms), committed before use." */
void hello_new_record(struct node *node)
{
    struct peer_record record = {.issued_ms = node->now.unix_ms, .lifetime_s = RECORD_LIFETIME_S};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    node->record_sequence = peer_record_next_sequence(node->record_sequence, node->now.unix_ms);
    record.sequence = node->record_sequence;
    memcpy(record.key, node->identity->key.bytes, KEY_LENGTH);
    memcpy(record.name, node_name(node), strlen(node_name(node)) + 1);
    record.address_count =
        registration_addresses(node, record.addresses, PEER_RECORD_ADDRESSES_MAX);
    for (size_t i = 0; i < node->address_count && record.address_count < PEER_RECORD_ADDRESSES_MAX;
         i++)
        record.addresses[record.address_count++] = node->addresses[i];
    record.has_classic = node->classic.port != 0;
    record.classic = node->classic;
    while (peer_record_encode(&record, node->identity, bytes, &length) != OK) {
        must(record.address_count > 0); /* long names of hosts: the least useful go */
        record.address_count--;
    }
    node->record_made = node->now;
    ledger_put_meta(node, META_RECORD_SEQUENCE, node->record_sequence);
    bytes_append(&ledger_effect(node, EFFECT_NEW_RECORD)->bytes, bytes, length);
    node->record_timer.kind = TIMER_RECORD;
    timers_set(&node->timers, &node->record_timer,
               mono_after(node->now.mono, RECORD_LIFETIME_S * UINT64_C(1000) / 2));
}

/* "A record is valid if it was issued no more than 10 minutes ahead and is not expired": when our
 * clock was set, the one that we show may be neither. */
void hello_check_clock(struct node *node)
{
    const struct now *made = &node->record_made;
    const int64_t ran_ms = (int64_t)mono_left_ms(made->mono, node->now.mono);
    const int64_t jumped_ms = node->now.unix_ms - made->unix_ms - ran_ms;

    if (jumped_ms > RECORD_CLOCK_MS_MAX || jumped_ms < -RECORD_CLOCK_MS_MAX)
        hello_new_record(node);
}

void hello_set_record(struct node *node, const uint8_t *record, size_t length)
{
    if (length > 0)
        memcpy(node->record, record, length);
    node->record_length = length;
    bytes_clear(&node->hello);
    message_hello_encode(&node->hello, node->role, node->agent, node->instance, record, length);
}
