#include "tests/unit/outbox_rig.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

static char filler[OUTBOX_WINDOW_BYTES];

int outbox_rig_setup(void **state)
{
    memset(filler, 'x', sizeof filler);
    *state = xcalloc(1, sizeof(struct outbox_rig));
    return 0;
}

int outbox_rig_teardown(void **state)
{
    struct outbox_rig *rig = *state;

    outbox_done(&rig->outbox);
    free(rig);
    return 0;
}

void outbox_rig_begin(struct outbox_rig *rig, uint32_t stream)
{
    const struct stream_row row = {
        .stream = stream, .peer = 1, .direction = DIRECTION_OUT, .epoch = EPOCH(stream)};

    outbox_put(&rig->outbox, &row);
    rig->outbox.current_epoch = row.epoch;
}

void outbox_rig_say(struct outbox_rig *rig, uint32_t stream, size_t length)
{
    const uint64_t number = outbox_stream(&rig->outbox, stream)->row.last + 1;

    assert_true(rig->last_seq + 1 < OUTBOX_RIG_LOG_MAX);
    rig->last_seq++;
    rig->log[rig->last_seq].stream = stream;
    rig->log[rig->last_seq].number = number;
    rig->log[rig->last_seq].length = length;
    outbox_stored(&rig->outbox, stream, number, rig->last_seq, 1000 + (int64_t)number, filler,
                  length);
}

void outbox_rig_say_many(struct outbox_rig *rig, uint32_t stream, size_t count, size_t length)
{
    while (count-- > 0)
        outbox_rig_say(rig, stream, length);
}

bool outbox_rig_read_once(struct outbox_rig *rig, struct outbox_progress *progress)
{
    struct outbox_row rows[OUTBOX_AHEAD_MESSAGES];
    uint32_t stream;
    uint64_t seq;
    size_t rows_max, bytes_max, count = 0, bytes = 0;

    *progress = (struct outbox_progress){0};
    if (!outbox_wants_rows(&rig->outbox, &stream, &seq, &rows_max, &bytes_max))
        return false;
    assert_false(outbox_wants_rows(&rig->outbox, &stream, &seq, &rows_max, &bytes_max));
    assert_true(rows_max <= OUTBOX_AHEAD_MESSAGES);
    rig->reads++;
    bool end = true;
    while (++seq <= rig->last_seq) {
        if (rig->log[seq].stream != stream)
            continue;
        if (count == rows_max || (count > 0 && bytes + rig->log[seq].length > bytes_max)) {
            end = false;
            break;
        }
        bytes += rig->log[seq].length;
        rows[count++] = (struct outbox_row){.seq = seq,
                                            .number = rig->log[seq].number,
                                            .time_ms = 1000 + (int64_t)rig->log[seq].number,
                                            .text = filler,
                                            .text_length = rig->log[seq].length};
    }
    outbox_rows(&rig->outbox, stream, rows, count, end, progress);
    return true;
}

bool outbox_rig_resume(struct outbox_rig *rig, uint32_t stream, uint64_t number, uint64_t credit)
{
    struct message_have ours = {0};
    struct message_have theirs = {.have_count = stream != 0, .have = {{EPOCH(stream), number}}};

    outbox_list_live(&rig->outbox, &ours);
    assert_int_equal(ours.live_count, rig->outbox.count);
    return outbox_resume(&rig->outbox, &theirs, credit);
}

bool outbox_rig_acknowledge(struct outbox_rig *rig, uint32_t stream, uint64_t through,
                            struct outbox_progress *progress)
{
    const struct message_ack ack = {EPOCH(stream), through, OUTBOX_WINDOW_BYTES};
    enum error error = OK;

    *progress = (struct outbox_progress){0};
    bool is_new = outbox_acknowledged(&rig->outbox, &ack, progress, &error);
    assert_int_equal(error, OK);
    return is_new;
}

static enum outbox_item next(struct outbox_rig *rig, struct message_chat *message,
                             struct message_gap *gap)
{
    struct outbox_progress progress;
    enum outbox_item item;

    while ((item = outbox_next(&rig->outbox, message, gap)) == OUTBOX_NOTHING)
        assert_true(outbox_rig_read_once(rig, &progress));
    return item;
}

void outbox_rig_expect(struct outbox_rig *rig, uint32_t stream, uint64_t number)
{
    struct message_chat message;
    struct message_gap gap;

    assert_int_equal(next(rig, &message, &gap), OUTBOX_MESSAGE);
    assert_int_equal(message.epoch, EPOCH(stream));
    assert_int_equal(message.number, number);
    assert_int_equal(message.time_ms, 1000 + number);
}

void outbox_rig_expect_gap(struct outbox_rig *rig, uint32_t stream, uint64_t from, uint64_t through)
{
    struct message_chat message;
    struct message_gap gap;

    assert_int_equal(next(rig, &message, &gap), OUTBOX_GAP);
    assert_int_equal(gap.epoch, EPOCH(stream));
    assert_int_equal(gap.from, from);
    assert_int_equal(gap.through, through);
}

void outbox_rig_expect_nothing(struct outbox_rig *rig)
{
    struct message_chat message;
    struct message_gap gap;

    assert_int_equal(outbox_next(&rig->outbox, &message, &gap), OUTBOX_NOTHING);
}

void outbox_rig_lose(struct outbox_rig *rig, uint64_t from_seq, uint64_t through_seq)
{
    for (uint64_t seq = from_seq; seq <= through_seq; seq++)
        rig->log[seq].stream = 0;
}

size_t outbox_rig_send_all(struct outbox_rig *rig)
{
    struct message_chat message;
    struct message_gap gap;
    struct outbox_progress progress;
    size_t sent = 0;

    do
        while (outbox_next(&rig->outbox, &message, &gap) != OUTBOX_NOTHING)
            sent++;
    while (outbox_rig_read_once(rig, &progress));
    return sent;
}

void outbox_rig_talk(struct outbox_rig *rig, size_t count, uint64_t acked)
{
    struct outbox_progress progress;

    outbox_rig_begin(rig, 1);
    outbox_rig_resume(rig, 0, 0, CREDIT_FIRST_BYTES);
    outbox_rig_say_many(rig, 1, count, 10);
    assert_int_equal(outbox_rig_send_all(rig), count);
    assert_true(outbox_rig_acknowledge(rig, 1, acked, &progress));
}
