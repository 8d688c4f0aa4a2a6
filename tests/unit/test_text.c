#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "common/alloc.h"
#include "common/text.h"

enum { CODE_END = 0x110000 };

/* --- Decoding --- */

static bool is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

/* Writes a code as UTF-8 does, also where UTF-8 forbids it. */
static size_t encode(uint32_t code, size_t size, char out[4])
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(leads[size] | code);
    return size;
}

static size_t shortest(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static void test_every_code_in_every_length(void **state)
{
    (void)state;
    char text[4];

    for (uint32_t code = 0; code < 0x200000; code++) {
        for (size_t size = shortest(code); size <= 4; size++) {
            bool good = size == shortest(code) && !is_surrogate(code) && code < CODE_END;
            uint32_t decoded = UINT32_MAX;

            encode(code, size, text);
            if (text_decode(text, size, &decoded) != (good ? size : 0))
                fail_msg("U+%04X in %zu bytes", code, size);
            assert_true(decoded == (good ? code : UINT32_MAX));
            assert_int_equal(text_decode(text, size - 1, &decoded), 0);
        }
    }
}

static void test_not_utf8(void **state)
{
    (void)state;
    /* Table 3-7 of the Unicode standard, from its edges outward. */
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x7F",
        "\xC2\xC0",
        "\xE0\x9F\xBF",
        "\xE0\xA0",
        "\xE1\x80\x7F",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xEF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80",
        "\xF0\x90\x80\xC0",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFC\x84\x80\x80\x80\x80",
        "\xFE",
        "\xFF",
    };
    char text[64];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t length = strlen(bad[i]);

        /* Alone, and at every place of the words that are looked at together. */
        for (size_t before = 0; before < 20; before++) {
            memset(text, 'a', sizeof(text));
            memcpy(text + before, bad[i], length);
            assert_false(text_is_utf8(text, before + length));
            assert_false(text_is_utf8(text, sizeof(text)));
            assert_false(text_is_message(text, before + length));
        }
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const char text[] =
        "plain \"ASCII\\\", \t\r\n\x7F \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF "
        "\xEE\x80\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF\0 and on";

    assert_true(text_is_utf8(text, sizeof(text)));
    assert_true(text_is_utf8(text, sizeof("plain")));
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_utf8(NULL, 0));
}

static void test_plain_run(void **state)
{
    (void)state;
    char text[41];

    assert_int_equal(text_plain_run(NULL, 0), 0);
    for (int c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';

        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, c == 0x80 ? ' ' : '~', sizeof(text));
            text[at] = (char)c;
            assert_int_equal(text_plain_run(text, sizeof(text)), plain ? sizeof(text) : at);
            assert_int_equal(text_plain_run(text, at), at);
        }
    }
}

/* --- Judging --- */

/* Unicode 15.0 as utf8proc knows it. A newer one may move unassigned codes: then our table is old.
 */
static void test_unsafe_is_what_unicode_says(void **state)
{
    (void)state;

    for (uint32_t code = 0; code < CODE_END; code++) {
        utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
        bool format = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
                      category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
        bool nonchar = (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code < 0xFDF0);
        bool tag = code >= 0xE0000 && code < 0xE0080;

        if (text_is_unsafe(code) != (format || nonchar || tag || is_surrogate(code)))
            fail_msg("U+%04X is of category %s", code, utf8proc_category_string((int32_t)code));
    }
    assert_true(text_is_unsafe(CODE_END));
    assert_true(text_is_unsafe(UINT32_MAX));
}

static void test_bidirectional_controls_are_unsafe(void **state)
{
    (void)state;
    static const uint32_t controls[] = {0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C,
                                        0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069};

    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        assert_true(text_is_unsafe(controls[i]));
}

static void test_messages(void **state)
{
    (void)state;
    static const char family[] = "a family \xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\n";
    char text[4];

    for (uint32_t code = 0; code < CODE_END; code++) {
        bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        bool good = !control || code == '\n' || code == '\t';
        size_t size;

        if (is_surrogate(code))
            continue;
        size = encode(code, shortest(code), text);
        if (text_is_message(text, size) != good)
            fail_msg("U+%04X", code);
    }
    assert_true(text_is_message("", 0));
    assert_true(text_is_message(family, sizeof(family) - 1));
    assert_false(text_is_message(family, sizeof(family)));
    assert_false(text_is_message("a\0b", 3));
    assert_false(text_is_message("a\r\n", 3));
}

/* --- Showing --- */

