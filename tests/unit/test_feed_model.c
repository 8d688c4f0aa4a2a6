/* The feed against a model: a log, and readers who know what they must be told.
 *
 * The simulated store answers reads late, out of order, in windows of any size; rows become durable
 * in batches while it does; old ones go away, some of them, and the feed hears of it late; outputs
 * fill and drain; readers come and go. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/feed.h"
#include "tests/unit/seeded.h"

enum { RING = 4096, LOG_MAX = 3000, READERS = 12, STEPS = 2500, SEEDS = 60 };

struct model_row {
    uint64_t seq;
    int type;
    uint32_t peer;
    size_t length;
    bool is_gone;
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
    uint64_t floor; /* rows up to it may be gone */
    struct model_reader readers[READERS];
    uint64_t numbers;
    struct feed_action reads[FEED_READS_MAX];
    size_t read_count;
    char line[2][200]; /* of the event that is being told; any row */
    struct mono now;
    size_t written, told, read, failed, gaps; /* that all of it happened */
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
                              24 + below(m, 150), false};
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

/* From where the reader is to what is gone at most, and then on from there. */
static void check_gap(struct model *m, const struct feed_action *a)
{
    struct model_reader *r = reader_numbered(m, a->gap.reader);

    assert_true(r->room > 0);
    assert_true(a->gap.from > r->position && a->gap.from <= a->gap.to);
    assert_true(a->gap.to <= m->floor && a->gap.to <= last_seq(m));
    for (size_t i = 0; i < m->count; i++) /* it was told all that passes before */
        if (m->log[i].seq > r->position && m->log[i].seq < a->gap.from)
            assert_false(wants(&r->filter, &m->log[i]));
    r->room -= r->room < FEED_GAP_BYTES ? r->room : FEED_GAP_BYTES;
    r->position = a->gap.to;
    m->gaps++;
}

static void drain(struct model *m)
{
    struct feed_action a;

    while (feed_next_action(m->feed, &a)) {
        if (a.kind == FEED_WRITE) {
            check_write(m, &a);
        } else if (a.kind == FEED_GAP) {
            check_gap(m, &a);
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

/* Old rows go, but for some; the feed is told now, or by the next answer. */
static void step_cut(struct model *m)
{
    if (last_seq(m) < 2)
        return;

    const uint64_t floor = m->floor + below(m, (last_seq(m) - m->floor) / 2 + 1);

    for (size_t i = 0; i < m->count && m->log[i].seq <= floor; i++)
        m->log[i].is_gone |= below(m, 8) > 0;
    m->floor = floor;
    if (below(m, 2) == 0)
        feed_raise_floor(m->feed, floor);
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
        if (m->log[i].seq <= a->read.after_seq || m->log[i].is_gone)
            continue;
        if (wants(&filter, &m->log[i])) {
            rows[answer.count] = make_line(&m->log[i], lines[answer.count]);
            answer.count++;
        }
        answer.scanned_through = m->log[i].seq;
        answer.end = --scan_max > 0 && answer.count < rows_max;
    }
    answer.floor = m->floor;
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
    if (below(m, 30) == 0)
        step_cut(m);
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
    assert_true(m->written > 0 && m->told > 0 && m->read > 0 && m->failed > 0 && m->gaps > 0);
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
        cmocka_unit_test(test_every_reader_is_told_everything_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
