/* The inside of a node, for the files that make it up: what each holds, and what each offers the
 * others.
 *
 *     node.c       inputs in, actions out, time
 *     ledger.c     what a transaction is made of, and what to undo when it fails
 *     flight.c     its way to the disk and back
 *     effect.c     what becomes of what waited for it
 *     ration.c     how much of it others may cause
 *     session.c    carriers and links: who is there
 *     session_key.c  the links of one key
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
    size_t address;      /* which of the dial's addresses it goes to */
    struct dial *opened; /* the dial, until something is proved; then NULL */
    struct link *link;
    char *remote;        /* host:port of the other end */
    int64_t room;        /* bytes the carrier takes; below zero: overdrawn by control messages */
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
    struct dial *next;
};

/* Until when a destination that only a record names is not dialled again. By a hash of it: two that
 * share a place share the wait. */
struct recent_dial {
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
    uint64_t number;  /* TAKEN: of the message; SEEN: how many */
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
                                CLAIMED: the peer's record; CLASSIC_CLAIMED: where and who it is;
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

/* One log row a minute for each kind of trouble and address block (ASKED_AGAIN: peer); the rest is
 * counted. */
enum rationed { RATIONED_NOTE, RATIONED_WARNING, RATIONED_REQUEST, RATIONED_ASKED_AGAIN };

struct ration {
    bool is_used;
    enum rationed kind;
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

    struct tracker *trackers; /* by address */
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
    struct now record_made; /* when the last one was */
    struct host_port *addresses;
    bool is_advertised; /* these are all that others are to be told */
    size_t address_count;
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

    struct ration rations[RATIONS_MAX];

