#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/consumers.h"
#include "daemon/limits.h"
#include "tests/unit/seeded.h"

/* --- One thing at a time --- */

static void test_names(void **state)
{
    (void)state;
    char name[STORE_CONSUMER_NAME_MAX + 2];

    assert_int_equal(consumers_check_name("AZaz09._@-"), OK);
    assert_int_equal(consumers_check_name(""), ERR_BAD_NAME);
    for (int byte = 1; byte < 256; byte++) {
        const char one[] = {'a', (char)byte, 'b', '\0'};
        const bool is_word = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                             (byte >= 'a' && byte <= 'z') || strchr("._@-", byte) != NULL;

        assert_int_equal(consumers_check_name(one), is_word ? OK : ERR_BAD_NAME);
    }
    memset(name, 'x', sizeof(name));
    name[STORE_CONSUMER_NAME_MAX + 1] = '\0';
    assert_int_equal(consumers_check_name(name), ERR_BAD_NAME);
    name[STORE_CONSUMER_NAME_MAX] = '\0';
    assert_int_equal(consumers_check_name(name), OK);
}

static void test_in_order_of_names(void **state)
{
    (void)state;
    struct consumers *consumers = consumers_new();
    static const char *const names[] = {"m", "a", "z", "b"};
    static const char *const sorted[] = {"a", "b", "m", "z"};
    struct consumer *c = NULL;

    for (int i = 0; i < 4; i++)
        assert_int_equal(consumers_add(consumers, names[i], 1, &c), OK);
    c = NULL;
    for (int i = 0; i < 4; i++) {
        c = consumers_next(consumers, c);
        assert_string_equal(c->row.name, sorted[i]);
    }
    assert_null(consumers_next(consumers, c));
    consumers_free(consumers);
    consumers_free(NULL);
}

static void test_bound(void **state)
{
    (void)state;
    struct consumers *consumers = consumers_new();
    struct consumer *c, *last = NULL;
    struct consumer_write write;
    char name[] = "0000";

    for (int i = 0; i < CONSUMERS_MAX; i++) {
        for (int digit = 0, rest = i; digit < 4; digit++, rest /= 10)
            name[digit] = (char)('0' + rest % 10);
        assert_int_equal(consumers_add(consumers, name, 1, &last), OK);
        assert_true(consumers_next_write(consumers, &write));
        assert_ptr_equal(consumers_written(consumers, write.consumer, OK), last);
    }
    assert_int_equal(consumers_add(consumers, "more", 1, &c), ERR_LIMIT_EXCEEDED);
    consumers_forget(consumers, last);
    assert_int_equal(consumers_add(consumers, "more", 1, &c), ERR_LIMIT_EXCEEDED);
    assert_true(consumers_next_write(consumers, &write));
    assert_true(write.is_removal);
    consumers_settle(consumers, consumers_written(consumers, write.consumer, OK));
    assert_int_equal(consumers_add(consumers, "more", 1, &c), OK);
    consumers_free(consumers);
}

/* --- Everything at once, against a model: the disk, and what each caller may rely on ---
 *
 * Callers ask of a few consumers; writes come back late, some failed. Whatever a caller was told is
 * durable then, and nothing else is. */

enum { NAMES = 3, STEPS = 4000, SEEDS = 50, WAITING_MAX = 64 };

/* What a consumer is: 0 is none. */
struct waiting {
    uint64_t change;
    uint64_t place; /* which it asked for; 0: none */
    bool is_ack;    /* at least that place */
};

struct model {
    struct random random;
    uint64_t seed;
    struct consumers *consumers;
    uint64_t disk[NAMES];
    uint64_t asked[NAMES]; /* what it is when everything goes well */
    struct waiting waiting[NAMES][WAITING_MAX];
    size_t waiting_count[NAMES];
    struct consumer_write writes[NAMES]; /* under way, oldest first */
    struct consumer_row rows[NAMES];
    size_t write_count;
    uint64_t last_seq;
    size_t answered, failed, shared;
};

static const char *const names[NAMES] = {"alice", "bob", "carol"};

static uint64_t below(struct model *m, uint64_t bound)
{
    uint64_t number;

    random_fill(&m->random, &number, sizeof(number));
    return number % bound;
}

static int place_of(const char *name)
{
    int i = 0;

    while (strcmp(names[i], name) != 0)
        i++;
    return i;
}

