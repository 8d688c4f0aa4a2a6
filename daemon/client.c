#include "daemon/client.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/process.h"

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    struct client *c = context;

    (void)descriptor;
    if ((what & EV_TIMEOUT) != 0)
        c->is_gone = true; /* only an expelled client has a timeout */
    c->can_read = true;
    c->wake(c);
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct client *c = context;

    (void)descriptor;
    (void)what;
    c->is_full = false;
    c->wake(c);
}

bool client_identify(int descriptor, struct log_caller *ret_caller)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return false;
    *ret_caller = (struct log_caller){
        .user = peer.uid, .process = peer.pid, .is_outside = !process_has_user(peer.uid)};
    return true;
}

struct client *client_new(struct event_base *base, int descriptor, uint64_t number,
                          const struct log_caller *caller, void (*wake)(struct client *client))
{
    struct client *c = xcalloc(1, sizeof(*c));

    c->descriptor = descriptor;
    c->number = number;
    c->caller = *caller;
    c->wake = wake;
    c->readable = event_new(base, descriptor, EV_READ | EV_ET | EV_PERSIST, on_readable, c);
    c->writable = event_new(base, descriptor, EV_WRITE | EV_ET, on_writable, c);
    must(c->readable != NULL && c->writable != NULL);
    if (event_add(c->readable, NULL) < 0) {
        client_free(c);
        return NULL;
    }
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    event_free(c->readable);
    event_free(c->writable);
    close(c->descriptor);
    rpc_lines_done(&c->lines);
    bytes_done(&c->out);
    free(c);
}

/* --- Input --- */

/* Nobody may make us hold their descriptors open. */
static void close_passed(struct msghdr *message)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= h->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int passed;

            memcpy(&passed, CMSG_DATA(h) + at, sizeof(passed));
            close(passed);
        }
    }
}

static ssize_t receive(int descriptor, void *buffer, size_t size)
{
    union {
        char space[CMSG_SPACE(CLIENT_PASSED_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec piece = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t got;

    do
        got = recvmsg(descriptor, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        close_passed(&message);
    return got;
}

static void discard(struct client *c)
{
    c->discarded += bytes_length(&c->lines.in);
    rpc_lines_done(&c->lines);
    if (c->discarded > CLIENT_DISCARD_MAX)
        c->is_gone = true;
}

bool client_receive(struct client *c)
{
    if (!c->can_read)
        return false;

    ssize_t got =
        receive(c->descriptor, bytes_reserve(&c->lines.in, CLIENT_READ_MAX), CLIENT_READ_MAX);
    int error = errno;

    bytes_commit(&c->lines.in, got > 0 ? (size_t)got : 0);
    if (got > 0) {
        if (c->is_expelled)
            discard(c);
        return true;
    }
    if (bytes_length(&c->lines.in) == 0)
        rpc_lines_done(&c->lines); /* the room that was made and is not needed */
    c->can_read = false;
    if (got < 0) {
        c->is_gone |= error != EAGAIN;
        return false;
    }
    c->has_ended = true;
    client_check(c);
    return true;
}

enum rpc_line client_next_line(struct client *c, const char **ret_line, size_t *ret_length)
{
    if (c->is_expelled)
        return RPC_LINE_NONE;
    if (c->has_ended)
        return rpc_lines_last(&c->lines, ret_line, ret_length);
    return rpc_lines_next(&c->lines, ret_line, ret_length);
}

void client_check(struct client *c)
{
    struct pollfd p = {.fd = c->descriptor};

    if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0)
        c->is_gone = true;
}

/* --- Output --- */

void client_flush(struct client *c)
{
    if (c->is_full && !c->is_gone)
        return;
    while (bytes_length(&c->out) > 0 && !c->is_gone) {
        ssize_t sent = send(c->descriptor, bytes_data(&c->out), bytes_length(&c->out),
                            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent >= 0) {
            bytes_consume(&c->out, (size_t)sent);
        } else if (errno == EAGAIN) {
            c->is_full = true;
            event_add(c->writable, NULL);
            return;
        } else if (errno != EINTR) {
            c->is_gone = true;
        }
    }
    bytes_done(&c->out);
    if (c->is_expelled)
        shutdown(c->descriptor, SHUT_WR);
}

void client_expel(struct client *c)
{
    const struct timeval linger = {CLIENT_LINGER_MS / 1000, CLIENT_LINGER_MS % 1000 * 1000};

    c->is_expelled = true;
    rpc_lines_done(&c->lines);
    event_add(c->readable, &linger);
}
