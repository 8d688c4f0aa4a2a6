#include "daemon/core/chat/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/action.h"
#include "daemon/core/limits.h"

_Static_assert(OUTBOX_LISTED_MAX + INBOX_DORMANT_MAX <= MESSAGE_EPOCHS_MAX &&
                   OUTBOX_COMPLETE_MAX < OUTBOX_LISTED_MAX,
               "the other side can list all epochs that we list, and some of them can be new");

/* A message of the window; or a gap, which has no text. */
struct out_message {
    struct out_message *next;
    uint32_t stream;
    uint64_t from;   /* a gap: the first number that is gone; else 0 */
    uint64_t number; /* of the message, or the last one that is gone */
    uint64_t seq;    /* in the log; of a gap: that of the last row before it */
    int64_t time_ms;
    size_t length;
    char text[];
};

static void drop_window(struct outbox *outbox)
{
    for (struct out_message *m = outbox->first, *next; m != NULL; m = next) {
        next = m->next;
        free(m);
    }
    outbox->first = outbox->last = outbox->unsent = NULL;
    outbox->window_count = outbox->window_bytes = 0;
    outbox->flight_count = outbox->flight_bytes = 0;
    outbox->reading = false;
}

void outbox_done(struct outbox *outbox)
{
    drop_window(outbox);
    free(outbox->streams);
    *outbox = (struct outbox){0};
}

struct out_stream *outbox_stream(const struct outbox *outbox, uint32_t stream)
{
    for (size_t i = outbox->count; i-- > 0;)
        if (outbox->streams[i].row.stream == stream)
            return &outbox->streams[i];
    return NULL;
}

struct out_stream *outbox_epoch(const struct outbox *outbox, uint64_t epoch)
{
    for (size_t i = outbox->count; i-- > 0;)
        if (outbox->streams[i].row.epoch == epoch)
            return &outbox->streams[i];
    return NULL;
}

/* Streams are numbered as they are begun, so the order of their numbers is that of their age. */
void outbox_put(struct outbox *outbox, const struct stream_row *row)
{
    struct out_stream *known = outbox_stream(outbox, row->stream);

    if (known == NULL) {
        outbox->streams =
            xreallocarray(outbox->streams, outbox->count + 1, sizeof *outbox->streams);
        size_t place = outbox->count++;
        for (; place > 0 && outbox->streams[place - 1].row.stream > row->stream; place--)
            outbox->streams[place] = outbox->streams[place - 1];
        known = &outbox->streams[place];
        *known = (struct out_stream){
            /* An epoch that begins after our HAVE begins at 1: they need none to know that. */
            .listed = outbox->told && row->last == 0 && outbox->count <= OUTBOX_LISTED_MAX,
            .loaded = row->acked,
            .loaded_seq = row->acked_seq,
        };
    }
    known->row = *row;
}

void outbox_remove(struct outbox *outbox, uint32_t stream)
{
    struct out_stream *known = outbox_stream(outbox, stream);

    if (known == NULL)
        return;
    if (known->row.epoch == outbox->current_epoch)
        outbox->current_epoch = 0;
    size_t after = (size_t)(outbox->streams + outbox->count - (known + 1));
    memmove(known, known + 1, after * sizeof *known);
    if (--outbox->count == 0) {
        free(outbox->streams);
        outbox->streams = NULL;
    }
}

uint64_t outbox_queued(const struct outbox *outbox)
{
    uint64_t queued = 0;

    for (size_t i = 0; i < outbox->count; i++)
        queued += outbox->streams[i].row.queued;
    return queued;
}

uint64_t outbox_queued_bytes(const struct outbox *outbox)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < outbox->count; i++)
        bytes += outbox->streams[i].row.queued_bytes;
    return bytes;
}

void outbox_list_live(struct outbox *outbox, struct message_have *have)
{
    outbox->told = true;
    have->live_count = 0;
    for (size_t i = 0; i < outbox->count; i++) {
        struct out_stream *stream = &outbox->streams[i];
        stream->listed = have->live_count < OUTBOX_LISTED_MAX;
        if (stream->listed)
            have->live[have->live_count++] = stream->row.epoch;
    }
}

