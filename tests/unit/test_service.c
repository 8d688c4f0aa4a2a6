#include "tests/unit/unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/service.h"

enum { PASSED = 3, PASSED_MAX = LISTEN_MAX + 2 }; /* where descriptors begin that are passed */

static int kept[PASSED_MAX];

/* What stands at the place of passed descriptors is put aside. */
static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < PASSED_MAX; i++) {
        kept[i] = fcntl(PASSED + i, F_DUPFD_CLOEXEC, PASSED + PASSED_MAX);
        close(PASSED + i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    for (int i = 0; i < PASSED_MAX; i++) {
        close(PASSED + i);
        if (kept[i] >= 0) {
            dup2(kept[i], PASSED + i);
            close(kept[i]);
        }
    }
    return 0;
}

static void pass(int nth, int fd)
{
    assert_true(fd >= 0);
    if (fd != PASSED + nth) {
        assert_int_equal(dup2(fd, PASSED + nth), PASSED + nth);
        close(fd);
    }
}

/* `names` may be NULL: nobody named them. */
static void set_environment(long pid, const char *count, const char *names)
{
    char text[32];

    snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", count, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

static struct service_sockets take(void)
{
    struct service_sockets sockets;
    struct refusal refusal;

    if (!service_take_sockets(&sockets, &refusal))
        fail_msg("%s", refusal.why);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    return sockets;
}

static void assert_refused(const char *why)
{
    struct service_sockets sockets = {.control = -2};
    struct refusal refusal;

    assert_false(service_take_sockets(&sockets, &refusal));
    assert_int_equal(refusal.exit_code, EX_CONFIG);
    assert_non_null(strstr(refusal.why, why));
    assert_int_equal(sockets.control, -2);
}

static int listening(int type, const struct sockaddr_un *address, size_t length)
{
    int fd = socket(AF_UNIX, type, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)address, (socklen_t)length), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static int control_socket(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/test_service.%ld", (long)getpid());
    fd = listening(type, &address, sizeof address);
    unlink(address.sun_path);
    return fd;
}

static int peer_socket(void)
{
    const struct sockaddr_in loopback = {.sin_family = AF_INET,
                                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&loopback, sizeof loopback), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_nothing_passed(void **state)
{
    (void)state;
    unsetenv("LISTEN_PID");
    assert_int_equal(take().control, -1);
    set_environment((long)getpid() + 1, "1", NULL); /* meant for another process */
    assert_int_equal(take().control, -1);
}

static void test_passed(void **state)
{
    struct service_sockets sockets;

    (void)state;
    pass(0, control_socket(SOCK_STREAM));
    set_environment(getpid(), "1", NULL);
    sockets = take();
    assert_int_equal(sockets.control, PASSED);
    assert_int_equal(sockets.peer_count, 0);
    assert_int_equal(fcntl(PASSED, F_GETFD), FD_CLOEXEC);
}

/* In whatever order, and whatever they are called. */
static void test_passed_several(void **state)
{
    static const char *const names[] = {NULL, "peer:control:peer", "p2pchatd.socket:x:"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct service_sockets sockets;

        pass(0, peer_socket());
        pass(1, control_socket(SOCK_STREAM));
        pass(2, peer_socket());
        set_environment(getpid(), "3", names[i]);
        sockets = take();
        assert_int_equal(sockets.control, PASSED + 1);
        assert_int_equal(sockets.peer_count, 2);
        assert_int_equal(sockets.peers[0], PASSED);
        assert_int_equal(sockets.peers[1], PASSED + 2);
    }
}

static void test_passed_for_peers_alone(void **state)
{
    struct service_sockets sockets;

    (void)state;
    pass(0, peer_socket());
    set_environment(getpid(), "1", "peer");
    sockets = take();
    assert_int_equal(sockets.control, -1);
    assert_int_equal(sockets.peer_count, 1);
}

static void test_passed_something_else(void **state)
{
    (void)state;
    pass(0, control_socket(SOCK_SEQPACKET));
    set_environment(getpid(), "1", NULL);
    assert_refused("neither a listening Unix stream socket");
    pass(0, socket(AF_UNIX, SOCK_STREAM, 0)); /* does not listen */
    set_environment(getpid(), "1", NULL);
    assert_refused("neither a listening Unix stream socket");
    pass(0, socket(AF_INET, SOCK_STREAM, 0));
    set_environment(getpid(), "1", NULL);
    assert_refused("nor a listening TCP socket");
    pass(0, socket(AF_INET, SOCK_DGRAM, 0));
    set_environment(getpid(), "1", NULL);
    assert_refused("nor a listening TCP socket");
    pass(0, open("/dev/null", O_RDWR));
    set_environment(getpid(), "1", NULL);
    assert_refused("nor a listening TCP socket");
    close(PASSED);
    set_environment(getpid(), "1", NULL);
    assert_refused("cannot be had");
}

static void test_passed_under_a_wrong_name(void **state)
{
    (void)state;
    pass(0, peer_socket());
    set_environment(getpid(), "1", "control");
    assert_refused("passed as control is no listening Unix stream socket");
    pass(0, control_socket(SOCK_STREAM));
    set_environment(getpid(), "1", "peer");
    assert_refused("passed as peer is no listening TCP socket");
}

static void test_passed_without_a_path(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    pass(0, listening(SOCK_STREAM, &address, sizeof(sa_family_t))); /* the system gives a name */
    set_environment(getpid(), "1", "control");
    assert_refused("has no path");
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "p2pchat-test-%ld", (long)getpid());
    pass(0, listening(SOCK_STREAM, &address, sizeof address));
    set_environment(getpid(), "1", NULL);
    assert_refused("has no path");
}

static void test_passed_too_many(void **state)
{
    char count[16];

    (void)state;
    pass(0, control_socket(SOCK_STREAM));
    pass(1, control_socket(SOCK_STREAM));
    set_environment(getpid(), "2", NULL);
    assert_refused("two control sockets");
    for (int i = 0; i <= LISTEN_MAX; i++)
        pass(i, peer_socket());
    snprintf(count, sizeof count, "%d", LISTEN_MAX + 1);
    set_environment(getpid(), count, NULL);
    assert_refused("more than 16 sockets");
}

static void test_environment_refused(void **state)
{
    static const char *const counts[] = {"", "-1", "x", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        set_environment(getpid(), counts[i], NULL);
        assert_refused("cannot be had");
    }
    pass(0, control_socket(SOCK_STREAM));
    set_environment(getpid(), "1", "control:peer"); /* more names than sockets */
    assert_refused("cannot be had");
    setenv("LISTEN_PID", "me", 1);
    assert_refused("cannot be had");
}

/* --- Notifications --- */

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

static uint64_t monotonic_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void assert_tells_reloading(int fd)
{
    const uint64_t before = monotonic_usec();
    char text[128] = "";
    uint64_t said;

    assert_true(service_reloading());
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &said), 1);
    assert_in_range(said, before, monotonic_usec());
}

