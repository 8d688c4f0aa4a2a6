/* What we have to say to one contact: the epochs of ours that are live, and the window of messages
 * on their way (p2pchat-protocol(7), Messages between contacts).
 *
 * The log holds the messages. Here are only those that are in flight or about to be, at most
 * OUTBOX_WINDOW_MESSAGES and OUTBOX_WINDOW_BYTES of them; the rest is read back from the log when
 * there is room. So a million queued messages cost no more memory than a thousand, and none when
 * there is no link. */
#ifndef P2PCHAT_DAEMON_CORE_CHAT_OUTBOX_H
#define P2PCHAT_DAEMON_CORE_CHAT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/link/message.h"
#include "daemon/core/transaction.h"

/* One epoch of ours. */
struct out_stream {
    struct stream_row row;
    bool listed; /* the other side knows of it (our last HAVE on this link): it may be sent */
    uint64_t confirmed;  /* the other side said it has everything up to here */
    uint64_t loaded;     /* highest number that is, or was, in the window since HAVE */
    uint64_t loaded_seq; /* where to go on reading in the log */
};

struct out_message;

struct outbox {
    struct out_stream *streams; /* oldest epoch first; the newest is last */
    size_t count;
    uint64_t current_epoch; /* the epoch drawn since our start, or 0: none yet */

    /* On the present link. */
    bool told; /* our HAVE went out */
    bool open; /* theirs came; the rest is since then */
    uint64_t credit_bytes;
    struct out_message *first, *last; /* the window, oldest first */
    struct out_message *unsent;       /* the first of it that was not handed out; NULL: all were */
    size_t window_count, window_bytes;
    size_t flight_count, flight_bytes; /* handed out, not acknowledged */
    bool reading;
    uint64_t reading_last; /* the last number that a read under way can find */
};

void outbox_done(struct outbox *outbox);

/* Adds or replaces a stream, as it is in the store. */
void outbox_put(struct outbox *outbox, const struct stream_row *row);
void outbox_remove(struct outbox *outbox, uint32_t stream);

/* The stream with that number or epoch, or NULL. Valid until a stream is added or removed. */
struct out_stream *outbox_stream(const struct outbox *outbox, uint32_t stream);
struct out_stream *outbox_epoch(const struct outbox *outbox, uint64_t epoch);

/* Messages and bytes that are not delivered. */
uint64_t outbox_queued(const struct outbox *outbox);
uint64_t outbox_queued_bytes(const struct outbox *outbox);

/* Our part of HAVE: the oldest OUTBOX_LISTED_MAX live epochs. From now on these may be sent. */
void outbox_list_live(struct outbox *outbox, struct message_have *have);

/* Whether everything that is listed was acknowledged, and there are epochs that did not find a
 * place: HAVE is to be said again. */
bool outbox_wants_listing(const struct outbox *outbox);

/* The oldest epoch that can be closed, or NULL: the other side has all of it, and so it has of
 * OUTBOX_COMPLETE_MAX newer ones. */
const struct stream_row *outbox_over(const struct outbox *outbox);

/* The other side's HAVE: from here on messages flow, each stream from what it has. Returns whether
 * it has more of a stream than we ever sent: our database was restored from an older copy. What is
 * confirmed by it beyond `acked` is learnt from the log while reading on. */
bool outbox_resume(struct outbox *outbox, const struct message_have *have, uint64_t credit_bytes);

/* The link is gone: the window is forgotten. */
void outbox_close(struct outbox *outbox);

/* A message of ours became durable: it joins the window when nothing older waits in the log and
 * there is room. The stream's row moves on in any case. */
void outbox_stored(struct outbox *outbox, uint32_t stream, uint64_t number, uint64_t seq,
                   int64_t time_ms, const char *text, size_t length);

/* Whether the log should be read now, and from where. The answer goes to outbox_rows, once. */
bool outbox_wants_rows(struct outbox *outbox, uint32_t *ret_stream, uint64_t *ret_after_seq,
                       size_t *ret_rows_max, size_t *ret_bytes_max);

/* What an acknowledgement, or rows that were confirmed already, moved on. */
struct outbox_progress {
    uint32_t stream;
    uint64_t acked, acked_seq;    /* the stream's new marks */
    uint64_t count, queued_bytes; /* newly delivered messages, and their text */
};

/* Rows of `stream` read back. True when some of them were confirmed before (*ret_progress then says
 * how far). A row array without `end` and without rows means that the read failed. Numbers that are
 * missing are no longer in the log: a gap is sent for them. */
struct outbox_row;
bool outbox_rows(struct outbox *outbox, uint32_t stream, const struct outbox_row *rows,
                 size_t count, bool end, struct outbox_progress *ret_progress);

/* CHAT_ACK. True when it delivered something. Acknowledging what was never sent is ERR_MALFORMED in
 * *ret_error. */
bool outbox_acknowledged(struct outbox *outbox, const struct message_ack *ack,
                         struct outbox_progress *ret_progress, enum error *ret_error);

enum outbox_item { OUTBOX_NOTHING, OUTBOX_MESSAGE, OUTBOX_GAP };

/* What window and credit allow to be sent next: fills in the one that it returns. The text is
 * borrowed until the next call. */
enum outbox_item outbox_next(struct outbox *outbox, struct message_chat *ret_message,
                             struct message_gap *ret_gap);

#endif
