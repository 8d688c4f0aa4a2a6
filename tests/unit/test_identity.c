#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/link/identity.h"

/* Keys of seeds that repeat one byte, made without this module: libsodium, Python's base64 and
 * hashlib. */
static const struct {
    uint8_t seed_byte;
    const char *key;
    const char *id;
} known[] = {
    {0, "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29",
     "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iuyq6qb"},
    {1, "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
     "rkeohxlubhyzl7ks3mwtzos5olfgocn7dwkbeg7toseadnapn5omdiib"},
    {4, "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c",
     "zkj2yfyfdbyhdvt3qpd76dx6qeeor3cfgblv25zgq6jthw62xz6jfmib"},
};

enum { KNOWN = sizeof known / sizeof known[0] };

static const char known_safety_number[] =
    "599104298621659563196347469096082027403976055192723434060943"; /* of 0 and 1 */

static void known_key(size_t i, uint8_t ret_key[CRYPTO_PUBLIC_SIZE])
{
    assert_int_equal(unit_hex(known[i].key, ret_key, CRYPTO_PUBLIC_SIZE), CRYPTO_PUBLIC_SIZE);
}

static void test_from_seed(void **state)
{
    (void)state;
    uint8_t seed[CRYPTO_SEED_SIZE], key[CRYPTO_PUBLIC_SIZE], signature[CRYPTO_SIGNATURE_SIZE];
    struct identity identity;
    struct peer_key peer;

    for (size_t i = 0; i < KNOWN; i++) {
        memset(seed, known[i].seed_byte, sizeof seed);
        known_key(i, key);
        assert_int_equal(identity_from_seed(seed, &identity), OK);
        assert_memory_equal(identity.seed, seed, sizeof seed);
        assert_memory_equal(identity.key.bytes, key, sizeof key);
        assert_string_equal(identity.id, known[i].id);

        /* what others make of the public key is what we make of the secret one */
        assert_int_equal(peer_key_init(&peer, key), OK);
        assert_memory_equal(&identity.key, &peer, sizeof peer);
        assert_memory_equal(identity.dh.public, peer.dh, sizeof peer.dh);
        crypto_sign_tagged(identity.secret, "test", key, sizeof key, signature);
        assert_int_equal(crypto_verify_tagged(peer.bytes, "test", key, sizeof key, signature), OK);
    }
}

static void test_from_seed_with_sign_bit(void **state)
{
    (void)state;
    uint8_t seed[CRYPTO_SEED_SIZE];
    struct identity identity, before;

    memset(&identity, 0x5a, sizeof identity);
    before = identity;
    memset(seed, 2, sizeof seed);
    assert_int_equal(identity_from_seed(seed, &identity), ERR_BAD_KEY);
    assert_memory_equal(&identity, &before, sizeof identity);
}

/* Fills with a byte that grows from one draw to the next. */
static void fill_counting(void *ctx, uint8_t *buffer, size_t length)
{
    uint8_t *count = ctx;

    memset(buffer, (*count)++, length);
}

static void test_create_draws_until_good(void **state)
{
    (void)state;
    uint8_t count = 2; /* the keys of 2 and 3 have bit 255 */
    const struct random random = {fill_counting, &count};
    struct identity identity;

    identity_create(&random, &identity);
    assert_string_equal(identity.id, known[2].id);
    assert_int_equal(count, 5);
    for (int i = 0; i < 64; i++) {
        identity_create(&random, &identity);
        assert_int_equal(identity.key.bytes[CRYPTO_PUBLIC_SIZE - 1] & 0x80, 0);
    }
}

static void fill_twos(void *ctx, uint8_t *buffer, size_t length)
{
    (void)ctx;
    memset(buffer, 2, length);
}

static void die_create(void *arg)
{
    const struct random random = {fill_twos, NULL};

    identity_create(&random, arg);
}

static void test_create_gives_up_on_a_broken_source(void **state)
{
    (void)state;
    struct identity identity;

    unit_assert_aborts(die_create, &identity, "does not hold: draws < DRAWS_MAX");
}

static void test_done_wipes(void **state)
{
    (void)state;
    static const struct identity nobody;
    uint8_t count = 0;
    const struct random random = {fill_counting, &count};
    struct identity identity;

    identity_create(&random, &identity);
    identity_done(&identity);
    assert_memory_equal(&identity, &nobody, sizeof identity);
}

static void test_id(void **state)
{
    (void)state;
    uint8_t key[CRYPTO_PUBLIC_SIZE];
    char id[PEER_ID_LENGTH + 1];
    struct peer_key peer, expected;

    for (size_t i = 0; i < KNOWN; i++) {
        known_key(i, key);
        peer_id_encode(key, id);
        assert_string_equal(id, known[i].id);
        assert_int_equal(peer_id_decode(id, PEER_ID_LENGTH, &peer), OK);
        assert_int_equal(peer_key_init(&expected, key), OK);
        assert_memory_equal(&peer, &expected, sizeof peer);
    }
}

