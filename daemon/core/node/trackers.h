/* Trackers, as a node uses them (p2pchat-protocol(7), The tracker).
 *
 *     trackers.c      which there are, whether we want to be with them, and whether there is a link
 *     registration.c  being registered: REGISTER, its answers, renewal, withdrawal
 *     lookup.c        what is asked of them, and what they answer
 *     classic_server.c  those that are servers of the classic dialect, to which there are no links
 *     call_tracker.c  register, exit_network and listpeer
 *
 * A tracker comes from the configuration or from the call register; what was said of it last
 * (wanted or not, and the key that it proved first) is a row of the store. To each one that is
 * wanted a link is kept up, by the dialler: its number there has the highest bit set, so that it is
 * no contact's. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_TRACKERS_H
#define P2PCHAT_DAEMON_CORE_NODE_TRACKERS_H

#include "daemon/core/node/state.h"
#include "daemon/core/overlay/tracker_setting.h"

/* What the log says of a registration last: only changes are told. */
enum tracker_told { TOLD_NOTHING, TOLD_REGISTERED, TOLD_FAILED };

/* What a warning about a tracker may be: one a minute of each. */
enum tracker_danger { TRACKER_LIED, TRACKER_OUTDATED, TRACKER_DANGERS };

enum { TRACKER_ERROR_MAX = 160 };

/* What a server of the classic dialect was asked. */
enum classic_asked { CLASSIC_ASKED_NOTHING, CLASSIC_ASKED_REGISTER, CLASSIC_ASKED_LIST };

/* How it stands with one. */
struct classic_server {
    enum classic_asked asked;          /* and not answered */
    uint64_t dial;                     /* that the question waits for, or 0 */
    char source[ADDRESS_HOST_MAX + 1]; /* where it was reached last: a literal, or "" */
    char name[ADDRESS_NAME_MAX + 1];   /* what we said REGISTER with, or "" */
    struct host_port ours;             /* and where it is answered */
    bool is_registered;                /* as far as we know */
    bool is_refused;                   /* REGISTER_ERROR came: the list tells whose the name is */
    unsigned failures;                 /* in a row */
};

struct tracker {
    struct tracker_row row; /* `address` is `setting.text`; the key is also that in the address */
    struct tracker_setting setting;
    bool is_configured;
    bool has_row;    /* `row` is in the store */
    bool is_pinned;  /* and which key it has */
    uint32_t number; /* the dialler's */

    enum tracker_state state;
    char error[TRACKER_ERROR_MAX + 1]; /* why it is NAME_TAKEN, FAILED or AWAY, for people; or "" */
    enum dial_met met;                 /* when it is AWAY */
    bool is_linked;                    /* there is a link, over which HELLO came */
    bool is_asked;                     /* REGISTER went, and is not answered */
    bool is_stale;                     /* our record is newer than the one that went */
    bool is_held_off;                  /* not dialled before the next renewal */
    bool is_leaving;                   /* EXIT_NETWORK went, and is not answered */
    bool is_to_be_forgotten;           /* when it is left */
    struct timer timer;                /* the next renewal, or the end of waiting for an answer */

    char seen[ADDRESS_HOST_MAX + 1]; /* the host that it sees us at, or "" */
    struct mono seen_since;
    bool has_reached_us;     /* it dialled us there */
    bool is_reached_early;   /* it did so before it said where it sees us */
    struct host_port public; /* in our record, because it has; port 0: nothing */

    struct classic_server server; /* setting.is_classic */

    enum tracker_told told;
    const char *told_reason; /* FAILED: static storage */
    struct contact_ration warnings[TRACKER_DANGERS];
    UT_hash_handle hh; /* by row.address, in order of arrival */
};

/* A call of register or exit_network that waits for trackers. */
struct tracker_call {
    uint64_t call, client;
    bool is_exit;
    uint32_t number; /* of the one that is meant; 0: all */
    char *name;      /* register: the name that is tried, and the own name before; or NULL */
    char *name_before;
    struct timer timer;
    struct tracker_call *next;
};

/* --- trackers.c --- */

struct tracker *trackers_by_number(const struct node *node, uint32_t number);
struct tracker *trackers_by_address(const struct node *node, const char *text);
bool trackers_is_wanted(const struct tracker *tracker);

/* What is kept of one that is wanted from now on: one that is configured is the configuration's,
 * and left when it is taken out of that. */
enum tracker_wish trackers_wanted(const struct tracker *tracker);

/* The link to it; NULL when there is none. Two trackers may be one node, and share it. */
struct session *trackers_session(struct node *node, const struct tracker *tracker);

/* Adds the tracker, unless it is known; ERR_LIMIT_EXCEEDED: there are TRACKERS_MAX. An id in its
 * address is left to trackers_expect_key. */
enum error trackers_add(struct node *node, const struct tracker_setting *setting,
                        struct tracker **ret_tracker);

/* Wants it, with that key: if it was there with another one, it is left. False: the configuration
 * says another one. */
bool trackers_expect_key(struct node *node, struct tracker *tracker, const struct peer_key *key);

/* Keeps the key that it proved first, unless that is done. */
void trackers_pin(struct node *node, struct tracker *tracker);

/* Whoever waits for this tracker would not wait for the dialler: it is dialled next. */
void trackers_hurry(struct node *node, struct tracker *tracker);

