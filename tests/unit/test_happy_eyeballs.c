#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "daemon/happy_eyeballs.h"

/* A race on virtual time that writes down what it does: "+250 10.0.0.1:1" is an attempt that began
 * 250 ms after the start. */
struct rig {
    struct happy_eyeballs race;
    uint64_t start_ms;
    struct now now;
    char trace[2048];
};

static struct socket_address address_of(const char *literal)
{
    struct socket_address address;
    struct host_port at = {.port = 1};

    snprintf(at.host, sizeof(at.host), "%s", literal);
    assert_true(socket_address_parse(&at, &address));
    return address;
}

static void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->start_ms = 1000000;
    rig->now.mono.ms = rig->start_ms;
    happy_eyeballs_init(&rig->race, rig->now);
}

static void rig_literal(struct rig *rig, size_t entry, const char *literal)
{
    struct socket_address address = address_of(literal);

    happy_eyeballs_add_literal(&rig->race, entry, &address);
}

static void rig_write(struct rig *rig, const char *what)
{
    size_t length = strlen(rig->trace);

    snprintf(rig->trace + length, sizeof(rig->trace) - length, "%s+%llu %s", length > 0 ? ", " : "",
             (unsigned long long)(rig->now.mono.ms - rig->start_ms), what);
}

static void rig_drain(struct rig *rig)
{
    struct race_action action;
    struct host_port at;

    while (happy_eyeballs_next_action(&rig->race, &action)) {
        if (action.kind == RACE_TRY) {
            socket_address_format(action.address, &at);
            rig_write(rig, at.host);
        } else {
            rig_write(rig, action.error == ERR_UNREACHABLE ? "unreachable"
                           : action.error == ERR_NOT_FOUND ? "not found"
                                                           : "timed out");
        }
    }
}

static void rig_start(struct rig *rig)
{
    happy_eyeballs_start(&rig->race, rig->now);
    rig_drain(rig);
}

/* Lets time go on to `ms` after the start, with every deadline on the way. */
static void rig_go_on(struct rig *rig, uint64_t ms)
{
    struct mono until = {rig->start_ms + ms};

    for (;;) {
        struct mono deadline = happy_eyeballs_deadline(&rig->race);

        if (deadline.ms > until.ms)
            break;
        if (deadline.ms > rig->now.mono.ms)
            rig->now.mono = deadline;
        happy_eyeballs_expire(&rig->race, rig->now);
        rig_drain(rig);
    }
    rig->now.mono = until;
}

static void rig_answer(struct rig *rig, size_t entry, enum race_family family, const char *first,
                       const char *second)
{
    struct socket_address addresses[2];
    size_t count = 0;

    if (first != NULL)
        addresses[count++] = address_of(first);
    if (second != NULL)
        addresses[count++] = address_of(second);
    happy_eyeballs_resolved(&rig->race, entry, family, addresses, count, rig->now);
    rig_drain(rig);
}

static void rig_fail(struct rig *rig, size_t attempt)
{
    happy_eyeballs_failed(&rig->race, attempt, rig->now);
    rig_drain(rig);
}

static void test_one_literal_fails(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.1");
    rig_start(&rig);
    rig_go_on(&rig, 70);
    rig_fail(&rig, 0);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +70 unreachable");
    assert_int_equal(happy_eyeballs_deadline(&rig.race).ms, MONO_NEVER.ms);
}

static void test_families_take_turns(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.1");
    rig_literal(&rig, 1, "10.0.0.2");
    rig_literal(&rig, 2, "2001:db8::1");
    rig_literal(&rig, 3, "2001:db8::2");
    rig_literal(&rig, 4, "10.0.0.3");
    rig_start(&rig);
    rig_go_on(&rig, 2000);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +250 2001:db8::1, +500 10.0.0.2, "
                                   "+750 2001:db8::2, +1000 10.0.0.3");
}

static void test_failure_starts_the_next_at_once(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_literal(&rig, 0, "2001:db8::1");
    rig_literal(&rig, 1, "10.0.0.1");
    rig_literal(&rig, 2, "10.0.0.2");
    rig_start(&rig);
    rig_go_on(&rig, 3);
    rig_fail(&rig, 0);
    rig_go_on(&rig, 300);
    rig_fail(&rig, 1);
    rig_go_on(&rig, 400);
    rig_fail(&rig, 2);
    assert_string_equal(rig.trace, "+0 2001:db8::1, +3 10.0.0.1, +253 10.0.0.2, +400 unreachable");
}

