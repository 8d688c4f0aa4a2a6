/* A machine: a node with its clock, its disk and the clients of its control socket. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "tests/sim/liar.h"
#include "tests/unit/seeded.h"

enum { PORT = 28470, CLASSIC_PORT = 40000, TURNS_MAX = 5000, PARAMS_MAX = 70000 };

/* 2026-01-01: wall clocks begin about there. */
#define WALL_START_MS INT64_C(1767225600000)

/* --- Time --- */

struct now actor_now(const struct actor *actor)
{
    return (struct now){.mono = {actor->sim->now_ms + actor->mono_ahead_ms},
                        .unix_ms = actor->wall_ms + (int64_t)actor->sim->now_ms};
}

static void pump(struct actor *actor);

static void timer(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    if (actor->timer_ms != event->at_ms)
        return; /* it was moved */
    actor->timer_ms = UINT64_MAX;
    sim_trace(sim, actor, "timer");
    liar_turn(actor);
    node_expire(actor->node, actor_now(actor));
    pump(actor);
}

static void arm(struct actor *actor)
{
    const struct mono deadline = node_deadline(actor->node);
    struct sim *sim = actor->sim;
    uint64_t at_ms = sim->now_ms;

    if (deadline.ms == MONO_NEVER.ms) {
        actor->timer_ms = UINT64_MAX;
        return;
    }
    if (deadline.ms > at_ms + actor->mono_ahead_ms)
        at_ms = deadline.ms - actor->mono_ahead_ms;
    if (at_ms == actor->timer_ms)
        return;
    actor->timer_ms = at_ms;
    sim_after_for(actor, at_ms - sim->now_ms, timer);
}

/* --- Turns --- */

static struct call *open_call(const struct actor *actor, uint64_t number)
{
    struct call *call = actor->calls;

    while (call != NULL && (call->number != number || call->state != CALL_OPEN))
        call = call->next;
    return call;
}

static void reply(struct actor *actor, const struct action *action)
{
    struct call *call = open_call(actor, action->reply.call);

    sim_trace(actor->sim, actor, "reply %llu %s %.*s", (unsigned long long)action->reply.call,
              error_name(action->reply.error), (int)action->reply.length,
              action->reply.json != NULL ? action->reply.json : "");
    if (call == NULL) {
        for (call = actor->calls; call != NULL && call->number != action->reply.call;)
            call = call->next;
        if (call == NULL || call->state == CALL_ANSWERED)
            sim_fail(actor->sim, "%s answers call %llu %s", actor->name,
                     (unsigned long long)action->reply.call,
                     call != NULL ? "twice" : "from nowhere");
        return;
    }
    call->state = CALL_ANSWERED;
    call->error = action->reply.error;
    if (action->reply.json != NULL) {
        call->json = xmalloc(action->reply.length + 1);
        memcpy(call->json, action->reply.json, action->reply.length);
        call->json[action->reply.length] = '\0';
    }
    check_answered(actor, call);
    people_answered(actor, call);
}

static const char *severity_name(enum note_severity severity)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

    return names[severity];
}

static struct actor *actor_of_key(const struct sim *sim, const uint8_t key[KEY_LENGTH])
{
    for (size_t i = 0; i < sim->actor_count; i++)
        if (memcmp(sim->actors[i].identity.key.bytes, key, KEY_LENGTH) == 0)
            return &sim->actors[i];
    return NULL;
}

/* Who a peer's number means in this actor's log. */
static void learn_peer(struct actor *actor, const struct peer_row *row)
{
    if (row->peer >= actor->peer_room) {
        const size_t room = row->peer + 16;
        actor->peers = xreallocarray(actor->peers, room, sizeof *actor->peers);
        memset(actor->peers + actor->peer_room, 0,
               (room - actor->peer_room) * sizeof *actor->peers);
        actor->peer_room = room;
    }
    actor->peers[row->peer] = actor_of_key(actor->sim, row->key);
}

struct actor *actor_of_peer(const struct actor *actor, uint32_t peer)
{
    return peer < actor->peer_room ? actor->peers[peer] : NULL;
}

struct actor *actor_of_id(const struct sim *sim, const char *peer_id)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        if (strcmp(sim->actors[i].identity.id, peer_id) == 0)
            return &sim->actors[i];
    return NULL;
}

