/* The store: one SQLite database in the state directory that holds the log and the small tables
 * (ARCHITECTURE.md, Store).
 *
 * A writer thread owns the only writing connection and commits in groups; a reader thread answers
 * questions. The loop thread talks to both by queues and is woken through one descriptor. All
 * functions here are the loop thread's. */
#ifndef P2PCHAT_DAEMON_STORE_STORE_H
#define P2PCHAT_DAEMON_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/histogram.h"
#include "common/mono.h"
#include "daemon/core/transaction.h"

struct store;

/* No log gets as long as that, nor any other count: a million rows a second take 140 years. A
 * database that claims more is damaged. It leaves room for as many again before the integers end
 * that clients are told (2^53 - 1). */
#define STORE_SEQ_TOP (UINT64_C(1) << 52)

/* Why store_open refused. */
enum store_refusal {
    STORE_OPENED,
    STORE_NEWER,          /* the schema is newer than this program: 78 */
    STORE_OTHER_IDENTITY, /* made by another key: 78 */
    STORE_DAMAGED,        /* not a database, or pages that contradict each other: 78 */
    STORE_NO_FILE,        /* a symbolic link, or anything else but a regular file: 78 */
    STORE_NOT_WRITABLE,   /* permissions, read-only file system: 77 */
    STORE_IO              /* anything else: 74 */
};

/* Opens (or makes) `directory`/p2pchat.db, mode 0600, for the node with this key, checks it, brings
 * an older schema up to date, copies the WAL into the database and syncs it, and starts the
 * threads. On failure `message` (STORE_MESSAGE_MAX) says what is wrong and what to do.
 *
 * To open and load a large log takes long, and on a slow disk to close it does. Meanwhile `goes_on`
 * (NULL: nobody is told) is called about once a second for as long as calls to the disk come back,
 * in any thread: from here to the first thing that is appended or asked, and in store_close, there
 * also at once. */
enum { STORE_MESSAGE_MAX = 512 };
enum store_refusal store_open(const char *directory, const uint8_t key[KEY_LENGTH],
                              void (*goes_on)(void), struct store **ret_store,
                              char message[STORE_MESSAGE_MAX]);

/* Whether a database is there already (then a missing identity key refuses the start). */
bool store_exists(const char *directory);

/* Whether store_open will read the whole database, as p2pchat.db-check in the directory demands: it
 * is left where damage was met, and goes when all is found well. */
bool store_is_to_be_checked(const char *directory);

/* What was there before store_open. */
enum store_found {
    STORE_FOUND_NOTHING, /* no file, or one without any table, as it is when its -wal was lost */
    STORE_FOUND_OLDER,   /* a database of an older schema, which is up to date now */
    STORE_FOUND_OURS
};
enum store_found store_found(const struct store *store);

/* Finishes what was appended, stops the threads, closes. Answers not fetched are dropped, and
 * questions not answered. NULL is fine. */
void store_close(struct store *store);

/* Calls `row` for each row the core must know at its start, in this order: CHANGE_META, CHANGE_PEER
 * (also those without an alias), CHANGE_STREAM_IN and CHANGE_STREAM_OUT (live ones, whole values),
 * CHANGE_REQUEST, each kind by rising numbers; CHANGE_TRACKER by address; CHANGE_OWN_NAME, where
 * there is one. Once, before anything is appended or asked. Rows are
 * borrowed during the call. STORE_OPENED, or why the rows cannot be had, with `message` as above;
 * then the store is only good for store_close. */
enum store_refusal store_load(struct store *store,
                              void (*row)(void *context, const struct change *row), void *context,
                              char message[STORE_MESSAGE_MAX]);

/* A reader of the log that has a name (p2pchat-api(7), events.subscribe). */
enum { STORE_CONSUMER_NAME_MAX = 64, STORE_CONSUMERS_MAX = 1024 };
struct consumer_row {
    char name[STORE_CONSUMER_NAME_MAX + 1];
    uint64_t seq;         /* through which it has acknowledged everything */
    int64_t last_used_ms; /* Unix time, to be shown */
    uint64_t used_age_ms; /* the same by the age clock, to be reckoned with */
};

/* Whether it may be one's name: 1 to STORE_CONSUMER_NAME_MAX of A-Z, a-z, 0-9, '.', '_', '@' and
 * '-'.
 */
bool store_is_consumer_name(const char *name);

/* Calls `row` for each consumer, by name; as store_load, and after it. */
enum store_refusal store_load_consumers(struct store *store,
                                        void (*row)(void *context, const struct consumer_row *row),
                                        void *context, char message[STORE_MESSAGE_MAX]);

