/* A node that speaks the classic dialect with its neighbours: consent and messages both ways. */
#include "tests/unit/street.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

#define HOST  "198.51.100.7"
#define OTHER "198.51.100.8"
#define HI    "{\"peer\":\"bob\",\"text\":\"hi\"}"

static void assert_result(const struct house *house, const char *part)
{
    assert_int_equal(house->replied, OK);
    if (strstr(house->result, part) == NULL)
        fail_msg("%s is not in %s", part, house->result);
}

static void assert_no_result(const struct house *house, const char *part)
{
    assert_int_equal(house->replied, OK);
    if (strstr(house->result, part) != NULL)
        fail_msg("%s is in %s", part, house->result);
}

static void look(struct house *house, enum api_method method, const char *part)
{
    house_call(house, method, "{}");
    assert_result(house, part);
}

/* Seconds pass, one by one. */
static void pass_s(struct house *house, unsigned seconds)
{
    while (seconds-- > 0)
        house_pass(house, 1000);
}

/* --- They ask --- */

static void test_they_ask_and_are_accepted(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    assert_true(street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001")));
    look(house, API_CHAT_REQUESTS,
         "{\"request\":\"r1\",\"direction\":\"in\",\"peer_id\":null,\"classic\":true,"
         "\"alias\":\"bob\",\"name\":\"bob\",\"address\":\"" HOST ":40001\",\"greeting\":null");
    assert_string_equal(house->logged,
                        "chat.requested \"request\":\"r1\",\"direction\":\"in\",\"name\":\"bob\","
                        "\"address\":\"" HOST ":40001\",\"greeting\":null");
    street_assert_heard(bob, "");

    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    assert_result(house, "{\"request\":\"r1\",\"peer_id\":null,\"classic\":true,\"alias\":\"bob\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
    look(house, API_CONTACT_LIST,
         "{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,\"name\":\"bob\","
         "\"consent\":\"mutual\",\"verified\":false,\"blocked\":false}");
    look(house, API_CHAT_CONNECTED, "\"online\":true,\"via\":\"classic\"");
}

static void test_later_version_asks(void **state)
{
    struct house *house = *state;

    street_say(house, HOST,
               "{\"msgtype\": \"REQUEST\", \"msgdata\": {\"peername\": \"bob\", \"host\": \"" HOST
               "\", \"port\": \"40001\"}}");
    look(house, API_CHAT_REQUESTS, "\"address\":\"" HOST ":40001\"");
}

static void test_they_ask_and_are_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"r1\"}");
    assert_int_equal(house->replied, OK);
    street_assert_heard(bob, HOUSE_REFUSE);
    look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
    pass_s(house, 700);
    street_assert_heard(bob, "");

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    look(house, API_CHAT_REQUESTS, "\"request\":\"r2\"");
}

static void test_request_expires(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    pass_s(house, 601);
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"r1\"}");
    assert_int_equal(house->replied, ERR_REQUEST_EXPIRED);
    street_assert_heard(bob, "");
    pass_s(house, 601);
    look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
}

static void test_asking_twice_is_one_request(void **state)
{
    struct house *house = *state;
    size_t rows;

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    rows = house->rows;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    look(house, API_CHAT_REQUESTS, "\"request\":\"r1\"");
    assert_no_result(house, "r2");
    assert_int_equal(house->rows, rows);
}

static void test_they_take_it_back(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    street_assert_heard(bob, "");
}

/* Acceptance is kept up over failures, and over a restart. */
static void test_acceptance_goes_out_in_the_end(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = ABSENT;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    assert_int_equal(house->replied, OK);
    pass_s(house, 60);
    assert_in_range(bob->dials, 4, 10);
    look(house, API_CONTACT_LIST, "\"consent\":\"pending\"");
    look(house, API_CHAT_CONNECTED, "\"online\":false,\"via\":\"classic\"");
    house_restart(house);
    bob->manner = READS;
    pass_s(house, 2);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
    look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
    house_restart(house);
    pass_s(house, 60);
    street_assert_heard(bob, "");
}

