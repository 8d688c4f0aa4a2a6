/* Numbers as text: both ends of their range. */
#include "tests/unit/unit.h"

#include "common/digits.h"

static void decimal(void **state)
{
    char out[DIGITS_DECIMAL_MAX + 1];
    (void)state;

    assert_int_equal(digits_decimal(0, out), 1);
    assert_string_equal(out, "0");
    assert_int_equal(digits_decimal(1234567890, out), 10);
    assert_string_equal(out, "1234567890");
    assert_int_equal(digits_decimal(UINT64_MAX, out), DIGITS_DECIMAL_MAX);
    assert_string_equal(out, "18446744073709551615");
}

static void message_ids(void **state)
{
    char out[DIGITS_MESSAGE_ID_MAX + 1];
    (void)state;

    digits_message_id(0, 1, out);
    assert_string_equal(out, "0000000000000000-1");
    digits_message_id(UINT64_C(0xfedcba9876543210), UINT64_MAX, out);
    assert_string_equal(out, "fedcba9876543210-18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal),
        cmocka_unit_test(message_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
