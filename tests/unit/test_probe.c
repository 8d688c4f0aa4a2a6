#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/probe.h"
#include "daemon/resolve.h"

enum { LOOKUPS_MAX = 8 };

/* The resolver is this test. */
struct lookup {
    char name[64];
    sa_family_t family;
    resolve_done *done;
    void *context;
    bool is_cancelled;
};

static struct {
    struct event_base *base;
    struct probes *probes;
    struct lookup lookups[LOOKUPS_MAX];
    size_t asked;
    const char *at_once; /* names are this address, and answered while they are asked for */
    size_t ended;
} rig;

static void answer(struct lookup *lookup, enum error error, const char *literal)
{
    struct socket_address address;
    struct host_port at = {.port = 0};
    resolve_done *done = lookup->done;

    assert_non_null(done);
    assert_false(lookup->is_cancelled);
    lookup->done = NULL;
    if (literal != NULL) {
        memcpy(at.host, literal, strlen(literal));
        assert_true(socket_address_parse(&at, &address));
    }
    done(lookup->context, error, &address, literal != NULL);
}

struct lookup *resolver_ask(struct resolver *resolver, const char *name, sa_family_t family,
                            resolve_done *done, void *context)
{
    struct lookup *lookup = &rig.lookups[rig.asked++];

    assert_null(resolver);
    assert_true(rig.asked <= LOOKUPS_MAX && strlen(name) < sizeof(lookup->name));
    *lookup = (struct lookup){.family = family, .done = done, .context = context};
    memcpy(lookup->name, name, strlen(name));
    if (rig.at_once == NULL)
        return lookup;
    answer(lookup, OK, rig.at_once);
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    assert_non_null(lookup->done);
    lookup->is_cancelled = true;
}

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.base = event_base_new();
    rig.probes = probes_new(rig.base, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    probes_free(rig.probes);
    event_base_free(rig.base);
    return 0;
}

static void on_done(void *context)
{
    assert_ptr_equal(context, &rig);
    rig.ended++;
}

static void begin(void)
{
    probes_begin(rig.probes, on_done, &rig);
    assert_int_equal(rig.ended, 0); /* never before it returns */
}

static void run(void)
{
    while (rig.ended == 0)
        assert_int_equal(event_base_loop(rig.base, EVLOOP_ONCE), 0);
    assert_int_equal(rig.ended, 1);
}

/* Accepts, as the daemon does where it listens. */
static void on_acceptable(evutil_socket_t fd, short events, void *context)
{
    struct sockaddr_storage remote;
    socklen_t length = sizeof(remote);
    struct socket_address from;
    int accepted = accept(fd, (struct sockaddr *)&remote, &length);

    (void)events;
    (void)context;
    assert_return_code(accepted, errno);
    assert_true(socket_address_from((struct sockaddr *)&remote, &from));
    assert_true(probes_meet(rig.probes, &from));
    assert_false(probes_meet(rig.probes, &from)); /* it is over */
    close(accepted);
}

/* A socket that is bound on loopback, and where it is. */
static int bound(struct socket_address *ret_at)
{
    struct socket_address at = {.v4 = {.sin_family = AF_INET}};
    socklen_t length = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_return_code(bind(fd, &at.any, sizeof(at.v4)), errno);
    assert_return_code(getsockname(fd, &at.any, &length), errno);
    *ret_at = at;
    return fd;
}

static void test_nothing_ends_at_once(void **state)
{
    (void)state;
    begin();
    run();
}

static void test_places(void **state)
{
    struct socket_address open, closed;
    int listener = bound(&open), silent = bound(&closed);
    struct event *acceptable = event_new(rig.base, listener, EV_READ, on_acceptable, NULL);

    (void)state;
    assert_return_code(listen(listener, 1), errno);
    event_add(acceptable, NULL);
    assert_false(probes_meet(rig.probes, &open));
    probes_add_place(rig.probes, &open);
    probes_add_place(rig.probes, &closed);
    probes_add_place(rig.probes, &open);
    begin();
    run();
    assert_int_equal(probes_at_place(rig.probes, &open), 0);
    assert_int_equal(probes_at_place(rig.probes, &closed), ECONNREFUSED);
    event_free(acceptable);
    close(listener);
    close(silent);
}

