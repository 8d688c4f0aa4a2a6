/* What store_open accepts and refuses, and how the files look. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "common/format.h"
#include "tests/unit/store_rig.h"

/* A store that has been used: peers, streams and enough messages for several pages of each index.
 */
static int set_up(void **state)
{
    struct store_rig *rig = xcalloc(1, sizeof(*rig));
    struct transaction *t;

    store_rig_init(rig);
    t = store_rig_transaction(rig);
    add_peer(t, 1, "alice");
    add_peer(t, 2, "bob");
    add_stream(t, 1, 1, DIRECTION_OUT);
    add_stream(t, 2, 2, DIRECTION_IN);
    add_request(t, 1, 2);
    for (uint64_t i = 1; i <= 500; i++) {
        add_sent(t, 1, 1, NULL, "a message of ours");
        add_received(t, 2, 2, i, "a message of theirs");
    }
    store_rig_put(rig, t);
    store_rig_reopen(rig); /* all of it in the database */
    store_rig_close(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    store_rig_done(*state);
    free(*state);
    return 0;
}

static void ignore_row(void *context, const struct change *row)
{
    (void)row;
    ++*(size_t *)context;
}

static void ignore_consumer(void *context, const struct consumer_row *row)
{
    (void)row;
    ++*(size_t *)context;
}

/* Opens and loads; what is refused must come with words that name the file. */
static enum store_refusal open_and_load(struct store_rig *rig)
{
    char message[STORE_MESSAGE_MAX] = "";
    size_t rows = 0;
    enum store_refusal refusal =
        store_open(rig->directory, store_rig_key, NULL, &rig->store, message);

    if (refusal == STORE_OPENED)
        refusal = store_load(rig->store, ignore_row, &rows, message);
    if (refusal == STORE_OPENED)
        refusal = store_load_consumers(rig->store, ignore_consumer, &rows, message);
    if (refusal != STORE_OPENED && strstr(message, "p2pchat.db") == NULL)
        fail_msg("refusal %d says \"%s\"", refusal, message);
    store_rig_close(rig);
    return refusal;
}

static void assert_refused(struct store_rig *rig, const uint8_t *key, enum store_refusal expected,
                           const char *says)
{
    char message[STORE_MESSAGE_MAX] = "";

    assert_int_equal(store_open(rig->directory, key, NULL, &rig->store, message), expected);
    assert_null(rig->store);
    if (strstr(message, says) == NULL || strstr(message, store_rig_file(rig, "")) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, says);
    assert_null(strchr(message, '\n'));
}

/* Does something to the database behind the store's back. */
static void run_sql(struct store_rig *rig, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void put_file(struct store_rig *rig, const char *suffix, const void *bytes, size_t length)
{
    FILE *file = fopen(store_rig_file(rig, suffix), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static uint8_t *get_file(struct store_rig *rig, size_t *ret_length)
{
    FILE *file = fopen(store_rig_file(rig, ""), "rb");
    uint8_t *bytes;
    long length;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    length = ftell(file);
    assert_true(length > 0);
    rewind(file);
    bytes = xmalloc((size_t)length);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    fclose(file);
    *ret_length = (size_t)length;
    return bytes;
}

/* --- Files --- */

static void assert_private(struct store_rig *rig)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < 3; i++) {
        struct stat st;

        assert_return_code(stat(store_rig_file(rig, suffixes[i]), &st), errno);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void test_files_are_private(void **state)
{
    static const mode_t masks[] = {0, 022, 0777};
    struct store_rig *rig = *state;

    for (size_t i = 0; i < 3; i++) {
        mode_t before = umask(masks[i]);

        store_rig_unlink(rig);
        store_rig_open(rig);
        store_rig_put(rig, store_rig_transaction(rig));
        assert_private(rig);
        assert_return_code(chmod(store_rig_file(rig, ""), 0644), errno);
        assert_return_code(chmod(store_rig_file(rig, "-wal"), 0666), errno);
        assert_return_code(chmod(store_rig_file(rig, "-shm"), 0640), errno);
        store_rig_reopen(rig);
        assert_private(rig);
        store_rig_close(rig);
        umask(before);
    }
}

static void test_exists(void **state)
{
    struct store_rig *rig = *state;

    assert_true(store_exists(rig->directory));
    store_rig_unlink(rig);
    assert_false(store_exists(rig->directory));
    put_file(rig, "", "", 0); /* died before anything was in it */
    assert_false(store_exists(rig->directory));
    store_rig_open(rig);
    assert_true(store_last_seq(rig->store) == 0);
    assert_true(store_exists(rig->directory));
    assert_int_equal(store_found(rig->store), STORE_FOUND_NOTHING);
    store_rig_reopen(rig);
    assert_int_equal(store_found(rig->store), STORE_FOUND_OURS);
}

/* What a database is before the first copy of its WAL: a header, and no table. */
static void test_without_its_wal(void **state)
{
    struct store_rig *rig = *state;

    store_rig_unlink(rig);
    run_sql(rig,
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE t(x); DROP TABLE t;"
            " PRAGMA wal_checkpoint");
    assert_true(store_exists(rig->directory));
    store_rig_open(rig);
    assert_int_equal(store_found(rig->store), STORE_FOUND_NOTHING);
}

/* A copy of the database alone is a copy of all. */
static void test_whole_after_a_clean_end(void **state)
{
    struct store_rig *rig = *state;
    uint64_t last_seq;

    store_rig_open(rig);
    store_rig_sent(rig, 1, 1, "hello");
    last_seq = store_last_seq(rig->store);
    store_rig_close(rig);
    unlink(store_rig_file(rig, "-wal"));
    unlink(store_rig_file(rig, "-shm"));
    store_rig_open(rig);
    assert_true(store_last_seq(rig->store) == last_seq);
}

/* Names that SQLite would take for something else. */
static void test_odd_directories(void **state)
{
    static const char *const names[] = {"file:x?mode=memory", ":memory:", "a%20b", "☃ ", "."};
    struct store_rig *rig = *state;
    char before[4096];

    store_rig_unlink(rig);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_return_code(chdir(rig->directory), errno);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct store_rig odd = {.store = NULL};

        snprintf(odd.directory, sizeof(odd.directory), "%s", names[i]);
        if (strcmp(names[i], ".") != 0)
            assert_return_code(mkdir(names[i], 0700), errno);
        store_rig_open(&odd);
        assert_return_code(access(store_rig_file(&odd, "-wal"), F_OK), errno);
        store_rig_close(&odd);
        store_rig_unlink(&odd);
        if (strcmp(names[i], ".") != 0)
            assert_return_code(rmdir(names[i]), errno);
    }
    assert_return_code(chdir(before), errno);
}

/* --- Refusals --- */

static void test_other_identity(void **state)
{
    static const uint8_t other[KEY_LENGTH] = {1, 2, 4};
    struct store_rig *rig = *state;

    assert_refused(rig, other, STORE_OTHER_IDENTITY, "another identity key");
    assert_int_equal(open_and_load(rig), STORE_OPENED); /* not changed by the refusal */
}

static void test_newer_schema(void **state)
{
    struct store_rig *rig = *state;

    run_sql(rig, "UPDATE meta SET value = 4711 WHERE name = 'schema'");
    assert_refused(rig, store_rig_key, STORE_NEWER, "schema 4711");
}

/* The closed store is well, and each of these alone makes it one that is refused. */
static void assert_each_damages(struct store_rig *rig, const char *const *sqls, size_t count)
{
    size_t length;
    uint8_t *whole = get_file(rig, &length);

    assert_int_equal(open_and_load(rig), STORE_OPENED);
    for (size_t i = 0; i < count; i++) {
        store_rig_unlink(rig);
        put_file(rig, "", whole, length);
        run_sql(rig, sqls[i]);
        if (open_and_load(rig) != STORE_DAMAGED)
            fail_msg("accepted: %s", sqls[i]);
    }
    free(whole);
}

static void test_tables_that_are_not_ours(void **state)
{
    static const char *const sqls[] = {
        "UPDATE meta SET value = 0 WHERE name = 'schema'",
        "UPDATE meta SET value = -1 WHERE name = 'schema'",
        "UPDATE meta SET value = x'00' WHERE name = 'key'",
        "DELETE FROM meta",
        "DROP TABLE meta",
        "DROP TABLE peer",
        "DROP TABLE log",
        "DROP INDEX log_sent",
        "DROP INDEX log_key",
        "ALTER TABLE stream RENAME COLUMN closed TO shut",
        "PRAGMA application_id = 1",
        "PRAGMA application_id = 0",
        "PRAGMA ignore_check_constraints = ON; UPDATE peer SET key = x'01' WHERE peer = 1",
        "PRAGMA ignore_check_constraints = ON; UPDATE peer SET consent = 9",
        "UPDATE peer SET name = 'a' || char(0) || 'b'",
        "UPDATE stream SET stream = 5000000000 WHERE stream = 1",
        "PRAGMA ignore_check_constraints = ON; UPDATE request SET state = -1",
    };

    assert_each_damages(*state, sqls, sizeof(sqls) / sizeof(sqls[0]));
}

/* Every row and table is as it should be, but for what it says. */
static void test_values_that_cannot_be(void **state)
{
    static const char *const sqls[] = {
        "INSERT INTO log VALUES(9223372036854775807, 1, 2, 1, 1, 9, NULL, 'x')",
        "INSERT INTO log VALUES(9007199254740991, 1, 2, 1, 1, 9, NULL, 'x')",
        "INSERT INTO log VALUES(0, 1, 2, 1, 1, 9, NULL, 'x')",
        "INSERT INTO log VALUES(-5, 1, 2, 1, 1, 9, NULL, 'x')",
        "UPDATE meta SET value = 9223372036854775807 WHERE name = 'floor'",
        "UPDATE meta SET value = -1 WHERE name = 'floor'",
        "UPDATE meta SET value = 9223372036854775807 WHERE name = 'age'",
        "INSERT INTO meta VALUES('record_sequence', 9223372036854775807)",
        "UPDATE stream SET last = 9223372036854775807",
        "UPDATE stream SET last = 9007199254740991 WHERE direction = 1",
        "UPDATE stream SET last = -1",
        "UPDATE stream SET closed = 1, last = 9007199254740992 WHERE direction = 0",
        "UPDATE stream SET acked = 9223372036854775807",
        "UPDATE stream SET acked_seq = 9223372036854775807",
        "UPDATE stream SET queued = 9223372036854775807",
        "UPDATE stream SET queued_bytes = 4503599627370496",
        "UPDATE stream SET queued_bytes = -1",
        "UPDATE stream SET stream = 4294967295 WHERE stream = 2",
        "UPDATE stream SET peer = 77 WHERE stream = 2",
        "UPDATE request SET left_ms = 9223372036854775807",
        "UPDATE request SET greeting = printf('%.*c', 1025, 'x')",
        "UPDATE peer SET alias = printf('%.*c', 65, 'q') WHERE peer = 1",
        "UPDATE peer SET alias = CAST(x'fffe' AS TEXT) WHERE peer = 1",
        "UPDATE peer SET name = CAST(x'fffe' AS TEXT)",
        "UPDATE peer SET address = printf('%.*c', 100000, '1')",
        "UPDATE peer SET record = zeroblob(401)",
        "UPDATE peer SET last_seen = 9223372036854775807",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "UPDATE sqlite_sequence SET seq = 4294967295 WHERE name = 'stream'",
        "UPDATE sqlite_sequence SET seq = -5",
        "UPDATE consumer SET seq = 9223372036854775807",
        "UPDATE consumer SET seq = -1",
        "UPDATE consumer SET last_used = 9223372036854775807",
        "UPDATE consumer SET used_age = -1",
        "UPDATE consumer SET name = ''",
        "UPDATE consumer SET name = 'a b'",
        "UPDATE consumer SET name = char(27) || '[2J'",
        "UPDATE consumer SET name = printf('%.*c', 65, 'x')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1024)"
        " INSERT INTO consumer SELECT 'c' || i, 1, 1, 0 FROM n",
    };
    struct store_rig *rig = *state;

    run_sql(rig, "INSERT INTO consumer VALUES('bot', 1, 1, 0); PRAGMA wal_checkpoint");
    assert_each_damages(rig, sqls, sizeof(sqls) / sizeof(sqls[0]));
}

/* A log is read when somebody asks; what cannot be a row of it is told as damage, and not shown. */
static void test_log_rows_that_cannot_be(void **state)
{
    static const char *const sqls[] = {
        "UPDATE log SET type = 64, stream = NULL, body = '' WHERE seq = 2",
        "UPDATE log SET type = 0 WHERE seq = 2",
        "UPDATE log SET type = 1099511627778 WHERE seq = 2",
        "UPDATE log SET num = 9223372036854775807 WHERE seq = 2",
        "UPDATE log SET body = CAST(x'fffe41c3' AS TEXT) WHERE seq = 2",
        "UPDATE log SET body = printf('%.*c', 262145, 'x') WHERE seq = 2",
        "UPDATE log SET stream = NULL WHERE seq = 2",
        "UPDATE log SET stream = NULL, type = 1, body = '{' WHERE seq = 2",
        "UPDATE log SET stream = NULL, type = 1, body = '[1,2]' WHERE seq = 2",
        "UPDATE log SET stream = NULL, type = 1, body = '\"a\":1},{\"b\":2' WHERE seq = 2",
        "UPDATE log SET stream = NULL, type = 1, body = '\"a\":1,' || char(10) || '\"b\":2'"
        " WHERE seq = 2",
    };
    struct store_rig *rig = *state;
    size_t length;
    uint8_t *whole = get_file(rig, &length);

    for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
        struct store_answer answer;

        store_rig_unlink(rig);
        put_file(rig, "", whole, length);
        run_sql(rig, sqls[i]);
        store_rig_open(rig);
        store_read_range(rig->store, 1, 0, 0, 0, 1, 1000);
        answer = store_rig_rows(rig, 1, 1, false); /* the row before is well */
        store_answer_done(&answer);
        store_read_range(rig->store, 2, 0, 0, 0, 10, 1 << 20);
        answer = store_rig_take(rig);
        if (answer.error != ERR_STORAGE_FAILED || answer.count != 0)
            fail_msg("accepted: %s", sqls[i]);
        store_answer_done(&answer);
        assert_int_equal(store_state(rig->store), STORE_FAILING);
        assert_true(store_demands_check(rig->store));
        store_rig_close(rig);
        assert_return_code(unlink(store_rig_file(rig, "-check")), errno);
    }
    free(whole);
}

/* A newer program of the same schema knows more events: no damage. */
static void test_event_of_a_newer_program(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    run_sql(rig, "UPDATE log SET type = 63, stream = NULL, body = '\"a\":1' WHERE seq = 2");
    store_rig_open(rig);
    store_read_range(rig->store, 1, 1, 0, 0, 1, 1000);
    answer = store_rig_rows(rig, 1, 1, false);
    assert_int_equal(answer.rows[0].log.type, 63);
    store_answer_done(&answer);
    assert_int_equal(store_state(rig->store), STORE_OK);
}

/* Somebody left something in the database that would run when we write. */
static void test_triggers_do_not_run(void **state)
{
    struct store_rig *rig = *state;
    uint64_t seq;

    run_sql(rig, "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM log; END");
    store_rig_open(rig);
    seq = store_last_seq(rig->store);
    store_rig_sent(rig, 1, 1, "still there");
    store_rig_reopen(rig);
    assert_true(store_last_seq(rig->store) == seq + 1);
}

static void test_garbage(void **state)
{
    static const size_t lengths[] = {2, 16, 99, 100, 511, 512, 4096, 5000, 100000};
    struct store_rig *rig = *state;
    uint8_t *bytes = xmalloc(100000);

    for (size_t i = 0; i < 100000; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t length;
        uint8_t *after;

        store_rig_unlink(rig);
        put_file(rig, "", bytes, lengths[i]);
        assert_refused(rig, store_rig_key, STORE_DAMAGED, "is damaged");
        after = get_file(rig, &length);
        assert_int_equal(length, lengths[i]);
        assert_memory_equal(after, bytes, length); /* whatever it is, it is not ours to change */
        free(after);
    }
    free(bytes);
}

static void test_truncated(void **state)
{
    struct store_rig *rig = *state;
    size_t length;
    uint8_t *whole = get_file(rig, &length);

    for (size_t cut = 1; cut < length; cut += cut % 4096 == 0 ? 1 : 4095) {
        store_rig_unlink(rig);
        put_file(rig, "", whole, length - cut);
        if (open_and_load(rig) != STORE_DAMAGED)
            fail_msg("accepted without its last %zu of %zu bytes", cut, length);
    }
    store_rig_unlink(rig);
    put_file(rig, "", whole, length);
    assert_int_equal(open_and_load(rig), STORE_OPENED);
    free(whole);
}

static void test_emptied_beside_its_wal(void **state)
{
    struct store_rig *rig = *state;

    store_rig_unlink(rig);
    put_file(rig, "", "", 0);
    put_file(rig, "-wal", "what is left", 12);
    assert_true(store_exists(rig->directory));
    assert_refused(rig, store_rig_key, STORE_DAMAGED, "is empty, but its -wal is not");
    assert_return_code(access(store_rig_file(rig, "-wal"), F_OK), errno);
}

/* Wherever bytes are wrong, the store opens or refuses, and questions get an answer. */
static void test_wrong_bytes(void **state)
{
    struct store_rig *rig = *state;
    size_t length;
    uint8_t *whole = get_file(rig, &length);
    uint64_t seed = 1;

    for (int i = 0; i < 300; i++) {
        char message[STORE_MESSAGE_MAX];
        uint8_t *bytes = xmemdup(whole, length);
        size_t rows = 0;

        for (int j = 0; j < 1 + i % 8; j++) {
            seed = seed * 6364136223846793005 + 1442695040888963407;
            bytes[(seed >> 20) % (i % 2 != 0 ? length : 4096)] = (uint8_t)(seed >> 12);
        }
        store_rig_unlink(rig);
        put_file(rig, "", bytes, length);
        free(bytes);
        if (store_open(rig->directory, store_rig_key, NULL, &rig->store, message) != STORE_OPENED)
            continue;
        if (store_load(rig->store, ignore_row, &rows, message) == STORE_OPENED) {
            struct store_answer answer;

            store_read_history(rig->store, 1, &(struct history_query){.limit = 1000});
            answer = store_rig_take(rig);
            assert_true(answer.error == OK || answer.error == ERR_STORAGE_FAILED);
            store_answer_done(&answer);
        }
        store_rig_close(rig);
    }
    free(whole);
}

/* Where the first page of a table or index begins. */
static size_t place_of(const struct store_rig *rig, const char *name)
{
    char *sql = xasprintf("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", name);
    sqlite3_stmt *statement;
    sqlite3 *db;
    size_t page;

    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    page = (size_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(sql);
    return (page - 1) * 4096;
}

/* Damage that no ordinary start sees is seen when a check is demanded. */
static void test_check_on_demand(void **state)
{
    struct store_rig *rig = *state;
    size_t length;
    uint8_t *whole = get_file(rig, &length);

    put_file(rig, "-check", "", 0);
    assert_true(store_is_to_be_checked(rig->directory));
    assert_int_equal(open_and_load(rig), STORE_OPENED);
    assert_false(store_is_to_be_checked(rig->directory));

    memset(whole + place_of(rig, "log_message"), 0xff, 4096);
    store_rig_unlink(rig);
    put_file(rig, "", whole, length);
    assert_int_equal(open_and_load(rig), STORE_OPENED);
    put_file(rig, "-check", "", 0);
    assert_refused(rig, store_rig_key, STORE_DAMAGED, "is damaged");
    assert_refused(rig, store_rig_key, STORE_DAMAGED, "restore it");
    assert_true(store_is_to_be_checked(rig->directory));
    assert_return_code(unlink(store_rig_file(rig, "-check")), errno);
    free(whole);
}

static void test_directory_is_missing(void **state)
{
    struct store_rig *rig = *state;
    struct store_rig missing = {.directory = "/nonexistent"};

    (void)rig;
    assert_refused(&missing, store_rig_key, STORE_IO, strerror(ENOENT));
}

/* Nothing is changed through them, and nothing is made where they lead. */
static void test_links_and_directories(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct store_rig *rig = *state;
    char elsewhere[128];

    store_rig_unlink(rig);
    snprintf(elsewhere, sizeof(elsewhere), "%s-elsewhere", rig->directory);
    for (size_t i = 0; i < 3; i++) {
        FILE *file = fopen(elsewhere, "wb");
        struct stat st;

        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
        assert_return_code(chmod(elsewhere, 0644), errno);
        put_file(rig, "", "", 0);
        unlink(store_rig_file(rig, suffixes[i]));
        assert_return_code(symlink(elsewhere, store_rig_file(rig, suffixes[i])), errno);
        assert_refused(rig, store_rig_key, STORE_NO_FILE, "move it away");
        assert_return_code(stat(elsewhere, &st), errno);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_return_code(unlink(elsewhere), errno);
        assert_refused(rig, store_rig_key, STORE_NO_FILE, "symbolic link");
        assert_int_equal(access(elsewhere, F_OK), -1);
        assert_return_code(unlink(store_rig_file(rig, suffixes[i])), errno);
        assert_return_code(mkdir(store_rig_file(rig, suffixes[i]), 0700), errno);
        assert_refused(rig, store_rig_key, STORE_NO_FILE, "regular file");
        assert_return_code(rmdir(store_rig_file(rig, suffixes[i])), errno);
    }
    store_rig_unlink(rig);
}

/* Root may write everywhere, so it becomes somebody else for a while. */
static void assert_not_writable(struct store_rig *rig)
{
    const bool is_root = geteuid() == 0;

    if (is_root)
        assert_return_code(seteuid(65534), errno);
    assert_refused(rig, store_rig_key, STORE_NOT_WRITABLE, strerror(EACCES));
    if (is_root)
        assert_return_code(seteuid(0), errno);
}

static void test_not_writable(void **state)
{
    struct store_rig *rig = *state;

    assert_return_code(chmod(rig->directory, 0555), errno);
    if (geteuid() == 0)
        assert_not_writable(rig); /* somebody else's database */
    assert_return_code(chmod(rig->directory, 0755), errno);
    store_rig_unlink(rig);
    assert_return_code(chmod(rig->directory, 0555), errno);
    assert_not_writable(rig); /* somebody else's directory */
    assert_return_code(chmod(rig->directory, 0700), errno);
}

static void test_in_use(void **state)
{
    struct store_rig *rig = *state;
    sqlite3 *db;

    store_rig_open(rig);
    store_rig_put(rig, store_rig_transaction(rig));
    store_rig_close(rig);
    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_refused(rig, store_rig_key, STORE_IO, "in use by another program");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_and_load(rig), STORE_OPENED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_its_wal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole_after_a_clean_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_directories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tables_that_are_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_rows_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_event_of_a_newer_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_triggers_do_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_emptied_beside_its_wal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_on_demand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directory_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_and_directories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_writable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_use, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
