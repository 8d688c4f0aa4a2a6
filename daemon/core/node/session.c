/* Sessions: carriers and the links on them. Who is there (p2pchat-protocol(7), Links). */
#include "daemon/core/node/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/trackers.h"

struct session *session_by_carrier(const struct node *node, uint64_t carrier)
{
    struct session *session;

    HASH_FIND(hh, node->sessions, &carrier, sizeof carrier, session);
    return session;
}

static void touch(struct node *node, struct session *session)
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
    touch(node, session);
}

void session_send(struct node *node, struct session *session, enum message_type type,
                  const struct bytes *data)
{
    if (!link_is_proved(session->link))
        return;
    link_send(session->link, type, bytes_data(data), bytes_length(data));
    session->sent_bytes += bytes_length(data) + FRAME_HEADER_LENGTH;
    touch(node, session);
}

/* --- The sessions of a contact --- */

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

static void tell_presence(struct node *node, struct contact *contact, int type, const char *reason)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    const bool is_online = type == EVENT_PEER_ONLINE;

    if (contact->is_told_online == is_online ||
        (is_online && contact->row.consent != CONSENT_MUTUAL))
        return;
    contact->is_told_online = is_online;
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "via", "direct");
    json_put_string(&w, "reason", reason);
    json_write_close(&w, '}');
    node_event(node, type, contact->row.peer, &object);
    bytes_done(&object);
}

void session_tell_online(struct node *node, struct contact *contact)
{
    if (contact->session != NULL)
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
    stream_offline(node, contact);
    contact->session = session;
    contact_forget_tried(contact);
    stream_online(node, contact);
    dialler_linked(&node->dialler, contact->row.peer, node->now.mono);
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

void session_judge_idle(struct node *node, struct session *session)
{
    const struct contact *contact = session->contact;
    bool has_business =
        trackers_is_session(session) || (contact != NULL && contact->row.consent != CONSENT_NONE);

    session->idle.kind = TIMER_STRANGER;
    if (has_business)
        timers_stop(&node->timers, &session->idle);
    else if (session->idle.place == 0)
        timers_set(&node->timers, &session->idle, mono_after(node->now.mono, STRANGER_IDLE_MS));
}

void session_consent_changed(struct node *node, struct contact *contact)
{
    if (contact->row.is_classic) {
        stream_touch(node, contact);
        return;
    }
    const enum dialler_pace pace =
        contact->row.consent == CONSENT_ENDING ? DIALLER_SELDOM : DIALLER_OFTEN;

    if (is_wanted(contact))
        dialler_want(&node->dialler, contact->row.peer, pace, node->now.mono);
    else
        dialler_unwant(&node->dialler, contact->row.peer);
    session_of_contact(node, contact);
    if (contact->session == NULL)
        contact->session = session_of_key(node, contact->row.key);
    if (contact->session != NULL)
        dialler_linked(&node->dialler, contact->row.peer, node->now.mono);
}

void session_forget_contact(struct node *node, struct contact *contact)
{
    dialler_unwant(&node->dialler, contact->row.peer);
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        if (s->contact == contact) {
            s->contact = NULL;
            session_judge_idle(node, s);
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
    session->since = node->now.mono;
    session->remote = xstrdup(text);
    session->link = link;
    session->room_max = session->room = node->role == ROLE_TRACKER ? TRACKER_ROOM : CARRIER_ROOM;
    session->timer.kind = TIMER_SESSION;
    HASH_ADD(hh, node->sessions, carrier, sizeof session->carrier, session);
    return session;
}

static void session_free(struct session *session)
{
    link_free(session->link);
    free(session->opened);
    free(session->remote);
    free(session->record);
    free(session->heard);
    free(session);
}

static void close_carrier(struct node *node, uint64_t carrier)
{
    node_act(node, ACTION_CLOSE, NULL, 0, NULL)->close.carrier = carrier;
}

static void evict(struct node *node, uint64_t carrier)
{
    struct session *session = session_by_carrier(node, carrier);

    if (session != NULL)
        session_close(node, session, LINK_END_LIMIT);
    else
        classic_evict(node, carrier);
}

static void note_limited(struct node *node, const struct host_port *remote)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];
    uint64_t suppressed;

    if (!ration_take(node, RATIONED_LIMIT, address_block(remote->host), &suppressed))
        return;
    host_port_format(remote, text);
    node_note(node, NOTE_WARNING, "links_limited", NULL, text, NULL)->note.count = suppressed;
}

bool session_admit(struct node *node, uint64_t carrier, const struct host_port *remote,
                   enum doorman_origin origin)
{
    uint64_t evicted;

    switch (
        doorman_arrive(&node->doorman, carrier, remote->host, origin, node->now.mono, &evicted)) {
    case DOORMAN_REFUSE:
        node->totals.accepted_refused++;
        note_limited(node, remote);
        close_carrier(node, carrier);
        return false;
    case DOORMAN_ENTER_EVICT:
        evict(node, evicted);
        return true;
    case DOORMAN_ENTER:
        return true;
    }
    must(!"a verdict");
}

