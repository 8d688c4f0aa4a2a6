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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S(text)      text, sizeof(text) - 1

/* In a block of exactly that size, so that AddressSanitizer sees a read beyond it. */
static enum error parse(const char *text, size_t length, struct json **ret_root)
{
    char *block = xmemdup(text, length);
    enum error error = json_parse(block, length, ret_root);

    free(block);
    return error;
}

static struct json *parsed(const char *text)
{
    struct json *root = NULL;

    if (parse(text, strlen(text), &root) != OK)
        fail_msg("%s was refused", text);
    return root;
}

static bool is_refused(const char *text, size_t length)
{
    struct json *root = NULL;
    enum error error = parse(text, length, &root);

    assert_true(root != NULL ? error == OK : error == ERR_PARSE_ERROR);
    json_free(root);
    return error != OK;
}

/* --- What only shows once numbers and names are decoded --- */

static const char *const bad[] = {
    /* beyond a double */
    "1e999", "-1e999", "1.7976931348623159e308", "[1e400]", "{\"a\":{\"b\":[-1e400]}}",
    /* names that occur twice */
    "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"\":1,\"\":2}", "{\"a\":1,\"\\u0061\":2}",
    "{\"\\u0061\":1,\"\\u0061\":2}", "{\"/\":1,\"\\/\":2}",
    "{\"\xF0\x90\x80\x80\":1,\"\\uD800\\uDC00\":2}", "{\"\\u00E9\":1,\"\xC3\xA9\":2}",
    "[{\"a\":1,\"a\":1}]", "{\"b\":{\"a\":1,\"a\":1}}", "{\"a\":[],\"a\":{}}"};

static void test_refused_when_decoded(void **state)
{
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        if (!is_refused(bad[i], strlen(bad[i])))
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_refused_by_the_grammar(void **state)
{
    (void)state;

    assert_true(is_refused("", 0));
    assert_true(is_refused(NULL, 0));
    assert_true(is_refused(S("[1,]")));
    assert_true(is_refused(S("1\0")));
    assert_true(is_refused(S("\"\\u0000\"")));
    assert_true(is_refused(S("\"\xFF\"")));
}

/* Every byte in place of every other: what the grammar takes, cJSON must take too. */
static void test_every_byte_changed(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u00e9\":[1.5e3,\"\xC3\xA9\"],\"b\":{}}";
    char changed[sizeof(text)];
    size_t taken = 0;

    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        memcpy(changed, text, sizeof(text));
        for (int byte = 0; byte < 256; byte++) {
            changed[at] = (char)byte;
            taken += !is_refused(changed, sizeof(text) - 1);
        }
    }
    assert_true(taken >= sizeof(text) - 1);
}

/* The longest number there is room for reaches cJSON whole. */
static void test_longest_number(void **state)
{
    (void)state;
    char text[JSON_NUMBER_LENGTH_MAX + 1] = "0.";
    double number = 0;
    struct json *root;

    memset(text + 2, '1', sizeof(text) - 3);
    root = parsed(text);
    assert_true(json_number(root, &number));
    assert_true(number == 1.0 / 9);
    json_free(root);
    text[JSON_NUMBER_LENGTH_MAX - 2] = 'e';
    text[JSON_NUMBER_LENGTH_MAX - 1] = '9';
    root = parsed(text);
    assert_true(json_number(root, &number));
    assert_true(number == 1e9 / 9);
    json_free(root);
}

/* --- Names that occur twice, among many --- */

static bool members_are_refused(int count, int twice)
{
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;
    char name[16];
    bool refused;

    json_write_init(&w, &text);
    json_write_open(&w, '{');
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "n%d", i == count - 1 && twice >= 0 ? twice : i);
        json_put_null(&w, name);
    }
    json_write_close(&w, '}');
    refused = is_refused((const char *)bytes_data(&text), bytes_length(&text));
    bytes_done(&text);
    return refused;
}

static void test_names_among_many(void **state)
{
    (void)state;

    for (int count = 1; count < 40; count++) {
        assert_false(members_are_refused(count, -1));
        for (int twice = 0; twice < count - 1; twice++)
            assert_true(members_are_refused(count, twice));
    }
    assert_false(members_are_refused(100000, -1));
    assert_true(members_are_refused(100000, 0));
    assert_true(members_are_refused(100000, 50000));
}

/* --- Much input: what is not linear would take minutes here --- */

static void repeat(struct bytes *text, const char *first, const char *rest, size_t length)
{
    bytes_text(text, first);
    while (bytes_length(text) < length)
        bytes_text(text, rest);
}

