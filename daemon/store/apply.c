#include "daemon/store/apply.h"

#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "daemon/store/schema.h"
#include "daemon/store/statement.h"

enum sql {
    SQL_LOG_ADD,
    SQL_LOG_ADD_HELD,
    SQL_LOG_BY_KEY,
    SQL_PEER_ADD,
    SQL_PEER_REPLACE,
    SQL_PEER_GONE,
    SQL_STREAM_READ,
    SQL_STREAM_BEFORE,
    SQL_STREAM_CLOSED,
    SQL_STREAM_ADD,
    SQL_STREAM_WRITE,
    SQL_STREAM_CLOSE,
    SQL_REQUEST_ADD,
    SQL_REQUEST_REPLACE,
    SQL_REQUEST_GONE,
    SQL_META,
    SQL_TRACKER,
    SQL_TRACKER_GONE,
    SQL_OWN_NAME,
    SQL_OWN_NAME_GONE,
    SQL_COUNT
};

/* APPLY_HELD_MAX rows without a key: one statement for all of them costs half of what one for each
 * does. */
#define HELD    "(?, ?, ?, ?, ?, ?, NULL, ?)"
#define HELD_4  HELD ", " HELD ", " HELD ", " HELD
#define HELD_16 HELD_4 ", " HELD_4 ", " HELD_4 ", " HELD_4

/* A row is replaced by UPDATE, and by INSERT only when it is new: an upsert would write the
 * highest number used each time. */
static const char *const sql[SQL_COUNT] = {
    [SQL_LOG_ADD] = "INSERT INTO log(seq, time, type, peer, stream, num, key, body)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                    " ON CONFLICT(peer, key) WHERE key IS NOT NULL DO NOTHING",
    [SQL_LOG_ADD_HELD] = "INSERT INTO log(seq, time, type, peer, stream, num, key, body)"
                         " VALUES" HELD_16,
    [SQL_LOG_BY_KEY] = "SELECT seq, stream, num, body FROM log WHERE peer = ?1 AND key = ?2",
    [SQL_PEER_ADD] = "INSERT INTO peer(key, alias, name, address, record, consent, consent_id,"
                     " verified, blocked, last_seen, local, classic, peer)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [SQL_PEER_REPLACE] = "UPDATE peer SET key = ?1, alias = ?2, name = ?3, address = ?4,"
                         " record = ?5, consent = ?6, consent_id = ?7, verified = ?8,"
                         " blocked = ?9, last_seen = ?10, local = ?11, classic = ?12"
                         " WHERE peer = ?13",
    [SQL_PEER_GONE] = "DELETE FROM peer WHERE peer = ?1",
    [SQL_STREAM_READ] = "SELECT peer, direction, epoch, last, acked, acked_seq, queued,"
                        " queued_bytes, closed FROM stream WHERE stream = ?1",
    [SQL_STREAM_BEFORE] = "SELECT ifnull(max(last), 0) FROM stream INDEXED BY stream_closed"
                          " WHERE peer = ?1 AND epoch = ?2 AND direction = 0 AND closed = 1",
    [SQL_STREAM_CLOSED] = "SELECT min(stream) FROM stream INDEXED BY stream_closed"
                          " WHERE peer = ?1 AND epoch = ?2 AND direction = ?3 AND closed = 1",
    [SQL_STREAM_ADD] = "INSERT INTO stream(stream, peer, direction, epoch, last, acked, acked_seq,"
                       " queued, queued_bytes, closed)"
                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_STREAM_WRITE] = "UPDATE stream SET last = ?1, acked = ?2, acked_seq = ?3, queued = ?4,"
                         " queued_bytes = ?5 WHERE stream = ?6",
    [SQL_STREAM_CLOSE] = "UPDATE stream SET closed = 1 WHERE stream = ?1",
    [SQL_REQUEST_ADD] = "INSERT INTO request(id, peer, direction, greeting, address, left_ms,"
                        " state, request) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_REQUEST_REPLACE] = "UPDATE request SET id = ?1, peer = ?2, direction = ?3, greeting = ?4,"
                            " address = ?5, left_ms = ?6, state = ?7 WHERE request = ?8",
    [SQL_REQUEST_GONE] = "DELETE FROM request WHERE request = ?1",
    [SQL_META] = "INSERT INTO meta(name, value) VALUES('record_sequence', ?1)"
                 " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
    [SQL_TRACKER] = "INSERT OR REPLACE INTO tracker(address, key, wish) VALUES(?1, ?2, ?3)",
    [SQL_TRACKER_GONE] = "DELETE FROM tracker WHERE address = ?1",
    [SQL_OWN_NAME] = "INSERT OR REPLACE INTO meta(name, value) VALUES('own_name', ?1)",
    [SQL_OWN_NAME_GONE] = "DELETE FROM meta WHERE name = 'own_name'",
};

