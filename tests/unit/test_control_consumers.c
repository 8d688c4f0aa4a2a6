/* What control clients are told of consumers, and when. The store answers when a test lets it. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/api.h"
#include "common/rpc.h"
#include "daemon/limits.h"
#include "tests/unit/control_rig.h"

#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}\n"
#define RESULT(id, json) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" json "}"
#define FOLLOW(id)       REQUEST(id, "events.subscribe", "{\"consumer\":\"bot\"}")
#define ACK(id, seq)     REQUEST(id, "events.ack", "{\"consumer\":\"bot\",\"seq\":" seq "}")
#define ACKED(id, seq)   RESULT(id, "{\"consumer\":\"bot\",\"seq\":" seq "}")
#define FORGET(id)       REQUEST(id, "events.forget", "{\"consumer\":\"bot\"}")
#define LIST             REQUEST("9", "events.consumers", "{}")
#define BOT(seq)                                                     \
    RESULT("9", "{\"consumers\":[{\"consumer\":\"bot\",\"seq\":" seq \
                ",\"last_used\":\"1970-01-01T00:00:00.000Z\"}]}")
#define NOBODY RESULT("9", "{\"consumers\":[]}")

/* A consumer that is on disk, at 40. */
static void load_bot(void)
{
    const struct consumer_row row = {.name = "bot", .seq = 40};

    control_load_consumer(rig.pump.control, &row);
}

/* The oldest write is for the bot, at this place; 0: it is a removal. */
static void assert_write(uint64_t seq)
{
    assert_true(rig.write_count > 0);
    assert_string_equal(rig.writes[0].row.name, "bot");
    assert_int_equal(rig.writes[0].is_removal, seq == 0);
    assert_int_equal(rig.writes[0].row.seq, seq);
    assert_false(rig.writes[0].is_lazy);
}

/* --- events.subscribe --- */

static void test_new_one_is_kept_before_it_is_answered(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, FOLLOW("1") LIST FOLLOW("2"));
    rig_expect(c, NOBODY);
    rig_expect_part(c, "invalid_request"); /* one subscription, also while it waits */
    rig_expect_silence(c);
    assert_int_equal(rig.write_count, 1);
    assert_write(100);
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "meanwhile");
    rig_expect_silence(c);
    rig_kept(OK);
    rig_expect(c, RESULT("1", "{\"from\":100}"));
    rig_expect_silence(c); /* that one was not kept in memory, as nobody followed */
    assert_int_equal(rig.questions[0].seq, 100);
    rig_answer_messages(1, 101, 3, true);
    rig_expect_part(c, "\"seq\":101,");
    rig_send(c, LIST);
    rig_expect(c, BOT("100"));
    close(c);
}

static void test_new_one_that_is_not_kept(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, FOLLOW("1"));
    rig_run();
    rig_kept(ERR_STORAGE_FULL);
    rig_expect_part(c, "storage_full");
    rig_send(c, LIST ACK("2", "100"));
    rig_expect(c, NOBODY);
    rig_expect_part(c, "no_such_consumer");
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "not followed");
    rig_expect_silence(c);
    rig_send(c, FOLLOW("3"));
    rig_run();
    rig_kept(OK);
    rig_expect(c, RESULT("3", "{\"from\":101}"));
    close(c);
}

static void test_known_one_begins_at_its_place(void **state)
{
    (void)state;
    int c = rig_connect(), other = rig_connect();

    load_bot();
    rig_send(c, FOLLOW("1"));
    rig_expect(c, RESULT("1", "{\"from\":40}"));
    rig_send(other, FOLLOW("2"));
    rig_expect(other, RESULT("2", "{\"from\":40}"));
    assert_int_equal(rig.write_count, 0);
    assert_int_equal(rig.question_count, 2);
    close(c);
    close(other);
}

