/* What control clients are told of the log: events.subscribe and history. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/api.h"
#include "common/json.h"
#include "common/rpc.h"
#include "daemon/core/transaction.h"
#include "daemon/feed.h"
#include "daemon/limits.h"
#include "daemon/store/store.h"
#include "tests/unit/control_rig.h"

#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}\n"
#define SUBSCRIBE(params)  REQUEST("1", "events.subscribe", params)
#define FROM(seq)          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"from\":" seq "}}"
#define EVENT_LINE(object) "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":" object "}"
#define TIME               "\"time\":\"1970-01-01T00:00:00.000Z\""
#define ALICE              "\"peer\":\"alice\",\"peer_id\":\"cd3dr3oj\""

/* --- Events --- */

static void test_live(void **state)
{
    (void)state;
    int c = rig_connect(), other = rig_connect();

    rig_send(c, SUBSCRIBE("{}"));
    rig_expect(c, FROM("100"));
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_commit(EVENT_MESSAGE_DELIVERED, 1, "\"through\":7,\"count\":2");
    rig_tell(EVENT_PEER_ONLINE, 1, "\"via\":\"direct\"");
    rig_commit(EVENT_SECURITY_WARNING, 0, "");
    rig_expect(c, EVENT_LINE("{\"seq\":101," TIME ",\"type\":\"message.received\"," ALICE
                             ",\"id\":\"0000000000000000-1\",\"text\":\"hi\"}"));
    rig_expect(c, EVENT_LINE("{\"seq\":102," TIME ",\"type\":\"message.delivered\"," ALICE
                             ",\"through\":7,\"count\":2}"));
    rig_expect(c, EVENT_LINE("{\"seq\":null," TIME ",\"type\":\"peer.online\"," ALICE
                             ",\"via\":\"direct\"}"));
    rig_expect(c, EVENT_LINE("{\"seq\":103," TIME
                             ",\"type\":\"security.warning\",\"peer\":null,\"peer_id\":null}"));
    rig_expect_silence(other);
    close(other);
    close(c);
    rig_run();
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "nobody listens");
}

static void test_only_what_is_new_is_told(void **state)
{
    (void)state;
    struct transaction *t = transaction_new(1);
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{}"));
    rig_expect(c, FROM("100"));
    for (uint64_t seq = 99; seq <= 101; seq++) {
        struct log_row *row = &transaction_add(t, CHANGE_LOG)->log;

        row->type = EVENT_SECURITY_WARNING;
        row->seq = seq;
        row->existing = seq == 99; /* its key was used before */
        row->result = seq == 100 ? ERR_KEY_CONFLICT : OK;
    }
    transaction_add(t, CHANGE_PEER)->peer.peer = 7;
    control_durable(rig.pump.control, t);
    transaction_free(t);
    rig_expect_part(c, "\"seq\":101,");
    rig_expect_silence(c);
    close(c);
}

/* Rows of a later version are passed over. */
static void test_types_that_are_not_known(void **state)
{
    (void)state;
    struct store_row rows[] = {{.log = {.type = 200, .seq = 99}},
                               {.log = {.type = EVENT_SECURITY_WARNING, .seq = 100}}};
    struct store_answer answer = {
        .kind = STORE_ROWS, .rows = rows, .count = 2, .scanned_through = 100, .end = true};
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{\"since\":98}"));
    rig_expect(c, FROM("98"));
    answer.id = rig.questions[0].id;
    control_rows(rig.pump.control, &answer);
    rig_expect_part(c, "\"seq\":100,");
    rig_expect_silence(c);
    close(c);
}

static void test_since(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{\"since\":98}"));
    rig_expect(c, FROM("98"));
    rig_expect_silence(c);
    assert_int_equal(rig.question_count, 1);
    assert_int_equal(rig.questions[0].seq, 98);
    assert_int_equal(rig.questions[0].types, 0);
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "new");
    rig_tell(EVENT_PEER_ONLINE, 1, ""); /* is not told to those who are behind */
    rig_answer_messages(2, 100, 3, true);
    rig_expect_part(c, "\"seq\":99,");
    rig_expect_part(c, "\"seq\":100,");
    rig_expect_part(c, "\"seq\":101,");
    rig_expect_silence(c);
    close(c);
}

