#include "daemon/socket_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/alloc.h"

sa_family_t socket_address_family(const struct socket_address *address)
{
    return address->any.sa_family;
}

socklen_t socket_address_length(const struct socket_address *address)
{
    return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

uint16_t socket_address_port(const struct socket_address *address)
{
    return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

void socket_address_set_port(struct socket_address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else
        address->v6.sin6_port = htons(port);
}

bool socket_address_equal(const struct socket_address *a, const struct socket_address *b)
{
    if (a->any.sa_family != b->any.sa_family || socket_address_port(a) != socket_address_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

bool socket_address_is_wildcard(const struct socket_address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

static struct socket_address from_v4(const struct sockaddr_in *from)
{
    struct socket_address address;

    memset(&address, 0, sizeof(address));
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = from->sin_port;
    address.v4.sin_addr = from->sin_addr;
    return address;
}

static struct socket_address from_v6(const struct sockaddr_in6 *from)
{
    struct socket_address address;

    memset(&address, 0, sizeof(address));
    if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = from->sin6_port;
        memcpy(&address.v4.sin_addr, from->sin6_addr.s6_addr + 12, sizeof(address.v4.sin_addr));
        return address;
    }
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = from->sin6_port;
    address.v6.sin6_addr = from->sin6_addr;
    address.v6.sin6_scope_id = from->sin6_scope_id;
    return address;
}

bool socket_address_from(const struct sockaddr *from, struct socket_address *ret_address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof(v4));
        *ret_address = from_v4(&v4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(&v6, from, sizeof(v6));
        *ret_address = from_v6(&v6);
        return true;
    }
    return false;
}

bool socket_address_parse(const struct host_port *at, struct socket_address *ret_address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};

    if (inet_pton(AF_INET, at->host, &v4.sin_addr) == 1) {
        *ret_address = from_v4(&v4);
        return true;
    }
    if (inet_pton(AF_INET6, at->host, &v6.sin6_addr) == 1) {
        *ret_address = from_v6(&v6);
        return true;
    }
    return false;
}

void socket_address_format(const struct socket_address *address, struct host_port *ret_at)
{
    const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                          : (const void *)&address->v6.sin6_addr;

    must(inet_ntop(address->any.sa_family, bytes, ret_at->host, sizeof(ret_at->host)) != NULL);
    ret_at->port = socket_address_port(address);
}
