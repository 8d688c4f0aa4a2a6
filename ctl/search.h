/* `history --search`, for people: whether all that there is was searched. A program that takes JSON
 * sees that in the result. */
#ifndef P2PCHAT_CTL_SEARCH_H
#define P2PCHAT_CTL_SEARCH_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/json.h"
#include "common/mono.h"
#include "ctl/client.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* Before a search: where the log ends. 0 when this is no search, or its result is not for people.
 * As session_call(). */
enum outcome search_begin(struct client *client, const struct invocation *invocation,
                          struct mono deadline, int64_t *ret_last_seq, struct bytes *message);

/* After it: says on standard error if the end was not reached, because the index is still built. */
void search_end(const struct json *page, int64_t last_seq);

#endif
