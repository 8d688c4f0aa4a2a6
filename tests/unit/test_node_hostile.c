/* A node and visitors who have proved a key and then break the rules: whatever they say on their
 * links, the node keeps to its bounds and nothing of it becomes true. */
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"

/* --- Strangers --- */

static void assert_nothing_came_of_it(const struct house *house)
{
    uint32_t peer;

    assert_int_equal(house->rows, 0);
    assert_int_equal(node_counts(house->node).contacts, 0);
    assert_int_equal(node_find_peer(house->node, "visitor", &peer), ERR_NO_SUCH_PEER);
}

static void test_stranger_says_what_contacts_say(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    house_say(house, visitor, MESSAGE_CHAT_MESSAGE,
              "{\"epoch\":\"" HOUSE_EPOCH "\",\"number\":1,\"time\":0,\"text\":\"hi\"}");
    assert_nothing_came_of_it(house);
    house_enter(house, visitor, "198.51.100.1");
    house_say(house, visitor, MESSAGE_CHAT_ACK,
              "{\"epoch\":\"" HOUSE_EPOCH "\",\"through\":1,\"credit_bytes\":1}");
    assert_nothing_came_of_it(house);
}

static void test_consent_that_was_never_given(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    house_say(house, visitor, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say(house, visitor, MESSAGE_CHAT_ACCEPT,
              "{\"request\":\"" HOUSE_ID "\",\"name\":\"visitor\"}");
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" HOUSE_ID "\"}");
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say(house, visitor, MESSAGE_CHAT_REFUSE, "{\"request\":\"" HOUSE_ID "\"}");
    house_say(house, visitor, MESSAGE_NO_CONSENT, "{\"consent\":\"" HOUSE_ID "\"}");
    house_assert_heard(visitor, "");
    assert_nothing_came_of_it(house);
}

/* It accepts its own request, or confirms what nobody accepted. */
static void test_answers_to_its_own_request(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    house_say(house, visitor, MESSAGE_CHAT_REQUEST,
              "{\"request\":\"" HOUSE_ID "\",\"name\":\"visitor\"}");
    house_say(house, visitor, MESSAGE_CHAT_ACCEPT,
              "{\"request\":\"" HOUSE_ID "\",\"name\":\"visitor\"}");
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say(house, visitor, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say_text(house, visitor, 1, "hi");
    assert_int_equal(house->messages, 0);
    assert_int_equal(node_counts(house->node).contacts, 0);
}

static void test_stranger_says_too_much(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");
    char *data = xmalloc(LINK_STRANGER_FRAME_MAX + 32), *text = house_text(LINK_STRANGER_FRAME_MAX);

    sprintf(data, "{\"request\":\"%s\"}", text);
    house_say(house, visitor, MESSAGE_CHAT_REQUEST, data);
    free(data);
    free(text);
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_nothing_came_of_it(house);
}

/* As a piece of somebody's peer id, also in other letters. */
static void test_stranger_whose_name_is_like_an_id(void **state)
{
    static const char *const names[] = {"ezg3bpbv", "EZG3BPBV", "Ezg3bpbvruqgpgr",
                                        "ezg3bpb\xef\xbd\x96"};
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");
    char data[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (visitor->link == NULL)
            house_enter(house, visitor, "198.51.100.1");
        snprintf(data, sizeof data, "{\"request\":\"" HOUSE_ID "\",\"name\":\"%s\"}", names[i]);
        house_say(house, visitor, MESSAGE_CHAT_REQUEST, data);
        assert_null(visitor->link);
        assert_string_equal(house->ended, "malformed");
        assert_nothing_came_of_it(house);
    }
}

static void test_stranger_without_business_is_sent_away(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    house_pass(house, STRANGER_IDLE_MS - 1);
    assert_non_null(visitor->link);
    house_pass(house, 1);
    assert_null(visitor->link);
    assert_nothing_came_of_it(house);
}

/* Link after link, request after request: one waits, and the log has one row of it a minute. */
static void test_one_key_asks_and_asks(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");
    unsigned number = 0;

    for (int links = 0; links < 20; links++) {
        while (visitor->link != NULL)
            house_ask(house, visitor, ++number);
        assert_string_equal(house->ended, "limit");
        house_enter(house, visitor, "198.51.100.1");
    }
    assert_true(number >= 20 * message_row(MESSAGE_CHAT_REQUEST)->per_minute);
    assert_int_equal(house->rows, 1);
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"visitor\"}"); /* would be ambiguous */
    assert_int_equal(house->replied, OK);
    house_call(house, API_CHAT_REFUSE, "{\"request\":\"visitor\"}");
    assert_int_equal(house->replied, ERR_NO_SUCH_REQUEST);
    house->rows = 0;
    for (int i = 0; i < 15; i++)
        house_ask(house, visitor, ++number); /* still a stranger: the minute is not over */
    assert_int_equal(house->rows, 0);
}

