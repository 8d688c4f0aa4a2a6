/* `history --export`: all messages that were asked for, in order, one JSON object a line. */
#ifndef P2PCHAT_CTL_EXPORT_H
#define P2PCHAT_CTL_EXPORT_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Fetches and prints page after page, and holds one at a time. --limit is for all of them. As
 * session_run(). */
enum outcome export_run(struct invocation *invocation, struct bytes *message);

#endif
