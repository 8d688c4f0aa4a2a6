#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/link/noise.h"
#include "tests/unit/low_order.h"

enum { BUFFER_SIZE = 256, PAYLOAD_SIZE = 32, SIDES = 2 };

static const enum noise_pattern all_patterns[] = {NOISE_XK, NOISE_XX, NOISE_XK_PSK0, NOISE_XX_PSK0};
enum { PATTERNS = sizeof all_patterns / sizeof all_patterns[0] };

struct message {
    uint8_t bytes[BUFFER_SIZE];
    size_t length;
};

/* --- Published vectors --- */

struct vector {
    char name[64];
    uint8_t init_static[CRYPTO_DH_SIZE], resp_static[CRYPTO_DH_SIZE];
    uint8_t init_ephemeral[CRYPTO_DH_SIZE], resp_ephemeral[CRYPTO_DH_SIZE];
    uint8_t psk[NOISE_PSK_SIZE];
    uint8_t prologue[64];
    size_t prologue_length;
    struct message payload[NOISE_MESSAGES + 2], ciphertext[NOISE_MESSAGES + 2];
};

static enum noise_pattern pattern_of(const char *name)
{
    static const char *const names[] = {
        [NOISE_XK] = "Noise_XK_25519_ChaChaPoly_SHA256",
        [NOISE_XX] = "Noise_XX_25519_ChaChaPoly_SHA256",
        [NOISE_XK_PSK0] = "Noise_XKpsk0_25519_ChaChaPoly_SHA256",
        [NOISE_XX_PSK0] = "Noise_XXpsk0_25519_ChaChaPoly_SHA256",
    };

    for (size_t i = 0; i < PATTERNS; i++) {
        if (strcmp(name, names[all_patterns[i]]) == 0)
            return all_patterns[i];
    }
    fail_msg("unknown handshake %s", name);
    abort();
}

static bool knows_responder(enum noise_pattern pattern)
{
    return pattern == NOISE_XK || pattern == NOISE_XK_PSK0;
}

static bool has_psk(enum noise_pattern pattern)
{
    return pattern == NOISE_XK_PSK0 || pattern == NOISE_XX_PSK0;
}

/* One "name=value" line into v. */
static void vector_line(struct vector *v, const char *name, const char *value)
{
    unsigned number;
    char what[16];

    if (sscanf(name, "msg_%u_%15s", &number, what) == 2) {
        assert_in_range(number, 0, NOISE_MESSAGES + 1);
        struct message *m =
            strcmp(what, "payload") == 0 ? &v->payload[number] : &v->ciphertext[number];
        m->length = unit_hex(value, m->bytes, sizeof m->bytes);
    } else if (strcmp(name, "init_static") == 0) {
        unit_hex(value, v->init_static, sizeof v->init_static);
    } else if (strcmp(name, "resp_static") == 0) {
        unit_hex(value, v->resp_static, sizeof v->resp_static);
    } else if (strcmp(name, "gen_init_ephemeral") == 0) {
        unit_hex(value, v->init_ephemeral, sizeof v->init_ephemeral);
    } else if (strcmp(name, "gen_resp_ephemeral") == 0) {
        unit_hex(value, v->resp_ephemeral, sizeof v->resp_ephemeral);
    } else if (strcmp(name, "preshared_key") == 0) {
        unit_hex(value, v->psk, sizeof v->psk);
    } else if (strcmp(name, "prologue") == 0) {
        v->prologue_length = unit_hex(value, v->prologue, sizeof v->prologue);
    } else {
        fail_msg("unknown line %s", name);
    }
}

static void vector_setups(const struct vector *v, const struct crypto_dh statics[SIDES],
                          struct noise_setup ret_setups[SIDES])
{
    enum noise_pattern pattern = pattern_of(v->name);

