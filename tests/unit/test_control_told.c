/* What the daemon's own log is told of the programs on the control socket: what fails, and who
 * stops it. Nothing of what they say. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/log.h"
#include "tests/unit/control_rig.h"

#define REQUEST(method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}\n"

static int kept, file;

static int setup(void **state)
{
    unsetenv("JOURNAL_STREAM");
    kept = dup(STDERR_FILENO);
    file = memfd_create("log", MFD_CLOEXEC);
    must(kept >= 0 && file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
    return rig_setup(state);
}

static int teardown(void **state)
{
    int result = rig_teardown(state);

    log_set_level(LEVEL_INFO);
    must(dup2(kept, STDERR_FILENO) == STDERR_FILENO);
    close(kept);
    close(file);
    return result;
}

/* The log so far. */
static const char *log_text(void)
{
    static char text[65536];
    ssize_t length = pread(file, text, sizeof(text) - 1, 0);

    assert_true(length >= 0);
    text[length] = '\0';
    return text;
}

static size_t count(const char *part)
{
    size_t found = 0;

    for (const char *at = log_text(); (at = strstr(at, part)) != NULL; at++)
        found++;
    return found;
}

static void test_failures_are_told_once(void **state)
{
    (void)state;
    int c = rig_connect();
    char caller[64];

    for (size_t i = 0; i < 3; i++)
        rig_send(c, REQUEST("chat.message", "{\"peer\":\"later\",\"text\":\"SECRET\"}"));
    rig_run();
    for (size_t i = 0; i < 3; i++)
        rig_reply(i, ERR_STORAGE_FAILED, "SECRET");
    snprintf(caller, sizeof(caller), " uid=%u pid=%d\n", (unsigned)geteuid(), (int)getpid());
    assert_int_equal(count("code=call_failed method=chat.message error=storage_failed"), 1);
    assert_int_equal(count(caller), 1);
    assert_int_equal(count("SECRET"), 0);
    close(c);
}

static void test_refusals_are_told_at_debug(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("chat.message", "{\"peer\":\"SECRET\"}"));
    rig_send(c, REQUEST("SECRET", "{}"));
    rig_send(c, "SECRET\n");
    rig_run();
    assert_string_equal(log_text(), "");
    log_set_level(LEVEL_DEBUG);
    rig_send(c, REQUEST("chat.message", "{\"peer\":\"SECRET\"}"));
    rig_send(c, REQUEST("SECRET\\nx", "{}"));
    rig_send(c, "SECRET\x1b\n");
    rig_run();
    assert_int_equal(count("code=call_refused method=chat.message error=invalid_params"), 1);
    assert_int_equal(count("code=call_refused error=method_not_found"), 1);
    assert_int_equal(count("code=call_refused error=parse_error"), 1);
    assert_int_equal(count("\n"), 3);
    assert_int_equal(count("SECRET"), 0);
    close(c);
}

static void test_who_stops_it(void **state)
{
    (void)state;
    int c = rig_connect();
    char expected[128];

    rig_send(c, REQUEST("shutdown", "{}"));
    rig_run();
    snprintf(expected, sizeof(expected), "code=stopping method=shutdown uid=%u pid=%d\n",
             (unsigned)geteuid(), (int)getpid());
    assert_int_equal(count(expected), 1);
    close(c);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_failures_are_told_once),
        TEST(test_refusals_are_told_at_debug),
        TEST(test_who_stops_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
