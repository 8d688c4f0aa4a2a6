#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/keys.h"
#include "tests/unit/seeded.h"

enum { DIALLER, LISTENER, SIDES };

static const struct mono start = {1000};

/* Two sides of a link, and what each has put on the wire that the other has not read. */
struct bed {
    uint64_t seed;
    struct random random;
    struct identity identities[SIDES];
    struct handshake_setup setups[SIDES];
    struct keys keys[SIDES];
    struct bytes wire[SIDES];
};

static void bed_handshake(struct handshake sides[SIDES])
{
    for (int i = 0; i < NOISE_MESSAGES; i++) {
        struct bytes message = BYTES_EMPTY;
        assert_int_equal(handshake_write(&sides[i % 2], &message), OK);
        assert_int_equal(
            handshake_read(&sides[1 - i % 2], bytes_data(&message), bytes_length(&message)), OK);
        bytes_done(&message);
    }
}

static int bed_new(void **state)
{
    struct bed *bed = xcalloc(1, sizeof *bed);
    struct handshake sides[SIDES];

    bed->seed = 1;
    bed->random = seeded(&bed->seed);
    for (int side = 0; side < SIDES; side++)
        identity_create(&bed->random, &bed->identities[side]);
    for (int side = 0; side < SIDES; side++) {
        bed->setups[side] = (struct handshake_setup){
            .identity = &bed->identities[side],
            .random = &bed->random,
            .role = side == DIALLER ? NOISE_INITIATOR : NOISE_RESPONDER,
            .peer = &bed->identities[1 - side].key,
        };
        handshake_init(&sides[side], &bed->setups[side], NOISE_XK);
    }
    bed_handshake(sides);
    for (int side = 0; side < SIDES; side++) {
        keys_init(&bed->keys[side], &bed->setups[side], &sides[side]);
        handshake_done(&sides[side]);
    }
    *state = bed;
    return 0;
}

static int bed_free(void **state)
{
    struct bed *bed = *state;

    for (int side = 0; side < SIDES; side++) {
        keys_done(&bed->keys[side]);
        bytes_done(&bed->wire[side]);
    }
    free(bed);
    return 0;
}

static void bed_say(struct bed *bed, int side, const char *text)
{
    assert_int_equal(
        keys_seal(&bed->keys[side], (const uint8_t *)text, strlen(text), &bed->wire[side]), OK);
}

/* `side` opens the next record of the other; renewal is answered. Says what it was. */
static enum record_type bed_open(struct bed *bed, int side, struct record *ret_record)
{
    struct bytes *wire = &bed->wire[1 - side];

    assert_int_equal(keys_open(&bed->keys[side], bytes_data(wire), bytes_length(wire), ret_record),
                     OK);
    if (ret_record->type != RECORD_DATA)
        assert_int_equal(keys_renew(&bed->keys[side], ret_record, &bed->wire[side]), OK);
    return ret_record->type;
}

static void bed_hear_record(struct bed *bed, int side, enum record_type type)
{
    struct record record;

    assert_int_equal(bed_open(bed, side, &record), type);
    bytes_consume(&bed->wire[1 - side], record.size);
}

static void bed_hear(struct bed *bed, int side, const char *text)
{
    struct record record;

    assert_int_equal(bed_open(bed, side, &record), RECORD_DATA);
    assert_int_equal(record.length, strlen(text));
    assert_memory_equal(record.content, text, record.length);
    bytes_consume(&bed->wire[1 - side], record.size);
}

static void bed_ask(struct bed *bed)
{
    struct mono due = mono_after(start, KEYS_RENEWAL_MS);

    keys_carry_data(&bed->keys[DIALLER], start);
    keys_carry_data(&bed->keys[LISTENER], start);
    assert_int_equal(keys_expire(&bed->keys[DIALLER], due, &bed->wire[DIALLER]), OK);
    assert_int_equal(keys_expire(&bed->keys[LISTENER], due, &bed->wire[LISTENER]), OK);
    assert_int_equal(bytes_length(&bed->wire[LISTENER]), 0);
}

/* --- Renewal --- */

static void test_data_both_ways(void **state)
{
    struct bed *bed = *state;

    bed_say(bed, DIALLER, "one");
    bed_say(bed, LISTENER, "two");
    bed_say(bed, DIALLER, "three");
    bed_hear(bed, LISTENER, "one");
    bed_hear(bed, LISTENER, "three");
    bed_hear(bed, DIALLER, "two");
}

