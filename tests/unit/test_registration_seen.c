/* Where trackers see a node, and what it makes of that. */
#include "tests/unit/member_rig.h"
#include "tests/unit/unit.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

static void decode(const struct rig_record *bytes, struct peer_record *ret_record)
{
    assert_int_equal(peer_record_decode(bytes->bytes, bytes->length, ret_record), OK);
}

static void init_registered(struct member_rig *rig)
{
    member_rig_init(rig, 1);
    member_rig_start(rig);
    member_rig_wait(rig, 2 * SECOND_MS);
    rig_assert_heard(&rig->trackers[0], "REGISTER ");
}

static void test_dialled_back(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;
    struct host_port at;

    init_registered(&rig);
    member_rig_dial_back(&rig, &rig.trackers[0]);
    member_rig_wait(&rig, 1);
    rig_assert_heard(&rig.trackers[0], "REGISTER "); /* the first link goes on */
    decode(&rig.trackers[0].registered, &record);
    assert_int_equal(record.address_count, 2);
    assert_string_equal(record.addresses[0].host, "203.0.113.5");
    assert_int_equal(record.addresses[0].port, 4000);
    assert_string_equal(record.addresses[1].host, "198.51.100.9");
    rig_assert_has(member_rig_status(&rig), "\"seen\":\"203.0.113.5\",\"reachable\":true");
    assert_true(node_public_address(rig.node, &at));
    assert_string_equal(at.host, "203.0.113.5");
    assert_int_equal(at.port, 4000);
    member_rig_wait(&rig, 10 * MINUTE_MS); /* no record follows upon a record */
    decode(&rig.trackers[0].registered, &record);
    const uint64_t sequence = record.sequence;
    member_rig_wait(&rig, 10 * MINUTE_MS);
    decode(&rig.trackers[0].registered, &record);
    assert_int_equal(record.sequence, sequence);
    member_rig_done(&rig);
}

/* The tracker dials before its answer is here. */
static void test_dialled_back_early(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;

    member_rig_init(&rig, 1);
    rig.trackers[0].is_silent = true;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_dial_back(&rig, &rig.trackers[0]);
    member_rig_say(&rig, &rig.trackers[0], MESSAGE_REGISTER_SUCCESS,
                   "{\"name\":\"alice\",\"seen\":\"203.0.113.5\",\"lifetime_s\":300}");
    member_rig_wait(&rig, 1);
    decode(&rig.trackers[0].registered, &record);
    assert_string_equal(record.addresses[0].host, "203.0.113.5");
    rig_assert_has(member_rig_status(&rig), "\"reachable\":true");
    member_rig_done(&rig);
}

static void test_not_dialled_back(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;
    struct host_port at;

    init_registered(&rig);
    member_rig_wait(&rig, 20 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), "\"seen\":\"203.0.113.5\",\"reachable\":false");
    decode(&rig.trackers[0].registered, &record);
    assert_false(node_public_address(rig.node, &at));
    assert_int_equal(record.address_count, 1);
    member_rig_done(&rig);
}

/* A private address leads here for the tracker, and is nothing to hand to others. */
static void test_dialled_back_within_a_network(void **state)
{
    (void)state;
    struct member_rig rig;
    struct host_port at;

    member_rig_init(&rig, 1);
    rig.trackers[0].is_silent = true;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_say(&rig, &rig.trackers[0], MESSAGE_REGISTER_SUCCESS,
                   "{\"name\":\"alice\",\"seen\":\"192.168.0.5\",\"lifetime_s\":300}");
    member_rig_dial_back(&rig, &rig.trackers[0]);
    member_rig_wait(&rig, 1);
    rig_assert_has(member_rig_status(&rig), "\"seen\":\"192.168.0.5\",\"reachable\":true");
    assert_false(node_public_address(rig.node, &at));
    member_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialled_back),
        cmocka_unit_test(test_dialled_back_early),
        cmocka_unit_test(test_not_dialled_back),
        cmocka_unit_test(test_dialled_back_within_a_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
