#include "daemon/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/store/age.h"
#include "daemon/store/check.h"
#include "daemon/store/clock.h"
#include "daemon/store/connection.h"
#include "daemon/store/keep.h"
#include "daemon/store/load.h"
#include "daemon/store/pulse.h"
#include "daemon/store/queue.h"
#include "daemon/store/reader.h"
#include "daemon/store/schema.h"
#include "daemon/store/trouble.h"
#include "daemon/store/writer.h"

/* What a database consists of, and what a copy of it must have. */
static const char *const parts[] = {"", "-wal"};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* Which file it is; an inode of 0: none. */
struct file {
    dev_t device;
    ino_t inode;
};

enum { THREAD_STACK_BYTES = 256 << 10 }; /* SQLite needs less than 64 KiB; address space only */

struct store {
    char *path;
    struct file opened[PARTS];
    void (*goes_on)(void); /* the caller's; or NULL */
    struct pulse writing, reading;
    struct store_writer writer;
    struct store_reader reader;
    struct queue to_writer, to_reader, answers;
    int descriptor; /* of `answers` */
    pthread_t writer_thread, reader_thread;
    int threads; /* that were started: the reader, then the writer */

    uint64_t last_seq;
    uint64_t floor;
    struct age_row age_saved;
    struct age age;
    struct trouble troubles[TROUBLE_PARTS];
    char *note;          /* that nobody has taken; or NULL */
    struct job *planned; /* a slice of retention that waits for the writer; or NULL */
    uint64_t planned_until;
    size_t queued_bytes;
    uint64_t generation; /* raised with each failure that the loop takes */
    struct store_totals totals;
    enum store_found found;
    bool asked; /* the connections are the threads' from now on */
};

/* An absolute path, or one that begins with a dot: nothing that SQLite would take for a URI. */
static char *path_of(const char *directory)
{
    return xasprintf("%s%s/p2pchat.db", directory[0] == '/' ? "" : "./", directory);
}

static struct file file_at(const char *path, const char *suffix)
{
    char *name = xasprintf("%s%s", path, suffix);
    struct stat st = {.st_ino = 0};

    if (stat(name, &st) < 0)
        st.st_ino = 0;
    free(name);
    return (struct file){st.st_dev, st.st_ino};
}

static uint64_t size_of_file(const char *path, const char *suffix)
{
    char *name = xasprintf("%s%s", path, suffix);
    struct stat st;
    uint64_t bytes;

    bytes = stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
    free(name);
    return bytes;
}

static uint64_t size_of_files(const char *path)
{
    return size_of_file(path, "") + size_of_file(path, "-wal");
}

bool store_exists(const char *directory)
{
    char *path = path_of(directory);
    const bool exists = size_of_files(path) > 0;

    free(path);
    return exists;
}

bool store_is_to_be_checked(const char *directory)
{
    char *path = path_of(directory);
    const bool is_to_be_checked = check_is_demanded(path);

    free(path);
    return is_to_be_checked;
}

/* --- Opening and closing --- */

static int start_thread(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    int error;

    pthread_attr_init(&attributes);
    must(pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES) == 0);
    error = pthread_create(ret_thread, &attributes, run, arg);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        pthread_setname_np(*ret_thread, name);
    return error;
}

/* Signals are the loop thread's: these take none. */
static int start_threads(struct store *s)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = start_thread(&s->reader_thread, "store-reader", store_reader_run, &s->reader);
    if (error == 0) {
        s->threads++;
        error = start_thread(&s->writer_thread, "store-writer", store_writer_run, &s->writer);
    }
    if (error == 0)
        s->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static enum store_refusal open_writer(struct store *s, const uint8_t key[KEY_LENGTH], char *message)
{
    sqlite3 *db;
    enum store_refusal refusal = schema_open(s->path, key, &s->writing, &db, &s->found, message);
    int rc;

    if (refusal != STORE_OPENED) {
        sqlite3_close(db);
        return refusal;
    }
    rc = store_writer_init(&s->writer, db, &s->writing, &s->to_writer, &s->answers, &s->to_reader,
                           &s->reader.copied);
    return rc == SQLITE_OK ? STORE_OPENED : connection_refuse(s->path, db, rc, message);
}

