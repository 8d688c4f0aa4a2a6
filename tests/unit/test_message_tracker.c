#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/message.h"
#include "daemon/core/link/message_tracker.h"

#define RECORD    "\"AQIDBA==\"" /* 1 2 3 4 */
#define PEER_ID   "\"3ln5dbfc2utpd265lqdp3lmtlgzcq5m3jv7xtvtgrh5cksvnqvddfqab\""
#define ALICE     "\"alice\""
#define NAME_64   "\"abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmno!\""
#define PREFIX_65 "\"abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmno!!\""

static const uint8_t record[] = {1, 2, 3, 4};

struct decode_row {
    const char *json;
    enum error error;
};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct json *parsed(const char *text)
{
    struct json *root = NULL;

    if (json_parse(text, strlen(text), &root) != OK)
        fail_msg("not JSON: %s", text);
    return root;
}

static void assert_written(struct bytes *out, const char *expected)
{
    bytes_u8(out, '\0');
    assert_string_equal((const char *)bytes_data(out), expected);
    bytes_done(out);
}

/* {"member": the base64 of so many bytes}, in memory that the caller frees. */
static char *record_of(const char *member, size_t length)
{
    struct bytes out = BYTES_EMPTY;

    bytes_text(&out, "{\"");
    bytes_text(&out, member);
    bytes_text(&out, "\":\"");
    for (size_t i = 0; i < (length + 2) / 3; i++)
        bytes_text(&out, "AAAA");
    for (size_t i = 0; i < (3 - length % 3) % 3; i++)
        bytes_data(&out)[bytes_length(&out) - 1 - i] = '=';
    bytes_text(&out, "\"}");
    bytes_u8(&out, '\0');
    char *text = xstrdup((const char *)bytes_data(&out));
    bytes_done(&out);
    return text;
}

/* --- REGISTER --- */

static void test_register(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {"{\"record\":" RECORD ",\"later\":1}", OK}, {"{\"record\":\"\"}", ERR_MALFORMED},
        {"{\"record\":\"AQIDBA\"}", ERR_MALFORMED},  {"{\"record\":7}", ERR_MALFORMED},
        {"{\"record\":null}", ERR_MALFORMED},        {"{}", ERR_MALFORMED},
    };
    struct bytes out = BYTES_EMPTY;

    message_register_encode(&out, record, sizeof(record));
    assert_written(&out, "{\"record\":" RECORD "}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json *data = parsed(rows[i].json);
        uint8_t got[PEER_RECORD_BYTES_MAX];
        size_t length = 99;

        assert_int_equal(message_register_decode(data, got, &length), rows[i].error);
        assert_int_equal(length, rows[i].error == OK ? sizeof(record) : 99);
        if (rows[i].error == OK)
            assert_memory_equal(got, record, sizeof(record));
        json_free(data);
    }
}

static void test_longest_record(void **state)
{
    (void)state;

    for (size_t more = 0; more < 2; more++) {
        char *text = record_of("record", PEER_RECORD_BYTES_MAX + more);
        struct json *data = parsed(text);
        uint8_t got[PEER_RECORD_BYTES_MAX];
        size_t length = 0;

        assert_int_equal(message_register_decode(data, got, &length),
                         more == 0 ? OK : ERR_MALFORMED);
        assert_int_equal(length, more == 0 ? PEER_RECORD_BYTES_MAX : 0);
        json_free(data);
        free(text);
    }
}

/* --- REGISTER_SUCCESS --- */

#define REGISTERED(name, seen, lifetime) \
    "{\"name\":" name ",\"seen\":" seen ",\"lifetime_s\":" lifetime "}"

