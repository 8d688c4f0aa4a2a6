/* register, exit_network and listpeer: what is asked of trackers in the name of a client. */
#include "daemon/core/node/call.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/name.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/trackers.h"

/* --- Calls that wait for trackers --- */

static bool is_meant(const struct tracker_call *call, const struct tracker *tracker)
{
    return call->number == 0 ? call->is_exit || trackers_is_wanted(tracker)
                             : call->number == tracker->number;
}

/* Nothing is under way with it. */
static bool is_settled(const struct tracker *tracker)
{
    return !tracker->is_asked && !tracker->is_leaving && tracker->state != TRACKER_CONNECTING;
}

static void call_free(struct node *node, struct tracker_call *call)
{
    struct tracker_call **link = &node->tracker_calls;

    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    timers_stop(&node->timers, &call->timer);
    free(call->name);
    free(call->name_before);
    free(call);
}

static void write_result(const struct node *node, const char *name, struct bytes *result)
{
    struct json_writer w;

    json_write_init(&w, result);
    json_write_open(&w, '{');
    if (name != NULL)
        json_put_string(&w, "name", name);
    json_write_name(&w, "trackers");
    trackers_write(node, &w);
    json_write_close(&w, '}');
}

/* Why nobody has registered us, and the tracker that says so: a name that is taken is what to do
 * something about. ERR_NO_TRACKER: those that were meant were left meanwhile. */
static enum error why_not(const struct node *node, const struct tracker_call *call,
                          const struct tracker **ret_tracker)
{
    enum error worst = ERR_NO_TRACKER;

    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next) {
        if (!is_meant(call, t))
            continue;
        if (t->state == TRACKER_REGISTERED)
            return OK;
        const enum error error = t->state == TRACKER_NAME_TAKEN ? ERR_NAME_TAKEN
                                 : t->state == TRACKER_FAILED   ? ERR_REFUSED
                                                                : ERR_UNREACHABLE;
        if (worst == ERR_NO_TRACKER || error == ERR_NAME_TAKEN ||
            (error == ERR_REFUSED && worst == ERR_UNREACHABLE)) {
            worst = error;
            *ret_tracker = t;
        }
    }
    return worst;
}

static void take_name(struct node *node, const char *name)
{
    const bool is_new = strcmp(node_name(node), name != NULL ? name : node->name) != 0;

    if (is_new || (name == NULL && node->own_name != NULL))
        ledger_put_own_name(node, name);
    if (is_new)
        hello_new_record(node);
}

/* Who cannot have another name goes on under the one before. */
static void take_back_name(struct node *node, const struct tracker_call *call)
{
    if (call->name != NULL && node->own_name != NULL && strcmp(call->name, node->own_name) == 0)
        take_name(node, call->name_before);
}

static void reply(struct node *node, const struct tracker_call *call)
{
    const struct tracker *tracker = NULL;
    struct bytes result = BYTES_EMPTY;
    const enum error error = call->is_exit ? OK : why_not(node, call, &tracker);
    struct bytes message = BYTES_EMPTY;

    /* the data of an error has a name already: the error's */
    write_result(node, call->is_exit || error != OK ? NULL : node_name(node), &result);
    if (error == OK) {
        call_reply(node, call->call, &result);
    } else if (error == ERR_NO_TRACKER) {
        call_reply_error_with(node, call->call, error, "it was left meanwhile", &result);
    } else {
        bytes_text(&message, tracker->setting.text);
        bytes_text(&message, ": ");
        bytes_text(&message, tracker->error[0] != '\0' ? tracker->error : "no answer yet");
        if (error != ERR_NAME_TAKEN && !(tracker->setting.is_classic && node->classic.port == 0))
            bytes_text(&message, "; it is tried again");
        bytes_u8(&message, '\0');
        call_reply_error_with(node, call->call, error, (const char *)bytes_data(&message), &result);
    }
    if (error == ERR_NAME_TAKEN)
        take_back_name(node, call);
    bytes_done(&message);
    bytes_done(&result);
}

void tracker_calls_look(struct node *node)
{
    for (struct tracker_call *call = node->tracker_calls, *next; call != NULL; call = next) {
        bool is_over = true;
        next = call->next;
        for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
            if (is_meant(call, t) && !is_settled(t))
                is_over = false;
        if (!is_over)
            continue;
        reply(node, call);
        call_free(node, call);
    }
}