static void test_name_with_ipv6_first(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_start(&rig);
    rig_go_on(&rig, 20);
    rig_answer(&rig, 0, RACE_IPV6, "2001:db8::1", "2001:db8::2");
    rig_go_on(&rig, 30);
    rig_answer(&rig, 0, RACE_IPV4, "10.0.0.1", "10.0.0.2");
    rig_go_on(&rig, 1000);
    assert_string_equal(rig.trace,
                        "+20 2001:db8::1, +270 10.0.0.1, +520 2001:db8::2, +770 10.0.0.2");
}

static void test_ipv4_waits_for_ipv6(void **state)
{
    (void)state;
    struct rig rig;

    /* The IPv6 answer comes within 50 ms: it goes first. */
    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_start(&rig);
    rig_go_on(&rig, 10);
    rig_answer(&rig, 0, RACE_IPV4, "10.0.0.1", NULL);
    rig_go_on(&rig, 40);
    rig_answer(&rig, 0, RACE_IPV6, "2001:db8::1", NULL);
    rig_go_on(&rig, 1000);
    assert_string_equal(rig.trace, "+40 2001:db8::1, +290 10.0.0.1");

    /* It comes too late. */
    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_start(&rig);
    rig_go_on(&rig, 10);
    rig_answer(&rig, 0, RACE_IPV4, "10.0.0.1", NULL);
    rig_go_on(&rig, 100);
    rig_answer(&rig, 0, RACE_IPV6, "2001:db8::1", NULL);
    rig_go_on(&rig, 1000);
    assert_string_equal(rig.trace, "+60 10.0.0.1, +310 2001:db8::1");

    /* There is none: no need to wait longer. */
    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_start(&rig);
    rig_go_on(&rig, 10);
    rig_answer(&rig, 0, RACE_IPV4, "10.0.0.1", NULL);
    rig_go_on(&rig, 15);
    rig_answer(&rig, 0, RACE_IPV6, NULL, NULL);
    rig_go_on(&rig, 1000);
    assert_string_equal(rig.trace, "+15 10.0.0.1");
}

static void test_literals_do_not_wait_for_names(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_literal(&rig, 1, "10.0.0.9");
    rig_start(&rig);
    rig_go_on(&rig, 100);
    rig_answer(&rig, 0, RACE_IPV6, "2001:db8::1", NULL);
    rig_go_on(&rig, 120);
    rig_answer(&rig, 0, RACE_IPV4, "10.0.0.1", "10.0.0.9");
    rig_go_on(&rig, 600);
    assert_string_equal(rig.trace, "+0 10.0.0.9, +250 2001:db8::1, +500 10.0.0.1");
}

static void test_failed_attempts_wait_for_answers(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.9");
    happy_eyeballs_add_name(&rig.race, 1);
    rig_start(&rig);
    rig_fail(&rig, 0);
    rig_go_on(&rig, 900);
    rig_answer(&rig, 1, RACE_IPV6, NULL, NULL);
    rig_answer(&rig, 1, RACE_IPV4, "10.0.0.1", NULL);
    rig_go_on(&rig, 950);
    rig_fail(&rig, 1);
    assert_string_equal(rig.trace, "+0 10.0.0.9, +900 10.0.0.1, +950 unreachable");
}

static void test_name_without_addresses(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    happy_eyeballs_add_name(&rig.race, 0);
    rig_start(&rig);
    rig_go_on(&rig, 5);
    rig_answer(&rig, 0, RACE_IPV4, NULL, NULL);
    rig_answer(&rig, 0, RACE_IPV6, NULL, NULL);
    assert_string_equal(rig.trace, "+5 not found");
}

static void test_nothing_to_try(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_start(&rig);
    assert_string_equal(rig.trace, "+0 not found");
}

