/* Being registered with trackers: REGISTER and its answers, renewal, withdrawal
 * (p2pchat-protocol(7), The tracker). */
#include "daemon/core/node/trackers.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/message_tracker.h"
#include "daemon/core/name.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/state.h"
#include "daemon/core/overlay/peer_record.h"

/* --- What is told --- */

static void log_event(struct node *node, const struct tracker *tracker, int type,
                      const char *reason)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "name", node_name(node));
    json_put_string(&w, "tracker", tracker->setting.text);
    json_put_string(&w, "reason", reason);
    json_write_close(&w, '}');
    ledger_log(node, type, 0, &object);
    bytes_done(&object);
}

static void note(struct node *node, const struct tracker *tracker, enum note_severity severity,
                 const char *code, const char *reason)
{
    char at[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(&tracker->setting.address.at, at);
    node_note(node, severity, code, tracker->row.has_key ? tracker->row.key : NULL, at, NULL)
        ->note.error = reason;
}

static void tell_registered(struct node *node, struct tracker *tracker)
{
    if (tracker->told == TOLD_REGISTERED)
        return;
    tracker->told = TOLD_REGISTERED;
    log_event(node, tracker, EVENT_REGISTERED, NULL);
    note(node, tracker, NOTE_INFO, "tracker_registered", NULL);
}

static void tell_failed(struct node *node, struct tracker *tracker, const char *reason)
{
    if (tracker->told == TOLD_FAILED && tracker->told_reason == reason)
        return;
    tracker->told = TOLD_FAILED;
    tracker->told_reason = reason;
    log_event(node, tracker, EVENT_REGISTER_FAILED, reason);
    note(node, tracker, NOTE_WARNING, "tracker_failed", reason);
}

/* As much as there is room for. */
static void copy_text(char *out, size_t size, const char *text)
{
    const size_t length = strlen(text) < size ? strlen(text) : size - 1;

    memcpy(out, text, length);
    out[length] = '\0';
}

void registration_state(struct node *node, struct tracker *tracker, enum tracker_state state,
                        const char *reason, const char *error)
{
    tracker->state = state;
    copy_text(tracker->error, sizeof tracker->error, error != NULL ? error : "");
    switch (state) {
    case TRACKER_REGISTERED:
        tell_registered(node, tracker);
        break;
    case TRACKER_NAME_TAKEN:
    case TRACKER_FAILED:
    case TRACKER_AWAY:
        tell_failed(node, tracker, reason);
        break;
    case TRACKER_OFF:
    case TRACKER_CONNECTING:
        break;
    }
}

void registration_unwanted(struct node *node, struct tracker *tracker, const char *reason)
{
    if (tracker->told == TOLD_REGISTERED)
        log_event(node, tracker, EVENT_UNREGISTERED, reason);
    tracker->told = TOLD_NOTHING;
}

/* --- REGISTER --- */

static void arm(struct node *node, struct tracker *tracker, uint64_t ms)
{
    timers_set(&node->timers, &tracker->timer, mono_after(node->now.mono, ms));
}

void registration_arm(struct node *node, struct tracker *tracker)
{
    arm(node, tracker,
        TRACKER_RENEWAL_MS -
            random_below(&node->random, TRACKER_RENEWAL_MS / TRACKER_JITTER_SHARE));
}

void registration_ask(struct node *node, struct tracker *tracker)
{
    struct session *session = trackers_session(node, tracker);
    struct bytes data = BYTES_EMPTY;

    if (tracker->setting.is_classic) {
        classic_server_renamed(node, tracker);
        return;
    }
    if (session == NULL || node->record_length == 0 || tracker->is_leaving)
        return; /* done as soon as there are both */
    if (tracker->is_asked) {
        tracker->is_stale = true;
        return;
    }
    message_register_encode(&data, node->record, node->record_length);
    session_send(node, session, MESSAGE_REGISTER, &data);
    bytes_done(&data);
    tracker->is_asked = true;
    tracker->is_stale = false;
    arm(node, tracker, TRACKER_ANSWER_MS);
}

void registration_record_changed(struct node *node)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (trackers_is_wanted(t))
            registration_ask(node, t);
}

/* --- Where we are seen --- */

static bool is_in_record(const struct node *node, const struct host_port *at)
{
    for (size_t i = 0; i < node->address_count; i++)
        if (node->addresses[i].port == at->port && strcmp(node->addresses[i].host, at->host) == 0)
            return true;
    return false;
}

/* The port that the tracker dials at the host where it sees us: "that of the record's address that
 * has that host, else of its first address". */
static uint16_t port_at(const struct node *node, const char *host)
{
    for (size_t i = 0; i < node->address_count; i++)
        if (strcmp(node->addresses[i].host, host) == 0)
            return node->addresses[i].port;
    return node->address_count > 0 ? node->addresses[0].port : 0;
}