    struct registrar *registrar; /* a tracker's; NULL: we are none */
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
/* Returns the action, for a count. */
struct action *node_note(struct node *node, enum note_severity severity, const char *code,
                         const uint8_t *key, const char *address, const char *detail);
void node_event(struct node *node, int type, uint32_t peer, const struct bytes *object);

/* --- ledger.c --- */

void ledger_put_peer(struct node *node, const struct peer_row *row);
void ledger_remove_peer(struct node *node, struct contact *contact);
void ledger_put_request(struct node *node, const struct request_row *row);
void ledger_remove_request(struct node *node, struct request *request);
void ledger_load_stream(struct node *node, const struct stream_row *row);
void ledger_load_request(struct node *node, const struct request_row *row);
void ledger_store_requests(struct node *node);
void ledger_put_stream(struct node *node, const struct stream_row *row);
void ledger_remove_stream(struct node *node, const struct stream_row *row);

/* An epoch that the peer says is ours, and that is none of the outbox: the store says whether we
 * know it. Returns its index in the transaction. */
size_t ledger_see_epoch(struct node *node, uint32_t peer, const struct message_mark *mark);

void ledger_progress(struct node *node, const struct contact *contact,
                     const struct outbox_progress *progress);
void ledger_put_meta(struct node *node, enum meta_name name, uint64_t value);

void ledger_put_tracker(struct node *node, const struct tracker_row *row);
void ledger_remove_tracker(struct node *node, const char *address);
void ledger_put_own_name(struct node *node, const char *name); /* NULL: none any more */

/* A name at the tracker that we are, folded: whether `key` may have it, and has it then; or, with
 * NULL, whether somebody without a key may. Returns the index of the answer in the transaction. */
size_t ledger_claim(struct node *node, const char *folded, const uint8_t *key);
/* The key has it no more. Lazy, as a start releases everything; and said again when it fails. */
void ledger_release(struct node *node, const char *folded, const uint8_t key[KEY_LENGTH]);

/* A log row that is an event; `object` is JSON with the fields beside the common ones, or NULL. */
void ledger_log(struct node *node, int type, uint32_t peer, const struct bytes *object);

/* A log row for numbers of theirs that will not come, the last of which is the stream's. */
void ledger_log_gap(struct node *node, const struct stream_row *stream, const struct bytes *object);

/* A log row that is a message; the text is copied. Returns its index in the transaction. */
size_t ledger_log_message(struct node *node, int type, const struct stream_row *stream,
                          uint64_t number, int64_t time_ms, const char *key, const char *text,
                          size_t length);

/* What the store says of the message of ours to `peer` with that key and text. Returns its index in
 * the transaction. */
size_t ledger_find_message(struct node *node, uint32_t peer, const char *key, const char *text);

/* An effect of the present input: happens when its transaction is durable, or at once when there is
 * none. Zeroed but for its kind; the caller fills it in. */
struct effect *ledger_effect(struct node *node, enum effect_kind kind);

/* The same, with all that `like` says but its kind. `like` owns nothing. */
struct effect *ledger_effect_like(struct node *node, enum effect_kind kind,
                                  const struct effect *like);

/* Puts a row back as it was. Rows are undone in the reverse order of their changes. */
void ledger_put_back(struct node *node, struct undo *undo);

/* What is true whether a transaction failed or not goes into the next: what delivered messages, and
 * which names are held no more. Takes it out of this one. */
void ledger_carry(struct node *node, struct transaction *failed);
void ledger_done(struct node *node);

/* --- flight.c --- */

/* The end of an input: hands the transaction over, or lets the effects happen. Returns whether
 * effects happened. */
bool flight_settle(struct node *node);
void flight_durable(struct node *node, struct transaction *first);
void flight_failed(struct node *node, struct transaction *transaction, enum error error);

/* Tries a disk again that failed. */
void flight_retry(struct node *node);
void flight_done(struct node *node);

/* --- effect.c --- */

/* Lets one happen: `transaction`, which has the results, is durable; NULL when it waited for none.
 */
void effect_happen(struct node *node, struct effect *effect, const struct transaction *transaction);

/* Its transaction failed: who waits is told. */
void effect_fail(struct node *node, const struct effect *effect, enum error error);
void effect_free(struct effect *effect);

/* --- ration.c --- */

/* Whether a rationed thing may be logged now; *ret_suppressed tells how many were not since the
 * last one. */
bool ration_take(struct node *node, enum rationed kind, uint64_t block, uint64_t *ret_suppressed);

/* The same for what only a contact can cause. */
bool ration_of_contact(struct node *node, struct contact_ration *ration, uint64_t *ret_suppressed);

/* Whether something was suppressed within this minute. */
bool ration_is_exceeded(const struct node *node, const struct contact_ration *ration);

/* A warning about `peer`, at most one a minute of each kind for each contact that it concerns: the
 * peer itself, or the one whose name it claims. */
void ration_warn(struct node *node, enum danger danger, struct contact *concerned, uint32_t peer,
                 const char *address);

/* --- session.c --- */

void session_carrier_up(struct node *node, uint64_t carrier, uint64_t dial, size_t address,
                        const struct host_port *remote);
void session_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length);
void session_room(struct node *node, uint64_t carrier, size_t bytes_free);
void session_carrier_down(struct node *node, uint64_t carrier, bool is_clean);

/* A carrier came in from `remote`. False: there is no place for it, and it is closed. */
bool session_admit(struct node *node, uint64_t carrier, const struct host_port *remote,
                   enum doorman_origin origin);
void session_expire(struct node *node, struct session *session);
void session_idle(struct node *node, struct session *session);
bool session_drain(struct node *node); /* all dirty ones; whether there were any */
void session_send(struct node *node, struct session *session, enum message_type type,
                  const struct bytes *data);
void session_close(struct node *node, struct session *session, enum link_end why);
struct session *session_by_carrier(const struct node *node, uint64_t carrier);

/* A contact came into being, or its consent changed: sessions and dialler take note. */
void session_consent_changed(struct node *node, struct contact *contact);
void session_use(struct node *node, struct contact *contact, struct session *session);
void session_tell_online(struct node *node, struct contact *contact);
bool session_is_local(const struct session *session);
uint64_t session_block(const struct session *session);
void session_forget_contact(struct node *node,
                            struct contact *contact); /* its sessions are strangers' */
/* A stranger without business is sent away after a while. */
void session_judge_idle(struct node *node, struct session *session);
void session_done(struct node *node);

/* --- session_key.c --- */

/* The other side has proved its key; and the session ends. */
void session_enter_key(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH]);
void session_leave_key(struct node *node, struct session *session);

