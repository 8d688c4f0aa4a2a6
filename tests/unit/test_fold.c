/* What is found with what, as words; search by itself is in test_search.c. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/store/fold.h"

static void assert_bytes(struct bytes *out, const char *words)
{
    bytes_u8(out, '\0');
    assert_string_equal((const char *)bytes_data(out), words);
    bytes_done(out);
}

static void assert_text(const char *text, const char *words)
{
    struct bytes out = BYTES_EMPTY;

    fold_text(text, strlen(text), &out);
    assert_bytes(&out, words);
}

static void assert_query(const char *query, const char *expression)
{
    struct bytes phrases = BYTES_EMPTY, out = BYTES_EMPTY;

    fold_query(query, strlen(query), &phrases);
    fold_expression(&phrases, &out);
    bytes_done(&phrases);
    assert_bytes(&out, expression);
}

static void test_words(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text(" \t\n", "");
    assert_text("Hello, World!", "hello world");
    assert_text("  two\nlines\t", "two lines");
    assert_text("don't foo_bar x-y 192.168.0.1", "don t foo bar x y 192 168 0 1");
    assert_text("C++ & \"quotes\" (a OR b) NEAR* ^x -y", "c quotes a or b near x y");
    assert_text("no\xc2\xa0"
                "break\xe3\x80\x80wide",
                "no break wide");
}

static void test_case_and_forms(void **state)
{
    (void)state;
    assert_text("ÄÖÜ Straße STRASSE", "aou strasse strasse");
    assert_text("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ");
    assert_text("ЁЖ ёж", "еж еж");
    assert_text("İstanbul ISTANBUL", "istanbul istanbul");
    assert_text("ﬁne ²", "fine 2");
    assert_text("ＡＢＣ１２３", "abc123");
    assert_text("co\xc2\xadoperate", "cooperate"); /* a soft hyphen */
}

static void test_marks(void **state)
{
    (void)state;
    assert_text("café cafe\xcc\x81 naïve Việt", "cafe cafe naive viet");
    assert_text("שָׁלוֹם", "שלום");
    assert_text("مُحَمَّد", "محمد");
    assert_text("हिन्दी", "हिन्दी");             /* these are letters */
    assert_text("が か\xe3\x82\x99", "が が"); /* and so is this */
}

static void test_scripts_without_spaces(void **state)
{
    (void)state;
    assert_text("今天天气很好", "今 天 天 气 很 好");
    assert_text("用git提交v2版本。好！", "用 git 提 交 v2 版 本 好");
    assert_text("東京タワーへ", "東 京 タ ワ ー へ");
    assert_text("ｶﾞｷﾞ ㍿", "ガ ギ 株 式 会 社");
    assert_text("학교에 학교", "학 교 에 학 교");
    assert_text("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한"); /* from its parts */
    assert_text("สวัสดี", "ส ว ั ส ด ี");
    assert_text("𠮷野家", "𠮷 野 家");
    assert_text("々〇", "々 〇");
}

static void test_symbols(void **state)
{
    (void)state;
    assert_text("ok👍👍🏽!", "ok 👍 👍");
    assert_text("👩\xe2\x80\x8d👧 ❤\xef\xb8\x8f", "👩 👧 ❤");
    assert_text("🇩🇪", "🇩 🇪");
    assert_text("5€ $5", "5 € 5");
    assert_text("1\xef\xb8\x8f\xe2\x83\xa3", "1");
}

static void test_bytes_that_are_not_utf8(void **state)
{
    struct bytes out = BYTES_EMPTY;

    (void)state;
    assert_text("a\xff"
                "b\xc3",
                "a b");
    assert_text("\xed\xa0\x80", "");
    fold_text("a\0b", 3, &out);
    assert_bytes(&out, "a b");
}

static void test_long_words_are_cut(void **state)
{
    char text[2 * FOLD_WORD_MAX + 2], words[sizeof(text) + 2];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(words, 'x', sizeof(words));
    words[FOLD_WORD_MAX] = words[2 * FOLD_WORD_MAX + 1] = ' ';
    words[2 * FOLD_WORD_MAX + 3] = '\0';
    assert_text(text, words);
    text[FOLD_WORD_MAX] = '\0';
    words[FOLD_WORD_MAX] = '\0';
    assert_text(text, words);
}

