/* Every kind of change, on one thread's time: append, wait, look. Questions are in
 * test_store_questions.c, failing disks in test_store_failure.c, refusals to open in
 * test_store_open.c. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/unit/store_rig.h"

/* --- What is loaded --- */

enum { LOADED_MAX = 16 };

struct loaded {
    uint64_t last_seq;              /* of the log */
    struct change rows[LOADED_MAX]; /* without their texts */
    char alias[LOADED_MAX][16];
    size_t count;
};

static void note_row(void *context, const struct change *row)
{
    struct loaded *loaded = context;

    if (row->kind == CHANGE_META && row->meta.name == META_LAST_SEQ) { /* always there, and last */
        loaded->last_seq = row->meta.value;
        return;
    }
    assert_in_range(loaded->count, 0, LOADED_MAX - 1);
    if (row->kind == CHANGE_PEER && row->peer.alias != NULL)
        snprintf(loaded->alias[loaded->count], sizeof(loaded->alias[0]), "%s", row->peer.alias);
    loaded->rows[loaded->count++] = *row;
}

static struct loaded load(struct store_rig *rig)
{
    char message[STORE_MESSAGE_MAX];
    struct loaded loaded = {.count = 0};

    store_rig_reopen(rig);
    assert_int_equal(store_load(rig->store, note_row, &loaded, message), STORE_OPENED);
    return loaded;
}

static void assert_meta(const struct change *row, enum meta_name name, uint64_t value)
{
    assert_int_equal(row->kind, CHANGE_META);
    assert_int_equal(row->meta.name, name);
    assert_true(row->meta.value == value);
}

static void test_new_store_is_empty(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    assert_true(store_exists(rig->directory));
    assert_true(store_last_seq(rig->store) == 0);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_int_equal(store_queued_bytes(rig->store), 0);
    assert_true(store_size_bytes(rig->store) > 0);
    assert_false(store_take(rig->store, &answer));
    assert_int_equal(load(rig).count, 0);
}

static void test_peers_are_kept(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct loaded loaded;
    struct peer_row *row;

    add_peer(t, 7, "alice");
    row = &t->changes[0].peer;
    row->name = xstrdup("Alice ☃");
    row->address = xstrdup("192.0.2.1:28470");
    row->record = xmemdup("\0\1\0", 3);
    row->record_length = 3;
    row->consent = CONSENT_ENDING;
    row->verified = true;
    row->last_seen_ms = 1700000000000;
    row->is_local = true;
    add_peer(t, 9, NULL);
    store_rig_put(rig, t);

    loaded = load(rig);
    assert_int_equal(loaded.count, 3);
    assert_meta(&loaded.rows[0], META_LAST_PEER, 9);
    row = &loaded.rows[1].peer;
    assert_int_equal(loaded.rows[1].kind, CHANGE_PEER);
    assert_int_equal(row->peer, 7);
    assert_int_equal(row->key[KEY_LENGTH - 1], 7);
    assert_string_equal(loaded.alias[1], "alice");
    assert_int_equal(row->record_length, 3);
    assert_int_equal(row->consent, CONSENT_ENDING);
    assert_int_equal(row->consent_id[0], 8);
    assert_true(row->verified);
    assert_false(row->blocked);
    assert_true(row->last_seen_ms == 1700000000000);
    assert_true(row->is_local);
    assert_int_equal(loaded.rows[2].peer.peer, 9);
    assert_null(loaded.rows[2].peer.alias);
    assert_null(loaded.rows[2].peer.record);
}

static void test_peers_are_replaced_and_removed(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct loaded loaded;

    add_peer(t, 1, "alice");
    add_peer(t, 2, "bob");
    add_peer(t, 3, "carol");
    store_rig_put(rig, t);
    t = store_rig_transaction(rig);
    add_peer(t, 1, NULL); /* frees the alias for the next */
    add_peer(t, 2, "alice");
    transaction_add(t, CHANGE_PEER_GONE)->peer.peer = 3;
    transaction_add(t, CHANGE_PEER_GONE)->peer.peer = 99;
    store_rig_put(rig, t);

    loaded = load(rig);
    assert_int_equal(loaded.count, 3);
    assert_meta(&loaded.rows[0], META_LAST_PEER, 3); /* also when it is gone */
    assert_string_equal(loaded.alias[1], "");
    assert_string_equal(loaded.alias[2], "alice");
}

