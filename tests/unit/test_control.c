#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/rpc.h"
#include "daemon/limits.h"
#include "tests/unit/control_rig.h"

#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}\n"
#define MESSAGE(id, peer)    REQUEST(id, "chat.message", "{\"peer\":\"" peer "\",\"text\":\"hi\"}")
#define RESULT(id, result)   "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERROR(id, code_text) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code_text

/* --- Answers --- */

static void test_identity(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "identity", "{}"));
    rig_expect(
        c, RESULT("1", "{\"peer_id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
                       "\"name\":\"bob\",\"address\":\"p2pchat:"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                       "@[2001:db8::1]:28470?name=bob\"}"));
    close(c);
}

/* What others are to be told is where a tracker has reached us, rather than where we listen. */
static void test_identity_of_who_was_reached(void **state)
{
    (void)state;
    int c = rig_connect();

    rig.public_address = (struct host_port){"198.51.100.7", 4000};
    rig_send(c, REQUEST("1", "identity", "{}"));
    rig_expect(
        c, RESULT("1", "{\"peer_id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
                       "\"name\":\"bob\",\"address\":\"p2pchat:"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                       "@198.51.100.7:4000?name=bob\"}"));
    close(c);
}

static void test_status(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("\"s\"", "status", "{}"));
    rig_expect(
        c, RESULT("\"s\"",
                  "{\"version\":\"0.1.0\",\"role\":\"node\",\"peer_id\":"
                  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"name\":"
                  "\"bob\",\"listen\":[\"[::]:28470\",\"127.0.0.1:28471\"],\"classic_listen\":[],"
                  "\"metrics_listen\":[],\"network_key\":false,"
                  "\"trackers\":[\"a tracker\"],"
                  "\"links\":1,\"contacts\":2,\"queued\":3,\"log\":{\"last_seq\":100,"
                  "\"size_bytes\":4096,\"wal_bytes\":1024,\"free_bytes\":8192,\"first_seq\":1,"
                  "\"state\":\"full\",\"reason\":\"writing: no "
                  "room\"},\"uptime_s\":59}"));
    close(c);
}

static void test_status_while_the_disk_is_silent(void **state)
{
    (void)state;
    int c = rig_connect();

    rig.silence_ms = 4999;
    rig_send(c, REQUEST("1", "status", "{}"));
    rig_expect_part(c, "\"state\":\"full\",\"reason\":\"writing: no room\"}");
    rig.silence_ms = 61999;
    rig_send(c, REQUEST("2", "status", "{}"));
    rig_expect_part(c, "\"free_bytes\":null,\"first_seq\":1,\"state\":\"failing\",\"reason\":\"the "
                       "disk has not answered for 61 s\"}");
    rig_send(c, REQUEST("3", "metrics", "{}"));
    rig_expect_part(c, "\\np2pchat_log_state{role=\\\"node\\\",state=\\\"failing\\\"} 1\\n");
    close(c);
}

/* One line of JSON, and lines that Prometheus reads in it. */
static void test_metrics(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "metrics", "{}"));
    rig_expect_part(c, "\"result\":{\"text\":\"# HELP p2pchat_build_info ");
    rig_send(c, REQUEST("2", "metrics", "{}"));
    rig_expect_part(c, "\\np2pchat_contacts{role=\\\"node\\\"} 2\\n");
    close(c);
}

/* The numbers are put together once a second, whoever asks. */
static void test_metrics_are_made_once(void **state)
{
    (void)state;
    int c = rig_connect(), other = rig_connect();

    rig_send(c, REQUEST("1", "metrics", "{}"));
    rig_expect_part(c, "calls_total{role=\\\"node\\\",method=\\\"metrics\\\"} 1\\n");
    rig.passed_ms = METRICS_FRESH_MS - 1;
    rig_send(other, REQUEST("1", "metrics", "{}"));
    rig_expect_part(other, "calls_total{role=\\\"node\\\",method=\\\"metrics\\\"} 1\\n");
    rig.passed_ms = METRICS_FRESH_MS;
    rig_send(c, REQUEST("2", "metrics", "{}"));
    rig_expect_part(c, "calls_total{role=\\\"node\\\",method=\\\"metrics\\\"} 3\\n");
    close(c);
    close(other);
}

