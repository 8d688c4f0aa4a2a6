/* From numbers to places: a hash table whose keys are numbers (carriers, address blocks, peers) and
 * whose values are indices into an array of the owner.
 *
 * Keyed with a hash key, because some of the numbers are chosen by others. Open addressing, 12
 * bytes a cell, between 3/8 and 3/4 full as long as it grows; every operation is O(1). There is no
 * iteration, so the key never shows in what a node does. */
#ifndef P2PCHAT_DAEMON_CORE_NUMBER_MAP_H
#define P2PCHAT_DAEMON_CORE_NUMBER_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/hash.h"

/* "There is none": the one value that cannot be stored. */
#define NUMBER_MAP_NONE UINT32_MAX

struct number_map {
    struct hash_key key;
    uint64_t *numbers;
    uint32_t *values; /* NUMBER_MAP_NONE: the cell is free */
    uint32_t count;
    uint32_t size; /* a power of two, or 0 before the first number */
};

/* Allocates nothing until the first number. */
void number_map_init(struct number_map *map, const struct hash_key *key);
void number_map_done(struct number_map *map);

/* The value of `number`, or NUMBER_MAP_NONE. */
uint32_t number_map_get(const struct number_map *map, uint64_t number);

/* Adds `number`, or gives it another value. */
void number_map_set(struct number_map *map, uint64_t number, uint32_t value);

/* Removes `number`; whether it was there. Frees the memory with the last one. */
bool number_map_remove(struct number_map *map, uint64_t number);

#endif
