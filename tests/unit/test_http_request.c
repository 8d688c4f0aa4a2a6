#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/http_request.h"

#define HOST "Host: 127.0.0.1:9470\r\n"

/* --- Where the head ends --- */

static void test_end_of_the_head(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } heads[] = {
        {"", 0},
        {"\n", 0},
        {"\r\n\r", 0},
        {"GET / HTTP/1.1\r\n", 0},
        {"GET / HTTP/1.1\r\n\r", 0},
        {"GET / HTTP/1.1\r\n\r\nmore\r\n\r\n", 18},
        {"GET / HTTP/1.1\n\nmore", 16},
        {"GET / HTTP/1.1\nHost: a\r\n\n", 25},
        {"a\r\r\n", 0},
        {"\n\n", 2},
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        assert_int_equal(http_head_length(heads[i].text, strlen(heads[i].text)), heads[i].length);
}

/* --- What it asks for --- */

static void assert_judged(const char *head, enum http_status expected)
{
    bool is_head = false;
    enum http_status status = http_judge(head, strlen(head), &is_head);

    if (status != expected)
        fail_msg("%d instead of %d: \"%s\"", (int)status, (int)expected, head);
    assert_int_equal(is_head, status == HTTP_OK && strncmp(head, "HEAD", 4) == 0);
}

static void test_good_requests(void **state)
{
    (void)state;
    assert_judged("GET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK);
    assert_judged("GET /metrics HTTP/1.0\nhOST:localhost\n\n", HTTP_OK);
    assert_judged("HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK);
    assert_judged("GET /metrics?name=x HTTP/1.1\r\n" HOST "\r\n", HTTP_OK);
    assert_judged("GET /metrics HTTP/1.9\r\n"
                  "User-Agent: Prometheus/2.42.0\r\nAccept: \t text/plain;q=0.5, */*\r\n"
                  "X-Empty:\r\n" HOST "\r\n",
                  HTTP_OK);
}

static void test_other_requests(void **state)
{
    (void)state;
    assert_judged("GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND);
    assert_judged("GET /metrics/ HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND);
    assert_judged("GET /Metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND);
    assert_judged("GET /../metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND);
    assert_judged("GET * HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_FOUND);
    assert_judged("POST /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_METHOD_NOT_ALLOWED);
    assert_judged("get /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_METHOD_NOT_ALLOWED);
    assert_judged("CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", HTTP_METHOD_NOT_ALLOWED);
    assert_judged("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_METHOD_NOT_ALLOWED);
    assert_judged("GET /metrics HTTP/2.0\r\n" HOST "\r\n", HTTP_VERSION_NOT_SUPPORTED);
    assert_judged("PRI * HTTP/2.0\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED);
}

static void test_what_is_no_request(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\n\n",
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /metrics\r\n" HOST "\r\n",
        " /metrics HTTP/1.1\r\n" HOST "\r\n",
        "GET  HTTP/1.1\r\n" HOST "\r\n",
        "GET  /metrics HTTP/1.1\r\n" HOST "\r\n",
        "GET /metrics  HTTP/1.1\r\n" HOST "\r\n",
        "GET /metrics HTTP/1.1 \r\n" HOST "\r\n",
        "GET /metrics HTTP/1\r\n" HOST "\r\n",
        "GET /metrics HTTP/1.10\r\n" HOST "\r\n",
        "GET /metrics http/1.1\r\n" HOST "\r\n",
        "GET /met\trics HTTP/1.1\r\n\r\n",
        "GET /metrics\x01 HTTP/1.1\r\n" HOST "\r\n",
        "GET /metrics HTTP/1.1\r\n\r\n", /* no Host */
        "GET /metrics HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET /metrics HTTP/1.1\r\n" HOST "Host: evil.example\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n" HOST " folded\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n" HOST "nothing\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n: localhost\r\n" HOST "\r\n",
        "GET /metrics HTTP/1.1\r\n" HOST "A: \x7f\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        assert_judged(heads[i], HTTP_BAD_REQUEST);
}

static void test_nul_is_no_request(void **state)
{
    (void)state;
    static const char head[] = "GET /metrics HTTP/1.1\r\nHost: localhost\0evil.example\r\n\r\n";
    bool is_head;

    assert_int_equal(http_judge(head, sizeof(head) - 1, &is_head), HTTP_BAD_REQUEST);
}

/* --- Whom it asks --- */

static void test_this_machine(void **state)
{
    (void)state;
    static const char *const local[] = {
        "localhost", "LocalHost:9470", "127.0.0.1",  "127.0.0.1:9470", "127.255.255.254:1",
        "[::1]",     "[::1]:65535",    "127.0.0.1:", "localhost:0",
    };
    static const char *const others[] = {
        "",
        ":9470",
        "evil.example",
        "evil.example:9470",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#127.0.0.1",
        "localhost.",
        "localhosts",
        "local",
        "0.0.0.0",
        "0",
        "127.1",
        "127.0.0.1:9470:1",
        "127.0.0.1:port",
        "127.0.0.1:123456",
        "127.0.0.1 ",
        "127.0.0.256",
        "2130706433",
        "128.0.0.1",
        "10.0.0.1",
        "::1",
        "[::1",
        "[::1]9470",
        "[::2]:9470",
        "[::1]]",
        "[localhost]",
        "user@localhost",
        "localhost, evil.example",
        "localhost/",
    };

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        if (!http_is_local(local[i], strlen(local[i])))
            fail_msg("%s is this machine", local[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char head[200];

        if (http_is_local(others[i], strlen(others[i])))
            fail_msg("%s is another one", others[i]);
        snprintf(head, sizeof(head), "GET /metrics HTTP/1.1\r\nHost: x%s\r\n\r\n", others[i]);
        assert_judged(head, HTTP_FORBIDDEN);
    }
    assert_false(http_is_local("localhost\0", 10));
}

/* A page that its owner led here may know neither what there is nor what is not. */
static void test_others_learn_nothing(void **state)
{
    (void)state;
    assert_judged("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", HTTP_FORBIDDEN);
    assert_judged("POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n", HTTP_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_the_head),      cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_other_requests),       cmocka_unit_test(test_what_is_no_request),
        cmocka_unit_test(test_nul_is_no_request),    cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_others_learn_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
