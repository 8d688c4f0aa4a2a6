#include "tests/unit/unit.h"

#include <string.h>

#include "common/api.h"
#include "daemon/event.h"

static const struct node_peer ALICE = {
    .alias = "alice",
    .name = "alice",
    .peer_id = "cd3dr3ojdfd6z45gvjpptsusn2i4tvsyjwwpx2ew5ysl2cxtz6ckhcab"};

#define OF_ALICE          \
    "\"peer\":\"alice\"," \
    "\"peer_id\":\"cd3dr3ojdfd6z45gvjpptsusn2i4tvsyjwwpx2ew5ysl2cxtz6ckhcab\""

static void expect(struct bytes *out, const char *json)
{
    struct json *root;

    bytes_u8(out, '\0');
    assert_string_equal((const char *)bytes_data(out), json);
    assert_int_equal(json_parse(json, strlen(json), &root), OK);
    json_free(root);
    bytes_done(out);
}

static void expect_row(const struct log_row *row, const struct node_peer *peer, const char *json)
{
    struct bytes out = BYTES_EMPTY;

    event_write_row(&out, row, peer);
    expect(&out, json);
}

static void test_messages(void **state)
{
    (void)state;
    char text[] = "h\xc3\xa9 \"you\"\n\x1b[1m\xe2\x80\xae";
    struct log_row row = {.time_ms = INT64_C(1769860800123),
                          .type = EVENT_MESSAGE_RECEIVED,
                          .peer = 1,
                          .stream = 3,
                          .body = text,
                          .body_length = sizeof(text) - 1,
                          .seq = 42,
                          .number = 7,
                          .epoch = 0x1f};

    expect_row(
        &row, &ALICE,
        "{\"seq\":42,\"time\":\"2026-01-31T12:00:00.123Z\",\"type\":\"message.received\"," OF_ALICE
        ",\"id\":\"000000000000001f-7\",\"text\":\"h\xc3\xa9 \\\"you\\\"\\n\\u001b[1m\\u202e\"}");
    row.type = EVENT_MESSAGE_SENT;
    row.body_length = 0;
    row.epoch = UINT64_MAX;
    row.number = 1;
    expect_row(&row, NULL,
               "{\"seq\":42,\"time\":\"2026-01-31T12:00:00.123Z\",\"type\":\"message.sent\","
               "\"peer\":null,\"peer_id\":null,\"id\":\"ffffffffffffffff-1\",\"text\":\"\"}");
}

static void test_other_rows(void **state)
{
    (void)state;
    char body[] = "\"through\":40,\"count\":3";
    struct log_row row = {.type = EVENT_MESSAGE_DELIVERED,
                          .peer = 1,
                          .body = body,
                          .body_length = sizeof(body) - 1,
                          .seq = (uint64_t)JSON_INTEGER_MAX};

    expect_row(&row, &ALICE,
               "{\"seq\":9007199254740991,\"time\":\"1970-01-01T00:00:00.000Z\","
               "\"type\":\"message.delivered\"," OF_ALICE ",\"through\":40,\"count\":3}");
    row.type = EVENT_SECURITY_WARNING;
    row.body_length = 0;
    expect_row(&row, NULL,
               "{\"seq\":9007199254740991,\"time\":\"1970-01-01T00:00:00.000Z\","
               "\"type\":\"security.warning\",\"peer\":null,\"peer_id\":null}");
}

static void test_unkept(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    const char fields[] = "\"via\":\"direct\",\"reason\":null";
    const struct action action = {.kind = ACTION_EVENT,
                                  .event = {.type = EVENT_PEER_ONLINE,
                                            .time_ms = 1,
                                            .peer = 1,
                                            .fields = fields,
                                            .length = sizeof(fields) - 1}};

    event_write_unkept(&out, &action, &ALICE);
    expect(&out,
           "{\"seq\":null,\"time\":\"1970-01-01T00:00:00.001Z\",\"type\":\"peer.online\"," OF_ALICE
           ",\"via\":\"direct\",\"reason\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_other_rows),
        cmocka_unit_test(test_unkept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
