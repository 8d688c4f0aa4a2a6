/* A node that is registered with a server of the classic dialect: what it asks, and what it makes
 * of the answers. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "tests/unit/street.h"

#define SERVER             "198.51.100.30"
#define OTHER              "198.51.100.31"
#define TRACKER            "{\"tracker\":\"classic:" SERVER ":30000\"}"
#define OBJECT(type, data) "{\"msgtype\":\"" type "\",\"msgdata\":{" data "}}"
#define SUCCESS            OBJECT("REGISTER_SUCCESS", "")
#define ERROR              OBJECT("REGISTER_ERROR", "")
#define PEERS(peers)       OBJECT("LISTPEER", "\"peerlist\":{" peers "}")
#define OURS               "\"house\":[\"192.0.2.1\",40000]"
#define REGISTERS          HOUSE_SAYS("REGISTER")
#define ASKS               OBJECT("LISTPEER", "\"peername\":\"house\"") "\n"
#define LEAVES             OBJECT("EXIT_NETWORK", "\"peername\":\"house\"") "\n"

/* What the log said last begins so. */
static void assert_logged(const struct house *house, const char *beginning)
{
    if (strncmp(house->logged, beginning, strlen(beginning)) != 0)
        fail_msg("%s: not %s", house->logged, beginning);
}

static struct neighbour *registered(struct house *house)
{
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    house_call(house, API_REGISTER, TRACKER);
    street_assert_heard(server, REGISTERS);
    street_say(house, SERVER, SUCCESS);
    assert_int_equal(house->replied, OK);
    assert_non_null(strstr(house->result, "\"state\":\"registered\""));
    assert_logged(house, "registered ");
    return server;
}

static void test_registered_renewed_gone(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);
    const size_t rows = house->rows;

    for (int i = 0; i < 3; i++) {
        house_pass(house, TRACKER_RENEWAL_MS);
        street_assert_heard(server, ASKS);
        street_say(house, SERVER, PEERS(OURS));
    }
    assert_int_equal(house->rows, rows); /* only what changes is told */
    house_call(house, API_EXIT_NETWORK, TRACKER);
    street_assert_heard(server, LEAVES);
    assert_logged(house, "unregistered ");
    house_pass(house, TRACKER_RENEWAL_MS);
    street_assert_heard(server, "");
}

static void test_name_of_somebody_else(void **state)
{
    struct house *house = *state;
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    house_call(house, API_REGISTER, TRACKER);
    street_say(house, SERVER, ERROR);
    street_assert_heard(server, REGISTERS ASKS);
    street_say(house, SERVER, PEERS("\"house\":[\"" OTHER "\",40000]"));
    assert_int_equal(house->replied, ERR_NAME_TAKEN);
    assert_logged(house, "register.failed ");
    house_call(house, API_EXIT_NETWORK, TRACKER);
    street_assert_heard(server, ""); /* it is not ours to take off the list */
}

static void test_list_that_goes_to_somebody_else(void **state)
{
    struct house *house = *state;
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    house_call(house, API_REGISTER, TRACKER);
    street_say(house, SERVER, ERROR);
    house_pass(house, CLASSIC_ANSWER_MS);
    assert_int_equal(house->replied, ERR_NAME_TAKEN);
    street_assert_heard(server, REGISTERS ASKS);
    house_pass(house, TRACKER_RENEWAL_MS); /* perhaps it is free by now */
    street_assert_heard(server, REGISTERS);
}

static void test_name_that_is_ours_from_before(void **state)
{
    struct house *house = *state;

    street_neighbour(house, SERVER, 30000);
    house_call(house, API_REGISTER, TRACKER);
    street_say(house, SERVER, ERROR);
    street_say(house, SERVER, PEERS("\"zoe\":[\"" OTHER "\",1]," OURS));
    assert_int_equal(house->replied, OK);
    assert_logged(house, "registered ");
}

