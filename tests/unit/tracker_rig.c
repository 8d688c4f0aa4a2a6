#include "tests/unit/tracker_rig.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/link/message_tracker.h"

/* --- What peers say --- */

struct peer_record tracker_record_of(const struct house *house, const struct visitor *visitor,
                                     const char *name)
{
    struct peer_record record = {
        .sequence = (uint64_t)house->now.unix_ms,
        .issued_ms = house->now.unix_ms,
        .lifetime_s = PEER_RECORD_LIFETIME_S,
        .address_count = 2,
        .addresses = {{.host = "203.0.113.9", .port = 4001}, {.host = PEER_HOST, .port = 4002}}};

    memcpy(record.key, visitor->identity.key.bytes, KEY_LENGTH);
    snprintf(record.name, sizeof record.name, "%s", name);
    return record;
}

size_t tracker_sign(const struct visitor *visitor, const struct peer_record *record,
                    uint8_t bytes[PEER_RECORD_BYTES_MAX])
{
    size_t length;

    assert_int_equal(peer_record_encode(record, &visitor->identity, bytes, &length), OK);
    return length;
}

static void say(struct house *house, struct visitor *visitor, enum message_type type,
                struct bytes *data)
{
    bytes_u8(data, '\0');
    house_say(house, visitor, type, (const char *)bytes_data(data));
    bytes_done(data);
}

void tracker_say_bytes(struct house *house, struct visitor *visitor, const uint8_t *bytes,
                       size_t length)
{
    struct bytes data = BYTES_EMPTY;

    message_register_encode(&data, bytes, length);
    say(house, visitor, MESSAGE_REGISTER, &data);
}

void tracker_say_record(struct house *house, struct visitor *visitor,
                        const struct peer_record *record)
{
    uint8_t bytes[PEER_RECORD_BYTES_MAX];

    tracker_say_bytes(house, visitor, bytes, tracker_sign(visitor, record, bytes));
}

void tracker_register_as(struct house *house, struct visitor *visitor, const char *name)
{
    const struct peer_record record = tracker_record_of(house, visitor, name);

    tracker_say_record(house, visitor, &record);
}

void tracker_leave(struct house *house, struct visitor *visitor)
{
    house_say(house, visitor, MESSAGE_EXIT_NETWORK, "{}");
}

/* --- What they hear --- */

void tracker_expect_success(struct visitor *visitor)
{
    house_assert_heard(visitor, "REGISTER_SUCCESS ");
}

void tracker_expect_refused(struct visitor *visitor, const char *why)
{
    char expected[64];

    snprintf(expected, sizeof expected, "{\"error\":\"%s\"}", why);
    house_assert_heard(visitor, "REGISTER_ERROR ");
    assert_string_equal(visitor->said, expected);
}

struct visitor *tracker_registered(struct house *house, const char *host, const char *name)
{
    struct visitor *visitor = house_stranger(house, host);

    tracker_register_as(house, visitor, name);
    tracker_expect_success(visitor);
    return visitor;
}

size_t tracker_count(const struct house *house)
{
    return node_counts(house->node).registered;
}

/* The names on a page, each with a blank after it, classic ones in parentheses, and the next. */
static const char *names_in(const struct json *data)
{
    static char text[HOUSE_TEXT_MAX]; /* scratch */
    struct message_records m;
    size_t length = 0;

    assert_int_equal(message_records_decode(data, &m), OK);
    text[0] = '\0';
    for (const struct json *e = json_first(m.records); e != NULL; e = json_next(e)) {
        uint8_t bytes[PEER_RECORD_BYTES_MAX];
        struct peer_record record;
        size_t record_length;
        records_record(e, bytes, &record_length);
        assert_int_equal(peer_record_decode(bytes, record_length, &record), OK);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s ", record.name);
    }
    for (const struct json *e = json_first(m.classic); e != NULL; e = json_next(e)) {
        const char *name;
        struct host_port at;
        records_classic(e, &name, &at);
        length += (size_t)snprintf(text + length, sizeof text - length, "(%s) ", name);
    }
    snprintf(text + length, sizeof text - length, "next:%s", m.next != NULL ? m.next : "-");
    return text;
}

const char *tracker_ask(struct house *house, struct visitor *visitor, const char *question)
{
    static char text[HOUSE_TEXT_MAX]; /* scratch */
    struct json *json;

    house_say(house, visitor, MESSAGE_LISTPEER, question);
    house_assert_heard(visitor, "RECORDS ");
    assert_int_equal(json_parse(visitor->said, strlen(visitor->said), &json), OK);
    snprintf(text, sizeof text, "%s", names_in(json));
    json_free(json);
    return text;
}

const char *tracker_list(struct house *house, struct visitor *visitor)
{
    return tracker_ask(house, visitor, "{\"query\":1,\"prefix\":\"\",\"limit\":100}");
}
