#include "daemon/core/overlay/dialler.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

enum state { WAITING, URGENT, DIALLING, LINKED };

struct dialler_entry {
    struct mono at; /* WAITING: when to dial; LINKED: since when */
    uint32_t peer;
    uint8_t state;
    uint8_t failures; /* in a row, counted as far as they matter */
    uint8_t pace;
};

/* A peer costs an entry and, in the map, 12 bytes of a cell of which between 3/8 and 3/4 are
 * used; room grows by half. */
_Static_assert(sizeof(struct dialler_entry) * 3 / 2 + 12 * 8 / 3 <= 64, "at most 64 bytes a peer");

/* --- The heap: by deadline, then by number --- */

/* Urgent peers come before all others, and those that do not wait after them. */
static struct mono deadline(const struct dialler_entry *entry)
{
    switch ((enum state)entry->state) {
    case WAITING:
        return entry->at;
    case URGENT:
        return (struct mono){0};
    case DIALLING:
    case LINKED:
        return MONO_NEVER;
    }
    must(!"a state");
}

static bool comes_before(const struct dialler_entry *a, const struct dialler_entry *b)
{
    uint64_t a_ms = deadline(a).ms, b_ms = deadline(b).ms;

    return a_ms != b_ms ? a_ms < b_ms : a->peer < b->peer;
}

static void put(struct dialler *d, uint32_t place, struct dialler_entry entry)
{
    d->heap[place] = entry;
    number_map_set(&d->places, entry.peer, place);
}