static void test_requests_are_kept(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct loaded loaded;

    add_request(t, 1, 7);
    add_request(t, 2, 7);
    t->changes[1].request.greeting = xstrdup("hello");
    add_request(t, 3, 7);
    store_rig_put(rig, t);
    t = store_rig_transaction(rig);
    transaction_add(t, CHANGE_REQUEST_GONE)->request.request = 3;
    add_request(t, 2, 7);
    t->changes[1].request.direction = DIRECTION_OUT;
    t->changes[1].request.state = REQUEST_EXPIRED;
    t->changes[1].request.left_ms = -5;
    store_rig_put(rig, t);

    loaded = load(rig);
    assert_int_equal(loaded.count, 3);
    assert_meta(&loaded.rows[0], META_LAST_REQUEST, 3);
    assert_int_equal(loaded.rows[1].kind, CHANGE_REQUEST);
    assert_int_equal(loaded.rows[1].request.request, 1);
    assert_true(loaded.rows[1].request.left_ms == 600000);
    assert_int_equal(loaded.rows[2].request.request, 2);
    assert_int_equal(loaded.rows[2].request.id[0], 2);
    assert_int_equal(loaded.rows[2].request.peer, 7);
    assert_int_equal(loaded.rows[2].request.direction, DIRECTION_OUT);
    assert_null(loaded.rows[2].request.greeting);
    assert_true(loaded.rows[2].request.left_ms == -5);
    assert_int_equal(loaded.rows[2].request.state, REQUEST_EXPIRED);
}

static void test_numbers_with_a_name(void **state)
{
    struct store_rig *rig = *state;
    struct loaded loaded;

    for (uint64_t value = INT64_MAX / 2 - 2; value <= INT64_MAX / 2; value++) {
        struct transaction *t = store_rig_transaction(rig);
        struct change *change = transaction_add(t, CHANGE_META);

        change->meta.name = META_RECORD_SEQUENCE;
        change->meta.value = value;
        store_rig_put(rig, t);
        loaded = load(rig);
        assert_int_equal(loaded.count, 1);
        assert_meta(&loaded.rows[0], META_RECORD_SEQUENCE, value);
    }
}

/* --- Streams and messages --- */

static void test_messages_are_numbered(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;
    struct loaded loaded;

    store_rig_streams(rig);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, NULL, "one");
    add_sent(t, 3, 2, NULL, "eins");
    add_sent(t, 1, 1, NULL, "two");
    add_received(t, 2, 1, 41, "oh");
    add_event(t, EVENT_CHAT_ACCEPTED, 1, "\"request\":\"r1\"");
    store_rig_commit(rig, t);

    for (uint64_t i = 0; i < 4; i++) {
        static const uint64_t numbers[] = {1, 1, 2, 41};
        static const uint32_t streams[] = {1, 3, 1, 2};
        const struct log_row *row = &t->changes[i].log;

        assert_int_equal(row->result, OK);
        assert_false(row->existing);
        assert_true(row->seq == i + 1);
        assert_true(row->number == numbers[i]);
        assert_true(row->epoch == UINT64_MAX - streams[i]);
    }
    assert_true(t->changes[5].log.seq == 5);
    assert_true(store_last_seq(rig->store) == 5);
    transaction_free(t);

    loaded = load(rig);
    assert_true(store_last_seq(rig->store) == 5);
    assert_true(loaded.last_seq == 5);
    assert_int_equal(loaded.count, 2 + 2 + 3);
    assert_meta(&loaded.rows[0], META_LAST_PEER, 2);
    assert_meta(&loaded.rows[1], META_LAST_STREAM, 3);
    assert_int_equal(loaded.rows[4].kind, CHANGE_STREAM_OUT);
    assert_true(loaded.rows[4].stream.last == 2);
    assert_true(loaded.rows[4].stream.queued == 2);
    assert_true(loaded.rows[4].stream.queued_bytes == 6);
    assert_true(loaded.rows[4].stream.epoch == UINT64_MAX - 1);
    assert_int_equal(loaded.rows[5].kind, CHANGE_STREAM_IN);
    assert_true(loaded.rows[5].stream.last == 41);
    assert_true(loaded.rows[6].stream.last == 1);
}

