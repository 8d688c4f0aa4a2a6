/* SPDX-License-Identifier: MIT */
/* Sessions: carriers, the links on them, and the dials that win them. Who is there, and which of
 * several links to one peer is used (p2pchat-protocol(7), Links). */
#include "daemon/core/node_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"
#include "daemon/core/overlay/peer_record.h"

static struct session *by_carrier(const struct node *node, uint64_t carrier)
{
    struct session *session;

    HASH_FIND(hh, node->sessions, &carrier, sizeof carrier, session);
    return session;
}

void session_touch(struct node *node, struct session *session)
{
    if (session->is_dirty)
        return;
    session->is_dirty = true;
    session->next_dirty = node->dirty_sessions;
    node->dirty_sessions = session;
}

void session_close(struct node *node, struct session *session, enum link_end why)
{
    link_close(session->link, why);
    session_touch(node, session);
}

void session_send(struct node *node, struct session *session, enum message_type type,
                  const struct bytes *data)
{
    if (!link_is_proved(session->link))
        return;
    link_send(session->link, type, bytes_data(data), bytes_length(data));
    session->sent_bytes += bytes_length(data) + FRAME_HEADER_LENGTH;
    session_touch(node, session);
}

/* --- Dials --- */

static struct dial *take_dial(struct node *node, uint64_t number)
{
    for (struct dial **link = &node->dials; *link != NULL; link = &(*link)->next) {
        struct dial *dial = *link;
        if (dial->number != number)
            continue;
        *link = dial->next;
        return dial;
    }
    return NULL;
}

static void fail_attempts(struct node *node, uint64_t dial)
{
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->dial == dial)
            call_attempt_failed(node, attempt, ERR_UNREACHABLE);
    }
}

/* A dial, or the link that came of it, proved nothing. */
static void dial_failed(struct node *node, uint64_t dial, uint32_t peer)
{
    if (dial != 0)
        fail_attempts(node, dial);
    if (peer != 0)
        dialler_failed(&node->dialler, peer, node->now.mono);
}

uint64_t session_start_dial(struct node *node, uint32_t peer, const uint8_t *key,
                            const struct host_port *addresses, size_t count)
{
    struct dial *dial = xcalloc(1, sizeof *dial);
    const void *memory;

    dial->number = ++node->last_dial;
    dial->peer = peer;
    dial->has_key = key != NULL;
    if (key != NULL)
        memcpy(dial->key, key, KEY_LENGTH);
    dial->next = node->dials;
    node->dials = dial;
    struct action *action =
        node_act(node, ACTION_DIAL, addresses, count * sizeof *addresses, &memory);
    action->dial.dial = dial->number;
    action->dial.addresses = memory;
    action->dial.count = count;
    return dial->number;
}

void session_dial_failed(struct node *node, uint64_t number)
{
    struct dial *dial = take_dial(node, number);

    if (dial == NULL)
        return;
    dial_failed(node, dial->number, dial->peer);
    free(dial);
}

/* The user who asked for a dial is gone. */
void session_cancel_dial(struct node *node, uint64_t number)
{
    struct dial *dial = number != 0 ? take_dial(node, number) : NULL;

    if (dial == NULL)
        return;
    node_act(node, ACTION_DIAL_CANCEL, NULL, 0, NULL)->dial_cancel.dial = number;
    free(dial);
}

/* Where a contact may be found: where we dialled it before, then what its record says. */
size_t session_addresses(const struct contact *contact, struct host_port *addresses, size_t max)
{
    struct peer_record record;
    size_t count = 0;

    if (max > 0 && contact->row.address != NULL &&
        host_port_parse(contact->row.address, PORT_ZERO_REFUSED, &addresses[0]) == OK)
        count = 1;
    if (contact->row.record == NULL ||
        peer_record_decode(contact->row.record, contact->row.record_length, &record) != OK)
        return count;
    for (size_t i = 0; i < record.address_count && count < max; i++)
        if (contact->row.is_local || !host_is_local(record.addresses[i].host))
            addresses[count++] = record.addresses[i];
    return count;
}