    for (int side = 0; side < SIDES; side++) {
        ret_setups[side] = (struct noise_setup){
            .pattern = pattern,
            .role = side == 0 ? NOISE_INITIATOR : NOISE_RESPONDER,
            .prologue = v->prologue,
            .prologue_length = v->prologue_length,
            .self = &statics[side],
            .remote = side == 0 && knows_responder(pattern) ? statics[1].public : NULL,
            .psk = has_psk(pattern) ? v->psk : NULL,
            .ephemeral = side == 0 ? v->init_ephemeral : v->resp_ephemeral,
        };
    }
}

static void vector_check_transport(const struct vector *v, struct noise sides[SIDES])
{
    struct noise_cipher send[SIDES], receive[SIDES];
    uint8_t out[BUFFER_SIZE];

    for (int side = 0; side < SIDES; side++)
        noise_split(&sides[side], &send[side], &receive[side]);
    for (int i = NOISE_MESSAGES; i < NOISE_MESSAGES + 2; i++) {
        const struct message *plain = &v->payload[i], *sealed = &v->ciphertext[i];
        int sender = i - NOISE_MESSAGES; /* first the initiator, then the responder */
        assert_int_equal(
            noise_cipher_seal(&send[sender], NULL, 0, plain->bytes, plain->length, out), OK);
        assert_int_equal(plain->length + CRYPTO_MAC_SIZE, sealed->length);
        assert_memory_equal(out, sealed->bytes, sealed->length);
        assert_int_equal(noise_cipher_open(&receive[!sender], NULL, 0, out, sealed->length, out),
                         OK);
        assert_memory_equal(out, plain->bytes, plain->length);
    }
}

static void vector_check(const struct vector *v)
{
    struct crypto_dh statics[SIDES];
    struct noise_setup setups[SIDES];
    struct noise sides[SIDES];
    uint8_t out[BUFFER_SIZE];
    size_t length;

    crypto_dh_init(&statics[0], v->init_static);
    crypto_dh_init(&statics[1], v->resp_static);
    vector_setups(v, statics, setups);
    for (int side = 0; side < SIDES; side++)
        noise_init(&sides[side], &setups[side]);

    for (int i = 0; i < NOISE_MESSAGES; i++) {
        const struct message *plain = &v->payload[i], *sealed = &v->ciphertext[i];
        assert_int_equal(noise_overhead(&sides[i % 2]), sealed->length - plain->length);
        assert_int_equal(noise_overhead(&sides[1 - i % 2]), sealed->length - plain->length);
        assert_int_equal(
            noise_write(&sides[i % 2], plain->bytes, plain->length, out, sealed->length, &length),
            OK);
        assert_int_equal(length, sealed->length);
        assert_memory_equal(out, sealed->bytes, length);
        assert_int_equal(noise_read(&sides[1 - i % 2], sealed->bytes, sealed->length, out,
                                    plain->length, &length),
                         OK);
        assert_int_equal(length, plain->length);
        assert_memory_equal(out, plain->bytes, length);
    }
    assert_memory_equal(noise_hash(&sides[0]), noise_hash(&sides[1]), CRYPTO_HASH_SIZE);
    assert_memory_equal(noise_remote_static(&sides[0]), statics[1].public, CRYPTO_DH_SIZE);
    assert_memory_equal(noise_remote_static(&sides[1]), statics[0].public, CRYPTO_DH_SIZE);
    vector_check_transport(v, sides);
}

