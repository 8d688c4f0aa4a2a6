/* What goes into the core and what comes out of it: the whole traffic between the protocol and the
 * world.
 *
 * A carrier is what a link rides on: a TCP connection (later also a circuit through other peers).
 * The shell numbers carriers (from 1, never reused); the core numbers dials, resolves, tickets and
 * reads. */
#ifndef P2PCHAT_DAEMON_CORE_ACTION_H
#define P2PCHAT_DAEMON_CORE_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/api.h"
#include "common/error.h"
#include "daemon/core/transaction.h"

struct node_settings; /* node.h */

/* What is spoken on a carrier. */
enum carrier_kind {
    CARRIER_LINK,   /* a link (p2pchat-protocol(7), Links) */
    CARRIER_CLASSIC /* objects of the classic dialect */
};

/* Whom a dial met where it looked, when that was not whom it looked for. */
enum dial_met {
    DIAL_MET_NOBODY,
    DIAL_MET_OURSELVES,
    DIAL_MET_OTHER /* who answers, and proves nothing: another key, or another network key */
};

enum input_kind {
    INPUT_CARRIER_UP,   /* somebody connected to us, or a dial succeeded */
    INPUT_BYTES,        /* a carrier brought bytes */
    INPUT_ROOM,         /* a carrier's output went on: so many bytes may be sent now */
    INPUT_CARRIER_DOWN, /* a carrier is gone (not told after the action CLOSE) */
    INPUT_DIAL_FAILED,  /* no address of a dial answered, or none was worth anything */
    INPUT_RESOLVED,     /* the answer to RESOLVE */
    INPUT_DURABLE,      /* transactions are on disk */
    INPUT_STORE_FAILED, /* a transaction is not, and none after it */
    INPUT_ROWS,         /* the answer to READ */
    INPUT_CALL,         /* a control client calls a method whose place is NODE */
    INPUT_CALL_GONE,    /* the client of all calls with this client number went away */
    INPUT_CONFIG        /* the configuration was read again */
};

/* A message of ours, read back from the log. */
struct outbox_row {
    uint64_t seq;
    uint64_t number;
    int64_t time_ms;
    const char *text; /* borrowed during the input */
    size_t text_length;
};

/* Where a dial may find the other side. p2pchat-protocol(7), Peer records: "Loopback, link-local
 * and multicast addresses count only if learnt over such a link". The core keeps that for literals,
 * and whoever looks a name up for what it leads to. */
struct dial_address {
    struct host_port at;
    bool not_local; /* others gave it, from afar: no address with host_is_local() is dialled for it
                     */
};

/* Everything borrowed in an input lives until node_input returns, but for transactions, which the
 * core takes over. */
struct input {
    enum input_kind kind;
    union {
        struct {
            uint64_t carrier;
            uint64_t dial;           /* 0: they came to us */
            enum carrier_kind kind;  /* the dial's, or that of the listener they came to */
            size_t address;          /* which of the dial's addresses it is (its index), or 0 */
            struct host_port remote; /* the other end: a literal */
            struct host_port local;  /* our end: a literal */
        } carrier_up;
        struct {
            uint64_t carrier;
            const uint8_t *bytes;
            size_t length;
        } bytes;
        struct {
            uint64_t carrier;
            size_t bytes_free; /* what the shell's output buffer still takes */
        } room;
        struct {
            uint64_t carrier;
            bool is_clean; /* the other side ended its stream, and nothing of ours was left to be
                              sent; else something failed */
        } carrier_down;
        struct {
            uint64_t dial;
            enum error error;
            const char *why; /* in our words, what was found at each address: "chat.example.org: no
                                such host" */
        } dial_failed;
        struct {
            uint64_t resolve;
            const char *const *literals; /* of both families */
            size_t count;                /* at most RESOLVED_MAX; 0: nobody knows the name */
        } resolved;
        struct {
            /* The first of those that became durable together, in the order of their tickets,
             * linked by `next`: what follows from all of them is done at once. Taken over. */
            struct transaction *transaction;
        } durable;
        struct {
            struct transaction *transaction; /* taken over */
            enum error error;                /* ERR_STORAGE_FULL or ERR_STORAGE_FAILED */
        } store_failed;
        struct {
            uint64_t read;
            enum error error;              /* OK, or the read failed: ask again later */
            const struct outbox_row *rows; /* in order of seq */
            size_t count;
            bool end; /* nothing of the stream follows the last row */
        } rows;
        struct {
            uint64_t call;   /* number of the call, the shell's; answered once by REPLY */
            uint64_t client; /* number of the connection it came by */
            enum api_method method;
            const struct api_args *args; /* checked against common/api.def */
        } call;
        struct {
            uint64_t client;
        } call_gone;
        struct {
            /* All of it as node_new would be told, but nothing is changed by identity, role,
             * randomness, agent, network key and whether the classic dialect is on. */
            const struct node_settings *settings;
        } config;
    };
};

