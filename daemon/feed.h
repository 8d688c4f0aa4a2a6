/* The feed: who follows the events, how far each of them is, and where the next event for each
 * comes from (p2pchat-api(7), EVENTS). A machine without I/O.
 *
 * A reader has a position: the seq through which it was told everything that passes its filter. One
 * that stands at `last_seq` is live. One that is a little behind is fed from a ring of the newest
 * rows in memory, one that is far behind by reads of the log, a window at a time and only when its
 * output has room. So every logged event reaches every reader exactly once and in order, and what a
 * slow reader costs is bounded by its output, however long it sleeps. Events that are not kept in
 * the log reach those only who are live and have room at that moment.
 *
 * Rows up to the log's floor may be gone. A reader who would read there is told of one gap, up to
 * the floor, and goes on behind it; who still finds what it needs in the ring does not notice.
 *
 *     feed_append, feed_tell, feed_rows, feed_room, feed_expire
 *     … then feed_next_action until false, then sleep until feed_deadline */
#ifndef P2PCHAT_DAEMON_FEED_H
#define P2PCHAT_DAEMON_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/mono.h"

enum {
    FEED_RING_BYTES = 4 << 20, /* the newest rows, shared by all readers */

    /* Reads of the log under way at one time, for all readers together: what their answers take
       stays below FEED_READS_MAX * FEED_READ_BYTES, and a crowd of slow readers does not fill the
       queue of the store's reader thread. */
    FEED_READS_MAX = 4,
    FEED_READ_ROWS = 256,
    FEED_READ_BYTES = 128 << 10,

    FEED_RETRY_MS = 1000, /* after a read that failed: as long as the store waits first */

    FEED_GAP_BYTES = 256, /* what a gap takes of a reader's room: more than its line is long */
};

/* "since": from now on. */
#define FEED_NOW UINT64_MAX

struct feed;

/* What a reader wants to be told. */
struct feed_filter {
    uint64_t types; /* bit set of EVENT numbers; 0: all */
    uint32_t peer;  /* 0: of all peers and of none */
};

/* An event as the feed sees it: `line` is what a reader is sent. */
struct feed_row {
    uint64_t seq; /* 0 for feed_tell */
    int type;     /* EVENT number, 1 to 63 */
    uint32_t peer;
    const void *line;
    size_t length;
};

enum feed_action_kind {
    FEED_WRITE, /* send a line to a reader */
    FEED_GAP,   /* tell a reader that events are gone, in FEED_GAP_BYTES at most */
    FEED_READ   /* read the log (store_read_range); the answer comes back through feed_rows */
};

struct feed_action {
    enum feed_action_kind kind;
    union {
        struct {
            uint64_t reader;
            const void *line; /* borrowed until the next call on the feed */
            size_t length;
        } write;
        struct {
            uint64_t reader;
            uint64_t from, to; /* seqs, both included */
        } gap;
        struct {
            uint64_t read; /* number of the read, from 1 */
            uint64_t after_seq;
            uint64_t types;
            uint32_t peer;
            size_t rows_max;
            size_t bytes_max;
        } read;
    };
};

/* `last_seq` is the newest row that is durable; `ring_bytes` is FEED_RING_BYTES, or less in tests.
 * The caller frees with feed_free. */
struct feed *feed_new(uint64_t last_seq, size_t ring_bytes);
void feed_free(struct feed *feed);

/* Whether anybody follows. While nobody does, the lines given to feed_append are not kept, and may
 * be NULL. */
bool feed_is_followed(const struct feed *feed);

/* Rows up to this seq may be gone from the log; less than it is known already changes nothing. */
void feed_raise_floor(struct feed *feed, uint64_t floor);

/* Adds a reader, under a number that is the caller's choice and not in use: it is told what comes
 * after `since`, or from now on with FEED_NOW; a `since` that is still to come counts as now, so
 * that nothing new is missed when the log has begun anew. `room` as for feed_room. Returns the
 * reader's first position. */
uint64_t feed_subscribe(struct feed *feed, uint64_t reader, uint64_t since,
                        const struct feed_filter *filter, size_t room);

/* Removes a reader; does nothing when there is none with this number. */
void feed_unsubscribe(struct feed *feed, uint64_t reader);

/* Bytes that the output of a reader takes now. A line is written while there is any room at all, so
 * an output may come to hold one line more; what is written is taken off here too. Does nothing for
 * an unknown reader. */
void feed_room(struct feed *feed, uint64_t reader, size_t bytes);

/* A row of the log became durable. Rows come in order of seq, every one. Copied. */
void feed_append(struct feed *feed, const struct feed_row *row);

/* Tells an event that is not kept to the live readers. Borrowed until the actions are drained. */
void feed_tell(struct feed *feed, const struct feed_row *row);

/* The answer to FEED_READ: the rows that pass the filter, in order; everything through
 * `scanned_through` was looked at; `end`: nothing followed; up to `floor` rows may have been gone
 * already. With an error, which counts as no answer, the read is repeated later. Borrowed until the
 * actions are drained. */
struct feed_answer {
    enum error error;
    const struct feed_row *rows;
    size_t count;
    uint64_t scanned_through;
    bool end;
    uint64_t floor;
};
void feed_rows(struct feed *feed, uint64_t read, const struct feed_answer *answer, struct mono now);

void feed_expire(struct feed *feed, struct mono now);
struct mono feed_deadline(const struct feed *feed);
bool feed_next_action(struct feed *feed, struct feed_action *ret_action);

#endif
