#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/message.h"

#define ID_HEX "000102030405060708090a0b0c0d0eff"
#define EPOCH  "\"0123456789abcdef\""

static const uint8_t id[MESSAGE_ID_LENGTH] = {0, 1, 2,  3,  4,  5,  6,  7,
                                              8, 9, 10, 11, 12, 13, 14, 255};
static const uint64_t epoch = UINT64_C(0x0123456789abcdef);

/* A row of a table of msgdata: what decoding it gives. */
struct decode_row {
    const char *json;
    enum error error;
};

static struct json *parsed(const char *text)
{
    struct json *root = NULL;

    if (json_parse(text, strlen(text), &root) != OK)
        fail_msg("not JSON: %s", text);
    return root;
}

/* The bytes as text; frees them. */
static void assert_written(struct bytes *out, const char *expected)
{
    bytes_u8(out, '\0');
    assert_string_equal((const char *)bytes_data(out), expected);
    bytes_done(out);
}

/* `length` times the character, in memory that the caller frees. */
static char *repeated(char c, size_t length)
{
    char *text = xmalloc(length + 1);

    memset(text, c, length);
    text[length] = '\0';
    return text;
}

/* before ‖ middle ‖ after, in memory that the caller frees. */
static char *joined(const char *before, const char *middle, const char *after)
{
    struct bytes out = BYTES_EMPTY;
    char *text;

    bytes_text(&out, before);
    bytes_text(&out, middle);
    bytes_text(&out, after);
    bytes_u8(&out, '\0');
    text = xstrdup((const char *)bytes_data(&out));
    bytes_done(&out);
    return text;
}

/* --- The table --- */

static void test_table(void **state)
{
    (void)state;

    assert_int_equal(MESSAGE_TYPE_COUNT, 20);
    assert_string_equal(message_row(MESSAGE_HELLO)->name, "HELLO");
    assert_int_equal(message_row(MESSAGE_HELLO)->tier, MESSAGE_LINK);
    assert_int_equal(message_row(MESSAGE_HELLO)->per_minute, 1);
    assert_int_equal(message_row(MESSAGE_CHAT_REQUEST)->tier, MESSAGE_STRANGER);
    assert_string_equal(message_row(MESSAGE_CHAT_ACK)->name, "CHAT_ACK");
    assert_int_equal(message_row(MESSAGE_CHAT_ACK)->tier, MESSAGE_CONTACT);
    assert_int_equal(message_row(MESSAGE_CHAT_ACK)->per_minute, 0);
}

/* --- Frames --- */

static void test_encode_frame(void **state)
{
    (void)state;
    const char body[] = "{\"msgtype\":\"PING\",\"msgdata\":{}}";
    const uint8_t header[] = {0, 0, 0, sizeof(body) - 1, 1};
    struct bytes out = BYTES_EMPTY;

    bytes_u8(&out, 'x'); /* it appends */
    message_encode(&out, MESSAGE_PING, "{}", 2);
    assert_int_equal(bytes_length(&out), 1 + FRAME_HEADER_LENGTH + sizeof(body) - 1);
    assert_memory_equal(bytes_data(&out) + 1, header, sizeof(header));
    assert_memory_equal(bytes_data(&out) + 1 + sizeof(header), body, sizeof(body) - 1);
    bytes_done(&out);
}

static void test_every_type_both_ways(void **state)
{
    (void)state;
    const char data[] = "{\"a\":[1,{\"b\":null}]}";

    for (enum message_type type = 0; type < MESSAGE_TYPE_COUNT; type++) {
        struct bytes out = BYTES_EMPTY;
        enum message_type got = MESSAGE_TYPE_COUNT;
        const struct json *got_data = NULL;
        struct json *root = NULL;

        message_encode(&out, type, data, strlen(data));
        assert_int_equal(message_decode((const char *)bytes_data(&out) + FRAME_HEADER_LENGTH,
                                        bytes_length(&out) - FRAME_HEADER_LENGTH, &got, &root,
                                        &got_data),
                         OK);
        assert_int_equal(got, type);
        assert_int_equal(json_count(json_member(got_data, "a")), 2);
        json_free(root);
        bytes_done(&out);
    }
}

