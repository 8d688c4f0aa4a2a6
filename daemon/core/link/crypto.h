/* The cryptographic primitives, and the only door to libsodium.
 *
 * Every function is pure: what it returns depends on its arguments alone. Nothing here draws
 * randomness, so one seed gives one trace in the simulator; keys are made from bytes that the
 * caller was handed.
 *
 * Sizes are in bytes. Unless said otherwise, outputs may not overlap inputs and are untouched on
 * failure. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_CRYPTO_H
#define P2PCHAT_DAEMON_CORE_LINK_CRYPTO_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CRYPTO_DH_SIZE = 32,        /* X25519 secret, public key and shared secret (Noise: DHLEN) */
    CRYPTO_HASH_SIZE = 32,      /* SHA-256 (Noise: HASHLEN) */
    CRYPTO_KEY_SIZE = 32,       /* ChaCha20-Poly1305 key */
    CRYPTO_MAC_SIZE = 16,       /* Poly1305 tag, at the end of each ciphertext */
    CRYPTO_SEED_SIZE = 32,      /* what an Ed25519 key pair is made of */
    CRYPTO_SECRET_SIZE = 64,    /* Ed25519 secret key: seed and public key */
    CRYPTO_PUBLIC_SIZE = 32,    /* Ed25519 public key */
    CRYPTO_SIGNATURE_SIZE = 64, /* Ed25519 signature */
    CRYPTO_BLAKE2B_256_SIZE = 32,
    CRYPTO_BLAKE2B_512_SIZE = 64,

    /* The most that is ever signed: the largest is a peer record of 400 bytes. It bounds a buffer
       on the stack. */
    CRYPTO_SIGNED_SIZE_MAX = 1024,
    CRYPTO_TAG_SIZE_MAX = 32, /* length of a domain tag; ours have less than 20 characters */
};

/* An X25519 key pair. */
struct crypto_dh {
    uint8_t secret[CRYPTO_DH_SIZE];
    uint8_t public[CRYPTO_DH_SIZE];
};

/* Prepares libsodium: picks the fastest implementation for this processor. Called once by each
 * program before anything else here; may be called again. Aborts if libsodium cannot start. */
void crypto_init(void);

/* Overwrites size bytes at data in a way that the compiler does not remove. */
void crypto_wipe(void *data, size_t size);

/* Whether a and b hold the same size bytes, in a time that does not depend on where they differ. */
bool crypto_equal(const void *a, const void *b, size_t size);

/* --- Hashes --- */

/* SHA-256 of a ‖ b. Either may be empty; ret_hash may be a or b. */
void crypto_sha256(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                   uint8_t ret_hash[CRYPTO_HASH_SIZE]);

/* HMAC-SHA-256 of data under key (RFC 2104). */
void crypto_hmac_sha256(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size,
                        uint8_t ret_mac[CRYPTO_HASH_SIZE]);

/* HKDF as Noise defines it (revision 34, section 4.3), with two or three outputs. Outputs may be
 * chaining_key or input themselves, but not each other. */
void crypto_hkdf2(const uint8_t chaining_key[CRYPTO_HASH_SIZE], const uint8_t *input, size_t size,
                  uint8_t ret_1[CRYPTO_HASH_SIZE], uint8_t ret_2[CRYPTO_HASH_SIZE]);
void crypto_hkdf3(const uint8_t chaining_key[CRYPTO_HASH_SIZE], const uint8_t *input, size_t size,
                  uint8_t ret_1[CRYPTO_HASH_SIZE], uint8_t ret_2[CRYPTO_HASH_SIZE],
                  uint8_t ret_3[CRYPTO_HASH_SIZE]);

/* BLAKE2b without a key, with 256 and 512 bits of output. */
void crypto_blake2b_256(const uint8_t *data, size_t size,
                        uint8_t ret_hash[CRYPTO_BLAKE2B_256_SIZE]);
