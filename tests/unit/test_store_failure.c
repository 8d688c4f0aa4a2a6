/* A disk that fails: nothing is half there, everything that was appended before the failure was
 * known fails too, and the first success afterwards makes all well. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

static const struct faulty_plan sync_fails = {
    .calls = FAULTY_SYNC, .files = FAULTY_ANY, .result = SQLITE_IOERR_FSYNC, .error = EIO};

static int tear_down(void **state)
{
    faulty_vfs_heal();
    return store_rig_teardown(state);
}

static struct transaction *message(struct store_rig *rig, const char *text)
{
    struct transaction *t = store_rig_transaction(rig);

    add_sent(t, 1, 1, NULL, text);
    return t;
}

static void take_failed(struct store_rig *rig, const struct transaction *t, enum error error)
{
    struct store_answer answer = store_rig_take(rig);

    assert_int_equal(answer.kind, STORE_FAILED);
    assert_int_equal(answer.error, error);
    assert_ptr_equal(answer.transaction, t);
    assert_int_equal(store_state(rig->store),
                     error == ERR_STORAGE_FULL ? STORE_FULL : STORE_FAILING);
    assert_non_null(store_reason(rig->store));
    transaction_free(answer.transaction);
}

/* The seq and number that the next message gets show that nothing is left of what failed. */
static void put_next(struct store_rig *rig, uint64_t seq)
{
    struct transaction *t = message(rig, "next");

    store_rig_commit(rig, t);
    assert_true(t->changes[0].log.seq == seq);
    assert_true(t->changes[0].log.number == seq);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_null(store_reason(rig->store));
    assert_true(store_last_seq(rig->store) == seq);
    transaction_free(t);
}

static size_t history_count(struct store_rig *rig)
{
    struct store_answer answer;
    size_t count;

    store_read_history(rig->store, 1, &(struct history_query){.limit = 1000});
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_ROWS);
    assert_int_equal(answer.error, OK);
    count = answer.count;
    store_answer_done(&answer);
    return count;
}

/* Fails the first call of a kind, then the second, and so on, until a commit gets through. */
static void fail_each_call(struct store_rig *rig, struct faulty_plan plan, enum error error,
                           size_t text_bytes)
{
    char *text = xcalloc(1, text_bytes + 1);
    unsigned failures = 0;
    uint64_t seq = 0;

    memset(text, 'x', text_bytes);
    while (true) {
        struct transaction *t = message(rig, "a");
        struct store_answer answer;

        for (int i = 0; i < 30; i++)
            add_sent(t, 1, 1, NULL, text);
        faulty_vfs_plan(&plan);
        store_append(rig->store, t);
        answer = store_rig_take(rig);
        transaction_free(answer.transaction);
        if (answer.kind == STORE_DURABLE)
            break;
        faulty_vfs_heal();
        assert_int_equal(answer.kind, STORE_FAILED);
        assert_int_equal(answer.error, error);
        assert_int_equal(history_count(rig), seq);
        put_next(rig, ++seq);
        plan.after++;
        failures++;
    }
    faulty_vfs_heal();
    assert_in_range(failures, 1, 1000);
    store_rig_reopen(rig);
    assert_int_equal(history_count(rig), seq + 31);
    put_next(rig, seq + 32);
    free(text);
}

static void test_each_write_fails(void **state)
{
    fail_each_call(
        *state,
        (struct faulty_plan){
            .calls = FAULTY_WRITE, .files = FAULTY_WAL, .result = SQLITE_IOERR_WRITE, .error = EIO},
        ERR_STORAGE_FAILED, 10);
}

/* More than the writer's cache: pages go to the WAL before the commit. */
static void test_each_write_of_a_large_batch_fails(void **state)
{
    fail_each_call(*state,
                   (struct faulty_plan){.calls = FAULTY_WRITE,
                                        .files = FAULTY_WAL,
                                        .times = 1,
                                        .result = SQLITE_IOERR_WRITE,
                                        .error = EDQUOT},
                   ERR_STORAGE_FULL, 8000);
}

static void test_disk_is_full(void **state)
{
    fail_each_call(
        *state,
        (struct faulty_plan){
            .calls = FAULTY_WRITE, .files = FAULTY_ANY, .result = SQLITE_FULL, .error = ENOSPC},
        ERR_STORAGE_FULL, 10);
}