/* Starts the age clock (daemon/store/age.h); once, before it is read and before anything is
 * appended. Names that were held (CHANGE_CLAIM) count as released now. STORE_OPENED, or why that
 * cannot be written, with `message` as above. */
enum store_refusal store_start_age(struct store *store, struct now now,
                                   char message[STORE_MESSAGE_MAX]);

/* What the age clock shows: what expires by days is reckoned by it, never by the wall clock. */
uint64_t store_age_ms(const struct store *store, struct mono now);

/* Rows of the log up to this seq may be gone, by what store_take has given; 0: none. */
uint64_t store_floor(const struct store *store);

/* Seq of the newest row that is known to be durable (0: none), by what store_take has given. */
uint64_t store_last_seq(const struct store *store);

/* How the disk is, by what store_take has told: STORE_FULL when there was no room at the last try.
 * Writing, reading, and copying the WAL into the database are each well again when they have
 * succeeded; damage stays until a restart has checked the database. */
enum store_state { STORE_OK, STORE_FULL, STORE_FAILING };
enum { STORE_STATES = STORE_FAILING + 1 };
enum store_state store_state(const struct store *store);

/* "ok", "full", "failing": as it is told everywhere. */
const char *store_state_name(enum store_state state);

/* What failed and why, in SQLite's and the system's words; NULL when all is well. Borrowed until
 * the next store_take. */
const char *store_reason(const struct store *store);

/* Whether pages were damaged or could not be read: then the next start checks all of them. */
bool store_demands_check(const struct store *store);

/* How long the WAL gets, in pages, before it is copied into the database and begun anew. Before
 * anything is appended; the default is right for a daemon, and less for a test. */
void store_set_wal_pages(struct store *store, int pages);

/* Tries again what failed and nobody waits for: to be called now and then. */
void store_look_again(struct store *store);

/* For how long the writer or the reader has been in one call to the disk that does not come back;
 * 0: neither is. Work that only takes long, in many calls, does not count. */
uint64_t store_silence_ms(const struct store *store, struct mono now);

/* Whether the files that are open are no more where the next start looks for them: somebody moved,
 * replaced or removed them. */
bool store_is_lost(const struct store *store);

/* Size of the files on disk, now: of all, and of the WAL. */
uint64_t store_size_bytes(const struct store *store);
uint64_t store_wal_bytes(const struct store *store);

/* What the file system has left for us; false when it does not say. */
bool store_free_bytes(const struct store *store, uint64_t *ret_bytes);

/* What the store has done since it was opened, by what store_take has given. Borrowed as long as it
 * is open. */
struct store_totals {
    struct histogram commits; /* how long each took until it was durable */
    uint64_t commits_failed;
    uint64_t transactions; /* that became durable */
};
const struct store_totals *store_totals(const struct store *store);

/* Readable when store_take has something. */
int store_descriptor(const struct store *store);

/* --- Writing. Each is answered once, in its own time, through store_take. --- */

/* Makes a transaction durable; the store owns it until it comes back as STORE_DURABLE or
 * STORE_FAILED. Transactions come back in the order in which they were appended. Once one has
 * failed, those appended before its STORE_FAILED was taken fail too. */
void store_append(struct store *store, struct transaction *transaction);

/* Small rows beside the log: they are made durable with the next batch, in the order in which they
 * were given, and answered by STORE_KEPT. When one fails nothing of it was kept. `lazy` ones may be
 * held back as transactions may. */

/* The place of a consumer, new or moved. */
void store_put_consumer(struct store *store, uint64_t id, const struct consumer_row *row,
                        bool lazy);

/* A consumer is gone. */
void store_drop_consumer(struct store *store, uint64_t id, const char *name);

/* What the age clock shows, and how far the log is by now. Lazy. */
void store_save_age(struct store *store, uint64_t id, struct now now);

/* What of the log is kept (p2pchatd.conf(5), [Store]); zeros: everything. */
struct retention {
    uint64_t age_ms; /* what is older may go */
    uint64_t bytes;  /* while the database has more than that in use, the oldest may go */
};

/* Removes a slice of what may go, of the rows after a seq: never the newest row, nor a message that
 * is not delivered, nor one with a key that is younger than a week. It waits until the writer has
 * nothing else to do, but not for more than a few seconds. One at a time. Answered by STORE_KEPT,
 * with `floor` when something was removed, and with where to go on. */
void store_trim(struct store *store, uint64_t id, const struct retention *keep, uint64_t after_seq,
                struct mono now);

