#include "daemon/ring.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

enum { ROOM_FIRST = 64 };

static size_t row_bytes(const struct ring_row *row)
{
    return sizeof(*row) + row->length;
}

void ring_init(struct ring *ring, uint64_t floor, size_t bytes_max)
{
    *ring = (struct ring){.floor = floor, .bytes_max = bytes_max};
}

void ring_done(struct ring *ring)
{
    ring_clear(ring, ring->floor);
}

static void drop_oldest(struct ring *ring)
{
    struct ring_row *row = ring->rows[ring->first];

    ring->floor = row->seq;
    ring->bytes -= row_bytes(row);
    ring->first = (ring->first + 1) % ring->room;
    ring->count--;
    free(row);
}

static void grow(struct ring *ring)
{
    size_t room = ring->room > 0 ? 2 * ring->room : ROOM_FIRST;
    struct ring_row **rows = xcalloc(room, sizeof(struct ring_row *));

    for (size_t i = 0; i < ring->count; i++)
        rows[i] = ring->rows[(ring->first + i) % ring->room];
    free(ring->rows);
    ring->rows = rows;
    ring->first = 0;
    ring->room = room;
}

void ring_append(struct ring *ring, uint64_t seq, int type, uint32_t peer, const void *line,
                 size_t length)
{
    struct ring_row *row = xmalloc(sizeof(*row) + length);

    must(seq > (ring->count > 0 ? ring_at(ring, ring->count - 1)->seq : ring->floor));
    *row = (struct ring_row){.seq = seq, .type = type, .peer = peer, .length = length};
    memcpy(row->line, line, length);
    if (ring->count == ring->room)
        grow(ring);
    ring->rows[(ring->first + ring->count) % ring->room] = row;
    ring->count++;
    ring->bytes += row_bytes(row);
    while (ring->bytes > ring->bytes_max)
        drop_oldest(ring);
}

void ring_clear(struct ring *ring, uint64_t floor)
{
    while (ring->count > 0)
        drop_oldest(ring);
    free(ring->rows);
    ring_init(ring, floor, ring->bytes_max);
}

size_t ring_after(const struct ring *ring, uint64_t seq)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ring_at(ring, middle)->seq > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct ring_row *ring_at(const struct ring *ring, size_t place)
{
    must(place < ring->count);
    return ring->rows[(ring->first + place) % ring->room];
}
