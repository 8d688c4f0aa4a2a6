/* Names at a tracker: whose they are, for how long they stay reserved, and how many there are. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/store/claims.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

/* Both keep names in the same database: the claims alone, and (where a test opens it) the store. */
struct rig {
    struct store_rig store;
    sqlite3 *db;
    struct claims claims;
};

static int set_up(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    store_rig_init(&rig->store);
    store_rig_close(&rig->store);
    assert_int_equal(sqlite3_open(store_rig_file(&rig->store, ""), &rig->db), SQLITE_OK);
    assert_int_equal(claims_init(&rig->claims, rig->db), SQLITE_OK);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    claims_done(&rig->claims);
    sqlite3_close(rig->db);
    store_rig_done(&rig->store);
    faulty_vfs_heal();
    free(rig);
    return 0;
}

/* Keys are letters. */
static enum error take(struct rig *rig, const char *name, char key, uint64_t age_ms)
{
    struct claim claim = {.name = (char *)(uintptr_t)name, .key = {(uint8_t)key}};

    assert_int_equal(claims_take(&rig->claims, &claim, age_ms), SQLITE_OK);
    return claim.result;
}

/* What somebody without a key is told. */
static enum error ask(struct rig *rig, const char *name, uint64_t age_ms)
{
    struct claim claim = {.name = (char *)(uintptr_t)name, .is_question = true};

    assert_int_equal(claims_take(&rig->claims, &claim, age_ms), SQLITE_OK);
    return claim.result;
}

static void release(struct rig *rig, const char *name, char key, uint64_t age_ms)
{
    const struct claim claim = {.name = (char *)(uintptr_t)name, .key = {(uint8_t)key}};

    assert_int_equal(claims_release(&rig->claims, &claim, age_ms), SQLITE_OK);
}

/* When others can have the name: not before `age_ms`. */
static void assert_reserved_until(struct rig *rig, const char *name, uint64_t age_ms)
{
    assert_int_equal(ask(rig, name, age_ms - 1), ERR_NAME_TAKEN);
    assert_int_equal(take(rig, name, 'z', age_ms - 1), ERR_NAME_TAKEN);
    assert_int_equal(ask(rig, name, age_ms), OK);
    assert_int_equal(take(rig, name, 'z', age_ms), OK);
}

/* --- One name --- */

static void test_held(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(ask(rig, "alice", 10), OK); /* which does not take it */
    assert_int_equal(take(rig, "alice", 'a', 10), OK);
    assert_int_equal(take(rig, "alice", 'b', 11), ERR_NAME_TAKEN);
    assert_int_equal(ask(rig, "alice", 11), ERR_NAME_TAKEN);
    assert_int_equal(take(rig, "alice", 'a', 12), OK);
    assert_int_equal(take(rig, "bob", 'a', 12), OK);
    assert_int_equal(take(rig, "alice", 'b', UINT64_C(1) << 50), ERR_NAME_TAKEN);
}

static void test_reserved_as_long_as_held(void **state)
{
    struct rig *rig = *state;

    take(rig, "alice", 'a', 100);
    release(rig, "alice", 'b', 150); /* not hers */
    release(rig, "alice", 'a', 300);
    release(rig, "alice", 'a', 400); /* it is released */
    assert_reserved_until(rig, "alice", 500);
    release(rig, "alice", 'a', 501); /* not hers any more */
    assert_int_equal(take(rig, "alice", 'a', 502), ERR_NAME_TAKEN);
}

static void test_reserved_30_days_at_most(void **state)
{
    struct rig *rig = *state;
    const uint64_t days_90 = 3 * CLAIM_RESERVED_MAX_MS;

    take(rig, "alice", 'a', 0);
    release(rig, "alice", 'a', days_90);
    assert_reserved_until(rig, "alice", days_90 + CLAIM_RESERVED_MAX_MS);
}

/* What it was held counts; not what it was reserved meanwhile. */
static void test_held_again(void **state)
{
    struct rig *rig = *state;

    take(rig, "alice", 'a', 100);
    release(rig, "alice", 'a', 200);
    assert_int_equal(take(rig, "alice", 'a', 299), OK);
    assert_int_equal(take(rig, "alice", 'a', 300), OK); /* and has it */
    release(rig, "alice", 'a', 309);
    assert_int_equal(take(rig, "alice", 'a', 418), OK); /* 110 behind: the last moment */
    release(rig, "alice", 'a', 418);
    assert_reserved_until(rig, "alice", 528);
    release(rig, "alice", 'z', 540);
    assert_int_equal(take(rig, "alice", 'z', 545), OK);
    release(rig, "alice", 'z', 555); /* 12 and 10 */
    assert_int_equal(ask(rig, "alice", 576), ERR_NAME_TAKEN);
    assert_int_equal(take(rig, "alice", 'a', 577), OK); /* that was over: begins anew */
    release(rig, "alice", 'a', 580);
    assert_reserved_until(rig, "alice", 583);
}

