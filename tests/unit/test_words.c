#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "ctl/words.h"

/* The words that a text is split into, as a NULL-terminated list. */
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_splits(const char *text, const char *const *wanted)
{
    const char *why = NULL;
    char **words;
    size_t count;

    assert_int_equal(words_split(text, &words, &count, &why), OK);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(wanted[i]);
        assert_string_equal(words[i], wanted[i]);
    }
    assert_null(wanted[count]);
    assert_null(words[count]);
    assert_null(why);
    free(words);
}

static void assert_wrong(const char *text, const char *wanted)
{
    const char *why = NULL;
    char *none = NULL, **words = &none;
    size_t count = 7;

    assert_int_equal(words_split(text, &words, &count, &why), ERR_MALFORMED);
    assert_string_equal(why, wanted);
    assert_ptr_equal(words, &none);
    assert_int_equal(count, 7);
}

static void test_blanks(void **state)
{
    (void)state;
    assert_splits("", WORDS(NULL));
    assert_splits(" \t\n ", WORDS(NULL));
    assert_splits("one", WORDS("one"));
    assert_splits(" one\ttwo\nthree  four ", WORDS("one", "two", "three", "four"));
    assert_splits("a b c d e f g", WORDS("a", "b", "c", "d", "e", "f", "g"));
}

static void test_quotes(void **state)
{
    (void)state;
    assert_splits("'one two' \"three four\"", WORDS("one two", "three four"));
    assert_splits("a'b c'd\"e f\"g", WORDS("ab cde fg"));
    assert_splits("'' \"\" ''\"\"", WORDS("", "", ""));
    assert_splits("'a\"b' \"c'd\"", WORDS("a\"b", "c'd"));
    assert_splits("'new\nline\t'", WORDS("new\nline\t"));
}

static void test_backslashes(void **state)
{
    (void)state;
    assert_splits("a\\ b \\'c\\\" \\\\ \\n", WORDS("a b", "'c\"", "\\", "n"));
    assert_splits("'a\\b\\'", WORDS("a\\b\\"));
    assert_splits("\"a\\\"b\\\\c\\d\\$\"", WORDS("a\"b\\c\\d\\$"));
}

/* What means something to a shell means nothing here. */
static void test_no_shell(void **state)
{
    (void)state;
    assert_splits("$HOME `x` $(x) * ~ #x", WORDS("$HOME", "`x`", "$(x)", "*", "~", "#x"));
    assert_splits("a;b|c>d&&e", WORDS("a;b|c>d&&e"));
    assert_splits("\"$x\" \xc3\xa4\xff", WORDS("$x", "\xc3\xa4\xff"));
}

static void test_without_an_end(void **state)
{
    (void)state;
    assert_wrong("'", "a quote is not closed");
    assert_wrong("a \"b c", "a quote is not closed");
    assert_wrong("\"a\\\"", "a quote is not closed");
    assert_wrong("\\", "nothing follows the last backslash");
    assert_wrong("a b\\", "nothing follows the last backslash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blanks),         cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_backslashes),    cmocka_unit_test(test_no_shell),
        cmocka_unit_test(test_without_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
