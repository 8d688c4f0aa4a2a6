#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/record.h"

static const struct noise_cipher fresh = {.key = {1}};

static void test_layout(void **state)
{
    (void)state;
    struct noise_cipher cipher = fresh, raw = fresh;
    struct bytes out = BYTES_EMPTY;
    uint8_t plain[] = {RECORD_RENEW_2, 'h', 'i'};
    uint8_t sealed[sizeof plain + CRYPTO_MAC_SIZE];

    bytes_u8(&out, 0x77); /* what stands there already stays */
    assert_int_equal(record_seal(&cipher, RECORD_RENEW_2, plain + 1, 2, &out), OK);
    assert_int_equal(noise_cipher_seal(&raw, NULL, 0, plain, sizeof plain, sealed), OK);
    assert_int_equal(bytes_length(&out), 1 + RECORD_OVERHEAD + 2);
    assert_int_equal(bytes_data(&out)[0], 0x77);
    assert_int_equal(bytes_data(&out)[1], 0);
    assert_int_equal(bytes_data(&out)[2], sizeof sealed);
    assert_memory_equal(bytes_data(&out) + 3, sealed, sizeof sealed);
    bytes_done(&out);
}

static void test_sizes(void **state)
{
    (void)state;
    static uint8_t content[RECORD_CONTENT_SIZE_MAX];
    static const size_t lengths[] = {0, 1, 1000, RECORD_CONTENT_SIZE_MAX};
    struct noise_cipher send = fresh, receive = fresh;
    struct bytes out = BYTES_EMPTY;
    struct record record;

    assert_int_equal(RECORD_CONTENT_SIZE_MAX, 65518); /* plaintext of 65,519 bytes, with its type */
    memset(content, 'x', sizeof content);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_int_equal(record_seal(&send, RECORD_DATA, content, lengths[i], &out), OK);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(record_open(&receive, bytes_data(&out), bytes_length(&out), &record), OK);
        assert_int_equal(record.type, RECORD_DATA);
        assert_int_equal(record.length, lengths[i]);
        assert_int_equal(record.size, RECORD_OVERHEAD + lengths[i]);
        if (lengths[i] > 0)
            assert_memory_equal(record.content, content, lengths[i]);
        bytes_consume(&out, record.size);
    }
    assert_int_equal(bytes_length(&out), 0);
}

static void test_truncated_changes_nothing(void **state)
{
    (void)state;
    struct noise_cipher send = fresh, receive = fresh;
    struct bytes out = BYTES_EMPTY;
    struct record record;

    assert_int_equal(record_seal(&send, RECORD_SWITCHED, NULL, 0, &out), OK);
    for (size_t length = 0; length < bytes_length(&out); length++) {
        uint8_t *copy = xmemdup(bytes_data(&out), length);
        assert_int_equal(record_open(&receive, copy, length, &record), ERR_TRUNCATED);
        assert_memory_equal(&receive, &fresh, sizeof fresh);
        free(copy);
    }
    assert_int_equal(record_open(&receive, bytes_data(&out), bytes_length(&out), &record), OK);
    assert_int_equal(record.type, RECORD_SWITCHED);
    bytes_done(&out);
}

static void test_any_flipped_bit_fails(void **state)
{
    (void)state;
    struct noise_cipher send = fresh, receive = fresh;
    struct bytes out = BYTES_EMPTY;
    struct record record;
    uint8_t bytes[512] = {0}; /* more than the record, for a length that grew */

    assert_int_equal(record_seal(&send, RECORD_DATA, (const uint8_t *)"hello", 5, &out), OK);
    for (size_t bit = 0; bit < 8 * bytes_length(&out); bit++) {
        memcpy(bytes, bytes_data(&out), bytes_length(&out));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum error error = record_open(&receive, bytes, sizeof bytes, &record);
        assert_true(error == ERR_BAD_MAC || (bit < 8 && error == ERR_TRUNCATED));
        assert_memory_equal(&receive, &fresh, sizeof fresh);
    }
    bytes_done(&out);
}

static void test_too_short_for_a_record(void **state)
{
    (void)state;
    struct noise_cipher receive = fresh;
    struct record record;
    uint8_t bytes[] = {0, 0};

    for (uint8_t length = 0; length < RECORD_TYPE_SIZE + CRYPTO_MAC_SIZE; length++) {
        bytes[1] = length; /* refused before the rest comes */
        assert_int_equal(record_open(&receive, bytes, sizeof bytes, &record), ERR_BAD_MAC);
    }
}

static void test_unknown_type(void **state)
{
    (void)state;
    struct record record;

    for (int type = RECORD_SWITCHED + 1; type < 256; type++) {
        struct noise_cipher send = fresh, receive = fresh;
        uint8_t bytes[RECORD_OVERHEAD] = {0, RECORD_TYPE_SIZE + CRYPTO_MAC_SIZE, (uint8_t)type};
        uint8_t *plain = bytes + RECORD_LENGTH_SIZE;
        assert_int_equal(noise_cipher_seal(&send, NULL, 0, plain, RECORD_TYPE_SIZE, plain), OK);
        assert_int_equal(record_open(&receive, bytes, sizeof bytes, &record), ERR_MALFORMED);
    }
}

static void test_used_up(void **state)
{
    (void)state;
    struct noise_cipher cipher = {.key = {1}, .nonce = UINT64_MAX};
    struct bytes out = BYTES_EMPTY;

    assert_int_equal(record_seal(&cipher, RECORD_DATA, NULL, 0, &out), ERR_BAD_STATE);
    assert_int_equal(bytes_length(&out), 0);
    bytes_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_truncated_changes_nothing),
        cmocka_unit_test(test_any_flipped_bit_fails),
        cmocka_unit_test(test_too_short_for_a_record),
        cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_used_up),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
