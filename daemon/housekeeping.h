/* Housekeeping: what the daemon does now and then, however busy or idle it is. It saves the age
 * clock, lets consumers expire, and removes what of the log need not be kept. */
#ifndef P2PCHAT_DAEMON_HOUSEKEEPING_H
#define P2PCHAT_DAEMON_HOUSEKEEPING_H

#include "daemon/config.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

struct housekeeping;

/* Nothing happens before _start; the configuration is borrowed during the call. */
struct housekeeping *housekeeping_new(struct pump *pump, const struct config *config);
void housekeeping_free(struct housekeeping *h);

/* From now on, once every HOUSEKEEPING_PERIOD_MS, and for the first time at once. */
void housekeeping_start(struct housekeeping *h);

/* The configuration was read again: what it says now is gone by at once. */
void housekeeping_configure(struct housekeeping *h, const struct config *config);

/* The daemon is about to end: saves what the next start goes on from. */
void housekeeping_stop(struct housekeeping *h);

/* An answer (STORE_KEPT) to something that housekeeping gave to the store. */
void housekeeping_kept(struct housekeeping *h, const struct store_answer *answer);

#endif