static void count_request(void *count, const struct change *row)
{
    *(size_t *)count += row->kind == CHANGE_REQUEST;
}

static size_t count_kept(const struct house *house)
{
    size_t count = 0;

    model_store_load(house->store, count_request, &count);
    return count;
}

static void take_back(struct house *house, struct visitor *visitor, unsigned number)
{
    char data[128];

    snprintf(data, sizeof data, "{\"consent\":\"%032x\"}", number);
    house_say(house, visitor, MESSAGE_DISCONNECT, data);
}

/* What was asked and taken back is not kept for each time, nor for each key. */
static void test_asked_and_taken_back(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    for (unsigned number = 0; number < 200; number++) {
        house_ask(house, visitor, number);
        take_back(house, visitor, number);
        if (visitor->link == NULL)
            house_enter(house, visitor, "198.51.100.1");
    }
    assert_in_range(count_kept(house), 0, 1);
    assert_in_range(house->rows, 1, 2);
    for (unsigned number = 0; number < 200; number++) {
        visitor = house_stranger(house, "198.51.100.1");
        house_ask(house, visitor, number);
        take_back(house, visitor, number);
    }
    assert_in_range(count_kept(house), 0, 1);
    assert_in_range(house->rows, 1, 3); /* and a warning */
}

/* A contact's requests are accepted as they come; only the last answer is kept. */
static void test_contact_asks_and_asks(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    for (unsigned number = 0; number < 15; number++)
        house_ask(house, visitor, number);
    assert_int_equal(node_counts(house->node).contacts, 1);
    assert_int_equal(count_kept(house), 1);
}

static unsigned count_waiting(const struct house *house)
{
    unsigned count = 0;
    struct node_peer peer; /* one that was forgotten has no name */

    for (uint32_t number = 1; node_peer(house->node, number, &peer) || number < 1024; number++)
        count += node_peer(house->node, number, &peer) && strcmp(peer.alias, peer.short_id) != 0;
    return count;
}

static void test_many_keys_of_one_block_ask(void **state)
{
    struct house *house = *state;
    enum { KEYS = 3 * REQUESTS_BLOCK_MAX };

    for (unsigned i = 0; i < KEYS; i++)
        house_ask(house, house_stranger(house, "198.51.100.1"), i);
    assert_int_equal(count_waiting(house), REQUESTS_BLOCK_MAX);
    assert_int_equal(house->rows, 3); /* a request, its end, and a warning of the many names */
    assert_int_equal(node_counts(house->node).contacts, 0);
}

static void test_many_keys_of_many_blocks_ask(void **state)
{
    struct house *house = *state;
    enum { KEYS = REQUESTS_MAX + 32 };

    for (unsigned i = 0; i < KEYS; i++) {
        char host[32];
        snprintf(host, sizeof host, "198.51.%u.%u", i / 100, i % 100);
        house_ask(house, house_stranger(house, host), i);
    }
    assert_int_equal(count_waiting(house), REQUESTS_MAX);
}

static void test_many_links_of_strangers(void **state)
{
    struct house *house = *state;
    enum { LINKS = DOORMAN_STRANGERS_MAX / DOORMAN_BLOCK_SHARE };

    for (int i = 0; i < LINKS; i++)
        assert_non_null(house_stranger(house, "198.51.100.1")->link);
    assert_int_equal(node_counts(house->node).links, LINKS);
    assert_null(house_stranger(house, "198.51.100.1")->link);
    assert_string_equal(house->ended, "limit");
    assert_non_null(house_stranger(house, "198.51.100.2")->link);
}