/* "At most one dial a minute per destination": a record may name anybody's address, so nobody can
 * have us knock there without end. What the user gave is dialled as often as it is due. */
static size_t drop_recent(struct node *node, const struct contact *contact,
                          struct host_port *addresses, size_t count)
{
    size_t kept = 0;
    char text[ADDRESS_HOST_PORT_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        host_port_format(&addresses[i], text);
        if (contact->row.address == NULL || strcmp(contact->row.address, text) != 0) {
            struct recent_dial *recent =
                &node->recent_dials[hash_bytes(&node->hash_key, text, strlen(text)) %
                                    RECENT_DIALS_MAX];
            if (mono_left_ms(node->now.mono, recent->until) > 0)
                continue;
            recent->until = mono_after(node->now.mono, RECENT_DIAL_MS);
        }
        addresses[kept++] = addresses[i];
    }
    return kept;
}

void session_dial_due(struct node *node)
{
    struct host_port addresses[DIAL_ADDRESSES_MAX];
    uint32_t peer;

    while (dialler_next(&node->dialler, node->now.mono, &peer)) {
        const struct contact *contact = contacts_by_number(&node->contacts, peer);
        must(contact != NULL);
        size_t count = session_addresses(contact, addresses, DIAL_ADDRESSES_MAX);
        count = drop_recent(node, contact, addresses, count);
        if (count == 0)
            dialler_failed(&node->dialler, peer, node->now.mono);
        else
            session_start_dial(node, peer, contact->row.key, addresses, count);
    }
}

static bool is_wanted(const struct contact *contact)
{
    switch (contact->row.consent) {
    case CONSENT_NONE:
    case CONSENT_WAS_ASKED:
        return false;
    case CONSENT_ASKED:
    case CONSENT_PENDING:
    case CONSENT_MUTUAL:
    case CONSENT_ENDING:
        return !contact->row.blocked;
    }
    return false;
}

/* --- The sessions of a key --- */

/* The newest link to a key over which HELLO came, but `not`. */
static struct session *newest_greeted(const struct node *node, const uint8_t key[KEY_LENGTH],
                                      const struct session * not )
{
    struct session *newest = NULL;

    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        if (s != not &&s->greeted && link_is_proved(s->link) &&
            memcmp(s->key, key, KEY_LENGTH) == 0)
            newest = s; /* in order of arrival */
    return newest;
}

struct session *session_of_key(struct node *node, const uint8_t key[KEY_LENGTH])
{
    return newest_greeted(node, key, NULL);
}

void session_close_key(struct node *node, const uint8_t key[KEY_LENGTH], enum link_end why)
{
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        if (s->proved && memcmp(s->key, key, KEY_LENGTH) == 0)
            session_close(node, s, why);
}

static void tell_presence(struct node *node, const struct contact *contact, int type,
                          const char *reason)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;

    if (contact->row.consent != CONSENT_MUTUAL)
        return;
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "via", "direct");
    json_put_string(&w, "reason", reason);
    json_write_close(&w, '}');
    node_event(node, type, contact->row.peer, &object);
    bytes_done(&object);
}

void session_tell_online(struct node *node, const struct contact *contact)
{
    tell_presence(node, contact, EVENT_PEER_ONLINE, NULL);
}

bool session_is_local(const struct session *session)
{
    struct host_port remote;

    return host_port_parse(session->remote, PORT_ZERO_REFUSED, &remote) == OK &&
           host_is_local(remote.host);
}

uint64_t session_block(const struct session *session)
{
    struct host_port remote;

    return host_port_parse(session->remote, PORT_ZERO_REFUSED, &remote) == OK
               ? address_block(remote.host)
               : 0;
}

/* From now on the contact's messages go over this link. */
void session_use(struct node *node, struct contact *contact, struct session *session)
{
    bool was_online = contact->session != NULL;

    stream_offline(node, contact);
    contact->session = session;
    stream_online(node, contact);
    dialler_linked(&node->dialler, contact->row.peer, node->now.mono);
    if (!was_online)
        tell_presence(node, contact, EVENT_PEER_ONLINE, NULL);
    consent_greeted(node, session);
}

