/* JSON-RPC 2.0 as the control socket speaks it (p2pchat-api(7)): one object a line, parameters by
 * name, no batches. Both sides of it: lines, requests, answers, events. */
#ifndef P2PCHAT_COMMON_RPC_H
#define P2PCHAT_COMMON_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/json.h"

enum {
    RPC_LINE_MAX = 1024 * 1024, /* bytes of a line without its newline: what a reader must hold */
    RPC_ID_MAX = 256,           /* bytes of an id as JSON, which is kept until the answer */

    /* Values in a request: no method has a tenth of them. A line full of small ones would cost the
     * daemon a tenth of a second and 40 MB. */
    RPC_REQUEST_VALUES_MAX = 1024
};

/* --- Lines out of a stream --- */

enum rpc_line {
    RPC_LINE_NONE,    /* the stream has no whole line yet */
    RPC_LINE_WHOLE,   /* here is one */
    RPC_LINE_TOO_LONG /* more than RPC_LINE_MAX bytes without an end: the stream is of no use now */
};

/* Received bytes go to the end of `in`; lines are taken from its front. Starts as
 * (struct rpc_lines){0}. */
struct rpc_lines {
    struct bytes in;
    size_t taken;    /* bytes of `in` that were handed out as the last line, with its newline */
    size_t searched; /* bytes behind them in which there is no newline */
};

void rpc_lines_done(struct rpc_lines *lines);

/* The next line, without its newline; borrowed until the next call and until `in` changes. */
enum rpc_line rpc_lines_next(struct rpc_lines *lines, const char **ret_line, size_t *ret_length);

/* What is left when the stream has ended: its last line needs no newline. RPC_LINE_NONE when it
 * ended with one; borrowed as above. */
enum rpc_line rpc_lines_last(struct rpc_lines *lines, const char **ret_line, size_t *ret_length);

/* --- Requests, as the daemon reads them --- */

/* What the answer says again: a string, a number or null, as JSON. */
struct rpc_id {
    size_t length;
    char json[RPC_ID_MAX];
};

struct rpc_request {
    struct json *root;         /* owned; what follows is borrowed from it */
    const char *method;        /* no NUL inside, not yet known to exist */
    const struct json *params; /* an object, or NULL: none were given */
};

/* Reads a line. On failure ERR_PARSE_ERROR (not JSON as common/json.h wants it) or
 * ERR_INVALID_REQUEST (a batch, no "jsonrpc": "2.0", no method, params that are no object, no id:
 * each request gets an answer, so there are no notifications; too many values), and `ret_why` is
 * one sentence for the client in static storage. `ret_id` is set always, to null when it is not
 * known: every line can be answered. Members that JSON-RPC does not know are ignored. */
enum error rpc_request_parse(const char *line, size_t length, struct rpc_id *ret_id,
                             struct rpc_request *ret_request, const char **ret_why);
void rpc_request_done(struct rpc_request *request);

/* --- Answers and events, as the daemon writes them: whole lines to the end of `out` --- */

/* The id of an answer to what could not be read. */
extern const struct rpc_id RPC_ID_NULL;

/* `result` is one JSON value. */
void rpc_write_result(struct bytes *out, const struct rpc_id *id, const void *result,
                      size_t length);

/* `message` says it better than error_text(), or is NULL. */
void rpc_write_error(struct bytes *out, const struct rpc_id *id, enum error error,
                     const char *message);

/* The same, with further members of its data: those of an object, without its braces. */
void rpc_write_error_with(struct bytes *out, const struct rpc_id *id, enum error error,
                          const char *message, const char *members, size_t length);

/* `event` is one JSON object, as p2pchat-api(7) describes it. */
void rpc_write_event(struct bytes *out, const void *event, size_t length);

/* --- The client's side --- */

/* A request with params that are one JSON object, as a line to the end of `out`. */
void rpc_write_request(struct bytes *out, int64_t id, const char *method, const void *params,
                       size_t length);

enum rpc_kind {
    RPC_RESULT, /* of a request */
    RPC_ERROR,  /* instead of a result */
    RPC_EVENT,  /* a notification: an event of the subscription */
    RPC_OTHER   /* a notification that this program does not know, to be ignored */
};

/* One line from the daemon. Which members hold something depends on the kind. */
struct rpc_incoming {
    struct json *root; /* owned; what follows is borrowed from it */
    enum rpc_kind kind;
    bool has_id; /* of an answer; false: the daemon could not read the request's */
    int64_t id;
    const struct json *body; /* result or event, an object */
    int code;                /* of an error */
    const char *message;
    const char *name;        /* its stable name; NULL when the daemon gave none */
    const struct json *data; /* what else it says; NULL when there is nothing */
};

/* Reads a line. ERR_MALFORMED when it is no answer and no notification, and `ret_why` is a clause
 * in static storage that says what is wrong with it. */
enum error rpc_incoming_parse(const char *line, size_t length, struct rpc_incoming *ret_incoming,
                              const char **ret_why);
void rpc_incoming_done(struct rpc_incoming *incoming);

#endif
