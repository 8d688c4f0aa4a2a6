/* A tracker as a server of the classic dialect: who is registered, who is told what. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/classic.h"
#include "daemon/core/node/state.h"
#include "tests/unit/street.h"
#include "tests/unit/tracker_rig.h"

#define SUCCESS     "{\"msgtype\":\"REGISTER_SUCCESS\",\"msgdata\":{}}\n"
#define ERROR       "{\"msgtype\":\"REGISTER_ERROR\",\"msgdata\":{}}\n"
#define LIST(peers) "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{" peers "}}}\n"
#define ALICE       "198.51.100.11"
#define CAROL       "198.51.100.12"

/* Somebody with that name listens there, and says so. */
static void say_register(struct house *house, const struct neighbour *neighbour, const char *name)
{
    street_say(house, neighbour->host,
               "{\"msgtype\":\"REGISTER\",\"msgdata\":{\"peername\":\"%s\",\"host\":\"%s\","
               "\"port\":%d}}",
               name, neighbour->host, neighbour->port);
}

static void say_name(struct house *house, const char *type, const char *name, const char *host)
{
    street_say(house, host, "{\"msgtype\":\"%s\",\"msgdata\":{\"peername\":\"%s\"}}", type, name);
}

static struct neighbour *registered(struct house *house, const char *name, const char *host,
                                    uint16_t port)
{
    struct neighbour *neighbour = street_neighbour(house, host, port);

    say_register(house, neighbour, name);
    street_assert_heard(neighbour, SUCCESS);
    return neighbour;
}

static void test_registered_listed_gone(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = registered(house, "alice", ALICE, 40000),
                     *carol = registered(house, "Carol", CAROL, 40001);

    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice,
                        LIST("\"alice\":[\"" ALICE "\",40000],\"Carol\":[\"" CAROL "\",40001]"));
    say_name(house, "EXIT_NETWORK", "carol", CAROL); /* names are compared folded */
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice, LIST("\"alice\":[\"" ALICE "\",40000]"));
    say_name(house, "LISTPEER", "Carol", CAROL);
    street_assert_heard(carol, "");
}

static void test_heard_from_its_host_only(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = registered(house, "alice", ALICE, 40000),
                     *carol = street_neighbour(house, CAROL, 40000),
                     *moved = street_neighbour(house, ALICE, 40009);

    say_name(house, "LISTPEER", "alice", CAROL);
    say_name(house, "EXIT_NETWORK", "alice", CAROL);
    street_assert_heard(alice, "");
    say_register(house, carol, "alice");
    street_assert_heard(carol, ERROR);
    say_register(house, moved, "alice");
    street_assert_heard(moved, SUCCESS);
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(moved, LIST("\"alice\":[\"" ALICE "\",40009]"));
    street_assert_heard(alice, "");
}

static void test_names_that_are_none(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    say_register(house, alice, "a:b");
    say_register(house, alice, "");
    street_assert_heard(alice, ERROR ERROR);
}

static void test_names_of_keys(void **state)
{
    struct house *house = *state;
    struct visitor *bob = tracker_registered(house, PEER_HOST, "bob");
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    say_register(house, alice, "Bob"); /* held */
    street_assert_heard(alice, ERROR);
    house_pass(house, 1000);
    tracker_leave(house, bob);
    say_register(house, alice, "bob"); /* reserved */
    street_assert_heard(alice, ERROR);
    house_pass(house, 2000);
    say_register(house, alice, "bob");
    street_assert_heard(alice, SUCCESS);

    house_enter(house, bob, PEER_HOST);
    tracker_register_as(house, bob, "bob"); /* and it yields */
    tracker_expect_success(bob);
    say_name(house, "LISTPEER", "bob", ALICE);
    street_assert_heard(alice, "");
    say_register(house, alice, "bob");
    street_assert_heard(alice, ERROR);
}