static enum store_refusal open_reader(struct store *s, char *message)
{
    int rc = store_reader_init(&s->reader, s->path, &s->reading, &s->to_reader, &s->answers);

    if (rc == SQLITE_OK)
        rc = keep_load_age(s->reader.db, &s->age_saved);
    if (rc == SQLITE_OK)
        rc = keep_load_floor(s->reader.db, &s->floor);
    return rc == SQLITE_OK ? STORE_OPENED : connection_refuse(s->path, s->reader.db, rc, message);
}

static enum store_refusal open_all(struct store *s, const uint8_t key[KEY_LENGTH], char *message)
{
    enum store_refusal refusal = open_writer(s, key, message);
    int error;

    if (refusal == STORE_OPENED)
        refusal = open_reader(s, message);
    if (refusal != STORE_OPENED)
        return refusal;
    s->last_seq = s->writer.apply.seq;
    for (size_t i = 0; i < PARTS; i++)
        s->opened[i] = file_at(s->path, parts[i]);
    error = start_threads(s);
    if (error == 0)
        return STORE_OPENED;
    snprintf(message, STORE_MESSAGE_MAX, "cannot start a thread for the store: %s",
             strerror(error));
    return STORE_IO;
}

/* Has `goes_on` called with the pulses; NULL: no more. */
static void tell(struct store *s, void (*goes_on)(void))
{
    pulse_tell(&s->writing, goes_on);
    pulse_tell(&s->reading, goes_on);
}

enum store_refusal store_open(const char *directory, const uint8_t key[KEY_LENGTH],
                              void (*goes_on)(void), struct store **ret_store,
                              char message[STORE_MESSAGE_MAX])
{
    struct store *s = xcalloc(1, sizeof(*s));
    enum store_refusal refusal;

    connection_init();
    s->path = path_of(directory);
    s->goes_on = goes_on;
    pulse_init(&s->writing);
    pulse_init(&s->reading);
    tell(s, goes_on);
    s->generation = 1;
    s->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    queue_init(&s->answers, s->descriptor);
    queue_init(&s->to_writer, -1);
    queue_init(&s->to_reader, -1);
    if (s->descriptor < 0) {
        snprintf(message, STORE_MESSAGE_MAX, "cannot make an eventfd: %s", strerror(errno));
        refusal = STORE_IO;
    } else {
        refusal = open_all(s, key, message);
    }
    if (refusal == STORE_OPENED)
        *ret_store = s;
    else
        store_close(s);
    return refusal;
}

/* The writer first: until it has ended it may ask the reader for a checkpoint. */
static void stop_threads(struct store *s)
{
    queue_close(&s->to_writer);
    if (s->threads > 1)
        must(pthread_join(s->writer_thread, NULL) == 0);
    queue_close(&s->to_reader);
    if (s->threads > 0)
        must(pthread_join(s->reader_thread, NULL) == 0);
}

/* A daemon that stopped well leaves a database that is whole without its WAL, for those who copy
 * it. What cannot be copied now the next start copies. */
static void copy_wal(struct store *s)
{
    if (s->threads > 1 && store_state(s) == STORE_OK)
        sqlite3_wal_checkpoint_v2(s->writer.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->goes_on != NULL)
        s->goes_on(); /* the first call to the disk may be a long one already */
    tell(s, s->goes_on);
    stop_threads(s);
    copy_wal(s);
    store_writer_done(&s->writer);
    store_reader_done(&s->reader);
    pulse_done(&s->writing);
    pulse_done(&s->reading);
    queue_done(&s->to_reader);
    queue_done(&s->to_writer);
    queue_done(&s->answers);
    for (size_t i = 0; i < TROUBLE_PARTS; i++)
        trouble_done(&s->troubles[i]);
    if (s->descriptor >= 0)
        close(s->descriptor);
    job_free(s->planned);
    free(s->note);
    free(s->path);
    free(s);
}

/* On the reader's connection, which its thread does not touch before the first question. */
enum store_refusal store_load(struct store *s, void (*row)(void *context, const struct change *row),
                              void *context, char message[STORE_MESSAGE_MAX])
{
    int rc;

    must(!s->asked);
    rc = load_rows(s->reader.db, row, context);
    return rc == SQLITE_OK ? STORE_OPENED : connection_refuse(s->path, s->reader.db, rc, message);
}

