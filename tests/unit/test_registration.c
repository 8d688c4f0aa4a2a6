#include "tests/unit/member_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

#define FIRST  "192.0.2.1:28471"
#define SECOND "192.0.2.2:28471"
#define TOLD(tracker, reason) \
    "\"name\":\"alice\",\"tracker\":\"" tracker "\",\"reason\":" reason "\n"

static void decode(const struct rig_record *bytes, struct peer_record *ret_record)
{
    assert_int_equal(peer_record_decode(bytes->bytes, bytes->length, ret_record), OK);
}

/* A node that is registered with so many trackers, and whose log was read. */
static void init_registered(struct member_rig *rig, size_t trackers)
{
    member_rig_init(rig, trackers);
    member_rig_start(rig);
    member_rig_wait(rig, 2 * SECOND_MS);
    for (size_t i = 0; i < trackers; i++)
        rig_assert_heard(&rig->trackers[i], "REGISTER ");
    rig->log[0] = '\0';
}

/* Lets time pass until one more REGISTER comes; how long that took, in seconds. */
static uint64_t wait_for_register(struct member_rig *rig, struct rig_tracker *tracker)
{
    const size_t before = tracker->registers;
    uint64_t waited_s = 0;

    while (tracker->registers == before) {
        member_rig_wait(rig, SECOND_MS);
        assert_true(++waited_s <= 10 * 60);
    }
    return waited_s;
}

/* --- Coming and staying --- */

static void test_registers_by_itself(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;

    member_rig_init(&rig, 2);
    member_rig_start(&rig);
    rig_assert_has(member_rig_status(&rig),
                   "{\"address\":\"" FIRST "\",\"state\":\"connecting\",\"error\":null,"
                   "\"seen\":null,\"reachable\":null}");
    member_rig_wait(&rig, 2 * SECOND_MS);
    for (size_t i = 0; i < 2; i++) {
        rig_assert_heard(&rig.trackers[i], "REGISTER ");
        decode(&rig.trackers[i].registered, &record);
        assert_string_equal(record.name, "alice");
        assert_memory_equal(record.key, rig.identity.key.bytes, KEY_LENGTH);
        assert_string_equal(record.addresses[0].host, "198.51.100.9");
    }
    rig_assert_has(member_rig_status(&rig),
                   "{\"address\":\"" SECOND "\",\"state\":\"registered\",\"error\":null,"
                   "\"seen\":\"203.0.113.5\",\"reachable\":null}");
    rig_assert_has(rig.log, "registered " TOLD(FIRST, "null"));
    rig_assert_has(rig.log, "registered " TOLD(SECOND, "null"));
    assert_string_equal(rig.noted, "");
    member_rig_done(&rig);
}

/* Every two minutes, less up to a quarter; and nothing is told of it. */
static void test_renewal(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    for (size_t i = 0; i < 10; i++) {
        const uint64_t waited_s = wait_for_register(&rig, &rig.trackers[0]);
        assert_true(waited_s >= 89 && waited_s <= 121);
    }
    rig_assert_log(&rig, "");
    assert_int_equal(rig.dials, 1);
    member_rig_done(&rig);
}

static void test_a_new_record_is_registered_at_once(void **state)
{
    (void)state;
    const struct host_port moved = {.host = "198.51.100.10", .port = 4001};
    struct member_rig rig;
    struct peer_record record;

    init_registered(&rig, 1);
    node_set_addresses(rig.node, &moved, 1, rig.now);
    member_rig_wait(&rig, 1);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    decode(&rig.trackers[0].registered, &record);
    assert_string_equal(record.addresses[0].host, "198.51.100.10");
    member_rig_done(&rig);
}

