#include "daemon/store/reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "common/json.h"
#include "common/json_scan.h"
#include "common/text.h"
#include "daemon/store/clock.h"
#include "daemon/store/connection.h"
#include "daemon/store/fold.h"
#include "daemon/store/schema.h"
#include "daemon/store/statement.h"

/* Rows that a range looks at. */
enum { SCAN_MAX = 4096, SCAN_PER_ROW = 16 };

enum sql {
    SQL_STREAM,
    SQL_RANGE,
    SQL_FLOOR,
    SQL_BEFORE,
    SQL_BEFORE_OF_PEER,
    SQL_AFTER,
    SQL_AFTER_OF_PEER,
    SQL_MESSAGE,
    SQL_COUNT
};

#define ROWS(index, where)                                           \
    "SELECT l.seq, l.time, l.type, l.peer, l.stream, l.num, l.body," \
    " s.epoch, s.direction, s.acked, s.closed,"                      \
    " CASE WHEN l.num <= s.acked THEN"                               \
    " (SELECT p.classic FROM peer AS p WHERE p.peer = s.peer) END"   \
    " FROM log AS l " index " LEFT JOIN stream AS s ON s.stream = l.stream WHERE " where

static const char *const sql[SQL_COUNT] = {
    [SQL_STREAM] = ROWS("INDEXED BY log_sent", "l.stream = ?1 AND l.type = " SCHEMA_MESSAGE_SENT
                                               " AND l.seq > ?2 AND l.seq <= ?3 ORDER BY l.seq"),
    [SQL_RANGE] = ROWS("NOT INDEXED", "l.seq > ?1 AND l.seq <= ?2"
                                      " AND (?3 = 0 OR (?3 >> l.type) & 1)"
                                      " AND (?4 = 0 OR l.peer = ?4) ORDER BY l.seq"),
    [SQL_FLOOR] = "SELECT value FROM meta WHERE name = 'floor'",
    /* Those of all peers give every row, so that a long stretch without messages does not hold the
     * snapshot. */
    [SQL_BEFORE] = ROWS("NOT INDEXED", "l.seq < ?2 ORDER BY l.seq DESC"),
    [SQL_BEFORE_OF_PEER] =
        ROWS("INDEXED BY log_message", "l.peer = ?1 AND l.seq < ?2 AND l.stream IS NOT NULL"
                                       " ORDER BY l.seq DESC"),
    [SQL_AFTER] = ROWS("NOT INDEXED", "l.seq > ?2 AND l.seq <= ?3 ORDER BY l.seq"),
    [SQL_AFTER_OF_PEER] =
        ROWS("INDEXED BY log_message", "l.peer = ?1 AND l.seq > ?2 AND l.seq <= ?3"
                                       " AND l.stream IS NOT NULL ORDER BY l.seq"),
    [SQL_MESSAGE] = ROWS("NOT INDEXED", "l.seq = ?1 AND l.stream IS NOT NULL"),
};

_Static_assert((int)SQL_COUNT == READER_STATEMENTS, "each has its place");

int store_reader_init(struct store_reader *r, const char *path, struct pulse *pulse,
                      struct queue *jobs, struct queue *answers)
{
    int rc;

    *r = (struct store_reader){
        .snapshot_ms = READER_SNAPSHOT_MS, .pulse = pulse, .jobs = jobs, .answers = answers};
    rc = connection_open(path, CONNECTION_READER, pulse, &r->db);
    if (rc == SQLITE_OK)
        rc = statements_prepare(r->db, sql, SQL_COUNT, r->statements);
    return rc == SQLITE_OK ? search_init(&r->search, path, pulse, r->db) : rc;
}

void store_reader_done(struct store_reader *r)
{
    search_done(&r->search);
    statements_finalize(r->statements, SQL_COUNT);
    sqlite3_close(r->db);
    r->db = NULL;
}

/* --- Rows --- */

/* The rows of one answer, as they are found. */
struct page {
    struct store_row *rows;
    size_t count;
    size_t room;
    size_t bytes; /* of text */
    size_t rows_max;
    size_t bytes_max;
    bool only_messages;          /* other rows are passed over */
    size_t passed;               /* such rows */
    const struct bytes *phrases; /* messages without these are passed over too; NULL: none are */
    bool full;                   /* it ends here, though there may be more */
    uint64_t seen;               /* seq of the last row that was looked at and, if wanted, taken */
};

