/* The names of a tracker: which key holds one, and for which one is reserved. Ages are the
 * age clock's (age.h).
 *
 * A name that is held has no end. One that is held no more has: it stays reserved for its key as
 * long as it was held, but no longer than CLAIM_RESERVED_MAX_MS. Who takes it again before that
 * has held it for what it was held before; the time in between does not count. What is over is as
 * good as gone, and is removed some time.
 *
 * Functions that return int return SQLite's result codes, and are called inside a transaction. */
#ifndef P2PCHAT_DAEMON_STORE_CLAIMS_H
#define P2PCHAT_DAEMON_STORE_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "daemon/core/transaction.h"

enum {
    CLAIMS_STATEMENTS = 6,
    CLAIMS_TRIM_MAX = 500 /* rows that go at once: as long as a commit of some messages */
};

struct claims {
    sqlite3 *db;
    sqlite3_stmt *statements[CLAIMS_STATEMENTS];
    uint64_t max; /* CLAIMS_MAX; less in tests */
    uint64_t count;
    uint64_t durable_count; /* what it was after the last batch */
};

/* Prepares the statements, and counts the rows; the connection is borrowed. claims_done also takes
 * what a failed init left. */
int claims_init(struct claims *c, sqlite3 *db);
void claims_done(struct claims *c);

/* Gives the name to the key, or answers the question; fills in the result. */
int claims_take(struct claims *c, struct claim *claim, uint64_t age_ms);

/* The key holds the name no more. */
int claims_release(struct claims *c, const struct claim *claim, uint64_t age_ms);

/* At the start nobody holds any. What was held counts as held for REGISTRATION_MS at least, as its
 * owner finds out and comes back only with its next renewal. */
int claims_release_all(struct claims *c, uint64_t age_ms);

/* Removes some that are over; whether those were all. */
int claims_trim(struct claims *c, uint64_t age_ms, bool *ret_is_end);

/* After COMMIT, and after a ROLLBACK. */
void claims_committed(struct claims *c);
void claims_rolled_back(struct claims *c);

#endif
