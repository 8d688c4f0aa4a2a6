#include "daemon/core/link/handshake.h"

#include "common/alloc.h"

#include <string.h>

/* p2pchat-protocol(7), Links: what comes before message 1. */
static const char magic[4] = {'P', '2', 'P', 'C'};
enum { PREAMBLE_VERSION = 1 };

static const char link_prologue[] = "p2pchat link";
static const char renewal_prologue[] = "p2pchat renew";

/* XX's second message: e, s (sealed), and the sealed payload that names the Ed25519 key. The first
 * has the same length, so that nothing unproved is answered with more than it sent. */
enum {
    XX_SECOND_LENGTH = CRYPTO_DH_SIZE + (CRYPTO_DH_SIZE + CRYPTO_MAC_SIZE) +
                       (CRYPTO_PUBLIC_SIZE + CRYPTO_MAC_SIZE),
    PAYLOAD_SIZE_MAX = XX_SECOND_LENGTH - CRYPTO_DH_SIZE, /* the zeros in XX's first message */
};

static const enum handshake_payload payloads_xk[NOISE_MESSAGES] = {
    HANDSHAKE_NOTHING, HANDSHAKE_NOTHING, HANDSHAKE_KEY};
static const enum handshake_payload payloads_xx[NOISE_MESSAGES] = {HANDSHAKE_ZEROS, HANDSHAKE_KEY,
                                                                   HANDSHAKE_KEY};

/* --- Preamble --- */

void handshake_preamble_encode(enum noise_pattern pattern,
                               uint8_t ret_preamble[HANDSHAKE_PREAMBLE_SIZE])
{
    struct writer w;

    writer_init(&w, ret_preamble, HANDSHAKE_PREAMBLE_SIZE);
    writer_bytes(&w, magic, sizeof magic);
    writer_u8(&w, PREAMBLE_VERSION);
    writer_u8(&w, (uint8_t)pattern);
    writer_u16(&w, 0);
    must(!w.failed && w.length == HANDSHAKE_PREAMBLE_SIZE);
}

static bool pattern_is_known(uint8_t number)
{
    return number >= NOISE_XK && number <= NOISE_XX_PSK0;
}

static bool pattern_has_psk(enum noise_pattern pattern)
{
    return pattern == NOISE_XK_PSK0 || pattern == NOISE_XX_PSK0;
}

enum error handshake_preamble_decode(const uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE],
                                     bool has_network_key, enum noise_pattern *ret_pattern)
{
    struct reader r;

    reader_init(&r, preamble, HANDSHAKE_PREAMBLE_SIZE);
    if (memcmp(reader_take(&r, sizeof magic), magic, sizeof magic) != 0)
        return ERR_MALFORMED;
    if (reader_u8(&r) != PREAMBLE_VERSION)
        return ERR_BAD_VERSION;
    uint8_t pattern = reader_u8(&r);
    if (reader_u16(&r) != 0)
        return ERR_MALFORMED;
    if (!pattern_is_known(pattern) || pattern_has_psk(pattern) != has_network_key)
        return ERR_BAD_KEY;
    *ret_pattern = pattern;
    return OK;
}

/* --- Start --- */

enum noise_pattern handshake_pattern(const struct handshake_setup *setup)
{
    if (setup->network_key != NULL)
        return setup->peer != NULL ? NOISE_XK_PSK0 : NOISE_XX_PSK0;
    return setup->peer != NULL ? NOISE_XK : NOISE_XX;
}

static bool pattern_is_xk(enum noise_pattern pattern)
{
    return pattern == NOISE_XK || pattern == NOISE_XK_PSK0;
}

static void start(struct handshake *h, const struct handshake_setup *setup,
                  enum noise_pattern pattern, const uint8_t *prologue, size_t prologue_length)
{
    uint8_t ephemeral[CRYPTO_DH_SIZE];
    bool names_responder = pattern_is_xk(pattern) && setup->role == NOISE_INITIATOR;

    h->role = setup->role;
    h->identity = setup->identity;
    h->payloads = pattern_is_xk(pattern) ? payloads_xk : payloads_xx;
    h->message = 0;
    h->has_peer = setup->peer != NULL;
    if (h->has_peer)
        h->peer = *setup->peer;

    random_fill(setup->random, ephemeral, sizeof ephemeral);
    noise_init(&h->noise, &(struct noise_setup){
                              .pattern = pattern,
                              .role = setup->role,
                              .prologue = prologue,
                              .prologue_length = prologue_length,
                              .self = &setup->identity->dh,
                              .remote = names_responder ? setup->peer->dh : NULL,
                              .psk = setup->network_key,
                              .ephemeral = ephemeral,
                          });
    crypto_wipe(ephemeral, sizeof ephemeral);
}

void handshake_init(struct handshake *h, const struct handshake_setup *setup,
                    enum noise_pattern pattern)
{
    uint8_t prologue[sizeof link_prologue - 1 + HANDSHAKE_PREAMBLE_SIZE];

