#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* Larger than any address space; volatile, or the compiler would refuse the call. */
static size_t too_many_bytes(void)
{
    static const volatile size_t bytes = SIZE_MAX - 4096;

    return bytes;
}

static void test_no_bytes_is_a_block(void **state)
{
    (void)state;
    void *blocks[] = {
        xmalloc(0),      xcalloc(0, 8), xcalloc(8, 0), xrealloc(NULL, 0), xreallocarray(NULL, 8, 0),
        xmemdup(NULL, 0)};

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        assert_non_null(blocks[i]);
        free(blocks[i]);
    }
}

static void test_calloc_is_zero(void **state)
{
    (void)state;
    const unsigned char zero[24] = {0};
    unsigned char *block = xcalloc(3, 8);

    assert_memory_equal(block, zero, sizeof(zero));
    free(block);
}

static void test_realloc_keeps_content(void **state)
{
    (void)state;
    char *block = xmalloc(4);

    memcpy(block, "abc", 4);
    block = xrealloc(block, 4096);
    assert_string_equal(block, "abc");
    block = xreallocarray(block, 2, 2);
    assert_memory_equal(block, "abc", 4);
    free(block);
}

static void test_copies(void **state)
{
    (void)state;
    const char data[] = {1, 0, 2};
    char *string = xstrdup("p2p");
    char *copy = xmemdup(data, sizeof(data));

    assert_string_equal(string, "p2p");
    assert_memory_equal(copy, data, sizeof(data));
    free(string);
    free(copy);
}

static void die_malloc(void *arg)
{
    (void)arg;
    free(xmalloc(too_many_bytes()));
}

static void die_calloc(void *arg)
{
    (void)arg;
    free(xcalloc(too_many_bytes(), 2));
}

static void die_realloc(void *arg)
{
    free(xrealloc(arg, too_many_bytes()));
}

static void die_reallocarray(void *arg)
{
    free(xreallocarray(arg, too_many_bytes(), 3));
}

static void test_exhaustion_aborts(void **state)
{
    (void)state;
    unit_assert_aborts(die_malloc, NULL,
                       "p2pchat: out of memory: 1 x 18446744073709547519 bytes\n");
    unit_assert_aborts(die_calloc, NULL,
                       "p2pchat: out of memory: 18446744073709547519 x 2 bytes\n");
    unit_assert_aborts(die_realloc, NULL, "p2pchat: out of memory: 1 x ");
    unit_assert_aborts(die_reallocarray, NULL, "18446744073709547519 x 3 bytes\n");
}

static void die_must(void *arg)
{
    must(arg != NULL);
}

static void die_long(void *arg)
{
    char *expression = arg;

    memset(expression, 'x', 1000);
    expression[1000] = '\0';
    must_fail(expression, "file.c", 0);
}

static void test_must_says_what_and_where(void **state)
{
    (void)state;
    char expression[1001];

    unit_assert_aborts(die_must, NULL, "p2pchat: tests/unit/test_alloc.c:");
    unit_assert_aborts(die_must, NULL, ": does not hold: arg != NULL\n");
    unit_assert_aborts(die_long, expression, "p2pchat: file.c:0: does not hold: xxxx");
    unit_assert_aborts(die_long, expression, "x\n");
}

static void test_must_evaluates_once(void **state)
{
    (void)state;
    int calls = 0;

    must(++calls == 1);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_bytes_is_a_block),
        cmocka_unit_test(test_calloc_is_zero),
        cmocka_unit_test(test_realloc_keeps_content),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_exhaustion_aborts),
        cmocka_unit_test(test_must_says_what_and_where),
        cmocka_unit_test(test_must_evaluates_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
