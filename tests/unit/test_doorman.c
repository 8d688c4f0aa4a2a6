#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/doorman.h"
#include "tests/unit/seeded.h"

enum {
    UNPROVED_MAX = DOORMAN_UNPROVED_MAX,
    KEPT = DOORMAN_UNPROVED_MAX / DOORMAN_CONTACT_SHARE,
    OPEN = UNPROVED_MAX - KEPT,
    BURST = DOORMAN_BLOCK_BURST,
    OPEN_BURST = BURST - BURST / DOORMAN_CONTACT_SHARE,
    STRANGERS_BLOCK_MAX = DOORMAN_STRANGERS_MAX / DOORMAN_BLOCK_SHARE,
    BLOCKS_MAX = DOORMAN_UNPROVED_MAX + DOORMAN_STRANGERS_MAX + DOORMAN_IDLE_BLOCKS_MAX,
};

struct fixture {
    struct doorman doorman;
    uint64_t seed;
    uint64_t carrier; /* the last one that arrived */
    uint64_t evicted; /* the last one */
    struct mono now;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct random random = seeded(&f->seed);

    f->seed = 5;
    f->now.ms = 1000;
    doorman_init(&f->doorman, &random, DOORMAN_STRANGERS_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    doorman_done(&f->doorman);
    free(f);
    return 0;
}

static enum doorman_verdict arrive_from(struct fixture *f, const char *host,
                                        enum doorman_origin origin)
{
    uint64_t none = f->evicted = UINT64_MAX;
    enum doorman_verdict verdict =
        doorman_arrive(&f->doorman, ++f->carrier, host, origin, f->now, &f->evicted);

    if (verdict == DOORMAN_ENTER_EVICT)
        assert_in_range(f->evicted, 1, f->carrier - 1);
    else
        assert_int_equal(f->evicted, none);
    return verdict;
}

static enum doorman_verdict arrive(struct fixture *f, const char *host)
{
    return arrive_from(f, host, DOORMAN_ANYWHERE);
}

static enum doorman_verdict arrive_known(struct fixture *f, const char *host)
{
    return arrive_from(f, host, DOORMAN_CONTACT_ADDRESS);
}

/* An address of a block of its own, by number. */
static const char *host(uint32_t number, char out[16])
{
    const uint32_t parts[] = {10, number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff};
    char *at = out;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        if (parts[i] >= 100)
            *at++ = (char)('0' + parts[i] / 100);
        if (parts[i] >= 10)
            *at++ = (char)('0' + parts[i] / 10 % 10);
        *at++ = (char)('0' + parts[i] % 10);
    }
    *at = '\0';
    return out;
}

static uint32_t unproved(const struct fixture *f)
{
    return f->doorman.unproved[DOORMAN_ANYWHERE].count +
           f->doorman.unproved[DOORMAN_CONTACT_ADDRESS].count;
}

/* Fills the places that are open to all, from many blocks. */
static void fill_open(struct fixture *f)
{
    char text[16];

    for (uint32_t i = 0; i < OPEN; i++)
        assert_int_equal(arrive(f, host(i, text)), DOORMAN_ENTER);
}

/* Whether the carrier may stay; whom it displaced is in f->evicted. */
static bool proved(struct fixture *f, uint64_t carrier, enum doorman_standing standing)
{
    return doorman_proved(&f->doorman, carrier, standing, &f->evicted) != DOORMAN_REFUSE;
}

static void test_unknown_carriers(void **state)
{
    struct fixture *f = *state;

    doorman_leave(&f->doorman, 1);
    assert_true(proved(f, 1, DOORMAN_STRANGER));
    assert_true(proved(f, 1, DOORMAN_CONTACT));
    assert_int_equal(f->doorman.strangers.count, 0);
}

/* --- Tokens of a block --- */

static void test_two_hundred_at_once_then_twenty_a_second(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 200; i++)
        assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_ENTER);
    for (int i = 0; i < OPEN_BURST - 200; i++)
        assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_ENTER);
    assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_REFUSE);

    for (int second = 0; second < 5; second++) {
        f->now.ms += 1000;
        for (int i = 0; i < 20; i++)
            assert_int_not_equal(arrive(f, "127.0.0.1"), DOORMAN_REFUSE);
        assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_REFUSE);
    }
    assert_int_equal(arrive(f, "127.0.0.2"), DOORMAN_ENTER_EVICT);
}

static void test_last_tokens_are_kept_for_contacts(void **state)
{
    struct fixture *f = *state;

    while (arrive(f, "127.0.0.1") != DOORMAN_REFUSE)
        continue;
    for (int i = 0; i < BURST - OPEN_BURST; i++)
        assert_int_not_equal(arrive_known(f, "127.0.0.1"), DOORMAN_REFUSE);
    assert_int_equal(arrive_known(f, "127.0.0.1"), DOORMAN_REFUSE);
    f->now.ms += 50;
    assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_REFUSE);
    assert_int_not_equal(arrive_known(f, "127.0.0.1"), DOORMAN_REFUSE);
}

