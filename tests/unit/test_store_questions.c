/* Every question, and what it is answered. Appending is in test_store.c, search in
 * test_search.c. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/unit/store_rig.h"

static void assert_row(const struct store_row *row, uint64_t seq, const char *body)
{
    assert_true(row->log.seq == seq);
    assert_string_equal(row->log.body, body);
    assert_int_equal(row->log.body_length, strlen(body));
}

/* Seqs: 1 sent, 2 received, 3 to bob, 4 accepted, 5 sent, 6 sent, 7 security warning. */
static void put_conversation(struct store_rig *rig)
{
    struct transaction *t;

    store_rig_streams(rig);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "key", "one");
    add_received(t, 2, 1, 1, "");
    add_sent(t, 3, 2, NULL, "eins");
    add_event(t, EVENT_CHAT_ACCEPTED, 1, "\"request\":\"r1\"");
    add_sent(t, 1, 1, NULL, "two");
    add_sent(t, 1, 1, NULL, "three");
    add_event(t, EVENT_SECURITY_WARNING, 0, "\"reason\":\"test\"");
    store_rig_put(rig, t);
}

/* --- Ranges and streams --- */

static void test_read_stream(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    put_conversation(rig);
    store_read_stream(rig->store, 11, 1, 0, 10, 1000);
    answer = store_rig_rows(rig, 11, 3, true);
    assert_row(&answer.rows[0], 1, "one");
    assert_null(answer.rows[0].log.key);
    assert_row(&answer.rows[1], 5, "two");
    assert_true(answer.rows[1].log.number == 2);
    assert_true(answer.rows[1].log.epoch == UINT64_MAX - 1);
    assert_int_equal(answer.rows[1].log.stream, 1);
    assert_int_equal(answer.rows[1].log.peer, 1);
    assert_int_equal(answer.rows[1].log.type, EVENT_MESSAGE_SENT);
    assert_true(answer.rows[1].log.time_ms == 1700000000000 + (int64_t)rig->ticket);
    assert_row(&answer.rows[2], 6, "three");
    store_answer_done(&answer);

    store_read_stream(rig->store, 12, 1, 1, 1, 1000);
    answer = store_rig_rows(rig, 12, 1, false);
    assert_row(&answer.rows[0], 5, "two");
    store_answer_done(&answer);
    store_read_stream(rig->store, 13, 1, 0, 10, 6);
    answer = store_rig_rows(rig, 13, 2, false);
    store_answer_done(&answer);
    store_read_stream(rig->store, 14, 1, 5, 10, 1); /* one at least */
    answer = store_rig_rows(rig, 14, 1, true);
    assert_row(&answer.rows[0], 6, "three");
    store_answer_done(&answer);
    store_read_stream(rig->store, 18, 1, 0, 10, 1);
    answer = store_rig_rows(rig, 18, 1, false);
    store_answer_done(&answer);
    store_read_stream(rig->store, 15, 1, 6, 10, 1000);
    answer = store_rig_rows(rig, 15, 0, true);
    store_answer_done(&answer);
    store_read_stream(rig->store, 16, 77, 0, 10, 1000);
    answer = store_rig_rows(rig, 16, 0, true);
    store_answer_done(&answer);
    store_read_stream(rig->store, 17, 1, UINT64_MAX, 10, 1000);
    answer = store_rig_rows(rig, 17, 0, true);
    store_answer_done(&answer);
}

static void test_read_range(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;
    const uint64_t sent = 1u << EVENT_MESSAGE_SENT;

    put_conversation(rig);
    store_read_range(rig->store, 1, 0, 0, 0, 100, 1000);
    answer = store_rig_rows(rig, 1, 7, true);
    for (uint64_t i = 0; i < 7; i++)
        assert_true(answer.rows[i].log.seq == i + 1);
    assert_row(&answer.rows[6], 7, "\"reason\":\"test\"");
    assert_int_equal(answer.rows[6].log.peer, 0);
    assert_int_equal(answer.rows[6].log.stream, 0);
    assert_true(answer.rows[6].log.number == 0 && answer.rows[6].log.epoch == 0);
    assert_true(answer.scanned_through == 7);
    store_answer_done(&answer);

    store_read_range(rig->store, 2, 1, sent, 1, 100, 1000);
    answer = store_rig_rows(rig, 2, 2, true);
    assert_row(&answer.rows[0], 5, "two");
    assert_true(answer.scanned_through == 7);
    store_answer_done(&answer);
    store_read_range(rig->store, 3, 1, 0, 0, 2, 1000);
    answer = store_rig_rows(rig, 3, 2, false);
    assert_true(answer.scanned_through == 3);
    store_answer_done(&answer);
    store_read_range(rig->store, 4, 0, 0, 0, 100, 4);
    answer = store_rig_rows(rig, 4, 2, false);
    assert_true(answer.scanned_through == 2);
    store_answer_done(&answer);
    store_read_range(rig->store, 5, 7, 0, 0, 100, 1000);
    answer = store_rig_rows(rig, 5, 0, true);
    assert_true(answer.scanned_through == 7);
    store_answer_done(&answer);
    store_read_range(rig->store, 6, 100, 0, 0, 100, 1000); /* beyond the end */
    answer = store_rig_rows(rig, 6, 0, true);
    assert_true(answer.scanned_through == 100);
    store_answer_done(&answer);
}

