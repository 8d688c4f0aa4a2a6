/* One connection to the control socket: bytes in, lines out of them, bytes out. What the lines say
 * is not known here.
 *
 * Descriptors are watched edge-triggered, so a client that has to wait for its turn, or whose
 * output is full, costs no system call until it goes on: `can_read` remembers that something is
 * there. */
#ifndef P2PCHAT_DAEMON_CLIENT_H
#define P2PCHAT_DAEMON_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/rpc.h"
#include "daemon/core/table.h"
#include "daemon/log.h"

struct call;
struct clients;
struct control;
struct event;
struct event_base;
struct user;

TAILQ_HEAD(calls, call);

struct client {
    uint64_t number; /* from 1, never reused */
    struct log_caller caller;
    bool can_read;    /* there may be something to receive */
    bool has_ended;   /* sends no more; gets what it is due */
    bool is_expelled; /* broke the protocol: what it sends is thrown away */
    bool is_gone;     /* reads no more; what it sent to change something still does */
    bool is_full;     /* takes no output now; `wake` will be called */
    struct rpc_lines lines;
    struct bytes out;

    /* Private to client.c. */
    int descriptor;
    struct event *readable, *writable;
    void (*wake)(struct client *client);
    size_t discarded; /* bytes that were thrown away */

    /* Private to control. */
    struct control *control;
    struct user *user;
    bool has_turn;                  /* is among those who wait for their turn */
    struct clients *kept_in;        /* those who wait until their user has less; or NULL */
    size_t counted_in, counted_out; /* bytes of `lines` and `out`, as counted for its user */
    bool follows;                   /* events */
    uint64_t consumer;              /* as which it follows, by number; 0: none */
    struct calls calls;
    size_t call_count;
    struct calls histories; /* calls of history that wait */
    bool reads_history;     /* one is being read */
    bool waits_history;     /* is among the clients whose turn it is to read one */
    TAILQ_ENTRY(client) in_all, in_turns, in_held, in_histories;
    UT_hash_handle hh;
};

TAILQ_HEAD(clients, client);

/* Who made a connection, when it was made (unix(7), SO_PEERCRED). False when the system does not
 * say. */
bool client_identify(int descriptor, struct log_caller *ret_caller);

/* Takes over the descriptor of an accepted connection. `wake` is called when there is something to
 * receive, when the output goes on, and when the client's time is up. NULL, and the descriptor
 * closed, when it cannot be watched. */
struct client *client_new(struct event_base *base, int descriptor, uint64_t number,
                          const struct log_caller *caller, void (*wake)(struct client *client));
void client_free(struct client *c);

/* Receives once, at most CLIENT_READ_MAX bytes, or the end; descriptors that come along are closed.
 * False when there is nothing now. */
bool client_receive(struct client *c);

/* The next line, or what is left of a client that has finished; borrowed until the next call. */
enum rpc_line client_next_line(struct client *c, const char **ret_line, size_t *ret_length);

/* Sends as much of `out` as goes now. */
void client_flush(struct client *c);

/* Ends the requests of a client that broke the protocol. It is sent what is in `out` and the end of
 * the stream, and gets CLIENT_LINGER_MS to take it; then it is gone. */
void client_expel(struct client *c);

/* Notices that both directions are closed, also when what was sent before is not received yet. */
void client_check(struct client *c);

#endif
