/* A node: all the protocol of one peer, without I/O. The only header of the core that the shell
 * needs.
 *
 *     node_new … node_load for every row … node_start
 *     loop: node_input or node_expire, then node_next_action until false, then sleep until
 * node_deadline
 *
 * Many nodes can live in one process; nothing here reads a clock, draws randomness or touches a
 * file. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_H
#define P2PCHAT_DAEMON_CORE_NODE_H

#include "common/bytes.h"
#include "common/json.h"
#include "common/mono.h"
#include "common/role.h"
#include "daemon/core/action.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/overlay/tracker_setting.h"
#include "daemon/core/random.h"
#include "daemon/core/totals.h"

struct node;

/* What becomes of a text that does not fit into one object of the classic dialect. */
enum long_text { LONG_TEXT_SPLIT, LONG_TEXT_REFUSE };

/* What a node is told, and, where it may change, told again by INPUT_CONFIG. Borrowed only during
 * the call, but for `identity` and `network_key`, which must outlive the node. */
struct node_settings {
    const struct identity *identity;
    struct random random;
    enum node_role role;
    const char *name;  /* checked with name_check */
    const char *agent; /* "p2pchat/0.1.0" */
    int64_t request_timeout_ms;
    const uint8_t (*accept_from)[KEY_LENGTH]; /* keys that are accepted at once */
    size_t accept_from_count;
    uint64_t outbox_messages_max; /* per peer */
    uint64_t outbox_bytes_max;
    const uint8_t *network_key; /* 32 bytes, or NULL */

    /* Where we say that we are reached, whatever node_set_addresses and others tell; none: there.
     */
    const struct host_port *advertise;
    size_t advertise_count; /* at most PEER_RECORD_ADDRESSES_MAX */

    /* Where a node registers, as configured; a tracker has none. */
    const struct tracker_setting *trackers;
    size_t tracker_count; /* at most TRACKERS_MAX */

    struct {
        bool is_on; /* there are listeners: CARRIER_CLASSIC comes in */
        enum long_text long_text;
    } classic;
};

struct node *node_new(const struct node_settings *settings);
void node_free(struct node *node);

/* Before node_start: one row of the store (CHANGE_PEER, _STREAM_IN, _STREAM_OUT with whole values,
 * _REQUEST, _META, _TRACKER, _OWN_NAME). Borrowed. */
void node_load(struct node *node, const struct change *row, struct now now);

/* Where we can be reached, literals with real ports, most useful first; before node_start and
 * whenever it changes. The node issues a new signed record with it, or with what it advertises. */
void node_set_addresses(struct node *node, const struct host_port *addresses, size_t count,
                        struct now now);

/* Where the classic dialect reaches us, with its real port; never while it is off. The record says
 * it from the next call of node_set_addresses on. */
void node_set_classic_address(struct node *node, const struct host_port *address);

/* From here on the node dials. */
void node_start(struct node *node, struct now now);

/* Says good-bye to everybody: every link gets CLOSE; calls that wait get shutting_down. Drain the
 * actions, then free. What is dialled from here on is for a last word: the node may hear of those
 * carriers until they are down. */
void node_stop(struct node *node, struct now now);

void node_input(struct node *node, const struct input *input, struct now now);
void node_expire(struct node *node, struct now now);
struct mono node_deadline(const struct node *node);
bool node_next_action(struct node *node, struct action *ret_action);

/* --- Looking, for the shell's own methods. Nothing changes; what is returned is borrowed until the
 * next call. --- */

/* What it is called: as registered last, or as configured. */
const char *node_name(const struct node *node);

/* A public address at which a tracker has reached it; false when there is none, or when what is
 * shown is advertised. */
bool node_public_address(const struct node *node, struct host_port *ret_at);

/* The trackers that it knows, as an array: p2pchat-api(7), status. */
void node_write_trackers(const struct node *node, struct json_writer *w);

/* ROW(NAME, "name") as p2pchat-api(7), Trackers, has them */
#define TRACKER_STATES(ROW)                                                              \
    ROW(OFF, "off")               /* not wanted */                                       \
    ROW(CONNECTING, "connecting") /* neither reached nor missed yet, or no answer yet */ \
    ROW(REGISTERED, "registered")                                                        \
    ROW(NAME_TAKEN, "name_taken")                                                        \
    ROW(FAILED, "failed") /* it refuses us, or is no tracker */                          \
    ROW(AWAY, "away")     /* nothing there answers and proves the key */