static void accept_carrier(struct node *node, uint64_t carrier, const struct host_port *remote)
{
    if (!session_admit(node, carrier, remote,
                       contacts_know_block(&node->contacts, address_block(remote->host))
                           ? DOORMAN_CONTACT_ADDRESS
                           : DOORMAN_ANYWHERE))
        return;
    struct session *session =
        new_session(node, carrier, remote, link_new_accepted(&node->link_settings, node->now));
    touch(node, session);
}

void session_carrier_up(struct node *node, uint64_t carrier, uint64_t number, size_t address,
                        const struct host_port *remote)
{
    struct link *link;

    if (number == 0) {
        accept_carrier(node, carrier, remote);
        return;
    }
    struct dial *dial = dial_take(node, number);
    if (dial == NULL || link_new_dialled(&node->link_settings, dial->has_key ? dial->key : NULL,
                                         node->now, &link) != OK) {
        close_carrier(node, carrier);
        if (dial != NULL)
            dial_worthless(node, dial);
        return;
    }
    struct session *session = new_session(node, carrier, remote, link);
    session->opened = dial;
    session->dial = number;
    session->dialled_peer = dial->peer;
    session->address = address;
    touch(node, session);
}

void session_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length)
{
    struct session *session = session_by_carrier(node, carrier);

    if (session == NULL) {
        classic_bytes(node, carrier, bytes, length);
        return;
    }
    link_input(session->link, bytes, length, node->now);
    touch(node, session);
}

void session_room(struct node *node, uint64_t carrier, size_t bytes_free)
{
    struct session *session = session_by_carrier(node, carrier);

    if (session == NULL)
        return;
    session->room = session->room_max - (CARRIER_ROOM - (int64_t)bytes_free);
    if (node->role == ROLE_TRACKER)
        touch(node, session); /* what was held may go on */
    if (session->contact != NULL && session->contact->session == session)
        stream_touch(node, session->contact);
}

void session_carrier_down(struct node *node, uint64_t carrier, bool is_clean)
{
    struct session *session = session_by_carrier(node, carrier);

    if (session == NULL) {
        classic_carrier_down(node, carrier, is_clean);
        return;
    }
    session->carrier_gone = true;
    link_lost(session->link);
    touch(node, session);
}

void session_expire(struct node *node, struct session *session)
{
    link_expire(session->link, node->now);
    touch(node, session);
}

void session_idle(struct node *node, struct session *session)
{
    if (node->role == ROLE_TRACKER && registrar_is_busy(node, session))
        session_judge_idle(node, session);
    else
        session_close(node, session, LINK_END_LIMIT);
}

/* For people and the log: of a link that they closed, what they said. */
static const char *reason_of(const struct session *session, enum link_end why)
{
    return link_end_name(why == LINK_END_CLOSED ? link_reason_told(session->link) : why);
}

static struct action *note_link(struct node *node, const struct session *session,
                                enum note_severity severity, const char *code, const char *why)
{
    struct action *note = node_note(node, severity, code, session->proved ? session->key : NULL,
                                    session->remote, NULL);

    note->note.link = session->carrier;
    note->note.error = why;
    return note;
}

/* Whether it is who came to us, or the peer at the end of a link, that broke the rules. */
static bool is_refused(const struct session *session, enum link_end why)
{
    return why == LINK_END_TAMPERED || why == LINK_END_MALFORMED ||
           (why == LINK_END_HANDSHAKE && session->dial == 0);
}

static bool may_tell_refused(struct node *node, const struct session *session, enum link_end why,
                             uint64_t *ret_suppressed)
{
    if (session->contact != NULL && !contact_is_stranger(session->contact))
        return ration_of_contact(node, &session->contact->refusals, ret_suppressed);
    return ration_take(node, why == LINK_END_HANDSHAKE ? RATIONED_HANDSHAKE : RATIONED_NOTE,
                       session_block(session), ret_suppressed);
}

/* Whether we dialled ourselves, or a copy of us, cannot be told; so both are. */
static void note_own_key(struct node *node, const struct session *session)
{
    uint64_t suppressed;

    if (!ration_of_contact(node, &node->own_key, &suppressed))
        return;
    struct action *note =
        node_note(node, NOTE_WARNING, "own_key", node->identity->key.bytes, session->remote,
                  "this node dialled itself, or its identity is in use at two places");

    note->note.link = session->carrier;
    note->note.count = suppressed;
}

/* Contacts come and go at `info`, but who says what cannot be understood may go on doing so: one
 * refusal a minute is told of each contact, and of each address block of strangers, with how many
 * were not told before it. Strangers that prove nothing come by everywhere. */