static void page_drop(struct page *p)
{
    struct store_answer answer = {.rows = p->rows, .count = p->count};

    store_answer_done(&answer);
    *p = (struct page){0};
}

static struct store_row *page_add(struct page *p)
{
    if (p->count == p->room) {
        p->room = p->room > 0 ? 2 * p->room : 16;
        p->rows = xreallocarray(p->rows, p->room, sizeof(*p->rows));
    }
    return &p->rows[p->count++];
}

static enum message_state state_of(sqlite3_stmt *s, uint64_t number)
{
    const bool closed = column_u64(s, 10) != 0;

    if (sqlite3_column_type(s, 8) == SQLITE_NULL)
        return MESSAGE_STATE_QUEUED; /* no message */
    if (column_u64(s, 8) == DIRECTION_IN)
        return MESSAGE_STATE_RECEIVED;
    if (number <= column_u64(s, 9)) /* classic peers do not say what came */
        return column_u64(s, 11) != 0 ? MESSAGE_STATE_SENT : MESSAGE_STATE_DELIVERED;
    return closed ? MESSAGE_STATE_FAILED : MESSAGE_STATE_QUEUED;
}

/* No event has more than that to say, and no message. */
enum { BODY_MAX = 256 << 10 };

/* Whether `body` is the members of a JSON object, on one line: it goes to clients as it is. */
static bool is_members(const char *body, size_t length)
{
    char *object = xmalloc(length + 2);
    size_t count;
    bool is_object;

    object[0] = '{';
    memcpy(object + 1, body, length);
    object[length + 1] = '}';
    is_object =
        memchr(body, '\n', length) == NULL && json_scan(object, length + 2, SIZE_MAX, &count) == OK;
    free(object);
    return is_object;
}

/* Events are numbered so that a set of them is 64 bits. */
enum { TYPE_MAX = 63 };

/* Whether the row is one that we can have written, or a newer program of the same schema, which may
 * know more events; what is not was damaged on disk. */
static bool is_sane(sqlite3_stmt *s, const char *body, size_t length)
{
    const int64_t type = column_i64(s, 2);
    const bool is_text = type == EVENT_MESSAGE_SENT || type == EVENT_MESSAGE_RECEIVED;

    if (length > BODY_MAX || type < 1 || type > TYPE_MAX ||
        is_text != (sqlite3_column_type(s, 4) != SQLITE_NULL))
        return false;
    return is_text ? column_u64(s, 5) <= JSON_INTEGER_MAX && text_is_utf8(body, length)
                   : is_members(body, length);
}

/* SQLITE_CORRUPT when it is not sane, or has no body, as that column is never NULL. */
static int take_row(sqlite3_stmt *s, struct page *p)
{
    const char *body;
    size_t length;
    struct store_row *row;

    if (p->only_messages && sqlite3_column_type(s, 4) == SQLITE_NULL) {
        p->seen = column_u64(s, 0);
        p->full = ++p->passed == STORE_HISTORY_SCAN_MAX;
        return SQLITE_OK;
    }
    body = column_text(s, 6, &length);
    if (body == NULL)
        return SQLITE_CORRUPT;
    if (p->phrases != NULL && !fold_finds(p->phrases, body, length)) {
        p->seen = column_u64(s, 0);
        return SQLITE_OK;
    }
    if (p->count == p->rows_max || (p->count > 0 && p->bytes + length > p->bytes_max)) {
        p->full = true;
        return SQLITE_OK;
    }
    if (!is_sane(s, body, length))
        return SQLITE_CORRUPT;
    row = page_add(p);
    *row = (struct store_row){
        .log = {.time_ms = column_i64(s, 1),
                .type = (int)column_i64(s, 2),
                .peer = (uint32_t)column_u64(s, 3),
                .stream = (uint32_t)column_u64(s, 4),
                .body = xmemdup(body, length + 1),
                .body_length = length,
                .seq = column_u64(s, 0),
                .number = column_u64(s, 5),
                .epoch = column_u64(s, 7)},
        .state = state_of(s, column_u64(s, 5)),
    };
    p->bytes += length;
    p->seen = row->log.seq;
    return SQLITE_OK;
}

/* Fills the page from a bound statement until either ends: SQLITE_DONE, or an error; SQLITE_ROW
 * when the snapshot had become old: the rest is to be asked for from p->seen on. */
