#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "daemon/limits.h"
#include "daemon/metrics.h"
#include "daemon/metrics_http.h"
#include "daemon/pump.h"
#include "daemon/socket_address.h"

/* A server whose numbers are this test's. All in one thread: while a test waits for something, the
 * loop runs. */
static struct {
    struct pump pump;
    size_t asked;  /* times that the numbers were asked for */
    size_t length; /* of them */
    struct bytes got;
} rig;

#define REQUEST "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define LINE    "p2pchat_links 1\n"

const struct bytes *metrics_text(struct pump *pump)
{
    struct bytes *text = &rig.pump.metrics.text;

    assert_ptr_equal(pump, &rig.pump);
    rig.asked++;
    bytes_clear(text);
    for (size_t i = 0; i < rig.length; i += strlen(LINE))
        bytes_text(text, LINE);
    return text;
}

static const struct host_port anywhere = {.host = "127.0.0.1"}, off = {.port = 0};

static int setup(void **state)
{
    struct refusal refusal;

    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.length = strlen(LINE);
    rig.pump.base = event_base_new();
    return metrics_http_set(&rig.pump, &anywhere, &refusal) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    metrics_http_free(rig.pump.metrics_http);
    event_base_free(rig.pump.base);
    bytes_done(&rig.got);
    bytes_done(&rig.pump.metrics.text);
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(rig.pump.base, EVLOOP_NONBLOCK);
}

/* --- Clients --- */

static int try_connect(const struct host_port *at)
{
    struct socket_address address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_return_code(fd, errno);
    assert_true(socket_address_parse(at, &address));
    if (connect(fd, &address.any, socket_address_length(&address)) < 0) {
        assert_int_equal(errno, ECONNREFUSED);
        close(fd);
        return -1;
    }
    turn();
    return fd;
}

static int visit(void)
{
    int fd = try_connect(metrics_http_bound(rig.pump.metrics_http));

    assert_true(fd >= 0);
    return fd;
}

/* As far as it goes. */
static bool say(int fd, const void *text, size_t length)
{
    bool is_sent = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;

    turn();
    return is_sent;
}

/* All that comes until the end of the stream; false when that does not come. */
static bool hear(int fd)
{
    char buffer[4096];
    ssize_t got;

    bytes_clear(&rig.got);
    for (int turns = 0; turns < 10000; turns++) {
        got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (got > 0)
            bytes_append(&rig.got, buffer, (size_t)got);
        else if (got == 0 || errno == ECONNRESET)
            break;
        turn();
    }
    bytes_u8(&rig.got, '\0');
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static const char *heard(void)
{
    return (const char *)bytes_data(&rig.got);
}

static void assert_answer(int fd, const char *status, const char *body)
{
    const char *end;

    assert_true(hear(fd));
    if (strncmp(heard(), status, strlen(status)) != 0)
        fail_msg("not %s: \"%.300s\"", status, heard());
    end = strstr(heard(), "\r\n\r\n");
    assert_non_null(end);
    if (body != NULL)
        assert_string_equal(end + 4, body);
    assert_non_null(strstr(heard(), "\r\nConnection: close\r\n"));
    assert_null(strstr(heard() + 1, "HTTP/1.1 ")); /* there is one answer */
    close(fd);
}

/* --- Answers --- */

static void test_numbers(void **state)
{
    (void)state;
    int fd = visit();

    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    assert_true(hear(fd));
    assert_string_equal(heard(), "HTTP/1.1 200 OK\r\n"
                                 "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                                 "Content-Length: 16\r\n"
                                 "Cache-Control: no-store\r\n"
                                 "X-Content-Type-Options: nosniff\r\n"
                                 "Connection: close\r\n\r\n" LINE);
    close(fd);
}

static void test_head(void **state)
{
    (void)state;
    int fd = visit();

    assert_true(say(fd, "HEAD /metrics HTTP/1.1\nHost: localhost\n\n", 40));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", "");
    assert_non_null(strstr(heard(), "\r\nContent-Length: 16\r\n"));
}

static void test_in_pieces(void **state)
{
    (void)state;
    int fd = visit();

    for (const char *at = REQUEST; *at != '\0'; at++)
        assert_true(say(fd, at, 1));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *request, *status;
    } refused[] = {
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
        {"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n"},
        {"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed\r\n"},
        {"\x16\x03\x01\n\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/3.0\n\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int fd = visit();

        assert_true(say(fd, refused[i].request, strlen(refused[i].request)));
        assert_answer(fd, refused[i].status, NULL);
    }
    assert_int_equal(rig.asked, 0);
}

static void test_pipelined(void **state)
{
    (void)state;
    int fd = visit();

    assert_true(say(fd, REQUEST REQUEST REQUEST, 3 * strlen(REQUEST)));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);
}

/* Whoever says more than was asked gets the answer all the same, but is not listened to for long.
 */
static void test_body(void **state)
{
    (void)state;
    static const char more[16 << 10];
    int fd = visit();

    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    assert_true(say(fd, more, sizeof(more)));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);

    fd = visit();
    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    for (int i = 0; say(fd, more, sizeof(more)); i++)
        assert_true(i < 1000);
    close(fd);
}

