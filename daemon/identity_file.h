/* Where a node's key pair is kept: identity.key in the state directory (p2pchatd(8), Files), or the
 * credential that takes its place (Credentials).
 *
 * One line of text, 0600: "p2pchat-identity-1 SEED PEERID", where SEED is the base32 of the 32
 * bytes that the key pair follows from. The peer id is there for people, and shows damage. */
#ifndef P2PCHAT_DAEMON_IDENTITY_FILE_H
#define P2PCHAT_DAEMON_IDENTITY_FILE_H

#include <stdbool.h>

#include "daemon/core/link/identity.h"
#include "daemon/core/random.h"
#include "daemon/refusal.h"
#include "daemon/state_dir.h"

enum identity_need {
    IDENTITY_MAY_BE_NEW,   /* the first start: one is made when it is missing */
    IDENTITY_MUST_BE_THERE /* there is a database, which is useless without its key */
};

enum identity_origin {
    IDENTITY_KEPT,
    IDENTITY_NEW,        /* made, and kept, just now */
    IDENTITY_HANDED_OVER /* systemd's credential: nothing is kept */
};

/* Reads the identity, or makes and keeps it. Refused: missing though it must be there, damaged, a
 * symbolic link, readable by others, another one than the credential beside it (78); not writable
 * (77); anything else (74). `ret_identity` is touched in any case, and best lies in memory for
 * secrets. */
bool identity_file_load(const struct state_dir *dir, enum identity_need need,
                        const struct random *random, struct identity *ret_identity,
                        enum identity_origin *ret_origin, struct refusal *ret_refusal);

/* Whether the credential, if one was handed over, is an identity. Refused as above. */
bool identity_file_check_credential(struct refusal *ret_refusal);

#endif