static void test_blocks_of_version_6(void **state)
{
    struct fixture *f = *state;

    while (arrive(f, "2001:db8:1:2::1") != DOORMAN_REFUSE)
        continue;
    assert_int_equal(arrive(f, "2001:db8:1:2:ffff::9"), DOORMAN_REFUSE);
    assert_int_not_equal(arrive(f, "2001:db8:1:3::1"), DOORMAN_REFUSE);
}

static void test_refused_costs_nothing(void **state)
{
    struct fixture *f = *state;

    while (arrive(f, "127.0.0.1") != DOORMAN_REFUSE)
        continue;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_REFUSE);
    assert_int_equal(unproved(f), OPEN_BURST);
    doorman_leave(&f->doorman, f->carrier);
    assert_int_equal(unproved(f), OPEN_BURST);
}

/* --- Places --- */

static void test_full_table_evicts_one(void **state)
{
    struct fixture *f = *state;

    fill_open(f);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(arrive(f, "192.0.2.1"), DOORMAN_ENTER_EVICT);
        assert_int_equal(unproved(f), OPEN);
        doorman_leave(&f->doorman, f->evicted); /* is forgotten already */
        assert_int_equal(unproved(f), OPEN);
    }
    doorman_leave(&f->doorman, f->carrier);
    assert_int_equal(arrive(f, "192.0.2.1"), DOORMAN_ENTER);
}

/* Each of the n who are there goes with likelihood 1/n. So in 100 n arrivals the newest goes about
 * 100 times, and the one of n arrivals ago, if it is still there, 100/e times. */
static void test_eviction_is_random(void **state)
{
    struct fixture *f = *state;
    static uint32_t counts[OPEN];
    char text[16];
    uint32_t lowest = UINT32_MAX, highest = 0;

    memset(counts, 0, sizeof(counts));
    for (int round = 0; round < 100 * OPEN; round++) {
        uint64_t first;

        if (round == 0)
            fill_open(f);
        first = f->carrier - OPEN + 1;
        assert_int_equal(arrive(f, host((uint32_t)round, text)), DOORMAN_ENTER_EVICT);
        if (f->evicted >= first)
            counts[f->evicted - first]++;
        f->now.ms += 1000;
    }
    for (size_t i = 0; i < OPEN; i++) {
        lowest = counts[i] < lowest ? counts[i] : lowest;
        highest = counts[i] > highest ? counts[i] : highest;
    }
    assert_true(lowest > 15);
    assert_true(highest < 160);
}

static void test_quarter_is_kept_for_contacts(void **state)
{
    struct fixture *f = *state;
    char text[16];

    fill_open(f);
    for (uint32_t i = 0; i < KEPT; i++)
        assert_int_equal(arrive_known(f, host(1000 + i, text)), DOORMAN_ENTER);
    assert_int_equal(unproved(f), UNPROVED_MAX);

    /* Others never get at the quarter. */
    for (uint32_t i = 0; i < 2000; i++) {
        assert_int_equal(arrive(f, host(i, text)), DOORMAN_ENTER_EVICT);
        assert_true(f->evicted <= OPEN || f->evicted > UNPROVED_MAX);
    }
    assert_int_equal(f->doorman.unproved[DOORMAN_CONTACT_ADDRESS].count, KEPT);

    /* One more contact takes the place of anybody, and the others' places are fewer then. */
    assert_int_equal(arrive_known(f, "192.0.2.1"), DOORMAN_ENTER_EVICT);
    assert_int_equal(unproved(f), UNPROVED_MAX);
}

/* Places beyond the quarter are not kept: who comes from a contact's address cannot shut out the
 * others. */
static void test_contacts_beyond_the_quarter(void **state)
{
    struct fixture *f = *state;
    char text[16];

    for (uint32_t i = 0; i < UNPROVED_MAX; i++)
        assert_int_equal(arrive_known(f, host(i, text)), DOORMAN_ENTER);
    assert_int_equal(arrive_known(f, host(UNPROVED_MAX, text)), DOORMAN_ENTER_EVICT);
    assert_int_equal(f->doorman.unproved[DOORMAN_ANYWHERE].count, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(arrive(f, host(1000 + i, text)), DOORMAN_ENTER_EVICT);
        assert_int_equal(unproved(f), UNPROVED_MAX);
        assert_true(f->doorman.unproved[DOORMAN_CONTACT_ADDRESS].count >= KEPT);
        assert_true(f->doorman.unproved[DOORMAN_ANYWHERE].count <= OPEN);
    }
    assert_int_equal(f->doorman.unproved[DOORMAN_CONTACT_ADDRESS].count, KEPT);
}

