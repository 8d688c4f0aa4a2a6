#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/overlay/dialler.h"
#include "tests/unit/seeded.h"

struct fixture {
    struct dialler dialler;
    uint64_t seed;
    struct mono now;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct random random;

    fixture = (struct fixture){.seed = 3, .now = {1000000}};
    random = seeded(&fixture.seed);
    dialler_init(&fixture.dialler, &random);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    dialler_done(&f->dialler);
    return 0;
}

/* Moves time to the deadline and takes the peer that is due; returns how long that was. */
static uint64_t dial_next(struct fixture *f, uint32_t expected_peer)
{
    struct mono deadline = dialler_deadline(&f->dialler);
    uint64_t waited_ms = mono_left_ms(f->now, deadline);
    uint32_t peer = 0;

    assert_int_not_equal(deadline.ms, MONO_NEVER.ms);
    if (waited_ms > 0)
        assert_false(dialler_next(&f->dialler, (struct mono){deadline.ms - 1}, &peer));
    f->now.ms += waited_ms;
    assert_true(dialler_next(&f->dialler, f->now, &peer));
    assert_int_equal(peer, expected_peer);
    return waited_ms;
}

static void assert_idle(struct fixture *f)
{
    uint32_t peer = 77;

    assert_int_equal(dialler_deadline(&f->dialler).ms, MONO_NEVER.ms);
    assert_false(dialler_next(&f->dialler, (struct mono){UINT64_MAX - 1}, &peer));
    assert_int_equal(peer, 77);
}

static void test_nobody_is_wanted(void **state)
{
    struct fixture *f = *state;

    assert_idle(f);
    dialler_unwant(&f->dialler, 1);
    dialler_linked(&f->dialler, 1, f->now);
    dialler_lost(&f->dialler, 1, f->now);
    dialler_failed(&f->dialler, 1, f->now);
    assert_idle(f);
}

static void test_first_dial_within_a_second(void **state)
{
    struct fixture *f = *state;
    uint64_t longest = 0, shortest = UINT64_MAX;

    for (uint32_t peer = 1; peer <= 1000; peer++) {
        uint64_t waited;

        dialler_want(&f->dialler, peer, DIALLER_OFTEN, f->now);
        waited = dial_next(f, peer);
        longest = waited > longest ? waited : longest;
        shortest = waited < shortest ? waited : shortest;
        dialler_unwant(&f->dialler, peer);
    }
    assert_true(longest <= DIALLER_FIRST_MS && longest > DIALLER_FIRST_MS * 9 / 10);
    assert_true(shortest < DIALLER_FIRST_MS / 10);
}

/* Dials that fail: 1, 2, 4, … 256, 300, 300 seconds, each a quarter shorter or longer. */
static void test_wait_doubles_to_five_minutes(void **state)
{
    struct fixture *f = *state;
    const uint64_t waits_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
    const size_t count = sizeof(waits_s) / sizeof(waits_s[0]);
    uint64_t longest[sizeof(waits_s) / sizeof(waits_s[0])] = {0};
    uint64_t shortest[sizeof(waits_s) / sizeof(waits_s[0])];

    memset(shortest, 0xff, sizeof(shortest));
    for (int round = 0; round < 300; round++) {
        dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
        dial_next(f, 1);
        for (size_t i = 0; i < count; i++) {
            uint64_t waited;

            dialler_failed(&f->dialler, 1, f->now);
            waited = dial_next(f, 1);
            longest[i] = waited > longest[i] ? waited : longest[i];
            shortest[i] = waited < shortest[i] ? waited : shortest[i];
        }
        dialler_unwant(&f->dialler, 1);
    }
    for (size_t i = 0; i < count; i++) {
        assert_in_range(longest[i], waits_s[i] * 1200, waits_s[i] * 1250);
        assert_in_range(shortest[i], waits_s[i] * 750, waits_s[i] * 800);
    }
}

static void test_failures_stay_at_the_longest_wait(void **state)
{
    struct fixture *f = *state;

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dial_next(f, 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t waited;

        dialler_failed(&f->dialler, 1, f->now);
        waited = dial_next(f, 1);
        assert_true(i < 9 || waited >= 225000);
        assert_true(waited <= 375000);
    }
}

