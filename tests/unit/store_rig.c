#include "tests/unit/store_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/unit/unit.h"

enum { PATIENCE_MS = 120000 }; /* for disks that rest for seconds, at each of several syncs */

const uint8_t store_rig_key[KEY_LENGTH] = {1, 2, 3};

void store_rig_init(struct store_rig *rig)
{
    const char *temporary = getenv("TMPDIR");

    memset(rig, 0, sizeof(*rig));
    snprintf(rig->directory, sizeof(rig->directory), "%s/p2pchat-store-XXXXXX",
             temporary != NULL && strlen(temporary) < 32 ? temporary : "/tmp");
    assert_non_null(mkdtemp(rig->directory));
    store_rig_open(rig);
}

void store_rig_done(struct store_rig *rig)
{
    store_rig_close(rig);
    store_rig_unlink(rig);
    assert_return_code(rmdir(rig->directory), 0);
}

int store_rig_setup(void **state)
{
    struct store_rig *rig = xcalloc(1, sizeof(*rig));

    store_rig_init(rig);
    *state = rig;
    return 0;
}

int store_rig_setup_streams(void **state)
{
    store_rig_setup(state);
    store_rig_streams(*state);
    return 0;
}

int store_rig_teardown(void **state)
{
    store_rig_done(*state);
    free(*state);
    return 0;
}

void store_rig_open(struct store_rig *rig)
{
    char message[STORE_MESSAGE_MAX] = "";
    const enum store_refusal refusal =
        store_open(rig->directory, store_rig_key, NULL, &rig->store, message);

    if (refusal != STORE_OPENED)
        fail_msg("store_open: %d: %s", refusal, message);
}

void store_rig_close(struct store_rig *rig)
{
    store_close(rig->store);
    rig->store = NULL;
}

void store_rig_reopen(struct store_rig *rig)
{
    store_rig_close(rig);
    store_rig_open(rig);
}

void store_rig_unlink(const struct store_rig *rig)
{
    static const char *const suffixes[] = {"-shm", "-wal", ""};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        unlink(store_rig_file(rig, suffixes[i]));
        unlink(store_rig_search_file(rig, suffixes[i]));
    }
}

const char *store_rig_search_file(const struct store_rig *rig, const char *suffix)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/search.db%s", rig->directory, suffix);
    return path;
}

const char *store_rig_file(const struct store_rig *rig, const char *suffix)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/p2pchat.db%s", rig->directory, suffix);
    return path;
}

void store_rig_start_age(struct store_rig *rig, struct now now)
{
    char message[STORE_MESSAGE_MAX];

    if (store_start_age(rig->store, now, message) != STORE_OPENED)
        fail_msg("%s", message);
}

struct transaction *store_rig_transaction(struct store_rig *rig)
{
    return transaction_new(++rig->ticket);
}

struct store_answer store_rig_take(struct store_rig *rig)
{
    struct store_answer answer;
    struct pollfd readable = {.fd = store_descriptor(rig->store), .events = POLLIN};

    do
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    while (!store_take(rig->store, &answer)); /* a thread may have had something else to tell */
    return answer;
}

void store_rig_commit(struct store_rig *rig, struct transaction *t)
{
    struct store_answer answer;

    store_append(rig->store, t);
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_DURABLE);
    assert_int_equal(answer.error, OK);
    assert_ptr_equal(answer.transaction, t);
}

void store_rig_put(struct store_rig *rig, struct transaction *t)
{
    store_rig_commit(rig, t);
    transaction_free(t);
}

struct store_answer store_rig_rows(struct store_rig *rig, uint64_t id, size_t count, bool end)
{
    struct store_answer answer = store_rig_take(rig);

    assert_int_equal(answer.kind, STORE_ROWS);
    assert_int_equal(answer.error, OK);
    assert_true(answer.id == id);
    assert_int_equal(answer.count, count);
    assert_int_equal(answer.end, end);
    return answer;
}

