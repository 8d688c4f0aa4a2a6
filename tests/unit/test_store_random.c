/* The store and the model of it run the same random operations on a disk that fails now and then,
 * and answer alike. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "common/format.h"
#include "daemon/store/trim.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/model_store.h"
#include "tests/unit/store_rig.h"

#define HOUR_MS UINT64_C(3600000)

enum { STEPS = 800, STREAMS_MAX = 64, MESSAGES_MAX = 400, BURST_MAX = 40 };

struct stream_state {
    bool live;
    uint32_t peer;
    enum direction direction;
    uint64_t last;  /* out: known to be durable; in: durable */
    uint64_t given; /* in: also in flight */
    uint64_t acked;
    uint64_t seqs[MESSAGES_MAX + 1]; /* out, by number */
    size_t lengths[MESSAGES_MAX + 1];
};

/* What a core would know: enough to ask only for what may be asked for. */
struct state {
    uint32_t peers;
    uint32_t streams; /* the first is 1 */
    uint32_t requests;
    struct stream_state stream[STREAMS_MAX + 1];
};

/* What streams were made as, also those that are closed by now. */
struct made {
    uint32_t peer;
    enum direction direction;
    uint64_t epoch; /* 0: never, or it went on in another */
};

struct world {
    struct made made[STREAMS_MAX + 1];
    size_t came_back; /* epochs, after their stream was closed */
    struct store_rig rig;
    struct model_store *model;
    struct state state;
    uint64_t seed;
    uint64_t questions;
    uint64_t found; /* transactions that failed and were there after a restart */
    bool failed;    /* and nothing has succeeded since */
    bool guessed;   /* several failed since: who knows which of them a restart finds */

    uint64_t age_ms; /* of the log, as both stores are told */
    struct {
        uint64_t age_ms, seq;
    } marks[STEPS]; /* how far the log was at an age */
    size_t marks_count;
    uint64_t trims;        /* that removed something */
    uint64_t taken, given; /* names that were another's, and that could be had */
};

static uint64_t draw(struct world *w, uint64_t bound)
{
    uint64_t z = w->seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % bound;
}

/* --- Comparing --- */

static void compare_log_rows(const struct log_row *a, const struct log_row *b)
{
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->existing, b->existing);
    assert_int_equal(a->delivered, b->delivered);
    assert_true(a->seq == b->seq);
    assert_true(a->number == b->number);
    assert_true(a->epoch == b->epoch);
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->peer, b->peer);
    assert_int_equal(a->type, b->type);
    assert_true(a->time_ms == b->time_ms);
    assert_int_equal(a->body_length, b->body_length);
    assert_string_equal(a->body, b->body);
}

static void compare_transactions(const struct transaction *a, const struct transaction *b)
{
    assert_true(a->ticket == b->ticket);
    for (size_t i = 0; i < a->count; i++)
        if (a->changes[i].kind == CHANGE_LOG || a->changes[i].kind == CHANGE_FIND)
            compare_log_rows(&a->changes[i].log, &b->changes[i].log);
        else if (a->changes[i].kind == CHANGE_STREAM_SEEN)
            assert_int_equal(a->changes[i].stream.stream, b->changes[i].stream.stream);
        else if (a->changes[i].kind == CHANGE_CLAIM)
            assert_int_equal(a->changes[i].claim.result, b->changes[i].claim.result);
}

static void compare_rows(const struct store_answer *a, const struct store_answer *b)
{
    assert_true(a->id == b->id);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->end, b->end);
    assert_true(a->scanned_through == b->scanned_through);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->rows[i].state, b->rows[i].state);
        compare_log_rows(&a->rows[i].log, &b->rows[i].log);
    }
}

static void compare_looks(const struct world *w)
{
    assert_true(store_last_seq(w->rig.store) == model_store_last_seq(w->model));
    assert_int_equal(store_state(w->rig.store), model_store_state(w->model));
    assert_int_equal(store_queued_bytes(w->rig.store), model_store_queued_bytes(w->model));
}

