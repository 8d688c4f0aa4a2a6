#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/name.h"

#define TIMES_7(s)  s s s s s s s
#define TIMES_8(s)  TIMES_7(s) s
#define TIMES_16(s) TIMES_8(s) TIMES_8(s)
#define TIMES_64(s) TIMES_8(TIMES_8(s))

#define ACUTE      "\xcc\x81"         /* U+0301, combining */
#define CEDILLA    "\xcc\xa7"         /* U+0327, combining */
#define A_ACUTE    "\xc3\xa1"         /* U+00E1 */
#define SHARP_S    "\xc3\x9f"         /* U+00DF */
#define NBSP       "\xc2\xa0"         /* U+00A0 */
#define WIDE_A     "\xef\xbc\xa1"     /* U+FF21, fullwidth */
#define TWO_UP     "\xc2\xb2"         /* U+00B2 */
#define LIGATURE   "\xef\xac\x80"     /* U+FB00, ff */
#define FILLER     "\xe3\x85\xa4"     /* U+3164, a letter that shows nothing */
#define JOINER     "\xcd\x8f"         /* U+034F, grapheme joiner, shows nothing */
#define VARIATION  "\xef\xb8\x8f"     /* U+FE0F */
#define PENGUIN    "\xf0\x9f\x90\xa7" /* U+1F427 */
#define FORMULA    "\xef\xb7\xba"     /* U+FDFA: 18 code points when folded */
#define ZERO_WIDTH "\xe2\x80\x8b"     /* U+200B, format */
#define OVERRIDE   "\xe2\x80\xae"     /* U+202E, bidirectional */
#define ISOLATE    "\xe2\x81\xa6"     /* U+2066, bidirectional */