static void test_published_vectors(void **state)
{
    (void)state;
    const char *top = getenv("top_srcdir");
    char path[4096], line[1024];
    struct vector v = {.name = ""};
    int count[NOISE_XX_PSK0 + 1] = {0};

    snprintf(path, sizeof path, "%s/tests/data/noise_vectors.txt", top != NULL ? top : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    while (fgets(line, sizeof line, file) != NULL) {
        char *name = line, *value = strchr(line, '=');
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        assert_non_null(value);
        *value++ = '\0';
        if (strcmp(name, "handshake") != 0) {
            vector_line(&v, name, value);
            if (strcmp(name, "msg_4_ciphertext") == 0) /* the last line of each */
                vector_check(&v);
            continue;
        }
        v = (struct vector){.name = ""};
        snprintf(v.name, sizeof v.name, "%s", value);
        count[pattern_of(v.name)]++;
    }
    fclose(file);
    for (size_t i = 0; i < PATTERNS; i++)
        assert_int_equal(count[all_patterns[i]], 4);
}

/* --- A handshake that went well, to be spoiled --- */

struct bed {
    struct crypto_dh statics[SIDES];
    struct noise_setup setups[SIDES];
    struct noise before[NOISE_MESSAGES + 1][SIDES]; /* states before each message, and at the end */
    struct message sent[NOISE_MESSAGES];
};

static const uint8_t bed_psk[NOISE_PSK_SIZE] = "thirty-two bytes that few know!";
static const uint8_t bed_prologue[] = "prologue";
/* Secrets here are multiples of 8: X25519 ignores the lowest three bits. */
static const uint8_t bed_ephemerals[SIDES][CRYPTO_DH_SIZE] = {{24}, {32}};
static const uint8_t bed_payload[PAYLOAD_SIZE] = "payload";

static void bed_setup(struct bed *bed, enum noise_pattern pattern)
{
    static const uint8_t secrets[SIDES][CRYPTO_DH_SIZE] = {{8}, {16}};

    for (int side = 0; side < SIDES; side++) {
        crypto_dh_init(&bed->statics[side], secrets[side]);
        bed->setups[side] = (struct noise_setup){
            .pattern = pattern,
            .role = side == 0 ? NOISE_INITIATOR : NOISE_RESPONDER,
            .prologue = bed_prologue,
            .prologue_length = sizeof bed_prologue,
            .self = &bed->statics[side],
            .remote = side == 0 && knows_responder(pattern) ? bed->statics[1].public : NULL,
            .psk = has_psk(pattern) ? bed_psk : NULL,
            .ephemeral = bed_ephemerals[side],
        };
    }
}

static void bed_run(struct bed *bed, enum noise_pattern pattern)
{
    struct noise sides[SIDES];
    uint8_t out[BUFFER_SIZE];
    size_t length;

    bed_setup(bed, pattern);
    for (int side = 0; side < SIDES; side++)
        noise_init(&sides[side], &bed->setups[side]);
    for (int i = 0; i < NOISE_MESSAGES; i++) {
        struct message *m = &bed->sent[i];
        memcpy(bed->before[i], sides, sizeof sides);
        assert_int_equal(noise_write(&sides[i % 2], bed_payload, PAYLOAD_SIZE, m->bytes,
                                     sizeof m->bytes, &m->length),
                         OK);
        assert_int_equal(
            noise_read(&sides[1 - i % 2], m->bytes, m->length, out, sizeof out, &length), OK);
    }
    memcpy(bed->before[NOISE_MESSAGES], sides, sizeof sides);
}

/* Gives a message that was not meant so to the side that waits for message number i. Either it is
 * refused, and nothing has changed; or (only XX's first, which carries no proof) what the reader
 * says next is refused by the writer. */
static void assert_fails(const struct bed *bed, int i, const uint8_t *message, size_t length)
{
    struct noise reader = bed->before[i][1 - i % 2], before;
    struct message answer;
    uint8_t out[BUFFER_SIZE];
    size_t out_length = 77;

    memcpy(&before, &reader, sizeof before);
    if (noise_read(&reader, message, length, out, sizeof out, &out_length) != OK) {
        assert_memory_equal(&reader, &before, sizeof reader);
        assert_int_equal(out_length, 77);
        return;
    }
    assert_int_equal(i, 0);
    assert_true(bed->setups[0].pattern == NOISE_XX);
    if (noise_write(&reader, bed_payload, PAYLOAD_SIZE, answer.bytes, sizeof answer.bytes,
                    &answer.length) != OK)
        return; /* what took the place of the key is of low order */
    struct noise writer = bed->before[1][0];
    assert_int_equal(noise_read(&writer, answer.bytes, answer.length, out, sizeof out, &out_length),
                     ERR_BAD_MAC);
}

static void test_any_flipped_bit_fails(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            struct message *m = &bed.sent[i];
            for (size_t bit = 0; bit < 8 * m->length; bit++) {
                m->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_fails(&bed, i, m->bytes, m->length);
                m->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        }
    }
}