/* The newest link to a key over which HELLO came, or NULL; of those that are not `not`. */
struct session *session_of_key(const struct node *node, const uint8_t key[KEY_LENGTH]);
struct session *session_newest_greeted(const struct node *node, const uint8_t key[KEY_LENGTH],
                                       const struct session * not );
void session_close_others(struct node *node,
                          const struct session *keep); /* duplicates: of the same key */
void session_close_key(struct node *node, const uint8_t key[KEY_LENGTH], enum link_end why);
void session_of_contact(struct node *node,
                        struct contact *contact); /* its sessions are told what it is now */

/* --- dial.c --- */

struct dial *dial_take(struct node *node, uint64_t number); /* off the list; NULL: cancelled */

/* A dial, or the link that came of it, led to nothing, and is over: who waits for it is told
 * `message`, or NULL. */
void dial_proved_nothing(struct node *node, uint64_t dial, uint32_t peer, const char *message);
void dial_failed(struct node *node, uint64_t dial, const char *why);

/* Cannot be used, whatever answers. Frees it. */
void dial_worthless(struct node *node, struct dial *dial);

/* The other side of a dialled link has proved its key: no other address is needed. */
void dial_settled(struct node *node, struct session *session);

/* It ended without a proof, for this reason: the dial goes on with the addresses that are left, if
 * somebody still waits for it. */
void dial_goes_on(struct node *node, struct session *session, enum link_end why);

bool dial_cancel(struct node *node, uint64_t number); /* whether it was under way */

/* Whether a destination that only others named may be dialled: once in RECENT_DIAL_MS. */
bool dial_may_knock(struct node *node, const struct host_port *at);
size_t dial_addresses(const struct contact *contact, struct host_port *addresses, size_t max);
uint64_t dial_start(struct node *node, uint32_t peer, const uint8_t *key,
                    const struct host_port *addresses, size_t count);
void dial_due(struct node *node);

/* --- hello.c --- */

void hello_proved(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH]);
void hello_greeted(struct node *node, struct session *session, const struct json *data);
void hello_learn(struct node *node, const struct session *session);

/* A record of a contact's key, and who showed it. Whether it is taken: a good one, and newer than
 * the one that is known. Borrowed. */
struct told_record {
    const uint8_t *bytes;
    size_t length;
    bool is_local; /* told over a loopback or link-local address */
    const char *from;
};
bool hello_learn_record(struct node *node, struct contact *contact, const struct told_record *told);
void hello_new_record(struct node *node);
void hello_check_clock(struct node *node); /* a new record, when the clock was set since the last */
void hello_set_record(struct node *node, const uint8_t *record, size_t length);

/* --- consent.c --- */

void consent_message(struct node *node, struct session *session, enum message_type type,
                     const struct json *data);
void consent_greeted(struct node *node,
                     struct session *session); /* HELLO came: say again what is open */
void consent_attempt_reached(struct node *node, struct session *session, struct attempt *attempt);
void consent_expire(struct node *node, struct request *request);
void consent_accept(struct node *node, struct request *request, const char *alias);
void consent_refuse(struct node *node, struct request *request);
void consent_disconnect(struct node *node, struct contact *contact);
void consent_remove(struct node *node, struct contact *contact);
void consent_block(struct node *node, struct contact *contact);
void consent_unblock(struct node *node, struct contact *contact);
void consent_deny(struct node *node, struct session *session, const uint8_t id[CONSENT_ID_LENGTH]);
bool consent_confirm(struct node *node, struct session *session,
                     const uint8_t id[CONSENT_ID_LENGTH]);
void consent_confirmed(struct node *node, struct contact *contact);
bool consent_is_open(const struct contact *contact); /* messages may be queued */

/* --- stream.c --- */

