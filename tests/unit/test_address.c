#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "common/address.h"

#define ID   "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd"
#define TEN  "0123456789"
#define H50  TEN TEN TEN TEN TEN
#define L63  H50 TEN "abc" /* the longest label */
#define H253 L63 "." L63 "." L63 "." H50 TEN "a"
#define N64  L63 "d" /* the longest name */

/* --- Hosts with ports --- */

struct host_port_row {
    const char *text;
    const char *host; /* NULL: refused */
    unsigned port;
    const char *again; /* as it is written; NULL: as it was read */
};

static const struct host_port_row host_ports[] = {
    {"example.org:28470", "example.org", 28470, NULL},
    {"localhost:1", "localhost", 1, NULL},
    {"h:65535", "h", 65535, NULL},
    {"Example.ORG:80", "example.org", 80, "example.org:80"},
    {"my_host-1.lan:80", "my_host-1.lan", 80, NULL},
    {"_srv.a:80", "_srv.a", 80, NULL},
    {"1password.com:443", "1password.com", 443, NULL},
    {"3com:443", "3com", 443, NULL},
    {"0xyz:1", "0xyz", 1, NULL},
    {"xn--bcher-kva.example:1", "xn--bcher-kva.example", 1, NULL},
    {"192.0.2.1:80", "192.0.2.1", 80, NULL},
    {"255.255.255.255:80", "255.255.255.255", 80, NULL},
    {"[::1]:1", "::1", 1, NULL},
    {"[::]:28470", "::", 28470, NULL},
    {"[2001:DB8:0:0:0:0:0:1]:80", "2001:db8::1", 80, "[2001:db8::1]:80"},
    {"[2001:0db8::0001]:80", "2001:db8::1", 80, "[2001:db8::1]:80"},
    {"[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80, NULL},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     1, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1"},
    {L63 ":1", L63, 1, NULL},
    {H253 ":65535", H253, 65535, NULL},
    {ID ".onion:80", ID ".onion", 80, NULL},
    {ID "a:80", ID "a", 80, NULL},

    /* ports */
    {"h", NULL, 0, NULL},
    {"h:", NULL, 0, NULL},
    {"h:0", NULL, 0, NULL},
    {"h:65536", NULL, 0, NULL},
    {"h:99999", NULL, 0, NULL},
    {"h:4294967297", NULL, 0, NULL},
    {"h:18446744073709551617", NULL, 0, NULL},
    {"h:0080", NULL, 0, NULL},
    {"h:00", NULL, 0, NULL},
    {"h:+5", NULL, 0, NULL},
    {"h:-5", NULL, 0, NULL},
    {"h: 5", NULL, 0, NULL},
    {"h:5 ", NULL, 0, NULL},
    {"h:0x5", NULL, 0, NULL},
    {"h:http", NULL, 0, NULL},
    {"h:5\n", NULL, 0, NULL},
    {"h:\xD9\xA5", NULL, 0, NULL}, /* an Arabic five */

    /* hosts */
    {"", NULL, 0, NULL},
    {":", NULL, 0, NULL},
    {":80", NULL, 0, NULL},
    {".:80", NULL, 0, NULL},
    {"a.:80", NULL, 0, NULL},
    {".a:80", NULL, 0, NULL},
    {"a..b:80", NULL, 0, NULL},
    {"-a:80", NULL, 0, NULL},
    {"a-:80", NULL, 0, NULL},
    {"a.-b.c:80", NULL, 0, NULL},
    {"a b:80", NULL, 0, NULL},
    {" a:80", NULL, 0, NULL},
    {"a/b:80", NULL, 0, NULL},
    {"user@a:80", NULL, 0, NULL},
    {"*:80", NULL, 0, NULL},
    {"b\xC3\xBC"
     "cher.example:80",
     NULL, 0, NULL},
    {"a\x01:80", NULL, 0, NULL},
    {"http://a:80", NULL, 0, NULL},
    {L63 "a:1", NULL, 0, NULL},
    {"a" H253 ":1", NULL, 0, NULL},
    {"a." H253 ":1", NULL, 0, NULL},
    {H253 "a:65535", NULL, 0, NULL},
    {H253 H253 ":65535", NULL, 0, NULL},

    {ID ":80", NULL, 0, NULL},
    {"Pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd:80", NULL, 0, NULL},

    /* IPv4 in spellings that resolvers know and we must not mistake for names */
    {"127.1:80", NULL, 0, NULL},
    {"2130706433:80", NULL, 0, NULL},
    {"0x7f000001:80", NULL, 0, NULL},
    {"0X7F.1:80", NULL, 0, NULL},
    {"127.0.0.0x1:80", NULL, 0, NULL},
    {"a.0x:80", NULL, 0, NULL},
    {"0177.0.0.1:80", NULL, 0, NULL},
    {"256.0.0.1:80", NULL, 0, NULL},
    {"1.2.3.4.5:80", NULL, 0, NULL},
    {"1.2.3:80", NULL, 0, NULL},
    {"example.1:80", NULL, 0, NULL},
    {"1.2.3.4.:80", NULL, 0, NULL},

    /* IPv6 */
    {"::1", NULL, 0, NULL},
    {"::1:80", NULL, 0, NULL},
    {"2001:db8::1:80", NULL, 0, NULL},
    {"[::1]", NULL, 0, NULL},
    {"[::1]80", NULL, 0, NULL},
    {"[::1]:", NULL, 0, NULL},
    {"[::1]:0", NULL, 0, NULL},
    {"[::1:80", NULL, 0, NULL},
    {"::1]:80", NULL, 0, NULL},
    {"[[::1]]:80", NULL, 0, NULL},
    {"[::1]]:80", NULL, 0, NULL},
    {"[]:80", NULL, 0, NULL},
    {"[:80", NULL, 0, NULL},
    {"]:80", NULL, 0, NULL},
    {"[", NULL, 0, NULL},
    {"a[::1]:80", NULL, 0, NULL},
    {"[::1]a:80", NULL, 0, NULL},
    {"[192.0.2.1]:80", NULL, 0, NULL},
    {"[example.org]:80", NULL, 0, NULL},
    {"[fe80::1%eth0]:80", NULL, 0, NULL},
    {"[fe80::1%251]:80", NULL, 0, NULL},
    {"[::1::2]:80", NULL, 0, NULL},
    {"[12345::]:80", NULL, 0, NULL},
    {"[ ::1]:80", NULL, 0, NULL},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555]:1", NULL, 0, NULL},
};

