/* Messages both ways between a node and a contact, over restarts, restored databases, a log that
 * was cut short, and keys that are used again. */
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"

/* HAVE of a visitor that has `have` (JSON) of ours. */
static void say_have(struct house *house, struct visitor *visitor, const char *have)
{
    char data[HOUSE_TEXT_MAX];

    snprintf(data, sizeof data, "{\"consent\":\"" HOUSE_ID "\",\"live\":[],\"have\":[%s]}", have);
    house_say(house, visitor, MESSAGE_HAVE, data);
}

/* A new link on which both said HAVE; the visitor has nothing of ours. */
static void come_back(struct house *house, struct visitor *visitor)
{
    house_enter(house, visitor, "198.51.100.1");
    house_assert_heard(visitor, "HAVE ");
    say_have(house, visitor, "");
}

static void acknowledge(struct house *house, struct visitor *visitor, const char *epoch,
                        unsigned through)
{
    char data[128];

    snprintf(data, sizeof data, "{\"epoch\":\"%s\",\"through\":%u,\"credit_bytes\":1048576}", epoch,
             through);
    house_say(house, visitor, MESSAGE_CHAT_ACK, data);
}

static void queue(struct house *house, const char *text)
{
    char params[HOUSE_TEXT_MAX];

    snprintf(params, sizeof params, "{\"peer\":\"visitor\",\"text\":\"%s\"}", text);
    house_call(house, API_CHAT_MESSAGE, params);
    assert_int_equal(house->replied, OK);
}

static uint64_t queue_with_key(struct house *house, const char *more)
{
    char params[HOUSE_TEXT_MAX];

    snprintf(params, sizeof params, "{\"peer\":\"visitor\",\"text\":\"hi\",\"key\":\"k\"%s}", more);
    return house_call(house, API_CHAT_MESSAGE, params);
}

#define assert_state(house, state) \
    assert_non_null(strstr((house)->result, "\"state\":\"" state "\""))

/* --- Gaps, theirs --- */

#define GAP(epoch, from, through) \
    "{\"epoch\":\"" epoch "\",\"from\":" #from ",\"through\":" #through "}"

static void gap_is_taken_in_turn(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say_text(house, visitor, 1, "one");
    house_assert_heard(visitor, "CHAT_ACK ");
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 2, 40));
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_non_null(strstr(visitor->said, "\"through\":40"));
    assert_string_equal(house->logged, "gap \"epoch\":\"" HOUSE_EPOCH "\",\"from\":2,\"to\":40");
    assert_int_equal(house->rows, 2);
    house_say_text(house, visitor, 41, "after");
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_int_equal(house->messages, 2);
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_ANOTHER, 1, 7)); /* of a new epoch */
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_int_equal(house->rows, 4);
    house_restart(house);
    house_enter(house, visitor, "198.51.100.1");
    assert_non_null(strstr(visitor->said, "{\"epoch\":\"" HOUSE_EPOCH "\",\"number\":41}"));
    assert_non_null(strstr(visitor->said, "{\"epoch\":\"" HOUSE_ANOTHER "\",\"number\":7}"));
}

static void gap_out_of_turn(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say_text(house, visitor, 1, "one");
    house_assert_heard(visitor, "CHAT_ACK ");
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 1, 9));
    house_assert_heard(visitor, "HAVE ");
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 3, 9));
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_ANOTHER, 2, 9));
    house_assert_heard(visitor, "");
    assert_int_equal(house->rows, 1);
    house_say_text(house, visitor, 2, "two");
    assert_int_equal(house->messages, 2);
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 3, 2));
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
}

static void gap_of_those_who_may_not(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_stranger(house, "198.51.100.7");

    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 1, 9));
    assert_int_equal(house->rows, 0);
    visitor = house_befriend(house);
    house_enter(house, visitor, "198.51.100.1");
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 1, 9)); /* before HAVE */
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_int_equal(house->rows, 0);
}

