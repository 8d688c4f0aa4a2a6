/* A clock that jumps by decades, while a node runs and while it is down: nothing expires, hangs or
 * is lost by it, and peers go on believing what the node says of itself. */
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/overlay/peer_record.h"

#define YEARS_MS(years) ((int64_t)(years)*365 * 24 * 3600 * 1000)

static const int64_t jumps[] = {YEARS_MS(30), YEARS_MS(-30), YEARS_MS(-30), YEARS_MS(60)};
enum { JUMPS = sizeof jumps / sizeof jumps[0] };

/* Some way in which a jump may come: while the node runs, or while it is down. */
static void jump(struct house *house, size_t i, bool is_down)
{
    house->now.unix_ms += jumps[i];
    if (is_down)
        house_restart(house);
}

static bool is_asked(struct house *house)
{
    house_call(house, API_CHAT_REQUESTS, "{}");
    return strstr(house->result, "\"visitor\"") != NULL;
}

static void requests_live_as_long_as_ever(void **state)
{
    struct house *house = *state;

    for (int is_down = 0; is_down < 2; is_down++) {
        struct visitor *visitor = house_stranger(house, "198.51.100.1");
        house_ask(house, visitor, 7);
        for (size_t i = 0; i < JUMPS; i++) {
            house_pass(house, 60 * 1000);
            jump(house, i, is_down);
            house_pass(house, 60 * 1000);
            assert_true(is_asked(house));
        }
        house_pass(house, 150 * 1000); /* and two minutes: what a restart may give it more */
        house_pass(house, 0);
        assert_false(is_asked(house));
        house_pass(house, REQUEST_REMEMBERED_MS);
    }
}

static void waiting_takes_its_time(void **state)
{
    struct house *house = *state;

    house_befriend(house);
    for (size_t i = 0; i < JUMPS; i++) {
        const uint64_t call =
            house_call(house, API_CHAT_MESSAGE,
                       "{\"peer\":\"visitor\",\"text\":\"hi\",\"wait\":true,\"wait_s\":5}");
        jump(house, i, false);
        house_pass(house, 4999);
        assert_int_not_equal(house->replied_call, call);
        house_pass(house, 1);
        assert_int_equal(house->replied_call, call);
        assert_non_null(strstr(house->result, "\"timed_out\":true"));
    }
}

/* They have so many messages of the epoch that they heard last. */
static void acknowledge(struct house *house, struct visitor *visitor, size_t through)
{
    char ack[128];

    snprintf(ack, sizeof ack, "{\"epoch\":\"%s\",\"through\":%zu,\"credit_bytes\":1048576}",
             visitor->epoch, through);
    house_say(house, visitor, MESSAGE_CHAT_ACK, ack);
    assert_int_equal(node_counts(house->node).queued, 0);
}

/* One message each way. */
static void talk(struct house *house, struct visitor *visitor, unsigned number)
{
    house_call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    house_assert_heard(visitor, "CHAT_MESSAGE ");
    house_say_text(house, visitor, number, "ho");
    house_assert_heard(visitor, "CHAT_ACK ");
    assert_int_equal(house->messages, number);
}

/* Both ways, in order and once, whatever the times that are said. */
static void messages_flow(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);

    for (unsigned i = 0; i < JUMPS; i++) {
        jump(house, i, false);
        talk(house, visitor, i + 1);
        acknowledge(house, visitor, i + 1);
    }
}

static void messages_flow_after_restarts(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    char marks[512] = "", have[HOUSE_TEXT_MAX], mark[64];

    for (unsigned i = 0; i < JUMPS; i++) {
        jump(house, i, true);
        house_enter(house, visitor, "198.51.100.1");
        snprintf(have, sizeof have,
                 "{\"consent\":\"" HOUSE_ID "\",\"live\":[\"" HOUSE_EPOCH "\"],\"have\":[%s]}",
                 marks);
        house_say(house, visitor, MESSAGE_HAVE, have);
        house_assert_heard(visitor, "HAVE ");
        talk(house, visitor, i + 1);
        acknowledge(house, visitor, 1);
        snprintf(mark, sizeof mark, "%s{\"epoch\":\"%s\",\"number\":1}", i > 0 ? "," : "",
                 visitor->epoch);
        strncat(marks, mark, sizeof marks - strlen(marks) - 1);
    }
}

static void record_is_believed(void **state)
{
    struct house *house = *state;
    struct peer_record before, now;

    house_record(house, &before);
    for (int is_down = 0; is_down < 2; is_down++)
        for (size_t i = 0; i < JUMPS; i++) {
            jump(house, i, is_down);
            house_pass(house, REQUESTS_STORE_MS);
            house_record(house, &now);
            assert_int_equal(peer_record_validity(&now, house->now.unix_ms), PEER_RECORD_VALID);
            assert_true(peer_record_is_newer(&now, &before));
            before = now;
        }
    house_pass(house, REQUESTS_STORE_MS); /* and no more often than it must be */
    house->now.unix_ms += RECORD_CLOCK_MS_MAX;
    house_pass(house, REQUESTS_STORE_MS);
    house_record(house, &now);
    assert_true(now.sequence == before.sequence);
}

/* The visitor comes with such a record of its own. */
static void come_with_record(struct house *house, struct visitor *visitor, const char *name,
                             uint64_t sequence, int64_t issued_ms)
{
    struct peer_record record = {
        .sequence = sequence, .issued_ms = issued_ms, .lifetime_s = RECORD_LIFETIME_S};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    memcpy(record.key, visitor->identity.key.bytes, sizeof record.key);
    snprintf(record.name, sizeof record.name, "%s", name);
    assert_int_equal(peer_record_encode(&record, &visitor->identity, bytes, &length), OK);
    bytes_clear(&house->hello);
    message_hello_encode(&house->hello, ROLE_NODE, "visitor/0", 1, bytes, length);
    house_enter(house, visitor, "198.51.100.1");
}

static void assert_called(struct house *house, const char *name)
{
    char member[64];

    house_call(house, API_CHAT_CONNECTED, "{}");
    snprintf(member, sizeof member, "\"name\":\"%s\"", name);
    assert_non_null(strstr(house->result, member));
}

/* Their clock was ahead by decades, and a restored database does not know that it was. */
static void record_from_the_future_gives_way(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = house_befriend(house);
    const int64_t now_ms = house->now.unix_ms;
    const uint64_t now = (uint64_t)now_ms, future = (uint64_t)(now_ms + YEARS_MS(30));

    come_with_record(house, visitor, "ahead", future, now_ms + YEARS_MS(30));
    assert_called(house, "ahead");
    come_with_record(house, visitor, "set right", now, now_ms);
    assert_called(house, "set right");
    come_with_record(house, visitor, "older", now - 1, now_ms - 1);
    assert_called(house, "set right");
    come_with_record(house, visitor, "newer", now + 1, now_ms);
    assert_called(house, "newer");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_live_as_long_as_ever),
        TEST(waiting_takes_its_time),
        TEST(messages_flow),
        TEST(messages_flow_after_restarts),
        TEST(record_is_believed),
        TEST(record_from_the_future_gives_way),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