/* It is not dialled again before the next renewal; a link is closed. */
void trackers_hold_off(struct node *node, struct tracker *tracker, enum link_end why);

/* How many are in the state of that number; false when there is none (node_trackers_in). */
bool trackers_in(const struct node *node, size_t state, const char **ret_name, size_t *ret_count);

/* {address, state, error, seen, reachable}, in an array. */
void trackers_write(const struct node *node, struct json_writer *w);

/* node_tracker() */
bool trackers_look(const struct node *node, size_t index, struct node_tracker *ret_tracker);

/* Those of the configuration; before any row of the store. */
void trackers_configure(struct node *node, const struct tracker_setting *settings, size_t count);

/* The configuration was read again: those that are new in it are registered with, those that are
 * there no more are left and forgotten, also when they had been registered with by hand. */
void trackers_reconfigure(struct node *node, const struct tracker_setting *settings, size_t count);

/* The rows that are kept of trackers; only the ledger changes them. _row: NULL when there is none;
 * borrowed until the next change. */
void trackers_put_row(struct node *node, const struct tracker_row *row);
void trackers_remove_row(struct node *node, const char *address);
const struct tracker_row *trackers_row(const struct node *node, const char *address);

/* A row of the store, when it is read. Older programs kept the address with its id, beside which
 * there may be the same one without: these become one row, when the node starts. */
void trackers_load_row(struct node *node, const struct tracker_row *row);
void trackers_start(struct node *node);

/* Rows, or the own name, may have gone back to what is durable. */
void trackers_undone(struct node *node);

/* What is wanted begins: at the start, and when wishes are durable. */
void trackers_apply(struct node *node);
void trackers_stop(struct node *node); /* withdraws everywhere, before links are closed */
void trackers_done(struct node *node);

/* The dialler's numbers of trackers, and what becomes of them. */
bool trackers_is_number(uint32_t peer);
void trackers_dial(struct node *node, uint32_t number);
void trackers_unreached(struct node *node, uint32_t number, const char *why, enum dial_met met);

/* Whether the link is one that we opened to a tracker; HELLO came on it; it ended. */
bool trackers_is_session(const struct session *session);
void trackers_greeted(struct node *node, struct session *session, enum node_role role);
void trackers_lost(struct node *node, const struct session *session, enum link_end why);

/* --- registration.c --- */

/* There is a link; or our record is another: we register. */
void registration_ask(struct node *node, struct tracker *tracker);

/* The tracker is in another state from now on; what is new of that is logged. `error` is copied;
 * `reason` is the event's, of which static storage holds the word. */
void registration_state(struct node *node, struct tracker *tracker, enum tracker_state state,
                        const char *reason, const char *error);

/* No longer registered with it: says so and, when that is heard, closes the link. */
void registration_leave(struct node *node, struct tracker *tracker);
void registration_left(struct node *node, struct tracker *tracker);

/* It is no longer wanted: what was told of it is taken back in the log. */
void registration_unwanted(struct node *node, struct tracker *tracker, const char *reason);

/* When the next renewal is due. */
void registration_arm(struct node *node, struct tracker *tracker);

/* A warning about the tracker, at most one of a kind a minute. */
void registration_warn(struct node *node, struct tracker *tracker, enum tracker_danger danger);

/* REGISTER_SUCCESS, REGISTER_ERROR and EXIT_NETWORK, to us. */
void registration_message(struct node *node, struct session *session, enum message_type type,
                          const struct json *data);
void registration_expire(struct node *node, struct tracker *tracker);
void registration_record_changed(struct node *node); /* our record may be shown */

/* Somebody has proved this key on a link that we accepted: whether it is a tracker of ours, which
 * sees so that it can reach us. */
bool registration_dialled_back(struct node *node, const uint8_t key[KEY_LENGTH]);

/* What we advertise, or where we listen, is another: whether trackers' addresses count may be too.
 */
void registration_advertised(struct node *node);

/* Addresses that trackers have found to lead here; returns their number. */
size_t registration_addresses(const struct node *node, struct host_port *addresses, size_t max);

/* The first public one at which a tracker that is wanted has reached us; false when there is none,
 * or when addresses are advertised. */
bool registration_public_address(const struct node *node, struct host_port *ret_at);

/* --- classic_server.c: of trackers whose setting.is_classic --- */

/* It is wanted, or a renewal is due: asks what is to be asked. */
void classic_server_ask(struct node *node, struct tracker *tracker);

/* Our name may be another now: then it is told. */
void classic_server_renamed(struct node *node, struct tracker *tracker);

/* What it was asked is not answered yet, or a question is due. */
void classic_server_expire(struct node *node, struct tracker *tracker);

/* Says EXIT_NETWORK, which nobody answers. */
void classic_server_leave(struct node *node, struct tracker *tracker);

/* A look-up waits for its list. */
void classic_server_look_up(struct node *node, struct tracker *tracker);

/* --- call_tracker.c --- */

/* What calls wait for may have come. */
void tracker_calls_look(struct node *node);

void tracker_call_happen(struct node *node, const struct effect *effect);
void tracker_call_expire(struct node *node, struct tracker_call *call);
void tracker_calls_gone(struct node *node, uint64_t client);
void tracker_calls_stop(struct node *node);
void tracker_calls_done(struct node *node);

#endif
