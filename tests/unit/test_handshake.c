#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/link/handshake.h"
#include "tests/unit/seeded.h"

enum { DIALLER, LISTENER, SIDES };

static const uint8_t network_key[NOISE_PSK_SIZE] = "thirty-two bytes that few know!";

struct bed {
    uint64_t seed;
    struct random random;
    struct identity identities[SIDES + 1]; /* and somebody else */
    struct handshake_setup setups[SIDES];
};

/* Two sides that would understand each other. */
static void bed_init(struct bed *bed, enum noise_pattern pattern)
{
    bool knows = pattern == NOISE_XK || pattern == NOISE_XK_PSK0;
    bool has_psk = pattern == NOISE_XK_PSK0 || pattern == NOISE_XX_PSK0;

    *bed = (struct bed){.seed = 1};
    bed->random = seeded(&bed->seed);
    for (int i = 0; i <= SIDES; i++)
        identity_create(&bed->random, &bed->identities[i]);
    for (int side = 0; side < SIDES; side++) {
        bed->setups[side] = (struct handshake_setup){
            .identity = &bed->identities[side],
            .network_key = has_psk ? network_key : NULL,
            .random = &bed->random,
            .role = side == DIALLER ? NOISE_INITIATOR : NOISE_RESPONDER,
            .peer = knows && side == DIALLER ? &bed->identities[LISTENER].key : NULL,
        };
    }
}

static const enum noise_pattern all_patterns[] = {NOISE_XK, NOISE_XX, NOISE_XK_PSK0, NOISE_XX_PSK0};
enum { PATTERNS = sizeof all_patterns / sizeof all_patterns[0] };

/* Runs two handshakes against each other until one side refuses; says how, and in which message. */
static enum error run(struct handshake sides[SIDES], int *ret_message)
{
    for (*ret_message = 0; *ret_message < NOISE_MESSAGES; ++*ret_message) {
        struct handshake *writer = &sides[*ret_message % 2], *reader = &sides[1 - *ret_message % 2];
        struct bytes message = BYTES_EMPTY;
        assert_int_equal(handshake_write(writer, &message), OK);
        enum error error = handshake_read(reader, bytes_data(&message), bytes_length(&message));
        bytes_done(&message);
        if (error != OK)
            return error;
    }
    return OK;
}

static enum error run_link(const struct handshake_setup setups[SIDES], int *ret_message)
{
    struct handshake sides[SIDES];
    enum noise_pattern pattern = handshake_pattern(&setups[DIALLER]);

    for (int side = 0; side < SIDES; side++)
        handshake_init(&sides[side], &setups[side], pattern);
    enum error error = run(sides, ret_message);
    for (int side = 0; side < SIDES; side++)
        handshake_done(&sides[side]);
    return error;
}

/* --- Preamble --- */

static void test_preamble(void **state)
{
    (void)state;
    const uint8_t expected[] = {'P', '2', 'P', 'C', 1, 3, 0, 0};
    uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE];
    enum noise_pattern pattern;

    handshake_preamble_encode(NOISE_XK_PSK0, preamble);
    assert_memory_equal(preamble, expected, sizeof expected);
    for (size_t p = 0; p < PATTERNS; p++) {
        bool has_psk = all_patterns[p] == NOISE_XK_PSK0 || all_patterns[p] == NOISE_XX_PSK0;
        handshake_preamble_encode(all_patterns[p], preamble);
        assert_int_equal(handshake_preamble_decode(preamble, has_psk, &pattern), OK);
        assert_int_equal(pattern, all_patterns[p]);
        assert_int_equal(handshake_preamble_decode(preamble, !has_psk, &pattern), ERR_BAD_KEY);
    }
}

