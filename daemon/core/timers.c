#include "daemon/core/timers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/alloc.h"

void timers_done(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static bool comes_before(const struct timer *a, const struct timer *b)
{
    return a->at.ms != b->at.ms ? a->at.ms < b->at.ms : a->order < b->order;
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;

    for (; place > 1 && comes_before(timer, timers->heap[place / 2]); place /= 2)
        put(timers, place, timers->heap[place / 2]);
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;

    for (size_t child; (child = 2 * place) <= timers->count; place = child) {
        if (child < timers->count && comes_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!comes_before(timers->heap[child], timer))
            break;
        put(timers, place, timers->heap[child]);
    }
    put(timers, place, timer);
}

void timers_set(struct timers *timers, struct timer *timer, struct mono at)
{
    if (at.ms == MONO_NEVER.ms) {
        timers_stop(timers, timer);
        return;
    }
    timer->at = at;
    if (timer->place == 0) {
        if (timers->count + 1 >= timers->room) {
            timers->room = timers->room == 0 ? 16 : 2 * timers->room;
            timers->heap = xreallocarray(timers->heap, timers->room, sizeof *timers->heap);
        }
        timer->order = timers->next_order++;
        put(timers, ++timers->count, timer);
    }
    sift_up(timers, timer);
    sift_down(timers, timer);
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    if (timer->place == 0)
        return;
    struct timer *last = timers->heap[timers->count--];
    if (last != timer) {
        put(timers, timer->place, last);
        sift_up(timers, last);
        sift_down(timers, last);
    }
    timer->place = 0;
}

struct timer *timers_take_due(struct timers *timers, struct mono now)
{
    if (timers->count == 0 || !mono_due(timers->heap[1]->at, now))
        return NULL;
    struct timer *timer = timers->heap[1];
    timers_stop(timers, timer);
    return timer;
}

struct mono timers_deadline(const struct timers *timers)
{
    return timers->count == 0 ? MONO_NEVER : timers->heap[1]->at;
}
