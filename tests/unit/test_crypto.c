#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/link/crypto.h"
#include "tests/unit/low_order.h"

static const uint8_t zeros[64];

static void assert_hex(const uint8_t *bytes, size_t length, const char *hex)
{
    uint8_t expected[128];

    assert_int_equal(unit_hex(hex, expected, sizeof expected), length);
    assert_memory_equal(bytes, expected, length);
}

/* RFC 7748, section 6.1 */
static void test_dh_published(void **state)
{
    (void)state;
    uint8_t secret[CRYPTO_DH_SIZE], shared[CRYPTO_DH_SIZE];
    struct crypto_dh alice, bob;

    unit_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", secret,
             sizeof secret);
    crypto_dh_init(&alice, secret);
    assert_hex(alice.public, CRYPTO_DH_SIZE,
               "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    unit_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", secret,
             sizeof secret);
    crypto_dh_init(&bob, secret);
    assert_hex(bob.public, CRYPTO_DH_SIZE,
               "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");

    assert_int_equal(crypto_dh_shared(alice.secret, bob.public, shared), OK);
    assert_hex(shared, sizeof shared,
               "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_int_equal(crypto_dh_shared(bob.secret, alice.public, shared), OK);
    assert_hex(shared, sizeof shared,
               "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* The seven u coordinates of low order, and the same with the bit that X25519 ignores. */
static void test_dh_refuses_low_order(void **state)
{
    (void)state;
    uint8_t public[CRYPTO_DH_SIZE], secret[CRYPTO_DH_SIZE], shared[CRYPTO_DH_SIZE];

    memset(secret, 0x42, sizeof secret);
    memset(shared, 0x5a, sizeof shared);
    for (size_t i = 0; i < LOW_ORDER_COUNT; i++) {
        unit_hex(low_order[i], public, sizeof public);
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(crypto_dh_shared(secret, public, shared), ERR_BAD_KEY);
            public[CRYPTO_DH_SIZE - 1] |= 0x80;
        }
    }
    for (size_t i = 0; i < sizeof shared; i++)
        assert_int_equal(shared[i], 0x5a);
}

/* FIPS 180-4's "abc", in every way of cutting it in two */
static void test_sha256(void **state)
{
    (void)state;
    const uint8_t abc[] = {'a', 'b', 'c'};
    uint8_t hash[CRYPTO_HASH_SIZE];

    for (size_t cut = 0; cut <= sizeof abc; cut++) {
        crypto_sha256(abc, cut, abc + cut, sizeof abc - cut, hash);
        assert_hex(hash, sizeof hash,
                   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    crypto_sha256(NULL, 0, NULL, 0, hash);
    assert_hex(hash, sizeof hash,
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha256(hash, sizeof hash, NULL, 0, hash);
    assert_hex(hash, sizeof hash,
               "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456");
}

/* RFC 4231, test case 2 */
static void test_hmac_sha256(void **state)
{
    (void)state;
    const char *data = "what do ya want for nothing?";
    uint8_t mac[CRYPTO_HASH_SIZE];

    crypto_hmac_sha256((const uint8_t *)"Jefe", 4, (const uint8_t *)data, strlen(data), mac);
    assert_hex(mac, sizeof mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 5869, test case 3, is Noise's HKDF but for its length of 42: no info, and an empty salt is
 * one of zeros */
static void test_hkdf(void **state)
{
    (void)state;
    uint8_t input[22], one[CRYPTO_HASH_SIZE], two[CRYPTO_HASH_SIZE], three[CRYPTO_HASH_SIZE];

    memset(input, 0x0b, sizeof input);
    crypto_hkdf3(zeros, input, sizeof input, one, two, three);
    assert_hex(one, sizeof one, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    assert_hex(two, 10, "9d201395faa4b61a96c8");
    assert_hex(three, sizeof three,
               "36def6dc129c29271a0eb7ab14bd2ca88259f8a3a92ac2ec0e3e4fa046a4b90b");

    memset(one, 0, sizeof one);
    crypto_hkdf2(one, input, sizeof input, one, three);
    assert_hex(one, sizeof one, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    assert_memory_equal(three, two, sizeof two);
}

/* RFC 7693, appendix A, and the shorter output */
static void test_blake2b(void **state)
{
    (void)state;
    const uint8_t abc[] = {'a', 'b', 'c'};
    uint8_t hash[CRYPTO_BLAKE2B_512_SIZE];

    crypto_blake2b_512(abc, sizeof abc, hash);
    assert_hex(hash, sizeof hash,
               "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    crypto_blake2b_256(abc, sizeof abc, hash);
    assert_hex(hash, CRYPTO_BLAKE2B_256_SIZE,
               "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

/* RFC 8439, appendix A.5: its nonce is one that Noise's layout can have */
static void test_seal_published(void **state)
{
    (void)state;
    const char *plain =
        "Internet-Drafts are draft documents valid for a maximum of six months and may be "
        "updated, replaced, or obsoleted by other documents at any time. It is "
        "inappropriate to use Internet-Drafts as reference material or to cite them "
        "other than as /\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
    size_t length = strlen(plain);
    uint8_t key[CRYPTO_KEY_SIZE], ad[12], sealed[512], opened[512];

    unit_hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", key, sizeof key);
    unit_hex("f33388860000000000004e91", ad, sizeof ad);
    crypto_seal(key, 0x0807060504030201, ad, sizeof ad, (const uint8_t *)plain, length, sealed);
    assert_hex(sealed, 16, "64a0861575861af460f062c79be643bd");
    assert_hex(sealed + length, CRYPTO_MAC_SIZE, "eead9d67890cbb22392336fea1851f38");
    assert_int_equal(crypto_open(key, 0x0807060504030201, ad, sizeof ad, sealed,
                                 length + CRYPTO_MAC_SIZE, opened),
                     OK);
    assert_memory_equal(opened, plain, length);
}

static void test_open_refuses(void **state)
{
    (void)state;
    uint8_t key[CRYPTO_KEY_SIZE] = {1}, bytes[5 + CRYPTO_MAC_SIZE] = "hello", plain[5];
    const uint8_t ad[] = {7};

    crypto_seal(key, 3, ad, sizeof ad, bytes, 5, bytes); /* in place */
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(crypto_open(key, 3, ad, sizeof ad, bytes, sizeof bytes, plain),
                         ERR_BAD_MAC);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t length = 0; length < sizeof bytes; length++)
        assert_int_equal(crypto_open(key, 3, ad, sizeof ad, bytes, length, plain), ERR_BAD_MAC);
    assert_int_equal(crypto_open(key, 4, ad, sizeof ad, bytes, sizeof bytes, plain), ERR_BAD_MAC);
    assert_int_equal(crypto_open(key, 3, NULL, 0, bytes, sizeof bytes, plain), ERR_BAD_MAC);
    assert_int_equal(crypto_open(zeros, 3, ad, sizeof ad, bytes, sizeof bytes, plain), ERR_BAD_MAC);

    assert_int_equal(crypto_open(key, 3, ad, sizeof ad, bytes, sizeof bytes, bytes),
                     OK); /* in place */
    assert_memory_equal(bytes, "hello", 5);
}

/* RFC 8032, section 7.1, tests 1 and 2 */
static void test_sign_pair_published(void **state)
{
    (void)state;
    uint8_t seed[CRYPTO_SEED_SIZE], secret[CRYPTO_SECRET_SIZE], public[CRYPTO_PUBLIC_SIZE];

    unit_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed, sizeof seed);
    crypto_sign_pair(seed, secret, public);
    assert_hex(public, sizeof public,
               "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    unit_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed, sizeof seed);
    crypto_sign_pair(seed, secret, public);
    assert_hex(public, sizeof public,
               "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
}

/* The expected signature is one that libsodium made over 0e "p2pchat record" "abc", without this
 * module. */
static void test_sign_tagged(void **state)
{
    (void)state;
    const uint8_t abc[] = {'a', 'b', 'c'};
    uint8_t secret[CRYPTO_SECRET_SIZE], public[CRYPTO_PUBLIC_SIZE],
        signature[CRYPTO_SIGNATURE_SIZE];

    crypto_sign_pair(zeros, secret, public);
    crypto_sign_tagged(secret, "p2pchat record", abc, sizeof abc, signature);
    assert_hex(signature, sizeof signature,
               "14a0335625ce496cb9fd21e6465e628a2d2fecc356b4cc4a33a64e470ecac455"
               "de255f2e201a3eb0589deb352aab447f46543b39b35a9303db978fb14a8aa609");
    assert_int_equal(crypto_verify_tagged(public, "p2pchat record", abc, sizeof abc, signature),
                     OK);

    assert_int_equal(crypto_verify_tagged(public, "p2pchat recor", abc, sizeof abc, signature),
                     ERR_BAD_SIGNATURE);
    assert_int_equal(crypto_verify_tagged(public, "p2pchat recorda", abc + 1, 2, signature),
                     ERR_BAD_SIGNATURE);
    assert_int_equal(crypto_verify_tagged(public, "p2pchat record", abc, 2, signature),
                     ERR_BAD_SIGNATURE);
    assert_int_equal(crypto_verify_tagged(secret, "p2pchat record", abc, sizeof abc, signature),
                     ERR_BAD_SIGNATURE);
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(crypto_verify_tagged(public, "p2pchat record", abc, sizeof abc, signature),
                         ERR_BAD_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_sign_sizes(void **state)
{
    (void)state;
    uint8_t secret[CRYPTO_SECRET_SIZE], public[CRYPTO_PUBLIC_SIZE],
        signature[CRYPTO_SIGNATURE_SIZE];
    uint8_t data[CRYPTO_SIGNED_SIZE_MAX + 1] = {0};

    crypto_sign_pair(zeros, secret, public);
    crypto_sign_tagged(secret, "t", NULL, 0, signature);
    assert_int_equal(crypto_verify_tagged(public, "t", NULL, 0, signature), OK);
    crypto_sign_tagged(secret, "12345678901234567890123456789012", data, CRYPTO_SIGNED_SIZE_MAX,
                       signature);
    assert_int_equal(crypto_verify_tagged(public, "12345678901234567890123456789012", data,
                                          CRYPTO_SIGNED_SIZE_MAX, signature),
                     OK);
    assert_int_equal(crypto_verify_tagged(public, "t", data, sizeof data, signature),
                     ERR_BAD_SIGNATURE);
}

static void test_dh_of_sign_key(void **state)
{
    (void)state;
    uint8_t seed[CRYPTO_SEED_SIZE], secret[CRYPTO_SECRET_SIZE], public[CRYPTO_PUBLIC_SIZE],
        dh_public[CRYPTO_DH_SIZE];
    struct crypto_dh dh;

    for (int i = 0; i < 32; i++) {
        memset(seed, i, sizeof seed);
        crypto_sign_pair(seed, secret, public);
        crypto_dh_from_sign(secret, &dh);
        assert_int_equal(crypto_dh_public_from_sign(public, dh_public), OK);
        assert_memory_equal(dh.public, dh_public, sizeof dh_public);
    }
    crypto_sign_pair(zeros, secret, public);
    crypto_dh_from_sign(secret, &dh);
    assert_hex(dh.public, sizeof dh.public,
               "5bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d");
}

static void test_dh_of_bad_sign_key(void **state)
{
    (void)state;
    static const char *const bad[] = {
        /* low order: the neutral point; order 2; 4; 8, twice */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        /* y = 2 belongs to no point */
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    uint8_t key[CRYPTO_PUBLIC_SIZE], secret[CRYPTO_SECRET_SIZE], dh[CRYPTO_DH_SIZE];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unit_hex(bad[i], key, sizeof key);
        assert_int_equal(crypto_dh_public_from_sign(key, dh), ERR_BAD_KEY);
    }
    /* p to p + 18: what is not canonical */
    memset(key, 0xff, sizeof key);
    key[CRYPTO_PUBLIC_SIZE - 1] = 0x7f;
    for (int low = 0xed; low <= 0xff; low++) {
        key[0] = (uint8_t)low;
        assert_int_equal(crypto_dh_public_from_sign(key, dh), ERR_BAD_KEY);
    }
    /* a good point with one of order 2 added is outside the main subgroup: (x, y) + (0, -1) = (-x,
     * -y) */
    crypto_sign_pair(zeros, secret, key);
    for (size_t i = 0; i < sizeof key;
         i++) /* p - y: key[0] is not above 0xed, so nothing is borrowed */
        key[i] = (uint8_t)((i == 0 ? 0xed : i == sizeof key - 1 ? 0x7f : 0xff) - key[i]);
    assert_int_equal(crypto_dh_public_from_sign(key, dh), ERR_BAD_KEY);
}

static void test_equal_and_wipe(void **state)
{
    (void)state;
    uint8_t a[] = {1, 2, 3}, b[] = {1, 2, 4};

    assert_true(crypto_equal(a, b, 2));
    assert_false(crypto_equal(a, b, 3));
    crypto_wipe(a, sizeof a);
    assert_memory_equal(a, zeros, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dh_published),
        cmocka_unit_test(test_dh_refuses_low_order),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac_sha256),
        cmocka_unit_test(test_hkdf),
        cmocka_unit_test(test_blake2b),
        cmocka_unit_test(test_seal_published),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_sign_pair_published),
        cmocka_unit_test(test_sign_tagged),
        cmocka_unit_test(test_sign_sizes),
        cmocka_unit_test(test_dh_of_sign_key),
        cmocka_unit_test(test_dh_of_bad_sign_key),
        cmocka_unit_test(test_equal_and_wipe),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