void tracker_call_expire(struct node *node, struct tracker_call *call)
{
    reply(node, call);
    call_free(node, call);
}

void tracker_calls_gone(struct node *node, uint64_t client)
{
    for (struct tracker_call *call = node->tracker_calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->client == client)
            call_free(node, call);
    }
}

void tracker_calls_stop(struct node *node)
{
    while (node->tracker_calls != NULL) {
        call_reply_error(node, node->tracker_calls->call, ERR_SHUTTING_DOWN, NULL);
        call_free(node, node->tracker_calls);
    }
}

void tracker_calls_done(struct node *node)
{
    while (node->tracker_calls != NULL)
        call_free(node, node->tracker_calls);
}

static size_t count_calls(const struct node *node)
{
    size_t count = 0;

    for (const struct tracker_call *call = node->tracker_calls; call != NULL; call = call->next)
        count++;
    return count;
}

/* One that is to be registered with is asked now, however it stood before. */
static void ask_now(struct node *node, struct tracker *tracker)
{
    if (tracker->is_linked) {
        if (!tracker->is_asked)
            registration_ask(node, tracker);
        return;
    }
    tracker->state = TRACKER_CONNECTING;
    trackers_hurry(node, tracker);
}

void tracker_call_happen(struct node *node, const struct effect *effect)
{
    struct tracker_call *call;

    if (node->stopping) { /* it is kept, and holds from the next start on */
        call_reply_error(node, effect->call, ERR_SHUTTING_DOWN, NULL);
        return;
    }
    call = xcalloc(1, sizeof *call);
    call->call = effect->call;
    call->client = effect->client;
    call->number = (uint32_t)effect->number;
    call->is_exit = effect->kind == EFFECT_EXIT_NETWORK;
    if (bytes_length(&effect->bytes) > 0) {
        const char *name = (const char *)bytes_data(&effect->bytes);
        const char *before = name + strlen(name) + 1;
        call->name = xstrdup(name);
        call->name_before = *before != '\0' ? xstrdup(before) : NULL;
    }
    call->timer.kind = TIMER_TRACKER_CALL;
    timers_set(&node->timers, &call->timer,
               mono_after(node->now.mono, call->is_exit ? TRACKER_LEAVE_MS : TRACKER_CALL_MS));
    call->next = node->tracker_calls;
    node->tracker_calls = call;
    trackers_apply(node);
    for (struct tracker *t = node->trackers, *next; t != NULL; t = next) {
        next = t->hh.next;
        if (!is_meant(call, t))
            continue;
        if (!call->is_exit)
            ask_now(node, t);
        else if (t->is_to_be_forgotten && t->state == TRACKER_OFF)
            registration_left(node, t);
    }
    tracker_calls_look(node);
}

/* Answered when it is durable, and the trackers have said what they say. */
static struct effect *wait_for_trackers(struct node *node, const struct input *input,
                                        enum effect_kind kind, const struct tracker *tracker)
{
    struct effect *effect = ledger_effect(node, kind);

    flight_make_sure(node);
    effect->call = input->call.call;
    effect->client = input->call.client;
    effect->number = tracker != NULL ? tracker->number : 0;
    return effect;
}

/* --- register, exit_network --- */

static void want(struct node *node, struct tracker *tracker, bool is_wanted)
{
    struct tracker_row row = tracker->row;

    if (is_wanted)
        tracker->is_to_be_forgotten = false; /* as was said just before */
    if (!is_wanted && trackers_is_wanted(tracker))
        registration_unwanted(node, tracker, "exit_network");
    if (trackers_is_wanted(tracker) == is_wanted)
        return;
    row.wish = is_wanted ? trackers_wanted(tracker) : TRACKER_UNWANTED;
    ledger_put_tracker(node, &row);
}

static struct outcome bad_tracker(void)
{
    return outcome_error(ERR_INVALID_PARAMS, "parameter 'tracker' is no address of a tracker: give "
                                             "host:port, [v6]:port, PEERID@host:port or "
                                             "classic:host:port");
}