size_t registration_addresses(const struct node *node, struct host_port *addresses, size_t max)
{
    size_t count = 0;

    for (const struct tracker *t = node->trackers; t != NULL && count < max; t = t->hh.next) {
        bool is_new = t->public.port != 0;
        for (size_t i = 0; i < count; i++)
            if (addresses[i].port == t->public.port &&
                strcmp(addresses[i].host, t->public.host) == 0)
                is_new = false;
        if (is_new)
            addresses[count++] = t->public;
    }
    return count;
}

bool registration_public_address(const struct node *node, struct host_port *ret_at)
{
    struct host_port at;

    if (node->is_advertised)
        return false;
    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next) {
        if (!t->has_reached_us || !trackers_is_wanted(t) || !host_is_public(t->seen))
            continue;
        memcpy(at.host, t->seen, sizeof at.host);
        at.port = port_at(node, at.host);
        if (at.port == 0)
            continue;
        *ret_at = at;
        return true;
    }
    return false;
}

/* An address that only the tracker knows of goes into our record once it was found to lead here. */
static void judge_seen(struct node *node, struct tracker *tracker)
{
    struct host_port at = {.port = 0};

    if (tracker->seen[0] != '\0' && tracker->has_reached_us && !node->is_advertised) {
        memcpy(at.host, tracker->seen, sizeof at.host);
        at.port = port_at(node, at.host);
        if (at.port == 0 || is_in_record(node, &at))
            at = (struct host_port){.port = 0};
    }
    if (at.port == tracker->public.port && strcmp(at.host, tracker->public.host) == 0)
        return;
    tracker->public = at;
    hello_new_record(node);
}

void registration_advertised(struct node *node)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        judge_seen(node, t);
}

static void see(struct node *node, struct tracker *tracker, const char *seen)
{
    if (strcmp(tracker->seen, seen) != 0) {
        copy_text(tracker->seen, sizeof tracker->seen, seen);
        tracker->seen_since = node->now.mono;
        tracker->has_reached_us = tracker->is_reached_early;
    }
    tracker->is_reached_early = false;
    judge_seen(node, tracker);
}

bool registration_dialled_back(struct node *node, const uint8_t key[KEY_LENGTH])
{
    bool is_trackers = false;

    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next) {
        if (!t->is_linked || memcmp(t->row.key, key, KEY_LENGTH) != 0)
            continue;
        is_trackers = true;
        t->has_reached_us = true;
        t->is_reached_early = t->is_asked;
        judge_seen(node, t);
    }
    return is_trackers;
}

/* --- Answers --- */

static void succeeded(struct node *node, struct tracker *tracker, const struct json *data)
{
    struct message_registered m;

    if (message_registered_decode(data, &m) != OK) {
        trackers_hold_off(node, tracker, LINK_END_MALFORMED);
        return;
    }
    registration_state(node, tracker, TRACKER_REGISTERED, NULL, NULL);
    trackers_pin(node, tracker);
    see(node, tracker, m.seen);
}

/* "A node that is shown its own higher record goes on above it." */
static void shown_newer(struct node *node, struct tracker *tracker, const struct message_refused *m)
{
    struct peer_record record;

    if (!m->has_record || peer_record_decode(m->record, m->record_length, &record) != OK ||
        memcmp(record.key, node->identity->key.bytes, KEY_LENGTH) != 0) {
        registration_warn(node, tracker, TRACKER_LIED);
        registration_state(node, tracker, TRACKER_FAILED, "outdated",
                           "it says that it holds a newer record of ours, and has none");
        trackers_hold_off(node, tracker, LINK_END_MALFORMED);
        return;
    }
    if (record.sequence > node->record_sequence) {
        tracker->state = TRACKER_CONNECTING;
        node->record_sequence = record.sequence;
        hello_new_record(node); /* leads to REGISTER when it is durable */
    } else if (!tracker->is_stale) {
        registration_state(node, tracker, TRACKER_FAILED, "outdated",
                           "it calls our newest record outdated");
    }
}

static void refused(struct node *node, struct tracker *tracker, const struct json *data)
{
    struct message_refused m;
    const char *word;

    if (message_refused_decode(data, &m) != OK) {
        trackers_hold_off(node, tracker, LINK_END_MALFORMED);
        return;
    }
    word = register_refusal_name(m.why);
    switch (m.why) {
    case REGISTER_NAME_TAKEN:
        registration_state(node, tracker, TRACKER_NAME_TAKEN, word,
                           "another key has this name there; register another");
        break;
    case REGISTER_OUTDATED:
        shown_newer(node, tracker, &m);
        break;
    case REGISTER_BAD_RECORD:
        registration_state(node, tracker, TRACKER_FAILED, word,
                           "it does not take our record; are the clocks right?");
        break;
    case REGISTER_LIMIT_EXCEEDED:
        registration_state(node, tracker, TRACKER_FAILED, word,
                           "it takes no more peers, or none from here");
        break;
    case REGISTER_STORAGE_FAILED:
        registration_state(node, tracker, TRACKER_FAILED, word, "its disk fails");
        break;
    case REGISTER_OTHERWISE:
        registration_state(node, tracker, TRACKER_FAILED, word, "it refuses, and does not say why");
        break;
    }
}

