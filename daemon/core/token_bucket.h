/* A token bucket: how often something may happen in the long run, and how much of it at once.
 *
 * The rate belongs to the rule and is given with every call; a bucket is 16 bytes, and one that is
 * all zeros is full. Refilled exactly, without rounding. */
#ifndef P2PCHAT_DAEMON_CORE_TOKEN_BUCKET_H
#define P2PCHAT_DAEMON_CORE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"

struct token_rate {
    uint32_t per_minute; /* tokens that come back */
    uint32_t burst;      /* tokens in a full bucket */
};

struct token_bucket {
    uint64_t spent; /* at `since`, in 1/60000 of a token: per_minute of them come back each ms */
    struct mono since;
};

/* Takes `count` tokens; false, and nothing taken, when there are fewer. */
bool token_bucket_take(struct token_bucket *bucket, struct token_rate rate, uint32_t count,
                       struct mono now);

/* Whether the bucket is full, so that it tells nothing and can be forgotten. */
bool token_bucket_is_full(const struct token_bucket *bucket, struct token_rate rate,
                          struct mono now);

/* The instant from which `count` tokens are there if none is taken before; not before `now`.
 * MONO_NEVER when the bucket never holds so many. */
struct mono token_bucket_ready(const struct token_bucket *bucket, struct token_rate rate,
                               uint32_t count, struct mono now);

#endif