/* Whether a cipher key stands anywhere in there. */
static bool holds(const struct keys *keys, const uint8_t key[CRYPTO_KEY_SIZE])
{
    const uint8_t *bytes = (const uint8_t *)keys;

    for (size_t at = 0; at + CRYPTO_KEY_SIZE <= sizeof *keys; at++) {
        if (memcmp(bytes + at, key, CRYPTO_KEY_SIZE) == 0)
            return true;
    }
    return false;
}

/* At every step both sides say something; all of it is heard, and in order. */
static void test_renewal_while_data_flow(void **state)
{
    struct bed *bed = *state;
    const struct keys before[SIDES] = {bed->keys[DIALLER], bed->keys[LISTENER]};

    bed_say(bed, DIALLER, "d1");
    bed_ask(bed);
    bed_say(bed, DIALLER, "d2");
    bed_say(bed, LISTENER, "l1");
    bed_hear(bed, LISTENER, "d1");
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    bed_say(bed, LISTENER, "l2");
    bed_hear(bed, LISTENER, "d2");
    bed_hear(bed, DIALLER, "l1");
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    bed_say(bed, DIALLER, "d3"); /* the first under the new key */
    bed_say(bed, LISTENER, "l3");
    bed_hear(bed, DIALLER, "l2");
    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
    bed_hear(bed, LISTENER, "d3");
    bed_say(bed, LISTENER, "l4"); /* the first under the new key */
    bed_hear(bed, DIALLER, "l3");
    bed_say(bed, DIALLER, "d4");
    bed_hear_record(bed, DIALLER, RECORD_SWITCHED);
    bed_hear(bed, DIALLER, "l4");
    bed_hear(bed, LISTENER, "d4");
    bed_say(bed, DIALLER, "d5");
    bed_hear(bed, LISTENER, "d5");

    for (int side = 0; side < SIDES; side++) {
        const struct keys *keys = &bed->keys[side];
        assert_int_equal(keys->renewal, KEYS_SETTLED);
        assert_null(keys->handshake);
        /* nothing of the old keys is left */
        assert_false(holds(keys, before[side].send.key));
        assert_false(holds(keys, before[side].receive.key));
        assert_memory_equal(keys->hash, bed->keys[1 - side].hash, CRYPTO_HASH_SIZE);
        assert_memory_not_equal(keys->hash, before[side].hash, CRYPTO_HASH_SIZE);
    }
    assert_int_equal(bed->keys[DIALLER].send.nonce, 3);
    assert_int_equal(bed->keys[LISTENER].send.nonce, 1);
}

/* A key is gone as soon as it is left, not at the end of the renewal. */
static void test_old_keys_go_one_by_one(void **state)
{
    struct bed *bed = *state;
    const struct keys *keys = &bed->keys[DIALLER];
    const struct keys before = *keys;

    bed_ask(bed);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    assert_true(holds(keys, before.send.key));
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    assert_false(holds(keys, before.send.key));
    assert_true(holds(keys, before.receive.key));
    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
    bed_hear_record(bed, DIALLER, RECORD_SWITCHED);
    assert_false(holds(keys, before.receive.key));
}

static void test_again_and_again(void **state)
{
    struct bed *bed = *state;

    for (int i = 0; i < 20; i++) {
        bed_ask(bed);
        bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
        bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
        bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
        bed_hear_record(bed, DIALLER, RECORD_SWITCHED);
        bed_say(bed, DIALLER, "d");
        bed_say(bed, LISTENER, "l");
        bed_hear(bed, LISTENER, "d");
        bed_hear(bed, DIALLER, "l");
    }
}

static void test_any_flipped_bit_fails(void **state)
{
    struct bed *bed = *state;
    static const int readers[] = {LISTENER, DIALLER, LISTENER};

    bed_ask(bed);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        int reader = readers[i];
        struct record record;
        struct bytes answer = BYTES_EMPTY;
        struct bytes *wire = &bed->wire[1 - reader];
        struct keys before = bed->keys[reader];
        /* what the other side would have sealed, altered under the seal */
        assert_int_equal(
            keys_open(&bed->keys[reader], bytes_data(wire), bytes_length(wire), &record), OK);
        uint8_t *content = xmemdup(record.content, record.length);
        struct record altered = record;
        altered.content = content;
        for (size_t bit = 0; bit < 8 * record.length; bit++) {
            struct keys copy = bed->keys[reader];
            if (copy.handshake != NULL)
                copy.handshake = xmemdup(copy.handshake, sizeof *copy.handshake);
            content[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(keys_renew(&copy, &altered, &answer), OK);
            assert_memory_equal(&copy.send, &before.send, sizeof before.send);
            content[bit / 8] ^= (uint8_t)(1 << bit % 8);
            keys_done(&copy);
        }
        assert_int_equal(bytes_length(&answer), 0);
        free(content);
        assert_int_equal(keys_renew(&bed->keys[reader], &record, &bed->wire[reader]), OK);
        bytes_consume(wire, record.size);
        bytes_done(&answer);
    }
}