static void go_offline(struct node *node, struct contact *contact, const char *reason)
{
    struct peer_row row;

    stream_offline(node, contact);
    contact->session = NULL;
    dialler_lost(&node->dialler, contact->row.peer, node->now.mono);
    tell_presence(node, contact, EVENT_PEER_OFFLINE, reason);
    if (contact->row.consent != CONSENT_MUTUAL || node->stopping)
        return;
    row = contact->row;
    row.last_seen_ms = node->now.unix_ms;
    ledger_put_peer(node, &row);
}

static void judge_idle(struct node *node, struct session *session)
{
    const struct contact *contact = session->contact;
    bool has_business = contact != NULL && contact->row.consent != CONSENT_NONE;

    session->idle.kind = TIMER_STRANGER;
    if (has_business)
        timers_stop(&node->timers, &session->idle);
    else if (session->idle.place == 0)
        timers_set(&node->timers, &session->idle, mono_after(node->now.mono, STRANGER_IDLE_MS));
}

void session_consent_changed(struct node *node, struct contact *contact)
{
    if (is_wanted(contact))
        dialler_want(&node->dialler, contact->row.peer, node->now.mono);
    else
        dialler_unwant(&node->dialler, contact->row.peer);
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next) {
        if (!s->proved || memcmp(s->key, contact->row.key, KEY_LENGTH) != 0)
            continue;
        s->contact = contact;
        link_set_tier(s->link, consent_is_open(contact) ? LINK_CONTACT : LINK_STRANGER);
        if (consent_is_open(contact))
            doorman_proved(&node->doorman, s->carrier, DOORMAN_CONTACT);
        judge_idle(node, s);
        if (contact->session == NULL && s->greeted && link_is_proved(s->link))
            contact->session = s;
    }
    if (contact->session != NULL)
        dialler_linked(&node->dialler, contact->row.peer, node->now.mono);
}

void session_forget_contact(struct node *node, struct contact *contact)
{
    dialler_unwant(&node->dialler, contact->row.peer);
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        if (s->contact == contact) {
            s->contact = NULL;
            judge_idle(node, s);
        }
    contact->session = NULL;
    stream_forget(node, contact);
}

/* --- The life of a session --- */

static struct session *new_session(struct node *node, uint64_t carrier,
                                   const struct host_port *remote, struct link *link)
{
    struct session *session = xcalloc(1, sizeof *session);
    char text[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(remote, text);
    session->carrier = carrier;
    session->remote = xstrdup(text);
    session->link = link;
    session->room = CARRIER_ROOM;
    session->timer.kind = TIMER_SESSION;
    HASH_ADD(hh, node->sessions, carrier, sizeof session->carrier, session);
    return session;
}

static void session_free(struct session *session)
{
    link_free(session->link);
    free(session->remote);
    free(session->record);
    free(session->heard);
    free(session);
}

static void close_carrier(struct node *node, uint64_t carrier)
{
    node_act(node, ACTION_CLOSE, NULL, 0, NULL)->close.carrier = carrier;
}

static void accept_carrier(struct node *node, uint64_t carrier, const struct host_port *remote)
{
    uint64_t evicted;
    enum doorman_origin origin = contacts_know_block(&node->contacts, address_block(remote->host))
                                     ? DOORMAN_CONTACT_ADDRESS
                                     : DOORMAN_ANYWHERE;

    switch (
        doorman_arrive(&node->doorman, carrier, remote->host, origin, node->now.mono, &evicted)) {
    case DOORMAN_REFUSE:
        close_carrier(node, carrier);
        return;
    case DOORMAN_ENTER_EVICT:
        session_close(node, by_carrier(node, evicted), LINK_END_LIMIT);
        break;
    case DOORMAN_ENTER:
        break;
    }
    struct session *session =
        new_session(node, carrier, remote, link_new_accepted(&node->link_settings, node->now));
    session_touch(node, session);
}

void session_carrier_up(struct node *node, uint64_t carrier, uint64_t number,
                        const struct host_port *remote)
{
    struct link *link;

    if (number == 0) {
        accept_carrier(node, carrier, remote);
        return;
    }
    struct dial *dial = take_dial(node, number);
    if (dial == NULL || link_new_dialled(&node->link_settings, dial->has_key ? dial->key : NULL,
                                         node->now, &link) != OK) {
        close_carrier(node, carrier);
        if (dial != NULL)
            dial_failed(node, dial->number, dial->peer);
        free(dial);
        return;
    }
    struct session *session = new_session(node, carrier, remote, link);
    session->dial = number;
    session->dialled_peer = dial->peer;
    session_touch(node, session);
    free(dial);
}

void session_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length)
{
    struct session *session = by_carrier(node, carrier);

    if (session == NULL)
        return;
    link_input(session->link, bytes, length, node->now);
    session_touch(node, session);
}

