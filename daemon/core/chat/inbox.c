#include "daemon/core/chat/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

void inbox_done(struct inbox *inbox)
{
    free(inbox->streams);
    *inbox = (struct inbox){0};
}

static struct stream_row *find(const struct inbox *inbox, uint32_t stream)
{
    for (size_t i = 0; i < inbox->count; i++)
        if (inbox->streams[i].stream == stream)
            return &inbox->streams[i];
    return NULL;
}

void inbox_put(struct inbox *inbox, const struct stream_row *row)
{
    struct stream_row *known = find(inbox, row->stream);

    if (known == NULL) {
        inbox->streams = xreallocarray(inbox->streams, inbox->count + 1, sizeof *inbox->streams);
        known = &inbox->streams[inbox->count++];
    }
    *known = *row;
}

void inbox_remove(struct inbox *inbox, uint32_t stream)
{
    struct stream_row *known = find(inbox, stream);

    if (known == NULL)
        return;
    size_t after = (size_t)(inbox->streams + inbox->count - (known + 1));
    memmove(known, known + 1, after * sizeof *known);
    if (--inbox->count == 0) {
        free(inbox->streams);
        inbox->streams = NULL;
    }
}

const struct stream_row *inbox_stream(const struct inbox *inbox, uint32_t stream)
{
    return find(inbox, stream);
}

const struct stream_row *inbox_newest(const struct inbox *inbox)
{
    const struct stream_row *newest = NULL;

    for (size_t i = 0; i < inbox->count; i++)
        if (newest == NULL || inbox->streams[i].stream > newest->stream)
            newest = &inbox->streams[i];
    return newest;
}

const struct stream_row *inbox_epoch(const struct inbox *inbox, uint64_t epoch)
{
    for (size_t i = inbox->count; i-- > 0;)
        if (inbox->streams[i].epoch == epoch)
            return &inbox->streams[i];
    return NULL;
}

static bool is_live(const struct message_have *have, uint64_t epoch)
{
    for (size_t i = 0; i < have->live_count; i++)
        if (have->live[i] == epoch)
            return true;
    return false;
}

const struct stream_row *inbox_dead(const struct inbox *inbox, const struct message_have *have)
{
    const struct stream_row *oldest = NULL;
    size_t count = 0;

    for (size_t i = inbox->count; i-- > 0;)
        if (!is_live(have, inbox->streams[i].epoch)) {
            oldest = &inbox->streams[i];
            count++;
        }
    return count > INBOX_DORMANT_MAX ? oldest : NULL;
}

void inbox_list_have(const struct inbox *inbox, struct message_have *have)
{
    have->have_count = 0;
    for (size_t i = 0; i < inbox->count && have->have_count < MESSAGE_EPOCHS_MAX; i++)
        have->have[have->have_count++] = (struct message_mark){
            .epoch = inbox->streams[i].epoch,
            .number = inbox->streams[i].last,
        };
}

enum inbox_verdict inbox_judge(struct inbox *inbox, uint64_t epoch, uint64_t number, size_t bytes)
{
    const struct stream_row *stream = inbox_epoch(inbox, epoch);
    uint64_t next = stream != NULL ? stream->last + 1 : 1;

    if (number != next) {
        if (inbox->told)
            return INBOX_DROP;
        inbox->told = true;
        return INBOX_TELL;
    }
    if (inbox->pending_count >= OUTBOX_WINDOW_MESSAGES || bytes > inbox->allowed_bytes ||
        (stream == NULL && inbox->count >= MESSAGE_EPOCHS_MAX))
        return INBOX_REFUSE;
    inbox->told = false;
    return stream != NULL ? INBOX_TAKE : INBOX_TAKE_FIRST;
}

void inbox_pending(struct inbox *inbox, size_t bytes)
{
    must(bytes <= inbox->allowed_bytes);
    inbox->pending_count++;
    inbox->pending_bytes += bytes;
    inbox->allowed_bytes -= bytes;
}

void inbox_settled(struct inbox *inbox, size_t bytes)
{
    must(inbox->pending_count > 0 && inbox->pending_bytes >= bytes);
    inbox->pending_count--;
    inbox->pending_bytes -= bytes;
}

void inbox_give_credit(struct inbox *inbox, uint64_t credit_bytes)
{
    if (credit_bytes > inbox->pending_bytes + inbox->allowed_bytes)
        inbox->allowed_bytes = credit_bytes - inbox->pending_bytes;
}

void inbox_close(struct inbox *inbox)
{
    inbox->told = false;
    inbox->allowed_bytes = 0;
}
