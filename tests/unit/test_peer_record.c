#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"
#include "common/json.h"
#include "daemon/core/overlay/peer_record.h"
#include "tests/unit/seeded.h"

static const int64_t issued_ms = INT64_C(1769860800000); /* 2026-01-31 12:00 UTC */

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

static struct identity owner(void)
{
    uint64_t seed = 6;
    struct random random = seeded(&seed);
    struct identity identity;

    crypto_init();
    identity_create(&random, &identity);
    return identity;
}

static struct host_port at(const char *text)
{
    struct host_port result = {0};

    assert_int_equal(host_port_parse(text, PORT_ZERO_REFUSED, &result), OK);
    return result;
}

/* As little as a record can say. */
static struct peer_record small_record(void)
{
    struct identity identity = owner();
    struct peer_record record = {
        .sequence = 1, .issued_ms = issued_ms, .lifetime_s = 1, .name = "a"};

    memcpy(record.key, identity.key.bytes, sizeof(record.key));
    return record;
}

/* Something of everything. */
static struct peer_record full_record(void)
{
    struct peer_record record = small_record();

    record.sequence = INT64_MAX;
    record.issued_ms = JSON_INTEGER_MAX;
    record.lifetime_s = PEER_RECORD_LIFETIME_S_MAX;
    record.flags = 0xff;
    memset(record.name, '9', ADDRESS_NAME_MAX);
    record.address_count = 4;
    record.addresses[0] = at("192.0.2.1:1");
    record.addresses[1] = at("[2001:db8::1]:65535");
    record.addresses[2] = at("example.org:28470");
    record.addresses[3] = at("127.0.0.1:28470");
    record.has_classic = true;
    record.classic = at("192.0.2.1:40000");
    record.via_count = 2;
    memset(record.via[0], 0x7f, sizeof(record.via[0]));
    memset(record.via[1], 0x01, sizeof(record.via[1]));
    return record;
}

static size_t encode(const struct peer_record *record, uint8_t out[PEER_RECORD_BYTES_MAX])
{
    struct identity identity = owner();
    size_t length = 0;

    assert_int_equal(peer_record_encode(record, &identity, out, &length), OK);
    return length;
}

static void assert_survives(const struct peer_record *record)
{
    uint8_t bytes[PEER_RECORD_BYTES_MAX], again[PEER_RECORD_BYTES_MAX];
    size_t length = encode(record, bytes);
    struct peer_record decoded;

    assert_int_equal(peer_record_decode(bytes, length, &decoded), OK);
    assert_memory_equal(decoded.key, record->key, sizeof(decoded.key));
    assert_int_equal(decoded.sequence, record->sequence);
    assert_int_equal(decoded.issued_ms, record->issued_ms);
    assert_int_equal(decoded.lifetime_s, record->lifetime_s);
    assert_int_equal(decoded.flags, record->flags);
    assert_string_equal(decoded.name, record->name);
    assert_int_equal(decoded.address_count, record->address_count);
    for (size_t i = 0; i < record->address_count; i++) {
        assert_string_equal(decoded.addresses[i].host, record->addresses[i].host);
        assert_int_equal(decoded.addresses[i].port, record->addresses[i].port);
    }
    assert_int_equal(decoded.has_classic, record->has_classic);
    assert_string_equal(decoded.classic.host, record->classic.host);
    assert_int_equal(decoded.classic.port, record->classic.port);
    assert_int_equal(decoded.via_count, record->via_count);
    assert_memory_equal(decoded.via, record->via, sizeof(decoded.via));
    assert_int_equal(encode(&decoded, again), length);
    assert_memory_equal(again, bytes, length);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct peer_record record = small_record();

    assert_survives(&record);
    record = full_record();
    assert_survives(&record);
    record.has_classic = false;
    memset(&record.classic, 0, sizeof(record.classic));
    assert_survives(&record);
}

static void read_nonsense(void *arg)
{
    static const uint8_t nonsense[PEER_RECORD_BYTES_MAX] = {1};

    peer_record_read(nonsense, sizeof nonsense, arg);
}

