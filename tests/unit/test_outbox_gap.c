/* What the sender's log no longer has is told in turn, and nothing else is said to be gone. */
#include "tests/unit/outbox_rig.h"
#include "tests/unit/unit.h"

#include "daemon/core/limits.h"

/* All that is left of a stream, although it was not delivered: somebody took it out. */
static void all_is_gone(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 5, 8);
    outbox_rig_lose(rig, 1, 5);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    outbox_rig_expect_gap(rig, 1, 1, 5);
    outbox_rig_expect_nothing(rig);
    assert_true(outbox_rig_acknowledge(rig, 1, 5, &progress));
    assert_int_equal(progress.count, 5);
    assert_int_equal(progress.queued_bytes, 40);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(outbox_queued_bytes(&rig->outbox), 0);
    outbox_rig_say(rig, 1, 8);
    outbox_rig_expect(rig, 1, 6);
}

/* Retention took what they had acknowledged, and then they were restored from an older copy. */
static void gone_below_acknowledged(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_talk(rig, 12, 10);
    outbox_close(&rig->outbox);
    outbox_rig_lose(rig, 1, 5);
    outbox_rig_lose(rig, 7, 8);
    outbox_rig_resume(rig, 1, 3, CREDIT_FIRST_BYTES);
    outbox_rig_expect_gap(rig, 1, 4, 5);
    outbox_rig_expect(rig, 1, 6);
    outbox_rig_expect_gap(rig, 1, 7, 8);
    for (uint64_t number = 9; number <= 12; number++)
        outbox_rig_expect(rig, 1, number);
    outbox_rig_expect_nothing(rig);
    assert_false(outbox_rig_acknowledge(rig, 1, 5, &progress));
    assert_false(outbox_rig_acknowledge(rig, 1, 10, &progress));
    assert_int_equal(outbox_queued(&rig->outbox), 2);
    assert_true(outbox_rig_acknowledge(rig, 1, 12, &progress));
    assert_int_equal(progress.count, 2);
    assert_int_equal(progress.queued_bytes, 20);
    assert_int_equal(progress.acked_seq, 12);
    assert_int_equal(rig->outbox.flight_count, 0);
}

/* The end of an epoch that is complete. */
static void gone_to_the_end(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_talk(rig, 6, 6);
    outbox_rig_begin(rig, 2);
    outbox_rig_say(rig, 2, 10);
    outbox_close(&rig->outbox);
    outbox_rig_lose(rig, 4, 6);
    outbox_rig_resume(rig, 1, 2, CREDIT_FIRST_BYTES);
    outbox_rig_expect(rig, 1, 3);
    outbox_rig_expect_gap(rig, 1, 4, 6);
    /* The newer epoch waits for the acknowledgement, as behind a message. */
    outbox_rig_expect_nothing(rig);
    assert_false(outbox_rig_acknowledge(rig, 1, 6, &progress));
    outbox_rig_expect(rig, 2, 1);
}

/* They have it already: nothing need be said of what is gone. */
static void gone_but_confirmed(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 9, 10);
    outbox_rig_lose(rig, 2, 3);
    outbox_rig_lose(rig, 5, 6);
    outbox_rig_resume(rig, 1, 5, CREDIT_FIRST_BYTES);
    assert_true(outbox_rig_read_once(rig, &progress));
    assert_int_equal(progress.acked, 4);
    assert_int_equal(progress.count, 4);
    outbox_rig_expect_gap(rig, 1, 6, 6);
    outbox_rig_expect(rig, 1, 7);
    assert_true(outbox_rig_acknowledge(rig, 1, 9, &progress));
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(outbox_queued_bytes(&rig->outbox), 0);
}

/* What became durable while the log was read is not in the answer, and is not gone. */
static void nothing_new_is_gone(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 2, 8);
    outbox_rig_lose(rig, 1, 2);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    assert_true(outbox_wants_rows(&rig->outbox, &stream, &after_seq, &rows_max, &bytes_max));
    outbox_rig_say_many(rig, 1, 2, 8);
    outbox_rows(&rig->outbox, stream, NULL, 0, true, &progress);
    outbox_rig_expect_gap(rig, 1, 1, 2);
    outbox_rig_expect(rig, 1, 3);
    outbox_rig_expect(rig, 1, 4);
    outbox_rig_expect_nothing(rig);
}

/* What the log has and we have not heard of yet comes when we have, and once. */
static void what_was_not_asked_for(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;
    struct outbox_row rows[3];

    for (uint64_t i = 0; i < 3; i++)
        rows[i] = (struct outbox_row){i + 1, i + 1, 1001 + (int64_t)i, "hi there", 8};
    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 2, 8);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    assert_true(outbox_wants_rows(&rig->outbox, &stream, &after_seq, &rows_max, &bytes_max));
    outbox_rows(&rig->outbox, stream, rows, 3, true, &progress);
    outbox_rig_say(rig, 1, 8);
    for (uint64_t number = 1; number <= 3; number++)
        outbox_rig_expect(rig, 1, number);
    outbox_rig_expect_nothing(rig);
}

/* A row that we cannot have written is as good as none. */
static void rows_that_are_not_ours(void **state)
{
    struct outbox_rig *rig = *state;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 4, 8);
    rig->log[2].length = 0;
    rig->log[3].number = 1;
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    outbox_rig_expect(rig, 1, 1);
    outbox_rig_expect_gap(rig, 1, 2, 3);
    outbox_rig_expect(rig, 1, 4);
    outbox_rig_expect_nothing(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, outbox_rig_setup, outbox_rig_teardown)
        TEST(all_is_gone),
        TEST(gone_below_acknowledged),
        TEST(gone_to_the_end),
        TEST(gone_but_confirmed),
        TEST(nothing_new_is_gone),
        TEST(what_was_not_asked_for),
        TEST(rows_that_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
