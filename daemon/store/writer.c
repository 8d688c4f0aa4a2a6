#include "daemon/store/writer.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/alloc.h"
#include "daemon/store/clock.h"
#include "daemon/store/connection.h"

/* Somebody else's reader must not hold up commits: then another time. */
enum { RESTART_BUSY_MS = 100 };

/* So many times too long: on a slow disk the reader's checkpoints never come near the end. Then
 * commits wait for it, and for a checkpoint that the reader is at. */
enum { WAL_OVERDUE = 4 };

/* A batch takes all that waits, but so that its first does not wait for thousands, and that it is
 * about what the WAL takes between two checkpoints. */
enum { BATCH_JOBS_MAX = 4096, BATCH_BYTES_MAX = 4 << 20 };

/* After so long without work the search index gets its turn. */
enum { REST_MS = 1000 };

static int after_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    struct store_writer *w = context;

    (void)db;
    (void)name;
    w->frames = frames;
    return SQLITE_OK;
}

int store_writer_init(struct store_writer *w, sqlite3 *db, struct pulse *pulse, struct queue *jobs,
                      struct queue *answers, struct queue *reader, const atomic_int *copied)
{
    int rc;

    *w = (struct store_writer){.db = db,
                               .pulse = pulse,
                               .jobs = jobs,
                               .answers = answers,
                               .reader = reader,
                               .copied = copied,
                               .wal_frames = WRITER_WAL_FRAMES};
    sqlite3_wal_hook(db, after_commit, w);
    rc = apply_init(&w->apply, db);
    return rc == SQLITE_OK ? keep_init(&w->keep, db) : rc;
}

void store_writer_done(struct store_writer *w)
{
    apply_done(&w->apply);
    keep_done(&w->keep);
    sqlite3_close(w->db);
    w->db = NULL;
}

static bool is_overdue(const struct store_writer *w)
{
    return w->frames > WAL_OVERDUE * w->wal_frames;
}

static bool may_restart(const struct store_writer *w)
{
    return w->frames > w->wal_frames && w->frames >= w->frames_held &&
           (is_overdue(w) || w->frames - atomic_load(w->copied) <= w->wal_frames / 2);
}

static void restart_wal(struct store_writer *w)
{
    sqlite3_busy_timeout(w->db, is_overdue(w) ? CONNECTION_BUSY_MS : RESTART_BUSY_MS);
    if (sqlite3_wal_checkpoint_v2(w->db, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL) ==
        SQLITE_OK)
        w->frames = 0;
    else
        w->frames_held = w->frames + w->wal_frames;
    sqlite3_busy_timeout(w->db, CONNECTION_BUSY_MS);
}

static void mind_wal(struct store_writer *w)
{
    if (may_restart(w))
        restart_wal(w);
    if (w->frames < w->frames_asked)
        w->frames_asked = w->frames_held = 0; /* it began anew */
    if (w->frames - w->frames_asked < w->wal_frames)
        return;
    w->frames_asked = w->frames;
    queue_push(w->reader, job_new(JOB_CHECKPOINT));
}

static int apply_transaction(struct store_writer *w, struct transaction *t)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < t->count; i++)
        rc = apply_change(&w->apply, &t->changes[i], t->age_ms);
    return rc;
}

/* It looks at the streams as they are in the table. */
static int apply_trim(struct store_writer *w, struct job *job)
{
    int rc = apply_flush(&w->apply);

    job->answer.floor = job->trim->seqs[job->trim->count - 1];
    return rc == SQLITE_OK ? trim_apply(job->trim, w->db) : rc;
}

static int apply_job(struct store_writer *w, struct job *job)
{
    if (job->kind == JOB_APPEND)
        return apply_transaction(w, job->answer.transaction);
    if (job->kind == JOB_TRIM_CLAIMS)
        return claims_trim(&w->apply.claims, job->age.ms, &job->answer.end);
    return job->kind == JOB_TRIM ? apply_trim(w, job) : keep_job(&w->keep, job);
}

