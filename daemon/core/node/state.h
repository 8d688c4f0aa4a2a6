/* The inside of a node, for the files that make it up: what each holds. What each offers the others
 * stands in a header of its own.
 *
 *     node.c       inputs in, actions out, time
 *     ledger.c     what a transaction is made of, and what to undo when it fails
 *     flight.c     its way to the disk and back
 *     effect.c     what becomes of what waited for it
 *     ration.c     how much of it others may cause
 *     session.c    carriers and links: who is there
 *     session_key.c  the links of one key
 *     settings.c   what the configuration says, and what it says anew
 *     dial.c       dials, until there is a carrier
 *     hello.c      the beginning of a link, and which of several is used
 *     consent.c    requests and their answers (p2pchat-protocol(7), Consent)
 *     consent_link.c  what of them is said over links
 *     classic*.c   carriers and contacts of the classic dialect (classic.h)
 *     stream.c     messages both ways (p2pchat-protocol(7), Messages between contacts)
 *     call*.c      what control clients ask for
 *     trackers.c   where we register, with registration.c and lookup.c: see trackers.h
 *     registrar.c  the tracker's part: who is registered, and how (registrar.h)
 *     tell.c       how requests are told
 *     wait.c       calls that are answered later
 *
 * One input leads to at most one transaction. Its changes are applied in memory at once; whatever
 * the world may see of them (a reply, a message to a peer) is an effect that waits until they are
 * durable. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_STATE_H
#define P2PCHAT_DAEMON_CORE_NODE_STATE_H

#include "daemon/core/chat/contact.h"
#include "daemon/core/chat/request.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/doorman.h"
#include "daemon/core/link/link.h"
#include "daemon/core/node.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/overlay/classic_board.h"
#include "daemon/core/overlay/dialler.h"
#include "daemon/core/overlay/peer_record.h"
#include "daemon/core/timers.h"
#include "daemon/core/token_bucket.h"

/* --- Sessions: a carrier with its link --- */

/* What the other side said it has, in its last HAVE on a link: kept for the time when that link is
 * the one in use. */
struct heard {
    uint8_t consent[CONSENT_ID_LENGTH];
    size_t count;
    struct message_mark marks[];
};

struct session {
    uint64_t carrier;
    uint64_t dial;       /* 0: they came to us */
    struct mono since;   /* there is the carrier */
    size_t address;      /* which of the dial's addresses it goes to */
    struct dial *opened; /* the dial, until something is proved; then NULL */
    struct link *link;
    char *remote;        /* host:port of the other end */
    int64_t room_max;    /* bytes the carrier takes when nothing waits */
    int64_t room;        /* bytes it takes now; below zero: overdrawn by control messages */
    uint64_t sent_bytes; /* handed to the link since it was last drained */
    bool proved;         /* `key` is theirs */
    bool greeted;        /* their HELLO came */
    uint8_t key[KEY_LENGTH];
    uint64_t instance;
    char name[ADDRESS_NAME_MAX + 1]; /* what their record says, or "" */
    uint8_t *record;                 /* theirs, as HELLO brought it; or NULL */
    size_t record_length;
    uint32_t dialled_peer; /* the contact that the dial was for, or the tracker; or 0 */
    uint32_t owed_records; /* answers to our LISTPEER that are to come */
    bool carrier_gone;
    struct contact *contact; /* or NULL: a stranger */
    struct heard *heard;     /* or NULL: no HAVE came */
    bool said_have;          /* ours went */
    bool is_unanswered;      /* something was not answered, because the disk failed */

    /* At a tracker. */
    bool is_held;              /* its messages wait in the link */
    bool is_claiming;          /* its REGISTER waits for the disk, and what comes behind it too */
    bool owes_dial_back;       /* it registered, and was not dialled back yet */
    uint64_t waiting;          /* its part of the node's `waiting` */
    struct mono asked;         /* when it registered, or asked for others, last */
    struct token_bucket names; /* what is left of NAME_CHANGES_PER_MINUTE */

    struct timer timer; /* the link's deadline */
    struct timer idle;  /* a stranger with no business is sent away */
    struct session *next_dirty;
    bool is_dirty;
    struct session *older; /* of the same key, once proved */
    UT_hash_handle hh;     /* by carrier */
    UT_hash_handle by_key; /* the newest of a key, once proved */
};

/* A dial: for a contact, or for a chat.request to somebody new. Of the node while it is under way,
 * and of the session that came of it until something is proved there. */
struct dial {
    uint64_t number;
    uint32_t peer; /* contact to be reached, or 0 */
    bool has_key;
    uint8_t key[KEY_LENGTH];
    enum dial_met met; /* the most telling of its addresses so far */
    struct dial *next;
};

/* Until when a destination that only a record names is not dialled again, by a hash of it. */
struct recent_dial {
    uint64_t hash;
    struct mono until;
};

