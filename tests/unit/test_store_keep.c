/* What the store keeps beside the log: consumers, the age clock, the floor. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include <sqlite3.h>

#include "common/api.h"
#include "daemon/store/age.h"
#include "daemon/store/statement.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

static const uint64_t hour = 3600000, day = 86400000;

static int tear_down(void **state)
{
    faulty_vfs_heal();
    return store_rig_teardown(state);
}

static void expect_kept(struct store_rig *rig, uint64_t id, enum error error)
{
    struct store_answer answer = store_rig_take(rig);

    assert_int_equal(answer.kind, STORE_KEPT);
    assert_true(answer.id == id);
    assert_int_equal(answer.error, error);
}

/* A number from the database of a closed or open store. */
static uint64_t number(struct store_rig *rig, const char *sql)
{
    sqlite3 *db;
    uint64_t value;

    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(query_u64(db, sql, &value), SQLITE_OK);
    sqlite3_close(db);
    return value;
}

static void run_sql(struct store_rig *rig, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store_rig_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* --- Consumers --- */

struct loaded {
    struct consumer_row rows[4];
    size_t count;
};

static void note_consumer(void *context, const struct consumer_row *row)
{
    struct loaded *loaded = context;

    assert_true(loaded->count < 4);
    loaded->rows[loaded->count++] = *row;
}

static struct loaded load(struct store_rig *rig)
{
    struct loaded loaded = {.count = 0};
    char message[STORE_MESSAGE_MAX];

    store_rig_reopen(rig);
    assert_int_equal(store_load_consumers(rig->store, note_consumer, &loaded, message),
                     STORE_OPENED);
    return loaded;
}

static void assert_row(const struct consumer_row *row, const char *name, uint64_t seq)
{
    assert_string_equal(row->name, name);
    assert_true(row->seq == seq);
    assert_true(row->last_used_ms == (int64_t)seq + 1);
    assert_true(row->used_age_ms == seq + 2);
}

static void put(struct store_rig *rig, uint64_t id, const char *name, uint64_t seq, bool lazy)
{
    struct consumer_row row = {
        .seq = seq, .last_used_ms = (int64_t)seq + 1, .used_age_ms = seq + 2};

    memcpy(row.name, name, strlen(name));
    store_put_consumer(rig->store, id, &row, lazy);
}

static void test_consumers_are_kept(void **state)
{
    struct store_rig *rig = *state;
    struct loaded loaded = load(rig);

    assert_int_equal(loaded.count, 0);
    put(rig, 1, "late", 5, false);
    put(rig, 2, "early", 6, true);
    put(rig, 3, "late", 7, false);
    put(rig, 4, "gone", 8, false);
    store_drop_consumer(rig->store, 5, "gone");
    store_drop_consumer(rig->store, 6, "never there");
    assert_true(store_queued_bytes(rig->store) > 0);
    for (uint64_t id = 1; id <= 6; id++)
        expect_kept(rig, id, OK);
    assert_int_equal(store_queued_bytes(rig->store), 0);
    loaded = load(rig);
    assert_int_equal(loaded.count, 2);
    assert_row(&loaded.rows[0], "early", 6);
    assert_row(&loaded.rows[1], "late", 7);
}

static void test_lazy_alone(void **state)
{
    struct store_rig *rig = *state;

    put(rig, 1, "bot", 5, true);
    expect_kept(rig, 1, OK);
}

static void test_damaged_names(void **state)
{
    struct store_rig *rig = *state;
    char message[STORE_MESSAGE_MAX];
    struct loaded loaded = {.count = 0};

    run_sql(rig, "INSERT INTO consumer VALUES('a' || char(0) || 'b', 1, 1, 1)");
    assert_int_equal(store_load_consumers(rig->store, note_consumer, &loaded, message),
                     STORE_DAMAGED);
    assert_int_equal(loaded.count, 0);
}

/* In one batch with transactions, in the order in which they were given; the writer is kept busy so
 * that they gather. */
static void test_between_transactions(void **state)
{
    struct store_rig *rig = *state;

    for (uint64_t i = 1; i <= 200; i++) {
        struct transaction *t = store_rig_transaction(rig);

        add_event(t, EVENT_SECURITY_WARNING, 0, "");
        store_append(rig->store, t);
        put(rig, i, "bot", i, i % 2 == 0);
    }
    for (uint64_t i = 1; i <= 200; i++) {
        struct store_answer answer = store_rig_take(rig);

        assert_int_equal(answer.kind, STORE_DURABLE);
        transaction_free(answer.transaction);
        expect_kept(rig, i, OK);
    }
    assert_row(&load(rig).rows[0], "bot", 200);
    assert_true(store_last_seq(rig->store) == 200);
}

/* --- Failing disks --- */

static const struct faulty_plan sync_fails = {
    .calls = FAULTY_SYNC, .files = FAULTY_ANY, .result = SQLITE_IOERR_FSYNC, .error = EIO};

static void test_alone_on_a_bad_disk(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t;

    put(rig, 1, "bot", 5, false);
    expect_kept(rig, 1, OK);
    faulty_vfs_plan(&sync_fails);
    put(rig, 2, "bot", 6, false);
    expect_kept(rig, 2, ERR_STORAGE_FAILED);
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    faulty_vfs_heal();
    /* Nobody built on it: what comes next does not fail because of it. */
    t = store_rig_transaction(rig);
    add_event(t, EVENT_SECURITY_WARNING, 0, "");
    store_rig_put(rig, t);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_row(&load(rig).rows[0], "bot", 5);
}

static void test_with_others_on_a_bad_disk(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    faulty_vfs_plan(&sync_fails);
    add_event(t, EVENT_SECURITY_WARNING, 0, "");
    store_append(rig->store, t);
    put(rig, 1, "bot", 6, false);
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_FAILED);
    expect_kept(rig, 1, ERR_STORAGE_FAILED);
    transaction_free(answer.transaction);
    faulty_vfs_heal();
    put(rig, 2, "bot", 7, false);
    expect_kept(rig, 2, OK);
    assert_row(&load(rig).rows[0], "bot", 7);
}

