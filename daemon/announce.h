/* Which of our addresses others are told: the most useful ones, in order, at most ANNOUNCE_MAX. */
#ifndef P2PCHAT_DAEMON_ANNOUNCE_H
#define P2PCHAT_DAEMON_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/address.h"
#include "daemon/limits.h"
#include "daemon/socket_address.h"

enum address_reach {
    REACH_PUBLIC,   /* from everywhere, as far as one can see */
    REACH_PRIVATE,  /* RFC 1918, RFC 4193, RFC 6598 */
    REACH_LINK,     /* link-local */
    REACH_LOOPBACK, /* from this host */
    REACH_NOWHERE   /* unspecified, multicast */
};
enum address_reach address_reach(const struct socket_address *address);

enum {
    ANNOUNCE_CANDIDATES = 64,
    /* Of a host's own addresses, so many of one reach and family: a host with a hundred of one kind
       still tells of the others. */
    ANNOUNCE_ALIKE_MAX = 3
};

struct announce {
    struct socket_address items[ANNOUNCE_CANDIDATES];
    size_t count;
};

void announce_init(struct announce *announce);

/* An address that we were told to listen on. Repeated ones count once. */
void announce_add(struct announce *announce, const struct socket_address *address);

/* An address of an interface; link-local ones are left out, and those that are alike beyond
 * ANNOUNCE_ALIKE_MAX. */
void announce_add_own(struct announce *announce, const struct socket_address *address);

/* The addresses of this host that a wildcard stands for, with its port. */
void announce_add_host(struct announce *announce, const struct socket_address *wildcard,
                       enum wildcard kind);

/* The result, by reach; what was added earlier goes first. */
size_t announce_take(const struct announce *announce, struct host_port ret_addresses[ANNOUNCE_MAX]);

#endif
