/* What a node is told of itself that may change while it runs: when it is made, and when the
 * configuration was read again (INPUT_CONFIG). */
#ifndef P2PCHAT_DAEMON_CORE_NODE_SETTINGS_H
#define P2PCHAT_DAEMON_CORE_NODE_SETTINGS_H

#include "daemon/core/node/state.h"

/* Takes over all of it but the trackers (trackers.h). Nothing follows from that yet. */
void settings_take(struct node *node, const struct node_settings *settings);
void settings_done(struct node *node);

/* Where it listens: what others are told, unless something is advertised. */
void settings_listened(struct node *node, const struct host_port *addresses, size_t count);

/* INPUT_CONFIG: what is new takes effect. */
void settings_input(struct node *node, const struct node_settings *settings);

#endif
