/* Trackers: which there are, whether we want to be with them, and whether there is a link. */
#include "daemon/core/node/trackers.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/session.h"
#include "daemon/core/table.h"

/* Contacts are numbered from 1 up, and so never meet these. */
#define TRACKER_NUMBERS UINT32_C(0x80000000)

/* --- The table --- */

bool trackers_is_number(uint32_t peer)
{
    return peer >= TRACKER_NUMBERS;
}

struct tracker *trackers_by_number(const struct node *node, uint32_t number)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (t->number == number)
            return t;
    return NULL;
}

struct tracker *trackers_by_address(const struct node *node, const char *text)
{
    struct tracker *tracker;

    HASH_FIND_STR(node->trackers, text, tracker);
    return tracker;
}

bool trackers_is_wanted(const struct tracker *tracker)
{
    return tracker->row.wish == TRACKER_AS_CONFIGURED ? tracker->is_configured
                                                      : tracker->row.wish == TRACKER_WANTED;
}

enum tracker_wish trackers_wanted(const struct tracker *tracker)
{
    return tracker->is_configured ? TRACKER_AS_CONFIGURED : TRACKER_WANTED;
}

/* "An id in the address pins from the start": in that of the configuration. */
static void pin_given_key(struct tracker *tracker)
{
    const char *id = tracker->setting.address.peer_id;
    struct peer_key key;

    if (id[0] == '\0')
        return;
    const enum error error = peer_id_decode(id, PEER_ID_LENGTH, &key);
    must(error == OK); /* tracker_setting_parse has seen to it */
    tracker->row.has_key = true;
    memcpy(tracker->row.key, key.bytes, KEY_LENGTH);
}

static struct tracker *add(struct node *node, const struct tracker_setting *setting)
{
    struct tracker *tracker = trackers_by_address(node, setting->text);

    if (tracker != NULL)
        return tracker;
    tracker = xcalloc(1, sizeof *tracker);
    tracker->setting = *setting;
    tracker->row.address = tracker->setting.text;
    tracker->number = TRACKER_NUMBERS | ++node->last_tracker;
    tracker->timer.kind = TIMER_TRACKER;
    pin_given_key(tracker);
    HASH_ADD_KEYPTR(hh, node->trackers, tracker->row.address, strlen(tracker->row.address),
                    tracker);
    return tracker;
}

enum error trackers_add(struct node *node, const struct tracker_setting *setting,
                        struct tracker **ret_tracker)
{
    if (trackers_by_address(node, setting->text) == NULL &&
        HASH_COUNT(node->trackers) >= TRACKERS_MAX)
        return ERR_LIMIT_EXCEEDED;
    struct tracker_setting place = *setting;
    place.address.peer_id[0] = '\0';
    *ret_tracker = add(node, &place);
    return OK;
}

void trackers_configure(struct node *node, const struct tracker_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tracker *tracker = add(node, &settings[i]);
        tracker->is_configured = true;
        if (settings[i].address.peer_id[0] != '\0') {
            tracker->setting.address = settings[i].address;
            pin_given_key(tracker);
        }
    }
}

const struct tracker_row *trackers_row(const struct node *node, const char *address)
{
    const struct tracker *tracker = trackers_by_address(node, address);

    return tracker != NULL && tracker->has_row ? &tracker->row : NULL;
}

/* Takes over what a row says. The key of a link that is there goes on counting, also when the row
 * with it could not be kept. */
static void set_row(struct tracker *tracker, const struct tracker_row *row)
{
    const struct tracker_row before = tracker->row;

    tracker->row = *row;
    tracker->row.address = tracker->setting.text;
    tracker->is_pinned = row->has_key;
    if (!row->has_key && tracker->is_linked && !tracker->is_leaving) {
        tracker->row.has_key = true;
        memcpy(tracker->row.key, before.key, KEY_LENGTH);
    }
    pin_given_key(tracker);
}

void trackers_put_row(struct node *node, const struct tracker_row *row)
{
    struct tracker_setting setting;

    if (tracker_setting_parse(row->address, &setting) != OK)
        return; /* a newer program's */
    setting.address.peer_id[0] = '\0';
    struct tracker *tracker = add(node, &setting);
    tracker->has_row = true;
    set_row(tracker, row);
}