static void test_refusal_goes_out_in_the_end(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = ABSENT;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"bob\"}");
    pass_s(house, 5);
    house_restart(house);
    bob->manner = READS;
    pass_s(house, 2);
    street_assert_heard(bob, HOUSE_REFUSE);
    house_restart(house);
    pass_s(house, 60);
    street_assert_heard(bob, "");
}

/* --- We ask --- */

static void ask_bob(struct house *house)
{
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\"}");
}

static void test_we_ask_and_are_accepted(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    assert_result(house, "{\"request\":\"r1\",\"peer_id\":null,\"classic\":true,\"alias\":\"" HOST
                         "-40001\",\"source\":\"classic\",\"state\":\"sent\"}");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    look(house, API_CHAT_REQUESTS, "\"direction\":\"out\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_string_equal(house->logged, "chat.accepted \"request\":\"r1\",\"direction\":\"out\"");
    look(house, API_CONTACT_LIST,
         "{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,"
         "\"name\":\"bob\",\"consent\":\"mutual\"");
    ask_bob(house);
    assert_result(house, "\"alias\":\"bob\",\"source\":\"classic\",\"state\":\"accepted\"");
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"bob\"}");
    assert_result(house, "\"state\":\"accepted\"");
    street_assert_heard(bob, "");
}

/* It is called as it was called here before it gave its name. */
static void test_alias_that_was_chosen_stays(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001);
    ask_bob(house);
    house_call(house, API_CONTACT_RENAME, "{\"peer\":\"" HOST "-40001\",\"alias\":\"robert\"}");
    assert_int_equal(house->replied, OK);
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    look(house, API_CONTACT_LIST,
         "{\"alias\":\"robert\",\"peer_id\":null,\"classic\":true,"
         "\"name\":\"bob\",\"consent\":\"mutual\"");
}

static void test_waiting_for_the_answer(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\",\"wait\":true}");
    assert_int_equal(house->replied, ERR_BAD_STATE); /* not yet */
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_result(house, "\"state\":\"accepted\"");
}

static void test_we_ask_and_are_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\",\"wait\":true}");
    street_say(house, HOST, STREET_REFUSE);
    assert_result(house, "\"state\":\"refused\"");
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001")); /* too late */
    look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
    ask_bob(house);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST") HOUSE_SAYS("CHAT_REQUEST"));
}

/* A refusal names nobody: with two requests open at a host it means neither. */
static void test_refusal_with_two_requests(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001);
    street_neighbour(house, HOST, 40002);
    ask_bob(house);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40002\"}");
    street_say(house, OTHER, STREET_REFUSE);
    street_say(house, HOST, STREET_REFUSE);
    look(house, API_CHAT_REQUESTS, HOST ":40001");
    assert_result(house, HOST ":40002");
    street_say(house, HOST, STREET_ACCEPT("carol", HOST, "40002"));
    street_say(house, HOST, STREET_REFUSE);
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
}

static void test_unreachable_keeps_nothing(void **state)
{
    struct house *house = *state;

    ask_bob(house);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
}

/* Once it went out it is not said again, also after a restart. */
static void test_request_is_said_once(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    house_restart(house);
    pass_s(house, 60);
    street_assert_heard(bob, "");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* When the connection broke before it is known that it arrived, it is. */
static void test_request_that_broke_is_said_again(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = RESETS;
    ask_bob(house);
    assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    bob->manner = READS;
    house_restart(house);
    pass_s(house, 2);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
}

static void test_we_take_it_back(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"" HOST "-40001\"}");
    assert_int_equal(house->replied, OK);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    look(house, API_CHAT_CONNECTED, "{\"peers\":[]}");
}