static void test_each_sync_fails(void **state)
{
    struct faulty_plan plan = sync_fails;

    fail_each_call(*state, plan, ERR_STORAGE_FAILED, 10);
}

static void test_what_was_appended_before_it_was_known_fails(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *first = message(rig, "first");
    struct transaction *second = message(rig, "second"), *third = message(rig, "third");
    struct transaction *fourth = message(rig, "fourth"), *fifth = message(rig, "fifth");
    struct store_answer answer;

    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, first);
    assert_true(faulty_vfs_wait_for_failure());
    faulty_vfs_heal();
    store_append(rig->store, second); /* the disk is well again, but this builds on the first */
    take_failed(rig, first, ERR_STORAGE_FAILED);

    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, third); /* knows of the first; fails by itself */
    assert_true(faulty_vfs_wait_for_failure());
    faulty_vfs_heal();
    take_failed(rig, second, ERR_STORAGE_FAILED);
    store_append(rig->store, fourth); /* knows of the second, not of the third */
    take_failed(rig, third, ERR_STORAGE_FAILED);
    store_append(rig->store, fifth);
    take_failed(rig, fourth, ERR_STORAGE_FAILED);
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_DURABLE);
    assert_ptr_equal(answer.transaction, fifth);
    assert_true(fifth->changes[0].log.seq == 1);
    assert_true(fifth->changes[0].log.number == 1);
    transaction_free(fifth);
    assert_int_equal(history_count(rig), 1);
}

/* Many appended at once while the disk fails: successes, then nothing but failures until the first
 * of them is taken. */
static void test_failures_are_a_suffix(void **state)
{
    enum { COUNT = 2000 };
    struct store_rig *rig = *state;
    struct faulty_plan plan = sync_fails;
    uint64_t durable = 0, failed = 0;

    plan.after = 1;
    plan.times = 1;
    faulty_vfs_plan(&plan);
    for (int i = 0; i < COUNT; i++)
        store_append(rig->store, message(rig, "x"));
    for (int i = 0; i < COUNT; i++) {
        struct store_answer answer = store_rig_take(rig);

        if (answer.kind == STORE_DURABLE)
            durable++;
        else
            failed++;
        assert_true(failed == 0 || answer.kind == STORE_FAILED);
        transaction_free(answer.transaction);
    }
    faulty_vfs_heal(); /* perhaps one commit took them all */
    assert_true((failed > 0) == faulty_vfs_has_failed());
    faulty_vfs_heal(); /* they may all have gone with the one sync that was let through */
    put_next(rig, durable + 1);
}

/* "Failed" is "perhaps stored": whatever a restart finds, it is whole. */
static void test_restart_after_a_failed_sync(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = message(rig, "perhaps");
    size_t count;

    add_sent(t, 1, 1, NULL, "both");
    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, t);
    take_failed(rig, t, ERR_STORAGE_FAILED);
    faulty_vfs_heal();
    store_rig_reopen(rig);
    count = history_count(rig);
    assert_true(count == 0 || count == 2);
    put_next(rig, count + 1);
}

static void test_success_overwrites_what_failed(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = message(rig, "gone");

    add_sent(t, 1, 1, NULL, "too");
    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, t);
    take_failed(rig, t, ERR_STORAGE_FAILED);
    faulty_vfs_heal();
    put_next(rig, 1);
    store_rig_reopen(rig);
    assert_int_equal(history_count(rig), 1);
    put_next(rig, 2);
}

static uint64_t commits(const struct store_totals *totals)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        count += totals->commits.counts[i];
    return count;
}

/* Those that happened with the time they took, and those that did not. */
static void test_commits_are_counted(void **state)
{
    struct store_rig *rig = *state;
    struct store_totals before = *store_totals(rig->store);
    const struct store_totals *now = store_totals(rig->store);
    struct transaction *t = message(rig, "gone");

    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, t);
    take_failed(rig, t, ERR_STORAGE_FAILED);
    faulty_vfs_heal();
    assert_int_equal(now->commits_failed, before.commits_failed + 1);
    assert_int_equal(commits(now), commits(&before));
    assert_int_equal(now->transactions, before.transactions);

    put_next(rig, 1);
    assert_int_equal(now->commits_failed, before.commits_failed + 1);
    assert_int_equal(commits(now), commits(&before) + 1);
    assert_true(now->commits.sum_us > before.commits.sum_us);
    assert_int_equal(now->transactions, before.transactions + 1);
}