static void answered(struct node *node, struct tracker *tracker, enum message_type type,
                     const struct json *data)
{
    if (type == MESSAGE_EXIT_NETWORK) {
        if (tracker->is_leaving)
            registration_left(node, tracker);
        return;
    }
    if (!tracker->is_asked)
        return; /* of an earlier question on this link */
    tracker->is_asked = false;
    registration_arm(node, tracker);
    if (type == MESSAGE_REGISTER_SUCCESS)
        succeeded(node, tracker, data);
    else
        refused(node, tracker, data);
    if (tracker->is_stale)
        registration_ask(node, tracker);
}

void registration_message(struct node *node, struct session *session, enum message_type type,
                          const struct json *data)
{
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (t->is_linked && memcmp(t->row.key, session->key, KEY_LENGTH) == 0)
            answered(node, t, type, data);
    }
    tracker_calls_look(node);
}

/* --- Time --- */

void registration_expire(struct node *node, struct tracker *tracker)
{
    if (tracker->setting.is_classic) {
        classic_server_expire(node, tracker);
        return;
    }
    if (tracker->is_leaving) {
        registration_left(node, tracker);
        tracker_calls_look(node);
        return;
    }
    if (tracker->is_asked) {
        struct session *session = trackers_session(node, tracker);
        registration_state(node, tracker, TRACKER_FAILED, "no_answer", "it does not answer");
        tracker->is_asked = false;
        if (session != NULL)
            session_close(node, session, LINK_END_TIMEOUT);
        registration_arm(node, tracker);
        tracker_calls_look(node);
        return;
    }
    registration_arm(node, tracker);
    registration_ask(node, tracker);
    if (tracker->is_linked)
        return;
    if (tracker->is_held_off)
        dialler_want(&node->dialler, tracker->number, DIALLER_OFTEN, node->now.mono);
    tracker->is_held_off = false;
    dialler_news(&node->dialler, tracker->number, node->now.mono);
}

/* --- The end --- */

/* Another one that is the same node goes on with the link. */
static bool is_shared(const struct node *node, const struct tracker *tracker)
{
    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (t != tracker && t->is_linked && !t->is_leaving &&
            memcmp(t->row.key, tracker->row.key, KEY_LENGTH) == 0)
            return true;
    return false;
}

void registration_leave(struct node *node, struct tracker *tracker)
{
    struct session *session = trackers_session(node, tracker);
    struct bytes data = BYTES_EMPTY;

    if (tracker->setting.is_classic)
        classic_server_leave(node, tracker);
    tracker->is_asked = false;
    tracker->is_leaving = true;
    if (session == NULL || is_shared(node, tracker)) {
        registration_left(node, tracker);
        return;
    }
    bytes_text(&data, "{}");
    session_send(node, session, MESSAGE_EXIT_NETWORK, &data);
    bytes_done(&data);
    if (!node->stopping)
        arm(node, tracker, TRACKER_LEAVE_MS);
}

void registration_left(struct node *node, struct tracker *tracker)
{
    struct session *session = trackers_session(node, tracker);
    struct tracker_row row = tracker->row;

    timers_stop(&node->timers, &tracker->timer);
    dialler_unwant(&node->dialler, tracker->number);
    if (session != NULL && !is_shared(node, tracker))
        session_close(node, session, LINK_END_SHUTDOWN);
    tracker->state = TRACKER_OFF;
    tracker->error[0] = '\0';
    tracker->is_linked = tracker->is_leaving = tracker->is_held_off = false;
    tracker->has_reached_us = false;
    tracker->seen[0] = '\0';
    judge_seen(node, tracker);
    lookup_tracker_gone(node, tracker);
    if (!tracker->is_to_be_forgotten)
        return;
    tracker->is_to_be_forgotten = false;
    if (!tracker->is_configured) {
        ledger_remove_tracker(node, tracker->row.address);
        return;
    }
    row.has_key = false;
    ledger_put_tracker(node, &row);
}

/* --- Warnings --- */

static const char *const dangers[TRACKER_DANGERS] = {
    [TRACKER_LIED] = "tracker_lied",
    [TRACKER_OUTDATED] = "tracker_outdated",
};

void registration_warn(struct node *node, struct tracker *tracker, enum tracker_danger danger)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    uint64_t suppressed;

    node->totals.warnings++;
    if (!ration_of_contact(node, &tracker->warnings[danger], &suppressed))
        return;
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "reason", dangers[danger]);
    json_put_string(&w, "address", tracker->setting.text);
    json_put_integer(&w, "suppressed", (int64_t)suppressed);
    json_write_close(&w, '}');
    ledger_log(node, EVENT_SECURITY_WARNING, 0, &object);
    bytes_done(&object);
    note(node, tracker, NOTE_WARNING, dangers[danger], NULL);
}