/* Once, whatever is asked for; then what is left. */
static void test_gap(void **state)
{
    (void)state;
    int c = rig_connect(), filtering = rig_connect();

    rig.floor = 50;
    control_floor(rig.pump.control);
    rig_send(c, SUBSCRIBE("{\"since\":10}"));
    rig_expect(c, FROM("10"));
    rig_expect(c, EVENT_LINE("{\"seq\":null," TIME ",\"type\":\"gap\",\"peer\":null,"
                             "\"peer_id\":null,\"from\":11,\"to\":50}"));
    assert_int_equal(rig.questions[0].seq, 50);
    rig_answer_messages(1, 100, 3, true);
    rig_expect_part(c, "\"seq\":100,");
    rig_send(filtering, SUBSCRIBE("{\"since\":0,\"types\":[\"peer.online\"]}"));
    rig_expect(filtering, FROM("0"));
    rig_expect_part(filtering, "\"from\":1,\"to\":50}");
    rig_expect_silence(filtering);
    close(c);
    close(filtering);
}

static void test_filters(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{\"types\":[\"message.failed\",\"peer.online\"],\"peer\":\"alice\"}"));
    rig_expect(c, FROM("100"));
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_commit(EVENT_MESSAGE_FAILED, 2, "");
    rig_commit(EVENT_MESSAGE_FAILED, 1, "");
    rig_tell(EVENT_PEER_OFFLINE, 1, "");
    rig_tell(EVENT_PEER_ONLINE, 2, "");
    rig_tell(EVENT_PEER_ONLINE, 1, "");
    rig_expect_part(c, "\"seq\":103,");
    rig_expect_part(c, "\"peer.online\"");
    rig_expect_silence(c);
    close(c);
}

static void test_refusals(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{\"types\":[\"message.received\",\"message.recieved\"]}"));
    rig_expect_part(c, "'message.recieved'");
    rig_send(c, SUBSCRIBE("{\"peer\":\"carol\"}"));
    rig_expect_part(c, "\"no_such_peer\"");
    rig_send(c, SUBSCRIBE("{\"since\":-1}"));
    rig_expect_part(c, "-32602");
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_expect_silence(c); /* none of these subscribed */
    rig_send(c, SUBSCRIBE("{}"));
    rig_expect(c, FROM("101"));
    rig_send(c, SUBSCRIBE("{}"));
    rig_expect_part(c, "follows events already");
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_expect_part(c, "\"seq\":102,");
    rig_expect_silence(c);
    close(c);
}

static void test_answers_between_events(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{}") REQUEST("2", "chat.connected", "{}"));
    rig_expect(c, FROM("100"));
    rig_expect_part(c, "\"id\":2");
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_send(c, REQUEST("3", "chat.connected", "{}"));
    rig_expect_part(c, "\"seq\":101,");
    rig_expect_part(c, "\"id\":3");
    close(c);
}

static void test_half_closed_follower(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, SUBSCRIBE("{}"));
    shutdown(c, SHUT_WR);
    rig_expect(c, FROM("100"));
    rig_expect_silence(c);
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "hi");
    rig_expect_part(c, "\"seq\":101,");
    close(c);
    rig_run();
    rig_commit(EVENT_MESSAGE_RECEIVED, 1, "nobody listens");
}

/* A follower that reads nothing costs a bounded output, others go on, and it misses nothing: what
 * left the ring meanwhile is read from the log. */
