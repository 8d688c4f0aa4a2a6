/* A store in memory with the meaning of daemon/store/store.h: plain arrays, no threads, no disk.
 * The simulator uses it as its disk; tests compare the real one with it.
 *
 * What in the real store happens in its own time is a call here: appended transactions wait until
 * model_store_commit or model_store_fail. Questions are answered from what is durable when they are
 * asked. What the core must never ask for is asserted. */
#ifndef P2PCHAT_TESTS_SUPPORT_MODEL_STORE_H
#define P2PCHAT_TESTS_SUPPORT_MODEL_STORE_H

#include "daemon/store/store.h"

struct model_store;

struct model_store *model_store_new(void);
void model_store_free(struct model_store *m);

/* As store_load, store_last_seq, store_state, store_queued_bytes. */
void model_store_load(const struct model_store *m,
                      void (*row)(void *context, const struct change *row), void *context);
uint64_t model_store_last_seq(const struct model_store *m);
enum store_state model_store_state(const struct model_store *m);
size_t model_store_queued_bytes(const struct model_store *m);

/* As store_append. After a failure that was not taken yet it fails at once. */
void model_store_append(struct model_store *m, struct transaction *transaction);

/* Transactions that wait. */
size_t model_store_waiting(const struct model_store *m);

/* Makes the first `count` of them durable (all, when there are fewer). */
void model_store_commit(struct model_store *m, size_t count);

/* A commit of the first `count` fails with ERR_STORAGE_FULL or ERR_STORAGE_FAILED, and so does all
 * that was appended after them. */
void model_store_fail(struct model_store *m, size_t count, enum error error);

/* Removes rows as retention does: those up to `through_seq`, but not messages of live streams that
 * are not delivered, nor rows with a key above `keyed_through_seq`, nor the newest row. */
void model_store_trim(struct model_store *m, uint64_t through_seq, uint64_t keyed_through_seq);

/* What a start does once the age clock goes on (store_start_age): names that were held are so no
 * more. And as store_trim_claims, but all at once. */
void model_store_start_age(struct model_store *m, uint64_t age_ms);
void model_store_trim_claims(struct model_store *m, uint64_t age_ms);

/* The machine stops and starts again: what waits, and answers not taken, are gone. What failed last
 * and was not followed by a success is there after all when it `is_found`: recovery may read what
 * the failed commit wrote. */
void model_store_crash(struct model_store *m, bool is_found);

/* As store_read_stream, store_read_range, store_read_history. */
void model_store_read_stream(struct model_store *m, uint64_t id, uint32_t stream,
                             uint64_t after_seq, size_t rows_max, size_t bytes_max);
void model_store_read_range(struct model_store *m, uint64_t id, uint64_t after_seq, uint64_t types,
                            uint32_t peer, size_t rows_max, size_t bytes_max);
void model_store_read_history(struct model_store *m, uint64_t id,
                              const struct history_query *query);

/* As store_take, store_answer_done. */
bool model_store_take(struct model_store *m, struct store_answer *ret_answer);
void model_store_answer_done(struct store_answer *answer);

/* A copy with texts of its own, as it was made: without results. */
struct transaction *model_store_copy(const struct transaction *t);

#endif