/* A chat.request whose peer has not been reached yet. */
struct attempt {
    uint64_t call, client;
    uint64_t dial; /* 0: waits for HELLO on a session that is there already */
    bool has_key;
    uint8_t key[KEY_LENGTH];
    char *address;  /* host:port to be pinned, or NULL */
    char *greeting; /* or NULL */
    char *name;     /* what a classic list calls them, or NULL */
    const char *source;
    bool wait;
    double wait_s;         /* negative: as long as it takes */
    struct lookup *lookup; /* trackers are asked where the peer is; or NULL */
    struct timer timer;
    struct attempt *next;
};

/* A call that is answered later, when the other side has answered or acknowledged. */
struct waiter {
    uint64_t call, client;
    uint32_t peer;
    uint32_t request; /* chat.request: this one; else 0 */
    uint32_t stream;  /* chat.message: this message */
    uint64_t number, seq, epoch;
    const char *source; /* chat.request: as in its result */
    double wait_s;      /* negative: as long as it takes */
    struct timer timer;
    struct waiter *next, **link; /* `link` is what points to it */
};

/* The highest sequence of a record of some key that a tracker has shown. By a hash of the key: of
 * two that share a place the later one has it. */
struct seen_record {
    uint64_t hash, sequence;
};

/* Until when an address counts as that of a classic peer, because a list had it. */
struct listed_classic {
    uint64_t hash;
    struct mono until;
};

struct tracker; /* trackers.h */
struct tracker_call;
struct lookup; /* lookup.h */

/* A READ under way: for whom. */
struct pending_read {
    uint64_t read;
    uint32_t peer;
    UT_hash_handle hh;
};

/* --- The ledger --- */

enum effect_kind {
    EFFECT_REPLY,   /* answer `call` with `bytes` */
    EFFECT_WAIT,    /* begin to wait with `waiter` */
    EFFECT_SEND,    /* send a message to `peer`, if it is online; or see what to say to it, if it is
                       classic */
    EFFECT_CLASSIC, /* say the object `bytes` on the classic carrier `number` */
    EFFECT_STORED,  /* a message of ours: log row `row` of the transaction has its number now */
    EFFECT_FOUND,   /* log row `row` of the transaction tells what a key stands for, if anything */
    EFFECT_SEEN,    /* `number` changes from `row` on tell whether we know the epochs in them */
    EFFECT_TAKEN,   /* a message of theirs: acknowledge it */
    EFFECT_HAVE,    /* consent is durable: HAVE goes out */
    EFFECT_EVENT,   /* tell subscribers what is not kept: `event` of `peer` with `bytes` */
    EFFECT_ONLINE,  /* consent is mutual: `peer` is told to be online, if it is */
    EFFECT_CLOSE_LINK,      /* end all links to `key` */
    EFFECT_NEW_RECORD,      /* our new signed record may be shown */
    EFFECT_CLAIMED,         /* claim `row` of the transaction tells whether a peer has its name */
    EFFECT_CLASSIC_CLAIMED, /* claim `row` tells whether a classic peer may have its name */
    EFFECT_REGISTER,        /* `call` waits for the tracker `number` (0: all) to register us */
    EFFECT_EXIT_NETWORK     /* the same, not to list us any more */
};

struct effect {
    enum effect_kind kind;
    struct effect *next;
    uint64_t call, client;
    uint32_t peer;
    uint32_t stream; /* SEEN: the number given to the first */
    enum message_type type;
    enum link_end why;
    enum error error; /* REPLY: instead of a result; FOUND: when nothing is */
    uint64_t number;  /* TAKEN: of the message; SEEN: how many; CLASSIC_CLAIMED: of the claim */
    size_t row;       /* STORED, FOUND, SEEN, CLAIMED: index of the change */
    uint64_t carrier; /* CLAIMED: that the peer registers by */
    uint64_t block;   /* CLAIMED: its address block */
    int event;        /* EVENT: its type */
    bool wait;
    double wait_s;
    size_t text_length;      /* TAKEN */
    uint8_t key[KEY_LENGTH]; /* CLOSE_LINK */
    struct waiter *waiter;   /* WAIT: owned */
    struct bytes bytes;      /* REPLY: the result; SEND: the msgdata; EVENT: the object; NEW_RECORD;
                                SEEN:      the address of who named them, with its end;
                                CLAIMED: the peer's record;
                                REGISTER: the name that is tried, and the own one before, with ends */
};

/* What is to be put back when a transaction fails: the row as it was before. */
struct undo {
    struct undo *next; /* the one made before */
    bool was_there;
    struct change before;
};

/* A transaction that is being built (`transaction` set) or on its way to the disk. */
struct flight {
    uint64_t ticket;
    struct transaction *transaction;
    struct undo *undo;
    struct effect *effects, **effects_end;
    struct flight *next;
};

/* What a failed transaction did not keep, and is true all the same: CHANGE_STREAM_OUT (deliveries;
 * one for a stream) and CHANGE_RELEASE. */
struct carried {
    struct change change;
    struct carried *next;
};

/* An action that waits to be taken, with what it borrows. */
struct queued_action {
    struct action action;
    struct queued_action *next;
    size_t memory_length;
    uint8_t memory[];
};

/* One log row a minute for each kind of trouble and address block; the rest is counted. Each kind
 * has a table of its own, so that who makes noise of one kind hides nothing of another. */
