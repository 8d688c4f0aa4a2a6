/* The sender's end of a stream: what may leave, in which order, where it goes on after HAVE, and
 * how much of the log it holds in memory. */
#include "tests/unit/outbox_rig.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/limits.h"

/* --- Order --- */

static void nothing_before_have(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say(rig, 1, 5);
    outbox_rig_expect_nothing(rig);
    assert_false(outbox_rig_read_once(rig, &progress));
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_expect(rig, 1, 1);
    outbox_rig_expect_nothing(rig);
}

static void in_turn(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    for (uint64_t number = 1; number <= 50; number++)
        outbox_rig_say(rig, 1, 10);
    assert_int_equal(outbox_queued(&rig->outbox), 50);
    assert_int_equal(outbox_queued_bytes(&rig->outbox), 500);
    for (uint64_t number = 1; number <= 50; number++)
        outbox_rig_expect(rig, 1, number);
    assert_int_equal(rig->reads, 0); /* all came from memory */
    assert_true(outbox_rig_acknowledge(rig, 1, 20, &progress));
    assert_int_equal(progress.stream, 1);
    assert_int_equal(progress.acked, 20);
    assert_int_equal(progress.acked_seq, 20);
    assert_int_equal(progress.count, 20);
    assert_int_equal(progress.queued_bytes, 200);
    assert_false(outbox_rig_acknowledge(rig, 1, 20, &progress)); /* again */
    assert_false(outbox_rig_acknowledge(rig, 1, 3, &progress));  /* older */
    assert_true(outbox_rig_acknowledge(rig, 1, 50, &progress));
    assert_int_equal(progress.count, 30);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(rig->outbox.window_count, 0);
}

static void older_epochs_first(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 3, 4);
    outbox_rig_begin(rig, 2);
    outbox_rig_say_many(rig, 2, 2, 4);
    outbox_rig_begin(rig, 3);
    outbox_rig_say_many(rig, 3, 2, 4);
    outbox_rig_resume(rig, 2, 1, CREDIT_FIRST_BYTES);
    outbox_rig_say(rig, 3, 4); /* while older ones are still in the log */
    assert_int_equal(outbox_rig_send_all(rig),
                     3); /* the first epoch's, and no more until they are there */
    assert_false(outbox_rig_acknowledge(rig, 1, 0, &progress));
    outbox_rig_expect_nothing(rig);
    assert_true(outbox_rig_acknowledge(rig, 1, 3, &progress));
    assert_int_equal(progress.stream, 1);
    assert_int_equal(progress.count, 3);
    outbox_rig_expect(rig, 2, 2);
    outbox_rig_expect_nothing(rig);
    assert_true(outbox_rig_acknowledge(rig, 2, 2, &progress));
    outbox_rig_expect(rig, 3, 1);
    outbox_rig_expect(rig, 3, 2);
    outbox_rig_expect(rig, 3, 3);
    assert_true(outbox_rig_acknowledge(rig, 3, 3, &progress));
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* An epoch that begins while the link is up needs no HAVE. */
static void epoch_begins_on_a_link(void **state)
{
    struct outbox_rig *rig = *state;

    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_begin(rig, 1);
    outbox_rig_say(rig, 1, 4);
    outbox_rig_expect(rig, 1, 1);
}

/* Their HAVE came, ours did not go yet: a new epoch does not overtake the older ones. */
static void epoch_begins_between_the_haves(void **state)
{
    struct outbox_rig *rig = *state;
    struct message_have ours = {0}, theirs = {0};
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say(rig, 1, 4);
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    outbox_rig_begin(rig, 2);
    outbox_rig_say(rig, 2, 4);
    outbox_rig_expect_nothing(rig);
    outbox_list_live(&rig->outbox, &ours);
    outbox_rig_expect(rig, 1, 1);
    outbox_rig_acknowledge(rig, 1, 1, &progress);
    outbox_rig_expect(rig, 2, 1);
}

