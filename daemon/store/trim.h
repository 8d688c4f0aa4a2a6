/* Retention: which rows of the log may go, and how they go (p2pchatd.conf(5), [Store]).
 *
 * A slice at a time: the reader thread plans it and takes the rows out of the search index, the
 * writer thread removes them and raises the floor in one transaction. A crash between both does no
 * harm. What may go once may go for ever, but for messages that a peer asks for again; the writer
 * looks at these once more.
 *
 * Functions that return int return SQLite's result codes. */
#ifndef P2PCHAT_DAEMON_STORE_TRIM_H
#define P2PCHAT_DAEMON_STORE_TRIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "daemon/store/store.h"

enum {
    /* A slice: no longer than a few commits of messages, whatever is in it. */
    TRIM_ROWS_MAX = 500,
    TRIM_BYTES_MAX = 1 << 20,

    /* A repeated call with a key is answered alike for so long at least. */
    TRIM_KEY_MS = 7 * 24 * 3600 * 1000
};

struct trim {
    struct retention keep;
    uint64_t age_ms; /* what the age clock showed */
    uint64_t after;  /* rows up to this seq were looked at */
    bool is_planned;
    bool is_end; /* beyond `after` there is nothing to remove now */
    size_t count;
    uint64_t seqs[TRIM_ROWS_MAX]; /* of the rows to remove, rising */
};

/* Plans the next slice: looks at the rows after `after`, at most for so long, and moves it. */
int trim_plan(struct trim *t, sqlite3 *db, uint64_t ms_max);

/* Removes what was planned, inside the transaction that the writer has begun. The streams' rows
 * must be up to date. */
int trim_apply(const struct trim *t, sqlite3 *db);

#endif
