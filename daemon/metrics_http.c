#include "daemon/metrics_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/http_request.h"
#include "daemon/limits.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/metrics.h"
#include "daemon/pump.h"

/* One connection, with one request. */
struct visit {
    struct metrics_http *http;
    int fd;
    struct event readable, writable, end;
    char head[HTTP_HEAD_MAX]; /* what came of it */
    size_t length;
    struct evbuffer *answer; /* NULL: the head is not whole */
    size_t discarded;        /* bytes that came behind it */
    TAILQ_ENTRY(visit) others;
};

struct metrics_http {
    struct pump *pump;
    struct host_port wish;       /* where it is to serve; the port may be 0 */
    struct listeners *listeners; /* NULL: it cannot be had */
    struct refusal why;          /* then */
    struct event again;
    TAILQ_HEAD(, visit) visits; /* oldest first */
    size_t count;
};

static void visit_free(struct visit *visit)
{
    TAILQ_REMOVE(&visit->http->visits, visit, others);
    visit->http->count--;
    event_del(&visit->readable);
    event_del(&visit->writable);
    event_del(&visit->end);
    if (visit->answer != NULL)
        evbuffer_free(visit->answer);
    close(visit->fd);
    free(visit);
}

/* --- Answers --- */

static const char *reason_of(enum http_status status)
{
    switch (status) {
    case HTTP_OK:
        return "OK";
    case HTTP_BAD_REQUEST:
        return "Bad Request";
    case HTTP_FORBIDDEN:
        return "Forbidden";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_METHOD_NOT_ALLOWED:
        return "Method Not Allowed";
    case HTTP_TIMEOUT:
        return "Request Timeout";
    case HTTP_TOO_LARGE:
        return "Request Header Fields Too Large";
    case HTTP_VERSION_NOT_SUPPORTED:
        return "HTTP Version Not Supported";
    }
    must(!"a status");
}

/* For people who look why. */
static const char *explanation_of(enum http_status status)
{
    switch (status) {
    case HTTP_OK:
        return "";
    case HTTP_FORBIDDEN:
        return "ask for localhost, or for the address that this listens on\n";
    case HTTP_NOT_FOUND:
        return "the numbers are at /metrics\n";
    case HTTP_METHOD_NOT_ALLOWED:
        return "GET and HEAD are answered\n";
    case HTTP_BAD_REQUEST:
    case HTTP_TIMEOUT:
    case HTTP_TOO_LARGE:
    case HTTP_VERSION_NOT_SUPPORTED:
        return "this is no request of HTTP/1 with a short head and one Host\n";
    }
    must(!"a status");
}

static void write_answer(struct visit *visit, enum http_status status, bool with_body)
{
    const char *words = explanation_of(status);
    const void *body = words;
    size_t length = strlen(words);

    if (status == HTTP_OK) {
        const struct bytes *numbers = metrics_text(visit->http->pump);

        body = bytes_data(numbers);
        length = bytes_length(numbers);
    }
    evbuffer_add_printf(visit->answer,
                        "HTTP/1.1 %d %s\r\n"
                        "Content-Type: text/plain; %scharset=utf-8\r\n"
                        "Content-Length: %zu\r\n"
                        "%s"
                        "Cache-Control: no-store\r\n"
                        "X-Content-Type-Options: nosniff\r\n"
                        "Connection: close\r\n\r\n",
                        (int)status, reason_of(status), status == HTTP_OK ? "version=0.0.4; " : "",
                        length, status == HTTP_METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
    if (with_body)
        evbuffer_add(visit->answer, body, length);
}

/* Sends what goes now. Whoever has it all gets the end of the stream; what they still send is read
 * until theirs, or the answer could be lost with it. */
static void send_some(struct visit *visit)
{
    while (evbuffer_get_length(visit->answer) > 0) {
        if (evbuffer_write(visit->answer, visit->fd) >= 0)
            continue;
        if (errno == EAGAIN || errno == EINTR)
            event_add(&visit->writable, NULL);
        else
            visit_free(visit);
        return;
    }
    if (shutdown(visit->fd, SHUT_WR) < 0)
        visit_free(visit);
}

static void answer(struct visit *visit, enum http_status status, bool with_body)
{
    visit->answer = evbuffer_new();
    must(visit->answer != NULL);
    write_answer(visit, status, with_body);
    send_some(visit);
}

/* --- Requests --- */

static void judge(struct visit *visit)
{
    const size_t length = http_head_length(visit->head, visit->length);
    bool is_head = false;

    if (length > 0) {
        const enum http_status status = http_judge(visit->head, length, &is_head);

        answer(visit, status, !is_head);
    } else if (visit->length == sizeof(visit->head)) {
        answer(visit, HTTP_TOO_LARGE, true);
    }
}

/* More of the head, or something behind it, which nobody wants. */
static void on_readable(evutil_socket_t fd, short events, void *context)
{
    struct visit *visit = context;
    char dropped[1024];
    const bool is_head = visit->answer == NULL;
    char *to = is_head ? visit->head + visit->length : dropped;
    const ssize_t got =
        read(fd, to, is_head ? sizeof(visit->head) - visit->length : sizeof(dropped));

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        visit_free(visit);
    } else if (is_head) {
        visit->length += (size_t)got;
        judge(visit);
    } else if ((visit->discarded += (size_t)got) > HTTP_DISCARD_MAX) {
        visit_free(visit);
    }
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    send_some(context);
}