/* Removes some names that are neither held nor reserved any more. Answered by STORE_KEPT, with
 * `end` when those were all. */
void store_trim_claims(struct store *store, uint64_t id, struct mono now);

/* Bytes of what the writer was given and has not come back: bounded by what the callers are allowed
 * to send (STORE_QUEUE_MAX). */
enum { STORE_QUEUE_MAX = 16 << 20 };
size_t store_queued_bytes(const struct store *store);

/* --- Questions, which are answered in the same way. Rows show what store_last_seq covered when the
 * question was asked: never one whose transaction has not come back yet. --- */

/* Messages of one stream of ours after a seq, for the outbox: up to `rows_max` rows or `bytes_max`
 * of text, but at least one. */
void store_read_stream(struct store *store, uint64_t id, uint32_t stream, uint64_t after_seq,
                       size_t rows_max, size_t bytes_max);

/* Rows of the log after a seq, in order, for a subscriber: `types` is a bit set of event numbers
 * (0: all), `peer` 0: all. Looks at no more than rows_max·16 rows (at most 4,096), so that a sparse
 * filter cannot hold a snapshot. */
void store_read_range(struct store *store, uint64_t id, uint64_t after_seq, uint64_t types,
                      uint32_t peer, size_t rows_max, size_t bytes_max);

/* A page of history: message rows (received and sent), in ascending order. It is cut at
 * STORE_HISTORY_BYTES_MAX of text, so that a thousand long messages do not fill the memory; after a
 * stretch of STORE_HISTORY_SCAN_MAX other rows; and, when it searches, after a tenth of a second.
 * So it may hold fewer than were asked for, or none: the rest is the next page's. A search of too
 * many words fails with ERR_TOO_LONG. */
enum {
    STORE_HISTORY_BYTES_MAX = 1 << 20,
    STORE_HISTORY_SCAN_MAX = 16384,

    /* More words than anybody types. What one text costs the index, which cannot be interrupted
     * there, grows with them: some 10 ms with a text of 64 KiB that is one word again and again. */
    STORE_SEARCH_WORDS_MAX = 64
};
enum history_order {
    HISTORY_BEFORE, /* the newest before a seq (0: of all) */
    HISTORY_AFTER   /* the oldest after it */
};
struct history_query {
    enum history_order order;
    uint64_t seq;
    uint32_t peer;      /* 0: all */
    size_t limit;       /* rows, from 1 */
    const char *search; /* only those with these words (p2pchat-api(7), history); NULL: all. It is
                           copied */
};
void store_read_history(struct store *store, uint64_t id, const struct history_query *query);

enum message_state {
    MESSAGE_STATE_QUEUED,
    MESSAGE_STATE_DELIVERED,
    MESSAGE_STATE_SENT,
    MESSAGE_STATE_FAILED,
    MESSAGE_STATE_RECEIVED
};

struct store_row {
    struct log_row log;       /* with seq, number and epoch; without the key */
    enum message_state state; /* of a message; of another row QUEUED, which means nothing */
};

enum store_answer_kind { STORE_DURABLE, STORE_FAILED, STORE_KEPT, STORE_ROWS };

struct store_answer {
    enum store_answer_kind kind;
    struct transaction *transaction; /* DURABLE, FAILED: the caller's now; results are filled in */
    enum error error; /* FAILED: ERR_STORAGE_FULL or ERR_STORAGE_FAILED; ROWS, KEPT: OK or one of
                         them, or ERR_TOO_LONG */
    uint64_t id;      /* ROWS, KEPT: of the question */
    struct store_row *rows; /* ROWS: in ascending order of seq */
    size_t count;
    uint64_t scanned_through; /* range, trim: everything up to this seq was looked at */
    uint64_t floor;           /* range: rows up to this seq may have been gone already; KEPT: are
                                 gone from now on; 0: nothing new */
    uint64_t next;            /* history that has no end here: the seq for the next page */
    uint64_t indexed_through; /* search: messages up to this seq are found */
    bool end; /* nothing follows; history before a seq: nothing precedes; trim: there is nothing
                 (claims: nothing else) to remove */
};

/* What a person should know of, and was not told yet: a line for the journal; NULL: nothing. Ended
 * with free(). */
char *store_take_note(struct store *store);

/* The next answer, in the order in which things became so; false when there is none now. Ended with
 * store_answer_done, which does not free `transaction`. */
bool store_take(struct store *store, struct store_answer *ret_answer);
void store_answer_done(struct store_answer *answer);

#endif