void session_room(struct node *node, uint64_t carrier, size_t bytes_free)
{
    struct session *session = by_carrier(node, carrier);

    if (session == NULL)
        return;
    session->room = (int64_t)bytes_free;
    if (session->contact != NULL && session->contact->session == session)
        stream_touch(node, session->contact);
}

void session_carrier_down(struct node *node, uint64_t carrier)
{
    struct session *session = by_carrier(node, carrier);

    if (session == NULL)
        return;
    session->carrier_gone = true;
    link_lost(session->link);
    session_touch(node, session);
}

void session_expire(struct node *node, struct session *session)
{
    link_expire(session->link, node->now);
    session_touch(node, session);
}

void session_idle(struct node *node, struct session *session)
{
    session_close(node, session, LINK_END_LIMIT);
}

static void ended(struct node *node, struct session *session, enum link_end why)
{
    struct contact *contact = session->contact;

    HASH_DELETE(hh, node->sessions, session);
    timers_stop(&node->timers, &session->timer);
    timers_stop(&node->timers, &session->idle);
    doorman_leave(&node->doorman, session->carrier);
    if (session->proved)
        node->proved_count--;
    if (!session->carrier_gone)
        close_carrier(node, session->carrier);
    node_note(node, session->proved ? NOTE_INFO : NOTE_DEBUG, "link_closed",
              session->proved ? session->key : NULL, session->remote, link_end_name(why));
    if (why == LINK_END_TAMPERED || why == LINK_END_MALFORMED)
        node_note(node, NOTE_WARNING, "link_refused", session->proved ? session->key : NULL,
                  session->remote, link_end_name(why));
    if (!session->greeted && session->dial != 0)
        dial_failed(node, session->dial, session->dialled_peer);
    if (contact != NULL && contact->session == session) {
        struct session *other = newest_greeted(node, contact->row.key, session);
        if (other != NULL)
            session_use(node, contact, other);
        else
            go_offline(node, contact, link_end_name(why));
    }
    session_free(session);
}

/* --- Proof and HELLO --- */

