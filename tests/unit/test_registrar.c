#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/node/registrar.h"
#include "tests/unit/tracker_rig.h"

enum { MINUTE_MS = 60 * 1000 };

/* --- Registering --- */

static void test_registers_and_is_found(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST),
                   *bob = house_stranger(house, OTHER_HOST);
    char question[128];

    tracker_register_as(house, alice, "Alice");
    tracker_expect_success(alice);
    assert_string_equal(alice->said,
                        "{\"name\":\"Alice\",\"seen\":\"" PEER_HOST "\",\"lifetime_s\":300}");
    assert_int_equal(tracker_count(house), 1);
    assert_string_equal(tracker_ask(house, bob, "{\"query\":1,\"name\":\"aLICE\",\"limit\":1}"),
                        "Alice next:-");
    assert_string_equal(tracker_ask(house, bob, "{\"query\":1,\"name\":\"alic\",\"limit\":1}"),
                        "next:-");
    snprintf(question, sizeof question, "{\"query\":7,\"peer_id\":\"%s\",\"limit\":1}",
             alice->identity.id);
    assert_string_equal(tracker_ask(house, bob, question), "Alice next:-");
    assert_non_null(strstr(bob->said, "\"query\":7"));
    snprintf(question, sizeof question, "{\"query\":7,\"peer_id\":\"%s\",\"limit\":1}",
             bob->identity.id);
    assert_string_equal(tracker_ask(house, bob, question), "next:-");
}

static void test_renewal_writes_nothing(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    const size_t before = house->appends;
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    const struct peer_record record = tracker_record_of(house, alice, "alice");
    size_t length = tracker_sign(alice, &record, bytes);

    tracker_say_bytes(house, alice, bytes, length); /* the very same */
    tracker_expect_success(alice);
    house_pass(house, MINUTE_MS);
    tracker_register_as(house, alice, "ALICE"); /* another record, the same name */
    tracker_expect_success(alice);
    assert_int_equal(house->appends, before);
    assert_int_equal(tracker_count(house), 1);

    /* What was verified is not verified again, but what is new is. */
    bytes[length - 1] ^= 1;
    tracker_say_bytes(house, alice, bytes, length);
    tracker_expect_refused(alice, "bad_record");
}

static void test_ends_when_it_is_not_renewed(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");

    house_pass(house, REGISTRATION_MS / 2);
    house_enter(house, alice, PEER_HOST); /* the link broke, and another stands */
    house_say(house, alice, MESSAGE_LISTPEER, "{\"query\":1,\"name\":\"alice\",\"limit\":1}");
    assert_int_equal(tracker_count(house), 1); /* a link's end is not the registration's */
    tracker_register_as(house, alice, "alice");
    house_pass(house, REGISTRATION_MS - 1);
    assert_int_equal(tracker_count(house), 1);
    house_pass(house, 1);
    assert_int_equal(tracker_count(house), 0);
}

/* After a long sleep all end, but not all in one turn. */
static void test_many_end_at_once(void **state)
{
    struct house *house = *state;
    struct registry *registry = &house->node->registrar->registry;
    uint8_t record[PEER_RECORD_BYTES_MAX] = {1};
    char name[16];

    tracker_registered(house, PEER_HOST, "alice"); /* sets the timer */
    for (uint32_t i = 0; i < 3 * REGISTRY_ENDS_MAX; i++) {
        memcpy(record + 1, &i, sizeof i);
        snprintf(name, sizeof name, "n%u", i);
        registry_put(registry, name, record, sizeof record, i,
                     mono_after(house->now.mono, REGISTRATION_MS));
    }
    house_pass(house, REGISTRATION_MS);
    assert_int_equal(tracker_count(house), 2 * REGISTRY_ENDS_MAX + 1);
    for (int i = 0; i < 4; i++)
        house_pass(house, REGISTRY_PAUSE_MS);
    assert_int_equal(tracker_count(house), 0);
}