static void test_link_that_lasted_starts_over(void **state)
{
    struct fixture *f = *state;

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dial_next(f, 1);
    for (int i = 0; i < 4; i++) {
        dialler_failed(&f->dialler, 1, f->now);
        dial_next(f, 1);
    }
    dialler_linked(&f->dialler, 1, f->now);
    assert_idle(f);

    /* One millisecond too short: it counts like one more failure. */
    f->now.ms += DIALLER_STABLE_MS - 1;
    dialler_lost(&f->dialler, 1, f->now);
    assert_in_range(dial_next(f, 1), 12000, 20000);

    dialler_linked(&f->dialler, 1, f->now);
    f->now.ms += DIALLER_STABLE_MS;
    dialler_lost(&f->dialler, 1, f->now);
    assert_in_range(dial_next(f, 1), 0, DIALLER_FIRST_MS);
    dialler_failed(&f->dialler, 1, f->now);
    assert_in_range(dial_next(f, 1), 750, 1250);
}

static void test_link_that_they_dialled(void **state)
{
    struct fixture *f = *state;

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dialler_linked(&f->dialler, 1, f->now); /* while it waits */
    assert_idle(f);
    f->now.ms += DIALLER_STABLE_MS;
    dialler_linked(&f->dialler, 1, f->now); /* a second link does not make it younger */
    dialler_lost(&f->dialler, 1, f->now);
    assert_in_range(dial_next(f, 1), 0, DIALLER_FIRST_MS);

    dialler_linked(&f->dialler, 1, f->now); /* while it is being dialled */
    assert_int_equal(f->dialler.under_way, 0);
    dialler_failed(&f->dialler, 1, f->now); /* the dial ends later: no matter */
    assert_idle(f);
}

static void test_out_of_turn_has_no_effect(void **state)
{
    struct fixture *f = *state;
    struct mono deadline;

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    deadline = dialler_deadline(&f->dialler);
    dialler_failed(&f->dialler, 1, f->now);
    dialler_lost(&f->dialler, 1, f->now);
    dialler_want(&f->dialler, 1, DIALLER_OFTEN, (struct mono){f->now.ms + 5000});
    assert_int_equal(dialler_deadline(&f->dialler).ms, deadline.ms);
    dial_next(f, 1);
    dialler_lost(&f->dialler, 1, f->now);
    assert_int_equal(f->dialler.under_way, 1);
    assert_idle(f);
}

static void test_unwanted_in_every_state(void **state)
{
    struct fixture *f = *state;

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dialler_unwant(&f->dialler, 1);
    assert_idle(f);

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dial_next(f, 1);
    dialler_unwant(&f->dialler, 1);
    assert_int_equal(f->dialler.under_way, 0);
    assert_idle(f);

    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    dialler_linked(&f->dialler, 1, f->now);
    dialler_unwant(&f->dialler, 1);
    dialler_lost(&f->dialler, 1, f->now);
    assert_idle(f);
    assert_null(f->dialler.heap);
}

enum { ORDINARY_MAX = DIALLER_UNDER_WAY_MAX - DIALLER_URGENT_MAX };

/* Takes all that are due, a second after `now`, and returns how many. */
static uint32_t dial_all(struct fixture *f)
{
    uint32_t peer, count = 0;

    f->now.ms += DIALLER_FIRST_MS;
    while (dialler_next(&f->dialler, f->now, &peer))
        count++;
    return count;
}

static void test_so_many_at_once(void **state)
{
    struct fixture *f = *state;
    uint32_t peer;

    for (peer = 1; peer <= 100; peer++)
        dialler_want(&f->dialler, peer, DIALLER_OFTEN, f->now);
    assert_int_equal(dial_all(f), ORDINARY_MAX);
    assert_idle(f);

    /* The places come free in three ways, and the next in turn gets them. */
    for (peer = 1; f->dialler.under_way == ORDINARY_MAX; peer++)
        dialler_unwant(&f->dialler, peer);
    assert_int_equal(dial_all(f), 1);
    for (; f->dialler.under_way == ORDINARY_MAX; peer++)
        dialler_linked(&f->dialler, peer, f->now);
    assert_int_equal(dial_all(f), 1);
    for (; f->dialler.under_way == ORDINARY_MAX; peer++)
        dialler_failed(&f->dialler, peer, f->now);
    assert_true(dialler_next(&f->dialler, f->now, &peer));
    assert_idle(f);
}

