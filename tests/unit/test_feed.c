#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/feed.h"

enum { ROOMY = 1 << 20, RING = 4096 };

static const struct mono NOW = {1000};
static const struct feed_filter ALL = {0, 0};

/* --- What a test says in one line --- */

static void append(struct feed *feed, uint64_t seq, int type, uint32_t peer, const char *line)
{
    feed_append(feed, &(struct feed_row){seq, type, peer, line, strlen(line)});
}

static void expect_write(struct feed *feed, uint64_t reader, const char *line)
{
    struct feed_action a;

    assert_true(feed_next_action(feed, &a));
    assert_int_equal(a.kind, FEED_WRITE);
    assert_int_equal(a.write.reader, reader);
    assert_int_equal(a.write.length, strlen(line));
    assert_memory_equal(a.write.line, line, a.write.length);
}

static uint64_t expect_read(struct feed *feed, uint64_t after_seq)
{
    struct feed_action a;

    assert_true(feed_next_action(feed, &a));
    assert_int_equal(a.kind, FEED_READ);
    assert_int_equal(a.read.after_seq, after_seq);
    assert_true(a.read.rows_max > 0 && a.read.bytes_max > 0);
    return a.read.read;
}

static void expect_gap(struct feed *feed, uint64_t reader, uint64_t from, uint64_t to)
{
    struct feed_action a;

    assert_true(feed_next_action(feed, &a));
    assert_int_equal(a.kind, FEED_GAP);
    assert_int_equal(a.gap.reader, reader);
    assert_int_equal(a.gap.from, from);
    assert_int_equal(a.gap.to, to);
}

static void expect_nothing(struct feed *feed)
{
    struct feed_action a;

    assert_false(feed_next_action(feed, &a));
}

/* --- One thing at a time --- */

static void test_from_now(void **state)
{
    (void)state;
    struct feed *feed = feed_new(7, RING);

    assert_false(feed_is_followed(feed));
    append(feed, 8, 1, 1, "before");
    assert_int_equal(feed_subscribe(feed, 1, FEED_NOW, &ALL, ROOMY), 8);
    assert_true(feed_is_followed(feed));
    expect_nothing(feed);
    append(feed, 9, 1, 1, "a");
    append(feed, 12, 1, 1, "b");
    expect_write(feed, 1, "a");
    expect_write(feed, 1, "b");
    expect_nothing(feed);
    feed_unsubscribe(feed, 1);
    feed_unsubscribe(feed, 1);
    append(feed, 13, 1, 1, "after");
    expect_nothing(feed);
    feed_free(feed);
    feed_free(NULL);
}

static void test_since_is_read_then_live(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);
    const struct feed_row rows[] = {{2, 1, 1, "two", 3}, {3, 1, 1, "three", 5}};

    assert_int_equal(feed_subscribe(feed, 1, 1, &ALL, ROOMY), 1);
    uint64_t read = expect_read(feed, 1);
    expect_nothing(feed);
    append(feed, 4, 1, 1, "four"); /* while the read is under way */
    expect_nothing(feed);
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 3, true, 0}, NOW);
    expect_write(feed, 1, "two");
    expect_write(feed, 1, "three");
    expect_write(feed, 1, "four");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_since_still_to_come_is_now(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);

    assert_int_equal(feed_subscribe(feed, 1, 1000, &ALL, ROOMY), 3);
    append(feed, 4, 1, 1, "four");
    expect_write(feed, 1, "four");
    feed_free(feed);
}