static void test_discover(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "rpc.discover", "{}"));
    rig_expect_part(c, "\"name\":\"chat.message\"");
    close(c);
}

static void test_reload(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "reload", "{}"));
    rig_expect(c, RESULT("1", "{\"changed\":[\"Log.Level\"],"
                              "\"needs_restart\":[\"Control.Socket\"]}"));
    close(c);
}

static void test_reload_of_mistakes(void **state)
{
    (void)state;
    int c = rig_connect();

    rig.mistakes = "f:1: one\nf:7: \"two\"\n";
    rig_send(c, REQUEST("1", "reload", "{}"));
    rig_expect(c, ERROR("1", "-32022,\"message\":\"nothing was changed: f:1: one; and there are "
                             "more mistakes\",\"data\":{\"name\":\"bad_config\",\"mistakes\":"
                             "[\"f:1: one\",\"f:7: \\\"two\\\"\"]}}}"));
    rig.mistakes = "f:1: one\n";
    rig_send(c, REQUEST("2", "reload", "{}"));
    rig_expect_part(c, "\"nothing was changed: f:1: one\"");
    close(c);
}

/* What a tracker has is said by the table. */
static void test_method_of_nodes_at_a_tracker(void **state)
{
    (void)state;
    int c = rig_connect();

    rig.pump.facts->role = ROLE_TRACKER;
    rig_send(c, MESSAGE("1", "alice"));
    rig_expect_part(c, ", shutdown and rpc.discover; the rest is a node's\"");
    close(c);
}

static void test_shutdown(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "shutdown", "{}") MESSAGE("2", "alice"));
    rig_expect(c, RESULT("1", "{\"socket_stays\":false}"));
    rig_expect_part(c, "\"shutting_down\"");
    assert_true(rig.is_stopped);
    close(c);
}

/* --- Lines that are no calls: each is answered, and the connection goes on --- */

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"", ERROR("null", "-32700")},
        {"{", ERROR("null", "-32700")},
        {"\xff", ERROR("null", "-32700")},
        {"{} {}", ERROR("null", "-32700")},
        {"[]", ERROR("null", "-32600")},
        {"{\"id\":7}", ERROR("7", "-32600")},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"nonsense\"}", ERROR("7", "-32601")},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"chat.message\"}", ERROR("7", "-32602")},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"status\",\"params\":{\"x\":1}}",
         ERROR("7", "-32602")},
    };
    int c = rig_connect();

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        rig_send(c, lines[i][0]);
        rig_send(c, "\n");
        rig_expect_part(c, lines[i][1]);
    }
    rig_send(c, REQUEST("1", "history", "{\"peer\":\"carol\"}"));
    rig_expect_part(c, "\"no_such_peer\"");
    rig_send(c, MESSAGE("1", "alice"));
    rig_expect(c, RESULT("1", "{\"n\":1}"));
    close(c);
}

static void test_pieces_of_lines(void **state)
{
    (void)state;
    const char *line = MESSAGE("1", "alice");
    int c = rig_connect();

    for (const char *at = line; *at != '\0'; at++) {
        rig_send_bytes(c, at, 1);
        rig_run();
    }
    rig_expect(c, RESULT("1", "{\"n\":1}"));
    close(c);
}

static char *padded(size_t length)
{
    char *line = xmalloc(length + 2);
    int head = sprintf(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"");

    memset(line + head, ' ', length - (size_t)head);
    strcpy(line + length - 1, "}\n");
    return line;
}

static void test_the_longest_line(void **state)
{
    (void)state;
    char *line = padded(RPC_LINE_MAX);
    int c = rig_connect();

    rig_send(c, line);
    rig_expect_part(c, "\"version\"");
    rig_send(c, line);
    rig_expect_part(c, "\"version\"");
    free(line);
    close(c);
}

static void test_a_longer_line_is_the_end(void **state)
{
    (void)state;
    char *line = padded(RPC_LINE_MAX + 1);
    int c = rig_connect();

    rig_send(c, MESSAGE("0", "later"));
    rig_send(c, line);
    rig_send(c, MESSAGE("2", "alice")); /* is not heard any more */
    rig_expect_part(c, ERROR("null", "-32600"));
    rig_expect_end(c);
    assert_int_equal(rig.replied, 0);
    assert_int_equal(rig.gone, 0); /* it may still read */
    shutdown(c, SHUT_WR);
    rig_run();
    assert_int_equal(rig.gone, rig.calls[0].client);
    free(line);
    close(c);
}

