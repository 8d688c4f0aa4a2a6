#include "tests/unit/unit.h"

#include <string.h>

#include "common/error.h"

static const enum error all[] = {OK,
#define ROW(NAME, name, text) ERR_##NAME,
                                 ERROR_INTERNAL(ROW)
#undef ROW
#define API_ERROR(NAME, code, name, text) ERR_##NAME,
#include "common/api.def"
};

enum { COUNT = sizeof(all) / sizeof(all[0]) };

static void test_every_error_has_a_row(void **state)
{
    (void)state;

    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(all[i], i);
        assert_true(strlen(error_name(all[i])) > 0);
        assert_true(strlen(error_text(all[i])) > 0);
        assert_null(strchr(error_text(all[i]), '\n'));
        for (int other = 0; other < i; other++)
            assert_string_not_equal(error_name(all[i]), error_name(all[other]));
    }
    assert_string_equal(error_name(OK), "ok");
    assert_string_equal(error_name(ERR_BAD_MAC), "bad_mac");
    assert_string_equal(error_name(ERR_NO_SUCH_PEER), "no_such_peer");
}

/* JSON-RPC's own codes, or one of the range that it leaves to servers; one for each error. */
static void test_codes_of_the_control_interface(void **state)
{
    (void)state;

    for (int i = ERR_PARSE_ERROR; i < COUNT; i++) {
        int code = error_rpc_code(all[i]);

        assert_true(code == -32700 || (code <= -32600 && code >= -32603) ||
                    (code <= -32000 && code >= -32099));
        for (int other = ERR_PARSE_ERROR; other < i; other++)
            assert_int_not_equal(code, error_rpc_code(all[other]));
    }
    assert_int_equal(error_rpc_code(ERR_PARSE_ERROR), -32700);
    assert_int_equal(error_rpc_code(ERR_INVALID_PARAMS), -32602);
}

static void test_internal_errors_reach_clients_as_such(void **state)
{
    (void)state;

    assert_int_equal(error_rpc_code(ERR_INTERNAL_ERROR), -32603);
#define ROW(NAME, name, text) assert_int_equal(error_rpc_code(ERR_##NAME), -32603);
    ERROR_INTERNAL(ROW)
#undef ROW
}

static void die_past_the_end(void *arg)
{
    (void)arg;
    error_name((enum error)COUNT);
}

static void test_no_such_error(void **state)
{
    (void)state;

    unit_assert_aborts(die_past_the_end, NULL, "common/error.c:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_row),
        cmocka_unit_test(test_codes_of_the_control_interface),
        cmocka_unit_test(test_internal_errors_reach_clients_as_such),
        cmocka_unit_test(test_no_such_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