static void test_any_other_preamble_is_refused(void **state)
{
    (void)state;
    uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE];
    enum noise_pattern pattern = NOISE_XX_PSK0;

    handshake_preamble_encode(NOISE_XK, preamble);
    for (size_t at = 0; at < sizeof preamble; at++) {
        uint8_t right = preamble[at];
        for (int value = 0; value < 256; value++) {
            if (value == right || (at == 5 && value == NOISE_XX))
                continue;
            preamble[at] = (uint8_t)value;
            enum error error = handshake_preamble_decode(preamble, false, &pattern);
            assert_int_equal(error, at == 4   ? ERR_BAD_VERSION
                                    : at == 5 ? ERR_BAD_KEY
                                              : ERR_MALFORMED);
        }
        preamble[at] = right;
    }
    assert_int_equal(pattern, NOISE_XX_PSK0);
}

/* --- Links --- */

static void test_each_pattern(void **state)
{
    (void)state;
    static const size_t lengths[PATTERNS][NOISE_MESSAGES] = {
        {48, 48, 96}, {128, 128, 96}, {48, 48, 96}, {128, 128, 96}};
    struct bed bed;
    struct handshake sides[SIDES];

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_init(&bed, all_patterns[p]);
        assert_int_equal(handshake_pattern(&bed.setups[DIALLER]), all_patterns[p]);
        for (int side = 0; side < SIDES; side++)
            handshake_init(&sides[side], &bed.setups[side], all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            struct handshake *writer = &sides[i % 2], *reader = &sides[1 - i % 2];
            struct bytes message = BYTES_EMPTY;
            assert_true(handshake_is_our_turn(writer));
            assert_false(handshake_is_our_turn(reader));
            assert_int_equal(handshake_next_length(writer), lengths[p][i]);
            assert_int_equal(handshake_next_length(reader), lengths[p][i]);
            assert_int_equal(handshake_peer(&sides[DIALLER]) != NULL, i == 2);
            assert_null(handshake_peer(&sides[LISTENER]));

            assert_int_equal(handshake_write(writer, &message), OK);
            assert_int_equal(bytes_length(&message), lengths[p][i]);
            assert_int_equal(handshake_read(reader, bytes_data(&message), bytes_length(&message)),
                             OK);
            bytes_done(&message);
        }
        for (int side = 0; side < SIDES; side++) {
            assert_true(handshake_is_complete(&sides[side]));
            assert_false(handshake_is_our_turn(&sides[side]));
            assert_memory_equal(handshake_peer(&sides[side]), &bed.identities[1 - side].key,
                                sizeof(struct peer_key));
        }
    }
}

static void test_split(void **state)
{
    (void)state;
    struct bed bed;
    struct handshake sides[SIDES];
    struct noise_cipher send[SIDES], receive[SIDES];
    uint8_t hash[SIDES][CRYPTO_HASH_SIZE];
    int message;

    bed_init(&bed, NOISE_XX);
    for (int side = 0; side < SIDES; side++)
        handshake_init(&sides[side], &bed.setups[side], NOISE_XX);
    assert_int_equal(run(sides, &message), OK);
    for (int side = 0; side < SIDES; side++) {
        handshake_split(&sides[side], &send[side], &receive[side], hash[side]);
        assert_int_equal(handshake_read(&sides[side], hash[side], 32), ERR_BAD_STATE);
    }
    assert_memory_equal(hash[DIALLER], hash[LISTENER], CRYPTO_HASH_SIZE);
    assert_memory_equal(&send[DIALLER], &receive[LISTENER], sizeof send[0]);
    assert_memory_equal(&send[LISTENER], &receive[DIALLER], sizeof send[0]);
}

static void test_wrong_length(void **state)
{
    (void)state;
    struct bed bed;
    struct handshake side;
    uint8_t message[256] = {0};

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_init(&bed, all_patterns[p]);
        handshake_init(&side, &bed.setups[LISTENER], all_patterns[p]);
        for (size_t length = 0; length <= sizeof message; length++) {
            if (length != handshake_next_length(&side))
                assert_int_equal(handshake_read(&side, message, length), ERR_MALFORMED);
        }
    }
}