static void append(struct actor *actor, struct transaction *transaction)
{
    sim_trace(actor->sim, actor, "append %llu: %zu changes%s",
              (unsigned long long)transaction->ticket, transaction->count,
              transaction->lazy ? ", lazy" : "");
    actor->appended_ticket = transaction->ticket;
    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->changes[i].kind == CHANGE_PEER)
            learn_peer(actor, &transaction->changes[i].peer);
    disk_append(&actor->disk, transaction);
}

static void note(struct actor *actor, const struct action *action)
{
    const struct actor *about =
        action->note.key != NULL ? actor_of_key(actor->sim, action->note.key) : NULL;

    sim_trace(actor->sim, actor, "%s: %s %s %s %s", severity_name(action->note.severity),
              action->note.code, about != NULL ? about->name : "-",
              action->note.address != NULL ? action->note.address : "-",
              action->note.detail != NULL  ? action->note.detail
              : action->note.error != NULL ? action->note.error
                                           : "-");
}

static void carry_out(struct actor *actor, const struct action *action)
{
    struct sim *sim = actor->sim;

    switch (action->kind) {
    case ACTION_SEND:
        sim_trace(
            sim, actor, "send %llu: %zu bytes %016llx", (unsigned long long)action->send.carrier,
            action->send.length,
            (unsigned long long)sim_hash(SIM_HASH_START, action->send.bytes, action->send.length));
        wire_send(actor, action->send.carrier, action->send.bytes, action->send.length);
        break;
    case ACTION_FINISH:
        sim_trace(sim, actor, "finish %llu", (unsigned long long)action->finish.carrier);
        wire_finish(actor, action->finish.carrier);
        break;
    case ACTION_CLOSE:
        sim_trace(sim, actor, "close %llu", (unsigned long long)action->close.carrier);
        wire_close(actor, action->close.carrier);
        break;
    case ACTION_DIAL:
        sim_trace(sim, actor, "dial %llu: %zu addresses, %s:%u first",
                  (unsigned long long)action->dial.dial, action->dial.count,
                  action->dial.addresses[0].at.host, action->dial.addresses[0].at.port);
        wire_dial(actor, action);
        break;
    case ACTION_DIAL_GO_ON:
        sim_trace(sim, actor, "dial %llu goes on: it %s",
                  (unsigned long long)action->dial_go_on.dial, action->dial_go_on.found);
        wire_dial_go_on(actor, action->dial_go_on.dial);
        break;
    case ACTION_DIAL_CANCEL:
        sim_trace(sim, actor, "cancel dial %llu", (unsigned long long)action->dial_cancel.dial);
        wire_dial_cancel(actor, action->dial_cancel.dial);
        break;
    case ACTION_RESOLVE:
        sim_trace(sim, actor, "resolve %llu: %s", (unsigned long long)action->resolve.resolve,
                  action->resolve.host);
        wire_resolve(actor, action->resolve.resolve, action->resolve.host);
        break;
    case ACTION_APPEND:
        append(actor, action->append.transaction);
        break;
    case ACTION_READ:
        sim_trace(sim, actor, "read %llu: stream %u after %llu",
                  (unsigned long long)action->read.read, action->read.stream,
                  (unsigned long long)action->read.after_seq);
        disk_read(&actor->disk, action);
        break;
    case ACTION_REPLY:
        reply(actor, action);
        break;
    case ACTION_EVENT:
        sim_trace(sim, actor, "event %s %u %.*s", api_event(action->event.type)->name,
                  action->event.peer, (int)action->event.length, action->event.fields);
        check_event(actor, action);
        readers_event(actor, action->event.type, action->event.peer);
        if (action->event.type == EVENT_CHAT_REQUESTED)
            people_saw_request(actor, actor_of_peer(actor, action->event.peer),
                               action->event.fields, action->event.length);
        break;
    case ACTION_NOTE:
        note(actor, action);
        break;
    }
}

static void pump(struct actor *actor)
{
    struct sim *sim = actor->sim;
    struct action action;

    while (node_next_action(actor->node, &action))
        carry_out(actor, &action);
    if (actor->turn_ms != sim->now_ms)
        actor->turns = 0;
    actor->turn_ms = sim->now_ms;
    if (++actor->turns > TURNS_MAX)
        sim_fail(sim, "%s turns without end", actor->name);
    check_bounds(actor);
    arm(actor);
}

