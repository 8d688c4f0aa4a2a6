/* Records: what a link puts on its carrier once it is proved. u16 length, then a Noise transport
 * message whose plaintext is u8 type and content. p2pchat-protocol(7), Records. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_RECORD_H
#define P2PCHAT_DAEMON_CORE_LINK_RECORD_H

#include "common/bytes.h"
#include "common/error.h"
#include "daemon/core/link/noise.h"

#include <stddef.h>
#include <stdint.h>

enum record_type {
    RECORD_DATA = 0,    /* a piece of the stream of messages */
    RECORD_RENEW_1 = 1, /* the three messages of the handshake that renews the keys */
    RECORD_RENEW_2 = 2,
    RECORD_RENEW_3 = 3,
    RECORD_SWITCHED = 4, /* the listener's last under its old sending key */
};

enum {
    RECORD_LENGTH_SIZE = 2, /* the u16 in front */
    RECORD_TYPE_SIZE = 1,
    RECORD_CONTENT_SIZE_MAX = NOISE_MESSAGE_SIZE_MAX - RECORD_TYPE_SIZE - CRYPTO_MAC_SIZE,
    RECORD_OVERHEAD = RECORD_LENGTH_SIZE + RECORD_TYPE_SIZE + CRYPTO_MAC_SIZE,
};

struct record {
    enum record_type type;
    const uint8_t *content; /* borrowed from where the record was */
    size_t length;          /* of content */
    size_t size;            /* of the whole record on the wire, to be consumed */
};

/* Appends one record with length (at most RECORD_CONTENT_SIZE_MAX) bytes of content to out.
 * ERR_BAD_STATE: the key's nonces are used up. */
enum error record_seal(struct noise_cipher *cipher, enum record_type type, const uint8_t *content,
                       size_t length, struct bytes *out);

/* Opens the record at the front of the available bytes, in place. ERR_TRUNCATED: it is not all
 * there yet; nothing has changed. ERR_MALFORMED: of no known type. ERR_BAD_MAC: too short for a
 * record, or as noise_cipher_open, like ERR_BAD_STATE. */
enum error record_open(struct noise_cipher *cipher, uint8_t *bytes, size_t available,
                       struct record *ret_record);

#endif