static void test_requests_that_cross(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST") HOUSE_SAYS("CHAT_ACCEPT"));
    look(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
    assert_result(house, "\"consent\":\"mutual\"");
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
}

static void test_asking_who_asks_is_the_answer(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    ask_bob(house);
    assert_result(house, "\"state\":\"accepted\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

static void test_asking_at_a_name(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, "localhost", 40001);

    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:localhost:40001\",\"greeting\":\"hi\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
    bob->reached = HOST; /* what the name stands for */
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:localhost:40001\"}");
    assert_result(house, "\"alias\":\"" HOST "-40001\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    look(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
}

static void test_asking_ourselves(void **state)
{
    struct house *house = *state;

    street_neighbour(house, "192.0.2.1", 40000);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:192.0.2.1:40000\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
    look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
}

/* A chat goes on under the name that it was agreed with, whatever we are called by then. */
static void test_our_name_changes(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");
    struct neighbour *carol = street_neighbour(house, OTHER, 40001);

    house_call(house, API_REGISTER, "{\"name\":\"palace\",\"tracker\":\"203.0.113.9:28471\"}");
    house_restart(house);
    house_call(house, API_CHAT_MESSAGE, HI);
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
    street_say(house, HOST, STREET_MESSAGE("bob", "hi"));
    assert_int_equal(house->messages, 1);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" OTHER ":40001\"}");
    street_assert_heard(carol, "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"peername\":"
                               "\"palace\",\"host\":\"192.0.2.1\",\"port\":40000}}\n");
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"bob\"}");
    street_assert_heard(bob, HOUSE_DISCONNECT);
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_assert_heard(bob, "{\"msgtype\":\"CHAT_ACCEPT\",\"msgdata\":{\"peername\":\"palace\","
                             "\"host\":\"192.0.2.1\",\"port\":40000}}\n");
}

/* Contacts of a time when it was on stay, and nothing is said to them. */
static void test_dialect_that_was_turned_off(void **state)
{
    struct house *house = *state;
    struct street *street = house->street;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    house_call(house, API_CHAT_MESSAGE, HI);
    house->street = NULL;
    house_restart(house);
    house_call(house, API_CHAT_MESSAGE, HI);
    assert_int_equal(house->replied, ERR_NOT_CONNECTED);
    house->dials = 0;
    pass_s(house, 60);
    assert_int_equal(house->dials, 0);
    look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
    bob->manner = READS;
    house->street = street;
    house_restart(house);
    pass_s(house, 2);
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
}

/* Who is told that it is reached by a name says so, but not on its own machine. */
static void test_advertised_name_is_said(void **state)
{
    static const struct host_port name = {.host = "house.example", .port = 40000};
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);
    struct neighbour *near = street_neighbour(house, "127.0.0.9", 40001);

    house->advertise = &name;
    house->advertise_count = 1;
    house_restart(house);
    node_set_classic_address(house->node, &name);
    ask_bob(house);
    street_assert_heard(bob, "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"peername\":\"house\","
                             "\"host\":\"house.example\",\"port\":40000}}\n");
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:127.0.0.9:40001\"}");
    street_assert_heard(near, HOUSE_SAYS("CHAT_REQUEST"));
}

static void test_dialect_that_is_off(void **state)
{
    struct house *house = *state;

    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
    assert_int_equal(house->dials, 0);
}

/* --- Messages --- */

static void test_messages_both_ways(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    street_say(house, HOST, STREET_MESSAGE("bob", "Hello, house."));
    assert_int_equal(house->messages, 1);
    street_say(house, HOST, STREET_MESSAGE("bob", "\\u2020 and\\nmore"));
    assert_int_equal(house->messages, 2);
    house_call(house, API_CHAT_MESSAGE, HI);
    assert_result(house, "\"state\":\"queued\"");
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
    house_call(house, API_CHAT_MESSAGE,
               "{\"peer\":\"bob\",\"text\":\"again\",\"key\":\"k\",\"wait\":true}");
    assert_result(house, "\"peer\":\"bob\",\"peer_id\":null,\"classic\":true,\"state\":\"sent\"}");
    street_assert_heard(bob, HOUSE_MESSAGE("again"));
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"again\",\"key\":\"k\"}");
    assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, "");
    look(house, API_CHAT_CONNECTED, "\"queued\":0");
    house_restart(house);
    pass_s(house, 60);
    street_assert_heard(bob, "");
}

