#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/feed.h"
#include "tests/unit/seeded.h"

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
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 3, true}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 4, true}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 3, 3, true}, NOW);
    expect_write(feed, 1, "one");
    expect_nothing(feed);
    feed_room(feed, 1, ROOMY);
    read = expect_read(feed, 1);
    feed_rows(feed, read, &(struct feed_answer){OK, rows + 1, 2, 3, true}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){OK, NULL, 0, 2, false}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){OK, rows, 2, 3, true}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){OK, NULL, 0, 10, true}, NOW);
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
    feed_rows(feed, read, &(struct feed_answer){ERR_STORAGE_FAILED, NULL, 0, 0, false}, NOW);
    expect_nothing(feed);
    assert_int_equal(feed_deadline(feed).ms, NOW.ms + FEED_RETRY_MS);
    feed_expire(feed, NOW);
    expect_nothing(feed);
    feed_expire(feed, mono_after(NOW, FEED_RETRY_MS));
    read = expect_read(feed, 49);
    feed_rows(feed, read, &(struct feed_answer){OK, &row, 1, 50, true}, NOW);
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
        feed_rows(feed, reads[i], &(struct feed_answer){OK, NULL, 0, 9, true}, NOW);
        expect_read(feed, FEED_READS_MAX + i);
        expect_nothing(feed);
    }
    feed_free(feed);
}

/* --- Everything at once, against a model: a log, and readers who know what they must be told ---
 *
 * The simulated store answers reads late, out of order, in windows of any size; rows become durable
 * in batches while it does; outputs fill and drain; readers come and go. */

enum { LOG_MAX = 3000, READERS = 12, STEPS = 2500, SEEDS = 60 };

struct model_row {
    uint64_t seq;
    int type;
    uint32_t peer;
    size_t length;
};

struct model_reader {
    bool here;
    uint64_t number;
    struct feed_filter filter;
    uint64_t position;
    size_t room;
};

struct model {
    struct random random;
    uint64_t seed;
    struct feed *feed;
    struct model_row log[LOG_MAX];
    size_t count;
    struct model_reader readers[READERS];
    uint64_t numbers;
    struct feed_action reads[FEED_READS_MAX];
    size_t read_count;
    char line[2][200]; /* of the event that is being told; any row */
    struct mono now;
    size_t written, told, read, failed; /* that all of it happened */
};

static uint64_t below(struct model *m, uint64_t bound)
{
    uint64_t number;

    random_fill(&m->random, &number, sizeof(number));
    return number % bound;
}

static uint64_t last_seq(const struct model *m)
{
    return m->count > 0 ? m->log[m->count - 1].seq : 0;
}

static bool wants(const struct feed_filter *filter, const struct model_row *row)
{
    return (filter->types == 0 || (filter->types & 1u << row->type) != 0) &&
           (filter->peer == 0 || filter->peer == row->peer);
}

/* What the line of a row begins with; the rest is filling. */
static struct feed_row make_line(const struct model_row *row, char *line)
{
    memset(line, '.', row->length);
    snprintf(line, row->length, "%llu", (unsigned long long)row->seq);
    return (struct feed_row){row->seq, row->type, row->peer, line, row->length};
}

static struct model_row draw_row(struct model *m, uint64_t seq)
{
    return (struct model_row){seq, (int)(1 + below(m, 6)), (uint32_t)below(m, 4),
                              24 + below(m, 150)};
}

static struct model_reader *reader_numbered(struct model *m, uint64_t number)
{
    for (size_t i = 0; i < READERS; i++)
        if (m->readers[i].here && m->readers[i].number == number)
            return &m->readers[i];
    fail_msg("reader %llu is not there", (unsigned long long)number);
    return NULL;
}

static const struct model_row *next_for(const struct model *m, const struct model_reader *r)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->log[i].seq > r->position && wants(&r->filter, &m->log[i]))
            return &m->log[i];
    return NULL;
}

static void check_write(struct model *m, const struct feed_action *a)
{
    struct model_reader *r = reader_numbered(m, a->write.reader);
    const struct model_row *due = next_for(m, r);
    uint64_t seq = strtoull(a->write.line, NULL, 10);

    assert_true(r->room > 0);
    r->room -= r->room < a->write.length ? r->room : a->write.length;
    if (seq == 0) { /* told, not kept: to the live only */
        assert_null(due);
        m->told++;
        return;
    }
    assert_non_null(due);
    assert_int_equal(seq, due->seq);
    assert_int_equal(a->write.length, due->length);
    r->position = seq;
    m->written++;
}

static void drain(struct model *m)
{
    struct feed_action a;

    while (feed_next_action(m->feed, &a)) {
        if (a.kind == FEED_WRITE) {
            check_write(m, &a);
        } else {
            assert_true(m->read_count < FEED_READS_MAX && a.read.bytes_max > 0);
            m->reads[m->read_count++] = a;
        }
    }
}

