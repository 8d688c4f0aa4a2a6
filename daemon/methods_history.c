/* history: pages of past messages.
 *
 * A client has one page read at a time and all clients together HISTORY_READS_MAX; other calls wait
 * in order, each client in turn, and those of a client that does not read what it has until it
 * does. A page is cut where its line would become too long. */
#include <stdio.h>

#include "common/digits.h"
#include "daemon/control_state.h"
#include "daemon/core/node.h"
#include "daemon/event.h"
#include "daemon/limits.h"
#include "daemon/methods.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

/* The page with its brackets, `next` and the head of the answer make a line of RPC_LINE_MAX. */
enum { PAGE_BYTES_MAX = RPC_LINE_MAX - RPC_ID_MAX - 256 };

/* --- Turns --- */

static void ask_store(struct call *call)
{
    struct control *control = call->client->control;
    uint64_t question = PUMP_QUESTION_OF_CONTROL | QUESTION_OF_HISTORY | call->number;

    call->client->reads_history = true;
    control->histories_read++;
    store_read_history(control->pump->store, question, &call->history);
}

/* Whether a client may have another page: it reads what it was sent. */
static bool has_room(const struct client *c)
{
    return !c->is_gone && control_has_room(c);
}

/* Begins what may begin. */
static void ask_next(struct control *control)
{
    struct client *c;

    while (control->histories_read < HISTORY_READS_MAX &&
           (c = TAILQ_FIRST(&control->histories)) != NULL) {
        struct call *call = TAILQ_FIRST(&c->histories);

        TAILQ_REMOVE(&control->histories, c, in_histories);
        c->waits_history = false;
        if (call != NULL && has_room(c)) {
            TAILQ_REMOVE(&c->histories, call, in_histories);
            ask_store(call);
        } else {
            control_wake(c); /* it stands in line again when there is room */
        }
    }
}

/* Puts a client in line, if it is its turn to be. */
static void stand_in_line(struct client *c)
{
    if (c->waits_history || c->reads_history || TAILQ_EMPTY(&c->histories) || !has_room(c))
        return;
    TAILQ_INSERT_TAIL(&c->control->histories, c, in_histories);
    c->waits_history = true;
}

void history_room(struct client *c)
{
    stand_in_line(c);
    ask_next(c->control);
}

void history_leave(struct client *c)
{
    if (c->waits_history)
        TAILQ_REMOVE(&c->control->histories, c, in_histories);
}

const struct answered *method_history(struct call *call, const struct api_args *args)
{
    struct client *c = call->client;
    const int64_t before = api_integer(args, ARG_HISTORY_BEFORE, 0);
    const int64_t after = api_integer(args, ARG_HISTORY_AFTER, -1);
    struct history_query query = {.order = after < 0 ? HISTORY_BEFORE : HISTORY_AFTER,
                                  .seq = (uint64_t)(after < 0 ? before : after),
                                  .limit = (size_t)api_integer(args, ARG_HISTORY_LIMIT, 50)};
    const char *peer = api_string(args, ARG_HISTORY_PEER);
    const char *search = api_string(args, ARG_HISTORY_SEARCH);

    if (before > 0 && after >= 0)
        return call_fail(call, ERR_INVALID_PARAMS, "before and after exclude each other");
    if (peer != NULL) {
        enum error error = node_find_peer(c->control->pump->node, peer, &query.peer);

        if (error != OK)
            return call_fail(call, error, NULL);
    }
    if (search != NULL)
        query.search = call->search = xstrdup(search);
    call->history = query;
    TAILQ_INSERT_TAIL(&c->histories, call, in_histories);
    history_room(c);
    return call_waits();
}

/* --- Pages --- */

/* Of a message that the other side has, or, when it is classic, was sent all of. */
static const char *delivered_name(const struct node *node, uint32_t peer)
{
    struct node_peer known;

    return node_peer(node, peer, &known) && known.is_classic ? "sent" : "delivered";
}