static bool is_complete(const struct outbox *outbox, const struct out_stream *stream)
{
    return stream->row.epoch != outbox->current_epoch && stream->row.acked == stream->row.last &&
           stream->confirmed == stream->row.last;
}

const struct stream_row *outbox_over(const struct outbox *outbox)
{
    const struct stream_row *oldest = NULL;
    size_t count = 0;

    for (size_t i = outbox->count; i-- > 0;)
        if (is_complete(outbox, &outbox->streams[i])) {
            oldest = &outbox->streams[i].row;
            count++;
        }
    return count > OUTBOX_COMPLETE_MAX ? oldest : NULL;
}

static uint64_t mark_of(const struct message_have *have, uint64_t epoch)
{
    for (size_t i = 0; i < have->have_count; i++)
        if (have->have[i].epoch == epoch)
            return have->have[i].number;
    return 0;
}

/* "The sender goes on at number+1, also below what was acknowledged before." */
bool outbox_resume(struct outbox *outbox, const struct message_have *have, uint64_t credit_bytes)
{
    bool restored = false;

    drop_window(outbox);
    outbox->open = true;
    outbox->credit_bytes = credit_bytes;
    for (size_t i = 0; i < outbox->count; i++) {
        struct out_stream *stream = &outbox->streams[i];
        uint64_t mark = mark_of(have, stream->row.epoch);
        if (mark > stream->row.last) {
            restored = true;
            mark = stream->row.last;
        }
        stream->confirmed = mark;
        if (mark >= stream->row.acked) {
            stream->loaded = stream->row.acked;
            stream->loaded_seq = stream->row.acked_seq;
        } else {
            stream->loaded = mark;
            stream->loaded_seq = 0;
        }
    }
    return restored;
}

void outbox_close(struct outbox *outbox)
{
    drop_window(outbox);
    outbox->told = outbox->open = false;
    for (size_t i = 0; i < outbox->count; i++)
        outbox->streams[i].listed = false;
}

static struct out_message *append(struct outbox *outbox, const struct out_stream *stream,
                                  uint64_t number, uint64_t seq, size_t length)
{
    struct out_message *m = xmalloc(sizeof *m + length);

    *m = (struct out_message){
        .stream = stream->row.stream, .number = number, .seq = seq, .length = length};
    if (outbox->last != NULL)
        outbox->last->next = m;
    else
        outbox->first = m;
    outbox->last = m;
    if (outbox->unsent == NULL)
        outbox->unsent = m;
    outbox->window_count++;
    outbox->window_bytes += length;
    return m;
}

/* A clock may have told any time when the row was written; what cannot be said would be refused. */
static int64_t sayable(int64_t time_ms)
{
    if (time_ms < 0)
        return 0;
    return time_ms > MESSAGE_TIME_MAX ? MESSAGE_TIME_MAX : time_ms;
}

static void append_message(struct outbox *outbox, const struct out_stream *stream, uint64_t number,
                           uint64_t seq, int64_t time_ms, const char *text, size_t length)
{
    struct out_message *m = append(outbox, stream, number, seq, length);

    m->time_ms = sayable(time_ms);
    memcpy(m->text, text, length);
}

/* The oldest stream that has messages in the log which are not in the window. */
static struct out_stream *behind(const struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        struct out_stream *stream = &outbox->streams[i];
        if (stream->listed && stream->loaded < stream->row.last)
            return stream;
    }
    return NULL;
}

bool outbox_wants_listing(const struct outbox *outbox)
{
    return outbox->open && outbox->told && outbox->count > 0 &&
           !outbox->streams[outbox->count - 1].listed && outbox->window_count == 0 &&
           behind(outbox) == NULL;
}

static bool has_room(const struct outbox *outbox)
{
    return outbox->window_count < OUTBOX_WINDOW_MESSAGES + OUTBOX_AHEAD_MESSAGES &&
           outbox->window_bytes < OUTBOX_WINDOW_BYTES + OUTBOX_AHEAD_BYTES;
}

