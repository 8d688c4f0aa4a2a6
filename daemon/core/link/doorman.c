#include "daemon/core/link/doorman.h"

#include <stdlib.h>

#include "common/address.h"
#include "common/alloc.h"
#include "daemon/core/token_bucket.h"

enum {
    KEPT_PLACES = DOORMAN_UNPROVED_MAX / DOORMAN_CONTACT_SHARE,
    KEPT_TOKENS = DOORMAN_BLOCK_BURST / DOORMAN_CONTACT_SHARE,
    ROOM_FIRST = 8,
};

#define NONE NUMBER_MAP_NONE

enum state { UNPROVED, STRANGER };

/* An inbound carrier that is not a contact's. */
struct doorman_visitor {
    uint64_t carrier;
    uint32_t block; /* or, in the free list, the next one */
    uint16_t place; /* in its row */
    uint8_t state;
    uint8_t origin;
};

struct doorman_block {
    uint64_t number;
    struct token_bucket arrivals;
    uint32_t older, newer; /* among those without carriers; or `newer` in the free list */
    uint16_t carriers;
    uint16_t strangers;
};

_Static_assert(DOORMAN_UNPROVED_MAX + DOORMAN_TRACKER_STRANGERS_MAX <= UINT16_MAX,
               "visitors are counted and found by 16 bits");

/* All that can be there at one time. */
static uint32_t visitors_max(const struct doorman *d)
{
    return DOORMAN_UNPROVED_MAX + d->strangers_max;
}

/* So a block without carriers can always be found and forgotten. */
static uint32_t blocks_max(const struct doorman *d)
{
    return visitors_max(d) + DOORMAN_IDLE_BLOCKS_MAX;
}

/* --- Address blocks --- */

static void list_append(struct doorman *d, uint32_t b)
{
    d->blocks[b].older = d->newest;
    d->blocks[b].newer = NONE;
    if (d->newest == NONE)
        d->oldest = b;
    else
        d->blocks[d->newest].newer = b;
    d->newest = b;
}

static void list_remove(struct doorman *d, uint32_t b)
{
    const struct doorman_block *block = &d->blocks[b];

    if (block->older == NONE)
        d->oldest = block->newer;
    else
        d->blocks[block->older].newer = block->newer;
    if (block->newer == NONE)
        d->newest = block->older;
    else
        d->blocks[block->newer].older = block->older;
}

static void forget_oldest(struct doorman *d)
{
    uint32_t b = d->oldest;

    list_remove(d, b);
    number_map_remove(&d->block_places, d->blocks[b].number);
    d->blocks[b].newer = d->block_free;
    d->block_free = b;
}

/* A bucket that is full again says nothing. Two at most for each arrival: enough to shrink. */
static void forget_idle(struct doorman *d, struct token_rate rate, struct mono now)
{
    for (int i = 0; i < 2 && d->oldest != NONE; i++) {
        if (!token_bucket_is_full(&d->blocks[d->oldest].arrivals, rate, now))
            return;
        forget_oldest(d);
    }
}

/* A place in the array that is free. */
static uint32_t block_place(struct doorman *d)
{
    uint32_t b = d->block_free;

    if (b != NONE) {
        d->block_free = d->blocks[b].newer;
        return b;
    }
    if (d->block_count == d->block_room) {
        d->block_room = d->block_room > 0 ? 2 * d->block_room : ROOM_FIRST;
        d->blocks = xreallocarray(d->blocks, d->block_room, sizeof(*d->blocks));
    }
    return d->block_count++;
}

/* The block of that number, which may be new. */
static uint32_t block_of(struct doorman *d, uint64_t number)
{
    uint32_t b = number_map_get(&d->block_places, number);

    if (b != NONE)
        return b;
    if (d->block_places.count == blocks_max(d))
        forget_oldest(d);
    b = block_place(d);
    d->blocks[b] = (struct doorman_block){.number = number};
    number_map_set(&d->block_places, number, b);
    list_append(d, b);
    return b;
}

