/* The sockets that peers connect to: bound at the start, accepted from as long as the loop runs. */
#ifndef P2PCHAT_DAEMON_LISTEN_H
#define P2PCHAT_DAEMON_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/address.h"
#include "daemon/limits.h"
#include "daemon/ports.h"
#include "daemon/refusal.h"
#include "daemon/socket_address.h"

struct event;
struct event_base;
struct listeners;

/* Somebody connected: `fd` is non-blocking, closed on exec, and the receiver's. */
typedef void listen_accept(void *context, int fd, const struct socket_address *remote);

/* What we are told to listen on. */
struct listen_wish {
    const struct host_port *at;
    size_t count;
    const char *setting; /* by which another place can be given: for refusals */
};

enum listen_lists { LISTEN_IN_ONE_LIST, LISTEN_IN_TWO_LISTS };

/* Whether two places cannot be had at the same time, whatever the host: they are the same, or one
 * is everywhere. Beside a "0.0.0.0" of its own list "[::]" leaves IPv4 to that. What a name means
 * is not looked up. */
bool listen_collide(const struct host_port *a, const struct host_port *b, enum listen_lists lists);

/* Binds every address that the wish means; names are looked up here and now, and each of their
 * addresses is bound. "[::]" means IPv4 too, and only that where there is no IPv6. Port 0 takes the
 * port that `ports` knows, if it is free, else any; `ports` holds afterwards what was taken.
 * Refused: in use, not an address of this host, a name that is not known (69), a port that needs a
 * right (77). */
bool listeners_open(const struct listen_wish *wish, struct ports *ports,
                    struct listeners **ret_listeners, struct refusal *ret_refusal);

/* Takes over listening TCP sockets that somebody else bound, at most LISTEN_MAX. Refused: one whose
 * address cannot be had (74). */
bool listeners_adopt(const int *descriptors, size_t count, struct listeners **ret_listeners,
                     struct refusal *ret_refusal);

/* Closes the sockets. NULL is fine. */
void listeners_free(struct listeners *listeners);

/* What is bound, with real ports; a dual-stack wildcard is "::". */
const struct host_port *listeners_bound(const struct listeners *listeners, size_t *ret_count);

/* Begins to accept. */
void listeners_start(struct listeners *listeners, struct event_base *base, listen_accept *accepted,
                     void *context);

/* Accepts no more; whoever connects is refused by the system. */
void listeners_stop(struct listeners *listeners);

/* Where peers can reach us, most useful first: the literals that are bound, and for wildcards the
 * addresses of the host. Public ones first, then private ones, loopback last; link-local ones only
 * when bound. Returns how many. */
size_t listeners_announce(const struct listeners *listeners,
                          struct host_port ret_addresses[ANNOUNCE_MAX]);

/* The address of ours that somebody at `to` can answer to, when the system might choose another one
 * to connect from: of the listeners of that family, which are all bound to one address, the first
 * that reaches as far. False: any will do, or none. `listeners` may be NULL. */
bool listeners_source(const struct listeners *listeners, const struct socket_address *to,
                      struct socket_address *ret_source);

#endif