static void test_slow_follower(void **state)
{
    (void)state;
    enum { ROWS = 2 * FEED_RING_BYTES / 1000 };
    int slow = rig_connect(), quick = rig_connect();
    char text[1000], seq[40];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    rig_send(slow, SUBSCRIBE("{}"));
    rig_send(quick, SUBSCRIBE("{}"));
    rig_expect(quick, FROM("100"));
    for (uint64_t i = 101; i <= 100 + ROWS; i++) {
        rig_commit(EVENT_MESSAGE_RECEIVED, 1, text);
        snprintf(seq, sizeof(seq), "\"seq\":%llu,", (unsigned long long)i);
        rig_expect_part(quick, seq);
    }
    assert_int_equal(rig.question_count, 0);

    rig_expect(slow, FROM("100"));
    for (uint64_t i = 101; i <= 100 + ROWS; i++) {
        const char *line;

        rig_turn();
        if (rig.question_count > 0) {
            uint64_t after = rig.questions[0].seq;
            uint64_t rows = rig.questions[0].rows_max;

            assert_true(rig.questions[0].bytes_max <= CLIENT_EVENTS_MAX);
            rig_answer_messages(rows, after + rows, 1000, false);
        }
        snprintf(seq, sizeof(seq), "\"seq\":%llu,", (unsigned long long)i);
        line = rig_line(slow);
        assert_non_null(strstr(line, seq));
    }
    rig_expect_silence(slow);
    close(slow);
    close(quick);
}

/* Its own events do not keep a client from asking. */
static void test_follower_that_is_full_is_answered(void **state)
{
    (void)state;
    static char text[65536];
    int c = rig_connect();

    memset(text, 'x', sizeof(text) - 1);
    rig_send(c, SUBSCRIBE("{}"));
    rig_expect(c, FROM("100"));
    for (int i = 0; i < 40; i++) {
        rig_commit(EVENT_MESSAGE_RECEIVED, 1, text);
        rig_run();
    }
    rig_send(c, REQUEST("2", "chat.connected", "{}"));
    rig_run();
    assert_int_equal(rig.replied, 1);
    for (int i = 0; i < 41; i++)
        assert_non_null(rig_line(c));
    rig_expect_silence(c);
    close(c);
}

/* --- History --- */

static struct json *page(int client)
{
    const char *line = rig_line(client);
    struct json *root;

    assert_non_null(line);
    assert_true(strlen(line) <= RPC_LINE_MAX);
    assert_int_equal(json_parse(line, strlen(line), &root), OK);
    return root;
}

static void test_history(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "history", "{\"peer\":\"alice\",\"before\":90,\"limit\":2}"));
    rig_run();
    assert_true(rig.questions[0].is_history);
    assert_int_equal(rig.questions[0].order, HISTORY_BEFORE);
    assert_int_equal(rig.questions[0].peer, 1);
    assert_int_equal(rig.questions[0].seq, 90);
    assert_int_equal(rig.questions[0].rows_max, 2);
    rig_answer_messages(2, 89, 2, false);
    rig_expect(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"messages\":["
                  "{\"seq\":88,\"id\":\"0000000000000000-0\"," TIME ",\"direction\":\"in\"," ALICE
                  ",\"text\":\"xx\",\"state\":\"received\"},"
                  "{\"seq\":89,\"id\":\"0000000000000000-1\"," TIME ",\"direction\":\"out\"," ALICE
                  ",\"text\":\"xx\",\"state\":\"delivered\"}],\"next\":88}}");
    rig_send(c, REQUEST("2", "history", "{}"));
    rig_run();
    assert_int_equal(rig.questions[0].peer, 0);
    assert_int_equal(rig.questions[0].seq, 0);
    assert_int_equal(rig.questions[0].rows_max, 50);
    rig_answer_messages(1, 89, 2, true);
    rig_expect_part(c, "\"next\":null");
    rig_send(c, REQUEST("3", "history", "{}"));
    rig_run();
    rig_answer_messages(0, 0, 0, true);
    rig_expect(c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"messages\":[],\"next\":null}}");
    rig_send(c, REQUEST("4", "history", "{}"));
    rig_run();
    rig_answer_error(ERR_STORAGE_FAILED);
    rig_expect_part(c, "\"storage_failed\"");
    close(c);
}

