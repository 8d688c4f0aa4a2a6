/* The writer thread: makes transactions durable, in groups.
 *
 * It commits as soon as it is idle; while one commit runs the next batch gathers in its queue. Each
 * job goes to the answers in the order in which it came. */
#ifndef P2PCHAT_DAEMON_STORE_WRITER_H
#define P2PCHAT_DAEMON_STORE_WRITER_H

#include <stdatomic.h>

#include <sqlite3.h>

#include "daemon/store/apply.h"
#include "daemon/store/keep.h"
#include "daemon/store/pulse.h"
#include "daemon/store/queue.h"

/* In pages of 4 KiB: the reader is asked for a checkpoint every 4 MiB. One that runs beside a busy
 * writer never reaches the end of the WAL, so beyond 4 MiB, when at most half of that is left to be
 * copied (beyond 16 MiB however much is), the writer does so itself and begins the WAL anew. It
 * pays to do so early: to sync what overwrites an old part of the WAL takes half as long as to sync
 * what makes the file longer. */
enum { WRITER_WAL_FRAMES = 1024 };

struct store_writer {
    sqlite3 *db; /* the only connection that writes; owned */
    struct apply apply;
    struct keep keep;
    struct pulse *pulse; /* of the connection; borrowed, as all below */
    struct queue *jobs;
    struct queue *answers;    /* the loop's */
    struct queue *reader;     /* for checkpoints */
    const atomic_int *copied; /* WAL frames that the reader's last checkpoint left copied */

    uint64_t failed_generation; /* what was appended in it or before fails, for this reason: */
    enum error failure;
    int wal_frames;   /* WRITER_WAL_FRAMES; tests take less */
    int frames;       /* in the WAL, after the last commit */
    int frames_asked; /* when a checkpoint was last asked for */
    int frames_held;  /* the WAL is not begun anew before: somebody else read it the last time */
};

/* Takes over the connection. SQLite's result code; store_writer_done also takes what a failed init
 * left.
 */
int store_writer_init(struct store_writer *w, sqlite3 *db, struct pulse *pulse, struct queue *jobs,
                      struct queue *answers, struct queue *reader, const atomic_int *copied);
void store_writer_done(struct store_writer *w);

/* At the start, before the thread has work: names that were held are so no more. SQLite's result
 * code. */
int store_writer_release_claims(struct store_writer *w, uint64_t age_ms);

/* The thread: runs until its queue is closed and empty. */
void *store_writer_run(void *writer);

#endif