static void test_keys_on_the_list(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = registered(house, "alice", ALICE, 40000);
    struct visitor *bob = house_stranger(house, PEER_HOST);
    struct peer_record record = tracker_record_of(house, bob, "bob");

    tracker_registered(house, PEER_HOST, "dora"); /* who does not speak the dialect */
    record.has_classic = true;
    record.classic = (struct host_port){.host = "chat.example.org", .port = 40004};
    tracker_say_record(house, bob, &record);
    tracker_expect_success(bob);
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(
        alice, LIST("\"alice\":[\"" ALICE "\",40000],\"bob\":[\"chat.example.org\",40004]"));
    tracker_leave(house, bob);
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice, LIST("\"alice\":[\"" ALICE "\",40000]"));
}

static void test_slow_disk(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000),
                     *carol = street_neighbour(house, CAROL, 40000);

    house->disk_waits = true;
    say_register(house, alice, "alice");
    say_register(house, carol, "alice"); /* whether a key has it is not known yet */
    street_assert_heard(alice, "");
    street_assert_heard(carol, "");
    house->disk_waits = false;
    house_run(house);
    street_assert_heard(alice, SUCCESS);
    street_assert_heard(carol, ERROR);
}

/* The list comes behind the answer, once. */
static void test_asks_before_it_is_registered(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    house->disk_waits = true;
    say_register(house, alice, "alice");
    say_name(house, "LISTPEER", "Alice", CAROL); /* who did not register */
    say_name(house, "LISTPEER", "Alice", ALICE);
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice, "");
    house->disk_waits = false;
    house_run(house);
    street_assert_heard(alice, SUCCESS LIST("\"alice\":[\"" ALICE "\",40000]"));
}

static void test_asks_before_its_host_is_found(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    for (int times = 0; times < 2; times++) {
        street_say(house, ALICE,
                   "{\"msgtype\":\"REGISTER\",\"msgdata\":{\"peername\":\"alice\","
                   "\"host\":\"alice.example\",\"port\":40000}}");
        say_name(house, "LISTPEER", "alice", ALICE);
        street_assert_heard(alice, "");
        house->disk_waits = true;
        street_answer(house, times == 0 ? ALICE : NULL);
        house->disk_waits = false;
        house_run(house);
        street_assert_heard(alice, times == 0 ? SUCCESS LIST("\"alice\":[\"" ALICE "\",40000]")
                                              : LIST("\"alice\":[\"" ALICE "\",40000]"));
    }
}

static void test_asks_and_may_not_register(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    house->disk_waits = true;
    say_register(house, alice, "alice");
    say_name(house, "LISTPEER", "alice", ALICE);
    model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FAILED);
    house->disk_waits = false;
    house_run(house);
    street_assert_heard(alice, ERROR);
}

static void test_failing_disk(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = registered(house, "alice", ALICE, 40000),
                     *carol = street_neighbour(house, CAROL, 40000);

    house->disk_waits = true;
    say_register(house, carol, "carol");
    model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FAILED);
    house->disk_waits = false;
    house_run(house);
    street_assert_heard(carol, ERROR);
    house->disk_waits = true;
    say_register(house, alice, "alice"); /* to stay is nothing for the disk */
    street_assert_heard(alice, SUCCESS);
}

static void test_forgotten_after_a_day(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = registered(house, "alice", ALICE, 40000);

    registered(house, "carol", CAROL, 40000);
    house_pass(house, CLASSIC_REGISTERED_MS / 2);
    say_name(house, "LISTPEER", "alice", ALICE); /* she is there */
    bytes_clear(&alice->heard);
    house_pass(house, CLASSIC_REGISTERED_MS / 2);
    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice, LIST("\"alice\":[\"" ALICE "\",40000]"));
}

/* The numbers in the names of a list go on from `number`, round and round. Returns the next. */
static int check_list(struct neighbour *neighbour, int number, int count)
{
    const size_t length = bytes_length(&neighbour->heard);
    struct json *root;
    char name[16];

    assert_true(length <= CLASSIC_OBJECT_MAX + 1 && length > CLASSIC_OBJECT_MAX - 64);
    assert_int_equal(json_parse((const char *)bytes_data(&neighbour->heard), length, &root), OK);
    const struct json *list = json_member(json_member(root, "msgdata"), "peerlist");
    for (const struct json *peer = json_first(list); peer != NULL; peer = json_next(peer)) {
        snprintf(name, sizeof name, "peer-%03d", number++ % count);
        assert_string_equal(json_name(peer), name);
    }
    json_free(root);
    bytes_clear(&neighbour->heard);
    return number;
}

