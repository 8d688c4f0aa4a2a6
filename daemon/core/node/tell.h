/* How requests are told: in events, results and waits. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_TELL_H
#define P2PCHAT_DAEMON_CORE_NODE_TELL_H

#include "daemon/core/node/state.h"

/* An event about a request: in the log, or only for those who watch when it is durable. */
enum audience { LOGGED, LIVE_ONLY };
void tell_request(struct node *node, int type, const struct request_row *row,
                  enum audience audience);
void tell_request_number(struct json_writer *w, const struct request_row *row);
/* Of a wait that ends with nothing: its time is over, or the daemon stops. */
void tell_timed_out(const struct node *node, struct json_writer *w);
struct bytes tell_request_result(const struct node *node, const struct request_row *row,
                                 const char *source, const char *state, bool timed_out);

#endif