static void test_host_port_forms(void **state)
{
    (void)state;
    char out[ADDRESS_HOST_PORT_MAX + 1];

    for (size_t i = 0; i < sizeof(host_ports) / sizeof(host_ports[0]); i++) {
        const struct host_port_row *row = &host_ports[i];
        struct host_port at = {.host = "untouched", .port = 1};
        enum error error = host_port_parse(row->text, PORT_ZERO_REFUSED, &at);

        if ((error == OK) != (row->host != NULL))
            fail_msg("\"%s\": %s", row->text, error_name(error));
        if (row->host == NULL) {
            assert_int_equal(error, ERR_INVALID_PARAMS);
            assert_string_equal(at.host, "untouched");
            continue;
        }
        assert_string_equal(at.host, row->host);
        assert_int_equal(at.port, row->port);
        host_port_format(&at, out);
        assert_string_equal(out, row->again != NULL ? row->again : row->text);
    }
}

static void test_port_zero_is_for_listeners(void **state)
{
    (void)state;
    char out[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port at;

    assert_int_equal(host_port_parse("127.0.0.1:0", PORT_ZERO_ALLOWED, &at), OK);
    assert_int_equal(at.port, 0);
    host_port_format(&at, out);
    assert_string_equal(out, "127.0.0.1:0");
    assert_int_equal(host_port_parse("[::]:0", PORT_ZERO_ALLOWED, &at), OK);
    assert_int_equal(host_port_parse("[::]:00", PORT_ZERO_ALLOWED, &at), ERR_INVALID_PARAMS);
    assert_int_equal(host_port_parse("[::]:", PORT_ZERO_ALLOWED, &at), ERR_INVALID_PARAMS);
}

static void test_every_port(void **state)
{
    (void)state;
    char out[ADDRESS_HOST_PORT_MAX + 1];

    for (unsigned port = 1; port <= UINT16_MAX; port++) {
        struct host_port at = {.host = "h", .port = (uint16_t)port};

        host_port_format(&at, out);
        at.port = 0;
        assert_int_equal(host_port_parse(out, PORT_ZERO_REFUSED, &at), OK);
        assert_int_equal(at.port, port);
    }
}

struct host_row {
    const char *text;
    const char *host; /* NULL: refused */
};

static const struct host_row hosts[] = {
    {"localhost", "localhost"},
    {"Chat.Example.ORG", "chat.example.org"},
    {"192.0.2.1", "192.0.2.1"},
    {"2001:DB8:0::1", "2001:db8::1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"", NULL},
    {"a b", NULL},
    {"a..b", NULL},
    {"h:80", NULL},
    {"[::1]", NULL},
    {"fe80::1%eth0", NULL},
    {"127.1", NULL},
    {H253 "a", NULL},
    {ID, NULL},
};

static void test_hosts_that_stand_alone(void **state)
{
    (void)state;
    char out[ADDRESS_HOST_MAX + 1];

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (host_normalize(hosts[i].text, out) != (hosts[i].host != NULL))
            fail_msg("\"%s\"", hosts[i].text);
        if (hosts[i].host != NULL)
            assert_string_equal(out, hosts[i].host);
    }
}

/* --- Addresses --- */

struct address_row {
    const char *text;
    const char *host; /* NULL: none */
    unsigned port;
    const char *peer_id;
    const char *name;
    const char *again; /* as it is written; NULL: as it was read */
};

static const struct address_row addresses[] = {
    {"example.org:28470", "example.org", 28470, "", "", NULL},
    {"[2001:DB8::1]:80", "2001:db8::1", 80, "", "", "[2001:db8::1]:80"},
    {"alice", NULL, 0, "", "alice", NULL},
    {"alice@laptop", NULL, 0, "", "alice@laptop", NULL},
    {"@", NULL, 0, "", "@", NULL},
    {"Zo\xC3\xAB & co. 100%", NULL, 0, "", "Zo\xC3\xAB & co. 100%", NULL},
    {"\xE7\x88\xB1\xE4\xB8\xBD\xE4\xB8\x9D", NULL, 0, "", "\xE7\x88\xB1\xE4\xB8\xBD\xE4\xB8\x9D",
     NULL},
    {"p2pchat", NULL, 0, "", "p2pchat", NULL},
    {"192.0.2.1", NULL, 0, "", "192.0.2.1", NULL},
    {N64, NULL, 0, "", N64, NULL},
    {ID, NULL, 0, ID, "", "p2pchat:" ID},
    {ID "a", NULL, 0, "", ID "a", NULL},
    {ID "@example.org:28470", "example.org", 28470, ID, "", "p2pchat:" ID "@example.org:28470"},
    {ID "@192.0.2.1:1", "192.0.2.1", 1, ID, "", "p2pchat:" ID "@192.0.2.1:1"},
    {ID "@[::1]:1", "::1", 1, ID, "", "p2pchat:" ID "@[::1]:1"},
    {ID ".onion:80", ID ".onion", 80, "", "", NULL},
    {"p2pchat:" ID, NULL, 0, ID, "", NULL},
    {"p2pchat:" ID "?name=alice", NULL, 0, ID, "alice", NULL},
    {"p2pchat:" ID "@example.org:28470", "example.org", 28470, ID, "", NULL},
    {"p2pchat:" ID "@example.org:28470?name=alice", "example.org", 28470, ID, "alice", NULL},
    {"p2pchat:" ID "@[2001:db8::1]:1?name=alice", "2001:db8::1", 1, ID, "alice", NULL},
    {"P2PChat:" ID "?name=alice", NULL, 0, ID, "alice", "p2pchat:" ID "?name=alice"},
    {"p2pchat:" ID "?name=Zo%C3%AB%20%25%26%40", NULL, 0, ID, "Zo\xC3\xAB %&@", NULL},
    {"p2pchat:" ID "?name=Zo%c3%ab", NULL, 0, ID, "Zo\xC3\xAB", "p2pchat:" ID "?name=Zo%C3%AB"},
    {"p2pchat:" ID "?name=Zo\xC3\xAB@h", NULL, 0, ID, "Zo\xC3\xAB@h",
     "p2pchat:" ID "?name=Zo%C3%AB%40h"},
    {"p2pchat:" ID "?name=%61~._-", NULL, 0, ID, "a~._-", "p2pchat:" ID "?name=a~._-"},
    {"p2pchat:" ID "?name=a+b=c", NULL, 0, ID, "a+b=c", "p2pchat:" ID "?name=a%2Bb%3Dc"},
    {"p2pchat:" ID "@" H253 ":65535?name=" N64, H253, 65535, ID, N64, NULL},
    {"p2pchat:28470", "p2pchat", 28470, "", "", NULL},
    {"classic:h:40000", "h", 40000, "", "", NULL},
    {"classic:192.0.2.1:40000", "192.0.2.1", 40000, "", "", NULL},
    {"Classic:[2001:DB8::1]:1", "2001:db8::1", 1, "", "", "classic:[2001:db8::1]:1"},
    {"classic:classic:1", "classic", 1, "", "", NULL},
    {"classic:40000", "classic", 40000, "", "", NULL},
    {"classic", NULL, 0, "", "classic", NULL},
};

static void test_address_forms(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        const struct address_row *row = &addresses[i];
        struct address address;

        if (address_parse(row->text, &address) != OK)
            fail_msg("\"%s\" was refused", row->text);
        assert_int_equal(address.has_host, row->host != NULL);
        assert_string_equal(address.at.host, row->host != NULL ? row->host : "");
        assert_int_equal(address.at.port, row->port);
        assert_string_equal(address.peer_id, row->peer_id);
        assert_string_equal(address.name, row->name);
        address_format(&address, out);
        assert_string_equal(out, row->again != NULL ? row->again : row->text);
    }
}