static void test_server_that_forgot_us(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);

    house_pass(house, TRACKER_RENEWAL_MS);
    street_assert_heard(server, ASKS);
    house_pass(house, CLASSIC_ANSWER_MS);
    street_assert_heard(server, REGISTERS);
    street_say(house, SERVER, SUCCESS);
    house_pass(house, TRACKER_RENEWAL_MS);
    street_assert_heard(server, ASKS);
    street_say(house, SERVER, PEERS("\"zoe\":[\"" OTHER "\",1]"));
    street_assert_heard(server, REGISTERS);
    street_say(house, SERVER, SUCCESS);
    assert_logged(house, "registered ");
}

static void test_away_and_back(void **state)
{
    struct house *house = *state;
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    server->manner = ABSENT;
    house_call(house, API_REGISTER, TRACKER);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    assert_logged(house, "register.failed ");
    for (int i = 0; i < 600; i++)
        house_pass(house, 1000);
    assert_in_range(server->dials, 8, 12); /* after 5, 10, 20, 40, 80 seconds; then every renewal */
    server->manner = READS;
    house_pass(house, TRACKER_RENEWAL_MS);
    street_assert_heard(server, REGISTERS);
    house_pass(house, CLASSIC_ANSWER_MS); /* it is there, and does not answer */
    house_pass(house, TRACKER_RENEWAL_MS);
    street_assert_heard(server, REGISTERS);
    street_say(house, SERVER, SUCCESS);
    assert_logged(house, "registered ");
}

static void test_answers_that_nobody_asked_for(void **state)
{
    struct house *house = *state;
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    street_say(house, SERVER, SUCCESS);
    house_call(house, API_REGISTER, TRACKER);
    street_say(house, OTHER, SUCCESS);
    street_say(house, OTHER, ERROR);
    street_say(house, SERVER, PEERS(OURS));
    assert_int_equal(house->replied, ERR_BAD_STATE); /* nothing yet */
    street_say(house, SERVER, SUCCESS);
    assert_int_equal(house->replied, OK);
    street_say(house, SERVER, ERROR);
    street_say(house, SERVER, PEERS(""));
    street_assert_heard(server, REGISTERS);
    assert_logged(house, "registered ");
}

/* What becomes of a connection whose object was answered is nothing to the next question. */
static void test_server_that_breaks_connections(void **state)
{
    struct house *house = *state;
    struct neighbour *server = street_neighbour(house, SERVER, 30000);

    server->manner = STALLS;
    house_call(house, API_REGISTER, TRACKER);
    const uint64_t answer = street_open(house, SERVER);
    server->manner = RESETS; /* as soon as it has answered */
    street_bytes(house, answer, ERROR, strlen(ERROR));
    street_say(house, SERVER, PEERS(OURS));
    assert_int_equal(house->replied, OK);
    assert_logged(house, "registered ");
    street_assert_heard(server, REGISTERS ASKS);
}

static void test_another_name(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);

    house_call(house, API_REGISTER, "{\"name\":\"home\"}");
    street_assert_heard(server,
                        LEAVES OBJECT("REGISTER", "\"peername\":\"home\",\"host\":\"192.0.2.1\","
                                                  "\"port\":40000") "\n");
    street_say(house, SERVER, SUCCESS);
    assert_int_equal(house->replied, OK);
    assert_non_null(strstr(house->result, "\"name\":\"home\""));
}

