/* A link: an authenticated, encrypted conversation over one carrier (p2pchat-protocol(7), Links).
 *
 * Bytes of the carrier go in; bytes for the carrier, proofs and messages come out. The link does by
 * itself what concerns it alone: preamble, handshake, records, framing, HELLO first, PING and PONG,
 * renewal of keys, CLOSE. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_LINK_H
#define P2PCHAT_DAEMON_CORE_LINK_LINK_H

#include "common/json.h"
#include "common/mono.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/link/message.h"
#include "daemon/core/random.h"

struct link;

/* What all links of a node share; must outlive them. */
struct link_settings {
    const struct identity *identity;
    enum node_role role;        /* messages for another are skipped */
    const uint8_t *network_key; /* 32 bytes: only psk patterns are spoken; NULL: only the others */
    struct random random;
    const struct bytes
        *hello; /* the msgdata of our HELLO, JSON; sent as it is when the link is proved */
};

/* Why a link ended. ROW(NAME, "name on the wire and in logs") */
#define LINK_ENDS(ROW)                                                                             \
    ROW(SHUTDOWN, "shutdown")   /* the daemon stops */                                             \
    ROW(DUPLICATE, "duplicate") /* another link to the same key is kept */                         \
    ROW(SELF, "self")           /* we dialled ourselves */                                         \
    ROW(BLOCKED, "blocked")     /* never told: the carrier is just closed */                       \
    ROW(LIMIT, "limit")         /* too many links, or a message type too often */                  \
    ROW(CREDIT, "credit")       /* sent more than it was allowed */                                \
    ROW(SLOW, "slow")           /* does not read what we send */                                   \
    ROW(MALFORMED, "malformed") /* against the specification */                                    \
    ROW(HANDSHAKE, "handshake") /* no proof: wrong pattern, key or bytes. Closed without a byte */ \
    ROW(TAMPERED, "tampered")   /* a record that does not open */                                  \
    ROW(NOT_RENEWED, "not_renewed") /* keys were used too long, or renewal went wrong */           \
    ROW(TIMEOUT, "timeout")         /* silence: 10 s before the proof, 90 s after */               \
    ROW(STORAGE, "storage")         /* the disk failed, and all is to be said again */             \
    ROW(REMOVED, "removed")         /* the contact was removed */                                  \
    ROW(LOST, "lost")               /* the carrier ended without CLOSE */                          \
    ROW(CLOSED, "closed")           /* the other side said CLOSE */

enum link_end {
#define ROW(NAME, name) LINK_END_##NAME,
    LINK_ENDS(ROW)
#undef ROW
};
const char *link_end_name(enum link_end end);

/* A link that we dial. `remote_key` is the Ed25519 key that must prove itself (XK), or NULL when
 * nobody knows it yet (XX). ERR_BAD_KEY when `remote_key` cannot be converted. The preamble and
 * first message are ready to be taken. */
enum error link_new_dialled(const struct link_settings *settings, const uint8_t *remote_key,
                            struct now now, struct link **ret_link);

/* A link that somebody opens to us. Says nothing until something acceptable came. */
struct link *link_new_accepted(const struct link_settings *settings, struct now now);
void link_free(struct link *link);

/* Bytes from the carrier, cut anywhere. What they lead to comes out of link_next. */
void link_input(struct link *link, const uint8_t *bytes, size_t length, struct now now);

/* The carrier is gone. */
void link_lost(struct link *link);

void link_expire(struct link *link, struct now now);
struct mono link_deadline(const struct link *link);

/* Until a link is raised it is a stranger's: messages of at most 16 KiB instead of 256, and only
 * their types. */
enum link_tier { LINK_STRANGER, LINK_CONTACT };
void link_set_tier(struct link *link, enum link_tier tier);

/* While it is held, messages that came in wait in it, and all the rest goes on; whose messages that
 * wait are more than LINK_HELD_MAX is sent away (LIMIT). */
void link_hold(struct link *link);
void link_go_on(struct link *link);

/* Bytes that came in and wait: for their end, or because the link is held. */
size_t link_waiting(const struct link *link);

/* Queues one JSON message; `data` is the msgdata object as JSON text. Several leave in one record.
 * Only after PROVED. */
void link_send(struct link *link, enum message_type type, const void *data, size_t length);

/* Says CLOSE with the reason (where the other side is told at all) and ends the link: after the
 * bytes that are ready only LINK_ENDED comes out. No effect on one that has ended. */
void link_close(struct link *link, enum link_end why);

enum link_output_kind {
    LINK_SEND,    /* bytes for the carrier */
    LINK_PROVED,  /* the other side holds `key`; HELLO is on its way. Messages may be sent */
    LINK_HELLO,   /* the other side's HELLO */
    LINK_MESSAGE, /* a message of the tier's vocabulary, in order; after HELLO */
    LINK_ENDED    /* the last output: close the carrier, free the link */
};

/* Borrowed until the next call on the link. */
struct link_output {
    enum link_output_kind kind;
    union {
        struct {
            const uint8_t *bytes;
            size_t length;
        } send;
        const uint8_t *key; /* PROVED: KEY_LENGTH bytes, Ed25519 */
        const struct json *hello;
        struct {
            enum message_type type;
            const struct json *data;
        } message;
        enum link_end ended;
    };
};
bool link_next(struct link *link, struct link_output *ret_output);

/* Why the other side closed a link that ended with LINK_END_CLOSED, by its own account; that again
 * when it gave no reason that we know. */
enum link_end link_reason_told(const struct link *link);

/* True from LINK_PROVED to LINK_ENDED. */
bool link_is_proved(const struct link *link);

#endif
