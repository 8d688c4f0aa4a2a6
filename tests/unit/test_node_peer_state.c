/* What can be seen of all that stands between a message and a peer. */
#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/overlay/peer_record.h"
#include "tests/unit/house.h"
#include "tests/unit/node_rig.h"

static struct node_peer_state of_rig(struct node_rig *rig, uint32_t peer)
{
    struct node_peer_state state;

    assert_true(node_peer_state(rig->node, peer, rig->now, &state));
    return state;
}

static void fail_dial(struct node_rig *rig, const char *why)
{
    const struct input failed = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {.dial = rig->last_dial, .error = ERR_UNREACHABLE, .why = why}};

    node_rig_input(rig, &failed);
}

static void test_nobody(void **state)
{
    struct node_rig rig;
    struct node_peer_state peer;

    (void)state;
    node_rig_init(&rig);
    node_rig_start(&rig);
    assert_false(node_peer_state(rig.node, 1, rig.now, &peer));
    assert_false(node_peer_state(rig.node, 0, rig.now, &peer));
    node_rig_done(&rig);
}

static void test_dials(void **state)
{
    struct node_rig rig;

    (void)state;
    node_rig_init(&rig);
    node_rig_know(&rig, 1, "bob", CONSENT_MUTUAL);
    node_rig_start(&rig);
    struct node_peer_state peer = of_rig(&rig, 1);
    assert_true(peer.is_wanted);
    assert_false(peer.is_being_dialled || peer.is_online);
    assert_null(peer.tried);
    assert_int_equal(peer.address_count, 1);
    assert_string_equal(peer.addresses[0].host, "192.0.2.7");
    assert_in_range(peer.next_dial_ms, 0, DIALLER_FIRST_MS);

    node_rig_wait(&rig, DIALLER_FIRST_MS);
    assert_int_equal(rig.dials, 1);
    peer = of_rig(&rig, 1);
    assert_true(peer.is_being_dialled);
    assert_false(peer.is_wanted); /* by the clock */

    fail_dial(&rig, "192.0.2.7:28470 refuses the connection");
    rig.now.mono.ms += 500;
    peer = of_rig(&rig, 1);
    assert_string_equal(peer.tried, "192.0.2.7:28470 refuses the connection");
    assert_int_equal(peer.tried_ms, 500);
    assert_true(peer.is_wanted);
    assert_int_not_equal(peer.next_dial_ms, 0);
    node_rig_done(&rig);
}