/* --- The age clock --- */

static struct now at(uint64_t mono_ms, int64_t unix_ms)
{
    return (struct now){.mono = {mono_ms}, .unix_ms = unix_ms};
}

static void test_age(void **state)
{
    (void)state;
    static const struct {
        int64_t saved, now; /* wall clocks */
        uint64_t down;      /* what counts */
    } cases[] = {
        {0, 1700000000000, 0}, /* never saved */
        {1700000000000, 1700000005000, 5000},
        {1700000000000, 1700000000000, 0},
        {1700000000000, 1600000000000, 0}, /* years back */
        {1700000000000, 1700000000000 + 86399999, 86399999},
        {1700000000000, 1700000000000 + 86400001, 86400000},
        {1700000000000, 4000000000000, 86400000}, /* years ahead */
        {1, INT64_MAX, 86400000},
        {INT64_MIN, INT64_MAX, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct age_row saved = {.ms = 100, .wall_ms = cases[i].saved};
        const struct age age = age_start(&saved, at(50, cases[i].now));

        assert_true(age_ms(&age, (struct mono){50}) == 100 + cases[i].down);
        assert_true(age_ms(&age, (struct mono){1050}) == 1100 + cases[i].down);
        assert_true(age_ms(&age, (struct mono){0}) == 100 + cases[i].down);
    }
}

static void save(struct store_rig *rig, struct now now)
{
    store_save_age(rig->store, 7, now);
    expect_kept(rig, 7, OK);
}

static uint64_t age_after_restart(struct store_rig *rig, struct now now)
{
    store_rig_reopen(rig);
    store_rig_start_age(rig, now);
    return store_age_ms(rig->store, now.mono);
}

static void test_age_is_saved(void **state)
{
    struct store_rig *rig = *state;
    const int64_t wall = 1700000000000;

    store_rig_start_age(rig, at(1000, wall));
    assert_true(store_age_ms(rig->store, (struct mono){3000}) == 2000);
    save(rig, at(1000 + hour, wall + (int64_t)hour));
    assert_true(age_after_restart(rig, at(5, wall + (int64_t)(2 * hour))) == 2 * hour);
    save(rig, at(5, wall + (int64_t)(2 * hour)));
    assert_true(age_after_restart(rig, at(5, wall * 2)) == 2 * hour + day);
    save(rig, at(5, wall * 2));
    assert_true(age_after_restart(rig, at(5, wall)) == 2 * hour + day);
}

static void put_event(struct store_rig *rig)
{
    struct transaction *t = store_rig_transaction(rig);

    add_event(t, EVENT_SECURITY_WARNING, 0, "");
    store_rig_put(rig, t);
}

static void test_marks(void **state)
{
    struct store_rig *rig = *state;
    static const char marks[] = "SELECT count(*) FROM mark";

    store_rig_start_age(rig, at(0, 1));
    assert_int_equal(number(rig, marks), 1); /* nothing at 0 */
    save(rig, at(2 * hour, 1));
    assert_int_equal(number(rig, marks), 1); /* nothing new */
    put_event(rig);
    save(rig, at(2 * hour, 1));
    assert_int_equal(number(rig, marks), 2);
    put_event(rig);
    save(rig, at(3 * hour - 1, 1));
    assert_int_equal(number(rig, marks), 2); /* too early */
    save(rig, at(3 * hour, 1));
    assert_int_equal(number(rig, marks), 3);
    assert_true(number(rig, "SELECT max(age) FROM mark WHERE seq = 1") == 2 * hour);
    assert_true(number(rig, "SELECT max(age) FROM mark WHERE seq = 2") == 3 * hour);
}

/* --- The floor --- */

static void test_floor(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    assert_true(store_floor(rig->store) == 0);
    for (int i = 0; i < 5; i++)
        put_event(rig);
    run_sql(rig, "DELETE FROM log WHERE seq <= 3;"
                 "UPDATE meta SET value = 3 WHERE name = 'floor'");
    store_read_range(rig->store, 1, 0, 0, 0, 10, 1000);
    answer = store_rig_rows(rig, 1, 2, true);
    assert_true(answer.floor == 3);
    assert_true(store_floor(rig->store) == 3);
    store_answer_done(&answer);
    store_rig_reopen(rig);
    assert_true(store_floor(rig->store) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_rig_setup, tear_down)
        TEST(test_consumers_are_kept),
        TEST(test_lazy_alone),
        TEST(test_damaged_names),
        TEST(test_between_transactions),
        TEST(test_alone_on_a_bad_disk),
        TEST(test_with_others_on_a_bad_disk),
        cmocka_unit_test(test_age),
        TEST(test_age_is_saved),
        TEST(test_marks),
        TEST(test_floor),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