void stream_touch(struct node *node, struct contact *contact);
bool stream_pump(struct node *node); /* all dirty contacts; whether there were any */
void stream_have(struct node *node, struct session *session, const struct json *data);
void stream_message(struct node *node, struct session *session, const struct json *data);
void stream_gap(struct node *node, struct session *session, const struct json *data);
void stream_ack(struct node *node, struct session *session, const struct json *data);
void stream_rows(struct node *node, const struct input *input);
void stream_stored(struct node *node, const struct effect *effect, const struct log_row *row);
void stream_seen(struct node *node, const struct effect *effect, const struct change *results);
void stream_taken(struct node *node, const struct effect *effect);
void stream_not_taken(struct node *node, const struct effect *effect);
void stream_not_stored(struct node *node, const struct effect *effect);
void stream_offline(struct node *node, struct contact *contact);

/* A text that a classic contact said. */
void stream_classic_message(struct node *node, struct contact *contact, const char *text,
                            size_t length);

/* Messages of ours up to there went out to a classic contact, and will not go out again. */
void stream_sent(struct node *node, struct contact *contact, uint64_t epoch, uint64_t through);

/* Reads on in the log, when the outbox wants it and no read is under way. */
void stream_read_more(struct node *node, struct contact *contact);

/* The contact's session is another one now: what they said on it before counts again. */
void stream_online(struct node *node, struct contact *contact);
void stream_forget(struct node *node, struct contact *contact); /* off the list of dirty ones */
/* Returns how many messages of ours failed. */
uint64_t stream_end(struct node *node, struct contact *contact, const char *reason);
enum error stream_queue(struct node *node, struct contact *contact, const char *text,
                        const char *key, const struct effect *effect);

/* --- trackers.c --- */

/* Those of the configuration; before any row of the store. */
void trackers_configure(struct node *node, const struct tracker_setting *settings, size_t count);

/* The rows that are kept of trackers; only the ledger changes them. _row: NULL when there is none;
 * borrowed until the next change. */
void trackers_put_row(struct node *node, const struct tracker_row *row);
void trackers_remove_row(struct node *node, const char *address);
const struct tracker_row *trackers_row(const struct node *node, const char *address);

/* Rows, or the own name, may have gone back to what is durable. */
void trackers_undone(struct node *node);

/* What is wanted begins: at the start, and when wishes are durable. */
void trackers_apply(struct node *node);
void trackers_stop(struct node *node); /* withdraws everywhere, before links are closed */
void trackers_done(struct node *node);

/* --- registrar.c: only of a tracker --- */

struct registrar *registrar_new(struct node *node, const struct node_settings *settings);
void registrar_free(struct node *node);

/* REGISTER, LISTPEER and EXIT_NETWORK. */
void registrar_message(struct node *node, struct session *session, enum message_type type,
                       const struct json *data);
void registrar_claimed(struct node *node, const struct effect *effect, const struct claim *claim);
void registrar_not_claimed(struct node *node, const struct effect *effect);
void registrar_expire(struct node *node); /* registrations that are not renewed */
void registrar_forget_classic(struct node *node, struct classic_entry *entry);
size_t registrar_count(const struct node *node); /* 0: we are no tracker */

/* Whether somebody is registered, or asks. Others are sent away. */
bool registrar_is_busy(const struct node *node, const struct session *session);

/* --- registrar_classic.c: only of a tracker that speaks the classic dialect --- */

/* An object for servers came from `source`, a literal; when it names a host, that is the source. */
void registrar_classic_heard(struct node *node, const char *source,
                             const struct classic_object *object);

/* What the store says of a name that a classic peer wants: OK, or why not. */
void registrar_classic_claimed(struct node *node, const struct effect *effect, enum error error);

/* --- dial_back.c: only of a tracker --- */

/* Dials a peer that registered by this link, at the link's source and the port that its record
 * says, to see whether it is reached there. False: there is no place now. */
bool dial_back_start(struct node *node, const struct session *session,
                     const struct peer_record *record);
bool dial_back_is(const struct node *node, uint64_t dial); /* whether a dial is one */
void dial_back_over(struct node *node, uint64_t dial);     /* whatever became of it */
void dial_back_expire(struct node *node, struct timer *timer);
/* The dialler's numbers of trackers, and what becomes of them. */
bool trackers_is_number(uint32_t peer);
void trackers_dial(struct node *node, uint32_t number);
void trackers_unreached(struct node *node, uint32_t number, const char *why);

