#include "tests/unit/unit.h"

#include <string.h>

#include "common/base64.h"

enum { BYTES_MAX = 64 };

static void assert_both_ways(const uint8_t *bytes, size_t length, const char *expected)
{
    char text[BASE64_LENGTH(BYTES_MAX) + 1];
    uint8_t again[BYTES_MAX];
    size_t again_length = 99;

    base64_encode(bytes, length, text);
    assert_int_equal(strlen(text), BASE64_LENGTH(length));
    if (expected != NULL)
        assert_string_equal(text, expected);
    assert_true(base64_decode(text, strlen(text), again, length, &again_length));
    assert_int_equal(again_length, length);
    assert_memory_equal(again, bytes, length);
    if (length > 0)
        assert_false(base64_decode(text, strlen(text), again, length - 1, &again_length));
}

/* RFC 4648, section 10. */
static void test_vectors(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_both_ways((const uint8_t *)"foobar", i, texts[i]);
}

static void test_every_character(void **state)
{
    (void)state;
    uint8_t bytes[48];

    assert_int_equal(unit_hex("00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29aabb2"
                              "dbafc31cb3d35db7e39ebbf3dfbf",
                              bytes, sizeof(bytes)),
                     sizeof(bytes));
    assert_both_ways(bytes, sizeof(bytes),
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

static void test_every_length_and_byte(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];

    for (int byte = 0; byte < 256; byte++) {
        memset(bytes, byte, sizeof(bytes));
        for (size_t length = 0; length <= sizeof(bytes); length++)
            assert_both_ways(bytes, length, NULL);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Z",     "Zg",     "Zg=",   "Zm8",   "Z===",     "====",     "=",        "==",   "Zh==",
        "Zm9=",  "Zm9v=",  "Zm=v",  "=m9v",  "Zg==Zg==", "Zg==\n",   "Zm9 ",     "Zm9-", "Zm9_",
        "Zm9\n", "\nZm9v", "Zm9.v", "Zm9v ", "Zm9\xc3",  "Zm9vYh==", "Zm9vYmF=",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t out[BYTES_MAX] = {7};
        size_t length = 99;

        assert_false(base64_decode(texts[i], strlen(texts[i]), out, sizeof(out), &length));
        assert_int_equal(out[0], 7);
        assert_int_equal(length, 99);
    }
}

/* In each place of a group, only the alphabet. */
static void test_alphabet(void **state)
{
    (void)state;

    for (size_t place = 0; place < 4; place++) {
        int good = 0;

        for (int c = 0; c < 256; c++) {
            char text[] = "AAAA";
            uint8_t out[3];
            size_t length;

            text[place] = (char)c;
            good += base64_decode(text, 4, out, sizeof(out), &length);
        }
        assert_int_equal(good, place == 3 ? 65 : 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_every_length_and_byte),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_alphabet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