static void test_an_endless_line_is_cut_off(void **state)
{
    (void)state;
    char piece[4096];
    size_t total = 0;
    int c = rig_connect();

    memset(piece, 'x', sizeof(piece));
    while (total < 2 * (size_t)CLIENT_DISCARD_MAX) {
        ssize_t sent = send(c, piece, sizeof(piece), MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            break;
        total += sent > 0 ? (size_t)sent : 0;
        rig_turn();
    }
    assert_true(total > CLIENT_DISCARD_MAX && total < 2 * (size_t)CLIENT_DISCARD_MAX);
    rig_expect_part(c, ERROR("null", "-32600"));
    rig_expect_end(c);
    close(c);
}

/* --- Calls --- */

static void test_pipelined(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, MESSAGE("1", "later") MESSAGE("2", "alice") MESSAGE("3", "later")
                    MESSAGE("4", "alice"));
    rig_expect(c, RESULT("2", "{\"n\":1}"));
    rig_expect(c, RESULT("4", "{\"n\":2}"));
    rig_expect_silence(c);
    rig_reply(1, OK, "{}");
    rig_reply(0, ERR_NOT_CONNECTED, NULL);
    rig_reply(0, OK, "{}"); /* was answered: nothing */
    rig_expect(c, RESULT("3", "{}"));
    rig_expect_part(c, "\"not_connected\"");
    rig_expect_silence(c);
    close(c);
}

static void test_replies_find_their_client(void **state)
{
    (void)state;
    int a = rig_connect(), b = rig_connect();

    rig_send(a, MESSAGE("\"same\"", "later"));
    rig_run();
    rig_send(b, MESSAGE("\"same\"", "later"));
    rig_run();
    rig_reply(1, OK, "{\"to\":\"b\"}");
    rig_reply(0, OK, "{\"to\":\"a\"}");
    rig_expect(a, RESULT("\"same\"", "{\"to\":\"a\"}"));
    rig_expect(b, RESULT("\"same\"", "{\"to\":\"b\"}"));
    close(a);
    close(b);
}

static void test_half_closed(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, MESSAGE("1", "later") "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"nonsense\"}");
    shutdown(c, SHUT_WR); /* the last line has no newline */
    rig_expect_part(c, ERROR("2", "-32601"));
    rig_expect_silence(c);
    rig_reply(0, OK, "{}");
    rig_expect(c, RESULT("1", "{}"));
    rig_expect_end(c);
    close(c);
}

static void test_gone_with_calls_pending(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, MESSAGE("1", "later") MESSAGE("2", "alice"));
    close(c);
    rig_run();
    assert_int_equal(rig.replied, 1); /* what it asked for took effect */
    assert_int_equal(rig.gone, rig.calls[0].client);
    rig_reply(0, OK, "{}");
}

/* What a client that is gone wanted to know is no matter; what it wanted done is. */
static void test_gone_with_requests_unread(void **state)
{
    (void)state;
    struct bytes burst = BYTES_EMPTY;
    int c = rig_connect();

    for (int i = 0; i < 1000; i++)
        bytes_text(&burst, REQUEST("1", "contact.list", "{}"));
    bytes_text(&burst, MESSAGE("2", "later"));
    assert_int_equal(send(c, bytes_data(&burst), bytes_length(&burst), 0), bytes_length(&burst));
    close(c);
    for (int i = 0; i < 100; i++)
        rig_run();
    assert_true(rig.replied <= CLIENT_STEPS_PER_TURN); /* before it was seen to be gone */
    assert_int_equal(rig.call_count, 1);
    bytes_done(&burst);
}