static void test_acknowledged_is_taken_off(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;
    struct loaded loaded;

    store_rig_streams(rig);
    store_rig_sent(rig, 1, 1, "one");
    store_rig_sent(rig, 1, 1, "three");
    t = store_rig_transaction(rig);
    add_acked(t, 1, 1, 1, 1, 1, 3);
    add_sent(t, 1, 1, NULL, "four");
    store_rig_put(rig, t);

    loaded = load(rig);
    assert_int_equal(loaded.rows[4].stream.stream, 1);
    assert_true(loaded.rows[4].stream.last == 3);
    assert_true(loaded.rows[4].stream.acked == 1);
    assert_true(loaded.rows[4].stream.acked_seq == 1);
    assert_true(loaded.rows[4].stream.queued == 2);
    assert_true(loaded.rows[4].stream.queued_bytes == 9);
}

static void test_closed_streams_are_not_loaded(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;
    struct loaded loaded;

    store_rig_streams(rig);
    t = store_rig_transaction(rig);
    add_gone(t, 1);
    add_gone(t, 3);
    add_gone(t, 99);
    store_rig_put(rig, t);
    t = store_rig_transaction(rig);
    add_stream(t, 4, 1, DIRECTION_OUT);
    t->changes[0].stream.epoch = UINT64_MAX - 1; /* the epoch of stream 1 once more */
    add_gone(t, 4);
    store_rig_put(rig, t);

    loaded = load(rig);
    assert_int_equal(loaded.count, 2 + 2 + 1);
    assert_meta(&loaded.rows[1], META_LAST_STREAM, 4);
    assert_int_equal(loaded.rows[4].stream.stream, 2);
}

/* More streams than the writer keeps at hand, in one transaction and across several. */
static void test_many_streams(void **state)
{
    enum { STREAMS = 1000 };
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);

    add_peer(t, 1, "alice");
    for (uint32_t i = 1; i <= STREAMS; i++)
        add_stream(t, i, 1, DIRECTION_OUT);
    for (uint32_t round = 1; round <= 3; round++)
        for (uint32_t i = 1; i <= STREAMS; i++)
            add_sent(t, i, 1, NULL, "x");
    store_rig_commit(rig, t);
    for (size_t i = 0; i < 3 * STREAMS; i++)
        assert_true(t->changes[1 + STREAMS + i].log.number == 1 + i / STREAMS);
    transaction_free(t);

    t = store_rig_transaction(rig);
    for (uint32_t i = 1; i <= STREAMS; i++)
        add_sent(t, i, 1, NULL, "x");
    store_rig_commit(rig, t);
    for (size_t i = 0; i < STREAMS; i++)
        assert_true(t->changes[i].log.number == 4);
    transaction_free(t);
}

/* --- Keys --- */

static void test_keys(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;
    const struct log_row *row;

    store_rig_streams(rig);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "k", "hi");
    add_sent(t, 3, 2, "k", "hi"); /* another peer's key */
    store_rig_put(rig, t);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "k", "hi");
    add_sent(t, 1, 1, "k", "ho");
    add_sent(t, 1, 1, "l", "ho");
    add_sent(t, 1, 1, "l", "ho"); /* in the same transaction */
    add_sent(t, 1, 1, NULL, "hi");
    store_rig_commit(rig, t);

    row = &t->changes[0].log;
    assert_int_equal(row->result, OK);
    assert_true(row->existing);
    assert_false(row->delivered);
    assert_true(row->seq == 1 && row->number == 1 && row->epoch == UINT64_MAX - 1);
    row = &t->changes[1].log;
    assert_int_equal(row->result, ERR_KEY_CONFLICT);
    assert_false(row->existing);
    row = &t->changes[2].log;
    assert_int_equal(row->result, OK);
    assert_true(row->seq == 3 && row->number == 2);
    row = &t->changes[3].log;
    assert_true(row->existing);
    assert_true(row->seq == 3 && row->number == 2);
    row = &t->changes[4].log;
    assert_false(row->existing);
    assert_true(row->seq == 4 && row->number == 3);
    transaction_free(t);
    assert_true(store_last_seq(rig->store) == 4);
}

