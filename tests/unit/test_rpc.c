#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/rpc.h"

/* --- Lines --- */

static void assert_line(struct rpc_lines *lines, const char *text)
{
    const char *line;
    size_t length;

    assert_int_equal(rpc_lines_next(lines, &line, &length), RPC_LINE_WHOLE);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(line, text, length);
}

static void assert_no_line(struct rpc_lines *lines)
{
    const char *line = NULL;
    size_t length = 99;

    assert_int_equal(rpc_lines_next(lines, &line, &length), RPC_LINE_NONE);
    assert_null(line);
    assert_int_equal(length, 99);
}

static void test_lines_in_any_cut(void **state)
{
    (void)state;
    static const char stream[] = "{}\n\n{\"a\":1}\nrest";
    struct rpc_lines lines = {.taken = 0};

    bytes_text(&lines.in, stream);
    assert_line(&lines, "{}");
    assert_line(&lines, "");
    assert_line(&lines, "{\"a\":1}");
    assert_no_line(&lines);
    bytes_text(&lines.in, " of it\n");
    assert_line(&lines, "rest of it");
    assert_no_line(&lines);
    assert_int_equal(lines.in.size, 0);

    for (const char *at = stream; *at != '\0'; at++) {
        bytes_append(&lines.in, at, 1);
        if (at == stream + 2)
            assert_line(&lines, "{}");
        else if (at == stream + 3)
            assert_line(&lines, "");
        else if (at == stream + 11)
            assert_line(&lines, "{\"a\":1}");
        else
            assert_no_line(&lines);
    }
    rpc_lines_done(&lines);
}

static void test_last_line_needs_no_end(void **state)
{
    (void)state;
    struct rpc_lines lines = {.taken = 0};
    const char *line;
    size_t length;

    assert_int_equal(rpc_lines_last(&lines, &line, &length), RPC_LINE_NONE);
    bytes_text(&lines.in, "one\ntwo");
    assert_int_equal(rpc_lines_last(&lines, &line, &length), RPC_LINE_WHOLE);
    assert_int_equal(length, 3);
    assert_memory_equal(line, "one", 3);
    assert_int_equal(rpc_lines_last(&lines, &line, &length), RPC_LINE_WHOLE);
    assert_memory_equal(line, "two", 3);
    assert_int_equal(rpc_lines_last(&lines, &line, &length), RPC_LINE_NONE);
    rpc_lines_done(&lines);
}

static void test_line_limit(void **state)
{
    (void)state;
    struct rpc_lines lines = {.taken = 0};
    const char *line;
    size_t length;

    memset(bytes_reserve(&lines.in, RPC_LINE_MAX), 'x', RPC_LINE_MAX);
    bytes_commit(&lines.in, RPC_LINE_MAX);
    assert_no_line(&lines);
    assert_no_line(&lines);
    bytes_text(&lines.in, "\n{}\n");
    assert_int_equal(rpc_lines_next(&lines, &line, &length), RPC_LINE_WHOLE);
    assert_int_equal(length, RPC_LINE_MAX);
    assert_line(&lines, "{}");

    memset(bytes_reserve(&lines.in, RPC_LINE_MAX + 1), 'x', RPC_LINE_MAX + 1);
    bytes_commit(&lines.in, RPC_LINE_MAX + 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rpc_lines_next(&lines, &line, &length), RPC_LINE_TOO_LONG);
    bytes_text(&lines.in, "\n");
    assert_int_equal(rpc_lines_next(&lines, &line, &length), RPC_LINE_TOO_LONG);
    rpc_lines_done(&lines);
}

/* --- Requests --- */

static void assert_request(const char *line, const char *id, const char *method, bool has_params)
{
    struct rpc_request request;
    struct rpc_id got;
    const char *why = NULL;

    assert_int_equal(rpc_request_parse(line, strlen(line), &got, &request, &why), OK);
    assert_null(why);
    assert_int_equal(got.length, strlen(id));
    assert_memory_equal(got.json, id, got.length);
    assert_string_equal(request.method, method);
    assert_int_equal(request.params != NULL, has_params);
    rpc_request_done(&request);
}