/* The same when it is seen to be gone in the turn in which it would have been held. */
static void test_gone_with_too_many_calls(void **state)
{
    (void)state;
    struct bytes burst = BYTES_EMPTY;
    int c = rig_connect();

    for (int i = 0; i < CLIENT_CALLS_MAX + 9; i++) {
        if (i == CLIENT_CALLS_MAX - 1)
            bytes_text(&burst, REQUEST("1", "unheard-of", "{}"));
        bytes_text(&burst, MESSAGE("1", "later"));
    }
    assert_int_equal(send(c, bytes_data(&burst), bytes_length(&burst), 0), bytes_length(&burst));
    close(c);
    for (int i = 0; i < 100; i++)
        rig_run();
    assert_int_equal(rig.call_count, CLIENT_CALLS_MAX + 9);
    assert_int_equal(rig.gone, rig.calls[0].client);
    bytes_done(&burst);
}

static void test_half_closed_and_then_gone(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, MESSAGE("1", "later"));
    shutdown(c, SHUT_WR);
    rig_run();
    assert_int_equal(rig.gone, 0);
    close(c);
    rig_run();
    assert_int_equal(rig.gone, rig.calls[0].client);
}

static void test_too_many_calls_wait(void **state)
{
    (void)state;
    int c = rig_connect();

    for (int i = 0; i < CLIENT_CALLS_MAX + 10; i++)
        rig_send(c, MESSAGE("1", "later"));
    for (int i = 0; i < 100; i++)
        rig_run();
    assert_int_equal(rig.call_count, CLIENT_CALLS_MAX);
    rig_reply(5, OK, "{}");
    rig_reply(6, OK, "{}");
    rig_run();
    assert_int_equal(rig.call_count, CLIENT_CALLS_MAX + 2);
    close(c); /* though we are not reading from it */
    rig_run();
    assert_int_equal(rig.gone, rig.calls[0].client);
    assert_int_equal(rig.call_count, CLIENT_CALLS_MAX + 10);
}

static void test_the_disk_is_behind(void **state)
{
    (void)state;
    int busy = rig_connect(), other = rig_connect(), waiting = rig_connect();

    rig_send(waiting, MESSAGE("0", "later"));
    rig_run();
    rig.queued_bytes = STORE_QUEUE_MAX;
    rig_send(busy, MESSAGE("1", "later") MESSAGE("2", "later"));
    rig_send(waiting, MESSAGE("3", "later"));
    rig_run();
    assert_int_equal(rig.call_count, 2); /* one that waited for nothing was heard once */
    rig_send(other, REQUEST("4", "status", "{}"));
    rig_expect_part(other, "\"version\"");

    rig.queued_bytes = STORE_QUEUE_MAX - 1;
    rig_run();
    assert_int_equal(rig.call_count, 2);
    control_disk_went_on(rig.pump.control);
    rig_run();
    assert_int_equal(rig.call_count, 4);
    close(busy);
    close(other);
    close(waiting);
}

static void test_one_that_does_not_read(void **state)
{
    (void)state;
    int slow = rig_connect(), other = rig_connect();
    int events = event_base_get_num_events(rig.pump.base, EVENT_BASE_COUNT_ADDED);
    size_t sent = 0, replied;

    /* It sends until nobody takes more. */
    for (int idle = 0; idle < 20; idle++) {
        while (send(slow, MESSAGE("1", "alice"), strlen(MESSAGE("1", "alice")), MSG_NOSIGNAL) > 0) {
            sent++;
            idle = 0;
        }
        rig_run();
    }
    replied = rig.replied;
    assert_true(replied < sent);
    assert_true(replied < 40000); /* 256 KiB here and as much in the socket, of 40 bytes each */
    /* The loop waits for it to read, and for nothing else. */
    assert_int_equal(event_base_get_num_events(rig.pump.base, EVENT_BASE_COUNT_ADDED), events + 1);
    rig_send(other, MESSAGE("2", "alice"));
    rig_expect_part(other, "\"n\":");
    rig_run();
    assert_int_equal(rig.replied, replied + 1);
    for (size_t i = 0; i < sent; i++)
        assert_non_null(rig_line(slow));
    rig_expect_silence(slow);
    close(slow);
    close(other);
}

static void test_turns_with_long_lines_are_short(void **state)
{
    (void)state;
    struct bytes burst = BYTES_EMPTY;
    char padding[CLIENT_BYTES_PER_TURN];
    int busy = rig_connect();

    memset(padding, ' ', sizeof(padding));
    for (int i = 0; i < 3; i++) {
        bytes_append(&burst, padding, sizeof(padding));
        bytes_text(&burst, MESSAGE("1", "alice"));
    }
    assert_int_equal(send(busy, bytes_data(&burst), bytes_length(&burst), 0), bytes_length(&burst));
    rig_turn(); /* it is heard, and then it is its turn */
    rig_turn();
    assert_int_equal(rig.replied, 1);
    bytes_done(&burst);
    close(busy);
}

