/* The reader thread: answers questions about the log, runs checkpoints, and keeps the search index.
 *
 * No snapshot is held for longer than READER_SNAPSHOT_MS, or the WAL could not begin anew: a
 * question that takes longer goes on in the next one. The log only grows, so the answer is the
 * same.
 *
 * Others wait meanwhile, so each question is bounded: by the rows that it gives or looks at, and a
 * search by time. What is left is asked for again.
 *
 * The index is brought up to date by a search, and in slices between questions while nothing is
 * written to the log. */
#ifndef P2PCHAT_DAEMON_STORE_READER_H
#define P2PCHAT_DAEMON_STORE_READER_H

#include <stdatomic.h>

#include <sqlite3.h>

#include "daemon/store/pulse.h"
#include "daemon/store/queue.h"
#include "daemon/store/search.h"

enum { READER_SNAPSHOT_MS = 50, READER_STATEMENTS = 8 };

struct store_reader {
    sqlite3 *db; /* query_only; owned */
    sqlite3_stmt *statements[READER_STATEMENTS];
    struct search search;
    bool is_indexing;     /* the log rests, and the index is not at its end */
    unsigned log_version; /* SQLite's number of the log's contents when that began */
    uint64_t snapshot_ms; /* READER_SNAPSHOT_MS; tests take less */
    struct pulse *pulse;  /* borrowed, as the next two */
    struct queue *jobs;
    struct queue *answers; /* the loop's */
    atomic_int copied;     /* WAL frames that the last checkpoint left copied; for the writer */
};

/* Opens its connection. SQLite's result code, with the reason in r->db; store_reader_done also
 * takes what a failed init left. */
int store_reader_init(struct store_reader *r, const char *path, struct pulse *pulse,
                      struct queue *jobs, struct queue *answers);
void store_reader_done(struct store_reader *r);

/* The thread: runs until its queue is closed; what it has not begun then is left in it. */
void *store_reader_run(void *reader);

#endif
