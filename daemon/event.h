/* An event as its followers are told of it: one JSON object (p2pchat-api(7), EVENTS). */
#ifndef P2PCHAT_DAEMON_EVENT_H
#define P2PCHAT_DAEMON_EVENT_H

#include "common/bytes.h"
#include "common/json.h"
#include "daemon/core/action.h"
#include "daemon/core/node.h"

/* Write the object of a row of the log, and of an ACTION_EVENT, to the end of `out`. The type is
 * one of common/api.def; the row's body (of messages: its text) or the action's fields are members
 * of a JSON object that our own writer made. `peer` is the one that the event names, or NULL. */
void event_write_row(struct bytes *out, const struct log_row *row, const struct node_peer *peer);
void event_write_unkept(struct bytes *out, const struct action *action,
                        const struct node_peer *peer);

/* The members that name a peer (NULL: none), wherever one is named: "peer", "peer_id", and of a
 * classic one, which has no id, "classic". */
void event_put_peer(struct json_writer *w, const struct node_peer *peer);

#endif