static const char *input_name(enum input_kind kind)
{
    static const char *const names[] = {
        [INPUT_CARRIER_UP] = "carrier up",
        [INPUT_BYTES] = "bytes",
        [INPUT_ROOM] = "room",
        [INPUT_CARRIER_DOWN] = "carrier down",
        [INPUT_DIAL_FAILED] = "dial failed",
        [INPUT_RESOLVED] = "resolved",
        [INPUT_DURABLE] = "durable",
        [INPUT_STORE_FAILED] = "store failed",
        [INPUT_ROWS] = "rows",
        [INPUT_CALL] = "call",
        [INPUT_CALL_GONE] = "call gone",
        [INPUT_CONFIG] = "config",
    };

    return names[kind];
}

/* The number that stands first in every kind: of a carrier, a dial, a read or a call. */
static unsigned long long input_number(const struct input *input)
{
    switch (input->kind) {
    case INPUT_CARRIER_UP:
        return input->carrier_up.carrier;
    case INPUT_BYTES:
        return input->bytes.carrier;
    case INPUT_ROOM:
        return input->room.carrier;
    case INPUT_CARRIER_DOWN:
        return input->carrier_down.carrier;
    case INPUT_DIAL_FAILED:
        return input->dial_failed.dial;
    case INPUT_RESOLVED:
        return input->resolved.resolve;
    case INPUT_DURABLE:
        return input->durable.transaction->ticket;
    case INPUT_STORE_FAILED:
        return input->store_failed.transaction->ticket;
    case INPUT_ROWS:
        return input->rows.read;
    case INPUT_CALL:
        return input->call.call;
    case INPUT_CALL_GONE:
        return input->call_gone.client;
    case INPUT_CONFIG:
        return input->config.settings->tracker_count;
    }
    return 0;
}

void actor_input(struct actor *actor, const struct input *input)
{
    must(actor->node != NULL);
    sim_trace(actor->sim, actor, "%s %llu", input_name(input->kind), input_number(input));
    liar_turn(actor);
    node_input(actor->node, input, actor_now(actor));
    pump(actor);
}

/* --- Life --- */

void actors_add(struct sim *sim, size_t count)
{
    must(sim->actors == NULL && count <= 64);
    sim->actors = xcalloc(count, sizeof *sim->actors);
    sim->actor_count = count;
    for (size_t i = 0; i < count; i++) {
        struct actor *actor = &sim->actors[i];
        const uint8_t address[4] = {10, (uint8_t)(i / 4), (uint8_t)(i % 4), 1};
        actor->sim = sim;
        actor->index = i;
        snprintf(actor->name, sizeof actor->name, "p%zu", i);
        actor->is_called = actor->name;
        identity_create(&sim->random, &actor->identity);
        host_from_bytes(address, sizeof address, actor->address.host);
        actor->address.port = PORT;
        actor->classic = actor->address;
        actor->classic.port = CLASSIC_PORT;
        snprintf(actor->host_name, sizeof actor->host_name, "%s.example", actor->name);
        actor->inbound = i == 0 || !sim_chance(sim, sim->options.no_inbound_percent);
        actor->wall_ms = WALL_START_MS + sim_between(sim, 0, 600 * 1000) - 300 * 1000;
        actor->incarnation = 1;
        actor->timer_ms = UINT64_MAX;
        actor->backlog_end = &actor->backlog;
        disk_init(&actor->disk, actor);
    }
}

void actor_clone(struct actor *actor, const struct actor *of)
{
    must(actor->node == NULL);
    actor->identity = of->identity;
    actor->is_called = of->is_called;
    actor->logged_seq = of->logged_seq;
    disk_restore(&actor->disk, &of->disk, of->sim->now_ms);
}

void actors_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->actor_count; i++) {
        struct actor *actor = &sim->actors[i];
        wire_crash(actor, WIRE_POWER_LOST);
        node_free(actor->node);
        readers_done(actor);
        disk_done(&actor->disk);
        for (struct call *call = actor->calls, *next; call != NULL; call = next) {
            next = call->next;
            free(call->json);
            free(call);
        }
        free(actor->peers);
        identity_done(&actor->identity);
    }
    free(sim->actors);
    sim->actors = NULL;
    sim->actor_count = 0;
}

