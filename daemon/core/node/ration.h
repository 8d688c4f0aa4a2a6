/* How much of the log others may cause (p2pchat-protocol(7), Consent). */
#ifndef P2PCHAT_DAEMON_CORE_NODE_RATION_H
#define P2PCHAT_DAEMON_CORE_NODE_RATION_H

#include "daemon/core/node/state.h"

/* Whether a rationed thing may be logged now; *ret_suppressed tells how many were not since the
 * last one. */
bool ration_take(struct node *node, enum rationed kind, uint64_t block, uint64_t *ret_suppressed);

/* The same for what only a contact can cause. */
bool ration_of_contact(struct node *node, struct contact_ration *ration, uint64_t *ret_suppressed);

/* Whether something was suppressed within this minute. */
bool ration_is_exceeded(const struct node *node, const struct contact_ration *ration);

/* A warning about `peer`, at most one a minute of each kind for each contact that it concerns: the
 * peer itself, or the one whose name it claims. */
void ration_warn(struct node *node, enum danger danger, struct contact *concerned, uint32_t peer,
                 const char *address);

#endif
