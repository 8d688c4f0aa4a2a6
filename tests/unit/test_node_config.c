/* What a node does when the configuration was read again: INPUT_CONFIG. */
#include "tests/unit/member_rig.h"
#include "tests/unit/node_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/crypto.h"

enum { SECOND_MS = 1000 };

#define FIRST  "192.0.2.1:28471"
#define SECOND "192.0.2.2:28471"
#define TOLD(tracker, reason) \
    "\"name\":\"alice\",\"tracker\":\"" tracker "\",\"reason\":" reason "\n"

/* --- Trackers --- */

/* A node that is registered with its trackers, of which there are so many, and whose log was read.
 */
static void init_registered(struct member_rig *rig, size_t trackers)
{
    member_rig_init(rig, trackers);
    member_rig_start(rig);
    member_rig_wait(rig, 2 * SECOND_MS);
    for (size_t i = 0; i < trackers; i++)
        rig_assert_heard(&rig->trackers[i], "REGISTER ");
    rig->log[0] = '\0';
}

/* The configuration has only the first `count` of them, and `text`, if it is not NULL. */
static void use(struct member_rig *rig, size_t count, const char *text)
{
    rig->setting_count = count;
    if (text != NULL)
        member_rig_configure(rig, text);
    member_rig_reconfigure(rig);
}

static void decode(const struct rig_tracker *tracker, struct peer_record *ret_record)
{
    assert_int_equal(
        peer_record_decode(tracker->registered.bytes, tracker->registered.length, ret_record), OK);
}

static void the_same_changes_nothing(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 2);
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    for (size_t i = 0; i < 2; i++)
        rig_assert_heard(&rig.trackers[i], "");
    rig_assert_log(&rig, "");
    assert_int_equal(rig.dials, 2);
    member_rig_done(&rig);
}

static void a_new_tracker_is_registered_with(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    member_rig_open(&rig);
    use(&rig, 1, SECOND);
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "");
    rig_assert_heard(&rig.trackers[1], "REGISTER ");
    rig_assert_log(&rig, "registered " TOLD(SECOND, "null"));
    member_rig_done(&rig);
}

/* And does not come back when the node does. */
static void a_tracker_that_is_gone_is_left_and_forgotten(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 2);
    use(&rig, 1, NULL);
    rig_assert_heard(&rig.trackers[0], "");
    rig_assert_heard(&rig.trackers[1], "EXIT_NETWORK ");
    rig_assert_log(&rig, "unregistered " TOLD(SECOND, "\"configuration\""));
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    member_rig_restart(&rig);
    member_rig_wait(&rig, 10 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), FIRST);
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    rig_assert_heard(&rig.trackers[1], "");
    member_rig_done(&rig);
}

/* As by a reload; but nobody tells the tracker, where the registration runs out. */
static void a_tracker_that_is_gone_at_the_start_is_forgotten(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 2);
    rig.setting_count = 1;
    member_rig_restart(&rig);
    member_rig_wait(&rig, 10 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), FIRST);
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    rig_assert_heard(&rig.trackers[1], "");
    rig.setting_count = 2;
    rig.trackers[1].is_up = false;
    member_rig_restart(&rig);
    member_rig_wait(&rig, 10 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), SECOND);
    member_rig_done(&rig);
}

/* One that `register` named is left by exit_network only; one that came into the configuration,
 * too, is the configuration's. */
static void a_tracker_of_a_call_stays(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    member_rig_open(&rig);
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" SECOND "\"}");
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_heard(&rig.trackers[1], "REGISTER ");
    for (int times = 0; times < 2; times++) {
        rig.setting_count = 0;
        member_rig_restart(&rig);
        member_rig_wait(&rig, 10 * SECOND_MS);
        rig_assert_has_not(member_rig_status(&rig), FIRST);
        rig_assert_has(member_rig_status(&rig), SECOND);
        rig_assert_heard(&rig.trackers[1], "REGISTER ");
    }
    member_rig_configure(&rig, SECOND);
    member_rig_restart(&rig);
    member_rig_wait(&rig, 10 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), SECOND);
    rig.setting_count = 0;
    member_rig_restart(&rig);
    rig_assert_has(member_rig_status(&rig), "[]");
    member_rig_done(&rig);
}