static void proved(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH])
{
    struct contact *contact = contacts_by_key(&node->contacts, key);

    session->proved = true;
    node->proved_count++;
    memcpy(session->key, key, KEY_LENGTH);
    session->contact = contact;
    node_note(node, NOTE_INFO, "link_proved", key, session->remote,
              session->dial != 0 ? "dialled" : "accepted");
    if (memcmp(key, node->identity->key.bytes, KEY_LENGTH) == 0) {
        session_close(node, session, LINK_END_SELF);
        return;
    }
    if (contact != NULL && contact->row.blocked) {
        session_close(node, session, LINK_END_BLOCKED);
        return;
    }
    bool is_trusted = contact != NULL && consent_is_open(contact);
    if (!doorman_proved(&node->doorman, session->carrier,
                        is_trusted ? DOORMAN_CONTACT : DOORMAN_STRANGER)) {
        session_close(node, session, LINK_END_LIMIT);
        return;
    }
    link_set_tier(session->link, is_trusted ? LINK_CONTACT : LINK_STRANGER);
    judge_idle(node, session);
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

/* A contact tells its name and where it can be found. The alias stays. */
static void learn_record(struct node *node, struct session *session, struct contact *contact,
                         const struct peer_record *record, const uint8_t *bytes, size_t length)
{
    struct peer_row row = contact->row;
    struct peer_record known;
    bool is_newer =
        contact->row.record == NULL ||
        peer_record_decode(contact->row.record, contact->row.record_length, &known) != OK ||
        record->sequence > known.sequence;

    if (!is_newer)
        return;
    if (record->name[0] != '\0' && (row.name == NULL || strcmp(row.name, record->name) != 0)) {
        if (contacts_name_is_anothers(&node->contacts, record->name, row.key))
            ledger_warn(node, "name_claimed", row.peer, session->remote);
        row.name = (char *)record->name;
    }
    row.record = (uint8_t *)bytes;
    row.record_length = length;
    row.is_local = session_is_local(session);
    ledger_put_peer(node, &row);
}

/* "Instances of one key that displace each other three times in 10 minutes raise security.warning
 * (a cloned identity) and back off." False: this link must go. */
static bool may_displace(struct node *node, struct session *session, struct contact *contact)
{
    struct instances *seen = &contact->instances;
    const struct session *old = contact->session;

    if (old == NULL || old->instance == session->instance) {
        seen->last = session->instance;
        return true;
    }
    if (mono_left_ms(node->now.mono, mono_after(seen->since, INSTANCES_WINDOW_MS)) == 0) {
        seen->since = node->now.mono;
        seen->displaced = 0;
    }
    seen->last = session->instance;
    if (++seen->displaced < INSTANCES_DISPLACED_MAX)
        return true;
    if (seen->displaced == INSTANCES_DISPLACED_MAX)
        ledger_warn(node, "cloned_identity", contact->row.peer, session->remote);
    return false;
}

/* "Only the lower key closes them: it keeps the newest authenticated link." */
static void choose_session(struct node *node, struct session *session, struct contact *contact)
{
    struct session *old = contact->session;

    if (!may_displace(node, session, contact)) {
        session_close(node, session, LINK_END_LIMIT);
        return;
    }
    session_use(node, contact, session);
    if (old != NULL && old != session &&
        peer_key_compare(node->identity->key.bytes, session->key) < 0)
        session_close(node, old, LINK_END_DUPLICATE);
}

static void greeted(struct node *node, struct session *session, const struct json *data)
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
    struct contact *contact = session->contact;
    if (contact != NULL) {
        if (consent_is_open(contact))
            contacts_seen_in(&node->contacts, contact, session_block(session));
        if (length > 0)
            learn_record(node, session, contact, &record, bytes, length);
        choose_session(node, session, contact);
    } else if (length > 0) {
        session->record = xmemdup(bytes, length);
        session->record_length = length;
    }
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->dial != 0 ? attempt->dial == session->dial
                               : memcmp(attempt->key, session->key, KEY_LENGTH) == 0)
            consent_attempt_reached(node, session, attempt);
    }
}

static void received(struct node *node, struct session *session, enum message_type type,
                     const struct json *data)
{
    if (session->contact != NULL && session->contact->row.blocked)
        return; /* its link closes as soon as that is durable; until then it hears nothing either */
    switch (type) {
    case MESSAGE_HELLO:
    case MESSAGE_PING:
    case MESSAGE_PONG:
    case MESSAGE_CLOSE:
    case MESSAGE_ERROR:
    case MESSAGE_TYPE_COUNT:
        break; /* the link's own */
    case MESSAGE_CHAT_REQUEST:
    case MESSAGE_CHAT_ACCEPT:
    case MESSAGE_CHAT_REFUSE:
    case MESSAGE_NO_CONSENT:
    case MESSAGE_DISCONNECT:
        consent_message(node, session, type, data);
        break;
    case MESSAGE_HAVE:
        stream_have(node, session, data);
        break;
    case MESSAGE_CHAT_MESSAGE:
        stream_message(node, session, data);
        break;
    case MESSAGE_CHAT_ACK:
        stream_ack(node, session, data);
        break;
    }
}