/* The streams that the writer knows go back to what they were, too. */
static void test_streams_go_back(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = message(rig, "one");

    add_stream(t, 4, 1, DIRECTION_OUT);
    add_gone(t, 1);
    faulty_vfs_plan(&sync_fails);
    store_append(rig->store, t);
    take_failed(rig, t, ERR_STORAGE_FAILED);
    faulty_vfs_heal();
    t = store_rig_transaction(rig);
    add_stream(t, 4, 1, DIRECTION_IN);
    add_received(t, 4, 1, 9, "in");
    add_sent(t, 1, 1, NULL, "out");
    store_rig_commit(rig, t);
    assert_true(t->changes[1].log.number == 9);
    assert_true(t->changes[3].log.number == 1);
    transaction_free(t);
}

static char *long_text(size_t bytes)
{
    char *text = xcalloc(1, bytes + 1);

    memset(text, 'x', bytes);
    return text;
}

static void test_checkpoint_fails(void **state)
{
    struct store_rig *rig = *state;
    char *text = long_text(60000);

    faulty_vfs_plan(&(struct faulty_plan){.calls = FAULTY_WRITE,
                                          .files = FAULTY_DATABASE,
                                          .result = SQLITE_IOERR_WRITE,
                                          .error = EIO});
    for (int i = 0; i < 200; i++)
        store_rig_put(rig, message(rig, text));
    assert_true(faulty_vfs_wait_for_failure());
    while (store_state(rig->store) == STORE_OK) /* nothing that was appended failed */
        store_rig_put(rig, store_rig_transaction(rig));
    assert_string_equal(store_reason(rig->store),
                        "copying into the database: disk I/O error: Input/output error");
    faulty_vfs_heal();
    store_look_again(rig->store);
    while (store_state(rig->store) != STORE_OK)
        store_rig_put(rig, store_rig_transaction(rig));
    assert_null(store_reason(rig->store));
    store_rig_reopen(rig);
    put_next(rig, 201);
    free(text);
}

static void test_reading_fails(void **state)
{
    struct store_rig *rig = *state;
    char *text = long_text(8000);
    struct store_answer answer;

    for (int i = 0; i < 100; i++)
        store_rig_put(rig, message(rig, text));
    free(text);
    faulty_vfs_plan(&(struct faulty_plan){.calls = FAULTY_READ,
                                          .files = FAULTY_ANY,
                                          .after = 20,
                                          .result = SQLITE_IOERR_READ,
                                          .error = EIO});
    store_read_history(rig->store, 7, &(struct history_query){.limit = 1000});
    answer = store_rig_take(rig);
    faulty_vfs_heal();
    assert_int_equal(answer.kind, STORE_ROWS);
    assert_true(answer.id == 7);
    assert_int_equal(answer.error, ERR_STORAGE_FAILED);
    assert_int_equal(answer.count, 0);
    store_answer_done(&answer);
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    assert_string_equal(store_reason(rig->store), "reading: disk I/O error: Input/output error");
    store_rig_put(rig, store_rig_transaction(rig)); /* writing works, but that is something else */
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    assert_int_equal(history_count(rig), 100);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_false(store_is_to_be_checked(rig->directory));
}

