#include "daemon/core/token_bucket.h"

enum { TOKEN = 60000 }; /* the unit's reciprocal: milliseconds in a minute */

/* The time until no more than `level` is spent, of `spent` now. Of a rate above zero. */
static uint64_t refill_ms(uint64_t spent, uint64_t level, struct token_rate rate)
{
    uint64_t missing = spent > level ? spent - level : 0;

    return missing / rate.per_minute + (missing % rate.per_minute > 0);
}

static uint64_t spent_at(const struct token_bucket *bucket, struct token_rate rate, struct mono now)
{
    uint64_t elapsed_ms = mono_left_ms(bucket->since, now);

    if (rate.per_minute == 0)
        return bucket->spent;
    if (elapsed_ms >= refill_ms(bucket->spent, 0, rate))
        return 0;
    return bucket->spent - elapsed_ms * rate.per_minute;
}

bool token_bucket_take(struct token_bucket *bucket, struct token_rate rate, uint32_t count,
                       struct mono now)
{
    uint64_t spent = spent_at(bucket, rate, now) + (uint64_t)count * TOKEN;

    if (spent > (uint64_t)rate.burst * TOKEN)
        return false;
    bucket->spent = spent;
    bucket->since = now;
    return true;
}

bool token_bucket_is_full(const struct token_bucket *bucket, struct token_rate rate,
                          struct mono now)
{
    return spent_at(bucket, rate, now) == 0;
}

struct mono token_bucket_ready(const struct token_bucket *bucket, struct token_rate rate,
                               uint32_t count, struct mono now)
{
    uint64_t spent = spent_at(bucket, rate, now);
    uint64_t level;

    if (count > rate.burst)
        return MONO_NEVER;
    level = (uint64_t)(rate.burst - count) * TOKEN;
    if (spent <= level)
        return now;
    return rate.per_minute > 0 ? mono_after(now, refill_ms(spent, level, rate)) : MONO_NEVER;
}