static void test_total_bound(void **state)
{
    (void)state;
    struct rig rig;

    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.1");
    happy_eyeballs_add_name(&rig.race, 1);
    rig_start(&rig);
    rig_go_on(&rig, 100000);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +30000 timed out");

    /* What comes late changes nothing. */
    rig_answer(&rig, 1, RACE_IPV4, "10.0.0.2", NULL);
    rig_fail(&rig, 0);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +30000 timed out");
}

static void test_bounds(void **state)
{
    (void)state;
    struct socket_address addresses[100];
    struct rig rig;

    rig_init(&rig);
    for (size_t entry = 0; entry < DIAL_ADDRESSES_MAX; entry++)
        happy_eyeballs_add_name(&rig.race, entry);
    rig_start(&rig);
    for (size_t entry = 0; entry < DIAL_ADDRESSES_MAX; entry++) {
        for (size_t i = 0; i < 100; i++) {
            struct sockaddr_in v4 = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl((uint32_t)(entry * 100 + i + 1))};

            assert_true(socket_address_from((const struct sockaddr *)&v4, &addresses[i]));
        }
        happy_eyeballs_resolved(&rig.race, entry, RACE_IPV4, addresses, 100, rig.now);
        assert_int_equal(rig.race.count,
                         entry < 4 ? (entry + 1) * DIAL_PER_ANSWER_MAX : DIAL_CANDIDATES_MAX);
    }
}

/* Whoever answered first was somebody else: the others have their turn, begun or not, and what
 * failed has had its own. */
static void test_what_was_won_is_worth_nothing(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.1");
    rig_literal(&rig, 1, "10.0.0.2");
    rig_literal(&rig, 2, "10.0.0.3");
    happy_eyeballs_add_name(&rig.race, 3);
    rig_start(&rig);
    rig_fail(&rig, 0);
    rig_go_on(&rig, 300);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +0 10.0.0.2, +250 10.0.0.3");
    happy_eyeballs_won(&rig.race, 2);
    assert_true(happy_eyeballs_deadline(&rig.race).ms == MONO_NEVER.ms);
    rig_go_on(&rig, 1000);
    rig_answer(&rig, 3, RACE_IPV6, NULL, NULL); /* comes while it rests */
    rig_answer(&rig, 3, RACE_IPV4, "10.0.0.4", NULL);
    rig_go_on(&rig, 5000);
    assert_string_equal(rig.trace, "+0 10.0.0.1, +0 10.0.0.2, +250 10.0.0.3");
    rig.trace[0] = '\0';
    happy_eyeballs_go_on(&rig.race, rig.now);
    rig_drain(&rig);
    rig_go_on(&rig, 5400);
    assert_string_equal(rig.trace, "+5000 10.0.0.2, +5250 10.0.0.4");
    happy_eyeballs_won(&rig.race, 1);
    happy_eyeballs_go_on(&rig.race, rig.now);
    rig.trace[0] = '\0';
    rig_drain(&rig);
    rig_fail(&rig, 3);
    assert_string_equal(rig.trace, "+5400 10.0.0.4, +5400 unreachable");
}

static void test_the_total_bound_holds_while_it_rests(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_literal(&rig, 0, "10.0.0.1");
    rig_literal(&rig, 1, "10.0.0.2");
    rig_start(&rig);
    happy_eyeballs_won(&rig.race, 0);
    rig_go_on(&rig, DIAL_TOTAL_MS);
    rig.trace[0] = '\0';
    happy_eyeballs_go_on(&rig.race, rig.now);
    rig_drain(&rig);
    assert_string_equal(rig.trace, "+30000 timed out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_literal_fails),
        cmocka_unit_test(test_families_take_turns),
        cmocka_unit_test(test_failure_starts_the_next_at_once),
        cmocka_unit_test(test_name_with_ipv6_first),
        cmocka_unit_test(test_ipv4_waits_for_ipv6),
        cmocka_unit_test(test_literals_do_not_wait_for_names),
        cmocka_unit_test(test_failed_attempts_wait_for_answers),
        cmocka_unit_test(test_name_without_addresses),
        cmocka_unit_test(test_nothing_to_try),
        cmocka_unit_test(test_total_bound),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_what_was_won_is_worth_nothing),
        cmocka_unit_test(test_the_total_bound_holds_while_it_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