static void test_registered(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {REGISTERED(ALICE, "\"192.0.2.1\"", "300"), OK},
        {REGISTERED(ALICE, "\"2001:db8::1\"", "604800"), OK},
        {REGISTERED(ALICE, "\"::1\"", "1"), OK},
        {REGISTERED(ALICE, "\"::1\"", "0"), ERR_MALFORMED},
        {REGISTERED(ALICE, "\"::1\"", "604801"), ERR_MALFORMED},
        {REGISTERED(ALICE, "\"::1\"", "\"300\""), ERR_MALFORMED},
        {REGISTERED(ALICE, "\"example.org\"", "300"), ERR_MALFORMED},
        {REGISTERED(ALICE, "\"\"", "300"), ERR_MALFORMED},
        {REGISTERED(ALICE, "\"[::1]\"", "300"), ERR_MALFORMED},
        {REGISTERED(ALICE, "null", "300"), ERR_MALFORMED},
        {REGISTERED("\"a:b\"", "\"::1\"", "300"), ERR_MALFORMED},
        {REGISTERED("\"\"", "\"::1\"", "300"), ERR_MALFORMED},
        {"{\"name\":" ALICE ",\"seen\":\"::1\"}", ERR_MALFORMED},
        {"{\"name\":" ALICE ",\"lifetime_s\":300}", ERR_MALFORMED},
        {"{\"seen\":\"::1\",\"lifetime_s\":300}", ERR_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message_registered m = {.lifetime_s = 99};
        struct json *data = parsed(rows[i].json);
        struct bytes out = BYTES_EMPTY;

        assert_int_equal(message_registered_decode(data, &m), rows[i].error);
        assert_true((m.lifetime_s == 99) == (rows[i].error != OK));
        if (rows[i].error == OK) {
            message_registered_encode(&out, &m);
            assert_written(&out, rows[i].json);
        }
        json_free(data);
    }
}

/* --- REGISTER_ERROR --- */

