#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/number_map.h"
#include "tests/unit/seeded.h"

static const struct hash_key key = {1, 2};

static void test_empty(void **state)
{
    (void)state;
    struct number_map map;

    number_map_init(&map, &key);
    assert_int_equal(number_map_get(&map, 0), NUMBER_MAP_NONE);
    assert_false(number_map_remove(&map, 0));
    number_map_done(&map);
}

static void test_set_replace_remove(void **state)
{
    (void)state;
    struct number_map map;

    number_map_init(&map, &key);
    number_map_set(&map, 0, 7);
    number_map_set(&map, UINT64_MAX, 0);
    number_map_set(&map, 0, 8);
    assert_int_equal(map.count, 2);
    assert_int_equal(number_map_get(&map, 0), 8);
    assert_int_equal(number_map_get(&map, UINT64_MAX), 0);
    assert_int_equal(number_map_get(&map, 1), NUMBER_MAP_NONE);

    assert_true(number_map_remove(&map, 0));
    assert_false(number_map_remove(&map, 0));
    assert_int_equal(number_map_get(&map, 0), NUMBER_MAP_NONE);
    assert_int_equal(number_map_get(&map, UINT64_MAX), 0);
    number_map_done(&map);
}

static void test_grows_and_gives_back(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    struct number_map map;

    number_map_init(&map, &key);
    for (uint32_t i = 0; i < COUNT; i++) {
        number_map_set(&map, i * UINT64_C(0x100000000), i);
        assert_true(map.count * 4 <= map.size * 3);
    }
    assert_int_equal(map.count, COUNT);
    assert_true(map.size <= 4 * COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(number_map_get(&map, i * UINT64_C(0x100000000)), i);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(number_map_remove(&map, i * UINT64_C(0x100000000)));
    assert_int_equal(map.size, 0);
    assert_null(map.numbers);
    number_map_set(&map, 1, 1);
    assert_int_equal(number_map_get(&map, 1), 1);
    number_map_done(&map);
}

/* Against an array, with few numbers in a small map, so that runs of cells wrap and are closed in
 * every way; under many keys. */
static void test_like_an_array(void **state)
{
    (void)state;
    enum { NUMBERS = 24, STEPS = 400 };
    uint64_t seed = 2;
    struct random random = seeded(&seed);

    for (int round = 0; round < 200; round++) {
        struct hash_key drawn = hash_key_draw(&random);
        struct number_map map;
        uint32_t expected[NUMBERS];

        memset(expected, 0xff, sizeof(expected));
        number_map_init(&map, &drawn);
        for (uint32_t step = 0; step < STEPS; step++) {
            uint8_t draw[2];
            uint32_t number;

            random_fill(&random, draw, sizeof(draw));
            number = draw[0] % NUMBERS;
            if (draw[1] < 128) {
                number_map_set(&map, number, step);
                expected[number] = step;
            } else {
                assert_int_equal(number_map_remove(&map, number),
                                 expected[number] != NUMBER_MAP_NONE);
                expected[number] = NUMBER_MAP_NONE;
            }
            for (uint32_t i = 0; i < NUMBERS; i++)
                assert_int_equal(number_map_get(&map, i), expected[i]);
        }
        number_map_done(&map);
    }
}

static void store_none(void *map)
{
    number_map_set(map, 1, NUMBER_MAP_NONE);
}

static void test_none_cannot_be_stored(void **state)
{
    (void)state;
    struct number_map map;

    number_map_init(&map, &key);
    unit_assert_aborts(store_none, &map, "does not hold: value != ");
    number_map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_set_replace_remove),
        cmocka_unit_test(test_grows_and_gives_back),
        cmocka_unit_test(test_like_an_array),
        cmocka_unit_test(test_none_cannot_be_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
