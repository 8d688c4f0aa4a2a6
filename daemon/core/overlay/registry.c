#include "daemon/core/overlay/registry.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/overlay/peer_record.h"

struct registry_entry {
    char *name; /* folded, and behind its end the record */
    uint64_t block;
    struct mono deadline;
    uint32_t older, newer; /* by deadline; or `newer` in the list of free ones */
    uint16_t name_length;
    uint16_t record_length;
};

static const uint8_t *record_of(const struct registry_entry *entry)
{
    return (const uint8_t *)entry->name + entry->name_length + 1;
}

static const uint8_t *key_of(const struct registry_entry *entry)
{
    return peer_record_peek(record_of(entry)).key;
}

static const char *name_at(const void *context, uint32_t number)
{
    const struct registry *registry = context;

    return registry->entries[number].name;
}

void registry_init(struct registry *r, const struct random *random)
{
    const struct hash_key key = hash_key_draw(random);

    *r = (struct registry){.hash_key = hash_key_draw(random),
                           .free = REGISTRY_NONE,
                           .oldest = REGISTRY_NONE,
                           .newest = REGISTRY_NONE};
    number_map_init(&r->by_key, &key);
    number_map_init(&r->by_name, &key);
    number_map_init(&r->of_block, &key);
    name_order_init(&r->order, name_at, r);
}

void registry_done(struct registry *r)
{
    for (uint32_t number = r->oldest; number != REGISTRY_NONE; number = r->entries[number].newer)
        free(r->entries[number].name);
    free(r->entries);
    number_map_done(&r->by_key);
    number_map_done(&r->by_name);
    number_map_done(&r->of_block);
    name_order_done(&r->order);
}

/* --- Finding ---
 *
 * Tables hold keyed hashes of 64 bits instead of keys and names. That two of those that are there
 * at one time are equal happens once in 2^29 trackers that are full; then the second is told that
 * there is no place, until the tracker draws another key at its next start. */

static uint64_t hash_of_key(const struct registry *r, const uint8_t *key)
{
    return hash_bytes(&r->hash_key, key, CRYPTO_PUBLIC_SIZE);
}

static uint64_t hash_of_name(const struct registry *r, const char *name)
{
    return hash_bytes(&r->hash_key, name, strlen(name));
}

uint32_t registry_of_key(const struct registry *r, const uint8_t *key)
{
    const uint32_t number = number_map_get(&r->by_key, hash_of_key(r, key));

    if (number != NUMBER_MAP_NONE &&
        memcmp(key_of(&r->entries[number]), key, CRYPTO_PUBLIC_SIZE) == 0)
        return number;
    return REGISTRY_NONE;
}

uint32_t registry_of_name(const struct registry *r, const char *name)
{
    const uint32_t number = number_map_get(&r->by_name, hash_of_name(r, name));

    if (number != NUMBER_MAP_NONE && strcmp(r->entries[number].name, name) == 0)
        return number;
    return REGISTRY_NONE;
}

static struct registration registration(const struct registry_entry *entry)
{
    return (struct registration){
        .name = entry->name, .record = record_of(entry), .record_length = entry->record_length};
}

struct registration registry_at(const struct registry *r, uint32_t number)
{
    must(number < r->used);
    return registration(&r->entries[number]);
}

struct name_order_place registry_from(const struct registry *r, const char *name)
{
    return name_order_from(&r->order, name);
}

struct name_order_place registry_behind(const struct registry *r, const char *name)
{
    return name_order_behind(&r->order, name);
}

bool registry_next(const struct registry *r, struct name_order_place *place,
                   struct registration *ret_registration)
{
    uint32_t number;

    if (!name_order_next(&r->order, place, &number))
        return false;
    *ret_registration = registration(&r->entries[number]);
    return true;
}

/* --- Bounds --- */

static uint32_t count_of_block(const struct registry *r, uint64_t block)
{
    const uint32_t count = number_map_get(&r->of_block, block);

    return count != NUMBER_MAP_NONE ? count : 0;
}

static void block_enter(struct registry *r, uint64_t block)
{
    number_map_set(&r->of_block, block, count_of_block(r, block) + 1);
}

static void block_leave(struct registry *r, uint64_t block)
{
    const uint32_t count = count_of_block(r, block);

    if (count > 1)
        number_map_set(&r->of_block, block, count - 1);
    else
        number_map_remove(&r->of_block, block);
}

/* Whether a table has nothing at that hash, or this very registration. */
static bool is_free_for(const struct number_map *map, uint64_t hash, uint32_t number)
{
    const uint32_t there = number_map_get(map, hash);

    return there == NUMBER_MAP_NONE || there == number;
}

enum error registry_check(const struct registry *r, const uint8_t *key, const char *name,
                          uint64_t block)
{
    const uint32_t number = registry_of_key(r, key), holder = registry_of_name(r, name);
    const bool is_new = number == REGISTRY_NONE;

    if (holder != REGISTRY_NONE && holder != number)
        return ERR_NAME_TAKEN;
    if (is_new && r->count == REGISTRY_MAX)
        return ERR_LIMIT_EXCEEDED;
    if ((is_new || r->entries[number].block != block) &&
        count_of_block(r, block) >= REGISTRY_BLOCK_MAX)
        return ERR_LIMIT_EXCEEDED;
    return is_free_for(&r->by_key, hash_of_key(r, key), number) &&
                   is_free_for(&r->by_name, hash_of_name(r, name), number)
               ? OK
               : ERR_LIMIT_EXCEEDED;
}

