/* `watch`: events, as they happen. */
#ifndef P2PCHAT_CTL_WATCH_H
#define P2PCHAT_CTL_WATCH_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Subscribes, and prints or runs until the wanted number of events is done with or SIGINT or
 * SIGTERM comes: OUTCOME_DONE. Comes back by itself after the daemon did, or ends with
 * OUTCOME_NO_DAEMON, as the invocation wants; a command that fails is OUTCOME_FAILED. Takes over
 * signals, and moves the invocation's --since along. */
enum outcome watch_run(struct invocation *invocation, struct bytes *message);

#endif