static void test_any_other_length_fails(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            const struct message *m = &bed.sent[i];
            for (size_t length = 0; length <= BUFFER_SIZE; length++) {
                if (length != m->length)
                    assert_fails(&bed, i, m->bytes, length);
            }
        }
    }
}

static void test_any_other_message_fails(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            for (int other = 0; other < NOISE_MESSAGES; other++) {
                if (other != i)
                    assert_fails(&bed, i, bed.sent[other].bytes, bed.sent[other].length);
            }
        }
    }
}

/* The messages of one handshake mean nothing in another with fresh ephemeral keys. */
static void test_replay_fails(void **state)
{
    (void)state;
    static const uint8_t fresh[CRYPTO_DH_SIZE] = {48};
    struct bed bed;
    struct message answer;
    uint8_t out[BUFFER_SIZE];
    size_t length;

    for (size_t p = 0; p < PATTERNS; p++) {
        struct noise n;
        bed_run(&bed, all_patterns[p]);
        bed.setups[1].ephemeral = fresh;
        noise_init(&n, &bed.setups[1]);
        assert_int_equal(
            noise_read(&n, bed.sent[0].bytes, bed.sent[0].length, out, sizeof out, &length), OK);
        assert_int_equal(noise_write(&n, bed_payload, PAYLOAD_SIZE, answer.bytes,
                                     sizeof answer.bytes, &answer.length),
                         OK);
        assert_int_equal(
            noise_read(&n, bed.sent[2].bytes, bed.sent[2].length, out, sizeof out, &length),
            ERR_BAD_MAC);
    }
}

/* --- Both sides differ in what they must share --- */

/* Runs the two setups against each other until one refuses; says in which message. */
static int first_refused(const struct noise_setup setups[SIDES])
{
    struct noise sides[SIDES];
    struct message m;
    uint8_t out[BUFFER_SIZE];
    size_t length;

    for (int side = 0; side < SIDES; side++)
        noise_init(&sides[side], &setups[side]);
    for (int i = 0; i < NOISE_MESSAGES; i++) {
        assert_int_equal(noise_write(&sides[i % 2], bed_payload, PAYLOAD_SIZE, m.bytes,
                                     sizeof m.bytes, &m.length),
                         OK);
        enum error error =
            noise_read(&sides[1 - i % 2], m.bytes, m.length, out, sizeof out, &length);
        if (error != OK) {
            assert_int_equal(error, ERR_BAD_MAC);
            return i;
        }
    }
    return NOISE_MESSAGES;
}

static void test_other_prologue_fails(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_setup(&bed, all_patterns[p]);
        assert_int_equal(first_refused(bed.setups), NOISE_MESSAGES);
        bed.setups[1].prologue_length--;
        assert_int_equal(first_refused(bed.setups), all_patterns[p] == NOISE_XX ? 1 : 0);
    }
}

static void test_other_psk_fails(void **state)
{
    (void)state;
    static const uint8_t other[NOISE_PSK_SIZE];
    struct bed bed;

    bed_setup(&bed, NOISE_XK_PSK0);
    bed.setups[0].psk = other;
    assert_int_equal(first_refused(bed.setups), 0);
    bed_setup(&bed, NOISE_XX_PSK0);
    bed.setups[0].psk = other;
    assert_int_equal(first_refused(bed.setups), 0);
}