/* A filter that nothing fits goes on in steps, and gets to the end. */
static void test_read_sparse_range(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    for (int i = 0; i < 10000; i++)
        add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    store_rig_put(rig, t);
    store_read_range(rig->store, 1, 0, 0, 2, 1000, 1000);
    answer = store_rig_rows(rig, 1, 0, false);
    assert_true(answer.scanned_through == 4096);
    store_read_range(rig->store, 2, 4096, 1, 0, 2, 1000);
    answer = store_rig_rows(rig, 2, 0, false);
    assert_true(answer.scanned_through == 4096 + 32);
    store_read_range(rig->store, 3, 8192, 0, 2, 1000, 1000);
    answer = store_rig_rows(rig, 3, 0, true);
    assert_true(answer.scanned_through == 10000);
}

/* --- History --- */

static void test_read_history(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    put_conversation(rig);
    store_read_history(rig->store, 1, &(struct history_query){.limit = 100});
    answer = store_rig_rows(rig, 1, 5, true);
    assert_row(&answer.rows[0], 1, "one");
    assert_row(&answer.rows[1], 2, "");
    assert_int_equal(answer.rows[1].state, MESSAGE_STATE_RECEIVED);
    assert_row(&answer.rows[2], 3, "eins");
    assert_row(&answer.rows[4], 6, "three");
    store_answer_done(&answer);

    store_read_history(rig->store, 2, &(struct history_query){.peer = 1, .seq = 6, .limit = 2});
    answer = store_rig_rows(rig, 2, 2, false);
    assert_row(&answer.rows[0], 2, "");
    assert_row(&answer.rows[1], 5, "two");
    store_answer_done(&answer);
    store_read_history(rig->store, 3, &(struct history_query){.peer = 1, .seq = 2, .limit = 2});
    answer = store_rig_rows(rig, 3, 1, true);
    store_answer_done(&answer);
    store_read_history(rig->store, 4, &(struct history_query){.seq = 1, .limit = 2});
    answer = store_rig_rows(rig, 4, 0, true);
    store_read_history(rig->store, 5,
                       &(struct history_query){.peer = 2, .seq = UINT64_MAX, .limit = 2});
    answer = store_rig_rows(rig, 5, 1, true);
    assert_row(&answer.rows[0], 3, "eins");
    store_answer_done(&answer);
    store_read_history(rig->store, 6, &(struct history_query){.peer = 3, .limit = 2});
    answer = store_rig_rows(rig, 6, 0, true);
}

static void test_read_history_onwards(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    put_conversation(rig);
    store_read_history(rig->store, 1, &(struct history_query){.order = HISTORY_AFTER, .limit = 5});
    answer = store_rig_rows(rig, 1, 5, true);
    assert_row(&answer.rows[0], 1, "one");
    assert_row(&answer.rows[4], 6, "three");
    store_answer_done(&answer);
    store_read_history(rig->store, 2,
                       &(struct history_query){.order = HISTORY_AFTER, .seq = 2, .limit = 2});
    answer = store_rig_rows(rig, 2, 2, false);
    assert_row(&answer.rows[0], 3, "eins");
    assert_row(&answer.rows[1], 5, "two");
    store_answer_done(&answer);
    store_read_history(
        rig->store, 3,
        &(struct history_query){.order = HISTORY_AFTER, .peer = 1, .seq = 1, .limit = 2});
    answer = store_rig_rows(rig, 3, 2, false);
    assert_row(&answer.rows[0], 2, "");
    assert_row(&answer.rows[1], 5, "two");
    store_answer_done(&answer);
    store_read_history(
        rig->store, 4,
        &(struct history_query){.order = HISTORY_AFTER, .seq = UINT64_MAX, .limit = 2});
    answer = store_rig_rows(rig, 4, 0, true);
}