/* One HAVE lists so many epochs, the oldest; the others wait for the next. */
static void more_epochs_than_have_lists(void **state)
{
    struct outbox_rig *rig = *state;
    struct message_have ours = {0}, theirs = {0};
    struct outbox_progress progress;
    const uint32_t count = OUTBOX_LISTED_MAX + 3;

    for (uint32_t stream = 1; stream <= count; stream++) {
        outbox_rig_begin(rig, stream);
        outbox_rig_say(rig, stream, 4);
    }
    outbox_list_live(&rig->outbox, &ours);
    assert_int_equal(ours.live_count, OUTBOX_LISTED_MAX);
    assert_int_equal(ours.live[0], EPOCH(1));
    assert_int_equal(ours.live[OUTBOX_LISTED_MAX - 1], EPOCH(OUTBOX_LISTED_MAX));
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    for (uint32_t stream = 1; stream <= OUTBOX_LISTED_MAX; stream++) {
        assert_false(outbox_wants_listing(&rig->outbox));
        outbox_rig_expect(rig, stream, 1);
        outbox_rig_acknowledge(rig, stream, 1, &progress);
    }
    assert_int_equal(outbox_rig_send_all(rig), 0);
    assert_true(outbox_wants_listing(&rig->outbox));
    while (outbox_over(&rig->outbox) != NULL)
        outbox_remove(&rig->outbox, outbox_over(&rig->outbox)->stream);
    outbox_list_live(&rig->outbox, &ours);
    assert_int_equal(ours.live_count, OUTBOX_COMPLETE_MAX + 3);
    assert_false(outbox_wants_listing(&rig->outbox));
    outbox_rig_expect(rig, OUTBOX_LISTED_MAX + 1, 1);
}

static void expect_over(struct outbox_rig *rig, uint32_t stream)
{
    const struct stream_row *over = outbox_over(&rig->outbox);

    assert_non_null(over);
    assert_int_equal(over->stream, stream);
}

/* What they have all of is kept for a while, the newest of it; longer what they may have lost. */
static void complete_epochs_are_over(void **state)
{
    struct outbox_rig *rig = *state;
    struct message_have ours, theirs = {0};
    struct outbox_progress progress;
    const uint32_t count = OUTBOX_COMPLETE_MAX + 4; /* the last one is current, and never over */

    for (uint32_t stream = 1; stream <= count; stream++) {
        outbox_rig_begin(rig, stream);
        outbox_rig_say(rig, stream, 4);
        theirs.have[theirs.have_count++] = (struct message_mark){EPOCH(stream), 1};
    }
    outbox_list_live(&rig->outbox, &ours);
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    assert_null(outbox_over(&rig->outbox)); /* as far as we know */
    assert_int_equal(outbox_rig_send_all(rig), 0);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    outbox_close(&rig->outbox);
    theirs.have[1].number = 0; /* they were restored, and lost the second */
    outbox_list_live(&rig->outbox, &ours);
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    expect_over(rig, 1);
    outbox_remove(&rig->outbox, 1);
    expect_over(rig, 3);
    assert_int_equal(outbox_rig_send_all(rig), 1);
    outbox_rig_acknowledge(rig, 2, 1, &progress);
    expect_over(rig, 2);
    outbox_remove(&rig->outbox, 2);
    outbox_remove(&rig->outbox, 3);
    assert_null(outbox_over(&rig->outbox));
    assert_int_equal(rig->outbox.count, OUTBOX_COMPLETE_MAX + 1);
}

/* --- Bounds --- */

static void window_of_messages(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    outbox_rig_say_many(rig, 1, 3000, 1);
    assert_int_equal(outbox_rig_send_all(rig), OUTBOX_WINDOW_MESSAGES);
    assert_true(rig->outbox.window_count <= OUTBOX_WINDOW_MESSAGES + OUTBOX_AHEAD_MESSAGES);
    outbox_rig_acknowledge(rig, 1, 100, &progress);
    assert_int_equal(outbox_rig_send_all(rig), 100);
    for (uint64_t through = 200; through <= 3000; through += 100) {
        outbox_rig_acknowledge(rig, 1, through, &progress);
        outbox_rig_send_all(rig);
    }
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(rig->outbox.flight_count, 0);
}

