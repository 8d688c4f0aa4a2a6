#include "daemon/store/trim.h"

#include "common/alloc.h"
#include "daemon/store/clock.h"
#include "daemon/store/statement.h"

/* What a row takes beside its text: its numbers, and its places in the indexes. */
enum { ROW_BYTES = 48 };

/* Rows that one slice looks at. */
enum { SCAN_MAX = 4096 };

/* A message of ours that is not delivered, of an epoch that goes on. */
#define IS_WAITING "s.direction = 1 AND s.closed = 0 AND log.num > s.acked"

/* --- Planning --- */

/* Up to which seq rows are at least so old: those of a mark were there at its age. */
static int find_aged(const struct trim *t, sqlite3 *db, uint64_t ms, uint64_t *ret_seq)
{
    static const char *const sql[] = {"SELECT ifnull(max(seq), 0) FROM mark WHERE age <= ?1"};
    sqlite3_stmt *statement;
    struct binder b;
    int rc;

    *ret_seq = 0;
    if (t->age_ms < ms)
        return SQLITE_OK;
    rc = statements_prepare(db, sql, 1, &statement);
    if (rc == SQLITE_OK) {
        binder_init(&b, statement);
        bind_u64(&b, t->age_ms - ms);
        rc = binder_step(&b);
        if (rc == SQLITE_ROW)
            *ret_seq = column_u64(statement, 0);
    }
    statements_finalize(&statement, 1);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* How much the database is too large; pages that were freed do not count. */
static int find_excess(const struct trim *t, sqlite3 *db, uint64_t *ret_bytes)
{
    uint64_t pages, free_pages, page_bytes, used;
    int rc = query_u64(db, "PRAGMA page_count", &pages);

    if (rc == SQLITE_OK)
        rc = query_u64(db, "PRAGMA freelist_count", &free_pages);
    if (rc == SQLITE_OK)
        rc = query_u64(db, "PRAGMA page_size", &page_bytes);
    if (rc != SQLITE_OK)
        return rc;
    used = (pages - free_pages) * page_bytes;
    *ret_bytes = t->keep.bytes > 0 && used > t->keep.bytes ? used - t->keep.bytes : 0;
    return rc;
}

/* What bounds a slice. */
struct bounds {
    uint64_t aged;   /* rows up to this seq are too old; */
    uint64_t excess; /* so many bytes are too many */
    uint64_t keyed;  /* rows with a key stay above this seq */
    uint64_t newest; /* stays: its number must not be used again */
};

static int find_bounds(const struct trim *t, sqlite3 *db, struct bounds *ret_bounds)
{
    struct bounds b = {0};
    int rc = query_u64(db, "SELECT max(seq) FROM log", &b.newest);

    if (rc == SQLITE_OK && t->keep.age_ms > 0)
        rc = find_aged(t, db, t->keep.age_ms, &b.aged);
    if (rc == SQLITE_OK)
        rc = find_aged(t, db, TRIM_KEY_MS, &b.keyed);
    if (rc == SQLITE_OK)
        rc = find_excess(t, db, &b.excess);
    if (rc == SQLITE_OK)
        *ret_bounds = b;
    return rc;
}

/* Looks at rows until the slice is full or there are no more. */
static int collect(struct trim *t, sqlite3_stmt *rows, const struct bounds *bounds, uint64_t ms_max)
{
    const uint64_t until = clock_ms() + ms_max;
    uint64_t freed = 0;
    int rc = sqlite3_step(rows);

    for (size_t looked = 0; rc == SQLITE_ROW; looked++) {
        const uint64_t seq = column_u64(rows, 0);
        const bool is_too_many = freed < bounds->excess;

        if (seq > bounds->aged && !is_too_many)
            return SQLITE_OK;
        if (t->count == TRIM_ROWS_MAX || freed >= TRIM_BYTES_MAX || looked == SCAN_MAX ||
            clock_ms() >= until)
            return SQLITE_OK;
        t->after = seq;
        if (column_u64(rows, 1) == 0 && column_u64(rows, 2) == 0) {
            t->seqs[t->count++] = seq;
            freed += ROW_BYTES + (uint64_t)sqlite3_column_bytes(rows, 3);
        }
        rc = sqlite3_step(rows);
    }
    t->is_end = rc == SQLITE_DONE;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int trim_plan(struct trim *t, sqlite3 *db, uint64_t ms_max)
{
    static const char *const sql[] = {
        "SELECT seq, key IS NOT NULL AND seq > ?1, ifnull(" IS_WAITING ", 0), body"
        " FROM log NOT INDEXED LEFT JOIN stream AS s ON s.stream = log.stream"
        " WHERE seq > ?2 AND seq <= ?3 ORDER BY seq"};
    sqlite3_stmt *statement;
    struct bounds bounds;
    struct binder b;
    uint64_t through;
    int rc = find_bounds(t, db, &bounds);

    t->is_planned = true;
    if (rc != SQLITE_OK)
        return rc;
    through = bounds.excess > 0 ? bounds.newest : bounds.aged;
    if (through >= bounds.newest)
        through = bounds.newest > 0 ? bounds.newest - 1 : 0;
    rc = statements_prepare(db, sql, 1, &statement);
    if (rc == SQLITE_OK) {
        binder_init(&b, statement);
        bind_u64(&b, bounds.keyed);
        bind_u64(&b, t->after);
        bind_u64(&b, through);
        rc = b.error != SQLITE_OK ? b.error : collect(t, statement, &bounds, ms_max);
    }
    statements_finalize(&statement, 1);
    return rc;
}

/* --- Removing --- */

int trim_apply(const struct trim *t, sqlite3 *db)
{
    enum { REMOVE, FLOOR, COUNT };
    static const char *const sql[COUNT] = {
        [REMOVE] = "DELETE FROM log WHERE seq = ?1 AND NOT EXISTS"
                   " (SELECT 1 FROM stream AS s WHERE s.stream = log.stream AND " IS_WAITING ")",
        [FLOOR] = "UPDATE meta SET value = max(value, ?1) WHERE name = 'floor'",
    };
    sqlite3_stmt *statements[COUNT];
    int rc = statements_prepare(db, sql, COUNT, statements);

    must(t->is_planned && t->count > 0);
    for (size_t i = 0; rc == SQLITE_OK && i < t->count; i++)
        rc = statement_run_u64(statements[REMOVE], t->seqs[i]);
    if (rc == SQLITE_OK)
        rc = statement_run_u64(statements[FLOOR], t->seqs[t->count - 1]);
    /* How old rows are that are gone need not be known. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "DELETE FROM mark WHERE seq < (SELECT min(seq) FROM log)", NULL, NULL,
                          NULL);
    statements_finalize(statements, COUNT);
    return rc;
}
