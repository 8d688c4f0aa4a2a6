/* Any bytes as any message of a Noise handshake.
 *
 * The first byte chooses the pattern (bits 0 and 1) and the number of the message (bits 2 and 3);
 * the rest is the message. The other messages are genuine, from keys that never change, so that
 * genuine ones stand in the corpus. Nothing but the genuine message may be taken, and what is
 * refused may change nothing. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/noise.h"

enum { SIDES = 2, MESSAGE_SIZE_MAX = 256, PAYLOAD_SIZE = 32 };

static const enum noise_pattern patterns[] = {NOISE_XK, NOISE_XX, NOISE_XK_PSK0, NOISE_XX_PSK0};

static void start(enum noise_pattern pattern, struct noise ret_sides[SIDES])
{
    static const uint8_t secrets[SIDES][CRYPTO_DH_SIZE] = {{8}, {16}};
    static const uint8_t ephemerals[SIDES][CRYPTO_DH_SIZE] = {{24}, {32}};
    static const uint8_t psk[NOISE_PSK_SIZE] = {1};
    bool knows_responder = pattern == NOISE_XK || pattern == NOISE_XK_PSK0;
    bool has_psk = pattern == NOISE_XK_PSK0 || pattern == NOISE_XX_PSK0;
    struct crypto_dh statics[SIDES];

    for (int side = 0; side < SIDES; side++)
        crypto_dh_init(&statics[side], secrets[side]);
    for (int side = 0; side < SIDES; side++) {
        bool initiates = side == 0;
        noise_init(&ret_sides[side],
                   &(struct noise_setup){
                       .pattern = pattern,
                       .role = initiates ? NOISE_INITIATOR : NOISE_RESPONDER,
                       .self = &statics[side],
                       .remote = initiates && knows_responder ? statics[1].public : NULL,
                       .psk = has_psk ? psk : NULL,
                       .ephemeral = ephemerals[side],
                   });
    }
}

/* Says the genuine message i; the reader hears it too when `heard`. */
static size_t say(struct noise sides[SIDES], unsigned i, bool heard, uint8_t *ret_message)
{
    static const uint8_t payload[PAYLOAD_SIZE];
    uint8_t out[MESSAGE_SIZE_MAX];
    size_t length, out_length;

    must(noise_write(&sides[i % 2], payload, sizeof payload, ret_message, MESSAGE_SIZE_MAX,
                     &length) == OK);
    if (heard)
        must(noise_read(&sides[1 - i % 2], ret_message, length, out, sizeof out, &out_length) ==
             OK);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct noise sides[SIDES];
    uint8_t genuine[MESSAGE_SIZE_MAX], out[MESSAGE_SIZE_MAX];
    size_t length = 0, out_length;

    crypto_init();
    if (size < 1)
        return 0;
    enum noise_pattern pattern = patterns[data[0] & 3];
    unsigned number = data[0] >> 2 & 3;
    if (number >= NOISE_MESSAGES)
        return 0;
    start(pattern, sides);
    for (unsigned i = 0; i <= number; i++)
        length = say(sides, i, i < number, genuine);

    struct noise *reader = &sides[1 - number % 2], before;
    memcpy(&before, reader, sizeof before);
    enum error error = noise_read(reader, data + 1, size - 1, out, sizeof out, &out_length);
    if (error != OK)
        must(memcmp(reader, &before, sizeof before) == 0);
    else if (pattern != NOISE_XX || number > 0) /* XX's first proves nothing */
        must(size - 1 == length && memcmp(data + 1, genuine, length) == 0);
    return 0;
}