static int collect(const struct store_reader *r, struct binder *b, struct page *p)
{
    const uint64_t until = clock_ms() + r->snapshot_ms;
    int rc = binder_step(b);

    while (rc == SQLITE_ROW) {
        const int taken = take_row(b->statement, p);

        if (taken != SQLITE_OK)
            rc = taken;
        else if (p->full)
            rc = SQLITE_DONE;
        else if (clock_ms() >= until || queue_is_closed(r->jobs))
            break;
        else
            rc = sqlite3_step(b->statement);
    }
    sqlite3_reset(b->statement); /* ends the snapshot */
    return rc;
}

static void reverse(struct page *p)
{
    for (size_t i = 0, j = p->count; i + 1 < j; i++) {
        const struct store_row row = p->rows[i];

        p->rows[i] = p->rows[--j];
        p->rows[j] = row;
    }
}

/* --- Questions --- */

static int read_stream(struct store_reader *r, const struct question *q, struct page *p,
                       struct store_answer *answer)
{
    uint64_t after = q->seq;
    int rc;

    do {
        struct binder b;

        binder_init(&b, r->statements[SQL_STREAM]);
        bind_u64(&b, q->stream);
        bind_u64(&b, after);
        bind_u64(&b, q->through);
        rc = collect(r, &b, p);
        if (rc == SQLITE_ROW)
            after = p->seen;
    } while (rc == SQLITE_ROW);
    answer->end = !p->full;
    return rc;
}

/* How far the log may have been cut off, in a snapshot that is not older than any before. */
static int read_floor(struct store_reader *r, uint64_t *ret_floor)
{
    struct binder b;
    int rc;

    binder_init(&b, r->statements[SQL_FLOOR]);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW) {
        *ret_floor = column_u64(b.statement, 0);
        rc = SQLITE_DONE;
    }
    sqlite3_reset(b.statement);
    return rc;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int read_range(struct store_reader *r, const struct question *q, struct page *p,
                      struct store_answer *answer)
{
    const uint64_t scan =
        q->rows_max < SCAN_MAX / SCAN_PER_ROW ? q->rows_max * SCAN_PER_ROW : SCAN_MAX;
    const uint64_t end =
        q->seq >= q->through ? q->seq : q->seq + smaller(scan, q->through - q->seq);
    uint64_t after = q->seq;
    int rc;

    do {
        struct binder b;

        binder_init(&b, r->statements[SQL_RANGE]);
        bind_u64(&b, after);
        bind_u64(&b, end);
        bind_u64(&b, q->types);
        bind_u64(&b, q->peer);
        rc = collect(r, &b, p);
        if (rc == SQLITE_ROW)
            after = p->seen;
    } while (rc == SQLITE_ROW);
    answer->scanned_through = p->full ? p->seen : end;
    answer->end = answer->scanned_through >= q->through;
    return rc == SQLITE_DONE ? read_floor(r, &answer->floor) : rc;
}

/* The seq before which, or after which, a page begins. */
static uint64_t start_of_history(const struct question *q)
{
    if (q->order == HISTORY_AFTER)
        return q->seq;
    return q->seq > 0 ? smaller(q->seq, q->through + 1) : q->through + 1;
}

/* Messages, as collect() gets them. */
static int collect_messages(const struct store_reader *r, const struct question *q, uint64_t from,
                            struct page *p)
{
    const bool is_after = q->order == HISTORY_AFTER;
    const enum sql of_all = is_after ? SQL_AFTER : SQL_BEFORE;
    const enum sql of_peer = is_after ? SQL_AFTER_OF_PEER : SQL_BEFORE_OF_PEER;
    struct binder b;

    binder_init(&b, r->statements[q->peer != 0 ? of_peer : of_all]);
    bind_u64(&b, q->peer);
    bind_u64(&b, from);
    if (is_after)
        bind_u64(&b, q->through);
    p->only_messages = true;
    return collect(r, &b, p);
}

static int read_history(struct store_reader *r, const struct question *q, struct page *p,
                        struct store_answer *answer)
{
    uint64_t from = start_of_history(q);
    int rc;

    do {
        rc = collect_messages(r, q, from, p);
        from = p->seen;
    } while (rc == SQLITE_ROW);
    if (q->order == HISTORY_BEFORE)
        reverse(p);
    answer->end = !p->full;
    answer->next = p->seen;
    return rc;
}

/* --- Search --- */