void crypto_blake2b_512(const uint8_t *data, size_t size,
                        uint8_t ret_hash[CRYPTO_BLAKE2B_512_SIZE]);

/* --- X25519 --- */

/* The pair that belongs to a secret of 32 random bytes (clamped where it is used, RFC 7748). */
void crypto_dh_init(struct crypto_dh *dh, const uint8_t secret[CRYPTO_DH_SIZE]);

/* The secret that secret shares with the owner of public. ERR_BAD_KEY: public has low order, so
 * that the result would be known to everybody. */
enum error crypto_dh_shared(const uint8_t secret[CRYPTO_DH_SIZE],
                            const uint8_t public[CRYPTO_DH_SIZE],
                            uint8_t ret_shared[CRYPTO_DH_SIZE]);

/* --- ChaCha20-Poly1305 (RFC 8439), nonce in Noise's layout: four zero bytes, then the counter,
 * little-endian --- */

/* Encrypts size bytes of plain to size + CRYPTO_MAC_SIZE bytes at ret_sealed. ret_sealed may be
 * plain itself. */
void crypto_seal(const uint8_t key[CRYPTO_KEY_SIZE], uint64_t nonce, const uint8_t *ad,
                 size_t ad_size, const uint8_t *plain, size_t size, uint8_t *ret_sealed);

/* Decrypts size bytes of sealed to size - CRYPTO_MAC_SIZE bytes at ret_plain, which may be sealed
 * itself. ERR_BAD_MAC: key, nonce, ad or sealed are not what crypto_seal had, or size is less than
 * CRYPTO_MAC_SIZE; ret_plain then holds nothing of use (it may be zeroed). */
enum error crypto_open(const uint8_t key[CRYPTO_KEY_SIZE], uint64_t nonce, const uint8_t *ad,
                       size_t ad_size, const uint8_t *sealed, size_t size, uint8_t *ret_plain);

/* --- Ed25519 --- */

/* The key pair that belongs to a seed. */
void crypto_sign_pair(const uint8_t seed[CRYPTO_SEED_SIZE], uint8_t ret_secret[CRYPTO_SECRET_SIZE],
                      uint8_t ret_public[CRYPTO_PUBLIC_SIZE]);

/* Signs u8 length of tag ‖ tag ‖ data, where tag names the kind of statement, so that a signature
 * of one kind never passes for one of another. tag has 1 to CRYPTO_TAG_SIZE_MAX characters, data at
 * most CRYPTO_SIGNED_SIZE_MAX bytes. */
void crypto_sign_tagged(const uint8_t secret[CRYPTO_SECRET_SIZE], const char *tag,
                        const uint8_t *data, size_t size,
                        uint8_t ret_signature[CRYPTO_SIGNATURE_SIZE]);

/* ERR_BAD_SIGNATURE: signature is not one that the owner of public made over this tag and these
 * data, or size exceeds CRYPTO_SIGNED_SIZE_MAX. */
enum error crypto_verify_tagged(const uint8_t public[CRYPTO_PUBLIC_SIZE], const char *tag,
                                const uint8_t *data, size_t size,
                                const uint8_t signature[CRYPTO_SIGNATURE_SIZE]);

/* The X25519 form of an Ed25519 public key. ERR_BAD_KEY: it encodes no point, a point of low order
 * or one outside the main subgroup. (None of the 19 encodings that are not canonical passes, so no
 * point has two keys.) About as dear as a key agreement: keep the result. */
enum error crypto_dh_public_from_sign(const uint8_t public[CRYPTO_PUBLIC_SIZE],
                                      uint8_t ret_dh[CRYPTO_DH_SIZE]);

/* The X25519 pair of an Ed25519 secret key; its public half is what crypto_dh_public_from_sign
 * makes of the public key. */
void crypto_dh_from_sign(const uint8_t secret[CRYPTO_SECRET_SIZE], struct crypto_dh *ret_dh);

#endif