/* --- Records out of turn --- */

static enum error renew_with(struct keys *keys, enum record_type type, size_t length)
{
    static const uint8_t zeros[128];
    struct bytes out = BYTES_EMPTY;
    struct record record = {.type = type, .content = zeros, .length = length};
    enum error error = keys_renew(keys, &record, &out);

    assert_int_equal(bytes_length(&out), 0);
    bytes_done(&out);
    return error;
}

static void assert_only(struct bed *bed, int side, enum record_type expected)
{
    for (int type = RECORD_RENEW_1; type <= RECORD_SWITCHED; type++) {
        if (type != (int)expected)
            assert_int_equal(renew_with(&bed->keys[side], type, 0), ERR_BAD_STATE);
    }
}

static void test_wrong_state(void **state)
{
    struct bed *bed = *state;
    const enum record_type none = RECORD_DATA;

    assert_only(bed, DIALLER, none); /* also not RENEW_1: only the dialler starts */
    assert_only(bed, LISTENER, RECORD_RENEW_1);
    bed_ask(bed);
    assert_only(bed, DIALLER, RECORD_RENEW_2);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    assert_only(bed, LISTENER, RECORD_RENEW_3);
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    assert_only(bed, DIALLER, RECORD_SWITCHED);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
    assert_only(bed, LISTENER, RECORD_RENEW_1);
    assert_int_equal(renew_with(&bed->keys[DIALLER], RECORD_SWITCHED, 1), ERR_MALFORMED);
    bed_hear_record(bed, DIALLER, RECORD_SWITCHED);
    assert_only(bed, DIALLER, none);
}

static void test_wrong_length(void **state)
{
    struct bed *bed = *state;

    for (size_t length = 0; length < 128; length++) {
        struct keys copy = bed->keys[LISTENER];
        assert_int_not_equal(renew_with(&copy, RECORD_RENEW_1, length), OK);
        keys_done(&copy);
    }
}

/* What was sealed for one place in the renewal does not open at another. */
static void test_no_falling_back(void **state)
{
    struct bed *bed = *state;
    struct record record;

    bed_ask(bed);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    struct keys old = bed->keys[DIALLER];
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);

    /* the dialler goes on under its old key */
    old.send.nonce++; /* RENEW_3 */
    assert_int_equal(keys_seal(&old, NULL, 0, &bed->wire[DIALLER]), OK);
    assert_int_equal(keys_open(&bed->keys[LISTENER], bytes_data(&bed->wire[DIALLER]),
                               bytes_length(&bed->wire[DIALLER]), &record),
                     ERR_BAD_MAC);
}

/* --- Time and bytes --- */

static void test_only_data_age_keys(void **state)
{
    struct bed *bed = *state;

    for (int side = 0; side < SIDES; side++) {
        struct keys *keys = &bed->keys[side];
        assert_int_equal(keys_deadline(keys).ms, MONO_NEVER.ms);
        bed_say(bed, side, "PING");
        assert_int_equal(keys_deadline(keys).ms, MONO_NEVER.ms);
        keys_carry_data(keys, start);
        keys_carry_data(keys, mono_after(start, 5000)); /* the first counts */
        uint64_t left_ms = side == DIALLER ? KEYS_RENEWAL_MS : KEYS_USE_MS_MAX;
        assert_int_equal(keys_deadline(keys).ms, start.ms + left_ms);
    }
}

static void test_starts_when_due(void **state)
{
    struct bed *bed = *state;
    struct keys *keys = &bed->keys[DIALLER];
    struct bytes *wire = &bed->wire[DIALLER];

    keys_carry_data(keys, start);
    assert_int_equal(keys_expire(keys, mono_after(start, KEYS_RENEWAL_MS - 1), wire), OK);
    assert_int_equal(bytes_length(wire), 0);
    assert_int_equal(keys_expire(keys, mono_after(start, KEYS_RENEWAL_MS), wire), OK);
    size_t length = bytes_length(wire);
    assert_true(length > 0);
    assert_int_equal(keys_expire(keys, mono_after(start, KEYS_RENEWAL_MS + 1), wire), OK);
    assert_int_equal(bytes_length(wire), length); /* once */
    assert_int_equal(keys_deadline(keys).ms, start.ms + KEYS_USE_MS_MAX);
}

