/* Who is registered at a tracker: the signed records of peers, as the bytes that were signed, found
 * by key and by name, and told in the order of names.
 *
 * Names are folded ones (name_fold): those are compared. A key is there once, and so is a name. A
 * registration ends at its deadline; as all last equally long, they end in the order in which they
 * were renewed last, and the next one to end is always the first of a list: nothing is looked
 * through. Bounded in all and by address block (daemon/core/limits.h).
 *
 * Beside the record's own bytes a registration costs about 160 bytes and its name, of which
 * 60 to 100 are the tables by key, name and block. Finding one is O(1), with its neighbours by name
 * O(log n). */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_REGISTRY_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/mono.h"
#include "daemon/core/number_map.h"
#include "daemon/core/overlay/name_order.h"
#include "daemon/core/random.h"

struct registry_entry;

struct registry {
    struct registry_entry *entries;
    uint32_t used, room; /* of `entries`; those in use and free ones among them */
    uint32_t free;       /* the list of free ones */
    uint32_t count;      /* registrations */

    struct hash_key hash_key;
    struct number_map by_key, by_name; /* places in `entries`, by keyed hashes */
    struct name_order order;

    struct number_map of_block; /* how many registrations came from an address block */
    uint32_t oldest, newest;    /* the list of registrations by deadline */
};

/* What there is of a registration. Borrowed until the registry changes. */
struct registration {
    const char *name; /* folded */
    const uint8_t *record;
    size_t record_length;
};

#define REGISTRY_NONE UINT32_MAX

/* `registry` stays where it is until registry_done. */
void registry_init(struct registry *registry, const struct random *random);
void registry_done(struct registry *registry);

/* The number of a registration, or REGISTRY_NONE. It is the same until the registration ends, and
 * then another's. */
uint32_t registry_of_key(const struct registry *registry, const uint8_t *key);
uint32_t registry_of_name(const struct registry *registry, const char *name);
struct registration registry_at(const struct registry *registry, uint32_t number);

/* Whether a key may register that name, from that address block, as far as the registry knows.
 * ERR_NAME_TAKEN: another key has registered it. ERR_LIMIT_EXCEEDED: there are too many
 * registrations in all or of the block, the key's own not counted. */
enum error registry_check(const struct registry *registry, const uint8_t *key, const char *name,
                          uint64_t block);

/* Registers what passed the check above, or renews it, until `deadline`, which is not before that
 * of any other. `record` is a good one (peer_record_decode); its key is registered. Copied. */
void registry_put(struct registry *registry, const char *name, const uint8_t *record, size_t length,
                  uint64_t block, struct mono deadline);

void registry_remove(struct registry *registry, uint32_t number);

/* The registration whose deadline comes first, if it has come; remove it, and ask again. */
bool registry_due(const struct registry *registry, struct mono now, uint32_t *ret_number);

/* When that will be; MONO_NEVER when nobody is registered. */
struct mono registry_deadline(const struct registry *registry);

/* A place in the order of names, good until the registry changes: before the first name that is not
 * before `name`, and behind `name`, which need not be there. */
struct name_order_place registry_from(const struct registry *registry, const char *name);
struct name_order_place registry_behind(const struct registry *registry, const char *name);

/* The registration at a place, which moves behind it; false at the end. */
bool registry_next(const struct registry *registry, struct name_order_place *place,
                   struct registration *ret_registration);

#endif
