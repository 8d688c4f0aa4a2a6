#include "tests/unit/unit.h"

#include <event2/event.h>

#include "daemon/limits.h"
#include "daemon/quiet.h"

static void test_once_in_a_while(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct quiet quiet, other;
    struct timeval now, over;

    quiet_init(&quiet, base);
    quiet_init(&other, base);
    assert_true(quiet_may_speak(&quiet));
    for (int i = 0; i < 1000; i++)
        assert_false(quiet_may_speak(&quiet));
    assert_true(quiet_may_speak(&other));

    event_base_gettimeofday_cached(base, &now);
    assert_true(event_pending(&quiet.timer, EV_TIMEOUT, &over));
    assert_in_range(over.tv_sec - now.tv_sec, QUIET_S - 1, QUIET_S + 1);
    event_active(&quiet.timer, EV_TIMEOUT, 1); /* it is over */
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_true(quiet_may_speak(&quiet));
    assert_false(quiet_may_speak(&other));
    quiet_done(&quiet);
    quiet_done(&other);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_once_in_a_while)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
