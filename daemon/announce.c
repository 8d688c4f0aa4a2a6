#include "daemon/announce.h"

#include <ifaddrs.h>
#include <net/if.h>

static enum address_reach reach_v4(uint32_t address)
{
    if (address >> 24 == 127)
        return REACH_LOOPBACK;
    if (address >> 24 == 0 || address >> 28 >= 14)
        return REACH_NOWHERE;
    if (address >> 16 == 0xA9FE)
        return REACH_LINK;
    if (address >> 24 == 10 || address >> 20 == 0xAC1 || address >> 16 == 0xC0A8 ||
        address >> 22 == 0x64400000 >> 22)
        return REACH_PRIVATE;
    return REACH_PUBLIC;
}

static enum address_reach reach_v6(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_LOOPBACK(address))
        return REACH_LOOPBACK;
    if (IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_MULTICAST(address))
        return REACH_NOWHERE;
    if (IN6_IS_ADDR_LINKLOCAL(address))
        return REACH_LINK;
    return (address->s6_addr[0] & 0xFE) == 0xFC ? REACH_PRIVATE : REACH_PUBLIC;
}

enum address_reach address_reach(const struct socket_address *address)
{
    if (socket_address_family(address) == AF_INET)
        return reach_v4(ntohl(address->v4.sin_addr.s_addr));
    return reach_v6(&address->v6.sin6_addr);
}

void announce_init(struct announce *announce)
{
    announce->count = 0;
}

void announce_add(struct announce *announce, const struct socket_address *address)
{
    for (size_t i = 0; i < announce->count; i++) {
        if (socket_address_equal(&announce->items[i], address))
            return;
    }
    if (announce->count < ANNOUNCE_CANDIDATES && address_reach(address) != REACH_NOWHERE)
        announce->items[announce->count++] = *address;
}

void announce_add_own(struct announce *announce, const struct socket_address *address)
{
    enum address_reach reach = address_reach(address);
    size_t alike = 0;

    for (size_t i = 0; i < announce->count; i++)
        alike += socket_address_family(&announce->items[i]) == socket_address_family(address) &&
                 address_reach(&announce->items[i]) == reach;
    if (reach != REACH_LINK && alike < ANNOUNCE_ALIKE_MAX)
        announce_add(announce, address);
}

void announce_add_host(struct announce *announce, const struct socket_address *wildcard,
                       enum wildcard kind)
{
    const sa_family_t family = socket_address_family(wildcard);
    const bool is_dual = family == AF_INET6 && kind == WILDCARD_DUAL;
    struct ifaddrs *interfaces = NULL;
    struct socket_address address;

    if (getifaddrs(&interfaces) < 0)
        return;
    for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 ||
            !socket_address_from(i->ifa_addr, &address))
            continue;
        if (socket_address_family(&address) != family && !is_dual)
            continue;
        socket_address_set_port(&address, socket_address_port(wildcard));
        announce_add_own(announce, &address);
    }
    freeifaddrs(interfaces);
}

size_t announce_take(const struct announce *announce, struct host_port ret_addresses[ANNOUNCE_MAX])
{
    size_t count = 0;

    for (enum address_reach reach = REACH_PUBLIC; reach < REACH_NOWHERE; reach++) {
        for (size_t i = 0; i < announce->count && count < ANNOUNCE_MAX; i++) {
            if (address_reach(&announce->items[i]) == reach)
                socket_address_format(&announce->items[i], &ret_addresses[count++]);
        }
    }
    return count;
}
