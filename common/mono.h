/* Time as types, so that a monotonic instant, a wall-clock time and a length of time cannot be
 * mixed up.
 *
 * Nothing below the shell reads a clock: `struct now` is made once per turn of the event loop and
 * passed in. */
#ifndef P2PCHAT_COMMON_MONO_H
#define P2PCHAT_COMMON_MONO_H

#include <stdbool.h>
#include <stdint.h>

/* An instant on a clock that only moves forward; the origin means nothing. Lengths of time are
 * plain `…_ms` integers. */
struct mono {
    uint64_t ms;
};

/* What a turn of the loop knows of the time: deadlines are set by `mono`, people are told
 * `unix_ms`. */
struct now {
    struct mono mono;
    int64_t unix_ms; /* milliseconds since 1970-01-01 UTC; may jump either way */
};

/* "No deadline": later than every real instant. */
#define MONO_NEVER ((struct mono){UINT64_MAX})

/* `ms` after `t`; saturates at MONO_NEVER. */
static inline struct mono mono_after(struct mono t, uint64_t ms)
{
    return (struct mono){ms > UINT64_MAX - t.ms ? UINT64_MAX : t.ms + ms};
}

/* Whether the deadline `t` has come at `now`. MONO_NEVER never comes. */
static inline bool mono_due(struct mono t, struct mono now)
{
    return t.ms != UINT64_MAX && t.ms <= now.ms;
}

/* Milliseconds from `from` to `to`; 0 when `to` is not later. */
static inline uint64_t mono_left_ms(struct mono from, struct mono to)
{
    return to.ms > from.ms ? to.ms - from.ms : 0;
}

/* The earlier of two deadlines. */
static inline struct mono mono_earlier(struct mono a, struct mono b)
{
    return a.ms <= b.ms ? a : b;
}

#endif
