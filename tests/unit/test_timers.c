/* Many deadlines in one heap: earliest first, ties in the order of setting, moved and stopped. */
#include "tests/unit/unit.h"

#include "daemon/core/timers.h"

enum { COUNT = 500 };

static void earliest_comes_first(void **state)
{
    struct timers timers = {0};
    struct timer all[COUNT] = {0};
    uint64_t previous = 0;
    (void)state;

    for (size_t i = 0; i < COUNT; i++)
        timers_set(&timers, &all[i], (struct mono){1 + i * 7919 % 1000});
    for (size_t i = 0; i < COUNT; i++) {
        struct mono next = timers_deadline(&timers);
        assert_null(timers_take_due(&timers, (struct mono){next.ms - 1}));
        struct timer *timer = timers_take_due(&timers, next);
        assert_non_null(timer);
        assert_true(timer->at.ms >= previous);
        assert_int_equal(timer->place, 0);
        previous = timer->at.ms;
    }
    assert_int_equal(timers_deadline(&timers).ms, MONO_NEVER.ms);
    timers_done(&timers);
}

static void ties_keep_their_order(void **state)
{
    struct timers timers = {0};
    struct timer all[COUNT] = {0};
    (void)state;

    for (size_t i = 0; i < COUNT; i++)
        timers_set(&timers, &all[i], (struct mono){5});
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(timers_take_due(&timers, (struct mono){5}), &all[i]);
    timers_done(&timers);
}

static void moved_and_stopped(void **state)
{
    struct timers timers = {0};
    struct timer a = {0}, b = {0}, c = {0};
    (void)state;

    timers_set(&timers, &a, (struct mono){1});
    timers_set(&timers, &b, (struct mono){2});
    timers_set(&timers, &c, (struct mono){3});
    timers_set(&timers, &a, (struct mono){9});
    timers_stop(&timers, &b);
    timers_stop(&timers, &b);
    assert_ptr_equal(timers_take_due(&timers, (struct mono){100}), &c);
    timers_set(&timers, &a, MONO_NEVER);
    assert_null(timers_take_due(&timers, (struct mono){100}));
    timers_done(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earliest_comes_first),
        cmocka_unit_test(ties_keep_their_order),
        cmocka_unit_test(moved_and_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