/* What is loaded, as lines of text. */
struct dump {
    char *text;
    size_t length;
};

static void dump_line(struct dump *dump, const char *line)
{
    const size_t length = strlen(line);

    dump->text = xrealloc(dump->text, dump->length + length + 1);
    memcpy(dump->text + dump->length, line, length + 1);
    dump->length += length;
}

static void dump_row(void *context, const struct change *row)
{
    char line[512] = "";

    switch (row->kind) {
    case CHANGE_META:
        snprintf(line, sizeof(line), "meta %d %" PRIu64 "\n", row->meta.name, row->meta.value);
        break;
    case CHANGE_PEER:
        snprintf(line, sizeof(line),
                 "peer %" PRIu32 " %d %s %s %s %zu %d %d %d %d %d %d %" PRIi64 "\n", row->peer.peer,
                 row->peer.key[3], row->peer.alias != NULL ? row->peer.alias : "-",
                 row->peer.name != NULL ? row->peer.name : "-",
                 row->peer.address != NULL ? row->peer.address : "-", row->peer.record_length,
                 row->peer.consent, row->peer.consent_id[5], row->peer.verified, row->peer.blocked,
                 row->peer.is_local, row->peer.is_classic, row->peer.last_seen_ms);
        break;
    case CHANGE_STREAM_IN:
    case CHANGE_STREAM_OUT:
        snprintf(line, sizeof(line),
                 "stream %d %" PRIu32 " %" PRIu32 " %d %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                 " %" PRIu64 " %" PRIu64 "\n",
                 row->kind, row->stream.stream, row->stream.peer, row->stream.direction,
                 row->stream.epoch, row->stream.last, row->stream.acked, row->stream.acked_seq,
                 row->stream.queued, row->stream.queued_bytes);
        break;
    case CHANGE_REQUEST:
        snprintf(line, sizeof(line), "request %" PRIu32 " %d %" PRIu32 " %d %s %s %" PRIi64 " %d\n",
                 row->request.request, row->request.id[7], row->request.peer,
                 row->request.direction,
                 row->request.greeting != NULL ? row->request.greeting : "-",
                 row->request.address != NULL ? row->request.address : "-", row->request.left_ms,
                 row->request.state);
        break;
    case CHANGE_TRACKER:
        snprintf(line, sizeof(line), "tracker %s %d %d %d\n", row->tracker.address,
                 row->tracker.has_key, row->tracker.key[9], row->tracker.wish);
        break;
    case CHANGE_OWN_NAME:
        snprintf(line, sizeof(line), "own name %s\n", row->own_name);
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
        fail();
    }
    dump_line(context, line);
}

static void compare_loads(struct world *w)
{
    char message[STORE_MESSAGE_MAX];
    struct dump ours = {0}, theirs = {0};

    dump_line(&ours, "");
    dump_line(&theirs, "");
    assert_int_equal(store_load(w->rig.store, dump_row, &ours, message), STORE_OPENED);
    model_store_load(w->model, dump_row, &theirs);
    assert_string_equal(ours.text, theirs.text);
    free(ours.text);
    free(theirs.text);
}

/* --- Appending --- */

static void append(struct world *w, struct transaction *t)
{
    t->age_ms = w->age_ms;
    model_store_append(w->model, model_store_copy(t));
    store_append(w->rig.store, t);
}

/* What the results tell the core. */
static void note_durable(struct state *state, const struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct log_row *row = &t->changes[i].log;
        struct stream_state *stream;

        if (t->changes[i].kind == CHANGE_STREAM_IN) {
            stream = &state->stream[t->changes[i].stream.stream];
            if (stream->last < t->changes[i].stream.last)
                stream->last = t->changes[i].stream.last;
        }
        if (t->changes[i].kind != CHANGE_LOG || row->stream == 0 || row->existing ||
            row->result != OK)
            continue;
        stream = &state->stream[row->stream];
        if (stream->direction == DIRECTION_IN)
            continue;
        stream->last = row->number;
        stream->seqs[row->number] = row->seq;
        stream->lengths[row->number] = row->body_length;
    }
}

