#include "daemon/core/overlay/name_order.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* Two pieces that hold no more than this together become one: with room to grow again. */
enum { JOIN_MAX = ORDER_PIECE_MAX / 2 };

void name_order_init(struct name_order *o, name_order_text *text, const void *context)
{
    *o = (struct name_order){.text = text, .context = context};
}

void name_order_done(struct name_order *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        free(o->pieces[i]);
    free(o->pieces);
}

/* --- Finding --- */

enum bound { FROM, BEHIND };

/* Whether a number stands before the place that is sought. */
static bool is_before(const struct name_order *o, uint32_t number, const char *text,
                      enum bound bound)
{
    const int order = strcmp(o->text(o->context, number), text);

    return order < 0 || (order == 0 && bound == BEHIND);
}

/* The first piece that reaches to the place; the number of pieces when none does. */
static uint32_t find_piece(const struct name_order *o, const char *text, enum bound bound)
{
    uint32_t low = 0, high = o->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct order_piece *piece = o->pieces[middle];

        if (is_before(o, piece->numbers[piece->count - 1], text, bound))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct name_order_place find(const struct name_order *o, const char *text, enum bound bound)
{
    const uint32_t piece = find_piece(o, text, bound);
    uint32_t low = 0, high = piece < o->count ? o->pieces[piece]->count : 0;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (is_before(o, o->pieces[piece]->numbers[middle], text, bound))
            low = middle + 1;
        else
            high = middle;
    }
    return (struct name_order_place){.piece = piece, .at = low};
}

struct name_order_place name_order_from(const struct name_order *o, const char *text)
{
    return find(o, text, FROM);
}

struct name_order_place name_order_behind(const struct name_order *o, const char *text)
{
    return find(o, text, BEHIND);
}

bool name_order_next(const struct name_order *o, struct name_order_place *place,
                     uint32_t *ret_number)
{
    if (place->piece == o->count)
        return false;
    const struct order_piece *piece = o->pieces[place->piece];
    *ret_number = piece->numbers[place->at++];
    if (place->at == piece->count)
        *place = (struct name_order_place){.piece = place->piece + 1};
    return true;
}

/* --- Changing --- */

static void add_piece(struct name_order *o, uint32_t index, struct order_piece *piece)
{
    if (o->count == o->room) {
        o->room = o->room + o->room / 2 + 4;
        o->pieces = xreallocarray(o->pieces, o->room, sizeof(*o->pieces));
    }
    memmove(&o->pieces[index + 1], &o->pieces[index], (o->count - index) * sizeof(*o->pieces));
    o->pieces[index] = piece;
    o->count++;
}

static void remove_piece(struct name_order *o, uint32_t index)
{
    free(o->pieces[index]);
    o->count--;
    memmove(&o->pieces[index], &o->pieces[index + 1], (o->count - index) * sizeof(*o->pieces));
}

/* The upper half of a full piece becomes one of its own. */
static void split(struct name_order *o, uint32_t index)
{
    struct order_piece *lower = o->pieces[index], *upper = xmalloc(sizeof(*upper));
    const uint32_t kept = lower->count / 2;

    upper->count = lower->count - kept;
    memcpy(upper->numbers, &lower->numbers[kept], upper->count * sizeof(upper->numbers[0]));
    lower->count = kept;
    add_piece(o, index + 1, upper);
}

/* What the piece behind `index` holds goes into that one, when both are nearly empty. */
static void join(struct name_order *o, uint32_t index)
{
    if (index + 1 >= o->count || o->pieces[index]->count + o->pieces[index + 1]->count > JOIN_MAX)
        return;
    struct order_piece *piece = o->pieces[index];
    const struct order_piece *next = o->pieces[index + 1];
    memcpy(&piece->numbers[piece->count], next->numbers, next->count * sizeof(next->numbers[0]));
    piece->count += next->count;
    remove_piece(o, index + 1);
}

void name_order_put(struct name_order *o, uint32_t number)
{
    struct name_order_place place = find(o, o->text(o->context, number), FROM);

    if (place.piece == o->count && o->count == 0)
        add_piece(o, 0, xcalloc(1, sizeof(struct order_piece)));
    else if (place.piece == o->count)
        place = (struct name_order_place){o->count - 1, o->pieces[o->count - 1]->count};
    if (o->pieces[place.piece]->count == ORDER_PIECE_MAX) {
        split(o, place.piece);
        const uint32_t kept = o->pieces[place.piece]->count;
        if (place.at > kept)
            place = (struct name_order_place){place.piece + 1, place.at - kept};
    }
    struct order_piece *piece = o->pieces[place.piece];
    memmove(&piece->numbers[place.at + 1], &piece->numbers[place.at],
            (piece->count - place.at) * sizeof(piece->numbers[0]));
    piece->numbers[place.at] = number;
    piece->count++;
}

void name_order_remove(struct name_order *o, uint32_t number)
{
    const struct name_order_place place = find(o, o->text(o->context, number), FROM);

    must(place.piece < o->count);
    struct order_piece *piece = o->pieces[place.piece];
    must(piece->numbers[place.at] == number);
    piece->count--;
    memmove(&piece->numbers[place.at], &piece->numbers[place.at + 1],
            (piece->count - place.at) * sizeof(piece->numbers[0]));
    if (piece->count == 0) {
        remove_piece(o, place.piece);
        return;
    }
    join(o, place.piece);
    if (place.piece > 0)
        join(o, place.piece - 1);
}