static void test_a_page_fits_into_a_line(void **state)
{
    (void)state;
    int c = rig_connect();
    const struct json *result, *messages;
    struct json *root;
    int64_t next, first;

    rig_send(c, REQUEST("1", "history", "{\"limit\":1000}"));
    rig_run();
    rig_answer_messages(20, 100, 65536, true);
    root = page(c);
    result = json_member(root, "result");
    messages = json_member(result, "messages");
    assert_int_equal(json_count(messages), 15); /* the newest, of 64 KiB and a little more each */
    assert_true(json_integer(json_member(json_first(messages), "seq"), &first));
    assert_int_equal(first, 86);
    assert_true(json_integer(json_member(result, "next"), &next));
    assert_int_equal(next, first); /* and on to what was left out */
    json_free(root);
    close(c);
}

static void test_history_onwards(void **state)
{
    (void)state;
    int c = rig_connect();
    struct json *root;
    const struct json *result;
    int64_t next;

    rig_send(c, REQUEST("1", "history", "{\"after\":0,\"limit\":2}"));
    rig_run();
    assert_int_equal(rig.questions[0].order, HISTORY_AFTER);
    assert_int_equal(rig.questions[0].seq, 0);
    rig_answer_messages(2, 89, 2, false);
    rig_expect_part(c, "\"next\":89}");
    rig_send(c, REQUEST("2", "history", "{\"after\":89,\"limit\":1000}"));
    rig_run();
    assert_int_equal(rig.questions[0].seq, 89);
    rig_answer_messages(20, 120, 65536, true);
    root = page(c);
    result = json_member(root, "result");
    assert_int_equal(json_count(json_member(result, "messages")), 15); /* the oldest */
    assert_true(json_integer(json_member(result, "next"), &next));
    assert_int_equal(next, 115);
    json_free(root);
    rig_send(c, REQUEST("3", "history", "{\"after\":115}"));
    rig_run();
    rig_answer_messages(5, 120, 2, true);
    rig_expect_part(c, "\"next\":null}");
    rig_send(c, REQUEST("4", "history", "{\"after\":0,\"before\":1}"));
    rig_expect_part(c, "exclude each other");
    close(c);
}

static void test_search(void **state)
{
    (void)state;
    int c = rig_connect();

    rig_send(c, REQUEST("1", "history", "{\"search\":\"\\\"天气\",\"peer\":\"alice\"}"));
    rig_run();
    assert_string_equal(rig.questions[0].search, "\"天气");
    assert_int_equal(rig.questions[0].peer, 1);
    rig_answer_messages(1, 89, 2, true);
    rig_expect_part(c, "\"next\":null,\"indexed_through\":89}");
    rig_send(c, REQUEST("2", "history", "{\"search\":\"\"}"));
    rig_expect_part(c, "-32602");
    rig_send(c, REQUEST("3", "history", "{\"search\":\"x\"}"));
    rig_run();
    close(c); /* while it is read */
    rig_run();
    rig_answer_messages(1, 89, 2, true);
}

static void test_one_page_at_a_time(void **state)
{
    (void)state;
    int a = rig_connect(), b = rig_connect();

    rig_send(a, REQUEST("1", "history", "{\"before\":1}") REQUEST("2", "history", "{\"before\":2}")
                    REQUEST("3", "chat.connected", "{}"));
    rig_send(b, REQUEST("1", "history", "{\"before\":3}"));
    rig_expect_part(a, "\"id\":3");
    assert_int_equal(rig.question_count, 2); /* one for each */
    rig_answer_messages(0, 0, 0, true);
    rig_expect_part(a, "\"id\":1");
    rig_run();
    assert_int_equal(rig.question_count, 2);
    assert_int_equal(rig.questions[0].seq, 3);
    assert_int_equal(rig.questions[1].seq, 2);
    rig_answer_messages(0, 0, 0, true);
    rig_expect_part(b, "\"id\":1");
    rig_answer_messages(0, 0, 0, true);
    rig_expect_part(a, "\"id\":2");
    assert_int_equal(rig.question_count, 0);
    close(a);
    close(b);
}

