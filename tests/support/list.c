#include "tests/support/list.h"

#include <string.h>

#include "common/alloc.h"

void *list_at(const struct list *list, size_t index, size_t size)
{
    return list->items != NULL ? (char *)list->items + index * size : NULL;
}

void *list_insert(struct list *list, size_t index, size_t size)
{
    if (list->count == list->room) {
        list->room = list->room > 0 ? 2 * list->room : 8;
        list->items = xreallocarray(list->items, list->room, size);
    }
    memmove((char *)list->items + (index + 1) * size, (char *)list->items + index * size,
            (list->count++ - index) * size);
    return memset(list_at(list, index, size), 0, size);
}

void *list_add(struct list *list, size_t size)
{
    return list_insert(list, list->count, size);
}

void list_consume(struct list *list, size_t count, size_t size)
{
    list->count -= count;
    if (count > 0)
        memmove(list->items, (char *)list->items + count * size, list->count * size);
}

/* The place of the row of that number, or where it would be. */
static size_t list_place(const struct list *list, uint32_t number, size_t size)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (*(const uint32_t *)list_at(list, middle, size) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *list_find(const struct list *list, uint32_t number, size_t size)
{
    const size_t place = list_place(list, number, size);
    void *item = list_at(list, place, size);

    return place < list->count && *(const uint32_t *)item == number ? item : NULL;
}

void *list_get(struct list *list, uint32_t number, size_t size)
{
    void *item = list_find(list, number, size);

    return item != NULL ? item : list_insert(list, list_place(list, number, size), size);
}

void list_remove(struct list *list, void *item, size_t size)
{
    char *end = list_at(list, list->count--, size);
    char *next = (char *)item + size;

    memmove(item, next, (size_t)(end - next));
}