/* --- Contacts --- */

static void test_message_before_have(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_enter(house, visitor, "198.51.100.1");
    house_say_text(house, visitor, 1, "hi");
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_int_equal(house->messages, 0);
}

static void test_messages_out_of_turn(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say_text(house, visitor, 2, "two");
    house_assert_heard(visitor, "HAVE ");
    for (unsigned number = 3; number < 100; number++)
        house_say_text(house, visitor, number, "more");
    house_assert_heard(visitor, ""); /* it was told */
    house_say_text(house, visitor, 1, "one");
    house_assert_heard(visitor, "CHAT_ACK ");
    house_say_text(house, visitor, 1, "one, and altered");
    house_assert_heard(visitor, "HAVE ");
    assert_int_equal(house->messages, 1);
}

static void test_acknowledges_what_was_never_said(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say(house, visitor, MESSAGE_CHAT_ACK,
              "{\"epoch\":\"" HOUSE_ANOTHER "\",\"through\":7,\"credit_bytes\":9007199254740991}");
    assert_non_null(visitor->link); /* an epoch may be forgotten */
    assert_int_equal(house->rows, 0);
}

static void test_acknowledges_more_than_was_said(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char data[128];

    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    house_assert_heard(visitor, "CHAT_MESSAGE ");
    snprintf(data, sizeof data, "{\"epoch\":\"%s\",\"through\":2,\"credit_bytes\":1}",
             visitor->epoch);
    house_say(house, visitor, MESSAGE_CHAT_ACK, data);
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_int_equal(node_counts(house->node).queued, 1);
}

/* Nothing becomes durable, and it sends on: the credit that it has at first, to the last byte. */
static void test_more_than_its_first_credit(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char *text = house_text(CREDIT_FIRST_BYTES - 1);

    house->disk_waits = true;
    house_say_text(house, visitor, 1, text);
    free(text);
    house_say_text(house, visitor, 2, "x");
    assert_non_null(visitor->link);
    house_say_text(house, visitor, 3, "x");
    assert_null(visitor->link);
    assert_string_equal(house->ended, "credit");
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(house->messages, 2);
}

/* The credit of an acknowledgement, likewise. */
static void test_more_than_its_credit(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char *text = house_text(MESSAGE_TEXT_MAX);
    unsigned number = 1;

    house_say_text(house, visitor, number, "x");
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_non_null(strstr(visitor->said, "\"credit_bytes\":1048576"));
    house->disk_waits = true;
    while (number < 1 + OUTBOX_WINDOW_BYTES / MESSAGE_TEXT_MAX)
        house_say_text(house, visitor, ++number, text);
    free(text);
    assert_non_null(visitor->link);
    house_say_text(house, visitor, ++number, "x");
    assert_null(visitor->link);
    assert_string_equal(house->ended, "credit");
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(house->messages, number - 1);
}

static void test_more_messages_than_the_window(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    unsigned number = 0;

    house->disk_waits = true;
    while (visitor->link != NULL && number < 2 * OUTBOX_WINDOW_MESSAGES)
        house_say_text(house, visitor, ++number, "x");
    assert_string_equal(house->ended, "credit");
    assert_int_equal(number, OUTBOX_WINDOW_MESSAGES + 1);
}

