/* The writer's small jobs beside the core's transactions: the places of consumers, the age clock.
 *
 * Functions that return int return SQLite's result codes. */
#ifndef P2PCHAT_DAEMON_STORE_KEEP_H
#define P2PCHAT_DAEMON_STORE_KEEP_H

#include <sqlite3.h>

#include "daemon/store/age.h"
#include "daemon/store/queue.h"

enum { KEEP_STATEMENTS = 5 };

struct keep {
    sqlite3_stmt *statements[KEEP_STATEMENTS];
};

/* Prepares the statements; the connection is borrowed. keep_done also takes what a failed init
 * left. */
int keep_init(struct keep *k, sqlite3 *db);
void keep_done(struct keep *k);

/* Does a job of JOB_CONSUMER, JOB_CONSUMER_GONE or JOB_AGE, inside the transaction that the writer
 * has begun. */
int keep_job(struct keep *k, const struct job *job);

/* For the start: the consumers by name (store_load_consumers), the age clock as it was saved, the
 * floor. */
int keep_load_consumers(sqlite3 *db, void (*row)(void *context, const struct consumer_row *row),
                        void *context);
int keep_load_age(sqlite3 *db, struct age_row *ret_age);
int keep_load_floor(sqlite3 *db, uint64_t *ret_floor);

#endif