/* One gap after the other: each is a row, so they are bounded like messages. */
static void gaps_are_bounded(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    unsigned number = 0;

    house->disk_waits = true;
    while (visitor->link != NULL && number < 2 * OUTBOX_WINDOW_MESSAGES) {
        char data[128];
        number++;
        snprintf(data, sizeof data, "{\"epoch\":\"" HOUSE_EPOCH "\",\"from\":%u,\"through\":%u}",
                 number, number);
        house_say(house, visitor, MESSAGE_CHAT_GAP, data);
    }
    assert_string_equal(house->ended, "credit");
    assert_int_equal(number, OUTBOX_WINDOW_MESSAGES + 1);
}

/* --- Databases of theirs that went back, and a log of ours that was cut short --- */

/* What was acknowledged in epochs before is said again to who lost it. */
static void complete_epochs_are_said_again(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char first[17], have[128];

    queue(house, "one");
    queue(house, "two");
    house_assert_heard(visitor, "CHAT_MESSAGE CHAT_MESSAGE ");
    acknowledge(house, visitor, visitor->epoch, 2);
    memcpy(first, visitor->epoch, sizeof first);
    for (int i = 0; i < 3; i++) { /* they say so, and we know */
        house_restart(house);
        house_enter(house, visitor, "198.51.100.1");
        snprintf(have, sizeof have, "{\"epoch\":\"%s\",\"number\":2}", first);
        bytes_clear(&visitor->heard);
        say_have(house, visitor, have);
        house_assert_heard(visitor, "");
    }
    come_back(house, visitor); /* has nothing any more */
    house_assert_heard(visitor, "CHAT_MESSAGE CHAT_MESSAGE ");
    assert_string_equal(visitor->epoch, first);
    assert_non_null(strstr(visitor->said, "\"number\":2"));
    house->rows = 0;
    queue(house, "three"); /* waits for these */
    house_assert_heard(visitor, "");
    acknowledge(house, visitor, first, 2);
    house_assert_heard(visitor, "CHAT_MESSAGE ");
    assert_string_not_equal(visitor->epoch, first);
    assert_int_equal(house->rows, 1); /* nothing is delivered twice */
}

static void what_retention_took_is_told(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char have[128];

    for (int i = 0; i < 6; i++)
        queue(house, "hi");
    acknowledge(house, visitor, visitor->epoch, 6);
    queue(house, "not delivered");
    model_store_trim(house->store, UINT64_MAX, UINT64_MAX);
    house_enter(house, visitor, "198.51.100.1");
    bytes_clear(&visitor->heard);
    snprintf(have, sizeof have, "{\"epoch\":\"%s\",\"number\":2}", visitor->epoch);
    say_have(house, visitor, have);
    house_assert_heard(visitor, "CHAT_GAP CHAT_MESSAGE ");
    assert_non_null(strstr(visitor->said, "\"number\":7"));
    acknowledge(house, visitor, visitor->epoch, 6);
    assert_int_equal(node_counts(house->node).queued, 1);
    acknowledge(house, visitor, visitor->epoch, 7);
    assert_int_equal(node_counts(house->node).queued, 0);
    house_enter(house, visitor, "198.51.100.1"); /* and now nothing is left at all */
    model_store_trim(house->store, UINT64_MAX, UINT64_MAX);
    bytes_clear(&visitor->heard);
    say_have(house, visitor, "");
    house_assert_heard(visitor, "CHAT_GAP ");
    assert_non_null(strstr(visitor->said, "\"from\":1,\"through\":7"));
}

static void say_in(struct house *house, struct visitor *visitor, unsigned epoch, unsigned number)
{
    char data[128];

    snprintf(data, sizeof data, "{\"epoch\":\"%016x\",\"number\":%u,\"time\":0,\"text\":\"hi\"}",
             epoch, number);
    house_say(house, visitor, MESSAGE_CHAT_MESSAGE, data);
}

