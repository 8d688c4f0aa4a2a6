#include "daemon/store/claims.h"

#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/store/statement.h"

enum sql { SQL_READ, SQL_ADD, SQL_HOLD, SQL_RELEASE, SQL_RELEASE_ALL, SQL_TRIM, SQL_COUNT };

/* When a name that is released at age ?1 is over. The age may be less than `since`: after a crash
 * the clock may have gone back. */
#define UNTIL "?1 + min(max(?1 - since, 0), 2592000000)"

/* For how long a name was held that is reserved now: no longer than counts. */
#define WAS_HELD "min(max((until - since) / 2, 0), 2592000000)"

/* The same of a name that was held when the store was closed: its owner may not be back before its
 * registration would have ended. */
#define SINCE_AT_START "min(since, ?1 - 300000)"
#define UNTIL_AT_START "?1 + min(max(?1 - since, 300000), 2592000000)"

_Static_assert(CLAIM_RESERVED_MAX_MS == 2592000000, "as in UNTIL, WAS_HELD and UNTIL_AT_START");
_Static_assert(REGISTRATION_MS == 300000, "as in SINCE_AT_START and UNTIL_AT_START");

static const char *const sql[SQL_COUNT] = {
    [SQL_READ] = "SELECT key, until FROM claim WHERE name = ?1",
    [SQL_ADD] = "INSERT OR REPLACE INTO claim(name, key, since, until) VALUES(?1, ?2, ?3, NULL)",
    [SQL_HOLD] = "UPDATE claim SET since = ?1 - " WAS_HELD ", until = NULL WHERE name = ?2",
    [SQL_RELEASE] =
        "UPDATE claim SET until = " UNTIL " WHERE name = ?2 AND key = ?3 AND until IS NULL",
    [SQL_RELEASE_ALL] = "UPDATE claim SET since = " SINCE_AT_START ", until = " UNTIL_AT_START
                        " WHERE until IS NULL",
    [SQL_TRIM] = "DELETE FROM claim WHERE name IN"
                 " (SELECT name FROM claim WHERE until <= ?1 ORDER BY until LIMIT ?2)",
};

_Static_assert((int)SQL_COUNT == CLAIMS_STATEMENTS, "each has its place");

int claims_init(struct claims *c, sqlite3 *db)
{
    int rc;

    *c = (struct claims){.db = db, .max = CLAIMS_MAX};
    rc = statements_prepare(db, sql, SQL_COUNT, c->statements);
    if (rc == SQLITE_OK)
        rc = query_u64(db, "SELECT count(*) FROM claim", &c->durable_count);
    c->count = c->durable_count;
    return rc;
}

void claims_done(struct claims *c)
{
    statements_finalize(c->statements, SQL_COUNT);
}

/* Whose a name is. */
struct holder {
    bool is_there;
    bool is_held;
    bool is_over;
    bool is_same; /* the key that asks */
};

static int find_holder(struct claims *c, const struct claim *claim, uint64_t age_ms,
                       struct holder *ret_holder)
{
    sqlite3_stmt *s = c->statements[SQL_READ];
    struct holder holder = {0};
    struct binder b;
    int rc;

    binder_init(&b, s);
    bind_text(&b, claim->name);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW) {
        holder.is_there = true;
        holder.is_held = sqlite3_column_type(s, 1) == SQLITE_NULL;
        holder.is_over = !holder.is_held && column_u64(s, 1) <= age_ms;
        if (sqlite3_column_bytes(s, 0) != KEY_LENGTH)
            rc = SQLITE_CORRUPT;
        else
            holder.is_same = memcmp(sqlite3_column_blob(s, 0), claim->key, KEY_LENGTH) == 0;
    }
    sqlite3_reset(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    *ret_holder = holder;
    return SQLITE_OK;
}

static int begin_holding(struct claims *c, const struct claim *claim, uint64_t age_ms)
{
    struct binder b;

    binder_init(&b, c->statements[SQL_ADD]);
    bind_text(&b, claim->name);
    bind_blob(&b, claim->key, KEY_LENGTH);
    bind_u64(&b, age_ms);
    return binder_run(&b);
}

static int hold_on(struct claims *c, const struct claim *claim, uint64_t age_ms)
{
    struct binder b;

    binder_init(&b, c->statements[SQL_HOLD]);
    bind_u64(&b, age_ms);
    bind_text(&b, claim->name);
    return binder_run(&b);
}

int claims_take(struct claims *c, struct claim *claim, uint64_t age_ms)
{
    struct holder holder = {.is_there = false};
    int rc = find_holder(c, claim, age_ms, &holder);

    if (rc != SQLITE_OK)
        return rc;
    const bool is_free = !holder.is_there || holder.is_over;
    claim->result = OK;
    if (!is_free && (claim->is_question || !holder.is_same)) {
        claim->result = ERR_NAME_TAKEN;
        return SQLITE_OK;
    }
    if (claim->is_question || holder.is_held)
        return SQLITE_OK;
    if (!is_free)
        return hold_on(c, claim, age_ms);
    if (!holder.is_there && c->count >= c->max) {
        claim->result = ERR_LIMIT_EXCEEDED;
        return SQLITE_OK;
    }
    rc = begin_holding(c, claim, age_ms);
    if (rc == SQLITE_OK && !holder.is_there)
        c->count++;
    return rc;
}

int claims_release(struct claims *c, const struct claim *claim, uint64_t age_ms)
{
    struct binder b;

    binder_init(&b, c->statements[SQL_RELEASE]);
    bind_u64(&b, age_ms);
    bind_text(&b, claim->name);
    bind_blob(&b, claim->key, KEY_LENGTH);
    return binder_run(&b);
}

int claims_release_all(struct claims *c, uint64_t age_ms)
{
    return statement_run_u64(c->statements[SQL_RELEASE_ALL], age_ms);
}

int claims_trim(struct claims *c, uint64_t age_ms, bool *ret_is_end)
{
    struct binder b;
    uint64_t gone;
    int rc;

    binder_init(&b, c->statements[SQL_TRIM]);
    bind_u64(&b, age_ms);
    bind_u64(&b, CLAIMS_TRIM_MAX);
    rc = binder_run(&b);
    if (rc != SQLITE_OK)
        return rc;
    gone = (uint64_t)sqlite3_changes(c->db);
    c->count -= gone;
    *ret_is_end = gone < CLAIMS_TRIM_MAX;
    return SQLITE_OK;
}

void claims_committed(struct claims *c)
{
    c->durable_count = c->count;
}

void claims_rolled_back(struct claims *c)
{
    c->count = c->durable_count;
}
