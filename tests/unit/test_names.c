#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/names.h"
#include "daemon/pump.h"
#include "daemon/resolve.h"

enum { LOOKUPS_MAX = 8 };

/* Names whose node and resolver are this test. */
struct lookup {
    sa_family_t family;
    resolve_done *done;
    void *context;
    bool is_cancelled;
};

static struct {
    struct pump pump;
    struct lookup lookups[LOOKUPS_MAX];
    size_t asked;
    const char *at_once; /* names are this IPv4 address, and answered while they are asked for */
    char trace[512];     /* what the node hears */
    struct event *timer; /* the last one that was armed */
} rig;

void pump_input(struct pump *pump, const struct input *input)
{
    size_t length = strlen(rig.trace);

    assert_ptr_equal(pump, &rig.pump);
    assert_int_equal(input->kind, INPUT_RESOLVED);
    length += (size_t)snprintf(rig.trace + length, sizeof(rig.trace) - length,
                               "%llu:", (unsigned long long)input->resolved.resolve);
    for (size_t i = 0; i < input->resolved.count; i++)
        length += (size_t)snprintf(rig.trace + length, sizeof(rig.trace) - length, "%s,",
                                   input->resolved.literals[i]);
    snprintf(rig.trace + length, sizeof(rig.trace) - length, " ");
}

struct now pump_now(struct pump *pump)
{
    return pump->now;
}

void pump_arm(struct pump *pump, struct event *timer, struct mono deadline)
{
    (void)pump;
    assert_int_equal(deadline.ms, NAMES_TOTAL_MS); /* time stands still at 0 */
    rig.timer = timer;
}

static void answer(struct lookup *lookup, enum error error, size_t count, const char *literal)
{
    struct socket_address addresses[DIAL_PER_ANSWER_MAX];
    resolve_done *done = lookup->done;
    struct host_port at = {.port = 0};

    assert_non_null(done);
    assert_false(lookup->is_cancelled);
    lookup->done = NULL;
    snprintf(at.host, sizeof(at.host), "%s", literal);
    for (size_t i = 0; i < count; i++)
        assert_true(socket_address_parse(&at, &addresses[i]));
    done(lookup->context, error, addresses, count);
}

struct lookup *resolver_ask(struct resolver *resolver, const char *name, sa_family_t family,
                            resolve_done *done, void *context)
{
    struct lookup *lookup = &rig.lookups[rig.asked++];

    assert_null(resolver);
    assert_true(rig.asked <= LOOKUPS_MAX);
    assert_string_equal(name, "a.example");
    *lookup = (struct lookup){.family = family, .done = done, .context = context};
    if (rig.at_once == NULL)
        return lookup;
    if (family == AF_INET)
        answer(lookup, OK, 1, rig.at_once);
    else
        answer(lookup, ERR_NOT_FOUND, 0, "::");
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    assert_false(lookup->is_cancelled);
    lookup->is_cancelled = true;
}

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.pump.base = event_base_new();
    rig.pump.names = names_new(&rig.pump);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    names_free(rig.pump.names);
    event_base_free(rig.pump.base);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(rig.pump.base, EVLOOP_NONBLOCK);
}

static void ask(uint64_t number)
{
    char host[] = "a.example";
    const struct action action = {.kind = ACTION_RESOLVE,
                                  .resolve = {.resolve = number, .host = host}};

    names_resolve(rig.pump.names, &action);
    memset(host, 0, sizeof(host)); /* it was borrowed */
}

static void test_both_families(void **state)
{
    (void)state;
    ask(7);
    assert_int_equal(rig.asked, 0); /* not from within an action */
    turn();
    assert_int_equal(rig.asked, 2);
    assert_int_not_equal(rig.lookups[0].family, rig.lookups[1].family);
    answer(&rig.lookups[1], OK, 1, "192.0.2.1");
    assert_string_equal(rig.trace, "");
    answer(&rig.lookups[0], OK, 2, "2001:db8::1");
    assert_string_equal(rig.trace, "7:192.0.2.1,2001:db8::1,2001:db8::1, ");
}

static void test_nobody_knows_it(void **state)
{
    (void)state;
    ask(7);
    turn();
    answer(&rig.lookups[0], ERR_NOT_FOUND, 0, "");
    answer(&rig.lookups[1], ERR_TIMED_OUT, 0, "");
    assert_string_equal(rig.trace, "7: ");
}

static void test_answered_at_once(void **state)
{
    (void)state;
    rig.at_once = "192.0.2.1";
    ask(7);
    ask(8);
    assert_string_equal(rig.trace, "");
    turn();
    assert_string_equal(rig.trace, "7:192.0.2.1, 8:192.0.2.1, ");
}

static void test_half_is_known_when_time_is_over(void **state)
{
    (void)state;
    ask(7);
    turn();
    answer(&rig.lookups[1], OK, 1, "192.0.2.1");
    event_active(rig.timer, EV_TIMEOUT, 1);
    turn();
    assert_string_equal(rig.trace, "7:192.0.2.1, ");
    assert_true(rig.lookups[0].is_cancelled);
}

static void test_answers_are_bounded(void **state)
{
    (void)state;
    const char *at = rig.trace;
    size_t count = 0;

    ask(7);
    turn();
    answer(&rig.lookups[0], OK, DIAL_PER_ANSWER_MAX, "2001:db8::1");
    answer(&rig.lookups[1], OK, DIAL_PER_ANSWER_MAX, "192.0.2.1");
    for (; (at = strchr(at, ',')) != NULL; at++)
        count++;
    assert_int_equal(count, RESOLVED_MAX);
}

static void test_stopped(void **state)
{
    (void)state;
    ask(7);
    turn();
    answer(&rig.lookups[0], OK, 1, "2001:db8::1");
    ask(8); /* has not begun */
    names_stop(rig.pump.names);
    assert_true(rig.lookups[1].is_cancelled);
    turn();
    assert_string_equal(rig.trace, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_both_families),       TEST(test_nobody_knows_it),
        TEST(test_answered_at_once),    TEST(test_half_is_known_when_time_is_over),
        TEST(test_answers_are_bounded), TEST(test_stopped),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