/* 300 silent peers at once, from a contact's own block or another, and as many again as their block
 * lets in for ten seconds: the contact gets in, and is there long enough to prove itself. */
static void check_contact_gets_in(struct fixture *f, const char *silent, enum doorman_origin origin)
{
    for (int i = 0; i < 300; i++)
        assert_int_not_equal(arrive_from(f, silent, origin), DOORMAN_REFUSE);

    for (int second = 0; second < 10; second++) {
        uint64_t contact;

        assert_int_not_equal(arrive_known(f, "127.0.0.1"), DOORMAN_REFUSE);
        contact = f->carrier;
        for (int i = 0; i < 5; i++) { /* a quarter of a second */
            f->now.ms += 50;
            arrive_from(f, silent, origin);
            assert_int_not_equal(f->evicted, contact);
        }
        assert_true(proved(f, contact, DOORMAN_CONTACT));
        for (int i = 0; i < 14; i++) {
            f->now.ms += 50;
            arrive_from(f, silent, origin);
        }
        f->now.ms += 50; /* the contact's own token */
    }
}

static void test_silence_in_another_block(void **state)
{
    check_contact_gets_in(*state, "192.0.2.1", DOORMAN_ANYWHERE);
}

static void test_silence_in_the_contacts_block(void **state)
{
    check_contact_gets_in(*state, "127.0.0.1", DOORMAN_ANYWHERE);
}

static void test_silence_at_the_contacts_address(void **state)
{
    check_contact_gets_in(*state, "127.0.0.1", DOORMAN_CONTACT_ADDRESS);
}

/* --- Proved --- */

static void test_contacts_are_not_counted(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5000; i++) {
        f->now.ms += 50;
        assert_int_equal(arrive(f, "127.0.0.1"), DOORMAN_ENTER);
        assert_true(proved(f, f->carrier, DOORMAN_CONTACT));
        assert_int_equal(unproved(f), 0);
    }
    assert_int_equal(f->doorman.strangers.count, 0);
    assert_int_equal(f->doorman.visitor_count, 1);
}

static bool stranger_enters(struct fixture *f, const char *from)
{
    f->now.ms += 50;
    assert_int_not_equal(arrive(f, from), DOORMAN_REFUSE);
    return proved(f, f->carrier, DOORMAN_STRANGER);
}

static void test_strangers_of_one_block(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < STRANGERS_BLOCK_MAX; i++)
        assert_true(stranger_enters(f, "127.0.0.1"));
    assert_false(stranger_enters(f, "127.0.0.1"));
    assert_int_equal(f->doorman.strangers.count, STRANGERS_BLOCK_MAX);
    assert_int_equal(unproved(f), 0);
    assert_true(stranger_enters(f, "127.0.0.2"));

    doorman_leave(&f->doorman, 1);
    assert_true(stranger_enters(f, "127.0.0.1"));
    assert_false(stranger_enters(f, "127.0.0.1"));

    /* One of them becomes a contact. */
    assert_true(proved(f, 2, DOORMAN_STRANGER));
    assert_true(proved(f, 2, DOORMAN_CONTACT));
    doorman_leave(&f->doorman, 2);
    assert_true(stranger_enters(f, "127.0.0.1"));
    assert_false(stranger_enters(f, "127.0.0.1"));
}

static void test_strangers_in_all(void **state)
{
    struct fixture *f = *state;
    char text[16];

    for (uint32_t i = 0; i < DOORMAN_STRANGERS_MAX; i++)
        assert_true(stranger_enters(f, host(i, text)));
    assert_true(stranger_enters(f, "192.0.2.1")); /* in the place of another */
    assert_in_range(f->evicted, 1, DOORMAN_STRANGERS_MAX);
    assert_int_equal(number_map_get(&f->doorman.visitor_places, f->evicted), NUMBER_MAP_NONE);
    assert_int_equal(f->doorman.strangers.count, DOORMAN_STRANGERS_MAX);

    /* That says nothing about the unproved, of whom there may still be as many. */
    fill_open(f);
    assert_int_equal(f->doorman.strangers.count, DOORMAN_STRANGERS_MAX);
    assert_true(proved(f, f->carrier, DOORMAN_STRANGER));
    assert_int_equal(f->doorman.strangers.count, DOORMAN_STRANGERS_MAX);
}

