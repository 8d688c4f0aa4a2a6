#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/service.h"

enum { PASSED = 3 }; /* where descriptors begin that are passed */

static int kept = -1;

/* What stands at the place of the first passed descriptor is put aside. */
static int setup(void **state)
{
    (void)state;
    kept = fcntl(PASSED, F_DUPFD_CLOEXEC, PASSED + 10);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    close(PASSED);
    if (kept >= 0) {
        dup2(kept, PASSED);
        close(kept);
    }
    return 0;
}

static void pass(int fd)
{
    assert_true(fd >= 0);
    if (fd != PASSED) {
        assert_int_equal(dup2(fd, PASSED), PASSED);
        close(fd);
    }
}

static void set_environment(long pid, const char *count)
{
    char text[32];

    snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", count, 1);
}

static void assert_taken(int expected)
{
    struct refusal refusal;
    int control = -2;

    assert_true(service_take_sockets(&control, &refusal));
    assert_int_equal(control, expected);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
}

static void assert_refused(const char *why)
{
    struct refusal refusal;
    int control = -2;

    assert_false(service_take_sockets(&control, &refusal));
    assert_int_equal(refusal.exit_code, EX_CONFIG);
    assert_non_null(strstr(refusal.why, why));
    assert_int_equal(control, -2);
}

static int listening_socket(int type)
{
    const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&unnamed, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_nothing_passed(void **state)
{
    (void)state;
    unsetenv("LISTEN_PID");
    assert_taken(-1);
    set_environment((long)getpid() + 1, "1"); /* meant for another process */
    assert_taken(-1);
}

static void test_passed(void **state)
{
    (void)state;
    pass(listening_socket(SOCK_STREAM));
    set_environment(getpid(), "1");
    assert_taken(PASSED);
    assert_int_equal(fcntl(PASSED, F_GETFD), FD_CLOEXEC);
}

static void test_passed_something_else(void **state)
{
    (void)state;
    pass(listening_socket(SOCK_SEQPACKET));
    set_environment(getpid(), "1");
    assert_refused("no listening Unix stream socket");
    pass(socket(AF_UNIX, SOCK_STREAM, 0)); /* does not listen */
    set_environment(getpid(), "1");
    assert_refused("no listening Unix stream socket");
    pass(socket(AF_INET, SOCK_STREAM, 0));
    set_environment(getpid(), "1");
    assert_refused("no listening Unix stream socket");
    close(PASSED);
    set_environment(getpid(), "1");
    assert_refused("cannot be had");
}

static void test_environment_refused(void **state)
{
    static const char *const counts[] = {"", "-1", "x", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        set_environment(getpid(), counts[i]);
        assert_refused("cannot be had");
    }
    pass(listening_socket(SOCK_STREAM));
    assert_int_equal(dup2(PASSED, PASSED + 1), PASSED + 1);
    set_environment(getpid(), "2");
    assert_refused("2 sockets were passed");
    close(PASSED + 1);
    setenv("LISTEN_PID", "me", 1);
    assert_refused("cannot be had");
}

/* A service manager's socket at `path`, which may be abstract ('@'). */
static int manager(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(
        bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + strlen(path))), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static void assert_told(int fd, const char *expected)
{
    char text[128];
    ssize_t length = recv(fd, text, sizeof text - 1, 0);

    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

static void assert_tells(const char *path)
{
    int fd = manager(path);

    service_ready("[::]:28470");
    assert_told(fd, "READY=1\nSTATUS=[::]:28470");
    service_stopping();
    assert_told(fd, "STOPPING=1\nSTATUS=Closing links");
    close(fd);
}

static void test_tells(void **state)
{
    char directory[] = "/tmp/test_service.XXXXXX", path[64];

    (void)state;
    snprintf(path, sizeof path, "@p2pchat-test-%ld", (long)getpid());
    assert_tells(path);
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/notify", directory);
    assert_tells(path);
    unlink(path);
    rmdir(directory);
}

static void test_nobody_to_tell(void **state)
{
    static const char *const paths[] = {"", "/", "relative", "/nobody/is/there"};

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    service_stopping();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        setenv("NOTIFY_SOCKET", paths[i], 1);
        service_stopping();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_something_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_to_tell, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