/* A record that came while REGISTER was not answered follows when it is. */
static void test_a_record_that_overtakes(void **state)
{
    (void)state;
    const struct host_port moved = {.host = "198.51.100.10", .port = 4001};
    struct member_rig rig;

    member_rig_init(&rig, 1);
    rig.trackers[0].is_silent = true;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    node_set_addresses(rig.node, &moved, 1, rig.now);
    member_rig_wait(&rig, 1);
    rig_assert_heard(&rig.trackers[0], "");
    member_rig_say(&rig, &rig.trackers[0], MESSAGE_REGISTER_SUCCESS,
                   "{\"name\":\"alice\",\"seen\":\"203.0.113.5\",\"lifetime_s\":300}");
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

/* --- Away --- */

static void test_one_that_is_away_costs_a_warning(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 2);
    rig.trackers[1].is_up = false;
    member_rig_start(&rig);
    member_rig_wait(&rig, 30 * MINUTE_MS);
    rig_assert_has(member_rig_status(&rig), "\"" FIRST "\",\"state\":\"registered\"");
    rig_assert_has(member_rig_status(&rig), "\"" SECOND "\",\"state\":\"away\"");
    assert_string_equal(rig.noted, "tracker_failed ");
    rig_assert_has(rig.log, "registered " TOLD(FIRST, "null"));
    rig_assert_has(rig.log, "register.failed " TOLD(SECOND, "\"unreachable\""));
    assert_int_equal(strlen(rig.log),
                     strlen("registered " TOLD(FIRST, "null")) +
                         strlen("register.failed " TOLD(SECOND, "\"unreachable\"")));
    rig.log[0] = '\0';

    rig.trackers[1].is_up = true; /* and within one renewal it is back */
    assert_true(wait_for_register(&rig, &rig.trackers[1]) <= 130);
    rig_assert_log(&rig, "registered " TOLD(SECOND, "null"));
    member_rig_done(&rig);
}

/* It is back before anybody has missed it: nothing is told. */
static void test_a_restart_of_the_tracker(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    member_rig_wait(&rig, 2 * MINUTE_MS);
    bytes_clear(&rig.trackers[0].heard);
    member_rig_cut(&rig, &rig.trackers[0]);
    rig_assert_has(member_rig_status(&rig), "\"connecting\"");
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    rig_assert_has(member_rig_status(&rig), "\"registered\"");
    rig_assert_log(&rig, "");
    member_rig_done(&rig);
}

/* "Come back at the next renewal." */
static void test_a_tracker_that_is_full(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    rig.dials = 0;
    link_close(rig.trackers[0].link, LINK_END_LIMIT);
    member_rig_run(&rig);
    member_rig_wait(&rig, 80 * SECOND_MS);
    assert_int_equal(rig.dials, 0);
    member_rig_wait(&rig, 45 * SECOND_MS);
    assert_int_equal(rig.dials, 1);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

static void test_one_that_never_answers(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    rig.trackers[0].is_silent = true;
    member_rig_start(&rig);
    member_rig_wait(&rig, 25 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig),
                   "\"state\":\"failed\",\"error\":\"it does not answer\"");
    rig_assert_log(&rig, "register.failed " TOLD(FIRST, "\"no_answer\""));
    rig.trackers[0].is_silent = false;
    member_rig_wait(&rig, 3 * MINUTE_MS);
    rig_assert_log(&rig, "registered " TOLD(FIRST, "null"));
    member_rig_done(&rig);
}

static void test_a_node_is_no_tracker(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    bytes_clear(&rig.trackers[0].hello);
    message_hello_encode(&rig.trackers[0].hello, ROLE_NODE, "node/0", 1, NULL, 0);
    member_rig_start(&rig);
    member_rig_wait(&rig, MINUTE_MS);
    rig_assert_heard(&rig.trackers[0], "");
    assert_null(rig.trackers[0].link);
    assert_int_equal(rig.dials, 1); /* until the next renewal */
    rig_assert_has(member_rig_status(&rig), "a node answers there, not a tracker");
    member_rig_done(&rig);
}

/* --- Keys --- */