/* The system has connected it; the daemon does not accept. */
static void test_place_that_is_not_accepted(void **state)
{
    struct socket_address open, closed;
    int listener = bound(&open), silent = bound(&closed);

    (void)state;
    assert_return_code(listen(listener, 1), errno);
    probes_add_place(rig.probes, &open);
    probes_add_place(rig.probes, &closed);
    begin();
    for (int i = 0; i < 5; i++)
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
    assert_int_equal(rig.ended, 0);
    assert_int_equal(probes_at_place(rig.probes, &open), ETIMEDOUT); /* as far as is known */
    assert_int_equal(probes_at_place(rig.probes, &closed), ECONNREFUSED);
    close(listener);
    close(silent);
}

static void check_name(enum error error, const char *found)
{
    struct host_port at = {.host = "untouched"};

    assert_true(probes_has_name(rig.probes, "a.example"));
    assert_int_equal(probes_of_name(rig.probes, "a.example", &at), error);
    assert_string_equal(at.host, found != NULL ? found : "untouched");
}

/* Asks for a name, is answered so in one family and in the other, and finds that. */
static void check_answers(enum error first, const char *first_found, enum error second,
                          const char *second_found, enum error error, const char *found)
{
    probes_add_name(rig.probes, "a.example");
    probes_add_name(rig.probes, "a.example");
    begin();
    assert_int_equal(rig.asked, 2);
    assert_int_not_equal(rig.lookups[0].family, rig.lookups[1].family);
    answer(&rig.lookups[0], first, first_found);
    assert_int_equal(rig.ended, 0);
    answer(&rig.lookups[1], second, second_found);
    run();
    check_name(error, found);
}

static void test_name_in_one_family(void **state)
{
    (void)state;
    check_answers(OK, "2001:db8::1", ERR_NOT_FOUND, NULL, OK, "2001:db8::1");
}

static void test_name_in_the_other(void **state)
{
    (void)state;
    check_answers(ERR_TIMED_OUT, NULL, OK, "192.0.2.1", OK, "192.0.2.1");
}

static void test_name_in_neither(void **state)
{
    (void)state;
    check_answers(ERR_NOT_FOUND, NULL, ERR_NOT_FOUND, NULL, ERR_NOT_FOUND, NULL);
}

static void test_name_that_half_is_said_of(void **state)
{
    (void)state;
    check_answers(ERR_NOT_FOUND, NULL, ERR_TIMED_OUT, NULL, ERR_TIMED_OUT, NULL);
}

static void test_name_that_is_known_at_once(void **state)
{
    (void)state;
    rig.at_once = "127.0.0.1";
    probes_add_name(rig.probes, "a.example");
    begin();
    run();
    check_name(OK, "127.0.0.1");
    assert_false(probes_has_name(rig.probes, "b.example"));
}

static void test_freed_under_way(void **state)
{
    struct socket_address open;
    int listener = bound(&open);

    (void)state;
    assert_return_code(listen(listener, 1), errno);
    probes_add_place(rig.probes, &open);
    probes_add_name(rig.probes, "a.example");
    begin();
    answer(&rig.lookups[0], ERR_NOT_FOUND, NULL);
    probes_free(rig.probes);
    rig.probes = NULL;
    assert_true(rig.lookups[1].is_cancelled);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    assert_int_equal(rig.ended, 0);
    assert_int_equal(event_base_get_num_events(rig.base, EVENT_BASE_COUNT_ADDED), 0);
    close(listener);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_ends_at_once),
        TEST(test_places),
        TEST(test_place_that_is_not_accepted),
        TEST(test_name_in_one_family),
        TEST(test_name_in_the_other),
        TEST(test_name_in_neither),
        TEST(test_name_that_half_is_said_of),
        TEST(test_name_that_is_known_at_once),
        TEST(test_freed_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