static void block_enter(struct doorman *d, uint32_t b)
{
    if (d->blocks[b].carriers++ == 0)
        list_remove(d, b);
}

static void block_leave(struct doorman *d, uint32_t b)
{
    if (--d->blocks[b].carriers == 0)
        list_append(d, b);
}

/* --- Visitors --- */

static uint32_t visitor_place(struct doorman *d)
{
    uint32_t v = d->visitor_free;

    if (v != NONE) {
        d->visitor_free = d->visitors[v].block;
        return v;
    }
    must(d->visitor_count < visitors_max(d));
    if (d->visitor_count == d->visitor_room) {
        d->visitor_room = d->visitor_room > 0 ? 2 * d->visitor_room : ROOM_FIRST;
        d->visitors = xreallocarray(d->visitors, d->visitor_room, sizeof(*d->visitors));
    }
    return d->visitor_count++;
}

static struct doorman_row *row_of(struct doorman *d, uint32_t v)
{
    switch ((enum state)d->visitors[v].state) {
    case UNPROVED:
        return &d->unproved[d->visitors[v].origin];
    case STRANGER:
        return &d->strangers;
    }
    must(!"a state");
}

static void row_append(struct doorman *d, uint32_t v)
{
    struct doorman_row *row = row_of(d, v);

    if (row->count == row->room) {
        row->room = row->room > 0 ? 2 * row->room : ROOM_FIRST;
        row->visitors = xreallocarray(row->visitors, row->room, sizeof(*row->visitors));
    }
    d->visitors[v].place = (uint16_t)row->count;
    row->visitors[row->count++] = (uint16_t)v;
}

/* The last of the row takes the place. */
static void row_remove(struct doorman *d, uint32_t v)
{
    struct doorman_row *row = row_of(d, v);
    uint16_t last = row->visitors[--row->count];

    row->visitors[d->visitors[v].place] = last;
    d->visitors[last].place = d->visitors[v].place;
}

static void visitor_remove(struct doorman *d, uint32_t v)
{
    struct doorman_visitor *visitor = &d->visitors[v];

    row_remove(d, v);
    if (visitor->state == STRANGER)
        d->blocks[visitor->block].strangers--;
    block_leave(d, visitor->block);
    number_map_remove(&d->visitor_places, visitor->carrier);
    visitor->block = d->visitor_free;
    d->visitor_free = v;
}

static void visitor_add(struct doorman *d, uint64_t carrier, uint32_t block,
                        enum doorman_origin origin)
{
    uint32_t v = visitor_place(d);

    d->visitors[v] = (struct doorman_visitor){
        .carrier = carrier, .block = block, .state = UNPROVED, .origin = (uint8_t)origin};
    number_map_set(&d->visitor_places, carrier, v);
    block_enter(d, block);
    row_append(d, v);
}

/* --- The table of the unproved --- */

/* How many of the unproved one more of that origin would have to be drawn from, as there is no
 * place for it; 0 when there is one. The first ones are those from anywhere. */
static uint32_t candidates(const struct doorman *d, enum doorman_origin origin)
{
    uint32_t others = d->unproved[DOORMAN_ANYWHERE].count;
    uint32_t contacts = d->unproved[DOORMAN_CONTACT_ADDRESS].count;

    switch (origin) {
    case DOORMAN_CONTACT_ADDRESS:
        return others + contacts < DOORMAN_UNPROVED_MAX ? 0 : others + contacts;
    case DOORMAN_ANYWHERE:
        if (contacts > KEPT_PLACES) /* they have places that are not kept for them */
            return others + contacts < DOORMAN_UNPROVED_MAX ? 0 : others + contacts;
        return others < DOORMAN_UNPROVED_MAX - KEPT_PLACES ? 0 : others;
    }
    must(!"an origin");
}