static void test_the_first_key_is_pinned(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;

    init_registered(&rig, 1);
    rig_peer_init(&rig, &other);
    rig.trackers[0].identity = other.identity;
    member_rig_restart(&rig);
    member_rig_wait(&rig, 5 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "");
    rig_assert_has(member_rig_status(&rig), "\"state\":\"away\"");

    /* Forgotten, it may have another. */
    const uint64_t exit = member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"" FIRST "\"}");
    member_rig_expect(&rig, exit, OK);
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{}");
    member_rig_wait(&rig, SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

static void test_an_id_in_the_address_pins(void **state)
{
    (void)state;

    for (int is_right = 0; is_right < 2; is_right++) {
        struct member_rig rig;
        struct rig_peer other;
        char text[TRACKER_TEXT_MAX + 1];

        member_rig_init(&rig, 0);
        struct rig_tracker *tracker = member_rig_open(&rig);
        rig_peer_init(&rig, &other);
        snprintf(text, sizeof text, "%s@" FIRST, is_right ? tracker->identity.id : other.id);
        member_rig_configure(&rig, text);
        member_rig_start(&rig);
        member_rig_wait(&rig, 5 * SECOND_MS);
        rig_assert_heard(tracker, is_right ? "REGISTER " : "");
        member_rig_done(&rig);
    }
}

/* --- Refusals --- */

static void test_a_name_that_is_taken(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    rig.trackers[0].refusal = "{\"error\":\"name_taken\"}";
    member_rig_start(&rig);
    member_rig_wait(&rig, 20 * MINUTE_MS);
    rig_assert_has(member_rig_status(&rig), "\"state\":\"name_taken\"");
    rig_assert_log(&rig, "register.failed " TOLD(FIRST, "\"name_taken\""));

    const uint64_t again = member_rig_call(&rig, API_REGISTER, "{}");
    member_rig_expect(&rig, again, ERR_NAME_TAKEN);
    rig_assert_has(rig.message, FIRST ": another key has this name there");
    rig_assert_has(rig.result, "\"trackers\":[{");
    rig_assert_has_not(rig.result, "\"name\":"); /* which is the error's */

    rig.trackers[0].refusal = NULL;
    const uint64_t other = member_rig_call(&rig, API_REGISTER, "{\"name\":\"alice-2\"}");
    member_rig_expect(&rig, other, OK);
    rig_assert_has(rig.result, "{\"name\":\"alice-2\",\"trackers\":[{\"address\":\"" FIRST
                               "\",\"state\":\"registered\"");
    assert_string_equal(node_name(rig.node), "alice-2");
    member_rig_restart(&rig);
    assert_string_equal(node_name(rig.node), "alice-2");
    member_rig_done(&rig);
}

static void test_other_refusals(void **state)
{
    (void)state;
    static const char *const refusals[] = {"bad_record", "limit_exceeded", "storage_failed", "huh"};

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct member_rig rig;
        char refusal[64];

        member_rig_init(&rig, 1);
        snprintf(refusal, sizeof refusal, "{\"error\":\"%s\"}", refusals[i]);
        rig.trackers[0].refusal = refusal;
        member_rig_start(&rig);
        member_rig_wait(&rig, 2 * SECOND_MS);
        rig_assert_has(member_rig_status(&rig), "\"state\":\"failed\"");
        rig_assert_has(rig.log, i < 3 ? refusals[i] : "\"failed\"");
        const uint64_t call = member_rig_call(&rig, API_REGISTER, "{}");
        member_rig_expect(&rig, call, ERR_REFUSED);
        member_rig_done(&rig);
    }
}