_Static_assert((int)SQL_COUNT == APPLY_STATEMENTS, "each has its place");
_Static_assert(APPLY_HELD_MAX == 16, "HELD_16 has them");

int apply_init(struct apply *a, sqlite3 *db)
{
    int rc;

    memset(a, 0, sizeof(*a));
    a->db = db;
    rc = statements_prepare(db, sql, SQL_COUNT, a->statements);
    if (rc == SQLITE_OK)
        rc = query_u64(db, "SELECT max(seq) FROM log", &a->durable_seq);
    a->seq = a->durable_seq;
    return rc == SQLITE_OK ? claims_init(&a->claims, db) : rc;
}

void apply_done(struct apply *a)
{
    statements_finalize(a->statements, SQL_COUNT);
    claims_done(&a->claims);
}

/* Runs a statement about the row of that number. */
static int run_on(struct apply *a, enum sql statement, uint32_t number)
{
    return statement_run_u64(a->statements[statement], number);
}

/* --- Streams --- */

static int write_stream(struct apply *a, struct cached_stream *cached)
{
    const struct stream_row *row = &cached->row;
    struct binder b;
    int rc;

    binder_init(&b, a->statements[SQL_STREAM_WRITE]);
    bind_u64(&b, row->last);
    bind_u64(&b, row->acked);
    bind_u64(&b, row->acked_seq);
    bind_u64(&b, row->queued);
    bind_u64(&b, row->queued_bytes);
    bind_u64(&b, row->stream);
    rc = binder_run(&b);
    if (rc == SQLITE_OK)
        cached->changed = false;
    return rc;
}

static void read_stream(sqlite3_stmt *s, uint32_t stream, struct cached_stream *cached)
{
    cached->row = (struct stream_row){
        .stream = stream,
        .peer = (uint32_t)column_u64(s, 0),
        .direction = (enum direction)column_u64(s, 1),
        .epoch = column_u64(s, 2),
        .last = column_u64(s, 3),
        .acked = column_u64(s, 4),
        .acked_seq = column_u64(s, 5),
        .queued = column_u64(s, 6),
        .queued_bytes = column_u64(s, 7),
    };
    cached->closed = column_u64(s, 8) != 0;
}

/* Brings a stream into its place in the cache, which is left empty (.row.stream 0) when there is no
 * such stream. The place is good until the next call. */
