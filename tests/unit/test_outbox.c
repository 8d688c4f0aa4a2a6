/* The sender's end of a stream: what may leave, in which order, where it goes on after HAVE, and
 * how much of the log it holds in memory. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/action.h"
#include "daemon/core/chat/outbox.h"
#include "daemon/core/limits.h"

enum { LOG_MAX = 6000 };
#define EPOCH(n) (UINT64_C(0xe000) + (n))

/* A log of messages to one contact, and the outbox that reads it. Streams 1, 2, … have the epochs
 * EPOCH(1), EPOCH(2), … */
struct rig {
    struct outbox outbox;
    struct {
        uint32_t stream;
        uint64_t number;
        size_t length;
    } log[LOG_MAX]; /* seq is the place, from 1 */
    uint64_t last_seq;
    size_t reads;
};

static char filler[OUTBOX_WINDOW_BYTES];

static int setup(void **state)
{
    memset(filler, 'x', sizeof filler);
    *state = xcalloc(1, sizeof(struct rig));
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    outbox_done(&rig->outbox);
    free(rig);
    return 0;
}

static void begin(struct rig *rig, uint32_t stream)
{
    const struct stream_row row = {
        .stream = stream, .peer = 1, .direction = DIRECTION_OUT, .epoch = EPOCH(stream)};

    outbox_put(&rig->outbox, &row);
    rig->outbox.current_epoch = row.epoch;
}

static void say(struct rig *rig, uint32_t stream, size_t length)
{
    const uint64_t number = outbox_stream(&rig->outbox, stream)->row.last + 1;

    assert_true(rig->last_seq + 1 < LOG_MAX);
    rig->last_seq++;
    rig->log[rig->last_seq].stream = stream;
    rig->log[rig->last_seq].number = number;
    rig->log[rig->last_seq].length = length;
    outbox_stored(&rig->outbox, stream, number, rig->last_seq, 1000 + (int64_t)number, filler,
                  length);
}

static void say_many(struct rig *rig, uint32_t stream, size_t count, size_t length)
{
    while (count-- > 0)
        say(rig, stream, length);
}

/* Answers one read as the store would; false when none is wanted. */
static bool read_once(struct rig *rig, struct outbox_progress *progress)
{
    struct outbox_row rows[OUTBOX_AHEAD_MESSAGES];
    uint32_t stream;
    uint64_t seq;
    size_t rows_max, bytes_max, count = 0, bytes = 0;

    *progress = (struct outbox_progress){0};
    if (!outbox_wants_rows(&rig->outbox, &stream, &seq, &rows_max, &bytes_max))
        return false;
    assert_false(outbox_wants_rows(&rig->outbox, &stream, &seq, &rows_max, &bytes_max));
    assert_true(rows_max <= OUTBOX_AHEAD_MESSAGES);
    rig->reads++;
    bool end = true;
    while (++seq <= rig->last_seq) {
        if (rig->log[seq].stream != stream)
            continue;
        if (count == rows_max || (count > 0 && bytes + rig->log[seq].length > bytes_max)) {
            end = false;
            break;
        }
        bytes += rig->log[seq].length;
        rows[count++] = (struct outbox_row){.seq = seq,
                                            .number = rig->log[seq].number,
                                            .time_ms = 1000 + (int64_t)rig->log[seq].number,
                                            .text = filler,
                                            .text_length = rig->log[seq].length};
    }
    outbox_rows(&rig->outbox, stream, rows, count, end, progress);
    return true;
}

/* The other side's HAVE: `number` of stream `stream` (0: of none). */
static bool resume(struct rig *rig, uint32_t stream, uint64_t number, uint64_t credit)
{
    struct message_have ours = {0};
    struct message_have theirs = {.have_count = stream != 0, .have = {{EPOCH(stream), number}}};

    outbox_list_live(&rig->outbox, &ours);
    assert_int_equal(ours.live_count, rig->outbox.count);
    return outbox_resume(&rig->outbox, &theirs, credit);
}

static bool acknowledge(struct rig *rig, uint32_t stream, uint64_t through,
                        struct outbox_progress *progress)
{
    const struct message_ack ack = {EPOCH(stream), through, OUTBOX_WINDOW_BYTES};
    enum error error = OK;

    *progress = (struct outbox_progress){0};
    bool is_new = outbox_acknowledged(&rig->outbox, &ack, progress, &error);
    assert_int_equal(error, OK);
    return is_new;
}