/* Only when the rest is a host with its port is the scheme a scheme. */
static void test_classic_addresses(void **state)
{
    (void)state;
    struct address address;

    assert_int_equal(address_parse("classic:h:40000", &address), OK);
    assert_true(address.is_classic && address.has_host);
    assert_int_equal(address_parse("classic:40000", &address), OK);
    assert_false(address.is_classic);
    assert_int_equal(address_parse("h:40000", &address), OK);
    assert_false(address.is_classic);
}

static const char *const bad_addresses[] = {
    "",
    /* words that cannot be names */
    N64 "e",
    "a/b",
    "a?b",
    "/",
    "?name=alice",
    "alice?name=bob",
    "a\nb",
    "a\x7F",
    "a\xC2\x80",
    "\x1B[1m",
    "a\xE2\x80\xAE"
    "b",
    "a\xFF",
    "a\xC3",
    "\xEF\xBF\xBE",
    /* a host with something wrong */
    ":80",
    "h:0",
    "h:65536",
    "[::1]",
    "[::1",
    "::1",
    "alice:",
    "user@h:80",
    "[fe80::1%eth0]:80",
    "http://h:80",
    /* a peer id with something wrong */
    ID "@",
    ID "@h",
    ID "@:80",
    ID "@h:",
    ID "@h:0",
    ID "@h:65536",
    ID "@h:080",
    ID "@::1:1",
    ID "@[::1]",
    ID "@[::1:1",
    ID "@alice@h:80",
    ID "@" ID "@h:80",
    ID ":80",
    ID ":h:80",
    ID "?name=alice",
    ID "@h:80?name=alice",
    ID "/",
    "@h:80",
    "alice@h:80",
    /* one character short, or long, or out of the alphabet */
    "g6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd@h:80",
    "a" ID "@h:80",
    "PG6MMJIYJMCRSSLVYKFWNNTLARU7P5SVN6Y2YMMJU6NUBXNDF4PSCRYD@h:80",
    "1g6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd@h:80",
    /* the classic form */
    "classic:",
    "classic:h",
    "classic:h:0",
    "classic:alice@h:80",
    "classic:" ID,
    "classic:" ID "@h:80",
    "classic:::1:80",
    "classic:classic:h:80",
    "classic:h:80?name=alice",
    "p2pchat:classic:h:80",
    /* the shareable form */
    "p2pchat:",
    "p2pchat:alice",
    "p2pchat:h:80",
    "p2pchat:@h:80",
    "p2pchat:?name=alice",
    "p2pchat://" ID,
    "p2pchat: " ID,
    "p2pchat:p2pchat:" ID,
    "p2pchat:" ID "a",
    "p2pchat:" ID "@",
    "p2pchat:" ID "@h",
    "p2pchat:" ID "@h:0",
    "p2pchat:" ID "@h:80/",
    "p2pchat:" ID " ",
    " p2pchat:" ID,
    "p2pchat:" ID "@" H253 "a:1",
    "x-p2pchat:" ID,
    /* its query */
    "p2pchat:" ID "?",
    "p2pchat:" ID "?name",
    "p2pchat:" ID "?name=",
    "p2pchat:" ID "?nam=alice",
    "p2pchat:" ID "?Name=alice",
    "p2pchat:" ID "?names=alice",
    "p2pchat:" ID "?x=1&name=alice",
    "p2pchat:" ID "?name=alice&x=1",
    "p2pchat:" ID "?name=alice#top",
    "p2pchat:" ID "?name=alice?name=bob",
    "p2pchat:" ID "#top",
    "p2pchat:" ID "?name=%",
    "p2pchat:" ID "?name=%4",
    "p2pchat:" ID "?name=a%4",
    "p2pchat:" ID "?name=%4g",
    "p2pchat:" ID "?name=%g4",
    "p2pchat:" ID "?name=%+4",
    "p2pchat:" ID "?name=%00",
    "p2pchat:" ID "?name=a%00b",
    "p2pchat:" ID "?name=%0A",
    "p2pchat:" ID "?name=%FF",
    "p2pchat:" ID "?name=%C3",
    "p2pchat:" ID "?name=%E2%80%AE",
    "p2pchat:" ID "?name=a%2Fb",
    "p2pchat:" ID "?name=a%3Ab",
    "p2pchat:" ID "?name=a:b",
    "p2pchat:" ID "?name=" N64 "e",
    "p2pchat:" ID "?name=" N64 "%65",
    /* long ones */
    H253 H253 H253,
    "p2pchat:" ID "?name=" H253 H253,
};