static void test_client_that_does_not_wait(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, FOLLOW("1"));
    rig_run();
    close(c);
    rig_run();
    rig_kept(OK);
    c = rig_connect();
    rig_send(c, LIST);
    rig_expect(c, BOT("100"));
    close(c);
}

/* Nothing follows what it was told at last. */
static void test_client_that_is_expelled_meanwhile(void **state)
{
    (void)state;
    static char endless[RPC_LINE_MAX + 2];
    int c = rig_connect();

    memset(endless, 'x', sizeof(endless));
    rig_send(c, FOLLOW("1"));
    rig_send_bytes(c, endless, sizeof(endless));
    rig_expect_part(c, "1 MiB");
    rig_kept(OK);
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_run();
    rig_expect_end(c);
    close(c);
}

/* --- events.ack --- */

static void test_ack_is_answered_when_it_is_kept(void **state)
{
    (void)state;
    int c = rig_connect();

    load_bot();
    rig_send(c, ACK("1", "50") LIST);
    rig_expect(c, BOT("40"));
    assert_write(50);
    rig_kept(OK);
    rig_expect(c, ACKED("1", "50"));
    rig_send(c, ACK("2", "50") ACK("3", "7")); /* nothing is to be written */
    rig_expect(c, ACKED("2", "50"));
    rig_expect(c, ACKED("3", "50"));
    assert_int_equal(rig.write_count, 0);
    rig_send(c, ACK("4", "101"));
    rig_expect_part(c, "beyond the log, which ends at 100");
    close(c);
}

static void test_acks_share_a_write(void **state)
{
    (void)state;
    int c = rig_connect(), other = rig_connect();

    load_bot();
    rig_send(c, ACK("1", "50") ACK("2", "51") ACK("3", "41") ACK("4", "53"));
    rig_send(other, ACK("5", "52"));
    rig_run();
    assert_int_equal(rig.write_count, 1);
    assert_write(50);
    rig_kept(OK);
    rig_expect(c, ACKED("1", "50"));
    rig_expect_silence(c);
    assert_int_equal(rig.write_count, 1);
    assert_write(53);
    rig_kept(OK);
    rig_expect(c, ACKED("2", "51"));
    rig_expect(c, ACKED("3", "51"));
    rig_expect(c, ACKED("4", "53"));
    rig_expect(other, ACKED("5", "53"));
    assert_int_equal(rig.write_count, 0);
    close(c);
    close(other);
}

static void test_acks_that_are_not_kept(void **state)
{
    (void)state;
    int c = rig_connect();

    load_bot();
    rig_send(c, ACK("1", "50") ACK("2", "51"));
    rig_run();
    rig_kept(ERR_STORAGE_FAILED);
    rig_expect_part(c, "storage_failed");
    rig_expect_part(c, "storage_failed");
    assert_int_equal(rig.write_count, 0);
    rig_send(c, LIST ACK("3", "45"));
    rig_expect(c, BOT("40"));
    assert_write(45);
    rig_kept(OK);
    rig_expect(c, ACKED("3", "45"));
    close(c);
}

/* --- events.forget --- */

static void test_forget(void **state)
{
    (void)state;
    int c = rig_connect();

    load_bot();
    rig_send(c, FORGET("1") ACK("2", "50") FORGET("3") LIST);
    rig_expect_part(c, "no_such_consumer");
    rig_expect_part(c, "no_such_consumer");
    rig_expect(c, NOBODY);
    assert_write(0);
    rig_kept(OK);
    rig_expect(c, RESULT("1", "{}"));
    rig_send(c, LIST);
    rig_expect(c, NOBODY);
    close(c);
}

static void test_forget_that_fails(void **state)
{
    (void)state;
    int c = rig_connect();

    load_bot();
    rig_send(c, FORGET("1"));
    rig_run();
    rig_kept(ERR_STORAGE_FAILED);
    rig_expect_part(c, "storage_failed");
    rig_send(c, LIST);
    rig_expect(c, BOT("40"));
    close(c);
}

