/* Objects of the classic dialect: reading one, writing one (p2pchat-protocol(7), The classic
 * dialect).
 *
 * A connection carries one object, {"msgtype": …, "msgdata": {…}}, in plain JSON. Nothing of it is
 * proved: who speaks may be anybody. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_CLASSIC_H
#define P2PCHAT_DAEMON_CORE_LINK_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/json.h"

enum classic_type {
    CLASSIC_REGISTER,         /* name, at: who wants to be on the list of a server */
    CLASSIC_REGISTER_SUCCESS, /* the server's answers */
    CLASSIC_REGISTER_ERROR,
    CLASSIC_LISTPEER,      /* name: who asks for the list */
    CLASSIC_PEERLIST,      /* peers: the server's answer; also "LISTPEER" on the wire */
    CLASSIC_EXIT_NETWORK,  /* name: who leaves */
    CLASSIC_CHAT_REQUEST,  /* name, at: who asks, and where the answer goes; also "REQUEST" */
    CLASSIC_CHAT_ACCEPT,   /* name, at: who accepts, and where */
    CLASSIC_CHAT_REFUSE,   /* from anybody at that address */
    CLASSIC_CHAT_MESSAGE,  /* name, text */
    CLASSIC_DISCONNECT,    /* name */
    CLASSIC_FILE_TRANSFER, /* not taken: nothing of it is read */
};

/* The msgtype, as we write it. Static storage. */
const char *classic_type_name(enum classic_type type);

enum {
    /* What a classic receiver reads of a connection, once: every object of ours fits. */
    CLASSIC_OBJECT_MAX = 2048,

    /* What we read: 32 times that, for lists of servers that are less strict. */
    CLASSIC_READ_MAX = 64 * 1024,
};

/* --- Reading --- */

/* A decoded object: the fields that its type has, checked. */
struct classic_object {
    enum classic_type type;
    /* Passes name_check; "" for a REGISTER with something else, which may be told so. */
    char name[ADDRESS_NAME_MAX + 1];
    struct host_port at; /* a literal or a DNS name */
    const char *text;    /* passes text_is_message, at least one byte; lives in the object */
    size_t text_length;
    struct json *root;
};

/* Fine with an object of zeros. */
void classic_object_done(struct classic_object *object);

struct classic_peer {
    const char *name; /* passes name_check; lives in the object */
    struct host_port at;
};

/* Walks a CLASSIC_PEERLIST: `*place` is NULL for the first peer. False at the end. Entries that are
 * not name → [host, port] as ours have to be are passed over: one odd name on a server does not
 * hide the others. */
bool classic_object_next_peer(const struct classic_object *object, const struct json **place,
                              struct classic_peer *ret_peer);

/* Gathers the bytes of one connection. Zeroed: nothing came yet. */
struct classic_reader {
    struct bytes bytes;
    size_t scanned; /* bytes whose brackets and quotes are counted */
    unsigned depth; /* containers that are open there */
    bool in_string;
    bool is_escaped; /* in a string, behind a backslash */
    bool is_ended;   /* an outcome other than CLASSIC_MORE was told */
};

enum classic_outcome {
    CLASSIC_MORE,      /* so far it may become an object */
    CLASSIC_OBJECT,    /* it is one, of a type that we know */
    CLASSIC_UNKNOWN,   /* it is one of another type: to be skipped */
    CLASSIC_MALFORMED, /* strict UTF-8 and JSON and what the type asks for, and nothing behind it */
    CLASSIC_TOO_LONG   /* CLASSIC_READ_MAX bytes did not hold an object */
};

/* Takes what came in, cut anywhere, and tells as soon as something is known: the object is complete
 * with its last bracket. Reads each byte once. With CLASSIC_OBJECT the caller frees *ret_object
 * (classic_object_done). After anything but CLASSIC_MORE there is nothing more to take. */
enum classic_outcome classic_reader_take(struct classic_reader *reader, const void *bytes,
                                         size_t length, struct classic_object *ret_object);

/* Whether anything came but white space: an end of stream now is the end of a half object. */
bool classic_reader_has_begun(const struct classic_reader *reader);

void classic_reader_done(struct classic_reader *reader);

/* --- Writing: each appends one object of at most CLASSIC_OBJECT_MAX bytes to `out`. Names pass
 * name_check. --- */

/* Types that say nothing: REGISTER_SUCCESS, REGISTER_ERROR, CHAT_REFUSE. */
void classic_write(struct bytes *out, enum classic_type type);

/* Types with a name: LISTPEER, EXIT_NETWORK, DISCONNECT. */
void classic_write_name(struct bytes *out, enum classic_type type, const char *name);

/* Types with a name and an address: REGISTER, CHAT_REQUEST, CHAT_ACCEPT. */
void classic_write_at(struct bytes *out, enum classic_type type, const char *name,
                      const struct host_port *at);

/* How many bytes from the start of `text` (which passes text_is_message) fit in one CHAT_MESSAGE of
 * `name`, whole characters only: at least one character, all of it when it fits. */
size_t classic_message_fit(const char *name, const char *text, size_t length);

/* A text that fits. */
void classic_write_message(struct bytes *out, const char *name, const char *text, size_t length);

/* A PEERLIST, peer by peer: begin, add until one does not fit, end. Names differ. */
struct classic_list {
    struct bytes *out;
    size_t start; /* of the object in `out` */
    bool is_empty;
};
void classic_list_begin(struct classic_list *list, struct bytes *out);
bool classic_list_add(struct classic_list *list, const char *name, const struct host_port *at);
void classic_list_end(struct classic_list *list);

#endif
