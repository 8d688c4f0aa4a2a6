/* Questions to all trackers at once: who has a name, what there is of a key, whose names begin so
 * (p2pchat-protocol(7), The tracker).
 *
 * A question goes to every tracker that is wanted. Those with a link are asked at once, those that
 * are being dialled as soon as there is one; those that are known to be away are not waited for,
 * and nobody is for longer than LOOKUP_MS. What they answer is verified, merged, and handed to
 * whoever asked.
 *
 * Another source of names takes part like this: lookup_start tells it what is asked by its
 * tracker's row (is_classic); it answers with lookup_found_classic for each peer and then
 * lookup_source_done, whenever it has the answer, with the number of the look-up; one that is over
 * by then is not there any more, and nothing happens. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_LOOKUP_H
#define P2PCHAT_DAEMON_CORE_NODE_LOOKUP_H

#include "daemon/core/link/message_tracker.h"
#include "daemon/core/node/trackers.h"

/* One peer as one source tells of it. */
struct lookup_entry {
    char name[ADDRESS_NAME_MAX + 1];
    char *folded;     /* what it is compared by */
    uint32_t tracker; /* which said so: its number */
    bool has_key;     /* else it speaks the classic dialect, at `addresses[0]` */
    uint8_t key[KEY_LENGTH];
    uint64_t sequence;
    bool is_local; /* learnt over such a link: its loopback and link-local addresses count */
    struct host_port *addresses;
    size_t address_count;
    uint8_t *record; /* the bytes that were signed, where a key was asked for; else NULL */
    size_t record_length;
};

enum lookup_progress {
    LOOKUP_WAITS, /* for a link */
    LOOKUP_ASKED,
    LOOKUP_ANSWERED,
    LOOKUP_FAILED
};

/* How it stands with one tracker. */
struct lookup_part {
    uint32_t tracker;
    uint64_t query; /* of its LISTPEER */
    enum lookup_progress progress;
    char *next; /* more follows behind this name; or NULL */
    char *next_folded;
    char *greatest; /* of the names that it has told, folded; NULL: none */
};

struct lookup {
    uint64_t number;
    enum message_asks asks;
    char *text;   /* the name, prefix or address */
    char *folded; /* what names are compared with */
    struct peer_key key;
    char *after, *after_folded; /* or NULL */
    uint32_t limit;

    struct lookup_part parts[LOOKUP_PARTS_MAX];
    size_t part_count;
    struct lookup_entry *entries;
    size_t entry_count, entry_room;
    size_t outdated; /* entries that were not used, because newer ones are known */

    uint64_t call, client;   /* of listpeer */
    struct attempt *attempt; /* of chat.request; else NULL */
    uint32_t sought;         /* the contact that seek.c looks for; or 0: somebody calls */
    struct timer timer;
    struct lookup *next;
};

/* Begins a look-up. `question` has what is to be asked, but for the query number; texts are copied.
 * Whoever asks is told when
 * it ends, at the earliest when `lookup_go` is called. ERR_NO_TRACKER:
 * none is wanted; ERR_LIMIT_EXCEEDED: LOOKUPS_MAX are under way. */
enum error lookup_start(struct node *node, const struct message_listpeer *question,
                        struct lookup **ret_lookup);
void lookup_go(struct node *node, struct lookup *lookup);
void lookup_free(struct node *node, struct lookup *lookup); /* whoever asked is gone */
bool lookup_was_answered(const struct lookup *lookup);      /* by anybody */

/* A tracker has a link now; or will not have one, or has lost it. */
void lookup_tracker_up(struct node *node, const struct tracker *tracker);
void lookup_tracker_gone(struct node *node, const struct tracker *tracker);

/* What other sources say; see above. An entry that does not fit the question is left out. */
void lookup_found_classic(struct node *node, uint64_t number, const struct tracker *tracker,
                          const struct classic_peer *peer);
void lookup_source_done(struct node *node, uint64_t number, uint32_t tracker,
                        enum lookup_progress progress);

/* Whether a list of one of our sources, not long ago, had a classic peer at that address: then
 * somebody who gives only the address means the peer of the list. */
bool lookup_was_classic(const struct node *node, const struct host_port *at);

/* --- call_request.c, call_tracker.c, seek.c: what becomes of it. The entries are sorted by name,
 * then by key, those without one last; of each key only the newest is there. --- */

void request_looked_up(struct node *node, struct attempt *attempt, struct lookup *lookup);
void list_looked_up(struct node *node, struct lookup *lookup);
void seek_looked_up(struct node *node, const struct lookup *lookup);

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

#endif
