/* The board that a tracker keeps for classic peers: who is on their list, by name
 * (p2pchat-protocol(7), The classic dialect).
 *
 * Classic peers are on it because they registered; nothing of them is proved but where they came
 * from. Peers with a key are on it because their record has a classic address. A name stands there
 * once, and a key's takes the place of a classic one. Sorted by folded name (name_fold), so that a
 * list can be told in pieces; finding is O(log n). Bounded by daemon/core/limits.h. */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_CLASSIC_BOARD_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_CLASSIC_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/error.h"
#include "common/mono.h"
#include "daemon/core/table.h"
#include "daemon/core/timers.h"

struct classic_entry {
    char *name;   /* as it was said; passes name_check */
    char *folded; /* by which the board is sorted */
    struct host_port at;
    bool is_keyed; /* else it is a classic peer's, and `at` has a literal */

    /* Of classic peers only. */
    uint64_t block;
    char *where;        /* `at` as text */
    struct timer timer; /* when it is forgotten */
    char *told;         /* folded: where the piece of the list that it got last ended; or NULL */
    UT_hash_handle by_where;
};

struct classic_board {
    struct timers *timers;
    int timer_kind;
    struct classic_entry **entries; /* by folded name */
    size_t count, room;
    size_t keyed_count;
    struct classic_entry *by_where; /* classic peers' */
};

/* The timers of entries are set among `timers`, with that kind. */
void classic_board_init(struct classic_board *board, struct timers *timers, int timer_kind);
void classic_board_done(struct classic_board *board);

/* The entry of a folded name, or NULL. Entries are borrowed until the board changes. */
struct classic_entry *classic_board_find(const struct classic_board *board, const char *folded);

/* The classic peer that listens there, or NULL. */
struct classic_entry *classic_board_at(const struct classic_board *board,
                                       const struct host_port *at);

/* The place in `entries` of the first that is behind a folded name, which need not be there; of the
 * first of all, with NULL. `count` when there is none. */
size_t classic_board_behind(const struct classic_board *board, const char *folded);

/* Whether a classic peer may have that name, as far as the board knows. ERR_NAME_TAKEN: somebody
 * with a key has it, or a classic peer at another host; ERR_LIMIT_EXCEEDED: there are too many in
 * all or of its address block. */
enum error classic_board_check(const struct classic_board *board, const char *folded,
                               const char *host);

/* Puts a classic peer up, or keeps it there for another CLASSIC_REGISTERED_MS. It has passed the
 * check above, and `at` has a literal. Copied. */
void classic_board_put(struct classic_board *board, const char *name, const char *folded,
                       const struct host_port *at, struct mono now);

/* A classic peer was heard of: it stays for as long as if it had registered now. */
void classic_board_heard(struct classic_board *board, struct classic_entry *entry, struct mono now);

/* A key has that name from now on. `at` is its classic address: a literal or a DNS name; or NULL.
 * When CLASSIC_KEYED_MAX of them are shown, one more is not. Whether a classic peer lost the name
 * by it. Copied. */
bool classic_board_put_keyed(struct classic_board *board, const char *name, const char *folded,
                             const struct host_port *at);

/* No key has that name any more. No effect on a classic peer's entry. */
void classic_board_remove_keyed(struct classic_board *board, const char *folded);

void classic_board_remove(struct classic_board *board, struct classic_entry *entry);

#endif
