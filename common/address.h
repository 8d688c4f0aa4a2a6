/* Addresses as people write them: the part that needs no cryptography (p2pchat-protocol(7),
 * Identity).
 *
 *     host:port   [v6]:port   name   PEERID   PEERID@host:port
 *     p2pchat:PEERID@host:port?name=alice (host and name may be missing)
 *     classic:host:port (one who speaks the classic dialect) */
#ifndef P2PCHAT_COMMON_ADDRESS_H
#define P2PCHAT_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base32.h"
#include "common/error.h"

enum {
    ADDRESS_HOST_MAX = 253, /* a DNS name (RFC 1035, without the final dot) */
    ADDRESS_NAME_MAX = 64,  /* bytes of a peer's name */
    PEER_ID_LENGTH = 56,    /* characters: base32 of 35 bytes */
    ADDRESS_HOST_PORT_MAX = ADDRESS_HOST_MAX + 2 + 6 /* "[host]:65535" */
};

/* A host and a port. The host is a literal (IPv6 without brackets, canonical as inet_ntop prints
 * it) or a DNS name in lower case. */
struct host_port {
    char host[ADDRESS_HOST_MAX + 1];
    uint16_t port;
};

/* What somebody asked to reach. Parts that were not given are empty strings. */
struct address {
    bool has_host;
    bool is_classic; /* then there is a host and nothing else */
    struct host_port at;
    char peer_id[PEER_ID_LENGTH + 1]; /* its checksum is not checked here */
    char name[ADDRESS_NAME_MAX + 1];  /* a bare name, or the one behind ?name= (percent-decoded) */
};

/* Reads any of the forms above. ERR_INVALID_PARAMS when it is none of them: an empty or overlong
 * host, a port outside 1–65535, a bracket without its mate, an IPv6 zone, a host that is neither a
 * literal nor made of letters, digits, hyphens and underscores, or is a peer id, a name that is too
 * long, is not UTF-8, or holds unsafe characters (common/text.h) or one of : / ? [. What else makes
 * a name is judged where names live. A bare word is a name unless it is 56 base32 characters;
 * "classic:28470" is a host of that name. */
enum error address_parse(const char *text, struct address *ret_address);

enum {
    ADDRESS_TEXT_MAX = 8 + PEER_ID_LENGTH + 1 + ADDRESS_HOST_PORT_MAX + 6 + 3 * ADDRESS_NAME_MAX
};

/* Writes the form that address_parse reads back equal, NUL-terminated. With a peer id the shareable
 * one, "p2pchat:PEERID", then "@host:port" and "?name=" (percent-encoded) if there are such parts.
 * A classic one is "classic:host:port".
 * Without one "host:port" (a name beside it has no place and is left out) or the bare name. */
void address_format(const struct address *address, char out[ADDRESS_TEXT_MAX + 1]);

enum host_port_zero { PORT_ZERO_REFUSED, PORT_ZERO_ALLOWED };

/* Reads "host:port" or "[v6]:port"; listeners may say port 0. ERR_INVALID_PARAMS otherwise. A port
 * is decimal digits without leading zeros. */
enum error host_port_parse(const char *text, enum host_port_zero zero, struct host_port *ret_at);

/* Writes "host:port" or "[v6]:port", NUL-terminated. */
void host_port_format(const struct host_port *at, char out[ADDRESS_HOST_PORT_MAX + 1]);

/* Reads a host that stands alone, as others write it: a literal (IPv6 without brackets; v4-mapped
 * becomes v4) or a DNS name. False, and `out` undefined, when it is neither. */
bool host_normalize(const char *text, char out[ADDRESS_HOST_MAX + 1]);

/* Whether the host is an IP literal (and not a name to be looked up). */
bool host_is_literal(const char *host);

enum { HOST_BYTES_MAX = 16 };

/* Writes the bytes of a literal, in network order, and returns their number: 4, or 16 for IPv6
 * (v4-mapped is v4). 0 when the host is no literal. */
size_t host_to_bytes(const char *host, uint8_t out[HOST_BYTES_MAX]);

/* Writes the literal of 4 or 16 bytes, NUL-terminated, as struct host_port has it. */
void host_from_bytes(const uint8_t *bytes, size_t length, char out[ADDRESS_HOST_MAX + 1]);

/* Whether a literal is loopback, link-local, multicast or unspecified: such an address says nothing
 * to a stranger elsewhere (p2pchat-protocol(7), Peer records). False for DNS names. */
bool host_is_local(const char *host);

/* Whether a literal is 127.0.0.0/8 or ::1: only programs of this machine connect there. False for
 * DNS names. */
bool host_is_loopback(const char *host);

/* Whether a literal can be reached from anywhere: neither local nor of a private network (RFC 1918,
 * 4193, 6598). False for DNS names. */
bool host_is_public(const char *host);

/* The unit that limits are kept by: an IPv4 address, or the /64 of an IPv6 address (v4-mapped
 * counts as v4). Comparable with ==; equal for addresses of one block, never 0. A host that is no
 * literal gives 0. */
uint64_t address_block(const char *host);

#endif
