#include "daemon/core/node.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/settings.h"
#include "daemon/core/node/state.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/node/wait.h"

/* --- Life --- */

static void copy_settings(struct node *node, const struct node_settings *settings)
{
    node->identity = settings->identity;
    node->role = settings->role;
    node->random = settings->random;
    node->agent = xstrdup(settings->agent);
    node->dialect.is_on = settings->classic.is_on;
    settings_take(node, settings);
}

struct node *node_new(const struct node_settings *settings)
{
    struct node *node = xcalloc(1, sizeof *node);

    copy_settings(node, settings);
    random_fill(&node->random, &node->instance, sizeof node->instance);
    node->link_settings = (struct link_settings){.identity = settings->identity,
                                                 .role = settings->role,
                                                 .network_key = settings->network_key,
                                                 .random = settings->random,
                                                 .hello = &node->hello};
    node->hash_key = hash_key_draw(&node->random);
    contacts_init(&node->contacts, &node->hash_key);
    doorman_init(&node->doorman, &node->random,
                 node->role == ROLE_TRACKER ? DOORMAN_TRACKER_STRANGERS_MAX
                                            : DOORMAN_STRANGERS_MAX);
    dialler_init(&node->dialler, &node->random);
    node->dialler_timer.kind = TIMER_DIALLER;
    node->waiters_end = &node->waiters;
    node->flights_end = &node->flights;
    node->ready_end = &node->ready;
    node->carried_end = &node->carried;
    node->actions_end = &node->actions;
    trackers_configure(node, settings->trackers, settings->tracker_count);
    hello_set_record(node, NULL, 0);
    if (node->role == ROLE_TRACKER)
        node->registrar = registrar_new(node, settings);
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    call_done(node);
    registrar_free(node);
    trackers_done(node);
    requests_done(&node->requests, &node->timers); /* while all that has timers is there */
    flight_done(node);
    ledger_done(node);
    classic_done(node);
    session_done(node);
    contacts_done(&node->contacts);
    for (struct pending_read *read = node->reads, *next; read != NULL; read = next) {
        next = read->hh.next;
        HASH_DELETE(hh, node->reads, read);
        free(read);
    }
    for (struct queued_action *queued = node->actions, *next; queued != NULL; queued = next) {
        next = queued->next;
        if (queued->action.kind == ACTION_APPEND)
            transaction_free(queued->action.append.transaction);
        free(queued);
    }
    free(node->taken);
    doorman_done(&node->doorman);
    dialler_done(&node->dialler);
    timers_done(&node->timers);
    bytes_done(&node->hello);
    settings_done(node);
    free(node->agent);
    free(node);
}

static void load_meta(struct node *node, enum meta_name name, uint64_t value)
{
    switch (name) {
    case META_RECORD_SEQUENCE:
        node->record_sequence = value;
        break;
    case META_LAST_PEER:
        node->contacts.last_peer = (uint32_t)value;
        break;
    case META_LAST_STREAM:
        node->last_stream = (uint32_t)value;
        break;
    case META_LAST_REQUEST:
        node->requests.last_request = (uint32_t)value;
        break;
    case META_LAST_SEQ:
        break;
    }
}

void node_load(struct node *node, const struct change *row, struct now now)
{
    must(!node->started);
    node->now = now;
    switch (row->kind) {
    case CHANGE_PEER:
        contacts_put(&node->contacts, &row->peer)->is_logged = true;
        break;
    case CHANGE_STREAM_IN:
    case CHANGE_STREAM_OUT:
        ledger_load_stream(node, &row->stream);
        break;
    case CHANGE_REQUEST:
        ledger_load_request(node, &row->request);
        break;
    case CHANGE_META:
        load_meta(node, row->meta.name, row->meta.value);
        break;
    case CHANGE_TRACKER:
        trackers_load_row(node, &row->tracker);
        break;
    case CHANGE_OWN_NAME:
        must(node->own_name == NULL);
        if (name_check(row->own_name) == OK) /* an older version may have let it be one */
            node->own_name = xstrdup(row->own_name);
        break;
    case CHANGE_LOG:
    case CHANGE_FIND:
    case CHANGE_PEER_GONE:
    case CHANGE_STREAM_GONE:
    case CHANGE_STREAM_SEEN:
    case CHANGE_REQUEST_GONE:
    case CHANGE_CLAIM:
    case CHANGE_RELEASE:
    case CHANGE_TRACKER_GONE:
        must(!"a row of the store");
    }
}