static void count_claims(struct world *w, const struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->changes[i].kind != CHANGE_CLAIM)
            continue;
        w->given += t->changes[i].claim.result == OK;
        w->taken += t->changes[i].claim.result == ERR_NAME_TAKEN;
    }
}

/* Takes `count` answers and lets the model have the same fate. Returns how many became durable. */
static size_t settle(struct world *w, size_t count)
{
    struct store_answer answers[BURST_MAX];
    size_t durable = 0;

    for (size_t i = 0; i < count; i++) {
        answers[i] = store_rig_take(&w->rig);
        if (answers[i].kind == STORE_DURABLE) {
            assert_true(durable == i);
            durable++;
        }
    }
    model_store_commit(w->model, durable);
    if (durable < count)
        model_store_fail(w->model, count - durable, answers[durable].error);
    for (size_t i = 0; i < count; i++) {
        struct store_answer other;

        assert_true(model_store_take(w->model, &other));
        assert_int_equal(answers[i].kind, other.kind);
        assert_int_equal(answers[i].error, other.error);
        if (answers[i].kind == STORE_DURABLE) {
            compare_transactions(answers[i].transaction, other.transaction);
            note_durable(&w->state, answers[i].transaction);
            count_claims(w, answers[i].transaction);
        }
        transaction_free(answers[i].transaction);
        transaction_free(other.transaction);
    }
    for (uint32_t i = 1; i <= w->state.streams; i++)
        w->state.stream[i].given = w->state.stream[i].last;
    if (durable > 0)
        w->failed = w->guessed = false;
    if (durable < count) {
        w->guessed = w->failed || count > 1;
        w->failed = true;
    }
    compare_looks(w);
    return durable;
}

static uint32_t draw_stream(struct world *w)
{
    return w->state.streams > 0 ? 1 + (uint32_t)draw(w, w->state.streams) : 0;
}

static const char *const texts[] = {"", "a", "bb", "ccc", "a rather longer text with ☃ in it"};

static void add_message(struct world *w, struct transaction *t)
{
    const char *text = texts[draw(w, sizeof(texts) / sizeof(texts[0]))];
    const uint32_t number = draw_stream(w);
    struct stream_state *stream = &w->state.stream[number];
    char key[8];

    snprintf(key, sizeof(key), "k%d", (int)draw(w, 40));
    if (number == 0 || !stream->live || stream->given >= MESSAGES_MAX) {
        add_event(t, EVENT_CHAT_EXPIRED, (uint32_t)draw(w, 3), "\"request\":\"r1\"");
        return;
    }
    stream->given++;
    if (stream->direction == DIRECTION_IN && draw(w, 4) == 0)
        add_gap(t, number, stream->peer, stream->given);
    else if (stream->direction == DIRECTION_IN)
        add_received(t, number, stream->peer, stream->given, text);
    else
        add_sent(t, number, stream->peer, draw(w, 4) == 0 ? key : NULL, text);
}

/* Asks what a key stands for; mostly with a text that it may stand for. */
static void add_find(struct world *w, struct transaction *t)
{
    struct log_row *row = &transaction_add(t, CHANGE_FIND)->log;

    row->peer = w->state.peers > 0 ? 1 + (uint32_t)draw(w, w->state.peers) : 1;
    row->key = xasprintf("k%d", (int)draw(w, 40));
    row->body = xstrdup(texts[draw(w, sizeof(texts) / sizeof(texts[0]))]);
    row->body_length = strlen(row->body);
}

/* A key wants a name, or gives it up, or somebody asks: of a few of each. */
static void add_claim(struct world *w, struct transaction *t)
{
    struct claim *claim =
        &transaction_add(t, draw(w, 3) != 0 ? CHANGE_CLAIM : CHANGE_RELEASE)->claim;

    claim->name = xasprintf("name %d", (int)draw(w, 12));
    claim->is_question = draw(w, 5) == 0;
    if (!claim->is_question)
        claim->key[draw(w, 3)] = 1;
}