enum tracker_state {
#define ROW(NAME, name) TRACKER_##NAME,
    TRACKER_STATES(ROW)
#undef ROW
};

/* Whether a tracker has reached the node at the host that it sees it at: it tries once. */
enum node_reached { NODE_REACHED_UNKNOWN, NODE_REACHED_NO, NODE_REACHED_YES };

/* The same of one tracker, from 0 on in the order in which they came to be known; false when there
 * are no more. */
struct node_tracker {
    const char *address; /* as it was given */
    struct host_port at;
    enum tracker_state state;
    const char *error; /* in words for people; or NULL */
    enum dial_met met; /* when it is AWAY */
    const char *seen;  /* the host that it sees the node at; or NULL */
    enum node_reached reached;
};
bool node_tracker(const struct node *node, size_t index, struct node_tracker *ret_tracker);

struct node_counts {
    size_t links;        /* links to proved peers */
    size_t unproved;     /* links on which nobody has proved a key yet */
    size_t contacts;     /* peers with mutual consent */
    size_t online;       /* of them, those with a link */
    size_t requests_in;  /* that wait for an answer: of others, */
    size_t requests_out; /* and of ours */
    uint64_t queued;     /* messages of ours that are not delivered */
    size_t registered;   /* at the tracker that we are */
    size_t listed;       /* classic peers on its list */
};
struct node_counts node_counts(const struct node *node);

/* How many trackers are in a state, counted from 0, and what it is called (p2pchat-api(7),
 * Trackers); false when there is no such state. */
bool node_trackers_in(const struct node *node, size_t state, const char **ret_name,
                      size_t *ret_count);

/* Borrowed as long as the node lives. */
const struct node_totals *node_totals(const struct node *node);

/* The peer that PEER means: exact alias, else peer id, else a unique prefix (8 characters or more)
 * of one, among contacts and open requests; or the whole peer id of a contact that was removed.
 * ERR_NO_SUCH_PEER, ERR_AMBIGUOUS_PEER. */
enum error node_find_peer(const struct node *node, const char *text, uint32_t *ret_peer);

/* Alias (the beginning of the peer id for one that was removed) and peer id of a peer, by number;
 * false when unknown. */
struct node_peer {
    const char *alias;
    const char *name; /* or "" */
    char peer_id[PEER_ID_LENGTH + 1];
    bool is_classic;       /* has no key, so no id that means anything */
    char short_id[16 + 1]; /* the beginning of it: what a removed contact is called */
};
bool node_peer(const struct node *node, uint32_t peer, struct node_peer *ret_peer);

/* All that stands between a message and a peer: p2pchat-api(7), doctor. */
struct node_peer_state {
    enum consent consent;
    bool is_removed, is_blocked, is_verified, is_classic;

    /* What the peer asked us, or we the peer; 0: nothing is open. */
    uint32_t request;
    enum direction direction;
    uint64_t request_left_ms;

    bool is_online;
    const char *remote;   /* the other end of the link; NULL: there is none */
    uint64_t up_ms;       /* the link, for so long */
    int64_t last_seen_ms; /* Unix time; 0: never */

    struct host_port addresses[DIAL_ADDRESSES_MAX]; /* where it is looked for */
    size_t address_count;
    bool is_being_dialled;
    bool is_wanted;        /* it is dialled again and again */
    uint64_t next_dial_ms; /* from now; only then */
    const char *tried;     /* what the last dial found, in words; NULL: there was none since the
                              link */
    uint64_t tried_ms;     /* ago */
    enum dial_met met;     /* then */

    int64_t record_issued_ms; /* its own signed record: Unix time; 0: none is known */
    bool is_record_ahead;     /* issued in the future */
    bool is_record_expired;

    uint64_t queued, queued_bytes;
    bool is_queue_low_on_room; /* nearly as much waits as may, */
    bool is_queue_full;        /* or as much */
};
bool node_peer_state(const struct node *node, uint32_t peer, struct now now,
                     struct node_peer_state *ret_state);

/* Whether the peer has acknowledged (a classic one: was sent) a message of ours in a stream that is
 * live: known here a moment before it is in the log. */
bool node_is_delivered(const struct node *node, uint32_t peer, uint32_t stream, uint64_t number);

#endif