static void test_pieces_of_a_long_list(void **state)
{
    enum { PEERS = 150, PIECES = 6 };
    struct house *house = *state;
    struct neighbour *peers[PEERS];
    char name[16], hosts[PEERS][16];
    int next = 0;

    for (int i = 0; i < PEERS; i++) {
        snprintf(name, sizeof name, "peer-%03d", i);
        snprintf(hosts[i], sizeof hosts[i], "203.0.113.%d", i + 1);
        peers[i] = registered(house, name, hosts[i], 40000);
    }
    for (int pieces = 0; pieces < PIECES; pieces++) {
        say_name(house, "LISTPEER", "peer-077", hosts[77]);
        next = check_list(peers[77], next, PEERS);
    }
    assert_true(next > PEERS && next < PEERS * PIECES);
    say_name(house, "LISTPEER", "peer-001", hosts[1]); /* another one's begins anew */
    check_list(peers[1], 0, PEERS);
}

static void test_loopback_is_for_this_machine(void **state)
{
    struct house *house = *state;
    struct neighbour *here = registered(house, "here", "127.0.0.1", 40000),
                     *alice = registered(house, "alice", ALICE, 40000);

    say_name(house, "LISTPEER", "alice", ALICE);
    street_assert_heard(alice, LIST("\"alice\":[\"" ALICE "\",40000]"));
    say_name(house, "LISTPEER", "here", "127.0.0.1");
    street_assert_heard(here,
                        LIST("\"alice\":[\"" ALICE "\",40000],\"here\":[\"127.0.0.1\",40000]"));
}

static void test_what_is_for_peers(void **state)
{
    struct house *house = *state;
    struct neighbour *alice = street_neighbour(house, ALICE, 40000);

    street_say(house, ALICE, STREET_REQUEST("alice", ALICE, "40000"));
    street_say(house, ALICE, STREET_ACCEPT("alice", ALICE, "40000"));
    street_say(house, ALICE, SUCCESS);
    street_say(house, ALICE, LIST("\"x\":[\"" ALICE "\",1]"));
    assert_int_equal(alice->dials, 0);
}

static void answer_at(struct house *house, int block)
{
    struct host_port at = {.port = 40000};
    struct bytes object = BYTES_EMPTY;

    snprintf(at.host, sizeof at.host, "203.0.%d.%d", block / 200, 1 + block % 200);
    bytes_text(&object, SUCCESS);
    classic_send(house->node, &at, &object);
}

/* Nobody's answers keep the places from others: one block has its share, and the oldest of all
 * gives way. Each has a deadline. */
static void test_answers_give_way(void **state)
{
    struct house *house = *state;
    const uint64_t before = house->node->last_dial;
    const size_t timers = house->node->timers.count;

    for (int i = 0; i < CLASSIC_ANSWERS_BLOCK_MAX + 3; i++)
        answer_at(house, 0);
    assert_int_equal(house->node->last_dial - before, CLASSIC_ANSWERS_BLOCK_MAX);
    for (int i = 1; i <= CLASSIC_ANSWERS_MAX; i++)
        answer_at(house, i);
    assert_int_equal(house->node->last_dial - before,
                     CLASSIC_ANSWERS_BLOCK_MAX + CLASSIC_ANSWERS_MAX);
    assert_int_equal(house->node->timers.count - timers, CLASSIC_ANSWERS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, street_setup_tracker, street_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_registered_listed_gone),
        TEST(test_heard_from_its_host_only),
        TEST(test_names_that_are_none),
        TEST(test_names_of_keys),
        TEST(test_keys_on_the_list),
        TEST(test_slow_disk),
        TEST(test_asks_before_it_is_registered),
        TEST(test_asks_before_its_host_is_found),
        TEST(test_asks_and_may_not_register),
        TEST(test_failing_disk),
        TEST(test_forgotten_after_a_day),
        TEST(test_pieces_of_a_long_list),
        TEST(test_loopback_is_for_this_machine),
        TEST(test_what_is_for_peers),
        TEST(test_answers_give_way),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
