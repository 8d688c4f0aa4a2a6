/* A node that speaks the classic dialect with its neighbours: who they are, consent both ways. */
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

/* --- They ask --- */

static void test_they_ask_and_are_accepted(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    assert_true(street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001")));
    street_look(house, API_CHAT_REQUESTS,
                "{\"request\":\"r1\",\"direction\":\"in\",\"peer_id\":null,\"classic\":true,"
                "\"alias\":\"bob\",\"name\":\"bob\",\"address\":\"" HOST
                ":40001\",\"greeting\":null");
    assert_string_equal(house->logged,
                        "chat.requested \"request\":\"r1\",\"direction\":\"in\",\"name\":\"bob\","
                        "\"address\":\"" HOST ":40001\",\"greeting\":null");
    street_assert_heard(bob, "");

    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_assert_result(house,
                         "{\"request\":\"r1\",\"peer_id\":null,\"classic\":true,\"alias\":\"bob\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
    street_look(house, API_CONTACT_LIST,
                "{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,\"name\":\"bob\","
                "\"consent\":\"mutual\",\"verified\":false,\"blocked\":false}");
    street_look(house, API_CHAT_CONNECTED, "\"online\":true,\"via\":\"classic\"");
}

static void test_later_version_asks(void **state)
{
    struct house *house = *state;

    street_say(house, HOST,
               "{\"msgtype\": \"REQUEST\", \"msgdata\": {\"peername\": \"bob\", \"host\": \"" HOST
               "\", \"port\": \"40001\"}}");
    street_look(house, API_CHAT_REQUESTS, "\"address\":\"" HOST ":40001\"");
}

static void test_they_ask_and_are_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"r1\"}");
    assert_int_equal(house->replied, OK);
    street_assert_heard(bob, HOUSE_REFUSE);
    street_look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
    street_pass_s(house, 700);
    street_assert_heard(bob, "");

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_look(house, API_CHAT_REQUESTS, "\"request\":\"r2\"");
}

static void test_request_expires(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_pass_s(house, 601);
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"r1\"}");
    assert_int_equal(house->replied, ERR_REQUEST_EXPIRED);
    street_assert_heard(bob, "");
    street_pass_s(house, 601);
    street_look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
}

static void test_asking_twice_is_one_request(void **state)
{
    struct house *house = *state;
    size_t rows;

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    rows = house->rows;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_look(house, API_CHAT_REQUESTS, "\"request\":\"r1\"");
    street_assert_no_result(house, "r2");
    assert_int_equal(house->rows, rows);
}

static void test_they_take_it_back(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
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
    street_pass_s(house, 60);
    assert_in_range(bob->dials, 4, 10);
    street_look(house, API_CONTACT_LIST, "\"consent\":\"pending\"");
    street_look(house, API_CHAT_CONNECTED, "\"online\":false,\"via\":\"classic\"");
    house_restart(house);
    bob->manner = READS;
    street_pass_s(house, 2);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
    street_look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
    house_restart(house);
    street_pass_s(house, 60);
    street_assert_heard(bob, "");
}

static void test_refusal_goes_out_in_the_end(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = ABSENT;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"bob\"}");
    street_pass_s(house, 5);
    house_restart(house);
    bob->manner = READS;
    street_pass_s(house, 2);
    street_assert_heard(bob, HOUSE_REFUSE);
    house_restart(house);
    street_pass_s(house, 60);
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
    street_assert_result(house,
                         "{\"request\":\"r1\",\"peer_id\":null,\"classic\":true,\"alias\":\"" HOST
                         "-40001\",\"source\":\"classic\",\"state\":\"sent\"}");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    street_look(house, API_CHAT_REQUESTS, "\"direction\":\"out\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_string_equal(house->logged, "chat.accepted \"request\":\"r1\",\"direction\":\"out\"");
    street_look(house, API_CONTACT_LIST,
                "{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,"
                "\"name\":\"bob\",\"consent\":\"mutual\"");
    ask_bob(house);
    street_assert_result(house, "\"alias\":\"bob\",\"source\":\"classic\",\"state\":\"accepted\"");
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"bob\"}");
    street_assert_result(house, "\"state\":\"accepted\"");
    street_assert_heard(bob, "");
}

/* Whoever we asked or agreed with there is meant by the bare place: no node is looked for. */
static void test_bare_place_of_a_contact(void **state)
{
    static const char bare[] = "{\"to\":\"" HOST ":40001\"}";
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    house_call(house, API_CHAT_REQUEST, bare);
    street_assert_result(house, "\"source\":\"classic\",\"state\":\"sent\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    house_call(house, API_CHAT_REQUEST, bare);
    street_assert_result(house, "\"alias\":\"bob\",\"source\":\"classic\",\"state\":\"accepted\"");

    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"bob\"}");
    street_pass_s(house, 5);
    house_call(house, API_CHAT_REQUEST, bare); /* nothing is left: it may be anybody's */
    assert_int_equal(house->dialled.kind, CARRIER_LINK);
}

