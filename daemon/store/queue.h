/* What the loop thread and the store's threads say to each other: jobs, in queues.
 *
 * A job goes from the loop to a thread as a question and comes back as its answer, so that nothing
 * is allocated on the way. A queue is first in, first out; any thread may use it at any time. */
#ifndef P2PCHAT_DAEMON_STORE_QUEUE_H
#define P2PCHAT_DAEMON_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/age.h"
#include "daemon/store/store.h"
#include "daemon/store/trim.h"
#include "daemon/store/trouble.h"

enum job_kind {
    JOB_APPEND,        /* to the writer; answer.transaction */
    JOB_CONSUMER,      /* to the writer; `consumer` */
    JOB_CONSUMER_GONE, /* to the writer; `consumer`, of which only the name counts */
    JOB_AGE,           /* to the writer; `age`, and how far the log is: question.through */
    JOB_TRIM_CLAIMS,   /* to the writer; `age` */
    JOB_TRIM,          /* to the reader, which plans `trim`; then to the writer */
    JOB_STREAM,        /* to the reader; so are those below */
    JOB_RANGE,
    JOB_HISTORY,
    JOB_CHECKPOINT, /* from the writer or the loop; comes back for its mishap only */
    JOB_INDEX /* from the writer, when it has rest: the search index may go on; comes back when
                 there is a note */
};

/* Mostly the reader's; a field counts where its question in store.h has it. */
struct question {
    uint32_t stream;
    uint32_t peer;
    uint64_t types;
    uint64_t seq; /* after it, or before it */
    enum history_order order;
    uint64_t through; /* nothing above this is shown */
    char *search;     /* the job's; NULL: no search */
    size_t rows_max;
    size_t bytes_max;
};

struct job {
    struct job *next;
    enum job_kind kind;
    size_t bytes;        /* writer: what it adds to store_queued_bytes */
    uint64_t generation; /* writer: which failure it comes after */
    bool lazy;           /* writer: waits for company, QUEUE_LAZY_MS at most */
    uint64_t due_ms;     /* lazy: until then; set by queue_push */
    struct question question;
    struct consumer_row *consumer;
    struct age_row age;
    struct trim *trim;
    bool is_given;  /* trim: to the writer */
    bool is_commit; /* from the writer, the first of a commit: it took so long, and `mishap`
                       says whether it happened */
    uint64_t commit_us;
    char *note;           /* for people, or NULL */
    struct mishap mishap; /* what the thread met; with its reason where that is new */
    struct store_answer answer;
};

struct job *job_new(enum job_kind kind);

/* Also frees all that it carries. */
void job_free(struct job *job);

enum { QUEUE_LAZY_MS = 100 };

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job *first, *last;
    size_t eager;      /* jobs in it that are not lazy */
    bool closed;       /* nobody will push any more */
    uint64_t looks_ms; /* when the one who waits looks again anyhow; 0: nobody waits */
    int descriptor;    /* an eventfd that is readable while something is in it, or -1 */
};

/* `descriptor` is borrowed; -1 for a queue that is waited on. */
void queue_init(struct queue *q, int descriptor);

/* Frees the jobs that are still in it. */
void queue_done(struct queue *q);

/* Appends a chain of jobs, linked by `next`. */
void queue_push(struct queue *q, struct job *first);

/* The first job, or NULL when there is none now. */
struct job *queue_take(struct queue *q);

/* Waits until there is something to do, and takes it: the first jobs, at least one, up to
 * `jobs_max` and `bytes_max`. Lazy jobs alone are something to do only when the first has waited
 * long enough. NULL when the queue is closed and empty. */
struct job *queue_wait(struct queue *q, size_t jobs_max, size_t bytes_max);

/* The same, but NULL also when there was nothing to do for so long. */
struct job *queue_wait_for(struct queue *q, size_t jobs_max, size_t bytes_max,
                           uint64_t patience_ms);

/* Whether it is closed; jobs may still be in it. */
bool queue_is_closed(struct queue *q);

/* Wakes who waits: lazy jobs go at once, and the end is told after the last job. */
void queue_close(struct queue *q);

#endif