static void test_pages_for_a_crowd(void **state)
{
    (void)state;
    enum { CROWD = 3 * HISTORY_READS_MAX };
    int clients[CROWD];

    for (int i = 0; i < CROWD; i++) {
        clients[i] = rig_connect();
        rig_send(clients[i], REQUEST("1", "history", "{}") REQUEST("2", "history", "{}"));
    }
    rig_run();
    assert_int_equal(rig.question_count, HISTORY_READS_MAX);
    close(clients[0]);                 /* while its page is read */
    close(clients[HISTORY_READS_MAX]); /* while it waits for its turn */
    rig_run();
    for (int turn = 0; turn < 2 * CROWD && rig.question_count > 0; turn++) {
        assert_true(rig.question_count <= HISTORY_READS_MAX);
        rig_answer_messages(0, 0, 0, true);
        rig_run();
    }
    for (int i = 0; i < CROWD; i++) {
        if (i == 0 || i == HISTORY_READS_MAX)
            continue;
        rig_expect_part(clients[i], "\"id\":1");
        rig_expect_part(clients[i], "\"id\":2");
        close(clients[i]);
    }
}

/* Asks for pages and reads none of them. */
static int ask_for_pages(size_t count)
{
    int client = rig_connect();

    for (size_t i = 0; i < count; i++)
        rig_send(client, REQUEST("1", "history", "{\"limit\":1000}"));
    for (size_t i = 0; i < count; i++)
        rig_turn();
    return client;
}

/* Answers until nothing more is asked. How many pages that took. */
static size_t answer_pages(size_t length)
{
    size_t pages = 0;

    for (; rig.question_count > 0; pages++) {
        rig_answer_messages(1, 100, length, false);
        rig_run();
    }
    return pages;
}

/* A client that asks for pages without end and reads none costs one page more than it may leave
 * unread, and the reading of so many; when it reads, it gets all of them. */
static void test_pages_that_nobody_reads(void **state)
{
    (void)state;
    enum { CALLS = 1000, PAGE = 60000, UNREAD = 5 };
    int idle[] = {ask_for_pages(CALLS), ask_for_pages(CALLS), ask_for_pages(CALLS)};
    int reading;
    size_t given = answer_pages(PAGE), read = 0;
    int in_socket;
    socklen_t length = sizeof(in_socket);

    assert_int_equal(getsockopt(idle[0], SOL_SOCKET, SO_SNDBUF, &in_socket, &length), 0);
    assert_in_range(given, 3 * UNREAD, 3 * ((CLIENT_OUTPUT_MAX + (size_t)in_socket) / PAGE + 1));

    reading = ask_for_pages(3);
    assert_int_equal(answer_pages(2), 3); /* they keep nobody from reading */
    for (int i = 0; i < 3; i++)
        rig_expect_part(reading, "\"messages\"");
    close(reading);
    close(idle[1]);

    while (read < CALLS) {
        rig_expect_part(idle[0], "\"messages\"");
        read++;
        rig_run();
        given = answer_pages(PAGE);
    }
    assert_int_equal(given, 0);
    rig_expect_silence(idle[0]);
    close(idle[0]);
    close(idle[2]);
    rig_run();
    assert_int_equal(rig.question_count, 0);
}

/* Also what became too much only while it stood in line. */
static void test_a_client_that_becomes_full_in_line(void **state)
{
    (void)state;
    static char text[65536];
    enum { ANSWERS = 12 };
    int first[HISTORY_READS_MAX], c;

    for (int i = 0; i < HISTORY_READS_MAX; i++)
        first[i] = ask_for_pages(1);
    c = ask_for_pages(2);
    assert_int_equal(rig.question_count, HISTORY_READS_MAX);
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < ANSWERS; i++)
        rig_send(c, REQUEST("2", "chat.message", "{\"peer\":\"later\",\"text\":\"x\"}"));
    rig_run();
    for (size_t i = 0; i < ANSWERS; i++)
        rig_reply(i, OK, text);
    assert_int_equal(answer_pages(2), HISTORY_READS_MAX);
    for (int i = 0; i < ANSWERS; i++)
        rig_expect_part(c, "\"id\":2");
    assert_int_equal(answer_pages(2), 2);
    rig_expect_part(c, "\"messages\"");
    rig_expect_part(c, "\"messages\"");
    close(c);
    for (int i = 0; i < HISTORY_READS_MAX; i++)
        close(first[i]);
}