static const struct decode_row frames[] = {
    {"{\"msgtype\":\"PING\",\"msgdata\":{}}", OK},
    {" { \"msgdata\" : {} , \"msgtype\" : \"PING\" } ", OK},
    {"{\"msgtype\":\"PING\",\"msgdata\":{},\"more\":[1]}", OK},
    {"{\"msgtype\":\"PING2\",\"msgdata\":{}}", ERR_NOT_FOUND},
    {"{\"msgtype\":\"ping\",\"msgdata\":{}}", ERR_NOT_FOUND},
    {"{\"msgtype\":\"\",\"msgdata\":{}}", ERR_NOT_FOUND},
    {"{\"msgtype\":\"PING\",\"msgdata\":[]}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\",\"msgdata\":null}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING2\",\"msgdata\":null}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\"}", ERR_MALFORMED},
    {"{\"msgtype\":1,\"msgdata\":{}}", ERR_MALFORMED},
    {"{\"msgdata\":{}}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\",\"msgtype\":\"PING\",\"msgdata\":{}}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\",\"msgdata\":{}}{}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\",\"msgdata\":{}", ERR_MALFORMED},
    {"{\"msgtype\":\"PING\",\"msgdata\":{\"x\":\"\\u0000\"}}", ERR_MALFORMED},
    {"[]", ERR_MALFORMED},
    {"\"PING\"", ERR_MALFORMED},
    {"", ERR_MALFORMED},
    {"\xff", ERR_MALFORMED},
};

static void test_decode_frames(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        enum message_type type = MESSAGE_TYPE_COUNT;
        const struct json *data = NULL;
        struct json *root = NULL;

        assert_int_equal(
            message_decode(frames[i].json, strlen(frames[i].json), &type, &root, &data),
            frames[i].error);
        assert_int_equal(type, frames[i].error == OK ? MESSAGE_PING : MESSAGE_TYPE_COUNT);
        assert_true((root != NULL) == (frames[i].error == OK));
        assert_true((data != NULL) == (frames[i].error == OK));
        json_free(root);
    }
}

/* --- The meter --- */

