/* Signed peer records: what a node says of itself, so that others can reach it
 * (p2pchat-protocol(7), Peer records).
 *
 * A record proves itself, whoever hands it on. It is handed on as the bytes that were signed, and
 * each record has only one form in bytes: what decodes encodes to the same bytes again.
 *
 *     u8  version (1)             u8  flags
 *     32  public key              u8  length, name
 *     u64 sequence                u8  count (0-8), addresses, most useful first
 *     u64 issued (Unix ms)        u8  0 or 1, classic address
 *     u32 lifetime (s)            u8  count (0-3), via: public keys of relays
 *                                 64  signature of all before it, tag "p2pchat record"
 *
 * An address is u8 form, host, u16 port. Form 1: 4 bytes (IPv4); 2: 16 bytes (IPv6, but not
 * v4-mapped); 3: u8 length, DNS name in lower case. */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_PEER_RECORD_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_PEER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/error.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/identity.h"

struct peer_record {
    uint8_t key[CRYPTO_PUBLIC_SIZE]; /* whose record it is; signs it */
    uint64_t sequence;               /* 1 to 2^63-1; the higher one wins */
    int64_t issued_ms;               /* Unix time, 0 to 2^53-1 */
    uint32_t lifetime_s;             /* 1 to PEER_RECORD_LIFETIME_S_MAX */
    uint8_t flags;                   /* none has a meaning yet; they are kept */
    char name[ADDRESS_NAME_MAX + 1]; /* name_check passes */
    size_t address_count;
    struct host_port addresses[PEER_RECORD_ADDRESSES_MAX]; /* ports are not 0 */
    bool has_classic;
    struct host_port classic; /* where it listens for the classic dialect */
    size_t via_count;
    uint8_t via[PEER_RECORD_VIA_MAX][CRYPTO_PUBLIC_SIZE]; /* relays that reach it; bit 255 is 0 */
};

/* Writes the record, signed with the identity whose key it has, to `out`. ERR_OVERSIZED: it would
 * be larger than PEER_RECORD_BYTES_MAX; without long DNS names, or with fewer addresses, it fits.
 * Other values outside of their bounds are our own mistakes and abort. */
enum error peer_record_encode(const struct peer_record *record, const struct identity *identity,
                              uint8_t out[PEER_RECORD_BYTES_MAX], size_t *ret_length);

/* Reads and verifies a record. ERR_OVERSIZED; ERR_BAD_VERSION; ERR_MALFORMED: it is not in the one
 * form above, or a value is outside of its bounds; ERR_BAD_KEY: bit 255 of a key is 1;
 * ERR_BAD_SIGNATURE. Whether it is valid now is another question. Checks the signature last, as
 * that is dear; that the key has an X25519 form is left to those who dial it (peer_key_init). */
enum error peer_record_decode(const uint8_t *bytes, size_t length, struct peer_record *ret_record);

/* The same of a record whose signature was checked before: neither is it checked again, nor are
 * those bytes anything but a record; others abort. */
void peer_record_read(const uint8_t *bytes, size_t length, struct peer_record *ret_record);

/* What stands at the front of such a record. */
struct peer_record_head {
    const uint8_t *key; /* in the bytes */
    uint64_t sequence;
    int64_t issued_ms;
    uint32_t lifetime_s;
};
struct peer_record_head peer_record_peek(const uint8_t *bytes);

enum peer_record_validity {
    PEER_RECORD_VALID,
    PEER_RECORD_EXPIRED, /* may be dialled, but is not passed on */
    PEER_RECORD_AHEAD    /* issued in the future: not to be believed */
};

enum peer_record_validity peer_record_validity(const struct peer_record *record, int64_t unix_ms);
enum peer_record_validity peer_record_head_validity(const struct peer_record_head *head,
                                                    int64_t unix_ms);

/* Whether `record` takes the place of `known`, which is of the same key: its sequence is higher. */
bool peer_record_is_newer(const struct peer_record *record, const struct peer_record *known);

/* Whether it says nothing but that its owner can no longer be reached: no address of any kind. */
bool peer_record_is_withdrawal(const struct peer_record *record);

/* The sequence of our next record, to be durable before it is used. `last` is the highest one that
 * we used or were shown as our own; 0 when there is none. */
uint64_t peer_record_next_sequence(uint64_t last, int64_t unix_ms);

#endif