static void wait_for(struct model *m, int i, const struct consumer *c, bool is_ack)
{
    if (c->kept_change >= c->change)
        assert_int_equal(m->disk[i], m->asked[i]); /* nothing to wait for */
    else if (m->waiting_count[i] < WAITING_MAX)
        m->waiting[i][m->waiting_count[i]++] =
            (struct waiting){.change = c->change, .place = m->asked[i], .is_ack = is_ack};
}

static void step_ask(struct model *m)
{
    const int i = (int)below(m, NAMES);
    struct consumer *c = consumers_find(m->consumers, names[i]);

    assert_int_equal(c != NULL, m->asked[i] != 0);
    m->last_seq += below(m, 3);
    if (c == NULL) {
        assert_int_equal(consumers_add(m->consumers, names[i], m->last_seq, &c), OK);
        m->asked[i] = m->last_seq;
        wait_for(m, i, c, false);
    } else if (below(m, 6) == 0) {
        consumers_forget(m->consumers, c);
        m->asked[i] = 0;
        wait_for(m, i, c, false);
    } else {
        const uint64_t seq = 1 + below(m, m->last_seq);

        consumers_ack(m->consumers, c, seq);
        m->asked[i] = seq > m->asked[i] ? seq : m->asked[i];
        assert_int_equal(c->row.seq, m->asked[i]);
        wait_for(m, i, c, true);
    }
}

static void step_write(struct model *m)
{
    struct consumer_write write;

    if (!consumers_next_write(m->consumers, &write))
        return;
    for (size_t i = 0; i < m->write_count; i++)
        assert_true(m->writes[i].consumer != write.consumer); /* one at a time */
    assert_false(write.lazy);
    m->rows[m->write_count] = *write.row;
    m->writes[m->write_count++] = write;
}

/* Tells those who wait. */
static void tell(struct model *m, int i, const struct consumer *c, enum error error)
{
    size_t kept = 0, told = 0;

    for (size_t j = 0; j < m->waiting_count[i]; j++) {
        const struct waiting *w = &m->waiting[i][j];

        if (w->change > c->kept_change) {
            assert_int_equal(error, OK);
            m->waiting[i][kept++] = *w;
            continue;
        }
        told++;
        if (error != OK)
            m->failed++;
        else if (w->change == c->kept_change)
            assert_int_equal(m->disk[i], w->place);
        m->answered += error == OK;
    }
    m->shared += told > 1;
    m->waiting_count[i] = kept;
}

static void step_written(struct model *m)
{
    if (m->write_count == 0)
        return;

    const struct consumer_write write = m->writes[0];
    const int i = place_of(m->rows[0].name);
    const enum error error = below(m, 6) == 0 ? ERR_STORAGE_FAILED : OK;
    struct consumer *c;

    if (error == OK)
        m->disk[i] = write.is_removal ? 0 : m->rows[0].seq;
    else
        m->asked[i] = m->disk[i];
    memmove(m->writes, m->writes + 1, --m->write_count * sizeof(m->writes[0]));
    memmove(m->rows, m->rows + 1, m->write_count * sizeof(m->rows[0]));
    c = consumers_written(m->consumers, write.consumer, error);
    assert_int_equal(c->is_kept ? c->kept.seq : 0, m->disk[i]);
    assert_int_equal(c->exists ? c->row.seq : 0, m->asked[i]);
    tell(m, i, c, error);
    consumers_settle(m->consumers, c);
}

static void run_seed(struct model *m, uint64_t seed)
{
    m->seed = seed;
    m->random = seeded(&m->seed);
    m->consumers = consumers_new();
    m->last_seq = 1;
    for (int i = 0; i < STEPS; i++) {
        switch (below(m, 4)) {
        case 0:
        case 1:
            step_ask(m);
            break;
        case 2:
            step_write(m);
            break;
        case 3:
            step_written(m);
            break;
        }
    }
    for (int i = 0; i < 1000; i++) {
        step_write(m);
        step_written(m);
    }
    for (int i = 0; i < NAMES; i++) {
        assert_int_equal(m->disk[i], m->asked[i]);
        assert_int_equal(m->waiting_count[i], 0);
    }
    assert_true(m->answered > 0 && m->failed > 0 && m->shared > 0);
    consumers_free(m->consumers);
}

static void test_what_is_told_is_durable(void **state)
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
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_in_order_of_names),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_what_is_told_is_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
