/* Which key a tracker has: it is known by its place, with a peer id or without. */
#include "tests/unit/member_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"

enum { SECOND_MS = 1000 };

#define FIRST "192.0.2.1:28471"

static void with_id(const struct identity *identity, char ret_text[TRACKER_TEXT_MAX + 1])
{
    snprintf(ret_text, TRACKER_TEXT_MAX + 1, "p2pchat:%s@" FIRST, identity->id);
}

static uint64_t call_register(struct member_rig *rig, const struct identity *identity)
{
    char text[TRACKER_TEXT_MAX + 1];

    with_id(identity, text);
    return member_rig_call(rig, API_REGISTER, "{\"tracker\":\"%s\"}", text);
}

/* There is this one and no other, and it stands so. */
static void assert_only(struct member_rig *rig, const char *state)
{
    const char *status = member_rig_status(rig);
    char start[RIG_TEXT_MAX];

    snprintf(start, sizeof start, "[{\"address\":\"" FIRST "\",\"state\":\"%s\"", state);
    rig_assert_has(status, start);
    assert_null(strstr(strstr(status, "\"address\"") + 1, "\"address\""));
}

static void start_registered(struct member_rig *rig)
{
    member_rig_init(rig, 1);
    member_rig_start(rig);
    member_rig_wait(rig, 2 * SECOND_MS);
    rig_assert_heard(&rig->trackers[0], "REGISTER ");
}

static void test_the_same_one_with_its_id(void **state)
{
    (void)state;
    struct member_rig rig;

    start_registered(&rig);
    const uint64_t call = call_register(&rig, &rig.trackers[0].identity);
    member_rig_wait(&rig, SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    assert_only(&rig, "registered");
    const uint64_t left = member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"p2pchat:%s@%s\"}",
                                          rig.trackers[0].identity.id, FIRST);
    member_rig_wait(&rig, SECOND_MS);
    member_rig_expect(&rig, left, OK);
    assert_only(&rig, "off");
    member_rig_done(&rig);
}

static void test_configured_in_both_forms(void **state)
{
    (void)state;

    for (int is_right = 0; is_right < 2; is_right++) {
        struct member_rig rig;
        struct rig_peer other;
        char text[TRACKER_TEXT_MAX + 1];

        member_rig_init(&rig, 1);
        rig_peer_init(&rig, &other);
        with_id(is_right ? &rig.trackers[0].identity : &other.identity, text);
        member_rig_configure(&rig, text);
        member_rig_start(&rig);
        member_rig_wait(&rig, 5 * SECOND_MS);
        rig_assert_heard(&rig.trackers[0], is_right ? "REGISTER " : "");
        assert_only(&rig, is_right ? "registered" : "away");
        member_rig_done(&rig);
    }
}

/* It has another key than the one that was kept, and we are told so. */
static void test_the_explicit_id_wins(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;

    start_registered(&rig);
    rig_peer_init(&rig, &other);
    rig.trackers[0].identity = other.identity;
    member_rig_restart(&rig);
    member_rig_wait(&rig, 5 * SECOND_MS);
    assert_only(&rig, "away");
    const uint64_t call = call_register(&rig, &other.identity);
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_expect(&rig, call, OK);
    assert_only(&rig, "registered");
    member_rig_restart(&rig); /* it is kept */
    member_rig_wait(&rig, 5 * SECOND_MS);
    assert_only(&rig, "registered");
    member_rig_done(&rig);
}

/* We are with one that has another key: that one is left. */
static void test_the_one_that_is_there_is_left(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;

    start_registered(&rig);
    rig_peer_init(&rig, &other);
    const uint64_t call = call_register(&rig, &other.identity);
    member_rig_wait(&rig, 30 * SECOND_MS);
    member_rig_expect(&rig, call, ERR_UNREACHABLE);
    assert_null(rig.trackers[0].link);
    rig_assert_heard(&rig.trackers[0], "");
    assert_only(&rig, "away");
    member_rig_done(&rig);
}

static void test_the_disk_fails(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;

    start_registered(&rig);
    rig_peer_init(&rig, &other);
    rig.disk_waits = true;
    const uint64_t call = call_register(&rig, &other.identity);
    member_rig_fail_disk(&rig);
    rig.disk_waits = false;
    member_rig_expect(&rig, call, ERR_STORAGE_FAILED);
    member_rig_wait(&rig, 30 * SECOND_MS);
    assert_only(&rig, "registered"); /* with the key that it had */
    member_rig_done(&rig);
}

static void test_the_configuration_has_the_last_word(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;
    char text[TRACKER_TEXT_MAX + 1];

    member_rig_init(&rig, 1);
    rig_peer_init(&rig, &other);
    with_id(&rig.trackers[0].identity, text);
    member_rig_configure(&rig, text);
    member_rig_start(&rig);
    member_rig_wait(&rig, 5 * SECOND_MS);
    const uint64_t call = call_register(&rig, &other.identity);
    member_rig_expect(&rig, call, ERR_INVALID_PARAMS);
    rig_assert_has(rig.message, "the configuration names another peer id");
    assert_only(&rig, "registered");
    member_rig_done(&rig);
}

/* --- Rows of older programs --- */

static void keep_row(struct member_rig *rig, const char *address, const struct identity *identity)
{
    struct transaction *transaction = transaction_new(0);
    struct tracker_row *row = &transaction_add(transaction, CHANGE_TRACKER)->tracker;
    struct store_answer answer;

    row->address = xstrdup(address);
    row->wish = TRACKER_WANTED;
    row->has_key = identity != NULL;
    if (identity != NULL)
        memcpy(row->key, identity->key.bytes, KEY_LENGTH);
    model_store_append(rig->store, transaction);
    model_store_commit(rig->store, SIZE_MAX);
    assert_true(model_store_take(rig->store, &answer));
    transaction_free(answer.transaction);
    model_store_answer_done(&answer);
}

static void count_tracker(void *context, const struct change *row)
{
    size_t *count = context;

    if (row->kind != CHANGE_TRACKER)
        return;
    assert_string_equal(row->tracker.address, FIRST);
    assert_true(row->tracker.has_key);
    assert_int_equal(row->tracker.wish, TRACKER_WANTED);
    ++*count;
}

static void test_rows_with_an_id(void **state)
{
    (void)state;

    for (int has_both = 0; has_both < 2; has_both++) {
        struct member_rig rig;
        struct rig_peer other;
        char text[TRACKER_TEXT_MAX + 1];
        size_t count = 0;

        member_rig_init(&rig, 0);
        struct rig_tracker *tracker = member_rig_open(&rig);
        rig_peer_init(&rig, &other);
        with_id(&tracker->identity, text);
        keep_row(&rig, text, NULL);
        if (has_both) /* a key that was seen there once */
            keep_row(&rig, FIRST, &other.identity);
        for (int starts = 0; starts < 2; starts++) {
            if (starts == 0)
                member_rig_start(&rig);
            else
                member_rig_restart(&rig);
            member_rig_wait(&rig, 5 * SECOND_MS);
            assert_only(&rig, "registered");
        }
        model_store_load(rig.store, count_tracker, &count);
        assert_int_equal(count, 1);
        member_rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_one_with_its_id),
        cmocka_unit_test(test_configured_in_both_forms),
        cmocka_unit_test(test_the_explicit_id_wins),
        cmocka_unit_test(test_the_one_that_is_there_is_left),
        cmocka_unit_test(test_the_disk_fails),
        cmocka_unit_test(test_the_configuration_has_the_last_word),
        cmocka_unit_test(test_rows_with_an_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