    memcpy(prologue, link_prologue, sizeof link_prologue - 1);
    handshake_preamble_encode(pattern, prologue + sizeof link_prologue - 1);
    start(h, setup, pattern, prologue, sizeof prologue);
}

void handshake_init_renewal(struct handshake *h, const struct handshake_setup *setup,
                            const uint8_t *hash)
{
    uint8_t prologue[sizeof renewal_prologue - 1 + CRYPTO_HASH_SIZE];

    must(setup->peer != NULL);
    memcpy(prologue, renewal_prologue, sizeof renewal_prologue - 1);
    memcpy(prologue + sizeof renewal_prologue - 1, hash, CRYPTO_HASH_SIZE);
    start(h, setup, handshake_pattern(setup), prologue, sizeof prologue);
}

void handshake_done(struct handshake *h)
{
    crypto_wipe(h, sizeof *h);
}

/* --- Messages --- */

static size_t payload_length(const struct handshake *h)
{
    switch (h->payloads[h->message]) {
    case HANDSHAKE_NOTHING:
        return 0;
    case HANDSHAKE_ZEROS:
        return XX_SECOND_LENGTH - noise_overhead(&h->noise);
    case HANDSHAKE_KEY:
        return CRYPTO_PUBLIC_SIZE;
    }
    must(!"a payload of the table");
}

size_t handshake_next_length(const struct handshake *h)
{
    must(!handshake_is_complete(h));
    return noise_overhead(&h->noise) + payload_length(h);
}

bool handshake_is_our_turn(const struct handshake *h)
{
    return noise_is_our_turn(&h->noise);
}

bool handshake_is_complete(const struct handshake *h)
{
    return noise_is_done(&h->noise);
}

enum error handshake_write(struct handshake *h, struct bytes *out)
{
    uint8_t payload[PAYLOAD_SIZE_MAX] = {0};
    size_t length = payload_length(h), message_length = handshake_next_length(h);

    if (h->payloads[h->message] == HANDSHAKE_KEY)
        memcpy(payload, h->identity->key.bytes, CRYPTO_PUBLIC_SIZE);
    uint8_t *message = bytes_reserve(out, message_length);
    enum error error =
        noise_write(&h->noise, payload, length, message, message_length, &message_length);
    if (error != OK)
        return error;
    bytes_commit(out, message_length);
    h->message++;
    return OK;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    uint8_t all = 0;

    for (size_t i = 0; i < length; i++)
        all |= bytes[i];
    return all == 0;
}

/* p2pchat-protocol(7), Identity: the Ed25519 key is the payload of the message that carries s, and
 * its conversion must equal s. */
static enum error check_key(struct handshake *h, const uint8_t key[CRYPTO_PUBLIC_SIZE])
{
    const uint8_t *proved = noise_remote_static(&h->noise);
    struct peer_key peer;

    if (h->has_peer && memcmp(h->peer.bytes, key, CRYPTO_PUBLIC_SIZE) == 0)
        peer = h->peer; /* spares the conversion */
    else if (h->has_peer || peer_key_init(&peer, key) != OK)
        return ERR_BAD_KEY;
    if (memcmp(peer.dh, proved, CRYPTO_DH_SIZE) != 0)
        return ERR_BAD_KEY;
    h->peer = peer;
    h->has_peer = true;
    return OK;
}

static enum error check_payload(struct handshake *h, const uint8_t *payload, size_t length)
{
    switch (h->payloads[h->message]) {
    case HANDSHAKE_NOTHING:
        return OK;
    case HANDSHAKE_ZEROS:
        return is_zero(payload, length) ? OK : ERR_MALFORMED;
    case HANDSHAKE_KEY:
        return check_key(h, payload);
    }
    must(!"a payload of the table");
}

enum error handshake_read(struct handshake *h, const uint8_t *message, size_t length)
{
    uint8_t payload[PAYLOAD_SIZE_MAX];

    if (handshake_is_complete(h))
        return ERR_BAD_STATE;
    if (length != handshake_next_length(h))
        return ERR_MALFORMED;
    enum error error = noise_read(&h->noise, message, length, payload, sizeof payload, &length);
    if (error != OK)
        return error;
    error = check_payload(h, payload, length);
    if (error == OK)
        h->message++;
    return error;
}

const struct peer_key *handshake_peer(const struct handshake *h)
{
    unsigned proved_at = h->role == NOISE_INITIATOR ? 2 : NOISE_MESSAGES;

    return h->message >= proved_at ? &h->peer : NULL;
}

void handshake_split(const struct handshake *h, struct noise_cipher *ret_send,
                     struct noise_cipher *ret_receive, uint8_t ret_hash[CRYPTO_HASH_SIZE])
{
    must(handshake_is_complete(h));
    noise_split(&h->noise, ret_send, ret_receive);
    memcpy(ret_hash, noise_hash(&h->noise), CRYPTO_HASH_SIZE);
}
