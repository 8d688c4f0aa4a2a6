/* Retention: what goes, what stays, and what is left when it is cut short. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "daemon/store/trim.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

#define DAY_MS   UINT64_C(86400000)
#define ALL_AGES UINT64_C(1)

static int tear_down(void **state)
{
    faulty_vfs_heal();
    return store_rig_teardown(state);
}

/* --- Words --- */

static struct store_answer take_kept(struct store_rig *rig, uint64_t id)
{
    struct store_answer answer = store_rig_take(rig);

    assert_int_equal(answer.kind, STORE_KEPT);
    assert_true(answer.id == id);
    return answer;
}

/* The age clock, which nobody started, shows the time that it is given. Writes down how far the log
 * is on that day. */
static void mark_day(struct store_rig *rig, uint64_t day)
{
    store_save_age(rig->store, 5, (struct now){.mono = {day * DAY_MS}});
    assert_int_equal(take_kept(rig, 5).error, OK);
}

static struct store_answer trim_slice(struct store_rig *rig, const struct retention *keep,
                                      uint64_t after_seq, uint64_t day)
{
    store_trim(rig->store, 6, keep, after_seq, (struct mono){day * DAY_MS});
    return take_kept(rig, 6);
}

/* Through the whole log. How many slices removed something. */
static size_t trim_all(struct store_rig *rig, const struct retention *keep, uint64_t day)
{
    struct store_answer answer = {.end = false};
    size_t slices = 0;

    while (!answer.end) {
        answer = trim_slice(rig, keep, answer.scanned_through, day);
        assert_int_equal(answer.error, OK);
        assert_true(answer.floor <= store_floor(rig->store));
        slices += answer.floor > 0;
    }
    return slices;
}

/* Fails the test unless these rows, which 0 ends, are in the log. */
static void assert_rows(struct store_rig *rig, const uint64_t seqs[])
{
    struct store_answer answer;

    store_read_range(rig->store, 8, 0, 0, 0, 1000, 1 << 20);
    answer = store_rig_take(rig);
    assert_int_equal(answer.error, OK);
    for (size_t i = 0; i < answer.count; i++)
        assert_int_equal(answer.rows[i].log.seq, seqs[i]);
    assert_int_equal(seqs[answer.count], 0);
    store_answer_done(&answer);
}

#define SEQS(...) ((const uint64_t[]){__VA_ARGS__, 0})

static void put_acked(struct store_rig *rig, uint64_t acked, uint64_t seq, uint64_t count,
                      uint64_t bytes)
{
    struct transaction *t = store_rig_transaction(rig);

    add_acked(t, 1, 1, acked, seq, count, bytes);
    store_rig_put(rig, t);
}

/* Once everything is searched. */
static size_t count_found(struct store_rig *rig, const char *words)
{
    struct store_answer answer = {0};

    do {
        store_answer_done(&answer);
        store_read_history(rig->store, 9, &(struct history_query){.search = words, .limit = 1000});
        answer = store_rig_take(rig);
        assert_int_equal(answer.error, OK);
    } while (answer.indexed_through < store_last_seq(rig->store));
    store_answer_done(&(struct store_answer){.rows = answer.rows, .count = answer.count});
    return answer.count;
}