static void test_meter(void **state)
{
    (void)state;
    struct message_meter meter = {0};
    struct mono now = {5};

    for (int i = 0; i < 20; i++)
        assert_true(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
    assert_false(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
    assert_true(message_meter_take(&meter, MESSAGE_CHAT_ACCEPT, now)); /* counts apart */
    now.ms = 59999;
    assert_false(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
    now.ms = 60000;
    assert_true(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
    now.ms += 3600000; /* a new window begins when it is used */
    for (int i = 0; i < 20; i++)
        assert_true(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
    now.ms += 59999;
    assert_false(message_meter_take(&meter, MESSAGE_CHAT_REQUEST, now));
}

static void test_meter_of_each_type(void **state)
{
    (void)state;

    for (enum message_type type = 0; type < MESSAGE_TYPE_COUNT; type++) {
        struct message_meter meter = {0};
        int limit = message_row(type)->per_minute, taken = 0;

        while (taken < 100000 && message_meter_take(&meter, type, (struct mono){1}))
            taken++;
        assert_int_equal(taken, limit > 0 ? limit : 100000);
    }
}

/* --- HELLO --- */

#define AGENT_16 "p2pchat/0.1.0 ~!"
#define AGENT_64 AGENT_16 AGENT_16 AGENT_16 AGENT_16

static void test_hello_both_ways(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    struct message_hello m;
    uint8_t record[3];
    size_t length = 99;
    struct json *data;

    message_hello_encode(&out, ROLE_TRACKER, "p2pchat/0.1.0", epoch, (const uint8_t *)"foo", 3);
    assert_written(&out, "{\"features\":[],\"role\":\"tracker\",\"agent\":\"p2pchat/0.1.0\","
                         "\"instance\":" EPOCH ",\"record\":\"Zm9v\"}");

    data = parsed("{\"record\":\"Zm9v\",\"instance\":" EPOCH ",\"agent\":\"\",\"role\":\"node\","
                  "\"features\":[\"x\",1],\"more\":{}}");
    assert_int_equal(message_hello_decode(data, &m), OK);
    assert_int_equal(m.role, ROLE_NODE);
    assert_string_equal(m.agent, "");
    assert_int_equal(m.instance, epoch);
    assert_int_equal(message_hello_record(&m, record, 2, &length), ERR_MALFORMED);
    assert_int_equal(length, 99);
    assert_int_equal(message_hello_record(&m, record, 3, &length), OK);
    assert_int_equal(length, 3);
    assert_memory_equal(record, "foo", 3);
    json_free(data);
}

static void test_hello_with_the_largest_record(void **state)
{
    (void)state;
    uint8_t record[PEER_RECORD_BYTES_MAX], again[PEER_RECORD_BYTES_MAX];
    struct bytes out = BYTES_EMPTY;
    struct message_hello m;
    size_t length = 0;
    struct json *data = NULL;

    memset(record, 0xa5, sizeof(record));
    message_hello_encode(&out, ROLE_NODE, AGENT_64, 0, record, sizeof(record));
    assert_int_equal(json_parse((const char *)bytes_data(&out), bytes_length(&out), &data), OK);
    assert_int_equal(message_hello_decode(data, &m), OK);
    assert_int_equal(message_hello_record(&m, again, sizeof(again), &length), OK);
    assert_int_equal(length, sizeof(record));
    assert_memory_equal(again, record, sizeof(record));
    json_free(data);
    bytes_done(&out);
}

#define HELLO(features, role, agent, instance, record)                                        \
    "{\"features\":" features ",\"role\":" role ",\"agent\":" agent ",\"instance\":" instance \
    ",\"record\":" record "}"

static const struct decode_row hellos[] = {
    {HELLO("[]", "\"node\"", "\"a\"", EPOCH, "\"\""), OK},
    {HELLO("[]", "\"node\"", "\"" AGENT_64 "\"", EPOCH, "\"\""), OK},
    {HELLO("[]", "\"node\"", "\"" AGENT_64 "x\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\\n\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\\u007f\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"\\u00e1\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "1", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"Node\"", "\"a\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"relay\"", "\"a\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "null", "\"a\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("{}", "\"node\"", "\"a\"", EPOCH, "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\"", "1", "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\"", "\"0123456789abcde\"", "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\"", "\"0123456789ABCDEF\"", "\"\""), ERR_MALFORMED},
    {HELLO("[]", "\"node\"", "\"a\"", EPOCH, "[]"), ERR_MALFORMED},
    {"{\"features\":[],\"role\":\"node\",\"agent\":\"a\",\"instance\":" EPOCH "}", ERR_MALFORMED},
    {"{\"features\":[],\"role\":\"node\",\"agent\":\"a\",\"record\":\"\"}", ERR_MALFORMED},
    {"{\"features\":[],\"role\":\"node\",\"instance\":" EPOCH ",\"record\":\"\"}", ERR_MALFORMED},
    {"{\"features\":[],\"agent\":\"a\",\"instance\":" EPOCH ",\"record\":\"\"}", ERR_MALFORMED},
    {"{\"role\":\"node\",\"agent\":\"a\",\"instance\":" EPOCH ",\"record\":\"\"}", ERR_MALFORMED},
    {"{}", ERR_MALFORMED},
};

static void test_hellos(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        struct message_hello m = {.instance = 7};
        struct json *data = parsed(hellos[i].json);

        assert_int_equal(message_hello_decode(data, &m), hellos[i].error);
        assert_true((m.instance == 7) == (hellos[i].error != OK));
        json_free(data);
    }
}

/* --- Consent --- */

static void test_request_both_ways(void **state)
{
    (void)state;
    struct message_request m = {.name = "alice", .greeting = "hi\n\xe2\x80\xae"};
    struct bytes out = BYTES_EMPTY;
    struct json *data;

    memcpy(m.request, id, sizeof(id));
    message_request_encode(&out, &m);
    assert_written(&out,
                   "{\"request\":\"" ID_HEX "\",\"name\":\"alice\",\"greeting\":\"hi\\n\\u202e\"}");
    m.greeting = NULL;
    message_request_encode(&out, &m);
    assert_written(&out, "{\"request\":\"" ID_HEX "\",\"name\":\"alice\"}");

    data = parsed("{\"greeting\":\"hi\\n\\u202e\",\"name\":\"alice\",\"request\":\"" ID_HEX "\"}");
    memset(&m, 0, sizeof(m));
    assert_int_equal(message_request_decode(data, &m), OK);
    assert_memory_equal(m.request, id, sizeof(id));
    assert_string_equal(m.name, "alice");
    assert_string_equal(m.greeting, "hi\n\xe2\x80\xae");
    json_free(data);
}

#define REQUEST(request, name) "{\"request\":" request ",\"name\":" name
#define GREETING(greeting)     REQUEST("\"" ID_HEX "\"", "\"a\"") ",\"greeting\":" greeting "}"
#define ID_TEXT                "\"" ID_HEX "\""

static const struct decode_row requests[] = {
    {REQUEST(ID_TEXT, "\"a\"") "}", OK},
    {REQUEST("\"" ID_HEX "0\"", "\"a\"") "}", ERR_MALFORMED},
    {REQUEST("\"000102030405060708090a0b0c0d0ef\"", "\"a\"") "}", ERR_MALFORMED},
    {REQUEST("\"000102030405060708090A0B0C0D0EFF\"", "\"a\"") "}", ERR_MALFORMED},
    {REQUEST("\"000102030405060708090a0b0c0d0efg\"", "\"a\"") "}", ERR_MALFORMED},
    {REQUEST("1", "\"a\"") "}", ERR_MALFORMED},
    {REQUEST(ID_TEXT, "1") "}", ERR_MALFORMED},
    {REQUEST(ID_TEXT, "\"\"") "}", ERR_MALFORMED},
    {REQUEST(ID_TEXT, "\"-a\"") "}", ERR_MALFORMED},
    {REQUEST(ID_TEXT, "\"a\\u202e\"") "}", ERR_MALFORMED},
    {"{\"name\":\"a\"}", ERR_MALFORMED},
    {"{\"request\":" ID_TEXT "}", ERR_MALFORMED},
    {GREETING("\"hi\""), OK},
    {GREETING("\"\""), ERR_MALFORMED},
    {GREETING("null"), ERR_MALFORMED},
    {GREETING("1"), ERR_MALFORMED},
    {GREETING("\"a\\u001bb\""), ERR_MALFORMED},
    {GREETING("\"a\\tb\\n\""), OK},
    {GREETING("\"a\\rb\""), ERR_MALFORMED},
};

static void test_requests(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct message_request m = {.name = NULL};
        struct json *data = parsed(requests[i].json);

        assert_int_equal(message_request_decode(data, &m), requests[i].error);
        assert_true((m.name == NULL) == (requests[i].error != OK));
        json_free(data);
    }
}

static void test_longest_greeting(void **state)
{
    (void)state;

    for (size_t more = 0; more < 2; more++) {
        char *text = repeated('x', MESSAGE_GREETING_MAX + more);
        char *json = joined(REQUEST(ID_TEXT, "\"a\"") ",\"greeting\":\"", text, "\"}");
        struct json *data = parsed(json);
        struct message_request m;

        assert_int_equal(message_request_decode(data, &m), more == 0 ? OK : ERR_MALFORMED);
        json_free(data);
        free(json);
        free(text);
    }
}

static void test_accept(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    uint8_t got[MESSAGE_ID_LENGTH] = {0};
    const char *name = NULL;
    struct json *data;

    message_accept_encode(&out, id, "bob");
    assert_written(&out, "{\"request\":" ID_TEXT ",\"name\":\"bob\"}");
    data = parsed("{\"request\":" ID_TEXT ",\"name\":\"bob\"}");
    assert_int_equal(message_accept_decode(data, got, &name), OK);
    assert_memory_equal(got, id, sizeof(id));
    assert_string_equal(name, "bob");
    json_free(data);

    memset(got, 7, sizeof(got));
    name = NULL;
    for (size_t i = 1; i < 12; i++) { /* what is no request without greeting is no answer either */
        data = parsed(requests[i].json);
        assert_int_equal(message_accept_decode(data, got, &name), ERR_MALFORMED);
        assert_int_equal(got[0], 7);
        assert_null(name);
        json_free(data);
    }
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        enum message_type type;
        const char *json;
    } rows[] = {
        {MESSAGE_CHAT_REFUSE, "{\"request\":" ID_TEXT "}"},
        {MESSAGE_NO_CONSENT, "{\"consent\":" ID_TEXT "}"},
        {MESSAGE_DISCONNECT, "{\"consent\":" ID_TEXT "}"},
    };

    for (size_t i = 0; i < 3; i++) {
        struct bytes out = BYTES_EMPTY;
        uint8_t got[MESSAGE_ID_LENGTH] = {0};
        struct json *data = parsed(rows[i].json), *others = parsed(rows[i == 0].json);

        message_id_encode(&out, rows[i].type, id);
        assert_written(&out, rows[i].json);
        assert_int_equal(message_id_decode(rows[i].type, others, got), ERR_MALFORMED);
        assert_int_equal(got[1], 0);
        assert_int_equal(message_id_decode(rows[i].type, data, got), OK);
        assert_memory_equal(got, id, sizeof(id));
        json_free(data);
        json_free(others);
    }
}

/* --- HAVE --- */

static void test_have_both_ways(void **state)
{
    (void)state;
    const char json[] = "{\"consent\":" ID_TEXT ",\"live\":[" EPOCH ",\"0000000000000000\"],"
                        "\"have\":[{\"epoch\":" EPOCH ",\"number\":0},"
                        "{\"epoch\":\"ffffffffffffffff\",\"number\":9007199254740991}]}";
    struct message_have m = {
        .live_count = 2,
        .live = {epoch, 0},
        .have_count = 2,
        .have = {{epoch, 0}, {UINT64_MAX, JSON_INTEGER_MAX}},
    };
    struct message_have got;
    struct bytes out = BYTES_EMPTY;
    struct json *data = parsed(json);

    memcpy(m.consent, id, sizeof(id));
    message_have_encode(&out, &m);
    assert_written(&out, json);
    assert_int_equal(message_have_decode(data, &got), OK);
    assert_memory_equal(&got, &m, sizeof(m));
    json_free(data);
}

#define HAVE(live, have) "{\"consent\":" ID_TEXT ",\"live\":" live ",\"have\":" have "}"
#define MARK(number)     "{\"epoch\":" EPOCH ",\"number\":" number "}"

static const struct decode_row haves[] = {
    {HAVE("[]", "[]"), OK},
    {HAVE("[" EPOCH "]", "[" MARK("1") "]"), OK},
    {HAVE("[" EPOCH "," EPOCH "]", "[]"), ERR_MALFORMED},
    {HAVE("[1]", "[]"), ERR_MALFORMED},
    {HAVE("[\"123456789abcdef\"]", "[]"), ERR_MALFORMED},
    {HAVE("{}", "[]"), ERR_MALFORMED},
    {HAVE("null", "[]"), ERR_MALFORMED},
    {HAVE("[]", "{}"), ERR_MALFORMED},
    {HAVE("[]", "null"), ERR_MALFORMED},
    {HAVE("[]", "[" MARK("1") "," MARK("2") "]"), ERR_MALFORMED},
    {HAVE("[]", "[" MARK("9007199254740991") "]"), OK},
    {HAVE("[]", "[" MARK("9007199254740992") "]"), ERR_MALFORMED},
    {HAVE("[]", "[" MARK("-1") "]"), ERR_MALFORMED},
    {HAVE("[]", "[" MARK("1.5") "]"), ERR_MALFORMED},
    {HAVE("[]", "[" MARK("\"1\"") "]"), ERR_MALFORMED},
    {HAVE("[]", "[" EPOCH "]"), ERR_MALFORMED},
    {HAVE("[]", "[{\"number\":1}]"), ERR_MALFORMED},
    {HAVE("[]", "[{\"epoch\":" EPOCH "}]"), ERR_MALFORMED},
    {HAVE("[]", "[{\"epoch\":" EPOCH ",\"number\":1,\"more\":1}]"), OK},
    {"{\"live\":[],\"have\":[]}", ERR_MALFORMED},
    {"{\"consent\":" ID_TEXT ",\"have\":[]}", ERR_MALFORMED},
    {"{\"consent\":" ID_TEXT ",\"live\":[]}", ERR_MALFORMED},
};

static void test_haves(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(haves) / sizeof(haves[0]); i++) {
        struct message_have m = {.live_count = 99};
        struct json *data = parsed(haves[i].json);

        assert_int_equal(message_have_decode(data, &m), haves[i].error);
        assert_true((m.live_count == 99) == (haves[i].error != OK));
        json_free(data);
    }
}

/* The msgdata of a HAVE with so many epochs. */
static void write_have(struct bytes *out, size_t live_count, size_t have_count)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_string(&w, "consent", ID_HEX);
    json_write_name(&w, "live");
    json_write_open(&w, '[');
    for (size_t i = 0; i < live_count; i++)
        json_write_hex64(&w, i);
    json_write_close(&w, ']');
    json_write_name(&w, "have");
    json_write_open(&w, '[');
    for (size_t i = 0; i < have_count; i++) {
        json_write_open(&w, '{');
        json_put_hex64(&w, "epoch", i);
        json_put_integer(&w, "number", JSON_INTEGER_MAX);
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
}

static enum error decode_have_of(size_t live_count, size_t have_count)
{
    struct bytes out = BYTES_EMPTY;
    struct message_have m;
    struct json *data = NULL;
    enum error error;

    write_have(&out, live_count, have_count);
    assert_int_equal(json_parse((const char *)bytes_data(&out), bytes_length(&out), &data), OK);
    error = message_have_decode(data, &m);
    json_free(data);
    bytes_done(&out);
    return error;
}

static void test_most_epochs(void **state)
{
    (void)state;

    assert_int_equal(decode_have_of(MESSAGE_EPOCHS_MAX, MESSAGE_EPOCHS_MAX), OK);
    assert_int_equal(decode_have_of(MESSAGE_EPOCHS_MAX + 1, 0), ERR_MALFORMED);
    assert_int_equal(decode_have_of(0, MESSAGE_EPOCHS_MAX + 1), ERR_MALFORMED);
}

/* --- CHAT_MESSAGE --- */

static void test_chat_both_ways(void **state)
{
    (void)state;
    const char json[] = "{\"epoch\":" EPOCH ",\"number\":1,\"time\":1769860800123,"
                        "\"text\":\"hi \\\"\\u001b\\u202e\\n\xc3\xa1\"}";
    const struct message_chat m = {.epoch = epoch,
                                   .number = 1,
                                   .time_ms = 1769860800123,
                                   .text = "hi \"\x1b\xe2\x80\xae\n\xc3\xa1",
                                   .text_length = 11};
    struct bytes out = BYTES_EMPTY;
    struct message_chat got;
    struct json *data;

    message_chat_encode(&out, &m);
    assert_written(&out, json);

    data =
        parsed("{\"epoch\":" EPOCH ",\"number\":1,\"time\":1769860800123,\"text\":\"h\\u202e\"}");
    assert_int_equal(message_chat_decode(data, &got), OK);
    assert_int_equal(got.epoch, epoch);
    assert_int_equal(got.number, 1);
    assert_int_equal(got.time_ms, 1769860800123);
    assert_int_equal(got.text_length, 4);
    assert_string_equal(got.text, "h\xe2\x80\xae");
    json_free(data);
}

#define CHAT(epoch, number, time, text) \
    "{\"epoch\":" epoch ",\"number\":" number ",\"time\":" time ",\"text\":" text "}"

static const struct decode_row chats[] = {
    {CHAT(EPOCH, "1", "0", "\"a\""), OK},
    {CHAT(EPOCH, "9007199254740991", "253402300799999", "\"a\""), OK},
    {CHAT(EPOCH, "0", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "-1", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "9007199254740992", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1.5", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "\"1\"", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "-1", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "253402300800000", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "null", "\"a\""), ERR_MALFORMED},
    {CHAT("1", "1", "0", "\"a\""), ERR_MALFORMED},
    {CHAT("\"0123456789abcdef0\"", "1", "0", "\"a\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "0", "\"\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "0", "null"), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "0", "\"\\t\\n\""), OK},
    {CHAT(EPOCH, "1", "0", "\"\\u0007\""), ERR_MALFORMED},
    {CHAT(EPOCH, "1", "0", "\"\\u0085\""), ERR_MALFORMED},
    {"{\"number\":1,\"time\":0,\"text\":\"a\"}", ERR_MALFORMED},
    {"{\"epoch\":" EPOCH ",\"time\":0,\"text\":\"a\"}", ERR_MALFORMED},
    {"{\"epoch\":" EPOCH ",\"number\":1,\"text\":\"a\"}", ERR_MALFORMED},
    {"{\"epoch\":" EPOCH ",\"number\":1,\"time\":0}", ERR_MALFORMED},
};

static void test_chats(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(chats) / sizeof(chats[0]); i++) {
        struct message_chat m = {.text = NULL};
        struct json *data = parsed(chats[i].json);

        assert_int_equal(message_chat_decode(data, &m), chats[i].error);
        assert_true((m.text == NULL) == (chats[i].error != OK));
        json_free(data);
    }
}