/* --- Turns --- */

static void begin(struct node *node, struct now now)
{
    node->now = now;
    free(node->taken);
    node->taken = NULL;
}

/* Follows everything that an input led to, until nothing is left but actions. */
static void settle(struct node *node)
{
    bool goes_on;

    do {
        goes_on = session_drain(node);
        goes_on = stream_pump(node) || goes_on;
        if (!goes_on)
            goes_on = flight_settle(node);
    } while (goes_on);
    timers_set(&node->timers, &node->dialler_timer,
               node->started && !node->stopping ? dialler_deadline(&node->dialler) : MONO_NEVER);
}

void node_set_addresses(struct node *node, const struct host_port *addresses, size_t count,
                        struct now now)
{
    begin(node, now);
    settings_listened(node, addresses, count);
    if (node->started) {
        hello_new_record(node);
        settle(node);
    }
}

void node_set_classic_address(struct node *node, const struct host_port *address)
{
    must(address->port != 0);
    node->classic = *address;
}

static void arm_requests(struct node *node)
{
    node->requests_timer.kind = TIMER_REQUESTS;
    timers_set(&node->timers, &node->requests_timer, mono_after(node->now.mono, REQUESTS_STORE_MS));
}

void node_start(struct node *node, struct now now)
{
    begin(node, now);
    node->started = true;
    hello_new_record(node);
    arm_requests(node);
    for (struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next)
        session_consent_changed(node, c);
    trackers_start(node);
    settle(node);
}

void node_stop(struct node *node, struct now now)
{
    begin(node, now);
    node->stopping = true;
    call_stop(node);
    ledger_store_requests(node);
    trackers_stop(node);
    classic_stop(node);
    for (struct session *s = node->sessions; s != NULL; s = s->hh.next)
        session_close(node, s, LINK_END_SHUTDOWN);
    settle(node);
}

void node_input(struct node *node, const struct input *input, struct now now)
{
    begin(node, now);
    switch (input->kind) {
    case INPUT_CARRIER_UP:
        if (input->carrier_up.kind == CARRIER_CLASSIC)
            classic_carrier_up(node, input);
        else
            session_carrier_up(node, input->carrier_up.carrier, input->carrier_up.dial,
                               input->carrier_up.address, &input->carrier_up.remote);
        break;
    case INPUT_BYTES:
        session_bytes(node, input->bytes.carrier, input->bytes.bytes, input->bytes.length);
        break;
    case INPUT_ROOM:
        session_room(node, input->room.carrier, input->room.bytes_free);
        break;
    case INPUT_CARRIER_DOWN:
        session_carrier_down(node, input->carrier_down.carrier, input->carrier_down.is_clean);
        break;
    case INPUT_DIAL_FAILED:
        dial_failed(node, input->dial_failed.dial, input->dial_failed.why);
        classic_dial_failed(node, input->dial_failed.dial, input->dial_failed.why);
        break;
    case INPUT_RESOLVED:
        classic_resolved(node, input);
        break;
    case INPUT_DURABLE:
        flight_durable(node, input->durable.transaction);
        break;
    case INPUT_STORE_FAILED:
        flight_failed(node, input->store_failed.transaction, input->store_failed.error);
        break;
    case INPUT_ROWS:
        stream_rows(node, input);
        break;
    case INPUT_CALL:
        call_input(node, input);
        break;
    case INPUT_CALL_GONE:
        call_gone(node, input->call_gone.client);
        break;
    case INPUT_CONFIG:
        settings_input(node, input->config.settings);
        break;
    }
    settle(node);
}

#define OWNER_OF(timer, type, member) \
    ((struct type *)((char *)(timer)-offsetof(struct type, member)))

