#include "daemon/core/link/identity.h"

#include "common/alloc.h"
#include "common/base32.h"
#include "common/bytes.h"

#include <string.h>

enum {
    /* A draw succeeds with probability 1/2; only a random source that is broken fails 256 times. */
    DRAWS_MAX = 256,

    PEER_ID_VERSION = 1,
    CHECKSUM_SIZE = 2,
    VERSION_SIZE = 1,
    PEER_ID_SIZE = CRYPTO_PUBLIC_SIZE + CHECKSUM_SIZE + VERSION_SIZE,

    SAFETY_GROUP_SIZE = 5,   /* bytes of the hash that make one group */
    SAFETY_GROUP_DIGITS = 5, /* digits of a group */
    SAFETY_GROUPS = SAFETY_NUMBER_DIGITS / SAFETY_GROUP_DIGITS,
    SAFETY_GROUP_MODULUS = 100000, /* 10^SAFETY_GROUP_DIGITS */
};

static const char checksum_prefix[] = "p2pchat id";
static const char safety_prefix[] = "p2pchat safety 1";

_Static_assert(PEER_ID_LENGTH * 5 == PEER_ID_SIZE * 8, "base32 of a peer id leaves no bits over");
_Static_assert(SAFETY_GROUPS *SAFETY_GROUP_SIZE <= CRYPTO_BLAKE2B_512_SIZE,
               "one hash gives all groups");

/* Bit 255 of a public key is the sign of the point's x coordinate, which the X25519 form does not
 * have. Only keys without it are used, so that no two keys share an X25519 form. */
static bool has_sign_bit(const uint8_t key[CRYPTO_PUBLIC_SIZE])
{
    return (key[CRYPTO_PUBLIC_SIZE - 1] & 0x80) != 0;
}

enum error identity_from_seed(const uint8_t seed[CRYPTO_SEED_SIZE], struct identity *ret_identity)
{
    struct identity identity;

    memcpy(identity.seed, seed, CRYPTO_SEED_SIZE);
    crypto_sign_pair(seed, identity.secret, identity.key.bytes);
    if (has_sign_bit(identity.key.bytes)) {
        crypto_wipe(&identity, sizeof identity);
        return ERR_BAD_KEY;
    }
    crypto_dh_from_sign(identity.secret, &identity.dh);
    memcpy(identity.key.dh, identity.dh.public, CRYPTO_DH_SIZE);
    peer_id_encode(identity.key.bytes, identity.id);

    *ret_identity = identity;
    crypto_wipe(&identity, sizeof identity);
    return OK;
}

void identity_create(const struct random *random, struct identity *ret_identity)
{
    uint8_t seed[CRYPTO_SEED_SIZE];
    enum error error = ERR_BAD_KEY;

    for (int draws = 0; error != OK; draws++) {
        must(draws < DRAWS_MAX);
        random_fill(random, seed, sizeof seed);
        error = identity_from_seed(seed, ret_identity);
    }
    crypto_wipe(seed, sizeof seed);
}

void identity_done(struct identity *identity)
{
    crypto_wipe(identity, sizeof *identity);
}

enum error peer_key_init(struct peer_key *key, const uint8_t bytes[CRYPTO_PUBLIC_SIZE])
{
    uint8_t dh[CRYPTO_DH_SIZE];

    if (has_sign_bit(bytes) || crypto_dh_public_from_sign(bytes, dh) != OK)
        return ERR_BAD_KEY;
    memmove(key->bytes, bytes, CRYPTO_PUBLIC_SIZE);
    memcpy(key->dh, dh, sizeof dh);
    return OK;
}

int peer_key_compare(const uint8_t a[CRYPTO_PUBLIC_SIZE], const uint8_t b[CRYPTO_PUBLIC_SIZE])
{
    return memcmp(a, b, CRYPTO_PUBLIC_SIZE);
}

