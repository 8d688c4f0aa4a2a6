/* What the core asks the store to keep: rows, in transactions.
 *
 * A transaction is one object that travels: the core builds it, hands it over with the action
 * APPEND, the store's writer commits it and fills in the results, and the shell hands it back with
 * the input DURABLE or STORE_FAILED (and lets the event feed read its log rows on the way). Whoever
 * holds it owns it, texts included; transaction_free ends it.
 *
 * Transactions take effect in the order of their tickets, and changes in the order of their places
 * in one. When one fails, all that were appended before its failure was taken fail too, so that the
 * core can go back to what is durable. What failed is not appended again as it is: its results mean
 * nothing. (Failed is "perhaps stored": when the machine stops before the next success, a restart
 * may find it.) */
#ifndef P2PCHAT_DAEMON_CORE_TRANSACTION_H
#define P2PCHAT_DAEMON_CORE_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum {
    KEY_LENGTH = 32,       /* an Ed25519 public key: what a peer is */
    CONSENT_ID_LENGTH = 16 /* random; a request's id becomes the consent's */
};

/* What stands between us and a peer. Numbers are the column's: never reuse one. */
enum consent {
    CONSENT_NONE = 0,      /* known by name only */
    CONSENT_ASKED = 1,     /* we asked; the request is open */
    CONSENT_WAS_ASKED = 2, /* they asked; the request is open */
    CONSENT_PENDING = 3,   /* we accepted; their HAVE will confirm it */
    CONSENT_MUTUAL = 4,    /* both agreed: messages flow */
    CONSENT_ENDING = 5     /* we ended it; DISCONNECT is repeated until they know */
};

/* A known peer. */
struct peer_row {
    uint32_t peer; /* number, from 1; never reused */
    uint8_t key[KEY_LENGTH];
    char *alias;     /* local and unique; NULL once the contact was removed (its log rows stay) */
    char *name;      /* what the peer calls itself; may be NULL */
    char *address;   /* host:port that was dialled, or NULL; pins the key to it */
    uint8_t *record; /* newest signed peer record, or NULL; of a classic peer: the name that it
                        knows us by */
    size_t record_length;
    enum consent consent;
    uint8_t consent_id[CONSENT_ID_LENGTH]; /* zeros when there is none */
    bool verified;
    bool blocked;
    bool
        is_local; /* its record came over a loopback or link-local address: such ones in it count */
    bool is_classic;      /* speaks the classic dialect: `key` is none, `address` is who it is */
    int64_t last_seen_ms; /* Unix time; 0: never */
};

enum direction { DIRECTION_IN = 0, DIRECTION_OUT = 1 };

/* One epoch of messages in one direction (p2pchat-protocol(7), Messages between contacts). */
struct stream_row {
    uint32_t stream; /* number, from 1; never reused */
    uint32_t peer;
    enum direction direction;
    uint64_t epoch;
    uint64_t last;         /* highest number received, or given (by the writer) */
    uint64_t acked;        /* out: highest number acknowledged; in: the writer's, see STREAM_IN */
    uint64_t acked_seq;    /* out: its seq in the log */
    uint64_t queued;       /* out: messages not acknowledged */
    uint64_t queued_bytes; /* out: their text */
};

enum request_state {
    REQUEST_PENDING = 0,
    REQUEST_ACCEPTED = 1,
    REQUEST_REFUSED = 2,
    REQUEST_EXPIRED = 3
};

/* A request for consent, open or remembered so that a repeated one gets the same answer. */
struct request_row {
    uint32_t request; /* the number in "r1"; never reused */
    uint8_t id[CONSENT_ID_LENGTH];
    uint32_t peer;
    enum direction direction; /* IN: they ask us */
    char *greeting;           /* or NULL */
    char *address;            /* where it came from or was sent to, host:port */
    int64_t left_ms;          /* until it expires, when the row was written */
    enum request_state state;
};

/* A line of the log. */
struct log_row {
    int64_t time_ms; /* Unix time: when it was said, for messages; else when it happened */
    int type;        /* EVENT number in common/api.def */
    uint32_t peer;   /* 0: none */
    uint32_t stream; /* 0: no message; else a live one, added before this row. A gap names its
                        stream and its last number to the writer, which takes them off it */
    char *key;       /* idempotency key of a message that we send, or NULL */
    char *body; /* message rows: the bare text; others: the members of a JSON object without its
                   braces, or "" */
    size_t body_length;

    /* Filled in by the writer; `number` is given by the core for messages that came in. */
    uint64_t seq;
    uint64_t number;
    uint64_t epoch;    /* of the stream, so that a reader of the row need not look it up */
    enum error result; /* OK; ERR_KEY_CONFLICT: the key stands for another text, no row was added;
                          ERR_NOT_FOUND: it stands for none */
    bool existing;  /* the key stands for this very text already: seq, number, epoch and stream are
                       that row's; or the message, or gap, came before: no row was added */
    bool delivered; /* existing: the peer has acknowledged it (its stream may be gone: then it is
                       failed if not delivered); to a classic peer: it was sent */
};

/* A name at a tracker, and the key that holds it. When it is held no more it stays reserved for
 * that key as long as it was held, but no longer than CLAIM_RESERVED_MAX_MS. */
