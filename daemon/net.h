/* Carriers over TCP: bytes between sockets and the node.
 *
 * A carrier is born connected (accepted, or won by a dial), tells the node what it brings, and
 * costs a few hundred bytes while nothing happens: all read into one buffer, and output is only
 * kept while a socket does not take it. */
#ifndef P2PCHAT_DAEMON_NET_H
#define P2PCHAT_DAEMON_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/action.h"
#include "daemon/socket_address.h"

struct net;
struct pump;

/* `pump` outlives the net. How many carriers there may be depends on the limit of open descriptors
 * at this moment. */
struct net *net_new(struct pump *pump);

/* Closes every carrier at once; nothing is told to the node. NULL is fine. */
void net_free(struct net *net);

/* A connection that came about. */
struct arrival {
    int fd;         /* connected, non-blocking */
    uint64_t dial;  /* 0: they came to us */
    size_t address; /* which of the dial's it was, or 0 */
    enum carrier_kind kind;
    struct socket_address remote;
};

/* Takes over its socket and tells the node (INPUT_CARRIER_UP). When they came to us and only
 * descriptors are left that are kept for others (DESCRIPTORS_KEPT_MAX), it is closed, and nothing
 * told. */
void net_adopt(struct net *net, const struct arrival *arrival);

/* ACTION_SEND: bytes that the socket does not take now wait in its buffer. INPUT_ROOM tells the
 * node how much of it is free each time CARRIER_ROOM_NEWS more of it are. A carrier
 * that is gone, or was closed, is no mistake: the node cannot know yet. */
void net_send(struct net *net, uint64_t carrier, const uint8_t *bytes, size_t length);

/* ACTION_FINISH: the other side hears the end of the stream once all is out. Its own end, or what
 * went wrong, comes as INPUT_CARRIER_DOWN. */
void net_finish(struct net *net, uint64_t carrier);

/* ACTION_CLOSE: when something was sent, waits for it to go out and for the other side to take it
 * (its end of the stream comes), at most CARRIER_LINGER_MS; reads nothing more. */
void net_close(struct net *net, uint64_t carrier);

/* Carriers that are open or linger. */
size_t net_count(const struct net *net);

/* Raises the process' limit of open descriptors as far as it goes. */
void net_raise_descriptors(void);

#endif
