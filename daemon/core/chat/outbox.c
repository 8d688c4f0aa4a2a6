#include "daemon/core/chat/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/action.h"
#include "daemon/core/limits.h"

/* A message of the window. */
struct out_message {
    struct out_message *next;
    uint32_t stream;
    uint64_t number;
    uint64_t seq;
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
            .listed = outbox->told && row->last == 0 && outbox->count <= MESSAGE_EPOCHS_MAX,
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
        stream->listed = have->live_count < MESSAGE_EPOCHS_MAX;
        if (stream->listed)
            have->live[have->live_count++] = stream->row.epoch;
    }
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

static void append(struct outbox *outbox, const struct out_stream *stream, uint64_t number,
                   uint64_t seq, int64_t time_ms, const char *text, size_t length)
{
    struct out_message *m = xmalloc(sizeof *m + length);

    *m = (struct out_message){.stream = stream->row.stream,
                              .number = number,
                              .seq = seq,
                              .time_ms = time_ms,
                              .length = length};
    memcpy(m->text, text, length);
    if (outbox->last != NULL)
        outbox->last->next = m;
    else
        outbox->first = m;
    outbox->last = m;
    if (outbox->unsent == NULL)
        outbox->unsent = m;
    outbox->window_count++;
    outbox->window_bytes += length;
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
        append(outbox, stream, number, seq, time_ms, text, length);
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
    *ret_stream = stream->row.stream;
    *ret_after_seq = stream->loaded_seq;
    *ret_rows_max = OUTBOX_AHEAD_MESSAGES;
    *ret_bytes_max = OUTBOX_AHEAD_BYTES;
    return true;
}

/* Counts one more message of `stream` as delivered, unless it was before. */
static void deliver(struct out_stream *stream, uint64_t number, uint64_t seq, size_t length,
                    struct outbox_progress *progress)
{
    if (number <= stream->row.acked)
        return;
    stream->row.acked = number;
    stream->row.acked_seq = seq;
    stream->row.queued -= stream->row.queued > 0;
    stream->row.queued_bytes -=
        stream->row.queued_bytes >= length ? length : stream->row.queued_bytes;
    progress->count++;
    progress->queued_bytes += length;
}

static bool progress_made(const struct out_stream *stream, struct outbox_progress *progress)
{
    progress->stream = stream->row.stream;
    progress->acked = stream->row.acked;
    progress->acked_seq = stream->row.acked_seq;
    return progress->count > 0;
}

bool outbox_rows(struct outbox *outbox, uint32_t number_of_stream, const struct outbox_row *rows,
                 size_t count, bool end, struct outbox_progress *ret_progress)
{
    struct out_stream *stream = outbox_stream(outbox, number_of_stream);
    struct outbox_progress progress = {0};

    outbox->reading = false;
    if (stream == NULL || !outbox->open)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct outbox_row *row = &rows[i];
        stream->loaded_seq = row->seq;
        if (row->number <= stream->loaded)
            continue;
        stream->loaded = row->number;
        if (row->number <= stream->confirmed)
            deliver(stream, row->number, row->seq, row->text_length, &progress);
        else
            append(outbox, stream, row->number, row->seq, row->time_ms, row->text,
                   row->text_length);
    }
    if (end && count == 0) /* what was to come is no longer in the log */
        stream->loaded = stream->row.last;
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
bool outbox_next(struct outbox *outbox, struct message_chat *ret_message)
{
    struct out_message *m = outbox->unsent;

    if (!outbox->open || m == NULL || m->stream != outbox->first->stream ||
        outbox->flight_count >= OUTBOX_WINDOW_MESSAGES ||
        outbox->flight_bytes + m->length > OUTBOX_WINDOW_BYTES ||
        outbox->flight_bytes + m->length > outbox->credit_bytes)
        return false;
    const struct out_stream *stream = outbox_stream(outbox, m->stream);
    must(stream != NULL);
    outbox->unsent = m->next;
    outbox->flight_count++;
    outbox->flight_bytes += m->length;
    *ret_message = (struct message_chat){.epoch = stream->row.epoch,
                                         .number = m->number,
                                         .time_ms = m->time_ms,
                                         .text = m->text,
                                         .text_length = m->length};
    return true;
}
