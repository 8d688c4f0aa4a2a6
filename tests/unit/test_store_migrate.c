/* A database that an older program made (tests/data/store_1.sql) is brought up to date: nothing in
 * it is lost, and it becomes what a new one is. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/unit/store_rig.h"

/* What is in it. */
enum { PEERS = 4, LIVE_STREAMS = 3, REQUESTS = 2, LAST_SEQ = 42, LAST_REQUEST = 4, MESSAGES = 24 };

struct migration {
    struct store_rig rig;
    uint8_t key[KEY_LENGTH];
};

/* --- Looking with other eyes --- */

static sqlite3 *open_database(const struct store_rig *rig)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    return db;
}

static void run_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
}

/* Everything that a query gives, as text for comparing; the caller frees. */
static char *query(const struct store_rig *rig, const char *sql)
{
    sqlite3 *db = open_database(rig);
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_stmt *s;
    int rc;
    char *copy;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(text, "%d:%d:%s|", sqlite3_column_type(s, i),
                                sqlite3_column_bytes(s, i), sqlite3_column_text(s, i));
        sqlite3_str_appendchar(text, 1, '\n');
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(s);
    copy = xstrdup(sqlite3_str_length(text) > 0 ? sqlite3_str_value(text) : "");
    sqlite3_free(sqlite3_str_finish(text));
    sqlite3_close(db);
    return copy;
}

static void assert_query(const struct store_rig *rig, const char *sql, const char *expected)
{
    char *text = query(rig, sql);

    assert_string_equal(text, expected);
    free(text);
}

static char *read_saved(void)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    FILE *file;
    char *sql = xcalloc(1, 64 << 10);

    snprintf(path, sizeof(path), "%s/tests/data/store_1.sql", top != NULL ? top : ".");
    file = fopen(path, "r");
    assert_non_null(file);
    assert_in_range(fread(sql, 1, (64 << 10) - 1, file), 1, (64 << 10) - 2);
    fclose(file);
    return sql;
}

static int set_up(void **state)
{
    struct migration *m = xcalloc(1, sizeof(*m));
    sqlite3_stmt *s;
    char *sql = read_saved();
    sqlite3 *db;

    store_rig_init(&m->rig);
    store_rig_close(&m->rig);
    store_rig_unlink(&m->rig);
    db = open_database(&m->rig);
    run_sql(db, "PRAGMA journal_mode=WAL");
    run_sql(db, sql);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'key'", -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_bytes(s, 0), KEY_LENGTH);
    memcpy(m->key, sqlite3_column_blob(s, 0), KEY_LENGTH);
    sqlite3_finalize(s);
    sqlite3_close(db);
    free(sql);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct migration *m = *state;

    store_rig_done(&m->rig);
    free(m);
    return 0;
}

static void migrate(struct migration *m)
{
    char message[STORE_MESSAGE_MAX] = "";

    if (store_open(m->rig.directory, m->key, &m->rig.store, message) != STORE_OPENED)
        fail_msg("%s", message);
}

/* --- Tests --- */

static const char *const kept[] = {
    "SELECT * FROM meta WHERE name IN ('key', 'record_sequence')",
    "SELECT peer, key, alias, name, address, record, consent, consent_id, verified, blocked,"
    " last_seen, local FROM peer ORDER BY peer",
    "SELECT * FROM stream ORDER BY stream",
    "SELECT * FROM request ORDER BY request",
    "SELECT * FROM log ORDER BY seq",
    "SELECT * FROM sqlite_sequence ORDER BY name",
    "PRAGMA application_id",
};
enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static void test_nothing_is_lost(void **state)
{
    struct migration *m = *state;
    char *before[KEPT];

    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", "1:1:1|\n");
    for (size_t i = 0; i < KEPT; i++)
        before[i] = query(&m->rig, kept[i]);
    for (int times = 0; times < 2; times++) { /* and the second time there is nothing to do */
        migrate(m);
        store_rig_close(&m->rig);
        assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", "1:1:3|\n");
        assert_query(&m->rig, "PRAGMA integrity_check", "3:2:ok|\n");
        for (size_t i = 0; i < KEPT; i++)
            assert_query(&m->rig, kept[i], before[i]);
    }
    for (size_t i = 0; i < KEPT; i++)
        free(before[i]);
}

/* Rows that were there before count as new. */
static void test_what_is_new(void **state)
{
    struct migration *m = *state;

    migrate(m);
    store_rig_close(&m->rig);
    assert_query(&m->rig, "SELECT * FROM consumer", "");
    assert_query(&m->rig, "SELECT * FROM mark", "1:1:0|1:2:42|\n");
    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'floor'", "1:1:0|\n");
}

