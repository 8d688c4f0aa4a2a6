#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/json.h"
#include "common/json_scan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S(text)      text, sizeof(text) - 1

/* In a block of exactly that size, so that AddressSanitizer sees a read beyond it. */
static bool is_taken(const char *text, size_t length)
{
    char *block = xmemdup(text, length);
    size_t count;
    bool taken = json_scan(block, length, SIZE_MAX, &count) == OK;

    free(block);
    return taken;
}

/* --- Grammar --- */

static const char *const good[] = {
    "null", "true", "false", "0", "-0", "\"\"", "[]", "{}", " [ ] ", "\t\r\n {\n}\t", "[1,2]",
    "[ 1 , 2 ]", "{\"a\":1}", " { \"a\" : 1 , \"b\" : [ ] } ", "{\"\":0}",
    "[null,true,false,\"\",0,[],{}]", "{\"a\":1,\"A\":2,\"a \":3,\"\\u0041a\":4}",
    "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]",
    /* numbers */
    "1", "-1", "10", "0.5", "-0.5", "1.0", "1e3", "1E3", "1e+3", "1e-3", "0e0", "0E+0",
    "1.25e-00003", "123456789012345678901", "1e308", "-1.7976931348623157e308", "5e-324", "1e-999",
    "0.1000000000000000055511151231257827021181583404541015625",
    /* strings */
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\\uFFFF\\ud800\\udc00\\uDBFF\\uDFFF\"",
    "\"\\\\u0000\"", "\"a\x7F/\"",
    "\"\xC2\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF\"", "\"\xEF\xBB\xBF\"",
    "\"\xE2\x80\xA8\"", "\"0123456789 0123456789 0123456789\""};

static const char *const bad[] = {
    "", " ", "\n", "nul", "nulll", "Null", "tru", "truE", "TRUE", "fals", "falsey", "nan", "NaN",
    "inf", "Infinity", "-Infinity", "undefined", "a", "'a'", "\\", "/", "// c\n1", "1 // c",
    "/* c */1", "#", "\x01", "\x7F", "\xEF\xBB\xBF[]", "\xEF\xBB\xBF", "\xFF\xFE", "\x0B[]", "\f1",
    "1\xC2\xA0", "\xE2\x80\xA8[]",
    /* more than one value */
    "1 2", "1,", ",1", "[][]", "{}{}", "[]]", "{}}", "{}[]", "\"\"\"\"", "null null", "1 x",
    "[] \x01",
    /* arrays */
    "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1}", "[1:2]", "[\"a\":1]",
    "[1,2", "[[]", "[[", "[1]]", "[\"", "[a]",
    /* objects */
    "{", "}", "{1}", "{\"a\"", "{\"a\"}", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,",
    "{\"a\":1,}", "{,\"a\":1}", "{\"a\" 1}", "{\"a\"::1}", "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}", "{\"a\":1;\"b\":2}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{\"a\":1]",
    "{[]:1}", "{\"a\",1}", "{\"a\":1}}", "{\"a\":a}", "{\"a", "{\"a\xFF\":1}", "{\"a\\\":1}",
    /* numbers */
    "-", "+1", "--1", "-a", "- 1", "00", "01", "-01", "-00", "012", "1.", ".5", "-.5", "1..2",
    "1.e1", "1e", "1e+", "1e-", "1e+-1", "1e1.5", "1e 1", "0x1", "0x", "1_000", "1,000", "1a",
    "1.5.5", "1ee1", "0e", "\xD9\xA1", "2.", "-2.", "0.e1", "1 .5", "1. 5", "1f", "1l", "1n", "[-]",
    "[.]", "[1.]",
    /* strings */
    "\"", "\"a", "\"\\", "\"\\\"", "\"a\nb\"", "\"a\tb\"", "\"\x1F\"", "\"\r\"", "\"\\a\"",
    "\"\\v\"", "\"\\0\"", "\"\\'\"", "\"\\x41\"", "\"\\U0041\"", "\"\\\n\"", "\"\\u\"", "\"\\u1\"",
    "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"", "\"\\u 123\"", "\"\\u+123\"", "\"\\u-123\"",
    "\"\\u0x12\"", "\"\\u12", "\"\\u1234", "\"\\u0000\"", "\"a\\u0000b\"", "{\"a\\u0000\":1}",
    "\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udfff\"", "\"\\ud800a\"", "\"\\ud800\\n\"",
    "\"\\ud800\\\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ue000\"",
    "\"\\udc00\\ud800\"", "\"\\ud800\\udc0\"", "\"\\ud800\\u", "\"\\ud800\\udc0", "\"\\ud800\\\"",
    "{\"\\ud800\":1}", "\"\x80\"", "\"\xC0\x80\"", "\"\xC3\"", "\"\xC3\xC3\"", "\"\xED\xA0\x80\"",
    "\"\xED\xB0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xFF\"", "\"\xE2\x82", "\"0123456\xFF\""};

