#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "common/format.h"

static void test_formats_at_any_length(void **state)
{
    (void)state;
    char *empty = xasprintf("%s", "");
    char *text = xasprintf("%d %s", -7, "seven");
    char *wide = xasprintf("%*d", 5000, 1);

    assert_string_equal(empty, "");
    assert_string_equal(text, "-7 seven");
    assert_int_equal(strlen(wide), 5000);
    free(empty);
    free(text);
    free(wide);
}

static void run_no_character(void *arg)
{
    (void)arg;
    free(xasprintf("%lc", (wint_t)0xd800)); /* half a surrogate pair is no character */
}

static void test_what_cannot_be_made_aborts(void **state)
{
    (void)state;
    unit_assert_aborts(run_no_character, NULL, "does not hold: length >= 0");
}

static void test_sizes(void **state)
{
    char out[FORMAT_SIZE_MAX];

    (void)state;
    assert_string_equal(format_size(0, out), "0 bytes");
    assert_string_equal(format_size(1023, out), "1023 bytes");
    assert_string_equal(format_size(1024, out), "1.0 KiB");
    assert_string_equal(format_size(1.5 * 1024 * 1024, out), "1.5 MiB");
    assert_string_equal(format_size((double)UINT64_MAX, out), "16.0 EiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_at_any_length),
        cmocka_unit_test(test_what_cannot_be_made_aborts),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
