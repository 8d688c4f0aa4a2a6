#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/json.h"
#include "common/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S(text)      text, sizeof(text) - 1

/* A writer with the memory that it writes to. */
struct sheet {
    struct json_writer w;
    struct bytes out;
};

static struct json_writer *sheet_new(struct sheet *sheet)
{
    sheet->out = BYTES_EMPTY;
    json_write_init(&sheet->w, &sheet->out);
    return &sheet->w;
}

/* Demands that this was written, and that it is JSON. */
static void assert_written(struct sheet *sheet, const char *expected)
{
    struct json *root = NULL;

    assert_int_equal(
        json_parse((const char *)bytes_data(&sheet->out), bytes_length(&sheet->out), &root), OK);
    json_free(root);
    bytes_u8(&sheet->out, '\0');
    assert_string_equal((const char *)bytes_data(&sheet->out), expected);
    bytes_done(&sheet->out);
}

/* --- Order --- */

static void test_containers(void **state)
{
    (void)state;
    struct sheet sheet;
    struct json_writer *w = sheet_new(&sheet);

    json_write_open(w, '{');
    json_put_integer(w, "a", 1);
    json_write_name(w, "b");
    json_write_open(w, '[');
    json_write_integer(w, 2);
    json_write_open(w, '{');
    json_write_close(w, '}');
    json_write_open(w, '[');
    json_write_close(w, ']');
    json_write_open(w, '{');
    json_put_null(w, "c");
    json_put_bool(w, "d", true);
    json_write_close(w, '}');
    json_write_bool(w, false);
    json_write_close(w, ']');
    json_put_string(w, "e", "f");
    json_put_string(w, "g", NULL);
    json_put_hex64(w, "h", UINT64_C(0x0123456789ABCDEF));
    json_put_time(w, "i", 0);
    json_write_name(w, "j");
    json_write_raw(w, "[1, 2]", 6);
    json_write_close(w, '}');
    assert_written(&sheet, "{\"a\":1,\"b\":[2,{},[],{\"c\":null,\"d\":true},false],\"e\":\"f\","
                           "\"g\":null,\"h\":\"0123456789abcdef\","
                           "\"i\":\"1970-01-01T00:00:00.000Z\",\"j\":[1, 2]}");
}

/* The writer adds to what is there, and one after another makes lines. */
static void test_appends(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    struct json_writer w;

    for (int i = 0; i < 2; i++) {
        json_write_init(&w, &out);
        json_write_open(&w, '[');
        json_write_integer(&w, i);
        json_write_close(&w, ']');
        bytes_u8(&out, '\n');
    }
    assert_int_equal(bytes_length(&out), 8);
    assert_memory_equal(bytes_data(&out), "[0]\n[1]\n", 8);
    bytes_done(&out);
}

static void test_as_deep_as_there_are_bits(void **state)
{
    (void)state;
    struct sheet sheet;
    struct json_writer *w = sheet_new(&sheet);

    for (int i = 0; i < JSON_WRITE_DEPTH_MAX; i++) {
        json_write_open(w, i % 2 ? '{' : '[');
        if (i % 2)
            json_write_name(w, "n");
    }
    json_write_integer(w, 1);
    json_write_integer(w, 2);
    for (int i = JSON_WRITE_DEPTH_MAX; i-- > 0;)
        json_write_close(w, i % 2 ? '}' : ']');
    bytes_u8(&sheet.out, '\0');
    assert_non_null(strstr((const char *)bytes_data(&sheet.out), "[{\"n\":[1,2]}]"));
    bytes_done(&sheet.out);
}

enum misuse {
    SECOND_ROOT,
    VALUE_WITHOUT_NAME,
    NAME_IN_ARRAY,
    NAME_AT_ROOT,
    NAME_AFTER_NAME,
    CLOSE_AFTER_NAME,
    CLOSE_TOO_MANY,
    CLOSE_WRONG_OBJECT,
    CLOSE_WRONG_ARRAY,
    OPEN_WHAT,
    TOO_DEEP,
    NOT_A_NUMBER,
    INFINITE,
    WIDE_INTEGER,
    WIDE_NEGATIVE,
    EMPTY_RAW,
    MISUSES
};

