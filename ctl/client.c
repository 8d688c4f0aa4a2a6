#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/text.h"
#include "ctl/clock.h"
#include "ctl/nobody.h"
#include "ctl/signals.h"

enum {
    RECEIVE_BYTES = 16 * 1024, /* at once: most answers whole */

    /* Lines that may come before the answer that is waited for. A daemon sends answers only, and
     * events when they were asked for. */
    UNASKED_MAX = 1024,

    /* A service that is restarted has a socket all the time, so asking once more is enough, unless
     * it is restarted again. The pauses before it double: a second and a half in all. */
    AGAIN_MAX = 5,
    AGAIN_AFTER_MS = 50
};

/* --- Connecting --- */

/* A socket that is none of the standard streams, should one of them be closed: what is printed must
 * not go to the daemon. -1 and errno when there is none. */
static int new_socket(void)
{
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), moved;

    if (made < 0 || made > STDERR_FILENO)
        return made;
    moved = fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(made);
    return moved;
}

/* A daemon whose queue of connections is full lets connect() wait; this bounds it. */
static void bound_connect(int fd, struct mono deadline)
{
    uint64_t left_ms = mono_left_ms(clock_now(), deadline);
    struct timeval left = {.tv_sec = (time_t)(left_ms / 1000),
                           .tv_usec = (suseconds_t)(left_ms % 1000 * 1000)};

    if (left_ms == 0)
        left.tv_usec = 1; /* zero would mean for ever */
    must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) == 0);
}

static int connect_to(int fd, const struct sockaddr_un *address)
{
    int result;

    signals_admit();
    result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    signals_hold();
    return result;
}

static enum outcome reach(struct client *client, const struct sockaddr_un *address,
                          struct mono deadline, struct bytes *message)
{
    int fd = new_socket();

    if (fd >= 0)
        bound_connect(fd, deadline);
    if (fd < 0 || connect_to(fd, address) < 0) {
        int error = errno;

        if (fd >= 0)
            close(fd);
        if (message != NULL && error == EAGAIN)
            bytes_text(message, "the daemon takes no connection; it is stuck or overloaded");
        else if (message != NULL)
            nobody_listens(address->sun_path, error, message);
        return error == EAGAIN ? OUTCOME_RAN_OUT : OUTCOME_NO_DAEMON;
    }
    *client = (struct client){.socket = fd, .address = *address};
    return OUTCOME_DONE;
}

enum outcome client_connect(struct client *client, const char *path, struct mono deadline,
                            struct bytes *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof(address.sun_path) && message == NULL)
        return OUTCOME_USAGE;
    if (length >= sizeof(address.sun_path)) {
        bytes_text(message, "the path of a socket has at most 107 bytes: ");
        text_append_safe(message, path, length);
        return OUTCOME_USAGE;
    }
    memcpy(address.sun_path, path, length);
    return reach(client, &address, deadline, message);
}

void client_done(struct client *client)
{
    close(client->socket);
    rpc_lines_done(&client->lines);
}

/* --- Lines in --- */

/* False when the deadline or a signal that ends us came first. */
static bool wait_for(const struct client *client, short events, struct mono deadline)
{
    struct pollfd ready = {.fd = client->socket, .events = events};

    while (!signals_poll(&ready, 1, deadline)) {
        if (signals_stop() || mono_due(deadline, clock_now()))
            return false;
    }
    return true;
}

enum client_read client_receive(struct client *client)
{
    uint8_t *room = bytes_reserve(&client->lines.in, RECEIVE_BYTES);
    ssize_t received;

    do
        received = recv(client->socket, room, RECEIVE_BYTES, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN)
        return CLIENT_EMPTY;
    if (received <= 0) {
        /* unix(7): so it is told that the other side had not read all when it closed. */
        client->is_unread |= received < 0 && errno == ECONNRESET;
        client->is_lost = true;
        return CLIENT_CLOSED;
    }
    bytes_commit(&client->lines.in, (size_t)received);
    return CLIENT_READ;
}

static enum client_read broken(const char *what, struct bytes *message)
{
    bytes_text(message,
               "what answers on the socket is no daemon of p2pchat, or is broken: it sent ");
    bytes_text(message, what);
    return CLIENT_BROKEN;
}

enum client_read client_next(struct client *client, struct rpc_incoming *ret_incoming,
                             struct bytes *message)
{
    const char *line, *why = "a line of more than 1 MiB";
    size_t length;

    switch (rpc_lines_next(&client->lines, &line, &length)) {
    case RPC_LINE_NONE:
        return CLIENT_EMPTY;
    case RPC_LINE_WHOLE:
        if (rpc_incoming_parse(line, length, ret_incoming, &why) == OK)
            return CLIENT_READ;
        break;
    case RPC_LINE_TOO_LONG:
        break;
    }
    return broken(why, message);
}

