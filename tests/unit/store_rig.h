/* A store in a directory of its own, and words to fill it with. */
#ifndef P2PCHAT_TESTS_UNIT_STORE_RIG_H
#define P2PCHAT_TESTS_UNIT_STORE_RIG_H

#include "daemon/store/store.h"

struct store_rig {
    char directory[64];
    struct store *store; /* NULL while it is closed */
    uint64_t ticket;     /* of the last transaction */
};

extern const uint8_t store_rig_key[KEY_LENGTH];

/* A new directory with a new store; _done closes the store and removes the directory. */
void store_rig_init(struct store_rig *rig);
void store_rig_done(struct store_rig *rig);

/* A rig of its own for each test, for cmocka: with an empty store, or with what store_rig_streams
 * makes. */
int store_rig_setup(void **state);
int store_rig_setup_streams(void **state);
int store_rig_teardown(void **state);

void store_rig_open(struct store_rig *rig);
void store_rig_close(struct store_rig *rig);
void store_rig_reopen(struct store_rig *rig);

/* Removes the files of a closed store. */
void store_rig_unlink(const struct store_rig *rig);

/* The path of a file of the store ("", "-wal", "-shm"); valid until the next call. */
const char *store_rig_file(const struct store_rig *rig, const char *suffix);

/* The same of the search index. */
const char *store_rig_search_file(const struct store_rig *rig, const char *suffix);

/* Starts the age clock; fails the test when that fails. */
void store_rig_start_age(struct store_rig *rig, struct now now);

/* A transaction with the next ticket. */
struct transaction *store_rig_transaction(struct store_rig *rig);

/* Waits for the next answer; fails the test when there is none in half a minute. */
struct store_answer store_rig_take(struct store_rig *rig);

/* Appends, waits, and fails the test unless this transaction has become durable. It is the
 * caller's again. */
void store_rig_commit(struct store_rig *rig, struct transaction *t);

/* The same, and frees it. */
void store_rig_put(struct store_rig *rig, struct transaction *t);

/* Waits for the answer to a question; fails the test unless it has so many rows. */
struct store_answer store_rig_rows(struct store_rig *rig, uint64_t id, size_t count, bool end);

/* Makes durable: peer 1 with stream 1 out and 2 in, peer 2 with 3 out. */
void store_rig_streams(struct store_rig *rig);

/* Makes a message durable. */
void store_rig_sent(struct store_rig *rig, uint32_t stream, uint32_t peer, const char *text);

/* Rows. The peer's key, epoch and so on follow from its number; texts are copied. */
void add_peer(struct transaction *t, uint32_t peer, const char *alias);
void add_stream(struct transaction *t, uint32_t stream, uint32_t peer, enum direction direction);
void add_acked(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t acked,
               uint64_t acked_seq, uint64_t queued, uint64_t queued_bytes);
void add_gone(struct transaction *t, uint32_t stream);
void add_request(struct transaction *t, uint32_t request, uint32_t peer);
struct log_row *add_event(struct transaction *t, int type, uint32_t peer, const char *body);
struct log_row *add_sent(struct transaction *t, uint32_t stream, uint32_t peer, const char *key,
                         const char *text);

/* Also moves the stream's last. */
void add_received(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t number,
                  const char *text);

/* The same for a number that will not come. */
void add_gap(struct transaction *t, uint32_t stream, uint32_t peer, uint64_t number);

#endif