static void test_turns_are_short(void **state)
{
    (void)state;
    int busy = rig_connect(), other = rig_connect();
    struct bytes burst = BYTES_EMPTY;

    for (int i = 0; i < 1000; i++)
        bytes_text(&burst, MESSAGE("1", "alice"));
    assert_int_equal(send(busy, bytes_data(&burst), bytes_length(&burst), 0), bytes_length(&burst));
    rig_send(other, MESSAGE("2", "alice"));
    rig_line(other);
    assert_true(rig.replied <= 3 * CLIENT_STEPS_PER_TURN);
    bytes_done(&burst);
    close(busy);
    close(other);
}

/* --- Clients --- */

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void send_descriptors(int client, int count)
{
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    char line[] = MESSAGE("1", "alice");
    struct iovec piece = {.iov_base = line, .iov_len = sizeof(line) - 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    for (int i = 0; i < count; i++)
        memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &client, sizeof(int));
    assert_int_equal(sendmsg(client, &message, 0), sizeof(line) - 1);
}

/* However many clients there are, and whatever takes long: then the loop hears others, and goes on
 * with those who had no turn yet. */
static void test_turns_of_all_end_in_time(void **state)
{
    (void)state;
    enum { CLIENTS = 5, REQUESTS = 3 };
    int clients[CLIENTS];

    for (int i = 0; i < CLIENTS; i++)
        clients[i] = rig_connect();
    rig.clock_step_us = CLIENTS_TURN_US; /* a request takes as long as all of them may */
    for (int i = 0; i < CLIENTS; i++)
        assert_true(send(clients[i],
                         MESSAGE("1", "alice") MESSAGE("1", "alice") MESSAGE("1", "alice"),
                         REQUESTS * strlen(MESSAGE("1", "alice")), 0) > 0);
    for (size_t turns = 0; rig.replied < CLIENTS; turns++) {
        assert_true(rig.replied <= turns);
        rig_turn();
    }
    assert_int_equal(rig.replied, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        rig_expect_part(clients[i], "\"result\""); /* one each so far */
    while (rig.replied < (size_t)CLIENTS * REQUESTS)
        rig_turn();
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

/* Requests that never end: whoever comes too late with one is told so, and short ones are taken. */
static void test_too_much_input_of_all(void **state)
{
    (void)state;
    enum { LENGTH = RPC_LINE_MAX - 1, CROWD = CLIENTS_INPUT_MAX / LENGTH + 1 };
    char *spaces = xmalloc(LENGTH);
    int crowd[CROWD], late, other = rig_connect();

    memset(spaces, ' ', LENGTH);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = rig_connect();
        rig_send_bytes(crowd[i], spaces, LENGTH);
        rig_run();
    }
    late = rig_connect();
    assert_true(send(late, spaces, 2 * CLIENT_READ_MAX, 0) > 0);
    rig_expect_part(late, ERROR("null", "-32016"));
    rig_expect_end(late);
    rig_send(other, MESSAGE("1", "alice"));
    rig_expect_part(other, "\"result\"");
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    close(late);
    close(other);
    free(spaces);
}

static void test_passed_descriptors_are_closed(void **state)
{
    (void)state;
    int c = rig_connect();
    size_t before = descriptors();

    for (int count = 1; count <= 8; count++) {
        send_descriptors(c, count);
        rig_expect_part(c, "\"result\"");
    }
    assert_int_equal(descriptors(), before);
    close(c);
}

static void test_too_many_clients(void **state)
{
    (void)state;
    static int clients[CLIENTS_MAX];
    struct rlimit limit;
    int refused, again;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < CLIENTS_MAX; i++)
        clients[i] = rig_connect();
    refused = rig_connect();
    rig_expect_part(refused, ERROR("null", "-32016"));
    rig_expect_end(refused);
    close(refused);

    close(clients[7]);
    rig_run();
    again = rig_connect();
    rig_send(again, MESSAGE("1", "alice"));
    rig_expect_part(again, "\"result\"");
    rig_send(clients[CLIENTS_MAX - 1], MESSAGE("1", "alice"));
    rig_expect_part(clients[CLIENTS_MAX - 1], "\"result\"");
    close(again);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (i != 7)
            close(clients[i]);
}

