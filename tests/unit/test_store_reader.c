/* The reader by itself, on the test's own thread, with snapshots that end after each row: the
 * answers are the same as from one snapshot. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "daemon/store/reader.h"
#include "tests/unit/store_rig.h"

enum { ROUNDS = 300 };

/* Messages each way with two peers, and events between them. */
static void fill(struct store_rig *rig)
{
    struct transaction *t = store_rig_transaction(rig);

    add_peer(t, 1, "alice");
    add_peer(t, 2, "bob");
    add_stream(t, 1, 1, DIRECTION_OUT);
    add_stream(t, 2, 1, DIRECTION_IN);
    add_stream(t, 3, 2, DIRECTION_OUT);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        add_sent(t, 1, 1, NULL, "to alice");
        add_received(t, 2, 1, i, "from alice");
        add_event(t, 8, 1, "");
        add_sent(t, 3, 2, NULL, "to bob");
    }
    store_rig_put(rig, t);
}

/* Answers a question by a reader whose snapshots live so long. */
static struct store_answer ask(const struct store_rig *rig, enum job_kind kind,
                               const struct question *question, uint64_t snapshot_ms)
{
    struct store_answer answer;
    struct store_reader reader;
    struct queue jobs, answers;
    struct job *job = job_new(kind);

    job->question = *question;
    queue_init(&jobs, -1);
    queue_init(&answers, -1);
    assert_int_equal(store_reader_init(&reader, store_rig_file(rig, ""), &jobs, &answers), 0);
    reader.snapshot_ms = snapshot_ms;
    queue_push(&jobs, job);
    queue_close(&jobs);
    store_reader_run(&reader);
    assert_ptr_equal(queue_take(&answers), job);
    answer = job->answer;
    free(job);
    store_reader_done(&reader);
    queue_done(&jobs);
    queue_done(&answers);
    return answer;
}

static void compare(const struct store_rig *rig, enum job_kind kind,
                    const struct question *question)
{
    struct store_answer one = ask(rig, kind, question, 60000);
    struct store_answer many = ask(rig, kind, question, 0);

    assert_int_equal(one.error, OK);
    assert_int_equal(many.error, OK);
    assert_int_equal(one.count, many.count);
    assert_int_equal(one.end, many.end);
    assert_true(one.scanned_through == many.scanned_through);
    for (size_t i = 0; i < one.count; i++) {
        assert_true(one.rows[i].log.seq == many.rows[i].log.seq);
        assert_string_equal(one.rows[i].log.body, many.rows[i].log.body);
        assert_int_equal(one.rows[i].state, many.rows[i].state);
    }
    store_answer_done(&one);
    store_answer_done(&many);
}

static void test_many_snapshots_answer_as_one(void **state)
{
    static const size_t rows_max[] = {1, 7, ROUNDS - 1, ROUNDS, ROUNDS + 1, 5 * ROUNDS};
    struct store_rig rig;

    (void)state;
    store_rig_init(&rig);
    fill(&rig);
    for (size_t i = 0; i < sizeof(rows_max) / sizeof(rows_max[0]); i++) {
        struct question q = {.stream = 1,
                             .seq = 2,
                             .through = store_last_seq(rig.store) - 1,
                             .rows_max = rows_max[i],
                             .bytes_max = 1 << 20};

        compare(&rig, JOB_STREAM, &q);
        compare(&rig, JOB_RANGE, &q);
        q.types = 1 << 8;
        compare(&rig, JOB_RANGE, &q);
        q.seq = 0;
        compare(&rig, JOB_HISTORY, &q);
        q.peer = 1;
        compare(&rig, JOB_HISTORY, &q);
        q.order = HISTORY_AFTER;
        compare(&rig, JOB_HISTORY, &q);
        q.peer = 0;
        compare(&rig, JOB_HISTORY, &q);
    }
    store_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_snapshots_answer_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