static void test_urgent_come_first(void **state)
{
    struct fixture *f = *state;
    uint32_t peer;

    for (peer = 1; peer <= 100; peer++)
        dialler_want(&f->dialler, peer, DIALLER_OFTEN, f->now);
    f->now.ms += 10 * DIALLER_FIRST_MS;
    dialler_want_now(&f->dialler, 500); /* not wanted before */
    dialler_want_now(&f->dialler, 99);
    assert_int_equal(dialler_deadline(&f->dialler).ms, 0);
    assert_int_equal(dial_next(f, 99), 0);
    assert_int_equal(dial_next(f, 500), 0);
    assert_int_equal(dial_all(f), ORDINARY_MAX - 2);

    /* Their places are theirs alone, and no more than so many. */
    for (peer = 600; peer < 600 + DIALLER_URGENT_MAX; peer++) {
        dialler_want_now(&f->dialler, peer);
        assert_int_equal(dial_next(f, peer), 0);
    }
    dialler_want_now(&f->dialler, 700);
    assert_int_equal(f->dialler.under_way, DIALLER_UNDER_WAY_MAX);
    assert_idle(f);
    dialler_failed(&f->dialler, 500, f->now);
    assert_int_equal(dial_next(f, 700), 0);

    /* From then on it is like the others: the first wait after a failure is a second. */
    for (peer = 1; peer <= 700; peer++)
        if (peer != 700)
            dialler_unwant(&f->dialler, peer);
    dialler_failed(&f->dialler, 700, f->now);
    assert_in_range(dial_next(f, 700), 750, 1250);
}

static void test_urgent_without_need(void **state)
{
    struct fixture *f = *state;

    dialler_want_now(&f->dialler, 1);
    dial_next(f, 1);
    dialler_want_now(&f->dialler, 1); /* is being dialled */
    assert_idle(f);
    dialler_linked(&f->dialler, 1, f->now);
    dialler_want_now(&f->dialler, 1); /* is linked */
    assert_idle(f);
}

/* Wanted for little: the wait goes on doubling; and starts over when it is wanted for more. */
static void test_seldom(void **state)
{
    struct fixture *f = *state;
    uint64_t waited = 0;

    dialler_want(&f->dialler, 1, DIALLER_SELDOM, f->now);
    assert_in_range(dial_next(f, 1), 0, DIALLER_FIRST_MS);
    for (int i = 0; i < 300; i++) {
        dialler_failed(&f->dialler, 1, f->now);
        dialler_want(&f->dialler, 1, DIALLER_SELDOM, f->now);
        waited = dial_next(f, 1);
        assert_in_range(waited, 0, DIALLER_SELDOM_WAIT_MS_MAX / 4 * 5);
        assert_true(i < 15 || waited >= DIALLER_SELDOM_WAIT_MS_MAX / 4 * 3);
    }
    dialler_failed(&f->dialler, 1, f->now);
    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    assert_in_range(dial_next(f, 1), 0, DIALLER_FIRST_MS);
    dialler_want(&f->dialler, 1, DIALLER_SELDOM, f->now); /* while it is dialled */
    assert_idle(f);
    dialler_linked(&f->dialler, 1, f->now);
    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    assert_idle(f);
}