/* SQLite takes for damage what it could not read because of the disk. */
static void test_pages_cannot_be_read(void **state)
{
    struct store_rig *rig = *state;
    char *text = long_text(8000), why[STORE_MESSAGE_MAX] = "";
    struct faulty_plan plan = {.calls = FAULTY_READ,
                               .files = FAULTY_ANY,
                               .after = 20,
                               .result = SQLITE_IOERR_CORRUPTFS,
                               .error = EIO};
    struct store_answer answer;

    for (int i = 0; i < 100; i++)
        store_rig_put(rig, message(rig, text));
    free(text);
    faulty_vfs_plan(&plan);
    store_read_history(rig->store, 7, &(struct history_query){.limit = 1000});
    answer = store_rig_take(rig);
    faulty_vfs_heal();
    assert_int_equal(answer.error, ERR_STORAGE_FAILED);
    store_answer_done(&answer);
    assert_string_equal(store_reason(rig->store), "reading: disk I/O error: Input/output error");
    assert_true(store_demands_check(rig->store));
    assert_int_equal(history_count(rig), 100);
    assert_int_equal(store_state(rig->store), STORE_OK);
    store_rig_close(rig);
    plan.after = 3;
    faulty_vfs_plan(&plan);
    assert_int_equal(store_open(rig->directory, store_rig_key, NULL, &rig->store, why), STORE_IO);
    faulty_vfs_heal();
    assert_non_null(strstr(why, strerror(EIO)));
    store_rig_open(rig);
    assert_false(store_is_to_be_checked(rig->directory));
}

/* "Nothing was kept" must be true: what could not be synced for lack of room is perhaps kept. */
static void test_no_room_for_what_was_written(void **state)
{
    struct store_rig *rig = *state;
    struct faulty_plan plan = sync_fails;
    struct transaction *t = message(rig, "perhaps");

    plan.error = ENOSPC;
    faulty_vfs_plan(&plan);
    store_append(rig->store, t);
    take_failed(rig, t, ERR_STORAGE_FAILED);
    assert_string_equal(store_reason(rig->store),
                        "writing: disk I/O error: No space left on device");
    faulty_vfs_heal();
    put_next(rig, 1);
}

/* Bytes of the database that are wrong, met while it is in use: told for good, and the next start
 * looks at all of it. */
static void test_damage_is_met(void **state)
{
    struct store_rig *rig = *state;
    char *text = long_text(8000), message_text[STORE_MESSAGE_MAX] = "";
    struct store_answer answer;
    FILE *file;

    for (int i = 0; i < 100; i++)
        store_rig_put(rig, message(rig, text));
    free(text);
    store_rig_reopen(rig); /* all of it in the database */
    file = fopen(store_rig_file(rig, ""), "r+b");
    assert_non_null(file);
    assert_return_code(fseek(file, 0, SEEK_END), errno);
    for (long end = ftell(file) / 4096, page = end / 2; page < end; page++) {
        assert_return_code(fseek(file, page * 4096, SEEK_SET), errno);
        assert_int_equal(fwrite("\xff\xff\xff\xff\xff\xff\xff\xff", 1, 8, file), 8);
    }
    fclose(file);
    store_read_history(rig->store, 7, &(struct history_query){.limit = 1000});
    answer = store_rig_take(rig);
    assert_int_equal(answer.error, ERR_STORAGE_FAILED);
    store_answer_done(&answer);
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    assert_true(store_demands_check(rig->store));
    assert_string_equal(store_reason(rig->store), "reading: database disk image is malformed");
    store_read_range(rig->store, 8, 0, 0, 0, 1, 1); /* these pages are well */
    answer = store_rig_take(rig);
    assert_int_equal(answer.error, OK);
    store_answer_done(&answer);
    assert_true(store_demands_check(rig->store));
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    assert_true(store_is_to_be_checked(rig->directory));
    store_rig_close(rig);
    for (int i = 0; i < 2; i++) { /* and again, as long as nobody has done anything about it */
        assert_int_equal(store_open(rig->directory, store_rig_key, NULL, &rig->store, message_text),
                         STORE_DAMAGED);
        assert_non_null(strstr(message_text, "is damaged"));
        assert_true(store_is_to_be_checked(rig->directory));
    }
    store_rig_unlink(rig);
    store_rig_open(rig); /* moved away: all is well */
    assert_false(store_is_to_be_checked(rig->directory));
}

/* Nothing is read before what recovery may have found only in the page cache is synced. */
static void test_opening_fails(void **state)
{
    struct store_rig *rig = *state;
    char message[STORE_MESSAGE_MAX] = "";

    faulty_vfs_plan(&sync_fails); /* so that the end leaves something to be done */
    store_rig_close(rig);
    assert_int_equal(store_open(rig->directory, store_rig_key, NULL, &rig->store, message),
                     STORE_IO);
    assert_non_null(strstr(message, strerror(EIO)));
    assert_non_null(strstr(message, "p2pchat.db"));
    assert_null(rig->store);
    faulty_vfs_plan(&(struct faulty_plan){
        .calls = FAULTY_WRITE, .files = FAULTY_ANY, .result = SQLITE_FULL, .error = ENOSPC});
    assert_int_equal(store_open(rig->directory, store_rig_key, NULL, &rig->store, message),
                     STORE_IO);
    assert_non_null(strstr(message, strerror(ENOSPC)));
    assert_non_null(strstr(message, "make room there"));
    faulty_vfs_heal();
    store_rig_open(rig);
    put_next(rig, 1);
}