static void step_append(struct model *m)
{
    for (uint64_t rows = 1 + below(m, 8); rows > 0 && m->count < LOG_MAX; rows--) {
        struct model_row row = draw_row(m, last_seq(m) + 1 + below(m, 2));
        struct feed_row line = make_line(&row, m->line[0]);

        m->log[m->count++] = row;
        feed_append(m->feed, &line);
    }
}

static void step_tell(struct model *m)
{
    struct model_row row = draw_row(m, 0);
    struct feed_row line = make_line(&row, m->line[1]);

    drain(m);
    feed_tell(m->feed, &line);
    drain(m);
}

static void step_come_or_go(struct model *m)
{
    struct model_reader *r = &m->readers[below(m, READERS)];

    if (r->here) {
        feed_unsubscribe(m->feed, r->number);
        r->here = false;
        return;
    }

    uint64_t since = below(m, 3) == 0 ? FEED_NOW : below(m, last_seq(m) + 10);

    r->here = true;
    r->number = ++m->numbers;
    r->filter.types = below(m, 2) == 0 ? 0 : 2 * below(m, 64);
    r->filter.peer = (uint32_t)(below(m, 2) * below(m, 4));
    r->room = below(m, 1000);
    r->position = feed_subscribe(m->feed, r->number, since, &r->filter, r->room);
    assert_int_equal(r->position, since < last_seq(m) ? since : last_seq(m));
}

static void step_room(struct model *m)
{
    struct model_reader *r = &m->readers[below(m, READERS)];

    if (!r->here)
        return;
    r->room = below(m, 4) == 0 ? 0 : below(m, 2000);
    feed_room(m->feed, r->number, r->room);
}

/* Answers a read as the store does, with what the log has by now. */
static void answer_read(struct model *m, const struct feed_action *a)
{
    static char lines[FEED_READ_ROWS][200];
    struct feed_row rows[FEED_READ_ROWS];
    struct feed_answer answer = {.rows = rows, .end = true, .scanned_through = a->read.after_seq};
    struct feed_filter filter = {a->read.types, a->read.peer};
    uint64_t scan_max = 1 + below(m, 100), rows_max = 1 + below(m, FEED_READ_ROWS);

    if (below(m, 10) == 0) {
        m->failed++;
        answer = (struct feed_answer){.error = ERR_STORAGE_FAILED};
        feed_rows(m->feed, a->read.read, &answer, m->now);
        return;
    }
    for (size_t i = 0; i < m->count && answer.end; i++) {
        if (m->log[i].seq <= a->read.after_seq)
            continue;
        if (wants(&filter, &m->log[i])) {
            rows[answer.count] = make_line(&m->log[i], lines[answer.count]);
            answer.count++;
        }
        answer.scanned_through = m->log[i].seq;
        answer.end = --scan_max > 0 && answer.count < rows_max;
    }
    m->read++;
    feed_rows(m->feed, a->read.read, &answer, m->now);
    drain(m);
}

static void step_answer(struct model *m)
{
    if (m->read_count == 0)
        return;

    size_t i = below(m, m->read_count);
    struct feed_action a = m->reads[i];

    m->reads[i] = m->reads[--m->read_count];
    drain(m);
    answer_read(m, &a);
}

static void step(struct model *m)
{
    switch (below(m, 8)) {
    case 0:
    case 1:
        step_append(m);
        break;
    case 2:
        step_tell(m);
        break;
    case 3:
        step_come_or_go(m);
        break;
    case 4:
    case 5:
        step_room(m);
        break;
    case 6:
        step_answer(m);
        break;
    case 7:
        m->now = mono_after(m->now, below(m, FEED_RETRY_MS));
        feed_expire(m->feed, m->now);
        break;
    }
    if (below(m, 2) == 0)
        drain(m);
}

/* Everybody reads on: then everybody has everything. */
static void run_out(struct model *m)
{
    bool more = true;

    for (int turn = 0; more; turn++) {
        assert_true(turn < 10 * LOG_MAX);
        more = false;
        for (size_t i = 0; i < READERS; i++) {
            struct model_reader *r = &m->readers[i];

            if (r->here)
                feed_room(m->feed, r->number, r->room = 10000);
        }
        m->now = mono_after(m->now, FEED_RETRY_MS);
        feed_expire(m->feed, m->now);
        drain(m);
        while (m->read_count > 0)
            step_answer(m);
        for (size_t i = 0; i < READERS; i++)
            more |= m->readers[i].here && next_for(m, &m->readers[i]) != NULL;
    }
}

static void run_seed(struct model *m, uint64_t seed)
{
    m->seed = seed;
    m->random = seeded(&m->seed);
    m->feed = feed_new(0, RING);
    for (int i = 0; i < STEPS; i++)
        step(m);
    run_out(m);
    assert_true(m->written > 0 && m->told > 0 && m->read > 0 && m->failed > 0);
    feed_free(m->feed);
}

static void test_every_reader_is_told_everything_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *m = xcalloc(1, sizeof(*m));

        run_seed(m, seed);
        free(m);
    }
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
        cmocka_unit_test(test_every_reader_is_told_everything_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