/* "The explicit id wins": over a key that was proved at the same place. */
void trackers_load_row(struct node *node, const struct tracker_row *row)
{
    struct tracker_setting setting;
    struct tracker_row merged = *row;
    struct peer_key key;

    if (tracker_setting_parse(row->address, &setting) != OK)
        return; /* a newer program's */
    const struct tracker *known = trackers_by_address(node, setting.text);
    const bool has_id = setting.address.peer_id[0] != '\0';
    merged.address = setting.text;
    if (has_id) {
        const enum error error = peer_id_decode(setting.address.peer_id, PEER_ID_LENGTH, &key);
        must(error == OK); /* tracker_setting_parse has seen to it */
        merged.has_key = true;
        memcpy(merged.key, key.bytes, KEY_LENGTH);
        bytes_append(&node->long_trackers, row->address, strlen(row->address) + 1);
    }
    if (known != NULL && known->has_row) {
        if (known->row.wish == TRACKER_WANTED)
            merged.wish = TRACKER_WANTED;
        if (!has_id && known->is_pinned) {
            merged.has_key = true;
            memcpy(merged.key, known->row.key, KEY_LENGTH);
        }
    }
    trackers_put_row(node, &merged);
}

/* From now on it is as the configuration says, whatever calls have said. */
static void leave_to_configuration(struct node *node, struct tracker *tracker)
{
    struct tracker_row row = tracker->row;

    if (!tracker->has_row || row.wish == TRACKER_AS_CONFIGURED)
        return;
    row.wish = TRACKER_AS_CONFIGURED;
    ledger_put_tracker(node, &row);
}

/* The configuration may be another one than when the rows were written. */
static void meet_configuration(struct node *node)
{
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (t->is_configured && t->row.wish == TRACKER_WANTED)
            leave_to_configuration(node, t);
        else if (!t->is_configured && t->has_row && t->row.wish == TRACKER_AS_CONFIGURED)
            ledger_remove_tracker(node, t->row.address);
    }
}

void trackers_start(struct node *node)
{
    const char *at = (const char *)bytes_data(&node->long_trackers);
    const char *const end = at + bytes_length(&node->long_trackers);
    struct tracker_setting setting;

    for (; at < end; at += strlen(at) + 1) {
        const enum error error = tracker_setting_parse(at, &setting);
        must(error == OK); /* trackers_load_row has read it */
        const struct tracker_row row = *trackers_row(node, setting.text);
        ledger_put_tracker(node, &row);
        ledger_remove_tracker(node, at);
    }
    bytes_clear(&node->long_trackers);
    if (node->role == ROLE_NODE)
        meet_configuration(node);
    trackers_apply(node);
}

static void drop(struct node *node, struct tracker *tracker)
{
    HASH_DELETE(hh, node->trackers, tracker);
    timers_stop(&node->timers, &tracker->timer);
    dialler_unwant(&node->dialler, tracker->number);
    lookup_tracker_gone(node, tracker);
    free(tracker);
}

void trackers_remove_row(struct node *node, const char *address)
{
    struct tracker *tracker = trackers_by_address(node, address);

    if (tracker == NULL)
        return;
    if (!tracker->is_configured) {
        drop(node, tracker);
        return;
    }
    tracker->has_row = false;
    set_row(tracker, &(struct tracker_row){.has_key = false});
}

/* --- Links --- */

/* The dialled link to that key: a tracker may be configured twice, under two addresses. */
struct session *trackers_session(struct node *node, const struct tracker *tracker)
{
    return tracker->is_linked ? session_of_key(node, tracker->row.key) : NULL;
}

static bool has_key(const struct tracker *tracker, const uint8_t key[KEY_LENGTH])
{
    return tracker->row.has_key && memcmp(tracker->row.key, key, KEY_LENGTH) == 0;
}

bool trackers_is_session(const struct session *session)
{
    return trackers_is_number(session->dialled_peer);
}

void trackers_dial(struct node *node, uint32_t number)
{
    const struct tracker *tracker = trackers_by_number(node, number);

    must(tracker != NULL);
    const struct dial_address to = {.at = tracker->setting.address.at};
    dial_start(node, number, tracker->row.has_key ? tracker->row.key : NULL, &to, 1);
}