static void test_no_descriptors_left(void **state)
{
    (void)state;
    struct rlimit limit, tight;
    int c = rig_connect(), waiting, now;

    waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)waiting + 1; /* the next one would be refused */
    setrlimit(RLIMIT_NOFILE, &tight);
    now = rig_connect_with(waiting);
    rig_send(now, MESSAGE("1", "alice"));
    rig_expect_silence(now);
    rig_send(c, MESSAGE("1", "alice"));
    rig_expect_part(c, "\"result\"");

    setrlimit(RLIMIT_NOFILE, &limit);
    event_base_loop(rig.pump.base, EVLOOP_ONCE); /* until the pause is over */
    rig_expect_part(now, "\"result\"");
    close(now);
    close(c);
}

/* --- The end --- */

static void test_stop(void **state)
{
    (void)state;
    int c = rig_connect(), slow = rig_connect();

    rig_send(c, REQUEST("1", "history", "{}"));
    rig_run();
    control_stop(rig.pump.control);
    rig_send(c, MESSAGE("2", "alice")); /* not read any more */
    rig_expect_silence(c);
    assert_false(control_is_flushed(rig.pump.control)); /* what was asked before is answered */
    rig_answer_messages(1, 1, 1, true);
    rig_expect_part(c, "\"messages\"");
    rig_expect_silence(c);
    assert_true(control_is_flushed(rig.pump.control));
    close(c);
    close(slow);
    rig_run();
}

static void test_stop_waits_for_output(void **state)
{
    (void)state;
    static char json[400000];
    int c = rig_connect();

    memset(json, ' ', sizeof(json) - 1);
    json[0] = '{';
    json[sizeof(json) - 2] = '}';
    rig_send(c, MESSAGE("1", "later"));
    rig_run();
    rig_reply(0, OK, json);
    control_stop(rig.pump.control);
    rig_run();
    assert_false(control_is_flushed(rig.pump.control));
    assert_non_null(rig_line(c));
    assert_true(control_is_flushed(rig.pump.control));
    close(c);
}

static void test_freed_with_everything_open(void **state)
{
    (void)state;
    int c = rig_connect(), follower = rig_connect();

    rig_send(c, MESSAGE("1", "later") REQUEST("2", "history", "{}") REQUEST("3", "history", "{}"));
    rig_send(follower, REQUEST("1", "events.subscribe", "{\"since\":0}") "half a line");
    rig_run();
    close(c);
    close(follower);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_identity),
        TEST(test_identity_of_who_was_reached),
        TEST(test_status),
        TEST(test_status_while_the_disk_is_silent),
        TEST(test_metrics),
        TEST(test_metrics_are_made_once),
        TEST(test_discover),
        TEST(test_reload),
        TEST(test_reload_of_mistakes),
        TEST(test_method_of_nodes_at_a_tracker),
        TEST(test_shutdown),
        TEST(test_what_is_wrong_is_said),
        TEST(test_pieces_of_lines),
        TEST(test_the_longest_line),
        TEST(test_a_longer_line_is_the_end),
        TEST(test_an_endless_line_is_cut_off),
        TEST(test_pipelined),
        TEST(test_replies_find_their_client),
        TEST(test_half_closed),
        TEST(test_gone_with_calls_pending),
        TEST(test_gone_with_requests_unread),
        TEST(test_gone_with_too_many_calls),
        TEST(test_half_closed_and_then_gone),
        TEST(test_too_many_calls_wait),
        TEST(test_the_disk_is_behind),
        TEST(test_one_that_does_not_read),
        TEST(test_turns_with_long_lines_are_short),
        TEST(test_turns_are_short),
        TEST(test_turns_of_all_end_in_time),
        TEST(test_too_much_input_of_all),
        TEST(test_passed_descriptors_are_closed),
        TEST(test_too_many_clients),
        TEST(test_no_descriptors_left),
        TEST(test_stop),
        TEST(test_stop_waits_for_output),
        TEST(test_freed_with_everything_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
