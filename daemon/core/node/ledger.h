/* Transactions: one for an input, at most. Its changes are applied in memory at once; whatever the
 * world may see of them waits, as effects, until they are durable.
 *
 *     ledger.c     what a transaction is made of, and what to undo when it fails
 *     flight.c     its way to the disk and back
 *     effect.c     what becomes of what waited for it */
#ifndef P2PCHAT_DAEMON_CORE_NODE_LEDGER_H
#define P2PCHAT_DAEMON_CORE_NODE_LEDGER_H

#include "daemon/core/node/state.h"

/* --- ledger.c --- */

void ledger_put_peer(struct node *node, const struct peer_row *row);
void ledger_remove_peer(struct node *node, struct contact *contact);
void ledger_put_request(struct node *node, const struct request_row *row);
void ledger_remove_request(struct node *node, struct request *request);
void ledger_load_stream(struct node *node, const struct stream_row *row);
void ledger_load_request(struct node *node, const struct request_row *row);
void ledger_store_requests(struct node *node);
void ledger_put_stream(struct node *node, const struct stream_row *row);
void ledger_remove_stream(struct node *node, const struct stream_row *row);

/* An epoch that the peer says is ours, and that is none of the outbox: the store says whether we
 * know it. Returns its index in the transaction. */
size_t ledger_see_epoch(struct node *node, uint32_t peer, const struct message_mark *mark);

void ledger_progress(struct node *node, const struct contact *contact,
                     const struct outbox_progress *progress);
void ledger_put_meta(struct node *node, enum meta_name name, uint64_t value);

void ledger_put_tracker(struct node *node, const struct tracker_row *row);
void ledger_remove_tracker(struct node *node, const char *address);
void ledger_put_own_name(struct node *node, const char *name); /* NULL: none any more */

/* A name at the tracker that we are, folded: whether `key` may have it, and has it then; or, with
 * NULL, whether somebody without a key may. Returns the index of the answer in the transaction. */
size_t ledger_claim(struct node *node, const char *folded, const uint8_t *key);
/* The key has it no more. Lazy, as a start releases everything; and said again when it fails. */
void ledger_release(struct node *node, const char *folded, const uint8_t key[KEY_LENGTH]);

/* A log row that is an event; `object` is JSON with the fields beside the common ones, or NULL. */
void ledger_log(struct node *node, int type, uint32_t peer, const struct bytes *object);

/* A log row for numbers of theirs that will not come, the last of which is the stream's. */
void ledger_log_gap(struct node *node, const struct stream_row *stream, const struct bytes *object);

/* A log row that is a message; the text is copied. Returns its index in the transaction. */
size_t ledger_log_message(struct node *node, int type, const struct stream_row *stream,
                          uint64_t number, int64_t time_ms, const char *key, const char *text,
                          size_t length);

/* What the store says of the message of ours to `peer` with that key and text. Returns its index in
 * the transaction. */
size_t ledger_find_message(struct node *node, uint32_t peer, const char *key, const char *text);

/* An effect of the present input: happens when its transaction is durable, or at once when there is
 * none. Zeroed but for its kind; the caller fills it in. */
struct effect *ledger_effect(struct node *node, enum effect_kind kind);

/* The same, with all that `like` says but its kind. `like` owns nothing. */
struct effect *ledger_effect_like(struct node *node, enum effect_kind kind,
                                  const struct effect *like);

/* Puts a row back as it was. Rows are undone in the reverse order of their changes. */
void ledger_put_back(struct node *node, struct undo *undo);

/* What is true whether a transaction failed or not goes into the next: what delivered messages, and
 * which names are held no more. Takes it out of this one. */
void ledger_carry(struct node *node, struct transaction *failed);
void ledger_done(struct node *node);

/* --- flight.c --- */

/* The end of an input: hands the transaction over, or lets the effects happen. Returns whether
 * effects happened. */
bool flight_settle(struct node *node);
void flight_durable(struct node *node, struct transaction *first);
void flight_failed(struct node *node, struct transaction *transaction, enum error error);

/* Tries a disk again that failed. */
void flight_retry(struct node *node);

/* For a call that may have found nothing to change. While the disk fails, what failed is "perhaps
 * stored" and may be back after a crash, although it was undone here: then something is written
 * over it, for the answer to wait for. */
void flight_make_sure(struct node *node);
void flight_done(struct node *node);

/* --- effect.c --- */

/* Lets one happen: `transaction`, which has the results, is durable; NULL when it waited for none.
 */
void effect_happen(struct node *node, struct effect *effect, const struct transaction *transaction);

/* Its transaction failed: who waits is told. */
void effect_fail(struct node *node, const struct effect *effect, enum error error);
void effect_free(struct effect *effect);

#endif