void trackers_unreached(struct node *node, uint32_t number, const char *why, enum dial_met met)
{
    struct tracker *tracker = trackers_by_number(node, number);

    if (tracker == NULL || tracker->is_linked || !trackers_is_wanted(tracker))
        return;
    registration_state(node, tracker, TRACKER_AWAY, "unreachable",
                       why != NULL ? why : error_text(ERR_UNREACHABLE));
    tracker->met = met;
    lookup_tracker_gone(node, tracker);
    tracker_calls_look(node);
}

/* There is no use in another link before the next renewal. */
static void hold_off(struct node *node, struct tracker *tracker)
{
    tracker->is_held_off = true;
    dialler_unwant(&node->dialler, tracker->number);
}

void trackers_hold_off(struct node *node, struct tracker *tracker, enum link_end why)
{
    struct session *session = trackers_session(node, tracker);

    hold_off(node, tracker);
    if (session != NULL)
        session_close(node, session, why);
}

static void link_up(struct node *node, struct tracker *tracker)
{
    tracker->is_linked = true;
    tracker->is_asked = false;
    tracker->is_held_off = false;
    dialler_linked(&node->dialler, tracker->number, node->now.mono);
    registration_ask(node, tracker);
    lookup_tracker_up(node, tracker);
}

void trackers_greeted(struct node *node, struct session *session, enum node_role role)
{
    struct tracker *tracker = trackers_by_number(node, session->dialled_peer);

    if (tracker == NULL || !trackers_is_wanted(tracker)) {
        /* It may be wanted again before it is durable that it is not. */
        dialler_failed(&node->dialler, session->dialled_peer, node->now.mono);
        session_close(node, session, LINK_END_SHUTDOWN);
        return;
    }
    if (tracker->row.has_key && !has_key(tracker, session->key)) {
        /* It was dialled before it was said which key it has. */
        dialler_failed(&node->dialler, session->dialled_peer, node->now.mono);
        session_close(node, session, LINK_END_SHUTDOWN);
        return;
    }
    if (role != ROLE_TRACKER) {
        registration_state(node, tracker, TRACKER_FAILED, "no_tracker",
                           "a node answers there, not a tracker");
        lookup_tracker_gone(node, tracker);
        hold_off(node, tracker);
        session_close(node, session, LINK_END_SHUTDOWN);
        tracker_calls_look(node);
        return;
    }
    if (!tracker->row.has_key) {
        tracker->row.has_key = true;
        memcpy(tracker->row.key, session->key, KEY_LENGTH);
    }
    trackers_pin(node, tracker);
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (trackers_is_wanted(t) && has_key(t, session->key))
            link_up(node, t);
}

/* The other side said that it is full, or has had enough of us. */
static bool is_sent_away(const struct session *session, enum link_end why)
{
    return why == LINK_END_CLOSED && link_reason_told(session->link) == LINK_END_LIMIT;
}

/* It said what no tracker says. */
static bool is_against_rules(enum link_end why)
{
    return why == LINK_END_MALFORMED || why == LINK_END_LIMIT || why == LINK_END_CREDIT;
}

static void link_down(struct node *node, struct tracker *tracker, const struct session *session,
                      enum link_end why)
{
    tracker->is_linked = false;
    tracker->is_asked = false;
    lookup_tracker_gone(node, tracker);
    if (tracker->is_leaving) {
        registration_left(node, tracker);
        return;
    }
    if (is_sent_away(session, why)) {
        hold_off(node, tracker);
        if (tracker->state == TRACKER_CONNECTING)
            registration_state(node, tracker, TRACKER_FAILED, "limit_exceeded",
                               "it takes no more peers from here");
    } else if (is_against_rules(why)) {
        hold_off(node, tracker);
        if (tracker->state == TRACKER_CONNECTING || tracker->state == TRACKER_REGISTERED)
            registration_state(node, tracker, TRACKER_FAILED, "malformed",
                               "what it says breaks the rules of the protocol; is it of another "
                               "version?");
    } else {
        dialler_lost(&node->dialler, tracker->number, node->now.mono);
        if (tracker->state == TRACKER_REGISTERED)
            tracker->state = TRACKER_CONNECTING;
    }
}