/* Runs a statement on search.db, which is closed, and gives the first number. */
static int64_t look_at_index(const struct store_rig *rig, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store_rig_search_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "INSERT INTO words(words) VALUES('integrity-check')", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

/* --- By age --- */

static void test_nothing_goes_by_itself(void **state)
{
    static const struct retention keep_all, keep_long = {.age_ms = 100 * DAY_MS};
    struct store_rig *rig = *state;

    for (int i = 0; i < 3; i++) {
        struct transaction *t = store_rig_transaction(rig);

        add_event(t, EVENT_CHAT_EXPIRED, 1, "");
        store_rig_put(rig, t);
    }
    mark_day(rig, 1);
    assert_int_equal(trim_all(rig, &keep_all, 1000), 0);
    assert_int_equal(trim_all(rig, &keep_long, 100), 0);
    assert_int_equal(store_floor(rig->store), 0);
    assert_rows(rig, SEQS(1, 2, 3));
}

/* Only what a mark says is old; never the newest row, so that its number is not used again. */
static void test_by_age(void **state)
{
    static const struct retention keep = {.age_ms = 10 * DAY_MS};
    struct store_rig *rig = *state;

    for (uint64_t day = 1; day <= 6; day++) {
        struct transaction *t = store_rig_transaction(rig);

        add_received(t, 2, 1, 2 * day - 1, "one");
        add_received(t, 2, 1, 2 * day, "two");
        store_rig_put(rig, t);
        mark_day(rig, day);
    }
    assert_int_equal(trim_all(rig, &keep, 10), 0);
    assert_int_equal(trim_all(rig, &keep, 12), 1);
    assert_true(store_floor(rig->store) == 4);
    assert_rows(rig, SEQS(5, 6, 7, 8, 9, 10, 11, 12));
    assert_int_equal(trim_all(rig, &keep, 12), 0);
    assert_int_equal(trim_all(rig, &keep, 100), 1);
    assert_rows(rig, SEQS(12));
    store_rig_reopen(rig);
    assert_true(store_floor(rig->store) == 11);
    assert_true(store_last_seq(rig->store) == 12);
    store_rig_sent(rig, 1, 1, "next");
    assert_rows(rig, SEQS(12, 13));
}

static void test_what_is_not_delivered_stays(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;
    struct transaction *t;

    store_rig_sent(rig, 1, 1, "one");
    store_rig_sent(rig, 1, 1, "two");
    store_rig_sent(rig, 3, 2, "to bob");
    t = store_rig_transaction(rig);
    add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    store_rig_put(rig, t);
    put_acked(rig, 1, 1, 1, 3);
    mark_day(rig, 1);
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    assert_rows(rig, SEQS(2, 3, 5));
    assert_true(store_floor(rig->store) == 4);
    put_acked(rig, 2, 2, 1, 3);
    t = store_rig_transaction(rig);
    add_gone(t, 3); /* nobody waits for what a closed one has */
    store_rig_put(rig, t);
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    assert_rows(rig, SEQS(5));
    assert_true(store_floor(rig->store) == 4); /* it never falls */
}

static void test_keys_stay_for_a_week(void **state)
{
    static const struct retention keep = {.age_ms = DAY_MS};
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);

    add_sent(t, 1, 1, "key", "text");
    add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    store_rig_put(rig, t);
    put_acked(rig, 1, 1, 1, 4);
    mark_day(rig, 1);
    assert_int_equal(trim_all(rig, &keep, 7), 0);
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "key", "text");
    store_rig_commit(rig, t);
    assert_true(t->changes[0].log.existing && t->changes[0].log.delivered);
    transaction_free(t);
    assert_int_equal(trim_all(rig, &keep, 8), 1);
    assert_rows(rig, SEQS(2));
    t = store_rig_transaction(rig);
    add_sent(t, 1, 1, "key", "text");
    store_rig_commit(rig, t);
    assert_true(!t->changes[0].log.existing && t->changes[0].log.number == 2);
    transaction_free(t);
}

/* --- By size --- */

static void put_long(struct store_rig *rig, uint64_t count)
{
    static uint64_t number;
    char text[1001];

    memset(text, 'x', 1000);
    text[1000] = '\0';
    while (count > 0) {
        struct transaction *t = store_rig_transaction(rig);

        for (int i = 0; i < 100 && count > 0; i++, count--)
            add_received(t, 2, 1, ++number, text);
        store_rig_put(rig, t);
    }
}

static void test_by_size(void **state)
{
    static const struct retention keep = {.bytes = 1 << 20};
    struct store_rig *rig = *state;
    uint64_t floor;
    size_t slices;

    put_long(rig, 600);
    assert_int_equal(trim_all(rig, &keep, 0), 0);
    put_long(rig, 3000);
    slices = trim_all(rig, &keep, 0);
    assert_in_range(slices, 5, 20);
    floor = store_floor(rig->store);
    assert_in_range(floor, 2700, 3000);
    assert_int_equal(trim_all(rig, &keep, 0), 0);
    put_long(rig, 1000); /* into the pages that became free */
    assert_in_range(trim_all(rig, &keep, 0), 1, 10);
    assert_in_range(store_floor(rig->store), floor + 900, floor + 1100);
    store_rig_reopen(rig);
    assert_in_range(store_size_bytes(rig->store), 1 << 20, 5 << 20);
}

static void test_slices_are_bounded(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    for (int i = 0; i < TRIM_ROWS_MAX + 10; i++)
        add_event(t, EVENT_CHAT_EXPIRED, 1, "");
    store_rig_put(rig, t);
    put_long(rig, 3000);
    mark_day(rig, 1);
    answer = trim_slice(rig, &keep, 0, 2);
    assert_int_equal(answer.floor, TRIM_ROWS_MAX);
    assert_false(answer.end);
    answer = trim_slice(rig, &keep, answer.scanned_through, 2);
    assert_int_equal(answer.floor, 2 * TRIM_ROWS_MAX);
    answer = trim_slice(rig, &keep, 0, 2); /* from the beginning again, which is gone */
    assert_int_equal(answer.floor, 3 * TRIM_ROWS_MAX);
}

/* Long texts are many bytes in a few rows. */
static void test_slices_of_long_texts(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;
    char *text = xcalloc(1, 65537);
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    memset(text, 'x', 65536);
    for (uint64_t i = 1; i <= 40; i++)
        add_received(t, 2, 1, i, text);
    free(text);
    store_rig_put(rig, t);
    mark_day(rig, 1);
    answer = trim_slice(rig, &keep, 0, 2);
    assert_in_range(answer.floor, 1, 16);
}

/* --- Search, faults, load --- */