static void burst(struct world *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct transaction *t = store_rig_transaction(&w->rig);
        uint64_t messages = draw(w, 4);

        /* An event that is always new, so that what a restart finds can be told. */
        add_event(t, EVENT_SECURITY_WARNING, 0, "");
        while (messages-- > 0)
            add_message(w, t);
        if (draw(w, 4) == 0)
            add_find(w, t);
        if (draw(w, 8) == 0)
            add_claim(w, t);
        t->lazy = draw(w, 64) == 0;
        append(w, t);
    }
    settle(w, count);
}

/* --- Changes of the small tables --- */

static void change_peer(struct world *w, struct transaction *t)
{
    uint32_t peer = 1 + (uint32_t)draw(w, w->state.peers + 1);
    struct peer_row *row;
    char alias[16];

    snprintf(alias, sizeof(alias), "p%" PRIu32, peer);
    add_peer(t, peer, draw(w, 4) != 0 ? alias : NULL);
    row = &t->changes[t->count - 1].peer;
    row->name = draw(w, 2) != 0 ? xstrdup("Name") : NULL;
    row->address = draw(w, 2) != 0 ? xstrdup("host:1") : NULL;
    row->consent = (enum consent)draw(w, CONSENT_ENDING + 1);
    row->blocked = draw(w, 2) != 0;
    row->is_local = draw(w, 2) != 0;
    row->is_classic = draw(w, 2) != 0;
    row->last_seen_ms = (int64_t)draw(w, 1000);
    if (draw(w, 2) != 0) {
        row->record_length = 1 + draw(w, 300);
        row->record = xcalloc(1, row->record_length);
    }
    if (peer > w->state.peers)
        w->state.peers = peer;
}

static void change_request(struct world *w, struct transaction *t)
{
    const uint32_t request = 1 + (uint32_t)draw(w, w->state.requests + 1);
    struct request_row *row;

    if (draw(w, 3) == 0) {
        transaction_add(t, CHANGE_REQUEST_GONE)->request.request = request;
        return;
    }
    add_request(t, request, 1);
    row = &t->changes[t->count - 1].request;
    row->greeting = draw(w, 2) != 0 ? xstrdup("hello") : NULL;
    row->address = draw(w, 2) != 0 ? xstrdup("host:2") : NULL;
    row->left_ms = (int64_t)draw(w, 600000);
    row->state = (enum request_state)draw(w, REQUEST_EXPIRED + 1);
    if (request > w->state.requests)
        w->state.requests = request;
}

struct look {
    uint32_t stream;
    bool is_live;
};

static void look_at(void *context, const struct change *row)
{
    struct look *look = context;

    if ((row->kind == CHANGE_STREAM_IN || row->kind == CHANGE_STREAM_OUT) &&
        row->stream.stream == look->stream)
        look->is_live = true;
}

/* An epoch of the peer whose stream is closed, or `other`. */
static uint64_t epoch_again(struct world *w, uint32_t peer, uint64_t other)
{
    for (uint32_t i = 1; i < w->state.streams; i++) {
        struct made *made = &w->made[i];
        struct look look = {.stream = i};

        if (made->epoch == 0 || made->peer != peer || made->direction != DIRECTION_IN ||
            w->state.stream[i].live)
            continue;
        model_store_load(w->model, look_at, &look);
        if (look.is_live)
            continue;
        other = made->epoch;
        made->epoch = 0;
        w->came_back++;
        break;
    }
    return other;
}

