/* Secrets that systemd hands to a service (systemd.exec(5), LoadCredential=; p2pchatd(8),
 * Credentials): files in $CREDENTIALS_DIRECTORY. */
#ifndef P2PCHAT_DAEMON_CREDENTIAL_H
#define P2PCHAT_DAEMON_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "daemon/refusal.h"
#include "daemon/state_dir.h"

#define CREDENTIAL_IDENTITY    "p2pchat.identity"
#define CREDENTIAL_NETWORK_KEY "p2pchat.network-key"

/* Reads a credential of less than `size` bytes into `out`, with a NUL behind it. Who else may read
 * it is systemd's affair. MISSING also without systemd. Refused: $CREDENTIALS_DIRECTORY is relative
 * or no directory, anything but a regular file, too large (78), no permission (77), anything else
 * (74). */
enum state_file credential_read(const char *name, char *out, size_t size, size_t *ret_length,
                                struct refusal *ret_refusal);

/* Whether something was handed over under a name that is none of these, and looks as if one of them
 * was meant: a key that is not taken leaves the network open. Then `text` gets a sentence that says
 * so. */
bool credential_tell_unknown(struct bytes *text);

/* The network key: 32 bytes in memory for secrets, which the caller ends with secret_free, or NULL
 * where none was handed over. Refused as above, or no key (78). */
enum { NETWORK_KEY_SIZE = 32 };
bool credential_network_key(uint8_t **ret_key, struct refusal *ret_refusal);

/* What a network key may be: the bytes as they are; or 44 characters of base64 or 64 of
 * hexadecimal, with or without one newline behind them. False: it is none of that, or the same byte
 * again and again, which is no secret. `ret_key` is touched in any case. */
bool network_key_parse(const char *text, size_t length, uint8_t ret_key[NETWORK_KEY_SIZE]);

#endif
