/* The index of the messages' words: search.db, beside the log's database and apart from it. It can
 * be had from the log at any time, so nothing in it is repaired: one that is damaged, follows other
 * rules or is not of this log is deleted and made anew. What goes wrong with it is wrong with
 * search only.
 *
 * It holds the messages up to a seq, and how the row of that seq looked: a log that was restored or
 * replaced has another one there, or none. All functions are the reader thread's. */
#ifndef P2PCHAT_DAEMON_STORE_SEARCH_H
#define P2PCHAT_DAEMON_STORE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "common/bytes.h"
#include "common/error.h"
#include "daemon/store/pulse.h"
#include "daemon/store/queue.h"

enum { SEARCH_STATEMENTS = 7, SEARCH_LOG_STATEMENTS = 4 };

struct search {
    char *path;  /* of search.db */
    sqlite3 *db; /* NULL until it is needed, and after it failed */
    sqlite3_stmt *statements[SEARCH_STATEMENTS];
    sqlite3 *log;              /* the reader's connection; borrowed */
    const struct pulse *pulse; /* the reader's; borrowed */
    sqlite3_stmt *log_statements[SEARCH_LOG_STATEMENTS];
    uint64_t through;   /* while it is open: what of the log is in it */
    bool is_behind;     /* the last update left something to do */
    struct bytes words; /* of the row in hand */

    int log_error; /* when it was the log that failed in the last call: SQLite's result code */
    char *note;    /* why the index was deleted, or cannot be used, for people; NULL: neither. Who
                      takes    it frees it */
    bool is_unusable; /* that was said */
};

/* Prepares to read the log; search.db is opened when it is needed. SQLite's result code, of the
 * log's connection. search_done also takes what a failed init left. */
int search_init(struct search *s, const char *log_path, const struct pulse *pulse, sqlite3 *log);
void search_done(struct search *s);

/* Whether there is anything to be indexed: an index of no messages need not be there, and so takes
 * no memory. */
bool search_is_worth_it(struct search *s);

/* Takes what is new in the log into the index, in transactions that last SEARCH_SLICE_MS. Ends when
 * there is no more, after about `rows_max` rows, or after `ms_max`. ERR_STORAGE_FULL,
 * ERR_STORAGE_FAILED: not now; the next call tries again. */
enum { SEARCH_SLICE_MS = 20 };
enum error search_update(struct search *s, size_t rows_max, uint64_t ms_max);

/* Who is told what a search finds. */
struct search_taker {
    bool (*hit)(void *context, uint64_t seq); /* false: that is enough */
    bool (*is_late)(void *context);           /* asked now and then: whether to break off */
    void *context;
};

/* Tells of each message that has these phrases (fold.h; at least one), in the question's order and
 * from `from` on (before or after it), until the taker has enough or it is late: then *ret_is_late,
 * and there may be more. Nothing bounds how late it is before the first hit: FTS5 reads all that
 * begins with a prefix, and goes through the whole log for a phrase that fits nowhere, also when it
 * is asked for a few rows of it. Rows that are no longer in the log may be among the hits. Errors
 * as above. */
enum error search_find(struct search *s, const struct question *q, const struct bytes *phrases,
                       uint64_t from, const struct search_taker *taker, bool *ret_is_late);

/* Takes rows out of the index, by rising seqs, that are about to be removed from the log. Those
 * that were taken out before and then stayed in the log do not matter. When the index does not let
 * them go it is deleted; so the only error is SQLite's result code of a log that cannot be read. */
int search_remove(struct search *s, const uint64_t *seqs, size_t count);

#endif