/* The next message must be this one. */
static void expect(struct rig *rig, uint32_t stream, uint64_t number)
{
    struct message_chat message;
    struct outbox_progress progress;

    while (!outbox_next(&rig->outbox, &message))
        assert_true(read_once(rig, &progress));
    assert_int_equal(message.epoch, EPOCH(stream));
    assert_int_equal(message.number, number);
    assert_int_equal(message.time_ms, 1000 + number);
}

static void expect_nothing(struct rig *rig)
{
    struct message_chat message;

    assert_false(outbox_next(&rig->outbox, &message));
}

/* Sends all that may be sent; how much that was. */
static size_t send_all(struct rig *rig)
{
    struct message_chat message;
    struct outbox_progress progress;
    size_t sent = 0;

    do
        while (outbox_next(&rig->outbox, &message))
            sent++;
    while (read_once(rig, &progress));
    return sent;
}

/* --- Order --- */

static void nothing_before_have(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    say(rig, 1, 5);
    expect_nothing(rig);
    assert_false(read_once(rig, &progress));
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    expect(rig, 1, 1);
    expect_nothing(rig);
}

static void in_turn(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    for (uint64_t number = 1; number <= 50; number++)
        say(rig, 1, 10);
    assert_int_equal(outbox_queued(&rig->outbox), 50);
    assert_int_equal(outbox_queued_bytes(&rig->outbox), 500);
    for (uint64_t number = 1; number <= 50; number++)
        expect(rig, 1, number);
    assert_int_equal(rig->reads, 0); /* all came from memory */
    assert_true(acknowledge(rig, 1, 20, &progress));
    assert_int_equal(progress.stream, 1);
    assert_int_equal(progress.acked, 20);
    assert_int_equal(progress.acked_seq, 20);
    assert_int_equal(progress.count, 20);
    assert_int_equal(progress.queued_bytes, 200);
    assert_false(acknowledge(rig, 1, 20, &progress)); /* again */
    assert_false(acknowledge(rig, 1, 3, &progress));  /* older */
    assert_true(acknowledge(rig, 1, 50, &progress));
    assert_int_equal(progress.count, 30);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(rig->outbox.window_count, 0);
}

static void older_epochs_first(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    say_many(rig, 1, 3, 4);
    begin(rig, 2);
    say_many(rig, 2, 2, 4);
    begin(rig, 3);
    say_many(rig, 3, 2, 4);
    resume(rig, 2, 1, CREDIT_FIRST_BYTES);
    say(rig, 3, 4);                     /* while older ones are still in the log */
    assert_int_equal(send_all(rig), 3); /* the first epoch's, and no more until they are there */
    assert_false(acknowledge(rig, 1, 0, &progress));
    expect_nothing(rig);
    assert_true(acknowledge(rig, 1, 3, &progress));
    assert_int_equal(progress.stream, 1);
    assert_int_equal(progress.count, 3);
    expect(rig, 2, 2);
    expect_nothing(rig);
    assert_true(acknowledge(rig, 2, 2, &progress));
    expect(rig, 3, 1);
    expect(rig, 3, 2);
    expect(rig, 3, 3);
    assert_true(acknowledge(rig, 3, 3, &progress));
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* An epoch that begins while the link is up needs no HAVE. */
static void epoch_begins_on_a_link(void **state)
{
    struct rig *rig = *state;

    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    begin(rig, 1);
    say(rig, 1, 4);
    expect(rig, 1, 1);
}

/* Their HAVE came, ours did not go yet: a new epoch does not overtake the older ones. */
static void epoch_begins_between_the_haves(void **state)
{
    struct rig *rig = *state;
    struct message_have ours = {0}, theirs = {0};
    struct outbox_progress progress;

    begin(rig, 1);
    say(rig, 1, 4);
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    begin(rig, 2);
    say(rig, 2, 4);
    expect_nothing(rig);
    outbox_list_live(&rig->outbox, &ours);
    expect(rig, 1, 1);
    acknowledge(rig, 1, 1, &progress);
    expect(rig, 2, 1);
}

/* One HAVE lists so many epochs, the oldest; the others wait for the next. */
static void more_epochs_than_have_lists(void **state)
{
    struct rig *rig = *state;
    struct message_have ours = {0}, theirs = {0};
    struct outbox_progress progress;
    const uint32_t count = MESSAGE_EPOCHS_MAX + 3;

    for (uint32_t stream = 1; stream <= count; stream++) {
        begin(rig, stream);
        say(rig, stream, 4);
    }
    outbox_list_live(&rig->outbox, &ours);
    assert_int_equal(ours.live_count, MESSAGE_EPOCHS_MAX);
    assert_int_equal(ours.live[0], EPOCH(1));
    assert_int_equal(ours.live[MESSAGE_EPOCHS_MAX - 1], EPOCH(MESSAGE_EPOCHS_MAX));
    outbox_resume(&rig->outbox, &theirs, CREDIT_FIRST_BYTES);
    for (uint32_t stream = 1; stream <= MESSAGE_EPOCHS_MAX; stream++) {
        expect(rig, stream, 1);
        acknowledge(rig, stream, 1, &progress);
    }
    assert_int_equal(send_all(rig), 0);
}

/* --- Bounds --- */

static void window_of_messages(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    say_many(rig, 1, 3000, 1);
    assert_int_equal(send_all(rig), OUTBOX_WINDOW_MESSAGES);
    assert_true(rig->outbox.window_count <= OUTBOX_WINDOW_MESSAGES + OUTBOX_AHEAD_MESSAGES);
    acknowledge(rig, 1, 100, &progress);
    assert_int_equal(send_all(rig), 100);
    for (uint64_t through = 200; through <= 3000; through += 100) {
        acknowledge(rig, 1, through, &progress);
        send_all(rig);
    }
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    assert_int_equal(rig->outbox.flight_count, 0);
}

static void window_of_bytes(void **state)
{
    struct rig *rig = *state;
    const size_t length = 60 * 1024;

    begin(rig, 1);
    resume(rig, 0, 0, UINT64_MAX);
    say_many(rig, 1, 40, length);
    assert_int_equal(send_all(rig), OUTBOX_WINDOW_BYTES / length);
    assert_true(rig->outbox.window_bytes <=
                OUTBOX_WINDOW_BYTES + OUTBOX_AHEAD_BYTES + MESSAGE_TEXT_MAX);
}

static void credit_is_kept(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    enum error error = OK;

    begin(rig, 1);
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    say_many(rig, 1, 10, CREDIT_FIRST_BYTES / 2);
    assert_int_equal(send_all(rig), 2);
    outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(1), 2, 0}, &progress, &error);
    assert_int_equal(send_all(rig), 0); /* their disk fails */
    outbox_acknowledged(&rig->outbox, &(struct message_ack){EPOCH(1), 2, CREDIT_FIRST_BYTES / 2},
                        &progress, &error);
    assert_int_equal(send_all(rig), 1);
}