/* XX's first message carries zeros and nothing else. */
static void test_padding_is_zeros(void **state)
{
    (void)state;
    const uint8_t prologue[] = "p2pchat linkP2PC\1\2\0";
    const uint8_t ephemeral[CRYPTO_DH_SIZE] = {8};
    uint8_t payload[96] = {0}, message[128];
    size_t length;
    struct bed bed;

    bed_init(&bed, NOISE_XX);
    for (size_t at = 0; at <= sizeof payload; at++) {
        struct handshake listener;
        struct noise dialler;
        handshake_init(&listener, &bed.setups[LISTENER], NOISE_XX);
        noise_init(&dialler, &(struct noise_setup){
                                 .pattern = NOISE_XX,
                                 .role = NOISE_INITIATOR,
                                 .prologue = prologue,
                                 .prologue_length = sizeof prologue,
                                 .self = &bed.identities[DIALLER].dh,
                                 .ephemeral = ephemeral,
                             });
        memset(payload, 0, sizeof payload);
        if (at < sizeof payload)
            payload[at] = 1;
        assert_int_equal(
            noise_write(&dialler, payload, sizeof payload, message, sizeof message, &length), OK);
        assert_int_equal(handshake_read(&listener, message, length),
                         at < sizeof payload ? ERR_MALFORMED : OK);
        if (at < sizeof payload)
            continue;

        /* and the prologue above is the one that both have */
        struct bytes answer = BYTES_EMPTY;
        assert_int_equal(handshake_write(&listener, &answer), OK);
        assert_int_equal(noise_read(&dialler, bytes_data(&answer), bytes_length(&answer), payload,
                                    sizeof payload, &length),
                         OK);
        assert_int_equal(length, CRYPTO_PUBLIC_SIZE);
        assert_memory_equal(payload, bed.identities[LISTENER].key.bytes, CRYPTO_PUBLIC_SIZE);
        bytes_done(&answer);
    }
}

/* --- Who does not prove what it says --- */

/* In which message a side says which Ed25519 key is its own; XK's listener never does. */
static int key_message(enum noise_pattern pattern, int side)
{
    bool is_xk = pattern == NOISE_XK || pattern == NOISE_XK_PSK0;

    return side == DIALLER ? 2 : is_xk ? NOISE_MESSAGES : 1;
}

static void assert_claim_refused(struct bed *bed, enum noise_pattern pattern, int side,
                                 enum error expected)
{
    int message, at = key_message(pattern, side);

    assert_int_equal(run_link(bed->setups, &message), at == NOISE_MESSAGES ? OK : expected);
    assert_int_equal(message, at);
}

static void test_other_static_behind_the_key(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        for (int side = 0; side < SIDES; side++) {
            bed_init(&bed, all_patterns[p]); /* says that it is somebody else */
            memcpy(bed.identities[side].key.bytes, bed.identities[SIDES].key.bytes,
                   CRYPTO_PUBLIC_SIZE);
            assert_claim_refused(&bed, all_patterns[p], side, ERR_BAD_KEY);

            bed_init(&bed, all_patterns[p]); /* the key's negative has the same X25519 form */
            bed.identities[side].key.bytes[CRYPTO_PUBLIC_SIZE - 1] |= 0x80;
            assert_claim_refused(&bed, all_patterns[p], side, ERR_BAD_KEY);

            bed_init(&bed, all_patterns[p]); /* no key at all */
            memset(bed.identities[side].key.bytes, 0, CRYPTO_PUBLIC_SIZE);
            assert_claim_refused(&bed, all_patterns[p], side, ERR_BAD_KEY);
        }
    }
}