static void load(void *context, const struct change *row)
{
    struct actor *actor = context;

    if (row->kind == CHANGE_PEER)
        learn_peer(actor, &row->peer);
    node_load(actor->node, row, actor_now(actor));
}

void actor_saw_row(struct actor *actor, const struct log_row *row)
{
    sim_trace(actor->sim, actor, "row %llu %s %u %.200s", (unsigned long long)row->seq,
              api_event(row->type)->name, row->peer, row->body);
    actor->logged_seq = row->seq;
    check_row(actor, row);
    readers_row(actor, row);
    if (row->type == EVENT_CHAT_REQUESTED)
        people_saw_request(actor, actor_of_peer(actor, row->peer), row->body, row->body_length);
}

/* `everybody` is room for their keys, which are borrowed. */
static struct node_settings settings_of(struct actor *actor, uint8_t everybody[][KEY_LENGTH])
{
    const struct sim *sim = actor->sim;

    for (size_t i = 0; i < sim->actor_count; i++)
        memcpy(everybody[i], sim->actors[i].identity.key.bytes, KEY_LENGTH);
    actor->was_bot |= actor->is_bot;
    return (struct node_settings){
        .accept_from = everybody,
        .accept_from_count = actor->is_bot ? sim->actor_count : 0,
        .identity = &actor->identity,
        .random = seeded(&actor->random_state),
        .role = actor->role,
        .name = actor->is_called,
        .agent = "sim/1",
        .request_timeout_ms = sim->options.request_timeout_ms,
        .outbox_messages_max = sim->options.outbox_messages_max,
        .outbox_bytes_max = UINT64_C(1) << 30,
        .advertise = &actor->address,
        .advertise_count = actor->advertises,
        .trackers = actor->trackers,
        .tracker_count = actor->tracker_count,
        .classic = {.is_on = actor->is_classic, .long_text = LONG_TEXT_SPLIT},
    };
}

bool actor_configure(struct actor *actor)
{
    uint8_t everybody[64][KEY_LENGTH];

    if (actor->node == NULL)
        return true;
    if (actor->is_stopping || actor->is_stalled)
        return false;
    const struct node_settings settings = settings_of(actor, everybody);
    const struct input input = {.kind = INPUT_CONFIG, .config.settings = &settings};
    actor_input(actor, &input);
    return true;
}

void actor_start(struct actor *actor)
{
    struct sim *sim = actor->sim;
    uint8_t everybody[64][KEY_LENGTH];

    if (actor->node != NULL) {
        actor->starts_again = actor->is_stopping;
        return;
    }
    sim_trace(sim, actor, "starts");
    check_started(actor);
    random_fill(&sim->random, &actor->random_state, sizeof actor->random_state);
    actor->mono_ahead_ms = sim_between(sim, 1, 1000 * 1000);
    actor->timer_ms = UINT64_MAX;
    actor->last_carrier = 0;
    actor->appended_ticket = actor->durable_ticket = 0;
    const struct node_settings settings = settings_of(actor, everybody);
    actor->node = node_new(&settings);
    model_store_load(actor->disk.store, load, actor);
    readers_start(actor);
    actor->is_starting = true;
    disk_each_row(&actor->disk, actor->logged_seq, actor_saw_row); /* "perhaps stored" */
    actor->is_starting = false;
    node_set_addresses(actor->node, &actor->address, 1, actor_now(actor));
    if (actor->is_classic)
        node_set_classic_address(actor->node, &actor->classic);
    node_start(actor->node, actor_now(actor));
    pump(actor);
    if (actor->role == ROLE_NODE)
        people_look(actor);
}

static void gone(struct actor *actor, enum wire_end how)
{
    node_free(actor->node);
    actor->node = NULL;
    readers_gone(actor);
    actor->is_stopping = actor->starts_again = false;
    actor->incarnation++;
    wire_crash(actor, how);
    disk_crash(&actor->disk);
    sim_go_on(actor); /* its backlog is nobody's */
    for (struct call *call = actor->calls; call != NULL; call = call->next)
        if (call->state == CALL_OPEN) {
            call->state = CALL_LOST;
            people_answered(actor, call);
        }
}