/* Theirs, restored from a copy that is older than all that we remember of them. */
static void long_forgotten_epoch_comes_back(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    const unsigned epochs = INBOX_DORMANT_MAX + 3;

    for (unsigned epoch = 1; epoch <= epochs; epoch++) {
        char have[128];
        snprintf(have, sizeof have,
                 "{\"consent\":\"" HOUSE_ID "\",\"live\":[\"%016x\"],\"have\":[]}", epoch);
        house_enter(house, visitor, "198.51.100.1");
        house_say(house, visitor, MESSAGE_HAVE, have);
        say_in(house, visitor, epoch, 1);
        say_in(house, visitor, epoch, 2);
    }
    assert_int_equal(house->messages, 2 * epochs);
    for (int restarts = 0; restarts < 2; restarts++) {
        house_enter(house, visitor, "198.51.100.1");
        const bool is_remembered = strstr(visitor->said, "0000000000000001") != NULL;
        assert_int_equal(is_remembered, restarts > 0);
        house_say(house, visitor, MESSAGE_HAVE,
                  "{\"consent\":\"" HOUSE_ID "\",\"live\":[\"0000000000000001\"],\"have\":[]}");
        bytes_clear(&visitor->heard);
        if (restarts == 0) {
            say_in(house, visitor, 1, 1);
            house_assert_heard(visitor, "CHAT_ACK ");
            assert_int_equal(house->messages, 2 * epochs);
            house_restart(house);
        }
    }
    assert_non_null(visitor->link);
    say_in(house, visitor, 1, 3);
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_int_equal(house->messages, 2 * epochs + 1);
}

/* The same, and they go on without a restart of ours. */
static void long_forgotten_epoch_goes_on(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house_say_text(house, visitor, 1, "one");
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 2, 4));
    for (unsigned epoch = 1; epoch <= INBOX_DORMANT_MAX + 1; epoch++)
        say_in(house, visitor, epoch, 1);
    house_enter(house, visitor, "198.51.100.1");
    say_have(house, visitor, "");
    house->rows = 0;
    bytes_clear(&visitor->heard);
    house_say(house, visitor, MESSAGE_CHAT_GAP, GAP(HOUSE_EPOCH, 1, 3));
    house_say_text(house, visitor, 4, "four");
    house_assert_heard(visitor, "CHAT_ACK CHAT_ACK ");
    assert_int_equal(house->rows, 0);
    house_say_text(house, visitor, 5, "five");
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_int_equal(house->rows, 1);
}

/* However often we restart, a contact costs no more epochs than are worth keeping. */
static void few_epochs_are_kept(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char have[HOUSE_TEXT_MAX] = "", mark[64];

    for (unsigned epoch = 1; epoch <= OUTBOX_COMPLETE_MAX + 5; epoch++) {
        queue(house, "hi");
        acknowledge(house, visitor, visitor->epoch, 1);
        snprintf(mark, sizeof mark, "%s{\"epoch\":\"%s\",\"number\":1}", epoch > 1 ? "," : "",
                 visitor->epoch);
        strncat(have, mark, sizeof have - strlen(have) - 1);
        house_restart(house);
        house_enter(house, visitor, "198.51.100.1");
        const char *live = strstr(visitor->said, "\"live\":["), *end = strchr(live, ']');
        const size_t kept = epoch <= OUTBOX_COMPLETE_MAX ? epoch : OUTBOX_COMPLETE_MAX + 1;
        assert_int_equal(end - live, 8 + kept * (1 + 16 + 1) + kept - 1);
        say_have(house, visitor, have);
    }
    assert_null(strstr(house->logged, "security.warning")); /* what was forgotten was known once */
}

/* Our database went back to a copy from before we drew an epoch: the other side tells of it. */
static void epoch_that_we_never_knew(void **state)
{
    static const char unknown[] = "{\"epoch\":\"00000000000000a1\",\"number\":3},"
                                  "{\"epoch\":\"00000000000000a2\",\"number\":1}";
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    size_t rows = house->rows;

    for (int i = 0; i < 4; i++) { /* once, and not again at each link and start */
        house_enter(house, visitor, "198.51.100.1");
        say_have(house, visitor, unknown);
        house_run(house);
        assert_int_equal(house->rows, rows + 1);
        assert_non_null(strstr(house->logged, "\"database_restored\""));
        assert_non_null(strstr(house->logged, "\"198.51.100.1:"));
        assert_non_null(strstr(house->logged, "\"suppressed\":0"));
        if (i == 1)
            house_restart(house);
        else
            house_pass(house, RATION_MS);
    }
    house_enter(house, visitor, "198.51.100.1");
    say_have(house, visitor, "{\"epoch\":\"00000000000000a3\",\"number\":1}");
    assert_int_equal(house->rows, rows + 2);
}