static void test_names(void **state)
{
    (void)state;
    const char *const names[] = {
        "a",
        "alice",
        "Alice Smith",
        "O'Brien-2",
        "Jos" A_ACUTE,
        A_ACUTE CEDILLA,
        "\xe6\x9d\x8e\xe6\x98\x8e",         /* Chinese */
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", /* Hebrew: the letters are no controls */
        PENGUIN,
        "a" VARIATION,
        "abcdefg",    /* 7 of a-z2-7 */
        "abcdefg1",   /* 1 is not in base32 */
        "abcdefgh i", /* nor is a space */
        "Alexander@home",
        "Alexander-2",
        "a@b.example",
        "a-",
        "]",
        "100%",
        "\\",
        TIMES_64("9"),
        TIMES_16(PENGUIN),
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(name_check(names[i]), OK);
}

static void test_no_names(void **state)
{
    (void)state;
    const char *const texts[] = {
        "",
        TIMES_64("9") "9",
        TIMES_16(PENGUIN) "X",
        TIMES_8("a"), /* like a piece of a peer id */
        "alexander",
        TIMES_8("a") "234567",
        "Alexander", /* what it folds to is */
        "EZG3BPBVRUQG",
        TIMES_7("a") WIDE_A,
        TIMES_8(WIDE_A),
        TIMES_8("a") VARIATION,
        TIMES_7("a") TWO_UP,
        TIMES_7(LIGATURE),
        "-",
        "-alice",
        " alice",
        "alice ",
        " ",
        NBSP "alice",
        "alice" NBSP,
        "host:1",
        "a/b",
        "a?b",
        "a[b",
        "a\tb",
        "a\nb",
        "a\x1b[0mb",
        "\x7f",
        "a\xc2\x85", /* U+0085, control */
        "a" ZERO_WIDTH "b",
        "a" OVERRIDE "b",
        "a" ISOLATE "b",
        "a\xe2\x80\xa8"
        "b",                 /* U+2028, line separator */
        "a\xef\xb7\x90",     /* U+FDD0, noncharacter */
        "a\xef\xbf\xbf",     /* U+FFFF, noncharacter */
        "a\xf3\xa0\x81\x81", /* U+E0041, tag */
        "a" ACUTE,           /* not composed */
        "a" ACUTE CEDILLA,   /* nor in order */
        "\xe2\x84\xab",      /* U+212B, angstrom sign: NFC is another character */
        FILLER,
        FILLER JOINER VARIATION,
        "\x80",
        "a\xc3",
        "\xc0\xaf",         /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xf4\x90\x80\x80", /* beyond Unicode */
        "\xff",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(name_check(texts[i]), ERR_BAD_NAME);
}

/* Every character of ASCII, first, inside and last. */
static void test_ascii(void **state)
{
    (void)state;

    for (int c = 1; c < 128; c++) {
        const bool good = c > ' ' && c != 127 && strchr(":/?[", c) == NULL;
        const char first[] = {(char)c, 'b', '\0'};
        const char inside[] = {'a', (char)c, 'b', '\0'};
        const char last[] = {'a', (char)c, '\0'};

        assert_int_equal(name_check(first) == OK, good && c != '-');
        assert_int_equal(name_check(inside) == OK, good || c == ' ');
        assert_int_equal(name_check(last) == OK, good);
    }
}

static void assert_folds_to(const char *text, const char *expected)
{
    char *key = name_fold(text);

    assert_non_null(key);
    assert_string_equal(key, expected);
    free(key);
}

static void test_fold(void **state)
{
    (void)state;

    assert_folds_to("Alice", "alice");
    assert_folds_to("STRASSE", "strasse");
    assert_folds_to("Stra" SHARP_S "e", "strasse");
    assert_folds_to(WIDE_A, "a");
    assert_folds_to("O" LIGATURE, "off");
    assert_folds_to("A" ACUTE, A_ACUTE);
    assert_folds_to("a" NBSP "b", "a b");
    assert_folds_to("al" JOINER "i" VARIATION "ce", "alice");
    assert_folds_to("", "");
    assert_folds_to(FILLER, "");
}

static void test_fold_of_no_names(void **state)
{
    (void)state;

    assert_folds_to("-Host:1", "-host:1");
    assert_folds_to(TIMES_64("X"), TIMES_64("x"));
    assert_null(name_fold(TIMES_64("X") "X"));
    assert_null(name_fold("a\xff"));
    assert_null(name_fold("\xed\xa0\x80"));
}

/* The text that grows most when folded, as long as a name can be. */
static void test_fold_of_the_longest(void **state)
{
    (void)state;
    char *key = name_fold(TIMES_7(FORMULA FORMULA FORMULA) "X");

    assert_non_null(key);
    assert_int_equal(strlen(key), 21 * 33 + 1);
    assert_string_equal(key + 21 * 33, "x");
    free(key);
}

static size_t encode(uint32_t code, char out[5])
{
    const size_t length = 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000);
    const uint8_t heads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(heads[length] | code);
    out[length] = '\0';
    return length;
}

/* Every character there is: what may be a name folds to something, and what it folds to is folded.
 */
static void test_every_character(void **state)
{
    (void)state;
    size_t names = 0;

    for (uint32_t code = 1; code < 0x110000; code++) {
        char text[5];
        char *key, *again;

        encode(code, text);
        if (name_check(text) != OK)
            continue;
        names++;
        key = name_fold(text);
        assert_non_null(key);
        assert_true(key[0] != '\0');
        if (strlen(key) <= ADDRESS_NAME_MAX) {
            again = name_fold(key);
            assert_string_equal(again, key);
            free(again);
        }
        free(key);
    }
    assert_true(names > 1000000); /* with those that Unicode has not given away yet */
}

static void test_equal(void **state)
{
    (void)state;

    assert_true(name_equal("alice", "ALICE"));
    assert_true(name_equal("Stra" SHARP_S "e", "STRASSE"));
    assert_true(name_equal("al" JOINER "ice", "alice"));
    assert_false(name_equal("alice", "alice-2"));
    assert_false(name_equal("alice", "\xd0\xb0lice")); /* Cyrillic a looks alike, and is another */
    assert_false(name_equal("\xff", "\xff"));
    assert_false(name_equal("a", "\xff"));
}

static void assert_suffixed(const char *name, uint32_t number, const char *expected)
{
    char *result = name_with_suffix(name, number);

    assert_string_equal(result, expected);
    assert_int_equal(name_check(result), OK);
    free(result);
}

static void test_suffix(void **state)
{
    (void)state;

    assert_suffixed("alice", 2, "alice-2");
    assert_suffixed("alice", 0, "alice-0");
    assert_suffixed("a", UINT32_MAX, "a-4294967295");
    assert_suffixed("alice-2", 2, "alice-2-2");
}

static void test_suffix_that_needs_room(void **state)
{
    (void)state;

    assert_suffixed(TIMES_8(TIMES_7("X")) "123456", 2, TIMES_8(TIMES_7("X")) "123456-2");
    assert_suffixed(TIMES_8(TIMES_7("X")) "1234567", 2, TIMES_8(TIMES_7("X")) "123456-2");
    assert_suffixed(TIMES_64("X"), 10, TIMES_8(TIMES_7("X")) "XXXXX-10");
    assert_suffixed(TIMES_16(PENGUIN), 2, TIMES_8(PENGUIN) TIMES_7(PENGUIN) "-2");
    assert_suffixed(TIMES_16(PENGUIN), 9999, TIMES_7(PENGUIN) TIMES_7(PENGUIN) "-9999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_fold_of_no_names),
        cmocka_unit_test(test_fold_of_the_longest),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_suffix),
        cmocka_unit_test(test_suffix_that_needs_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