static void expire(struct node *node, struct timer *timer)
{
    switch ((enum timer_kind)timer->kind) {
    case TIMER_SESSION:
        session_expire(node, OWNER_OF(timer, session, timer));
        break;
    case TIMER_STRANGER:
        session_idle(node, OWNER_OF(timer, session, idle));
        break;
    case TIMER_ATTEMPT:
        call_attempt_failed(node, OWNER_OF(timer, attempt, timer), ERR_UNREACHABLE, NULL);
        break;
    case TIMER_CLASSIC_VISITOR:
        classic_visitor_expire(node, timer);
        break;
    case TIMER_CLASSIC_ERRAND:
        classic_errand_expire(node, timer);
        break;
    case TIMER_TRACKER:
        registration_expire(node, OWNER_OF(timer, tracker, timer));
        break;
    case TIMER_TRACKER_CALL:
        tracker_call_expire(node, OWNER_OF(timer, tracker_call, timer));
        break;
    case TIMER_LOOKUP:
        lookup_expire(node, OWNER_OF(timer, lookup, timer));
        break;
    case TIMER_WAITER:
        wait_expire(node, OWNER_OF(timer, waiter, timer));
        break;
    case TIMER_REQUEST:
        consent_expire(node, OWNER_OF(timer, request, timer));
        break;
    case TIMER_DIALLER:
        dial_due(node);
        break;
    case TIMER_RECORD:
        hello_new_record(node);
        break;
    case TIMER_REQUESTS:
        ledger_store_requests(node);
        hello_check_clock(node);
        arm_requests(node);
        break;
    case TIMER_STORE:
        flight_retry(node);
        break;
    case TIMER_REGISTRY:
        registrar_expire(node);
        break;
    case TIMER_DIAL_BACK:
        dial_back_expire(node, timer);
        break;
    case TIMER_BOARD:
        registrar_forget_classic(node, OWNER_OF(timer, classic_entry, timer));
        break;
    }
}

void node_expire(struct node *node, struct now now)
{
    struct timer *timer;

    begin(node, now);
    while ((timer = timers_take_due(&node->timers, now.mono)) != NULL) {
        expire(node, timer);
        settle(node);
    }
}

struct mono node_deadline(const struct node *node)
{
    return timers_deadline(&node->timers);
}

/* --- Actions --- */

struct action *node_act(struct node *node, enum action_kind kind, const void *memory, size_t length,
                        const void **ret_memory)
{
    struct queued_action *queued = xcalloc(1, sizeof *queued + length);

    queued->action.kind = kind;
    if (length > 0)
        memcpy(queued->memory, memory, length);
    if (ret_memory != NULL)
        *ret_memory = queued->memory;
    *node->actions_end = queued;
    node->actions_end = &queued->next;
    return &queued->action;
}

bool node_next_action(struct node *node, struct action *ret_action)
{
    struct queued_action *queued = node->actions;

    free(node->taken);
    node->taken = queued;
    if (queued == NULL)
        return false;
    node->actions = queued->next;
    if (node->actions == NULL)
        node->actions_end = &node->actions;
    *ret_action = queued->action;
    return true;
}

struct action *node_note(struct node *node, enum note_severity severity, const char *code,
                         const uint8_t *key, const char *address, const char *detail)
{
    size_t address_length = address != NULL ? strlen(address) + 1 : 0;
    uint8_t memory[KEY_LENGTH + ADDRESS_HOST_PORT_MAX + 1];
    const void *copy;

    must(address_length <= ADDRESS_HOST_PORT_MAX + 1);
    if (key != NULL)
        memcpy(memory, key, KEY_LENGTH);
    else
        memset(memory, 0, KEY_LENGTH);
    if (address != NULL)
        memcpy(memory + KEY_LENGTH, address, address_length);
    struct action *action = node_act(node, ACTION_NOTE, memory, KEY_LENGTH + address_length, &copy);
    action->note.severity = severity;
    action->note.code = code;
    action->note.key = key != NULL ? copy : NULL;
    action->note.address = address != NULL ? (const char *)copy + KEY_LENGTH : NULL;
    action->note.detail = detail;
    action->note.error = NULL;
    action->note.link = 0;
    action->note.count = 0;
    return action;
}

