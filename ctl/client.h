/* The connection to the daemon: lines out, lines in, p2pchat-api(7). */
#ifndef P2PCHAT_CTL_CLIENT_H
#define P2PCHAT_CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "common/bytes.h"
#include "common/mono.h"
#include "common/rpc.h"
#include "ctl/outcome.h"

struct client {
    int socket;
    struct sockaddr_un address; /* what it was connected to */
    struct rpc_lines lines;
    int64_t last_id;  /* of the requests that were sent */
    unsigned unasked; /* lines since then that do not answer it */
    bool is_lost;     /* nothing more can come, */
    bool is_unread;   /* and what was sent last was not read whole, */
    bool may_return;  /* but who was to read it may be there again */
};

/* Connects, by `deadline`. OUTCOME_NO_DAEMON when nothing answers at `path`, OUTCOME_RAN_OUT when
 * the deadline came, OUTCOME_USAGE when the path is too long for a socket; `message` says why;
 * NULL: nobody wants to know, which may take time to find out. */
enum outcome client_connect(struct client *client, const char *path, struct mono deadline,
                            struct bytes *message);
void client_done(struct client *client);

/* Calls a method with params that are one JSON object, and waits for the answer, a result or an
 * error, until `deadline`. When the connection is closed before anybody has read the call, it is
 * made anew and the call as well, some times. OUTCOME_RAN_OUT when the deadline came first,
 * OUTCOME_NO_DAEMON when nobody has read the call, OUTCOME_FAILED when the connection was lost
 * later or what came is no answer; `message`, empty before, says why. */
enum outcome client_call(struct client *client, const char *method, const struct bytes *params,
                         struct mono deadline, struct rpc_incoming *ret_answer,
                         struct bytes *message);

/* The wait alone, for what client_send() has sent; can be gone on with when the deadline came. */
enum outcome client_wait(struct client *client, struct mono deadline,
                         struct rpc_incoming *ret_answer, struct bytes *message);

/* After OUTCOME_NO_DAEMON from a wait: whether to send it again makes sense, to whoever is there
 * after a pause; `again`: how often that was so before. Otherwise `message` says why not. */
bool client_come_back(struct client *client, unsigned again, struct mono deadline,
                      struct bytes *message);

/* Below client_call(), for who does not wait: `watch`. */

enum client_read {
    CLIENT_READ,      /* something */
    CLIENT_EMPTY,     /* nothing yet */
    CLIENT_CLOSED,    /* the daemon is gone */
    CLIENT_TIMED_OUT, /* the deadline came */
    CLIENT_BROKEN     /* what came is not what a daemon says */
};

/* The next line of any kind among what was received: CLIENT_READ, CLIENT_EMPTY or CLIENT_BROKEN
 * (`message` says why). */
enum client_read client_next(struct client *client, struct rpc_incoming *ret_incoming,
                             struct bytes *message);

/* Takes in what is there without waiting: CLIENT_READ, CLIENT_EMPTY or CLIENT_CLOSED. */
enum client_read client_receive(struct client *client);

/* Sends a request with params that are one JSON object. False when there was no room for it by
 * `deadline`. */
bool client_send(struct client *client, const char *method, const struct bytes *params,
                 struct mono deadline);

/* Like client_next(), but gives only what answers the request that was sent last. */
enum client_read client_answer(struct client *client, struct rpc_incoming *ret_answer,
                               struct bytes *message);

#endif
