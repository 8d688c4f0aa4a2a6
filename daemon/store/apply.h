/* The changes of transactions, applied to the tables inside the transaction that the writer has
 * begun. The streams that are written to are kept in a small cache and written back once a batch;
 * log rows without a key are held, and several go in by one statement.
 *
 * Functions that return int return SQLite's result codes; after one that failed the writer rolls
 * back and says so with apply_rolled_back. */
#ifndef P2PCHAT_DAEMON_STORE_APPLY_H
#define P2PCHAT_DAEMON_STORE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "daemon/core/transaction.h"
#include "daemon/store/claims.h"

/* A stream as it will be when the batch is written. */
struct cached_stream {
    struct stream_row row; /* .stream 0: an empty place */
    bool closed;
    bool changed; /* differs from its row in the table */
};

enum {
    APPLY_CACHE_SIZE = 256, /* streams, each at the place of its number: others push it out */
    APPLY_HELD_MAX = 16,    /* log rows, added by one statement */
    APPLY_STATEMENTS = 20
};

struct apply {
    sqlite3 *db;
    sqlite3_stmt *statements[APPLY_STATEMENTS];
    uint64_t seq;         /* of the newest row */
    uint64_t durable_seq; /* what it was after the last batch */
    struct cached_stream streams[APPLY_CACHE_SIZE];
    const struct log_row *held[APPLY_HELD_MAX]; /* have their seq, and are yet to be added */
    size_t held_count;
    struct claims claims;
};

/* Prepares the statements (which checks that the tables are what they should be) and reads the
 * newest seq. The connection is borrowed. apply_done also takes what a failed init left. */
int apply_init(struct apply *a, sqlite3 *db);
void apply_done(struct apply *a);

/* Applies one change, at that age; fills in the results of a log row, or of a claim. The change
 * must live until apply_flush. */
int apply_change(struct apply *a, struct change *change, uint64_t age_ms);

/* Adds the rows that are held and writes the streams back: before COMMIT. */
int apply_flush(struct apply *a);

/* After COMMIT, and after a ROLLBACK. */
void apply_committed(struct apply *a);
void apply_rolled_back(struct apply *a);

#endif