enum store_refusal store_load_consumers(struct store *s,
                                        void (*row)(void *context, const struct consumer_row *row),
                                        void *context, char message[STORE_MESSAGE_MAX])
{
    int rc;

    must(!s->asked);
    rc = keep_load_consumers(s->reader.db, row, context);
    return rc == SQLITE_OK ? STORE_OPENED : connection_refuse(s->path, s->reader.db, rc, message);
}

/* On the writer's connection, which its thread does not touch before it was given something. */
enum store_refusal store_start_age(struct store *s, struct now now, char message[STORE_MESSAGE_MAX])
{
    int rc;

    must(!s->asked);
    s->age = age_start(&s->age_saved, now);
    rc = store_writer_release_claims(&s->writer, s->age.ms);
    return rc == SQLITE_OK ? STORE_OPENED : connection_refuse(s->path, s->writer.db, rc, message);
}

/* The writer looks at them only after it was given something. */
void store_set_wal_pages(struct store *s, int pages)
{
    must(!s->asked);
    s->writer.wal_frames = pages;
}

/* The connections are the threads' from now on. */
static void begin(struct store *s)
{
    if (s->asked)
        return;
    s->asked = true;
    tell(s, NULL);
}

/* --- Looking --- */

enum store_found store_found(const struct store *s)
{
    return s->found;
}

uint64_t store_age_ms(const struct store *s, struct mono now)
{
    return age_ms(&s->age, now);
}

uint64_t store_floor(const struct store *s)
{
    return s->floor;
}

uint64_t store_last_seq(const struct store *s)
{
    return s->last_seq;
}

/* The first part that is not well, or any. */
static const struct trouble *worst(const struct store *s)
{
    size_t i = 0;

    while (i + 1 < TROUBLE_PARTS && s->troubles[i].state == STORE_OK)
        i++;
    return &s->troubles[i];
}

enum store_state store_state(const struct store *s)
{
    return worst(s)->state;
}

const char *store_reason(const struct store *s)
{
    return worst(s)->reason;
}

bool store_demands_check(const struct store *s)
{
    return check_is_demanded(s->path);
}

void store_look_again(struct store *s)
{
    if (s->troubles[TROUBLE_COPYING].state == STORE_OK)
        return;
    begin(s);
    queue_push(&s->to_reader, job_new(JOB_CHECKPOINT));
}

uint64_t store_silence_ms(const struct store *s, struct mono now)
{
    const uint64_t writer_ms = pulse_silence_ms(&s->writing, now);
    const uint64_t reader_ms = pulse_silence_ms(&s->reading, now);

    return writer_ms > reader_ms ? writer_ms : reader_ms;
}

/* Whether the path does not lead to the file any more; one that may not be looked at is none that
 * was moved. */
static bool is_elsewhere(const char *path, const char *suffix, const struct file *file)
{
    char *name = xasprintf("%s%s", path, suffix);
    struct stat st;
    bool is_elsewhere;

    if (stat(name, &st) == 0)
        is_elsewhere = st.st_ino != file->inode || st.st_dev != file->device;
    else
        is_elsewhere = errno == ENOENT || errno == ENOTDIR;
    free(name);
    return is_elsewhere;
}

bool store_is_lost(const struct store *s)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (s->opened[i].inode != 0 && is_elsewhere(s->path, parts[i], &s->opened[i]))
            return true;
    }
    return false;
}

uint64_t store_size_bytes(const struct store *s)
{
    return size_of_files(s->path);
}

uint64_t store_wal_bytes(const struct store *s)
{
    return size_of_file(s->path, "-wal");
}

bool store_free_bytes(const struct store *s, uint64_t *ret_bytes)
{
    struct statvfs st;

    if (statvfs(s->path, &st) < 0)
        return false;
    *ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return true;
}

const struct store_totals *store_totals(const struct store *s)
{
    return &s->totals;
}

int store_descriptor(const struct store *s)
{
    return s->descriptor;
}

size_t store_queued_bytes(const struct store *s)
{
    return s->queued_bytes;
}