/* One contact for each place, however often it was asked there, and whatever became of it. */
static void test_name_takes_the_place_of_the_stand_in(void **state)
{
    static const char stand_in[] = "\"alias\":\"" HOST "-40001\"";
    struct house *house = *state;

    street_neighbour(house, HOST, 40001);
    ask_bob(house);
    ask_bob(house);
    street_assert_result(house, stand_in);
    street_say(house, HOST, STREET_REFUSE);
    ask_bob(house);
    street_assert_result(house, stand_in);
    street_pass_s(house, 601); /* it expires */
    ask_bob(house);
    house_restart(house);
    ask_bob(house);
    street_assert_result(house, stand_in);
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"" HOST "-40001\"}");
    ask_bob(house);
    street_assert_result(house, stand_in);
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_look(house, API_CONTACT_LIST,
                "{\"contacts\":[{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,"
                "\"name\":\"bob\",\"consent\":\"mutual\"");
    assert_int_equal(node_counts(house->node).contacts, 1);
}

/* Also when the user calls somebody else as it would be called. */
static void test_stand_in_that_somebody_else_has(void **state)
{
    struct house *house = *state;

    street_befriend(house, OTHER, 40001, "carol");
    house_call(house, API_CONTACT_RENAME, "{\"peer\":\"carol\",\"alias\":\"" HOST "-40001\"}");
    street_neighbour(house, HOST, 40001);
    ask_bob(house);
    street_assert_result(house, "\"alias\":\"" HOST "-40001-2\"");
    ask_bob(house);
    street_assert_result(house, "\"alias\":\"" HOST "-40001-2\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_look(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
    street_assert_result(house, "\"alias\":\"" HOST "-40001\",\"peer_id\":null,\"classic\":true,"
                                "\"name\":\"carol\"");
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
    street_look(house, API_CONTACT_LIST,
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
    street_assert_result(house, "\"state\":\"accepted\"");
}

static void test_we_ask_and_are_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:" HOST ":40001\",\"wait\":true}");
    street_say(house, HOST, STREET_REFUSE);
    street_assert_result(house, "\"state\":\"refused\"");
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001")); /* too late */
    street_look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
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
    street_look(house, API_CHAT_REQUESTS, HOST ":40001");
    street_assert_result(house, HOST ":40002");
    street_say(house, HOST, STREET_ACCEPT("carol", HOST, "40002"));
    street_say(house, HOST, STREET_REFUSE);
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
}

static void test_unreachable_keeps_nothing(void **state)
{
    struct house *house = *state;

    ask_bob(house);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    street_look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
}

/* Once it went out it is not said again, also after a restart. */
static void test_request_is_said_once(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    house_restart(house);
    street_pass_s(house, 60);
    street_assert_heard(bob, "");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
}

/* When the connection broke before it is known that it arrived, it is. */
static void test_request_that_broke_is_said_again(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = RESETS;
    ask_bob(house);
    street_assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST"));
    bob->manner = READS;
    house_restart(house);
    street_pass_s(house, 2);
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
    street_look(house, API_CHAT_CONNECTED, "{\"peers\":[]}");
}

static void test_requests_that_cross(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    ask_bob(house);
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST") HOUSE_SAYS("CHAT_ACCEPT"));
    street_look(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
    street_assert_result(house, "\"consent\":\"mutual\"");
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
}

static void test_asking_who_asks_is_the_answer(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    ask_bob(house);
    street_assert_result(house, "\"state\":\"accepted\"");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

/* Who reads late gets a request each time that it is asked, and no connection without. */
static void test_asking_who_reads_late(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = STALLS;
    bob->reached = HOST;
    ask_bob(house);
    house_pass(house, 100);
    ask_bob(house);
    street_assert_result(house, "\"request\":\"r2\"");
    assert_int_equal(bob->dials, 2);
    street_assert_heard(bob, HOUSE_SAYS("CHAT_REQUEST") HOUSE_SAYS("CHAT_REQUEST"));
    bob->manner = READS;
    street_pass_s(house, 60);
    assert_int_equal(bob->dials, 2);
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    assert_string_equal(house->logged, "chat.accepted \"request\":\"r2\",\"direction\":\"out\"");
    house_call(house, API_CHAT_MESSAGE, HI);
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
}

/* Our refusal is said once, although we ask before it is read. */
static void test_asking_who_was_refused(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, HOST, 40001);

    bob->manner = STALLS;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"r1\"}");
    ask_bob(house);
    street_pass_s(house, 60);
    street_assert_heard(bob, HOUSE_REFUSE HOUSE_SAYS("CHAT_REQUEST"));
    assert_int_equal(bob->dials, 2);
}

