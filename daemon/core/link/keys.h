/* The keys of a proved link, and their renewal inside it. p2pchat-protocol(7), Links.
 *
 * dialler                                            listener
 *   RENEW_1  -- message 1, under the old key ------>
 *            <------ message 2, under the old key --   RENEW_2
 *   RENEW_3  -- message 3, under the old key ------>
 *   (sends with the new key, nonce 0)                  (receives with the new key)
 *            <--------- the last under the old key --   SWITCHED
 *   (receives with the new key)                        (sends with the new key, nonce 0)
 *
 * Data go on in between. Only the dialler starts, so two renewals never cross. Each old key is
 * wiped as it is left, and with it whoever learnt it loses track of the link. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_KEYS_H
#define P2PCHAT_DAEMON_CORE_LINK_KEYS_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/mono.h"
#include "daemon/core/link/handshake.h"
#include "daemon/core/link/record.h"

#include <stdint.h>

enum keys_renewal {
    KEYS_SETTLED,   /* none under way */
    KEYS_ASKED,     /* dialler: sent RENEW_1, waits for RENEW_2 */
    KEYS_SWITCHING, /* dialler: sent RENEW_3, waits for SWITCHED */
    KEYS_ANSWERED,  /* listener: sent RENEW_2, waits for RENEW_3 */
};

/* All fields are private. */
struct keys {
    struct handshake_setup setup;
    enum keys_renewal renewal;
    struct noise_cipher send, receive;
    struct noise_cipher next_receive; /* while KEYS_SWITCHING */
    uint8_t hash[CRYPTO_HASH_SIZE];   /* of the handshake that made the newest keys */
    struct handshake *handshake;      /* of a renewal, or NULL */

    struct mono data_since; /* first data record under the newest keys, or never */
    struct mono overdue;    /* when keys that carried data must have been renewed */
    uint64_t bytes;         /* under the newest keys, both ways together */
};

/* Takes the keys over from a complete handshake. What setup points to must outlive them; its peer
 * is the one who proved itself. */
void keys_init(struct keys *keys, const struct handshake_setup *setup,
               const struct handshake *handshake);

/* Wipes everything. */
void keys_done(struct keys *keys);

/* Appends a data record with length bytes (at most RECORD_CONTENT_SIZE_MAX) to out. ERR_BAD_STATE
 * as record_seal. */
enum error keys_seal(struct keys *keys, const uint8_t *content, size_t length, struct bytes *out);

/* Opens the record at the front of the available bytes. Errors as record_open. */
enum error keys_open(struct keys *keys, uint8_t *bytes, size_t available,
                     struct record *ret_record);

/* Says that something other than PING and PONG went either way: from now on the keys age. */
void keys_carry_data(struct keys *keys, struct mono now);

/* A record of another type than RECORD_DATA came; appends what is to be answered to out. An error,
 * whichever, means that the renewal went wrong: the link must be closed. */
enum error keys_renew(struct keys *keys, const struct record *record, struct bytes *out);

/* Starts a renewal when one is due: appends its first record to out. ERR_EXPIRED: keys were used
 * longer or for more than they may. ERR_BAD_STATE as record_seal. */
enum error keys_expire(struct keys *keys, struct mono now, struct bytes *out);

/* When keys_expire should be called. (Bytes count too: call it also when they have moved.) */
struct mono keys_deadline(const struct keys *keys);

#endif
