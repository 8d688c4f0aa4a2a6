/* Who may come in: the bounds on inbound carriers before there is trust (p2pchat-protocol(7),
 * Links).
 *
 * A carrier is unproved until its other end has shown a key. Each arrival takes a token of its
 * address block, which also bounds handshakes, and a place in a table of fixed size; when that is
 * full, one of the unproved, drawn at random, gives way. Who holds out a silent connection loses
 * it, sooner the more there are; who proves itself at once hardly ever does. A quarter of the
 * places and of each block's tokens is kept for carriers that come from an address of a contact.
 *
 * A proved carrier is a contact's, and no longer counted, or a stranger's, bounded by address block
 * and in all, where again one that is drawn gives way: a few blocks cannot shut out the others.
 * Every operation is O(1); memory is bounded by daemon/core/limits.h. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_DOORMAN_H
#define P2PCHAT_DAEMON_CORE_LINK_DOORMAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"
#include "daemon/core/limits.h"
#include "daemon/core/number_map.h"
#include "daemon/core/random.h"

struct doorman_block;
struct doorman_visitor;

enum doorman_origin { DOORMAN_ANYWHERE, DOORMAN_CONTACT_ADDRESS };
enum { DOORMAN_ORIGINS = 2 };

/* The unproved of one origin, or the strangers, in no order, so that one can be drawn. */
struct doorman_row {
    uint32_t count, room;
    uint16_t *visitors; /* places in `visitors` below */
};

struct doorman {
    struct random random;
    uint32_t strangers_max;
    struct doorman_row unproved[DOORMAN_ORIGINS];
    struct doorman_row strangers;

    struct number_map visitor_places; /* by carrier */
    struct doorman_visitor *visitors;
    uint32_t visitor_count, visitor_room;
    uint32_t visitor_free; /* the list of those below visitor_count that are free */

    struct number_map block_places; /* by address block */
    struct doorman_block *blocks;
    uint32_t block_count, block_room;
    uint32_t block_free;
    uint32_t oldest, newest; /* the list of blocks without carriers, by when the last one left */
};

/* `random` is copied. `strangers_max`: links to strangers in all, DOORMAN_STRANGERS_MAX or
 * DOORMAN_TRACKER_STRANGERS_MAX. */
void doorman_init(struct doorman *doorman, const struct random *random, uint32_t strangers_max);
void doorman_done(struct doorman *doorman);

enum doorman_verdict {
    DOORMAN_ENTER,       /* it has a place */
    DOORMAN_ENTER_EVICT, /* it has the place of another, which is to be closed */
    DOORMAN_REFUSE       /* too many from its address block: close it */
};

/* Somebody connected to us from `host`, a literal. A refused carrier is not known to the doorman,
 * nor is an evicted one from now on; *ret_evicted is set with DOORMAN_ENTER_EVICT only. */
enum doorman_verdict doorman_arrive(struct doorman *doorman, uint64_t carrier, const char *host,
                                    enum doorman_origin origin, struct mono now,
                                    uint64_t *ret_evicted);

enum doorman_standing { DOORMAN_STRANGER, DOORMAN_CONTACT };

/* The other end has proved a key, or a stranger became a contact. Whether it may stay: contacts
 * always; strangers within the bound of their block, and when there are too many in all, in the
 * place of one that is drawn (ENTER_EVICT: close it). One that may not stay is forgotten, and is to
 * be closed. Carriers that the doorman does not know (we dialled them) may stay. */
enum doorman_verdict doorman_proved(struct doorman *doorman, uint64_t carrier,
                                    enum doorman_standing standing, uint64_t *ret_evicted);

/* The carrier is gone. No effect on one that is not known. */
void doorman_leave(struct doorman *doorman, uint64_t carrier);

#endif