/* --- Questions --- */

/* To the writer. */
static void give(struct store *s, struct job *job, size_t bytes)
{
    job->generation = s->generation;
    job->bytes = bytes;
    s->queued_bytes += bytes;
    begin(s);
    queue_push(&s->to_writer, job);
}

void store_append(struct store *s, struct transaction *transaction)
{
    struct job *job = job_new(JOB_APPEND);

    job->answer.transaction = transaction;
    job->lazy = transaction->lazy;
    give(s, job, transaction_bytes(transaction));
}

void store_put_consumer(struct store *s, uint64_t id, const struct consumer_row *row, bool lazy)
{
    struct job *job = job_new(JOB_CONSUMER);

    job->answer.id = id;
    job->consumer = xmemdup(row, sizeof(*row));
    job->lazy = lazy;
    give(s, job, sizeof(*job) + sizeof(*row));
}

void store_drop_consumer(struct store *s, uint64_t id, const char *name)
{
    struct job *job = job_new(JOB_CONSUMER_GONE);

    job->answer.id = id;
    job->consumer = xcalloc(1, sizeof(*job->consumer));
    must(strlen(name) <= STORE_CONSUMER_NAME_MAX);
    memcpy(job->consumer->name, name, strlen(name));
    give(s, job, sizeof(*job) + sizeof(*job->consumer));
}

void store_save_age(struct store *s, uint64_t id, struct now now)
{
    struct job *job = job_new(JOB_AGE);

    job->answer.id = id;
    job->age = (struct age_row){.ms = age_ms(&s->age, now.mono), .wall_ms = now.unix_ms};
    job->question.through = s->last_seq;
    job->lazy = true;
    give(s, job, sizeof(*job));
}

void store_trim(struct store *s, uint64_t id, const struct retention *keep, uint64_t after_seq,
                struct mono now)
{
    struct job *job = job_new(JOB_TRIM);

    job->answer.id = id;
    job->trim = xcalloc(1, sizeof(*job->trim));
    job->trim->keep = *keep;
    job->trim->age_ms = age_ms(&s->age, now);
    job->trim->after = after_seq;
    begin(s);
    queue_push(&s->to_reader, job);
}

void store_trim_claims(struct store *s, uint64_t id, struct mono now)
{
    struct job *job = job_new(JOB_TRIM_CLAIMS);

    job->answer.id = id;
    job->age.ms = age_ms(&s->age, now);
    job->lazy = true;
    give(s, job, sizeof(*job));
}

static void ask(struct store *s, enum job_kind kind, uint64_t id, const struct question *question)
{
    struct job *job = job_new(kind);

    must(question->rows_max > 0);
    job->answer.id = id;
    job->question = *question;
    job->question.through = s->last_seq;
    if (job->question.seq > INT64_MAX) /* beyond SQLite's integers, and any seq */
        job->question.seq = INT64_MAX;
    begin(s);
    queue_push(&s->to_reader, job);
}

void store_read_stream(struct store *s, uint64_t id, uint32_t stream, uint64_t after_seq,
                       size_t rows_max, size_t bytes_max)
{
    ask(s, JOB_STREAM, id,
        &(struct question){
            .stream = stream, .seq = after_seq, .rows_max = rows_max, .bytes_max = bytes_max});
}

void store_read_range(struct store *s, uint64_t id, uint64_t after_seq, uint64_t types,
                      uint32_t peer, size_t rows_max, size_t bytes_max)
{
    ask(s, JOB_RANGE, id,
        &(struct question){.seq = after_seq,
                           .types = types,
                           .peer = peer,
                           .rows_max = rows_max,
                           .bytes_max = bytes_max});
}

void store_read_history(struct store *s, uint64_t id, const struct history_query *query)
{
    ask(s, JOB_HISTORY, id,
        &(struct question){.peer = query->peer,
                           .order = query->order,
                           .seq = query->seq,
                           .search = query->search != NULL ? xstrdup(query->search) : NULL,
                           .rows_max = query->limit,
                           .bytes_max = STORE_HISTORY_BYTES_MAX});
}

/* --- Answers --- */