static const char *state_name(const struct store_row *row, const struct node *node)
{
    const struct log_row *log = &row->log;

    switch (row->state) {
    case MESSAGE_STATE_QUEUED: /* the row that says more may still be on its way to the disk */
        return node_is_delivered(node, log->peer, log->stream, log->number)
                   ? delivered_name(node, log->peer)
                   : "queued";
    case MESSAGE_STATE_DELIVERED:
        return "delivered";
    case MESSAGE_STATE_SENT:
        return "sent";
    case MESSAGE_STATE_FAILED:
        return "failed";
    case MESSAGE_STATE_RECEIVED:
        return "received";
    }
    must(!"a state");
}

static void write_message(struct bytes *out, const struct store_row *row, const struct node *node)
{
    const struct log_row *log = &row->log;
    struct json_writer w;
    struct node_peer peer;
    bool is_known = node_peer(node, log->peer, &peer);
    char id[DIGITS_MESSAGE_ID_MAX + 1];

    digits_message_id(log->epoch, log->number, id);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_integer(&w, "seq", (int64_t)log->seq);
    json_put_string(&w, "id", id);
    json_put_time(&w, "time", log->time_ms);
    json_put_string(&w, "direction", log->type == EVENT_MESSAGE_RECEIVED ? "in" : "out");
    event_put_peer(&w, is_known ? &peer : NULL);
    json_write_name(&w, "text");
    json_write_string_n(&w, log->body, log->body_length);
    json_put_string(&w, "state", state_name(row, node));
    json_write_close(&w, '}');
}

/* Writes the rows that fit into a page, those nearest to where it was asked for; oldest first. */
static void write_page(struct json_writer *w, const struct store_answer *answer,
                       const struct history_query *query, const struct node *node)
{
    const bool is_after = query->order == HISTORY_AFTER;
    struct bytes messages = BYTES_EMPTY;
    size_t *ends = xcalloc(answer->count + 1, sizeof(*ends)); /* of the first i messages */
    size_t first = 0, last = answer->count;

    for (size_t i = 0; i < answer->count; i++) {
        write_message(&messages, &answer->rows[i], node);
        ends[i + 1] = bytes_length(&messages);
    }
    while (ends[last] - ends[first] + (last - first) > PAGE_BYTES_MAX) {
        if (is_after)
            last--;
        else
            first++;
    }

    json_write_open(w, '{');
    json_write_name(w, "messages");
    json_write_open(w, '[');
    for (size_t i = first; i < last; i++)
        json_write_raw(w, bytes_data(&messages) + ends[i], ends[i + 1] - ends[i]);
    json_write_close(w, ']');
    if (last - first < answer->count)
        json_put_integer(w, "next", (int64_t)answer->rows[is_after ? last - 1 : first].log.seq);
    else if (!answer->end)
        json_put_integer(w, "next", (int64_t)answer->next);
    else
        json_put_null(w, "next");
    if (query->search != NULL)
        json_put_integer(w, "indexed_through", (int64_t)answer->indexed_through);
    json_write_close(w, '}');
    free(ends);
    bytes_done(&messages);
}

/* Nothing was to be stored, so what storage errors say elsewhere does not fit. */
static void fail(struct call *call, enum error error)
{
    char message[64] = "";

    if (error == ERR_TOO_LONG)
        snprintf(message, sizeof(message), "search has more than %d words", STORE_SEARCH_WORDS_MAX);
    else if (error == ERR_STORAGE_FAILED)
        snprintf(message, sizeof(message), "the log%s cannot be read",
                 call->history.search != NULL ? ", or its index search.db," : "");
    else if (error == ERR_STORAGE_FULL)
        snprintf(message, sizeof(message), "there is no room for the index, search.db");
    call_fail(call, error, message[0] != '\0' ? message : NULL);
}

void history_rows(struct control *control, const struct store_answer *answer)
{
    struct call *call =
        call_find(control, answer->id & ~(PUMP_QUESTION_OF_CONTROL | QUESTION_OF_HISTORY));

    must(control->histories_read > 0);
    control->histories_read--;
    if (call != NULL) {
        struct client *c = call->client;

        c->reads_history = false;
        if (answer->error == OK) {
            write_page(call_result(call), answer, &call->history, control->pump->node);
            call_succeed(call);
        } else {
            fail(call, answer->error);
        }
        stand_in_line(c);
    }
    ask_next(control);
}