/* Whether the link is one that we opened to a tracker; HELLO came on it; it ended. */
bool trackers_is_session(const struct session *session);
void trackers_greeted(struct node *node, struct session *session, enum node_role role);
void trackers_lost(struct node *node, const struct session *session, enum link_end why);

/* --- registration.c --- */

/* REGISTER_SUCCESS, REGISTER_ERROR and EXIT_NETWORK, to us. */
void registration_message(struct node *node, struct session *session, enum message_type type,
                          const struct json *data);
void registration_expire(struct node *node, struct tracker *tracker);
void registration_record_changed(struct node *node); /* our record may be shown */

/* Somebody has proved this key on a link that we accepted: whether it is a tracker of ours, which
 * sees so that it can reach us. */
bool registration_dialled_back(struct node *node, const uint8_t key[KEY_LENGTH]);

/* Addresses that trackers have found to lead here; returns their number. */
size_t registration_addresses(const struct node *node, struct host_port *addresses, size_t max);

/* --- lookup.c --- */

bool lookup_is_possible(const struct node *node); /* there is somebody to be asked */
void lookup_records(struct node *node, struct session *session, const struct json *data);
void lookup_expire(struct node *node, struct lookup *lookup);
void lookup_client_gone(struct node *node, uint64_t client);
void lookup_stop(struct node *node);
void lookup_done(struct node *node);

/* --- seek.c --- */

/* A contact answered nowhere: trackers are asked where it is now, unless they were lately. */
void seek_contact(struct node *node, uint32_t peer);

/* --- call_tracker.c --- */

void tracker_call_happen(struct node *node, const struct effect *effect);
void tracker_call_expire(struct node *node, struct tracker_call *call);
void tracker_calls_gone(struct node *node, uint64_t client);
void tracker_calls_stop(struct node *node);
void tracker_calls_done(struct node *node);

/* --- call.c --- */

void call_input(struct node *node, const struct input *input);
void call_gone(struct node *node, uint64_t client);
void call_reply_error(struct node *node, uint64_t call, enum error error, const char *message);
/* The same, with members for the error's data: those of an object. */
void call_reply_error_with(struct node *node, uint64_t call, enum error error, const char *message,
                           const struct bytes *data);
void call_reply(struct node *node, uint64_t call, const struct bytes *result);
void call_stored(struct node *node, const struct effect *effect, const struct log_row *row);
void call_found(struct node *node, const struct effect *effect, const struct log_row *row);
void call_stop(struct node *node);
void call_attempt_failed(struct node *node, struct attempt *attempt, enum error error,
                         const char *message); /* NULL: the error's own text */

/* Nobody of that key is to be asked any more. */
void call_end_attempts(struct node *node, const uint8_t key[KEY_LENGTH], enum error error,
                       const char *message);
void call_attempt_free(struct node *node, struct attempt *attempt);
void call_done(struct node *node);

/* --- tell.c --- */

/* An event about a request: in the log, or only for those who watch when it is durable. */
enum audience { LOGGED, LIVE_ONLY };
void tell_request(struct node *node, int type, const struct request_row *row,
                  enum audience audience);
void tell_request_number(struct json_writer *w, const struct request_row *row);
/* Of a wait that ends with nothing: its time is over, or the daemon stops. */
void tell_timed_out(const struct node *node, struct json_writer *w);
struct bytes tell_request_result(const struct node *node, const struct request_row *row,
                                 const char *source, const char *state, bool timed_out);

/* --- wait.c --- */

void wait_answered(struct node *node, const struct request_row *row, const char *state,
                   enum error error);
void wait_failed(struct node *node, uint32_t peer);
/* Waiters for messages up to there: `state` is "delivered", or "sent". */
void wait_delivered(struct node *node, uint32_t stream, uint64_t through, const char *state);

/* What a message is that has arrived, as far as that can be known. */
const char *wait_arrived_state(const struct contact *contact);
void wait_expire(struct node *node, struct waiter *waiter);
void wait_begin(struct node *node, struct waiter *waiter);
void wait_remove(struct node *node, struct waiter *waiter);

/* The result of chat.message for what `waiter` says of the message. */
struct bytes wait_message_result(const struct node *node, const struct waiter *waiter,
                                 const char *state, bool timed_out);

#endif