static int apply_jobs(struct store_writer *w, struct job *jobs)
{
    int rc = SQLITE_OK;

    for (struct job *job = jobs; rc == SQLITE_OK && job != NULL; job = job->next)
        rc = apply_job(w, job);
    return rc == SQLITE_OK ? apply_flush(&w->apply) : rc;
}

static void roll_back(struct store_writer *w)
{
    if (!sqlite3_get_autocommit(w->db))
        sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
}

/* One SQLite transaction for all of them. After an error the connection is kept open, whatever the
 * error: the next batch overwrites the frames of the failed one in the WAL, where a recovery could
 * otherwise find them again. */
static int commit(struct store_writer *w, struct job *jobs)
{
    int rc;

    roll_back(w); /* what could not be rolled back when it failed */
    rc = sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = apply_jobs(w, jobs);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        apply_committed(&w->apply);
        return rc;
    }
    jobs->mishap = mishap_of(w->db, rc);
    roll_back(w);
    apply_rolled_back(&w->apply);
    return rc;
}

static int measured_commit(struct store_writer *w, struct job *jobs)
{
    const uint64_t began_us = clock_us();
    const int rc = commit(w, jobs);

    jobs->commit_us = clock_us() - began_us;
    jobs->is_commit = true;
    return rc;
}

static void answer(struct job *first, const struct job *end, enum error error)
{
    for (struct job *job = first; job != end; job = job->next) {
        if (job->kind != JOB_APPEND)
            job->answer.kind = STORE_KEPT;
        else
            job->answer.kind = error == OK ? STORE_DURABLE : STORE_FAILED;
        if (error != OK)
            job->answer.floor = 0; /* nothing was removed */
        job->answer.error = job->mishap.error = error;
    }
}

static bool has_transaction(const struct job *jobs)
{
    while (jobs != NULL && jobs->kind != JOB_APPEND)
        jobs = jobs->next;
    return jobs != NULL;
}

/* The loop numbers what it appends by the failures that it has taken. So what carries the number of
 * a generation that failed was appended by somebody who did not know, and builds on what was lost.
 * On small jobs (keep.h) nothing builds: when they fail alone, no generation does. */
static void handle(struct store_writer *w, struct job *batch)
{
    struct job *fresh = batch;

    while (fresh != NULL && fresh->generation <= w->failed_generation)
        fresh = fresh->next;
    answer(batch, fresh, w->failure);
    if (fresh != NULL) {
        if (measured_commit(w, fresh) == SQLITE_OK) {
            answer(fresh, NULL, OK);
        } else {
            if (has_transaction(fresh))
                w->failed_generation = fresh->generation;
            w->failure = fresh->mishap.error;
            answer(fresh, NULL, w->failure);
        }
    }
    queue_push(w->answers, batch);
    mind_wal(w);
}

static void work(struct store_writer *w, struct job *batch)
{
    pulse_work(w->pulse);
    handle(w, batch);
    pulse_rest(w->pulse);
}

int store_writer_release_claims(struct store_writer *w, uint64_t age_ms)
{
    int rc = sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = claims_release_all(&w->apply.claims, age_ms);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        roll_back(w);
    return rc;
}

void *store_writer_run(void *writer)
{
    struct store_writer *w = writer;
    bool is_resting = true;

    while (true) {
        struct job *batch = is_resting
                                ? queue_wait(w->jobs, BATCH_JOBS_MAX, BATCH_BYTES_MAX)
                                : queue_wait_for(w->jobs, BATCH_JOBS_MAX, BATCH_BYTES_MAX, REST_MS);

        if (batch != NULL)
            work(w, batch);
        else if (is_resting) /* the queue is closed and empty */
            return NULL;
        else if (!queue_is_closed(w->jobs))
            queue_push(w->reader, job_new(JOB_INDEX));
        is_resting = batch == NULL;
    }
}
