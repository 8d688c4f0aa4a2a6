#include "daemon/store/age.h"

/* By the wall clock, which may have jumped meanwhile. */
static uint64_t down_ms(const struct age_row *saved, int64_t wall_ms)
{
    int64_t ms;

    if (saved->wall_ms == 0 || __builtin_sub_overflow(wall_ms, saved->wall_ms, &ms) || ms < 0)
        return 0;
    return ms < AGE_DOWN_MAX_MS ? (uint64_t)ms : AGE_DOWN_MAX_MS;
}

struct age age_start(const struct age_row *saved, struct now now)
{
    return (struct age){.ms = saved->ms + down_ms(saved, now.unix_ms), .since = now.mono};
}

uint64_t age_ms(const struct age *age, struct mono now)
{
    return age->ms + mono_left_ms(age->since, now);
}