void store_rig_streams(struct store_rig *rig)
{
    struct transaction *t = store_rig_transaction(rig);

    add_peer(t, 1, "alice");
    add_peer(t, 2, "bob");
    add_stream(t, 1, 1, DIRECTION_OUT);
    add_stream(t, 2, 1, DIRECTION_IN);
    add_stream(t, 3, 2, DIRECTION_OUT);
    store_rig_put(rig, t);
}

void store_rig_sent(struct store_rig *rig, uint32_t stream, uint32_t peer, const char *text)
{
    struct transaction *t = store_rig_transaction(rig);

    add_sent(t, stream, peer, NULL, text);
    store_rig_put(rig, t);
}

void add_peer(struct transaction *t, uint32_t peer, const char *alias)
{
    struct peer_row *row = &transaction_add(t, CHANGE_PEER)->peer;

    row->peer = peer;
    memset(row->key, (int)peer, sizeof(row->key));
    row->alias = alias != NULL ? xstrdup(alias) : NULL;
    row->consent = CONSENT_MUTUAL;
    memset(row->consent_id, (int)peer + 1, sizeof(row->consent_id));
}

void add_stream(struct transaction *t, uint32_t stream, uint32_t peer, enum direction direction)
{
    transaction_add(t, direction == DIRECTION_IN ? CHANGE_STREAM_IN : CHANGE_STREAM_OUT)->stream =
        (struct stream_row){.stream = stream,
                            .peer = peer,
                            .direction = direction,
                            .epoch = UINT64_MAX - stream}; /* the high bit too */
}

void add_acked(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t acked,
               uint64_t acked_seq, uint64_t queued, uint64_t queued_bytes)
{
    transaction_add(t, CHANGE_STREAM_OUT)->stream =
        (struct stream_row){.stream = stream,
                            .peer = peer,
                            .direction = DIRECTION_OUT,
                            .epoch = UINT64_MAX - stream,
                            .acked = acked,
                            .acked_seq = acked_seq,
                            .queued = queued,
                            .queued_bytes = queued_bytes};
}

void add_gone(struct transaction *t, uint32_t stream)
{
    transaction_add(t, CHANGE_STREAM_GONE)->stream.stream = stream;
}

void add_request(struct transaction *t, uint32_t request, uint32_t peer)
{
    struct request_row *row = &transaction_add(t, CHANGE_REQUEST)->request;

    row->request = request;
    row->peer = peer;
    memset(row->id, (int)request, sizeof(row->id));
    row->left_ms = 600000;
}

struct log_row *add_event(struct transaction *t, int type, uint32_t peer, const char *body)
{
    struct log_row *row = &transaction_add(t, CHANGE_LOG)->log;

    row->time_ms = 1700000000000 + (int64_t)t->ticket;
    row->type = type;
    row->peer = peer;
    row->body = xstrdup(body);
    row->body_length = strlen(body);
    return row;
}

struct log_row *add_sent(struct transaction *t, uint32_t stream, uint32_t peer, const char *key,
                         const char *text)
{
    struct log_row *row = add_event(t, EVENT_MESSAGE_SENT, peer, text);

    row->stream = stream;
    row->key = key != NULL ? xstrdup(key) : NULL;
    return row;
}

static void add_in_turn(struct transaction *t, int type, uint32_t stream, uint32_t peer,
                        uint64_t number, const char *body)
{
    struct log_row *row = add_event(t, type, peer, body);

    row->stream = stream;
    row->number = number;
    transaction_add(t, CHANGE_STREAM_IN)->stream = (struct stream_row){.stream = stream,
                                                                       .peer = peer,
                                                                       .direction = DIRECTION_IN,
                                                                       .epoch = UINT64_MAX - stream,
                                                                       .last = number};
}

void add_received(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t number,
                  const char *text)
{
    add_in_turn(t, EVENT_MESSAGE_RECEIVED, stream, peer, number, text);
}

void add_gap(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t number)
{
    add_in_turn(t, EVENT_GAP, stream, peer, number, "\"from\":1,\"to\":1");
}