static void a_tracker_that_nobody_reached_is_forgotten(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 2);
    rig.trackers[1].is_up = false;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    use(&rig, 1, NULL);
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    rig.trackers[1].is_up = true;
    member_rig_wait(&rig, 600 * SECOND_MS);
    rig_assert_heard(&rig.trackers[1], "");
    member_rig_done(&rig);
}

/* It was left by hand, and is in the configuration again. */
static void what_is_added_is_wanted(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    const uint64_t call = member_rig_call(&rig, API_EXIT_NETWORK, "{}");
    member_rig_wait(&rig, 10 * SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_heard(&rig.trackers[0], "EXIT_NETWORK ");
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, 60 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], ""); /* it was there before: exit network holds */
    use(&rig, 0, NULL);
    rig_assert_has(member_rig_status(&rig), "[]");
    use(&rig, 0, FIRST);
    member_rig_wait(&rig, 60 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

/* Taken out and put back before it could be left. */
static void a_change_of_mind(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    rig.trackers[0].is_silent = true;
    use(&rig, 0, NULL);
    rig_assert_heard(&rig.trackers[0], "EXIT_NETWORK ");
    rig.trackers[0].is_silent = false;
    use(&rig, 0, FIRST);
    member_rig_wait(&rig, 30 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    rig_assert_has(member_rig_status(&rig), "registered");
    member_rig_restart(&rig);
    member_rig_wait(&rig, 30 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

/* "PEERID@": who cannot prove that key is left, at the same place. */
static void a_key_that_is_expected(void **state)
{
    (void)state;
    char id[PEER_ID_LENGTH + 1], other[256], right[256];
    struct member_rig rig;
    struct rig_peer somebody;

    init_registered(&rig, 1);
    rig_peer_init(&rig, &somebody);
    snprintf(other, sizeof other, "%s@" FIRST, somebody.id);
    use(&rig, 0, other);
    member_rig_wait(&rig, 30 * SECOND_MS);
    assert_null(rig.trackers[0].link);
    rig_assert_heard(&rig.trackers[0], "");
    rig_assert_has(member_rig_status(&rig), "away");
    peer_id_encode(rig.trackers[0].identity.key.bytes, id);
    snprintf(right, sizeof right, "%s@" FIRST, id);
    use(&rig, 0, right);
    member_rig_wait(&rig, 300 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), "registered");
    use(&rig, 0, FIRST);
    member_rig_wait(&rig, SECOND_MS);
    rig_assert_has(member_rig_status(&rig), "registered");
    member_rig_done(&rig);
}

/* --- The record --- */

static void another_name_is_registered(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;

    init_registered(&rig, 1);
    rig.name = "anna";
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    decode(&rig.trackers[0], &record);
    assert_string_equal(record.name, "anna");
    assert_string_equal(node_name(rig.node), "anna");
    member_rig_done(&rig);
}

/* What was registered by hand stands above the configuration. */
static void a_name_that_was_registered_stays(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"name\":\"bert\"}");
    member_rig_wait(&rig, SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    rig.name = "anna";
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "");
    assert_string_equal(node_name(rig.node), "bert");
    member_rig_call(&rig, API_EXIT_NETWORK, "{}");
    member_rig_wait(&rig, SECOND_MS);
    assert_string_equal(node_name(rig.node), "anna");
    member_rig_done(&rig);
}

static void what_is_advertised_is_told_at_once(void **state)
{
    (void)state;
    static const struct host_port advertised = {.host = "chat.example.org", .port = 443};
    static const struct host_port other = {.host = "chat.example.net", .port = 443};
    struct member_rig rig;
    struct peer_record record;

    init_registered(&rig, 1);
    rig.advertise = &advertised;
    rig.advertise_count = 1;
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_int_equal(record.address_count, 1);
    assert_string_equal(record.addresses[0].host, "chat.example.org");
    rig.advertise = &other;
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_string_equal(record.addresses[0].host, "chat.example.net");
    rig.advertise_count = 0;
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_string_equal(record.addresses[0].host, "198.51.100.9"); /* where it listens */
    member_rig_done(&rig);
}

/* An address that only the tracker knows of is told only while nothing is advertised. */
static void what_is_advertised_and_what_is_seen(void **state)
{
    (void)state;
    static const struct host_port advertised = {.host = "chat.example.org", .port = 443};
    struct member_rig rig;
    struct peer_record record;

    init_registered(&rig, 1);
    member_rig_dial_back(&rig, &rig.trackers[0]);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_string_equal(record.addresses[0].host, "203.0.113.5");
    rig.advertise = &advertised;
    rig.advertise_count = 1;
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_int_equal(record.address_count, 1);
    assert_string_equal(record.addresses[0].host, "chat.example.org");
    rig.advertise_count = 0;
    member_rig_reconfigure(&rig);
    member_rig_wait(&rig, SECOND_MS);
    decode(&rig.trackers[0], &record);
    assert_string_equal(record.addresses[0].host, "203.0.113.5");
    member_rig_done(&rig);
}

/* --- Chats --- */

static void limits_of_the_outbox(void **state)
{
    (void)state;
    struct node_rig rig;
    uint64_t call;

    node_rig_init(&rig);
    node_rig_know(&rig, 1, "alice", CONSENT_MUTUAL);
    node_rig_start(&rig);
    struct node_settings settings = node_rig_settings(&rig);
    settings.outbox_messages_max = 1;
    node_rig_reconfigure(&rig, &settings);
    call = node_rig_call(&rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"1\"}");
    node_rig_commit(&rig);
    node_rig_expect(&rig, call, OK);
    call = node_rig_call(&rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"2\"}");
    node_rig_expect(&rig, call, ERR_OUTBOX_FULL);
    settings.outbox_messages_max = 10;
    settings.outbox_bytes_max = 1;
    node_rig_reconfigure(&rig, &settings);
    call = node_rig_call(&rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"2\"}");
    node_rig_expect(&rig, call, ERR_OUTBOX_FULL);
    settings.outbox_bytes_max = 1000;
    node_rig_reconfigure(&rig, &settings);
    call = node_rig_call(&rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"2\"}");
    node_rig_commit(&rig);
    node_rig_expect(&rig, call, OK);
    node_rig_done(&rig);
}

/* Who is accepted at once, and has asked already, has its answer. */
static void who_is_accepted_at_once(void **state)
{
    (void)state;
    uint8_t key[1][KEY_LENGTH];
    struct peer_key alice;
    struct node_rig rig;

    node_rig_init(&rig);
    node_rig_asked(&rig, 1, "alice", 60000);
    node_rig_asked(&rig, 2, "bob", 60000);
    node_rig_start(&rig);
    const char *id = node_rig_id(&rig, "alice");
    assert_int_equal(peer_id_decode(id, strlen(id), &alice), OK);
    memcpy(key[0], alice.bytes, KEY_LENGTH);
    struct node_settings settings = node_rig_settings(&rig);
    settings.accept_from = key;
    settings.accept_from_count = 1;
    node_rig_reconfigure(&rig, &settings);
    assert_non_null(strstr(node_rig_look(&rig, API_CHAT_CONNECTED), "\"alice\""));
    assert_null(strstr(node_rig_look(&rig, API_CHAT_CONNECTED), "\"bob\""));
    assert_null(strstr(node_rig_look(&rig, API_CHAT_REQUESTS), "\"alice\""));
    assert_non_null(strstr(node_rig_look(&rig, API_CHAT_REQUESTS), "\"bob\""));
    node_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_changes_nothing),
        cmocka_unit_test(a_new_tracker_is_registered_with),
        cmocka_unit_test(a_tracker_that_is_gone_is_left_and_forgotten),
        cmocka_unit_test(a_tracker_that_is_gone_at_the_start_is_forgotten),
        cmocka_unit_test(a_tracker_of_a_call_stays),
        cmocka_unit_test(a_tracker_that_nobody_reached_is_forgotten),
        cmocka_unit_test(what_is_added_is_wanted),
        cmocka_unit_test(a_change_of_mind),
        cmocka_unit_test(a_key_that_is_expected),
        cmocka_unit_test(another_name_is_registered),
        cmocka_unit_test(a_name_that_was_registered_stays),
        cmocka_unit_test(what_is_advertised_is_told_at_once),
        cmocka_unit_test(what_is_advertised_and_what_is_seen),
        cmocka_unit_test(limits_of_the_outbox),
        cmocka_unit_test(who_is_accepted_at_once),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