static uint64_t highest_seq(const struct transaction *t)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < t->count; i++)
        if (t->changes[i].kind == CHANGE_LOG && t->changes[i].log.seq > seq)
            seq = t->changes[i].log.seq;
    return seq;
}

static void note_durable(struct store *s, const struct transaction *t)
{
    const uint64_t seq = highest_seq(t);

    s->totals.transactions++;
    if (seq > s->last_seq)
        s->last_seq = seq;
}

/* From now on the caller knows: what it appends next no longer builds on what failed. */
static void note_failed(struct store *s, const struct job *job)
{
    if (job->generation == s->generation)
        s->generation++;
}

static enum trouble_part part_of(const struct job *job)
{
    switch (job->kind) {
    case JOB_APPEND:
    case JOB_CONSUMER:
    case JOB_CONSUMER_GONE:
    case JOB_AGE:
    case JOB_TRIM_CLAIMS:
        return TROUBLE_WRITING;
    case JOB_TRIM:
        return job->is_given ? TROUBLE_WRITING : TROUBLE_READING;
    case JOB_STREAM:
    case JOB_RANGE:
    case JOB_HISTORY:
    case JOB_INDEX:
        return TROUBLE_READING;
    case JOB_CHECKPOINT:
        return TROUBLE_COPYING;
    }
    must(false);
}

/* --- A slice of retention between its planning and its removal --- */

/* How long it waits for a writer that is always busy. */
enum { PLANNED_MS = 2000 };

/* Whether the job is a plan that is to be carried out; then it waits for that. */
static bool hold_planned(struct store *s, struct job *job)
{
    if (job->kind != JOB_TRIM || job->is_given || job->trim->count == 0)
        return false;
    must(s->planned == NULL);
    s->planned = job;
    s->planned_until = clock_ms() + PLANNED_MS;
    return true;
}

static void give_planned(struct store *s)
{
    struct job *job = s->planned;

    if (job == NULL || (s->queued_bytes > 0 && clock_ms() < s->planned_until))
        return;
    s->planned = NULL;
    job->is_given = true;
    give(s, job, sizeof(*job) + sizeof(*job->trim));
}

static void note_commit(struct store *s, const struct job *first)
{
    if (first->mishap.error == OK)
        histogram_add(&s->totals.commits, first->commit_us);
    else
        s->totals.commits_failed++;
}

/* What came with any job. */
static void note_job(struct store *s, struct job *job)
{
    const enum trouble_part part = part_of(job);

    if (job->is_commit)
        note_commit(s, job);
    /* The index is told of when something was wrong, not when all was well. */
    if (job->kind != JOB_INDEX || job->mishap.error != OK)
        trouble_note(&s->troubles[part], part, &job->mishap);
    if (job->note != NULL) {
        free(s->note);
        s->note = job->note;
        job->note = NULL;
    }
}

/* The next job that has an answer, or NULL. */
static struct job *take_answer(struct store *s)
{
    struct job *job;

    while ((job = queue_take(&s->answers)) != NULL) {
        note_job(s, job);
        if (hold_planned(s, job))
            continue;
        if (job->kind != JOB_CHECKPOINT && job->kind != JOB_INDEX)
            break;
        job_free(job);
    }
    return job;
}

char *store_take_note(struct store *s)
{
    char *note = s->note;

    s->note = NULL;
    return note;
}

bool store_take(struct store *s, struct store_answer *ret_answer)
{
    struct job *job = take_answer(s);

    if (job != NULL)
        s->queued_bytes -= job->bytes;
    give_planned(s);
    if (job == NULL)
        return false;
    switch (job->answer.kind) {
    case STORE_DURABLE:
        note_durable(s, job->answer.transaction);
        break;
    case STORE_FAILED:
        note_failed(s, job);
        break;
    case STORE_KEPT:
    case STORE_ROWS:
        if (job->answer.floor > s->floor)
            s->floor = job->answer.floor;
        break;
    }
    *ret_answer = job->answer;
    job->answer = (struct store_answer){0}; /* the caller's now */
    job_free(job);
    return true;
}

void store_answer_done(struct store_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->rows[i].log.body);
    free(answer->rows);
    answer->rows = NULL;
    answer->count = 0;
}