/* What was checked before is read without the signature; the front of it without the rest. */
static void test_what_was_checked_before(void **state)
{
    (void)state;
    const struct peer_record record = full_record();
    uint8_t bytes[PEER_RECORD_BYTES_MAX], again[PEER_RECORD_BYTES_MAX];
    const size_t length = encode(&record, bytes);
    struct peer_record read;

    bytes[length - 1] ^= 1; /* the signature */
    assert_int_equal(peer_record_decode(bytes, length, &read), ERR_BAD_SIGNATURE);
    bytes[length - 1] ^= 1;
    peer_record_read(bytes, length, &read);
    assert_int_equal(encode(&read, again), length);
    assert_memory_equal(again, bytes, length);

    const struct peer_record_head head = peer_record_peek(bytes);
    assert_memory_equal(head.key, record.key, sizeof record.key);
    assert_int_equal(head.sequence, record.sequence);
    assert_int_equal(head.issued_ms, record.issued_ms);
    assert_int_equal(head.lifetime_s, record.lifetime_s);
    assert_int_equal(peer_record_head_validity(&head, record.issued_ms), PEER_RECORD_VALID);
    unit_assert_aborts(read_nonsense, &read, "peer_record.c:");
}

static void test_most_of_everything(void **state)
{
    (void)state;
    struct peer_record record = full_record();

    record.address_count = PEER_RECORD_ADDRESSES_MAX;
    for (size_t i = 0; i < PEER_RECORD_ADDRESSES_MAX; i++)
        record.addresses[i] = at("255.255.255.254:65535");
    record.via_count = PEER_RECORD_VIA_MAX;
    memset(record.via, 0x7f, sizeof(record.via));
    assert_survives(&record);
}

#define ADDRESSES_HEX                        \
    "0401c00002010001"                       \
    "0220010db8000000000000000000000001ffff" \
    "030b6578616d706c652e6f72676f36"         \
    "017f0000016f36"                         \
    "0101c00002019c40"                       \
    "02"

/* The bytes, so that they stay what they are. */
static void test_layout(void **state)
{
    (void)state;
    struct peer_record record = full_record();
    struct identity identity = owner();
    uint8_t bytes[PEER_RECORD_BYTES_MAX], expected[PEER_RECORD_BYTES_MAX];
    size_t length = encode(&record, bytes), head = 1 + 32, body;

    assert_int_equal(bytes[0], 1);
    assert_memory_equal(bytes + 1, identity.key.bytes, 32);
    body = unit_hex("7fffffffffffffff001fffffffffffff00093a80ff40", expected, sizeof(expected));
    assert_memory_equal(bytes + head, expected, body);
    head += body + ADDRESS_NAME_MAX;
    body = unit_hex(ADDRESSES_HEX, expected, sizeof(expected));
    assert_memory_equal(bytes + head, expected, body);
    assert_int_equal(length, head + body + 2 * 32 + 64);
    assert_int_equal(crypto_verify_tagged(identity.key.bytes, "p2pchat record", bytes, length - 64,
                                          bytes + length - 64),
                     OK);
}

/* --- What is too large --- */

static struct peer_record record_with_name_of(size_t host_length)
{
    struct peer_record record = small_record();

    record.address_count = 1;
    record.addresses[0].port = 1;
    memset(record.addresses[0].host, 'a', host_length);
    for (size_t i = 60; i < host_length - 1; i += 60)
        record.addresses[0].host[i] = '.';
    return record;
}

static void test_largest(void **state)
{
    (void)state;
    struct peer_record record = record_with_name_of(ADDRESS_HOST_MAX);
    struct identity identity = owner();
    uint8_t bytes[PEER_RECORD_BYTES_MAX + 1];
    size_t length = encode(&record, bytes), untouched = 7;

    /* Fill it up to 400 bytes with a longer name; then one more. */
    assert_true(length < PEER_RECORD_BYTES_MAX);
    record.has_classic = true;
    record.classic = at("192.0.2.1:40000");
    length = encode(&record, bytes);
    assert_in_range(PEER_RECORD_BYTES_MAX - length, 1, ADDRESS_NAME_MAX - 2);
    memset(record.name, '9', 1 + PEER_RECORD_BYTES_MAX - length);
    assert_int_equal(encode(&record, bytes), PEER_RECORD_BYTES_MAX);
    assert_survives(&record);
    record.name[strlen(record.name)] = '9';
    assert_int_equal(peer_record_encode(&record, &identity, bytes, &untouched), ERR_OVERSIZED);
    assert_int_equal(untouched, 7);

    memset(bytes, 1, sizeof(bytes));
    assert_int_equal(peer_record_decode(bytes, sizeof(bytes), &record), ERR_OVERSIZED);
}

/* --- What does not decode --- */

