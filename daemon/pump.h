/* The pump: the event loop, everything that hangs on it, and the one timer.
 *
 * What comes from outside becomes an input of the node; what the node wants done goes to the
 * network, the store, the control socket and the daemon's own log before the next input. All of it
 * happens in the loop thread. */
#ifndef P2PCHAT_DAEMON_PUMP_H
#define P2PCHAT_DAEMON_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/mono.h"
#include "daemon/core/action.h"
#include "daemon/counters.h"
#include "daemon/limits.h"
#include "daemon/metrics.h"
#include "daemon/store/store.h"

struct config;
struct control;
struct dials;
struct event;
struct event_base;
struct housekeeping;
struct identity;
struct listeners;
struct metrics_http;
struct names;
struct net;
struct node;
struct reload;
struct resolver;
struct state_dir;
struct status_line;
struct watchdog;

/* What the daemon can say about itself, for the methods that the core does not answer. What is
 * borrowed here lives as long as the pump; `name` and `advertise` until the next reload. */
struct facts {
    const struct state_dir *dir;
    const struct identity *identity;
    const char *name; /* ours, checked with name_check */
    enum node_role role;
    bool has_network_key;           /* links are made with those only who have the same */
    const struct host_port *listen; /* bound, with real ports; wildcards stay "::" and "0.0.0.0" */
    size_t listen_count;
    bool listen_is_passed;                  /* systemd opened these */
    const struct host_port *classic_listen; /* the same for the classic dialect; none: it is off */
    size_t classic_listen_count;
    const struct host_port *advertise; /* where we say that we are reached; none: `addresses` */
    size_t advertise_count;
    struct host_port addresses[ANNOUNCE_MAX]; /* of this host, most useful first; may be none */
    size_t address_count;
    struct host_port classic_address; /* for the classic dialect; port 0: none */
    struct mono started;
    int64_t started_unix_ms; /* the same by the wall clock, as it was then */
};

/* The members down to `facts` are filled in by main, in the order of its start, and are there for
 * whoever is handed the pump; the rest is the pump's own. */
struct pump {
    struct event_base *base;
    struct node *node;
    struct store *store;
    struct listeners *listeners;
    struct listeners *classic_listeners; /* NULL: the classic dialect is off */
    struct net *net;
    struct resolver *resolver;
    struct dials *dials;
    struct names *names;
    struct control *control;
    struct metrics_http *metrics_http; /* NULL: off */
    struct housekeeping *housekeeping;
    struct reload *reload;
    struct status_line *status_line; /* NULL: nobody reads it */
    struct watchdog *watchdog;       /* NULL: nobody asks for it */
    struct facts *facts;             /* main's; the pump keeps its addresses up to date */

    struct event *timer;
    struct mono armed; /* what the timer is set to; MONO_NEVER: not set */
    struct event *store_readable;
    enum store_state told_state; /* of the log, in ours */
    struct event *well;          /* goes off when the log has worked again for long enough */
    struct event *look_again;    /* at our addresses, disk and log, now and then */
    struct event *stop_asked;
    struct event *signals[3];
    struct counters counters; /* anybody's to count in */
    struct metrics metrics;
    struct now now;
    uint64_t now_us;   /* the same instant as now.mono */
    bool now_is_known; /* `now` is of this turn of the loop */
    bool is_acting;    /* actions are being carried out: no input now */
    bool is_stopping;
    struct mono stop_deadline;
};

/* Questions to the store share one space of ids: those with this bit are control's, of the others
 * reads are the node's, and what is kept is housekeeping's. */
#define PUMP_QUESTION_OF_CONTROL (UINT64_C(1) << 63)

/* Makes the loop, and catches SIGTERM, SIGINT and SIGHUP from here on; everything else in `pump` is
 * zeroed. False when the system gives no event base (descriptors, memory). */
bool pump_init(struct pump *pump);

/* Frees what pump_init and pump_start made, and nothing of main's. */
void pump_done(struct pump *pump);

/* The time of this turn of the loop: one reading, however often it is asked. */
struct now pump_now(struct pump *pump);

/* The clock of pump_now as it is at this moment, in microseconds. */
uint64_t pump_clock_us(void);

/* Sets a timer to go off when the deadline has come by pump_now; MONO_NEVER stops it. */
void pump_arm(struct pump *pump, struct event *timer, struct mono deadline);

/* Hands one input to the node, carries out every action that follows, and arms the timer. Must not
 * be called from within an action: not from control_reply, control_event, net_send and the like.
 * What turns up there waits for a callback of its own. Once the pump is stopping the node hears
 * only what became of its transactions, and of the carriers that it dials for a last word. */
void pump_input(struct pump *pump, const struct input *input);

/* What facts says of our addresses may be another now: tells the node at once, as it is told now
 * and then. Not within an action, as pump_input. */
void pump_look_at_addresses(struct pump *pump);

/* Starts the node (all members are there by now) and tells it our addresses: peers are accepted and
 * dialled, clients served, as soon as the loop runs. */
void pump_start(struct pump *pump);

/* Runs until pump_stop has done its work. */
void pump_run(struct pump *pump);

/* Asks for the end: by SIGTERM, SIGINT and the method shutdown. Returns at once; from the next turn
 * on links say CLOSE, calls that wait get shutting_down, the store finishes what was appended, and
 * replies are flushed, all within PUMP_STOP_MS. Then pump_run returns. Asked twice, it does so at
 * once. */
void pump_stop(struct pump *pump);

#endif