static void open_stream(struct world *w, struct transaction *t)
{
    struct stream_state *stream;

    if (w->state.streams == STREAMS_MAX || w->state.peers == 0)
        return;
    stream = &w->state.stream[++w->state.streams];
    *stream = (struct stream_state){.live = true,
                                    .peer = 1 + (uint32_t)draw(w, w->state.peers),
                                    .direction = draw(w, 3) == 0 ? DIRECTION_IN : DIRECTION_OUT};
    add_stream(t, w->state.streams, stream->peer, stream->direction);
    struct made *made = &w->made[w->state.streams];
    uint64_t *epoch = &t->changes[t->count - 1].stream.epoch;
    *made = (struct made){.peer = stream->peer, .direction = stream->direction};
    if (stream->direction == DIRECTION_IN && draw(w, 2) == 0)
        *epoch = epoch_again(w, stream->peer, *epoch);
    made->epoch = *epoch;
}

/* Epochs of ours that the other side says it has: some were ours. */
static void see_stream(struct world *w, struct transaction *t)
{
    const struct made *made = &w->made[draw_stream(w)];
    const bool is_ours = made->epoch != 0 && made->direction == DIRECTION_OUT;

    if (w->state.streams == STREAMS_MAX)
        return;
    w->state.stream[++w->state.streams] = (struct stream_state){0};
    w->made[w->state.streams] = (struct made){0};
    transaction_add(t, CHANGE_STREAM_SEEN)->stream = (struct stream_row){
        .stream = w->state.streams,
        .peer = is_ours ? made->peer : 1 + (uint32_t)draw(w, 3),
        .direction = DIRECTION_OUT,
        .epoch = is_ours ? made->epoch : 1 + draw(w, 3),
        .last = 7,
        .acked = 7,
    };
}

static void close_stream(struct world *w, struct transaction *t)
{
    const uint32_t number = draw_stream(w);

    w->state.stream[number].live = false;
    add_gone(t, number + (number == 0)); /* perhaps of one that never was */
}

static void acknowledge(struct world *w, struct transaction *t)
{
    const uint32_t number = draw_stream(w);
    struct stream_state *stream = &w->state.stream[number];
    const uint64_t before = stream->acked;
    size_t bytes = 0;

    if (!stream->live || stream->direction == DIRECTION_IN || stream->last == before)
        return;
    stream->acked += 1 + draw(w, stream->last - before);
    for (uint64_t i = before + 1; i <= stream->acked; i++)
        bytes += stream->lengths[i];
    add_acked(t, number, stream->peer, stream->acked, stream->seqs[stream->acked],
              stream->acked - before, bytes);
}

static void remember(struct world *w, struct transaction *t)
{
    struct change *change = transaction_add(t, CHANGE_META);

    change->meta.name = META_RECORD_SEQUENCE;
    change->meta.value = INT64_MAX / 2 - draw(w, 1000);
}

static void change_tracker(struct world *w, struct transaction *t)
{
    const bool is_gone = draw(w, 3) == 0;
    struct tracker_row *row =
        &transaction_add(t, is_gone ? CHANGE_TRACKER_GONE : CHANGE_TRACKER)->tracker;

    row->address = xasprintf("tracker%d:30000", (int)draw(w, 4));
    row->has_key = draw(w, 2) != 0;
    if (row->has_key)
        row->key[9] = (uint8_t)draw(w, 256);
    row->wish = (enum tracker_wish)draw(w, 3);
}

static void change_own_name(struct world *w, struct transaction *t)
{
    transaction_add(t, CHANGE_OWN_NAME)->own_name =
        draw(w, 3) != 0 ? xasprintf("me %d", (int)draw(w, 3)) : NULL;
}

static void rearrange(struct world *w)
{
    static void (*const changes[])(struct world * w, struct transaction * t) = {
        change_peer,    change_peer,     change_request, open_stream, open_stream,
        acknowledge,    close_stream,    remember,       add_message, see_stream,
        change_tracker, change_own_name, add_claim};
    struct state *before = xmemdup(&w->state, sizeof(w->state));
    struct transaction *t = store_rig_transaction(&w->rig);

    add_event(t, EVENT_SECURITY_WARNING, 0, "");
    for (uint64_t i = draw(w, 4); i < 4; i++) {
        const size_t which = draw(w, sizeof(changes) / sizeof(changes[0]));

        if (changes[which] != close_stream || draw(w, 3) == 0)
            changes[which](w, t);
    }
    append(w, t);
    if (settle(w, 1) == 0)
        w->state = *before;
    free(before);
}

