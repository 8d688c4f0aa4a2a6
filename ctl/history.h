/* `history`: what was asked for, in as many pages as the daemon gives it. */
#ifndef P2PCHAT_CTL_HISTORY_H
#define P2PCHAT_CTL_HISTORY_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Asks for messages from the newest on until there are as many as --limit says, the history is at
 * its end, or they have half a megabyte of text, which is about what a page may have; prints them
 * as one page. --timeout is for each of the daemon's. As session_run(). */
enum outcome history_run(struct invocation *invocation, struct bytes *message);

#endif