static void test_other_static_fails(void **state)
{
    (void)state;
    static const uint8_t secret[CRYPTO_DH_SIZE] = {40};
    struct crypto_dh other;
    struct bed bed;

    crypto_dh_init(&other, secret);
    for (size_t p = 0; p < PATTERNS; p++) {
        bed_setup(&bed, all_patterns[p]);
        bed.setups[1].self = &other; /* not whom XK dials; for XX just somebody */
        assert_int_equal(first_refused(bed.setups),
                         knows_responder(all_patterns[p]) ? 0 : NOISE_MESSAGES);

        /* claims a public key whose secret it does not have */
        for (int side = 0; side < SIDES; side++) {
            bed_setup(&bed, all_patterns[p]);
            memcpy(bed.statics[side].secret, other.secret, CRYPTO_DH_SIZE);
            assert_int_equal(first_refused(bed.setups), side == 0                          ? 2
                                                        : knows_responder(all_patterns[p]) ? 0
                                                                                           : 1);
        }
    }
}

static void test_other_pattern_fails(void **state)
{
    (void)state;
    struct bed a, b;

    for (size_t p = 0; p < PATTERNS; p++) {
        for (size_t q = 0; q < PATTERNS; q++) {
            if (p == q)
                continue;
            bed_setup(&a, all_patterns[p]);
            bed_setup(&b, all_patterns[q]);
            const struct noise_setup setups[SIDES] = {a.setups[0], b.setups[1]};
            assert_in_range(first_refused(setups), 0, 1);
        }
    }
}

/* --- Keys of low order --- */

/* The first 32 bytes of the first two messages are ephemeral keys in the clear. */
static void test_low_order_ephemeral(void **state)
{
    (void)state;
    uint8_t out[BUFFER_SIZE];
    size_t length;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        for (size_t k = 0; k < LOW_ORDER_COUNT; k++) {
            bed_run(&bed, all_patterns[p]);
            struct noise responder = bed.before[0][1], initiator = bed.before[1][0];
            struct message *first = &bed.sent[0], *second = &bed.sent[1];
            unit_hex(low_order[k], first->bytes, CRYPTO_DH_SIZE);
            unit_hex(low_order[k], second->bytes, CRYPTO_DH_SIZE);

            assert_int_equal(
                noise_read(&initiator, second->bytes, second->length, out, sizeof out, &length),
                ERR_BAD_KEY);
            enum error error =
                noise_read(&responder, first->bytes, first->length, out, sizeof out, &length);
            if (all_patterns[p] == NOISE_XX) { /* no secret is made of it yet */
                assert_int_equal(error, OK);
                error = noise_write(&responder, NULL, 0, out, sizeof out, &length);
                assert_int_equal(error, ERR_BAD_KEY);
            } else {
                assert_int_equal(error,
                                 knows_responder(all_patterns[p]) ? ERR_BAD_KEY : ERR_BAD_MAC);
            }
        }
    }
}

/* A side that says (sealed, where the pattern seals it) that its static key is one of low order. */
static void test_low_order_static(void **state)
{
    (void)state;
    struct message m;
    uint8_t out[BUFFER_SIZE];
    size_t length;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        for (size_t k = 0; k < LOW_ORDER_COUNT; k++) {
            bed_run(&bed, all_patterns[p]);
            struct noise sender = bed.before[2][0], reader = bed.before[2][1];
            unit_hex(low_order[k], sender.s.public, CRYPTO_DH_SIZE);
            assert_int_equal(noise_write(&sender, NULL, 0, m.bytes, sizeof m.bytes, &m.length), OK);
            assert_int_equal(noise_read(&reader, m.bytes, m.length, out, sizeof out, &length),
                             ERR_BAD_KEY);

            if (knows_responder(all_patterns[p])) {
                uint8_t remote[CRYPTO_DH_SIZE];
                unit_hex(low_order[k], remote, sizeof remote);
                bed.setups[0].remote = remote;
                noise_init(&sender, &bed.setups[0]);
                assert_int_equal(noise_write(&sender, NULL, 0, out, sizeof out, &length),
                                 ERR_BAD_KEY);
                continue;
            }
            sender = bed.before[1][1];
            reader = bed.before[1][0];
            unit_hex(low_order[k], sender.s.public, CRYPTO_DH_SIZE);
            assert_int_equal(noise_write(&sender, NULL, 0, m.bytes, sizeof m.bytes, &m.length), OK);
            assert_int_equal(noise_read(&reader, m.bytes, m.length, out, sizeof out, &length),
                             ERR_BAD_KEY);
        }
    }
}