/* News shorten a long wait, and no short one; many of them make no more dials than one. */
static void test_news(void **state)
{
    struct fixture *f = *state;
    uint64_t waited;

    dialler_news(&f->dialler, 1, f->now); /* nobody wants it */
    assert_idle(f);
    dialler_want(&f->dialler, 1, DIALLER_OFTEN, f->now);
    for (int i = 0; i < 20; i++) {
        dial_next(f, 1);
        dialler_news(&f->dialler, 1, f->now); /* is being dialled */
        assert_idle(f);
        dialler_failed(&f->dialler, 1, f->now);
    }
    for (int i = 0; i < 20; i++) {
        dialler_news(&f->dialler, 1, f->now);
        f->now.ms += 4000;
        dialler_news(&f->dialler, 1, f->now);
        waited = dial_next(f, 1);
        assert_int_equal(waited, DIALLER_NEWS_MS - 4000);
        dialler_failed(&f->dialler, 1, f->now);
    }
    assert_in_range(dial_next(f, 1), DIALLER_WAIT_MS_MAX / 4 * 3, DIALLER_WAIT_MS_MAX / 4 * 5);
    dialler_linked(&f->dialler, 1, f->now);
    dialler_news(&f->dialler, 1, f->now);
    assert_idle(f);
    f->now.ms += DIALLER_STABLE_MS;
    dialler_lost(&f->dialler, 1, f->now);
    dialler_news(&f->dialler, 1, f->now);
    assert_in_range(dial_next(f, 1), 0, DIALLER_FIRST_MS);
}

enum { PEERS = 1000 };

/* Takes everybody who waits: by deadline, then by number. Returns how many. */
static uint32_t take_in_order(struct fixture *f)
{
    uint64_t last_ms = 0;
    uint32_t last_peer = 0, peer = 0, count = 0;

    for (; f->dialler.count > 0; count++) {
        struct mono deadline = dialler_deadline(&f->dialler);

        if (!dialler_next(&f->dialler, deadline, &peer))
            break;
        assert_true(deadline.ms > last_ms || (deadline.ms == last_ms && peer > last_peer));
        last_ms = deadline.ms;
        last_peer = peer;
        dialler_unwant(&f->dialler, peer);
    }
    return count;
}

static void test_order_of_a_thousand(void **state)
{
    enum { STEPS = 20000 };
    struct fixture *f = *state;
    static bool dialling[PEERS + 1];
    struct random random = seeded(&(uint64_t){4});
    uint32_t under_way = 0, linked = 0, peer;

    memset(dialling, 0, sizeof(dialling));
    for (peer = 1; peer <= PEERS; peer++)
        dialler_want(&f->dialler, peer, DIALLER_OFTEN, f->now);
    for (int step = 0; step < STEPS; step++) {
        uint16_t draw[2];

        if (dialler_next(&f->dialler, f->now, &peer)) {
            assert_false(dialling[peer]);
            dialling[peer] = true;
            under_way++;
        }
        random_fill(&random, draw, sizeof(draw));
        peer = 1 + draw[0] % PEERS;
        under_way -= dialling[peer];
        dialling[peer] = false;
        switch (draw[1] % 4) {
        case 0:
            dialler_unwant(&f->dialler, peer);
            dialler_want(&f->dialler, peer, DIALLER_OFTEN, f->now);
            break;
        case 1:
            dialler_linked(&f->dialler, peer, f->now);
            break;
        case 2:
            dialler_linked(&f->dialler, peer, f->now);
            dialler_lost(&f->dialler, peer, f->now);
            break;
        default:
            dialler_linked(&f->dialler, peer, f->now);
            dialler_lost(&f->dialler, peer, f->now);
            dialler_want_now(&f->dialler, peer);
        }
        f->now.ms += draw[1] % 64;
        assert_int_equal(f->dialler.under_way, under_way);
        assert_int_equal(f->dialler.count, PEERS);
        assert_int_equal(f->dialler.places.count, PEERS);
    }
    assert_true(f->dialler.room <= PEERS * 3 / 2 + 4);

    for (peer = 1; peer <= PEERS; peer++) {
        if (peer % 3 == 0) {
            dialler_linked(&f->dialler, peer, f->now);
            linked++;
        } else if (dialling[peer]) {
            dialler_failed(&f->dialler, peer, f->now);
        } else {
            dialler_linked(&f->dialler, peer, f->now);
            dialler_lost(&f->dialler, peer, f->now);
        }
    }
    assert_int_equal(take_in_order(f), PEERS - linked);
    assert_int_equal(f->dialler.count, linked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_dial_within_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait_doubles_to_five_minutes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_stay_at_the_longest_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_that_lasted_starts_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_that_they_dialled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_turn_has_no_effect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwanted_in_every_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_urgent_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_urgent_without_need, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seldom, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_of_a_thousand, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
