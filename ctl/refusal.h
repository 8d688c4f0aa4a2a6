/* What it means when the daemon answers with an error. */
#ifndef P2PCHAT_CTL_REFUSAL_H
#define P2PCHAT_CTL_REFUSAL_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/rpc.h"
#include "ctl/outcome.h"

/* What an error of the daemon means: "there is no such peer (no_such_peer)". OUTCOME_REFUSED when
 * it is the other side that refused, else OUTCOME_FAILED. */
enum outcome refusal_say(const struct rpc_incoming *error, struct bytes *message);

/* Whether an error says that the daemon is stopping, or that it cannot just now. */
bool refusal_is_shutdown(const struct rpc_incoming *error);
bool refusal_passes(const struct rpc_incoming *error);

#endif