/* --- Questions, faults, restarts --- */

static void ask(struct world *w)
{
    const uint64_t seq = draw(w, store_last_seq(w->rig.store) + 3), id = ++w->questions;
    const size_t rows_max = 1 + draw(w, 60), bytes_max = draw(w, 300);
    const uint32_t stream = draw_stream(w), peer = (uint32_t)draw(w, 4);
    const uint64_t types = draw(w, 2) != 0 ? draw(w, 1 << 13) : 0;
    const struct history_query page = {.order = draw(w, 2) != 0 ? HISTORY_BEFORE : HISTORY_AFTER,
                                       .seq = seq,
                                       .peer = peer,
                                       .limit = rows_max};
    struct store_answer ours, theirs;

    switch (draw(w, 3)) {
    case 0:
        store_read_stream(w->rig.store, id, stream, seq, rows_max, bytes_max);
        model_store_read_stream(w->model, id, stream, seq, rows_max, bytes_max);
        break;
    case 1:
        store_read_range(w->rig.store, id, seq, types, peer, rows_max, bytes_max);
        model_store_read_range(w->model, id, seq, types, peer, rows_max, bytes_max);
        break;
    default:
        store_read_history(w->rig.store, id, &page);
        model_store_read_history(w->model, id, &page);
    }
    ours = store_rig_take(&w->rig);
    assert_true(model_store_take(w->model, &theirs));
    assert_int_equal(ours.kind, STORE_ROWS);
    assert_int_equal(ours.error, OK);
    compare_rows(&ours, &theirs);
    store_answer_done(&ours);
    model_store_answer_done(&theirs);
}

/* Through which seq the rows are at least so old. */
static uint64_t aged_through(const struct world *w, uint64_t ms)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < w->marks_count; i++)
        if (w->marks[i].age_ms + ms <= w->age_ms)
            seq = w->marks[i].seq;
    return seq;
}

static struct store_answer take_kept(struct world *w)
{
    struct store_answer answer = store_rig_take(&w->rig);

    assert_int_equal(answer.kind, STORE_KEPT);
    assert_int_equal(answer.error, OK);
    return answer;
}

static void grow_older(struct world *w)
{
    const uint64_t last_seq = store_last_seq(w->rig.store);

    w->age_ms += HOUR_MS + draw(w, 48 * HOUR_MS);
    store_save_age(w->rig.store, 0, (struct now){.mono = {w->age_ms}});
    take_kept(w);
    if (w->marks_count == 0 || last_seq > w->marks[w->marks_count - 1].seq) {
        w->marks[w->marks_count].age_ms = w->age_ms;
        w->marks[w->marks_count++].seq = last_seq;
    }
}

/* Retention by age; by size the model does not know. */
static void trim(struct world *w)
{
    const struct retention keep = {.age_ms = 1 + draw(w, 240 * HOUR_MS)};
    struct store_answer answer = {.end = false};

    if (w->failed) /* a success would overwrite what a restart may find */
        return;
    grow_older(w);
    while (!answer.end) {
        store_trim(w->rig.store, 0, &keep, answer.scanned_through, (struct mono){w->age_ms});
        answer = take_kept(w);
        w->trims += answer.floor > 0;
    }
    store_trim_claims(w->rig.store, 0, (struct mono){w->age_ms});
    assert_true(take_kept(w).end);
    model_store_trim_claims(w->model, w->age_ms);
    model_store_trim(w->model, aged_through(w, keep.age_ms), aged_through(w, TRIM_KEY_MS));
}

static void plan_failure(struct world *w)
{
    const bool sync = draw(w, 2) != 0, full = draw(w, 2) != 0;

    faulty_vfs_plan(&(struct faulty_plan){.calls = sync ? FAULTY_SYNC : FAULTY_WRITE,
                                          .files = FAULTY_WAL,
                                          .after = (unsigned)draw(w, 6),
                                          .result = sync   ? SQLITE_IOERR_FSYNC
                                                    : full ? SQLITE_FULL
                                                           : SQLITE_IOERR_WRITE,
                                          .error = full ? ENOSPC : EIO});
}

