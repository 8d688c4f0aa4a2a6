#include "daemon/store/keep.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/store/statement.h"

enum sql { SQL_CONSUMER, SQL_CONSUMER_GONE, SQL_AGE, SQL_AGE_WALL, SQL_MARK, SQL_COUNT };

static const char *const sql[SQL_COUNT] = {
    [SQL_CONSUMER] = "INSERT OR REPLACE INTO consumer(name, seq, last_used, used_age)"
                     " VALUES(?1, ?2, ?3, ?4)",
    [SQL_CONSUMER_GONE] = "DELETE FROM consumer WHERE name = ?1",
    [SQL_AGE] = "UPDATE meta SET value = ?1 WHERE name = 'age'",
    [SQL_AGE_WALL] = "UPDATE meta SET value = ?1 WHERE name = 'age_wall'",
    /* One an hour at most, and none that says nothing new. */
    [SQL_MARK] = "INSERT INTO mark(age, seq) SELECT ?1, ?2 WHERE NOT EXISTS"
                 " (SELECT 1 FROM mark WHERE age > ?1 - 3600000 OR seq >= ?2)",
};

_Static_assert((int)SQL_COUNT == KEEP_STATEMENTS, "each has its place");

int keep_init(struct keep *k, sqlite3 *db)
{
    return statements_prepare(db, sql, SQL_COUNT, k->statements);
}

void keep_done(struct keep *k)
{
    statements_finalize(k->statements, SQL_COUNT);
}

static int keep_consumer(struct keep *k, const struct consumer_row *row)
{
    struct binder b;

    binder_init(&b, k->statements[SQL_CONSUMER]);
    bind_text(&b, row->name);
    bind_u64(&b, row->seq);
    bind_i64(&b, row->last_used_ms);
    bind_u64(&b, row->used_age_ms);
    return binder_run(&b);
}

static int drop_consumer(struct keep *k, const struct consumer_row *row)
{
    struct binder b;

    binder_init(&b, k->statements[SQL_CONSUMER_GONE]);
    bind_text(&b, row->name);
    return binder_run(&b);
}

static int keep_mark(struct keep *k, uint64_t age_ms, uint64_t seq)
{
    struct binder b;

    binder_init(&b, k->statements[SQL_MARK]);
    bind_u64(&b, age_ms);
    bind_u64(&b, seq);
    return binder_run(&b);
}

static int keep_age(struct keep *k, const struct age_row *age, uint64_t seq)
{
    int rc = statement_run_u64(k->statements[SQL_AGE], age->ms);

    if (rc == SQLITE_OK)
        rc = statement_run_u64(k->statements[SQL_AGE_WALL], (uint64_t)age->wall_ms);
    return rc == SQLITE_OK ? keep_mark(k, age->ms, seq) : rc;
}

int keep_job(struct keep *k, const struct job *job)
{
    switch (job->kind) {
    case JOB_CONSUMER:
        return keep_consumer(k, job->consumer);
    case JOB_CONSUMER_GONE:
        return drop_consumer(k, job->consumer);
    case JOB_AGE:
        return keep_age(k, &job->age, job->question.through);
    case JOB_APPEND:
    case JOB_TRIM_CLAIMS:
    case JOB_TRIM:
    case JOB_STREAM:
    case JOB_RANGE:
    case JOB_HISTORY:
    case JOB_CHECKPOINT:
    case JOB_INDEX:
        break;
    }
    must(!"a small job of the writer");
}

/* --- Loading --- */

bool store_is_consumer_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._@-";
    const size_t length = strlen(name);

    return length > 0 && length <= STORE_CONSUMER_NAME_MAX && strspn(name, allowed) == length;
}

static int read_consumer(sqlite3_stmt *s, struct consumer_row *row)
{
    size_t length;
    const char *name = column_text(s, 0, &length);

    if (name == NULL || strlen(name) != length || !store_is_consumer_name(name))
        return SQLITE_CORRUPT;
    memset(row, 0, sizeof(*row));
    memcpy(row->name, name, length);
    row->seq = column_u64(s, 1);
    row->last_used_ms = column_i64(s, 2);
    row->used_age_ms = column_u64(s, 3);
    return row->seq <= STORE_SEQ_TOP && (uint64_t)row->last_used_ms <= STORE_SEQ_TOP &&
                   row->used_age_ms <= STORE_SEQ_TOP
               ? SQLITE_OK
               : SQLITE_CORRUPT;
}

int keep_load_consumers(sqlite3 *db, void (*row)(void *context, const struct consumer_row *row),
                        void *context)
{
    sqlite3_stmt *s;
    size_t count = 0;
    int rc = sqlite3_prepare_v2(
        db, "SELECT name, seq, last_used, used_age FROM consumer ORDER BY name", -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct consumer_row consumer;

        rc = ++count <= STORE_CONSUMERS_MAX ? read_consumer(s, &consumer) : SQLITE_CORRUPT;
        if (rc == SQLITE_OK)
            row(context, &consumer);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A number that grows, from meta. */
static int load_counter(sqlite3 *db, const char *query, uint64_t *ret_value)
{
    uint64_t value;
    int rc = query_u64(db, query, &value);

    if (rc == SQLITE_OK && value > STORE_SEQ_TOP)
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_OK)
        *ret_value = value;
    return rc;
}

int keep_load_age(sqlite3 *db, struct age_row *ret_age)
{
    uint64_t ms, wall_ms;
    int rc = load_counter(db, "SELECT value FROM meta WHERE name = 'age'", &ms);

    if (rc == SQLITE_OK)
        rc = query_u64(db, "SELECT value FROM meta WHERE name = 'age_wall'", &wall_ms);
    if (rc == SQLITE_OK)
        *ret_age = (struct age_row){.ms = ms, .wall_ms = (int64_t)wall_ms};
    return rc;
}

int keep_load_floor(sqlite3 *db, uint64_t *ret_floor)
{
    return load_counter(db, "SELECT value FROM meta WHERE name = 'floor'", ret_floor);
}