struct outcome method_register(struct node *node, const struct input *input)
{
    const char *name = api_string(input->call.args, ARG_REGISTER_NAME);
    const char *address = api_string(input->call.args, ARG_REGISTER_TRACKER);
    struct tracker_setting setting;
    struct tracker *tracker = NULL;
    struct peer_key key;

    if (name != NULL && name_check(name) != OK)
        return outcome_error(ERR_BAD_NAME, NULL);
    if (address != NULL && tracker_setting_parse(address, &setting) != OK)
        return bad_tracker();
    if (address != NULL && setting.is_classic && !node->dialect.is_on)
        return outcome_error(ERR_INVALID_PARAMS,
                             "this node does not speak the classic dialect: set "
                             "Listen= of [Classic]");
    if (address == NULL && node->trackers == NULL)
        return outcome_error(ERR_NO_TRACKER, "no tracker is configured; give --tracker=ADDRESS");
    if (count_calls(node) >= TRACKER_CALLS_MAX ||
        (address != NULL && trackers_add(node, &setting, &tracker) != OK))
        return outcome_error(ERR_LIMIT_EXCEEDED, NULL);
    if (tracker != NULL && setting.address.peer_id[0] != '\0') {
        const enum error error = peer_id_decode(setting.address.peer_id, PEER_ID_LENGTH, &key);
        must(error == OK); /* tracker_setting_parse has seen to it */
        if (!trackers_expect_key(node, tracker, &key))
            return outcome_error(ERR_INVALID_PARAMS,
                                 "parameter 'tracker': the configuration names another peer id "
                                 "for it; change Use= of [Tracker]");
    } else if (tracker != NULL) {
        want(node, tracker, true);
    } else {
        for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
            want(node, t, true);
    }
    struct bytes names = BYTES_EMPTY;
    if (name != NULL && strcmp(name, node_name(node)) != 0) {
        const char *before = node->own_name != NULL ? node->own_name : "";
        bytes_append(&names, name, strlen(name) + 1);
        bytes_append(&names, before, strlen(before) + 1);
        take_name(node, name); /* the new record goes first */
    }
    wait_for_trackers(node, input, EFFECT_REGISTER, tracker)->bytes = names;
    return outcome_later();
}

struct outcome method_exit_network(struct node *node, const struct input *input)
{
    const char *address = api_string(input->call.args, ARG_EXIT_NETWORK_TRACKER);
    struct tracker_setting setting;
    struct tracker *tracker = NULL;

    if (address != NULL && tracker_setting_parse(address, &setting) != OK)
        return bad_tracker();
    if (address != NULL && (tracker = trackers_by_address(node, setting.text)) == NULL)
        return outcome_error(ERR_NO_TRACKER, "this tracker is not known; see 'status'");
    if (count_calls(node) >= TRACKER_CALLS_MAX)
        return outcome_error(ERR_LIMIT_EXCEEDED, NULL);
    if (tracker != NULL) {
        want(node, tracker, false);
        tracker->is_to_be_forgotten = true;
    } else {
        for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
            want(node, t, false);
        take_name(node, NULL);
    }
    wait_for_trackers(node, input, EFFECT_EXIT_NETWORK, tracker);
    return outcome_later();
}

/* --- listpeer --- */

struct outcome method_listpeer(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *prefix = api_string(args, ARG_LISTPEER_PREFIX);
    struct message_listpeer question = {
        .asks = ASKS_PREFIX,
        .text = prefix != NULL ? prefix : "",
        .after = api_string(args, ARG_LISTPEER_AFTER),
        .limit = (uint32_t)api_integer(args, ARG_LISTPEER_LIMIT, LIST_PAGE)};
    struct lookup *lookup;
    enum error error;

    if (!text_is_message(question.text, strlen(question.text)))
        return outcome_error(ERR_INVALID_PARAMS, "parameter 'prefix' holds control characters");
    if (question.after != NULL && name_check(question.after) != OK)
        return outcome_error(ERR_INVALID_PARAMS, "parameter 'after' is no name");
    if (node->role == ROLE_TRACKER)
        return registrar_listpeer(node, &question);
    error = lookup_start(node, &question, &lookup);
    if (error != OK)
        return outcome_error(error, error == ERR_NO_TRACKER ? "no tracker is in use; see 'register'"
                                                            : "too many look-ups are under way");
    lookup->call = input->call.call;
    lookup->client = input->call.client;
    lookup_go(node, lookup);
    return outcome_later();
}