static int find_stream(struct apply *a, uint32_t stream, struct cached_stream **ret_cached)
{
    struct cached_stream *cached = &a->streams[stream % APPLY_CACHE_SIZE];
    struct binder b;
    int rc = SQLITE_OK;

    must(stream != 0);
    *ret_cached = cached;
    if (cached->row.stream == stream)
        return SQLITE_OK;
    if (cached->changed)
        rc = write_stream(a, cached);
    if (rc != SQLITE_OK)
        return rc;
    *cached = (struct cached_stream){0};
    binder_init(&b, a->statements[SQL_STREAM_READ]);
    bind_u64(&b, stream);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW)
        read_stream(b.statement, stream, cached);
    sqlite3_reset(b.statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* At once, not with the batch: the table's order of adding and closing is the core's. */
static int add_stream(struct apply *a, const struct stream_row *row, bool closed,
                      struct cached_stream *cached)
{
    struct binder b;
    int rc;

    binder_init(&b, a->statements[SQL_STREAM_ADD]);
    bind_u64(&b, row->stream);
    bind_u64(&b, row->peer);
    bind_u64(&b, row->direction);
    bind_u64(&b, row->epoch);
    bind_u64(&b, row->last);
    bind_u64(&b, row->acked);
    bind_u64(&b, row->acked_seq);
    bind_u64(&b, row->queued);
    bind_u64(&b, row->queued_bytes);
    bind_u64(&b, closed);
    rc = binder_run(&b);
    if (rc == SQLITE_OK)
        *cached = (struct cached_stream){.row = *row, .closed = closed};
    return rc;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How far we have this epoch from streams that are closed: who restored an old database may say
 * again what it said long ago. */
static int find_before(struct apply *a, const struct stream_row *row, uint64_t *ret_last)
{
    struct binder b;
    int rc;

    binder_init(&b, a->statements[SQL_STREAM_BEFORE]);
    bind_u64(&b, row->peer);
    bind_u64(&b, row->epoch);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW)
        *ret_last = column_u64(b.statement, 0);
    sqlite3_reset(b.statement);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int add_stream_in(struct apply *a, const struct stream_row *row,
                         struct cached_stream *cached)
{
    struct stream_row added = *row;
    int rc = find_before(a, row, &added.acked);

    added.last = larger(added.last, added.acked);
    return rc == SQLITE_OK ? add_stream(a, &added, false, cached) : rc;
}

static int change_stream_in(struct apply *a, const struct stream_row *row)
{
    struct cached_stream *cached;
    int rc = find_stream(a, row->stream, &cached);

    if (rc != SQLITE_OK)
        return rc;
    if (cached->row.stream == 0)
        return add_stream_in(a, row, cached);
    must(!cached->closed && cached->row.direction == DIRECTION_IN);
    cached->row.last = larger(cached->row.last, row->last);
    cached->changed = true;
    return SQLITE_OK;
}

static int change_stream_out(struct apply *a, const struct stream_row *row)
{
    struct cached_stream *cached;
    int rc = find_stream(a, row->stream, &cached);

    if (rc != SQLITE_OK)
        return rc;
    if (cached->row.stream == 0)
        return add_stream(a, row, false, cached);
    must(!cached->closed && cached->row.direction == DIRECTION_OUT);
    must(row->queued <= cached->row.queued && row->queued_bytes <= cached->row.queued_bytes);
    cached->row.acked = row->acked;
    cached->row.acked_seq = row->acked_seq;
    cached->row.queued -= row->queued;
    cached->row.queued_bytes -= row->queued_bytes;
    cached->changed = true;
    return SQLITE_OK;
}

static int close_stream(struct apply *a, uint32_t stream)
{
    struct cached_stream *cached;
    int rc = find_stream(a, stream, &cached);

    if (rc != SQLITE_OK || cached->row.stream == 0)
        return rc;
    cached->closed = true;
    rc = write_stream(a, cached);
    return rc == SQLITE_OK ? run_on(a, SQL_STREAM_CLOSE, stream) : rc;
}

static int see_stream(struct apply *a, struct stream_row *row)
{
    struct cached_stream *cached;
    struct binder b;
    uint32_t known = 0;
    int rc;

    binder_init(&b, a->statements[SQL_STREAM_CLOSED]);
    bind_u64(&b, row->peer);
    bind_u64(&b, row->epoch);
    bind_u64(&b, row->direction);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW)
        known = (uint32_t)column_u64(b.statement, 0);
    sqlite3_reset(b.statement);
    if (rc != SQLITE_ROW)
        return rc;
    if (known != 0) {
        row->stream = known;
        return SQLITE_OK;
    }
    rc = find_stream(a, row->stream, &cached);
    return rc == SQLITE_OK ? add_stream(a, row, true, cached) : rc;
}

/* --- The log --- */

/* What the row's key stands for: this very text, another, or nothing. */
static int find_key(struct apply *a, struct log_row *row)
{
    struct cached_stream *cached;
    struct binder b;
    int rc;
    size_t length;

    row->result = ERR_NOT_FOUND;
    row->seq = row->number = 0;
    binder_init(&b, a->statements[SQL_LOG_BY_KEY]);
    bind_u64(&b, row->peer);
    bind_text(&b, row->key);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW) {
        const char *body = column_text(b.statement, 3, &length);

        row->result = ERR_KEY_CONFLICT;
        if (body != NULL && length == row->body_length && memcmp(body, row->body, length) == 0) {
            row->result = OK;
            row->existing = true;
            row->seq = column_u64(b.statement, 0);
            row->stream = (uint32_t)column_u64(b.statement, 1);
            row->number = column_u64(b.statement, 2);
        }
    }
    sqlite3_reset(b.statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    if (row->result != OK)
        return SQLITE_OK;
    rc = find_stream(a, row->stream, &cached);
    if (rc == SQLITE_OK) {
        row->epoch = cached->row.epoch;
        row->delivered = row->number <= cached->row.acked;
    }
    return rc;
}

/* The row was not added, because its key is taken. */
static int answer_key(struct apply *a, struct log_row *row)
{
    int rc = find_key(a, row);

    return rc == SQLITE_OK && row->result == ERR_NOT_FOUND
               ? SQLITE_CORRUPT_INDEX /* it was there a moment ago */
               : rc;
}

static void bind_row(struct binder *b, const struct log_row *row)
{
    bind_u64(b, row->seq);
    bind_i64(b, row->time_ms);
    bind_i64(b, row->type);
    bind_number_or_null(b, row->peer);
    bind_number_or_null(b, row->stream);
    bind_number_or_null(b, row->stream != 0 ? row->number : 0);
}

/* Adds one row, unless its key is taken. */
static int add_log(struct apply *a, const struct log_row *row, bool *ret_added)
{
    struct binder b;
    int rc;

    binder_init(&b, a->statements[SQL_LOG_ADD]);
    bind_row(&b, row);
    bind_text(&b, row->key);
    bind_text_of(&b, row->body, row->body_length);
    rc = binder_run(&b);
    if (rc == SQLITE_OK)
        *ret_added = sqlite3_changes(a->db) > 0;
    return rc;
}

static int add_all_held(struct apply *a)
{
    struct binder b;

    binder_init(&b, a->statements[SQL_LOG_ADD_HELD]);
    for (size_t i = 0; i < APPLY_HELD_MAX; i++) {
        bind_row(&b, a->held[i]);
        bind_text_of(&b, a->held[i]->body, a->held[i]->body_length);
    }
    return binder_run(&b);
}

/* Rows go into the log in the order of their seq. */
static int add_held(struct apply *a)
{
    const size_t count = a->held_count;
    bool added;
    int rc = SQLITE_OK;

    a->held_count = 0;
    if (count == APPLY_HELD_MAX)
        return add_all_held(a);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = add_log(a, a->held[i], &added);
    return rc;
}

static int hold_log(struct apply *a, const struct log_row *row)
{
    a->held[a->held_count++] = row;
    return a->held_count == APPLY_HELD_MAX ? add_held(a) : SQLITE_OK;
}

static int insert_log(struct apply *a, const struct log_row *row, bool *ret_added)
{
    int rc;

    if (row->key == NULL) {
        *ret_added = true;
        return hold_log(a, row);
    }
    rc = add_held(a);
    return rc == SQLITE_OK ? add_log(a, row, ret_added) : rc;
}

/* Finds the stream of a message, and gives it its number; or finds out that we have it. */
static int prepare_message(struct apply *a, struct log_row *row, struct cached_stream **ret_cached)
{
    int rc = find_stream(a, row->stream, ret_cached);
    const struct cached_stream *cached = *ret_cached;

    if (rc != SQLITE_OK)
        return rc;
    must(cached->row.stream != 0 && !cached->closed && cached->row.peer == row->peer);
    if (cached->row.direction == DIRECTION_OUT) {
        must(row->type == EVENT_MESSAGE_SENT);
        row->number = cached->row.last + 1;
    } else {
        must(row->type == EVENT_MESSAGE_RECEIVED || row->type == EVENT_GAP);
        must(row->key == NULL);
        row->existing = row->number <= cached->row.acked;
    }
    if (row->type == EVENT_GAP) {
        *ret_cached = NULL; /* no message, for whoever reads the row */
        row->stream = 0;
        row->number = 0;
    }
    return SQLITE_OK;
}

static void count_message(struct cached_stream *cached, const struct log_row *row)
{
    if (cached->row.direction == DIRECTION_IN)
        return; /* CHANGE_STREAM_IN says what was received */
    cached->row.last = row->number;
    cached->row.queued++;
    cached->row.queued_bytes += row->body_length;
    cached->changed = true;
}

static int change_log(struct apply *a, struct log_row *row)
{
    struct cached_stream *cached = NULL;
    bool added = false;
    int rc = SQLITE_OK;

    row->seq = a->seq + 1;
    row->result = OK;
    row->existing = row->delivered = false;
    if (row->stream != 0)
        rc = prepare_message(a, row, &cached);
    if (rc == SQLITE_OK && row->existing) {
        row->seq = 0;
        return SQLITE_OK;
    }
    if (rc == SQLITE_OK)
        rc = insert_log(a, row, &added);
    if (rc != SQLITE_OK)
        return rc;
    if (!added)
        return answer_key(a, row);
    a->seq = row->seq;
    if (cached != NULL) {
        row->epoch = cached->row.epoch;
        count_message(cached, row);
    }
    return SQLITE_OK;
}

/* --- The small tables --- */

static int write_peer(struct apply *a, enum sql statement, const struct peer_row *row)
{
    struct binder b;

    binder_init(&b, a->statements[statement]);
    bind_blob(&b, row->key, sizeof(row->key));
    bind_text(&b, row->alias);
    bind_text(&b, row->name);
    bind_text(&b, row->address);
    bind_blob(&b, row->record, row->record_length);
    bind_u64(&b, row->consent);
    bind_blob(&b, row->consent_id, sizeof(row->consent_id));
    bind_u64(&b, row->verified);
    bind_u64(&b, row->blocked);
    bind_i64(&b, row->last_seen_ms);
    bind_u64(&b, row->is_local);
    bind_u64(&b, row->is_classic);
    bind_u64(&b, row->peer);
    return binder_run(&b);
}

static int change_peer(struct apply *a, const struct peer_row *row)
{
    int rc = write_peer(a, SQL_PEER_REPLACE, row);

    if (rc == SQLITE_OK && sqlite3_changes(a->db) == 0)
        rc = write_peer(a, SQL_PEER_ADD, row);
    return rc;
}

static int write_request(struct apply *a, enum sql statement, const struct request_row *row)
{
    struct binder b;

    binder_init(&b, a->statements[statement]);
    bind_blob(&b, row->id, sizeof(row->id));
    bind_u64(&b, row->peer);
    bind_u64(&b, row->direction);
    bind_text(&b, row->greeting);
    bind_text(&b, row->address);
    bind_i64(&b, row->left_ms);
    bind_u64(&b, row->state);
    bind_u64(&b, row->request);
    return binder_run(&b);
}

static int change_request(struct apply *a, const struct request_row *row)
{
    int rc = write_request(a, SQL_REQUEST_REPLACE, row);

    if (rc == SQLITE_OK && sqlite3_changes(a->db) == 0)
        rc = write_request(a, SQL_REQUEST_ADD, row);
    return rc;
}

static int change_meta(struct apply *a, const struct change *change)
{
    struct binder b;

    must(change->meta.name == META_RECORD_SEQUENCE); /* the others are told, not taken */
    binder_init(&b, a->statements[SQL_META]);
    bind_u64(&b, change->meta.value);
    return binder_run(&b);
}

static int change_tracker(struct apply *a, const struct tracker_row *row)
{
    struct binder b;

    binder_init(&b, a->statements[SQL_TRACKER]);
    bind_text(&b, row->address);
    bind_blob(&b, row->has_key ? row->key : NULL, KEY_LENGTH);
    bind_u64(&b, row->wish);
    return binder_run(&b);
}

/* Runs a statement about a text. */
static int run_on_text(struct apply *a, enum sql statement, const char *text)
{
    struct binder b;

    binder_init(&b, a->statements[statement]);
    if (text != NULL)
        bind_text(&b, text);
    return binder_run(&b);
}

static int change_own_name(struct apply *a, const char *name)
{
    return run_on_text(a, name != NULL ? SQL_OWN_NAME : SQL_OWN_NAME_GONE, name);
}

/* --- A batch --- */

int apply_change(struct apply *a, struct change *change, uint64_t age_ms)
{
    switch (change->kind) {
    case CHANGE_LOG:
        return change_log(a, &change->log);
    case CHANGE_FIND:
        return find_key(a, &change->log);
    case CHANGE_PEER:
        return change_peer(a, &change->peer);
    case CHANGE_PEER_GONE:
        return run_on(a, SQL_PEER_GONE, change->peer.peer);
    case CHANGE_STREAM_IN:
        return change_stream_in(a, &change->stream);
    case CHANGE_STREAM_OUT:
        return change_stream_out(a, &change->stream);
    case CHANGE_STREAM_GONE:
        return close_stream(a, change->stream.stream);
    case CHANGE_STREAM_SEEN:
        return see_stream(a, &change->stream);
    case CHANGE_REQUEST:
        return change_request(a, &change->request);
    case CHANGE_REQUEST_GONE:
        return run_on(a, SQL_REQUEST_GONE, change->request.request);
    case CHANGE_META:
        return change_meta(a, change);
    case CHANGE_CLAIM:
        return claims_take(&a->claims, &change->claim, age_ms);
    case CHANGE_RELEASE:
        return claims_release(&a->claims, &change->claim, age_ms);
    case CHANGE_TRACKER:
        return change_tracker(a, &change->tracker);
    case CHANGE_TRACKER_GONE:
        return run_on_text(a, SQL_TRACKER_GONE, change->tracker.address);
    case CHANGE_OWN_NAME:
        return change_own_name(a, change->own_name);
    }
    must(false);
}

int apply_flush(struct apply *a)
{
    int rc = add_held(a);

    for (int i = 0; rc == SQLITE_OK && i < APPLY_CACHE_SIZE; i++)
        if (a->streams[i].changed)
            rc = write_stream(a, &a->streams[i]);
    return rc;
}

void apply_committed(struct apply *a)
{
    a->durable_seq = a->seq;
    claims_committed(&a->claims);
}

void apply_rolled_back(struct apply *a)
{
    a->held_count = 0;
    a->seq = a->durable_seq;
    memset(a->streams, 0, sizeof(a->streams));
    claims_rolled_back(&a->claims);
}