static void test_grammar(void **state)
{
    (void)state;

    for (size_t i = 0; i < COUNT(good); i++) {
        if (!is_taken(good[i], strlen(good[i])))
            fail_msg("%s was refused", good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (is_taken(bad[i], strlen(bad[i])))
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_nul_bytes(void **state)
{
    (void)state;

    assert_false(is_taken(S("\0")));
    assert_false(is_taken(S("1\0")));
    assert_false(is_taken(S("\"a\0b\"")));
    assert_false(is_taken(S("[1,\0,2]")));
    assert_false(is_taken(S("{\"a\0\":1}")));
    assert_false(is_taken(NULL, 0));
}

/* No prefix of an object or array is one, and none reads beyond its end. */
static void test_every_prefix(void **state)
{
    (void)state;
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"x\":[true,false,null,-1.5e-3],"
                               "\"t\":\"\\ud83d\\ude42 \xF0\x9F\x99\x82\\n\"}";

    for (size_t length = 0; length < sizeof(text) - 1; length++)
        assert_false(is_taken(text, length));
    assert_true(is_taken(text, sizeof(text) - 1));
}

/* --- Limits --- */

static bool is_taken_nested(const char *open, const char *inner, const char *close, int depth)
{
    struct bytes text = BYTES_EMPTY;
    bool taken;

    for (int i = 0; i < depth; i++)
        bytes_text(&text, open);
    bytes_text(&text, inner);
    for (int i = 0; i < depth; i++)
        bytes_text(&text, close);
    taken = is_taken((const char *)bytes_data(&text), bytes_length(&text));
    bytes_done(&text);
    return taken;
}

static enum error scan(const char *text, size_t values_max, size_t *ret_count)
{
    return json_scan(text, strlen(text), values_max, ret_count);
}

static void test_number_of_values(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"b\",{}],\"c\":null}"; /* and the object itself */
    size_t count = 99;

    assert_int_equal(scan(text, 5, &count), ERR_OVERSIZED);
    assert_int_equal(scan(text, 0, &count), ERR_OVERSIZED);
    assert_int_equal(scan("[1,2,3,", 3, &count), ERR_OVERSIZED); /* is not looked at further */
    assert_int_equal(scan("[1,x,3]", 3, &count), ERR_PARSE_ERROR);
    assert_int_equal(scan("[1,2] 3", 3, &count), ERR_PARSE_ERROR);
    assert_int_equal(scan("{\"a\" 1}", 1, &count), ERR_PARSE_ERROR);
    assert_int_equal(count, 99);
    assert_int_equal(scan(text, 6, &count), OK);
    assert_int_equal(count, 6);
    assert_int_equal(scan(text, SIZE_MAX, &count), OK);
    assert_int_equal(count, 6);
}

static void test_nesting(void **state)
{
    (void)state;

    assert_true(is_taken_nested("[", "1", "]", JSON_DEPTH_MAX));
    assert_false(is_taken_nested("[", "1", "]", JSON_DEPTH_MAX + 1));
    assert_true(is_taken_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX));
    assert_false(is_taken_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1));
    assert_true(is_taken_nested("[", "[],{}", "]", JSON_DEPTH_MAX - 1));
    assert_false(is_taken_nested("[", "[]", "]", JSON_DEPTH_MAX));
    assert_false(is_taken_nested("[", "{}", "]", JSON_DEPTH_MAX));
    assert_false(is_taken_nested("[", "", "", 1000000));
    assert_false(is_taken_nested("{\"a\":", "", "", 1000000));
}

static void test_length_of_numbers(void **state)
{
    (void)state;
    char text[JSON_NUMBER_LENGTH_MAX + 3] = "[1.";

    memset(text + 3, '1', sizeof(text) - 3);
    assert_true(is_taken(text + 1, JSON_NUMBER_LENGTH_MAX));
    assert_false(is_taken(text + 1, JSON_NUMBER_LENGTH_MAX + 1));
    text[JSON_NUMBER_LENGTH_MAX + 1] = ']';
    assert_true(is_taken(text, JSON_NUMBER_LENGTH_MAX + 2));
    text[JSON_NUMBER_LENGTH_MAX + 1] = '1';
    text[JSON_NUMBER_LENGTH_MAX + 2] = ']';
    assert_false(is_taken(text, JSON_NUMBER_LENGTH_MAX + 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),      cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_every_prefix), cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_nesting),      cmocka_unit_test(test_length_of_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
