/* Why a dial came to nothing, in words for whoever asked for it: what was found at each of its
 * addresses. */
#ifndef P2PCHAT_DAEMON_DIAL_WHY_H
#define P2PCHAT_DAEMON_DIAL_WHY_H

#include "common/error.h"
#include "daemon/socket_address.h"

/* Enough for the addresses of a name or two; of more, the rest is left out. */
enum { DIAL_WHY_MAX = 511 };

/* Nothing was found yet. */
void dial_why_init(char why[DIAL_WHY_MAX + 1]);

/* Connecting to an address of this host ended with `error` (errno; ETIMEDOUT also when it had not
 * ended): "192.0.2.1:443 (chat.example.org) refuses the connection". */
void dial_why_add(char why[DIAL_WHY_MAX + 1], const char *host,
                  const struct socket_address *address, int error);

/* The address was connected to, and what is there is not what was looked for: "192.0.2.1:443
 * (chat.example.org) answers, but does not prove the key of bob", of which `found` are the words
 * behind the address. */
void dial_why_add_found(char why[DIAL_WHY_MAX + 1], const char *host,
                        const struct socket_address *address, const char *found);

/* The host has no address: "chat.example.org: no such host" (ERR_NOT_FOUND), or nobody could say
 * (ERR_TIMED_OUT). */
void dial_why_add_unknown(char why[DIAL_WHY_MAX + 1], const char *host, enum error error);

/* The host, which others named, has an address that is left out for that: "localhost leads to this
 * machine or its link: what others say of these does not count". */
void dial_why_add_home(char why[DIAL_WHY_MAX + 1], const char *host);

#endif
