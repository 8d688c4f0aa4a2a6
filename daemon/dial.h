/* Dials: carriers won by us. Each looks its names up, races their addresses (happy_eyeballs.h), and
 * becomes a carrier of the net or ends with INPUT_DIAL_FAILED. That of a link rests when it has
 * won, until the node knows whether that carrier is worth anything. */
#ifndef P2PCHAT_DAEMON_DIAL_H
#define P2PCHAT_DAEMON_DIAL_H

#include <stdbool.h>

#include "daemon/core/action.h"

struct dials;
struct pump;

/* `pump` and its resolver outlive the dials. */
struct dials *dials_new(struct pump *pump);

/* Forgets every dial; only when the loop does not run any more. NULL is fine. */
void dials_free(struct dials *dials);

/* ACTION_DIAL, ACTION_DIAL_GO_ON and ACTION_DIAL_CANCEL. Nothing comes back before they return; one
 * that ended already may be cancelled. */
void dials_dial(struct dials *dials, const struct action *action);
void dials_go_on(struct dials *dials, const struct action *action);
void dials_cancel(struct dials *dials, uint64_t dial);

/* Whether there is a dial that has neither won nor ended. */
bool dials_are_under_way(const struct dials *dials);

/* Forgets every dial, without a word to the node. */
void dials_stop(struct dials *dials);

#endif
