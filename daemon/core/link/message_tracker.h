/* What peers and trackers say to each other: msgdata of REGISTER, REGISTER_SUCCESS, REGISTER_ERROR,
 * LISTPEER and RECORDS (p2pchat-protocol(7), Messages). EXIT_NETWORK is an empty object both ways.
 *
 * As in message.h: encoders append the object to `out`, and what they are given has been checked;
 * decoders check everything and skip members that they do not know; ERR_MALFORMED is what is not as
 * described. Texts are borrowed from the JSON. Records are the bytes that were signed, 1 to
 * PEER_RECORD_BYTES_MAX; whether they are one is for peer_record_decode to say. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_MESSAGE_TRACKER_H
#define P2PCHAT_DAEMON_CORE_LINK_MESSAGE_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/json.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/identity.h"

/* --- Registration --- */

/* REGISTER: the sender's own signed record. */
void message_register_encode(struct bytes *out, const uint8_t *record, size_t length);
enum error message_register_decode(const struct json *data,
                                   uint8_t ret_record[PEER_RECORD_BYTES_MAX], size_t *ret_length);

/* REGISTER_SUCCESS */
struct message_registered {
    const char *name;    /* what the peer is listed as: its record's name */
    const char *seen;    /* the host that its link comes from: a literal */
    uint32_t lifetime_s; /* of the registration, from now on: 1 to PEER_RECORD_LIFETIME_S_MAX */
};
void message_registered_encode(struct bytes *out, const struct message_registered *m);
enum error message_registered_decode(const struct json *data, struct message_registered *ret_m);

/* REGISTER_ERROR: why there is no registration. */
enum register_refusal {
    REGISTER_NAME_TAKEN,     /* the name is another key's */
    REGISTER_BAD_RECORD,     /* it is none, or expired, or not the sender's */
    REGISTER_OUTDATED,       /* the tracker holds a newer one of this key, which it shows */
    REGISTER_LIMIT_EXCEEDED, /* the tracker is full, or the sender's address block has its share */
    REGISTER_STORAGE_FAILED, /* the tracker's disk */
    REGISTER_OTHERWISE       /* a word that we do not know */
};

struct message_refused {
    enum register_refusal why;
    bool has_record; /* OUTDATED only: the newer one */
    uint8_t record[PEER_RECORD_BYTES_MAX];
    size_t record_length;
};

/* `why` is one that has a word: not OTHERWISE. */
void message_refused_encode(struct bytes *out, const struct message_refused *m);
enum error message_refused_decode(const struct json *data, struct message_refused *ret_m);

/* The word on the wire ("name_taken"); "failed" for OTHERWISE. */
const char *register_refusal_name(enum register_refusal why);

/* --- Questions --- */

enum message_asks {
    ASKS_NAME,    /* who has this name: none or one */
    ASKS_PEER_ID, /* what there is of this key: none or one */
    ASKS_PREFIX,  /* everybody whose name begins so ("": everybody), by name */
    ASKS_ADDRESS  /* which classic peer is there: none or one */
};

enum { MESSAGE_PAGE_MAX = 1000 }; /* the highest limit that can be asked for */

/* LISTPEER. Names are compared as name.h has it, here and in the order of pages. */
struct message_listpeer {
    uint64_t query; /* the asker's number: the answer repeats it; 0 to JSON_INTEGER_MAX */
    enum message_asks asks;
    const char *text;    /* NAME: passes name_check. PREFIX: at most ADDRESS_NAME_MAX bytes.
                            ADDRESS: host:port */
    struct peer_key key; /* PEER_ID */
    const char *after;   /* a name: only what comes behind it; or NULL */
    uint32_t limit;      /* 1 to MESSAGE_PAGE_MAX: of one page */
};
void message_listpeer_encode(struct bytes *out, const struct message_listpeer *m);
enum error message_listpeer_decode(const struct json *data, struct message_listpeer *ret_m);

/* RECORDS, written a piece at a time, so that a page ends before its frame is full: begin, add as
 * long as that is true, end. */
struct records_writer {
    struct json_writer json;
    struct bytes classic; /* the classic entries, until the records are complete */
    struct json_writer classic_json;
    size_t before; /* bytes of `out` that are not ours */
};

/* Begins the object at the end of `out`, which is the writer's until records_end. `w` is zeroed
 * before its first use, and keeps its memory from one use to the next; records_done frees it. */
void records_begin(struct records_writer *w, struct bytes *out, uint64_t query);
void records_done(struct records_writer *w);

/* False, and nothing is added, when the frame (LINK_STRANGER_FRAME_MAX) has no room for it and the
 * end; an empty page has room for any. */
bool records_add(struct records_writer *w, const uint8_t *record, size_t length);

/* A peer that speaks the classic dialect: its name (name_check passes), and where it listens. */
bool records_add_classic(struct records_writer *w, const char *name, const struct host_port *at);

/* `next`: the name of the page's last entry when more would follow, or NULL. */
void records_end(struct records_writer *w, const char *next);

/* RECORDS, read: what it is made of has been checked, element by element. */
struct message_records {
    uint64_t query;
    const struct json *records; /* array; its elements are for records_record */
    const struct json *classic; /* array; its elements are for records_classic */
    const char *next;           /* passes name_check; or NULL: nothing follows */
};
enum error message_records_decode(const struct json *data, struct message_records *ret_m);

void records_record(const struct json *element, uint8_t ret_record[PEER_RECORD_BYTES_MAX],
                    size_t *ret_length);
void records_classic(const struct json *element, const char **ret_name, struct host_port *ret_at);

#endif