static void test_a_mebibyte_of_anything(void **state)
{
    (void)state;
    static const struct {
        const char *first, *rest, *close;
    } texts[] = {{"[1", ",1", "]"},
                 {"[\"\"", ",\"\"", "]"},
                 {"[[]", ",[]", "]"},
                 {"[{}", ",{}", "]"},
                 {"[{\"a\":1,\"b\":2}", ",{\"a\":1,\"b\":2}", "]"},
                 {"\"", "\\u0001", "\""},
                 {"\"", "\\n", "\""},
                 {"\"", "\xF0\x9F\x99\x82", "\""},
                 {"\"", "plain text ", "\""},
                 {"[1", " ", "]"}};

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bytes text = BYTES_EMPTY;

        repeat(&text, texts[i].first, texts[i].rest, 1 << 20);
        assert_true(is_refused((const char *)bytes_data(&text), bytes_length(&text)));
        bytes_text(&text, texts[i].close);
        assert_false(is_refused((const char *)bytes_data(&text), bytes_length(&text)));
        bytes_done(&text);
    }
}

static void test_many_elements(void **state)
{
    (void)state;
    enum { ELEMENTS = 500000 };
    struct bytes text = BYTES_EMPTY;
    struct json *root;
    size_t count = 0;

    repeat(&text, "[0", ",1", 2 * ELEMENTS);
    bytes_text(&text, "]");
    assert_int_equal(parse((const char *)bytes_data(&text), bytes_length(&text), &root), OK);
    assert_int_equal(json_count(root), ELEMENTS);
    for (const struct json *at = json_first(root); at != NULL; at = json_next(at))
        count++;
    assert_int_equal(count, ELEMENTS);
    json_free(root);
    bytes_done(&text);
}

/* --- Values --- */

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {{"null", JSON_NULL}, {"true", JSON_BOOL},   {"false", JSON_BOOL},
                {"0", JSON_NUMBER},  {"\"\"", JSON_STRING}, {"[]", JSON_ARRAY},
                {"{}", JSON_OBJECT}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = parsed(rows[i].text);
        const char *text = "untouched";
        int64_t integer = 7;
        uint64_t hex = 7;
        double number = 7;
        size_t length = 7;
        bool truth = false;

        assert_int_equal(json_type(root), rows[i].type);
        assert_int_equal(json_string(root, &text, &length), rows[i].type == JSON_STRING);
        assert_int_equal(json_number(root, &number), rows[i].type == JSON_NUMBER);
        assert_int_equal(json_integer(root, &integer), rows[i].type == JSON_NUMBER);
        assert_int_equal(json_bool(root, &truth), rows[i].type == JSON_BOOL);
        assert_false(json_hex64(root, &hex));
        assert_string_equal(text, rows[i].type == JSON_STRING ? "" : "untouched");
        assert_int_equal(length, rows[i].type == JSON_STRING ? 0 : 7);
        assert_true(number == (rows[i].type == JSON_NUMBER ? 0 : 7));
        assert_int_equal(integer, rows[i].type == JSON_NUMBER ? 0 : 7);
        assert_int_equal(truth, i == 1);
        assert_int_equal(hex, 7);
        assert_null(json_member(root, "a"));
        assert_null(json_first(root));
        assert_int_equal(json_count(root), 0);
        assert_null(json_next(root));
        json_free(root);
    }
}