/* What a core learns from the rows that are loaded. */
static void learn_row(void *context, const struct change *row)
{
    struct state *state = context;

    if (row->kind == CHANGE_META) {
        if (row->meta.name == META_LAST_PEER)
            state->peers = (uint32_t)row->meta.value;
        if (row->meta.name == META_LAST_STREAM)
            state->streams = (uint32_t)row->meta.value;
        if (row->meta.name == META_LAST_REQUEST)
            state->requests = (uint32_t)row->meta.value;
    } else if (row->kind == CHANGE_STREAM_IN || row->kind == CHANGE_STREAM_OUT) {
        state->stream[row->stream.stream] =
            (struct stream_state){.live = true,
                                  .peer = row->stream.peer,
                                  .direction = row->stream.direction,
                                  .last = row->stream.last,
                                  .given = row->stream.last,
                                  .acked = row->stream.acked};
    }
}

/* What is not acknowledged is read back, as an outbox does. */
static void learn_messages(struct world *w, uint32_t number)
{
    struct stream_state *stream = &w->state.stream[number];
    struct store_answer answer;

    model_store_read_stream(w->model, 0, number, 0, MESSAGES_MAX, SIZE_MAX);
    assert_true(model_store_take(w->model, &answer));
    for (size_t i = 0; i < answer.count; i++) {
        const struct log_row *row = &answer.rows[i].log;

        stream->seqs[row->number] = row->seq;
        stream->lengths[row->number] = row->body_length;
    }
    model_store_answer_done(&answer);
}

/* One transaction that failed may be there after all; which of several would have to be guessed. */
static void restart(struct world *w)
{
    uint64_t known;

    if (w->guessed)
        return;
    store_rig_reopen(&w->rig);
    known = model_store_last_seq(w->model);
    model_store_crash(w->model, store_last_seq(w->rig.store) > known);
    w->found += store_last_seq(w->rig.store) > known;
    w->failed = false;
    store_rig_start_age(&w->rig, (struct now){.mono = {w->age_ms}});
    assert_true(store_age_ms(w->rig.store, (struct mono){w->age_ms}) == w->age_ms);
    model_store_start_age(w->model, w->age_ms);
    compare_looks(w);
    compare_loads(w);
    w->state = (struct state){0};
    model_store_load(w->model, learn_row, &w->state);
    for (uint32_t i = 1; i <= w->state.streams; i++)
        if (w->state.stream[i].live)
            learn_messages(w, i);
}

static void run(struct world *w)
{
    for (int step = 0; step < STEPS; step++) {
        const uint64_t what = draw(w, 100);
        const bool fails = draw(w, 20) == 0;

        if (fails)
            plan_failure(w);
        if (what < 35)
            burst(w, 1 + draw(w, BURST_MAX));
        else if (what < 65)
            rearrange(w);
        faulty_vfs_heal();
        if (what >= 65 && what < 95 && !fails)
            ask(w);
        else if (what >= 95 && what < 98 && !fails)
            trim(w);
        else if (what >= 98 || (fails && w->failed))
            restart(w);
    }
}

static void test_same_as_the_model(void **state)
{
    uint64_t found = 0, trims = 0, taken = 0, given = 0;
    size_t came_back = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = xcalloc(1, sizeof(*w));

        w->seed = seed;
        w->model = model_store_new();
        store_rig_init(&w->rig);
        run(w);
        while (w->guessed)
            burst(w, 1);
        restart(w);
        found += w->found;
        came_back += w->came_back;
        trims += w->trims;
        taken += w->taken;
        given += w->given;
        store_rig_done(&w->rig);
        model_store_free(w->model);
        free(w);
    }
    assert_true(found > 0 && came_back > 0 && trims > 0);
    assert_true(taken > 100 && given > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_the_model),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
