/* An array that grows, of items of one size, which each call is told. Zeros are an empty one;
 * free(items) ends it. */
#ifndef P2PCHAT_TESTS_SUPPORT_LIST_H
#define P2PCHAT_TESTS_SUPPORT_LIST_H

#include <stddef.h>
#include <stdint.h>

struct list {
    void *items;
    size_t count;
    size_t room;
};

/* Also the place behind the last one; NULL when there never was one. */
void *list_at(const struct list *list, size_t index, size_t size);

/* Room for an item at `index`, or at the end; zeroed. */
void *list_insert(struct list *list, size_t index, size_t size);
void *list_add(struct list *list, size_t size);

/* Drops the first `count` items, or one of them, of which the caller has taken care. */
void list_consume(struct list *list, size_t count, size_t size);
void list_remove(struct list *list, void *item, size_t size);

/* In a list of rows that are sorted by their first member, an uint32_t: the row of that number, or
 * NULL; and a new one, zeroed, when there is none. */
void *list_find(const struct list *list, uint32_t number, size_t size);
void *list_get(struct list *list, uint32_t number, size_t size);

#endif
