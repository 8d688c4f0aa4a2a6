/* Whose a file is, in words that chown(1) knows: for advice. */
#ifndef P2PCHAT_DAEMON_OWNER_H
#define P2PCHAT_DAEMON_OWNER_H

#include <sys/types.h>

enum { OWNER_MAX = 64 };

/* A user by name, or by number when the user database does not know them. Returns `out`. */
const char *owner_name(uid_t uid, char out[OWNER_MAX]);

/* "user bob"; "another user" of one from outside of our user namespace, who shows as none that is
 * (PrivateUsers= of systemd.exec(5)). Returns `out`. */
const char *owner_words(uid_t uid, char out[OWNER_MAX]);

#endif
