/* What anybody can try who reaches the port of the classic dialect: it costs nobody anything. */
#include "tests/unit/street.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/classic.h"

#define HOST  "198.51.100.7"
#define OTHER "198.51.100.8"

static void assert_shows(struct house *house, enum api_method method, const char *part)
{
    house_call(house, method, "{}");
    assert_int_equal(house->replied, OK);
    if (strstr(house->result, part) == NULL)
        fail_msg("%s is not in %s", part, house->result);
}

/* Nothing came of what was said: no peer, no request, no row, no connection. */
static void assert_nothing(struct house *house, size_t rows)
{
    assert_shows(house, API_CONTACT_LIST, "{\"contacts\":[]}");
    assert_shows(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    assert_int_equal(house->rows, rows);
    assert_int_equal(house->street->nobody.dials, 0);
}

static size_t count_requests(struct house *house, const char *part)
{
    size_t count = 0;
    struct bytes all = BYTES_EMPTY;

    house->whole = &all;
    house_call(house, API_CHAT_REQUESTS, "{}");
    house->whole = NULL;
    bytes_u8(&all, '\0');
    for (const char *at = (char *)bytes_data(&all); (at = strstr(at, part)) != NULL; at++)
        count++;
    bytes_done(&all);
    return count;
}

/* --- Bytes --- */

static const char *const closed_at_once[] = {
    "GET / HTTP/1.1\r\n\r\n",
    "P2PC\1\1",
    "[]",
    "{}",
    "{]}",
    "{\"msgtype\":'CHAT_REFUSE'}",
    STREET_REQUEST("bob", HOST, "40001") STREET_REQUEST("bob", HOST, "40001"),
    STREET_REQUEST("bob", HOST, "40001") "x",
    STREET_REQUEST("b\xFFob", HOST, "40001"),
    STREET_REQUEST("b\\ud800", HOST, "40001"),
    STREET_REQUEST("a/b", HOST, "40001"),
    STREET_REQUEST("bob", "not a host", "40001"),
    STREET_REQUEST("bob", HOST, "0"),
    STREET_REQUEST("bob", HOST, "65536"),
    STREET_REQUEST("bob", HOST, "{}"),
    STREET_MESSAGE("bob", ""),
    STREET_MESSAGE("bob", "\\u001b[2J"),
    "{\"msgtype\":\"HELLO\",\"msgdata\":{}}",
    "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"x\":[[[[[[[[[[[[[[[",
    "{\"msgtype\":\"FILE_TRANSFER\",\"msgdata\":{}}",
    STREET_REFUSE,
    STREET_MESSAGE("bob", "hi"),
    STREET_DISCONNECT("bob"),
    "{\"msgtype\":\"REGISTER\",\"msgdata\":{\"peername\":\"bob\",\"host\":\"" HOST
    "\",\"port\":1}}",
    "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{\"a\":[\"b\",1]}}}",
};

static void test_nonsense_is_closed_at_once(void **state)
{
    struct house *house = *state;
    const size_t rows = house->rows;

    for (size_t i = 0; i < sizeof closed_at_once / sizeof closed_at_once[0]; i++) {
        if (!street_say(house, HOST, "%s", closed_at_once[i]))
            fail_msg("not closed: %s", closed_at_once[i]);
        assert_nothing(house, rows);
    }
    assert_int_equal(house->notes, 1); /* one line a minute of each address */
    house_pass(house, RATION_MS);
    street_say(house, HOST, "[]");
    assert_string_equal(house->noted, "classic_refused 18");
}

static void test_half_an_object(void **state)
{
    struct house *house = *state;
    const size_t rows = house->rows;
    const uint64_t stalls = street_open(house, HOST), silent = street_open(house, HOST);

    street_bytes(house, stalls, "{\"msgtype\": \"CHAT_", 18);
    assert_false(street_say(house, OTHER, "{\"msgtype\": \"CHAT_")); /* it ended it by itself */
    assert_string_equal(house->noted, "classic_refused 0");
    house_pass(house, CLASSIC_READ_MS - 1);
    street_bytes(house, stalls, "REFUSE", 6); /* which does not help */
    assert_false(street_is_closed(house, stalls) || street_is_closed(house, silent));
    house_pass(house, 1);
    assert_true(street_is_closed(house, stalls) && street_is_closed(house, silent));
    assert_nothing(house, rows);
}

/* 100 MB, in an object that does not end: after 64 KiB nobody listens any more. */
static void test_object_that_does_not_end(void **state)
{
    struct house *house = *state;
    const uint64_t carrier = street_open(house, HOST);
    char piece[1000];
    size_t taken = 0;

    memset(piece, ' ', sizeof piece);
    street_bytes(house, carrier, "{\"x\":\"", 6);
    while (!street_is_closed(house, carrier) && taken < 100 * 1000 * 1000) {
        street_bytes(house, carrier, piece, sizeof piece);
        taken += sizeof piece;
    }
    assert_in_range(taken, CLASSIC_READ_MAX - sizeof piece, CLASSIC_READ_MAX + sizeof piece);
    assert_string_equal(house->noted, "classic_refused 0");
}

/* --- Hosts --- */

static void test_host_that_is_not_the_source(void **state)
{
    struct house *house = *state;
    struct neighbour *carol = street_neighbour(house, OTHER, 22);
    const size_t rows = house->rows;

    street_say(house, HOST, STREET_REQUEST("bob", OTHER, "22"));
    street_say(house, HOST, STREET_ACCEPT("bob", OTHER, "22"));
    assert_nothing(house, rows);
    assert_int_equal(house->street->question_count, 0);
    street_say(house, HOST, STREET_REQUEST("bob", "victim.example", "22"));
    assert_int_equal(house->street->question_count, 1);
    street_answer(house, OTHER);
    assert_nothing(house, rows);
    street_say(house, HOST, STREET_REQUEST("bob", "nobody.example", "22"));
    street_answer(house, NULL);
    assert_nothing(house, rows);
    assert_int_equal(carol->dials, 0);
}

/* From then on it is the literal that counts. */
static void test_host_name_of_the_source(void **state)
{
    struct house *house = *state;

    street_say(house, HOST, STREET_REQUEST("bob", "bob.example", "40001"));
    street_answer(house, HOST);
    assert_shows(house, API_CHAT_REQUESTS, "\"address\":\"" HOST ":40001\"");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    assert_int_equal(count_requests(house, "\"request\""), 1);
}

/* The same address in another form. */
static void test_mapped_addresses(void **state)
{
    struct house *house = *state;

    street_say(house, "::ffff:" HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_say(house, HOST, STREET_REQUEST("carol", "::ffff:" HOST, "40002"));
    assert_int_equal(count_requests(house, "\"" HOST ":"), 2);
}

/* Nobody keeps the resolver from others. */
static void test_questions_are_bounded(void **state)
{
    struct house *house = *state;
    char host[32];

    for (unsigned i = 0; i < 100; i++)
        street_say(house, HOST, STREET_REQUEST("bob", "h%u.example", "40001"), i);
    assert_int_equal(house->street->question_count, CLASSIC_QUESTIONS_BLOCK_MAX);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(host, sizeof host, "203.0.113.%u", i);
        street_say(house, host, STREET_REQUEST("bob", "h%u.example", "40001"), i);
    }
    assert_int_equal(house->street->question_count, RESOLVES_MAX);
    while (house->street->question_count > 0)
        street_answer(house, HOST);
    assert_int_equal(count_requests(house, "\"request\""), 1);
    street_say(house, OTHER, STREET_REQUEST("carol", "carol.example", "40001"));
    assert_int_equal(house->street->question_count, 1);
}

/* --- Answers that nobody asked for --- */

static void test_answers_to_nothing(void **state)
{
    struct house *house = *state;
    const size_t rows = house->rows;

    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_say(house, HOST, STREET_REFUSE);
    street_say(house, HOST, STREET_MESSAGE("bob", "hi"));
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    assert_nothing(house, rows);
}

/* An answer counts from the address that was asked, and to the port that was asked. */
static void test_answers_of_others(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\"}");
    street_say(house, OTHER, STREET_ACCEPT("bob", HOST, "40001"));
    street_say(house, OTHER, STREET_ACCEPT("bob", OTHER, "40001"));
    street_say(house, OTHER, STREET_REFUSE);
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40002"));
    assert_shows(house, API_CONTACT_LIST, "\"consent\":\"asked\"");
    assert_shows(house, API_CHAT_REQUESTS, "\"request\":\"r1\"");
}

