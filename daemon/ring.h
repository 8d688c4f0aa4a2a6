/* The newest rows of the log as lines ready to be sent, kept in memory so that those who follow the
 * log closely are not fed from the disk.
 *
 * What is in the ring is contiguous: every row after `floor` and up to the newest. It is bounded by
 * bytes; the oldest rows go first. */
#ifndef P2PCHAT_DAEMON_RING_H
#define P2PCHAT_DAEMON_RING_H

#include <stddef.h>
#include <stdint.h>

/* One row. `line` has `length` bytes and no NUL at its end. */
struct ring_row {
    uint64_t seq;
    int type;      /* EVENT number */
    uint32_t peer; /* 0: none */
    size_t length;
    char line[];
};

struct ring {
    struct ring_row **rows; /* circular: `count` of `room` places, from `first` */
    size_t first, count, room;
    size_t bytes, bytes_max; /* what the rows take */
    uint64_t floor;          /* seq of the newest row that is no longer here, or never was */
};

/* An empty ring whose next row comes after `floor`. */
void ring_init(struct ring *ring, uint64_t floor, size_t bytes_max);
void ring_done(struct ring *ring);

/* Copies a row to the end; its seq is higher than any before. Rows that no longer fit, oldest
 * first, leave. */
void ring_append(struct ring *ring, uint64_t seq, int type, uint32_t peer, const void *line,
                 size_t length);

/* Forgets all rows; the next one comes after `floor`. */
void ring_clear(struct ring *ring, uint64_t floor);

/* Place of the first row after `seq`, from 0 (the oldest) to `count` (there is none). */
size_t ring_after(const struct ring *ring, uint64_t seq);

/* The row at a place below `count`; lives until the ring is changed. */
const struct ring_row *ring_at(const struct ring *ring, size_t place);

#endif