/* Puts an entry where it belongs, beginning at a place that is free for it. */
static void settle(struct dialler *d, uint32_t place, struct dialler_entry entry)
{
    while (place > 0 && comes_before(&entry, &d->heap[(place - 1) / 2])) {
        put(d, place, d->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (uint32_t child; (child = 2 * place + 1) < d->count; place = child) {
        if (child + 1 < d->count && comes_before(&d->heap[child + 1], &d->heap[child]))
            child++;
        if (!comes_before(&d->heap[child], &entry))
            break;
        put(d, place, d->heap[child]);
    }
    put(d, place, entry);
}

static void add(struct dialler *d, struct dialler_entry entry)
{
    if (d->count == d->room) {
        d->room = d->room + d->room / 2 + 4;
        d->heap = xreallocarray(d->heap, d->room, sizeof(*d->heap));
    }
    settle(d, d->count++, entry);
}

static void take_out(struct dialler *d, uint32_t place)
{
    number_map_remove(&d->places, d->heap[place].peer);
    d->count--;
    if (place < d->count)
        settle(d, place, d->heap[d->count]);
    if (d->count == 0) {
        free(d->heap);
        d->heap = NULL;
        d->room = 0;
    }
}

/* --- States --- */

static uint32_t wait_ms(struct dialler *d, const struct dialler_entry *entry)
{
    const uint32_t most =
        entry->pace == DIALLER_SELDOM ? DIALLER_SELDOM_WAIT_MS_MAX : DIALLER_WAIT_MS_MAX;
    uint32_t wait = DIALLER_WAIT_MS_MIN;

    if (entry->failures == 0)
        return random_below(&d->random, DIALLER_FIRST_MS + 1);
    for (uint8_t i = 1; i < entry->failures && wait < most; i++)
        wait *= 2;
    if (wait > most)
        wait = most;
    return wait - wait / DIALLER_JITTER_SHARE +
           random_below(&d->random, 2 * (wait / DIALLER_JITTER_SHARE) + 1);
}

/* The entry waits, longer each time. */
static void start_waiting(struct dialler *d, struct dialler_entry *entry, struct mono now)
{
    entry->state = WAITING;
    entry->at = mono_after(now, wait_ms(d, entry));
    if (entry->failures < UINT8_MAX)
        entry->failures++;
}

/* Gives the entry at `place` another state. */
static void change(struct dialler *d, uint32_t place, struct dialler_entry entry)
{
    d->under_way -= d->heap[place].state == DIALLING;
    d->under_way += entry.state == DIALLING;
    settle(d, place, entry);
}

void dialler_init(struct dialler *d, const struct random *random)
{
    struct hash_key key = hash_key_draw(random);

    *d = (struct dialler){.random = *random};
    number_map_init(&d->places, &key);
}

void dialler_done(struct dialler *d)
{
    free(d->heap);
    number_map_done(&d->places);
}

void dialler_want(struct dialler *d, uint32_t peer, enum dialler_pace pace, struct mono now)
{
    uint32_t place = number_map_get(&d->places, peer);
    struct dialler_entry entry = {.peer = peer, .pace = (uint8_t)pace};

    if (place == NUMBER_MAP_NONE) {
        start_waiting(d, &entry, now);
        add(d, entry);
        return;
    }
    entry = d->heap[place];
    if (entry.pace == pace)
        return;
    entry.pace = (uint8_t)pace;
    if (entry.state == WAITING) {
        entry.failures = 0;
        start_waiting(d, &entry, now);
    }
    change(d, place, entry);
}

void dialler_unwant(struct dialler *d, uint32_t peer)
{
    uint32_t place = number_map_get(&d->places, peer);

    if (place == NUMBER_MAP_NONE)
        return;
    d->under_way -= d->heap[place].state == DIALLING;
    take_out(d, place);
}

void dialler_want_now(struct dialler *d, uint32_t peer)
{
    uint32_t place = number_map_get(&d->places, peer);
    struct dialler_entry entry = {.peer = peer, .state = URGENT, .failures = 1};

    if (place == NUMBER_MAP_NONE) {
        add(d, entry);
        return;
    }
    entry = d->heap[place];
    if (entry.state != WAITING)
        return;
    entry.state = URGENT;
    change(d, place, entry);
}

void dialler_news(struct dialler *d, uint32_t peer, struct mono now)
{
    uint32_t place = number_map_get(&d->places, peer);
    const struct mono soon = mono_after(now, DIALLER_NEWS_MS);
    struct dialler_entry entry;

    if (place == NUMBER_MAP_NONE)
        return;
    entry = d->heap[place];
    if (entry.state != WAITING || entry.at.ms <= soon.ms)
        return;
    entry.at = soon;
    change(d, place, entry);
}

void dialler_linked(struct dialler *d, uint32_t peer, struct mono now)
{
    uint32_t place = number_map_get(&d->places, peer);
    struct dialler_entry entry;

    if (place == NUMBER_MAP_NONE || d->heap[place].state == LINKED)
        return;
    entry = d->heap[place];
    entry.state = LINKED;
    entry.at = now;
    change(d, place, entry);
}

void dialler_lost(struct dialler *d, uint32_t peer, struct mono now)
{
    uint32_t place = number_map_get(&d->places, peer);
    struct dialler_entry entry;

    if (place == NUMBER_MAP_NONE || d->heap[place].state != LINKED)
        return;
    entry = d->heap[place];
    if (mono_left_ms(entry.at, now) >= DIALLER_STABLE_MS)
        entry.failures = 0;
    start_waiting(d, &entry, now);
    change(d, place, entry);
}

void dialler_failed(struct dialler *d, uint32_t peer, struct mono now)
{
    uint32_t place = number_map_get(&d->places, peer);
    struct dialler_entry entry;

    if (place == NUMBER_MAP_NONE || d->heap[place].state != DIALLING)
        return;
    entry = d->heap[place];
    start_waiting(d, &entry, now);
    change(d, place, entry);
}

bool dialler_next(struct dialler *d, struct mono now, uint32_t *ret_peer)
{
    struct dialler_entry entry;

    if (!mono_due(dialler_deadline(d), now))
        return false;
    entry = d->heap[0];
    entry.state = DIALLING;
    change(d, 0, entry);
    *ret_peer = entry.peer;
    return true;
}

bool dialler_is_dialling(const struct dialler *d, uint32_t peer)
{
    uint32_t place = number_map_get(&d->places, peer);

    return place != NUMBER_MAP_NONE && d->heap[place].state == DIALLING;
}

struct mono dialler_due(const struct dialler *d, uint32_t peer)
{
    uint32_t place = number_map_get(&d->places, peer);

    return place != NUMBER_MAP_NONE ? deadline(&d->heap[place]) : MONO_NEVER;
}

struct mono dialler_deadline(const struct dialler *d)
{
    uint32_t places = DIALLER_UNDER_WAY_MAX;

    if (d->count == 0)
        return MONO_NEVER;
    if (d->heap[0].state != URGENT)
        places -= DIALLER_URGENT_MAX;
    return d->under_way < places ? deadline(&d->heap[0]) : MONO_NEVER;
}