/* --- Deadlines --- */

static void list_append(struct registry *r, uint32_t number, struct mono deadline)
{
    struct registry_entry *entry = &r->entries[number];

    must(r->newest == REGISTRY_NONE || r->entries[r->newest].deadline.ms <= deadline.ms);
    entry->deadline = deadline;
    entry->older = r->newest;
    entry->newer = REGISTRY_NONE;
    if (r->newest == REGISTRY_NONE)
        r->oldest = number;
    else
        r->entries[r->newest].newer = number;
    r->newest = number;
}

static void list_remove(struct registry *r, uint32_t number)
{
    const struct registry_entry *entry = &r->entries[number];

    if (entry->older == REGISTRY_NONE)
        r->oldest = entry->newer;
    else
        r->entries[entry->older].newer = entry->newer;
    if (entry->newer == REGISTRY_NONE)
        r->newest = entry->older;
    else
        r->entries[entry->newer].older = entry->older;
}

bool registry_due(const struct registry *r, struct mono now, uint32_t *ret_number)
{
    if (!mono_due(registry_deadline(r), now))
        return false;
    *ret_number = r->oldest;
    return true;
}

struct mono registry_deadline(const struct registry *r)
{
    return r->oldest != REGISTRY_NONE ? r->entries[r->oldest].deadline : MONO_NEVER;
}

/* --- Changing --- */

static uint32_t take_place(struct registry *r)
{
    const uint32_t number = r->free;

    if (number != REGISTRY_NONE) {
        r->free = r->entries[number].newer;
        return number;
    }
    if (r->used == r->room) {
        r->room = r->room + r->room / 2 + 4;
        r->entries = xreallocarray(r->entries, r->room, sizeof(*r->entries));
    }
    return r->used++;
}

/* The name is entered where names are found. */
static void enter_name(struct registry *r, uint32_t number)
{
    number_map_set(&r->by_name, hash_of_name(r, r->entries[number].name), number);
    name_order_put(&r->order, number);
}

static void leave_name(struct registry *r, uint32_t number)
{
    number_map_remove(&r->by_name, hash_of_name(r, r->entries[number].name));
    name_order_remove(&r->order, number);
}

/* The same name, and a record that may be another. */
static void replace_record(struct registry_entry *entry, const uint8_t *record, size_t length)
{
    const size_t before = (size_t)entry->name_length + 1;

    if (length != entry->record_length)
        entry->name = xrealloc(entry->name, before + length);
    entry->record_length = (uint16_t)length;
    memcpy(entry->name + before, record, length);
}

static void set_name_and_record(struct registry_entry *entry, const char *name,
                                const uint8_t *record, size_t length)
{
    const size_t name_length = strlen(name);

    must(name_length < UINT16_MAX);
    entry->name = xmalloc(name_length + 1 + length);
    memcpy(entry->name, name, name_length + 1);
    memcpy(entry->name + name_length + 1, record, length);
    entry->name_length = (uint16_t)name_length;
    entry->record_length = (uint16_t)length;
}

static void add(struct registry *r, const char *name, const uint8_t *record, size_t length,
                uint64_t block, struct mono deadline)
{
    const uint32_t number = take_place(r);
    struct registry_entry *entry = &r->entries[number];

    *entry = (struct registry_entry){.block = block};
    set_name_and_record(entry, name, record, length);
    number_map_set(&r->by_key, hash_of_key(r, key_of(entry)), number);
    enter_name(r, number);
    block_enter(r, block);
    list_append(r, number, deadline);
    r->count++;
}

static void renew(struct registry *r, uint32_t number, const char *name, const uint8_t *record,
                  size_t length)
{
    struct registry_entry *entry = &r->entries[number];

    if (strcmp(entry->name, name) == 0) {
        replace_record(entry, record, length);
        return;
    }
    leave_name(r, number);
    free(entry->name);
    set_name_and_record(entry, name, record, length);
    enter_name(r, number);
}

void registry_put(struct registry *r, const char *name, const uint8_t *record, size_t length,
                  uint64_t block, struct mono deadline)
{
    const uint8_t *key = peer_record_peek(record).key;
    const uint32_t number = registry_of_key(r, key);

    must(length <= PEER_RECORD_BYTES_MAX && registry_check(r, key, name, block) == OK);
    if (number == REGISTRY_NONE) {
        add(r, name, record, length, block, deadline);
        return;
    }
    renew(r, number, name, record, length);
    if (r->entries[number].block != block) {
        block_leave(r, r->entries[number].block);
        r->entries[number].block = block;
        block_enter(r, block);
    }
    list_remove(r, number);
    list_append(r, number, deadline);
}

void registry_remove(struct registry *r, uint32_t number)
{
    struct registry_entry *entry = &r->entries[number];

    must(number < r->used && entry->name != NULL);
    list_remove(r, number);
    block_leave(r, entry->block);
    leave_name(r, number);
    number_map_remove(&r->by_key, hash_of_key(r, key_of(entry)));
    free(entry->name);
    *entry = (struct registry_entry){.newer = r->free};
    r->free = number;
    r->count--;
}
