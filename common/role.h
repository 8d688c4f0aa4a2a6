/* What a daemon is: a node, or the tracker that nodes register with. */
#ifndef P2PCHAT_COMMON_ROLE_H
#define P2PCHAT_COMMON_ROLE_H

#include <stdbool.h>

enum node_role {
    ROLE_NODE,
    ROLE_TRACKER /* serves records and names, talks to nobody */
};

/* "node" or "tracker": in options, in status and in HELLO. */
const char *role_name(enum node_role role);

/* The role of that name; false when there is none. */
bool role_find(const char *name, enum node_role *ret_role);

#endif
