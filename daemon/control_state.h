/* What the parts of the control socket share: control.c (clients and their turns), call.c, and the
 * methods. */
#ifndef P2PCHAT_DAEMON_CONTROL_STATE_H
#define P2PCHAT_DAEMON_CONTROL_STATE_H

#include "common/json.h"
#include "daemon/call.h"
#include "daemon/client.h"
#include "daemon/consumers.h"
#include "daemon/control.h"
#include "daemon/feed.h"
#include "daemon/quiet.h"
#include "daemon/users.h"

struct control {
    struct pump *pump;
    struct control_socket socket;
    struct event *acceptable, *accept_again;
    bool is_stopping;
    struct quiet full, rests, failures; /* what the log was told of late */
    uint64_t failures_untold;           /* calls that failed meanwhile */
    bool waits_for_disk;                /* clients may have been held because it was behind */

    struct clients clients;
    struct client *by_number;
    uint64_t client_numbers; /* given out so far */

    struct users users;       /* who they are, and those whose clients have something to do */
    struct client *attended;  /* the one whose turn it is */
    struct event *next_turns; /* a timer that runs out at once */
    uint64_t turns_began_us;  /* by pump_clock_us */

    struct call *calls; /* by number */
    uint64_t call_numbers;
    struct bytes result; /* of call_result */
    struct json_writer writer;

    struct feed *feed;
    struct event *feed_due;
    struct bytes event, lines, gap; /* what is being written */
    struct consumers *consumers;

    struct doctor *doctor;
    struct clients histories; /* clients whose next page waits for its turn */
    size_t histories_read;    /* questions under way */
};

/* Gives a client a turn soon: it was written to, or something that held it back is over. */
void control_wake(struct client *client);

/* Whether more may wait to be read: by a client, and by all clients of its user. */
bool control_has_room(const struct client *client);

/* Questions of ours to the store are numbered: those with this bit are history's, by the number of
 * the call; the others the feed's, by the number of the read. What is kept (STORE_KEPT) goes by the
 * number of the consumer. */
#define QUESTION_OF_HISTORY (UINT64_C(1) << 62)

/* --- History (methods_history.c) --- */

/* The answer to a question of history's. */
void history_rows(struct control *control, const struct store_answer *answer);

/* A client has read some of its output: goes on with the pages that it waits for. */
void history_room(struct client *client);

/* Before a client is freed: forgets what it waits for. */
void history_leave(struct client *client);

/* --- Events (methods_events.c) --- */

void events_init(struct control *control);
void events_done(struct control *control);
void events_durable(struct control *control, const struct transaction *transaction);
void events_tell(struct control *control, const struct action *action);
void events_rows(struct control *control, const struct store_answer *answer);

/* Begins the events of a call of events.subscribe, and answers it. */
const struct answered *events_begin(struct call *call, uint64_t since,
                                    const struct feed_filter *filter);

/* Tells the feed what room a follower's output has, and writes what fits. */
void events_room(struct client *client);

/* Ends what events.subscribe began: before a client is freed, and when it is expelled. */
void events_leave(struct client *client);

/* --- Consumers (methods_consumers.c) --- */

void control_consumers_init(struct control *control);
void control_consumers_done(struct control *control);

/* events.subscribe as a consumer, which is made when there is none of this name. */
const struct answered *control_consumers_follow(struct call *call, const char *name,
                                                const struct feed_filter *filter);

/* A client follows no longer; does nothing when it was no consumer. */
void control_consumers_leave(struct client *client);

/* What was given to the store is durable, or is not. */
void control_consumers_kept(struct control *control, const struct store_answer *answer);

#endif