static void test_look_ups(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house), *zoe = street_neighbour(house, OTHER, 40000);

    house_call(house, API_LISTPEER, "{\"prefix\":\"zo\"}");
    house_call(house, API_LISTPEER, "{\"prefix\":\"Z\"}"); /* the same list is for both */
    street_assert_heard(server, ASKS);
    street_say(house, SERVER,
               PEERS("\"zoe\":[\"" OTHER "\",40000],\"Zed\":[\"127.0.0.1\",1],"
                     "\"yves\":[\"" OTHER "\",2]," OURS));
    assert_int_equal(house->replied, OK);
    assert_non_null(strstr(house->result,
                           "{\"name\":\"zoe\",\"peer_id\":null,\"addresses\":[\"" OTHER
                           ":40000\"],\"connected\":false,\"source\":\"classic\"}]"));
    assert_null(strstr(house->result, "Zed")); /* loopback, told by somebody elsewhere */
    assert_null(strstr(house->result, "yves"));
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"zoe\"}");
    street_assert_heard(server, ASKS);
    street_say(house, SERVER, PEERS("\"zoe\":[\"" OTHER "\",40000]," OURS));
    street_assert_heard(zoe, HOUSE_SAYS("CHAT_REQUEST"));
    house_call(house, API_CHAT_REQUEST, "{\"to\":\"xenia\"}");
    street_say(house, SERVER, PEERS(OURS));
    assert_int_equal(house->replied, ERR_NO_SUCH_PEER);
}

static void test_look_up_without_an_answer(void **state)
{
    struct house *house = *state;

    registered(house);
    house_call(house, API_LISTPEER, "{}");
    house_pass(house, LOOKUP_MS);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    house_pass(house, CLASSIC_ANSWER_MS);
    street_say(house, SERVER, SUCCESS);
    assert_logged(house, "registered ");
}

static void test_last_word(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);
    const uint64_t silent = street_open(house, OTHER);

    node_stop(house->node, house->now);
    house_pass(house, 0);
    street_assert_heard(server, LEAVES);
    assert_true(street_is_closed(house, silent)); /* nobody waits for who says nothing */
    house_restart(house);                         /* the wish to be registered is kept */
    street_assert_heard(server, REGISTERS);
}

static void test_stop_before_the_wish_to_leave_is_durable(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);

    house->disk_waits = true;
    house_call(house, API_EXIT_NETWORK, TRACKER);
    street_assert_heard(server, "");
    node_stop(house->node, house->now); /* it is forgotten while all are left */
    house->disk_waits = false;
    house_pass(house, 0);
    street_assert_heard(server, LEAVES);
    house_restart(house);
    street_assert_heard(server, "");
}

static void test_wanted_again_before_it_is_durable_that_it_is_not(void **state)
{
    struct house *house = *state;
    struct neighbour *server = registered(house);

    house->disk_waits = true;
    house_call(house, API_EXIT_NETWORK, TRACKER);
    house_call(house, API_REGISTER, TRACKER);
    house->disk_waits = false;
    house_pass(house, 0);
    bytes_clear(&server->heard);
    node_stop(house->node, house->now);
    house_pass(house, 0);
    street_assert_heard(server, LEAVES);
    house_restart(house); /* nobody has forgotten it */
    street_assert_heard(server, REGISTERS);
}

static void test_two_servers(void **state)
{
    struct house *house = *state;
    struct neighbour *first = registered(house), *second = street_neighbour(house, SERVER, 30001);

    house_call(house, API_REGISTER, "{\"tracker\":\"classic:" SERVER ":30001\"}");
    street_assert_heard(second, REGISTERS);
    street_say(house, SERVER, SUCCESS); /* of the one that was asked */
    assert_int_equal(house->replied, OK);
    house_call(house, API_EXIT_NETWORK, "{}");
    street_assert_heard(first, LEAVES);
    street_assert_heard(second, LEAVES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, street_setup, street_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_registered_renewed_gone),
        TEST(test_name_of_somebody_else),
        TEST(test_list_that_goes_to_somebody_else),
        TEST(test_name_that_is_ours_from_before),
        TEST(test_server_that_forgot_us),
        TEST(test_away_and_back),
        TEST(test_answers_that_nobody_asked_for),
        TEST(test_server_that_breaks_connections),
        TEST(test_another_name),
        TEST(test_look_ups),
        TEST(test_look_up_without_an_answer),
        TEST(test_last_word),
        TEST(test_stop_before_the_wish_to_leave_is_durable),
        TEST(test_wanted_again_before_it_is_durable_that_it_is_not),
        TEST(test_two_servers),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
