#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_state.h"
#include "daemon/socket_address.h"
#include "daemon/state_dir.h"
#include "tests/unit/control_rig.h"

#define DOCTOR(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"doctor\"}\n"
#define DOCTOR_OF(id, p) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"doctor\",\"params\":{\"peer\":\"" p "\"}}\n"

/* A state directory without a key in it, and a place where somebody listens. */
static struct state_dir dir;
static struct host_port listen_at;
static int listener;
static struct event *acceptable;

/* As the pump does. */
static void on_acceptable(evutil_socket_t fd, short events, void *context)
{
    struct sockaddr_storage remote;
    socklen_t length = sizeof(remote);
    struct socket_address from;
    int accepted = accept(fd, (struct sockaddr *)&remote, &length);

    (void)events;
    (void)context;
    if (socket_address_from((struct sockaddr *)&remote, &from))
        control_meets(rig.pump.control, &from);
    close(accepted);
}

static int setup(void **state)
{
    struct socket_address at = {.v4 = {.sin_family = AF_INET}};
    socklen_t length = sizeof(at);
    static char path[] = "/tmp/test-doctor-XXXXXX";
    struct refusal refusal;

    if (rig_setup(state) != 0)
        return -1;
    strcpy(path, "/tmp/test-doctor-XXXXXX");
    if (mkdtemp(path) == NULL || !state_dir_open(path, &dir, &refusal))
        return -1;
    at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, &at.any, sizeof(at.v4)) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, &at.any, &length) < 0)
        return -1;
    socket_address_format(&at, &listen_at);
    acceptable = event_new(rig.pump.base, listener, EV_READ | EV_PERSIST, on_acceptable, NULL);
    event_add(acceptable, NULL);
    rig.pump.facts->dir = &dir;
    rig.pump.facts->listen = &listen_at;
    rig.pump.facts->listen_count = 1;
    return 0;
}

static int teardown(void **state)
{
    char *path = xstrdup(dir.path);

    event_free(acceptable);
    close(listener);
    unlinkat(dir.descriptor, "lock", 0);
    state_dir_close(&dir);
    rmdir(path);
    free(path);
    return rig_teardown(state);
}

static void expect_parts(const char *line, const char *const *parts, size_t count)
{
    assert_non_null(line);
    for (size_t i = 0; i < count; i++) {
        if (strstr(line, parts[i]) == NULL)
            fail_msg("\"%s\" is not in %s", parts[i], line);
    }
}

static void test_findings(void **state)
{
    static const char *const parts[] = {
        "{\"name\":\"configuration\",\"ok\":true,\"message\":\"there is no file",
        "{\"name\":\"permissions\",\"ok\":false,",
        "identity.key: is missing",
        "{\"name\":\"socket\",\"ok\":true,",
        "{\"name\":\"disk\",\"ok\":false,\"message\":\"there is no room for the log (writing: no "
        "room)",
        "{\"name\":\"clock\",\"ok\":false,",
        "{\"name\":\"limits\",\"ok\":true,",
        "{\"name\":\"listening\",\"ok\":true,\"message\":\"127.0.0.1:",
        "{\"name\":\"dns\",\"ok\":true,\"message\":\"no names are in use",
        "{\"name\":\"trackers\",\"ok\":true,\"message\":\"none is used",
    };
    int c = rig_connect();

    (void)state;
    rig_send(c, DOCTOR("1"));
    expect_parts(rig_line(c), parts, sizeof(parts) / sizeof(parts[0]));
    close(c);
}

static void test_mistakes(void **state)
{
    int c = rig_connect();

    (void)state;
    rig.mistakes = "c:2: Level=loud\n";
    rig_send(c, DOCTOR("1"));
    rig_expect_part(c, "{\"name\":\"configuration\",\"ok\":false,\"message\":\"c:2: Level=loud\\n");
    close(c);
}