/* One character that becomes eighteen, as often as a message has room for it. */
static void test_longest(void **state)
{
    enum { COUNT = 65536 / 3 };
    char *text = xcalloc(1, 3 * COUNT + 1);
    struct bytes out = BYTES_EMPTY;

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        memcpy(text + 3 * i, "\xef\xb7\xba", 3);
    fold_text(text, 3 * COUNT, &out);
    assert_in_range(bytes_length(&out), COUNT * 30, COUNT * 40);
    bytes_done(&out);
    free(text);
}

static void test_queries(void **state)
{
    (void)state;
    assert_query("", "");
    assert_query(" !? \"\" * ** -", "");
    assert_query("Hello", "\"hello\"");
    assert_query("  hello  World ", "\"hello\" AND \"world\"");
    assert_query("天气", "\"天 气\"");
    assert_query("v2版本 好", "\"v2 版 本\" AND \"好\"");
    assert_query("192.168.0.1", "\"192 168 0 1\"");
    assert_query("\"exact phrase\"", "\"exact\" AND \"phrase\"");
    assert_query("a OR NOT b", "\"a\" AND \"or\" AND \"not\" AND \"b\"");
    assert_query("text:x {a b}:c NEAR(d e, 2) ^f",
                 "\"text x\" AND \"a\" AND \"b c\" AND \"near d\" "
                 "AND \"e\" AND \"2\" AND \"f\"");
}

static void test_stars(void **state)
{
    (void)state;
    assert_query("dep*", "\"dep\" *");
    assert_query("a* b", "\"a\" * AND \"b\"");
    assert_query("new-dep*", "\"new dep\" *");
    assert_query("a*b", "\"a b\"");
    assert_query("*a", "\"a\"");
    assert_query("a** b.* c *", "\"a\" AND \"b\" AND \"c\"");
    assert_query("天*", "\"天\" *");
    assert_query("ｄｅｐ＊", "\"dep\" *");
}

static void assert_count(const char *query, size_t count)
{
    struct bytes phrases = BYTES_EMPTY;

    assert_int_equal(fold_query(query, strlen(query), &phrases), count);
    assert_int_equal(bytes_length(&phrases) > 0, count > 0);
    bytes_done(&phrases);
}

static void test_words_are_counted(void **state)
{
    (void)state;
    assert_count("", 0);
    assert_count(" !? *", 0);
    assert_count("hello", 1);
    assert_count("hello hello*", 2);
    assert_count("a.b c", 3);
    assert_count("天气v2", 3);
}

static void assert_finds(const char *query, const char *text, bool finds)
{
    struct bytes phrases = BYTES_EMPTY;

    fold_query(query, strlen(query), &phrases);
    if (fold_finds(&phrases, text, strlen(text)) != finds)
        fail_msg("'%s' in '%s'", query, text);
    bytes_done(&phrases);
}

static void test_finds(void **state)
{
    (void)state;
    assert_finds("hello", "Hello, World", true);
    assert_finds("world hello", "Hello, World", true);
    assert_finds("hello nobody", "Hello, World", false);
    assert_finds("hell", "Hello, World", false);
    assert_finds("ello", "Hello, World", false);
    assert_finds("hell*", "Hello, World", true);
    assert_finds("ello*", "Hello, World", false);
    assert_finds("hello.world", "Hello, World", true);
    assert_finds("hello.wor*", "Hello, World", true);
    assert_finds("world.hello", "Hello, World", false);
    assert_finds("a.a.b", "a a a b", true);
    assert_finds("天气", "今天天气很好", true);
    assert_finds("天很", "今天天气很好", false);
    assert_finds("x", "", false);
}

static void test_version(void **state)
{
    char *version = fold_version();

    (void)state;
    assert_non_null(strstr(version, "utf8proc"));
    free(version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_case_and_forms),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_scripts_without_spaces),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_bytes_that_are_not_utf8),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_stars),
        cmocka_unit_test(test_words_are_counted),
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