/* --- Turns and sizes --- */

static void assert_cannot_write(const struct noise *n)
{
    struct noise copy = *n;
    uint8_t out[BUFFER_SIZE];
    size_t length;

    assert_int_equal(noise_write(&copy, NULL, 0, out, sizeof out, &length), ERR_BAD_STATE);
}

static void assert_cannot_read(const struct noise *n, const struct message *m)
{
    struct noise copy = *n;
    uint8_t out[BUFFER_SIZE];
    size_t length;

    assert_int_equal(noise_read(&copy, m->bytes, m->length, out, sizeof out, &length),
                     ERR_BAD_STATE);
}

static void test_turns(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            assert_cannot_write(&bed.before[i][1 - i % 2]);
            assert_cannot_read(&bed.before[i][i % 2], &bed.sent[i]);
            assert_false(noise_is_done(&bed.before[i][0]));
        }
        for (int side = 0; side < SIDES; side++) {
            const struct noise *n = &bed.before[NOISE_MESSAGES][side];
            assert_true(noise_is_done(n));
            assert_int_equal(noise_overhead(n), 0);
            assert_cannot_write(n);
            assert_cannot_read(n, &bed.sent[2]);
        }
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static uint8_t payload[NOISE_MESSAGE_SIZE_MAX], message[NOISE_MESSAGE_SIZE_MAX + 1];
    static uint8_t out[NOISE_MESSAGE_SIZE_MAX];
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i < NOISE_MESSAGES; i++) {
            struct noise writer = bed.before[i][i % 2], reader = bed.before[i][1 - i % 2];
            size_t most = NOISE_MESSAGE_SIZE_MAX - noise_overhead(&writer);
            size_t length = 77;

            assert_int_equal(
                noise_write(&writer, payload, most + 1, message, sizeof message, &length),
                ERR_OVERSIZED);
            assert_int_equal(
                noise_write(&writer, payload, SIZE_MAX, message, sizeof message, &length),
                ERR_OVERSIZED);
            assert_int_equal(
                noise_write(&writer, payload, most, message, NOISE_MESSAGE_SIZE_MAX - 1, &length),
                ERR_OVERSIZED);
            assert_int_equal(
                noise_write(&writer, payload, 0, message, noise_overhead(&writer) - 1, &length),
                ERR_OVERSIZED);
            assert_int_equal(
                noise_read(&reader, message, noise_overhead(&reader) - 1, out, sizeof out, &length),
                ERR_TRUNCATED);
            assert_int_equal(length, 77);
            assert_memory_equal(&writer, &bed.before[i][i % 2], sizeof writer);

            assert_int_equal(noise_write(&writer, payload, most, message, sizeof message, &length),
                             OK);
            assert_int_equal(length, NOISE_MESSAGE_SIZE_MAX);
            assert_int_equal(noise_read(&reader, message, sizeof message, out, sizeof out, &length),
                             ERR_OVERSIZED);
            assert_int_equal(
                noise_read(&reader, message, NOISE_MESSAGE_SIZE_MAX, out, most - 1, &length),
                ERR_OVERSIZED);
            assert_memory_equal(&reader, &bed.before[i][1 - i % 2], sizeof reader);
            assert_int_equal(
                noise_read(&reader, message, NOISE_MESSAGE_SIZE_MAX, out, most, &length), OK);
            assert_int_equal(length, most);
            assert_memory_equal(out, payload, most);
        }
    }
}

static void test_remote_static_when_known(void **state)
{
    (void)state;
    struct bed bed;

    for (size_t p = 0; p < PATTERNS; p++) {
        bed_run(&bed, all_patterns[p]);
        for (int i = 0; i <= NOISE_MESSAGES; i++) {
            bool known = knows_responder(all_patterns[p]) || i >= 2;
            assert_int_equal(noise_remote_static(&bed.before[i][0]) != NULL, known);
            assert_int_equal(noise_remote_static(&bed.before[i][1]) != NULL, i == NOISE_MESSAGES);
        }
    }
}

