#include "daemon/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/announce.h"
#include "daemon/log.h"
#include "daemon/quiet.h"

struct listener {
    struct listeners *all;
    struct socket_address address;
    struct host_port at;
    enum wildcard wildcard;
    int fd;
    struct event *readable;
};

struct listeners {
    struct listener items[LISTEN_MAX];
    struct host_port bound[LISTEN_MAX]; /* the same, for those who ask */
    size_t count;
    const char *setting;
    listen_accept *accepted;
    void *context;
    int spare;           /* a descriptor to give up when there is none left; -1: given up */
    struct event *pause; /* ends a rest */
    struct quiet rests;  /* says that there is one */
};

/* --- What cannot be bound together --- */

static const char everywhere_4[] = "0.0.0.0", everywhere_6[] = "::";

/* Whether who listens at `a` listens at `b`, too. */
static bool covers(const struct host_port *a, const struct host_port *b)
{
    uint8_t literal[HOST_BYTES_MAX];

    return strcmp(a->host, b->host) == 0 || strcmp(a->host, everywhere_6) == 0 ||
           (strcmp(a->host, everywhere_4) == 0 && host_to_bytes(b->host, literal) == 4);
}

bool listen_collide(const struct host_port *a, const struct host_port *b, enum listen_lists lists)
{
    const bool is_split =
        (strcmp(a->host, everywhere_6) == 0 && strcmp(b->host, everywhere_4) == 0) ||
        (strcmp(a->host, everywhere_4) == 0 && strcmp(b->host, everywhere_6) == 0);

    if (a->port != b->port || a->port == 0 || (is_split && lists == LISTEN_IN_ONE_LIST))
        return false;
    return covers(a, b) || covers(b, a);
}

/* --- Binding --- */

/* Binds and listens; -1 with errno. The address gets the port that was bound. */
static int bind_one(struct socket_address *address, enum wildcard wildcard)
{
    sa_family_t family = socket_address_family(address);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1, ipv6_only = wildcard == WILDCARD_IPV6_ONLY;
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        (family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ipv6_only, sizeof(ipv6_only)) == 0) &&
        bind(fd, &address->any, socket_address_length(address)) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&bound, &length) == 0) {
        socket_address_set_port(address, ntohs(family == AF_INET6
                                                   ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                   : ((struct sockaddr_in *)&bound)->sin_port));
        return fd;
    }
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

/* The same, with the port it had before where it has none. */
static int bind_remembered(struct socket_address *address, enum wildcard wildcard, uint16_t before)
{
    struct socket_address same = *address;
    int fd;

    if (socket_address_port(address) != 0 || before == 0)
        return bind_one(address, wildcard);
    socket_address_set_port(&same, before);
    fd = bind_one(&same, wildcard);
    if (fd < 0)
        return bind_one(address, wildcard);
    *address = same;
    return fd;
}

static bool refuse_bind(const struct socket_address *address, int error, const char *setting,
                        struct refusal *ret_refusal)
{
    char where[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port at;

    socket_address_format(address, &at);
    host_port_format(&at, where);
    if (error == EADDRINUSE)
        return refuse(ret_refusal, EX_UNAVAILABLE,
                      "%s is in use: another program listens there; stop it or give another %s",
                      where, setting);
    const bool is_forbidden = error == EACCES || error == EPERM;
    return refuse(ret_refusal, is_forbidden ? EX_NOPERM : EX_UNAVAILABLE,
                  "%s cannot be listened on: %s%s", where, strerror(error),
                  is_forbidden && at.port < IPPORT_RESERVED ? "; see p2pchatd(8), ports below 1024"
                                                            : "");
}

static void keep(struct listeners *all, int fd, const struct socket_address *address)
{
    struct listener *listener = &all->items[all->count];
    int ipv6_only = 0;
    socklen_t length = sizeof(ipv6_only);

    *listener = (struct listener){.all = all, .address = *address, .fd = fd};
    if (socket_address_family(address) == AF_INET6 &&
        getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ipv6_only, &length) == 0)
        listener->wildcard = ipv6_only != 0 ? WILDCARD_IPV6_ONLY : WILDCARD_DUAL;
    socket_address_format(address, &listener->at);
    all->bound[all->count++] = listener->at;
}