static void test_rows_are_told_once_wherever_they_come_from(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);
    const struct feed_row rows[] = {{3, 1, 1, "three", 5}, {4, 1, 1, "four", 4}};

    feed_subscribe(feed, 1, 2, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 2);
    /* The answer shows a row that the feed has not been told of: it waits until it is. */
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 4, true, 0}, NOW);
    expect_write(feed, 1, "three");
    expect_nothing(feed);
    append(feed, 4, 1, 1, "four");
    expect_write(feed, 1, "four");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_filters(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);

    feed_subscribe(feed, 1, FEED_NOW, &(struct feed_filter){1u << 2 | 1u << 5, 0}, ROOMY);
    feed_subscribe(feed, 2, FEED_NOW, &(struct feed_filter){0, 9}, ROOMY);
    expect_nothing(feed);
    append(feed, 1, 1, 9, "type 1 of 9");
    append(feed, 2, 5, 8, "type 5 of 8");
    append(feed, 3, 3, 0, "type 3 of nobody");
    expect_write(feed, 1, "type 5 of 8");
    expect_write(feed, 2, "type 1 of 9");
    expect_nothing(feed);
    /* Both are live, though they were told nothing of the last row. */
    feed_tell(feed, &(struct feed_row){0, 5, 9, "now", 3});
    expect_write(feed, 1, "now");
    expect_write(feed, 2, "now");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_turns(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);

    for (uint64_t reader = 1; reader <= 3; reader++)
        feed_subscribe(feed, reader, FEED_NOW, &ALL, ROOMY);
    expect_nothing(feed);
    append(feed, 1, 1, 0, "a");
    append(feed, 2, 1, 0, "b");
    for (uint64_t reader = 1; reader <= 3; reader++)
        expect_write(feed, reader, "a");
    for (uint64_t reader = 1; reader <= 3; reader++)
        expect_write(feed, reader, "b");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_no_room(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);

    feed_subscribe(feed, 1, FEED_NOW, &ALL, 3);
    expect_nothing(feed);
    append(feed, 1, 1, 0, "aa");
    append(feed, 2, 1, 0, "bb");
    append(feed, 3, 1, 0, "cc");
    expect_write(feed, 1, "aa");
    expect_write(feed, 1, "bb"); /* one byte of room was left */
    expect_nothing(feed);
    feed_tell(feed, &(struct feed_row){0, 5, 9, "missed", 6});
    expect_nothing(feed);
    feed_room(feed, 1, 100);
    expect_write(feed, 1, "cc");
    expect_nothing(feed);
    feed_tell(feed, &(struct feed_row){0, 5, 9, "heard", 5});
    expect_write(feed, 1, "heard");
    expect_nothing(feed);
    feed_room(feed, 2, 100);
    feed_free(feed);
}

static void test_room_that_is_lost_while_reading(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);
    const struct feed_row rows[] = {
        {1, 1, 1, "one", 3}, {2, 1, 1, "two", 3}, {3, 1, 1, "three", 5}};

    feed_subscribe(feed, 1, 0, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 0);
    feed_room(feed, 1, 1);
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 3, 3, true, 0}, NOW);
    expect_write(feed, 1, "one");
    expect_nothing(feed);
    feed_room(feed, 1, ROOMY);
    read = expect_read(feed, 1);
    feed_rows(feed, read, &(struct feed_answer){OK, rows + 1, 2, 3, true, 0}, NOW);
    expect_write(feed, 1, "two");
    expect_write(feed, 1, "three");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_behind_the_ring(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);
    char line[1000];
    struct feed_row row = {0, 1, 0, line, sizeof(line)};

    memset(line, 'x', sizeof(line));
    feed_subscribe(feed, 1, FEED_NOW, &ALL, 0);
    for (row.seq = 1; row.seq <= 5; row.seq++)
        feed_append(feed, &row);
    expect_nothing(feed);
    feed_room(feed, 1, ROOMY);
    uint64_t read = expect_read(feed, 0);
    /* Nothing is kept of the first two: it goes on with the third, from the ring. */
    feed_rows(feed, read, &(struct feed_answer){OK, NULL, 0, 2, false, 0}, NOW);
    for (int i = 3; i <= 5; i++) {
        struct feed_action a;

        assert_true(feed_next_action(feed, &a));
        assert_int_equal(a.write.length, sizeof(line));
    }
    expect_nothing(feed);
    feed_free(feed);
}

/* What does not pass the filter does not leave a reader behind. */
static void test_rows_that_are_not_wanted(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);
    char line[1000] = "";
    struct feed_row row = {0, 1, 0, line, sizeof(line)};

    feed_subscribe(feed, 1, FEED_NOW, &(struct feed_filter){1u << 5, 0}, ROOMY);
    for (row.seq = 1; row.seq <= 50; row.seq++) {
        feed_append(feed, &row);
        expect_nothing(feed);
    }
    append(feed, 51, 5, 0, "wanted");
    expect_write(feed, 1, "wanted");
    expect_nothing(feed);
    feed_free(feed);
}

static void test_reader_that_leaves_while_it_is_told(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);
    const struct feed_row rows[] = {{2, 1, 1, "two", 3}, {3, 1, 1, "three", 5}};

    feed_subscribe(feed, 1, 1, &ALL, ROOMY);
    feed_subscribe(feed, 2, FEED_NOW, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 1);
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 3, true, 0}, NOW);
    expect_write(feed, 1, "two");
    feed_unsubscribe(feed, 1);
    expect_nothing(feed);
    feed_tell(feed, &(struct feed_row){0, 5, 9, "now", 3});
    feed_unsubscribe(feed, 2);
    expect_nothing(feed);
    assert_false(feed_is_followed(feed));
    feed_free(feed);
}

