/* events.subscribe, and what follows: the feed between the store, the node and the clients. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/control_state.h"
#include "daemon/core/node.h"
#include "daemon/event.h"
#include "daemon/limits.h"
#include "daemon/methods.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

/* Nothing is gathered for a client that takes nothing: its events wait in the log. */
static size_t room_of(const struct client *c)
{
    size_t unread = bytes_length(&c->out);

    if (c->is_full)
        return 0;
    return unread < CLIENT_EVENTS_MAX ? CLIENT_EVENTS_MAX - unread : 0;
}

/* --- What the feed wants done --- */

static void arm(struct control *control)
{
    struct mono deadline = feed_deadline(control->feed);
    uint64_t left_ms;
    struct timeval wait;

    if (deadline.ms == MONO_NEVER.ms)
        return;
    left_ms = mono_left_ms(pump_now(control->pump).mono, deadline);
    wait = (struct timeval){(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)};
    evtimer_add(control->feed_due, &wait);
}

static void write_line(struct control *control, const struct feed_action *action)
{
    struct client *c;
    uint64_t number = action->write.reader;

    HASH_FIND(hh, control->by_number, &number, sizeof(number), c);
    must(c != NULL && c->follows);
    bytes_append(&c->out, action->write.line, action->write.length);
    control_wake(c);
}

/* Of no peer, and not in the log. */
static void write_gap(struct control *control, const struct feed_action *gap)
{
    struct action event = {.kind = ACTION_EVENT};
    struct feed_action write = {.kind = FEED_WRITE, .write.reader = gap->gap.reader};
    char fields[FEED_GAP_BYTES];

    event.event.type = EVENT_GAP;
    event.event.time_ms = pump_now(control->pump).unix_ms;
    event.event.length = (size_t)snprintf(
        fields, sizeof(fields), "\"from\":%" PRIu64 ",\"to\":%" PRIu64, gap->gap.from, gap->gap.to);
    event.event.fields = fields;
    bytes_clear(&control->event);
    event_write_unkept(&control->event, &event, NULL);
    bytes_clear(&control->gap);
    rpc_write_event(&control->gap, bytes_data(&control->event), bytes_length(&control->event));
    write.write.line = bytes_data(&control->gap);
    write.write.length = bytes_length(&control->gap);
    must(write.write.length <= FEED_GAP_BYTES);
    write_line(control, &write);
}

static void drain(struct control *control)
{
    struct feed_action action;

    while (feed_next_action(control->feed, &action)) {
        switch (action.kind) {
        case FEED_WRITE:
            write_line(control, &action);
            break;
        case FEED_GAP:
            write_gap(control, &action);
            break;
        case FEED_READ:
            store_read_range(control->pump->store, PUMP_QUESTION_OF_CONTROL | action.read.read,
                             action.read.after_seq, action.read.types, action.read.peer,
                             action.read.rows_max, action.read.bytes_max);
            break;
        }
    }
    arm(control);
}

static void on_feed_due(evutil_socket_t descriptor, short what, void *context)
{
    struct control *control = context;

    (void)descriptor;
    (void)what;
    feed_expire(control->feed, pump_now(control->pump).mono);
    drain(control);
}

void events_init(struct control *control)
{
    control->feed = feed_new(store_last_seq(control->pump->store), FEED_RING_BYTES);
    control->feed_due = evtimer_new(control->pump->base, on_feed_due, control);
    must(control->feed_due != NULL);
    control_floor(control);
}

void events_done(struct control *control)
{
    feed_free(control->feed);
    event_free(control->feed_due);
    bytes_done(&control->event);
    bytes_done(&control->lines);
    bytes_done(&control->gap);
}

void control_floor(struct control *control)
{
    feed_raise_floor(control->feed, store_floor(control->pump->store));
}

/* --- Events --- */

/* The peer of an event, or NULL. */
static const struct node_peer *find_peer(const struct control *control, uint32_t number,
                                         struct node_peer *peer)
{
    return number != 0 && node_peer(control->pump->node, number, peer) ? peer : NULL;
}

/* Appends the line of a row to `lines`. */
static void write_row(struct control *control, const struct log_row *row)
{
    struct node_peer peer;

    bytes_clear(&control->event);
    event_write_row(&control->event, row, find_peer(control, row->peer, &peer));
    rpc_write_event(&control->lines, bytes_data(&control->event), bytes_length(&control->event));
}

static void append_row(struct control *control, const struct log_row *row)
{
    struct feed_row feed_row = {.seq = row->seq, .type = row->type, .peer = row->peer};

    if (feed_is_followed(control->feed)) {
        bytes_clear(&control->lines);
        write_row(control, row);
        feed_row.line = bytes_data(&control->lines);
        feed_row.length = bytes_length(&control->lines);
    }
    feed_append(control->feed, &feed_row);
}

void events_durable(struct control *control, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct change *change = &transaction->changes[i];

        if (change->kind == CHANGE_LOG && change->log.result == OK && !change->log.existing)
            append_row(control, &change->log);
    }
    drain(control);
}