void trackers_lost(struct node *node, const struct session *session, enum link_end why)
{
    if (node->stopping || session_of_key(node, session->key) != NULL)
        return;
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (t->is_linked && has_key(t, session->key))
            link_down(node, t, session, why);
    }
    tracker_calls_look(node);
}

/* --- What is wanted --- */

void trackers_hurry(struct node *node, struct tracker *tracker)
{
    if (tracker->setting.is_classic) {
        classic_server_ask(node, tracker);
        return;
    }
    if (tracker->is_linked)
        return;
    tracker->is_held_off = false;
    dialler_want_now(&node->dialler, tracker->number);
}

static void begin(struct node *node, struct tracker *tracker)
{
    tracker->is_to_be_forgotten = false;
    tracker->state = TRACKER_CONNECTING;
    tracker->error[0] = '\0';
    if (tracker->is_leaving) { /* it was wanted again before it was left */
        tracker->is_leaving = false;
        registration_ask(node, tracker);
        return;
    }
    if (tracker->setting.is_classic) {
        classic_server_ask(node, tracker);
        return;
    }
    dialler_want(&node->dialler, tracker->number, DIALLER_OFTEN, node->now.mono);
    registration_arm(node, tracker);
}

void trackers_apply(struct node *node)
{
    if (!node->started || node->stopping)
        return;
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (trackers_is_wanted(t) && (t->state == TRACKER_OFF || t->is_leaving))
            begin(node, t);
        else if (!trackers_is_wanted(t) && t->state != TRACKER_OFF && !t->is_leaving)
            registration_leave(node, t);
    }
}

void trackers_pin(struct node *node, struct tracker *tracker)
{
    struct tracker_row row = tracker->row;

    if (tracker->is_pinned || tracker->setting.address.peer_id[0] != '\0')
        return;
    ledger_put_tracker(node, &row);
}

bool trackers_expect_key(struct node *node, struct tracker *tracker, const struct peer_key *key)
{
    const bool is_other = tracker->row.has_key && !has_key(tracker, key->bytes);
    struct tracker_row row = tracker->row;

    if (is_other && tracker->setting.address.peer_id[0] != '\0')
        return false;
    if (!is_other && tracker->is_pinned && trackers_is_wanted(tracker))
        return true;
    if (is_other && tracker->state != TRACKER_OFF) {
        tracker->is_to_be_forgotten = false;
        registration_left(node, tracker);
    }
    row.has_key = true;
    row.wish = trackers_wanted(tracker);
    memcpy(row.key, key->bytes, KEY_LENGTH);
    ledger_put_tracker(node, &row);
    return true;
}

/* --- The configuration, read again --- */

static const struct tracker_setting *
setting_of(const struct tracker *tracker, const struct tracker_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].text, tracker->setting.text) == 0)
            return &settings[i];
    return NULL;
}

/* It is forgotten once it is left. */
static void unconfigure(struct node *node, struct tracker *tracker)
{
    if (trackers_is_wanted(tracker))
        registration_unwanted(node, tracker, "configuration");
    tracker->is_configured = false;
    tracker->setting.address.peer_id[0] = '\0';
    tracker->is_to_be_forgotten = true;
    leave_to_configuration(node, tracker);
    if (tracker->state == TRACKER_OFF)
        registration_left(node, tracker);
}

/* Another key than the one that it had: it is left, and looked for anew. */
static void expect_configured_key(struct node *node, struct tracker *tracker,
                                  const struct tracker_setting *setting)
{
    const char *id = setting->address.peer_id;
    struct peer_key key;

    if (strcmp(tracker->setting.address.peer_id, id) == 0)
        return;
    if (id[0] == '\0') {
        tracker->setting.address.peer_id[0] = '\0';
        if (!tracker->is_pinned && !tracker->is_linked)
            tracker->row.has_key = false;
        return;
    }
    const enum error error = peer_id_decode(id, PEER_ID_LENGTH, &key);
    must(error == OK); /* tracker_setting_parse has seen to it */
    if (tracker->row.has_key && !has_key(tracker, key.bytes) && tracker->state != TRACKER_OFF) {
        tracker->is_to_be_forgotten = false;
        registration_left(node, tracker);
    }
    tracker->setting.address = setting->address;
    pin_given_key(tracker);
}