static void window_of_bytes(void **state)
{
    struct outbox_rig *rig = *state;
    const size_t length = 60 * 1024;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, UINT64_MAX);
    outbox_rig_say_many(rig, 1, 40, length);
    assert_int_equal(outbox_rig_send_all(rig), OUTBOX_WINDOW_BYTES / length);
    assert_true(rig->outbox.window_bytes <=
                OUTBOX_WINDOW_BYTES + OUTBOX_AHEAD_BYTES + MESSAGE_TEXT_MAX);
}

static void credit_is_kept(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    enum error error = OK;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_say_many(rig, 1, 10, CREDIT_FIRST_BYTES / 2);
    assert_int_equal(outbox_rig_send_all(rig), 2);
    outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(1), 2, 0}, &progress, &error);
    assert_int_equal(outbox_rig_send_all(rig), 0); /* their disk fails */
    outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(1), 2, CREDIT_FIRST_BYTES / 2},
                        &progress, &error);
    assert_int_equal(outbox_rig_send_all(rig), 1);
}

/* The window shrinks to nothing without a link, however much is queued. */
static void no_link_no_memory(void **state)
{
    struct outbox_rig *rig = *state;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    outbox_rig_say_many(rig, 1, 2000, 10);
    outbox_close(&rig->outbox);
    assert_int_equal(rig->outbox.window_count, 0);
    assert_int_equal(rig->outbox.window_bytes, 0);
    outbox_rig_say_many(rig, 1, 2000, 10);
    assert_int_equal(rig->outbox.window_count, 0);
    assert_int_equal(outbox_queued(&rig->outbox), 4000);
    outbox_rig_expect_nothing(rig);
}

static void reads_the_log_in_windows(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 5000, 20);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    for (uint64_t number = 1; number <= 5000; number++) {
        outbox_rig_expect(rig, 1, number);
        assert_true(rig->outbox.window_count <= OUTBOX_WINDOW_MESSAGES + OUTBOX_AHEAD_MESSAGES);
        if (number % 64 == 0)
            outbox_rig_acknowledge(rig, 1, number, &progress);
    }
    assert_true(rig->reads >= 5000 / OUTBOX_AHEAD_MESSAGES);
    assert_true(rig->reads <= 5000 / (OUTBOX_AHEAD_MESSAGES / 2) + 2);
    outbox_rig_acknowledge(rig, 1, 5000, &progress);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* Messages that become durable while older ones are read back do not overtake them. */
static void nothing_overtakes_a_read(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 300, 8);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    for (uint64_t number = 1; number <= 600; number++) {
        if (number <= 300)
            outbox_rig_say(rig, 1, 8);
        outbox_rig_expect(rig, 1, number);
    }
    outbox_rig_acknowledge(rig, 1, 600, &progress);
    outbox_rig_say(rig, 1, 8);
    outbox_rig_expect(rig, 1, 601);
    outbox_rig_expect_nothing(rig);
}

static void read_that_fails_is_asked_again(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 5, 8);
    outbox_rig_resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    assert_true(outbox_wants_rows(&rig->outbox, &stream, &after_seq, &rows_max, &bytes_max));
    outbox_rows(&rig->outbox, stream, NULL, 0, false, &progress);
    outbox_rig_expect_nothing(rig);
    outbox_rig_expect(rig, 1, 1); /* by another read */
}

/* --- HAVE --- */

/* They have more than they acknowledged: acknowledgements were lost with the link. */
static void have_above_acknowledged(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 8, 10);
    assert_false(outbox_rig_resume(rig, 1, 5, CREDIT_FIRST_BYTES));
    assert_true(outbox_rig_read_once(rig, &progress));
    assert_int_equal(progress.count, 5);
    assert_int_equal(progress.acked, 5);
    assert_int_equal(progress.acked_seq, 5);
    assert_int_equal(progress.queued_bytes, 50);
    assert_int_equal(outbox_queued(&rig->outbox), 3);
    outbox_rig_expect(rig, 1, 6);
    outbox_rig_expect(rig, 1, 7);
    outbox_rig_expect(rig, 1, 8);
    outbox_rig_expect_nothing(rig);
}