/* Answers that no tracker gives: it is said, and it is tried again. */
static void test_answers_against_the_rules(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    rig.trackers[0].refusal = "{\"error\":5}";
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    assert_int_equal(rig.trackers[0].ended, LINK_END_MALFORMED);
    rig_assert_has(member_rig_status(&rig),
                   "\"state\":\"failed\",\"error\":\"what it says breaks the rules");
    member_rig_wait(&rig, 20 * MINUTE_MS);
    rig_assert_has(member_rig_status(&rig), "\"state\":\"failed\"");
    rig_assert_log(&rig, "register.failed " TOLD(FIRST, "\"malformed\""));
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{}");
    member_rig_expect(&rig, call, ERR_REFUSED);
    rig.trackers[0].refusal = NULL;
    member_rig_wait(&rig, 10 * MINUTE_MS);
    rig_assert_has(member_rig_status(&rig), "\"state\":\"registered\"");

    member_rig_say(&rig, &rig.trackers[0], MESSAGE_EXIT_NETWORK, "{\"what\":\"else\"");
    rig_assert_has(member_rig_status(&rig), "\"state\":\"failed\"");
    member_rig_wait(&rig, 10 * MINUTE_MS);
    rig_assert_has(member_rig_status(&rig), "\"state\":\"registered\"");
    member_rig_done(&rig);
}

/* "A node that is shown its own higher record goes on above it." */
static void test_our_own_higher_record(void **state)
{
    (void)state;
    struct member_rig rig;
    struct peer_record record;
    char refusal[RIG_TEXT_MAX], base64[4 * PEER_RECORD_BYTES_MAX];

    member_rig_init(&rig, 1);
    const struct rig_peer us = {.identity = rig.identity};
    const struct rig_record higher =
        rig_record(&rig, &us, "alice", UINT64_C(1) << 60, "198.51.100.9:4000");
    base64_encode(higher.bytes, higher.length, base64);
    snprintf(refusal, sizeof refusal, "{\"error\":\"outdated\",\"record\":\"%s\"}", base64);
    rig.trackers[0].refusal = refusal;
    rig.trackers[0].refuses_once = true;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER REGISTER ");
    decode(&rig.trackers[0].registered, &record);
    assert_true(record.sequence > UINT64_C(1) << 60);
    rig_assert_has(member_rig_status(&rig), "\"state\":\"registered\"");
    member_rig_restart(&rig); /* and it stays above */
    member_rig_wait(&rig, 2 * SECOND_MS);
    decode(&rig.trackers[0].registered, &record);
    assert_true(record.sequence > (UINT64_C(1) << 60) + 1);
    member_rig_done(&rig);
}

/* It says so again and again, whatever it is told. */
static void test_our_newest_record_is_outdated(void **state)
{
    (void)state;
    struct member_rig rig;
    char refusal[RIG_TEXT_MAX], base64[4 * PEER_RECORD_BYTES_MAX];

    member_rig_init(&rig, 1);
    const struct rig_peer us = {.identity = rig.identity};
    const struct rig_record higher =
        rig_record(&rig, &us, "alice", UINT64_C(1) << 60, "198.51.100.9:4000");
    base64_encode(higher.bytes, higher.length, base64);
    snprintf(refusal, sizeof refusal, "{\"error\":\"outdated\",\"record\":\"%s\"}", base64);
    rig.trackers[0].refusal = refusal;
    member_rig_start(&rig);
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER REGISTER ");
    rig_assert_has(member_rig_status(&rig), "\"state\":\"failed\"");
    member_rig_done(&rig);
}

/* A record that is not ours, or not signed, moves nothing. */
static void test_a_higher_record_that_is_not_ours(void **state)
{
    (void)state;

    for (int is_forged = 0; is_forged < 2; is_forged++) {
        struct member_rig rig;
        struct peer_record record;
        struct rig_peer other;
        char refusal[RIG_TEXT_MAX], base64[4 * PEER_RECORD_BYTES_MAX];

        member_rig_init(&rig, 1);
        rig_peer_init(&rig, &other);
        if (is_forged)
            other.identity = rig.identity;
        struct rig_record higher = rig_record(&rig, &other, "alice", UINT64_C(1) << 60, FIRST);
        higher.bytes[higher.length - 1] ^= (uint8_t)is_forged;
        base64_encode(higher.bytes, higher.length, base64);
        snprintf(refusal, sizeof refusal, "{\"error\":\"outdated\",\"record\":\"%s\"}", base64);
        rig.trackers[0].refusal = refusal;
        member_rig_start(&rig);
        member_rig_wait(&rig, 2 * SECOND_MS);
        assert_null(rig.trackers[0].link);
        rig_assert_has(rig.log, "security.warning \"reason\":\"tracker_lied\",\"address\":\"" FIRST
                                "\",\"suppressed\":0\n");
        decode(&rig.trackers[0].registered, &record);
        assert_true(record.sequence < UINT64_C(1) << 60);
        member_rig_done(&rig);
    }
}