/* What says neither yes nor no for three seconds has been sent. */
static void test_receiver_that_does_not_close(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = STALLS;
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"hi\",\"wait\":true}");
    house_pass(house, 2900);
    assert_int_equal(house->replied, ERR_BAD_STATE); /* not yet */
    house_pass(house, 100);
    assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
}

/* Who talks has heard that we accepted, also when its connection is still open. */
static void test_message_confirms_the_acceptance(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001)->manner = STALLS;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    look(house, API_CONTACT_LIST, "\"consent\":\"pending\"");
    street_say(house, HOST, STREET_MESSAGE("bob", "hi"));
    assert_int_equal(house->messages, 1);
    look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* Queued, in order, through failures and restarts. */
static void test_messages_wait_in_order(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");
    struct bytes expected = BYTES_EMPTY;
    char text[64];

    bob->manner = ABSENT;
    for (unsigned i = 0; i < 30; i++) {
        if (i == 10 || i == 20)
            house_restart(house);
        snprintf(text, sizeof text, "{\"peer\":\"bob\",\"text\":\"%u\"}", i);
        house_call(house, API_CHAT_MESSAGE, text);
        assert_int_equal(house->replied, OK);
        snprintf(text, sizeof text, "%u", i);
        bytes_text(&expected, "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"peername\":\"house\","
                              "\"message\":\"");
        bytes_text(&expected, text);
        bytes_text(&expected, "\"}}\n");
    }
    look(house, API_CHAT_CONNECTED, "\"queued\":30");
    pass_s(house, 30);
    bob->manner = READS;
    pass_s(house, 90);
    bytes_u8(&expected, '\0');
    street_assert_heard(bob, (const char *)bytes_data(&expected));
    look(house, API_CHAT_CONNECTED, "\"queued\":0");
    bytes_done(&expected);
}

/* Messages for who is away are not a dial each. */
static void test_who_is_away_is_dialled_ever_less_often(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    bob->dials = 0;
    for (unsigned i = 0; i < 100; i++) {
        house_call(house, API_CHAT_MESSAGE, HI);
        house_pass(house, 50);
    }
    assert_in_range(bob->dials, 1, 5);
    bob->dials = 0;
    pass_s(house, 3600);
    assert_in_range(bob->dials, 10, 30);
}

static void test_outbox_is_bounded(void **state)
{
    struct house *house = *state;
    struct neighbour *bob;

    house->outbox_messages_max = 2;
    house_restart(house);
    bob = street_befriend(house, HOST, 40001, "bob");
    bob->manner = ABSENT;
    house_call(house, API_CHAT_MESSAGE, HI);
    house_call(house, API_CHAT_MESSAGE, HI);
    assert_int_equal(house->replied, OK);
    house_call(house, API_CHAT_MESSAGE, HI);
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
}

static char *long_message(size_t length)
{
    char *text = house_text(length);
    char *params = xmalloc(length + 64);

    sprintf(params, "{\"peer\":\"bob\",\"text\":\"%s\",\"wait\":true}", text);
    free(text);
    return params;
}

/* How many objects were heard, and how many bytes of text. */
static size_t count_objects(struct neighbour *neighbour, size_t *ret_text)
{
    size_t objects = 0;

    *ret_text = 0;
    for (size_t i = 0; i < bytes_length(&neighbour->heard); i++) {
        objects += bytes_data(&neighbour->heard)[i] == '\n';
        *ret_text += bytes_data(&neighbour->heard)[i] == 'x';
    }
    bytes_clear(&neighbour->heard);
    return objects;
}