static void test_leaves(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");

    tracker_leave(house, alice);
    house_assert_heard(alice, "EXIT_NETWORK ");
    assert_string_equal(alice->said, "{}");
    assert_int_equal(tracker_count(house), 0);
    assert_string_equal(tracker_list(house, alice), "next:-");
    tracker_leave(house, alice); /* again, and nothing to be done */
    house_assert_heard(alice, "EXIT_NETWORK ");
}

/* --- Records that are no good --- */

static void test_bad_records(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST),
                   *eve = house_stranger(house, OTHER_HOST);
    struct peer_record record = tracker_record_of(house, alice, "alice");
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length = tracker_sign(alice, &record, bytes);

    tracker_say_bytes(house, eve, bytes, length); /* another's */
    tracker_expect_refused(eve, "bad_record");
    bytes[60] ^= 1; /* not what was signed */
    tracker_say_bytes(house, alice, bytes, length);
    tracker_expect_refused(alice, "bad_record");
    tracker_say_bytes(house, alice, (const uint8_t *)"nonsense", 8);
    tracker_expect_refused(alice, "bad_record");
    record.issued_ms = house->now.unix_ms - PEER_RECORD_LIFETIME_S * INT64_C(1000);
    tracker_say_record(house, alice, &record);
    tracker_expect_refused(alice, "bad_record");
    record.issued_ms = house->now.unix_ms + PEER_RECORD_AHEAD_MS_MAX + 1;
    tracker_say_record(house, alice, &record);
    tracker_expect_refused(alice, "bad_record");
    assert_int_equal(tracker_count(house), 0);

    house_say(house, alice, MESSAGE_REGISTER, "{\"record\":7}");
    assert_null(alice->link);
    assert_string_equal(house->ended, "malformed");
}

static void test_outdated(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST);
    struct peer_record record = tracker_record_of(house, alice, "alice");
    uint8_t newer[PEER_RECORD_BYTES_MAX];
    struct message_refused m;
    struct json *json;

    const size_t length = tracker_sign(alice, &record, newer);
    tracker_say_bytes(house, alice, newer, length);
    tracker_expect_success(alice);
    record.sequence--;
    tracker_say_record(house, alice, &record);
    house_assert_heard(alice, "REGISTER_ERROR ");
    assert_int_equal(json_parse(alice->said, strlen(alice->said), &json), OK);
    assert_int_equal(message_refused_decode(json, &m), OK);
    json_free(json);
    assert_int_equal(m.why, REGISTER_OUTDATED);
    assert_true(m.has_record);
    assert_int_equal(m.record_length, length);
    assert_memory_equal(m.record, newer, length);

    record.sequence += 2; /* the asker goes on above it */
    tracker_say_record(house, alice, &record);
    tracker_expect_success(alice);
}

/* An expired record is not handed on, although its owner is registered. */
static void test_expired_while_registered(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST);
    struct peer_record record = tracker_record_of(house, alice, "alice");

    record.lifetime_s = 60;
    tracker_say_record(house, alice, &record);
    tracker_expect_success(alice);
    house_pass(house, MINUTE_MS - 1);
    assert_string_equal(tracker_list(house, alice), "alice next:-");
    house_pass(house, 1);
    assert_string_equal(tracker_list(house, alice), "next:-");
    assert_string_equal(tracker_ask(house, alice, "{\"query\":1,\"name\":\"alice\",\"limit\":1}"),
                        "next:-");
}

/* --- Names --- */

static void test_second_key_does_not_get_a_name(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *eve = house_stranger(house, OTHER_HOST);

    tracker_register_as(house, eve, "alice");
    tracker_expect_refused(eve, "name_taken");
    tracker_register_as(house, eve,
                        "\xef\xbc\xa1lice"); /* FULLWIDTH A, which is the same when folded */
    tracker_expect_refused(eve, "name_taken");
    tracker_register_as(house, eve, "eve");
    tracker_expect_success(eve);
    tracker_register_as(house, eve, "Alice");
    tracker_expect_refused(eve, "name_taken");
    assert_string_equal(tracker_list(house, alice), "alice eve next:-");
}

