#include "daemon/store/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/store/clock.h"
#include "daemon/store/connection.h"
#include "daemon/store/fold.h"
#include "daemon/store/statement.h"
#include "daemon/store/trouble.h"

/* In the header of the file, for file(1) and for us: "p2ps". */
#define APPLICATION_ID "1882353779"

/* Changes with this schema, which is part of what makes an index usable, as the rules of folding
 * are. `gone` has rows that were taken out and may still be in the log: to take one out twice would
 * damage the index. */
#define SCHEMA "1"
static const char schema[] = "PRAGMA application_id=" APPLICATION_ID ";"
                             "CREATE TABLE state("
                             "    rules TEXT NOT NULL,"
                             "    through INTEGER NOT NULL,"
                             "    looks TEXT NOT NULL) STRICT;"
                             "CREATE TABLE gone(seq INTEGER PRIMARY KEY) STRICT;"
                             "CREATE VIRTUAL TABLE words USING fts5("
                             "    text, peer, content='', columnsize=0, tokenize='ascii')";

enum sql {
    SQL_ADD,
    SQL_TAKE_OUT,
    SQL_STATE,
    SQL_BEFORE,
    SQL_AFTER,
    SQL_GONE,
    SQL_FORGET,
    SQL_COUNT
};

static const char *const sql[SQL_COUNT] = {
    [SQL_ADD] = "INSERT INTO words(rowid, text, peer) VALUES(?1, ?2, ?3)",
    [SQL_TAKE_OUT] = "INSERT INTO words(rowid, text, peer, words) VALUES(?1, ?2, ?3, 'delete')",
    [SQL_STATE] = "UPDATE state SET through = ?1, looks = ?2",
    [SQL_BEFORE] = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2"
                   " ORDER BY rowid DESC",
    [SQL_AFTER] = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid > ?2 AND rowid <= ?3"
                  " ORDER BY rowid",
    [SQL_GONE] = "INSERT OR IGNORE INTO gone VALUES(?1)",
    [SQL_FORGET] = "DELETE FROM gone WHERE seq = ?1",
};

_Static_assert((int)SQL_COUNT == SEARCH_STATEMENTS, "each has its place");

enum log_sql { LOG_ROWS, LOG_ROW, LOG_LOOKS, LOG_MESSAGE, LOG_COUNT };

/* All rows, not only messages, so that a long stretch without these does not hold the snapshot. */
static const char *const log_sql[LOG_COUNT] = {
    [LOG_ROWS] = "SELECT seq, stream, peer, body FROM log WHERE seq > ?1 ORDER BY seq",
    [LOG_ROW] = "SELECT seq, stream, peer, body FROM log WHERE seq = ?1",
    [LOG_LOOKS] = "SELECT printf('%d %d %d %d %d', time, type, ifnull(peer, 0), ifnull(num, 0),"
                  " length(body)) FROM log WHERE seq = ?1",
    [LOG_MESSAGE] = "SELECT peer FROM log INDEXED BY log_message WHERE stream IS NOT NULL LIMIT 1",
};

_Static_assert((int)LOG_COUNT == SEARCH_LOG_STATEMENTS, "each has its place");

int search_init(struct search *s, const char *log_path, const struct pulse *pulse, sqlite3 *log)
{
    const int directory = (int)(strrchr(log_path, '/') - log_path);

    *s = (struct search){
        .path = xasprintf("%.*s/search.db", directory, log_path), .log = log, .pulse = pulse};
    return statements_prepare(log, log_sql, LOG_COUNT, s->log_statements);
}

static void close_index(struct search *s)
{
    statements_finalize(s->statements, SQL_COUNT);
    sqlite3_close(s->db);
    s->db = NULL;
}

void search_done(struct search *s)
{
    close_index(s);
    statements_finalize(s->log_statements, LOG_COUNT);
    bytes_done(&s->words);
    free(s->path);
    free(s->note);
}

/* --- Errors ---
 *
 * Functions that return int return SQLite's result codes of the index, or SQLITE_ABORT with
 * s->log_error set. */

static int log_failed(struct search *s, int rc)
{
    s->log_error = rc;
    return SQLITE_ABORT;
}

static enum error error_of(const struct search *s, int rc)
{
    const int error = s->db != NULL ? connection_errno(s->db) : 0;
    const bool is_full =
        (rc & 0xff) == SQLITE_FULL || ((rc & 0xff) == SQLITE_IOERR && trouble_is_no_room(error));

