/* Calls that are answered later: when the other side has answered, or has a message. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_WAIT_H
#define P2PCHAT_DAEMON_CORE_NODE_WAIT_H

#include "daemon/core/node/state.h"

void wait_answered(struct node *node, const struct request_row *row, const char *state,
                   enum error error);
void wait_failed(struct node *node, uint32_t peer);
/* Waiters for messages up to there: `state` is "delivered", or "sent". */
void wait_delivered(struct node *node, uint32_t stream, uint64_t through, const char *state);

/* What a message is that has arrived, as far as that can be known. */
const char *wait_arrived_state(const struct contact *contact);
void wait_expire(struct node *node, struct waiter *waiter);
void wait_begin(struct node *node, struct waiter *waiter);
void wait_remove(struct node *node, struct waiter *waiter);

/* The result of chat.message for what `waiter` says of the message. */
struct bytes wait_message_result(const struct node *node, const struct waiter *waiter,
                                 const char *state, bool timed_out);

#endif
