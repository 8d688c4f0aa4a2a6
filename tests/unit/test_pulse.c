/* The pulse alone, on a database of its own, and in a store whose disk rests. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/clock.h"
#include "daemon/store/pulse.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

static unsigned told;

static void count_told(void)
{
    told++;
}

static struct mono in_ms(uint64_t ms)
{
    return (struct mono){.ms = clock_ms() + ms};
}

/* Waits until another millisecond has begun. */
static void wait_ms(void)
{
    const uint64_t begun = clock_ms();

    while (clock_ms() == begun)
        sched_yield();
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void test_beats_with_calls_to_the_disk(void **state)
{
    char directory[] = "/tmp/test_pulse.XXXXXX", path[64];
    struct pulse pulse;
    sqlite3 *db;
    uint64_t last_ms;

    (void)state;
    pulse_init(&pulse);
    snprintf(path, sizeof path, "%s/db", mkdtemp(directory));
    assert_int_equal(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, pulse.name),
        SQLITE_OK);
    run(db, "CREATE TABLE t(x)");
    assert_int_equal(pulse_silence_ms(&pulse, in_ms(5000)), 0); /* nobody said that it works */

    pulse_work(&pulse);
    last_ms = pulse.last_ms;
    assert_in_range(pulse_silence_ms(&pulse, in_ms(5000)), 5000, 600000);
    wait_ms();
    assert_int_equal(pulse.last_ms, last_ms);
    run(db, "INSERT INTO t VALUES(1)");
    assert_true(pulse.last_ms > last_ms);
    pulse_rest(&pulse);
    run(db, "INSERT INTO t VALUES(2)");
    assert_int_equal(pulse_silence_ms(&pulse, in_ms(5000)), 0);

    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    pulse_done(&pulse);
    assert_null(sqlite3_vfs_find(pulse.name));
    unlink(path);
    rmdir(directory);
}

static void test_tells_now_and_then(void **state)
{
    char directory[] = "/tmp/test_pulse.XXXXXX", path[64];
    struct pulse pulse;
    sqlite3 *db;
    uint64_t begun_ms;

    (void)state;
    told = 0;
    pulse_init(&pulse);
    snprintf(path, sizeof path, "%s/db", mkdtemp(directory));
    assert_int_equal(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, pulse.name),
        SQLITE_OK);
    run(db, "CREATE TABLE t(x)");
    pulse_tell(&pulse, count_told);
    pulse.told_ms -= PULSE_TELL_MS; /* as if that were long ago */
    begun_ms = clock_ms();
    for (int i = 0; i < 100; i++) /* of which each is several calls */
        run(db, "INSERT INTO t VALUES(1)");
    assert_in_range(told, 1, 1 + (clock_ms() - begun_ms) / PULSE_TELL_MS);
    told = 0;
    pulse_tell(&pulse, NULL);
    pulse.told_ms -= PULSE_TELL_MS;
    run(db, "INSERT INTO t VALUES(2)");
    assert_int_equal(told, 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    pulse_done(&pulse);
    unlink(path);
    rmdir(directory);
}

/* The first call may take long. */
static void test_the_end_is_told_at_once(void **state)
{
    struct store_rig *rig = *state;
    char message[STORE_MESSAGE_MAX];

    store_rig_close(rig);
    assert_int_equal(store_open(rig->directory, store_rig_key, count_told, &rig->store, message),
                     STORE_OPENED);
    told = 0;
    store_rig_close(rig);
    assert_true(told >= 1);
}

/* --- A disk that rests --- */

static sem_t reached, may_go_on;

static void rest_at_sync(void *context, const struct disk_event *event)
{
    (void)context;
    if (event->change != DISK_SYNCED)
        return;
    sem_post(&reached);
    sem_wait(&may_go_on);
}

static void test_a_store_is_silent_while_its_disk_rests(void **state)
{
    struct store_rig *rig = *state;
    struct transaction *t = store_rig_transaction(rig);
    struct store_answer answer;

    assert_int_equal(store_silence_ms(rig->store, in_ms(60000)), 0);
    sem_init(&reached, 0, 0);
    sem_init(&may_go_on, 0, 0);
    faulty_vfs_observe(rest_at_sync, NULL);
    add_peer(t, 1, "alice");
    store_append(rig->store, t);
    sem_wait(&reached);
    while (store_silence_ms(rig->store, in_ms(0)) < 20)
        sched_yield();
    for (int i = 0; i < 100; i++) /* also through whatever it syncs next */
        sem_post(&may_go_on);
    faulty_vfs_observe(NULL, NULL);
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_DURABLE);
    transaction_free(answer.transaction);
    while (store_silence_ms(rig->store, in_ms(60000)) != 0) /* it minds its WAL, and rests */
        sched_yield();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beats_with_calls_to_the_disk),
        cmocka_unit_test(test_tells_now_and_then),
        cmocka_unit_test_setup_teardown(test_the_end_is_told_at_once, store_rig_setup,
                                        store_rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_store_is_silent_while_its_disk_rests,
                                        store_rig_setup, store_rig_teardown),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