/* What was asked for before the end is answered. */
static void test_stop_with_a_crowd_waiting(void **state)
{
    (void)state;
    enum { CROWD = 3 * HISTORY_READS_MAX };
    int clients[CROWD];

    for (int i = 0; i < CROWD; i++) {
        clients[i] = rig_connect();
        rig_send(clients[i], REQUEST("1", "history", "{}"));
    }
    rig_run();
    control_stop(rig.pump.control);
    close(clients[CROWD - 1]);
    while (rig.question_count > 0) {
        assert_false(control_is_flushed(rig.pump.control));
        rig_answer_messages(0, 0, 0, true);
    }
    for (int i = 0; i < CROWD - 1; i++) {
        rig_expect_part(clients[i], "\"messages\"");
        close(clients[i]);
    }
    assert_true(control_is_flushed(rig.pump.control));
}

/* Calls of all clients together: whoever has nothing under way may ask one thing all the same, and
 * the others go on when some were answered. */
static void test_too_many_calls_of_all(void **state)
{
    (void)state;
    enum { CROWD = CLIENTS_CALLS_MAX / CLIENT_CALLS_MAX };
    int crowd[CROWD], last;

    for (int i = 0; i < CROWD; i++)
        crowd[i] = ask_for_pages(CLIENT_CALLS_MAX);
    last = rig_connect();
    rig_send(last, REQUEST("1", "identity", "{}") REQUEST("2", "history", "{}")
                       REQUEST("3", "identity", "{}"));
    rig_expect_part(last, "\"id\":1,\"result\"");
    rig_expect_silence(last);
    for (int i = 0; i < 2 * CROWD && rig.question_count > 0; i++) {
        rig_answer_messages(1, 100, 2, false);
        rig_run();
    }
    rig_expect_part(last, "\"id\":3,\"result\"");
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    close(last);
}

/* Pages that lie unread at all clients together. */
static void test_too_much_output_of_all(void **state)
{
    (void)state;
    enum { CROWD = 250, ROWS = 16, ROW = 60000 }; /* of which the sockets hold a fifth */
    int crowd[CROWD];
    size_t pages = 0;

    for (int i = 0; i < CROWD; i++)
        crowd[i] = ask_for_pages(1);
    for (; rig.question_count > 0; pages++) {
        rig_answer_messages(ROWS, 100, ROW, false);
        rig_run();
    }
    assert_in_range(pages, CLIENTS_OUTPUT_MAX / (ROWS * ROW), CROWD - 20);
    for (int i = 0; i < 5; i++)
        rig_expect_part(crowd[i], "\"messages\"");
    rig_run();
    assert_true(rig.question_count > 0); /* they have read: another has its page */
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_live),
        TEST(test_only_what_is_new_is_told),
        TEST(test_types_that_are_not_known),
        TEST(test_since),
        TEST(test_gap),
        TEST(test_filters),
        TEST(test_refusals),
        TEST(test_answers_between_events),
        TEST(test_half_closed_follower),
        TEST(test_slow_follower),
        TEST(test_follower_that_is_full_is_answered),
        TEST(test_history),
        TEST(test_a_page_fits_into_a_line),
        TEST(test_history_onwards),
        TEST(test_search),
        TEST(test_one_page_at_a_time),
        TEST(test_pages_for_a_crowd),
        TEST(test_pages_that_nobody_reads),
        TEST(test_too_many_calls_of_all),
        TEST(test_too_much_output_of_all),
        TEST(test_a_client_that_becomes_full_in_line),
        TEST(test_stop_with_a_crowd_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