static void test_held_again_after_long(void **state)
{
    struct rig *rig = *state;
    const uint64_t days_90 = 3 * CLAIM_RESERVED_MAX_MS;

    take(rig, "alice", 'a', 0);
    release(rig, "alice", 'a', days_90);
    assert_int_equal(take(rig, "alice", 'a', days_90 + 10), OK);
    release(rig, "alice", 'a', days_90 + 20);
    assert_reserved_until(rig, "alice", days_90 + 20 + CLAIM_RESERVED_MAX_MS);
}

/* Who was there when the store was closed has the time of a registration to come back; who left
 * before has no more than was held. */
static void test_held_at_the_start(void **state)
{
    struct rig *rig = *state;

    take(rig, "alice", 'a', 100);
    take(rig, "bob", 'b', 100);
    release(rig, "bob", 'b', 110);
    assert_int_equal(claims_release_all(&rig->claims, 110), SQLITE_OK);
    assert_reserved_until(rig, "bob", 120);
    assert_int_equal(take(rig, "alice", 'a', 200), OK);
    assert_int_equal(claims_release_all(&rig->claims, 210), SQLITE_OK);
    assert_reserved_until(rig, "alice", 210 + REGISTRATION_MS + 10);
}

/* After a crash the age may be less than what was written. */
static void test_the_clock_went_back(void **state)
{
    struct rig *rig = *state;

    take(rig, "alice", 'a', 1000);
    release(rig, "alice", 'a', 400);
    assert_reserved_until(rig, "alice", 400);
    release(rig, "alice", 'z', 300);
    assert_int_equal(take(rig, "alice", 'z', 200), OK);
}

static void test_damaged(void **state)
{
    struct rig *rig = *state;
    char name[] = "alice";
    struct claim claim = {.name = name};

    take(rig, "alice", 'a', 1);
    assert_int_equal(sqlite3_exec(rig->db,
                                  "PRAGMA ignore_check_constraints=1;"
                                  "UPDATE claim SET key = x'00'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(claims_take(&rig->claims, &claim, 2), SQLITE_CORRUPT);
}

/* --- Many --- */

static void take_many(struct rig *rig, int count, uint64_t age_ms)
{
    char name[16];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "name %d", i);
        assert_int_equal(take(rig, name, 'a', age_ms), OK);
    }
}

static void test_bounded(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(rig->claims.max, CLAIMS_MAX);
    rig->claims.max = 3;
    take_many(rig, 3, 10);
    assert_int_equal(take(rig, "one more", 'b', 20), ERR_LIMIT_EXCEEDED);
    assert_int_equal(ask(rig, "one more", 20), OK);
    assert_int_equal(take(rig, "name 1", 'a', 20), OK);
    release(rig, "name 1", 'a', 20);
    assert_int_equal(take(rig, "one more", 'b', 29), ERR_LIMIT_EXCEEDED);
    assert_int_equal(take(rig, "name 1", 'b', 30), OK); /* in its place */
    assert_int_equal(take(rig, "one more", 'b', 30), ERR_LIMIT_EXCEEDED);
}

static void test_what_is_over_goes(void **state)
{
    struct rig *rig = *state;
    const int count = 2 * CLAIMS_TRIM_MAX + 3;
    bool is_end;

    take_many(rig, count, 10);
    take(rig, "held", 'a', 10);
    assert_int_equal(claims_trim(&rig->claims, 1000, &is_end), SQLITE_OK);
    assert_true(is_end);
    assert_int_equal(rig->claims.count, count + 1);
    assert_int_equal(claims_release_all(&rig->claims, 20), SQLITE_OK);
    assert_int_equal(claims_release_all(&rig->claims, 22), SQLITE_OK); /* of what is held */
    take(rig, "held", 'a', 25);
    assert_int_equal(claims_trim(&rig->claims, 20 + REGISTRATION_MS - 1, &is_end), SQLITE_OK);
    assert_true(is_end);
    assert_int_equal(rig->claims.count, count + 1);
    for (int slice = 0; slice < 3; slice++) {
        assert_int_equal(claims_trim(&rig->claims, 20 + REGISTRATION_MS, &is_end), SQLITE_OK);
        assert_int_equal(is_end, slice == 2);
    }
    assert_int_equal(rig->claims.count, 1);
    assert_int_equal(ask(rig, "held", 30), ERR_NAME_TAKEN);
}