static void assert_no_request(const char *line, enum error with, const char *id, const char *says)
{
    struct rpc_request request = {.root = NULL};
    struct rpc_id got;
    const char *why;

    assert_int_equal(rpc_request_parse(line, strlen(line), &got, &request, &why), with);
    assert_null(request.root);
    assert_int_equal(got.length, strlen(id));
    assert_memory_equal(got.json, id, got.length);
    if (strstr(why, says) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", says, why);
}

static void test_requests(void **state)
{
    (void)state;
    assert_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}", "1", "status", false);
    assert_request(
        " {\"id\": \"a\\\"\\u202e\", \"method\": \"x\", \"jsonrpc\": \"2.0\", \"params\": {}}\r",
        "\"a\\\"\\u202e\"", "x", true);
    assert_request("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"\",\"more\":[1]}", "null", "",
                   false);
    assert_request("{\"jsonrpc\":\"2.0\",\"id\":-9007199254740991,\"method\":\"x\"}",
                   "-9007199254740991", "x", false);
    assert_request("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"x\"}", "1.5", "x", false);
}

static void test_no_requests(void **state)
{
    (void)state;
    static const char *const not_json[] = {"",
                                           "x",
                                           "{",
                                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"} {}",
                                           "{\"id\":1,\"id\":1}",
                                           "{\"id\":\"\xff\"}"};

    for (size_t i = 0; i < sizeof(not_json) / sizeof(not_json[0]); i++)
        assert_no_request(not_json[i], ERR_PARSE_ERROR, "null", "JSON");
    assert_no_request("[]", ERR_INVALID_REQUEST, "null", "batches");
    assert_no_request("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}]", ERR_INVALID_REQUEST,
                      "null", "batches");
    assert_no_request("7", ERR_INVALID_REQUEST, "null", "an object");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", ERR_INVALID_REQUEST, "null",
                      "no id");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"x\"}", ERR_INVALID_REQUEST,
                      "null", "the id must be");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"x\"}", ERR_INVALID_REQUEST,
                      "null", "the id must be");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"x\"}",
                      ERR_INVALID_REQUEST, "null", "the id must be");
    assert_no_request("{\"id\":1,\"method\":\"x\"}", ERR_INVALID_REQUEST, "1", "'jsonrpc'");
    assert_no_request("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"x\"}", ERR_INVALID_REQUEST, "1",
                      "'jsonrpc'");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":\"q\"}", ERR_INVALID_REQUEST, "\"q\"",
                      "'method'");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", ERR_INVALID_REQUEST, "1",
                      "'method'");
    assert_no_request("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[1]}",
                      ERR_INVALID_REQUEST, "1", "'params'");
}

/* A request with an array of so many numbers. */
static char *request_with_values(size_t count)
{
    struct bytes text = BYTES_EMPTY;
    char *request;

    bytes_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"a\":[1");
    for (size_t i = 1; i < count; i++)
        bytes_text(&text, ",1");
    bytes_text(&text, "]}}");
    bytes_u8(&text, '\0');
    request = xmemdup(bytes_data(&text), bytes_length(&text));
    bytes_done(&text);
    return request;
}

static void test_number_of_values(void **state)
{
    (void)state;
    enum { OTHERS = 6 }; /* the request, its four members, and "a" */
    char *most = request_with_values(RPC_REQUEST_VALUES_MAX - OTHERS);
    char *more = request_with_values(RPC_REQUEST_VALUES_MAX - OTHERS + 1);

    assert_request(most, "1", "x", true);
    assert_no_request(more, ERR_INVALID_REQUEST, "null", "1,024 values");
    free(most);
    free(more);
}

static void test_long_ids(void **state)
{
    (void)state;
    char line[600], id[300];

    memset(id, 'x', sizeof(id));
    snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":\"%.254s\"}", id);
    id[0] = id[255] = '"';
    id[256] = '\0';
    assert_request(line, id, "x", false);
    memset(id, 'x', sizeof(id));
    snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":\"%.255s\"}", id);
    assert_no_request(line, ERR_INVALID_REQUEST, "null", "256");
}

