/* Time, what happens next, randomness, the trace. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "tests/sim/liar.h"
#include "tests/unit/seeded.h"

static void event_free(struct event *event)
{
    bytes_done(&event->bytes);
    free(event);
}

struct sim *sim_new(const char *scenario, uint64_t seed, FILE *trace)
{
    struct sim *sim = xcalloc(1, sizeof *sim);

    sim->scenario = scenario;
    sim->seed = seed;
    sim->trace = trace;
    sim->trace_hash = SIM_HASH_START;
    sim->random_state = sim_hash(seed, scenario, strlen(scenario));
    sim->random = seeded(&sim->random_state);
    check_begin(sim);
    return sim;
}

void sim_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        for (struct event *event; (event = sim->actors[i].backlog) != NULL;) {
            sim->actors[i].backlog = event->next;
            event_free(event);
        }
    actors_free(sim);
    wire_done(sim);
    for (size_t i = 0; i < sim->event_count; i++)
        event_free(sim->heap[i]);
    free(sim->heap);
    check_done(sim);
    names_done(sim);
    liar_done(sim);
    free(sim);
}

/* --- What happens next: a heap --- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

struct event *sim_after(struct sim *sim, uint64_t after_ms,
                        void (*happen)(struct sim *sim, struct event *event))
{
    struct event *event = xcalloc(1, sizeof *event);
    size_t place;

    *event = (struct event){
        .at_ms = sim->now_ms + after_ms, .order = sim->next_order++, .happen = happen};
    if (sim->event_count == sim->event_room) {
        sim->event_room = 2 * sim->event_room + 64;
        sim->heap = xreallocarray(sim->heap, sim->event_room, sizeof *sim->heap);
    }
    for (place = sim->event_count++; place > 0; place = (place - 1) / 2) {
        if (!is_before(event, sim->heap[(place - 1) / 2]))
            break;
        sim->heap[place] = sim->heap[(place - 1) / 2];
    }
    sim->heap[place] = event;
    return event;
}

struct event *sim_after_for(struct actor *actor, uint64_t after_ms,
                            void (*happen)(struct sim *sim, struct event *event))
{
    struct event *event = sim_after(actor->sim, after_ms, happen);

    event->actor = actor;
    event->incarnation = actor->incarnation;
    return event;
}

static struct event *take_first(struct sim *sim)
{
    struct event *first = sim->heap[0], *last = sim->heap[--sim->event_count];
    size_t place = 0;

    for (size_t child; (child = 2 * place + 1) < sim->event_count; place = child) {
        if (child + 1 < sim->event_count && is_before(sim->heap[child + 1], sim->heap[child]))
            child++;
        if (!is_before(sim->heap[child], last))
            break;
        sim->heap[place] = sim->heap[child];
    }
    if (sim->event_count > 0)
        sim->heap[place] = last;
    return first;
}

static void let_happen(struct sim *sim, struct event *event)
{
    if (event->incarnation == 0 || event->incarnation == event->actor->incarnation)
        event->happen(sim, event);
    event_free(event);
}

void sim_stall(struct actor *actor)
{
    actor->is_stalled = true;
}

void sim_go_on(struct actor *actor)
{
    actor->is_stalled = false;
    while (actor->backlog != NULL && !actor->is_stalled) {
        struct event *event = actor->backlog;
        actor->backlog = event->next;
        if (actor->backlog == NULL)
            actor->backlog_end = &actor->backlog;
        let_happen(actor->sim, event);
    }
}

static void happen_or_wait(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    if (actor == NULL || !actor->is_stalled) {
        let_happen(sim, event);
        return;
    }
    *actor->backlog_end = event;
    actor->backlog_end = &event->next;
}

void sim_run(struct sim *sim, uint64_t ms)
{
    const uint64_t until_ms = sim->now_ms + ms;

    while (!sim_failed(sim) && sim->event_count > 0 && sim->heap[0]->at_ms <= until_ms) {
        struct event *event = take_first(sim);
        sim->now_ms = event->at_ms;
        happen_or_wait(sim, event);
    }
    if (!sim_failed(sim))
        sim->now_ms = until_ms;
}

/* --- Randomness --- */

uint32_t sim_below(struct sim *sim, uint32_t bound)
{
    return random_below(&sim->random, bound);
}

uint32_t sim_between(struct sim *sim, uint32_t min, uint32_t max)
{
    return min + sim_below(sim, max - min + 1);
}

bool sim_chance(struct sim *sim, uint32_t percent)
{
    return sim_below(sim, 100) < percent;
}

uint32_t sim_around(struct sim *sim, uint32_t mean_ms)
{
    return sim_below(sim, 2 * mean_ms + 1);
}

/* --- The trace --- */

uint64_t sim_hash(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t word;

    for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    for (; length > 0; at++, length--)
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    return hash;
}

void sim_trace(struct sim *sim, const struct actor *actor, const char *format, ...)
{
    char line[1024];
    int start, length;
    va_list args;

    start = snprintf(line, sizeof line, "%8llu.%03u %-6s ", (unsigned long long)sim->now_ms / 1000,
                     (unsigned)(sim->now_ms % 1000), actor != NULL ? actor->name : "-");
    va_start(args, format);
    length = vsnprintf(line + start, sizeof line - (size_t)start, format, args);
    va_end(args);
    must(start > 0 && length >= 0);
    sim->trace_lines++;
    sim->trace_hash = sim_hash(sim->trace_hash, line, strlen(line) + 1);
    if (sim->trace != NULL)
        fprintf(sim->trace, "%s\n", line);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    char text[sizeof sim->failure - 32];
    va_list args;

    if (sim_failed(sim))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(sim->failure, sizeof sim->failure, "at %llu ms: %s", (unsigned long long)sim->now_ms,
             text);
    sim_trace(sim, NULL, "FAILED %s", sim->failure);
}

bool sim_failed(const struct sim *sim)
{
    return sim->failure[0] != '\0';
}
