/* What one contact says to us: which epochs of it are live and how far we have each
 * (p2pchat-protocol(7), Messages between contacts). */
#ifndef P2PCHAT_DAEMON_CORE_CHAT_INBOX_H
#define P2PCHAT_DAEMON_CORE_CHAT_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/link/message.h"
#include "daemon/core/transaction.h"

struct inbox {
    struct stream_row *streams; /* `last` runs ahead of the disk until the transaction is durable */
    size_t count;
    bool told;            /* HAVE was repeated since the last message that came in turn */
    size_t pending_count; /* messages taken but not durable yet: bounded by the window */
    size_t pending_bytes;
    uint64_t allowed_bytes; /* what may still come, by the credit that was given */
};

void inbox_done(struct inbox *inbox);

/* Adds or replaces a stream, as it is in the store. */
void inbox_put(struct inbox *inbox, const struct stream_row *row);
void inbox_remove(struct inbox *inbox, uint32_t stream);
const struct stream_row *inbox_stream(const struct inbox *inbox, uint32_t stream);
/* The one that was begun last, or NULL. */
const struct stream_row *inbox_newest(const struct inbox *inbox);
const struct stream_row *inbox_epoch(const struct inbox *inbox, uint64_t epoch);

/* The oldest stream that the other side no longer lists as live, or NULL: to be forgotten. A few
 * are kept all the same: two copies of one database that take turns list each other's as dead. */
const struct stream_row *inbox_dead(const struct inbox *inbox, const struct message_have *have);

/* Our part of HAVE: what we have of each epoch. */
void inbox_list_have(const struct inbox *inbox, struct message_have *have);

enum inbox_verdict {
    INBOX_TAKE,       /* the next in its stream: keep it */
    INBOX_TAKE_FIRST, /* the first of an epoch that is new to us: keep it, with a new stream */
    INBOX_TELL,       /* out of turn: drop it, and say again what we have */
    INBOX_DROP,       /* out of turn, and we have said so already */
    INBOX_REFUSE      /* more epochs, messages or bytes than allowed: close the link */
};

/* What to do with a message of so many bytes, or with a gap that begins at `number`. Changes
 * nothing but `told`. */
enum inbox_verdict inbox_judge(struct inbox *inbox, uint64_t epoch, uint64_t number, size_t bytes);

/* A message was handed to the store, or has come back from it. */
void inbox_pending(struct inbox *inbox, size_t bytes);
void inbox_settled(struct inbox *inbox, size_t bytes);

/* The other side is told that so many bytes may be in flight, together with what is settled. What
 * it was allowed before stays allowed: it may be on its way. */
void inbox_give_credit(struct inbox *inbox, uint64_t credit_bytes);

/* The link is gone, and what it was allowed with it. */
void inbox_close(struct inbox *inbox);

#endif