/* --- Writing --- */

static void assert_written(struct bytes *out, const char *text)
{
    assert_int_equal(bytes_length(out), strlen(text));
    assert_memory_equal(bytes_data(out), text, strlen(text));
    bytes_done(out);
}

static void test_answers(void **state)
{
    (void)state;
    const struct rpc_id id = {.length = 3, .json = "\"7\""};
    struct bytes out = BYTES_EMPTY;

    rpc_write_result(&out, &id, "{\"a\":1}", 7);
    rpc_write_event(&out, "{\"seq\":2}", 9);
    assert_written(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{\"a\":1}}\n"
                         "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":2}}\n");
    rpc_write_error(&out, &RPC_ID_NULL, ERR_NO_SUCH_PEER, "no peer '\x1b\n'");
    assert_written(&out,
                   "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,"
                   "\"message\":\"no peer '\\u001b\\n'\",\"data\":{\"name\":\"no_such_peer\"}}}\n");
    rpc_write_error(&out, &id, ERR_REFUSED, NULL);
    assert_written(&out,
                   "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"error\":{\"code\":-32007,"
                   "\"message\":\"the other side refused\",\"data\":{\"name\":\"refused\"}}}\n");
}

static void test_request_reads_back(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;

    rpc_write_request(&out, 12, "status", "{}", 2);
    bytes_u8(&out, '\0');
    assert_request((const char *)bytes_data(&out), "12", "status", true);
    bytes_done(&out);
}

/* --- What the client reads --- */

static struct rpc_incoming parse_incoming(const char *line)
{
    struct rpc_incoming incoming = {.root = NULL};
    const char *why = "";

    if (rpc_incoming_parse(line, strlen(line), &incoming, &why) != OK)
        fail_msg("%s: %s", line, why);
    return incoming;
}

static void test_incoming(void **state)
{
    (void)state;
    struct rpc_incoming got = parse_incoming("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"a\":1}}");

    assert_int_equal(got.kind, RPC_RESULT);
    assert_true(got.has_id);
    assert_int_equal(got.id, 3);
    assert_int_equal(json_count(got.body), 1);
    rpc_incoming_done(&got);

    got = parse_incoming("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,"
                         "\"message\":\"m\",\"data\":{\"name\":\"n\"}}}");
    assert_int_equal(got.kind, RPC_ERROR);
    assert_false(got.has_id);
    assert_int_equal(got.code, -32600);
    assert_string_equal(got.message, "m");
    assert_string_equal(got.name, "n");
    rpc_incoming_done(&got);

    got = parse_incoming("{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":1,\"message\":\"m\"}}");
    assert_int_equal(got.kind, RPC_ERROR);
    assert_null(got.name);
    rpc_incoming_done(&got);

    got = parse_incoming("{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":4}}");
    assert_int_equal(got.kind, RPC_EVENT);
    assert_int_equal(json_count(got.body), 1);
    rpc_incoming_done(&got);

    got = parse_incoming("{\"jsonrpc\":\"2.0\",\"method\":\"news\"}");
    assert_int_equal(got.kind, RPC_OTHER);
    rpc_incoming_done(&got);
}

static void test_no_incoming(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "garbage",
        "[]",
        "{}",
        "{\"id\":1,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3000000000,\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"no\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"event\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":[]}",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rpc_incoming incoming = {.root = NULL};
        const char *why = NULL;

        assert_int_equal(rpc_incoming_parse(wrong[i], strlen(wrong[i]), &incoming, &why),
                         ERR_MALFORMED);
        assert_non_null(why);
        assert_null(incoming.root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_any_cut),   cmocka_unit_test(test_last_line_needs_no_end),
        cmocka_unit_test(test_line_limit),         cmocka_unit_test(test_requests),
        cmocka_unit_test(test_no_requests),        cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_long_ids),           cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request_reads_back), cmocka_unit_test(test_incoming),
        cmocka_unit_test(test_no_incoming),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