static bool add(struct listeners *all, struct socket_address address, enum wildcard wildcard,
                uint16_t before, struct refusal *ret_refusal)
{
    const struct host_port everywhere = {.host = "0.0.0.0", .port = socket_address_port(&address)};
    int fd;

    if (all->count == LISTEN_MAX)
        return refuse(ret_refusal, EX_CONFIG, "more than %d addresses to listen on", LISTEN_MAX);
    fd = bind_remembered(&address, wildcard, before);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) &&
        socket_address_family(&address) == AF_INET6 && socket_address_is_wildcard(&address)) {
        log_coded(LOG_NO_IPV6, NULL, "there is no IPv6 on this host: listening on IPv4 only");
        must(socket_address_parse(&everywhere, &address));
        fd = bind_remembered(&address, wildcard, before);
    }
    if (fd < 0)
        return refuse_bind(&address, errno, all->setting, ret_refusal);
    keep(all, fd, &address);
    return true;
}

/* Whether somebody asks for 0.0.0.0 with this port: then "[::]" leaves IPv4 to it. */
static bool ipv4_is_wanted_apart(const struct host_port *wanted, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(wanted[i].host, "0.0.0.0") == 0 && wanted[i].port == port && port != 0)
            return true;
    }
    return false;
}

/* Binds every address of a host. With port 0 all get the port of the first. */
static bool add_host(struct listeners *all, const struct host_port *at, enum wildcard wildcard,
                     uint16_t before, struct refusal *ret_refusal)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct socket_address address;
    size_t first = all->count;
    uint16_t port = at->port;
    bool good = true;
    int error = 0;

    if (socket_address_parse(at, &address))
        return add(all, address, wildcard, before, ret_refusal);
    error = getaddrinfo(at->host, NULL, &hints, &found);
    if (error != 0)
        return refuse(ret_refusal, EX_UNAVAILABLE, "%s: this host to listen on is not known: %s",
                      at->host, gai_strerror(error));
    for (const struct addrinfo *a = found; good && a != NULL; a = a->ai_next) {
        if (!socket_address_from(a->ai_addr, &address))
            continue;
        socket_address_set_port(&address, port);
        good = add(all, address, wildcard, before, ret_refusal);
        if (good && all->count == first + 1)
            port = all->items[first].at.port;
    }
    freeaddrinfo(found);
    return good;
}

static struct listeners *listeners_new(const char *setting)
{
    struct listeners *all = xcalloc(1, sizeof(*all));

    all->setting = setting;
    all->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return all;
}

bool listeners_open(const struct listen_wish *wish, struct ports *ports,
                    struct listeners **ret_listeners, struct refusal *ret_refusal)
{
    const struct host_port *wanted = wish->at;
    const size_t count = wish->count;
    struct listeners *all = listeners_new(wish->setting);
    struct ports taken = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        enum wildcard wildcard = ipv4_is_wanted_apart(wanted, count, wanted[i].port)
                                     ? WILDCARD_IPV6_ONLY
                                     : WILDCARD_DUAL;
        size_t first = all->count, same = 0;

        for (size_t j = 0; j < taken.count; j++)
            same += strcmp(taken.at[j].host, wanted[i].host) == 0;
        if (!add_host(all, &wanted[i], wildcard, ports_find(ports, wanted[i].host, same),
                      ret_refusal)) {
            listeners_free(all);
            return false;
        }
        if (wanted[i].port == 0 && all->count > first) {
            taken.at[taken.count] = wanted[i];
            taken.at[taken.count++].port = all->items[first].at.port;
        }
    }
    *ports = taken;
    *ret_listeners = all;
    return true;
}

bool listeners_adopt(const int *descriptors, size_t count, struct listeners **ret_listeners,
                     struct refusal *ret_refusal)
{
    struct listeners *all = listeners_new(NULL);

    must(count <= LISTEN_MAX);
    for (size_t i = 0; i < count; i++) {
        const int fd = descriptors[i], flags = fcntl(fd, F_GETFL);
        struct sockaddr_storage bound;
        struct socket_address address;
        socklen_t length = sizeof(bound);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
            getsockname(fd, (struct sockaddr *)&bound, &length) < 0 ||
            !socket_address_from((const struct sockaddr *)&bound, &address)) {
            refuse(ret_refusal, EX_IOERR, "descriptor %d, a socket for peers: %s", fd,
                   strerror(errno));
            listeners_free(all);
            return false;
        }
        keep(all, fd, &address);
    }
    *ret_listeners = all;
    return true;
}