void actor_crash(struct actor *actor)
{
    const enum wire_end how = sim_chance(actor->sim, 50) ? WIRE_KILLED : WIRE_POWER_LOST;

    if (actor->node == NULL)
        return;
    sim_trace(actor->sim, actor, how == WIRE_KILLED ? "is killed" : "loses power");
    gone(actor, how);
}

static void count_row(struct actor *actor, const struct log_row *row)
{
    actor->logged_seq = row->seq;
}

void actor_restore(struct actor *actor, uint64_t ms)
{
    uint64_t seen_seq;

    while (actor->node != NULL) /* what had waited for it may start it again */
        actor_crash(actor);
    sim_trace(actor->sim, actor, "is restored to %llu", (unsigned long long)ms);
    disk_restore(&actor->disk, &actor->disk, ms);
    seen_seq = actor->logged_seq;
    actor->logged_seq = 0;
    disk_each_row(&actor->disk, 0, count_row);
    if (actor->logged_seq > seen_seq) /* the rest is "perhaps stored" */
        actor->logged_seq = seen_seq;
    check_restored(actor);
    readers_restored(actor);
    actor_start(actor);
}

static void stopped(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    const bool starts_again = actor->starts_again;

    if (model_store_waiting(actor->disk.store) > 0) { /* the disk is still at it */
        sim_after_for(actor, sim->options.commit_ms_max + 1, stopped);
        return;
    }
    for (struct call *call = actor->calls; call != NULL; call = call->next)
        if (call->state == CALL_OPEN)
            sim_fail(sim, "%s stops with call %llu open", actor->name,
                     (unsigned long long)call->number);
    gone(actor, WIRE_KILLED);
    if (starts_again)
        actor_start(actor);
}

/* Links say CLOSE; what was appended is finished. */
void actor_stop(struct actor *actor)
{
    struct sim *sim = actor->sim;

    if (actor->node == NULL || actor->is_stopping)
        return;
    sim_trace(sim, actor, "stops");
    actor->is_stopping = true;
    node_stop(actor->node, actor_now(actor));
    pump(actor);
    sim_after_for(actor, 2 * sim->options.commit_ms_max + 1000, stopped);
}

/* --- Clients --- */

struct call *actor_call(struct actor *actor, enum api_method method, struct actor *about,
                        uint32_t message_index, const char *params, ...)
{
    static char text[PARAMS_MAX]; /* scratch: nothing is remembered in it */
    char message[API_MESSAGE_MAX] = "";
    struct input input = {.kind = INPUT_CALL};
    struct api_args args;
    struct json *json;
    va_list list;
    const uint64_t ticket = actor->appended_ticket;

    if (actor->node == NULL || sim_failed(actor->sim))
        return NULL;
    va_start(list, params);
    const int length = vsnprintf(text, sizeof text, params, list);
    va_end(list);
    must(length > 0 && length < PARAMS_MAX);
    must(json_parse(text, (size_t)length, &json) == OK);
    must(api_check(method, json, &args, message) == OK);
    struct call *call = xcalloc(1, sizeof *call);
    call->number = ++actor->last_call;
    call->client = call->number; /* each call by a connection of its own */
    call->method = method;
    call->about = about;
    call->message = message_index;
    call->at_ms = actor->sim->now_ms;
    call->next = actor->calls;
    actor->calls = call;
    check_called(actor, call);
    sim_trace(actor->sim, actor, "call %llu %s %.200s", (unsigned long long)call->number,
              api_method(method)->name, text);
    input.call.call = call->number;
    input.call.client = call->client;
    input.call.method = method;
    input.call.args = &args;
    actor_input(actor, &input);
    if (actor->appended_ticket != ticket) {
        call->ticket = actor->appended_ticket;
        if (call->state == CALL_ANSWERED && call->error == OK)
            sim_fail(actor->sim, "%s answers call %llu before it is durable", actor->name,
                     (unsigned long long)call->number);
    }
    json_free(json);
    return call;
}

void actor_client_gone(struct actor *actor, uint64_t client)
{
    struct input input = {.kind = INPUT_CALL_GONE, .call_gone.client = client};

    if (actor->node == NULL)
        return;
    for (struct call *call = actor->calls; call != NULL; call = call->next)
        if (call->client == client && call->state == CALL_OPEN) {
            call->state = CALL_LOST;
            people_answered(actor, call);
        }
    actor_input(actor, &input);
}
