/* Randomness for tests: the same bytes from the same seed, and never the same ones twice. */
#ifndef P2PCHAT_TESTS_UNIT_SEEDED_H
#define P2PCHAT_TESTS_UNIT_SEEDED_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/random.h"

/* splitmix64; ctx is the seed, a uint64_t that moves on. */
static inline void seeded_fill(void *ctx, uint8_t *buffer, size_t length)
{
    uint64_t *state = ctx;
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++) {
        if (i % sizeof word == 0) {
            word = *state += UINT64_C(0x9e3779b97f4a7c15);
            word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
            word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
            word ^= word >> 31;
        }
        buffer[i] = (uint8_t)(word >> 8 * (i % sizeof word));
    }
}

/* A source that draws from *seed, which must outlive it. */
static inline struct random seeded(uint64_t *seed)
{
    return (struct random){seeded_fill, seed};
}

#endif