/* HAVE, again and again, while much waits in the log: no more is read than was asked for. */
static void test_have_again_and_again(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_enter(house, visitor, "198.51.100.1");
    for (int i = 0; i < 50; i++)
        house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    house->disk_waits = true;
    for (int i = 0; i < 500 && visitor->link != NULL; i++)
        house_say(house, visitor, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    assert_int_equal(house->reads_max, 1);
    house->disk_waits = false;
    house_run(house);
    if (visitor->link == NULL)
        house_enter(house, visitor, "198.51.100.1");
    house_say(house, visitor, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    assert_non_null(visitor->link);
    assert_int_equal(node_counts(house->node).queued, 50);
}

static void test_wrong_consent(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say(house, visitor, MESSAGE_HAVE,
              "{\"consent\":\"" HOUSE_OTHER "\",\"live\":[],\"have\":[]}");
    house_assert_heard(visitor, "NO_CONSENT ");
    house_say(house, visitor, MESSAGE_NO_CONSENT, "{\"consent\":\"" HOUSE_OTHER "\"}");
    house_say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" HOUSE_OTHER "\"}");
    house_assert_heard(visitor, "NO_CONSENT ");
    assert_int_equal(node_counts(house->node).contacts, 1);
    assert_int_equal(house->rows, 0);
}

/* What one says in the name of another: consent ids are nothing without the key. */
static void test_consent_of_another(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    struct visitor *thief = house_stranger(house, "198.51.100.9");

    house_say(house, thief, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    house_assert_heard(thief, "NO_CONSENT ");
    house_say(house, thief, MESSAGE_DISCONNECT, "{\"consent\":\"" HOUSE_ID "\"}");
    house_say(house, thief, MESSAGE_NO_CONSENT, "{\"consent\":\"" HOUSE_ID "\"}");
    house_say_text(house, thief, 1, "hi");
    assert_int_equal(house->messages, 0);
    assert_int_equal(node_counts(house->node).contacts, 1);
    house_say_text(house, visitor, 1, "hi");
    assert_int_equal(house->messages, 1);
}

/* The same key on two machines, by turns. */
static void enter_as(struct house *house, struct visitor *visitor, uint64_t instance)
{
    bytes_clear(&house->hello);
    message_hello_encode(&house->hello, ROLE_NODE, "visitor/0", instance, NULL, 0);
    house_enter(house, visitor, "198.51.100.1");
}

/* Who first makes us warn of something else about a contact does not hide that its key is used
 * twice. */
static void test_one_warning_hides_no_other(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house), *clone = house_come(house);
    char data[HOUSE_TEXT_MAX];

    clone->settings.identity = &visitor->identity;
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    snprintf(data, sizeof data, "{\"epoch\":\"%s\",\"through\":1,\"credit_bytes\":0}",
             visitor->epoch);
    house_say(house, visitor, MESSAGE_CHAT_ACK, data);
    snprintf(data, sizeof data,
             "{\"consent\":\"" HOUSE_ID
             "\",\"live\":[],\"have\":[{\"epoch\":\"%s\",\"number\":9}]}",
             visitor->epoch);
    house_say(house, visitor, MESSAGE_HAVE, data);
    assert_non_null(strstr(house->logged, "\"database_restored\""));
    for (unsigned turn = 0; turn < 2 * INSTANCES_DISPLACED_MAX; turn++)
        enter_as(house, turn % 2 == 0 ? clone : visitor, 2 + turn % 2);
    assert_non_null(strstr(house->logged, "\"cloned_identity\""));
    assert_non_null(strstr(house->logged, "\"suppressed\":0"));
}

/* A contact whose links are refused does not fill the daemon's own log with that. */
static void test_refused_again_and_again(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    const size_t before = house->notes;

    for (int i = 0; i < 20; i++) {
        house_say(house, visitor, MESSAGE_HAVE, "[]");
        assert_string_equal(house->ended, "malformed");
        house_enter(house, visitor, "198.51.100.1");
    }
    assert_string_equal(house->noted, "link_proved 0");
    assert_int_equal(house->notes,
                     before + 2); /* each refusal is one line, and the first is told */
    house_pass(house, RATION_MS);
    house_say(house, visitor, MESSAGE_HAVE, "[]");
    assert_string_equal(house->noted, "link_refused 19");
    assert_int_equal(house->notes, before + 3);
}

/* Refused links from everywhere do not keep a stranger's request out of the log. */
static void test_noise_of_another_kind(void **state)
{
    struct house *house = *state;
    struct visitor *noisy = house_stranger(house, "203.0.113.1"), *asker;
    char host[32];

    for (int i = 0; i < 3 * RATIONS_MAX; i++) {
        house_say(house, noisy, MESSAGE_HAVE, "[]");
        snprintf(host, sizeof host, "203.%d.%d.7", i / 256, i % 256);
        house_enter(house, noisy, host);
    }
    house->logged[0] = '\0';
    asker = house_stranger(house, "192.0.2.77");
    house_say(house, asker, MESSAGE_CHAT_REQUEST,
              "{\"request\":\"" HOUSE_ID "\",\"name\":\"zoe\"}");
    assert_non_null(strstr(house->logged, "\"zoe\""));
}

/* Whoever comes by and proves nothing is told of once a minute; that hides no refusal of one who
 * did. */
static uint64_t knock(struct house *house, const char *host)
{
    struct input up = {.kind = INPUT_CARRIER_UP,
                       .carrier_up = {.carrier = ++house->last_carrier,
                                      .kind = CARRIER_LINK,
                                      .remote.port = 5000,
                                      .local = {"192.0.2.1", 28470}}};

    snprintf(up.carrier_up.remote.host, sizeof up.carrier_up.remote.host, "%s", host);
    house_give(house, &up);
    return house->last_carrier;
}

static void test_nothing_is_proved(void **state)
{
    static const uint8_t nonsense[] = "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: nobody\r\n";
    struct house *house = *state;
    const size_t before = house->notes;

    for (int i = 0; i < 5; i++) {
        const struct input said = {.kind = INPUT_BYTES,
                                   .bytes = {.carrier = knock(house, "203.0.113.7"),
                                             .bytes = nonsense,
                                             .length = sizeof nonsense}};
        house_give(house, &said);
        assert_string_equal(house->ended, "handshake");
        if (i == 3)
            house_pass(house, RATION_MS);
    }
    assert_string_equal(house->noted, "link_refused 3");
    assert_int_equal(house->notes, before + 2);
    house_say(house, house_stranger(house, "203.0.113.7"), MESSAGE_HAVE, "[]");
    assert_string_equal(house->noted, "link_refused 0");
}

static void test_too_many_of_one_address(void **state)
{
    struct house *house = *state;

    for (int i = 0; i <= DOORMAN_BLOCK_BURST; i++)
        knock(house, "203.0.113.7");
    assert_string_equal(house->noted, "links_limited 0");
}

static void test_own_key(void **state)
{
    struct house *house = *state;

    for (int i = 0; i < 2; i++) {
        struct visitor *copy = house_come(house);

        copy->settings.identity = &house->identity;
        house_call(house, API_CHAT_REQUEST, "{\"to\":\"203.0.113.7:5000\"}");
        house_answer(house, copy);
        assert_string_equal(house->ended, "self");
        assert_string_equal(house->noted, "own_key 0");
        assert_int_equal(house->notes, 1);
        house->ended[0] = '\0';
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stranger_says_what_contacts_say),
        TEST(test_noise_of_another_kind),
        TEST(test_consent_that_was_never_given),
        TEST(test_answers_to_its_own_request),
        TEST(test_stranger_says_too_much),
        TEST(test_stranger_whose_name_is_like_an_id),
        TEST(test_stranger_without_business_is_sent_away),
        TEST(test_one_key_asks_and_asks),
        TEST(test_asked_and_taken_back),
        TEST(test_contact_asks_and_asks),
        TEST(test_many_keys_of_one_block_ask),
        TEST(test_many_keys_of_many_blocks_ask),
        TEST(test_many_links_of_strangers),
        TEST(test_message_before_have),
        TEST(test_messages_out_of_turn),
        TEST(test_acknowledges_what_was_never_said),
        TEST(test_acknowledges_more_than_was_said),
        TEST(test_more_than_its_first_credit),
        TEST(test_more_than_its_credit),
        TEST(test_more_messages_than_the_window),
        TEST(test_have_again_and_again),
        TEST(test_wrong_consent),
        TEST(test_consent_of_another),
        TEST(test_one_warning_hides_no_other),
        TEST(test_refused_again_and_again),
        TEST(test_nothing_is_proved),
        TEST(test_too_many_of_one_address),
        TEST(test_own_key),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
