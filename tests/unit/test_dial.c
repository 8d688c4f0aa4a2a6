#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mono.h"
#include "daemon/dial.h"
#include "daemon/dial_why.h"
#include "daemon/happy_eyeballs.h"
#include "daemon/net.h"
#include "daemon/pump.h"
#include "daemon/resolve.h"

enum { QUESTIONS_MAX = 8 };

/* Dials with real sockets on loopback, and with a node, a net and a resolver that are this
 * test. */
struct lookup {
    char name[64];
    sa_family_t family;
    resolve_done *done;
    void *context;
    bool is_cancelled;
};

static struct {
    struct pump pump;
    struct lookup questions[QUESTIONS_MAX];
    size_t asked;
    bool no_server;      /* names that are not known might exist */
    bool not_local;      /* the first address of the dial */
    const char *at_once; /* names are this literal, and answered while they are asked for */
    char trace[256];
    size_t won; /* which address it was, the last time */
    enum carrier_kind kind;
    char why[1024]; /* it came to nothing, the last time */
    int listening, deaf;
    struct host_port at;     /* somebody listens there */
    struct host_port closed; /* nobody does, nor can meanwhile */
} rig;

static void note(const char *what, uint64_t dial)
{
    size_t length = strlen(rig.trace);

    snprintf(rig.trace + length, sizeof(rig.trace) - length, "%s%llu ", what,
             (unsigned long long)dial);
}

struct now pump_now(struct pump *pump)
{
    assert_ptr_equal(pump, &rig.pump);
    return pump->now;
}

void pump_arm(struct pump *pump, struct event *timer, struct mono deadline)
{
    (void)pump;
    (void)timer; /* nothing here waits for time */
    assert_true(deadline.ms != MONO_NEVER.ms);
}

void pump_input(struct pump *pump, const struct input *input)
{
    assert_ptr_equal(pump, &rig.pump);
    assert_int_equal(input->kind, INPUT_DIAL_FAILED);
    note(input->dial_failed.error == ERR_NOT_FOUND ? "not_found:" : "unreachable:",
         input->dial_failed.dial);
    snprintf(rig.why, sizeof(rig.why), "%s", input->dial_failed.why);
}

void net_adopt(struct net *net, const struct arrival *arrival)
{
    (void)net;
    assert_int_equal(socket_address_port(&arrival->remote), rig.at.port);
    note("up:", arrival->dial);
    rig.won = arrival->address;
    rig.kind = arrival->kind;
    close(arrival->fd);
}

static void answer(struct lookup *lookup, const char *literal)
{
    struct socket_address address;
    struct host_port at = {.port = 0};
    resolve_done *done = lookup->done;

    assert_non_null(done);
    assert_false(lookup->is_cancelled);
    lookup->done = NULL;
    if (literal == NULL) {
        done(lookup->context, rig.no_server ? ERR_TIMED_OUT : ERR_NOT_FOUND, NULL, 0);
        return;
    }
    snprintf(at.host, sizeof(at.host), "%s", literal);
    assert_true(socket_address_parse(&at, &address));
    done(lookup->context, OK, &address, 1);
}

struct lookup *resolver_ask(struct resolver *resolver, const char *name, sa_family_t family,
                            resolve_done *done, void *context)
{
    struct lookup *lookup = &rig.questions[rig.asked++];

    (void)resolver;
    assert_true(rig.asked <= QUESTIONS_MAX);
    *lookup = (struct lookup){.family = family, .done = done, .context = context};
    snprintf(lookup->name, sizeof(lookup->name), "%s", name);
    if (rig.at_once == NULL)
        return lookup;
    answer(lookup, family == AF_INET ? rig.at_once : NULL);
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    assert_non_null(lookup->done);
    lookup->is_cancelled = true;
}