#define S(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t length;
    const char *shown;
} shows[] = {
    {S(""), ""},
    {NULL, 0, ""},
    {S("plain \"text\" \\ too"), "plain \"text\" \\ too"},
    {S("Zo\xC3\xAB \xE2\x82\xAC \xF0\x9F\x99\x82"), "Zo\xC3\xAB \xE2\x82\xAC \xF0\x9F\x99\x82"},
    {S("a\nb\tc\rd"), "a<U+000A>b<U+0009>c<U+000D>d"},
    {S("a\0b"), "a<U+0000>b"},
    {S("\x1B[31mred\x7F"), "<U+001B>[31mred<U+007F>"},
    {S("\xC2\x9B"
       "31m"),
     "<U+009B>31m"},
    {S("\xE2\x80\xAE"
       "txt\xE2\x81\xA9"),
     "<U+202E>txt<U+2069>"},
    {S("\xE2\x80\xA8\xE2\x80\xA9"), "<U+2028><U+2029>"},
    {S("\xEF\xBB\xBF\xEF\xBF\xBE"), "<U+FEFF><U+FFFE>"},
    {S("\xF3\xA0\x81\x81"), "<U+E0041>"},
    {S("\xF4\x8F\xBF\xBF"), "<U+10FFFF>"},
    {S("a\xFFz"), "a<FF>z"},
    {S("\x80\xC3"), "<80><C3>"},
    {S("\xED\xA0\x80"), "<ED><A0><80>"},
    {S("\xC0\x8A"), "<C0><8A>"},
    {S("\xE2\x82\n"), "<E2><82><U+000A>"},
};

static void test_shown_safely(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        struct bytes out = BYTES_EMPTY;

        bytes_text(&out, ">");
        text_append_safe(&out, shows[i].text, shows[i].length);
        bytes_u8(&out, '\0');
        assert_string_equal((const char *)bytes_data(&out) + 1, shows[i].shown);
        bytes_done(&out);
    }
}

/* Every code and every byte, at once: nothing unsafe is left, and it is UTF-8. */
static void test_whatever_is_shown_is_safe(void **state)
{
    (void)state;
    struct bytes in = BYTES_EMPTY, out = BYTES_EMPTY;
    uint32_t code;
    char text[4];

    for (code = 0; code < CODE_END; code++)
        bytes_append(&in, text, encode(code, shortest(code), text));
    for (code = 0; code < 256; code++)
        bytes_u8(&in, (uint8_t)code);
    text_append_safe(&out, (const char *)bytes_data(&in), bytes_length(&in));
    for (size_t at = 0, size; at < bytes_length(&out); at += size) {
        size = text_decode((const char *)bytes_data(&out) + at, bytes_length(&out) - at, &code);
        assert_int_not_equal(size, 0);
        assert_false(text_is_unsafe(code));
    }
    bytes_done(&in);
    bytes_done(&out);
}

/* --- Names --- */

static void assert_name(const char *name, const char *wanted)
{
    struct bytes out = BYTES_EMPTY;

    text_append_name(&out, name, strlen(name));
    bytes_u8(&out, '\0');
    assert_string_equal((char *)bytes_data(&out), wanted);
    bytes_done(&out);
}

static void test_names(void **state)
{
    (void)state;
    assert_name("alice", "alice");
    assert_name("Bob.2_x@home+1-a", "Bob.2_x@home+1-a");
    assert_name("Zo\u00eb\u4f60", "Zo\u00eb\u4f60");
    assert_name("", "\"\"");
    assert_name("a b", "\"a b\"");
    assert_name("*", "\"*\"");
    assert_name("a\"b\\", "\"a\\\"b\\\\\"");
    assert_name("\"\"", "\"\\\"\\\"\"");
    assert_name("a\x1b\xff", "\"a<U+001B><FF>\"");
}

static bool is_quoted(const char *name, size_t length)
{
    struct bytes out = BYTES_EMPTY;
    bool is_quoted;

    text_append_name(&out, name, length);
    is_quoted = bytes_data(&out)[0] == '"';
    bytes_done(&out);
    return is_quoted;
}

/* Letters and digits need no quotes, and no blank and no ASCII sign goes without. */
static void test_names_of_every_code(void **state)
{
    char text[6] = "x";

    (void)state;
    for (uint32_t code = 0; code < CODE_END; code++) {
        const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
        size_t length;

        if (is_surrogate(code))
            continue;
        length = 1 + encode(code, shortest(code), text + 1);
        text[length++] = 'x';
        const bool quoted = is_quoted(text, length);
        if ((category == UTF8PROC_CATEGORY_ZS || text_is_unsafe(code)) && !quoted)
            fail_msg("U+%04X", code);
        if ((category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LU ||
             category == UTF8PROC_CATEGORY_ND) &&
            quoted)
            fail_msg("U+%04X", code);
        if (code < 0x80 && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._@+-",
                                  (int)code) == NULL)
            assert_true(quoted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_in_every_length),
        cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_plain_run),
        cmocka_unit_test(test_unsafe_is_what_unicode_says),
        cmocka_unit_test(test_bidirectional_controls_are_unsafe),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_shown_safely),
        cmocka_unit_test(test_whatever_is_shown_is_safe),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_of_every_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
