#include "daemon/control.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/control_state.h"
#include "daemon/core/node.h"
#include "daemon/doctor.h"
#include "daemon/limits.h"
#include "daemon/methods.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

/* --- Clients --- */

/* Whether so much waits for the disk that clients wait too. */
static bool is_disk_behind(const struct control *control)
{
    return store_queued_bytes(control->pump->store) >= STORE_QUEUE_MAX;
}

bool control_has_room(const struct client *c)
{
    return bytes_length(&c->out) < CLIENT_OUTPUT_MAX &&
           users_have_room(&c->control->users, c->user, USERS_OUTPUT);
}

/* What nobody may be kept from: to ask how it is doing, with nothing else under way. */
static bool may_ask_one_thing(const struct client *c)
{
    return c->user->is_owner && c->call_count == 0 && bytes_length(&c->out) == 0;
}

/* Whether it has to read first, or be answered, or others of its user have to. */
static bool has_its_share(const struct client *c)
{
    return !control_has_room(c) || c->call_count >= CLIENT_CALLS_MAX ||
           !users_have_room(&c->control->users, c->user, USERS_CALLS);
}

/* Whether a client has to wait before it is read from: until it has read, or is answered, or others
 * of its user have, or the disk has caught up (who waits for nothing may ask all the same). One
 * that is gone does neither, and what it has sent cannot become more. */
static bool is_held(const struct client *c)
{
    if (c->control->is_stopping)
        return true;
    if (c->is_gone)
        return false;
    return (has_its_share(c) && !may_ask_one_thing(c)) ||
           (c->call_count > 0 && is_disk_behind(c->control));
}

static void close_client(struct client *c)
{
    struct control *control = c->control;
    bool asked_node = false;
    struct call *call;

    events_leave(c);
    history_leave(c);
    while ((call = TAILQ_FIRST(&c->calls)) != NULL) {
        asked_node |= api_method(call->method)->where == API_NODE;
        call_forget(call);
    }
    users_leave(&control->users, c);
    TAILQ_REMOVE(&control->clients, c, in_all);
    HASH_DELETE(hh, control->by_number, c);
    if (asked_node) {
        const struct input gone = {.kind = INPUT_CALL_GONE, .call_gone = {.client = c->number}};

        pump_input(control->pump, &gone);
    }
    client_free(c);
}

/* --- Requests --- */

static const struct answered *ask_node(struct call *call, const struct api_args *args)
{
    const struct input input = {.kind = INPUT_CALL,
                                .call = {.call = call->number,
                                         .client = call->client->number,
                                         .method = call->method,
                                         .args = args}};

    pump_input(call->client->control->pump, &input); /* may answer, and free the call */
    return call_waits();
}

static const struct answered *refuse_method_of_nodes(struct call *call)
{
    const struct answered *answered;
    struct bytes message = BYTES_EMPTY;

    bytes_text(&message, "this is a tracker: it has ");
    api_list(&message, ROLE_TRACKER);
    bytes_text(&message, "; the rest is a node's");
    bytes_u8(&message, '\0');
    answered = call_fail(call, ERR_METHOD_NOT_FOUND, (const char *)bytes_data(&message));
    bytes_done(&message);
    return answered;
}

static const struct answered *dispatch(struct call *call, const struct json *params)
{
    const struct api_method_row *row = api_method(call->method);
    struct api_args args;
    char message[API_MESSAGE_MAX];

    call->client->control->pump->counters.calls[call->method]++;
    if (!api_is_for(call->method, call->client->control->pump->facts->role))
        return refuse_method_of_nodes(call);
    if (row->access == API_OWNER && !call->client->user->is_owner)
        return call_fail(call, ERR_FORBIDDEN, NULL);

    enum error error = api_check(call->method, params, &args, message);

    if (error != OK)
        return call_fail(call, error, message);
    if (call->client->control->pump->is_stopping)
        return call_fail(call, ERR_SHUTTING_DOWN, NULL);
    switch (row->where) {
    case API_NODE:
        return ask_node(call, &args);
    case API_SHELL:
        return methods[call->method].run(call, &args);
    }
    must(!"a place");
}

/* Says why a line is no call. */
static void say_wrong(struct client *c, const struct rpc_id *id, enum error error, const char *why)
{
    c->control->pump->counters.call_errors[error]++;
    call_tell_refused(c, NULL, error);
    rpc_write_error(&c->out, id, error, why);
}

