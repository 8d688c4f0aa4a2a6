/* Randomness as something that is handed in: the operating system's in the daemon, a seeded
 * generator's in tests. The core draws from nothing else, so one seed gives one trace. */
#ifndef P2PCHAT_DAEMON_CORE_RANDOM_H
#define P2PCHAT_DAEMON_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* fill writes length random bytes, fit for keys, to buffer; it cannot fail. ctx is its own. */
struct random {
    void (*fill)(void *ctx, uint8_t *buffer, size_t length);
    void *ctx;
};

static inline void random_fill(const struct random *random, void *buffer, size_t length)
{
    random->fill(random->ctx, buffer, length);
}

/* A number from 0 to bound - 1, each as likely as the others to within bound / 2^32. */
static inline uint32_t random_below(const struct random *random, uint32_t bound)
{
    uint32_t number;

    random_fill(random, &number, sizeof(number));
    return (uint32_t)((uint64_t)number * bound >> 32);
}

#endif
