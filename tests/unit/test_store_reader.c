/* The reader by itself, with snapshots that end after each row: the answers are the same as from
 * one snapshot; and what would take long, which is answered in parts. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
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

/* A reader whose snapshots live so long, and its thread. */
struct reader_rig {
    struct pulse pulse;
    struct store_reader reader;
    struct queue jobs, answers;
    pthread_t thread;
};

static void thread_start(struct reader_rig *r, const struct store_rig *rig, uint64_t snapshot_ms)
{
    pulse_init(&r->pulse);
    queue_init(&r->jobs, -1);
    queue_init(&r->answers, -1);
    assert_int_equal(
        store_reader_init(&r->reader, store_rig_file(rig, ""), &r->pulse, &r->jobs, &r->answers),
        0);
    r->reader.snapshot_ms = snapshot_ms;
    assert_int_equal(pthread_create(&r->thread, NULL, store_reader_run, &r->reader), 0);
}

/* Ends the thread; what it answered is still in `answers`. */
static void thread_end(struct reader_rig *r)
{
    queue_close(&r->jobs);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    store_reader_done(&r->reader);
    pulse_done(&r->pulse);
    queue_done(&r->jobs);
}

static void thread_ask(struct reader_rig *r, enum job_kind kind, const struct question *question)
{
    struct job *job = job_new(kind);

    job->question = *question;
    if (question->search != NULL)
        job->question.search = xstrdup(question->search);
    queue_push(&r->jobs, job);
}

static struct store_answer thread_take(struct reader_rig *r)
{
    struct job *job = queue_wait(&r->answers, 1, 0);
    struct store_answer answer = job->answer;

    assert_int_equal(answer.kind, STORE_ROWS);
    job->answer = (struct store_answer){0};
    job_free(job);
    return answer;
}