/* A tracker's: as many as it was made for. */
static void test_strangers_of_a_tracker(void **state)
{
    struct fixture *f = *state;
    struct random random = seeded(&f->seed);
    char text[16];

    doorman_done(&f->doorman);
    doorman_init(&f->doorman, &random, DOORMAN_TRACKER_STRANGERS_MAX);
    for (uint32_t i = 0; i < DOORMAN_TRACKER_STRANGERS_MAX; i++) {
        assert_int_equal(arrive(f, host(i, text)), DOORMAN_ENTER);
        assert_true(proved(f, f->carrier, DOORMAN_STRANGER));
    }
    assert_int_equal(f->doorman.strangers.count, DOORMAN_TRACKER_STRANGERS_MAX);
    assert_true(stranger_enters(f, "192.0.2.1"));
    assert_in_range(f->evicted, 1, DOORMAN_TRACKER_STRANGERS_MAX);
    fill_open(f);
    assert_int_equal(f->doorman.strangers.count, DOORMAN_TRACKER_STRANGERS_MAX);
}

/* --- Memory --- */

static void test_idle_blocks_fall_out(void **state)
{
    struct fixture *f = *state;
    char text[16];

    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(arrive(f, host(i, text)), DOORMAN_ENTER);
        doorman_leave(&f->doorman, f->carrier);
    }
    assert_int_equal(f->doorman.block_places.count, 1000);
    f->now.ms += 49;
    assert_int_equal(arrive(f, "192.0.2.1"), DOORMAN_ENTER);
    assert_int_equal(f->doorman.block_places.count, 1001);
    f->now.ms += 1;
    for (uint32_t i = 0; i < 500; i++)
        assert_int_not_equal(arrive(f, "192.0.2.1"), DOORMAN_ENTER_EVICT);
    assert_int_equal(f->doorman.block_places.count, 1);
}

static void test_blocks_are_bounded(void **state)
{
    struct fixture *f = *state;
    char text[16];

    assert_int_equal(arrive(f, "192.0.2.1"), DOORMAN_ENTER); /* stays, and so does its block */
    for (uint32_t i = 0; i < 3 * BLOCKS_MAX; i++) {
        assert_int_equal(arrive(f, host(i, text)), DOORMAN_ENTER);
        doorman_leave(&f->doorman, f->carrier);
        assert_true(f->doorman.block_places.count <= BLOCKS_MAX);
    }
    assert_int_equal(f->doorman.block_places.count, BLOCKS_MAX);
    assert_int_equal(f->doorman.block_count, BLOCKS_MAX);
    for (int i = 1; i < OPEN_BURST; i++) {
        assert_int_not_equal(arrive(f, "192.0.2.1"), DOORMAN_REFUSE);
        doorman_leave(&f->doorman, f->carrier);
    }
    assert_int_equal(arrive(f, "192.0.2.1"), DOORMAN_REFUSE);
}

static void test_visitors_are_bounded(void **state)
{
    struct fixture *f = *state;
    char text[16];

    for (uint32_t i = 0; i < 20000; i++) {
        enum doorman_origin origin = i % 3 == 0 ? DOORMAN_CONTACT_ADDRESS : DOORMAN_ANYWHERE;

        assert_int_not_equal(arrive_from(f, host(i, text), origin), DOORMAN_REFUSE);
        if (i % 5 == 0)
            proved(f, f->carrier, DOORMAN_STRANGER);
    }
    assert_int_equal(f->doorman.strangers.count, DOORMAN_STRANGERS_MAX);
    assert_int_equal(unproved(f), UNPROVED_MAX);
    assert_int_equal(f->doorman.visitor_places.count, UNPROVED_MAX + DOORMAN_STRANGERS_MAX);
    for (uint64_t carrier = 1; carrier <= f->carrier; carrier++)
        doorman_leave(&f->doorman, carrier);
    assert_int_equal(unproved(f), 0);
    assert_int_equal(f->doorman.strangers.count, 0);
    assert_int_equal(f->doorman.visitor_places.count, 0);
}

static void arrive_twice(void *arg)
{
    struct fixture *f = arg;

    f->carrier--;
    arrive(f, "127.0.0.1");
}

static void test_carriers_arrive_once(void **state)
{
    struct fixture *f = *state;

    arrive(f, "127.0.0.1");
    unit_assert_aborts(arrive_twice, f, "doorman.c:");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_carriers),
        TEST(test_two_hundred_at_once_then_twenty_a_second),
        TEST(test_last_tokens_are_kept_for_contacts),
        TEST(test_blocks_of_version_6),
        TEST(test_refused_costs_nothing),
        TEST(test_full_table_evicts_one),
        TEST(test_eviction_is_random),
        TEST(test_quarter_is_kept_for_contacts),
        TEST(test_contacts_beyond_the_quarter),
        TEST(test_silence_in_another_block),
        TEST(test_silence_in_the_contacts_block),
        TEST(test_silence_at_the_contacts_address),
        TEST(test_contacts_are_not_counted),
        TEST(test_strangers_of_one_block),
        TEST(test_strangers_in_all),
        TEST(test_strangers_of_a_tracker),
        TEST(test_idle_blocks_fall_out),
        TEST(test_blocks_are_bounded),
        TEST(test_visitors_are_bounded),
        TEST(test_carriers_arrive_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