/* What is answered before it was asked is not. */
static void test_answers_that_come_early(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    house->disk_waits = true;
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\"}");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_say(house, HOST, STREET_REFUSE);
    street_assert_heard(bob, "");
    house->disk_waits = false;
    house_run(house);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    assert_shows(house, API_CONTACT_LIST, "\"consent\":\"asked\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_shows(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* The answer may come before the connection by which we asked is over. */
static void test_answer_while_the_question_is_still_open(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001)->manner = STALLS;
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\"}");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_shows(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* --- In somebody else's name --- */

static void test_keyed_contacts_are_not_touched(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house); /* from 198.51.100.1 */

    street_say(house, "198.51.100.1", STREET_MESSAGE("visitor", "believe me"));
    street_say(house, "198.51.100.1", STREET_DISCONNECT("visitor"));
    street_say(house, "198.51.100.1", STREET_REFUSE);
    street_say(house, "198.51.100.1", STREET_ACCEPT("visitor", "198.51.100.1", "5000"));
    assert_int_equal(house->messages, 0);
    assert_int_equal(house->rows, 0);
    house_assert_heard(visitor, "");

    street_say(house, "198.51.100.1", STREET_REQUEST("visitor", "198.51.100.1", "5000"));
    assert_shows(house, API_CHAT_REQUESTS,
                 "\"peer_id\":null,\"classic\":true,\"alias\":\"visitor-2\",\"name\":\"visitor\"");
    assert_string_equal(house->logged, "security.warning \"reason\":\"name_claimed\",\"address\":"
                                       "\"198.51.100.1:5000\",\"suppressed\":0");
    assert_int_equal(house->rows, 1); /* of requests from there one a minute is logged */
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"visitor-2\",\"as\":\"visitor\"}");
    assert_int_equal(house->replied, ERR_NAME_TAKEN);
    house_call(house, API_CONTACT_RENAME, "{\"peer\":\"visitor-2\",\"alias\":\"visitor\"}");
    assert_int_equal(house->replied, ERR_NAME_TAKEN);
    assert_int_equal(node_counts(house->node).contacts, 1);
    house_say_text(house, visitor, 1, "hi");
    assert_int_equal(house->messages, 1);
    house_assert_heard(visitor, "CHAT_ACK ");
}