/* Asks a reader that is there for this only. */
static struct store_answer ask(const struct store_rig *rig, enum job_kind kind,
                               const struct question *question, uint64_t snapshot_ms)
{
    struct store_answer answer;
    struct reader_rig r;

    thread_start(&r, rig, snapshot_ms);
    thread_ask(&r, kind, question);
    answer = thread_take(&r);
    thread_end(&r);
    queue_done(&r.answers);
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

/* A long stretch without messages is looked through in several pages. */
static void test_a_stretch_without_messages(void **state)
{
    enum { EVENTS = 2 * STORE_HISTORY_SCAN_MAX + 1 };
    struct question q = {.rows_max = 10, .bytes_max = 1 << 20};
    struct transaction *t;
    struct store_rig rig;

    (void)state;
    store_rig_init(&rig);
    store_rig_streams(&rig);
    store_rig_sent(&rig, 1, 1, "first");
    t = store_rig_transaction(&rig);
    for (int i = 0; i < EVENTS; i++)
        add_event(t, 8, 1, "");
    store_rig_put(&rig, t);
    store_rig_sent(&rig, 1, 1, "last");
    q.through = store_last_seq(rig.store);
    for (int direction = 0; direction < 2; direction++) {
        q.order = direction == 0 ? HISTORY_BEFORE : HISTORY_AFTER;
        q.seq = 0;
        for (uint64_t page = 1; page <= 3; page++) {
            const uint64_t looked = 1 + page * STORE_HISTORY_SCAN_MAX;
            struct store_answer answer = ask(&rig, JOB_HISTORY, &q, page % 2 * 60000);

            assert_int_equal(answer.error, OK);
            assert_int_equal(answer.count, page != 2);
            assert_int_equal(answer.end, page == 3);
            q.seq = answer.next;
            if (page < 3)
                assert_int_equal(q.seq, direction == 0 ? q.through + 1 - looked : looked);
            store_answer_done(&answer);
        }
        q.peer = 1; /* has an index */
        q.seq = 0;
        struct store_answer answer = ask(&rig, JOB_HISTORY, &q, 60000);
        assert_int_equal(answer.count, 2);
        assert_true(answer.end);
        store_answer_done(&answer);
        q.peer = 0;
    }
    store_rig_done(&rig);
}

/* --- Searches that take long --- */

enum { LONG_TEXTS = 40, LONG_TEXT = 65400, FITTING = 7 };

/* A phrase that nearly fits everywhere, and fits into two of these texts. */
static void fill_with_long_texts(struct store_rig *rig, char query[128])
{
    char *text = xcalloc(1, LONG_TEXT + 1);

    store_rig_streams(rig);
    for (int i = 0; i < LONG_TEXT; i++)
        text[i] = i % 2 != 0 ? ' ' : i % 1022 != 1020 ? 'a' : 'b';
    for (int i = 1; i <= LONG_TEXTS; i++) {
        memcpy(text + LONG_TEXT - 4, i == FITTING || i == LONG_TEXTS ? " c d" : " d c", 4);
        store_rig_sent(rig, 1, 1, text);
    }
    free(text);
    for (int i = 0; i < 124; i++)
        query[i] = i % 2 != 0 ? '.' : 'a';
    memcpy(query + 123, ".c*", 4);
}

static void index_all(struct reader_rig *r, const struct question *question)
{
    struct store_answer answer;

    do {
        thread_ask(r, JOB_HISTORY, question);
        answer = thread_take(r);
        assert_int_equal(answer.error, OK);
        store_answer_done(&answer);
    } while (answer.indexed_through < question->through);
}

/* When there is no time, each call looks at one text, and together they find what there is. */
static void test_a_search_goes_on(void **state)
{
    struct question q = {.rows_max = 10, .bytes_max = 1 << 20};
    struct reader_rig r;
    struct store_rig rig;
    char query[128];

    (void)state;
    store_rig_init(&rig);
    fill_with_long_texts(&rig, query);
    q.search = query;
    q.through = store_last_seq(rig.store);
    thread_start(&r, &rig, 0);
    index_all(&r, &q);
    for (int direction = 0; direction < 2; direction++) {
        uint64_t found = 0, before;
        struct store_answer answer;
        int calls = 0;

        q.order = direction == 0 ? HISTORY_BEFORE : HISTORY_AFTER;
        q.seq = 0;
        do {
            before = q.seq > 0 ? q.seq : direction == 0 ? q.through + 1 : 0;
            thread_ask(&r, JOB_HISTORY, &q);
            answer = thread_take(&r);
            assert_int_equal(answer.error, OK);
            calls++;
            for (size_t i = 0; i < answer.count; i++)
                found += answer.rows[i].log.seq;
            q.seq = answer.next;
            if (!answer.end)
                assert_int_equal(q.seq, direction == 0 ? before - 1 : before + 1);
            store_answer_done(&answer);
        } while (!answer.end);
        assert_in_range(calls, LONG_TEXTS - 1, LONG_TEXTS + 1);
        assert_int_equal(found, FITTING + LONG_TEXTS);
    }
    thread_end(&r);
    queue_done(&r.answers);
    store_rig_done(&rig);
}

static bool is_empty(struct queue *q)
{
    bool is_empty;

    pthread_mutex_lock(&q->mutex);
    is_empty = q->first == NULL;
    pthread_mutex_unlock(&q->mutex);
    return is_empty;
}

/* The end does not wait for a search that has all the time, nor for what was not begun. */
static void test_end_during_a_search(void **state)
{
    struct question q = {.rows_max = 10, .bytes_max = 1 << 20};
    struct store_answer answer;
    struct reader_rig r;
    struct store_rig rig;
    char query[128];

    (void)state;
    store_rig_init(&rig);
    fill_with_long_texts(&rig, query);
    q.search = query;
    q.through = store_last_seq(rig.store);
    thread_start(&r, &rig, 60000);
    index_all(&r, &(struct question){
                      .rows_max = 1, .bytes_max = 1, .through = q.through, .search = (char *)"x"});
    q.order = HISTORY_AFTER;
    thread_ask(&r, JOB_HISTORY, &q);
    while (!is_empty(&r.jobs))
        sched_yield();
    for (int i = 0; i < 100; i++)
        thread_ask(&r, JOB_HISTORY, &q);
    thread_end(&r);
    answer = thread_take(&r);
    assert_int_equal(answer.error, OK);
    assert_false(answer.end);
    store_answer_done(&answer);
    assert_true(is_empty(&r.answers));
    queue_done(&r.answers);
    store_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_snapshots_answer_as_one),
        cmocka_unit_test(test_a_stretch_without_messages),
        cmocka_unit_test(test_a_search_goes_on),
        cmocka_unit_test(test_end_during_a_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
