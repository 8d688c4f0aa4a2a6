/* Consumers: readers of the events that have a name, and a place in the log that is kept for them
 * (p2pchat-api(7), events.subscribe). A machine without I/O: what is to be written comes out, how
 * it went goes in.
 *
 * What is asked for takes effect here at once, in the order of the calls, and is answered when it
 * is durable. One write is under way for each consumer; whatever is asked of it meanwhile goes into
 * the next one, so a thousand acknowledgements cost two writes. When a write fails, all that was
 * asked of that consumer and is not durable is taken back. */
#ifndef P2PCHAT_DAEMON_CONSUMERS_H
#define P2PCHAT_DAEMON_CONSUMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "daemon/core/table.h"
#include "daemon/store/store.h"

struct call;

TAILQ_HEAD(consumer_calls, call);

/* One consumer. Others read it, and change nothing but `calls`. */
struct consumer {
    uint64_t number;         /* from 1, never reused */
    struct consumer_row row; /* as it will be */
    bool exists;             /* will be there: not when it was forgotten */
    bool has_expired;        /* forgotten by consumers_expire */
    uint64_t change;         /* number of the last change that was asked for */
    uint64_t born;           /* the change that made it */

    struct consumer_row kept; /* as it is on disk */
    bool is_kept;             /* it is there */
    uint64_t kept_change;     /* the last change that is durable */

    size_t followers;            /* connections that are subscribed as it */
    struct consumer_calls calls; /* the owner's: calls that wait for a change */

    /* Private to consumers.c. */
    struct consumer_row written; /* by the write that is under way */
    bool is_writing, written_exists;
    uint64_t written_change;
    bool is_due; /* is in the list of those that have something to write */
    TAILQ_ENTRY(consumer) in_due;
    UT_hash_handle by_name, by_number;
};

struct consumers;

struct consumers *consumers_new(void);
void consumers_free(struct consumers *consumers);

/* A consumer that is on disk, at the start. */
void consumers_load(struct consumers *consumers, const struct consumer_row *row);

/* OK, or ERR_BAD_NAME (store_is_consumer_name). */
enum error consumers_check_name(const char *name);

/* The consumer of this name, or NULL when there is none or it is forgotten. */
struct consumer *consumers_find(const struct consumers *consumers, const char *name);

/* The consumer with this number, or NULL when it is gone. */
struct consumer *consumers_numbered(const struct consumers *consumers, uint64_t number);

/* The consumers in order of their names: the one after `after` (NULL: the first), NULL at the end.
 * Also those that are still to be written or removed. */
struct consumer *consumers_next(const struct consumers *consumers, const struct consumer *after);

/* Makes a consumer whose name was checked and is free, with its place at `seq`. OK, or
 * ERR_LIMIT_EXCEEDED when there are CONSUMERS_MAX. */
enum error consumers_add(struct consumers *consumers, const char *name, uint64_t seq,
                         struct consumer **ret_consumer);

/* Moves the place of a consumer on; one that lies behind it changes nothing. */
void consumers_ack(struct consumers *consumers, struct consumer *consumer, uint64_t seq);

/* Forgets a consumer that exists. */
void consumers_forget(struct consumers *consumers, struct consumer *consumer);

/* It is in use now, by both clocks. Written with its next change, or by consumers_expire. */
void consumers_touch(struct consumer *consumer, int64_t now_ms, uint64_t age_ms);

/* Now and then: forgets whom nobody follows and who was not used for longer than `max_ms` of the
 * age clock (0: nobody). Who is followed counts as used. */
void consumers_expire(struct consumers *consumers, int64_t now_ms, uint64_t age_ms,
                      uint64_t max_ms);

/* The next write that is due; false when there is none. */
struct consumer_write {
    uint64_t consumer;              /* its number */
    const struct consumer_row *row; /* borrowed until the next call; of a removal the name counts */
    bool is_removal;
    bool lazy; /* nobody waits for it */
};
bool consumers_next_write(struct consumers *consumers, struct consumer_write *ret_write);

/* How a write went. Returns the consumer: its changes up to kept_change are durable; after an error
 * no other is left, and who waits for one is to be told. Then consumers_settle, which frees it when
 * it is gone. */
struct consumer *consumers_written(struct consumers *consumers, uint64_t consumer,
                                   enum error error);
void consumers_settle(struct consumers *consumers, struct consumer *consumer);

#endif