/* --- Output --- */

static void send_bytes(struct node *node, struct session *session, const uint8_t *bytes,
                       size_t length)
{
    const void *memory;
    struct action *action = node_act(node, ACTION_SEND, bytes, length, &memory);

    action->send.carrier = session->carrier;
    action->send.bytes = memory;
    action->send.length = length;
    session->room -= (int64_t)length;
    if (session->room < -CARRIER_OVERDRAFT)
        session_close(node, session, LINK_END_SLOW);
}

static void forget_dirty(struct node *node, struct session *session)
{
    struct session **link = &node->dirty_sessions;

    if (!session->is_dirty)
        return;
    while (*link != session)
        link = &(*link)->next_dirty;
    *link = session->next_dirty;
}

/* Takes all output of one link. Ends with the session when the link has. */
static void drain(struct node *node, struct session *session)
{
    struct link_output output;

    while (link_next(session->link, &output)) {
        switch (output.kind) {
        case LINK_SEND:
            send_bytes(node, session, output.send.bytes, output.send.length);
            break;
        case LINK_PROVED:
            proved(node, session, output.key);
            break;
        case LINK_HELLO:
            greeted(node, session, output.hello);
            break;
        case LINK_MESSAGE:
            received(node, session, output.message.type, output.message.data);
            break;
        case LINK_ENDED:
            forget_dirty(node, session);
            ended(node, session, output.ended);
            return;
        }
    }
    session->sent_bytes = 0;
    timers_set(&node->timers, &session->timer, link_deadline(session->link));
}

bool session_drain(struct node *node)
{
    bool were_any = node->dirty_sessions != NULL;

    for (struct session *session; (session = node->dirty_sessions) != NULL;) {
        node->dirty_sessions = session->next_dirty;
        session->is_dirty = false;
        drain(node, session);
    }
    return were_any;
}

/* --- Our own record --- */

/* "Sequence = max(last+1, Unix ms), committed before use." */
void session_new_record(struct node *node)
{
    struct peer_record record = {.issued_ms = node->now.unix_ms, .lifetime_s = RECORD_LIFETIME_S};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    node->record_sequence = peer_record_next_sequence(node->record_sequence, node->now.unix_ms);
    record.sequence = node->record_sequence;
    memcpy(record.key, node->identity->key.bytes, KEY_LENGTH);
    memcpy(record.name, node->name, strlen(node->name) + 1);
    for (size_t i = 0; i < node->address_count && i < PEER_RECORD_ADDRESSES_MAX; i++)
        record.addresses[record.address_count++] = node->addresses[i];
    while (peer_record_encode(&record, node->identity, bytes, &length) != OK) {
        must(record.address_count > 0); /* long names of hosts: the least useful go */
        record.address_count--;
    }
    ledger_put_meta(node, META_RECORD_SEQUENCE, node->record_sequence);
    bytes_append(&ledger_effect(node, EFFECT_NEW_RECORD)->bytes, bytes, length);
    node->record_timer.kind = TIMER_RECORD;
    timers_set(&node->timers, &node->record_timer,
               mono_after(node->now.mono, RECORD_LIFETIME_S * UINT64_C(1000) / 2));
}

void session_set_record(struct node *node, const uint8_t *record, size_t length)
{
    bytes_clear(&node->hello);
    message_hello_encode(&node->hello, "node", node->agent, node->instance, record, length);
}

void session_done(struct node *node)
{
    for (struct session *s = node->sessions, *next; s != NULL; s = next) {
        next = s->hh.next;
        HASH_DELETE(hh, node->sessions, s);
        session_free(s);
    }
    for (struct dial *dial = node->dials, *next; dial != NULL; dial = next) {
        next = dial->next;
        free(dial);
    }
}
