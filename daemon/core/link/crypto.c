#include "daemon/core/link/crypto.h"

#include "common/alloc.h"

#include <sodium.h>
#include <string.h>

_Static_assert(CRYPTO_DH_SIZE == crypto_scalarmult_curve25519_BYTES, "X25519");
_Static_assert(CRYPTO_DH_SIZE == crypto_scalarmult_curve25519_SCALARBYTES, "X25519");
_Static_assert(CRYPTO_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(CRYPTO_HASH_SIZE == crypto_auth_hmacsha256_BYTES, "HMAC-SHA-256");
_Static_assert(CRYPTO_KEY_SIZE == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "ChaCha20-Poly1305");
_Static_assert(CRYPTO_MAC_SIZE == crypto_aead_chacha20poly1305_ietf_ABYTES, "ChaCha20-Poly1305");
_Static_assert(CRYPTO_SEED_SIZE == crypto_sign_ed25519_SEEDBYTES, "Ed25519");
_Static_assert(CRYPTO_SECRET_SIZE == crypto_sign_ed25519_SECRETKEYBYTES, "Ed25519");
_Static_assert(CRYPTO_PUBLIC_SIZE == crypto_sign_ed25519_PUBLICKEYBYTES, "Ed25519");
_Static_assert(CRYPTO_SIGNATURE_SIZE == crypto_sign_ed25519_BYTES, "Ed25519");

enum {
    NONCE_SIZE = crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
    NONCE_COUNTER_AT = NONCE_SIZE - (int)sizeof(uint64_t), /* what comes before stays zero */
};

void crypto_init(void)
{
    must(sodium_init() >= 0);
}

void crypto_wipe(void *data, size_t size)
{
    sodium_memzero(data, size);
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void crypto_sha256(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                   uint8_t ret_hash[CRYPTO_HASH_SIZE])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, a, a_size);
    crypto_hash_sha256_update(&state, b, b_size);
    crypto_hash_sha256_final(&state, ret_hash);
}

void crypto_hmac_sha256(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size,
                        uint8_t ret_mac[CRYPTO_HASH_SIZE])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_size);
    crypto_auth_hmacsha256_update(&state, data, size);
    crypto_auth_hmacsha256_final(&state, ret_mac);
    crypto_wipe(&state, sizeof state);
}

/* The first count outputs of HKDF: T(i) = HMAC(temp_key, T(i-1) ‖ i). */
static void hkdf(const uint8_t chaining_key[CRYPTO_HASH_SIZE], const uint8_t *input, size_t size,
                 uint8_t count, uint8_t (*ret_outputs)[CRYPTO_HASH_SIZE])
{
    uint8_t temp_key[CRYPTO_HASH_SIZE];
    uint8_t block[CRYPTO_HASH_SIZE + 1]; /* the output before, and the number of this one */
    size_t previous = 0;

    crypto_hmac_sha256(chaining_key, CRYPTO_HASH_SIZE, input, size, temp_key);
    for (uint8_t i = 0; i < count; i++) {
        block[previous] = (uint8_t)(i + 1);
        crypto_hmac_sha256(temp_key, sizeof temp_key, block, previous + 1, ret_outputs[i]);
        memcpy(block, ret_outputs[i], CRYPTO_HASH_SIZE);
        previous = CRYPTO_HASH_SIZE;
    }
    crypto_wipe(temp_key, sizeof temp_key);
    crypto_wipe(block, sizeof block);
}

void crypto_hkdf2(const uint8_t chaining_key[CRYPTO_HASH_SIZE], const uint8_t *input, size_t size,
                  uint8_t ret_1[CRYPTO_HASH_SIZE], uint8_t ret_2[CRYPTO_HASH_SIZE])
{
    uint8_t outputs[2][CRYPTO_HASH_SIZE];
    hkdf(chaining_key, input, size, 2, outputs);
    memcpy(ret_1, outputs[0], CRYPTO_HASH_SIZE);
    memcpy(ret_2, outputs[1], CRYPTO_HASH_SIZE);
    crypto_wipe(outputs, sizeof outputs);
}

void crypto_hkdf3(const uint8_t chaining_key[CRYPTO_HASH_SIZE], const uint8_t *input, size_t size,
                  uint8_t ret_1[CRYPTO_HASH_SIZE], uint8_t ret_2[CRYPTO_HASH_SIZE],
                  uint8_t ret_3[CRYPTO_HASH_SIZE])
{
    uint8_t outputs[3][CRYPTO_HASH_SIZE];
    hkdf(chaining_key, input, size, 3, outputs);
    memcpy(ret_1, outputs[0], CRYPTO_HASH_SIZE);
    memcpy(ret_2, outputs[1], CRYPTO_HASH_SIZE);
    memcpy(ret_3, outputs[2], CRYPTO_HASH_SIZE);
    crypto_wipe(outputs, sizeof outputs);
}

void crypto_blake2b_256(const uint8_t *data, size_t size, uint8_t ret_hash[CRYPTO_BLAKE2B_256_SIZE])
{
    must(crypto_generichash_blake2b(ret_hash, CRYPTO_BLAKE2B_256_SIZE, data, size, NULL, 0) == 0);
}

void crypto_blake2b_512(const uint8_t *data, size_t size, uint8_t ret_hash[CRYPTO_BLAKE2B_512_SIZE])
{
    must(crypto_generichash_blake2b(ret_hash, CRYPTO_BLAKE2B_512_SIZE, data, size, NULL, 0) == 0);
}