static void assert_few_streams(void *context, const struct change *row)
{
    (void)context;
    if (row->kind == CHANGE_META && row->meta.name == META_LAST_STREAM)
        assert_int_equal(row->meta.value, 2);
}

/* Who invents epochs does not fill our log with them. */
static void invented_epochs_are_bounded(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char have[128];

    for (unsigned i = 0; i < 50; i++) {
        snprintf(have, sizeof have, "{\"epoch\":\"%016x\",\"number\":1}", i + 1);
        say_have(house, visitor, have);
    }
    queue(house, "hi");
    model_store_load(house->store, assert_few_streams, NULL);
}

/* --- Keys --- */

static void key_tells_the_present_state(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char first[HOUSE_TEXT_MAX];

    queue_with_key(house, "");
    assert_state(house, "queued");
    memcpy(first, house->result, sizeof first);
    queue_with_key(house, "");
    assert_string_equal(house->result, first);
    house_restart(house);
    queue_with_key(house, "");
    assert_string_equal(house->result, first);
    come_back(house, visitor);
    house_assert_heard(visitor, "CHAT_MESSAGE ");
    acknowledge(house, visitor, visitor->epoch, 1);
    queue_with_key(house, "");
    assert_state(house, "delivered");
    house_restart(house);
    queue_with_key(house, "");
    assert_state(house, "delivered");
    assert_int_equal(node_counts(house->node).queued, 0);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"ho\",\"key\":\"k\"}");
    assert_int_equal(house->replied, ERR_KEY_CONFLICT);
}

/* Both are on their way to the disk. */
static void key_twice_at_once(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char first[HOUSE_TEXT_MAX];

    house->disk_waits = true;
    house->result[0] = '\0';
    queue_with_key(house, "");
    queue_with_key(house, "");
    house->disk_waits = false;
    house_run(house);
    memcpy(first, house->result, sizeof first);
    assert_state(house, "queued");
    assert_int_equal(node_counts(house->node).queued, 1);
    house_assert_heard(visitor, "CHAT_MESSAGE ");
    queue_with_key(house, "");
    assert_string_equal(house->result, first);
}

/* --wait with a key that is queued waits for that very message, also after a restart. */
static void key_waits_for_its_message(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    queue_with_key(house, "");
    house_restart(house);
    const uint64_t call = queue_with_key(house, ",\"wait\":true");
    assert_int_not_equal(house->replied_call, call);
    const uint64_t impatient = queue_with_key(house, ",\"wait\":true,\"wait_s\":5");
    house_pass(house, 5000);
    assert_int_equal(house->replied_call, impatient);
    assert_state(house, "queued");
    assert_non_null(strstr(house->result, "\"timed_out\":true"));
    come_back(house, visitor);
    assert_int_not_equal(house->replied_call, call);
    acknowledge(house, visitor, visitor->epoch, 1);
    assert_int_equal(house->replied_call, call);
    assert_state(house, "delivered");
    const uint64_t late = queue_with_key(house, ",\"wait\":true");
    assert_int_equal(house->replied_call, late);
    assert_state(house, "delivered");
}

/* It failed, or no room is left, or there is no chat at all: the answer is that message's. */
static void key_of_what_cannot_be_sent_now(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    queue_with_key(house, "");
    house->outbox_messages_max = 1;
    house_restart(house);
    queue_with_key(house, "");
    assert_state(house, "queued");
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\",\"key\":\"l\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"ho\",\"key\":\"k\"}");
    assert_int_equal(house->replied, ERR_KEY_CONFLICT);
    const uint64_t waits = queue_with_key(house, ",\"wait\":true");
    assert_int_not_equal(house->replied_call, waits);
    house_call(house, API_CHAT_DISCONNECT, "{\"peer\":\"visitor\"}");
    for (int restarts = 0; restarts < 2; restarts++) {
        queue_with_key(house, restarts == 0 ? "" : ",\"wait\":true");
        assert_int_equal(house->replied, OK);
        assert_state(house, "failed");
        house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\",\"key\":\"l\"}");
        assert_int_equal(house->replied, ERR_NOT_CONNECTED);
        house_restart(house);
    }
    house_call(house, API_CONTACT_BLOCK, "{\"peer\":\"visitor\"}");
    queue_with_key(house, "");
    assert_state(house, "failed");
    queue_with_key(house, ",\"wait\":false");
    assert_int_equal(house->replied, OK);
    house->disk_waits = true;
    const uint64_t asks = queue_with_key(house, "");
    model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FAILED);
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(house->replied_call, asks);
    assert_int_equal(house->replied, ERR_STORAGE_FAILED);
    assert_null(visitor->link);
}

