/* What holds when neither the command line nor the configuration file says anything: by the user,
 * the environment and the role (p2pchatd(8)). Every path of a tracker is another one than a node's,
 * so that one user can run both. */
#ifndef P2PCHAT_DAEMON_DEFAULTS_H
#define P2PCHAT_DAEMON_DEFAULTS_H

#include <sys/types.h>

#include "common/address.h"
#include "common/role.h"

/* Paths. The caller frees them; NULL: there is no place for it that is known. */
char *defaults_file(uid_t uid,
                    enum node_role role); /* the configuration file, which may be missing */
char *defaults_state_dir(uid_t uid, enum node_role role);
char *defaults_socket(uid_t uid, enum node_role role);

/* The variable of the environment that leads to a user's configuration file, and may be another
 * user's; NULL: none does. */
const char *defaults_file_variable(uid_t uid);

/* Where it listens for links. */
struct host_port defaults_listen(enum node_role role);

/* What it calls itself; the caller frees it. */
char *defaults_name(uid_t uid);

/* "user@host", or what of it can be a name; `out` has ADDRESS_NAME_MAX + 1 bytes. */
void defaults_compose_name(const char *user, const char *host, char *out);

#endif
