/* Dials that reach somebody else: the node goes on with the other addresses as long as anybody
 * waits, says what it found, and talks to nobody but the one who proves the key. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/node/dial.h"
#include "tests/unit/house.h"
#include "tests/unit/street.h"

static uint64_t request(struct house *house, const char *to)
{
    char params[256];

    snprintf(params, sizeof params, "{\"to\":\"%s\"}", to);
    return house_call(house, API_CHAT_REQUEST, params);
}

/* Of the visitor, at a place. */
static const char *address_of(const struct visitor *visitor, const char *place)
{
    static char address[ADDRESS_TEXT_MAX + 1]; /* scratch */
    char peer_id[PEER_ID_LENGTH + 1];

    peer_id_encode(visitor->identity.key.bytes, peer_id);
    snprintf(address, sizeof address, "%s@%s", peer_id, place);
    return address;
}

/* The last dial wins a carrier at that one of its addresses; its number. */
static uint64_t win(struct house *house, size_t address)
{
    const struct input input = {.kind = INPUT_CARRIER_UP,
                                .carrier_up = {.carrier = ++house->last_carrier,
                                               .dial = house->dialled.dial,
                                               .kind = CARRIER_LINK,
                                               .address = address,
                                               .remote = house->dialled.addresses[0].at}};

    house_give(house, &input);
    house_run(house);
    return house->last_carrier;
}

static void break_off(struct house *house, uint64_t carrier)
{
    const struct input down = {.kind = INPUT_CARRIER_DOWN, .carrier_down = {.carrier = carrier}};

    house_give(house, &down);
    house_run(house);
}

/* The visitor is who answers there, and hangs up when it is asked for another's key. */
static void answer_at(struct house *house, struct visitor *visitor, size_t address)
{
    visitor->link = link_new_accepted(&visitor->settings, house->now);
    visitor->carrier = house->last_carrier + 1;
    win(house, address);
    if (visitor->link == NULL)
        break_off(house, visitor->carrier);
}

static void fail_dial(struct house *house, const char *why)
{
    const struct input failed = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {.dial = house->dialled.dial, .error = ERR_UNREACHABLE, .why = why}};

    house_give(house, &failed);
    house_run(house);
}

static bool is_open(const struct house *house, uint64_t call)
{
    return house->replied_call < call;
}

static void assert_gone_on(struct house *house, const char *found)
{
    assert_int_equal(house->gone_on, house->dialled.dial);
    assert_string_equal(house->found, found);
    house->gone_on = 0;
}

/* --- Somebody else answers --- */

static void the_others_are_tried(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house), *mallory = house_come(house);
    const uint64_t call = request(house, address_of(bob, "192.0.2.1:1"));
    char found[160], peer_id[PEER_ID_LENGTH + 1];

    peer_id_encode(bob->identity.key.bytes, peer_id);
    snprintf(found, sizeof found,
             "answers, but does not prove the key of %s, or wants a p2pchat.network-key", peer_id);
    answer_at(house, mallory, 0);
    assert_gone_on(house, found);
    house_assert_heard(mallory, "");
    break_off(house, win(house, 0)); /* another address of the same name */
    assert_gone_on(house, found);
    assert_true(is_open(house, call));
    assert_int_equal(house->forgotten, 0);

    answer_at(house, bob, 0);
    assert_int_equal(house->replied_call, call);
    assert_int_equal(house->replied, OK);
    assert_int_equal(house->forgotten, house->dialled.dial);
    assert_int_equal(house->gone_on, 0);
    house_assert_heard(bob, "CHAT_REQUEST ");
}

static void what_was_found_is_told(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);
    const uint64_t call = request(house, address_of(bob, "192.0.2.1:1"));

    break_off(house, win(house, 0));
    fail_dial(house, "192.0.2.1:1 is somebody else's");
    assert_int_equal(house->replied_call, call);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    assert_string_equal(house->refused, "192.0.2.1:1 is somebody else's");
    assert_int_equal(house->rows, 0);
}

static void nobody_says_anything(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);

    request(house, address_of(bob, "192.0.2.1:1"));
    win(house, 0);
    house_pass(house, LINK_PROOF_MS);
    assert_gone_on(house, "takes the connection and says nothing");
}