static void test_every_bit_counts(void **state)
{
    (void)state;
    struct peer_record record = full_record(), decoded;
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length = encode(&record, bytes);

    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(peer_record_decode(bytes, length, &decoded), OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(peer_record_decode(bytes, length, &decoded), OK);
}

static void test_every_length_counts(void **state)
{
    (void)state;
    struct peer_record record = small_record(), decoded;
    uint8_t bytes[PEER_RECORD_BYTES_MAX] = {0};
    size_t length = encode(&record, bytes);

    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(peer_record_decode(bytes, cut, &decoded), ERR_MALFORMED);
    assert_int_equal(peer_record_decode(bytes, length + 1, &decoded), ERR_MALFORMED);
}

/* Decodes a body that its owner signed as it is. */
static enum error decode_signed(const uint8_t *body, size_t length)
{
    struct identity identity = owner();
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    struct peer_record decoded = {.flags = 0x5a}, untouched = decoded;
    enum error error;

    assert_true(length + CRYPTO_SIGNATURE_SIZE <= sizeof(bytes));
    memcpy(bytes, body, length);
    crypto_sign_tagged(identity.secret, "p2pchat record", bytes, length, bytes + length);
    error = peer_record_decode(bytes, length + CRYPTO_SIGNATURE_SIZE, &decoded);
    if (error != OK)
        assert_memory_equal(&decoded, &untouched, sizeof(decoded));
    return error;
}

/* A signed body that is made of pieces in hexadecimal, the key aside. */
static enum error decode_pieces(const char *before_key, const char *after_key)
{
    struct identity identity = owner();
    uint8_t body[PEER_RECORD_BYTES_MAX];
    size_t length = unit_hex(before_key, body, sizeof(body));

    memcpy(body + length, identity.key.bytes, sizeof(identity.key.bytes));
    length += sizeof(identity.key.bytes);
    length += unit_hex(after_key, body + length, sizeof(body) - length);
    return decode_signed(body, length);
}

/* What stands behind the key, in hexadecimal: by default as little as there can be. */
#define SEQUENCE "0000000000000001"
#define ISSUED   "0000000000000000"
#define LIFETIME "00000001"
#define NUMBERS  SEQUENCE ISSUED LIFETIME "00"
#define NAME     "0161" /* "a" */
#define NOTHING  "000000"
#define ONES     "0101010101010101010101010101010101010101010101010101010101010101"

struct decode_row {
    const char *hex;
    enum error error;
};

static const struct decode_row bodies[] = {
    {NUMBERS NAME NOTHING, OK},
    {"0000000000000000" ISSUED LIFETIME "00" NAME NOTHING, ERR_MALFORMED},
    {"7fffffffffffffff" ISSUED LIFETIME "00" NAME NOTHING, OK},
    {"8000000000000000" ISSUED LIFETIME "00" NAME NOTHING, ERR_MALFORMED},
    {SEQUENCE "001fffffffffffff" LIFETIME "00" NAME NOTHING, OK},
    {SEQUENCE "0020000000000000" LIFETIME "00" NAME NOTHING, ERR_MALFORMED},
    {SEQUENCE "ffffffffffffffff" LIFETIME "00" NAME NOTHING, ERR_MALFORMED},
    {SEQUENCE ISSUED "0000000000" NAME NOTHING, ERR_MALFORMED},
    {SEQUENCE ISSUED "00093a8000" NAME NOTHING, OK},
    {SEQUENCE ISSUED "00093a8100" NAME NOTHING, ERR_MALFORMED},
    {NUMBERS NAME NOTHING "00", ERR_MALFORMED},  /* something left over */
    {NUMBERS "00" NOTHING, ERR_MALFORMED},       /* no name */
    {NUMBERS "022d61" NOTHING, ERR_MALFORMED},   /* "-a" */
    {NUMBERS "026100" NOTHING, ERR_MALFORMED},   /* NUL */
    {NUMBERS "0361cc81" NOTHING, ERR_MALFORMED}, /* not NFC */
    {NUMBERS "ff61" NOTHING, ERR_MALFORMED},
    {NUMBERS NAME "000200", ERR_MALFORMED}, /* neither a classic address nor none */
    {NUMBERS NAME "000101c0000201000100", OK},
    {NUMBERS NAME "000101c0000201000000", ERR_MALFORMED},
    {NUMBERS NAME "000003" ONES ONES ONES, OK},
    {NUMBERS NAME "000004" ONES ONES ONES ONES, ERR_MALFORMED},
    {NUMBERS NAME "000001ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", OK},
    {NUMBERS NAME "0000010000000000000000000000000000000000000000000000000000000000000080",
     ERR_BAD_KEY},
};

static void test_bodies(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(decode_pieces("01", bodies[i].hex), bodies[i].error);
}

static void test_version(void **state)
{
    (void)state;

    assert_int_equal(decode_pieces("00", NUMBERS NAME NOTHING), ERR_BAD_VERSION);
    assert_int_equal(decode_pieces("02", NUMBERS NAME NOTHING), ERR_BAD_VERSION);
}

#define ADDRESS(hex) NUMBERS NAME "01" hex "0000"

static const struct decode_row addresses[] = {
    {ADDRESS("01c00002010001"), OK},
    {ADDRESS("0100000000ffff"), OK}, /* whether to believe it is another question */
    {ADDRESS("01c00002010000"), ERR_MALFORMED},
    {ADDRESS("0220010db80000000000000000000000010001"), OK},
    {ADDRESS("02000000000000000000000000000000000001"), OK},
    {ADDRESS("0200000000000000000000ffffc00002010001"), ERR_MALFORMED}, /* v4-mapped */
    {ADDRESS("0220010db80000000000000000000000010000"), ERR_MALFORMED},
    {ADDRESS("0301610001"), OK},
    {ADDRESS("030b6578616d706c652e6f72670001"), OK},
    {ADDRESS("030b6578616d706c652e6f72670000"), ERR_MALFORMED},
    {ADDRESS("030b4578616d706c652e6f72670001"), ERR_MALFORMED},   /* Example.org */
    {ADDRESS("030c6578616d706c652e6f72672e0001"), ERR_MALFORMED}, /* example.org. */
    {ADDRESS("03000001"), ERR_MALFORMED},
    {ADDRESS("030261000001"), ERR_MALFORMED},               /* NUL */
    {ADDRESS("030261200001"), ERR_MALFORMED},               /* a blank */
    {ADDRESS("0303613a620001"), ERR_MALFORMED},             /* a:b */
    {ADDRESS("0302c3a10001"), ERR_MALFORMED},               /* not ASCII */
    {ADDRESS("03033a3a310001"), ERR_MALFORMED},             /* ::1 as a name */
    {ADDRESS("03093132372e302e302e310001"), ERR_MALFORMED}, /* 127.0.0.1 as a name */
    {ADDRESS("03055b3a3a315d0001"), ERR_MALFORMED},         /* [::1] as a name */
    {ADDRESS("03053132372e310001"), ERR_MALFORMED},         /* 127.1, an old spelling */
    {ADDRESS("03ff610001"), ERR_MALFORMED},
    {ADDRESS("00c00002010001"), ERR_MALFORMED},
    {ADDRESS("04c00002010001"), ERR_MALFORMED},
    {ADDRESS("ffc00002010001"), ERR_MALFORMED},
};

static void test_addresses(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        assert_int_equal(decode_pieces("01", addresses[i].hex), addresses[i].error);
}

static void test_count_of_addresses(void **state)
{
    (void)state;
#define EIGHT(x) x x x x x x x x

    assert_int_equal(decode_pieces("01", NUMBERS NAME "08" EIGHT("01c00002010001") "0000"), OK);
    assert_int_equal(decode_pieces("01", NUMBERS NAME "09" EIGHT("01c00002010001") "01c00002010001"
                                                                                   "0000"),
                     ERR_MALFORMED);
}

static void test_keys(void **state)
{
    (void)state;
    struct peer_record record = small_record(), decoded;
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length = encode(&record, bytes);

    /* Another's key, and one whose bit 255 is 1. */
    bytes[1] ^= 1;
    assert_int_equal(peer_record_decode(bytes, length, &decoded), ERR_BAD_SIGNATURE);
    bytes[1] ^= 1;
    bytes[32] |= 0x80;
    assert_int_equal(peer_record_decode(bytes, length, &decoded), ERR_BAD_KEY);
}

static void test_signature_of_another_kind(void **state)
{
    (void)state;
    struct identity identity = owner();
    struct peer_record record = small_record(), decoded;
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length = encode(&record, bytes);

    crypto_sign_tagged(identity.secret, "p2pchat route", bytes, length - 64, bytes + length - 64);
    assert_int_equal(peer_record_decode(bytes, length, &decoded), ERR_BAD_SIGNATURE);
}

/* --- What a record says --- */

static void test_validity(void **state)
{
    (void)state;
    struct peer_record record = small_record();

    record.lifetime_s = PEER_RECORD_LIFETIME_S;
    assert_int_equal(peer_record_validity(&record, issued_ms - 10 * MINUTE_MS - 1),
                     PEER_RECORD_AHEAD);
    assert_int_equal(peer_record_validity(&record, issued_ms - 10 * MINUTE_MS), PEER_RECORD_VALID);
    assert_int_equal(peer_record_validity(&record, issued_ms), PEER_RECORD_VALID);
    assert_int_equal(peer_record_validity(&record, issued_ms + DAY_MS - 1), PEER_RECORD_VALID);
    assert_int_equal(peer_record_validity(&record, issued_ms + DAY_MS), PEER_RECORD_EXPIRED);

    record = full_record();
    assert_int_equal(peer_record_validity(&record, INT64_MIN), PEER_RECORD_AHEAD);
    assert_int_equal(peer_record_validity(&record, INT64_MAX), PEER_RECORD_EXPIRED);
    record.issued_ms = 0;
    assert_int_equal(peer_record_validity(&record, 0), PEER_RECORD_VALID);
}

static void test_newer(void **state)
{
    (void)state;
    struct peer_record a = small_record(), b = small_record();

    assert_false(peer_record_is_newer(&a, &b));
    b.issued_ms++;
    assert_false(peer_record_is_newer(&b, &a)); /* only the sequence counts */
    b.sequence++;
    assert_true(peer_record_is_newer(&b, &a));
    assert_false(peer_record_is_newer(&a, &b));
}

static void test_withdrawal(void **state)
{
    (void)state;
    struct peer_record record = small_record();

    assert_true(peer_record_is_withdrawal(&record));
    assert_survives(&record);
    record.via_count = 1;
    assert_false(peer_record_is_withdrawal(&record));
    record = small_record();
    record.has_classic = true;
    assert_false(peer_record_is_withdrawal(&record));
    record = small_record();
    record.address_count = 1;
    assert_false(peer_record_is_withdrawal(&record));
}

static void test_next_sequence(void **state)
{
    (void)state;

    assert_int_equal(peer_record_next_sequence(0, issued_ms), issued_ms);
    assert_int_equal(peer_record_next_sequence(issued_ms - 1, issued_ms), issued_ms);
    assert_int_equal(peer_record_next_sequence(issued_ms, issued_ms), issued_ms + 1);
    assert_int_equal(peer_record_next_sequence(issued_ms + 5, issued_ms), issued_ms + 6);
    assert_int_equal(peer_record_next_sequence(0, 0), 1);
    assert_int_equal(peer_record_next_sequence(0, -5), 1);
    assert_int_equal(peer_record_next_sequence(INT64_MAX - 1, 0), INT64_MAX);
}

/* --- Our own mistakes --- */

static void encode_it(void *arg)
{
    uint8_t bytes[PEER_RECORD_BYTES_MAX];

    encode(arg, bytes);
}

static void test_mistakes_abort(void **state)
{
    (void)state;
    struct peer_record record = small_record();

    record.key[0] ^= 1;
    unit_assert_aborts(encode_it, &record, "does not hold: memcmp(");
    record = small_record();
    record.sequence = 0;
    unit_assert_aborts(encode_it, &record, "sequence");
    record = small_record();
    record.issued_ms = -1;
    unit_assert_aborts(encode_it, &record, "issued_ms");
    record = small_record();
    record.lifetime_s = PEER_RECORD_LIFETIME_S_MAX + 1;
    unit_assert_aborts(encode_it, &record, "lifetime_s");
    record = small_record();
    record.name[0] = '-';
    unit_assert_aborts(encode_it, &record, "name_check");
    record = small_record();
    record.address_count = PEER_RECORD_ADDRESSES_MAX + 1;
    unit_assert_aborts(encode_it, &record, "address_count");
    record = small_record();
    record.address_count = 1;
    unit_assert_aborts(encode_it, &record, "address_is_good");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_was_checked_before),
        cmocka_unit_test(test_most_of_everything),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_every_length_counts),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_count_of_addresses),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_signature_of_another_kind),
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_withdrawal),
        cmocka_unit_test(test_next_sequence),
        cmocka_unit_test(test_mistakes_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