static uint64_t evict_from(struct doorman *d, const struct doorman_row *row, uint32_t drawn)
{
    uint64_t carrier = d->visitors[row->visitors[drawn]].carrier;

    visitor_remove(d, row->visitors[drawn]);
    return carrier;
}

static uint64_t evict(struct doorman *d, uint32_t count)
{
    const struct doorman_row *others = &d->unproved[DOORMAN_ANYWHERE];
    uint32_t drawn = random_below(&d->random, count);

    return drawn < others->count
               ? evict_from(d, others, drawn)
               : evict_from(d, &d->unproved[DOORMAN_CONTACT_ADDRESS], drawn - others->count);
}

/* --- */

void doorman_init(struct doorman *d, const struct random *random, uint32_t strangers_max)
{
    struct hash_key key = hash_key_draw(random);

    must(strangers_max <= DOORMAN_TRACKER_STRANGERS_MAX);
    *d = (struct doorman){.random = *random,
                          .strangers_max = strangers_max,
                          .visitor_free = NONE,
                          .block_free = NONE,
                          .oldest = NONE,
                          .newest = NONE};
    number_map_init(&d->visitor_places, &key);
    number_map_init(&d->block_places, &key);
}

void doorman_done(struct doorman *d)
{
    number_map_done(&d->visitor_places);
    number_map_done(&d->block_places);
    for (size_t i = 0; i < DOORMAN_ORIGINS; i++)
        free(d->unproved[i].visitors);
    free(d->strangers.visitors);
    free(d->visitors);
    free(d->blocks);
}

enum doorman_verdict doorman_arrive(struct doorman *d, uint64_t carrier, const char *host,
                                    enum doorman_origin origin, struct mono now,
                                    uint64_t *ret_evicted)
{
    struct token_rate rate = {.per_minute = DOORMAN_BLOCK_PER_MINUTE, .burst = DOORMAN_BLOCK_BURST};
    uint32_t block, count;

    must(number_map_get(&d->visitor_places, carrier) == NONE);
    forget_idle(d, rate, now);
    if (origin == DOORMAN_ANYWHERE)
        rate.burst -= KEPT_TOKENS;
    block = block_of(d, address_block(host));
    if (!token_bucket_take(&d->blocks[block].arrivals, rate, 1, now))
        return DOORMAN_REFUSE;

    count = candidates(d, origin);
    if (count > 0)
        *ret_evicted = evict(d, count);
    visitor_add(d, carrier, block, origin);
    return count > 0 ? DOORMAN_ENTER_EVICT : DOORMAN_ENTER;
}

enum doorman_verdict doorman_proved(struct doorman *d, uint64_t carrier,
                                    enum doorman_standing standing, uint64_t *ret_evicted)
{
    uint32_t v = number_map_get(&d->visitor_places, carrier);
    bool is_full = d->strangers.count == d->strangers_max;

    if (v == NONE)
        return DOORMAN_ENTER;
    if (standing == DOORMAN_CONTACT) {
        visitor_remove(d, v);
        return DOORMAN_ENTER;
    }
    if (d->visitors[v].state == STRANGER)
        return DOORMAN_ENTER;
    if (d->blocks[d->visitors[v].block].strangers == d->strangers_max / DOORMAN_BLOCK_SHARE) {
        visitor_remove(d, v);
        return DOORMAN_REFUSE;
    }
    if (is_full)
        *ret_evicted = evict_from(d, &d->strangers, random_below(&d->random, d->strangers.count));
    row_remove(d, v);
    d->visitors[v].state = STRANGER;
    row_append(d, v);
    d->blocks[d->visitors[v].block].strangers++;
    return is_full ? DOORMAN_ENTER_EVICT : DOORMAN_ENTER;
}

void doorman_leave(struct doorman *d, uint64_t carrier)
{
    uint32_t v = number_map_get(&d->visitor_places, carrier);

    if (v != NONE)
        visitor_remove(d, v);
}
