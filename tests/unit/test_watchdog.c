/* The watchdog on a loop of its own, with a store that is only as silent as it is told to be. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/pump.h"
#include "daemon/watchdog.h"

enum { WATCHDOG_MS = 30 };

static struct {
    struct pump pump;
    uint64_t silence_ms;
    unsigned asked; /* how often the store was */
    int manager;
} rig;

struct now pump_now(struct pump *pump)
{
    assert_ptr_equal(pump, &rig.pump);
    return (struct now){.mono = {.ms = 1}};
}

uint64_t store_silence_ms(const struct store *store, struct mono now)
{
    (void)store;
    assert_int_equal(now.ms, 1);
    rig.asked++;
    return rig.silence_ms;
}

static int setup(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    const int length = snprintf(name, sizeof name, "@p2pchat-watchdog-%ld", (long)getpid());

    (void)state;
    memset(&rig, 0, sizeof rig);
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    rig.manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind(rig.manager, (struct sockaddr *)&address,
             (socklen_t)(sizeof(sa_family_t) + (size_t)length)) != 0)
        return -1;
    setenv("NOTIFY_SOCKET", name, 1);
    snprintf(name, sizeof name, "%d", WATCHDOG_MS * 1000);
    setenv("WATCHDOG_USEC", name, 1);
    rig.pump.base = event_base_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    event_base_free(rig.pump.base);
    close(rig.manager);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    return 0;
}

/* Lets the loop turn until the dog has looked so often; returns how often it was fed. */
static unsigned fed_of(unsigned looks)
{
    const unsigned until = rig.asked + looks;
    unsigned fed = 0;
    char text[64];
    ssize_t length;

    while (rig.asked < until)
        event_base_loop(rig.pump.base, EVLOOP_ONCE);
    while ((length = recv(rig.manager, text, sizeof text, 0)) > 0) {
        assert_int_equal(length, strlen("WATCHDOG=1"));
        assert_memory_equal(text, "WATCHDOG=1", (size_t)length);
        fed++;
    }
    return fed;
}

static void test_fed_while_the_disk_answers(void **state)
{
    struct watchdog *dog = watchdog_new(&rig.pump);

    (void)state;
    assert_int_equal(fed_of(3), 3);
    rig.silence_ms = WATCHDOG_MS / 3 * 2 - 1;
    assert_int_equal(fed_of(3), 3);
    rig.silence_ms++;
    assert_int_equal(fed_of(3), 0);
    rig.silence_ms = 0; /* it came back after all */
    assert_int_equal(fed_of(2), 2);
    watchdog_free(dog);
}

static int find_timer(const struct event_base *base, const struct event *event, void *ret_timer)
{
    (void)base;
    *(const struct event **)ret_timer = event;
    return 1; /* there is no other */
}

/* When it looks the next time, after a call to the disk was silent for so long. */
static long next_look_s(uint64_t silence_ms)
{
    struct event *timer = NULL;
    struct timeval at, now;

    rig.silence_ms = silence_ms;
    event_base_foreach_event(rig.pump.base, find_timer, &timer);
    event_active(timer, EV_TIMEOUT, 1);
    event_base_loop(rig.pump.base, EVLOOP_ONCE);
    assert_true(event_pending(timer, EV_TIMEOUT, &at));
    gettimeofday(&now, NULL);
    return at.tv_sec - now.tv_sec;
}

/* A call that began a moment after it was fed is not given another period. */
static void test_looks_when_the_patience_is_over(void **state)
{
    struct watchdog *dog;

    (void)state;
    setenv("WATCHDOG_USEC", "7200000000", 1);
    dog = watchdog_new(&rig.pump);
    assert_in_range(next_look_s(0), 1, 61);
    assert_true(next_look_s(WATCHDOG_CALL_MS - 3000) <= 4);
    assert_in_range(next_look_s(WATCHDOG_CALL_MS), 1800, 2401); /* it can only come back */
    watchdog_free(dog);
}

static void test_a_very_short_one(void **state)
{
    struct watchdog *dog;

    (void)state;
    setenv("WATCHDOG_USEC", "999", 1);
    dog = watchdog_new(&rig.pump);
    assert_non_null(dog);
    assert_int_equal(fed_of(3), 3);
    watchdog_free(dog);
    assert_int_equal(watchdog_patience_ms(1), 2);
}

static void test_nobody_asks_for_it(void **state)
{
    (void)state;
    unsetenv("WATCHDOG_USEC");
    assert_null(watchdog_new(&rig.pump));
    watchdog_free(NULL);
}

static void test_patience(void **state)
{
    (void)state;
    assert_int_equal(watchdog_patience_ms(90000), 60000);
    assert_int_equal(watchdog_patience_ms(3600000), 60000);
    assert_int_equal(watchdog_patience_ms(6000), 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fed_while_the_disk_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_looks_when_the_patience_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_very_short_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_asks_for_it, setup, teardown),
        cmocka_unit_test(test_patience),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
