#include "tests/unit/unit.h"

#include "daemon/core/token_bucket.h"

static struct mono at(uint64_t ms)
{
    return (struct mono){ms};
}

static const struct token_rate twenty_a_second = {.per_minute = 1200, .burst = 5};
static const struct token_rate seven_a_minute = {.per_minute = 7, .burst = 2};

static void test_zero_is_full(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};

    assert_true(token_bucket_is_full(&bucket, twenty_a_second, at(0)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 5, at(0)));
    assert_false(token_bucket_take(&bucket, twenty_a_second, 1, at(0)));
    assert_false(token_bucket_is_full(&bucket, twenty_a_second, at(0)));
}

static void test_comes_back_at_the_rate(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};

    assert_true(token_bucket_take(&bucket, twenty_a_second, 5, at(1000)));
    assert_false(token_bucket_take(&bucket, twenty_a_second, 1, at(1049)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 1, at(1050)));
    assert_false(token_bucket_take(&bucket, twenty_a_second, 1, at(1099)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 1, at(1100)));
    assert_false(token_bucket_is_full(&bucket, twenty_a_second, at(1349)));
    assert_true(token_bucket_is_full(&bucket, twenty_a_second, at(1350)));
}

static void test_never_holds_more_than_its_burst(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};

    assert_false(token_bucket_take(&bucket, twenty_a_second, 6, at(0)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 1, at(0)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 5, at(UINT64_MAX - 1)));
    assert_false(token_bucket_take(&bucket, twenty_a_second, 1, at(UINT64_MAX - 1)));
}

/* 60000 is no multiple of 7: taken as soon as it is there, a token is never early, and never lost
 * to rounding either. */
static void test_is_exact(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};
    uint64_t taken = 0;

    assert_true(token_bucket_take(&bucket, seven_a_minute, 2, at(0)));
    for (uint64_t ms = 0; ms <= 600000; ms++)
        taken += token_bucket_take(&bucket, seven_a_minute, 1, at(ms));
    assert_int_equal(taken, 70);
}

static void test_refusal_takes_nothing(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};

    assert_true(token_bucket_take(&bucket, twenty_a_second, 4, at(0)));
    assert_false(token_bucket_take(&bucket, twenty_a_second, 2, at(0)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 1, at(0)));
    assert_true(token_bucket_take(&bucket, twenty_a_second, 0, at(0)));
}

static void test_ready(void **state)
{
    (void)state;
    struct token_bucket bucket = {0};

    assert_int_equal(token_bucket_ready(&bucket, seven_a_minute, 2, at(9)).ms, 9);
    assert_int_equal(token_bucket_ready(&bucket, seven_a_minute, 3, at(9)).ms, UINT64_MAX);
    assert_true(token_bucket_take(&bucket, seven_a_minute, 2, at(9)));

    uint64_t ready_ms = token_bucket_ready(&bucket, seven_a_minute, 1, at(9)).ms;

    assert_int_equal(ready_ms, 9 + 8572); /* 60000 / 7, rounded up */
    assert_int_equal(token_bucket_ready(&bucket, seven_a_minute, 1, at(5000)).ms, ready_ms);
    assert_false(token_bucket_take(&bucket, seven_a_minute, 1, at(ready_ms - 1)));
    assert_true(token_bucket_take(&bucket, seven_a_minute, 1, at(ready_ms)));
}

static void test_rate_of_zero(void **state)
{
    (void)state;
    const struct token_rate never = {.per_minute = 0, .burst = 1};
    struct token_bucket bucket = {0};

    assert_true(token_bucket_take(&bucket, never, 1, at(0)));
    assert_false(token_bucket_take(&bucket, never, 1, at(UINT64_MAX - 1)));
    assert_false(token_bucket_is_full(&bucket, never, at(UINT64_MAX - 1)));
    assert_int_equal(token_bucket_ready(&bucket, never, 1, at(0)).ms, UINT64_MAX);
    assert_int_equal(token_bucket_ready(&bucket, never, 0, at(3)).ms, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_is_full),
        cmocka_unit_test(test_comes_back_at_the_rate),
        cmocka_unit_test(test_never_holds_more_than_its_burst),
        cmocka_unit_test(test_is_exact),
        cmocka_unit_test(test_refusal_takes_nothing),
        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_rate_of_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