/* Every other character in every place: the checksum finds nearly all, the rest is another version
 * or no key. */
static void test_id_mistyped(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    char id[PEER_ID_LENGTH + 1];
    struct peer_key peer, before;

    memset(&peer, 0x5a, sizeof peer);
    before = peer;
    memcpy(id, known[0].id, sizeof id);
    for (size_t at = 0; at < PEER_ID_LENGTH; at++) {
        for (const char *c = alphabet; *c != '\0'; c++) {
            if (*c == known[0].id[at])
                continue;
            id[at] = *c;
            enum error error = peer_id_decode(id, PEER_ID_LENGTH, &peer);
            assert_true(error == ERR_BAD_CHECKSUM || error == ERR_BAD_VERSION ||
                        error == ERR_BAD_KEY);
        }
        id[at] = known[0].id[at];
    }
    assert_memory_equal(&peer, &before, sizeof peer);
}

static void assert_malformed(const char *id, size_t length)
{
    struct peer_key peer;

    assert_int_equal(peer_id_decode(id, length, &peer), ERR_MALFORMED);
}

static void test_id_malformed(void **state)
{
    (void)state;
    const char *good = known[0].id;
    char id[PEER_ID_LENGTH + 2];

    for (size_t length = 0; length < PEER_ID_LENGTH; length++)
        assert_malformed(good, length);
    memcpy(id, good, PEER_ID_LENGTH);
    memcpy(id + PEER_ID_LENGTH, "a", 2);
    assert_malformed(id, PEER_ID_LENGTH + 1);

    for (int c = 0; c < 256; c++) {
        if (c != '\0' && strchr("abcdefghijklmnopqrstuvwxyz234567", c) != NULL)
            continue;
        id[PEER_ID_LENGTH / 2] =
            (char)c; /* among them upper case, 0, 1, 8, 9, '=', blank and NUL */
        assert_malformed(id, PEER_ID_LENGTH);
    }
}

/* Ids whose checksum is right, of keys that are refused. */
static void test_id_of_bad_key(void **state)
{
    (void)state;
    uint8_t key[CRYPTO_PUBLIC_SIZE] = {1}; /* the neutral point */
    char id[PEER_ID_LENGTH + 1];
    struct peer_key peer;

    peer_id_encode(key, id);
    assert_int_equal(peer_id_decode(id, PEER_ID_LENGTH, &peer), ERR_BAD_KEY);
    known_key(0, key);
    key[CRYPTO_PUBLIC_SIZE - 1] |= 0x80; /* bit 255: the same X25519 key as known[0]'s */
    assert_int_equal(peer_key_init(&peer, key), ERR_BAD_KEY);
    peer_id_encode(key, id);
    assert_int_equal(peer_id_decode(id, PEER_ID_LENGTH, &peer), ERR_BAD_KEY);
}

static void test_id_of_other_version(void **state)
{
    (void)state;
    static const char *const ids[] = {
        /* versions 0, 2 and 255 of known[0], their checksums right */
        "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iurbtaa",
        "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iutw3ac",
        "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iusrux7",
    };
    struct peer_key peer;

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_int_equal(peer_id_decode(ids[i], PEER_ID_LENGTH, &peer), ERR_BAD_VERSION);
}

static void test_compare(void **state)
{
    (void)state;
    uint8_t a[CRYPTO_PUBLIC_SIZE] = {0, 1},
            b[CRYPTO_PUBLIC_SIZE] = {0, 0x80}; /* as unsigned bytes */

    assert_true(peer_key_compare(a, b) < 0);
    assert_true(peer_key_compare(b, a) > 0);
    assert_true(peer_key_compare(a, a) == 0);
}

static void test_safety_number(void **state)
{
    (void)state;
    uint8_t a[CRYPTO_PUBLIC_SIZE], b[CRYPTO_PUBLIC_SIZE];
    char digits[SAFETY_NUMBER_DIGITS + 1];

    known_key(0, a);
    known_key(1, b);
    safety_number(a, b, digits);
    assert_string_equal(digits, known_safety_number);
    safety_number(b, a, digits);
    assert_string_equal(digits, known_safety_number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_seed),
        cmocka_unit_test(test_from_seed_with_sign_bit),
        cmocka_unit_test(test_create_draws_until_good),
        cmocka_unit_test(test_create_gives_up_on_a_broken_source),
        cmocka_unit_test(test_done_wipes),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_id_mistyped),
        cmocka_unit_test(test_id_malformed),
        cmocka_unit_test(test_id_of_bad_key),
        cmocka_unit_test(test_id_of_other_version),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_safety_number),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