/* Whether nobody would read the answer, and there is nothing but the answer. */
static bool is_for_nothing(const struct client *c, enum api_method method)
{
    return c->is_gone && api_method(method)->effect == API_READS;
}

static void take_line(struct client *c, const char *line, size_t length)
{
    struct rpc_id id;
    struct rpc_request request;
    enum api_method method;
    const char *why;
    enum error error = rpc_request_parse(line, length, &id, &request, &why);

    if (error != OK) {
        say_wrong(c, &id, error, why);
        return;
    }
    if (!api_find_method(request.method, &method))
        say_wrong(c, &id, ERR_METHOD_NOT_FOUND, NULL);
    else if (!is_for_nothing(c, method))
        dispatch(call_new(c, method, &id), request.params);
    rpc_request_done(&request);
}

static void expel(struct client *c, enum error error, const char *why)
{
    events_leave(c);
    say_wrong(c, &RPC_ID_NULL, error, why);
    client_expel(c);
}

/* Whether there may be more of the beginning of a line that a client holds: a short one, always. */
static bool may_go_on(const struct client *c)
{
    return bytes_length(&c->lines.in) < CLIENT_READ_MAX ||
           users_have_room(&c->control->users, c->user, USERS_INPUT);
}

/* Receives once, for a client of whom no whole line is there. False when there is nothing now. */
static bool take_more(struct client *c)
{
    users_count(&c->control->users, c);
    if (may_go_on(c))
        return client_receive(c);
    expel(c, ERR_LIMIT_EXCEEDED,
          "too much of requests that are not whole has come; the connection is closed");
    return true;
}

/* --- Turns ---
 *
 * All that clients want is done in on_next_turns, which the loop comes to once in each of its
 * turns, and which ends after CLIENTS_TURN_US: so it is no matter how many clients there are, and
 * what they ask for, peers and disk are heard in between. Who had no turn by then is first in the
 * next.
 */

static bool is_time_over(const struct control *control)
{
    return pump_clock_us() - control->turns_began_us >= CLIENTS_TURN_US;
}

enum took {
    TOOK_ALL,   /* what was there */
    TOOK_SHARE, /* what is due to it in one turn */
    WAS_HELD
};

static enum took take_requests(struct client *c)
{
    size_t bytes = 0;

    for (int steps = 0; steps < CLIENT_STEPS_PER_TURN && bytes < CLIENT_BYTES_PER_TURN; steps++) {
        const char *line;
        size_t length;

        if (is_held(c))
            return WAS_HELD;
        switch (client_next_line(c, &line, &length)) {
        case RPC_LINE_WHOLE:
            bytes += length;
            take_line(c, line, length);
            break;
        case RPC_LINE_TOO_LONG:
            expel(c, ERR_INVALID_REQUEST, "a line is longer than 1 MiB; the connection is closed");
            break;
        case RPC_LINE_NONE:
            if (!take_more(c))
                return TOOK_ALL;
            break;
        }
        if (is_time_over(c->control))
            break;
    }
    return TOOK_SHARE;
}

/* Whether nothing can come from a client, and nothing is due to it. */
static bool is_over(const struct client *c)
{
    return c->is_gone ||
           (c->has_ended && c->call_count == 0 && bytes_length(&c->out) == 0 && !c->follows);
}

/* What holds a client may be the others of its user; or itself, and then it is heard of. */
static void wait_for_room(struct client *c)
{
    const struct users *users = &c->control->users;

    if (!users_have_room(users, c->user, USERS_OUTPUT))
        users_hold(c, USERS_OUTPUT);
    else if (!users_have_room(users, c->user, USERS_CALLS))
        users_hold(c, USERS_CALLS);
}

/* A client's turn: its requests, its output, its events. */
static void attend(struct client *c)
{
    struct control *control = c->control;

    control->attended = c;
    if (is_held(c))
        client_check(c);
    client_flush(c);
    users_count(&control->users, c);

    enum took took = take_requests(c);

    client_flush(c);
    history_room(c);
    events_room(c);
    users_count(&control->users, c);
    control->attended = NULL;
    control->waits_for_disk |= is_disk_behind(control);

    if (took == TOOK_ALL ? is_over(c) : took == WAS_HELD && c->is_gone && is_held(c))
        close_client(c);
    else if (took == TOOK_SHARE || (took == WAS_HELD && !is_held(c)) ||
             (bytes_length(&c->out) > 0 && !c->is_full))
        control_wake(c);
    else if (took == WAS_HELD || !TAILQ_EMPTY(&c->histories))
        wait_for_room(c);
}