/* --- Ciphers --- */

static void test_cipher_counts(void **state)
{
    (void)state;
    struct noise_cipher send = {.key = {1}}, receive = send;
    uint8_t one[1 + CRYPTO_MAC_SIZE] = {'1'}, two[1 + CRYPTO_MAC_SIZE] = {'2'},
                    copy[1 + CRYPTO_MAC_SIZE];

    assert_int_equal(noise_cipher_seal(&send, NULL, 0, one, 1, one), OK);
    assert_int_equal(noise_cipher_seal(&send, NULL, 0, two, 1, two), OK);
    memcpy(copy, two, sizeof two);
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, two, sizeof two, two),
                     ERR_BAD_MAC); /* too early */
    assert_int_equal(receive.nonce, 0);
    memcpy(two, copy, sizeof two);
    memcpy(copy, one, sizeof one);
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, one, sizeof one, one), OK);
    assert_int_equal(one[0], '1');
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, copy, sizeof copy, copy),
                     ERR_BAD_MAC); /* again */
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, two, sizeof two, two), OK);
    assert_int_equal(two[0], '2');
    assert_int_equal(send.nonce, 2);
    assert_int_equal(receive.nonce, 2);
}

static void test_cipher_ends(void **state)
{
    (void)state;
    struct noise_cipher send = {.key = {1}, .nonce = UINT64_MAX - 1}, receive = send;
    static const struct noise_cipher wiped;
    uint8_t bytes[1 + CRYPTO_MAC_SIZE] = {'1'};

    assert_int_equal(noise_cipher_seal(&send, NULL, 0, bytes, 1, bytes), OK);
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, bytes, sizeof bytes, bytes), OK);
    assert_int_equal(noise_cipher_seal(&send, NULL, 0, bytes, 1, bytes), ERR_BAD_STATE);
    assert_int_equal(noise_cipher_open(&receive, NULL, 0, bytes, sizeof bytes, bytes),
                     ERR_BAD_STATE);
    noise_cipher_done(&send);
    assert_memory_equal(&send, &wiped, sizeof send);
}

/* --- Our own mistakes --- */

static void die_init(void *arg)
{
    struct noise n;

    noise_init(&n, arg);
}

static void die_split(void *arg)
{
    struct noise_cipher send, receive;

    noise_split(arg, &send, &receive);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    struct bed bed;

    bed_run(&bed, NOISE_XX);
    bed.setups[0].remote = bed.statics[1].public;
    unit_assert_aborts(die_init, &bed.setups[0], "setup->remote");
    bed.setups[1].psk = bed_psk;
    unit_assert_aborts(die_init, &bed.setups[1], "setup->psk");
    unit_assert_aborts(die_split, &bed.before[2][0], "noise_is_done");
}

static void test_done_wipes(void **state)
{
    (void)state;
    static const struct noise wiped;
    struct bed bed;

    bed_run(&bed, NOISE_XK_PSK0);
    noise_done(&bed.before[2][0]);
    assert_memory_equal(&bed.before[2][0], &wiped, sizeof wiped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_any_flipped_bit_fails),
        cmocka_unit_test(test_any_other_length_fails),
        cmocka_unit_test(test_any_other_message_fails),
        cmocka_unit_test(test_replay_fails),
        cmocka_unit_test(test_other_prologue_fails),
        cmocka_unit_test(test_other_psk_fails),
        cmocka_unit_test(test_other_static_fails),
        cmocka_unit_test(test_other_pattern_fails),
        cmocka_unit_test(test_low_order_ephemeral),
        cmocka_unit_test(test_low_order_static),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_remote_static_when_known),
        cmocka_unit_test(test_cipher_counts),
        cmocka_unit_test(test_cipher_ends),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_done_wipes),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
