/* `watch`: events, as they happen. */
#ifndef P2PCHAT_CTL_WATCH_H
#define P2PCHAT_CTL_WATCH_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Subscribes and prints until the wanted number of events is printed or SIGINT or SIGTERM comes:
 * OUTCOME_DONE. OUTCOME_NO_DAEMON when the daemon goes away. Takes over both signals. */
enum outcome watch_run(const struct invocation *invocation, struct bytes *message);

#endif
