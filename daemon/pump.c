#include "daemon/pump.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/control.h"
#include "daemon/core/node.h"
#include "daemon/dial.h"
#include "daemon/housekeeping.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/names.h"
#include "daemon/net.h"
#include "daemon/reload.h"
#include "daemon/status_line.h"
#include "daemon/store/store.h"

/* --- Time --- */

/* A clock that is set to before 1970 stands still there. */
static uint64_t read_clock_us(clockid_t clock)
{
    struct timespec now;

    must(clock_gettime(clock, &now) == 0);
    if (now.tv_sec < 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t pump_clock_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

struct now pump_now(struct pump *pump)
{
    if (!pump->now_is_known) {
        pump->now_us = pump_clock_us();
        pump->now.mono.ms = pump->now_us / 1000;
        pump->now.unix_ms = (int64_t)(read_clock_us(CLOCK_REALTIME) / 1000);
        pump->now_is_known = true;
    }
    return pump->now;
}

void pump_arm(struct pump *pump, struct event *timer, struct mono deadline)
{
    uint64_t left_ms = mono_left_ms(pump_now(pump).mono, deadline);
    struct timeval left;

    if (deadline.ms == MONO_NEVER.ms) {
        evtimer_del(timer);
        return;
    }
    /* Deadlines may lie years ahead; the loop looks again after a day. And libevent counts from the
     * moment at which the turn began, a little earlier than our reading. */
    left_ms = left_ms < 86400000 ? left_ms + (left_ms > 0) : 86400000;
    left = (struct timeval){.tv_sec = (time_t)(left_ms / 1000),
                            .tv_usec = (suseconds_t)(left_ms % 1000 * 1000)};
    evtimer_add(timer, &left);
}

static void arm_node(struct pump *pump)
{
    struct mono deadline = pump->is_stopping ? pump->stop_deadline : node_deadline(pump->node);

    if (deadline.ms == pump->armed.ms)
        return;
    pump->armed = deadline;
    pump_arm(pump, pump->timer, deadline);
}

/* --- Actions --- */

static void act(struct pump *pump, const struct action *action)
{
    switch (action->kind) {
    case ACTION_SEND:
        net_send(pump->net, action->send.carrier, action->send.bytes, action->send.length);
        break;
    case ACTION_FINISH:
        net_finish(pump->net, action->finish.carrier);
        break;
    case ACTION_CLOSE:
        net_close(pump->net, action->close.carrier);
        break;
    case ACTION_DIAL:
        dials_dial(pump->dials, action);
        break;
    case ACTION_DIAL_GO_ON:
        dials_go_on(pump->dials, action);
        break;
    case ACTION_DIAL_CANCEL:
        dials_cancel(pump->dials, action->dial_cancel.dial);
        break;
    case ACTION_RESOLVE:
        names_resolve(pump->names, action);
        break;
    case ACTION_APPEND:
        action->append.transaction->age_ms = store_age_ms(pump->store, pump_now(pump).mono);
        store_append(pump->store, action->append.transaction);
        break;
    case ACTION_READ:
        must((action->read.read & PUMP_QUESTION_OF_CONTROL) == 0);
        store_read_stream(pump->store, action->read.read, action->read.stream,
                          action->read.after_seq, action->read.rows_max, action->read.bytes_max);
        break;
    case ACTION_REPLY:
        control_reply(pump->control, action);
        break;
    case ACTION_EVENT:
        control_event(pump->control, action);
        break;
    case ACTION_NOTE:
        log_note(action);
        break;
    }
}

/* Carries out everything that the node wants by now. */
static void drain(struct pump *pump)
{
    struct action action;

    pump->is_acting = true;
    while (node_next_action(pump->node, &action))
        act(pump, &action);
    pump->is_acting = false;
    arm_node(pump);
    status_line_touch(pump->status_line);
}

/* What a node that is stopping still hears of: the carriers that it dials for its last words. */
static bool is_of_carriers(enum input_kind kind)
{
    switch (kind) {
    case INPUT_CARRIER_UP:
    case INPUT_BYTES:
    case INPUT_ROOM:
    case INPUT_CARRIER_DOWN:
    case INPUT_DIAL_FAILED:
        return true;
    case INPUT_RESOLVED:
    case INPUT_DURABLE:
    case INPUT_STORE_FAILED:
    case INPUT_ROWS:
    case INPUT_CALL:
    case INPUT_CALL_GONE:
    case INPUT_CONFIG:
        return false;
    }
    return false;
}

void pump_input(struct pump *pump, const struct input *input)
{
    must(!pump->is_acting);
    if (pump->is_stopping && !is_of_carriers(input->kind))
        return;
    node_input(pump->node, input, pump_now(pump));
    drain(pump);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct pump *pump = context;

    (void)fd;
    (void)events;
    pump->armed = MONO_NEVER;
    if (pump->is_stopping)
        return; /* pump_run looks at the deadline */
    node_expire(pump->node, pump_now(pump));
    drain(pump);
}

/* --- Answers of the store --- */

static bool has_log_rows(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        if (transaction->changes[i].kind == CHANGE_LOG)
            return true;
    }
    return false;
}

/* Gives transactions back to the node, also to one that is stopping: calls wait for them. */
static void return_transactions(struct pump *pump, const struct input *input)
{
    node_input(pump->node, input, pump_now(pump));
    drain(pump);
}

static void give_rows(struct pump *pump, const struct store_answer *answer)
{
    struct outbox_row *rows = xcalloc(answer->count, sizeof(*rows));
    const struct input input = {.kind = INPUT_ROWS,
                                .rows = {.read = answer->id,
                                         .error = answer->error,
                                         .rows = rows,
                                         .count = answer->count,
                                         .end = answer->end}};

    for (size_t i = 0; i < answer->count; i++) {
        const struct log_row *log = &answer->rows[i].log;

        rows[i] = (struct outbox_row){.seq = log->seq,
                                      .number = log->number,
                                      .time_ms = log->time_ms,
                                      .text = log->body,
                                      .text_length = log->body_length};
    }
    pump_input(pump, &input);
    free(rows);
}

/* Transactions that became durable, one after the other: the node is told of all at once. */
struct durables {
    struct transaction *first, **end;
};

static void add_durable(struct pump *pump, struct durables *durables,
                        struct transaction *transaction)
{
    if (has_log_rows(transaction))
        control_durable(pump->control, transaction);
    *durables->end = transaction;
    durables->end = &transaction->next;
}

static void give_durables(struct pump *pump, struct durables *durables)
{
    const struct input input = {.kind = INPUT_DURABLE, .durable.transaction = durables->first};

    if (durables->first != NULL)
        return_transactions(pump, &input);
    *durables = (struct durables){.end = &durables->first};
}

static void give_failed(struct pump *pump, const struct store_answer *answer)
{
    const struct input input = {
        .kind = INPUT_STORE_FAILED,
        .store_failed = {.transaction = answer->transaction, .error = answer->error}};

    return_transactions(pump, &input);
}

/* Says once what is wrong with the disk, and once that it is over: what was tried may have fitted
 * where what waits does not. */
static void tell_trouble(struct pump *pump)
{
    const enum store_state state = store_state(pump->store);

    if (state == STORE_OK && pump->told_state != STORE_OK) {
        if (!evtimer_pending(pump->well, NULL))
            pump_arm(pump, pump->well, mono_after(pump_now(pump).mono, STORE_WELL_MS));
        return;
    }
    evtimer_del(pump->well);
    if (state == pump->told_state)
        return;
    pump->told_state = state;
    switch (state) {
    case STORE_OK:
        break; /* on_well says that */
    case STORE_FULL:
        log_coded(LOG_STORAGE_FULL, NULL,
                  "there is no room for the log: %s; nothing is taken until there is",
                  store_reason(pump->store));
        break;
    case STORE_FAILING:
        log_coded(LOG_STORAGE_FAILED, NULL, "the log fails: %s%s", store_reason(pump->store),
                  store_demands_check(pump->store) ? "; the next start checks all of it" : "");
        break;
    }
}

static void on_well(evutil_socket_t fd, short events, void *context)
{
    struct pump *pump = context;

    (void)fd;
    (void)events;
    pump->told_state = STORE_OK;
    log_coded(LOG_STORAGE_RECOVERED, NULL, "the log works again");
}

static void tell_note(struct pump *pump)
{
    char *note = store_take_note(pump->store);

    if (note != NULL)
        log_coded(LOG_SEARCH_INDEX, NULL, "%s", note);
    free(note);
}

/* To whom it concerns; what is durable only joins the others. */
static void give_answer(struct pump *pump, const struct store_answer *answer,
                        struct durables *durables)
{
    const bool is_controls = (answer->id & PUMP_QUESTION_OF_CONTROL) != 0;

    if (answer->kind != STORE_DURABLE)
        give_durables(pump, durables);
    switch (answer->kind) {
    case STORE_DURABLE:
        add_durable(pump, durables, answer->transaction);
        break;
    case STORE_FAILED:
        give_failed(pump, answer);
        break;
    case STORE_KEPT:
        if (is_controls)
            control_kept(pump->control, answer);
        else
            housekeeping_kept(pump->housekeeping, answer);
        break;
    case STORE_ROWS:
        if (is_controls)
            control_rows(pump->control, answer);
        else
            give_rows(pump, answer);
        break;
    }
}

static void on_store_readable(evutil_socket_t fd, short events, void *context)
{
    struct pump *pump = context;
    struct durables durables = {.end = &durables.first};
    struct store_answer answer;
    uint64_t began_us;

    (void)fd;
    (void)events;
    pump_now(pump); /* this may take a while: count_turn */
    began_us = pump_clock_us();
    while (pump_clock_us() - began_us < STORE_TURN_US && store_take(pump->store, &answer)) {
        give_answer(pump, &answer, &durables);
        store_answer_done(&answer);
    }
    give_durables(pump, &durables);
    tell_trouble(pump);
    control_disk_went_on(pump->control);
    tell_note(pump);
    status_line_touch(pump->status_line);
}

/* --- Our addresses --- */

static bool is_wildcard(const struct host_port *at)
{
    struct socket_address address;

    return socket_address_parse(at, &address) && socket_address_is_wildcard(&address);
}

/* Where the classic dialect reaches us best; port 0: nowhere. Who advertises a name and listens
 * everywhere is reached under that name. */
static void find_classic_address(const struct pump *pump, struct host_port *ret_at)
{
    const struct facts *facts = pump->facts;
    struct host_port found[ANNOUNCE_MAX];

    if (pump->classic_listeners == NULL || listeners_announce(pump->classic_listeners, found) == 0)
        return;
    *ret_at = found[0];
    if (facts->advertise_count > 0 && is_wildcard(&facts->classic_listen[0]))
        memcpy(ret_at->host, facts->advertise[0].host, sizeof(ret_at->host));
}

/* Tells the node where we can be reached, when that is not what it knows. */
static void announce(struct pump *pump)
{
    struct facts *facts = pump->facts;
    struct host_port addresses[ANNOUNCE_MAX], classic;
    size_t count;

    memset(addresses, 0, sizeof(addresses)); /* compared as a whole */
    memset(&classic, 0, sizeof(classic));
    count = listeners_announce(pump->listeners, addresses);
    find_classic_address(pump, &classic);
    if (count == facts->address_count &&
        memcmp(addresses, facts->addresses, sizeof(addresses)) == 0 &&
        memcmp(&classic, &facts->classic_address, sizeof(classic)) == 0)
        return;
    memcpy(facts->addresses, addresses, sizeof(addresses));
    facts->address_count = count;
    facts->classic_address = classic;
    if (classic.port != 0)
        node_set_classic_address(pump->node, &classic);
    node_set_addresses(pump->node, addresses, count, pump_now(pump));
}

void pump_look_at_addresses(struct pump *pump)
{
    must(!pump->is_acting);
    if (pump->is_stopping)
        return;
    announce(pump);
    drain(pump);
}

static void on_look_again(evutil_socket_t fd, short events, void *context)
{
    struct pump *pump = context;

    (void)fd;
    (void)events;
    if (pump->is_stopping)
        return;
    log_look_again();
    pump_look_at_addresses(pump);
    store_look_again(pump->store);
}

/* --- Beginning and end --- */

void pump_stop(struct pump *pump)
{
    static const struct timeval at_once = {0};

    evtimer_add(pump->stop_asked, &at_once);
}

static void on_stop_asked(evutil_socket_t fd, short events, void *context)
{
    struct pump *pump = context;

    (void)fd;
    (void)events;
    if (pump->is_stopping) {
        pump->stop_deadline = pump_now(pump).mono;
        return;
    }
    status_line_stopping(pump->status_line);
    listeners_stop(pump->listeners);
    if (pump->classic_listeners != NULL)
        listeners_stop(pump->classic_listeners);
    housekeeping_stop(pump->housekeeping);
    node_stop(pump->node, pump_now(pump));
    pump->stop_deadline = mono_after(pump_now(pump).mono, PUMP_STOP_MS);
    pump->is_stopping = true;
    dials_stop(pump->dials);
    names_stop(pump->names);
    drain(pump); /* what is dialled from now on has a last word to say */
    control_stop(pump->control);
}

/* Whether all is said and kept, or its time is over. */
static bool is_finished(struct pump *pump)
{
    if (!pump->is_stopping)
        return false;
    return mono_due(pump->stop_deadline, pump_now(pump).mono) ||
           (!dials_are_under_way(pump->dials) && net_count(pump->net) == 0 &&
            store_queued_bytes(pump->store) == 0 && control_is_flushed(pump->control));
}

static void on_signal(evutil_socket_t number, short events, void *context)
{
    struct pump *pump = context;

    (void)events;
    if (number == SIGHUP) {
        if (!pump->is_stopping)
            reload_on_signal(pump->reload);
        return;
    }
    log_coded(LOG_STOPPING, NULL, "%s: closing links", number == SIGINT ? "SIGINT" : "SIGTERM");
    pump_stop(pump);
}

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    must(config != NULL);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread has it */
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

bool pump_init(struct pump *pump)
{
    static const int caught[] = {SIGTERM, SIGINT, SIGHUP};

    memset(pump, 0, sizeof(*pump));
    pump->armed = MONO_NEVER;
    pump->base = make_base();
    if (pump->base == NULL)
        return false;
    pump->timer = evtimer_new(pump->base, on_timer, pump);
    pump->stop_asked = evtimer_new(pump->base, on_stop_asked, pump);
    pump->well = evtimer_new(pump->base, on_well, pump);
    must(pump->timer != NULL && pump->stop_asked != NULL && pump->well != NULL);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        pump->signals[i] = evsignal_new(pump->base, caught[i], on_signal, pump);
        must(pump->signals[i] != NULL && evsignal_add(pump->signals[i], NULL) == 0);
    }
    return true;
}

