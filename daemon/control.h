/* The control socket at work: clients, their requests and replies, and the events they follow
 * (p2pchat-api(7)).
 *
 * Each client gets its turn and no more of it than the next; what it may leave unread is bounded,
 * and then its requests wait in its own socket (daemon/limits.h). So a client that is slow, silent
 * or hostile costs the others nothing. */
#ifndef P2PCHAT_DAEMON_CONTROL_H
#define P2PCHAT_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/control_socket.h"
#include "daemon/core/action.h"

struct consumer_row;
struct control;
struct pump;
struct socket_address;
struct store_answer;

/* Begins to accept clients on `socket`, which it takes over, as soon as the loop runs. `pump` and
 * all that it holds outlives the control. */
struct control *control_new(struct pump *pump, const struct control_socket *socket);

/* Closes every client, and the socket. Nothing is told to the node any more. NULL is fine. */
void control_free(struct control *control);

/* A consumer that the store has, at the start: for store_load_consumers. */
void control_load_consumer(void *control, const struct consumer_row *row);

/* Forgets the consumers that nobody has used for longer than this, by the age clock (0: none). Now
 * and then, as it also writes down which are in use. */
void control_expire(struct control *control, uint64_t consumer_ms_max);

/* The store's floor has risen (store_floor): readers that are below it will be told so. */
void control_floor(struct control *control);

/* --- Looking --- */

struct control_counts {
    size_t clients;
    size_t subscribers; /* of them */
};
struct control_counts control_counts(const struct control *control);

/* Calls `tell` for each consumer, by name: how many seqs lie between what it has acknowledged and
 * the newest event. */
void control_tell_lags(const struct control *control,
                       void (*tell)(void *context, const char *consumer, uint64_t lag),
                       void *context);

/* A connection was accepted where peers come to: whether it is one of our own, by which doctor sees
 * that they can. */
bool control_meets(struct control *control, const struct socket_address *remote);

/* --- What the pump tells. What is handed over is borrowed during the call. --- */

/* A transaction with log rows is on disk: those of them (with seq, number, epoch) whose `result` is
 * OK and that are not `existing` are events now. Comes before the node hears INPUT_DURABLE, so that
 * no reply overtakes the event that it tells of. */
void control_durable(struct control *control, const struct transaction *transaction);

/* The answer (STORE_ROWS) to a question of control's; and what became (STORE_KEPT) of something
 * that control gave to the store. */
void control_rows(struct control *control, const struct store_answer *answer);
void control_kept(struct control *control, const struct store_answer *answer);

/* ACTION_REPLY, perhaps to a call of a client that is gone; ACTION_EVENT. */
void control_reply(struct control *control, const struct action *action);
void control_event(struct control *control, const struct action *action);

/* The store has answered: clients that were held because too much waited for it are read again,
 * once it is less than STORE_QUEUE_MAX. */
void control_disk_went_on(struct control *control);

/* Takes no more clients and reads no more requests, but answers what was asked before. */
void control_stop(struct control *control);

/* No call is open, and nothing waits to be written. */
bool control_is_flushed(const struct control *control);

#endif
