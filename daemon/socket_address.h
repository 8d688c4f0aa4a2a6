/* Socket addresses of IPv4 and IPv6 as values, and their way to literals and back. An IPv4 address
 * mapped into IPv6 is an IPv4 address everywhere here. */
#ifndef P2PCHAT_DAEMON_SOCKET_ADDRESS_H
#define P2PCHAT_DAEMON_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/address.h"

struct socket_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* AF_INET or AF_INET6, and the length that goes with it. */
sa_family_t socket_address_family(const struct socket_address *address);
socklen_t socket_address_length(const struct socket_address *address);
uint16_t socket_address_port(const struct socket_address *address);
void socket_address_set_port(struct socket_address *address, uint16_t port);

bool socket_address_equal(const struct socket_address *a, const struct socket_address *b);
bool socket_address_is_wildcard(const struct socket_address *address);

/* What a socket that is bound to "::" takes: IPv4 too, or not (ipv6(7), IPV6_V6ONLY). */
enum wildcard { WILDCARD_DUAL, WILDCARD_IPV6_ONLY };

/* From what the system gives; false when it is of another family. */
bool socket_address_from(const struct sockaddr *from, struct socket_address *ret_address);

/* From a literal; false when the host is a name. */
bool socket_address_parse(const struct host_port *at, struct socket_address *ret_address);

/* As a literal. A scope (fe80::1%eth0) is not kept: it means nothing to others. */
void socket_address_format(const struct socket_address *address, struct host_port *ret_at);

#endif
