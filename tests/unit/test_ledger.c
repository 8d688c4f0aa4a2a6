/* What a node writes down of trackers and of names: as it was when the disk fails, and there again
 * after a restart. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/state.h"
#include "daemon/core/node/trackers.h"
#include "tests/unit/node_rig.h"

static int set_up(void **state)
{
    struct node_rig *rig = xcalloc(1, sizeof *rig);

    node_rig_init(rig);
    node_rig_start(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    node_rig_done(*state);
    free(*state);
    return 0;
}

/* The end of an input. */
static void settle(struct node_rig *rig)
{
    const struct input input = {.kind = INPUT_CALL_GONE, .call_gone = {.client = 4711}};

    node_rig_input(rig, &input);
}

static void put(struct node_rig *rig, const char *address, uint8_t key, enum tracker_wish wish)
{
    ledger_put_tracker(rig->node, &(const struct tracker_row){.address = (char *)(uintptr_t)address,
                                                              .has_key = key != 0,
                                                              .key = {key},
                                                              .wish = wish});
}

static void assert_tracker(const struct node_rig *rig, const char *address, uint8_t key,
                           enum tracker_wish wish)
{
    const struct tracker_row *row = trackers_row(rig->node, address);

    assert_non_null(row);
    assert_string_equal(row->address, address);
    assert_int_equal(row->has_key, key != 0);
    assert_int_equal(row->key[0], key);
    assert_int_equal(row->wish, wish);
}

/* A tracker that is there, one that was, and a name. */
static void prepare(struct node_rig *rig)
{
    put(rig, "there:1", 1, TRACKER_WANTED);
    put(rig, "gone:2", 2, TRACKER_WANTED);
    ledger_put_own_name(rig->node, "alice");
    settle(rig);
    ledger_remove_tracker(rig->node, "gone:2");
    settle(rig);
    node_rig_commit(rig);
}

static void assert_prepared(const struct node_rig *rig)
{
    assert_tracker(rig, "there:1", 1, TRACKER_WANTED);
    assert_null(trackers_row(rig->node, "gone:2"));
    assert_null(trackers_row(rig->node, "new:3"));
    assert_string_equal(rig->node->own_name, "alice");
}

static void kept(void **state)
{
    struct node_rig *rig = *state;

    assert_null(rig->node->own_name);
    prepare(rig);
    assert_prepared(rig);
    node_rig_restart(rig);
    assert_prepared(rig);
    ledger_put_own_name(rig->node, NULL);
    settle(rig);
    node_rig_commit(rig);
    assert_null(rig->node->own_name);
    node_rig_restart(rig);
    assert_null(rig->node->own_name);
}

/* Of an older version: the record that we sign must not have it. */
static void a_name_that_is_none_is_not_ours(void **state)
{
    struct node_rig *rig = *state;

    ledger_put_own_name(rig->node, "Alexander");
    settle(rig);
    node_rig_commit(rig);
    node_rig_restart(rig);
    assert_null(rig->node->own_name);
}

static void as_it_was_when_the_disk_fails(void **state)
{
    struct node_rig *rig = *state;

    prepare(rig);
    put(rig, "there:1", 9, TRACKER_UNWANTED);
    put(rig, "new:3", 3, TRACKER_AS_CONFIGURED);
    ledger_put_own_name(rig->node, "bob");
    settle(rig);
    ledger_remove_tracker(rig->node, "there:1");
    ledger_remove_tracker(rig->node, "new:3");
    ledger_remove_tracker(rig->node, "never:4");
    ledger_put_own_name(rig->node, NULL);
    settle(rig);
    put(rig, "there:1", 0, TRACKER_WANTED);
    put(rig, "gone:2", 0, TRACKER_WANTED);
    ledger_put_own_name(rig->node, "carol");
    settle(rig);
    assert_tracker(rig, "there:1", 0, TRACKER_WANTED);
    node_rig_fail(rig, ERR_STORAGE_FAILED);
    assert_prepared(rig);
    node_rig_restart(rig);
    assert_prepared(rig);
}

/* --- Names, at a tracker --- */

static const uint8_t key_a[KEY_LENGTH] = {'a'}, key_b[KEY_LENGTH] = {'b'};

/* What the store says of a name. */
static enum error claim(struct node_rig *rig, const char *name, const uint8_t *key)
{
    struct store_answer answer;
    const size_t row = ledger_claim(rig->node, name, key);
    enum error result;

    settle(rig);
    model_store_commit(rig->store, SIZE_MAX);
    assert_true(model_store_take(rig->store, &answer));
    result = answer.transaction->changes[row].claim.result;
    node_rig_input(rig, &(const struct input){.kind = INPUT_DURABLE,
                                              .durable = {.transaction = answer.transaction}});
    return result;
}

static void names(void **state)
{
    struct node_rig *rig = *state;

    assert_int_equal(claim(rig, "alice", NULL), OK);
    assert_int_equal(claim(rig, "alice", key_a), OK);
    assert_int_equal(claim(rig, "alice", NULL), ERR_NAME_TAKEN);
    assert_int_equal(claim(rig, "alice", key_b), ERR_NAME_TAKEN);
    node_rig_wait(rig, 10000);
    ledger_release(rig->node, "alice", key_a);
    settle(rig);
    node_rig_commit(rig);
    node_rig_wait(rig, 9999);
    assert_int_equal(claim(rig, "alice", key_b), ERR_NAME_TAKEN);
    node_rig_wait(rig, 1);
    assert_int_equal(claim(rig, "alice", key_b), OK);
}

/* It is said again, before anything else; else the name would be held for ever. */
static void a_release_that_fails(void **state)
{
    struct node_rig *rig = *state;

    claim(rig, "alice", key_a);
    ledger_release(rig->node, "alice", key_a);
    settle(rig);
    node_rig_fail(rig, ERR_STORAGE_FULL);
    node_rig_wait(rig, STORE_RETRY_MIN_MS);
    node_rig_fail(rig, ERR_STORAGE_FULL);
    node_rig_wait(rig, STORE_RETRY_MAX_MS);
    node_rig_commit(rig);
    node_rig_wait(rig, 10 * STORE_RETRY_MAX_MS);
    assert_int_equal(claim(rig, "alice", key_b), OK);
}

/* The node ends before the disk works again. */
static void a_release_that_is_never_kept(void **state)
{
    struct node_rig *rig = *state;

    ledger_release(rig->node, "alice", key_a);
    settle(rig);
    node_rig_fail(rig, ERR_STORAGE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(kept),
        TEST(a_name_that_is_none_is_not_ours),
        TEST(as_it_was_when_the_disk_fails),
        TEST(names),
        TEST(a_release_that_fails),
        TEST(a_release_that_is_never_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