/* In the order of the lines, though the first is still being written when the others come. */
static void test_forgotten_and_made_anew(void **state)
{
    (void)state;
    int c = rig_connect();

    load_bot();
    rig_send(c, ACK("1", "50") FORGET("2") FOLLOW("3") ACK("4", "60"));
    rig_run();
    assert_write(50);
    rig_kept(OK);
    rig_expect(c, ACKED("1", "50"));
    assert_write(100);
    rig_kept(OK);
    rig_expect(c, RESULT("2", "{}"));
    rig_expect(c, RESULT("3", "{\"from\":100}"));
    rig_expect(c, ACKED("4", "100"));
    assert_int_equal(rig.write_count, 0);
    close(c);
}

/* --- Bounds and expiry --- */

static void test_as_many_as_there_may_be(void **state)
{
    (void)state;
    struct consumer_row row = {.seq = 1};
    int c = rig_connect();

    for (int i = 0; i < CONSUMERS_MAX; i++) {
        memset(row.name, 'x', STORE_CONSUMER_NAME_MAX);
        memcpy(row.name, &"0123456789abcdef"[i % 16], 1);
        memcpy(row.name + 1, &"0123456789abcdef"[i / 16 % 16], 1);
        memcpy(row.name + 2, &"0123456789abcdef"[i / 256], 1);
        control_load_consumer(rig.pump.control, &row);
    }
    rig_send(c, FOLLOW("1"));
    rig_expect_part(c, "limit_exceeded");
    rig_send(c, LIST); /* in one line */
    rig_expect_part(c, "\"000xxx");
    close(c);
}

static void test_expiry(void **state)
{
    (void)state;
    const uint64_t days_30 = UINT64_C(30) * 86400000;
    const struct consumer_row other = {.name = "other", .seq = 1};
    int c = rig_connect();

    load_bot();
    control_load_consumer(rig.pump.control, &other);
    rig_send(c, FOLLOW("1"));
    rig_expect(c, RESULT("1", "{\"from\":40}"));
    rig.age_ms = days_30;
    control_expire(rig.pump.control, days_30);
    /* Who is followed is used; that is written now and then. */
    assert_int_equal(rig.write_count, 1);
    assert_string_equal(rig.writes[0].row.name, "bot");
    assert_int_equal(rig.writes[0].row.used_age_ms, days_30);
    assert_true(rig.writes[0].is_lazy);
    rig_kept(OK);
    rig.age_ms++;
    control_expire(rig.pump.control, 0); /* never */
    assert_int_equal(rig.write_count, 0);
    control_expire(rig.pump.control, days_30);
    assert_int_equal(rig.write_count, 1);
    assert_true(rig.writes[0].is_removal);
    assert_string_equal(rig.writes[0].row.name, "other");
    rig_kept(OK);
    close(c);
    rig_run();
    rig.age_ms += days_30;
    control_expire(rig.pump.control, days_30);
    assert_int_equal(rig.write_count, 0); /* it was used until it went */
    rig.age_ms++;
    control_expire(rig.pump.control, days_30);
    assert_write(0);
    rig_kept(OK);
}

/* What fails is tried again. */
static void test_expiry_on_a_bad_disk(void **state)
{
    (void)state;
    load_bot();
    rig.age_ms = 1000;
    for (int i = 0; i < 3; i++) {
        control_expire(rig.pump.control, 10);
        assert_write(0);
        rig_kept(ERR_STORAGE_FAILED);
        assert_int_equal(rig.write_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_new_one_is_kept_before_it_is_answered, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_new_one_that_is_not_kept, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_known_one_begins_at_its_place, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_client_that_does_not_wait, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_client_that_is_expelled_meanwhile, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_ack_is_answered_when_it_is_kept, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_acks_share_a_write, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_acks_that_are_not_kept, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_forget, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_forget_that_fails, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_forgotten_and_made_anew, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_as_many_as_there_may_be, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_expiry, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_expiry_on_a_bad_disk, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