static void test_refusals_both_ways(void **state)
{
    (void)state;

    for (enum register_refusal why = 0; why < REGISTER_OTHERWISE; why++) {
        struct message_refused m = {.why = why}, got = {.why = REGISTER_OTHERWISE};
        struct bytes out = BYTES_EMPTY;

        if (why == REGISTER_OUTDATED) {
            m.has_record = true;
            m.record_length = sizeof(record);
            memcpy(m.record, record, sizeof(record));
        }
        message_refused_encode(&out, &m);
        bytes_u8(&out, '\0');
        assert_non_null(strstr((const char *)bytes_data(&out), register_refusal_name(why)));
        struct json *data = parsed((const char *)bytes_data(&out));
        assert_int_equal(message_refused_decode(data, &got), OK);
        assert_int_equal(got.why, why);
        assert_int_equal(got.has_record, m.has_record);
        assert_int_equal(got.record_length, m.record_length);
        assert_memory_equal(got.record, m.record, sizeof(m.record));
        json_free(data);
        bytes_done(&out);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum error error;
        enum register_refusal why;
        bool has_record;
    } rows[] = {
        {"{\"error\":\"name_taken\"}", OK, REGISTER_NAME_TAKEN, false},
        {"{\"error\":\"outdated\"}", OK, REGISTER_OUTDATED, false},
        {"{\"error\":\"outdated\",\"record\":" RECORD "}", OK, REGISTER_OUTDATED, true},
        {"{\"error\":\"name_taken\",\"record\":5}", OK, REGISTER_NAME_TAKEN, false},
        {"{\"error\":\"not today\"}", OK, REGISTER_OTHERWISE, false},
        {"{\"error\":\"failed\"}", OK, REGISTER_OTHERWISE, false},
        {"{\"error\":\"\"}", OK, REGISTER_OTHERWISE, false},
        {"{\"error\":\"outdated\",\"record\":5}", ERR_MALFORMED, 0, false},
        {"{\"error\":\"outdated\",\"record\":\"\"}", ERR_MALFORMED, 0, false},
        {"{\"error\":5}", ERR_MALFORMED, 0, false},
        {"{}", ERR_MALFORMED, 0, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message_refused m = {.record_length = 99};
        struct json *data = parsed(rows[i].json);

        assert_int_equal(message_refused_decode(data, &m), rows[i].error);
        assert_int_equal(m.record_length, rows[i].error != OK  ? 99
                                          : rows[i].has_record ? sizeof(record)
                                                               : 0);
        if (rows[i].error == OK) {
            assert_int_equal(m.why, rows[i].why);
            assert_int_equal(m.has_record, rows[i].has_record);
        }
        json_free(data);
    }
}

/* --- LISTPEER --- */

static void test_questions(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {"{\"query\":0,\"name\":" ALICE ",\"limit\":1}", OK},
        {"{\"query\":9007199254740991,\"peer_id\":" PEER_ID ",\"limit\":1}", OK},
        {"{\"query\":1,\"prefix\":\"\",\"limit\":1000}", OK},
        {"{\"query\":1,\"prefix\":" NAME_64 ",\"after\":" ALICE ",\"limit\":1000}", OK},
        {"{\"query\":1,\"prefix\":\"-a:\",\"limit\":5}", OK},
        {"{\"query\":1,\"prefix\":" PREFIX_65 ",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\\u0007\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":null,\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"address\":\"192.0.2.1:40000\",\"limit\":1}", OK},
        {"{\"query\":1,\"address\":\"192.0.2.1:0\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"address\":\"192.0.2.1:40000\\n\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"address\":\"192.0.2.1\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"address\":7,\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"address\":\"a:1\",\"prefix\":\"\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"name\":\"a:b\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"name\":\"\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"peer_id\":\"abc\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"peer_id\":\"aln5dbfc2utpd265lqdp3lmtlgzcq5m3jv7xtvtgrh5cksvnqvddfqab\""
         ",\"limit\":1}",
         ERR_MALFORMED},
        {"{\"query\":1,\"name\":" ALICE ",\"prefix\":" ALICE ",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"name\":" ALICE ",\"peer_id\":" PEER_ID ",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\",\"limit\":0}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\",\"limit\":1001}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\"}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\",\"after\":\"\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":1,\"prefix\":\"\",\"after\":null,\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":-1,\"prefix\":\"\",\"limit\":1}", ERR_MALFORMED},
        {"{\"query\":\"1\",\"prefix\":\"\",\"limit\":1}", ERR_MALFORMED},
        {"{\"prefix\":\"\",\"limit\":1}", ERR_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message_listpeer m = {.limit = 9999};
        struct json *data = parsed(rows[i].json);
        struct bytes out = BYTES_EMPTY;

        assert_int_equal(message_listpeer_decode(data, &m), rows[i].error);
        assert_true((m.limit == 9999) == (rows[i].error != OK));
        if (rows[i].error == OK) {
            message_listpeer_encode(&out, &m);
            assert_written(&out, rows[i].json);
        }
        json_free(data);
    }
}

/* --- RECORDS --- */

#define PAGE(query, records, classic, next) \
    "{\"query\":" query ",\"records\":" records ",\"classic\":" classic ",\"next\":" next "}"
#define ZOE "{\"name\":\"zoe\",\"address\":\"192.0.2.7:40000\"}"

static void test_page_both_ways(void **state)
{
    (void)state;
    const char *expected = "x" PAGE("7", "[" RECORD "," RECORD "]", "[" ZOE "]", "\"zoe\"");
    struct records_writer w = {0};
    struct host_port at;
    uint8_t got[PEER_RECORD_BYTES_MAX];
    const char *name;
    size_t length;

    assert_int_equal(host_port_parse("192.0.2.7:40000", PORT_ZERO_REFUSED, &at), OK);
    for (int twice = 0; twice < 2; twice++) {
        struct bytes out = BYTES_EMPTY;
        struct message_records m;

        bytes_u8(&out, 'x'); /* it appends */
        records_begin(&w, &out, 7);
        assert_true(records_add(&w, record, sizeof(record)));
        assert_true(records_add_classic(&w, "zoe", &at));
        assert_true(records_add(&w, record, sizeof(record)));
        records_end(&w, "zoe");
        struct json *data = parsed(expected + 1);
        assert_written(&out, expected);

        assert_int_equal(message_records_decode(data, &m), OK);
        assert_int_equal(m.query, 7);
        assert_string_equal(m.next, "zoe");
        assert_int_equal(json_count(m.records), 2);
        records_record(json_first(m.records), got, &length);
        assert_int_equal(length, sizeof(record));
        assert_memory_equal(got, record, sizeof(record));
        records_classic(json_first(m.classic), &name, &at);
        assert_string_equal(name, "zoe");
        assert_string_equal(at.host, "192.0.2.7");
        assert_int_equal(at.port, 40000);
        json_free(data);
    }
    records_done(&w);
}

static void test_pages(void **state)
{
    (void)state;
    static const struct decode_row rows[] = {
        {PAGE("0", "[]", "[]", "null"), OK},
        {PAGE("0", "[" RECORD "]", "[]", ALICE), OK},
        {PAGE("0", "[]", "[{\"name\":\"zoe\",\"address\":\"zoe.example:1\"}]", "null"), OK},
        {PAGE("0", "[\"\"]", "[]", "null"), ERR_MALFORMED},
        {PAGE("0", "[5]", "[]", "null"), ERR_MALFORMED},
        {PAGE("0", "[" RECORD ",\"AQID?A==\"]", "[]", "null"), ERR_MALFORMED},
        {PAGE("0", "{}", "[]", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "{}", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "[5]", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "[" ZOE ",{\"name\":\"zoe\"}]", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "[{\"address\":\"192.0.2.7:1\"}]", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "[{\"name\":\"a/b\",\"address\":\"192.0.2.7:1\"}]", "null"),
         ERR_MALFORMED},
        {PAGE("0", "[]", "[{\"name\":\"zoe\",\"address\":\"192.0.2.7:0\"}]", "null"),
         ERR_MALFORMED},
        {PAGE("0", "[]", "[{\"name\":\"zoe\",\"address\":\"192.0.2.7\"}]", "null"), ERR_MALFORMED},
        {PAGE("0", "[]", "[]", "\"\""), ERR_MALFORMED},
        {PAGE("0", "[]", "[]", "5"), ERR_MALFORMED},
        {PAGE("-1", "[]", "[]", "null"), ERR_MALFORMED},
        {"{\"query\":0,\"records\":[],\"classic\":[]}", ERR_MALFORMED},
        {"{\"query\":0,\"records\":[],\"next\":null}", ERR_MALFORMED},
        {"{\"query\":0,\"classic\":[],\"next\":null}", ERR_MALFORMED},
        {"{\"records\":[],\"classic\":[],\"next\":null}", ERR_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct message_records m = {.query = 99};
        struct json *data = parsed(rows[i].json);

        assert_int_equal(message_records_decode(data, &m), rows[i].error);
        assert_true((m.query == 99) == (rows[i].error != OK));
        json_free(data);
    }
}

/* A page is filled to the last element that fits, and the frame never is too large for a stranger.
 */
static void test_full_page(void **state)
{
    (void)state;
    static const uint8_t largest[PEER_RECORD_BYTES_MAX];
    char quotes[ADDRESS_NAME_MAX + 1];
    struct host_port at = {.port = 65535};

    memset(at.host, 'h', ADDRESS_HOST_MAX);
    memset(quotes, '"', ADDRESS_NAME_MAX);
    quotes[ADDRESS_NAME_MAX] = '\0';
    for (int is_mixed = 0; is_mixed < 2; is_mixed++) {
        struct bytes out = BYTES_EMPTY, frame = BYTES_EMPTY;
        struct records_writer w = {0};
        size_t count = 0;

        records_begin(&w, &out, JSON_INTEGER_MAX);
        while (is_mixed && count % 2 == 1 ? records_add_classic(&w, quotes, &at)
                                          : records_add(&w, largest, sizeof(largest)))
            count++;
        records_end(&w, quotes);
        message_encode(&frame, MESSAGE_RECORDS, bytes_data(&out), bytes_length(&out));
        const size_t body = bytes_length(&frame) - FRAME_HEADER_LENGTH;
        assert_true(count >= 29);
        assert_true(body <= LINK_STRANGER_FRAME_MAX);
        assert_true(body > LINK_STRANGER_FRAME_MAX - 1000);
        bytes_done(&frame);
        bytes_done(&out);
        records_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register),       cmocka_unit_test(test_longest_record),
        cmocka_unit_test(test_registered),     cmocka_unit_test(test_refusals_both_ways),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_questions),
        cmocka_unit_test(test_page_both_ways), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_full_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