/* The longest text, of the characters that grow most when they are written. */
static void test_longest_text(void **state)
{
    (void)state;

    for (size_t more = 0; more < 2; more++) {
        char *text = repeated('\n', MESSAGE_TEXT_MAX);
        struct message_chat m = {.number = 1, .text = text, .text_length = MESSAGE_TEXT_MAX}, got;
        struct bytes out = BYTES_EMPTY;
        struct json *data = NULL;
        char *longer;

        message_chat_encode(&out, &m);
        bytes_u8(&out, '\0');
        longer = joined("", (const char *)bytes_data(&out), "");
        if (more > 0) { /* …\n"} → …\nx"} */
            free(longer);
            bytes_data(&out)[bytes_length(&out) - 3] = '\0';
            longer = joined("", (const char *)bytes_data(&out), "x\"}");
        }
        assert_int_equal(json_parse(longer, strlen(longer), &data), OK);
        assert_int_equal(message_chat_decode(data, &got), more == 0 ? OK : ERR_MALFORMED);
        assert_true(strlen(longer) < 256 * 1024);
        json_free(data);
        bytes_done(&out);
        free(longer);
        free(text);
    }
}

static void encode_text_of(void *length)
{
    struct message_chat m = {.number = 1, .text = "", .text_length = *(size_t *)length};
    struct bytes out = BYTES_EMPTY;

    message_chat_encode(&out, &m);
}