enum action_kind {
    ACTION_SEND,   /* write bytes to a carrier */
    ACTION_FINISH, /* nothing more is sent to a carrier: the other side hears the end of the stream
                      once what was sent is out. Its own end comes as CARRIER_DOWN */
    ACTION_CLOSE,  /* close a carrier once what was sent is out; it is not mentioned again by either
                      side */
    ACTION_DIAL, /* win a carrier to one of the addresses: look names up, race them (RFC 8305). Of a
                    link, it is remembered when it has won */
    ACTION_DIAL_GO_ON,  /* the carrier that a dial won is worth nothing: win another one, to one of
                           the addresses that are left */
    ACTION_DIAL_CANCEL, /* forget a dial. One that has won leaves its carrier alone */
    ACTION_RESOLVE,     /* look up a host name; always answered, within seconds */
    ACTION_APPEND,      /* make a transaction durable; the shell takes it over */
    ACTION_READ,        /* read a stream of ours back from the log */
    ACTION_REPLY,       /* answer a call */
    ACTION_EVENT,       /* tell subscribers something that is not kept in the log */
    ACTION_NOTE         /* something for the daemon's own log */
};

enum note_severity { NOTE_ERROR, NOTE_WARNING, NOTE_NOTICE, NOTE_INFO, NOTE_DEBUG };

enum {
    DIAL_ADDRESSES_MAX = 10,

    /* Questions that the core has open at one time: others cause them. */
    RESOLVES_MAX = 64,

    /* Literals in one answer. */
    RESOLVED_MAX = 16
};

/* Everything borrowed in an action lives until the next call on the node. */
struct action {
    enum action_kind kind;
    union {
        struct {
            uint64_t carrier;
            const uint8_t *bytes;
            size_t length;
        } send;
        struct {
            uint64_t carrier;
        } finish;
        struct {
            uint64_t carrier;
        } close;
        struct {
            uint64_t dial;
            enum carrier_kind kind;
            const struct dial_address *addresses;
            size_t count;
        } dial;
        struct {
            uint64_t dial;
            const char *found; /* there, in our words, for the `why` of DIAL_FAILED: "answers, but
                                  does not prove the key of bob" */
        } dial_go_on;
        struct {
            uint64_t dial;
        } dial_cancel;
        struct {
            uint64_t resolve;
            const char *host; /* a DNS name */
        } resolve;
        struct {
            struct transaction *transaction; /* the shell's from now on */
        } append;
        struct {
            uint64_t read;
            uint32_t stream;
            uint64_t after_seq;
            size_t rows_max;
            size_t bytes_max; /* at least one row is returned, whatever its size */
        } read;
        struct {
            uint64_t call;
            enum error error;    /* OK: `json` is the result object; else members for the error's
                                    data, without braces, or nothing */
            const char *message; /* NULL: the error's own text */
            const char *json;
            size_t length;
        } reply;
        struct {
            int type; /* EVENT number */
            int64_t time_ms;
            uint32_t peer;      /* 0: none */
            const char *fields; /* members of a JSON object without its braces, or "" */
            size_t length;
        } event;
        struct {
            enum note_severity severity;
            const char *code;    /* "link_closed": stable, lower case */
            const uint8_t *key;  /* the peer it is about, or NULL */
            const char *address; /* or NULL; a literal host:port */
            uint64_t link;       /* the carrier it is about; 0: none */
            const char *error;   /* why, as a stable name (of an error, of the end of a link), or
                                    NULL */
            const char *detail;  /* our own words, or NULL; nothing from others */
            uint64_t count;      /* of what the detail tells; 0: it counts nothing */
        } note;
    };
};

#endif
