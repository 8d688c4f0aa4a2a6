/* Dials, from the wish for a carrier to one that has proved to be worth something. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_DIAL_H
#define P2PCHAT_DAEMON_CORE_NODE_DIAL_H

#include "daemon/core/node/state.h"

struct dial *dial_take(struct node *node, uint64_t number); /* off the list; NULL: cancelled */

/* A dial, or the link that came of it, led to nothing, and is over: who waits for it is told
 * `message`, or NULL. */
void dial_proved_nothing(struct node *node, uint64_t dial, uint32_t peer, const char *message,
                         enum dial_met met);

/* What is found where a contact was looked for is kept; no effect on who is none. */
void dial_note_found(struct node *node, uint32_t peer, const char *found, enum dial_met met);

void dial_failed(struct node *node, uint64_t dial, const char *why);

/* Cannot be used, whatever answers. Frees it. */
void dial_worthless(struct node *node, struct dial *dial);

/* The other side of a dialled link has proved its key: no other address is needed. */
void dial_settled(struct node *node, struct session *session);

/* The other side has proved its key, and the link ended before it was of use. */
void dial_came_to_nothing(struct node *node, const struct session *session, enum link_end why);

/* It ended without a proof, for this reason: the dial goes on with the addresses that are left, if
 * somebody still waits for it. */
void dial_goes_on(struct node *node, struct session *session, enum link_end why);

bool dial_cancel(struct node *node, uint64_t number); /* whether it was under way */

/* Whether a destination that only others named may be dialled: once in RECENT_DIAL_MS. */
bool dial_may_knock(struct node *node, const struct host_port *at);

/* Where a contact may be found: at most `max` places. */
size_t dial_addresses(const struct contact *contact, struct dial_address *addresses, size_t max);

/* Adds what others say of where a peer is, unless it does not count. `is_local`: they said it over
 * a loopback or link-local address. */
void dial_add_told(struct dial_address *addresses, size_t *count, size_t max,
                   const struct host_port *told, bool is_local);

uint64_t dial_start(struct node *node, uint32_t peer, const uint8_t *key,
                    const struct dial_address *addresses, size_t count);
void dial_due(struct node *node);

#endif