/* --- Calls --- */

static void test_register_with_one_more(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    struct rig_tracker *second = member_rig_open(&rig);
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" SECOND "\"}");
    member_rig_expect(&rig, call, OK); /* at once: somebody waits */
    rig_assert_has(rig.result, "{\"address\":\"" SECOND "\",\"state\":\"registered\"");
    rig_assert_heard(second, "REGISTER ");
    rig_assert_heard(&rig.trackers[0], "");
    member_rig_restart(&rig); /* it is kept */
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(second, "REGISTER ");
    member_rig_done(&rig);
}

static void test_register_that_reaches_nobody(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 0);
    member_rig_start(&rig);
    member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "{}"), ERR_NO_TRACKER);
    member_rig_open(&rig)->is_up = false;
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" FIRST "\"}");
    member_rig_expect(&rig, call, ERR_UNREACHABLE);
    rig_assert_has(rig.message, FIRST ": ");
    rig_assert_has(rig.message, "it is tried again");
    rig.trackers[0].is_up = true;
    member_rig_wait(&rig, 10 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

static void test_register_that_waits(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 0);
    member_rig_start(&rig);
    member_rig_open(&rig)->is_silent = true;
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" FIRST "\"}");
    const uint64_t gone = member_rig_call(&rig, API_REGISTER, "{}");
    member_rig_gone(&rig, gone);
    member_rig_wait(&rig, 9 * SECOND_MS);
    member_rig_expect_open(&rig, call);
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_expect(&rig, call, ERR_UNREACHABLE);
    member_rig_expect_open(&rig, gone);

    const uint64_t last = member_rig_call(&rig, API_REGISTER, "{}");
    member_rig_stop(&rig);
    member_rig_expect(&rig, last, ERR_SHUTTING_DOWN);
    member_rig_done(&rig);
}

static void test_bad_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        enum error error;
    } rows[] = {
        {"{\"name\":\"a:b\"}", ERR_BAD_NAME},
        {"{\"tracker\":\"bob\"}", ERR_INVALID_PARAMS},
        {"{\"tracker\":\"192.0.2.1\"}", ERR_INVALID_PARAMS},
        {"{\"tracker\":\"192.0.2.1:0\"}", ERR_INVALID_PARAMS},
    };
    struct member_rig rig;

    init_registered(&rig, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "%s", rows[i].params),
                          rows[i].error);
    member_rig_expect(&rig, member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"" SECOND "\"}"),
                      ERR_NO_TRACKER);
    rig_assert_heard(&rig.trackers[0], "");
    member_rig_done(&rig);
}

static void test_trackers_to_the_bound(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 0);
    member_rig_start(&rig);
    for (int i = 0; i < TRACKERS_MAX; i++)
        member_rig_expect_open(
            &rig, member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"10.0.0.%d:1\"}", i + 1));
    member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"10.1.0.1:1\"}"),
                      ERR_LIMIT_EXCEEDED);
    member_rig_expect_open(&rig,
                           member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"10.0.0.1:1\"}"));
    member_rig_done(&rig);
}

static void test_calls_to_the_bound(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    rig.trackers[0].is_silent = true;
    member_rig_start(&rig);
    for (int i = 0; i < TRACKER_CALLS_MAX; i++)
        member_rig_expect_open(&rig, member_rig_call(&rig, API_REGISTER, "{}"));
    member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "{}"), ERR_LIMIT_EXCEEDED);
    member_rig_done(&rig);
}

