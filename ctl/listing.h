/* `listpeer`: as many peers as were asked for, however many pages that takes. */
#ifndef P2PCHAT_CTL_LISTING_H
#define P2PCHAT_CTL_LISTING_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Asks for page after page, and prints them as one result. As session_run(). */
enum outcome listing_run(struct invocation *invocation, struct bytes *message);

#endif