/* A socket on loopback; with a backlog, or only bound, so that connecting to it is refused. */
static int make_socket(struct host_port *ret_at, int backlog)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(v4);
    struct socket_address address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
    if (backlog > 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&v4, &length), 0);
    assert_true(socket_address_from((struct sockaddr *)&v4, &address));
    socket_address_format(&address, ret_at);
    return fd;
}

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.pump.base = event_base_new();
    rig.pump.now.mono.ms = 1000;
    rig.pump.dials = dials_new(&rig.pump);
    rig.listening = make_socket(&rig.at, 16);
    rig.deaf = make_socket(&rig.closed, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dials_free(rig.pump.dials);
    event_base_free(rig.pump.base);
    close(rig.listening);
    close(rig.deaf);
    return 0;
}

/* Runs what can happen: connecting on loopback succeeds or fails at once. */
static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(rig.pump.base, EVLOOP_NONBLOCK);
}

static void dial_for(enum carrier_kind kind, uint64_t number, const struct host_port *first,
                     const struct host_port *second)
{
    struct dial_address addresses[2] = {{.at = *first, .not_local = rig.not_local}};
    const struct action action = {
        .kind = ACTION_DIAL,
        .dial = {
            .dial = number, .kind = kind, .addresses = addresses, .count = second != NULL ? 2 : 1}};

    if (second != NULL)
        addresses[1] = (struct dial_address){.at = *second};
    dials_dial(rig.pump.dials, &action);
    memset(addresses, 0, sizeof(addresses)); /* they were borrowed */
    turn();
}

static void dial(uint64_t number, const struct host_port *first, const struct host_port *second)
{
    dial_for(CARRIER_CLASSIC, number, first, second);
}

static void go_on(uint64_t number, const char *found)
{
    char words[64];
    const struct action action = {.kind = ACTION_DIAL_GO_ON,
                                  .dial_go_on = {.dial = number, .found = words}};

    snprintf(words, sizeof(words), "%s", found);
    dials_go_on(rig.pump.dials, &action);
    memset(words, 0, sizeof(words)); /* they were borrowed */
    assert_true(dials_are_under_way(rig.pump.dials));
    turn();
}

static struct host_port named(const char *name)
{
    struct host_port at = {.port = rig.at.port};

    snprintf(at.host, sizeof(at.host), "%s", name);
    return at;
}

static void test_a_literal_wins(void **state)
{
    (void)state;
    dial(7, &rig.at, NULL);
    assert_string_equal(rig.trace, "up:7 ");
    assert_int_equal(rig.won, 0);
    assert_int_equal(rig.kind, CARRIER_CLASSIC);
}

static void test_nobody_answers(void **state)
{
    (void)state;
    char expected[64];

    dial(7, &rig.closed, NULL);
    assert_string_equal(rig.trace, "unreachable:7 ");
    snprintf(expected, sizeof(expected), "127.0.0.1:%u refuses the connection", rig.closed.port);
    assert_string_equal(rig.why, expected);
}

static void test_the_next_address_wins(void **state)
{
    (void)state;
    dial(7, &rig.closed, &rig.at);
    assert_string_equal(rig.trace, "up:7 ");
    assert_int_equal(rig.won, 1);
}

static void test_a_name_is_looked_up_in_both_families(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");

    dial(7, &at, NULL);
    assert_int_equal(rig.asked, 2);
    assert_string_equal(rig.questions[0].name, "a.example");
    assert_int_equal(rig.questions[0].family, AF_INET6);
    assert_int_equal(rig.questions[1].family, AF_INET);
    answer(&rig.questions[0], NULL);
    answer(&rig.questions[1], "127.0.0.1");
    turn();
    assert_string_equal(rig.trace, "up:7 ");
}

static void test_an_answer_after_the_win_is_not_awaited(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");

    dial(7, &at, &rig.at);
    assert_string_equal(rig.trace, "up:7 ");
    assert_true(rig.questions[0].is_cancelled && rig.questions[1].is_cancelled);
}