/* --- Leaving --- */

static void test_exit_network(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 2);
    const uint64_t call = member_rig_call(&rig, API_EXIT_NETWORK, "{}");
    member_rig_expect(&rig, call, OK);
    rig_assert_has(rig.result, "\"" FIRST "\",\"state\":\"off\"");
    rig_assert_has(rig.result, "\"" SECOND "\",\"state\":\"off\"");
    rig_assert_log(&rig, "unregistered " TOLD(FIRST, "\"exit_network\"") "unregistered " TOLD(
                             SECOND, "\"exit_network\""));
    for (size_t i = 0; i < 2; i++) {
        rig_assert_heard(&rig.trackers[i], "EXIT_NETWORK ");
        assert_null(rig.trackers[i].link);
    }
    member_rig_restart(&rig); /* it stays so */
    member_rig_wait(&rig, 10 * MINUTE_MS);
    assert_int_equal(rig.dials, 2);
    rig_assert_log(&rig, "");
    member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "{}"), OK);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    member_rig_done(&rig);
}

/* Who does not answer is left all the same. */
static void test_exit_that_is_not_answered(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    rig.trackers[0].is_silent = true;
    const uint64_t call = member_rig_call(&rig, API_EXIT_NETWORK, "{}");
    member_rig_expect_open(&rig, call);
    member_rig_wait(&rig, 3 * SECOND_MS);
    member_rig_expect(&rig, call, OK);
    rig_assert_has(rig.result, "\"off\"");
    assert_null(rig.trackers[0].link);
    member_rig_done(&rig);
}

/* The own name is the configured one again; one tracker is forgotten. */
static void test_exit_forgets(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    member_rig_open(&rig);
    member_rig_expect(
        &rig, member_rig_call(&rig, API_REGISTER, "{\"name\":\"al\",\"tracker\":\"" SECOND "\"}"),
        OK);
    member_rig_expect(&rig, member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"" SECOND "\"}"),
                      OK);
    rig_assert_has_not(rig.result, SECOND);
    rig_assert_has(rig.result, "\"registered\"");
    assert_string_equal(node_name(rig.node), "al");
    member_rig_restart(&rig);
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    assert_string_equal(node_name(rig.node), "al");
    member_rig_expect(&rig, member_rig_call(&rig, API_EXIT_NETWORK, "{}"), OK);
    assert_string_equal(node_name(rig.node), "alice");
    member_rig_done(&rig);
}

