#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/announce.h"

static struct socket_address address_of(const char *literal)
{
    struct socket_address address;
    struct host_port at = {.port = 7};

    snprintf(at.host, sizeof(at.host), "%s", literal);
    assert_true(socket_address_parse(&at, &address));
    return address;
}

static void test_reach(void **state)
{
    (void)state;
    static const struct {
        const char *literal;
        enum address_reach reach;
    } rows[] = {
        {"8.8.8.8", REACH_PUBLIC},
        {"172.15.0.1", REACH_PUBLIC},
        {"172.32.0.1", REACH_PUBLIC},
        {"100.128.0.1", REACH_PUBLIC},
        {"2001:db8::1", REACH_PUBLIC},
        {"10.1.2.3", REACH_PRIVATE},
        {"172.16.0.1", REACH_PRIVATE},
        {"172.31.255.255", REACH_PRIVATE},
        {"192.168.1.1", REACH_PRIVATE},
        {"100.64.0.1", REACH_PRIVATE},
        {"100.127.255.255", REACH_PRIVATE},
        {"fd00::1", REACH_PRIVATE},
        {"fc00::1", REACH_PRIVATE},
        {"169.254.1.1", REACH_LINK},
        {"fe80::1", REACH_LINK},
        {"127.0.0.1", REACH_LOOPBACK},
        {"127.255.0.1", REACH_LOOPBACK},
        {"::1", REACH_LOOPBACK},
        {"::ffff:127.0.0.1", REACH_LOOPBACK},
        {"::ffff:8.8.8.8", REACH_PUBLIC},
        {"0.0.0.0", REACH_NOWHERE},
        {"::", REACH_NOWHERE},
        {"224.0.0.1", REACH_NOWHERE},
        {"255.255.255.255", REACH_NOWHERE},
        {"ff02::1", REACH_NOWHERE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct socket_address address = address_of(rows[i].literal);

        if (address_reach(&address) != rows[i].reach)
            fail_msg("%s: %d", rows[i].literal, address_reach(&address));
    }
}

static void add(struct announce *announce, const char *literal)
{
    struct socket_address address = address_of(literal);

    announce_add(announce, &address);
}

static void add_own(struct announce *announce, const char *literal)
{
    struct socket_address address = address_of(literal);

    announce_add_own(announce, &address);
}

static void assert_taken(const struct announce *announce, const char *expected)
{
    struct host_port addresses[ANNOUNCE_MAX];
    size_t count = announce_take(announce, addresses);
    char text[1024] = "";

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(text);

        assert_int_equal(addresses[i].port, 7);
        snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? " " : "", addresses[i].host);
    }
    assert_string_equal(text, expected);
}

static void test_most_useful_first(void **state)
{
    (void)state;
    struct announce announce;

    announce_init(&announce);
    add_own(&announce, "127.0.0.1");
    add_own(&announce, "fe80::1");
    add_own(&announce, "192.168.0.2");
    add_own(&announce, "::1");
    add_own(&announce, "203.0.113.1");
    add_own(&announce, "2001:db8::1");
    add_own(&announce, "203.0.113.1");
    assert_taken(&announce, "203.0.113.1 2001:db8::1 192.168.0.2 127.0.0.1 ::1");
}

static void test_what_is_given_is_told(void **state)
{
    (void)state;
    struct announce announce;

    announce_init(&announce);
    add(&announce, "fe80::1");
    add(&announce, "10.0.0.1");
    add(&announce, "0.0.0.0");
    assert_taken(&announce, "10.0.0.1 fe80::1");
}

static void test_many_alike_leave_room(void **state)
{
    (void)state;
    struct announce announce;
    char literal[32];

    announce_init(&announce);
    for (int i = 1; i < 100; i++) {
        snprintf(literal, sizeof(literal), "2001:db8::%x", i);
        add_own(&announce, literal);
    }
    add_own(&announce, "10.0.0.1");
    assert_taken(&announce, "2001:db8::1 2001:db8::2 2001:db8::3 10.0.0.1");
    for (int i = 1; i < 200; i++) {
        snprintf(literal, sizeof(literal), "203.0.113.%d", i);
        add(&announce, literal);
    }
    assert_int_equal(announce.count, ANNOUNCE_CANDIDATES);
    assert_taken(&announce, "2001:db8::1 2001:db8::2 2001:db8::3 203.0.113.1 203.0.113.2 "
                            "203.0.113.3 203.0.113.4 203.0.113.5");
}

static void test_the_host_has_loopback(void **state)
{
    (void)state;
    struct socket_address wildcard = address_of("0.0.0.0");
    struct host_port addresses[ANNOUNCE_MAX];
    struct announce announce;
    size_t count;

    announce_init(&announce);
    announce_add_host(&announce, &wildcard, WILDCARD_DUAL);
    count = announce_take(&announce, addresses);
    assert_true(count >= 1 && count <= ANNOUNCE_MAX);
    assert_string_equal(addresses[count - 1].host, "127.0.0.1");
    assert_int_equal(addresses[count - 1].port, 7);
}

static bool is_told(const struct announce *announce, const char *host)
{
    struct host_port addresses[ANNOUNCE_MAX];
    const size_t count = announce_take(announce, addresses);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(addresses[i].host, host) == 0)
            return true;
    }
    return false;
}

static void test_a_wildcard_of_ipv6_alone(void **state)
{
    (void)state;
    struct socket_address wildcard = address_of("::");
    struct announce announce;

    announce_init(&announce);
    announce_add_host(&announce, &wildcard, WILDCARD_IPV6_ONLY);
    assert_false(is_told(&announce, "127.0.0.1"));
    announce_add_host(&announce, &wildcard, WILDCARD_DUAL);
    assert_true(is_told(&announce, "127.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_most_useful_first),
        cmocka_unit_test(test_what_is_given_is_told),
        cmocka_unit_test(test_many_alike_leave_room),
        cmocka_unit_test(test_the_host_has_loopback),
        cmocka_unit_test(test_a_wildcard_of_ipv6_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