/* --- Bounds --- */

/* So many wait, on the disk, on their way to it, and after a restart; one more when one is gone. */
static void outbox_of_messages(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house->outbox_messages_max = 4;
    house_restart(house);
    queue(house, "1");
    queue(house, "2");
    house->disk_waits = true;
    queue_with_key(house, "");
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"4\"}");
    assert_int_equal(house->replied, ERR_BAD_STATE); /* not answered yet */
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"5\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(node_counts(house->node).queued, 4);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"5\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    house_restart(house);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"5\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    come_back(house, visitor);
    acknowledge(house, visitor, visitor->epoch, 1);
    queue(house, "5");
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"6\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
}

static void outbox_of_bytes(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    house->outbox_bytes_max = 10;
    house_restart(house);
    queue(house, "1234");
    house->disk_waits = true;
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"567\"}");
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"8901\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"890\"}");
    assert_int_equal(house->replied, ERR_BAD_STATE);
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(node_counts(house->node).queued, 3);
    house_restart(house);
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"1\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
    come_back(house, visitor);
    acknowledge(house, visitor, visitor->epoch, 2);
    queue(house, "1234567");
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"1\"}");
    assert_int_equal(house->replied, ERR_OUTBOX_FULL);
}

/* What the disk refused does not count. */
static void outbox_after_failures(void **state)
{
    struct house *house = *state;

    house_befriend(house);
    house->outbox_messages_max = 2;
    house_restart(house);
    for (int i = 0; i < 3; i++) {
        house->disk_waits = true;
        house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"1\"}");
        house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"2\"}");
        house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"3\"}");
        assert_int_equal(house->replied, ERR_OUTBOX_FULL);
        house->disk_waits = false;
        model_store_fail(house->store, SIZE_MAX, ERR_STORAGE_FULL);
        house_run(house);
        assert_int_equal(house->replied, ERR_STORAGE_FULL);
        house_pass(house, STORE_RETRY_MAX_MS);
        assert_int_equal(node_counts(house->node).queued, 0);
    }
    queue(house, "1");
    queue(house, "2");
}

/* Whoever reads the daemon's own log learns what became of the messages that waited. */
static void end_by_the_other_side_is_noted(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    queue(house, "one");
    queue(house, "two");
    house_say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" HOUSE_ID "\"}");
    assert_string_equal(house->noted, "messages_failed 2");
}

static void end_without_messages_is_not_noted(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    const size_t notes = house->notes;

    house_say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" HOUSE_ID "\"}");
    assert_int_equal(house->notes, notes);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

/* --- What is counted --- */

static void delivered_counts_when_it_is_kept(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    queue(house, "one");
    queue(house, "two");
    house->disk_waits = true;
    acknowledge(house, visitor, visitor->epoch, 2);
    assert_int_equal(node_totals(house->node)->messages_delivered, 0);
    house->disk_waits = false;
    house_run(house);
    assert_int_equal(node_totals(house->node)->messages_delivered, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gap_is_taken_in_turn),
        TEST(gap_out_of_turn),
        TEST(gap_of_those_who_may_not),
        TEST(gaps_are_bounded),
        TEST(complete_epochs_are_said_again),
        TEST(what_retention_took_is_told),
        TEST(long_forgotten_epoch_comes_back),
        TEST(long_forgotten_epoch_goes_on),
        TEST(few_epochs_are_kept),
        TEST(epoch_that_we_never_knew),
        TEST(invented_epochs_are_bounded),
        TEST(key_tells_the_present_state),
        TEST(key_twice_at_once),
        TEST(key_waits_for_its_message),
        TEST(key_of_what_cannot_be_sent_now),
        TEST(outbox_of_messages),
        TEST(outbox_of_bytes),
        TEST(outbox_after_failures),
        TEST(end_by_the_other_side_is_noted),
        TEST(end_without_messages_is_not_noted),
        TEST(delivered_counts_when_it_is_kept),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
