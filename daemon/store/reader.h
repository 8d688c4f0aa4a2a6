/* The reader thread: answers questions about the log, and runs checkpoints.
 *
 * No snapshot is held for longer than READER_SNAPSHOT_MS, or the WAL could not begin anew: a
 * question that takes longer goes on in the next one. The log only grows, so the answer is the
 * same.
 */
#ifndef P2PCHAT_DAEMON_STORE_READER_H
#define P2PCHAT_DAEMON_STORE_READER_H

#include <stdatomic.h>

#include <sqlite3.h>

#include "daemon/store/queue.h"

enum { READER_SNAPSHOT_MS = 50, READER_STATEMENTS = 7 };

struct store_reader {
    sqlite3 *db; /* query_only; owned */
    sqlite3_stmt *statements[READER_STATEMENTS];
    uint64_t snapshot_ms;  /* READER_SNAPSHOT_MS; tests take less */
    struct queue *jobs;    /* borrowed, as the next */
    struct queue *answers; /* the loop's */
    atomic_int copied;     /* WAL frames that the last checkpoint left copied; for the writer */
};

/* Opens its connection. SQLite's result code, with the reason in r->db; store_reader_done also
 * takes what a failed init left. */
int store_reader_init(struct store_reader *r, const char *path, struct queue *jobs,
                      struct queue *answers);
void store_reader_done(struct store_reader *r);

/* The thread: runs until its queue is closed and empty. */
void *store_reader_run(void *reader);

#endif