static void put_words(struct store_rig *rig)
{
    struct transaction *t = store_rig_transaction(rig);

    for (uint64_t i = 1; i <= 10; i++)
        add_received(t, 2, 1, i, i % 2 != 0 ? "odd 天气" : "even 天气");
    store_rig_put(rig, t);
    mark_day(rig, 1);
}

static void test_what_is_removed_is_not_found(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;

    put_words(rig);
    assert_int_equal(count_found(rig, "天气"), 10);
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    assert_int_equal(count_found(rig, "天气"), 1);
    assert_int_equal(count_found(rig, "odd"), 0);
    store_rig_close(rig);
    assert_int_equal(look_at_index(rig, "SELECT count(*) FROM words('odd')"), 0);
    assert_int_equal(look_at_index(rig, "SELECT count(*) FROM words('even')"), 1);
    store_rig_open(rig);
    assert_int_equal(count_found(rig, "even"), 1);
}

/* Rows that go before they were indexed. */
static void test_removed_before_indexed(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;

    put_words(rig);
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    assert_int_equal(count_found(rig, "天气"), 1);
}

/* The log keeps the rows when removing fails; then they go after all, and the index is whole. */
static void test_failing_disk(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;

    put_words(rig);
    assert_int_equal(count_found(rig, "天气"), 10);
    for (int i = 0; i < 3; i++) {
        struct store_answer answer;

        faulty_vfs_plan(&(struct faulty_plan){
            .calls = FAULTY_WRITE, .files = FAULTY_WAL, .result = SQLITE_FULL, .error = ENOSPC});
        answer = trim_slice(rig, &keep, 0, 2);
        faulty_vfs_heal();
        assert_int_equal(answer.error, ERR_STORAGE_FULL);
        assert_int_equal(answer.floor, 0);
        assert_int_equal(store_floor(rig->store), 0);
        assert_int_equal(store_state(rig->store), STORE_FULL);
        assert_rows(rig, SEQS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    }
    store_rig_reopen(rig);
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_rows(rig, SEQS(10));
    assert_int_equal(count_found(rig, "天气"), 1);
    put_long(rig, 1);
    mark_day(rig, 3);
    assert_int_equal(trim_all(rig, &keep, 4), 1);
    assert_int_equal(count_found(rig, "天气"), 0);
    store_rig_close(rig);
    assert_int_equal(look_at_index(rig, "SELECT count(*) FROM words('天')"), 0);
    assert_int_equal(look_at_index(rig, "SELECT count(*) FROM gone"), 1); /* of the last slice */
    store_rig_open(rig);
}

/* An index that cannot be written does not keep the log from becoming smaller. */
static void test_failing_index(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    struct store_rig *rig = *state;
    char *note;

    put_words(rig);
    assert_int_equal(count_found(rig, "天气"), 10);
    faulty_vfs_plan(&(struct faulty_plan){
        .calls = FAULTY_WRITE, .files = FAULTY_SEARCH, .result = SQLITE_FULL, .error = ENOSPC});
    assert_int_equal(trim_all(rig, &keep, 2), 1);
    faulty_vfs_heal();
    note = store_take_note(rig->store);
    assert_non_null(note);
    free(note);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_int_equal(count_found(rig, "天气"), 1);
}

/* A writer that never rests lets a slice in all the same. */
static void test_under_load(void **state)
{
    static const struct retention keep = {.age_ms = ALL_AGES};
    enum { AHEAD = 64 };
    struct store_rig *rig = *state;
    struct store_answer answer = {0};
    uint64_t sent = 0;
    bool is_kept = false;

    put_words(rig);
    for (int i = 0; i < AHEAD; i++, sent++)
        store_append(rig->store, transaction_new(++rig->ticket));
    store_trim(rig->store, 6, &keep, 0, (struct mono){2 * DAY_MS});
    while (!is_kept) {
        struct transaction *t;

        answer = store_rig_take(rig);
        is_kept = answer.kind == STORE_KEPT;
        transaction_free(answer.transaction);
        sent--;
        if (is_kept)
            break;
        t = store_rig_transaction(rig);
        add_event(t, EVENT_CHAT_EXPIRED, 1, "");
        store_append(rig->store, t);
        sent++;
    }
    assert_int_equal(answer.error, OK);
    assert_true(answer.floor == 9 || answer.floor == 10);
    for (sent++; sent > 0; sent--) {
        answer = store_rig_take(rig);
        transaction_free(answer.transaction);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_rig_setup_streams, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_goes_by_itself),
        TEST(test_by_age),
        TEST(test_what_is_not_delivered_stays),
        TEST(test_keys_stay_for_a_week),
        TEST(test_by_size),
        TEST(test_slices_are_bounded),
        TEST(test_slices_of_long_texts),
        TEST(test_what_is_removed_is_not_found),
        TEST(test_removed_before_indexed),
        TEST(test_failing_disk),
        TEST(test_failing_index),
        TEST(test_under_load),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
