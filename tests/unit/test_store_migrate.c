/* Databases that older programs made (tests/data/store_1.sql to store_3.sql) are brought up to
 * date: nothing in them is lost, and they become what a new one is. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/unit/store_rig.h"

/* What is in each. */
enum { PEERS = 4, LIVE_STREAMS = 3, REQUESTS = 2, LAST_REQUEST = 4, MESSAGES = 24 };

/* A saved database. */
struct saved {
    const char *name;
    int schema;
    const char *schema_text; /* as `query` shows it */
    const char *consumers;   /* after the migration */
    const char *marks;
    const char *trackers;
    uint64_t last_seq;
    const char *in_the_way; /* a table that would be, when the next step makes it */
};

static const struct saved first = {
    .name = "store_1.sql",
    .schema = 1,
    .schema_text = "1:1:1|\n",
    .consumers = "",
    .marks = "1:1:0|1:2:42|\n", /* rows that were there before count as new */
    .trackers = "",
    .last_seq = 42,
    .in_the_way = "claim",
};
static const char second_consumers[] = "3:12:archive@home|1:2:34|1:13:1795412069064|1:3:119|\n"
                                       "3:3:bot|1:2:33|1:13:1795412069063|1:3:118|\n";
static const struct saved second = {
    .name = "store_2.sql",
    .schema = 2,
    .schema_text = "1:1:2|\n",
    .consumers = second_consumers,
    .marks = "1:1:0|1:1:0|\n",
    .trackers = "",
    .last_seq = 42,
    .in_the_way = "claim",
};
static const struct saved third = {
    .name = "store_3.sql",
    .schema = 3,
    .schema_text = "1:1:3|\n",
    .consumers = second_consumers,
    .marks = "1:1:0|1:1:0|\n1:8:25243083|1:2:42|\n",
    .trackers = "3:11:127.0.0.1:1|1:1:1|\n"
                "3:11:127.0.0.1:2|1:1:1|\n"
                "3:11:127.0.0.1:3|1:1:2|\n",
    .last_seq = 48,
    .in_the_way = "tracker_with_wish",
};

struct migration {
    const struct saved *saved;
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

static char *read_saved(const char *name)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    FILE *file;
    char *sql = xcalloc(1, 64 << 10);

    snprintf(path, sizeof(path), "%s/tests/data/%s", top != NULL ? top : ".", name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_in_range(fread(sql, 1, (64 << 10) - 1, file), 1, (64 << 10) - 2);
    fclose(file);
    return sql;
}

/* *state is what to begin with; then the migration. */
static int set_up(void **state)
{
    struct migration *m = xcalloc(1, sizeof(*m));
    sqlite3_stmt *s;
    const struct saved *saved = *state;
    char *sql = read_saved(saved->name);
    sqlite3 *db;

    m->saved = saved;
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

    if (store_open(m->rig.directory, m->key, NULL, &m->rig.store, message) != STORE_OPENED)
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

    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", m->saved->schema_text);
    for (size_t i = 0; i < KEPT; i++)
        before[i] = query(&m->rig, kept[i]);
    for (int times = 0; times < 2; times++) { /* and the second time there is nothing to do */
        migrate(m);
        store_rig_close(&m->rig);
        assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", "1:1:4|\n");
        assert_query(&m->rig, "PRAGMA integrity_check", "3:2:ok|\n");
        for (size_t i = 0; i < KEPT; i++)
            assert_query(&m->rig, kept[i], before[i]);
    }
    for (size_t i = 0; i < KEPT; i++)
        free(before[i]);
}

static void test_what_is_new(void **state)
{
    struct migration *m = *state;

    migrate(m);
    assert_int_equal(store_found(m->rig.store), STORE_FOUND_OLDER);
    store_rig_close(&m->rig);
    assert_query(&m->rig, "SELECT * FROM consumer", m->saved->consumers);
    assert_query(&m->rig, "SELECT * FROM mark", m->saved->marks);
    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'floor'", "1:1:0|\n");
    assert_query(&m->rig, "SELECT DISTINCT classic FROM peer", "1:1:0|\n");
    assert_query(&m->rig, "SELECT address, wish FROM tracker ORDER BY address", m->saved->trackers);
    assert_query(&m->rig, "SELECT count(*) FROM claim", "1:1:0|\n");
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
    size_t count[CHANGE_OWN_NAME + 1];
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
    assert_int_equal(loaded.meta[META_LAST_SEQ], m->saved->last_seq);
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
    assert_int_equal(t->changes[2].log.seq, m->saved->last_seq + 1);
    assert_int_equal(t->changes[2].log.number, 9);
    transaction_free(t);
}

/* Nothing of a step that failed, or was not begun, is there. */
static void assert_untouched(const struct migration *m)
{
    static const char *const tables[] = {"consumer", "tracker"}; /* that a step adds */

    assert_query(&m->rig, "SELECT value FROM meta WHERE name = 'schema'", m->saved->schema_text);
    for (size_t step = (size_t)m->saved->schema - 1; step < 2; step++) {
        char sql[80];

        snprintf(sql, sizeof(sql), "SELECT * FROM sqlite_schema WHERE name = '%s'", tables[step]);
        assert_query(&m->rig, sql, "");
    }
}

static void test_refused_is_not_touched(void **state)
{
    struct migration *m = *state;
    char message[STORE_MESSAGE_MAX];

    m->key[0] ^= 1;
    assert_int_equal(store_open(m->rig.directory, m->key, NULL, &m->rig.store, message),
                     STORE_OTHER_IDENTITY);
    assert_untouched(m);
}

/* Half of a step: something of the new tables is in the way. Nothing of it stays. */
static void test_a_step_that_fails(void **state)
{
    struct migration *m = *state;
    char message[STORE_MESSAGE_MAX];
    sqlite3 *db = open_database(&m->rig);
    char sql[80];

    snprintf(sql, sizeof(sql), "CREATE TABLE %s(x)", m->saved->in_the_way);
    run_sql(db, sql);
    sqlite3_close(db);
    assert_int_equal(store_open(m->rig.directory, m->key, NULL, &m->rig.store, message),
                     STORE_DAMAGED);
    assert_untouched(m);
}

#define FROM(saved, test)                                                             \
    {                                                                                 \
#test " (" #saved ")", test, set_up, tear_down, (void *)(uintptr_t) & (saved) \
    }
#define FROM_EACH(test) FROM(first, test), FROM(second, test), FROM(third, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FROM_EACH(test_nothing_is_lost),
        FROM_EACH(test_what_is_new),
        FROM_EACH(test_same_as_a_new_one),
        FROM_EACH(test_loads),
        FROM_EACH(test_history_shows_what_it_showed),
        FROM_EACH(test_goes_on),
        FROM_EACH(test_refused_is_not_touched),
        FROM_EACH(test_a_step_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