void listeners_free(struct listeners *all)
{
    if (all == NULL)
        return;
    listeners_stop(all);
    if (all->pause != NULL) {
        event_free(all->pause);
        quiet_done(&all->rests);
    }
    if (all->spare >= 0)
        close(all->spare);
    free(all);
}

const struct host_port *listeners_bound(const struct listeners *all, size_t *ret_count)
{
    *ret_count = all->count;
    return all->bound;
}

/* --- Accepting --- */

/* There is no descriptor for who waits. With the spare one they are accepted and closed, so that
 * they know; then accepting rests, or the loop would spin. */
static void rest(struct listeners *all, int fd, const char *why)
{
    const struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};

    if (quiet_may_speak(&all->rests))
        log_coded(LOG_ACCEPTING_RESTS, NULL, "accepting rests, because the system refuses: %s",
                  why);
    if (all->spare >= 0) {
        close(all->spare);
        all->spare = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (all->spare >= 0)
            close(all->spare);
        all->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (size_t i = 0; i < all->count; i++)
        event_del(all->items[i].readable);
    event_add(all->pause, &pause);
}

static void on_rested(evutil_socket_t fd, short events, void *context)
{
    struct listeners *all = context;

    (void)fd;
    (void)events;
    if (all->spare < 0)
        all->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < all->count; i++)
        event_add(all->items[i].readable, NULL);
}

static void on_readable(evutil_socket_t listening, short events, void *context)
{
    struct listener *listener = context;
    struct listeners *all = listener->all;

    (void)events;
    for (int i = 0; i < ACCEPT_PER_TURN && listener->fd >= 0; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof(from);
        struct socket_address remote;
        int fd =
            accept4(listening, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            /* All other errors are of a connection that is gone already (accept(2)). */
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest(all, listening, strerror(errno));
            return;
        }
        if (socket_address_from((const struct sockaddr *)&from, &remote))
            all->accepted(all->context, fd, &remote);
        else
            close(fd);
    }
}

void listeners_start(struct listeners *all, struct event_base *base, listen_accept *accepted,
                     void *context)
{
    all->accepted = accepted;
    all->context = context;
    all->pause = event_new(base, -1, 0, on_rested, all);
    must(all->pause != NULL);
    quiet_init(&all->rests, base);
    for (size_t i = 0; i < all->count; i++) {
        struct listener *listener = &all->items[i];

        listener->readable =
            event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener);
        must(listener->readable != NULL);
        event_add(listener->readable, NULL);
    }
}

void listeners_stop(struct listeners *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct listener *listener = &all->items[i];

        if (listener->readable != NULL)
            event_free(listener->readable);
        listener->readable = NULL;
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
    }
    if (all->pause != NULL)
        event_del(all->pause);
}

size_t listeners_announce(const struct listeners *all, struct host_port ret_addresses[ANNOUNCE_MAX])
{
    struct announce announce;

    announce_init(&announce);
    for (size_t i = 0; i < all->count; i++) {
        if (socket_address_is_wildcard(&all->items[i].address))
            announce_add_host(&announce, &all->items[i].address, all->items[i].wildcard);
        else
            announce_add(&announce, &all->items[i].address);
    }
    return announce_take(&announce, ret_addresses);
}

/* Whether whoever reaches one of them may reach the other. */
static bool is_alike(const struct socket_address *a, const struct socket_address *b)
{
    return socket_address_family(a) == socket_address_family(b) &&
           (address_reach(a) == REACH_LOOPBACK) == (address_reach(b) == REACH_LOOPBACK);
}

bool listeners_source(const struct listeners *all, const struct socket_address *to,
                      struct socket_address *ret_source)
{
    const struct socket_address *found = NULL;

    for (size_t i = 0; all != NULL && i < all->count; i++) {
        const struct socket_address *address = &all->items[i].address;

        if (socket_address_is_wildcard(address))
            return false;
        if (found == NULL && is_alike(address, to))
            found = address;
    }
    if (found == NULL)
        return false;
    *ret_source = *found;
    socket_address_set_port(ret_source, 0);
    return true;
}