static void test_long_texts_are_split(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");
    char *params = long_message(10000);
    size_t text;

    house_call(house, API_CHAT_MESSAGE, params);
    assert_result(house, "\"state\":\"sent\"");
    assert_int_equal(count_objects(bob, &text), 6);
    assert_int_equal(text, 10000);
    free(params);
}

/* What went out of a text does not go out again because the rest failed. */
static void test_split_text_goes_on_where_it_failed(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");
    char *params = long_message(10000);
    size_t text, first;

    bob->manner = STALLS; /* three seconds for each part */
    house_call(house, API_CHAT_MESSAGE, params);
    pass_s(house, 4);
    assert_int_equal(count_objects(bob, &first), 2);
    bob->manner = ABSENT; /* of the second it is not known whether it arrived */
    pass_s(house, 4);
    bob->manner = READS;
    pass_s(house, 10);
    assert_result(house, "\"state\":\"sent\"");
    assert_int_equal(count_objects(bob, &text), 5);
    assert_int_equal(text, 10000 - first / 2);
    free(params);
}

static void test_long_texts_are_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob;
    char *params = long_message(2048), *short_params = long_message(1900);
    size_t text;

    house->refuses_long_text = true;
    house_restart(house);
    bob = street_befriend(house, HOST, 40001, "bob");
    house_call(house, API_CHAT_MESSAGE, params);
    assert_int_equal(house->replied, ERR_TOO_LONG);
    house_call(house, API_CHAT_MESSAGE, short_params);
    assert_result(house, "\"state\":\"sent\"");
    assert_int_equal(count_objects(bob, &text), 1);
    free(params);
    free(short_params);
}

/* --- The end --- */

static void test_they_disconnect(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    house_call(house, API_CHAT_MESSAGE, HI);
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    assert_string_equal(house->logged, "chat.disconnected \"by\":\"them\"");
    look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
    bob->manner = READS;
    pass_s(house, 60);
    street_assert_heard(bob, "");
    house_call(house, API_CHAT_MESSAGE, HI);
    assert_int_equal(house->replied, ERR_NOT_CONNECTED);
    street_say(house, HOST, STREET_MESSAGE("bob", "still there?"));
    assert_int_equal(house->messages, 0);
}

static void test_we_disconnect(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"bob\"}");
    assert_int_equal(house->replied, OK);
    look(house, API_CONTACT_LIST, "\"consent\":\"ending\"");
    house_restart(house);
    pass_s(house, 5);
    bob->manner = READS;
    pass_s(house, 60);
    street_assert_heard(bob, HOUSE_DISCONNECT);
    look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
    street_say(house, HOST, STREET_MESSAGE("bob", "late"));
    assert_int_equal(house->messages, 0);
}

/* Somebody else may have that address one day. */
static void test_who_is_gone_is_not_told_without_end(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    bob->dials = 0;
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"bob\"}");
    for (unsigned hour = 0; hour < 48; hour++)
        for (unsigned minute = 0; minute < 60; minute++)
            house_pass(house, 60000);
    assert_int_equal(bob->dials, CLASSIC_DISCONNECT_TRIES_MAX);
    look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
}

