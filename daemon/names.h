/* Host names of which the node wants to know the addresses (ACTION_RESOLVE). Each is looked up in
 * both families and answered once, whatever the name servers do. */
#ifndef P2PCHAT_DAEMON_NAMES_H
#define P2PCHAT_DAEMON_NAMES_H

#include "daemon/core/action.h"

struct names;
struct pump;

/* `pump` and its resolver outlive the names. */
struct names *names_new(struct pump *pump);

/* Forgets every question. NULL is fine. */
void names_free(struct names *names);

/* ACTION_RESOLVE. Nothing comes back before it returns; within NAMES_TOTAL_MS the answer does
 * (INPUT_RESOLVED). */
void names_resolve(struct names *names, const struct action *action);

/* Forgets every question, without a word to the node. */
void names_stop(struct names *names);

#endif
