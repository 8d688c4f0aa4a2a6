/* `contact list` and `connected`: all of them, however many pages that takes. */
#ifndef P2PCHAT_CTL_CONTACTS_H
#define P2PCHAT_CTL_CONTACTS_H

#include "common/bytes.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Asks for page after page, all within the time of one call, and prints them as one result. As
 * session_run(). */
enum outcome contacts_run(struct invocation *invocation, struct bytes *message);

#endif
