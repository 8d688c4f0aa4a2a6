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

#include "daemon/socket_address.h"

struct net;
struct pump;

/* `pump` outlives the net. How many carriers there may be depends on the limit of open descriptors
 * at this moment. */
struct net *net_new(struct pump *pump);

/* Closes every carrier at once; nothing is told to the node. NULL is fine. */
void net_free(struct net *net);

/* Takes over a connected, non-blocking socket and tells the node (INPUT_CARRIER_UP). `dial` is 0
 * when they came to us; then it is closed, and nothing told, when only descriptors are left that
 * are kept for others (DESCRIPTORS_KEPT_MAX). */
void net_adopt(struct net *net, int fd, uint64_t dial, const struct socket_address *remote);

/* ACTION_SEND: bytes that the socket does not take now wait in its buffer. INPUT_ROOM tells the
 * node how much of it is free each time it got to send a good part of CARRIER_OUTPUT_MAX. A carrier
 * that is gone, or was closed, is no mistake: the node cannot know yet. */
void net_send(struct net *net, uint64_t carrier, const uint8_t *bytes, size_t length);

/* ACTION_CLOSE: when something was sent, waits for it to go out and for the other side to take it
 * (its end of the stream comes), at most CARRIER_LINGER_MS; reads nothing more. */
void net_close(struct net *net, uint64_t carrier);

/* Carriers that are open or linger. */
size_t net_count(const struct net *net);

/* Raises the process' limit of open descriptors as far as it goes. */
void net_raise_descriptors(void);

#endif
