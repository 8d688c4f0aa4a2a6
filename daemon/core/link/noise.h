/* Noise Protocol Framework, revision 34: handshakes XK, XX, XKpsk0 and XXpsk0 with
 * 25519_ChaChaPoly_SHA256, and the ciphers that come out of them. p2pchat-protocol(7), Links.
 *
 *     struct noise n;
 *     noise_init(&n, &setup);
 *     ... noise_write() and noise_read() in turn, initiator first, until noise_is_done(&n) ...
 *     noise_split(&n, &sending, &receiving);
 *     noise_done(&n);
 *
 * No randomness is drawn here: the ephemeral key is made of bytes that the caller hands over. A
 * call that fails changes nothing, so a forged message can be thrown away and the handshake goes on
 * as if it had never come. (Links do not use that: they close.) */
#ifndef P2PCHAT_DAEMON_CORE_LINK_NOISE_H
#define P2PCHAT_DAEMON_CORE_LINK_NOISE_H

#include "common/error.h"
#include "daemon/core/link/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers stand in the preamble of a link. */
enum noise_pattern {
    NOISE_XK = 1,
    NOISE_XX = 2,
    NOISE_XK_PSK0 = 3,
    NOISE_XX_PSK0 = 4,
};

enum noise_role { NOISE_INITIATOR, NOISE_RESPONDER };

enum {
    NOISE_PSK_SIZE = 32,
    NOISE_MESSAGE_SIZE_MAX = 65535,
    NOISE_MESSAGES = 3, /* in each of our patterns */
};

/* --- Cipher: one direction of a session (the paper's CipherState) --- */

struct noise_cipher {
    uint8_t key[CRYPTO_KEY_SIZE];
    uint64_t nonce; /* of the next message */
};

/* Encrypts length bytes of plain to length + CRYPTO_MAC_SIZE bytes at ret_sealed, which may be
 * plain itself, and moves on to the next nonce. ERR_BAD_STATE: the nonces of this key are used up.
 */
enum error noise_cipher_seal(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                             const uint8_t *plain, size_t length, uint8_t *ret_sealed);

/* Decrypts length bytes of sealed to length - CRYPTO_MAC_SIZE bytes at ret_plain, which may be
 * sealed itself, and moves on to the next nonce. ERR_BAD_MAC: not the next message of the other
 * side; the nonce stays, ret_plain holds nothing of use. ERR_BAD_STATE as above. */
enum error noise_cipher_open(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                             const uint8_t *sealed, size_t length, uint8_t *ret_plain);

/* Wipes the key. */
void noise_cipher_done(struct noise_cipher *c);

/* --- Handshake (the paper's HandshakeState) --- */

struct noise_setup {
    enum noise_pattern pattern;
    enum noise_role role;
    const uint8_t *prologue; /* what both sides must agree on */
    size_t prologue_length;
    const struct crypto_dh *self; /* static key pair */
    const uint8_t
        *remote; /* the responder's static key, for the initiator of XK and XKpsk0; else NULL */
    const uint8_t *psk;       /* NOISE_PSK_SIZE bytes for XKpsk0 and XXpsk0; else NULL */
    const uint8_t *ephemeral; /* CRYPTO_DH_SIZE fresh random bytes, used for nothing else */
};

/* All fields are private. */
struct noise {
    enum noise_pattern pattern;
    enum noise_role role;
    unsigned message; /* number of the next message, from 0 */

    uint8_t h[CRYPTO_HASH_SIZE];  /* hash of all that was said */
    uint8_t ck[CRYPTO_HASH_SIZE]; /* chaining key: of all that was agreed */
    struct noise_cipher cipher;   /* valid when has_key */
    bool has_key;

    struct crypto_dh s; /* own static pair */
    struct crypto_dh e; /* own ephemeral pair; the public half is made when it is sent */
    uint8_t remote_static[CRYPTO_DH_SIZE]; /* valid when has_remote_static */
    uint8_t remote_ephemeral[CRYPTO_DH_SIZE];
    bool has_remote_static;
    uint8_t psk[NOISE_PSK_SIZE];
};

/* Starts a handshake; copies what setup points to. That setup gives the keys its pattern and role
 * need, and no others, is the caller's promise. */
void noise_init(struct noise *n, const struct noise_setup *setup);

/* Wipes all secrets; at any time. */
void noise_done(struct noise *n);

/* Bytes by which the next message is longer than its payload. 0 when the handshake is done. */
size_t noise_overhead(const struct noise *n);

/* Writes the next message with length bytes of payload to out, which has room for out_size bytes
 * and does not overlap it. What of the payload is secret, and from whom, says section 7.7 of the
 * Noise paper; in XX's first message nothing is. ERR_BAD_STATE: not our turn, or done.
 * ERR_OVERSIZED: more than out_size or NOISE_MESSAGE_SIZE_MAX. ERR_BAD_KEY: the other side's key is
 * of low order. */
enum error noise_write(struct noise *n, const uint8_t *payload, size_t length, uint8_t *out,
                       size_t out_size, size_t *ret_length);

/* Reads the other side's next message, length bytes, and writes its payload to out, which has room
 * for out_size bytes and does not overlap the message. ERR_BAD_STATE: not their turn, or done.
 * ERR_TRUNCATED: too short for this message. ERR_OVERSIZED: longer than NOISE_MESSAGE_SIZE_MAX, or
 * the payload than out_size. ERR_BAD_KEY: a key of low order. ERR_BAD_MAC: altered, or other keys,
 * psk or prologue than ours; out then holds nothing of use. */
enum error noise_read(struct noise *n, const uint8_t *message, size_t length, uint8_t *out,
                      size_t out_size, size_t *ret_length);

/* Whether all messages have gone through. */
bool noise_is_done(const struct noise *n);

/* Whether the next message is ours to write; false when done. */
bool noise_is_our_turn(const struct noise *n);

/* The other side's static key, proved once the handshake is done; NULL as long as it is not known.
 * Lives as long as n. */
const uint8_t *noise_remote_static(const struct noise *n);

/* The handshake hash, CRYPTO_HASH_SIZE bytes: names this session. Only when done. Lives as long as
 * n. */
const uint8_t *noise_hash(const struct noise *n);

/* The two ciphers of the session, with nonce 0. Only when done. */
void noise_split(const struct noise *n, struct noise_cipher *ret_send,
                 struct noise_cipher *ret_receive);

#endif
