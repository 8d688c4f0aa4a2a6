#include "tests/unit/unit.h"

#include <string.h>

#include "common/base32.h"

/* RFC 4648, section 10, in lower case and without padding; then all bits set, and a key's size. */
static const struct {
    const char *bytes;
    size_t length;
    const char *text;
} vectors[] = {
    {"", 0, ""},
    {"f", 1, "my"},
    {"fo", 2, "mzxq"},
    {"foo", 3, "mzxw6"},
    {"foob", 4, "mzxw6yq"},
    {"fooba", 5, "mzxw6ytb"},
    {"foobar", 6, "mzxw6ytboi"},
    {"\xFF\xFF\xFF\xFF\xFF", 5, "77777777"},
    {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 35,
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"},
};

static void test_vectors(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        size_t text_length = strlen(vectors[i].text);
        char text[64];
        uint8_t bytes[40];

        assert_int_equal(BASE32_LENGTH(vectors[i].length), text_length);
        base32_encode((const uint8_t *)vectors[i].bytes, vectors[i].length, text);
        assert_string_equal(text, vectors[i].text);
        assert_true(base32_decode(text, text_length, bytes, vectors[i].length));
        assert_memory_equal(bytes, vectors[i].bytes, vectors[i].length);
    }
}

static void test_alphabet(void **state)
{
    (void)state;
    int found = 0;

    for (int c = -128; c < 128; c++) {
        int value = base32_value((char)c);

        if (value < 0)
            continue;
        assert_int_equal("abcdefghijklmnopqrstuvwxyz234567"[value], c);
        found++;
    }
    assert_int_equal(found, 32);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t out_length;
    } bad[] = {
        {"my", 2},         /* too short for two bytes */
        {"mya", 1},        /* one character too many */
        {"m", 1},          /* too few bits */
        {"m", 0},          /* a character for no byte */
        {"mz", 1},         /* unused bits that are set */
        {"mzxr", 2},       /* the lowest of them */
        {"My", 1},         /* upper case */
        {"m1", 1},         /* not in the alphabet */
        {"m8", 1},         /* nor is this */
        {"m=", 1},         /* padding */
        {"mzx 6yq", 4},    /* white space */
        {"mzxw6y\xFF", 4}, /* above ASCII */
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t out[8];

        memset(out, 0xAA, sizeof(out));
        if (base32_decode(bad[i].text, strlen(bad[i].text), out, bad[i].out_length))
            fail_msg("\"%s\" was taken for %zu bytes", bad[i].text, bad[i].out_length);
        for (size_t k = 0; k < sizeof(out); k++)
            assert_int_equal(out[k], 0xAA);
    }
}

/* Of the 1,024 pairs of characters, one for each byte is taken and no other. */
static void test_one_spelling_for_each_byte(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    int seen[256] = {0};

    for (int high = 0; high < 32; high++) {
        for (int low = 0; low < 32; low++) {
            char text[] = {alphabet[high], alphabet[low]};
            uint8_t byte;

            if (base32_decode(text, sizeof(text), &byte, 1))
                seen[byte]++;
        }
    }
    for (int i = 0; i < 256; i++)
        assert_int_equal(seen[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_alphabet),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_one_spelling_for_each_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
