/* What a node and its neighbours say to each other in the classic dialect. */
#include "tests/unit/street.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

#define HOST "198.51.100.7"
#define HI   "{\"peer\":\"bob\",\"text\":\"hi\"}"

static void test_messages_both_ways(void **state)
{
    struct house *house = *state;
    struct neighbour *bob = street_befriend(house, HOST, 40001, "bob");

    street_say(house, HOST, STREET_MESSAGE("bob", "Hello, house."));
    assert_int_equal(house->messages, 1);
    street_say(house, HOST, STREET_MESSAGE("bob", "\\u2020 and\\nmore"));
    assert_int_equal(house->messages, 2);
    house_call(house, API_CHAT_MESSAGE, HI);
    street_assert_result(house, "\"state\":\"queued\"");
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
    house_call(house, API_CHAT_MESSAGE,
               "{\"peer\":\"bob\",\"text\":\"again\",\"key\":\"k\",\"wait\":true}");
    street_assert_result(house,
                         "\"peer\":\"bob\",\"peer_id\":null,\"classic\":true,\"state\":\"sent\"}");
    street_assert_heard(bob, HOUSE_MESSAGE("again"));
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"again\",\"key\":\"k\"}");
    street_assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, "");
    street_look(house, API_CHAT_CONNECTED, "\"queued\":0");
    house_restart(house);
    street_pass_s(house, 60);
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
    street_assert_result(house, "\"state\":\"sent\"");
    street_assert_heard(bob, HOUSE_MESSAGE("hi"));
}

/* Who talks has heard that we accepted, also when its connection is still open. */
static void test_message_confirms_the_acceptance(void **state)
{
    struct house *house = *state;

    street_neighbour(house, HOST, 40001)->manner = STALLS;
    street_say(house, HOST, STREET_REQUEST("bob", HOST, "40001"));
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"bob\"}");
    street_look(house, API_CONTACT_LIST, "\"consent\":\"pending\"");
    street_say(house, HOST, STREET_MESSAGE("bob", "hi"));
    assert_int_equal(house->messages, 1);
    street_look(house, API_CONTACT_LIST, "\"consent\":\"mutual\"");
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
    street_look(house, API_CHAT_CONNECTED, "\"queued\":30");
    street_pass_s(house, 30);
    bob->manner = READS;
    street_pass_s(house, 90);
    bytes_u8(&expected, '\0');
    street_assert_heard(bob, (const char *)bytes_data(&expected));
    street_look(house, API_CHAT_CONNECTED, "\"queued\":0");
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
    street_pass_s(house, 3600);
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
    street_assert_result(house, "\"state\":\"sent\"");
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
    street_pass_s(house, 4);
    assert_int_equal(count_objects(bob, &first), 2);
    bob->manner = ABSENT; /* of the second it is not known whether it arrived */
    street_pass_s(house, 4);
    bob->manner = READS;
    street_pass_s(house, 10);
    street_assert_result(house, "\"state\":\"sent\"");
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
    street_assert_result(house, "\"state\":\"sent\"");
    assert_int_equal(count_objects(bob, &text), 1);
    free(params);
    free(short_params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREET_TEST(test_messages_both_ways),
        STREET_TEST(test_receiver_that_does_not_close),
        STREET_TEST(test_message_confirms_the_acceptance),
        STREET_TEST(test_messages_wait_in_order),
        STREET_TEST(test_who_is_away_is_dialled_ever_less_often),
        STREET_TEST(test_outbox_is_bounded),
        STREET_TEST(test_long_texts_are_split),
        STREET_TEST(test_split_text_goes_on_where_it_failed),
        STREET_TEST(test_long_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