static void test_nothing_is_no_value(void **state)
{
    (void)state;
    const char *text;
    int64_t integer;
    uint64_t hex;
    double number;
    size_t length;
    bool truth;

    assert_null(json_member(NULL, "a"));
    assert_null(json_first(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_false(json_string(NULL, &text, &length));
    assert_false(json_number(NULL, &number));
    assert_false(json_integer(NULL, &integer));
    assert_false(json_bool(NULL, &truth));
    assert_false(json_hex64(NULL, &hex));
    json_free(NULL);
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE42\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82"},
        {"\"\\uffff\\udbff\\udfff\\u0001\"", "\xEF\xBF\xBF\xF4\x8F\xBF\xBF\x01"},
        {"\"\xC3\xA9\x7F\"", "\xC3\xA9\x7F"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = parsed(rows[i].json);
        const char *text = NULL;
        size_t length = 0;

        assert_true(json_string(root, &text, &length));
        assert_int_equal(length, strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        json_free(root);
    }
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t integer;
    } rows[] = {{"0", 0},
                {"-0", 0},
                {"-0.0", 0},
                {"0e5", 0},
                {"1", 1},
                {"-1", -1},
                {"1.0", 1},
                {"1e3", 1000},
                {"1E+3", 1000},
                {"10e-1", 1},
                {"1.5e1", 15},
                {"2147483648", INT64_C(2147483648)},
                {"-2147483649", INT64_C(-2147483649)},
                {"9007199254740991", JSON_INTEGER_MAX},
                {"-9007199254740991", -JSON_INTEGER_MAX},
                {"9007199254740990", JSON_INTEGER_MAX - 1},
                {"9007199254740991.0", JSON_INTEGER_MAX},
                {"0.9007199254740991e16", JSON_INTEGER_MAX}};
    static const char *const no_integers[] = {"0.5",
                                              "-0.5",
                                              "1.5",
                                              "1e-1",
                                              "0.9999999999999999",
                                              "5e-324",
                                              "9007199254740992",
                                              "-9007199254740992",
                                              "9007199254740993",
                                              "9007199254740991.5",
                                              "1e16",
                                              "18446744073709551615",
                                              "9223372036854775807",
                                              "-9223372036854775808",
                                              "1e308",
                                              "-1e308",
                                              "\"1\"",
                                              "true",
                                              "null",
                                              "[1]"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = parsed(rows[i].json);
        int64_t integer = -7;

        assert_true(json_integer(root, &integer));
        assert_true(integer == rows[i].integer);
        json_free(root);
    }
    for (size_t i = 0; i < COUNT(no_integers); i++) {
        struct json *root = parsed(no_integers[i]);
        int64_t integer = 7;

        assert_false(json_integer(root, &integer));
        assert_true(integer == 7);
        json_free(root);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double number;
    } rows[] = {{"0", 0.0},
                {"0.5", 0.5},
                {"-1.25e2", -125.0},
                {"0.1", 0.1},
                {"1e-7", 1e-7},
                {"1e308", 1e308},
                {"1.7976931348623157e308", DBL_MAX},
                {"-1.7976931348623157e308", -DBL_MAX},
                {"5e-324", 5e-324},
                {"1e-999", 0.0},
                {"18446744073709551616", 18446744073709551616.0}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = parsed(rows[i].json);
        double number = -7;

        assert_true(json_number(root, &number));
        assert_true(number == rows[i].number);
        json_free(root);
    }
}

static void test_minus_zero_is_zero(void **state)
{
    (void)state;
    static const char *const zeros[] = {"-0", "-0.0", "-0e1", "-1e-999"};

    for (size_t i = 0; i < COUNT(zeros); i++) {
        struct json *root = parsed(zeros[i]);
        double number = -7;

        assert_true(json_number(root, &number));
        assert_true(number == 0.0 && !signbit(number));
        json_free(root);
    }
}

static void test_hex64(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint64_t number;
    } rows[] = {{"\"0000000000000000\"", 0},
                {"\"ffffffffffffffff\"", UINT64_MAX},
                {"\"0123456789abcdef\"", UINT64_C(0x0123456789ABCDEF)},
                {"\"\\u0030123456789abcdef\"", UINT64_C(0x0123456789ABCDEF)}};
    static const char *const others[] = {"\"\"",
                                         "\"0\"",
                                         "\"123456789abcdef\"",
                                         "\"0123456789abcdef0\"",
                                         "\"0123456789ABCDEF\"",
                                         "\"0123456789abcdeg\"",
                                         "\"0x23456789abcdef\"",
                                         "\" 123456789abcdef\"",
                                         "\"-123456789abcdef\"",
                                         "0",
                                         "null"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json *root = parsed(rows[i].json);
        uint64_t number = 7;

        assert_true(json_hex64(root, &number));
        assert_true(number == rows[i].number);
        json_free(root);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        struct json *root = parsed(others[i]);
        uint64_t number = 7;

        assert_false(json_hex64(root, &number));
        assert_true(number == 7);
        json_free(root);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct json *root = parsed("{\"a\":1,\"A\":2,\"\":3,\"\\u00e9\":[true,{\"a\":4}],\"n\":null}");
    static const char *const names[] = {"a", "A", "", "\xC3\xA9", "n"};
    const struct json *at = json_first(root), *list;
    int64_t integer = 0;
    size_t i = 0;

    assert_int_equal(json_count(root), 5);
    for (; at != NULL; at = json_next(at), i++) {
        assert_string_equal(json_name(at), names[i]);
        assert_ptr_equal(json_member(root, names[i]), at);
    }
    assert_int_equal(i, 5);
    assert_true(json_integer(json_member(root, "A"), &integer));
    assert_int_equal(integer, 2);
    assert_null(json_member(root, "b"));
    assert_null(json_member(root, "N"));
    assert_int_equal(json_type(json_member(root, "n")), JSON_NULL);

    list = json_member(root, "\xC3\xA9");
    assert_null(json_member(list, "a"));
    assert_null(json_name(json_first(list)));
    assert_int_equal(json_count(list), 2);
    assert_true(json_integer(json_member(json_next(json_first(list)), "a"), &integer));
    assert_int_equal(integer, 4);
    json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_when_decoded),
        cmocka_unit_test(test_refused_by_the_grammar),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_longest_number),
        cmocka_unit_test(test_names_among_many),
        cmocka_unit_test(test_a_mebibyte_of_anything),
        cmocka_unit_test(test_many_elements),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_nothing_is_no_value),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_minus_zero_is_zero),
        cmocka_unit_test(test_hex64),
        cmocka_unit_test(test_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