static void test_texts_that_are_our_mistake(void **state)
{
    (void)state;
    size_t none = 0, too_many = MESSAGE_TEXT_MAX + 1;

    unit_assert_aborts(encode_text_of, &none, "text_length");
    unit_assert_aborts(encode_text_of, &too_many, "text_length");
}

/* --- CHAT_GAP --- */

static void test_gap(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {"{\"epoch\":" EPOCH ",\"from\":1,\"through\":1}", OK},
        {"{\"epoch\":" EPOCH ",\"from\":7,\"through\":9007199254740991}", OK},
        {"{\"epoch\":" EPOCH ",\"from\":0,\"through\":1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"from\":2,\"through\":1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"from\":-1,\"through\":1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"from\":1,\"through\":9007199254740992}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"from\":\"1\",\"through\":1}", ERR_MALFORMED},
        {"{\"from\":1,\"through\":1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"through\":1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"from\":1}", ERR_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message_gap m = {.through = 99};
        struct json *data = parsed(rows[i].json);
        struct bytes out = BYTES_EMPTY;

        assert_int_equal(message_gap_decode(data, &m), rows[i].error);
        assert_true((m.through == 99) == (rows[i].error != OK));
        if (rows[i].error == OK) {
            message_gap_encode(&out, &m);
            assert_written(&out, rows[i].json);
        }
        json_free(data);
    }
}