/* Where an answer that is not complete ends: what comes behind that may be missing. */
static const struct lookup_part *first_end(const struct lookup *lookup)
{
    const struct lookup_part *first = NULL;

    for (size_t i = 0; i < lookup->part_count; i++) {
        const struct lookup_part *part = &lookup->parts[i];
        if (part->progress == LOOKUP_ANSWERED && part->next != NULL &&
            (first == NULL || strcmp(part->next_folded, first->next_folded) < 0))
            first = part;
    }
    return first;
}

/* How many entries make up the page: as many as were asked for, but all of the last name, as the
 * next page begins behind it. */
static size_t page_length(const struct lookup *lookup, const struct lookup_part *end)
{
    size_t count = 0;

    while (count < lookup->entry_count) {
        const struct lookup_entry *entry = &lookup->entries[count];
        if (end != NULL && strcmp(entry->folded, end->next_folded) > 0)
            break;
        if (count >= lookup->limit && strcmp(entry->folded, lookup->entries[count - 1].folded) != 0)
            break;
        count++;
    }
    return count;
}

static bool is_connected(const struct node *node, const struct lookup_entry *entry)
{
    const struct contact *contact;
    char at[ADDRESS_HOST_PORT_MAX + 1];

    if (entry->has_key) {
        contact = contacts_by_key(&node->contacts, entry->key);
    } else {
        host_port_format(&entry->addresses[0], at);
        contact = contacts_by_address(&node->contacts, at);
    }
    return contact != NULL && consent_is_open(contact) &&
           contact->row.is_classic == !entry->has_key;
}

static void write_entry(const struct node *node, struct json_writer *w,
                        const struct lookup_entry *entry)
{
    char peer_id[PEER_ID_LENGTH + 1], at[ADDRESS_HOST_PORT_MAX + 1];

    json_write_open(w, '{');
    json_put_string(w, "name", entry->name);
    if (entry->has_key)
        peer_id_encode(entry->key, peer_id);
    json_put_string(w, "peer_id", entry->has_key ? peer_id : NULL);
    json_write_name(w, "addresses");
    json_write_open(w, '[');
    for (size_t i = 0; i < entry->address_count; i++) {
        if (!entry->is_local && host_is_local(entry->addresses[i].host))
            continue;
        host_port_format(&entry->addresses[i], at);
        json_write_string(w, at);
    }
    json_write_close(w, ']');
    json_put_bool(w, "connected", is_connected(node, entry));
    json_put_string(w, "source", entry->has_key ? "tracker" : "classic");
    json_write_close(w, '}');
}

/* The trackers whose peers are missing. */
static void write_unanswered(const struct node *node, struct json_writer *w,
                             const struct lookup *lookup)
{
    json_write_name(w, "unanswered");
    json_write_open(w, '[');
    for (size_t i = 0; i < lookup->part_count; i++) {
        const struct tracker *tracker = trackers_by_number(node, lookup->parts[i].tracker);
        if (lookup->parts[i].progress != LOOKUP_ANSWERED && tracker != NULL)
            json_write_string(w, tracker->setting.text);
    }
    json_write_close(w, ']');
}

void list_looked_up(struct node *node, struct lookup *lookup)
{
    const struct lookup_part *end = first_end(lookup);
    const size_t count = page_length(lookup, end);
    struct bytes result = BYTES_EMPTY;
    const char *next = end != NULL ? end->next : NULL;
    struct json_writer w;

    if (!lookup_was_answered(lookup)) {
        call_reply_error(node, lookup->call, ERR_UNREACHABLE, "no tracker answers; see 'status'");
        return;
    }
    if (count >= lookup->limit && count < lookup->entry_count)
        next = lookup->entries[count - 1].name;
    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, "peers");
    json_write_open(&w, '[');
    for (size_t i = 0; i < count; i++)
        write_entry(node, &w, &lookup->entries[i]);
    json_write_close(&w, ']');
    write_unanswered(node, &w, lookup);
    json_put_string(&w, "next", next);
    json_write_close(&w, '}');
    call_reply(node, lookup->call, &result);
    bytes_done(&result);
}