/* --- Calls --- */

/* A daemon that closes at once may have said why: that is read even when sending fails. */
static bool send_all(struct client *client, const struct bytes *line, struct mono deadline)
{
    const uint8_t *at = bytes_data(line);
    size_t left = bytes_length(line);

    while (left > 0) {
        ssize_t sent = send(client->socket, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN && !wait_for(client, POLLOUT, deadline))
            return false;
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            client->is_unread = true;
            return true;
        }
        if (sent > 0) {
            at += sent;
            left -= (size_t)sent;
        }
    }
    return true;
}

/* Whether a line answers the last request: an error without an id can only be about it. */
static bool is_answer(const struct client *client, const struct rpc_incoming *incoming)
{
    switch (incoming->kind) {
    case RPC_RESULT:
    case RPC_ERROR:
        return !incoming->has_id || incoming->id == client->last_id;
    case RPC_EVENT:
    case RPC_OTHER:
        break;
    }
    return false;
}

static enum outcome outcome_of(struct client *client, enum client_read read, struct bytes *message)
{
    switch (read) {
    case CLIENT_READ:
        return OUTCOME_DONE;
    case CLIENT_TIMED_OUT:
        bytes_text(message, "no answer in time ('p2pchatctl doctor' tells why)");
        return OUTCOME_RAN_OUT;
    case CLIENT_CLOSED:
        if (client->is_unread) {
            client->may_return = nobody_read(client->address.sun_path, message);
            return OUTCOME_NO_DAEMON;
        }
        bytes_text(message, "the daemon closed the connection without an answer; what it had begun "
                            "may be done");
        return OUTCOME_FAILED;
    case CLIENT_BROKEN:
    case CLIENT_EMPTY:
        break;
    }
    return OUTCOME_FAILED;
}

bool client_send(struct client *client, const char *method, const struct bytes *params,
                 struct mono deadline)
{
    struct bytes line = BYTES_EMPTY;
    bool sent;

    client->unasked = 0;
    rpc_write_request(&line, ++client->last_id, method, bytes_data(params), bytes_length(params));
    sent = send_all(client, &line, deadline);
    bytes_done(&line);
    return sent;
}

enum client_read client_answer(struct client *client, struct rpc_incoming *ret_answer,
                               struct bytes *message)
{
    enum client_read read;

    while ((read = client_next(client, ret_answer, message)) == CLIENT_READ) {
        if (is_answer(client, ret_answer))
            break;
        rpc_incoming_done(ret_answer);
        if (++client->unasked > UNASKED_MAX)
            return broken("what nobody asked for", message);
    }
    return read;
}

enum outcome client_wait(struct client *client, struct mono deadline,
                         struct rpc_incoming *ret_answer, struct bytes *message)
{
    enum client_read read;

    while ((read = client_answer(client, ret_answer, message)) == CLIENT_EMPTY) {
        read = wait_for(client, POLLIN, deadline) ? client_receive(client) : CLIENT_TIMED_OUT;
        if (read == CLIENT_CLOSED || read == CLIENT_TIMED_OUT)
            break;
    }
    return outcome_of(client, read, message);
}

bool client_come_back(struct client *client, unsigned again, struct mono deadline,
                      struct bytes *message)
{
    const struct mono end = mono_after(clock_now(), (uint64_t)AGAIN_AFTER_MS << again);
    struct client anew;

    if (!client->may_return || again >= AGAIN_MAX)
        return false;
    while (!mono_due(end, clock_now())) {
        if (signals_stop() || mono_due(deadline, clock_now()))
            return false;
        signals_poll(NULL, 0, mono_earlier(end, deadline));
    }
    bytes_clear(message);
    if (reach(&anew, &client->address, deadline, message) != OUTCOME_DONE)
        return false;
    client_done(client);
    *client = anew;
    return true;
}

static enum outcome call_once(struct client *client, const char *method, const struct bytes *params,
                              struct mono deadline, struct rpc_incoming *ret_answer,
                              struct bytes *message)
{
    if (!client_send(client, method, params, deadline))
        return outcome_of(client, CLIENT_TIMED_OUT, message);
    return client_wait(client, deadline, ret_answer, message);
}

enum outcome client_call(struct client *client, const char *method, const struct bytes *params,
                         struct mono deadline, struct rpc_incoming *ret_answer,
                         struct bytes *message)
{
    enum outcome outcome;
    unsigned again = 0;

    do
        outcome = call_once(client, method, params, deadline, ret_answer, message);
    while (outcome == OUTCOME_NO_DAEMON && client_come_back(client, again++, deadline, message));
    return outcome;
}
