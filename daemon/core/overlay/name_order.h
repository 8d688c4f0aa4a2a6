/* Numbers in the order of the texts that they stand for, which somebody else keeps: so that a page
 * of a long list can be told from anywhere.
 *
 * Kept in pieces of up to ORDER_PIECE_MAX, one behind the other: 4 to 9 bytes each. Finding is
 * O(log n) comparisons; what comes next is next in memory. */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_NAME_ORDER_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_NAME_ORDER_H

#include <stdbool.h>
#include <stdint.h>

enum { ORDER_PIECE_MAX = 128 };

struct order_piece {
    uint32_t count; /* at least 1 */
    uint32_t numbers[ORDER_PIECE_MAX];
};

/* The text of a number: borrowed during a comparison. */
typedef const char *name_order_text(const void *context, uint32_t number);

struct name_order {
    name_order_text *text;
    const void *context;
    struct order_piece **pieces;
    uint32_t count, room;
};

/* A place between two numbers; good until something is put or removed. */
struct name_order_place {
    uint32_t piece, at;
};

void name_order_init(struct name_order *order, name_order_text *text, const void *context);
void name_order_done(struct name_order *order);

/* Texts are compared byte by byte (strcmp), and each is there once. A number's text stays as it is
 * while it is in the order. */
void name_order_put(struct name_order *order, uint32_t number);
void name_order_remove(struct name_order *order, uint32_t number);

/* The place before the first whose text is not before `text`: that text itself, if it is there. */
struct name_order_place name_order_from(const struct name_order *order, const char *text);

/* The place behind that text. */
struct name_order_place name_order_behind(const struct name_order *order, const char *text);

/* The number at a place, which moves behind it; false at the end. */
bool name_order_next(const struct name_order *order, struct name_order_place *place,
                     uint32_t *ret_number);

#endif