static void test_head_without_end(void **state)
{
    (void)state;
    char line[] = "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    int fd = visit();

    assert_true(say(fd, REQUEST, strlen(REQUEST) - 2));
    for (size_t said = 0; said < HTTP_HEAD_MAX; said += strlen(line))
        say(fd, line, strlen(line));
    assert_answer(fd, "HTTP/1.1 431 Request Header Fields Too Large\r\n", NULL);
}

/* --- Many, and slow ones --- */

static void test_the_oldest_gives_way(void **state)
{
    (void)state;
    int silent[3 * HTTP_VISITS_MAX], fd;

    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        silent[i] = visit();
    fd = visit();
    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        char byte;
        ssize_t got = recv(silent[i], &byte, 1, MSG_DONTWAIT);

        assert_int_equal(got, i <= 2 * HTTP_VISITS_MAX ? 0 : -1);
        close(silent[i]);
    }
}

/* Who does not read its answer holds up nobody, and gets all of it in the end. */
static void test_slow_reader(void **state)
{
    (void)state;
    int slow = visit(), fd;

    rig.length = 16 << 20;
    assert_true(say(slow, REQUEST, strlen(REQUEST)));
    rig.length = strlen(LINE);
    fd = visit();
    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);
    assert_true(hear(slow));
    assert_true(bytes_length(&rig.got) > 16 << 20);
    close(slow);
}

static void test_gone_before_the_answer(void **state)
{
    (void)state;
    for (size_t length = 0; length <= strlen(REQUEST); length += 7) {
        const struct linger at_once = {.l_onoff = 1};
        int fd = visit();

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
        send(fd, REQUEST, length, MSG_NOSIGNAL);
        close(fd);
        turn();
    }
}

/* --- Where --- */

static void test_goes_elsewhere(void **state)
{
    (void)state;
    const struct host_port before = *metrics_http_bound(rig.pump.metrics_http);
    const struct host_port there = {.host = "127.0.0.2"};
    const struct metrics_http *same = rig.pump.metrics_http;
    struct refusal refusal;
    int fd = visit();

    assert_true(metrics_http_set(&rig.pump, &anywhere, &refusal)); /* it is there already */
    assert_ptr_equal(rig.pump.metrics_http, same);

    assert_true(metrics_http_set(&rig.pump, &there, &refusal));
    assert_string_equal(metrics_http_bound(rig.pump.metrics_http)->host, "127.0.0.2");
    assert_true(hear(fd));
    close(fd);
    assert_int_equal(try_connect(&before), -1);
    fd = visit();
    assert_true(say(fd, REQUEST, strlen(REQUEST)));
    assert_answer(fd, "HTTP/1.1 200 OK\r\n", LINE);

    assert_true(metrics_http_set(&rig.pump, &off, &refusal));
    assert_null(rig.pump.metrics_http);
    assert_null(metrics_http_bound(NULL));
    assert_true(metrics_http_set(&rig.pump, &off, &refusal));
}

static void test_place_in_use(void **state)
{
    (void)state;
    const struct host_port taken = *metrics_http_bound(rig.pump.metrics_http);
    struct pump other = {.base = rig.pump.base};
    struct refusal refusal;
    int fd;

    assert_false(metrics_http_set(&other, &taken, &refusal));
    assert_int_equal(refusal.exit_code, EX_UNAVAILABLE);
    assert_non_null(strstr(refusal.why, "is in use: another program listens there; stop it or give "
                                        "another [Metrics] Listen="));
    assert_null(other.metrics_http);
    assert_true(metrics_http_set(&other, &anywhere, &refusal));
    assert_false(metrics_http_set(&other, &taken, &refusal)); /* and then it stays where it is */
    fd = try_connect(metrics_http_bound(other.metrics_http));
    assert_true(fd >= 0);
    close(fd);
    metrics_http_free(other.metrics_http);
    other.metrics_http = NULL;

    /* At a start it is waited for; a place that is named instead is had at once. */
    metrics_http_start(&other, &taken);
    assert_non_null(strstr(metrics_http_trouble(other.metrics_http), "is in use"));
    assert_null(metrics_http_bound(other.metrics_http));
    assert_true(metrics_http_set(&other, &taken, &refusal));
    assert_non_null(metrics_http_trouble(other.metrics_http));
    assert_true(metrics_http_set(&other, &anywhere, &refusal));
    assert_null(metrics_http_trouble(other.metrics_http));
    metrics_http_start(&other, &taken);
    assert_true(metrics_http_set(&rig.pump, &off, &refusal));
    assert_true(metrics_http_set(&other, &taken, &refusal));
    assert_null(metrics_http_trouble(other.metrics_http));
    assert_int_equal(metrics_http_bound(other.metrics_http)->port, taken.port);
    metrics_http_free(other.metrics_http);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers),          TEST(test_head),
        TEST(test_in_pieces),        TEST(test_refusals),
        TEST(test_pipelined),        TEST(test_body),
        TEST(test_head_without_end), TEST(test_the_oldest_gives_way),
        TEST(test_slow_reader),      TEST(test_gone_before_the_answer),
        TEST(test_goes_elsewhere),   TEST(test_place_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
