#include "daemon/core/number_map.h"

#include <stdlib.h>

#include "common/alloc.h"

enum { SIZE_FIRST = 8 };

void number_map_init(struct number_map *map, const struct hash_key *key)
{
    *map = (struct number_map){.key = *key};
}

void number_map_done(struct number_map *map)
{
    free(map->numbers);
    free(map->values);
    *map = (struct number_map){.key = map->key};
}

static uint32_t home(const struct number_map *map, uint64_t number)
{
    return (uint32_t)hash_number(&map->key, number) & (map->size - 1);
}

static uint32_t next(const struct number_map *map, uint32_t cell)
{
    return (cell + 1) & (map->size - 1);
}

/* The cell that holds `number`, or the free one where it belongs. Of a map that has cells. */
static uint32_t find(const struct number_map *map, uint64_t number)
{
    uint32_t cell = home(map, number);

    while (map->values[cell] != NUMBER_MAP_NONE && map->numbers[cell] != number)
        cell = next(map, cell);
    return cell;
}

static void put(struct number_map *map, uint32_t cell, uint64_t number, uint32_t value)
{
    map->numbers[cell] = number;
    map->values[cell] = value;
}

static void grow(struct number_map *map)
{
    struct number_map bigger = {
        .key = map->key,
        .count = map->count,
        .size = map->size > 0 ? 2 * map->size : SIZE_FIRST,
    };

    must(bigger.size > map->size);
    bigger.numbers = xcalloc(bigger.size, sizeof(*bigger.numbers));
    bigger.values = xcalloc(bigger.size, sizeof(*bigger.values));
    for (uint32_t cell = 0; cell < bigger.size; cell++)
        bigger.values[cell] = NUMBER_MAP_NONE;
    for (uint32_t cell = 0; cell < map->size; cell++)
        if (map->values[cell] != NUMBER_MAP_NONE)
            put(&bigger, find(&bigger, map->numbers[cell]), map->numbers[cell], map->values[cell]);
    free(map->numbers);
    free(map->values);
    *map = bigger;
}

uint32_t number_map_get(const struct number_map *map, uint64_t number)
{
    return map->size > 0 ? map->values[find(map, number)] : NUMBER_MAP_NONE;
}

void number_map_set(struct number_map *map, uint64_t number, uint32_t value)
{
    uint32_t cell;

    must(value != NUMBER_MAP_NONE);
    if (map->size == 0)
        grow(map);
    cell = find(map, number);
    if (map->values[cell] == NUMBER_MAP_NONE) {
        if ((uint64_t)(map->count + 1) * 4 > (uint64_t)map->size * 3) {
            grow(map);
            cell = find(map, number);
        }
        map->count++;
    }
    put(map, cell, number, value);
}

/* Whether a number at `cell` whose home is `from` may move back to `hole`: the hole lies on its
 * way, cyclically. */
static bool may_move(const struct number_map *map, uint32_t from, uint32_t hole, uint32_t cell)
{
    uint32_t mask = map->size - 1;

    return ((cell - from) & mask) >= ((cell - hole) & mask);
}

bool number_map_remove(struct number_map *map, uint64_t number)
{
    uint32_t hole;

    if (number_map_get(map, number) == NUMBER_MAP_NONE)
        return false;
    if (map->count == 1) {
        number_map_done(map);
        return true;
    }

    /* Close the gap, or a search would end there: what follows moves back as far as it may. */
    hole = find(map, number);
    for (uint32_t cell = next(map, hole); map->values[cell] != NUMBER_MAP_NONE;
         cell = next(map, cell)) {
        if (may_move(map, home(map, map->numbers[cell]), hole, cell)) {
            put(map, hole, map->numbers[cell], map->values[cell]);
            hole = cell;
        }
    }
    map->values[hole] = NUMBER_MAP_NONE;
    map->count--;
    return true;
}