void outbox_stored(struct outbox *outbox, uint32_t number_of_stream, uint64_t number, uint64_t seq,
                   int64_t time_ms, const char *text, size_t length)
{
    struct out_stream *stream = outbox_stream(outbox, number_of_stream);

    if (stream == NULL)
        return;
    must(number == stream->row.last + 1);
    bool caught_up = outbox->open && !outbox->reading && behind(outbox) == NULL;
    stream->row.last = number;
    stream->row.queued++;
    stream->row.queued_bytes += length;
    if (caught_up && stream->listed && has_room(outbox)) {
        stream->loaded = number;
        stream->loaded_seq = seq;
        append_message(outbox, stream, number, seq, time_ms, text, length);
    }
}

bool outbox_wants_rows(struct outbox *outbox, uint32_t *ret_stream, uint64_t *ret_after_seq,
                       size_t *ret_rows_max, size_t *ret_bytes_max)
{
    if (!outbox->open || outbox->reading || !has_room(outbox) ||
        outbox->window_count - outbox->flight_count > OUTBOX_AHEAD_MESSAGES / 2)
        return false;
    const struct out_stream *stream = behind(outbox);
    if (stream == NULL)
        return false;
    outbox->reading = true;
    outbox->reading_last = stream->row.last;
    *ret_stream = stream->row.stream;
    *ret_after_seq = stream->loaded_seq;
    *ret_rows_max = OUTBOX_AHEAD_MESSAGES;
    *ret_bytes_max = OUTBOX_AHEAD_BYTES;
    return true;
}

static uint64_t at_most(uint64_t much, uint64_t most)
{
    return much < most ? much : most;
}

/* Everything of `stream` up to `number` is delivered, or gone: more than one message when numbers
 * before it are missing. Never takes more off the queue than is in it, whatever the log holds. */
static void deliver(struct out_stream *stream, uint64_t number, uint64_t seq, size_t length,
                    struct outbox_progress *progress)
{
    struct stream_row *row = &stream->row;

    if (number <= row->acked)
        return;
    const uint64_t count = at_most(number - row->acked, row->queued);
    const bool is_all = count == row->queued;
    const uint64_t bytes = is_all ? row->queued_bytes : at_most(length, row->queued_bytes);
    row->acked = number;
    row->acked_seq = seq > row->acked_seq ? seq : row->acked_seq;
    row->queued -= count;
    row->queued_bytes -= bytes;
    progress->count += count;
    progress->queued_bytes += bytes;
}

static bool progress_made(const struct out_stream *stream, struct outbox_progress *progress)
{
    progress->stream = stream->row.stream;
    progress->acked = stream->row.acked;
    progress->acked_seq = stream->row.acked_seq;
    return progress->count > 0;
}

/* The numbers up to `through` that were not loaded are no longer in the log. */
static void skip(struct outbox *outbox, struct out_stream *stream, uint64_t through)
{
    const uint64_t known = stream->confirmed > stream->loaded ? stream->confirmed : stream->loaded;

    if (known < through)
        append(outbox, stream, through, stream->loaded_seq, 0)->from = known + 1;
    stream->loaded = through;
}

static void take_row(struct outbox *outbox, struct out_stream *stream, const struct outbox_row *row,
                     struct outbox_progress *progress)
{
    if (row->number <= stream->loaded || row->text_length == 0 ||
        row->text_length > MESSAGE_TEXT_MAX)
        return; /* before the mark; or what only somebody else can have written */
    skip(outbox, stream, row->number - 1);
    stream->loaded = row->number;
    if (row->number <= stream->confirmed)
        deliver(stream, row->number, row->seq, row->text_length, progress);
    else
        append_message(outbox, stream, row->number, row->seq, row->time_ms, row->text,
                       row->text_length);
}