/* The window shrinks to nothing without a link, however much is queued. */
static void no_link_no_memory(void **state)
{
    struct rig *rig = *state;

    begin(rig, 1);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    say_many(rig, 1, 2000, 10);
    outbox_close(&rig->outbox);
    assert_int_equal(rig->outbox.window_count, 0);
    assert_int_equal(rig->outbox.window_bytes, 0);
    say_many(rig, 1, 2000, 10);
    assert_int_equal(rig->outbox.window_count, 0);
    assert_int_equal(outbox_queued(&rig->outbox), 4000);
    expect_nothing(rig);
}

static void reads_the_log_in_windows(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    say_many(rig, 1, 5000, 20);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    for (uint64_t number = 1; number <= 5000; number++) {
        expect(rig, 1, number);
        assert_true(rig->outbox.window_count <= OUTBOX_WINDOW_MESSAGES + OUTBOX_AHEAD_MESSAGES);
        if (number % 64 == 0)
            acknowledge(rig, 1, number, &progress);
    }
    assert_true(rig->reads >= 5000 / OUTBOX_AHEAD_MESSAGES);
    assert_true(rig->reads <= 5000 / (OUTBOX_AHEAD_MESSAGES / 2) + 2);
    acknowledge(rig, 1, 5000, &progress);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* Messages that become durable while older ones are read back do not overtake them. */
static void nothing_overtakes_a_read(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    say_many(rig, 1, 300, 8);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    for (uint64_t number = 1; number <= 600; number++) {
        if (number <= 300)
            say(rig, 1, 8);
        expect(rig, 1, number);
    }
    acknowledge(rig, 1, 600, &progress);
    say(rig, 1, 8);
    expect(rig, 1, 601);
    expect_nothing(rig);
}

static void read_that_fails_is_asked_again(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;

    begin(rig, 1);
    say_many(rig, 1, 5, 8);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    assert_true(outbox_wants_rows(&rig->outbox, &stream, &after_seq, &rows_max, &bytes_max));
    outbox_rows(&rig->outbox, stream, NULL, 0, false, &progress);
    expect_nothing(rig);
    expect(rig, 1, 1); /* by another read */
}

/* What is no longer in the log is not waited for. */
static void rows_that_are_gone(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;

    begin(rig, 1);
    say_many(rig, 1, 5, 8);
    resume(rig, 0, 0, OUTBOX_WINDOW_BYTES);
    assert_true(outbox_wants_rows(&rig->outbox, &stream, &after_seq, &rows_max, &bytes_max));
    outbox_rows(&rig->outbox, stream, NULL, 0, true, &progress);
    assert_false(read_once(rig, &progress));
    expect_nothing(rig);
}

/* --- HAVE --- */

/* They have more than they acknowledged: acknowledgements were lost with the link. */
static void have_above_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    say_many(rig, 1, 8, 10);
    assert_false(resume(rig, 1, 5, CREDIT_FIRST_BYTES));
    assert_true(read_once(rig, &progress));
    assert_int_equal(progress.count, 5);
    assert_int_equal(progress.acked, 5);
    assert_int_equal(progress.acked_seq, 5);
    assert_int_equal(progress.queued_bytes, 50);
    assert_int_equal(outbox_queued(&rig->outbox), 3);
    expect(rig, 1, 6);
    expect(rig, 1, 7);
    expect(rig, 1, 8);
    expect_nothing(rig);
}