struct action *node_note_contact(struct node *node, enum note_severity severity, const char *code,
                                 const struct contact *contact, const char *detail)
{
    const bool is_classic = contact->row.is_classic;

    return node_note(node, severity, code, is_classic ? NULL : contact->row.key,
                     is_classic ? contact->row.address : NULL, detail);
}

void node_event(struct node *node, int type, uint32_t peer, const struct bytes *object)
{
    const void *memory;

    must(bytes_length(object) >= 2);
    struct action *action =
        node_act(node, ACTION_EVENT, bytes_data(object) + 1, bytes_length(object) - 2, &memory);
    action->event.type = type;
    action->event.time_ms = node->now.unix_ms;
    action->event.peer = peer;
    action->event.fields = memory;
    action->event.length = bytes_length(object) - 2;
}

/* --- Looking --- */

const char *node_name(const struct node *node)
{
    return node->own_name != NULL ? node->own_name : node->name;
}

bool node_public_address(const struct node *node, struct host_port *ret_at)
{
    return registration_public_address(node, ret_at);
}

void node_write_trackers(const struct node *node, struct json_writer *w)
{
    trackers_write(node, w);
}

bool node_tracker(const struct node *node, size_t index, struct node_tracker *ret_tracker)
{
    return trackers_look(node, index, ret_tracker);
}

struct node_counts node_counts(const struct node *node)
{
    struct node_counts counts = {.links = node->proved_count,
                                 .unproved = HASH_COUNT(node->sessions) - node->proved_count,
                                 .registered = registrar_count(node),
                                 .listed = registrar_listed(node)};

    for (const struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        counts.contacts += consent_is_open(c);
        counts.online += consent_is_open(c) && c->session != NULL;
        counts.queued += outbox_queued(&c->outbox);
    }
    for (const struct request *r = node->requests.first; r != NULL; r = r->next) {
        if (r->row.state == REQUEST_PENDING && r->row.direction == DIRECTION_IN)
            counts.requests_in++;
        else if (r->row.state == REQUEST_PENDING)
            counts.requests_out++;
    }
    return counts;
}

bool node_trackers_in(const struct node *node, size_t state, const char **ret_name,
                      size_t *ret_count)
{
    return trackers_in(node, state, ret_name, ret_count);
}

const struct node_totals *node_totals(const struct node *node)
{
    return &node->totals;
}

enum error node_find_peer(const struct node *node, const char *text, uint32_t *ret_peer)
{
    struct contact *contact;
    enum error error = contacts_find(&node->contacts, text, &contact);
    struct peer_key key;

    if (error == ERR_NO_SUCH_PEER && peer_id_decode(text, strlen(text), &key) == OK &&
        (contact = contacts_by_key(&node->contacts, key.bytes)) != NULL)
        error = OK; /* removed: its history stays */
    if (error == OK)
        *ret_peer = contact->row.peer;
    return error;
}

bool node_peer(const struct node *node, uint32_t peer, struct node_peer *ret_peer)
{
    const struct contact *contact = contacts_by_number(&node->contacts, peer);

    static const char classic[] = "classic peer"; /* which has no id */

    if (contact == NULL)
        return false;
    memcpy(ret_peer->peer_id, contact->peer_id, sizeof ret_peer->peer_id);
    memcpy(ret_peer->short_id, ret_peer->peer_id, sizeof ret_peer->short_id - 1);
    ret_peer->short_id[sizeof ret_peer->short_id - 1] = '\0';
    if (contact->row.is_classic)
        memcpy(ret_peer->short_id, classic, sizeof classic);
    ret_peer->alias = contact->row.alias != NULL ? contact->row.alias : ret_peer->short_id;
    ret_peer->is_classic = contact->row.is_classic;
    ret_peer->name = contact->row.name != NULL ? contact->row.name : "";
    return true;
}

bool node_is_delivered(const struct node *node, uint32_t peer, uint32_t stream, uint64_t number)
{
    const struct contact *contact = contacts_by_number(&node->contacts, peer);
    const struct out_stream *live =
        contact != NULL ? outbox_stream(&contact->outbox, stream) : NULL;

    return live != NULL && live->row.acked >= number;
}