static void test_answers_at_once(void **state)
{
    (void)state;
    const struct host_port at = named("localhost"), other = named("other");

    rig.at_once = "127.0.0.1";
    dial(7, &at, &other);
    assert_string_equal(rig.trace, "up:7 ");
    assert_int_equal(rig.asked, 4);
}

static void test_others_cannot_name_what_is_here(void **state)
{
    (void)state;
    static const char *const places[] = {"127.0.0.1", "0.0.0.0", "169.254.169.254"};
    const struct host_port at = named("a.example");

    rig.not_local = true;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        rig.at_once = places[i];
        dial(7, &at, NULL);
        assert_string_equal(rig.trace, "not_found:7 ");
        assert_string_equal(rig.why, "a.example leads to this machine or its link: what others say "
                                     "of these does not count");
        rig.trace[0] = '\0';
    }
    rig.at_once = NULL;
    dial(7, &at, &rig.closed);
    answer(&rig.questions[rig.asked - 2], "::ffff:127.0.0.1");
    answer(&rig.questions[rig.asked - 1], "127.0.0.1");
    turn();
    assert_string_equal(rig.trace, "unreachable:7 ");
}

static void test_what_others_name_counts_beside_it(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");

    rig.not_local = true;
    rig.at_once = "127.0.0.1";
    dial(7, &at, &rig.at);
    assert_string_equal(rig.trace, "up:7 ");
    assert_int_equal(rig.won, 1);
}

static void test_a_name_without_addresses(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");

    dial(7, &at, NULL);
    answer(&rig.questions[1], NULL);
    answer(&rig.questions[0], NULL);
    turn();
    assert_string_equal(rig.trace, "not_found:7 ");
    assert_string_equal(rig.why, "a.example: no such host");
}

static void test_what_was_found_at_each_address(void **state)
{
    (void)state;
    struct host_port at = named("a.example");
    char expected[256];

    at.port = rig.closed.port;
    rig.no_server = true;
    dial(7, &at, &rig.closed);
    answer(&rig.questions[0], NULL);
    answer(&rig.questions[1], "127.0.0.2");
    turn();
    snprintf(expected, sizeof(expected),
             "127.0.0.2:%u (a.example) refuses the connection; 127.0.0.1:%u refuses the connection",
             at.port, at.port);
    assert_string_equal(rig.why, expected);

    rig.asked = 0;
    dial(8, &at, NULL);
    answer(&rig.questions[0], NULL);
    answer(&rig.questions[1], NULL);
    turn();
    assert_string_equal(rig.why, "a.example: no name server says where it is");
}

static void test_why_is_bounded(void **state)
{
    (void)state;
    struct socket_address address;
    char why[DIAL_WHY_MAX + 1], before[DIAL_WHY_MAX + 1], host[ADDRESS_HOST_MAX + 1] = "";

    memset(host, 'a', ADDRESS_HOST_MAX);
    assert_true(socket_address_parse(&rig.at, &address));
    dial_why_init(why);
    dial_why_add(why, host, &address, ETIMEDOUT);
    dial_why_add(why, host, &address, ETIMEDOUT);
    memcpy(before, why, sizeof(why));
    assert_non_null(strstr(why, ") does not answer; and more"));
    dial_why_add_unknown(why, host, ERR_NOT_FOUND);
    dial_why_add_unknown(why, "b", ERR_NOT_FOUND);
    assert_string_equal(why, before);
}

/* That of a link rests when it has won, and goes on when it is told to. */
static void test_what_was_won_is_worth_nothing(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");
    char expected[256];

    dial_for(CARRIER_LINK, 7, &at, &rig.at);
    assert_string_equal(rig.trace, "up:7 ");
    assert_int_equal(rig.won, 1);
    assert_int_equal(rig.kind, CARRIER_LINK);
    assert_false(dials_are_under_way(rig.pump.dials));
    answer(&rig.questions[0], NULL); /* are awaited still */
    answer(&rig.questions[1], "127.0.0.2");
    turn();
    assert_string_equal(rig.trace, "up:7 ");

    go_on(7, "is somebody else's");
    snprintf(expected, sizeof(expected),
             "127.0.0.2:%u (a.example) refuses the connection; 127.0.0.1:%u is somebody else's",
             rig.at.port, rig.at.port);
    assert_string_equal(rig.trace, "up:7 unreachable:7 ");
    assert_string_equal(rig.why, expected);
    assert_false(dials_are_under_way(rig.pump.dials));
}