static void misuse_names(struct json_writer *w, enum misuse misuse)
{
    json_write_open(w, misuse == NAME_IN_ARRAY ? '[' : '{');
    if (misuse == VALUE_WITHOUT_NAME)
        json_write_integer(w, 1);
    json_write_name(w, "a");
    if (misuse == NAME_AFTER_NAME)
        json_write_name(w, "b");
    if (misuse == CLOSE_AFTER_NAME)
        json_write_close(w, '}');
}

static void misuse_brackets(struct json_writer *w, enum misuse misuse)
{
    if (misuse == OPEN_WHAT)
        json_write_open(w, '(');
    for (int i = 0; misuse == TOO_DEEP && i <= JSON_WRITE_DEPTH_MAX; i++)
        json_write_open(w, '[');
    if (misuse == CLOSE_WRONG_OBJECT || misuse == CLOSE_WRONG_ARRAY)
        json_write_open(w, misuse == CLOSE_WRONG_OBJECT ? '{' : '[');
    json_write_close(w, misuse == CLOSE_WRONG_OBJECT ? ']' : '}');
}

static void die_misuse(void *arg)
{
    enum misuse misuse = *(enum misuse *)arg;
    struct sheet sheet;
    struct json_writer *w = sheet_new(&sheet);

    switch (misuse) {
    case SECOND_ROOT:
        json_write_null(w);
        json_write_null(w);
        break;
    case NAME_AT_ROOT:
        json_write_name(w, "a");
        break;
    case VALUE_WITHOUT_NAME:
    case NAME_IN_ARRAY:
    case NAME_AFTER_NAME:
    case CLOSE_AFTER_NAME:
        misuse_names(w, misuse);
        break;
    case CLOSE_TOO_MANY:
    case CLOSE_WRONG_OBJECT:
    case CLOSE_WRONG_ARRAY:
    case OPEN_WHAT:
    case TOO_DEEP:
        misuse_brackets(w, misuse);
        break;
    case NOT_A_NUMBER:
        json_write_number(w, (double)NAN);
        break;
    case INFINITE:
        json_write_number(w, -(double)INFINITY);
        break;
    case WIDE_INTEGER:
        json_write_integer(w, JSON_INTEGER_MAX + 1);
        break;
    case WIDE_NEGATIVE:
        json_write_integer(w, INT64_MIN);
        break;
    case EMPTY_RAW:
        json_write_raw(w, "", 0);
        break;
    case MISUSES:
        break;
    }
}

static void test_misuse_aborts(void **state)
{
    (void)state;

    for (enum misuse misuse = 0; misuse < MISUSES; misuse++)
        unit_assert_aborts(die_misuse, &misuse, "common/json_write.c:");
}

/* --- Strings --- */

