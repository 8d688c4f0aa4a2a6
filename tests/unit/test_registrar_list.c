#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/node/registrar.h"
#include "tests/unit/tracker_rig.h"

static void test_pages(void **state)
{
    struct house *house = *state;
    static const char *const names[] = {"bob", "Bea", "alice", "bert", "carl"};
    struct visitor *asker = house_stranger(house, OTHER_HOST);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        tracker_registered(house, PEER_HOST, names[i]);
    assert_string_equal(tracker_list(house, asker), "alice Bea bert bob carl next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"\",\"limit\":2}"),
                        "alice Bea next:Bea");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"\",\"after\":\"Bea\",\"limit\":2}"),
        "bert bob next:bob");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"B\",\"limit\":3}"),
                        "Bea bert bob next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"be\",\"limit\":1}"),
                        "Bea next:Bea");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"be\",\"after\":\"bert\",\"limit\":9}"),
        "next:-");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"b\",\"after\":\"alice\",\"limit\":1}"),
        "Bea next:Bea");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"bob\",\"limit\":1}"),
                        "bob next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"d\",\"limit\":1}"),
                        "next:-");
}

static void put_classic(struct house *house, const char *name)
{
    const struct host_port at = {.host = "203.0.113.4", .port = (uint16_t)(40000 + name[0])};

    classic_board_put(&house->node->registrar->board, name, name, &at, house->now.mono);
}

/* Classic peers stand among the others, and those with a key on the board once. */
static void test_classic_peers_among_others(void **state)
{
    struct house *house = *state;
    struct registrar *registrar = house->node->registrar;
    struct visitor *asker = house_stranger(house, OTHER_HOST),
                   *bob = house_stranger(house, PEER_HOST);
    struct peer_record record = tracker_record_of(house, bob, "bob");

    registrar->is_classic = true;
    put_classic(house, "anna");
    put_classic(house, "bob");
    put_classic(house, "boris");
    put_classic(house, "dora");
    record.has_classic = true;
    record.classic = (struct host_port){.host = PEER_HOST, .port = 40000};
    tracker_say_record(house, bob, &record);
    tracker_expect_success(bob); /* a key takes the name of a classic peer */
    tracker_registered(house, PEER_HOST, "carl");
    assert_int_equal(registrar->board.count, 4);
    assert_int_equal(registrar->board.keyed_count, 1);

    assert_string_equal(tracker_list(house, asker), "bob carl (anna) (boris) (dora) next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"\",\"limit\":3}"),
                        "bob (anna) (boris) next:boris");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"\",\"after\":\"boris\",\"limit\":1}"),
        "carl next:carl");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"\",\"after\":\"carl\",\"limit\":9}"),
        "(dora) next:-");
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"address\":\"" PEER_HOST ":40000\",\"limit\":1}"),
        "next:-"); /* has a key */
    assert_string_equal(
        tracker_ask(house, asker, "{\"query\":1,\"address\":\"203.0.113.4:40097\",\"limit\":1}"),
        "(anna) next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"bo\",\"limit\":9}"),
                        "bob (boris) next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"prefix\":\"anna\",\"limit\":9}"),
                        "(anna) next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"name\":\"anna\",\"limit\":1}"),
                        "(anna) next:-");
    assert_string_equal(tracker_ask(house, asker, "{\"query\":1,\"name\":\"bob\",\"limit\":1}"),
                        "bob next:-");

    tracker_leave(house, bob);
    assert_int_equal(registrar->board.keyed_count, 0);
    house_pass(house, CLASSIC_REGISTERED_MS);
    assert_int_equal(registrar->board.count, 0);
}

/* --- listpeer on the control socket --- */

static void test_listpeer(void **state)
{
    struct house *house = *state;
    struct visitor *bob = tracker_registered(house, OTHER_HOST, "bob");
    struct visitor *anna = tracker_registered(house, PEER_HOST, "Anna");
    char expected[HOUSE_TEXT_MAX];

    put_classic(house, "boris");
    house_call(house, API_LISTPEER, "{\"limit\":1}");
    assert_int_equal(house->replied, OK);
    snprintf(expected, sizeof expected,
             "{\"peers\":[{\"name\":\"Anna\",\"peer_id\":\"%s\",\"addresses\":"
             "[\"203.0.113.9:4001\",\"" PEER_HOST ":4002\"],\"connected\":true,"
             "\"source\":\"tracker\"}],\"unanswered\":[],\"next\":\"Anna\"}",
             anna->identity.id);
    assert_string_equal(house->result, expected);

    const struct input down = {.kind = INPUT_CARRIER_DOWN, .carrier_down.carrier = bob->carrier};
    house_give(house, &down); /* it stays registered */
    house_call(house, API_LISTPEER, "{\"prefix\":\"B\",\"after\":\"anna\"}");
    assert_int_equal(house->replied, OK);
    snprintf(expected, sizeof expected,
             "{\"peers\":[{\"name\":\"bob\",\"peer_id\":\"%s\",\"addresses\":"
             "[\"203.0.113.9:4001\",\"" PEER_HOST ":4002\"],\"connected\":false,"
             "\"source\":\"tracker\"},{\"name\":\"boris\",\"peer_id\":null,\"addresses\":"
             "[\"203.0.113.4:40098\"],\"connected\":false,\"source\":\"classic\"}],"
             "\"unanswered\":[],\"next\":null}",
             bob->identity.id);
    assert_string_equal(house->result, expected);

    house_call(house, API_LISTPEER, "{\"after\":\"a:b\"}");
    assert_int_equal(house->replied, ERR_INVALID_PARAMS);
}