static void arm_turns(struct control *control)
{
    const struct timeval at_once = {0, 0};

    if (users_waiting(&control->users) > 0 && !evtimer_pending(control->next_turns, NULL))
        evtimer_add(control->next_turns, &at_once);
}

void control_wake(struct client *client)
{
    struct control *control = client->control;

    if (client == control->attended)
        return;
    users_wait(&control->users, client);
    arm_turns(control);
}

void control_disk_went_on(struct control *control)
{
    struct client *c;

    if (!control->waits_for_disk || is_disk_behind(control))
        return;
    control->waits_for_disk = false;
    TAILQ_FOREACH(c, &control->clients, in_all)
        control_wake(c);
}

/* As many turns as clients wait for one now, if there is time: who comes to wait meanwhile has the
 * next, after what the loop hears from others. */
static void on_next_turns(evutil_socket_t descriptor, short what, void *context)
{
    struct control *control = context;
    struct client *c;

    (void)descriptor;
    (void)what;
    pump_now(control->pump); /* when it all began: their turns count as one of the loop */
    control->turns_began_us = pump_clock_us();
    for (size_t due = users_waiting(&control->users); due > 0; due--) {
        c = users_next(&control->users);
        if (c == NULL)
            break; /* some went away */
        attend(c);
        if (is_time_over(control))
            break;
    }
    users_release(&control->users, control_wake);
    arm_turns(control);
}

/* --- Accepting --- */

/* Too many are connected, or too many of this user. */
static void turn_away(struct control *control, int descriptor, const struct log_caller *caller)
{
    const size_t clients = control->users.clients;
    struct bytes line = BYTES_EMPTY;
    char whose[40] = "users that are not told apart";

    if (!caller->is_outside)
        snprintf(whose, sizeof(whose), "user %u", (unsigned)caller->user);
    control->pump->counters.clients_refused++;
    if (quiet_may_speak(&control->full))
        log_coded(LOG_CLIENTS_FULL, &(const struct log_fields){.caller = caller},
                  "%zu programs are connected to the control socket, %zu of them of %s: more of "
                  "these are sent away, until some end",
                  clients, users_clients_of(&control->users, caller->user), whose);

    rpc_write_error(&line, &RPC_ID_NULL, ERR_LIMIT_EXCEEDED,
                    "too many clients are connected to the control socket; try again later");
    /* A fresh socket has room for a line. Who does not get it is closed all the same. */
    (void)!send(descriptor, bytes_data(&line), bytes_length(&line), MSG_NOSIGNAL | MSG_DONTWAIT);
    bytes_done(&line);
    close(descriptor);
}

static void admit(struct control *control, int descriptor)
{
    struct log_caller caller;
    struct client *c;

    control->pump->counters.clients++;
    if (!client_identify(descriptor, &caller)) {
        close(descriptor);
        return;
    }
    if (!users_have_place(&control->users, caller.user)) {
        turn_away(control, descriptor, &caller);
        return;
    }
    c = client_new(control->pump->base, descriptor, ++control->client_numbers, &caller,
                   control_wake);
    if (c == NULL)
        return;
    c->control = control;
    users_enter(&control->users, c);
    TAILQ_INIT(&c->calls);
    TAILQ_INIT(&c->histories);
    TAILQ_INSERT_TAIL(&control->clients, c, in_all);
    HASH_ADD(hh, control->by_number, number, sizeof(c->number), c);
}

static void on_acceptable(evutil_socket_t listener, short what, void *context)
{
    struct control *control = context;
    const struct timeval pause = {ACCEPT_PAUSE_MS / 1000, ACCEPT_PAUSE_MS % 1000 * 1000};

    (void)what;
    for (int i = 0; i < ACCEPT_PER_TURN; i++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (descriptor >= 0) {
            admit(control, descriptor);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (quiet_may_speak(&control->rests))
                log_coded(LOG_ACCEPTING_RESTS, NULL,
                          "accepting rests on the control socket, because the system refuses: %s",
                          strerror(errno));
            event_del(control->acceptable);
            evtimer_add(control->accept_again, &pause);
            return;
        }
    }
}

