#include "common/rpc.h"

#include <string.h>

#include "common/alloc.h"

const struct rpc_id RPC_ID_NULL = {.length = 4, .json = "null"};

/* --- Lines --- */

void rpc_lines_done(struct rpc_lines *lines)
{
    bytes_done(&lines->in);
    *lines = (struct rpc_lines){.in = BYTES_EMPTY};
}

static void drop_taken(struct rpc_lines *lines)
{
    bytes_consume(&lines->in, lines->taken);
    lines->taken = 0;
}

static void take(struct rpc_lines *lines, size_t bytes)
{
    lines->taken = bytes;
    lines->searched = 0;
}

enum rpc_line rpc_lines_next(struct rpc_lines *lines, const char **ret_line, size_t *ret_length)
{
    const char *start, *end;
    size_t length;

    drop_taken(lines);
    length = bytes_length(&lines->in);
    if (length == lines->searched)
        return length > RPC_LINE_MAX ? RPC_LINE_TOO_LONG : RPC_LINE_NONE;
    start = (const char *)bytes_data(&lines->in);
    end = memchr(start + lines->searched, '\n', length - lines->searched);
    if (end == NULL)
        lines->searched = length;
    else
        length = (size_t)(end - start);
    if (length > RPC_LINE_MAX)
        return RPC_LINE_TOO_LONG;
    if (end == NULL)
        return RPC_LINE_NONE;
    take(lines, length + 1);
    *ret_line = start;
    *ret_length = length;
    return RPC_LINE_WHOLE;
}

enum rpc_line rpc_lines_last(struct rpc_lines *lines, const char **ret_line, size_t *ret_length)
{
    enum rpc_line line = rpc_lines_next(lines, ret_line, ret_length);

    if (line != RPC_LINE_NONE || bytes_length(&lines->in) == 0)
        return line;
    *ret_line = (const char *)bytes_data(&lines->in);
    *ret_length = bytes_length(&lines->in);
    take(lines, *ret_length);
    return RPC_LINE_WHOLE;
}

/* --- Requests, as the daemon reads them --- */

static bool is_version_2(const struct json *object)
{
    const char *version;
    size_t length;

    return json_string(json_member(object, "jsonrpc"), &version, &length) &&
           strcmp(version, "2.0") == 0;
}

/* Integers beyond 2^53 would come back as others. */
static bool is_exact(const struct json *number)
{
    double value;

    return json_number(number, &value) && value >= -(double)JSON_INTEGER_MAX &&
           value <= (double)JSON_INTEGER_MAX;
}

/* NULL, or what is wrong with the id. */
static const char *read_id(const struct json *id, struct rpc_id *ret_id)
{
    struct bytes json = BYTES_EMPTY;
    struct json_writer w;
    bool fits;

    if (id == NULL)
        return "the request has no id; give it one, every request is answered";
    if (json_type(id) != JSON_STRING && json_type(id) != JSON_NULL && !is_exact(id))
        return "the id must be a string, null, or a number within 2^53";
    json_write_init(&w, &json);
    json_write_value(&w, id);
    fits = bytes_length(&json) <= sizeof(ret_id->json);
    if (fits) {
        ret_id->length = bytes_length(&json);
        memcpy(ret_id->json, bytes_data(&json), ret_id->length);
    }
    bytes_done(&json);
    return fits ? NULL : "the id is longer than 256 bytes";
}

/* NULL, or what is wrong with the request. */
static const char *read_request(struct json *root, struct rpc_id *ret_id,
                                struct rpc_request *ret_request)
{
    struct rpc_request request = {.root = root};
    const char *why;
    size_t length;

    if (json_type(root) == JSON_ARRAY)
        return "batches are not taken; send the requests one a line, without waiting";
    if (json_type(root) != JSON_OBJECT)
        return "a request is an object with jsonrpc, id, method and params";
    why = read_id(json_member(root, "id"), ret_id);
    if (why != NULL)
        return why;
    if (!is_version_2(root))
        return "the member 'jsonrpc' must be \"2.0\"";
    if (!json_string(json_member(root, "method"), &request.method, &length))
        return "the member 'method' must be a string; rpc.discover lists the methods";
    request.params = json_member(root, "params");
    if (request.params != NULL && json_type(request.params) != JSON_OBJECT)
        return "the member 'params' must be an object: parameters go by name";
    *ret_request = request;
    return NULL;
}

enum error rpc_request_parse(const char *line, size_t length, struct rpc_id *ret_id,
                             struct rpc_request *ret_request, const char **ret_why)
{
    struct json *root;
    const char *why;
    enum error error;

    *ret_id = RPC_ID_NULL;
    error = json_parse_small(line, length, RPC_REQUEST_VALUES_MAX, &root);
    if (error == ERR_OVERSIZED) {
        *ret_why = "the request holds more than 1,024 values; no method takes so many";
        return ERR_INVALID_REQUEST;
    }
    if (error != OK) {
        *ret_why = error_text(ERR_PARSE_ERROR);
        return ERR_PARSE_ERROR;
    }
    why = read_request(root, ret_id, ret_request);
    if (why != NULL) {
        json_free(root);
        *ret_why = why;
        return ERR_INVALID_REQUEST;
    }
    return OK;
}