/* A name that a classic peer has is nobody's: a peer with a key is not warned of. */
static void test_classic_names_claim_nothing(void **state)
{
    struct house *house = *state;
    size_t rows;

    street_befriend(house, HOST, 40001, "visitor");
    rows = house->rows;
    struct visitor *visitor = house_stranger(house, "203.0.113.1");
    house_ask(house, visitor, 1);
    assert_int_equal(house->rows, rows + 1);
    assert_shows(house, API_CHAT_REQUESTS, "\"alias\":\"visitor-2\"");
}

static void test_names_at_other_hosts(void **state)
{
    struct house *house = *state;

    street_befriend(house, HOST, 40001, "bob");
    street_say(house, OTHER, STREET_MESSAGE("bob", "believe me"));
    street_say(house, OTHER, STREET_DISCONNECT("bob"));
    street_say(house, HOST, STREET_MESSAGE("carol", "believe me"));
    street_say(house, HOST, STREET_DISCONNECT("carol"));
    assert_int_equal(house->messages, 0);
    assert_shows(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* Who of two it was cannot be told. */
static void test_two_of_one_name_at_a_host(void **state)
{
    struct house *house = *state;
    struct neighbour *second = street_neighbour(house, HOST, 40002);

    street_befriend(house, HOST, 40001, "bob");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40002"));
    assert_shows(house, API_CHAT_REQUESTS, "\"alias\":\"bob-2\"");
    street_say(house, HOST, STREET_MESSAGE("bob", "one"));
    assert_int_equal(house->messages, 1); /* who only asks is nobody yet */
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob-2\"}");
    street_assert_heard(second, HOUSE_SAYS("CHAT_ACCEPT"));
    street_say(house, HOST, STREET_MESSAGE("bob", "two"));
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    assert_int_equal(house->messages, 1);
    assert_int_equal(node_counts(house->node).contacts, 2);
}

/* The chat stays that of the name that it was agreed with. */
static void test_another_name_at_the_same_port(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");
    const size_t rows = house->rows;

    street_say(house, HOST, STREET_REQUEST("mallory", HOST, "40001"));
    street_assert_heard(bob, "");
    assert_int_equal(house->rows, rows);
    assert_shows(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
    assert_shows(house, API_CONTACT_LIST, "\"name\":\"bob\"");
}

/* --- Floods --- */

static void test_requests_of_one_host_are_bounded(void **state)
{
    struct house *house = *state;
    const size_t rows = house->rows;

    street_say(house, OTHER, STREET_REQUEST("carol", OTHER, "40001"));
    house_ask(house, house_stranger(house, HOST), 1);
    for (unsigned i = 1; i <= 300; i++)
        street_say(house, HOST, STREET_REQUEST("bob%u", HOST, "%u"), i, i);
    assert_int_equal(count_requests(house, "\"" HOST ":"), REQUESTS_BLOCK_MAX + 1);
    assert_int_equal(count_requests(house, OTHER), 1);
    assert_int_equal(count_requests(house, "\"visitor\",\"name\""), 1); /* who has a key */
    assert_in_range(house->rows, rows + 2, rows + 3);
    house_call(house, API_CONTACT_LIST, "{}");
}

static void test_requests_are_bounded_in_all(void **state)
{
    struct house *house = *state;
    char host[32];

    house_ask(house, house_stranger(house, HOST), 1);
    for (unsigned i = 1; i < 250; i++) {
        snprintf(host, sizeof host, "203.0.113.%u", i);
        street_say(house, host, STREET_REQUEST("bob%u", "203.0.113.%u", "40001"), i, i);
    }
    assert_int_equal(count_requests(house, "\"203.0.113."), REQUESTS_CLASSIC_MAX);
    assert_int_equal(count_requests(house, "\"visitor\",\"name\""), 1);
}

/* Connections of one host fill its share; the others, and who has a key, still come in. */
static void test_connections_of_one_host_are_bounded(void **state)
{
    struct house *house = *state;
    const size_t most = DOORMAN_UNPROVED_MAX * 3 / 4;
    uint64_t carrier;

    for (size_t i = 0; i < 2 * DOORMAN_UNPROVED_MAX; i++)
        street_open(house, HOST);
    assert_int_equal(street_count_open(house), most);
    carrier = street_open(house, OTHER); /* in the place of one of these */
    assert_int_equal(street_count_open(house), most);
    street_bytes(house, carrier, STREET_REQUEST("carol", OTHER, "40001"),
                 strlen(STREET_REQUEST("carol", OTHER, "40001")));
    assert_int_equal(count_requests(house, "\"carol\",\"name\""), 1);
    house_ask(house, house_stranger(house, "203.0.113.1"), 1);
    assert_int_equal(count_requests(house, "\"visitor\",\"name\""), 1);
}

/* A classic peer's address is no contact's, for whom places are kept. */
static void test_no_places_are_kept_for_classic_peers(void **state)
{
    struct house *house = *state;

    street_befriend(house, HOST, 40001, "bob");
    for (size_t i = 0; i < DOORMAN_UNPROVED_MAX; i++)
        street_open_link(house, HOST);
    assert_in_range(street_count_open(house), 1, DOORMAN_UNPROVED_MAX * 3 / 4);
}

static void test_messages_while_the_disk_waits_are_bounded(void **state)
{
    struct house *house = *state;
    char *text = house_text(3000);
    size_t seconds = 0;

    street_befriend(house, HOST, 40001, "bob");
    house->disk_waits = true;
    for (; seconds < 60; seconds++) {
        for (unsigned i = 0; i < 20; i++)
            street_say(house, HOST, STREET_MESSAGE("bob", "%s"), text);
        house_pass(house, 1000);
    }
    house->disk_waits = false;
    house_run(house);
    assert_in_range(house->messages, 100, OUTBOX_WINDOW_BYTES / 3000 + 1);
    street_say(house, HOST, STREET_MESSAGE("bob", "after"));
    assert_in_range(house->messages, 101, OUTBOX_WINDOW_BYTES / 3000 + 2);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREET_TEST(test_nonsense_is_closed_at_once),
        STREET_TEST(test_half_an_object),
        STREET_TEST(test_object_that_does_not_end),
        STREET_TEST(test_host_that_is_not_the_source),
        STREET_TEST(test_host_name_of_the_source),
        STREET_TEST(test_mapped_addresses),
        STREET_TEST(test_questions_are_bounded),
        STREET_TEST(test_answers_to_nothing),
        STREET_TEST(test_answers_of_others),
        STREET_TEST(test_answers_that_come_early),
        STREET_TEST(test_answer_while_the_question_is_still_open),
        STREET_TEST(test_keyed_contacts_are_not_touched),
        STREET_TEST(test_classic_names_claim_nothing),
        STREET_TEST(test_names_at_other_hosts),
        STREET_TEST(test_two_of_one_name_at_a_host),
        STREET_TEST(test_another_name_at_the_same_port),
        STREET_TEST(test_requests_of_one_host_are_bounded),
        STREET_TEST(test_requests_are_bounded_in_all),
        STREET_TEST(test_connections_of_one_host_are_bounded),
        STREET_TEST(test_no_places_are_kept_for_classic_peers),
        STREET_TEST(test_messages_while_the_disk_waits_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