static void test_stop_withdraws(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    member_rig_stop(&rig);
    rig_assert_heard(&rig.trackers[0], "EXIT_NETWORK ");
    assert_null(rig.trackers[0].link);
    rig_assert_log(&rig, "unregistered " TOLD(FIRST, "\"shutdown\""));
    member_rig_restart(&rig); /* the wish is still there */
    member_rig_wait(&rig, 2 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    rig_assert_log(&rig, "registered " TOLD(FIRST, "null"));
    member_rig_done(&rig);
}

/* --- The disk --- */

static void test_a_disk_that_fails(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    rig.disk_waits = true;
    const uint64_t call =
        member_rig_call(&rig, API_REGISTER, "{\"name\":\"al\",\"tracker\":\"" SECOND "\"}");
    const uint64_t leave = member_rig_call(&rig, API_EXIT_NETWORK, "{}");
    rig_assert_heard(&rig.trackers[0], ""); /* nothing before it is durable */
    member_rig_fail_disk(&rig);
    member_rig_expect(&rig, call, ERR_STORAGE_FAILED);
    member_rig_expect(&rig, leave, ERR_STORAGE_FAILED);
    assert_string_equal(node_name(rig.node), "alice");
    rig_assert_has_not(member_rig_status(&rig), SECOND);
    rig.disk_waits = false;
    member_rig_wait(&rig, 5 * SECOND_MS);
    rig_assert_has(member_rig_status(&rig), "\"registered\"");
    assert_string_equal(node_name(rig.node), "alice");
    member_rig_done(&rig);
}

/* The key that was seen first counts although it could not be kept; and is kept when it can be. */
static void test_a_pin_that_is_not_kept(void **state)
{
    (void)state;
    struct member_rig rig;
    struct rig_peer other;

    member_rig_init(&rig, 1);
    member_rig_start(&rig);
    rig.disk_waits = true;
    member_rig_wait(&rig, 2 * SECOND_MS);
    member_rig_fail_disk(&rig);
    rig_assert_heard(&rig.trackers[0], "REGISTER ");
    rig.disk_waits = false;
    assert_true(wait_for_register(&rig, &rig.trackers[0]) <= 121); /* the link goes on */
    member_rig_wait(&rig, 5 * MINUTE_MS);

    rig_peer_init(&rig, &other);
    rig.trackers[0].identity = other.identity;
    bytes_clear(&rig.trackers[0].heard);
    member_rig_restart(&rig);
    member_rig_wait(&rig, 5 * SECOND_MS);
    rig_assert_heard(&rig.trackers[0], "");
    rig_assert_has(member_rig_status(&rig), "\"state\":\"away\"");
    member_rig_done(&rig);
}

/* Two addresses of one tracker share its link; one that is left leaves it to the other. */
static void test_one_tracker_at_two_addresses(void **state)
{
    (void)state;
    struct member_rig rig;

    init_registered(&rig, 1);
    struct rig_tracker *second = member_rig_open(&rig);
    second->identity = rig.trackers[0].identity;
    member_rig_expect(&rig, member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" SECOND "\"}"),
                      OK);
    rig_assert_has(member_rig_status(&rig), "\"" FIRST "\",\"state\":\"registered\"");
    rig_assert_has(member_rig_status(&rig), "\"" SECOND "\",\"state\":\"registered\"");
    bytes_clear(&second->heard);
    bytes_clear(&rig.trackers[0].heard);
    member_rig_expect(&rig, member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"" FIRST "\"}"),
                      OK);
    rig_assert_has(member_rig_status(&rig), "\"" SECOND "\",\"state\":\"registered\"");
    rig_assert_heard(second, ""); /* no EXIT_NETWORK */
    wait_for_register(&rig, second);
    member_rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_by_itself),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_a_new_record_is_registered_at_once),
        cmocka_unit_test(test_a_record_that_overtakes),
        cmocka_unit_test(test_one_that_is_away_costs_a_warning),
        cmocka_unit_test(test_a_restart_of_the_tracker),
        cmocka_unit_test(test_a_tracker_that_is_full),
        cmocka_unit_test(test_one_that_never_answers),
        cmocka_unit_test(test_a_node_is_no_tracker),
        cmocka_unit_test(test_the_first_key_is_pinned),
        cmocka_unit_test(test_an_id_in_the_address_pins),
        cmocka_unit_test(test_a_name_that_is_taken),
        cmocka_unit_test(test_other_refusals),
        cmocka_unit_test(test_answers_against_the_rules),
        cmocka_unit_test(test_our_own_higher_record),
        cmocka_unit_test(test_our_newest_record_is_outdated),
        cmocka_unit_test(test_a_higher_record_that_is_not_ours),
        cmocka_unit_test(test_register_with_one_more),
        cmocka_unit_test(test_register_that_reaches_nobody),
        cmocka_unit_test(test_register_that_waits),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_trackers_to_the_bound),
        cmocka_unit_test(test_calls_to_the_bound),
        cmocka_unit_test(test_exit_network),
        cmocka_unit_test(test_exit_that_is_not_answered),
        cmocka_unit_test(test_exit_forgets),
        cmocka_unit_test(test_stop_withdraws),
        cmocka_unit_test(test_a_disk_that_fails),
        cmocka_unit_test(test_a_pin_that_is_not_kept),
        cmocka_unit_test(test_one_tracker_at_two_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