/* A search brings the index up to date, but not for longer than this. */
enum { CATCH_UP_ROWS = 4096, CATCH_UP_MS = 50 };

/* Where the rows that the index finds go. */
struct found {
    struct store_reader *reader;
    struct page *page;
    uint64_t until;
    int rc; /* of the log: SQLITE_OK, or what failed */
};

static bool take_found(void *context, uint64_t seq)
{
    struct found *found = context;
    struct binder b;
    int rc;

    binder_init(&b, found->reader->statements[SQL_MESSAGE]);
    bind_u64(&b, seq);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW)
        rc = take_row(b.statement, found->page);
    else if (rc == SQLITE_DONE) /* it was removed */
        rc = SQLITE_OK;
    sqlite3_reset(b.statement);
    found->rc = rc;
    return rc == SQLITE_OK && !found->page->full;
}

static bool is_late(void *context)
{
    const struct found *found = context;

    return clock_ms() >= found->until || queue_is_closed(found->reader->jobs);
}

/* Goes on without the index, through the messages that are in it: for as long as a snapshot may
 * live, and at least to the next row. SQLite's result code of the log. */
static int look_through(const struct store_reader *r, const struct question *q,
                        const struct bytes *phrases, struct page *p)
{
    struct question rest = *q;
    int rc;

    rest.through = smaller(q->through, r->search.through);
    p->phrases = phrases;
    rc = collect_messages(r, &rest, p->seen > 0 ? p->seen : start_of_history(&rest), p);
    p->full |= rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What the index finds at once; when it takes long (words that nearly all messages have, phrases
 * that nearly fit), also what can be found without it. */
static enum error find(struct store_reader *r, const struct question *q,
                       const struct bytes *phrases, struct page *p, int *ret_rc)
{
    struct found found = {.reader = r, .page = p, .until = clock_ms() + r->snapshot_ms};
    const struct search_taker taker = {.hit = take_found, .is_late = is_late, .context = &found};
    bool was_late = false;
    enum error error = search_find(&r->search, q, phrases, start_of_history(q), &taker, &was_late);

    if (error == OK && was_late)
        found.rc = look_through(r, q, phrases, p);
    *ret_rc = found.rc;
    return error;
}

static void take_note(struct store_reader *r, struct job *job)
{
    job->note = r->search.note;
    r->search.note = NULL;
}

/* The messages with the words that are searched for. What goes wrong with the index leaves the log
 * well: it is the error of this answer only. */
static enum error read_search(struct store_reader *r, const struct question *q, struct page *p,
                              int *ret_rc)
{
    struct bytes phrases = BYTES_EMPTY;
    const size_t words = fold_query(q->search, strlen(q->search), &phrases);
    enum error error = words > STORE_SEARCH_WORDS_MAX
                           ? ERR_TOO_LONG
                           : search_update(&r->search, CATCH_UP_ROWS, CATCH_UP_MS);

    if (error == OK && words > 0)
        error = find(r, q, &phrases, p, ret_rc);
    bytes_done(&phrases);
    return error;
}

static void answer_search(struct store_reader *r, struct job *job)
{
    const struct question *q = &job->question;
    struct page p = {.rows_max = q->rows_max, .bytes_max = q->bytes_max};
    int rc = SQLITE_OK;
    enum error error;

    r->search.log_error = SQLITE_OK;
    error = read_search(r, q, &p, &rc);
    if (rc == SQLITE_OK)
        rc = r->search.log_error;
    if (rc != SQLITE_OK) {
        job->mishap = mishap_of(r->db, rc);
        error = ERR_STORAGE_FAILED;
    }
    if (error != OK)
        page_drop(&p);
    else if (q->order == HISTORY_BEFORE)
        reverse(&p);
    job->answer.kind = STORE_ROWS;
    job->answer.error = error;
    job->answer.rows = p.rows;
    job->answer.count = p.count;
    job->answer.end = !p.full;
    job->answer.next = p.seen;
    job->answer.indexed_through = smaller(r->search.through, q->through);
    take_note(r, job);
    queue_push(r->answers, job);
}

/* Copies what can be copied of the WAL without getting in anybody's way. When it cannot, the WAL
 * grows on, and the next time may be better: nothing is lost by it. */
static void checkpoint(struct store_reader *r, struct job *job)
{
    int frames, copied;
    int rc = sqlite3_wal_checkpoint_v2(r->db, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);

    if (rc == SQLITE_OK)
        atomic_store(&r->copied, copied);
    else if ((rc & 0xff) != SQLITE_BUSY)
        job->mishap = mishap_of(r->db, rc);
    queue_push(r->answers, job);
}

static void answer(struct store_reader *r, struct job *job,
                   int (*read)(struct store_reader *r, const struct question *q, struct page *p,
                               struct store_answer *answer))
{
    const struct question *q = &job->question;
    struct page p = {.rows_max = q->rows_max, .bytes_max = q->bytes_max};
    int rc = read(r, q, &p, &job->answer);

    if (rc != SQLITE_DONE) {
        job->mishap = mishap_of(r->db, rc);
        job->answer.error = ERR_STORAGE_FAILED; /* also when there was no room for shared memory */
        page_drop(&p);
    }
    job->answer.kind = STORE_ROWS;
    job->answer.rows = p.rows;
    job->answer.count = p.count;
    queue_push(r->answers, job);
}

/* --- Retention --- */

/* Plans a slice, and takes its rows out of the index. */
static void plan_trim(struct store_reader *r, struct job *job)
{
    struct trim *t = job->trim;
    int rc = trim_plan(t, r->db, r->snapshot_ms);

    if (rc == SQLITE_OK && t->count > 0)
        rc = search_remove(&r->search, t->seqs, t->count);
    take_note(r, job);
    if (rc != SQLITE_OK) {
        job->mishap = mishap_of(r->db, rc);
        job->answer.error = ERR_STORAGE_FAILED;
        t->count = 0;
    }
    job->answer.kind = STORE_KEPT;
    job->answer.scanned_through = t->after;
    job->answer.end = t->is_end;
    queue_push(r->answers, job);
}

/* --- The index between questions --- */

/* Tells what a person should know of the index, and what went wrong with the log meanwhile. */
static void report(struct store_reader *r)
{
    struct job *job;

    if (r->search.note == NULL && r->search.log_error == SQLITE_OK)
        return;
    job = job_new(JOB_INDEX);
    take_note(r, job);
    if (r->search.log_error != SQLITE_OK)
        job->mishap = mishap_of(r->db, r->search.log_error);
    queue_push(r->answers, job);
}

/* SQLite's number of the contents that were read last: another one when they have changed. */
static unsigned version_of_log(const struct store_reader *r)
{
    unsigned version = 0;

    sqlite3_file_control(r->db, "main", SQLITE_FCNTL_DATA_VERSION, &version);
    return version;
}

/* Does one slice, and goes on unless all is done, it failed, or the log no longer rests. */
static void index_on(struct store_reader *r)
{
    const enum error error = search_update(&r->search, SIZE_MAX, 0);
    const unsigned version = version_of_log(r);

    r->is_indexing =
        error == OK && r->search.is_behind && (r->log_version == 0 || r->log_version == version);
    r->log_version = version;
    report(r);
}

static void start_indexing(struct store_reader *r)
{
    r->is_indexing = search_is_worth_it(&r->search);
    r->log_version = 0;
}

/* --- The thread --- */

static void handle(struct store_reader *r, struct job *job)
{
    switch (job->kind) {
    case JOB_STREAM:
        answer(r, job, read_stream);
        break;
    case JOB_RANGE:
        answer(r, job, read_range);
        break;
    case JOB_HISTORY:
        if (job->question.search != NULL)
            answer_search(r, job);
        else
            answer(r, job, read_history);
        break;
    case JOB_CHECKPOINT:
        checkpoint(r, job);
        break;
    case JOB_TRIM:
        plan_trim(r, job);
        break;
    case JOB_INDEX:
        start_indexing(r);
        job_free(job);
        break;
    case JOB_APPEND:
    case JOB_CONSUMER:
    case JOB_CONSUMER_GONE:
    case JOB_AGE:
    case JOB_TRIM_CLAIMS:
        must(!"a job of the reader");
    }
}

void *store_reader_run(void *reader)
{
    struct store_reader *r = reader;

    while (true) {
        struct job *job = r->is_indexing ? queue_take(r->jobs) : queue_wait(r->jobs, 1, 0);

        if (queue_is_closed(r->jobs)) {
            job_free(job);
            return NULL;
        }
        pulse_work(r->pulse);
        if (job != NULL)
            handle(r, job);
        else
            index_on(r);
        pulse_rest(r->pulse);
    }
}