/* A directory whose first database could not be made whole gets it the next time. */
static void test_making_fails(void **state)
{
    struct store_rig *rig = *state;
    struct faulty_plan plan = {.calls = FAULTY_WRITE | FAULTY_SYNC,
                               .files = FAULTY_ANY,
                               .result = SQLITE_IOERR_WRITE,
                               .error = EIO};
    enum store_refusal refusal;

    do {
        char message[STORE_MESSAGE_MAX] = "";
        struct store_rig fresh = {.store = NULL};

        faulty_vfs_heal();
        store_rig_init(&fresh);
        store_rig_close(&fresh);
        store_rig_unlink(&fresh);
        faulty_vfs_plan(&plan);
        refusal = store_open(fresh.directory, store_rig_key, NULL, &fresh.store, message);
        faulty_vfs_heal();
        assert_true(refusal == STORE_OPENED || refusal == STORE_IO);
        store_rig_reopen(&fresh);
        store_rig_done(&fresh);
        plan.after++;
    } while (refusal != STORE_OPENED);
    assert_in_range(plan.after, 3, 1000);
    put_next(rig, 1);
}

/* --- A process that is killed --- */

/* Appends without end, and tells through the pipe each seq that it knows to be durable. */
static _Noreturn void run_until_killed(struct store_rig *rig, int told)
{
    store_rig_open(rig);
    for (int i = 0; i < 64; i++)
        store_append(rig->store, message(rig, "message"));
    while (true) {
        struct store_answer answer = store_rig_take(rig);
        const uint64_t seq = store_last_seq(rig->store);

        if (answer.kind != STORE_DURABLE || write(told, &seq, sizeof(seq)) != sizeof(seq))
            _exit(1);
        transaction_free(answer.transaction);
        store_append(rig->store, message(rig, "message"));
    }
}

static uint64_t read_told(int told, unsigned count)
{
    uint64_t seq = 0, next;

    while (count-- > 0 && read(told, &next, sizeof(next)) == sizeof(next))
        seq = next;
    return seq;
}

static void test_killed(void **state)
{
    struct store_rig *rig = *state;
    uint64_t seq = 0;

    for (unsigned round = 0; round < 8; round++) {
        int ends[2], status;
        pid_t child;

        store_rig_close(rig);
        assert_return_code(pipe(ends), errno);
        child = fork();
        assert_return_code(child, errno);
        if (child == 0)
            run_until_killed(rig, ends[1]);
        close(ends[1]);
        assert_true(read_told(ends[0], 50 + 97 * round) > seq);
        assert_return_code(kill(child, SIGKILL), errno);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        seq = read_told(ends[0], UINT_MAX);
        close(ends[0]);

        store_rig_open(rig);
        assert_true(store_last_seq(rig->store) >= seq);
        seq = store_last_seq(rig->store) + 1;
        put_next(rig, seq); /* the log and its stream agree */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_rig_setup_streams, tear_down)
        TEST(test_each_write_fails),
        TEST(test_each_write_of_a_large_batch_fails),
        TEST(test_disk_is_full),
        TEST(test_each_sync_fails),
        TEST(test_what_was_appended_before_it_was_known_fails),
        TEST(test_failures_are_a_suffix),
        TEST(test_restart_after_a_failed_sync),
        TEST(test_success_overwrites_what_failed),
        TEST(test_commits_are_counted),
        TEST(test_streams_go_back),
        TEST(test_checkpoint_fails),
        TEST(test_reading_fails),
        TEST(test_pages_cannot_be_read),
        TEST(test_no_room_for_what_was_written),
        TEST(test_damage_is_met),
        TEST(test_opening_fails),
        TEST(test_making_fails),
        TEST(test_killed),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
