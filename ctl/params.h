/* The values of a command line as parameters of its method. */
#ifndef P2PCHAT_CTL_PARAMS_H
#define P2PCHAT_CTL_PARAMS_H

#include "common/bytes.h"
#include "common/json.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Checks them: OUTCOME_USAGE for what cannot be a value, OUTCOME_FAILED for a text that the daemon
 * would refuse (with the name of its error); `message` says why. */
enum outcome params_check(const struct invocation *invocation, struct bytes *message);

/* Writes them as one object. They must have been checked. */
void params_write(const struct invocation *invocation, struct json_writer *w);

/* The name of the method to call. */
const char *params_method(const struct invocation *invocation);

#endif
