/* When to dial a peer: again and again while it is wanted and there is no link, ever less often,
 * and not too many at once.
 *
 * Peers are told apart by number. A wanted peer waits, is being dialled, or is linked. The wait
 * begins with up to half a second, doubles from one second to five minutes with each dial that
 * fails or link that breaks soon, and starts over after a link that lasted (daemon/core/limits.h);
 * for those that are wanted for little it goes on doubling to six hours. How a carrier is won, and
 * to which address, is not decided here.
 *
 * 16 bytes a peer and its place in a table; every operation is O(log n). Peers that are due at the
 * same instant come in the order of their numbers. */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_DIALLER_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_DIALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"
#include "daemon/core/number_map.h"
#include "daemon/core/random.h"

struct dialler_entry;

struct dialler {
    struct random random;
    struct number_map places;   /* of peers in the heap */
    struct dialler_entry *heap; /* of all wanted peers, the next to be dialled first */
    uint32_t count;
    uint32_t room;
    uint32_t under_way; /* peers being dialled */
};

/* `random` is copied. */
void dialler_init(struct dialler *dialler, const struct random *random);
void dialler_done(struct dialler *dialler);

/* How much a peer is wanted: SELDOM is for those that need only be told that it is over, and may
 * never answer. */
enum dialler_pace { DIALLER_OFTEN, DIALLER_SELDOM };

/* From now on the peer is dialled whenever there is no link to it, first within half a second. No
 * effect on one that is wanted already, at that pace. */
void dialler_want(struct dialler *dialler, uint32_t peer, enum dialler_pace pace, struct mono now);

/* Forgets the peer, and a dial of it that is under way. */
void dialler_unwant(struct dialler *dialler, uint32_t peer);

/* Somebody waits for this peer: wants it if it was not wanted, and unless it is being dialled or
 * linked it is next, before all that nobody waits for, also when those take up their places. */
void dialler_want_now(struct dialler *dialler, uint32_t peer);

/* There is something new to tell this peer: one that waits is dialled within DIALLER_NEWS_MS. */
void dialler_news(struct dialler *dialler, uint32_t peer, struct mono now);

/* What happened to a peer; no effect on one that is not wanted. */

/* There is a link, whoever dialled it. A dial under way no longer counts. */
void dialler_linked(struct dialler *dialler, uint32_t peer, struct mono now);

/* The link is gone, and there is no other. No effect when there was none. */
void dialler_lost(struct dialler *dialler, uint32_t peer, struct mono now);

/* The dial led to nothing: no carrier, or no proof of the key. No effect when none is under way. */
void dialler_failed(struct dialler *dialler, uint32_t peer, struct mono now);

/* The peer to be dialled now, if one is due and has a place; it is then being dialled until one of
 * the three above is told. Call again until false. */
bool dialler_next(struct dialler *dialler, struct mono now, uint32_t *ret_peer);

/* Whether the peer is being dialled: it is wanted, and there is no link. */
bool dialler_is_dialling(const struct dialler *dialler, uint32_t peer);

/* When the peer is dialled next, or was due to be; MONO_NEVER: it is linked, being dialled, or not
 * wanted. */
struct mono dialler_due(const struct dialler *dialler, uint32_t peer);

/* When to call dialler_next again; MONO_NEVER while nobody waits or there is no place. */
struct mono dialler_deadline(const struct dialler *dialler);

#endif
