/* A keyed hash, so that nobody outside can choose keys that collide in our tables: SipHash-2-4
 * (Aumasson and Bernstein, 2012). Not for cryptography; that is link/crypto.h. */
#ifndef P2PCHAT_DAEMON_CORE_HASH_H
#define P2PCHAT_DAEMON_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/random.h"

/* Drawn once per table or per node, and told to nobody. */
struct hash_key {
    uint64_t k0, k1;
};

/* A key of random bytes. */
struct hash_key hash_key_draw(const struct random *random);

/* The hash of `length` bytes. The same on every machine. */
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t length);

/* The hash of a number: of its eight bytes, little-endian. */
uint64_t hash_number(const struct hash_key *key, uint64_t number);

/* hash_bytes for owners that keep one random number as their key. */
static inline uint64_t hash_seeded(uint64_t seed, const void *bytes, size_t length)
{
    return hash_bytes(&(const struct hash_key){seed, ~seed}, bytes, length);
}

#endif