static const struct {
    const char *text;
    size_t length;
    const char *json;
} strings[] = {
    {NULL, 0, "\"\""},
    {S("plain ASCII / text ~"), "\"plain ASCII / text ~\""},
    {S("\"\\"), "\"\\\"\\\\\""},
    {S("a\nb\tc"), "\"a\\nb\\tc\""},
    {S("\b\f\r\x01\x1F\x7F"), "\"\\u0008\\u000c\\u000d\\u0001\\u001f\\u007f\""},
    {S("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\"\\u0080\\u009b\\u009f\xC2\xA0\""},
    {S("\xC2\xAD\xD8\x9C"), "\"\\u00ad\\u061c\""},
    {S("\xE2\x80\xAE\xE2\x81\xA9\xE2\x80\x8D"), "\"\\u202e\\u2069\\u200d\""},
    {S("\xE2\x80\xA8\xE2\x80\xA9"), "\"\\u2028\\u2029\""},
    {S("\xEF\xBB\xBF\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xB7\x90"), "\"\\ufeff\\ufffe\\uffff\\ufdd0\""},
    {S("\xF3\xA0\x81\x81\xF4\x8F\xBF\xBF"), "\"\\udb40\\udc41\\udbff\\udfff\""},
    {S("\xF0\x9F\x99\x82 \xE2\x82\xAC \xC3\xA9 \xEF\xBF\xBD"),
     "\"\xF0\x9F\x99\x82 \xE2\x82\xAC \xC3\xA9 \xEF\xBF\xBD\""},
    {S("a\0b"), "\"a\\ufffdb\""},
    {S("a\xFFz\xC3"), "\"a\\ufffdz\\ufffd\""},
    {S("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\""},
};

static void test_strings(void **state)
{
    (void)state;
    struct sheet sheet;

    for (size_t i = 0; i < COUNT(strings); i++) {
        json_write_string_n(sheet_new(&sheet), strings[i].text, strings[i].length);
        assert_written(&sheet, strings[i].json);
    }
    json_write_string(sheet_new(&sheet), "text");
    assert_written(&sheet, "\"text\"");
    json_write_string(sheet_new(&sheet), NULL);
    assert_written(&sheet, "null");
}

static void test_names_are_escaped(void **state)
{
    (void)state;
    struct sheet sheet;
    struct json_writer *w = sheet_new(&sheet);

    json_write_open(w, '{');
    json_put_null(w, "\"\n\xE2\x80\xAE");
    json_write_close(w, '}');
    assert_written(&sheet, "{\"\\\"\\n\\u202e\":null}");
}

static size_t utf8(uint32_t code, char out[4])
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(leads[size] | code);
    return size;
}

/* Each code alone: what is written is safe, reads back equal, and a message does not grow beyond
 * three times its length, so that the longest one fits into a frame. */
static void test_every_code(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    struct json_writer w;
    const char *again;
    struct json *root;
    size_t length;

    for (uint32_t code = 1; code < 0x110000; code++) {
        uint32_t shown;
        char text[4];
        size_t size = utf8(code, text);

        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        bytes_clear(&out);
        json_write_init(&w, &out);
        json_write_string_n(&w, text, size);
        if (text_is_message(text, size))
            assert_true(bytes_length(&out) - 2 <= 3 * size);
        for (size_t at = 0, step; at < bytes_length(&out); at += step) {
            step =
                text_decode((const char *)bytes_data(&out) + at, bytes_length(&out) - at, &shown);
            assert_true(step > 0 && !text_is_unsafe(shown));
        }
        assert_int_equal(json_parse((const char *)bytes_data(&out), bytes_length(&out), &root), OK);
        assert_true(json_string(root, &again, &length));
        assert_int_equal(length, size);
        assert_memory_equal(again, text, size);
        json_free(root);
    }
    bytes_done(&out);
}

static void test_longest_message(void **state)
{
    (void)state;
    enum { MESSAGE_MAX = 65536 };
    char *text = xmalloc(MESSAGE_MAX);
    struct sheet sheet;

    memset(text, '\n', MESSAGE_MAX);
    json_write_string_n(sheet_new(&sheet), text, MESSAGE_MAX);
    assert_int_equal(bytes_length(&sheet.out), 2 * MESSAGE_MAX + 2);
    bytes_done(&sheet.out);
    memset(text, 'a', MESSAGE_MAX);
    json_write_string_n(sheet_new(&sheet), text, MESSAGE_MAX);
    assert_int_equal(bytes_length(&sheet.out), MESSAGE_MAX + 2);
    assert_memory_equal(bytes_data(&sheet.out) + 1, text, MESSAGE_MAX);
    bytes_done(&sheet.out);
    free(text);
}

/* --- Numbers --- */

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        int64_t integer;
        const char *json;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {1234567890, "1234567890"},
        {JSON_INTEGER_MAX, "9007199254740991"},
        {-JSON_INTEGER_MAX, "-9007199254740991"},
    };
    struct sheet sheet;

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_write_integer(sheet_new(&sheet), rows[i].integer);
        assert_written(&sheet, rows[i].json);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *json;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {1.0, "1"},
        {-2.0, "-2"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {0.5, "0.5"},
        {-0.1, "-0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {1e-7, "1e-07"},
        {1e21, "1e+21"},
        {1e308, "1e+308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {5e-324, "5e-324"},
    };
    struct sheet sheet;

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_write_number(sheet_new(&sheet), rows[i].number);
        assert_written(&sheet, rows[i].json);
    }
}

/* Doubles of every exponent read back equal. */
static void test_numbers_read_back(void **state)
{
    (void)state;
    uint64_t bits = UINT64_C(0x9E3779B97F4A7C15);

    for (int i = 0; i < 4096; i++) {
        struct sheet sheet;
        struct json *root;
        double number, again = 0;

        bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407;
        memcpy(&number, &(uint64_t){(bits & ~(UINT64_C(0x7FF) << 52)) | (uint64_t)(i % 2047) << 52},
               sizeof(number));
        json_write_number(sheet_new(&sheet), number);
        assert_int_equal(
            json_parse((const char *)bytes_data(&sheet.out), bytes_length(&sheet.out), &root), OK);
        assert_true(json_number(root, &again));
        assert_true(again == number);
        json_free(root);
        bytes_done(&sheet.out);
    }
}