static void have_confirms_everything(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    uint64_t confirmed = 0;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 1000, 10);
    outbox_rig_resume(rig, 1, 1000, CREDIT_FIRST_BYTES);
    while (outbox_rig_read_once(rig, &progress))
        confirmed += progress.count;
    assert_int_equal(confirmed, 1000);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    outbox_rig_expect_nothing(rig);
    outbox_rig_say(rig, 1, 10);
    outbox_rig_expect(rig, 1, 1001);
}

/* They have less than they acknowledged: their database was restored from an older copy. */
static void have_below_acknowledged(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_talk(rig, 8, 6);
    outbox_close(&rig->outbox);
    assert_false(outbox_rig_resume(rig, 1, 2, CREDIT_FIRST_BYTES));
    for (uint64_t number = 3; number <= 8; number++)
        outbox_rig_expect(rig, 1, number);
    assert_false(outbox_rig_acknowledge(rig, 1, 6, &progress)); /* told as delivered before */
    assert_true(outbox_rig_acknowledge(rig, 1, 8, &progress));
    assert_int_equal(progress.count, 2);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* They have more than we ever sent: our database was restored from an older copy. */
static void have_beyond_last(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    uint64_t confirmed = 0;

    outbox_rig_begin(rig, 1);
    outbox_rig_say_many(rig, 1, 4, 10);
    outbox_rig_begin(rig, 2); /* drawn at our start: what we say now has an epoch of its own */
    outbox_rig_say(rig, 2, 10);
    assert_true(outbox_rig_resume(rig, 1, 9, CREDIT_FIRST_BYTES));
    while (outbox_rig_read_once(rig, &progress))
        confirmed += progress.count;
    assert_int_equal(confirmed, 4);
    outbox_rig_expect(rig, 2, 1);
    outbox_rig_expect_nothing(rig);
}

/* HAVE in the middle of a link sets the window back to where they are. */
static void have_again_on_the_same_link(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_say_many(rig, 1, 10, 10);
    assert_int_equal(outbox_rig_send_all(rig), 10);
    outbox_rig_acknowledge(rig, 1, 3, &progress);
    outbox_rig_resume(rig, 1, 4, CREDIT_FIRST_BYTES);
    for (uint64_t number = 5; number <= 10; number++)
        outbox_rig_expect(rig, 1, number);
    outbox_rig_expect_nothing(rig);
}

/* --- What no honest peer says --- */

static void acknowledges_what_is_not_there(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;
    enum error error = OK;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_say_many(rig, 1, 2, 10);
    outbox_rig_send_all(rig);
    assert_false(outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(1), 3, 1}, &progress,
                                     &error));
    assert_int_equal(error, ERR_MALFORMED);
    assert_int_equal(outbox_queued(&rig->outbox), 2);
    error = OK; /* an epoch that was delivered and forgotten is no mistake */
    assert_false(outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(9), 3, 1}, &progress,
                                     &error));
    assert_int_equal(error, OK);
}

/* What it has not been sent it cannot have, but it may say so: only it loses by that. */
static void acknowledges_what_was_not_sent(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, 25);
    outbox_rig_say_many(rig, 1, 10, 10);
    assert_int_equal(outbox_rig_send_all(rig), 2);
    outbox_rig_acknowledge(rig, 1, 5, &progress);
    assert_int_equal(rig->outbox.flight_count, 0);
    assert_int_equal(rig->outbox.flight_bytes, 0);
    outbox_rig_expect(rig, 1, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, outbox_rig_setup, outbox_rig_teardown)
        TEST(nothing_before_have),
        TEST(in_turn),
        TEST(older_epochs_first),
        TEST(epoch_begins_on_a_link),
        TEST(epoch_begins_between_the_haves),
        TEST(more_epochs_than_have_lists),
        TEST(complete_epochs_are_over),
        TEST(window_of_messages),
        TEST(window_of_bytes),
        TEST(credit_is_kept),
        TEST(no_link_no_memory),
        TEST(reads_the_log_in_windows),
        TEST(nothing_overtakes_a_read),
        TEST(read_that_fails_is_asked_again),
        TEST(have_above_acknowledged),
        TEST(have_confirms_everything),
        TEST(have_below_acknowledged),
        TEST(have_beyond_last),
        TEST(have_again_on_the_same_link),
        TEST(acknowledges_what_is_not_there),
        TEST(acknowledges_what_was_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