static void assert_tells(const char *path)
{
    int fd = manager(path);

    assert_true(service_is_heard());
    service_status("Opening the log");
    assert_told(fd, "STATUS=Opening the log");
    service_extend(60000);
    assert_told(fd, "EXTEND_TIMEOUT_USEC=60000000");
    service_ready("0 links");
    assert_told(fd, "READY=1\nSTATUS=0 links");
    assert_tells_reloading(fd);
    service_feed();
    assert_told(fd, "WATCHDOG=1");
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
    assert_false(service_is_heard());
    assert_true(service_stopping());
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        setenv("NOTIFY_SOCKET", paths[i], 1);
        assert_true(service_stopping()); /* and is not told again */
    }
}

/* What is not taken can be told again; nobody is waited for. */
static void test_nobody_reads(void **state)
{
    char path[64];
    int fd;

    (void)state;
    snprintf(path, sizeof path, "@p2pchat-test-%ld", (long)getpid());
    fd = manager(path);
    while (service_status("full"))
        ;
    assert_false(service_ready("0 links"));
    assert_told(fd, "STATUS=full");
    assert_true(service_ready("0 links"));
    assert_false(service_feed());
    close(fd);
}

static void test_watchdog(void **state)
{
    char pid[32];

    (void)state;
    setenv("NOTIFY_SOCKET", "@p2pchat-test-watchdog", 1);
    assert_int_equal(service_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "90000000", 1);
    assert_int_equal(service_watchdog_ms(), 90000);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(service_watchdog_ms(), 90000);
    setenv("WATCHDOG_PID", "1", 1); /* somebody else is to feed it */
    assert_int_equal(service_watchdog_ms(), 0);
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "1", 1); /* short, but there */
    assert_int_equal(service_watchdog_ms(), 1);
    setenv("WATCHDOG_USEC", "soon", 1);
    assert_int_equal(service_watchdog_ms(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_several, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_for_peers_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_something_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_under_a_wrong_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_without_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_to_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watchdog, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