/* Time is over. Who did not say what it wants is told so, if it takes that at once. */
static void on_end(evutil_socket_t fd, short events, void *context)
{
    struct visit *visit = context;

    (void)fd;
    (void)events;
    if (visit->answer == NULL) {
        visit->answer = evbuffer_new();
        must(visit->answer != NULL);
        write_answer(visit, HTTP_TIMEOUT, true);
        (void)evbuffer_write(visit->answer, visit->fd);
    }
    visit_free(visit);
}

static void on_accepted(void *context, int fd, const struct socket_address *remote)
{
    const struct timeval patience = {.tv_sec = HTTP_VISIT_MS / 1000};
    struct metrics_http *http = context;
    struct visit *visit;

    (void)remote;
    if (http->count == HTTP_VISITS_MAX)
        visit_free(TAILQ_FIRST(&http->visits));
    visit = xcalloc(1, sizeof(*visit));
    visit->http = http;
    visit->fd = fd;
    TAILQ_INSERT_TAIL(&http->visits, visit, others);
    http->count++;
    event_assign(&visit->readable, http->pump->base, fd, EV_READ | EV_PERSIST, on_readable, visit);
    event_assign(&visit->writable, http->pump->base, fd, EV_WRITE, on_writable, visit);
    evtimer_assign(&visit->end, http->pump->base, on_end, visit);
    event_add(&visit->readable, NULL);
    evtimer_add(&visit->end, &patience);
}

/* --- Beginning and end --- */

static bool is_there(const struct metrics_http *http, const struct host_port *at)
{
    return http != NULL && at->port == http->wish.port && strcmp(at->host, http->wish.host) == 0;
}

static bool open_at(const struct host_port *at, struct listeners **ret_listeners,
                    struct refusal *ret_refusal)
{
    const struct listen_wish wish = {at, 1, "[Metrics] Listen="};
    struct ports ports = {.count = 0};

    return listeners_open(&wish, &ports, ret_listeners, ret_refusal);
}

static void serve(struct metrics_http *http, struct listeners *listeners)
{
    event_del(&http->again);
    http->listeners = listeners;
    listeners_start(listeners, http->pump->base, on_accepted, http);
}

static void try_again(struct metrics_http *http)
{
    const struct timeval patience = {.tv_sec = METRICS_AGAIN_MS / 1000};
    struct listeners *listeners;

    if (open_at(&http->wish, &listeners, &http->why))
        serve(http, listeners);
    else
        evtimer_add(&http->again, &patience);
}

static void say_served(const struct metrics_http *http)
{
    char where[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(metrics_http_bound(http), where);
    log_coded(LOG_METRICS_SERVED, NULL, "metrics are served on %s now", where);
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    struct metrics_http *http = context;

    (void)fd;
    (void)events;
    try_again(http);
    if (http->listeners != NULL)
        say_served(http);
}

/* In the place of what there was. */
static struct metrics_http *begin(struct pump *pump, const struct host_port *at)
{
    struct metrics_http *http = xcalloc(1, sizeof(*http));

    metrics_http_free(pump->metrics_http);
    http->pump = pump;
    http->wish = *at;
    TAILQ_INIT(&http->visits);
    evtimer_assign(&http->again, pump->base, on_again, http);
    pump->metrics_http = http;
    return http;
}

void metrics_http_start(struct pump *pump, const struct host_port *at)
{
    struct metrics_http *http;

    if (at->host[0] == '\0')
        return;
    http = begin(pump, at);
    try_again(http);
    if (http->listeners == NULL)
        log_coded(LOG_METRICS_NOT_SERVED, NULL,
                  "no metrics are served over HTTP: %s; it is tried again every %d seconds",
                  http->why.why, METRICS_AGAIN_MS / 1000);
}

bool metrics_http_set(struct pump *pump, const struct host_port *at, struct refusal *ret_refusal)
{
    struct listeners *listeners;

    if (is_there(pump->metrics_http, at)) {
        if (pump->metrics_http->listeners == NULL)
            on_again(-1, 0, pump->metrics_http);
        return true;
    }
    if (at->host[0] == '\0') {
        metrics_http_free(pump->metrics_http);
        pump->metrics_http = NULL;
        return true;
    }
    if (!open_at(at, &listeners, ret_refusal))
        return false;
    serve(begin(pump, at), listeners);
    return true;
}

const char *metrics_http_trouble(const struct metrics_http *http)
{
    return http != NULL && http->listeners == NULL ? http->why.why : NULL;
}

const struct host_port *metrics_http_bound(const struct metrics_http *http)
{
    size_t count;

    return http != NULL && http->listeners != NULL ? listeners_bound(http->listeners, &count)
                                                   : NULL;
}

void metrics_http_free(struct metrics_http *http)
{
    if (http == NULL)
        return;
    while (!TAILQ_EMPTY(&http->visits))
        visit_free(TAILQ_FIRST(&http->visits));
    event_del(&http->again);
    listeners_free(http->listeners);
    free(http);
}