static void test_states_in_history(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;
    struct store_answer answer;

    put_conversation(rig);
    t = store_rig_transaction(rig);
    add_acked(t, 1, 1, 2, 5, 2, 6);
    store_rig_put(rig, t);
    store_read_history(rig->store, 1, &(struct history_query){.peer = 1, .limit = 100});
    answer = store_rig_rows(rig, 1, 4, true);
    assert_int_equal(answer.rows[0].state, MESSAGE_STATE_DELIVERED);
    assert_int_equal(answer.rows[1].state, MESSAGE_STATE_RECEIVED);
    assert_int_equal(answer.rows[2].state, MESSAGE_STATE_DELIVERED);
    assert_int_equal(answer.rows[3].state, MESSAGE_STATE_QUEUED);
    store_answer_done(&answer);

    t = store_rig_transaction(rig);
    add_gone(t, 1);
    add_gone(t, 2);
    store_rig_put(rig, t);
    store_rig_reopen(rig);
    store_read_history(rig->store, 2, &(struct history_query){.peer = 1, .limit = 100});
    answer = store_rig_rows(rig, 2, 4, true);
    assert_int_equal(answer.rows[0].state, MESSAGE_STATE_DELIVERED);
    assert_int_equal(answer.rows[1].state, MESSAGE_STATE_RECEIVED);
    assert_true(answer.rows[1].log.epoch == UINT64_MAX - 2);
    assert_int_equal(answer.rows[2].state, MESSAGE_STATE_DELIVERED);
    assert_int_equal(answer.rows[3].state, MESSAGE_STATE_FAILED);
    store_answer_done(&answer);
}

/* Nobody knows whether a classic peer has what it was sent. */
static void test_states_of_a_classic_peer(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    put_conversation(rig);
    add_peer(t, 1, "alice");
    t->changes[0].peer.is_classic = true;
    add_acked(t, 1, 1, 2, 5, 2, 6);
    store_rig_put(rig, t);
    for (int times = 0; times < 2; times++) { /* also when its stream is closed */
        store_read_history(rig->store, 1, &(struct history_query){.peer = 1, .limit = 100});
        answer = store_rig_rows(rig, 1, 4, true);
        assert_int_equal(answer.rows[0].state, MESSAGE_STATE_SENT);
        assert_int_equal(answer.rows[1].state, MESSAGE_STATE_RECEIVED);
        assert_int_equal(answer.rows[2].state, MESSAGE_STATE_SENT);
        assert_int_equal(answer.rows[3].state,
                         times == 0 ? MESSAGE_STATE_QUEUED : MESSAGE_STATE_FAILED);
        store_answer_done(&answer);
        t = store_rig_transaction(rig);
        add_gone(t, 1);
        store_rig_put(rig, t);
    }
}

/* Pages of long messages are cut; history over stretches without messages is not, unless they are
 * longer than this one (test_store_reader.c). */
static void test_history_is_bounded(void **state)
{
    struct store_rig *rig = *state;
    char *text = xcalloc(1, 65537);
    struct transaction *t;
    struct store_answer answer;

    store_rig_streams(rig);
    memset(text, 'x', 65536);
    for (int i = 0; i < 20; i++)
        store_rig_sent(rig, 1, 1, text);
    free(text);
    t = store_rig_transaction(rig);
    for (int i = 0; i < 10000; i++)
        add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    store_rig_put(rig, t);
    store_read_history(rig->store, 1, &(struct history_query){.limit = 1000});
    answer = store_rig_rows(rig, 1, 16, false);
    assert_true(answer.rows[0].log.seq == 5);
    assert_true(answer.rows[15].log.seq == 20);
    store_answer_done(&answer);
    store_read_history(rig->store, 2, &(struct history_query){.seq = 5, .limit = 1000});
    answer = store_rig_rows(rig, 2, 4, true);
    store_answer_done(&answer);
}

/* A question shows what was known to be durable when it was asked, and nothing that comes later. */
static void test_questions_do_not_overtake(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;
    struct transaction *t;
    size_t rows = 0;

    store_rig_streams(rig);
    store_rig_sent(rig, 1, 1, "known");
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, NULL, "not yet");
    store_append(rig->store, t);
    store_read_range(rig->store, 1, 0, 0, 0, 10, 1000);
    store_read_stream(rig->store, 2, 1, 0, 10, 1000);
    store_read_history(rig->store, 3, &(struct history_query){.limit = 10});
    for (int i = 0; i < 4; i++) {
        answer = store_rig_take(rig);
        rows += answer.count;
        transaction_free(answer.transaction);
        store_answer_done(&answer);
    }
    assert_int_equal(rows, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, store_rig_setup, store_rig_teardown)
        TEST(test_read_stream),
        TEST(test_read_range),
        TEST(test_read_sparse_range),
        TEST(test_read_history),
        TEST(test_read_history_onwards),
        TEST(test_states_in_history),
        TEST(test_states_of_a_classic_peer),
        TEST(test_history_is_bounded),
        TEST(test_questions_do_not_overtake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