/* The first bytes of BLAKE2b-256("p2pchat id" ‖ public key ‖ version). */
static void checksum(const uint8_t key[CRYPTO_PUBLIC_SIZE], uint8_t ret_checksum[CHECKSUM_SIZE])
{
    uint8_t input[sizeof checksum_prefix - 1 + CRYPTO_PUBLIC_SIZE + VERSION_SIZE];
    uint8_t hash[CRYPTO_BLAKE2B_256_SIZE];
    struct writer w;

    writer_init(&w, input, sizeof input);
    writer_bytes(&w, checksum_prefix, sizeof checksum_prefix - 1);
    writer_bytes(&w, key, CRYPTO_PUBLIC_SIZE);
    writer_u8(&w, PEER_ID_VERSION);
    must(!w.failed && w.length == sizeof input);

    crypto_blake2b_256(input, sizeof input, hash);
    memcpy(ret_checksum, hash, CHECKSUM_SIZE);
}

void peer_id_encode(const uint8_t key[CRYPTO_PUBLIC_SIZE], char ret_id[PEER_ID_LENGTH + 1])
{
    uint8_t bytes[PEER_ID_SIZE];
    uint8_t sum[CHECKSUM_SIZE];
    struct writer w;

    checksum(key, sum);
    writer_init(&w, bytes, sizeof bytes);
    writer_bytes(&w, key, CRYPTO_PUBLIC_SIZE);
    writer_bytes(&w, sum, sizeof sum);
    writer_u8(&w, PEER_ID_VERSION);
    must(!w.failed && w.length == sizeof bytes);

    base32_encode(bytes, sizeof bytes, ret_id);
}

enum error peer_id_decode(const char *id, size_t length, struct peer_key *ret_key)
{
    uint8_t bytes[PEER_ID_SIZE];
    uint8_t sum[CHECKSUM_SIZE];
    struct reader r;

    if (length != PEER_ID_LENGTH || !base32_decode(id, length, bytes, sizeof bytes))
        return ERR_MALFORMED;

    reader_init(&r, bytes, sizeof bytes);
    const uint8_t *key = reader_take(&r, CRYPTO_PUBLIC_SIZE);
    const uint8_t *claimed_sum = reader_take(&r, CHECKSUM_SIZE);
    uint8_t version = reader_u8(&r);
    must(reader_is_finished(&r));

    if (version != PEER_ID_VERSION)
        return ERR_BAD_VERSION;
    checksum(key, sum);
    if (memcmp(sum, claimed_sum, sizeof sum) != 0)
        return ERR_BAD_CHECKSUM;
    return peer_key_init(ret_key, key);
}

void safety_number(const uint8_t a[CRYPTO_PUBLIC_SIZE], const uint8_t b[CRYPTO_PUBLIC_SIZE],
                   char ret_digits[SAFETY_NUMBER_DIGITS + 1])
{
    bool a_is_lower = peer_key_compare(a, b) < 0;
    uint8_t input[sizeof safety_prefix - 1 + 2 * CRYPTO_PUBLIC_SIZE];
    uint8_t hash[CRYPTO_BLAKE2B_512_SIZE];
    struct writer w;

    writer_init(&w, input, sizeof input);
    writer_bytes(&w, safety_prefix, sizeof safety_prefix - 1);
    writer_bytes(&w, a_is_lower ? a : b, CRYPTO_PUBLIC_SIZE);
    writer_bytes(&w, a_is_lower ? b : a, CRYPTO_PUBLIC_SIZE);
    must(!w.failed && w.length == sizeof input);
    crypto_blake2b_512(input, sizeof input, hash);

    for (int group = 0; group < SAFETY_GROUPS; group++) {
        uint64_t number = 0;
        for (int i = 0; i < SAFETY_GROUP_SIZE; i++)
            number = number << 8 | hash[group * SAFETY_GROUP_SIZE + i];
        number %= SAFETY_GROUP_MODULUS;
        for (int i = SAFETY_GROUP_DIGITS - 1; i >= 0; i--) {
            ret_digits[group * SAFETY_GROUP_DIGITS + i] = (char)('0' + number % 10);
            number /= 10;
        }
    }
    ret_digits[SAFETY_NUMBER_DIGITS] = '\0';
}