static void test_hex64(void **state)
{
    (void)state;
    struct sheet sheet;

    json_write_hex64(sheet_new(&sheet), 0);
    assert_written(&sheet, "\"0000000000000000\"");
    json_write_hex64(sheet_new(&sheet), UINT64_MAX);
    assert_written(&sheet, "\"ffffffffffffffff\"");
    json_write_hex64(sheet_new(&sheet), 0xA5);
    assert_written(&sheet, "\"00000000000000a5\"");
}

/* --- Time --- */

static void test_times(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *json;
    } rows[] = {
        {0, "\"1970-01-01T00:00:00.000Z\""},
        {-1, "\"1969-12-31T23:59:59.999Z\""},
        {INT64_C(1769860800123), "\"2026-01-31T12:00:00.123Z\""},
        {INT64_C(951782399999), "\"2000-02-28T23:59:59.999Z\""},
        {INT64_C(951782400000), "\"2000-02-29T00:00:00.000Z\""},
        {INT64_C(951868800000), "\"2000-03-01T00:00:00.000Z\""},
        {INT64_C(-2203891200000), "\"1900-03-01T00:00:00.000Z\""},
        {INT64_C(-2203891200001), "\"1900-02-28T23:59:59.999Z\""},
        {INT64_C(4107542400000), "\"2100-03-01T00:00:00.000Z\""},
        {INT64_C(-62167219200000), "\"0000-01-01T00:00:00.000Z\""},
        {INT64_C(-62162035200000), "\"0000-03-01T00:00:00.000Z\""},
        {INT64_C(253402300799999), "\"9999-12-31T23:59:59.999Z\""},
        /* beyond what the form can say */
        {INT64_C(-62167219200001), "\"0000-01-01T00:00:00.000Z\""},
        {INT64_C(253402300800000), "\"9999-12-31T23:59:59.999Z\""},
        {INT64_MIN, "\"0000-01-01T00:00:00.000Z\""},
        {INT64_MAX, "\"9999-12-31T23:59:59.999Z\""},
    };
    struct sheet sheet;

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_write_time(sheet_new(&sheet), rows[i].unix_ms);
        assert_written(&sheet, rows[i].json);
    }
}

/* Every day of 10,000 years follows the one before. */
static void test_every_day(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t unix_ms = INT64_C(-62167219200000);
    struct bytes out = BYTES_EMPTY;
    char expected[32];

    for (unsigned year = 0; year < 10000; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        for (unsigned month = 1; month <= 12; month++) {
            unsigned days = lengths[month - 1] + (month == 2 && leap);

            for (unsigned day = 1; day <= days; day++, unix_ms += 86400000) {
                struct json_writer w;

                snprintf(expected, sizeof(expected), "\"%04u-%02u-%02uT", year, month, day);
                bytes_clear(&out);
                json_write_init(&w, &out);
                json_write_time(&w, unix_ms);
                assert_memory_equal(bytes_data(&out), expected, strlen(expected));
            }
        }
    }
    bytes_done(&out);
}

/* --- Parsed values --- */

static void test_values_printed_again(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null", "true", "false",
        "0",    "-1.5", "\"\\udb40\\udc41\\u0001\"",
        "[]",   "{}",   "{\"a\":[1,2.5,\"x\",null,{\"b\":{}}],\"\\n\":false}"};
    static const char text[] =
        " { \"a\" : [ 1.0 , 1e2 , \"\\/\\u0041\\u200b\" ] , \"\\u0062\" : -0 } ";
    struct sheet sheet;
    struct json *root;

    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(json_parse(texts[i], strlen(texts[i]), &root), OK);
        json_write_value(sheet_new(&sheet), root);
        assert_written(&sheet, texts[i]);
        json_free(root);
    }
    assert_int_equal(json_parse(text, strlen(text), &root), OK);
    json_write_value(sheet_new(&sheet), root);
    assert_written(&sheet, "{\"a\":[1,100,\"/A\\u200b\"],\"b\":0}");
    json_write_open(sheet_new(&sheet), '[');
    json_write_null(&sheet.w);
    json_write_value(&sheet.w, json_member(root, "a"));
    json_write_close(&sheet.w, ']');
    assert_written(&sheet, "[null,[1,100,\"/A\\u200b\"]]");
    json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_as_deep_as_there_are_bits),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_names_are_escaped),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_longest_message),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_hex64),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_values_printed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