static void test_remove(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    house_call(house, API_CONTACT_REMOVE, "{\"peer\":\"bob\"}");
    assert_int_equal(house->replied, OK);
    street_assert_heard(bob, HOUSE_DISCONNECT);
    look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

static void test_block(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    house_call(house, API_CONTACT_BLOCK, "{\"peer\":\"bob\"}");
    assert_int_equal(house->replied, OK);
    street_say(house, HOST, STREET_MESSAGE("bob", "hello?"));
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    assert_int_equal(house->messages, 0);
    look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    ask_bob(house);
    assert_int_equal(house->replied, ERR_BLOCKED);
    pass_s(house, 60);
    street_assert_heard(bob, "");
    house_call(house, API_CONTACT_UNBLOCK, "{\"peer\":\"bob\"}");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
}

static void test_verify_is_refused(void **state)
{
    struct house *house = *state;

    street_befriend(house, HOST, 40001, "bob");
    house_call(house, API_CONTACT_VERIFY, "{\"peer\":\"bob\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
}

/* The original keeps nothing: who starts it anew asks anew. */
static void test_peer_that_lost_all_is_accepted_again(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
    look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
    for (unsigned i = 0; i < 10; i++)
        street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_assert_heard(bob, ""); /* once a minute */
    street_say(house, HOST, STREET_MESSAGE("bob", "here again"));
    assert_int_equal(house->messages, 1);
}

/* --- The disk --- */

static void test_nothing_is_said_before_it_is_kept(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house->disk_waits = true;
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    pass_s(house, 10);
    street_assert_heard(bob, "");
    house->disk_waits = false;
    house_run(house);
    pass_s(house, 1);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

static void test_disk_that_fails(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house->disk_waits = true;
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FAILED);
    house->disk_waits = false;
    house_run(house);
    pass_s(house, 5);
    street_assert_heard(bob, "");
    look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

#define STREET_TEST(name) cmocka_unit_test_setup_teardown(name, street_setup, street_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREET_TEST(test_they_ask_and_are_accepted),
        STREET_TEST(test_later_version_asks),
        STREET_TEST(test_they_ask_and_are_refused),
        STREET_TEST(test_request_expires),
        STREET_TEST(test_asking_twice_is_one_request),
        STREET_TEST(test_they_take_it_back),
        STREET_TEST(test_acceptance_goes_out_in_the_end),
        STREET_TEST(test_refusal_goes_out_in_the_end),
        STREET_TEST(test_we_ask_and_are_accepted),
        STREET_TEST(test_alias_that_was_chosen_stays),
        STREET_TEST(test_waiting_for_the_answer),
        STREET_TEST(test_we_ask_and_are_refused),
        STREET_TEST(test_refusal_with_two_requests),
        STREET_TEST(test_unreachable_keeps_nothing),
        STREET_TEST(test_request_is_said_once),
        STREET_TEST(test_request_that_broke_is_said_again),
        STREET_TEST(test_we_take_it_back),
        STREET_TEST(test_requests_that_cross),
        STREET_TEST(test_asking_who_asks_is_the_answer),
        STREET_TEST(test_asking_at_a_name),
        STREET_TEST(test_asking_ourselves),
        STREET_TEST(test_our_name_changes),
        STREET_TEST(test_dialect_that_was_turned_off),
        STREET_TEST(test_advertised_name_is_said),
        cmocka_unit_test_setup_teardown(test_dialect_that_is_off, house_setup, house_teardown),
        STREET_TEST(test_messages_both_ways),
        STREET_TEST(test_receiver_that_does_not_close),
        STREET_TEST(test_message_confirms_the_acceptance),
        STREET_TEST(test_messages_wait_in_order),
        STREET_TEST(test_who_is_away_is_dialled_ever_less_often),
        STREET_TEST(test_outbox_is_bounded),
        STREET_TEST(test_long_texts_are_split),
        STREET_TEST(test_split_text_goes_on_where_it_failed),
        STREET_TEST(test_long_texts_are_refused),
        STREET_TEST(test_they_disconnect),
        STREET_TEST(test_we_disconnect),
        STREET_TEST(test_who_is_gone_is_not_told_without_end),
        STREET_TEST(test_remove),
        STREET_TEST(test_block),
        STREET_TEST(test_verify_is_refused),
        STREET_TEST(test_peer_that_lost_all_is_accepted_again),
        STREET_TEST(test_nothing_is_said_before_it_is_kept),
        STREET_TEST(test_disk_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
