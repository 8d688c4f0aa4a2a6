#include "tests/unit/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A sanitized program asks these for its options: an allocation that cannot be had returns NULL
 * there too, as the tests of running out of memory want.
 */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static _Noreturn void child_run(int err, void (*run)(void *arg), void *arg)
{
    const struct rlimit no_core = {0, 0};

    /* cmocka catches SIGABRT to go on with the next test; here it must be the end. */
    if (signal(SIGABRT, SIG_DFL) == SIG_ERR || dup2(err, STDERR_FILENO) < 0)
        _exit(111);
    setrlimit(RLIMIT_CORE, &no_core);
    run(arg);
    _exit(0);
}

static size_t read_all(int fd, char *ret_text, size_t bytes_max)
{
    size_t len = 0;
    ssize_t got;

    while (len < bytes_max && (got = read(fd, ret_text + len, bytes_max - len)) > 0)
        len += (size_t)got;
    return len;
}

void unit_assert_aborts(void (*run)(void *arg), void *arg, const char *says)
{
    char text[1024];
    int ends[2], status;
    pid_t child;

    assert_return_code(pipe(ends), 0);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0)
        child_run(ends[1], run, arg);
    close(ends[1]);
    text[read_all(ends[0], text, sizeof(text) - 1)] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    if (strstr(text, says) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", says, text);
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit);

    return at == NULL ? -1 : (int)(at - digits);
}

size_t unit_hex(const char *hex, uint8_t *ret_bytes, size_t size)
{
    size_t bytes = strlen(hex) / 2;

    if (strlen(hex) % 2 != 0 || bytes > size)
        fail_msg("%zu hexadecimal digits for %zu bytes", strlen(hex), size);
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            fail_msg("not hexadecimal: %s", hex);
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return bytes;
}
