/* The peers that are known, by number, key and alias (p2pchat-protocol(7), Identity). */
#ifndef P2PCHAT_DAEMON_CORE_CHAT_CONTACT_H
#define P2PCHAT_DAEMON_CORE_CHAT_CONTACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/error.h"
#include "common/mono.h"
#include "daemon/core/action.h"
#include "daemon/core/chat/inbox.h"
#include "daemon/core/chat/outbox.h"
#include "daemon/core/hash.h"
#include "daemon/core/limits.h"
#include "daemon/core/table.h"
#include "daemon/core/transaction.h"

struct session;

/* What is being said to a classic contact (node/classic_talk.c). */
enum classic_item {
    CLASSIC_SAY_NOTHING,
    CLASSIC_SAY_DISCONNECT,
    CLASSIC_SAY_ACCEPT,
    CLASSIC_SAY_REFUSE,
    CLASSIC_SAY_REQUEST,
    CLASSIC_SAY_MESSAGE
};
struct classic_talk {
    bool is_due;            /* its time has come, or the last object went out: go on */
    bool is_under_way;      /* an object is on its way */
    bool is_out;            /* and was written */
    enum classic_item item; /* what it says */
    uint32_t request;       /* REFUSE and REQUEST: which */
    uint8_t failures;       /* in a row */
    bool is_online;         /* the last thing that is known: it was reached, or heard of */
    char *text;             /* the message that is said now, or NULL */
    size_t text_length;
    uint64_t epoch, number; /* of it, or of the last one that was begun */
    size_t said;            /* bytes of it that went out, in parts */
    size_t part;            /* bytes of it in the object that is on its way */
};

/* How often links of one key displaced each other by another instance: a cloned identity does so
 * again and again. One that only restarts never comes back as the instance that it was. */
enum { INSTANCES_KNOWN = 4 };
struct instances {
    uint64_t displaced[INSTANCES_KNOWN]; /* whose links gave way; the oldest is overwritten */
    size_t next;
    struct mono since;
    uint32_t returned; /* how often one of them came back since then */
};

/* What a security warning is about (p2pchat-api(7), security.warning). */
enum danger { DANGER_NAME_CLAIMED, DANGER_DATABASE_RESTORED, DANGER_CLONED_IDENTITY, DANGERS };

/* One a minute of something that the contact can cause. */
struct contact_ration {
    struct mono next; /* not before then; the rest is counted */
    uint64_t suppressed;
};

/* What came of the last dial of a contact, until there is a link. */
struct contact_tried {
    struct mono at; /* when it ended; 0: there was none */
    char *found;    /* in our words, at most CONTACT_TRIED_MAX bytes; or NULL */
    enum dial_met met;
};

/* A known peer: its row, and what is true of it while the node runs. */
struct contact {
    struct peer_row row;
    char peer_id[PEER_ID_LENGTH + 1]; /* "" for classic peers, which have none */
    char *alias_folded;               /* what alias and name are compared by; NULL like these */
    char *name_folded;
    struct outbox outbox;
    struct inbox inbox;
    struct session *session; /* the link that is sent on, or NULL: offline */
    uint64_t read;           /* the READ that the outbox waits for, or 0 */
    uint32_t reads; /* under way, one at most: who says HAVE without end makes no more of them */
    bool owes_have; /* HAVE is to be sent as soon as nothing taken waits for the disk */
    bool owes_ack;  /* CHAT_ACK likewise, of the stream acked_stream */
    uint32_t ack_stream;
    uint64_t ack_through;
    uint32_t read_stream;
    uint64_t unstored_count, unstored_bytes; /* messages of ours on their way to the disk */
    struct contact_ration warnings[DANGERS];
    struct contact_ration refusals;    /* of its links, in the daemon's own log */
    struct contact_ration asked_again; /* for a chat */
    struct mono next_seek;             /* trackers are not asked for it before */
    bool is_logged;                    /* the log tells of it, so that its row must stay */
    bool has_have;                     /* the other side's HAVE came on this link */
    bool sent_have;                    /* and ours went */
    bool is_undone;                    /* its row went back to what is durable */
    bool is_told_online;               /* to subscribers; offline is told only after that */
    struct instances instances;
    struct contact *next_dirty; /* the list of contacts with something to send */
    bool is_dirty;
    uint64_t block; /* address block it was last seen in, or 0 */
    struct contact_tried tried;
    struct classic_talk talk;
    UT_hash_handle by_number, by_key, by_alias;
};

/* An alias that was a stranger's, as hashes of alias and key: nobody else gets it for a while. */
struct retired_alias {
    uint64_t alias, key;
};

/* Hash tables are keyed, so that nobody outside can choose keys that collide. Iteration is in order
 * of arrival. */
struct contacts {
    struct hash_key hash_key;
    struct contact *by_number, *by_key, *by_alias;
    struct known_block *blocks; /* address blocks of contacts, counted */
    uint32_t last_peer;         /* highest number given */
    struct retired_alias retired[RETIRED_ALIASES_MAX];
    size_t last_retired;
};

void contacts_init(struct contacts *contacts, const struct hash_key *key);
void contacts_done(struct contacts *contacts);

/* Adds the peer of that number, or gives the known one a new row. The row is copied. Key, alias and
 * number are unique: that is the caller's care. */
struct contact *contacts_put(struct contacts *contacts, const struct peer_row *row);
void contacts_remove(struct contacts *contacts, struct contact *contact);

struct contact *contacts_by_number(const struct contacts *contacts, uint32_t peer);
struct contact *contacts_by_key(const struct contacts *contacts, const uint8_t key[KEY_LENGTH]);
struct contact *contacts_by_alias(const struct contacts *contacts, const char *alias);

/* The one whose key is pinned to this host:port, or NULL. Not a classic one, nor one that was
 * removed. */
struct contact *contacts_by_address(const struct contacts *contacts, const char *address);

/* PEER: alias, peer id, or a unique prefix (8 characters or more) of one. What is like an id
 * (name_is_like_id) means ids only, so that nobody takes what is for another by his name.
 * ERR_NO_SUCH_PEER, ERR_AMBIGUOUS_PEER. Contacts without alias (removed) are not found. */
enum error contacts_find(const struct contacts *contacts, const char *text,
                         struct contact **ret_contact);

/* Whether a contact with consent was seen in this address block, or is pinned there. */
bool contacts_know_block(const struct contacts *contacts, uint64_t block);
void contacts_seen_in(struct contacts *contacts, struct contact *contact, uint64_t block);

/* The alias that a new peer of this name gets: the name itself, else name-2, name-3, … For a name
 * that cannot be an alias (NULL, or one that fails name_check): "peer-" and the beginning of the
 * peer id. The caller frees it. */
char *contacts_new_alias(const struct contacts *contacts, const char *name,
                         const uint8_t key[KEY_LENGTH]);

/* The alias of this contact is about to be given up. */
void contacts_retire_alias(struct contacts *contacts, const struct contact *contact);

/* The contact with another key that is known by this name or alias already, or NULL. Names that
 * classic peers have are nobody's. */
struct contact *contacts_named(const struct contacts *contacts, const char *name,
                               const uint8_t key[KEY_LENGTH]);

/* Whether all that is known of a peer is that it asked: there never was consent, we never dialled
 * it, and nobody marked it. */
bool contact_is_stranger(const struct contact *contact);

/* Keeps what a dial of it found, and forgets it. */
void contact_note_tried(struct contact *contact, const char *found, enum dial_met met,
                        struct mono now);
void contact_forget_tried(struct contact *contact);

#endif