/* However many addresses there are, what is kept of them is little. */
static void test_words_are_bounded(void **state)
{
    char why[600];
    struct node_rig rig;

    (void)state;
    memset(why, 'x', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    node_rig_init(&rig);
    node_rig_know(&rig, 1, "bob", CONSENT_MUTUAL);
    node_rig_start(&rig);
    node_rig_wait(&rig, DIALLER_FIRST_MS);
    fail_dial(&rig, why);
    assert_int_equal(strlen(of_rig(&rig, 1).tried), CONTACT_TRIED_MAX);
    node_rig_done(&rig);
}

static void test_request(void **state)
{
    struct node_rig rig;

    (void)state;
    node_rig_init(&rig);
    node_rig_asked(&rig, 1, "bob", 60000);
    node_rig_start(&rig);
    rig.now.mono.ms += 10000;
    const struct node_peer_state peer = of_rig(&rig, 1);
    assert_int_equal(peer.consent, CONSENT_WAS_ASKED);
    assert_int_equal(peer.request, 1);
    assert_int_equal(peer.direction, DIRECTION_IN);
    assert_int_equal(peer.request_left_ms, 50000);
    assert_int_equal(peer.address_count, 0);
    node_rig_done(&rig);
}

static void test_queue(void **state)
{
    struct node_rig rig;

    (void)state;
    node_rig_init(&rig);
    node_rig_know(&rig, 1, "bob", CONSENT_MUTUAL);
    node_rig_start(&rig);
    node_rig_call(&rig, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"four\"}");
    node_rig_commit(&rig);
    const struct node_peer_state peer = of_rig(&rig, 1);
    assert_int_equal(peer.queued, 1);
    assert_int_equal(peer.queued_bytes, 4);
    node_rig_done(&rig);
}

/* --- With links --- */

static struct node_peer_state of_house(struct house *house)
{
    struct node_peer_state state;

    assert_true(node_peer_state(house->node, 1, house->now, &state));
    return state;
}

static void test_link(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_befriend(house);
    const struct input down = {.kind = INPUT_CARRIER_DOWN, .carrier_down = {bob->carrier, false}};

    house_pass(house, 5000);
    struct node_peer_state peer = of_house(house);
    assert_true(peer.is_online);
    assert_non_null(peer.remote);
    assert_int_equal(peer.up_ms, 5000);
    assert_int_equal(peer.consent, CONSENT_MUTUAL);
    assert_null(peer.tried);

    house_give(house, &down);
    house_run(house);
    peer = of_house(house);
    assert_false(peer.is_online);
    assert_null(peer.remote);
    assert_int_equal(peer.last_seen_ms, house->now.unix_ms);

    house_pass(house, DIALLER_WAIT_MS_MAX); /* it came to us, and has not said where it is */
    assert_string_equal(of_house(house).tried, "no address is known where it could be");

    house_enter(house, bob, "192.0.2.9");
    peer = of_house(house);
    assert_true(peer.is_online);
    assert_null(peer.tried);
}

/* From now on the visitor's HELLO shows a record that was issued at this time, and lasts a day. */
static void show_record(struct house *house, struct visitor *visitor, int64_t issued_ms)
{
    struct peer_record record = {
        .sequence = 1,
        .issued_ms = issued_ms,
        .lifetime_s = 86400,
        .name = "bob",
        .address_count = 3,
        .addresses = {{"192.0.2.20", 28470}, {"127.0.0.1", 28470}, {"localhost", 28470}}};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    memcpy(record.key, visitor->identity.key.bytes, KEY_LENGTH);
    assert_int_equal(peer_record_encode(&record, &visitor->identity, bytes, &length), OK);
    bytes_clear(&house->hello);
    message_hello_encode(&house->hello, ROLE_NODE, "visitor/0", 1, bytes, length);
}

static void test_record(void **state)
{
    struct house *house = *state;
    struct visitor *bob = house_befriend(house);
    const int64_t issued_ms = house->now.unix_ms;
    const struct input down = {.kind = INPUT_CARRIER_DOWN, .carrier_down = {bob->carrier, false}};
    struct node_peer_state peer = of_house(house);
    struct now later = house->now;

    assert_int_equal(peer.record_issued_ms, 0);
    assert_int_equal(peer.address_count, 0);
    show_record(house, bob, issued_ms);
    house_give(house, &down);
    house_run(house);
    house_enter(house, bob, "192.0.2.9");
    peer = of_house(house);
    assert_int_equal(peer.record_issued_ms, issued_ms);
    assert_false(peer.is_record_ahead || peer.is_record_expired);
    assert_int_equal(peer.address_count, 2);
    assert_string_equal(peer.addresses[0].host, "192.0.2.20");
    assert_string_equal(peer.addresses[1].host, "localhost");

    later.unix_ms = issued_ms - 3600 * 1000;
    assert_true(node_peer_state(house->node, 1, later, &peer));
    assert_true(peer.is_record_ahead);
    later.unix_ms = issued_ms + INT64_C(2) * 86400 * 1000;
    assert_true(node_peer_state(house->node, 1, later, &peer));
    assert_true(peer.is_record_expired);
}

/* The link of a contact breaks off whose record names this machine: what the node dials then. */
static void let_down(struct house *house, const char *host)
{
    struct visitor *bob = house_befriend(house);
    const struct input befriended = {.kind = INPUT_CARRIER_DOWN,
                                     .carrier_down = {bob->carrier, false}};

    show_record(house, bob, house->now.unix_ms);
    house_give(house, &befriended);
    house_run(house);
    house_enter(house, bob, host);

    const struct input down = {.kind = INPUT_CARRIER_DOWN, .carrier_down = {bob->carrier, false}};
    const size_t dials = house->dials;

    house_give(house, &down);
    house_run(house);
    house_pass(house, 60 * 1000);
    assert_true(house->dials > dials);
    assert_string_equal(house->dialled.addresses[house->dialled.count - 1].at.host, "localhost");
}

static void test_record_names_what_is_here(void **state)
{
    struct house *house = *state;

    let_down(house, "192.0.2.9");
    assert_int_equal(house->dialled.count, 2);
    assert_true(house->dialled.addresses[1].not_local);
}

static void test_neighbour_names_what_is_here(void **state)
{
    struct house *house = *state;

    let_down(house, "127.0.0.1");
    assert_int_equal(house->dialled.count, 3);
    assert_false(house->dialled.addresses[2].not_local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_dials),
        cmocka_unit_test(test_words_are_bounded),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_queue),
        cmocka_unit_test_setup_teardown(test_link, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(test_record, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(test_record_names_what_is_here, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(test_neighbour_names_what_is_here, house_setup,
                                        house_teardown),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