void rpc_request_done(struct rpc_request *request)
{
    json_free(request->root);
    *request = (struct rpc_request){.root = NULL};
}

/* --- Answers and events, as the daemon writes them --- */

static void open_message(struct json_writer *w, struct bytes *out)
{
    json_write_init(w, out);
    json_write_open(w, '{');
    json_put_string(w, "jsonrpc", "2.0");
}

static void close_message(struct json_writer *w)
{
    json_write_close(w, '}');
    bytes_u8(w->out, '\n');
}

static void put_raw(struct json_writer *w, const char *name, const void *json, size_t length)
{
    json_write_name(w, name);
    json_write_raw(w, json, length);
}

void rpc_write_result(struct bytes *out, const struct rpc_id *id, const void *result, size_t length)
{
    struct json_writer w;

    open_message(&w, out);
    put_raw(&w, "id", id->json, id->length);
    put_raw(&w, "result", result, length);
    close_message(&w);
}

void rpc_write_error(struct bytes *out, const struct rpc_id *id, enum error error,
                     const char *message)
{
    rpc_write_error_with(out, id, error, message, NULL, 0);
}

void rpc_write_error_with(struct bytes *out, const struct rpc_id *id, enum error error,
                          const char *message, const char *members, size_t length)
{
    struct json_writer w;

    open_message(&w, out);
    put_raw(&w, "id", id->json, id->length);
    json_write_name(&w, "error");
    json_write_open(&w, '{');
    json_put_integer(&w, "code", error_rpc_code(error));
    json_put_string(&w, "message", message != NULL ? message : error_text(error));
    json_write_name(&w, "data");
    json_write_open(&w, '{');
    json_put_string(&w, "name", error_name(error));
    if (length > 0) {
        bytes_u8(out, ',');
        bytes_append(out, members, length);
    }
    json_write_close(&w, '}');
    json_write_close(&w, '}');
    close_message(&w);
}

void rpc_write_event(struct bytes *out, const void *event, size_t length)
{
    struct json_writer w;

    open_message(&w, out);
    json_put_string(&w, "method", "event");
    put_raw(&w, "params", event, length);
    close_message(&w);
}

/* --- The client's side --- */

void rpc_write_request(struct bytes *out, int64_t id, const char *method, const void *params,
                       size_t length)
{
    struct json_writer w;

    open_message(&w, out);
    json_put_integer(&w, "id", id);
    json_put_string(&w, "method", method);
    put_raw(&w, "params", params, length);
    close_message(&w);
}

static bool is_object(const struct json *value)
{
    return value != NULL && json_type(value) == JSON_OBJECT;
}

static const char *read_notification(const struct json *root, const char *method,
                                     struct rpc_incoming *incoming)
{
    incoming->kind = strcmp(method, "event") == 0 ? RPC_EVENT : RPC_OTHER;
    incoming->body = json_member(root, "params");
    if (incoming->kind == RPC_EVENT && !is_object(incoming->body))
        return "an event whose params are no object";
    return NULL;
}

static const char *read_error(const struct json *error, struct rpc_incoming *incoming)
{
    int64_t code;
    size_t length;

    incoming->kind = RPC_ERROR;
    if (!json_integer(json_member(error, "code"), &code) || code < INT32_MIN || code > INT32_MAX ||
        !json_string(json_member(error, "message"), &incoming->message, &length))
        return "an error without code and message";
    incoming->code = (int)code;
    incoming->data = json_member(error, "data");
    json_string(json_member(incoming->data, "name"), &incoming->name, &length);
    return NULL;
}

/* NULL, or what is wrong with the line. */
static const char *read_incoming(const struct json *root, struct rpc_incoming *incoming)
{
    const struct json *id, *result, *error;
    const char *method;
    size_t length;

    if (!is_object(root) || !is_version_2(root))
        return "no JSON-RPC 2.0 object";
    if (json_string(json_member(root, "method"), &method, &length))
        return read_notification(root, method, incoming);
    id = json_member(root, "id");
    result = json_member(root, "result");
    error = json_member(root, "error");
    incoming->has_id = json_integer(id, &incoming->id);
    if (id == NULL || (result == NULL) == (error == NULL) || (!incoming->has_id && error == NULL))
        return "no answer to a request";
    if (error != NULL)
        return read_error(error, incoming);
    incoming->kind = RPC_RESULT;
    incoming->body = result;
    return is_object(result) ? NULL : "a result that is no object";
}

enum error rpc_incoming_parse(const char *line, size_t length, struct rpc_incoming *ret_incoming,
                              const char **ret_why)
{
    struct rpc_incoming incoming = {.root = NULL};
    const char *why;

    if (json_parse(line, length, &incoming.root) != OK) {
        *ret_why = "no JSON";
        return ERR_MALFORMED;
    }
    why = read_incoming(incoming.root, &incoming);
    if (why != NULL) {
        json_free(incoming.root);
        *ret_why = why;
        return ERR_MALFORMED;
    }
    *ret_incoming = incoming;
    return OK;
}

void rpc_incoming_done(struct rpc_incoming *incoming)
{
    json_free(incoming->root);
    *incoming = (struct rpc_incoming){.root = NULL};
}
