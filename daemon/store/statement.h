/* Prepared statements in straight lines: values are bound and read one after the other, with a
 * sticky error that is asked for once. SQLite's integers are signed; our u64 pass through them as
 * the same 64 bits.
 *
 * Functions that return int return SQLite's (extended) result codes. */
#ifndef P2PCHAT_DAEMON_STORE_STATEMENT_H
#define P2PCHAT_DAEMON_STORE_STATEMENT_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

/* Prepares `count` statements that live as long as their connection. On failure those before the
 * one that failed are there, the others NULL. */
int statements_prepare(sqlite3 *db, const char *const sql[], size_t count, sqlite3_stmt *ret[]);
void statements_finalize(sqlite3_stmt *statements[], size_t count);

/* Binds a statement's parameters from the first on. Texts and blobs are borrowed until the
 * statement is reset. */
struct binder {
    sqlite3_stmt *statement;
    int count; /* parameters bound so far */
    int error; /* the first that happened, or SQLITE_OK */
};

void binder_init(struct binder *b, sqlite3_stmt *statement);
void bind_u64(struct binder *b, uint64_t value);
void bind_i64(struct binder *b, int64_t value);
void bind_number_or_null(struct binder *b, uint64_t value); /* 0 becomes NULL */
void bind_text(struct binder *b, const char *text);         /* NULL becomes NULL */
void bind_text_of(struct binder *b, const char *text, size_t length);
void bind_blob(struct binder *b, const void *bytes, size_t length); /* NULL becomes NULL */

/* Runs a bound statement that gives no rows, and makes it ready for the next time. */
int binder_run(struct binder *b);

/* The same with its only parameter. */
int statement_run_u64(sqlite3_stmt *statement, uint64_t value);

/* Runs a bound statement to its first row: SQLITE_ROW, SQLITE_DONE or an error. The statement is
 * the caller's to reset. */
int binder_step(struct binder *b);

uint64_t column_u64(sqlite3_stmt *statement, int column);
int64_t column_i64(sqlite3_stmt *statement, int column);

/* NULL for NULL; borrowed until the statement goes on. The text ends with a NUL; `ret_length` may
 * be NULL. */
const char *column_text(sqlite3_stmt *statement, int column, size_t *ret_length);

/* The first column of the first row of `sql` as a number, 0 when that is NULL or there is none. */
int query_u64(sqlite3 *db, const char *sql, uint64_t *ret_value);

#endif