/* Held for an hour: nobody else gets it for an hour, and its key at any time. */
static void test_name_is_reserved_as_long_as_it_was_held(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *eve = house_come(house);

    for (int i = 0; i < 30; i++) {
        house_pass(house, 2 * MINUTE_MS);
        house_enter(house, alice, PEER_HOST);
        tracker_register_as(house, alice, "alice");
        tracker_expect_success(alice);
    }
    tracker_leave(house, alice);
    house_pass(house, 60 * MINUTE_MS - 1);
    house_enter(house, eve, OTHER_HOST);
    tracker_register_as(house, eve, "alice");
    tracker_expect_refused(eve, "name_taken");
    house_pass(house, 1);
    tracker_register_as(house, eve, "alice");
    tracker_expect_success(eve);
    house_enter(house, alice, PEER_HOST);
    tracker_register_as(house, alice, "alice");
    tracker_expect_refused(alice, "name_taken");
}

static void test_names_survive_a_restart(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *eve = house_come(house);

    house_pass(house, MINUTE_MS);
    house_restart(house);
    assert_int_equal(tracker_count(house), 0);
    house_enter(house, eve, OTHER_HOST);
    tracker_register_as(house, eve, "alice");
    tracker_expect_refused(eve, "name_taken");
    house_enter(house, alice, PEER_HOST);
    tracker_register_as(house, alice, "alice");
    tracker_expect_success(alice);
}

static void test_another_name(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *bob = house_stranger(house, OTHER_HOST);

    tracker_register_as(house, alice, "alicia");
    tracker_expect_success(alice);
    assert_string_equal(tracker_list(house, alice), "alicia next:-");
    assert_int_equal(tracker_count(house), 1);
    house_pass(house, 1); /* the old name was held for no time */
    tracker_register_as(house, bob, "alice");
    tracker_expect_success(bob);
    tracker_register_as(house, alice, "alice");
    tracker_expect_refused(alice, "name_taken");
    assert_string_equal(tracker_list(house, alice), "alice alicia next:-");
}

static void test_names_have_a_rate(void **state)
{
    struct house *house = *state;
    struct visitor *eve = house_stranger(house, PEER_HOST);
    char name[16];

    for (int i = 0; i < NAME_CHANGES_PER_MINUTE; i++) {
        snprintf(name, sizeof name, "eve %d", i);
        tracker_register_as(house, eve, name);
        tracker_expect_success(eve);
    }
    const size_t before = house->appends;
    tracker_register_as(house, eve, "eve again");
    tracker_expect_refused(eve, "limit_exceeded");
    assert_int_equal(house->appends, before);
    tracker_register_as(house, eve, "eve 9"); /* to renew is no change */
    tracker_expect_success(eve);
    house_pass(house, MINUTE_MS / NAME_CHANGES_PER_MINUTE);
    tracker_register_as(house, eve, "eve again");
    tracker_expect_success(eve);
}

/* --- Bounds --- */

static void test_one_address_block(void **state)
{
    struct house *house = *state;
    struct registry *registry = &house->node->registrar->registry;
    struct visitor *late = house_stranger(house, PEER_HOST);
    uint8_t record[PEER_RECORD_BYTES_MAX] = {1};
    char name[16];

    for (uint32_t i = 0; i + 1 < REGISTRY_BLOCK_MAX; i++) {
        memcpy(record + 1, &i, sizeof i);
        snprintf(name, sizeof name, "n%u", i);
        registry_put(registry, name, record, sizeof record, address_block(PEER_HOST),
                     mono_after(house->now.mono, REGISTRATION_MS));
    }
    tracker_register_as(house, late, "late");
    tracker_expect_success(late);
    struct visitor *later = house_stranger(house, PEER_HOST);
    const size_t before = house->appends;
    tracker_register_as(house, later, "later");
    tracker_expect_refused(later, "limit_exceeded");
    assert_int_equal(house->appends, before); /* nothing was claimed */
    house_enter(house, later, OTHER_HOST);
    tracker_register_as(house, later, "later");
    tracker_expect_success(later);
}