static void test_somebody_else_answers(void **state)
{
    (void)state;
    struct bed bed;
    int message;

    bed_init(&bed, NOISE_XK);
    bed.setups[LISTENER].identity = &bed.identities[SIDES];
    assert_int_equal(run_link(bed.setups, &message), ERR_BAD_MAC);
    assert_int_equal(message, 0);
}

static void test_other_network_key(void **state)
{
    (void)state;
    static const uint8_t other[NOISE_PSK_SIZE];
    struct bed bed;
    int message;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_init(&bed, all_patterns[p]);
        if (bed.setups[LISTENER].network_key == NULL)
            continue;
        bed.setups[LISTENER].network_key = other;
        assert_int_equal(run_link(bed.setups, &message), ERR_BAD_MAC);
        assert_int_equal(message, 0);
    }
}

/* --- Renewal --- */

static enum error run_renewal(const struct handshake_setup setups[SIDES],
                              uint8_t hashes[SIDES][CRYPTO_HASH_SIZE], int *ret_message)
{
    struct handshake sides[SIDES];

    for (int side = 0; side < SIDES; side++)
        handshake_init_renewal(&sides[side], &setups[side], hashes[side]);
    enum error error = run(sides, ret_message);
    for (int side = 0; side < SIDES; side++)
        handshake_done(&sides[side]);
    return error;
}

static void renewal_bed_init(struct bed *bed, enum noise_pattern pattern)
{
    bed_init(bed, pattern);
    for (int side = 0; side < SIDES; side++)
        bed->setups[side].peer = &bed->identities[1 - side].key;
}

static void test_renewal(void **state)
{
    (void)state;
    uint8_t hashes[SIDES][CRYPTO_HASH_SIZE] = {{1}, {1}};
    struct bed bed;
    int message;

    for (size_t p = 0; p < PATTERNS; p++) {
        renewal_bed_init(&bed, all_patterns[p]);
        assert_int_equal(run_renewal(bed.setups, hashes, &message), OK);
    }
}

static void test_renewal_of_another_link(void **state)
{
    (void)state;
    uint8_t hashes[SIDES][CRYPTO_HASH_SIZE] = {{1}, {2}};
    struct bed bed;
    int message;

    renewal_bed_init(&bed, NOISE_XK);
    assert_int_equal(run_renewal(bed.setups, hashes, &message), ERR_BAD_MAC);
    assert_int_equal(message, 0);
}

static void test_renewal_by_somebody_else(void **state)
{
    (void)state;
    uint8_t hashes[SIDES][CRYPTO_HASH_SIZE] = {{1}, {1}};
    struct bed bed;
    int message;

    renewal_bed_init(&bed, NOISE_XK);
    bed.setups[DIALLER].identity = &bed.identities[SIDES]; /* proves its own key, which is not it */
    assert_int_equal(run_renewal(bed.setups, hashes, &message), ERR_BAD_KEY);
    assert_int_equal(message, 2);

    renewal_bed_init(&bed, NOISE_XK);
    bed.setups[LISTENER].identity = &bed.identities[SIDES];
    assert_int_equal(run_renewal(bed.setups, hashes, &message), ERR_BAD_MAC);
    assert_int_equal(message, 0);
}

static void test_done_wipes(void **state)
{
    (void)state;
    static const struct handshake wiped;
    struct bed bed;
    struct handshake h;

    bed_init(&bed, NOISE_XK);
    handshake_init(&h, &bed.setups[DIALLER], NOISE_XK);
    handshake_done(&h);
    assert_memory_equal(&h, &wiped, sizeof h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preamble),
        cmocka_unit_test(test_any_other_preamble_is_refused),
        cmocka_unit_test(test_each_pattern),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_padding_is_zeros),
        cmocka_unit_test(test_other_static_behind_the_key),
        cmocka_unit_test(test_somebody_else_answers),
        cmocka_unit_test(test_other_network_key),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_renewal_of_another_link),
        cmocka_unit_test(test_renewal_by_somebody_else),
        cmocka_unit_test(test_done_wipes),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
