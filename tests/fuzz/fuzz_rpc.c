/* The control socket's lines, as both sides read them: a request goes on to the check of its
 * parameters, whatever was read is written and must read back. The first byte says in what pieces
 * the stream arrives. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "common/rpc.h"
#include "common/text.h"

/* What we write is one line and can be read by the other side. */
static void check_written(const struct bytes *out, enum rpc_kind kind)
{
    const char *line = (const char *)bytes_data(out), *why;
    size_t length = bytes_length(out);
    struct rpc_incoming incoming;

    must(length > 0 && line[length - 1] == '\n');
    must(memchr(line, '\n', length - 1) == NULL);
    must(text_is_utf8(line, length));
    must(rpc_incoming_parse(line, length - 1, &incoming, &why) == OK);
    must(incoming.kind == kind);
    rpc_incoming_done(&incoming);
}

/* The id of a request of our own client, which only knows integers. */
static const struct rpc_id MINE = {.length = 1, .json = "1"};

static void try_call(const struct rpc_id *id, const struct rpc_request *request)
{
    char message[API_MESSAGE_MAX] = "";
    struct bytes out = BYTES_EMPTY;
    enum api_method method;
    struct api_args args;
    enum error error = ERR_METHOD_NOT_FOUND;

    if (api_find_method(request->method, &method))
        error = api_check(method, request->params, &args, message);
    if (error != OK)
        rpc_write_error(&out, id, error, *message != '\0' ? message : NULL);
    else
        rpc_write_result(&out, &MINE, "{}", 2);
    must(error == OK || bytes_length(&out) > id->length);
    check_written(&out, error == OK ? RPC_RESULT : RPC_ERROR);
    bytes_done(&out);
}

static void try_request(const char *line, size_t length)
{
    struct bytes out = BYTES_EMPTY;
    struct rpc_request request;
    struct json *root;
    struct rpc_id id;
    const char *why;
    enum error error;

    error = rpc_request_parse(line, length, &id, &request, &why);
    must(json_parse(id.json, id.length, &root) == OK);
    must(json_type(root) != JSON_OBJECT && json_type(root) != JSON_ARRAY);
    json_free(root);
    if (error != OK) {
        must(error == ERR_PARSE_ERROR || error == ERR_INVALID_REQUEST);
        rpc_write_error(&out, &id, error, why);
        check_written(&out, RPC_ERROR);
    } else {
        try_call(&id, &request);
        rpc_request_done(&request);
    }
    bytes_done(&out);
}

static void try_incoming(const char *line, size_t length)
{
    struct bytes text = BYTES_EMPTY, out = BYTES_EMPTY;
    struct rpc_incoming incoming;
    struct json_writer w;
    const char *why;

    if (rpc_incoming_parse(line, length, &incoming, &why) != OK)
        return;
    if (incoming.kind == RPC_EVENT) {
        json_write_init(&w, &text);
        json_write_value(&w, incoming.body);
        rpc_write_event(&out, bytes_data(&text), bytes_length(&text));
        check_written(&out, RPC_EVENT);
    }
    rpc_incoming_done(&incoming);
    bytes_done(&text);
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_lines lines = {.taken = 0};
    size_t piece = size > 0 ? data[0] + 1u : 1;
    const char *line;
    size_t length;

    for (size_t at = 1; at < size; at += piece) {
        bytes_append(&lines.in, data + at, piece < size - at ? piece : size - at);
        while (rpc_lines_next(&lines, &line, &length) == RPC_LINE_WHOLE) {
            must(memchr(line, '\n', length) == NULL);
            try_request(line, length);
            try_incoming(line, length);
        }
    }
    if (rpc_lines_last(&lines, &line, &length) == RPC_LINE_WHOLE)
        try_request(line, length);
    rpc_lines_done(&lines);
    return 0;
}