/* --- CHAT_ACK --- */

static void test_ack(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {"{\"epoch\":" EPOCH ",\"through\":0,\"credit_bytes\":0}", OK},
        {"{\"epoch\":" EPOCH ",\"through\":5,\"credit_bytes\":65536}", OK},
        {"{\"epoch\":" EPOCH ",\"through\":-1,\"credit_bytes\":0}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"through\":0,\"credit_bytes\":-1}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"through\":9007199254740992,\"credit_bytes\":0}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"through\":0,\"credit_bytes\":9007199254740992}", ERR_MALFORMED},
        {"{\"epoch\":5,\"through\":0,\"credit_bytes\":0}", ERR_MALFORMED},
        {"{\"through\":0,\"credit_bytes\":0}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"credit_bytes\":0}", ERR_MALFORMED},
        {"{\"epoch\":" EPOCH ",\"through\":0}", ERR_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message_ack m = {.through = 99};
        struct json *data = parsed(rows[i].json);
        struct bytes out = BYTES_EMPTY;

        assert_int_equal(message_ack_decode(data, &m), rows[i].error);
        assert_true((m.through == 99) == (rows[i].error != OK));
        if (rows[i].error == OK) {
            message_ack_encode(&out, &m);
            assert_written(&out, rows[i].json);
        }
        json_free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_encode_frame),
        cmocka_unit_test(test_every_type_both_ways),
        cmocka_unit_test(test_decode_frames),
        cmocka_unit_test(test_meter),
        cmocka_unit_test(test_meter_of_each_type),
        cmocka_unit_test(test_hello_both_ways),
        cmocka_unit_test(test_hello_with_the_largest_record),
        cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_request_both_ways),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_longest_greeting),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_have_both_ways),
        cmocka_unit_test(test_haves),
        cmocka_unit_test(test_most_epochs),
        cmocka_unit_test(test_chat_both_ways),
        cmocka_unit_test(test_chats),
        cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_texts_that_are_our_mistake),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_ack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
