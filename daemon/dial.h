/* Dials: carriers won by us. Each looks its names up, races their addresses (happy_eyeballs.h), and
 * ends as a carrier of the net or with INPUT_DIAL_FAILED. */
#ifndef P2PCHAT_DAEMON_DIAL_H
#define P2PCHAT_DAEMON_DIAL_H

#include "daemon/core/action.h"

struct dialler;
struct pump;

/* `pump` outlives the dialler. */
struct dialler *dialler_new(struct pump *pump);

/* Forgets every dial; only when the loop does not run any more. NULL is fine. */
void dialler_free(struct dialler *dialler);

/* ACTION_DIAL and ACTION_DIAL_CANCEL. Nothing comes back before they return; one that ended already
 * may be cancelled. */
void dialler_dial(struct dialler *dialler, const struct action *action);
void dialler_cancel(struct dialler *dialler, uint64_t dial);

/* Forgets every dial, without a word to the node. */
void dialler_stop(struct dialler *dialler);

#endif