static void test_counted_when_committed(void **state)
{
    struct rig *rig = *state;
    struct claims again;

    take_many(rig, 2, 10);
    claims_committed(&rig->claims);
    take(rig, "another", 'a', 10);
    claims_rolled_back(&rig->claims);
    assert_int_equal(rig->claims.count, 2);
    assert_int_equal(claims_init(&again, rig->db), SQLITE_OK);
    assert_int_equal(again.count, 3); /* here it was not */
    claims_done(&again);
}

/* --- Through the store --- */

static struct transaction *wish(struct store_rig *rig, const char *name, char key, uint64_t age_ms)
{
    struct transaction *t = store_rig_transaction(rig);
    struct claim *claim = &transaction_add(t, CHANGE_CLAIM)->claim;

    claim->name = xstrdup(name);
    claim->key[0] = (uint8_t)key;
    t->age_ms = age_ms;
    return t;
}

static void expect_wish(struct store_rig *rig, const char *name, char key, uint64_t age_ms,
                        enum error result)
{
    struct transaction *t = wish(rig, name, key, age_ms);

    store_rig_commit(rig, t);
    assert_int_equal(t->changes[0].claim.result, result);
    transaction_free(t);
}

/* Two in one transaction, and two in one commit: the first has it. */
static void test_the_first_has_it(void **state)
{
    struct rig *rig = *state;
    struct transaction *first, *second;
    struct claim *claim;

    store_rig_open(&rig->store);
    first = wish(&rig->store, "alice", 'a', 1);
    claim = &transaction_add(first, CHANGE_CLAIM)->claim;
    claim->name = xstrdup("alice");
    claim->key[0] = 'b';
    second = wish(&rig->store, "alice", 'b', 1);
    store_append(rig->store.store, first);
    store_append(rig->store.store, second);
    assert_ptr_equal(store_rig_take(&rig->store).transaction, first);
    assert_ptr_equal(store_rig_take(&rig->store).transaction, second);
    assert_int_equal(first->changes[0].claim.result, OK);
    assert_int_equal(first->changes[1].claim.result, ERR_NAME_TAKEN);
    assert_int_equal(second->changes[0].claim.result, ERR_NAME_TAKEN);
    transaction_free(first);
    transaction_free(second);
}

/* A start releases what was held; nobody else gets it before its owner had time to come back. */
static void test_after_a_restart(void **state)
{
    struct rig *rig = *state;
    struct now now = {.mono = {5000}, .unix_ms = 1};

    store_rig_open(&rig->store);
    store_rig_start_age(&rig->store, now); /* age 0 */
    expect_wish(&rig->store, "alice", 'a', 100, OK);
    store_save_age(rig->store.store, 1, (struct now){.mono = {5000 + 1000}, .unix_ms = 1});
    assert_int_equal(store_rig_take(&rig->store).kind, STORE_KEPT);
    store_rig_reopen(&rig->store);
    expect_wish(&rig->store, "alice", 'b', UINT64_C(1) << 50, ERR_NAME_TAKEN);
    store_rig_reopen(&rig->store);
    store_rig_start_age(&rig->store, now); /* age 1000: was held for 900, which is little */
    assert_int_equal(store_age_ms(rig->store.store, now.mono), 1000);
    expect_wish(&rig->store, "alice", 'b', 1000 + REGISTRATION_MS - 1, ERR_NAME_TAKEN);
    expect_wish(&rig->store, "alice", 'b', 1000 + REGISTRATION_MS, OK);
    store_trim_claims(rig->store.store, 7, (struct mono){0});
    const struct store_answer kept = store_rig_take(&rig->store);
    assert_int_equal(kept.kind, STORE_KEPT);
    assert_true(kept.id == 7 && kept.end && kept.error == OK);
}

/* What did not become durable is nobody's. */
static void test_a_bad_disk(void **state)
{
    struct rig *rig = *state;
    struct store_answer answer;

    store_rig_open(&rig->store);
    faulty_vfs_plan(&(struct faulty_plan){
        .calls = FAULTY_SYNC, .files = FAULTY_ANY, .result = SQLITE_IOERR_FSYNC, .error = EIO});
    store_append(rig->store.store, wish(&rig->store, "alice", 'a', 1));
    answer = store_rig_take(&rig->store);
    assert_int_equal(answer.kind, STORE_FAILED);
    transaction_free(answer.transaction);
    faulty_vfs_heal();
    expect_wish(&rig->store, "alice", 'b', 1, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_held),
        TEST(test_reserved_as_long_as_held),
        TEST(test_reserved_30_days_at_most),
        TEST(test_held_again),
        TEST(test_held_again_after_long),
        TEST(test_held_at_the_start),
        TEST(test_the_clock_went_back),
        TEST(test_damaged),
        TEST(test_bounded),
        TEST(test_what_is_over_goes),
        TEST(test_counted_when_committed),
        TEST(test_the_first_has_it),
        TEST(test_after_a_restart),
        TEST(test_a_bad_disk),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