void crypto_dh_init(struct crypto_dh *dh, const uint8_t secret[CRYPTO_DH_SIZE])
{
    memmove(dh->secret, secret, CRYPTO_DH_SIZE);
    must(crypto_scalarmult_curve25519_base(dh->public, dh->secret) == 0);
}

enum error crypto_dh_shared(const uint8_t secret[CRYPTO_DH_SIZE],
                            const uint8_t public[CRYPTO_DH_SIZE],
                            uint8_t ret_shared[CRYPTO_DH_SIZE])
{
    uint8_t shared[CRYPTO_DH_SIZE];

    /* libsodium refuses points of low order, and looks at the result for zero once more. */
    if (crypto_scalarmult_curve25519(shared, secret, public) != 0)
        return ERR_BAD_KEY;
    memcpy(ret_shared, shared, sizeof shared);
    crypto_wipe(shared, sizeof shared);
    return 0;
}

static void nonce_encode(uint64_t counter, uint8_t ret_nonce[NONCE_SIZE])
{
    memset(ret_nonce, 0, NONCE_COUNTER_AT);
    for (int i = 0; i < (int)sizeof counter; i++)
        ret_nonce[NONCE_COUNTER_AT + i] = (uint8_t)(counter >> (8 * i));
}

void crypto_seal(const uint8_t key[CRYPTO_KEY_SIZE], uint64_t nonce, const uint8_t *ad,
                 size_t ad_size, const uint8_t *plain, size_t size, uint8_t *ret_sealed)
{
    uint8_t iv[NONCE_SIZE];

    nonce_encode(nonce, iv);
    must(crypto_aead_chacha20poly1305_ietf_encrypt(ret_sealed, NULL, plain, size, ad, ad_size, NULL,
                                                   iv, key) == 0);
}

enum error crypto_open(const uint8_t key[CRYPTO_KEY_SIZE], uint64_t nonce, const uint8_t *ad,
                       size_t ad_size, const uint8_t *sealed, size_t size, uint8_t *ret_plain)
{
    uint8_t iv[NONCE_SIZE];

    nonce_encode(nonce, iv);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(ret_plain, NULL, NULL, sealed, size, ad, ad_size,
                                                  iv, key) != 0)
        return ERR_BAD_MAC;
    return 0;
}

void crypto_sign_pair(const uint8_t seed[CRYPTO_SEED_SIZE], uint8_t ret_secret[CRYPTO_SECRET_SIZE],
                      uint8_t ret_public[CRYPTO_PUBLIC_SIZE])
{
    must(crypto_sign_ed25519_seed_keypair(ret_public, ret_secret, seed) == 0);
}

/* Lays out what a signature is over; returns its size. libsodium takes a message in parts only for
 * Ed25519ph, which is another scheme, so the parts are joined here. */
static size_t tagged(const char *tag, const uint8_t *data, size_t size,
                     uint8_t ret_bytes[1 + CRYPTO_TAG_SIZE_MAX + CRYPTO_SIGNED_SIZE_MAX])
{
    size_t tag_size = strlen(tag);

    must(tag_size >= 1 && tag_size <= CRYPTO_TAG_SIZE_MAX);
    ret_bytes[0] = (uint8_t)tag_size;
    memcpy(ret_bytes + 1, tag, tag_size);
    if (size > 0)
        memcpy(ret_bytes + 1 + tag_size, data, size);
    return 1 + tag_size + size;
}

void crypto_sign_tagged(const uint8_t secret[CRYPTO_SECRET_SIZE], const char *tag,
                        const uint8_t *data, size_t size,
                        uint8_t ret_signature[CRYPTO_SIGNATURE_SIZE])
{
    uint8_t bytes[1 + CRYPTO_TAG_SIZE_MAX + CRYPTO_SIGNED_SIZE_MAX];

    must(size <= CRYPTO_SIGNED_SIZE_MAX);
    size_t bytes_size = tagged(tag, data, size, bytes);
    must(crypto_sign_ed25519_detached(ret_signature, NULL, bytes, bytes_size, secret) == 0);
}

enum error crypto_verify_tagged(const uint8_t public[CRYPTO_PUBLIC_SIZE], const char *tag,
                                const uint8_t *data, size_t size,
                                const uint8_t signature[CRYPTO_SIGNATURE_SIZE])
{
    uint8_t bytes[1 + CRYPTO_TAG_SIZE_MAX + CRYPTO_SIGNED_SIZE_MAX];

    if (size > CRYPTO_SIGNED_SIZE_MAX)
        return ERR_BAD_SIGNATURE;
    size_t bytes_size = tagged(tag, data, size, bytes);
    if (crypto_sign_ed25519_verify_detached(signature, bytes, bytes_size, public) != 0)
        return ERR_BAD_SIGNATURE;
    return 0;
}

enum error crypto_dh_public_from_sign(const uint8_t public[CRYPTO_PUBLIC_SIZE],
                                      uint8_t ret_dh[CRYPTO_DH_SIZE])
{
    uint8_t dh[CRYPTO_DH_SIZE];

    if (crypto_sign_ed25519_pk_to_curve25519(dh, public) != 0)
        return ERR_BAD_KEY;
    memcpy(ret_dh, dh, sizeof dh);
    return 0;
}

void crypto_dh_from_sign(const uint8_t secret[CRYPTO_SECRET_SIZE], struct crypto_dh *ret_dh)
{
    uint8_t dh_secret[CRYPTO_DH_SIZE];

    must(crypto_sign_ed25519_sk_to_curve25519(dh_secret, secret) == 0);
    crypto_dh_init(ret_dh, dh_secret);
    crypto_wipe(dh_secret, sizeof dh_secret);
}
