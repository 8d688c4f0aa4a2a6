#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json.h"
#include "ctl/environment.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_environment(const char *const *base, const char *event,
                               const char *const *wanted)
{
    struct json *root = NULL;
    char **environment;
    size_t i;

    assert_int_equal(json_parse(event, strlen(event), &root), OK);
    environment = environment_of((char *const *)base, "/tmp/s", root);
    for (i = 0; wanted[i] != NULL; i++) {
        assert_non_null(environment[i]);
        assert_string_equal(environment[i], wanted[i]);
    }
    assert_null(environment[i]);
    environment_free(environment);
    json_free(root);
}

static void test_values(void **state)
{
    (void)state;
    assert_environment(LIST("PATH=/bin"),
                       "{\"seq\":9007199254740991,\"text\":\"a=b\\n\\\"\",\"empty\":\"\","
                       "\"half\":-0.5,\"yes\":true,\"no\":false,\"peer_id\":\"x\"}",
                       LIST("PATH=/bin", "P2PCHAT_SOCKET=/tmp/s", "P2PCHAT_SEQ=9007199254740991",
                            "P2PCHAT_TEXT=a=b\n\"", "P2PCHAT_EMPTY=", "P2PCHAT_HALF=-0.5",
                            "P2PCHAT_YES=true", "P2PCHAT_NO=false", "P2PCHAT_PEER_ID=x"));
}

static void test_left_out(void **state)
{
    (void)state;
    assert_environment(LIST("A=1", "P2PCHAT_TEXT=old", "P2PCHAT=kept", "P2PCHAT_SOCKET=old", "B="),
                       "{\"seq\":null,\"list\":[\"a\"],\"object\":{\"a\":1},\"socket\":\"/evil\","
                       "\"Text\":\"x\",\"a b\":\"x\",\"a=b\":\"x\",\"\":\"x\",\"\xc3\xa4\":\"x\"}",
                       LIST("A=1", "P2PCHAT=kept", "B=", "P2PCHAT_SOCKET=/tmp/s"));
    assert_environment(LIST(NULL), "{}", LIST("P2PCHAT_SOCKET=/tmp/s"));
}

/* The longest string that execve() takes is 128 KiB with its NUL. */
static void test_longest(void **state)
{
    (void)state;
    const size_t longest = 128 * 1024 - 1 - strlen("P2PCHAT_TEXT=");

    for (size_t length = longest; length <= longest + 1; length++) {
        char *event = xmalloc(length + 64), *text = xcalloc(length + 1, 1), *wanted;

        memset(text, 'x', length);
        sprintf(event, "{\"text\":\"%s\",\"id\":1}", text);
        wanted = xmalloc(length + 64);
        sprintf(wanted, "P2PCHAT_TEXT=%s", text);
        if (length == longest)
            assert_environment(LIST(NULL), event,
                               LIST("P2PCHAT_SOCKET=/tmp/s", wanted, "P2PCHAT_ID=1"));
        else
            assert_environment(LIST(NULL), event, LIST("P2PCHAT_SOCKET=/tmp/s", "P2PCHAT_ID=1"));
        free(event);
        free(text);
        free(wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
