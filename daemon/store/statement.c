#include "daemon/store/statement.h"

#include "common/alloc.h"

int statements_prepare(sqlite3 *db, const char *const sql[], size_t count, sqlite3_stmt *ret[])
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < count; i++) {
        ret[i] = NULL;
        if (rc == SQLITE_OK)
            rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &ret[i], NULL);
    }
    return rc;
}

void statements_finalize(sqlite3_stmt *statements[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

void binder_init(struct binder *b, sqlite3_stmt *statement)
{
    *b = (struct binder){.statement = statement};
}

static void note(struct binder *b, int rc)
{
    if (b->error == SQLITE_OK)
        b->error = rc;
}

void bind_u64(struct binder *b, uint64_t value)
{
    bind_i64(b, (int64_t)value);
}

void bind_i64(struct binder *b, int64_t value)
{
    note(b, sqlite3_bind_int64(b->statement, ++b->count, value));
}

static void bind_null(struct binder *b)
{
    note(b, sqlite3_bind_null(b->statement, ++b->count));
}

void bind_number_or_null(struct binder *b, uint64_t value)
{
    if (value != 0)
        bind_u64(b, value);
    else
        bind_null(b);
}

void bind_text(struct binder *b, const char *text)
{
    note(b, sqlite3_bind_text(b->statement, ++b->count, text, -1, SQLITE_STATIC));
}

void bind_text_of(struct binder *b, const char *text, size_t length)
{
    /* A null pointer would bind NULL; no text is still a text. */
    note(b, sqlite3_bind_text64(b->statement, ++b->count, length > 0 ? text : "", length,
                                SQLITE_STATIC, SQLITE_UTF8));
}

void bind_blob(struct binder *b, const void *bytes, size_t length)
{
    note(b, sqlite3_bind_blob64(b->statement, ++b->count, bytes, length, SQLITE_STATIC));
}

int binder_step(struct binder *b)
{
    must(b->count == sqlite3_bind_parameter_count(b->statement));
    return b->error == SQLITE_OK ? sqlite3_step(b->statement) : b->error;
}

int binder_run(struct binder *b)
{
    int rc = binder_step(b);

    must(rc != SQLITE_ROW);
    sqlite3_reset(b->statement); /* tells the error of the step again */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int statement_run_u64(sqlite3_stmt *statement, uint64_t value)
{
    struct binder b;

    binder_init(&b, statement);
    bind_u64(&b, value);
    return binder_run(&b);
}

uint64_t column_u64(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

int64_t column_i64(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column);
}

const char *column_text(sqlite3_stmt *statement, int column, size_t *ret_length)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    if (ret_length != NULL)
        *ret_length = (size_t)sqlite3_column_bytes(statement, column);
    return text;
}

int query_u64(sqlite3 *db, const char *sql, uint64_t *ret_value)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        *ret_value = rc == SQLITE_ROW ? column_u64(statement, 0) : 0;
        rc = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return rc;
}