void events_tell(struct control *control, const struct action *action)
{
    struct node_peer peer;
    struct feed_row row = {.type = action->event.type, .peer = action->event.peer};

    if (!feed_is_followed(control->feed))
        return;
    bytes_clear(&control->event);
    bytes_clear(&control->lines);
    event_write_unkept(&control->event, action, find_peer(control, row.peer, &peer));
    rpc_write_event(&control->lines, bytes_data(&control->event), bytes_length(&control->event));
    row.line = bytes_data(&control->lines);
    row.length = bytes_length(&control->lines);
    feed_tell(control->feed, &row);
    drain(control);
}

/* The rows of an answer as the feed wants them; the caller frees. Types that this program does not
 * know cannot be told. */
static struct feed_row *render_rows(struct control *control, const struct store_answer *answer,
                                    size_t *ret_count)
{
    struct feed_row *rows = xcalloc(answer->count, sizeof(*rows));
    size_t count = 0, end = 0;

    bytes_clear(&control->lines);
    for (size_t i = 0; i < answer->count; i++) {
        const struct log_row *row = &answer->rows[i].log;

        if (api_event(row->type) == NULL)
            continue;
        write_row(control, row);
        rows[count++] = (struct feed_row){.seq = row->seq,
                                          .type = row->type,
                                          .peer = row->peer,
                                          .length = bytes_length(&control->lines) - end};
        end = bytes_length(&control->lines);
    }
    for (size_t i = count; i-- > 0;)
        rows[i].line = bytes_data(&control->lines) + (end -= rows[i].length);
    *ret_count = count;
    return rows;
}

void events_rows(struct control *control, const struct store_answer *answer)
{
    struct feed_answer rendered = {.error = answer->error,
                                   .scanned_through = answer->scanned_through,
                                   .end = answer->end,
                                   .floor = answer->floor};
    struct feed_row *rows = render_rows(control, answer, &rendered.count);

    rendered.rows = rows;
    feed_rows(control->feed, answer->id & ~PUMP_QUESTION_OF_CONTROL, &rendered,
              pump_now(control->pump).mono);
    drain(control);
    bytes_done(&control->lines); /* a window may be large, and most events come one by one */
    free(rows);
}

void events_room(struct client *c)
{
    if (!c->follows)
        return;
    feed_room(c->control->feed, c->number, room_of(c));
    drain(c->control);
}

void events_leave(struct client *c)
{
    feed_unsubscribe(c->control->feed, c->number);
    control_consumers_leave(c);
    c->follows = false;
}

/* --- events.subscribe --- */

/* The set of types that were named; an unknown one is an error that names it. */
static enum error read_types(const struct json *names, uint64_t *ret_types,
                             char message[API_MESSAGE_MAX])
{
    uint64_t types = 0;

    for (const struct json *n = json_first(names); n != NULL; n = json_next(n)) {
        const struct api_event_row *event;
        const char *name;
        size_t length;

        must(json_string(n, &name, &length));
        event = api_event_named(name);
        if (event == NULL) {
            snprintf(message, API_MESSAGE_MAX,
                     "the parameter 'types' holds '%.64s', which is no type of event; "
                     "rpc.discover lists them",
                     name);
            return ERR_INVALID_PARAMS;
        }
        types |= UINT64_C(1) << event->number;
    }
    *ret_types = types;
    return OK;
}

const struct answered *events_begin(struct call *call, uint64_t since,
                                    const struct feed_filter *filter)
{
    struct client *c = call->client;
    const uint64_t from = feed_subscribe(c->control->feed, c->number, since, filter, 0);
    struct json_writer *w = call_result(call);

    c->follows = true; /* its events begin when its turn ends, behind the answer */
    json_write_open(w, '{');
    json_put_integer(w, "from", (int64_t)from);
    json_write_close(w, '}');
    return call_succeed(call);
}

const struct answered *method_events_subscribe(struct call *call, const struct api_args *args)
{
    struct client *c = call->client;
    const int64_t since = api_integer(args, ARG_EVENTS_SUBSCRIBE_SINCE, -1);
    const char *consumer = api_string(args, ARG_EVENTS_SUBSCRIBE_CONSUMER);
    const char *peer = api_string(args, ARG_EVENTS_SUBSCRIBE_PEER);
    struct feed_filter filter = {0};
    char message[API_MESSAGE_MAX];
    enum error error = read_types(args->value[ARG_EVENTS_SUBSCRIBE_TYPES], &filter.types, message);

    if (c->follows)
        return call_fail(call, ERR_INVALID_REQUEST,
                         "this connection follows events already; open another");
    if (error != OK)
        return call_fail(call, error, message);
    if (peer != NULL)
        error = node_find_peer(c->control->pump->node, peer, &filter.peer);
    if (error != OK)
        return call_fail(call, error, NULL);
    if (consumer == NULL)
        return events_begin(call, since < 0 ? FEED_NOW : (uint64_t)since, &filter);
    if (since >= 0)
        return call_fail(call, ERR_INVALID_PARAMS,
                         "the parameters 'since' and 'consumer' exclude each other: a consumer "
                         "begins where it has acknowledged to");
    return control_consumers_follow(call, consumer, &filter);
}