static void on_accept_again(evutil_socket_t descriptor, short what, void *context)
{
    struct control *control = context;

    (void)descriptor;
    (void)what;
    event_add(control->acceptable, NULL);
}

/* --- Beginning and end --- */

static void check_methods(void)
{
    for (enum api_method m = 0; m < API_METHOD_COUNT; m++)
        must((api_method(m)->where == API_SHELL) == (methods[m].run != NULL));
}

struct control *control_new(struct pump *pump, const struct control_socket *socket)
{
    struct control *control = xcalloc(1, sizeof(*control));

    check_methods();
    control->pump = pump;
    control->socket = *socket;
    TAILQ_INIT(&control->clients);
    users_init(&control->users);
    TAILQ_INIT(&control->histories);
    control->acceptable =
        event_new(pump->base, socket->descriptor, EV_READ | EV_PERSIST, on_acceptable, control);
    control->accept_again = evtimer_new(pump->base, on_accept_again, control);
    control->next_turns = evtimer_new(pump->base, on_next_turns, control);
    must(control->acceptable != NULL && control->accept_again != NULL &&
         control->next_turns != NULL);
    quiet_init(&control->full, pump->base);
    quiet_init(&control->rests, pump->base);
    quiet_init(&control->failures, pump->base);
    control->doctor = doctor_new(control);
    events_init(control);
    control_consumers_init(control);
    must(event_add(control->acceptable, NULL) == 0);
    return control;
}

void control_free(struct control *control)
{
    struct client *c;
    struct call *call;

    if (control == NULL)
        return;
    HASH_CLEAR(hh, control->by_number);
    while ((c = TAILQ_FIRST(&control->clients)) != NULL) {
        while ((call = TAILQ_FIRST(&c->calls)) != NULL)
            call_forget(call);
        users_leave(&control->users, c);
        TAILQ_REMOVE(&control->clients, c, in_all);
        client_free(c);
    }
    users_done(&control->users);
    doctor_free(control->doctor);
    events_done(control);
    control_consumers_done(control);
    event_free(control->acceptable);
    event_free(control->accept_again);
    event_free(control->next_turns);
    quiet_done(&control->full);
    quiet_done(&control->rests);
    quiet_done(&control->failures);
    bytes_done(&control->result);
    control_socket_close(&control->socket);
    free(control);
}

/* --- Looking --- */

struct control_counts control_counts(const struct control *control)
{
    struct control_counts counts = {.clients = control->users.clients};
    const struct client *c;

    TAILQ_FOREACH(c, &control->clients, in_all)
        counts.subscribers += c->follows;
    return counts;
}

/* --- What the pump tells --- */

void control_durable(struct control *control, const struct transaction *transaction)
{
    events_durable(control, transaction);
}

void control_event(struct control *control, const struct action *action)
{
    events_tell(control, action);
}

void control_rows(struct control *control, const struct store_answer *answer)
{
    if ((answer->id & QUESTION_OF_HISTORY) != 0)
        history_rows(control, answer);
    else
        events_rows(control, answer);
}

void control_kept(struct control *control, const struct store_answer *answer)
{
    control_consumers_kept(control, answer);
}

void control_reply(struct control *control, const struct action *action)
{
    struct call *call = call_find(control, action->reply.call);

    if (call == NULL)
        return;
    if (action->reply.error == OK)
        call_succeed_with(call, action->reply.json, action->reply.length);
    else
        call_fail_with(call, action->reply.error, action->reply.message, action->reply.json,
                       action->reply.length);
}

bool control_meets(struct control *control, const struct socket_address *remote)
{
    return doctor_meets(control->doctor, remote);
}

void control_stop(struct control *control)
{
    control->is_stopping = true;
    event_del(control->acceptable);
    evtimer_del(control->accept_again);
    doctor_stop(control->doctor);
}

bool control_is_flushed(const struct control *control)
{
    const struct client *c;

    if (control->calls != NULL)
        return false;
    TAILQ_FOREACH(c, &control->clients, in_all)
        if (!c->is_gone && bytes_length(&c->out) > 0)
            return false;
    return true;
}
