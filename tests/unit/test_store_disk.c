/* A disk that fails at every point: each step of a script is taken again and again, and each time
 * the next of its writes and syncs fails, until it gets through. What failed is answered so, and
 * nothing else is lost or told wrongly by it, whether the process lives on, is killed, or the power
 * goes. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tests/support/power_disk.h"
#include "tests/unit/disk_script.h"

enum { WAL_PAGES = 60 };

struct bench {
    struct disk_script script;
    pthread_mutex_t mutex; /* of the disk */
    struct power_disk *disk;
    struct store_rig rig; /* on the disk that fails */
    struct store_rig cut; /* where what is left of it is tried */
    struct power_image image;
    size_t failures, full;
};

static void tell(void *context, const struct disk_event *event)
{
    struct bench *b = context;

    if (strncmp(event->path, b->rig.directory, strlen(b->rig.directory)) != 0)
        return;
    pthread_mutex_lock(&b->mutex);
    power_disk_tell(b->disk, event);
    pthread_mutex_unlock(&b->mutex);
}

static int set_up(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));

    pthread_mutex_init(&b->mutex, NULL);
    b->disk = power_disk_new();
    disk_script_init(&b->script);
    disk_script_directory(b->rig.directory, sizeof(b->rig.directory));
    disk_script_directory(b->cut.directory, sizeof(b->cut.directory));
    faulty_vfs_observe(tell, b);
    store_rig_open(&b->rig);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    faulty_vfs_heal();
    store_rig_done(&b->rig);
    faulty_vfs_observe(NULL, NULL);
    store_rig_done(&b->cut);
    power_disk_free(b->disk);
    power_image_done(&b->image);
    disk_script_done(&b->script);
    free(b);
    return 0;
}

/* What would be there now holds so many steps of the script. */
static void try_cut(struct bench *b, enum power_cut cut, uint64_t seed, size_t from, size_t to)
{
    pthread_mutex_lock(&b->mutex);
    power_disk_cut(b->disk, cut, seed, &b->image);
    pthread_mutex_unlock(&b->mutex);
    power_image_write(&b->image, b->cut.directory);
    disk_script_open(&b->script, &b->cut, from, to);
    store_rig_close(&b->cut);
}

static enum error take(struct bench *b, size_t number)
{
    disk_script_append(&b->script, b->rig.store, number, DISK_AT_ONCE);
    return disk_script_take(&b->rig);
}

/* Readers see nothing of what failed, and are served meanwhile. */
static void expect_nothing_new(struct bench *b)
{
    struct store_answer answer;

    store_read_range(b->rig.store, 1, store_last_seq(b->rig.store), 0, 0, 10, 1000);
    answer = store_rig_take(&b->rig);
    assert_int_equal(answer.kind, STORE_ROWS);
    assert_int_equal(answer.error, OK);
    assert_int_equal(answer.count, 0);
    store_answer_done(&answer);
}

/* "Nothing was kept", or "perhaps stored". */
static void look_after_failure(struct bench *b, size_t number, enum error error, uint64_t seed)
{
    static const enum power_cut cuts[] = {CUT_NOTHING, CUT_HALF, CUT_SHREDS};
    const size_t most = error == ERR_STORAGE_FULL ? number : number + 1;

    assert_int_not_equal(store_state(b->rig.store), STORE_OK);
    assert_non_null(store_reason(b->rig.store));
    expect_nothing_new(b);
    try_cut(b, CUT_ALL, seed, number, most);
    if (seed % 3 == 0)
        try_cut(b, cuts[seed / 3 % 3], seed, number, most);
    b->failures++;
    b->full += error == ERR_STORAGE_FULL;
}

static void expect_dump(struct bench *b, size_t number)
{
    assert_string_equal(disk_script_dump(&b->script, b->rig.directory), b->script.expected[number]);
}

/* Each call that the step leads to fails once, or all from that one on. */
static void fail_each_call(struct bench *b, size_t number, int error)
{
    for (unsigned at = 0;; at++) {
        faulty_vfs_plan(&(struct faulty_plan){.calls = FAULTY_WRITE | FAULTY_SYNC,
                                              .files = FAULTY_ANY,
                                              .after = at,
                                              .times = at % 2,
                                              .error = error,
                                              .torn = true});
        const enum error told = take(b, number);

        faulty_vfs_heal();
        if (told == OK)
            break;
        assert_true(told == ERR_STORAGE_FAILED || (told == ERR_STORAGE_FULL && error == ENOSPC));
        look_after_failure(b, number, told, number * 7 + at);
        assert_true(at < 1000);
    }
    if (number % 4 == 0)
        expect_dump(b, number + 1);
}

static void fail_everywhere(struct bench *b, int error)
{
    store_set_wal_pages(b->rig.store, WAL_PAGES);
    for (size_t i = 0; i < DISK_SCRIPT_LENGTH; i++)
        fail_each_call(b, i, error);
    expect_dump(b, DISK_SCRIPT_LENGTH);
    try_cut(b, CUT_NOTHING, 0, DISK_SCRIPT_LENGTH, DISK_SCRIPT_LENGTH);
    print_message("%zu failures, %zu for lack of room\n", b->failures, b->full);
    assert_in_range(b->failures, 5 * DISK_SCRIPT_LENGTH, SIZE_MAX);
}

static void test_every_write_and_sync_fails(void **state)
{
    struct bench *b = *state;

    fail_everywhere(b, EIO);
    assert_int_equal(b->full, 0);
}

static void test_no_room_at_every_write_and_sync(void **state)
{
    struct bench *b = *state;

    fail_everywhere(b, ENOSPC);
    assert_in_range(b->full, b->failures / 2, b->failures - DISK_SCRIPT_LENGTH);
}

/* Copying the WAL into the database fails, at one call after the other: nobody is told that
 * something was not kept, the WAL goes on, and when the disk is well all is copied. */
static void test_every_checkpoint_fails(void **state)
{
    struct bench *b = *state;
    struct faulty_plan plan = {
        .calls = FAULTY_WRITE | FAULTY_SYNC, .files = FAULTY_DATABASE, .times = 1, .torn = true};

    store_set_wal_pages(b->rig.store, WAL_PAGES / 10);
    plan.error = EIO;
    faulty_vfs_plan(&plan);
    for (size_t i = 0; i < DISK_SCRIPT_LENGTH; i++) {
        assert_int_equal(take(b, i), OK);
        expect_nothing_new(b); /* and checkpoints that were asked for before are done */
        if (!faulty_vfs_has_failed())
            continue;
        try_cut(b, CUT_ALL, i, i + 1, i + 1);
        try_cut(b, CUT_NOTHING, i, i + 1, i + 1);
        try_cut(b, CUT_SHREDS, i, i + 1, i + 1);
        plan.after = (unsigned)++b->failures % 23;
        plan.error = b->failures % 2 == 0 ? EIO : ENOSPC;
        faulty_vfs_plan(&plan);
    }
    assert_in_range(b->failures, 20, SIZE_MAX);
    faulty_vfs_heal();
    for (int i = 0; store_state(b->rig.store) != STORE_OK; i++) {
        assert_true(i < 1000);
        store_look_again(b->rig.store);
        expect_nothing_new(b);
    }
    expect_dump(b, DISK_SCRIPT_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_write_and_sync_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room_at_every_write_and_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_checkpoint_fails, set_up, tear_down),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