static void test_nothing_kept_is_an_end(void **state)
{
    (void)state;
    struct feed *feed = feed_new(50, RING);

    feed_subscribe(feed, 1, 10, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 10);
    feed_rows(feed, read, &(struct feed_answer){OK, NULL, 0, 10, true, 0}, NOW);
    expect_nothing(feed);
    append(feed, 51, 1, 0, "live");
    expect_write(feed, 1, "live");
    feed_free(feed);
}

static void test_a_failed_read_is_repeated_later(void **state)
{
    (void)state;
    struct feed *feed = feed_new(50, RING);
    const struct feed_row row = {50, 1, 0, "fifty", 5};

    feed_subscribe(feed, 1, 49, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 49);
    assert_int_equal(feed_deadline(feed).ms, MONO_NEVER.ms);
    feed_rows(feed, read, &(struct feed_answer){ERR_STORAGE_FAILED, NULL, 0, 0, false, 0}, NOW);
    expect_nothing(feed);
    assert_int_equal(feed_deadline(feed).ms, NOW.ms + FEED_RETRY_MS);
    feed_expire(feed, NOW);
    expect_nothing(feed);
    feed_expire(feed, mono_after(NOW, FEED_RETRY_MS));
    read = expect_read(feed, 49);
    feed_rows(feed, read, &(struct feed_answer){OK, &row, 1, 50, true, 0}, NOW);
    expect_write(feed, 1, "fifty");
    assert_int_equal(feed_deadline(feed).ms, MONO_NEVER.ms);
    feed_free(feed);
}

static void test_reads_are_bounded_and_take_turns(void **state)
{
    (void)state;
    struct feed *feed = feed_new(9, RING);
    uint64_t reads[FEED_READS_MAX];

    for (uint64_t reader = 0; reader < 2 * FEED_READS_MAX; reader++)
        feed_subscribe(feed, reader, reader, &ALL, ROOMY);
    for (uint64_t i = 0; i < FEED_READS_MAX; i++)
        reads[i] = expect_read(feed, i);
    expect_nothing(feed);
    feed_unsubscribe(feed, 0); /* its read is still under way */
    expect_nothing(feed);
    for (uint64_t i = 0; i < FEED_READS_MAX; i++) {
        feed_rows(feed, reads[i], &(struct feed_answer){OK, NULL, 0, 9, true, 0}, NOW);
        expect_read(feed, FEED_READS_MAX + i);
        expect_nothing(feed);
    }
    feed_free(feed);
}

/* --- What is gone --- */

static void test_below_the_floor(void **state)
{
    (void)state;
    struct feed *feed = feed_new(9, RING);
    const struct feed_filter filter = {1u << 5, 7};
    const struct feed_row rows[] = {{8, 1, 1, "eight", 5}};

    feed_raise_floor(feed, 6);
    feed_raise_floor(feed, 3); /* is no news */
    feed_subscribe(feed, 1, 0, &ALL, ROOMY);
    feed_subscribe(feed, 2, 5, &filter, ROOMY); /* a gap passes every filter */
    feed_subscribe(feed, 3, 6, &ALL, ROOMY);    /* has all it needs */
    expect_gap(feed, 1, 1, 6);
    expect_gap(feed, 2, 6, 6);
    uint64_t third = expect_read(feed, 6);
    uint64_t first = expect_read(feed, 6);
    uint64_t second = expect_read(feed, 6);
    expect_nothing(feed);
    feed_rows(feed, first, &(struct feed_answer){OK, rows, 1, 9, true, 6}, NOW);
    expect_write(feed, 1, "eight");
    expect_nothing(feed);
    feed_rows(feed, second, &(struct feed_answer){OK, NULL, 0, 9, true, 6}, NOW);
    expect_nothing(feed);
    feed_rows(feed, third, &(struct feed_answer){OK, rows, 1, 9, true, 6}, NOW);
    expect_write(feed, 3, "eight");
    expect_nothing(feed);
    feed_free(feed);
}