struct claim {
    char *name; /* folded (name_fold) */
    uint8_t key[KEY_LENGTH];
    bool is_question; /* CLAIM: somebody without a key asks. Changes nothing; `key` means nothing */

    /* CLAIM, filled in by the writer. OK; ERR_NAME_TAKEN: another key holds the name, or has it
     * reserved; ERR_LIMIT_EXCEEDED: there are CLAIMS_MAX of them. */
    enum error result;
};

enum { CLAIMS_MAX = 1 << 20 }; /* names held or reserved: some 150 MB on disk */
#define CLAIM_RESERVED_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

/* What was said of a tracker by calls: nothing, so that the configuration decides; `register`; or
 * `exit_network`. The numbers are those of the database. */
enum tracker_wish { TRACKER_AS_CONFIGURED, TRACKER_WANTED, TRACKER_UNWANTED };

/* A tracker that we register with, or were told not to. */
struct tracker_row {
    char *address; /* as it was given; what it is known by */
    bool has_key;
    uint8_t key[KEY_LENGTH]; /* the first that it proved: pinned */
    enum tracker_wish wish;
};

enum change_kind {
    CHANGE_LOG,  /* add a line to the log. A message going out also moves its stream's last, queued,
                    queued_bytes */
    CHANGE_FIND, /* changes nothing: fills in the results of a log row of ours with this peer, key
                    and text, as if it were added; ERR_NOT_FOUND when there is none */
    CHANGE_PEER, /* add or replace */
    CHANGE_PEER_GONE,   /* remove (only peers that no log row and no stream ever named) */
    CHANGE_STREAM_IN,   /* add or replace: last. One whose epoch was in a stream that is closed by
                           now goes on there: what came in that one is not added to the log again
                           (it is `existing`) */
    CHANGE_STREAM_OUT,  /* add, or move acked, acked_seq, queued, queued_bytes (as differences, see
                           below) */
    CHANGE_STREAM_GONE, /* close: the epoch is no longer live. It is not told at the next start;
                           history goes on showing what of it was delivered and what was not */
    CHANGE_STREAM_SEEN, /* add a closed one, for an epoch of ours that the peer knows and we do not;
                           when there is a closed one with that peer, direction and epoch, `stream`
                           becomes its number and nothing changes */
    CHANGE_REQUEST,     /* add or replace */
    CHANGE_REQUEST_GONE, /* remove */
    CHANGE_META,         /* remember a number by name */
    CHANGE_CLAIM,   /* a key takes a name, or goes on having it; or is asked about: see `result` */
    CHANGE_RELEASE, /* a key holds a name no more; nothing, when it does not */
    CHANGE_TRACKER, /* add or replace */
    CHANGE_TRACKER_GONE, /* remove */
    CHANGE_OWN_NAME      /* the name that we were told to register; NULL: none */
};

/* Numbers with a name. The core remembers the first; the others are kept by the store itself and
 * only told at the start: the highest number that a row of the table ever had, so that none is used
 * twice, also when its row is gone. */
enum meta_name {
    META_RECORD_SEQUENCE = 1,
    META_LAST_PEER = 2,
    META_LAST_STREAM = 3,
    META_LAST_REQUEST = 4,
    META_LAST_SEQ = 5 /* of the log */
};

struct change {
    enum change_kind kind;
    union {
        struct log_row log;         /* and FIND */
        struct peer_row peer;       /* GONE: only `peer` counts */
        struct stream_row stream;   /* STREAM_OUT: acked and acked_seq are set, queued and
                                       queued_bytes are what to take off */
        struct request_row request; /* GONE: only `request` counts */
        struct {
            enum meta_name name;
            uint64_t value;
        } meta;
        struct claim claim;         /* and RELEASE */
        struct tracker_row tracker; /* GONE: only `address` counts */
        char *own_name;
    };
};

enum { TRANSACTION_FEW = 2 }; /* most are a message or two, or a message and a cursor */

struct transaction {
    uint64_t ticket; /* grows by one */
    uint64_t age_ms; /* what the age clock (daemon/store/age.h) shows, by which names are reserved:
                        filled in by who appends it */
    bool lazy;       /* nobody waits: may be held back up to 100 ms to join another */
    size_t count;
    size_t room;
    struct change *changes; /* `few`, or memory of their own once there are more */
    struct change few[TRANSACTION_FEW];
    struct transaction *next; /* the holder's, for those that come together */
};

struct transaction *transaction_new(uint64_t ticket);
void transaction_free(struct transaction *t);

/* Room for one more change, zeroed but for its kind; valid until the next call. Texts put into it
 * are the transaction's. */
struct change *transaction_add(struct transaction *t, enum change_kind kind);

/* What it takes in memory while it waits for the disk, texts of the log included. */
size_t transaction_bytes(const struct transaction *t);

/* Copies of rows with texts of their own; _done frees the texts. */
void peer_row_copy(struct peer_row *ret_copy, const struct peer_row *row);
void peer_row_done(struct peer_row *row);
void request_row_copy(struct request_row *ret_copy, const struct request_row *row);
void request_row_done(struct request_row *row);
void tracker_row_copy(struct tracker_row *ret_copy, const struct tracker_row *row);
void tracker_row_done(struct tracker_row *row);
void change_done(struct change *change);

#endif