static void test_malformed_question(void **state)
{
    struct house *house = *state;
    struct visitor *asker = house_stranger(house, OTHER_HOST);

    house_say(house, asker, MESSAGE_LISTPEER, "{\"query\":1,\"limit\":1}");
    assert_null(asker->link);
    assert_string_equal(house->ended, "malformed");
}

/* How many answers came, all of them RECORDS. */
static size_t heard_records(struct visitor *visitor)
{
    const size_t length = bytes_length(&visitor->heard);

    assert_int_equal(length % strlen("RECORDS "), 0);
    return length / strlen("RECORDS ");
}

static void fill_registry(struct house *house, uint32_t entries)
{
    struct registry *registry = &house->node->registrar->registry;
    struct visitor *maker = house_come(house);
    struct peer_record record = tracker_record_of(house, maker, "maker");
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    char name[16];

    for (uint32_t i = 0; i < entries; i++) {
        snprintf(record.name, sizeof record.name, "n%04u", i);
        const size_t length = tracker_sign(maker, &record, bytes);
        memcpy(bytes + 1, &i, sizeof i); /* as of another key */
        snprintf(name, sizeof name, "n%04u", i);
        registry_put(registry, name, bytes, length, i,
                     mono_after(house->now.mono, REGISTRATION_MS));
    }
}

static void make_room(struct house *house, const struct visitor *visitor)
{
    const struct input room = {.kind = INPUT_ROOM,
                               .room = {.carrier = visitor->carrier, .bytes_free = CARRIER_ROOM}};

    house_give(house, &room);
    house_run(house);
}

/* Who asks for more than it reads is answered as it reads, in order, and loses nothing. */
static void test_answers_no_faster_than_they_are_read(void **state)
{
    enum { QUESTIONS = 100 };
    struct house *house = *state;
    struct visitor *asker = house_stranger(house, OTHER_HOST);
    char question[64], last[32];

    fill_registry(house, 200);
    for (int i = 0; i < QUESTIONS; i++) {
        snprintf(question, sizeof question, "{\"query\":%d,\"prefix\":\"\",\"limit\":1000}", i);
        link_send(asker->link, MESSAGE_LISTPEER, question, strlen(question));
    }
    house_run(house);
    const size_t first = heard_records(asker);
    assert_in_range(first, TRACKER_ROOM / LINK_STRANGER_FRAME_MAX,
                    TRACKER_ROOM / LINK_STRANGER_FRAME_MAX + 2);
    for (size_t heard = first; heard < QUESTIONS; heard = heard_records(asker)) {
        make_room(house, asker);
        assert_true(heard_records(asker) > heard);
        snprintf(last, sizeof last, "{\"query\":%zu,", heard_records(asker) - 1);
        assert_memory_equal(asker->said, last, strlen(last));
    }
    assert_int_equal(heard_records(asker), QUESTIONS);
    assert_non_null(asker->link);
}

static void ask_for_pages(struct house *house, struct visitor *asker, int count)
{
    static const char question[] = "{\"query\":1,\"prefix\":\"\",\"limit\":1000}";

    for (int i = 0; i < count; i++)
        link_send(asker->link, MESSAGE_LISTPEER, question, strlen(question));
    house_run(house);
}

/* What waits for those who do not read is bounded in all: who adds to it goes, others do not. */
static void test_unread_answers_in_all(void **state)
{
    enum { PAGES = 100 };
    struct house *house = *state;
    struct visitor *reader = house_stranger(house, OTHER_HOST),
                   *asker = house_stranger(house, PEER_HOST);

    fill_registry(house, 200);
    ask_for_pages(house, asker, PAGES);
    const uint64_t of_one = house->node->waiting;
    assert_in_range(of_one, TRACKER_ROOM, 2 * TRACKER_ROOM + LINK_HELD_MAX);
    while (heard_records(asker) < PAGES)
        make_room(house, asker);
    make_room(house, asker);
    assert_int_equal(house->node->waiting, 0);

    const uint64_t of_others = TRACKER_WAITING_MAX - of_one / 2;
    house->node->waiting = of_others;
    tracker_register_as(house, reader, "reader");
    tracker_expect_success(reader);
    ask_for_pages(house, asker, PAGES);
    assert_null(asker->link);
    assert_string_equal(house->ended, "slow");
    assert_int_equal(house->node->waiting, of_others);
    assert_non_null(reader->link);
    house->node->waiting = 0;
}

static void test_questions_without_end(void **state)
{
    struct house *house = *state;
    struct visitor *asker = house_stranger(house, OTHER_HOST);

    fill_registry(house, 200);
    for (int i = 0; i < 20 && asker->link != NULL; i++)
        ask_for_pages(house, asker, 300);
    assert_null(asker->link);
    assert_string_equal(house->ended, "limit");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_tracker, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pages),
        TEST(test_classic_peers_among_others),
        TEST(test_listpeer),
        TEST(test_malformed_question),
        TEST(test_answers_no_faster_than_they_are_read),
        TEST(test_unread_answers_in_all),
        TEST(test_questions_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
