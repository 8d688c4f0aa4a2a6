/* The handshake of a link: which Noise pattern is spoken, what its messages carry, and whether the
 * key that was proved is the peer's. Used when a link starts and, inside it, when its keys are
 * renewed. p2pchat-protocol(7), Links. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_HANDSHAKE_H
#define P2PCHAT_DAEMON_CORE_LINK_HANDSHAKE_H

#include "common/bytes.h"
#include "common/error.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/link/noise.h"
#include "daemon/core/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HANDSHAKE_PREAMBLE_SIZE = 4 + 1 + 1 + 2 }; /* "P2PC", version, pattern, zeros */

/* Writes what the dialler says before anything else. */
void handshake_preamble_encode(enum noise_pattern pattern,
                               uint8_t ret_preamble[HANDSHAKE_PREAMBLE_SIZE]);

/* Reads a preamble. ERR_MALFORMED: not one. ERR_BAD_VERSION: another version. ERR_BAD_KEY: a
 * pattern without a network key where we have one, or the other way round, or an unknown one. */
enum error handshake_preamble_decode(const uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE],
                                     bool has_network_key, enum noise_pattern *ret_pattern);

/* What the handshakes of one link have in common. Borrowed by the handshake. */
struct handshake_setup {
    const struct identity *identity;
    const uint8_t *network_key; /* NOISE_PSK_SIZE bytes, or NULL */
    const struct random *random;
    enum noise_role role;
    const struct peer_key *peer; /* who must prove itself; NULL: whoever proves a key */
};

/* What a message carries. */
enum handshake_payload {
    HANDSHAKE_NOTHING,
    HANDSHAKE_ZEROS, /* as many as make XX's first message as long as its second */
    HANDSHAKE_KEY,   /* the Ed25519 key whose X25519 form is the static key in this message */
};

/* All fields are private. */
struct handshake {
    struct noise noise;
    enum noise_role role;
    const struct identity *identity;
    const enum handshake_payload *payloads; /* of the messages of this pattern */
    unsigned message;                       /* number of the next one, from 0 */
    bool has_peer;                          /* peer must prove itself, or did */
    struct peer_key peer;
};

/* The pattern that a dialler speaks: XK when it knows the peer, else XX. */
enum noise_pattern handshake_pattern(const struct handshake_setup *setup);

/* Starts a link's first handshake, as the preamble says. A dialler that speaks XK gives the peer.
 */
void handshake_init(struct handshake *h, const struct handshake_setup *setup,
                    enum noise_pattern pattern);

/* Starts the handshake that renews the keys of a link: both sides give the peer, and hash is the
 * handshake hash of the keys that are to be replaced, CRYPTO_HASH_SIZE bytes. */
void handshake_init_renewal(struct handshake *h, const struct handshake_setup *setup,
                            const uint8_t *hash);

/* Wipes the handshake; at any time. */
void handshake_done(struct handshake *h);

/* Length of the next message, ours or theirs: it is known beforehand. Not when complete. */
size_t handshake_next_length(const struct handshake *h);

/* Whether the next message is ours to write. False when complete. */
bool handshake_is_our_turn(const struct handshake *h);

/* Appends our next message to out. ERR_BAD_KEY: the peer's key is of low order. */
enum error handshake_write(struct handshake *h, struct bytes *out);

/* Reads the peer's next message, handshake_next_length bytes, and checks what it carries.
 * ERR_MALFORMED: other bytes than zeros where those belong. ERR_BAD_KEY: the key that was proved is
 * not the one that the message names, or not the one that must prove itself. Others as
 * noise_read. After a failure the handshake is of no more use. */
enum error handshake_read(struct handshake *h, const uint8_t *message, size_t length);

/* Whether all messages have gone through: the peer is known, and handshake_split may be called. */
bool handshake_is_complete(const struct handshake *h);

/* The peer that has proved itself, as soon as it has: for the dialler before it sends its last
 * message, for the listener when complete. NULL until then. Lives as long as h. */
const struct peer_key *handshake_peer(const struct handshake *h);

/* The session's ciphers and the hash that names it. */
void handshake_split(const struct handshake *h, struct noise_cipher *ret_send,
                     struct noise_cipher *ret_receive, uint8_t ret_hash[CRYPTO_HASH_SIZE]);

#endif