/* What is taken back while it is dialled is not said, and neither is nothing. */
static void test_over_before_it_is_connected(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = RINGS;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001")); /* it lost all */
    bob->dials = 0;
    house_pass(house, RATION_MS);
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_say(house, HOST, STREET_DISCONNECT("bob")); /* and has changed its mind */
    bob->manner = READS;
    street_pass_s(house, 60);
    street_assert_heard(bob, "");
    for (size_t i = 0; i < house->street->carrier_count; i++)
        if (house->street->carriers[i].neighbour == bob)
            assert_int_equal(house->street->carriers[i].state, OVER);
    assert_int_equal(bob->answered, 1); /* the acceptance, long ago */
}

static void test_asking_at_a_name(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_neighbour(house, "localhost", 40001);

    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:localhost:40001\",\"greeting\":\"hi\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
    bob->reached = HOST; /* what the name stands for */
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:localhost:40001\"}");
    street_assert_result(house, "\"alias\":\"" HOST "-40001\"");
    street_say(house, HOST, STREET_ACCEPT("bob", HOST, "40001"));
    street_look(house, API_CONTACT_LIST, "\"alias\":\"bob\"");
}

static void test_asking_ourselves(void **state)
{
    struct house *house = *state;

    street_neighbour(house, "192.0.2.1", 40000);
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"classic:192.0.2.1:40000\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
    street_look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
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
    street_pass_s(house, 60);
    assert_int_equal(house->dials, 0);
    street_look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
    bob->manner = READS;
    house->street = street;
    house_restart(house);
    street_pass_s(house, 2);
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

/* --- The end --- */

static void test_they_disconnect(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    bob->manner = ABSENT;
    house_call(house, API_CHAT_MESSAGE, HI);
    street_say(house, HOST, STREET_DISCONNECT("bob"));
    assert_string_equal(house->logged, "chat.disconnected \"by\":\"them\"");
    street_look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
    bob->manner = READS;
    street_pass_s(house, 60);
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
    street_look(house, API_CONTACT_LIST, "\"consent\":\"ending\"");
    house_restart(house);
    street_pass_s(house, 5);
    bob->manner = READS;
    street_pass_s(house, 60);
    street_assert_heard(bob, HOUSE_DISCONNECT);
    street_look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
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
    street_look(house, API_CONTACT_LIST, "\"consent\":\"none\"");
}

static void test_remove(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    house_call(house, API_CONTACT_REMOVE, "{\"peer\":\"bob\"}");
    assert_int_equal(house->replied, OK);
    street_assert_heard(bob, HOUSE_DISCONNECT);
    street_look(house, API_CONTACT_LIST, "{\"contacts\":[]}");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
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
    street_look(house, API_CHAT_REQUESTS, "{\"requests\":[]}");
    ask_bob(house);
    assert_int_equal(house->replied, ERR_BLOCKED);
    street_pass_s(house, 60);
    street_assert_heard(bob, "");
    house_call(house, API_CONTACT_UNBLOCK, "{\"peer\":\"bob\"}");
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    street_look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
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
    street_look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
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
    street_pass_s(house, 10);
    street_assert_heard(bob, "");
    house->disk_waits = false;
    house_run(house);
    street_pass_s(house, 1);
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
    street_pass_s(house, 5);
    street_assert_heard(bob, "");
    street_look(house, API_CHAT_REQUESTS, "\"alias\":\"bob\"");
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_assert_heard(bob, HOUSE_SAYS("CHAT_ACCEPT"));
}

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
        STREET_TEST(test_bare_place_of_a_contact),
        STREET_TEST(test_name_takes_the_place_of_the_stand_in),
        STREET_TEST(test_stand_in_that_somebody_else_has),
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
        STREET_TEST(test_asking_who_reads_late),
        STREET_TEST(test_asking_who_was_refused),
        STREET_TEST(test_over_before_it_is_connected),
        STREET_TEST(test_asking_at_a_name),
        STREET_TEST(test_asking_ourselves),
        STREET_TEST(test_our_name_changes),
        STREET_TEST(test_dialect_that_was_turned_off),
        STREET_TEST(test_advertised_name_is_said),
        cmocka_unit_test_setup_teardown(test_dialect_that_is_off, house_setup, house_teardown),
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
