/* Who has which name at which tracker: what the trackers' lists say, seen again and again, and what
 * that must never contradict (p2pchat-protocol(7), The tracker). */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/node/registrar.h"

/* Longer than any reservation that is not as long as the name was held. */
#define RESERVED_MS_MAX (UINT64_C(30) * 24 * 3600 * 1000)

/* A name that a key has, or had, at a tracker. */
struct holding {
    const struct actor *tracker, *holder;
    uint64_t since_ms, last_ms; /* seen there; reserved as long after that */
    struct holding *next;
    char name[];
};

void names_done(struct sim *sim)
{
    for (struct holding *h = sim->holdings, *next; h != NULL; h = next) {
        next = h->next;
        free(h);
    }
}

static struct holding *holding_of(const struct actor *tracker, const char *name)
{
    struct holding *h = tracker->sim->holdings;

    while (h != NULL && (h->tracker != tracker || strcmp(h->name, name) != 0))
        h = h->next;
    return h;
}

/* Certainly: what came and went between two looks makes it shorter than it seems. */
static bool is_reserved(const struct holding *h)
{
    const uint64_t slack_ms = 2 * NAMES_LOOK_MS;
    uint64_t held_ms = h->last_ms - h->since_ms;

    if (held_ms > RESERVED_MS_MAX)
        held_ms = RESERVED_MS_MAX;
    return held_ms > slack_ms && h->holder->sim->now_ms < h->last_ms + held_ms - slack_ms;
}

static bool is_still_held(const struct holding *h, const struct actor *holder)
{
    return h->holder == holder &&
           (h->last_ms + NAMES_LOOK_MS >= holder->sim->now_ms || is_reserved(h));
}

/* "A name belongs to the key that registered it first, and stays reserved as long as it was held."
 */
static void saw(const struct actor *tracker, const char *name, const struct actor *holder)
{
    struct sim *sim = tracker->sim;
    struct holding *h = holding_of(tracker, name);

    if (h == NULL) {
        h = xcalloc(1, sizeof *h + strlen(name) + 1);
        strcpy(h->name, name);
        h->tracker = tracker;
        h->next = sim->holdings;
        sim->holdings = h;
    } else if (h->holder != holder && is_reserved(h)) {
        sim_fail(sim, "at %s, %s has the name %s, which is reserved for %s", tracker->name,
                 holder->name, name, h->holder->name);
    }
    if (!is_still_held(h, holder))
        h->since_ms = sim->now_ms;
    else if (h->last_ms + NAMES_LOOK_MS < sim->now_ms) /* meanwhile it was reserved, not held */
        h->since_ms += sim->now_ms - h->last_ms;
    h->holder = holder;
    h->last_ms = sim->now_ms;
}

static const struct actor *actor_of_key(const struct sim *sim, const uint8_t *key)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        if (memcmp(sim->actors[i].identity.key.bytes, key, KEY_LENGTH) == 0)
            return &sim->actors[i];
    return NULL;
}

void names_look(struct actor *tracker)
{
    const struct registry *registry;
    struct name_order_place place;
    struct registration listed;

    if (tracker->node == NULL || tracker->is_stalled)
        return;
    registry = &tracker->node->registrar->registry;
    place = registry_from(registry, "");
    while (registry_next(registry, &place, &listed)) {
        const struct actor *holder =
            actor_of_key(tracker->sim, peer_record_peek(listed.record).key);
        if (holder == NULL)
            sim_fail(tracker->sim, "%s lists a key that nobody has", tracker->name);
        else
            saw(tracker, listed.name, holder);
    }
}

bool names_is_listed(struct actor *tracker, const char *name, const struct actor *holder)
{
    const struct holding *h;

    names_look(tracker);
    h = holding_of(tracker, name);
    return h != NULL && h->holder == holder && h->last_ms == tracker->sim->now_ms;
}

bool names_lists_key(struct actor *tracker, const struct actor *holder)
{
    names_look(tracker);
    for (const struct holding *h = tracker->sim->holdings; h != NULL; h = h->next)
        if (h->tracker == tracker && h->holder == holder && h->last_ms == tracker->sim->now_ms)
            return true;
    return false;
}
