/* Names to addresses, without waiting: DNS and /etc/hosts through libevent's resolver. */
#ifndef P2PCHAT_DAEMON_RESOLVE_H
#define P2PCHAT_DAEMON_RESOLVE_H

#include <stddef.h>

#include "common/error.h"
#include "daemon/socket_address.h"

struct event_base;
struct lookup;
struct resolver;

struct resolver *resolver_new(struct event_base *base);

/* Forgets every lookup, without an answer; only when the loop does not run any more. NULL is fine.
 */
void resolver_free(struct resolver *resolver);

/* The answer: OK, and addresses of the family that was asked for (port 0), borrowed during the
 * call, at most DIAL_PER_ANSWER_MAX; or none: ERR_NOT_FOUND, the name has none or is not known;
 * ERR_TIMED_OUT, no server of names could say. */
typedef void resolve_done(void *context, enum error error, const struct socket_address *addresses,
                          size_t count);

/* Asks for the addresses of one family (AF_INET, AF_INET6). `done` is called once, perhaps before
 * this returns; then the result is NULL. The lookup is valid until `done` or lookup_cancel. */
struct lookup *resolver_ask(struct resolver *resolver, const char *name, sa_family_t family,
                            resolve_done *done, void *context);

/* `done` is not called any more. */
void lookup_cancel(struct lookup *lookup);

#endif