static void note_end(struct node *node, const struct session *session, enum link_end why)
{
    const struct contact *contact = session->contact;
    const bool is_contacts = contact != NULL && !contact_is_stranger(contact);
    uint64_t suppressed = 0;
    const bool is_told =
        is_refused(session, why) && may_tell_refused(node, session, why, &suppressed);

    if (is_told)
        note_link(node, session, why == LINK_END_HANDSHAKE ? NOTE_INFO : NOTE_WARNING,
                  "link_refused", link_end_name(why))
            ->note.count = suppressed;
    else
        note_link(node, session, is_contacts && !is_refused(session, why) ? NOTE_INFO : NOTE_DEBUG,
                  "link_closed", reason_of(session, why));
    if (why == LINK_END_SELF)
        note_own_key(node, session);
}

static void ended(struct node *node, struct session *session, enum link_end why)
{
    struct contact *contact = session->contact;

    node->totals.link_ends[why]++;
    HASH_DELETE(hh, node->sessions, session);
    timers_stop(&node->timers, &session->timer);
    timers_stop(&node->timers, &session->idle);
    doorman_leave(&node->doorman, session->carrier);
    node->waiting -= session->waiting;
    if (session->proved) {
        session_leave_key(node, session);
        node->proved_count--;
    }
    if (!session->carrier_gone)
        close_carrier(node, session->carrier);
    note_end(node, session, why);
    if (session->opened != NULL)
        dial_goes_on(node, session, why);
    else if (!session->greeted && session->dial != 0)
        dial_came_to_nothing(node, session, why);
    if (session->greeted && trackers_is_session(session))
        trackers_lost(node, session, why);
    if (contact != NULL && contact->session == session) {
        struct session *other = session_newest_greeted(node, contact->row.key, session);
        if (other != NULL)
            session_use(node, contact, other);
        else
            go_offline(node, contact, reason_of(session, why));
    }
    session_free(session);
}

/* --- What comes out of a link --- */

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
    case MESSAGE_REGISTER:
    case MESSAGE_LISTPEER:
        registrar_message(node, session, type, data);
        break;
    case MESSAGE_REGISTER_SUCCESS:
    case MESSAGE_REGISTER_ERROR:
        if (trackers_is_session(session))
            registration_message(node, session, type, data);
        break;
    case MESSAGE_RECORDS:
        if (trackers_is_session(session))
            lookup_records(node, session, data);
        break;
    case MESSAGE_EXIT_NETWORK:
        if (node->role == ROLE_TRACKER)
            registrar_message(node, session, type, data);
        else if (trackers_is_session(session))
            registration_message(node, session, type, data);
        break;
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
    case MESSAGE_CHAT_GAP:
        stream_gap(node, session, data);
        break;
    case MESSAGE_CHAT_ACK:
        stream_ack(node, session, data);
        break;
    }
}

static void send_bytes(struct node *node, struct session *session, const uint8_t *bytes,
                       size_t length)
{
    const void *memory;
    struct action *action = node_act(node, ACTION_SEND, bytes, length, &memory);

    action->send.carrier = session->carrier;
    action->send.bytes = memory;
    action->send.length = length;
    session->room -= (int64_t)length;
    if (session->room < -session->room_max)
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

/* A tracker answers questions in their order, and no faster than the answers are read. Returns
 * whether messages that waited may come now. */
static bool hold(const struct node *node, struct session *session)
{
    const bool was_held = session->is_held;

    session->is_held = node->role == ROLE_TRACKER &&
                       (session->is_claiming || session->room <= (int64_t)session->sent_bytes);
    if (session->is_held)
        link_hold(session->link);
    else if (was_held)
        link_go_on(session->link);
    return was_held && !session->is_held;
}

/* What waits for who does not read is counted for all links together: there may be many of them,
 * and an address for each is easily had. Who adds to it when it is too much is sent away. */
static void count_waiting(struct node *node, struct session *session)
{
    const int64_t output = session->room_max - session->room;
    uint64_t waiting;

    if (node->role != ROLE_TRACKER)
        return;
    waiting = (uint64_t)output + link_waiting(session->link);
    if (waiting < CARRIER_ROOM_NEWS)
        waiting = 0;
    const bool is_more = waiting > session->waiting;
    node->waiting += waiting - session->waiting;
    session->waiting = waiting;
    if (is_more && node->waiting > TRACKER_WAITING_MAX)
        session_close(node, session, LINK_END_SLOW);
}

/* Takes all output of one link. Ends with the session when the link has. */
static void drain(struct node *node, struct session *session)
{
    struct link_output output;

    hold(node, session);
    while (link_next(session->link, &output)) {
        switch (output.kind) {
        case LINK_SEND:
            send_bytes(node, session, output.send.bytes, output.send.length);
            break;
        case LINK_PROVED:
            dial_settled(node, session);
            hello_proved(node, session, output.key);
            break;
        case LINK_HELLO:
            hello_greeted(node, session, output.hello);
            break;
        case LINK_MESSAGE:
            received(node, session, output.message.type, output.message.data);
            hold(node, session);
            break;
        case LINK_ENDED:
            forget_dirty(node, session);
            ended(node, session, output.ended);
            return;
        }
    }
    session->sent_bytes = 0;
    if (hold(node, session))
        touch(node, session);
    count_waiting(node, session);
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

void session_done(struct node *node)
{
    HASH_CLEAR(by_key, node->keyed_sessions);
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