bool outbox_rows(struct outbox *outbox, uint32_t number_of_stream, const struct outbox_row *rows,
                 size_t count, bool end, struct outbox_progress *ret_progress)
{
    struct out_stream *stream = outbox_stream(outbox, number_of_stream);
    struct outbox_progress progress = {0};

    outbox->reading = false;
    if (stream == NULL || !outbox->open)
        return false;
    for (size_t i = 0; i < count && rows[i].number <= outbox->reading_last; i++) {
        take_row(outbox, stream, &rows[i], &progress);
        stream->loaded_seq = rows[i].seq;
    }
    if (end && stream->loaded < outbox->reading_last) {
        skip(outbox, stream, outbox->reading_last);
        deliver(stream, at_most(stream->loaded, stream->confirmed), stream->loaded_seq, 0,
                &progress);
    }
    if (!progress_made(stream, &progress))
        return false;
    *ret_progress = progress;
    return true;
}

/* Takes what `ack` covers out of the window. */
static void drop_acknowledged(struct outbox *outbox, struct out_stream *stream, uint64_t through,
                              struct outbox_progress *progress)
{
    struct out_message **link = &outbox->first, *previous = NULL;
    bool is_sent = true;

    for (struct out_message *m; (m = *link) != NULL;) {
        is_sent = is_sent && m != outbox->unsent;
        if (m->stream != stream->row.stream || m->number > through) {
            if (m->stream == stream->row.stream && m->number > through)
                break;
            previous = m;
            link = &m->next;
            continue;
        }
        deliver(stream, m->number, m->seq, m->length, progress);
        *link = m->next;
        if (outbox->last == m)
            outbox->last = previous;
        if (outbox->unsent == m)
            outbox->unsent = m->next;
        outbox->window_count--;
        outbox->window_bytes -= m->length;
        if (is_sent) {
            outbox->flight_count--;
            outbox->flight_bytes -= m->length;
        }
        free(m);
    }
}

bool outbox_acknowledged(struct outbox *outbox, const struct message_ack *ack,
                         struct outbox_progress *ret_progress, enum error *ret_error)
{
    struct out_stream *stream = outbox_epoch(outbox, ack->epoch);
    struct outbox_progress progress = {0};

    outbox->credit_bytes = ack->credit_bytes;
    if (stream == NULL) /* it was delivered and forgotten */
        return false;
    if (ack->through > stream->row.last) {
        *ret_error = ERR_MALFORMED;
        return false;
    }
    if (ack->through > stream->confirmed)
        stream->confirmed = ack->through;
    drop_acknowledged(outbox, stream, ack->through, &progress);
    if (!progress_made(stream, &progress))
        return false;
    *ret_progress = progress;
    return true;
}

/* "Those of a newer epoch go only when all older ones are acknowledged." */
static bool may_send(const struct outbox *outbox, const struct out_message *m)
{
    return outbox->open && m != NULL && m->stream == outbox->first->stream &&
           outbox->flight_count < OUTBOX_WINDOW_MESSAGES &&
           outbox->flight_bytes + m->length <= OUTBOX_WINDOW_BYTES &&
           outbox->flight_bytes + m->length <= outbox->credit_bytes;
}

enum outbox_item outbox_next(struct outbox *outbox, struct message_chat *ret_message,
                             struct message_gap *ret_gap)
{
    struct out_message *m = outbox->unsent;

    if (!may_send(outbox, m))
        return OUTBOX_NOTHING;
    const struct out_stream *stream = outbox_stream(outbox, m->stream);
    must(stream != NULL);
    outbox->unsent = m->next;
    outbox->flight_count++;
    outbox->flight_bytes += m->length;
    if (m->from != 0) {
        *ret_gap =
            (struct message_gap){.epoch = stream->row.epoch, .from = m->from, .through = m->number};
        return OUTBOX_GAP;
    }
    *ret_message = (struct message_chat){.epoch = stream->row.epoch,
                                         .number = m->number,
                                         .time_ms = m->time_ms,
                                         .text = m->text,
                                         .text_length = m->length};
    return OUTBOX_MESSAGE;
}