/* --- The disk --- */

static void test_answers_when_it_is_durable(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST);

    house->disk_waits = true;
    tracker_register_as(house, alice, "alice");
    tracker_leave(house, alice); /* waits for what was said before it */
    house_assert_heard(alice, "");
    assert_int_equal(tracker_count(house), 0);
    house->disk_waits = false;
    house_run(house);
    house_assert_heard(alice, "REGISTER_SUCCESS EXIT_NETWORK ");
    assert_int_equal(tracker_count(house), 0);
}

static void fail_disk(struct house *house)
{
    struct store_answer answer;

    model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FAILED);
    while (model_store_take(house->store, &answer)) {
        const struct input input = {.kind = INPUT_STORE_FAILED,
                                    .store_failed = {answer.transaction, answer.error}};
        house_give(house, &input);
        model_store_answer_done(&answer);
    }
    house->disk_waits = false;
    house_run(house);
}

static void test_disk_fails(void **state)
{
    struct house *house = *state;
    struct visitor *alice = house_stranger(house, PEER_HOST),
                   *bob = tracker_registered(house, OTHER_HOST, "bob");

    house->disk_waits = true;
    tracker_register_as(house, alice, "alice");
    tracker_register_as(house, bob, "robert");
    fail_disk(house);
    tracker_expect_refused(alice, "storage_failed");
    tracker_expect_refused(bob, "storage_failed");
    assert_string_equal(tracker_list(house, bob), "bob next:-"); /* who is as before */
    tracker_register_as(house, bob, "bob");
    tracker_expect_success(bob);
    house_pass(house, STORE_RETRY_MIN_MS);
    tracker_register_as(house, alice, "alice");
    tracker_expect_success(alice);
}

/* A release that was not kept is kept later. */
static void test_disk_fails_at_leaving(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *bob = house_stranger(house, OTHER_HOST);

    house->disk_waits = true;
    tracker_leave(house, alice);
    house_assert_heard(alice, "EXIT_NETWORK ");
    assert_int_equal(tracker_count(house), 0);
    fail_disk(house);
    house_pass(house, STORE_RETRY_MIN_MS);
    tracker_register_as(house, bob, "alice"); /* released now, after having been held for so long */
    tracker_expect_refused(bob, "name_taken");
    house_pass(house, STORE_RETRY_MIN_MS);
    tracker_register_as(house, bob, "alice");
    tracker_expect_success(bob);
}

/* --- Dial-back --- */

static void test_dials_back_once(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");

    assert_int_equal(house->dials, 1);
    assert_int_equal(house->dialled.count, 1);
    assert_string_equal(house->dialled.addresses[0].at.host, PEER_HOST);
    assert_int_equal(house->dialled.addresses[0].at.port, 4002); /* what it says of that host */
    house_pass(house, 2 * MINUTE_MS);
    house_enter(house, alice, PEER_HOST);
    tracker_register_as(house, alice, "alice");
    tracker_expect_success(alice);
    assert_int_equal(house->dials, 1);

    struct visitor *bob =
        tracker_registered(house, OTHER_HOST, "bob"); /* says nothing of that host */
    assert_int_equal(house->dials, 2);
    assert_string_equal(house->dialled.addresses[0].at.host, OTHER_HOST);
    assert_int_equal(house->dialled.addresses[0].at.port, 4001);
    tracker_leave(house, bob);
    house_pass(house, 2 * MINUTE_MS);
    house_enter(house, bob, OTHER_HOST);
    tracker_register_as(house, bob, "bob"); /* another registration */
    assert_int_equal(house->dials, 3);
}