    return is_full && s->log_error == SQLITE_OK ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED;
}

/* Whether an index that gave this is of no more use. (SQLITE_ERROR: something in it is not as we
 * made it.) */
static bool is_worthless(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return true;
    }
    return rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ;
}

/* Once: it is tried again at each search. */
static void note_unusable(struct search *s, int error)
{
    if (s->is_unusable)
        return;
    s->is_unusable = true;
    free(s->note);
    s->note = xasprintf("%s cannot be used, and history not be searched: %s", s->path,
                        error == CONNECTION_NO_FILE ? "it is no regular file" : strerror(error));
}

static void discard(struct search *s, const char *why)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

    free(s->note);
    s->note = xasprintf("%s was deleted and is made anew: %s", s->path, why);
    close_index(s);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char *path = xasprintf("%s%s", s->path, suffixes[i]);

        unlink(path);
        free(path);
    }
}

/* --- Opening --- */

static char *rules(void)
{
    char *fold = fold_version();
    char *text = xasprintf("schema " SCHEMA ", fold %s", fold);

    free(fold);
    return text;
}

/* How the log's row of s->through looks, "" when there is none; ended with free(). */
static int look_at_log(struct search *s, char **ret_looks)
{
    struct binder b;
    int rc;

    binder_init(&b, s->log_statements[LOG_LOOKS]);
    bind_u64(&b, s->through);
    rc = binder_step(&b);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        *ret_looks = xstrdup(rc == SQLITE_ROW ? column_text(b.statement, 0, NULL) : "");
    sqlite3_reset(b.statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : log_failed(s, rc);
}

static int make(struct search *s)
{
    static const char *const first[] = {"INSERT INTO state VALUES(?1, 0, '')"};
    char *text = rules();
    sqlite3_stmt *statement = NULL;
    struct binder b;
    int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = statements_prepare(s->db, first, 1, &statement);
    if (rc == SQLITE_OK) {
        binder_init(&b, statement);
        bind_text(&b, text);
        rc = binder_run(&b);
    }
    statements_finalize(&statement, 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    s->through = 0;
    free(text);
    return rc;
}

/* Reads what the index says of itself; *ret_why says why it cannot be used, if so. */
static int check(struct search *s, const char **ret_why)
{
    char *expected = rules(), *looks = NULL;
    sqlite3_stmt *statement;
    int rc =
        sqlite3_prepare_v2(s->db, "SELECT rules, through, looks FROM state", -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && strcmp(column_text(statement, 0, NULL), expected) != 0)
        *ret_why = "it follows other rules than this program";
    if (rc == SQLITE_ROW && *ret_why == NULL) {
        s->through = column_u64(statement, 1);
        rc = look_at_log(s, &looks);
        if (rc == SQLITE_OK && strcmp(column_text(statement, 2, NULL), looks) != 0)
            *ret_why = "it is of another log, or of a later one than this";
    } else if (rc == SQLITE_DONE) {
        *ret_why = "it does not say what it has";
    }
    sqlite3_finalize(statement);
    free(expected);
    free(looks);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Opens what there is, or makes it. */
static int open_file(struct search *s, const char **ret_why)
{
    uint64_t application, tables;
    int error = connection_create_file(s->path);
    int rc;

    if (error != 0) {
        if (trouble_is_no_room(error))
            return SQLITE_FULL;
        note_unusable(s, error);
        return SQLITE_CANTOPEN;
    }
    s->is_unusable = false;
    rc = connection_open(s->path, CONNECTION_SEARCH, s->pulse, &s->db);
    if (rc == SQLITE_OK)
        rc = query_u64(s->db, "PRAGMA application_id", &application);
    if (rc == SQLITE_OK)
        rc = query_u64(s->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK)
        return rc;
    if (tables == 0)
        rc = make(s);
    else if (application != strtoull(APPLICATION_ID, NULL, 10))
        *ret_why = "it is a database of another program";
    else
        rc = check(s, ret_why);
    if (rc == SQLITE_OK && *ret_why == NULL)
        rc = statements_prepare(s->db, sql, SQL_COUNT, s->statements);
    return rc;
}

static enum error open_index(struct search *s)
{
    enum error error = OK;

    if (s->db != NULL)
        return OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        const char *why = NULL;
        const int rc = open_file(s, &why);

        if (rc == SQLITE_OK && why == NULL)
            return OK;
        error = error_of(s, rc);
        if (rc != SQLITE_OK && (s->log_error != SQLITE_OK || !is_worthless(rc)))
            break;
        discard(s, why != NULL ? why : sqlite3_errstr(rc));
    }
    close_index(s);
    return error;
}

/* Ends what was begun on the index. After an error the next call opens it anew. */
static enum error settle(struct search *s, int rc)
{
    const enum error error = rc != SQLITE_OK ? error_of(s, rc) : OK;

    if (rc != SQLITE_OK && s->log_error == SQLITE_OK && is_worthless(rc))
        discard(s, sqlite3_errmsg(s->db));
    else if (rc != SQLITE_OK)
        close_index(s);
    return error;
}

/* --- Words of rows --- */

/* Adds the message of a row of the log to the index, or takes it out. */
static int write_row(struct search *s, enum sql statement, sqlite3_stmt *row)
{
    char peer[16];
    size_t length;
    const char *body = column_text(row, 3, &length);
    struct binder b;

    if (sqlite3_column_type(row, 1) == SQLITE_NULL)
        return SQLITE_OK;
    if (body == NULL)
        return log_failed(s, SQLITE_CORRUPT);
    bytes_clear(&s->words);
    fold_text(body, length, &s->words);
    if (bytes_length(&s->words) == 0)
        return SQLITE_OK;
    snprintf(peer, sizeof(peer), "%" PRIu64, column_u64(row, 2));
    binder_init(&b, s->statements[statement]);
    bind_u64(&b, column_u64(row, 0));
    bind_text_of(&b, (const char *)bytes_data(&s->words), bytes_length(&s->words));
    bind_text(&b, peer);
    return binder_run(&b);
}

/* --- Updating --- */

static int write_state(struct search *s)
{
    struct binder b;
    char *looks;
    int rc = look_at_log(s, &looks);

    if (rc != SQLITE_OK)
        return rc;
    binder_init(&b, s->statements[SQL_STATE]);
    bind_u64(&b, s->through);
    bind_text(&b, looks);
    rc = binder_run(&b);
    free(looks);
    return rc;
}

/* Takes rows in until the log, `rows_max` or the time ends. */
static int take_rows(struct search *s, sqlite3_stmt *rows, size_t rows_max)
{
    const uint64_t until = clock_ms() + SEARCH_SLICE_MS;
    int rc, log_rc = SQLITE_ROW;

    for (size_t count = 0; log_rc == SQLITE_ROW; count++) {
        if (count == rows_max || clock_ms() >= until)
            return SQLITE_OK;
        rc = write_row(s, SQL_ADD, rows);
        if (rc != SQLITE_OK)
            return rc;
        s->through = column_u64(rows, 0);
        log_rc = sqlite3_step(rows);
    }
    s->is_behind = false;
    return log_rc == SQLITE_DONE ? SQLITE_OK : log_failed(s, log_rc);
}

/* One transaction, in one snapshot of the log. */
static int update_slice(struct search *s, size_t rows_max)
{
    struct binder b;
    int rc;

    binder_init(&b, s->log_statements[LOG_ROWS]);
    bind_u64(&b, s->through);
    rc = binder_step(&b);
    s->is_behind = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW) {
        rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = take_rows(s, b.statement, rows_max);
        if (rc == SQLITE_OK)
            rc = write_state(s);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    } else {
        rc = rc == SQLITE_DONE ? SQLITE_OK : log_failed(s, rc);
    }
    sqlite3_reset(b.statement); /* ends the snapshot */
    return rc;
}

bool search_is_worth_it(struct search *s)
{
    sqlite3_stmt *message = s->log_statements[LOG_MESSAGE];
    const bool is_there = s->db != NULL || sqlite3_step(message) == SQLITE_ROW;

    sqlite3_reset(message);
    return is_there;
}

enum error search_update(struct search *s, size_t rows_max, uint64_t ms_max)
{
    const uint64_t until = clock_ms() + ms_max;
    enum error error;
    size_t rows = 0;

    s->log_error = SQLITE_OK;
    error = open_index(s);
    if (error != OK)
        return error;
    do {
        const uint64_t before = s->through;

        error = settle(s, update_slice(s, rows_max - rows));
        if (error == OK)
            rows += (size_t)(s->through - before); /* or more than that many */
    } while (error == OK && s->is_behind && rows < rows_max && clock_ms() < until);
    if (!s->is_behind)
        bytes_done(&s->words);
    return error;
}

/* --- Finding --- */

/* How many steps of SQLite's machine, about a third as many pages, pass between two looks at the
 * time. */
enum { STEPS_PER_LOOK = 100 };

static void write_expression(const struct question *q, const struct bytes *phrases,
                             struct bytes *out)
{
    char peer[32];

    if (q->peer != 0) {
        snprintf(peer, sizeof(peer), "peer : \"%" PRIu32 "\" AND ", q->peer);
        bytes_text(out, peer);
    }
    bytes_text(out, "text : (");
    fold_expression(phrases, out);
    bytes_text(out, ")");
}

static int look_at_time(void *context)
{
    const struct search_taker *taker = context;

    return taker->is_late(taker->context);
}

enum error search_find(struct search *s, const struct question *q, const struct bytes *phrases,
                       uint64_t from, const struct search_taker *taker, bool *ret_is_late)
{
    const bool is_after = q->order == HISTORY_AFTER;
    struct bytes expression = BYTES_EMPTY;
    struct binder b;
    enum error error;
    bool is_late;
    int rc;

    s->log_error = SQLITE_OK;
    error = open_index(s);
    if (error != OK)
        return error;
    write_expression(q, phrases, &expression);
    binder_init(&b, s->statements[is_after ? SQL_AFTER : SQL_BEFORE]);
    bind_text_of(&b, (const char *)bytes_data(&expression), bytes_length(&expression));
    bind_u64(&b, from);
    if (is_after)
        bind_u64(&b, q->through);
    sqlite3_progress_handler(s->db, STEPS_PER_LOOK, look_at_time, (void *)taker);
    rc = binder_step(&b);
    while (rc == SQLITE_ROW && taker->hit(taker->context, column_u64(b.statement, 0)))
        rc = sqlite3_step(b.statement);
    sqlite3_reset(b.statement);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    bytes_done(&expression);
    is_late = rc == SQLITE_INTERRUPT;
    error = settle(s, rc == SQLITE_ROW || rc == SQLITE_DONE || is_late ? SQLITE_OK : rc);
    if (error == OK)
        *ret_is_late = is_late;
    return error;
}

/* --- Removing --- */

/* Goes to a row of the log: SQLITE_ROW, SQLITE_DONE when it is not there, or SQLITE_ABORT. The
 * statement is the caller's to reset. */
static int find_row(struct search *s, uint64_t seq, sqlite3_stmt **ret_row)
{
    struct binder b;
    int rc;

    *ret_row = s->log_statements[LOG_ROW];
    binder_init(&b, *ret_row);
    bind_u64(&b, seq);
    rc = binder_step(&b);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? rc : log_failed(s, rc);
}

static int take_out(struct search *s, uint64_t seq)
{
    sqlite3_stmt *row;
    int rc = statement_run_u64(s->statements[SQL_GONE], seq);

    if (rc != SQLITE_OK || sqlite3_changes(s->db) == 0)
        return rc;
    rc = find_row(s, seq, &row);
    if (rc == SQLITE_ROW)
        rc = write_row(s, SQL_TAKE_OUT, row);
    sqlite3_reset(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Forgets those that the log no longer has: nobody will take them out again. */
static int forget_gone(struct search *s)
{
    sqlite3_stmt *gone, *row;
    int rc = sqlite3_prepare_v2(s->db, "SELECT seq FROM gone", -1, &gone, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(gone)) == SQLITE_ROW) {
        const uint64_t seq = column_u64(gone, 0);

        rc = find_row(s, seq, &row);
        sqlite3_reset(row);
        if (rc == SQLITE_DONE)
            rc = statement_run_u64(s->statements[SQL_FORGET], seq);
        else if (rc == SQLITE_ROW)
            rc = SQLITE_OK;
    }
    sqlite3_finalize(gone);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int remove_rows(struct search *s, const uint64_t *seqs, size_t count)
{
    int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = forget_gone(s);
    for (size_t i = 0; rc == SQLITE_OK && i < count && seqs[i] <= s->through; i++)
        rc = take_out(s, seqs[i]);
    return rc == SQLITE_OK ? sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) : rc;
}

int search_remove(struct search *s, const uint64_t *seqs, size_t count)
{
    enum error error;

    s->log_error = SQLITE_OK;
    error = open_index(s);
    if (error == OK)
        error = settle(s, remove_rows(s, seqs, count));
    if (error != OK && s->log_error == SQLITE_OK && s->note == NULL)
        discard(s, "messages that are removed could not be taken out of it");
    return s->log_error;
}
