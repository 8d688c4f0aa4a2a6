#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/overlay/name_order.h"
#include "tests/unit/seeded.h"

enum { NUMBERS = 2000, TEXT_SIZE = 8 };

struct fixture {
    uint64_t seed;
    struct name_order order;
    char texts[NUMBERS][TEXT_SIZE];
    bool is_there[NUMBERS];
};

static const char *text_of(const void *context, uint32_t number)
{
    const struct fixture *f = context;

    return f->texts[number];
}

/* Texts in the order of their numbers, with one between each two that nobody has. */
static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->seed = 3;
    for (uint32_t i = 0; i < NUMBERS; i++)
        snprintf(f->texts[i], TEXT_SIZE, "%06u", 2 * i + 1);
    name_order_init(&f->order, text_of, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    name_order_done(&f->order);
    free(f);
    return 0;
}

static void put(struct fixture *f, uint32_t number)
{
    name_order_put(&f->order, number);
    f->is_there[number] = true;
}

static void take_away(struct fixture *f, uint32_t number)
{
    name_order_remove(&f->order, number);
    f->is_there[number] = false;
}

/* From a place on, exactly the numbers from `first` on that are there. */
static void check_from(const struct fixture *f, struct name_order_place place, uint32_t first)
{
    uint32_t number;

    for (uint32_t i = first; i < NUMBERS; i++) {
        if (!f->is_there[i])
            continue;
        assert_true(name_order_next(&f->order, &place, &number));
        assert_int_equal(number, i);
    }
    assert_false(name_order_next(&f->order, &place, &number));
}

static void check(const struct fixture *f)
{
    uint32_t held = 0;

    check_from(f, name_order_from(&f->order, ""), 0);
    for (uint32_t i = 0; i < f->order.count; i++) {
        assert_in_range(f->order.pieces[i]->count, 1, ORDER_PIECE_MAX);
        held += f->order.pieces[i]->count;
    }
    for (uint32_t i = 0; i < NUMBERS; i++)
        held -= f->is_there[i];
    assert_int_equal(held, 0);
}

static void test_empty(void **state)
{
    struct fixture *f = *state;

    check(f);
    put(f, 7);
    check(f);
    take_away(f, 7);
    check(f);
    assert_int_equal(f->order.count, 0);
}

static void test_upwards_and_downwards(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = NUMBERS / 2; i < NUMBERS; i++)
        put(f, i);
    for (uint32_t i = NUMBERS / 2; i-- > 0;)
        put(f, i);
    check(f);
    assert_true(f->order.count <= 2 * NUMBERS / ORDER_PIECE_MAX + 2);
    for (uint32_t i = 0; i < NUMBERS; i++)
        take_away(f, i);
    check(f);
}

static void test_places(void **state)
{
    struct fixture *f = *state;
    char between[TEXT_SIZE];

    for (uint32_t i = 0; i < NUMBERS; i++)
        put(f, i);
    for (uint32_t i = 0; i < NUMBERS; i += 37) {
        check_from(f, name_order_from(&f->order, f->texts[i]), i);
        check_from(f, name_order_behind(&f->order, f->texts[i]), i + 1);
        snprintf(between, sizeof between, "%06u", 2 * i);
        check_from(f, name_order_from(&f->order, between), i);
        check_from(f, name_order_behind(&f->order, between), i);
    }
    check_from(f, name_order_from(&f->order, "~"), NUMBERS);
    check_from(f, name_order_behind(&f->order, f->texts[NUMBERS - 1]), NUMBERS);
}

/* Pieces that are nearly empty become one: a list that was long once costs what it costs now. */
static void test_what_is_left_is_small(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < NUMBERS; i++)
        put(f, i);
    for (uint32_t i = 0; i < NUMBERS; i++)
        if (i % 20 != 0)
            take_away(f, i);
    check(f);
    assert_true(f->order.count <= 2 * (NUMBERS / 20) / (ORDER_PIECE_MAX / 2) + 1);
}

static void test_random(void **state)
{
    struct fixture *f = *state;
    const struct random random = seeded(&f->seed);

    for (int phase = 0; phase < 6; phase++) {
        for (int i = 0; i < 4000; i++) {
            const uint32_t number = random_below(&random, NUMBERS);
            const bool wants_it = random_below(&random, 10) < (phase % 2 == 0 ? 8 : 2);
            if (wants_it && !f->is_there[number])
                put(f, number);
            else if (!wants_it && f->is_there[number])
                take_away(f, number);
        }
        check(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_empty),  TEST(test_upwards_and_downwards),
        TEST(test_places), TEST(test_what_is_left_is_small),
        TEST(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