static void test_address_refused(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(bad_addresses) / sizeof(bad_addresses[0]); i++) {
        struct address address = {.name = "untouched"};

        if (address_parse(bad_addresses[i], &address) != ERR_INVALID_PARAMS)
            fail_msg("\"%s\" was taken", bad_addresses[i]);
        assert_string_equal(address.name, "untouched");
        assert_false(address.has_host);
    }
}

/* A name whose every byte takes three characters, behind the longest host. */
static void test_longest_address(void **state)
{
    (void)state;
    struct address address = {.has_host = true, .at = {.port = 65535}, .peer_id = ID}, again;
    char out[ADDRESS_TEXT_MAX + 1];

    memcpy(address.at.host, H253, sizeof(H253));
    memset(address.name, '%', ADDRESS_NAME_MAX);
    address_format(&address, out);
    assert_int_equal(strlen(out), ADDRESS_TEXT_MAX - 2); /* a DNS name has no brackets */
    assert_int_equal(address_parse(out, &again), OK);
    assert_string_equal(again.at.host, address.at.host);
    assert_int_equal(again.at.port, address.at.port);
    assert_string_equal(again.peer_id, address.peer_id);
    assert_string_equal(again.name, address.name);
}

static void test_unwritable_parts_are_left_out(void **state)
{
    (void)state;
    struct address address = {.has_host = true, .at = {"h", 80}, .name = "alice"};
    char out[ADDRESS_TEXT_MAX + 1];

    address_format(&address, out);
    assert_string_equal(out, "h:80");
    address_format(&(struct address){0}, out);
    assert_string_equal(out, "");
}