static void test_the_next_one_is_won(void **state)
{
    (void)state;
    const struct host_port at = named("a.example"), other = named("b.example");
    char expected[256];

    rig.at_once = "127.0.0.1";
    dial_for(CARRIER_LINK, 7, &at, &other);
    dial_for(CARRIER_LINK, 8, &rig.closed, &rig.at);
    go_on(8, "is somebody else's");
    go_on(7, "is somebody else's");
    assert_string_equal(rig.trace, "up:7 up:8 unreachable:8 unreachable:7 ");
    /* All that the second name has was tried for the first. */
    snprintf(expected, sizeof(expected), "127.0.0.1:%u (a.example) is somebody else's",
             rig.at.port);
    assert_string_equal(rig.why, expected);
}

static void test_forgotten_when_won(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");
    const struct action action = {.kind = ACTION_DIAL_GO_ON,
                                  .dial_go_on = {.dial = 7, .found = "is somebody else's"}};

    dial_for(CARRIER_LINK, 7, &rig.at, &at);
    dials_cancel(rig.pump.dials, 7);
    assert_true(rig.questions[0].is_cancelled && rig.questions[1].is_cancelled);
    dials_go_on(rig.pump.dials, &action); /* there is none any more */
    turn();
    assert_string_equal(rig.trace, "up:7 ");
}

static void test_cancelled(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");
    const struct dial_address to = {.at = rig.at};
    const struct action action = {.kind = ACTION_DIAL,
                                  .dial = {.dial = 8, .addresses = &to, .count = 1}};

    dial(7, &at, NULL);
    dials_cancel(rig.pump.dials, 7);
    assert_true(rig.questions[0].is_cancelled && rig.questions[1].is_cancelled);

    dials_dial(rig.pump.dials, &action);
    dials_cancel(rig.pump.dials, 8); /* before it began */
    dials_cancel(rig.pump.dials, 9); /* never was */
    turn();
    assert_string_equal(rig.trace, "");
}

static void test_no_addresses(void **state)
{
    (void)state;
    const struct dial_address to = {.at = rig.at};
    const struct action action = {.kind = ACTION_DIAL,
                                  .dial = {.dial = 7, .addresses = &to, .count = 0}};

    dials_dial(rig.pump.dials, &action);
    turn();
    assert_string_equal(rig.trace, "not_found:7 ");
}

static void test_several_at_once(void **state)
{
    (void)state;
    const struct host_port at = named("a.example");

    dial(1, &at, NULL);
    dial(2, &rig.at, NULL);
    dial(3, &rig.closed, NULL);
    assert_string_equal(rig.trace, "up:2 unreachable:3 ");
    dials_stop(rig.pump.dials);
    assert_true(rig.questions[0].is_cancelled);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_literal_wins),
        TEST(test_nobody_answers),
        TEST(test_the_next_address_wins),
        TEST(test_a_name_is_looked_up_in_both_families),
        TEST(test_an_answer_after_the_win_is_not_awaited),
        TEST(test_answers_at_once),
        TEST(test_others_cannot_name_what_is_here),
        TEST(test_what_others_name_counts_beside_it),
        TEST(test_a_name_without_addresses),
        TEST(test_what_was_found_at_each_address),
        TEST(test_why_is_bounded),
        TEST(test_what_was_won_is_worth_nothing),
        TEST(test_the_next_one_is_won),
        TEST(test_forgotten_when_won),
        TEST(test_cancelled),
        TEST(test_no_addresses),
        TEST(test_several_at_once),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