static void speak_http(struct house *house)
{
    struct input hello = {.kind = INPUT_BYTES};

    request(house, "192.0.2.1:80");
    hello.bytes.carrier = win(house, 0);
    hello.bytes.bytes = (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n";
    hello.bytes.length = 28;
    house_give(house, &hello);
    house_run(house);
}

static void not_a_node(void **state)
{
    struct house *house = *state;

    speak_http(house);
    assert_gone_on(house, "answers, but not as a node of p2pchat does, or wants a "
                          "p2pchat.network-key");
}

/* Who could have been asked in the classic dialect is told how. */
static void maybe_a_classic_program(void **state)
{
    struct house *house = *state;

    speak_http(house);
    assert_gone_on(house, "answers, but not as a node of p2pchat does, or wants a "
                          "p2pchat.network-key (a program of the classic dialect is asked with "
                          "classic:192.0.2.1:80)");
}

static void this_node_itself(void **state)
{
    struct house *house = *state;
    struct visitor *mirror = house_come(house);

    mirror->settings.identity = &house->identity;
    request(house, "192.0.2.1:1");
    answer_at(house, mirror, 0);
    assert_gone_on(house, "is this node itself");
}

/* It is there, but has no time: no other address would help. */
static void proved_and_gone(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);
    struct bytes nothing = BYTES_EMPTY;
    const uint64_t call = request(house, address_of(bob, "192.0.2.1:1"));

    bytes_text(&nothing, "{}");
    bob->settings.hello = &nothing; /* malformed */
    answer_at(house, bob, 0);
    assert_int_equal(house->replied_call, call);
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    assert_int_equal(house->gone_on, 0);
    assert_int_equal(house->forgotten, house->dialled.dial);
    bytes_done(&nothing);
}

/* --- Whether anybody waits --- */

static void the_client_is_gone(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);
    const uint64_t call = request(house, address_of(bob, "192.0.2.1:1"));
    const uint64_t carrier = win(house, 0);
    const struct input gone = {.kind = INPUT_CALL_GONE, .call_gone = {.client = call}};

    house_give(house, &gone);
    assert_int_equal(house->forgotten, 0);
    break_off(house, carrier);
    assert_int_equal(house->gone_on, 0);
    assert_int_equal(house->forgotten, house->dialled.dial);
}

static void the_node_stops(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);
    const uint64_t call = request(house, address_of(bob, "192.0.2.1:1"));

    win(house, 0);
    node_stop(house->node, house->now);
    house_run(house);
    house_pass(house, 0);
    assert_int_equal(house->replied_call, call);
    assert_int_equal(house->replied, ERR_SHUTTING_DOWN);
    assert_int_equal(house->gone_on, 0);
    assert_int_equal(house->forgotten, house->dialled.dial);
}

/* Somebody we asked, who went away before there was an answer, and is being dialled again. */
static struct visitor *lose(struct house *house)
{
    struct visitor *bob = house_come(house);

    request(house, address_of(bob, "192.0.2.1:1"));
    answer_at(house, bob, 0);
    house_assert_heard(bob, "CHAT_REQUEST ");
    const size_t dials = house->dials;
    link_free(bob->link);
    bob->link = NULL;
    break_off(house, bob->carrier);
    while (house->dials == dials)
        house_pass(house, 100);
    house->forgotten = 0;
    return bob;
}

static void the_node_stops_looking(void **state)
{
    struct house *house = *state;

    lose(house);
    win(house, 0);
    node_stop(house->node, house->now);
    house_pass(house, 0);
    assert_int_equal(house->gone_on, 0);
    assert_int_equal(house->forgotten, house->dialled.dial);
}

static void a_contact_is_looked_for(void **state)
{
    struct house *house = *state;
    struct visitor *bob = lose(house);
    size_t dials = house->dials;

    break_off(house, win(house, 0));
    assert_int_equal(house->gone_on, house->dialled.dial);
    assert_int_equal(strncmp(house->found, "answers, but does not prove the key of peer-", 44), 0);
    house_pass(house, DIALLER_WAIT_MS_MAX);
    assert_int_equal(house->dials, dials); /* that dial goes on */
    fail_dial(house, "nobody is there");
    while (house->dials == dials)
        house_pass(house, 1000);
    answer_at(house, bob, 0);
    house_assert_heard(bob, "CHAT_REQUEST ");
    assert_int_equal(house->forgotten, house->dialled.dial);
}

static void a_contact_that_came(void **state)
{
    struct house *house = *state;
    struct visitor *bob = lose(house);
    const uint64_t carrier = win(house, 0);

    house_enter(house, bob, "192.0.2.1");
    house_assert_heard(bob, "CHAT_REQUEST ");
    break_off(house, carrier);
    assert_int_equal(house->gone_on, 0);
    assert_int_equal(house->forgotten, house->dialled.dial);
}