static void test_key_of_an_older_epoch(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;

    store_rig_streams(rig);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "a", "delivered");
    add_sent(t, 1, 1, "b", "failed");
    store_rig_put(rig, t);
    t = store_rig_transaction(rig);
    add_acked(t, 1, 1, 1, 1, 1, 9);
    add_gone(t, 1);
    add_stream(t, 4, 1, DIRECTION_OUT);
    store_rig_put(rig, t);
    store_rig_reopen(rig);
    t = store_rig_transaction(rig);
    add_sent(t, 4, 1, "a", "delivered");
    add_sent(t, 4, 1, "b", "failed");
    store_rig_commit(rig, t);

    for (uint64_t i = 0; i < 2; i++) {
        const struct log_row *row = &t->changes[i].log;

        assert_true(row->existing);
        assert_int_equal(row->stream, 1);
        assert_true(row->epoch == UINT64_MAX - 1);
        assert_true(row->number == i + 1);
        assert_int_equal(row->delivered, i == 0);
    }
    transaction_free(t);
}

/* --- Groups, lazy ones, the end --- */

static void test_many_transactions_in_order(void **state)
{
    enum { COUNT = 10000 };
    struct store_rig *rig = *state;
    size_t bytes;

    store_rig_streams(rig);
    for (int i = 0; i < COUNT; i++) {
        struct transaction *t = store_rig_transaction(rig);

        add_sent(t, 1, 1, NULL, "message");
        store_append(rig->store, t);
    }
    bytes = store_queued_bytes(rig->store);
    assert_in_range(bytes, COUNT * sizeof(struct change), STORE_QUEUE_MAX);
    for (uint64_t i = 1; i <= COUNT; i++) {
        struct store_answer answer = store_rig_take(rig);

        assert_int_equal(answer.kind, STORE_DURABLE);
        assert_true(answer.transaction->ticket == 1 + i);
        assert_true(answer.transaction->changes[0].log.seq == i);
        assert_true(answer.transaction->changes[0].log.number == i);
        assert_true(store_last_seq(rig->store) == i);
        transaction_free(answer.transaction);
    }
    assert_int_equal(store_queued_bytes(rig->store), 0);
}

static void test_lazy_ones_come_too(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);

    t->lazy = true;
    add_event(t, EVENT_CHAT_EXPIRED, 0, "");
    store_rig_put(rig, t); /* alone */
    t = store_rig_transaction(rig);
    t->lazy = true;
    store_append(rig->store, t);
    store_append(rig->store, store_rig_transaction(rig)); /* empty, and in company */
    for (int i = 0; i < 2; i++) {
        struct store_answer answer = store_rig_take(rig);

        assert_int_equal(answer.kind, STORE_DURABLE);
        transaction_free(answer.transaction);
    }
}

static void test_close_finishes(void **state)
{
    struct store_rig *rig = *state;

    store_rig_streams(rig);
    for (int i = 0; i < 1000; i++) {
        struct transaction *t = store_rig_transaction(rig);

        add_sent(t, 1, 1, NULL, "message");
        t->lazy = i % 2 != 0;
        store_append(rig->store, t);
    }
    store_read_range(rig->store, 1, 0, 0, 0, 10, 1000);
    store_rig_reopen(rig);
    assert_true(store_last_seq(rig->store) == 1000);
}

/* A writer that is never idle: the WAL begins anew, and does not grow without bound. */
static void test_wal_is_bounded(void **state)
{
    struct store_rig *rig = *state;
    char *text = xcalloc(1, 65537);
    uint64_t bytes = 0;

    memset(text, 'x', 65536);
    store_rig_streams(rig);
    for (int i = 0; i < 100; i++) {
        struct transaction *t = store_rig_transaction(rig);

        for (int j = 0; j < 16; j++)
            add_sent(t, 1, 1, NULL, text);
        bytes += 16 * 65536;
        store_rig_put(rig, t);
    }
    free(text);
    assert_in_range(store_size_bytes(rig->store), bytes, bytes + (36 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, store_rig_setup, store_rig_teardown)
        TEST(test_new_store_is_empty),
        TEST(test_peers_are_kept),
        TEST(test_peers_are_replaced_and_removed),
        TEST(test_requests_are_kept),
        TEST(test_numbers_with_a_name),
        TEST(test_messages_are_numbered),
        TEST(test_acknowledged_is_taken_off),
        TEST(test_closed_streams_are_not_loaded),
        TEST(test_many_streams),
        TEST(test_keys),
        TEST(test_key_of_an_older_epoch),
        TEST(test_many_transactions_in_order),
        TEST(test_lazy_ones_come_too),
        TEST(test_close_finishes),
        TEST(test_wal_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
