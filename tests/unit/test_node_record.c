#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/link/crypto.h"
#include "tests/unit/house.h"

/* What the node's own record says of where it is reached. */

static const struct host_port moved[] = {{.host = "192.0.2.7", .port = 1},
                                         {.host = "2001:db8::7", .port = 2}};
static const struct host_port advertised[] = {{.host = "chat.example.org", .port = 443},
                                              {.host = "2001:db8::1", .port = 28470}};
static const struct host_port classic = {.host = "192.0.2.1", .port = 40000};

static void assert_says(const struct peer_record *record, const struct host_port *addresses,
                        size_t count)
{
    assert_int_equal(record->address_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(record->addresses[i].host, addresses[i].host);
        assert_int_equal(record->addresses[i].port, addresses[i].port);
    }
}

static void says_where_it_is(void **state)
{
    struct house *house = *state;
    struct peer_record before, now;

    house_record(house, &before);
    node_set_addresses(house->node, moved, 2, house->now);
    house_pass(house, 0);
    house_record(house, &now);
    assert_true(peer_record_is_newer(&now, &before));
    assert_says(&now, moved, 2);
    assert_false(now.has_classic);
}

/* Exactly that, wherever it is. */
static void says_what_is_advertised(void **state)
{
    struct house *house = *state;
    struct peer_record record;

    house->advertise = advertised;
    house->advertise_count = 2;
    house_restart(house);
    house_record(house, &record);
    assert_says(&record, advertised, 2);
    node_set_addresses(house->node, moved, 2, house->now);
    house_pass(house, 0);
    house_record(house, &record);
    assert_says(&record, advertised, 2);
}

static void says_where_the_classic_dialect_is(void **state)
{
    struct house *house = *state;
    struct peer_record record;

    node_set_classic_address(house->node, &classic);
    node_set_addresses(house->node, moved, 1, house->now);
    house_pass(house, 0);
    house_record(house, &record);
    assert_says(&record, moved, 1);
    assert_true(record.has_classic);
    assert_says(&(const struct peer_record){.address_count = 1, .addresses = {record.classic}},
                &classic, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_where_it_is),
        TEST(says_what_is_advertised),
        TEST(says_where_the_classic_dialect_is),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