/* --- Literals --- */

static void test_literals(void **state)
{
    (void)state;
    static const char *const literals[] = {
        "192.0.2.1", "0.0.0.0", "::", "::1", "2001:db8::1", "::ffff:192.0.2.1"};
    static const char *const others[] = {"",      "localhost",  "example.org", "127.1", "1.2.3",
                                         "[::1]", "fe80::1%lo", "1.2.3.4 ",    ":",     "1.2.3.04"};

    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
        assert_true(host_is_literal(literals[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(host_is_literal(others[i]));
        assert_false(host_is_local(others[i]));
        assert_true(address_block(others[i]) == 0);
    }
}

static void test_literals_as_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *bytes; /* hexadecimal */
        const char *again;
    } rows[] = {
        {"192.0.2.1", "c0000201", "192.0.2.1"},
        {"0.0.0.0", "00000000", "0.0.0.0"},
        {"::ffff:192.0.2.1", "c0000201", "192.0.2.1"},
        {"::1", "00000000000000000000000000000001", "::1"},
        {"2001:DB8:0:0:0::1", "20010db8000000000000000000000001", "2001:db8::1"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[HOST_BYTES_MAX], expected[HOST_BYTES_MAX];
        size_t length = unit_hex(rows[i].bytes, expected, sizeof(expected));
        char again[ADDRESS_HOST_MAX + 1];

        assert_int_equal(host_to_bytes(rows[i].host, bytes), length);
        assert_memory_equal(bytes, expected, length);
        host_from_bytes(bytes, length, again);
        assert_string_equal(again, rows[i].again);
    }
}

static void test_loopback_literals(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.255.255.255", "::1",
                                           "::ffff:127.0.0.1"};
    static const char *const others[] = {
        "126.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "1::1", "localhost", ""};

    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
        if (!host_is_loopback(loopback[i]))
            fail_msg("%s is loopback", loopback[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (host_is_loopback(others[i]))
            fail_msg("%s is not loopback", others[i]);
}

static void test_local_literals(void **state)
{
    (void)state;
    static const char *const local[] = {"127.0.0.1",
                                        "127.255.255.255",
                                        "0.0.0.0",
                                        "0.1.2.3",
                                        "169.254.0.1",
                                        "169.254.255.255",
                                        "224.0.0.1",
                                        "239.255.255.255",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "fe80::1",
                                        "febf:ffff::1",
                                        "ff00::",
                                        "ff02::1",
                                        "ffff::",
                                        "::ffff:127.0.0.1",
                                        "::ffff:169.254.1.1",
                                        "::ffff:0.0.0.0"};
    static const char *const global[] = {"126.255.255.255",
                                         "128.0.0.1",
                                         "1.0.0.0",
                                         "169.253.255.255",
                                         "169.255.0.0",
                                         "223.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.254",
                                         "10.0.0.1",
                                         "192.168.1.1",
                                         "::2",
                                         "1::1",
                                         "fe7f:ffff::",
                                         "fec0::1",
                                         "feff::",
                                         "fd00::1",
                                         "2001:db8::1",
                                         "::ffff:192.0.2.1",
                                         "::fffe:127.0.0.1"};

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if (!host_is_local(local[i]))
            fail_msg("%s is local", local[i]);
    }
    for (size_t i = 0; i < sizeof(global) / sizeof(global[0]); i++) {
        if (host_is_local(global[i]))
            fail_msg("%s is not local", global[i]);
    }
}

static void test_public(void **state)
{
    (void)state;
    static const char *const others[] = {"10.0.0.1",    "172.16.0.1",       "172.31.255.255",
                                         "192.168.1.1", "100.64.0.1",       "100.127.0.1",
                                         "127.0.0.1",   "169.254.0.1",      "::ffff:10.0.0.1",
                                         "fd00::1",     "fc00::1",          "fe80::1",
                                         "::1",         "chat.example.org", ""};
    static const char *const public[] = {"198.51.100.1", "9.255.255.255", "11.0.0.0",
                                         "172.15.0.1",   "172.32.0.1",    "192.167.0.1",
                                         "100.63.0.1",   "100.128.0.1",   "2001:db8::1"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (host_is_public(others[i]))
            fail_msg("%s is not public", others[i]);
    }
    for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        if (!host_is_public(public[i]))
            fail_msg("%s is public", public[i]);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    /* Each row is one block; the rows differ from each other. */
    static const char *const blocks[][3] = {
        {"192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"},
        {"192.0.2.2", "::ffff:192.0.2.2", "::ffff:c000:202"},
        {"0.0.0.0", "::ffff:0.0.0.0", "::ffff:0:0"},
        {"255.255.255.255", "255.255.255.255", "::ffff:255.255.255.255"},
        {"2001:db8::1", "2001:db8::", "2001:db8:0:0:ffff:ffff:ffff:ffff"},
        {"2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:8000::"},
        {"2001:db8:1::", "2001:db8:1::1", "2001:db8:1::2"},
        {"::1", "::", "::192.0.2.1"},
    };
    size_t count = sizeof(blocks) / sizeof(blocks[0]);

    for (size_t i = 0; i < count; i++) {
        uint64_t block = address_block(blocks[i][0]);

        assert_true(block != 0);
        assert_true(address_block(blocks[i][1]) == block);
        assert_true(address_block(blocks[i][2]) == block);
        for (size_t other = 0; other < i; other++)
            assert_true(address_block(blocks[other][0]) != block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_port_forms),
        cmocka_unit_test(test_port_zero_is_for_listeners),
        cmocka_unit_test(test_every_port),
        cmocka_unit_test(test_hosts_that_stand_alone),
        cmocka_unit_test(test_address_forms),
        cmocka_unit_test(test_classic_addresses),
        cmocka_unit_test(test_address_refused),
        cmocka_unit_test(test_longest_address),
        cmocka_unit_test(test_unwritable_parts_are_left_out),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_literals_as_bytes),
        cmocka_unit_test(test_loopback_literals),
        cmocka_unit_test(test_local_literals),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