static void test_shows_its_key_and_goes(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor again = *alice;

    assert_int_equal(house->node->registrar->dial_back_count, 1);
    house->visitors[house->visitor_count++] =
        again; /* the same key, at the other end of the dial */
    struct visitor *dialled = &house->visitors[house->visitor_count - 1];
    dialled->link = NULL;
    dialled->heard = BYTES_EMPTY;
    house_answer(house, dialled);
    assert_null(dialled->link); /* it was proved, and closed */
    assert_string_equal(house->ended, "duplicate");
    assert_int_equal(house->node->registrar->dial_back_count, 0);
    assert_non_null(alice->link); /* and the other is as it was */
    tracker_register_as(house, alice, "alice");
    tracker_expect_success(alice);
}

static void test_nobody_answers_the_dial(void **state)
{
    struct house *house = *state;

    tracker_registered(house, PEER_HOST, "alice");
    const struct input failed = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {.dial = house->dialled.dial, .error = ERR_UNREACHABLE, .why = "nobody"}};
    house_give(house, &failed);
    assert_int_equal(house->node->registrar->dial_back_count, 0);

    tracker_registered(house, OTHER_HOST, "bob");
    assert_int_equal(house->node->registrar->dial_back_count, 1);
    house_pass(house, DIAL_BACK_MS);
    assert_int_equal(house->node->registrar->dial_back_count, 0);
}

/* One destination is dialled once a minute, whoever registers from there. */
static void test_dials_back_no_place_again_and_again(void **state)
{
    struct house *house = *state;
    struct visitor *bob;

    tracker_registered(house, PEER_HOST, "alice");
    bob = tracker_registered(house, PEER_HOST, "bob");
    assert_int_equal(house->dials, 1);
    house_pass(house, RECENT_DIAL_MS);
    house_enter(house, bob, PEER_HOST);
    tracker_register_as(house, bob, "bob"); /* on another link nobody remembers that it is owed */
    assert_int_equal(house->dials, 1);
}

/* --- Who may stay --- */

static void test_stays_while_it_has_business(void **state)
{
    struct house *house = *state;
    struct visitor *alice = tracker_registered(house, PEER_HOST, "alice");
    struct visitor *asks = house_stranger(house, OTHER_HOST),
                   *idle = house_stranger(house, OTHER_HOST);

    for (int i = 0; i < 4; i++) {
        house_pass(house, STRANGER_IDLE_MS / 2);
        if (asks->link != NULL)
            tracker_list(house, asks);
    }
    assert_non_null(alice->link);
    assert_non_null(asks->link);
    assert_null(idle->link);
    house_pass(house, STRANGER_IDLE_MS);
    house_pass(house, STRANGER_IDLE_MS);
    assert_null(asks->link);
    assert_non_null(alice->link);
}

/* --- What is not for a tracker --- */

static void test_no_chats(void **state)
{
    struct house *house = *state;
    struct visitor *stranger = house_stranger(house, PEER_HOST);

    house_ask(house, stranger, 1);
    house_assert_heard(stranger, "");
    assert_int_equal(house->rows, 0);
    assert_non_null(strstr(house->greeting, "\"role\":\"tracker\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_tracker, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_registers_and_is_found),
        TEST(test_renewal_writes_nothing),
        TEST(test_ends_when_it_is_not_renewed),
        TEST(test_many_end_at_once),
        TEST(test_leaves),
        TEST(test_bad_records),
        TEST(test_outdated),
        TEST(test_expired_while_registered),
        TEST(test_second_key_does_not_get_a_name),
        TEST(test_name_is_reserved_as_long_as_it_was_held),
        TEST(test_names_survive_a_restart),
        TEST(test_another_name),
        TEST(test_names_have_a_rate),
        TEST(test_one_address_block),
        TEST(test_answers_when_it_is_durable),
        TEST(test_disk_fails),
        TEST(test_disk_fails_at_leaving),
        TEST(test_dials_back_once),
        TEST(test_shows_its_key_and_goes),
        TEST(test_nobody_answers_the_dial),
        TEST(test_dials_back_no_place_again_and_again),
        TEST(test_stays_while_it_has_business),
        TEST(test_no_chats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