/* Nothing on it is touched: whoever does waits with it. */
static void test_disk_that_hangs(void **state)
{
    static const char *const parts[] = {
        "{\"name\":\"permissions\",\"ok\":true,\"message\":\"not looked at, as the disk of ",
        "{\"name\":\"disk\",\"ok\":false,\"message\":\"where ",
        " is, the disk has not answered for 7 s: until it does"};
    int c = rig_connect();

    (void)state;
    rig.silence_ms = 7000;
    rig_send(c, DOCTOR("1"));
    expect_parts(rig_line(c), parts, sizeof(parts) / sizeof(parts[0]));
    close(c);
}

static void test_nobody_listens(void **state)
{
    int c = rig_connect();

    (void)state;
    event_del(acceptable);
    close(listener);
    rig_send(c, DOCTOR("1"));
    rig_expect_part(c, "{\"name\":\"listening\",\"ok\":false,");
    listener = dup(c);
    close(c);
}

static void test_peer(void **state)
{
    static const char *const parts[] = {"\"name\":\"trackers\"", "},{\"name\":\"consent\"",
                                        "{\"name\":\"queue\",\"ok\":true,"};
    int c = rig_connect();

    (void)state;
    rig_send(c, DOCTOR_OF("1", "alice"));
    expect_parts(rig_line(c), parts, sizeof(parts) / sizeof(parts[0]));
    rig_send(c, DOCTOR_OF("2", "nobody"));
    rig_expect_part(c, "\"no_such_peer\"");
    close(c);
}

static void test_all_who_wait_are_answered(void **state)
{
    int clients[20];

    (void)state;
    for (size_t i = 0; i < 20; i++)
        clients[i] = rig_connect();
    for (size_t i = 0; i < 20; i++)
        rig_send(clients[i], i % 2 == 0 ? DOCTOR("1") : DOCTOR_OF("1", "alice"));
    for (size_t i = 0; i < 20; i++) {
        const char *line = rig_line(clients[i]);

        assert_non_null(line);
        assert_int_equal(strstr(line, "\"queue\"") != NULL, i % 2 == 1);
        close(clients[i]);
    }
}

static void test_one_at_a_time(void **state)
{
    int c = rig_connect();

    (void)state;
    rig_send(c, DOCTOR("1") DOCTOR("2"));
    rig_expect_part(c, "\"id\":2,\"error\"");
    rig_expect_part(c, "\"id\":1,\"result\"");
    rig_send(c, DOCTOR("3"));
    rig_expect_part(c, "\"id\":3,\"result\"");
    close(c);
}

/* One client's turn, and no more: its call waits. */
static void begin(int client)
{
    rig_send(client, DOCTOR("1"));
    while (rig.pump.control->calls == NULL)
        rig_turn();
}

static void test_who_goes_away(void **state)
{
    int c = rig_connect(), other = rig_connect();

    (void)state;
    begin(c);
    rig_send(other, DOCTOR("1"));
    close(c);
    rig_expect_part(other, "\"id\":1,\"result\"");
    begin(other);
    close(other);
    rig_run();
    assert_null(rig.pump.control->calls);
    c = rig_connect();
    rig_send(c, DOCTOR("1"));
    rig_expect_part(c, "\"id\":1,\"result\"");
    close(c);
}

static void test_stop(void **state)
{
    int c = rig_connect();

    (void)state;
    begin(c);
    control_stop(rig.pump.control);
    rig_expect_part(c, "\"shutting_down\"");
    assert_null(rig.pump.control->calls);
    close(c);
}

static void test_end_while_somebody_waits(void **state)
{
    int c = rig_connect();

    (void)state;
    begin(c);
    close(c); /* the teardown frees the control with the call in it */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_findings),
        TEST(test_mistakes),
        TEST(test_disk_that_hangs),
        TEST(test_nobody_listens),
        TEST(test_peer),
        TEST(test_all_who_wait_are_answered),
        TEST(test_one_at_a_time),
        TEST(test_who_goes_away),
        TEST(test_stop),
        TEST(test_end_while_somebody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