/* --- Pins --- */

static const struct contact *pinned(const struct house *house, const char *place)
{
    return contacts_by_address(&house->node->contacts, place);
}

/* A place is a contact's when it proved its key there. Other addresses of the same dial do not
 * count, and the place where it was proved before stays. */
static void a_pin_is_where_the_key_was_proved(void **state)
{
    struct house *house = *state;
    struct visitor *bob = lose(house), *mallory = house_come(house);

    fail_dial(house, "nobody is there");
    assert_non_null(pinned(house, "192.0.2.1:1"));
    request(house, address_of(bob, "192.0.2.2:2"));
    assert_int_equal(house->dialled.count, 2);
    answer_at(house, mallory, 0);
    assert_int_equal(house->gone_on, house->dialled.dial);
    answer_at(house, bob, 1);
    assert_int_equal(house->replied, OK);
    assert_non_null(pinned(house, "192.0.2.1:1"));
    assert_null(pinned(house, "192.0.2.2:2"));

    link_free(bob->link);
    bob->link = NULL;
    break_off(house, bob->carrier);
    request(house, address_of(bob, "192.0.2.2:2"));
    answer_at(house, bob, 0);
    assert_int_equal(house->replied, OK);
    assert_non_null(pinned(house, "192.0.2.2:2"));
}

/* Who answers at a contact's place and proves another key is nobody to talk to. */
static void a_pin_does_not_move(void **state)
{
    struct house *house = *state;
    struct visitor *bob = lose(house), *mallory = house_come(house);
    const struct contact *contact = pinned(house, "192.0.2.1:1");

    assert_memory_equal(contact->row.key, bob->identity.key.bytes, KEY_LENGTH);
    fail_dial(house, "nobody is there");
    request(house, "192.0.2.1:1");
    answer_at(house, mallory, 0);
    fail_dial(house, "192.0.2.1:1 is somebody else's");
    assert_int_equal(house->replied, ERR_UNREACHABLE);
    house_assert_heard(mallory, "");
    assert_ptr_equal(pinned(house, "192.0.2.1:1"), contact);
}

/* Also while it is yet to be told that it was. */
static void who_was_removed_pins_nothing(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_come(house);
    char accept[128], params[128];

    request(house, address_of(bob, "192.0.2.1:1"));
    answer_at(house, bob, 0);
    const char *id = strstr(bob->said, "\"request\":\"");
    assert_non_null(id);
    snprintf(accept, sizeof accept, "{%.44s,\"name\":\"bob\"}", id);
    house_say(house, bob, MESSAGE_CHAT_ACCEPT, accept);
    assert_int_equal(node_counts(house->node).contacts, 1);
    link_free(bob->link);
    bob->link = NULL;
    break_off(house, bob->carrier);
    snprintf(params, sizeof params, "{\"peer\":\"%s\"}", pinned(house, "192.0.2.1:1")->row.alias);
    house_call(house, API_CONTACT_REMOVE, params);
    assert_int_equal(house->replied, OK);
    assert_null(pinned(house, "192.0.2.1:1"));
}

/* One destination waits for itself only: not for the many others that share its place. */
static void once_a_minute(void **state)
{
    struct house *house = *state;
    struct host_port at = {.host = "192.0.2.9"};

    for (uint16_t port = 1; port <= 4 * RECENT_DIALS_MAX; port++) {
        at.port = port;
        assert_true(dial_may_knock(house->node, &at));
        assert_false(dial_may_knock(house->node, &at));
    }
    house_pass(house, RECENT_DIAL_MS);
    assert_true(dial_may_knock(house->node, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
        TEST(once_a_minute),
        TEST(the_others_are_tried),
        TEST(what_was_found_is_told),
        TEST(nobody_says_anything),
        TEST(not_a_node),
        TEST(this_node_itself),
        TEST(proved_and_gone),
        TEST(the_client_is_gone),
        TEST(the_node_stops),
        TEST(the_node_stops_looking),
        TEST(a_contact_is_looked_for),
        TEST(a_contact_that_came),
        TEST(a_pin_is_where_the_key_was_proved),
        TEST(a_pin_does_not_move),
        TEST(who_was_removed_pins_nothing),
        STREET_TEST(maybe_a_classic_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
