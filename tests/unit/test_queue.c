#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/store/queue.h"

/* Jobs are told apart by the id of their answer. */
static struct job *numbered(uint64_t id, size_t bytes, bool lazy)
{
    struct job *job = job_new(JOB_APPEND);

    job->answer.id = id;
    job->bytes = bytes;
    job->lazy = lazy;
    return job;
}

static bool is_readable(int descriptor)
{
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};

    return poll(&readable, 1, 0) == 1;
}

/* Checks a chain of jobs with ids from `id` on, frees it, and returns its length. */
static size_t free_chain(struct job *job, uint64_t id)
{
    size_t count = 0;

    while (job != NULL) {
        struct job *next = job->next;

        assert_true(job->answer.id == id + count);
        job_free(job);
        job = next;
        count++;
    }
    return count;
}

static void test_descriptor_tells_whether_there_is_something(void **state)
{
    (void)state;
    struct queue q;
    struct job *chain = numbered(2, 0, false);
    const int descriptor = eventfd(0, EFD_NONBLOCK);

    queue_init(&q, descriptor);
    assert_null(queue_take(&q));
    assert_false(is_readable(descriptor));
    queue_push(&q, numbered(1, 0, false));
    chain->next = numbered(3, 0, true);
    queue_push(&q, chain);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_true(is_readable(descriptor));
        assert_int_equal(free_chain(queue_take(&q), id), 1);
    }
    assert_false(is_readable(descriptor));
    assert_null(queue_take(&q));
    queue_push(&q, numbered(4, 0, false));
    assert_true(is_readable(descriptor));
    queue_done(&q); /* frees what is left */
    close(descriptor);
}

static void test_batches_are_bounded(void **state)
{
    (void)state;
    struct queue q;

    queue_init(&q, -1);
    for (uint64_t id = 1; id <= 10; id++)
        queue_push(&q, numbered(id, 10, false));
    assert_int_equal(free_chain(queue_wait(&q, 3, 1000), 1), 3);
    assert_int_equal(free_chain(queue_wait(&q, 100, 25), 4), 2);
    assert_int_equal(free_chain(queue_wait(&q, 100, 30), 6), 3);
    assert_int_equal(free_chain(queue_wait(&q, 100, 1), 9), 1); /* one at least */
    assert_int_equal(free_chain(queue_wait(&q, 100, 1000), 10), 1);
    queue_done(&q);
}

static void test_lazy_ones_join(void **state)
{
    (void)state;
    struct queue q;

    queue_init(&q, -1);
    queue_push(&q, numbered(1, 0, true));
    queue_push(&q, numbered(2, 0, false));
    queue_push(&q, numbered(3, 0, true));
    assert_int_equal(free_chain(queue_wait(&q, 100, 0), 1), 3);
    queue_push(&q, numbered(4, 0, true));
    queue_push(&q, numbered(5, 0, true));
    assert_int_equal(free_chain(queue_wait(&q, 100, 0), 4), 2); /* in their own time */
    queue_done(&q);
}

static void test_close_lets_all_go(void **state)
{
    (void)state;
    struct queue q;

    queue_init(&q, -1);
    queue_push(&q, numbered(1, 0, true));
    queue_push(&q, numbered(2, 0, true));
    queue_close(&q);
    assert_int_equal(free_chain(queue_wait(&q, 1, 0), 1), 1);
    assert_int_equal(free_chain(queue_wait(&q, 1, 0), 2), 1);
    assert_null(queue_wait(&q, 1, 0));
    assert_null(queue_wait(&q, 1, 0));
    queue_done(&q);
}

/* --- Two threads: what one sends comes back from the other, in order --- */

enum { JOBS = 50000 };

struct pair {
    struct queue there, back;
};

static void *send_back(void *context)
{
    struct pair *pair = context;
    struct job *batch;

    while ((batch = queue_wait(&pair->there, 64, SIZE_MAX)) != NULL)
        queue_push(&pair->back, batch);
    return NULL;
}

static void test_across_threads(void **state)
{
    (void)state;
    struct pair pair;
    const int descriptor = eventfd(0, EFD_NONBLOCK);
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    uint64_t sent = 0, received = 0;
    pthread_t thread;

    queue_init(&pair.there, -1);
    queue_init(&pair.back, descriptor);
    assert_int_equal(pthread_create(&thread, NULL, send_back, &pair), 0);
    while (received < JOBS) {
        struct job *job;

        for (int i = 0; i < 100 && sent < JOBS; i++, sent++)
            queue_push(&pair.there, numbered(sent + 1, 1, sent % 7 == 0));
        if (sent == JOBS)
            assert_int_equal(poll(&readable, 1, 30000), 1);
        while ((job = queue_take(&pair.back)) != NULL)
            received += free_chain(job, received + 1);
    }
    assert_false(is_readable(descriptor));
    queue_close(&pair.there);
    assert_int_equal(pthread_join(thread, NULL), 0);
    queue_done(&pair.there);
    queue_done(&pair.back);
    close(descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptor_tells_whether_there_is_something),
        cmocka_unit_test(test_batches_are_bounded),
        cmocka_unit_test(test_lazy_ones_join),
        cmocka_unit_test(test_close_lets_all_go),
        cmocka_unit_test(test_across_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
