/* How often something took how long: counts in buckets of fixed bounds, which cost the same however
 * much is counted. */
#ifndef P2PCHAT_COMMON_HISTOGRAM_H
#define P2PCHAT_COMMON_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Upper bounds in microseconds, from what nobody notices to what a person takes for broken. What
 * takes longer than the last counts in a bucket of its own. */
enum { HISTOGRAM_BOUNDS = 14 };
extern const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS];

/* All zero is empty. */
struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* each without those of the buckets before it */
    uint64_t sum_us;
};

/* Counts something that took so long. */
void histogram_add(struct histogram *histogram, uint64_t us);

#endif
