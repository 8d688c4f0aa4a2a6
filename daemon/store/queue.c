#include "daemon/store/queue.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/store/clock.h"

struct job *job_new(enum job_kind kind)
{
    struct job *job = xcalloc(1, sizeof(*job));

    job->kind = kind;
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL)
        return;
    transaction_free(job->answer.transaction);
    store_answer_done(&job->answer);
    free(job->question.search);
    free(job->trim);
    free(job->note);
    mishap_done(&job->mishap);
    free(job->consumer);
    free(job);
}

void queue_init(struct queue *q, int descriptor)
{
    pthread_condattr_t attributes;

    *q = (struct queue){.descriptor = descriptor};
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void queue_done(struct queue *q)
{
    while (q->first != NULL)
        job_free(queue_take(q));
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
}

/* Keeps the descriptor readable exactly while the queue has something. Under the mutex. */
static void tell(const struct queue *q, bool readable)
{
    uint64_t value = 1;

    if (q->descriptor < 0)
        return;
    if (readable)
        must(write(q->descriptor, &value, sizeof(value)) == sizeof(value));
    else
        must(read(q->descriptor, &value, sizeof(value)) == sizeof(value));
}

void queue_push(struct queue *q, struct job *first)
{
    struct job *last = first;
    size_t eager = 0;
    bool wakes;

    for (struct job *job = first; job != NULL; job = job->next) {
        if (job->lazy)
            job->due_ms = clock_ms() + QUEUE_LAZY_MS;
        else
            eager++;
        last = job;
    }
    pthread_mutex_lock(&q->mutex);
    must(!q->closed);
    if (q->first == NULL) {
        q->first = first;
        tell(q, true);
    } else {
        q->last->next = first;
    }
    q->last = last;
    q->eager += eager;
    wakes = q->looks_ms > 0 && (eager > 0 || first->due_ms < q->looks_ms);
    pthread_mutex_unlock(&q->mutex);
    if (wakes) /* only now: it would wait for the mutex */
        pthread_cond_signal(&q->changed);
}

/* Unlinks the first job. Under the mutex. */
static struct job *take_first(struct queue *q)
{
    struct job *job = q->first;

    q->first = job->next;
    job->next = NULL;
    if (!job->lazy)
        q->eager--;
    if (q->first == NULL)
        tell(q, false);
    return job;
}

struct job *queue_take(struct queue *q)
{
    struct job *job = NULL;

    pthread_mutex_lock(&q->mutex);
    if (q->first != NULL)
        job = take_first(q);
    pthread_mutex_unlock(&q->mutex);
    return job;
}

/* Whether the first job may go now. */
static bool is_ready(const struct queue *q)
{
    return q->first != NULL && (q->eager > 0 || q->closed || q->first->due_ms <= clock_ms());
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Until the queue changes, its first job, a lazy one, is due, or the time has come. Who waits for a
 * time looks as often as lazy jobs may ask for it, so that these need not wake anybody. */
static void wait_for_change(struct queue *q, uint64_t until_ms)
{
    uint64_t due = until_ms;

    if (q->first != NULL)
        due = q->first->due_ms;
    else if (until_ms != UINT64_MAX)
        due = earlier(until_ms, clock_ms() + QUEUE_LAZY_MS);
    q->looks_ms = due;
    if (due == UINT64_MAX) {
        pthread_cond_wait(&q->changed, &q->mutex);
    } else {
        const struct timespec until = {
            .tv_sec = (time_t)(due / 1000),
            .tv_nsec = (long)(due % 1000) * 1000000,
        };

        pthread_cond_timedwait(&q->changed, &q->mutex, &until);
    }
    q->looks_ms = 0;
}

static struct job *wait_until(struct queue *q, size_t jobs_max, size_t bytes_max, uint64_t until_ms)
{
    struct job *first = NULL, **end = &first;
    size_t jobs = 0, bytes = 0;

    pthread_mutex_lock(&q->mutex);
    while (!is_ready(q) && !(q->first == NULL && (q->closed || clock_ms() >= until_ms)))
        wait_for_change(q, until_ms);
    while (q->first != NULL && jobs < jobs_max &&
           (jobs == 0 || bytes + q->first->bytes <= bytes_max)) {
        struct job *job = take_first(q);

        jobs++;
        bytes += job->bytes;
        *end = job;
        end = &job->next;
    }
    pthread_mutex_unlock(&q->mutex);
    return first;
}

struct job *queue_wait(struct queue *q, size_t jobs_max, size_t bytes_max)
{
    return wait_until(q, jobs_max, bytes_max, UINT64_MAX);
}

struct job *queue_wait_for(struct queue *q, size_t jobs_max, size_t bytes_max, uint64_t patience_ms)
{
    return wait_until(q, jobs_max, bytes_max, clock_ms() + patience_ms);
}

bool queue_is_closed(struct queue *q)
{
    bool is_closed;

    pthread_mutex_lock(&q->mutex);
    is_closed = q->closed;
    pthread_mutex_unlock(&q->mutex);
    return is_closed;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mutex);
}