static void configure(struct node *node, const struct tracker_setting *setting)
{
    struct tracker_setting place = *setting;

    place.address.peer_id[0] = '\0';
    struct tracker *tracker = add(node, &place);
    expect_configured_key(node, tracker, setting);
    if (tracker->is_configured)
        return;
    tracker->is_configured = true;
    tracker->is_to_be_forgotten = false;
    leave_to_configuration(node, tracker);
}

void trackers_reconfigure(struct node *node, const struct tracker_setting *settings, size_t count)
{
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (t->is_configured && setting_of(t, settings, count) == NULL)
            unconfigure(node, t);
    }
    for (size_t i = 0; i < count; i++)
        configure(node, &settings[i]);
    trackers_apply(node);
    tracker_calls_look(node);
}

void trackers_undone(struct node *node)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        t->is_to_be_forgotten = t->is_to_be_forgotten && !trackers_is_wanted(t);
    trackers_apply(node);
}

void trackers_stop(struct node *node)
{
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next; /* one that is to be forgotten may go at once */
        timers_stop(&node->timers, &t->timer);
        registration_unwanted(node, t, "shutdown");
        if (t->setting.is_classic || trackers_session(node, t) != NULL)
            registration_leave(node, t);
    }
}

void trackers_done(struct node *node)
{
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        HASH_DELETE(hh, node->trackers, t);
        timers_stop(&node->timers, &t->timer);
        free(t);
    }
    bytes_done(&node->long_trackers);
    free(node->own_name);
}

/* --- Looking --- */

static const char *const states[] = {
#define ROW(NAME, name) [TRACKER_##NAME] = name,
    TRACKER_STATES(ROW)
#undef ROW
};

bool trackers_in(const struct node *node, size_t state, const char **ret_name, size_t *ret_count)
{
    size_t count = 0;

    if (state >= sizeof states / sizeof states[0])
        return false;
    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        count += (size_t)t->state == state;
    *ret_name = states[state];
    *ret_count = count;
    return true;
}

/* Whether others can reach us where the tracker sees us: it tries once, after the first REGISTER.
 */
static enum node_reached reached(const struct node *node, const struct tracker *tracker)
{
    const struct mono tried = mono_after(tracker->seen_since, TRACKER_REACHES_MS);

    if (tracker->has_reached_us)
        return NODE_REACHED_YES;
    if (tracker->seen[0] != '\0' && mono_due(tried, node->now.mono))
        return NODE_REACHED_NO;
    return NODE_REACHED_UNKNOWN;
}

static struct node_tracker look(const struct node *node, const struct tracker *t)
{
    return (struct node_tracker){.address = t->setting.text,
                                 .at = t->setting.address.at,
                                 .state = t->state,
                                 .error = t->error[0] != '\0' ? t->error : NULL,
                                 .met = t->met,
                                 .seen = t->seen[0] != '\0' ? t->seen : NULL,
                                 .reached = reached(node, t)};
}

bool trackers_look(const struct node *node, size_t index, struct node_tracker *ret_tracker)
{
    const struct tracker *t = node->trackers;

    for (; t != NULL && index > 0; index--)
        t = t->hh.next;
    if (t == NULL)
        return false;
    *ret_tracker = look(node, t);
    return true;
}

static void write_reached(struct json_writer *w, enum node_reached reached)
{
    switch (reached) {
    case NODE_REACHED_UNKNOWN:
        json_put_null(w, "reachable");
        break;
    case NODE_REACHED_NO:
        json_put_bool(w, "reachable", false);
        break;
    case NODE_REACHED_YES:
        json_put_bool(w, "reachable", true);
        break;
    }
}

void trackers_write(const struct node *node, struct json_writer *w)
{
    json_write_open(w, '[');
    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next) {
        const struct node_tracker seen = look(node, t);

        json_write_open(w, '{');
        json_put_string(w, "address", seen.address);
        json_put_string(w, "state", states[seen.state]);
        json_put_string(w, "error", seen.error);
        json_put_string(w, "seen", seen.seen);
        write_reached(w, seen.reached);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
}