static void test_starts_after_bytes(void **state)
{
    struct bed *bed = *state;
    struct keys *keys = &bed->keys[DIALLER];
    struct bytes *wire = &bed->wire[DIALLER];

    keys_carry_data(keys, start);
    keys->bytes = KEYS_RENEWAL_BYTES - 1;
    assert_int_equal(keys_expire(keys, start, wire), OK);
    assert_int_equal(bytes_length(wire), 0);
    keys->bytes++;
    assert_int_equal(keys_expire(keys, start, wire), OK);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    assert_true(keys->bytes < KEYS_RENEWAL_BYTES);
}

static void test_bytes_count_both_ways(void **state)
{
    struct bed *bed = *state;

    bed_say(bed, DIALLER, "1234");
    bed_hear(bed, LISTENER, "1234");
    bed_say(bed, LISTENER, "12345678");
    bed_hear(bed, DIALLER, "12345678");
    for (int side = 0; side < SIDES; side++)
        assert_int_equal(bed->keys[side].bytes, 12 + 2 * RECORD_OVERHEAD);
}

static void test_overdue(void **state)
{
    struct bed *bed = *state;
    struct mono last = mono_after(start, KEYS_USE_MS_MAX - 1);

    bed_ask(bed); /* and nobody answers */
    for (int side = 0; side < SIDES; side++) {
        struct keys *keys = &bed->keys[side];
        assert_int_equal(keys_expire(keys, last, &bed->wire[side]), OK);
        assert_int_equal(keys_expire(keys, mono_after(last, 1), &bed->wire[side]), ERR_EXPIRED);
        keys->overdue = MONO_NEVER;
        keys->bytes = KEYS_USE_BYTES_MAX - 1;
        assert_int_equal(keys_expire(keys, start, &bed->wire[side]), OK);
        keys->bytes++;
        assert_int_equal(keys_expire(keys, start, &bed->wire[side]), ERR_EXPIRED);
    }
}

/* A listener that never says SWITCHED keeps nobody under its old key. */
static void test_overdue_while_switching(void **state)
{
    struct bed *bed = *state;
    struct keys *keys = &bed->keys[DIALLER];
    struct mono end = mono_after(start, KEYS_USE_MS_MAX);

    bed_ask(bed);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    keys_carry_data(keys, mono_after(start, KEYS_RENEWAL_MS + 100));
    assert_int_equal(keys_deadline(keys).ms, end.ms);
    assert_int_equal(keys_expire(keys, end, &bed->wire[DIALLER]), ERR_EXPIRED);

    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
    bed_hear_record(bed, DIALLER, RECORD_SWITCHED); /* the new keys' age counts from their data */
    assert_int_equal(keys_deadline(keys).ms, start.ms + KEYS_RENEWAL_MS + 100 + KEYS_RENEWAL_MS);
    assert_int_equal(keys_deadline(&bed->keys[LISTENER]).ms, MONO_NEVER.ms);
}

static void test_idle_keys_stay(void **state)
{
    struct bed *bed = *state;

    bed_ask(bed);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_1);
    bed_hear_record(bed, DIALLER, RECORD_RENEW_2);
    bed_hear_record(bed, LISTENER, RECORD_RENEW_3);
    bed_hear_record(bed, DIALLER, RECORD_SWITCHED);
    for (int side = 0; side < SIDES; side++)
        assert_int_equal(keys_deadline(&bed->keys[side]).ms, MONO_NEVER.ms);
}

static void test_done_wipes(void **state)
{
    static const struct keys wiped;
    struct bed *bed = *state;

    bed_ask(bed);
    keys_done(&bed->keys[DIALLER]);
    assert_memory_equal(&bed->keys[DIALLER], &wiped, sizeof wiped);
}

#define BED_TEST(test) cmocka_unit_test_setup_teardown(test, bed_new, bed_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED_TEST(test_data_both_ways),
        BED_TEST(test_renewal_while_data_flow),
        BED_TEST(test_old_keys_go_one_by_one),
        BED_TEST(test_again_and_again),
        BED_TEST(test_any_flipped_bit_fails),
        BED_TEST(test_wrong_state),
        BED_TEST(test_wrong_length),
        BED_TEST(test_no_falling_back),
        BED_TEST(test_only_data_age_keys),
        BED_TEST(test_starts_when_due),
        BED_TEST(test_starts_after_bytes),
        BED_TEST(test_bytes_count_both_ways),
        BED_TEST(test_overdue),
        BED_TEST(test_overdue_while_switching),
        BED_TEST(test_idle_keys_stay),
        BED_TEST(test_done_wipes),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