static void have_confirms_everything(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    uint64_t confirmed = 0;

    begin(rig, 1);
    say_many(rig, 1, 1000, 10);
    resume(rig, 1, 1000, CREDIT_FIRST_BYTES);
    while (read_once(rig, &progress))
        confirmed += progress.count;
    assert_int_equal(confirmed, 1000);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
    expect_nothing(rig);
    say(rig, 1, 10);
    expect(rig, 1, 1001);
}

/* They have less than they acknowledged: their database was restored from an older copy. */
static void have_below_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    say_many(rig, 1, 8, 10);
    send_all(rig);
    acknowledge(rig, 1, 6, &progress);
    outbox_close(&rig->outbox);
    assert_false(resume(rig, 1, 2, CREDIT_FIRST_BYTES));
    for (uint64_t number = 3; number <= 8; number++)
        expect(rig, 1, number);
    assert_false(acknowledge(rig, 1, 6, &progress)); /* told as delivered before */
    assert_true(acknowledge(rig, 1, 8, &progress));
    assert_int_equal(progress.count, 2);
    assert_int_equal(outbox_queued(&rig->outbox), 0);
}

/* They have more than we ever sent: our database was restored from an older copy. */
static void have_beyond_last(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    uint64_t confirmed = 0;

    begin(rig, 1);
    say_many(rig, 1, 4, 10);
    begin(rig, 2); /* drawn at our start: what we say now has an epoch of its own */
    say(rig, 2, 10);
    assert_true(resume(rig, 1, 9, CREDIT_FIRST_BYTES));
    while (read_once(rig, &progress))
        confirmed += progress.count;
    assert_int_equal(confirmed, 4);
    expect(rig, 2, 1);
    expect_nothing(rig);
}

/* HAVE in the middle of a link sets the window back to where they are. */
static void have_again_on_the_same_link(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    say_many(rig, 1, 10, 10);
    assert_int_equal(send_all(rig), 10);
    acknowledge(rig, 1, 3, &progress);
    resume(rig, 1, 4, CREDIT_FIRST_BYTES);
    for (uint64_t number = 5; number <= 10; number++)
        expect(rig, 1, number);
    expect_nothing(rig);
}

/* --- What no honest peer says --- */

static void acknowledges_what_is_not_there(void **state)
{
    struct rig *rig = *state;
    struct outbox_progress progress;
    enum error error = OK;

    begin(rig, 1);
    resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    say_many(rig, 1, 2, 10);
    send_all(rig);
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
    struct rig *rig = *state;
    struct outbox_progress progress;

    begin(rig, 1);
    resume(rig, 0, 0, 25);
    say_many(rig, 1, 10, 10);
    assert_int_equal(send_all(rig), 2);
    acknowledge(rig, 1, 5, &progress);
    assert_int_equal(rig->outbox.flight_count, 0);
    assert_int_equal(rig->outbox.flight_bytes, 0);
    expect(rig, 1, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(nothing_before_have),
        TEST(in_turn),
        TEST(older_epochs_first),
        TEST(epoch_begins_on_a_link),
        TEST(epoch_begins_between_the_haves),
        TEST(more_epochs_than_have_lists),
        TEST(window_of_messages),
        TEST(window_of_bytes),
        TEST(credit_is_kept),
        TEST(no_link_no_memory),
        TEST(reads_the_log_in_windows),
        TEST(nothing_overtakes_a_read),
        TEST(read_that_fails_is_asked_again),
        TEST(rows_that_are_gone),
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