/* Rows went away while they were being read, or the reader of the log knew of it first. */
static void test_floor_that_rises_while_reading(void **state)
{
    (void)state;
    struct feed *feed = feed_new(9, RING);
    const struct feed_row rows[] = {{2, 1, 1, "two", 3}, {8, 1, 1, "eight", 5}};

    feed_subscribe(feed, 1, 1, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 1);
    /* What is left below the floor is not told: something may be missing beside it. */
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 9, true, 7}, NOW);
    expect_gap(feed, 1, 2, 7);
    expect_write(feed, 1, "eight");
    expect_nothing(feed);
    feed_free(feed);
}

/* What was read before it was cut off is told. */
static void test_floor_that_rises_behind_a_read(void **state)
{
    (void)state;
    struct feed *feed = feed_new(9, RING);
    const struct feed_row rows[] = {{2, 1, 1, "two", 3}, {3, 1, 1, "three", 5}};

    feed_subscribe(feed, 1, 1, &ALL, ROOMY);
    uint64_t read = expect_read(feed, 1);
    feed_raise_floor(feed, 7);
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 3, false, 0}, NOW);
    expect_write(feed, 1, "two");
    expect_write(feed, 1, "three");
    expect_gap(feed, 1, 4, 7);
    expect_read(feed, 7);
    feed_free(feed);
}

static void test_gap_waits_for_room(void **state)
{
    (void)state;
    struct feed *feed = feed_new(9, RING);
    const struct feed_row rows[] = {{9, 1, 1, "nine", 4}};

    feed_subscribe(feed, 1, 1, &ALL, 1);
    uint64_t read = expect_read(feed, 1);
    feed_room(feed, 1, 0);
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 1, 9, true, 7}, NOW);
    expect_nothing(feed);
    feed_room(feed, 1, 1);
    expect_gap(feed, 1, 2, 7);
    expect_nothing(feed);
    feed_room(feed, 1, 1);
    expect_read(feed, 7);
    feed_free(feed);
}

/* It sleeps, and what it has not read is cut off; then again. */
static void test_overtaken_twice(void **state)
{
    (void)state;
    struct feed *feed = feed_new(0, RING);
    char line[1000] = "";
    struct feed_row row = {0, 1, 0, line, sizeof(line)};

    feed_subscribe(feed, 1, FEED_NOW, &ALL, 0);
    for (row.seq = 1; row.seq <= 10; row.seq++)
        feed_append(feed, &row);
    feed_raise_floor(feed, 4);
    feed_room(feed, 1, 1);
    expect_gap(feed, 1, 1, 4);
    expect_nothing(feed);
    feed_raise_floor(feed, 6);
    feed_room(feed, 1, 1);
    expect_gap(feed, 1, 5, 6);
    feed_free(feed);
}

/* Who still finds what it needs in memory does not notice. */
static void test_floor_that_passes_the_ring(void **state)
{
    (void)state;
    struct feed *feed = feed_new(3, RING);

    feed_subscribe(feed, 1, FEED_NOW, &ALL, 0);
    append(feed, 4, 1, 1, "four");
    append(feed, 5, 1, 1, "five");
    feed_raise_floor(feed, 1000); /* what is still to come is not gone */
    feed_room(feed, 1, ROOMY);
    expect_write(feed, 1, "four");
    expect_write(feed, 1, "five");
    append(feed, 6, 1, 1, "six");
    expect_write(feed, 1, "six");
    feed_subscribe(feed, 2, 2, &ALL, ROOMY);
    expect_gap(feed, 2, 3, 5);
    expect_write(feed, 2, "six");
    expect_nothing(feed);
    feed_free(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_now),
        cmocka_unit_test(test_since_is_read_then_live),
        cmocka_unit_test(test_since_still_to_come_is_now),
        cmocka_unit_test(test_rows_are_told_once_wherever_they_come_from),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_room_that_is_lost_while_reading),
        cmocka_unit_test(test_behind_the_ring),
        cmocka_unit_test(test_rows_that_are_not_wanted),
        cmocka_unit_test(test_reader_that_leaves_while_it_is_told),
        cmocka_unit_test(test_nothing_kept_is_an_end),
        cmocka_unit_test(test_a_failed_read_is_repeated_later),
        cmocka_unit_test(test_reads_are_bounded_and_take_turns),
        cmocka_unit_test(test_below_the_floor),
        cmocka_unit_test(test_floor_that_rises_while_reading),
        cmocka_unit_test(test_floor_that_rises_behind_a_read),
        cmocka_unit_test(test_gap_waits_for_room),
        cmocka_unit_test(test_overtaken_twice),
        cmocka_unit_test(test_floor_that_passes_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
