/* Everything about this daemon and its host that doctor looks at, in order (p2pchat-api(7),
 * doctor). Nothing is changed by it. */
#ifndef P2PCHAT_DAEMON_CHECKUP_H
#define P2PCHAT_DAEMON_CHECKUP_H

#include "common/json.h"

struct control_socket;
struct probes;
struct pump;

/* Adds what is to be tried before: where we listen, and the names that we need. */
void checkup_probe(const struct pump *pump, struct probes *probes);

/* Looks at everything, and writes what is found as members of an array; `probes` has ended, or was
 * stopped. */
void checkup_write(struct json_writer *w, struct pump *pump, const struct control_socket *socket,
                   const struct probes *probes);

#endif