static void accept_from(struct pump *pump, const struct arrival *arrival)
{
    if (control_meets(pump->control, &arrival->remote))
        close(arrival->fd);
    else
        net_adopt(pump->net, arrival);
}

static void on_accepted(void *context, int fd, const struct socket_address *remote)
{
    accept_from(context,
                &(const struct arrival){.fd = fd, .kind = CARRIER_LINK, .remote = *remote});
}

static void on_classic_accepted(void *context, int fd, const struct socket_address *remote)
{
    accept_from(context,
                &(const struct arrival){.fd = fd, .kind = CARRIER_CLASSIC, .remote = *remote});
}

/* Nobody is let in, and nobody asked, before what the node wrote at its start has come back: its
 * record may be shown only then. */
static void wait_for_store(struct pump *pump)
{
    struct pollfd readable = {.fd = store_descriptor(pump->store), .events = POLLIN};

    while (store_queued_bytes(pump->store) > 0) {
        poll(&readable, 1, -1);
        on_store_readable(readable.fd, EV_READ, pump);
    }
}

void pump_start(struct pump *pump)
{
    const struct timeval period = {.tv_sec = ANNOUNCE_PERIOD_MS / 1000};

    pump->store_readable = event_new(pump->base, store_descriptor(pump->store),
                                     EV_READ | EV_PERSIST, on_store_readable, pump);
    pump->look_again = event_new(pump->base, -1, EV_PERSIST, on_look_again, pump);
    must(pump->store_readable != NULL && pump->look_again != NULL);
    event_add(pump->store_readable, NULL);
    event_add(pump->look_again, &period);
    listeners_start(pump->listeners, pump->base, on_accepted, pump);
    if (pump->classic_listeners != NULL)
        listeners_start(pump->classic_listeners, pump->base, on_classic_accepted, pump);
    announce(pump);
    housekeeping_start(pump->housekeeping);
    node_start(pump->node, pump_now(pump));
    drain(pump);
    wait_for_store(pump);
}

/* From when the time was first asked for, which is about when the loop woke up. Who did not ask had
 * next to nothing to do. */
static void count_turn(struct pump *pump)
{
    if (pump->now_is_known)
        histogram_add(&pump->counters.turns, pump_clock_us() - pump->now_us);
}

void pump_run(struct pump *pump)
{
    while (!is_finished(pump)) {
        pump->now_is_known = false;
        event_base_loop(pump->base, EVLOOP_ONCE);
        count_turn(pump);
        if (store_queued_bytes(pump->store) > 0) /* and may wait for longer */
            status_line_touch(pump->status_line);
    }
}

void pump_done(struct pump *pump)
{
    struct event *events[] = {pump->timer,      pump->store_readable, pump->look_again,
                              pump->stop_asked, pump->well,           pump->signals[0],
                              pump->signals[1], pump->signals[2]};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    if (pump->base != NULL)
        event_base_free(pump->base);
    metrics_done(&pump->metrics);
}
