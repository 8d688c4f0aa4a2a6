/* Who a node is: its key pair, the peer id by which others know it, and the number that two people
 * compare. p2pchat-protocol(7), Identity. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_IDENTITY_H
#define P2PCHAT_DAEMON_CORE_LINK_IDENTITY_H

#include "common/address.h"
#include "common/error.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/random.h"

#include <stddef.h>
#include <stdint.h>

/* A peer's public key that was found good, with its X25519 form, which is dear to make: keep the
 * two together. */
struct peer_key {
    uint8_t bytes[CRYPTO_PUBLIC_SIZE]; /* Ed25519; bit 255 is 0 */
    uint8_t dh[CRYPTO_DH_SIZE];        /* X25519: the Noise static key */
};

/* The node's own key pair in all its forms. Secret but for key and id. */
struct identity {
    uint8_t seed[CRYPTO_SEED_SIZE];     /* what is kept on disk; all else follows from it */
    uint8_t secret[CRYPTO_SECRET_SIZE]; /* Ed25519 */
    struct crypto_dh dh;                /* X25519 */
    struct peer_key key;
    char id[PEER_ID_LENGTH + 1];
};

/* Draws seeds until one gives a key whose bit 255 is 0: two draws on average. */
void identity_create(const struct random *random, struct identity *ret_identity);

/* The identity that belongs to a seed from disk or a credential. ERR_BAD_KEY: bit 255 of the public
 * key is 1, so it was not made by identity_create. */
enum error identity_from_seed(const uint8_t seed[CRYPTO_SEED_SIZE], struct identity *ret_identity);

/* Wipes the identity. */
void identity_done(struct identity *identity);

/* Accepts a public key. ERR_BAD_KEY: bit 255 is 1, or the key has no X25519 form
 * (crypto_dh_public_from_sign). Costs about as much as a key agreement. */
enum error peer_key_init(struct peer_key *key, const uint8_t bytes[CRYPTO_PUBLIC_SIZE]);

/* Less than, equal to or greater than 0 as a is lower than, the same as or higher than b. The
 * "lower key" of two peers decides where one of them has to. */
int peer_key_compare(const uint8_t a[CRYPTO_PUBLIC_SIZE], const uint8_t b[CRYPTO_PUBLIC_SIZE]);

/* Writes the peer id of a public key, NUL-terminated. */
void peer_id_encode(const uint8_t key[CRYPTO_PUBLIC_SIZE], char ret_id[PEER_ID_LENGTH + 1]);

/* Reads a peer id of length characters. ERR_MALFORMED: not PEER_ID_LENGTH characters of lower-case
 * base32. ERR_BAD_VERSION, ERR_BAD_CHECKSUM: what they say; the version is looked at first.
 * ERR_BAD_KEY as peer_key_init. */
enum error peer_id_decode(const char *id, size_t length, struct peer_key *ret_key);

enum { SAFETY_NUMBER_DIGITS = 60 };

/* Writes the safety number of two keys, NUL-terminated: the same for a and b as for b and a.
 * Whoever shows it puts blanks between groups of 5 digits. */
void safety_number(const uint8_t a[CRYPTO_PUBLIC_SIZE], const uint8_t b[CRYPTO_PUBLIC_SIZE],
                   char ret_digits[SAFETY_NUMBER_DIGITS + 1]);

#endif