enum rationed {
    RATIONED_NOTE,
    RATIONED_HANDSHAKE,
    RATIONED_LIMIT,
    RATIONED_WARNING,
    RATIONED_REQUEST
};
enum { RATIONED_KINDS = 5 };

struct ration {
    bool is_used;
    uint64_t block;
    struct mono last;
    uint64_t suppressed;
};

struct node {
    const struct identity *identity;
    enum node_role role;
    struct random random;
    char *name;
    char *agent;
    uint64_t instance;
    int64_t request_timeout_ms;
    uint8_t (*accept_from)[KEY_LENGTH];
    size_t accept_from_count;
    uint64_t outbox_messages_max, outbox_bytes_max;

    bool started, stopping;
    struct now now; /* of the input being worked on */
    struct timers timers;

    struct hash_key hash_key;
    struct contacts contacts;
    struct requests requests;
    uint32_t last_stream; /* highest number given */

    struct tracker *trackers;   /* by address */
    struct bytes long_trackers; /* rows of older programs, to be replaced: addresses, with NUL */
    uint32_t last_tracker;
    char *own_name; /* that we were told to register; NULL: none */
    struct tracker_call *tracker_calls;
    struct lookup *lookups;
    uint64_t last_query; /* numbers of look-ups and of the questions in them */
    struct seen_record seen_records[SEEN_RECORDS_MAX];
    struct listed_classic listed_classic[LISTED_CLASSIC_MAX];

    struct link_settings link_settings;
    struct bytes hello;                    /* msgdata of our HELLO */
    uint8_t record[PEER_RECORD_BYTES_MAX]; /* our own in it, signed and durable */
    size_t record_length;                  /* 0: there is none yet */
    uint64_t record_sequence;
    struct now record_made;     /* when the last one was */
    struct host_port *listened; /* where we listen */
    size_t listened_count;
    struct host_port *addresses; /* what others are told: the same, or what is advertised */
    size_t address_count;
    bool is_advertised; /* and nothing else */
    struct dialect dialect;
    struct host_port classic; /* where the classic dialect reaches us; port 0: nowhere */
    struct timer record_timer;
    struct timer requests_timer; /* what is left of requests is written down now and then */

    struct doorman doorman;
    struct dialler dialler;
    struct timer dialler_timer;
    struct session *sessions;       /* by carrier */
    struct session *keyed_sessions; /* those that are proved: the newest of each key */
    struct session *dirty_sessions;
    struct contact *dirty_contacts;
    struct dial *dials;
    struct recent_dial recent_dials[RECENT_DIALS_MAX];
    struct attempt *attempts;
    struct waiter *waiters, **waiters_end; /* oldest first */
    uint64_t last_dial, last_read;
    struct pending_read *reads;
    size_t proved_count;

    struct flight *open;                   /* the present input's transaction, or NULL */
    struct flight *flights, **flights_end; /* on their way, oldest first */
    struct flight *newest_flight;          /* of `flights`, unless there is none */
    struct effect *ready, **ready_end;     /* effects that wait for nothing */
    uint64_t last_ticket;
    size_t unstored_bytes; /* texts of theirs on their way to the disk */
    bool store_failing;
    struct timer store_timer;
    uint64_t store_retry_ms;
    uint64_t failed_through;                /* tickets up to here fail, because one of them did */
    struct carried *carried, **carried_end; /* go into the next transaction */

    struct queued_action *actions, **actions_end;
    struct queued_action *taken; /* the action given out last */

    struct ration rations[RATIONED_KINDS][RATIONS_MAX];
    struct contact_ration own_key; /* only who has it can prove it */

    struct registrar *registrar; /* a tracker's; NULL: we are none */
    uint64_t waiting; /* bytes at a tracker that wait for those who do not read, in all */

    struct node_totals totals;
};

/* What a timer belongs to. */
enum timer_kind {
    TIMER_SESSION,
    TIMER_STRANGER,
    TIMER_ATTEMPT,
    TIMER_CLASSIC_VISITOR,
    TIMER_CLASSIC_ERRAND,
    TIMER_WAITER,
    TIMER_REQUEST,
    TIMER_DIALLER,
    TIMER_RECORD,
    TIMER_REQUESTS,
    TIMER_STORE,
    TIMER_REGISTRY,
    TIMER_DIAL_BACK,
    TIMER_BOARD,
    TIMER_TRACKER,
    TIMER_TRACKER_CALL,
    TIMER_LOOKUP
};

/* --- node.c --- */

struct action *node_act(struct node *node, enum action_kind kind, const void *memory, size_t length,
                        const void **ret_memory);
/* For the daemon's own log: `code` is a row of daemon/log_code.def. Returns the action, for what
 * else there is to say. */
struct action *node_note(struct node *node, enum note_severity severity, const char *code,
                         const uint8_t *key, const char *address, const char *detail);
/* About a contact: by its key, or by its address when it speaks the classic dialect. */
struct action *node_note_contact(struct node *node, enum note_severity severity, const char *code,
                                 const struct contact *contact, const char *detail);
void node_event(struct node *node, int type, uint32_t peer, const struct bytes *object);

#endif