static void test_same_as_a_new_one(void **state)
{
    static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";
    struct migration *m = *state;
    char *migrated, *made;

    migrate(m);
    store_rig_close(&m->rig);
    migrated = query(&m->rig, sql);
    store_rig_unlink(&m->rig);
    store_rig_open(&m->rig);
    store_rig_close(&m->rig);
    made = query(&m->rig, sql);
    assert_string_equal(migrated, made);
    free(migrated);
    free(made);
}

struct loaded {
    size_t count[CHANGE_META + 1];
    uint64_t meta[META_LAST_SEQ + 1];
};

static void note_row(void *context, const struct change *row)
{
    struct loaded *loaded = context;

    loaded->count[row->kind]++;
    if (row->kind == CHANGE_META)
        loaded->meta[row->meta.name] = row->meta.value;
}

static void test_loads(void **state)
{
    struct migration *m = *state;
    char message[STORE_MESSAGE_MAX];
    struct loaded loaded = {0};

    migrate(m);
    assert_int_equal(store_load(m->rig.store, note_row, &loaded, message), STORE_OPENED);
    assert_int_equal(loaded.count[CHANGE_PEER], PEERS);
    assert_int_equal(loaded.count[CHANGE_STREAM_IN] + loaded.count[CHANGE_STREAM_OUT],
                     LIVE_STREAMS);
    assert_int_equal(loaded.count[CHANGE_REQUEST], REQUESTS);
    assert_int_equal(loaded.meta[META_LAST_SEQ], LAST_SEQ);
    assert_int_equal(loaded.meta[META_LAST_PEER], PEERS);
    assert_int_equal(loaded.meta[META_LAST_REQUEST], LAST_REQUEST);
}

static void test_history_shows_what_it_showed(void **state)
{
    struct migration *m = *state;
    struct store_answer answer;
    size_t in_state[MESSAGE_STATE_RECEIVED + 1] = {0};

    migrate(m);
    store_read_history(m->rig.store, 1, &(struct history_query){.limit = 1000});
    answer = store_rig_take(&m->rig);
    assert_int_equal(answer.error, OK);
    assert_int_equal(answer.count, MESSAGES);
    for (size_t i = 0; i < answer.count; i++)
        in_state[answer.rows[i].state]++;
    store_answer_done(&answer);
    assert_int_equal(in_state[MESSAGE_STATE_RECEIVED], 10);
    assert_int_equal(in_state[MESSAGE_STATE_DELIVERED], 10);
    assert_int_equal(in_state[MESSAGE_STATE_QUEUED], 3);
    assert_int_equal(in_state[MESSAGE_STATE_FAILED], 1);
}

/* Keys that were given to the older program, on a stream that goes on where it was. */
static void test_goes_on(void **state)
{
    struct migration *m = *state;
    struct transaction *t;

    migrate(m);
    t = store_rig_transaction(&m->rig);
    add_sent(t, 1, 1, "waiting-1", "waits 1");
    add_sent(t, 1, 1, "waiting-1", "another text");
    add_sent(t, 1, 1, "waiting-9", "a new one");
    store_rig_commit(&m->rig, t);
    assert_true(t->changes[0].log.existing && t->changes[0].log.seq == 41);
    assert_false(t->changes[0].log.delivered);
    assert_int_equal(t->changes[1].log.result, ERR_KEY_CONFLICT);
    assert_int_equal(t->changes[2].log.result, OK);
    assert_int_equal(t->changes[2].log.seq, LAST_SEQ + 1);
    assert_int_equal(t->changes[2].log.number, 9);
    transaction_free(t);
}

static void test_refused_is_not_touched(void **state)
{
    struct migration *m = *state;
    char message[STORE_MESSAGE_MAX];

    m->key[0] ^= 1;
    assert_int_equal(store_open(m->rig.directory, m->key, &m->rig.store, message),
                     STORE_OTHER_IDENTITY);
    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", "1:1:1|\n");
    assert_query(&m->rig, "SELECT * FROM sqlite_schema WHERE name = 'consumer'", "");
}

/* Half of a step: something of the new tables is in the way. Nothing of it stays. */
static void test_a_step_that_fails(void **state)
{
    struct migration *m = *state;
    char message[STORE_MESSAGE_MAX];
    sqlite3 *db = open_database(&m->rig);

    run_sql(db, "CREATE TABLE mark(x)");
    sqlite3_close(db);
    assert_int_equal(store_open(m->rig.directory, m->key, &m->rig.store, message), STORE_DAMAGED);
    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", "1:1:1|\n");
    assert_query(&m->rig, "SELECT * FROM sqlite_schema WHERE name = 'consumer'", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_as_a_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history_shows_what_it_showed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_is_not_touched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_step_that_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
