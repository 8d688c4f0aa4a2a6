/* A sender's outbox and a receiver's inbox with everything lost between them at random, the log cut
 * short, and the receiver going back to an older copy: every message arrives once and in order, or
 * is told to be gone, and the sender learns of it. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/action.h"
#include "daemon/core/chat/inbox.h"
#include "daemon/core/chat/outbox.h"
#include "daemon/core/limits.h"
#include "tests/unit/seeded.h"

enum { SEEDS = 300, STEPS = 3000, LOG_MAX = STEPS + 1, STREAMS_MAX = STEPS + 1, WIRE_MAX = 4096 };

/* What is on its way. */
struct on_wire {
    enum { WIRE_HAVE, WIRE_CHAT, WIRE_GAP, WIRE_ACK } kind;
    uint64_t epoch, number; /* CHAT; ACK, GAP: through */
    uint64_t from;          /* GAP */
    struct message_have have;
};

struct wire {
    struct on_wire *items[WIRE_MAX];
    size_t first, count;
};

/* What the receiver has on disk. */
struct disk {
    struct stream_row rows[STREAMS_MAX];
    uint32_t last_stream;
    uint32_t newest;                /* stream of the message that was shown last */
    uint64_t received[STREAMS_MAX]; /* by sender's stream: how many messages were shown */
};

struct world {
    struct random random;
    bool may_lose; /* the log is cut short, and the receiver restored */
    bool linked;
    struct wire to_receiver, to_sender;

    /* Sender: its log, and its streams as they are on disk. */
    struct outbox outbox;
    struct {
        uint32_t stream;
        uint64_t number;
    } log[LOG_MAX];
    uint64_t last_seq;
    struct stream_row out_rows[STREAMS_MAX]; /* by number; epoch 0: gone */
    uint32_t last_stream;
    bool has_have, told;

    /* Receiver: what it took, and how much of that is durable. */
    struct inbox inbox;
    struct disk disk, copy;
    uint32_t last_in_stream;
    struct on_wire *unstored[WIRE_MAX];
    size_t unstored_count;
    bool sent_have;
    bool fails; /* its disk: everything is dropped until HAVE */
};

static uint64_t epoch_of(uint32_t stream)
{
    return UINT64_C(0xabc0000000000000) + stream;
}

static void put_on(struct wire *wire, const struct on_wire *item)
{
    assert_true(wire->count < WIRE_MAX);
    wire->items[(wire->first + wire->count++) % WIRE_MAX] = xmemdup(item, sizeof *item);
}

static struct on_wire *take_off(struct wire *wire)
{
    struct on_wire *item = wire->items[wire->first];

    assert_true(wire->count > 0);
    wire->first = (wire->first + 1) % WIRE_MAX;
    wire->count--;
    return item;
}

static void cut(struct wire *wire)
{
    while (wire->count > 0)
        free(take_off(wire));
}

/* --- The sender --- */

static void progressed(struct world *w, const struct outbox_progress *progress)
{
    struct stream_row *row = &w->out_rows[progress->stream];

    assert_true(progress->acked > row->acked);
    assert_true(progress->acked - row->acked == progress->count);
    assert_true(w->log[progress->acked_seq].stream == progress->stream);
    assert_true(w->log[progress->acked_seq].number == progress->acked);
    row->acked = progress->acked;
    row->acked_seq = progress->acked_seq;
    row->queued -= progress->count;
    row->queued_bytes -= progress->queued_bytes;
}

static void say(struct world *w)
{
    if (w->outbox.current_epoch == 0) {
        const uint32_t stream = ++w->last_stream;
        w->out_rows[stream] = (struct stream_row){
            .stream = stream, .peer = 1, .direction = DIRECTION_OUT, .epoch = epoch_of(stream)};
        outbox_put(&w->outbox, &w->out_rows[stream]);
        w->outbox.current_epoch = epoch_of(stream);
    }
    struct stream_row *row = &w->out_rows[w->last_stream];
    w->log[++w->last_seq].stream = row->stream;
    w->log[w->last_seq].number = ++row->last;
    row->queued++;
    row->queued_bytes += 4;
    outbox_stored(&w->outbox, row->stream, row->last, w->last_seq, 1, "text", 4);
}

static void read_log(struct world *w)
{
    struct outbox_row rows[16];
    uint32_t stream;
    uint64_t seq;
    size_t rows_max, bytes_max, count = 0;
    bool end = true;
    struct outbox_progress progress;

    if (!outbox_wants_rows(&w->outbox, &stream, &seq, &rows_max, &bytes_max))
        return;
    while (end && ++seq <= w->last_seq) {
        if (w->log[seq].stream != stream)
            continue;
        end = count < 16;
        if (end)
            rows[count++] = (struct outbox_row){seq, w->log[seq].number, 1, "text", 4};
    }
    if (random_below(&w->random, 10) == 0)
        count = 0, end = false; /* the read failed */
    if (outbox_rows(&w->outbox, stream, rows, count, end, &progress))
        progressed(w, &progress);
}

static bool send_next(struct world *w)
{
    struct message_chat message;
    struct message_gap gap;
    struct on_wire item = {0};

    switch (outbox_next(&w->outbox, &message, &gap)) {
    case OUTBOX_NOTHING:
        return false;
    case OUTBOX_MESSAGE:
        item.kind = WIRE_CHAT;
        item.epoch = message.epoch;
        item.number = message.number;
        break;
    case OUTBOX_GAP:
        item.kind = WIRE_GAP;
        item.epoch = gap.epoch;
        item.from = gap.from;
        item.number = gap.through;
        break;
    }
    put_on(&w->to_receiver, &item);
    return true;
}

static void close_over(struct world *w)
{
    const struct stream_row *over;

    while ((over = outbox_over(&w->outbox)) != NULL) {
        w->out_rows[over->stream].epoch = 0;
        outbox_remove(&w->outbox, over->stream);
    }
}

static void send_some(struct world *w)
{
    for (uint32_t n = random_below(&w->random, 20); n > 0 && w->has_have && w->told; n--)
        if (!send_next(w))
            break;
    if (w->told && outbox_wants_listing(&w->outbox)) {
        close_over(w);
        w->told = false; /* HAVE again */
    }
}

/* Retention: what is old goes, but for what was not delivered. */
static void trim(struct world *w)
{
    const uint64_t through = w->last_seq > 0 ? random_below(&w->random, (uint32_t)w->last_seq) : 0;

    for (uint64_t seq = 1; seq <= through; seq++)
        if (w->log[seq].number <= w->out_rows[w->log[seq].stream].acked)
            w->log[seq].stream = 0;
}

static void sender_gets(struct world *w, const struct on_wire *item)
{
    struct outbox_progress progress;
    enum error error = OK;

    if (item->kind == WIRE_HAVE) {
        w->has_have = true;
        assert_false(outbox_resume(&w->outbox, &item->have, CREDIT_FIRST_BYTES));
        close_over(w);
        return;
    }
    assert_int_equal(item->kind, WIRE_ACK);
    const struct message_ack ack = {item->epoch, item->number, OUTBOX_WINDOW_BYTES};
    if (outbox_acknowledged(&w->outbox, &ack, &progress, &error))
        progressed(w, &progress);
    assert_int_equal(error, OK);
}

/* --- The receiver --- */

static void say_have(struct world *w)
{
    struct on_wire item = {.kind = WIRE_HAVE};

    inbox_list_have(&w->inbox, &item.have);
    inbox_give_credit(&w->inbox, CREDIT_FIRST_BYTES);
    put_on(&w->to_sender, &item);
    w->sent_have = true;
}

static void receiver_gets(struct world *w, struct on_wire *item)
{
    const bool is_gap = item->kind == WIRE_GAP;

    if (item->kind == WIRE_HAVE) { /* which of theirs are live */
        const struct stream_row *dead;
        while ((dead = inbox_dead(&w->inbox, &item->have)) != NULL) {
            w->disk.rows[dead->stream].epoch = 0;
            inbox_remove(&w->inbox, dead->stream);
        }
        free(item);
        return;
    }
    if (w->fails) {
        free(item);
        return;
    }
    const struct stream_row *known = inbox_epoch(&w->inbox, item->epoch);
    struct stream_row row = {.stream = ++w->last_in_stream, .epoch = item->epoch};
    switch (
        inbox_judge(&w->inbox, item->epoch, is_gap ? item->from : item->number, is_gap ? 0 : 4)) {
    case INBOX_TAKE:
        row = *known;
        /* fall through */
    case INBOX_TAKE_FIRST:
        row.last = item->number;
        inbox_put(&w->inbox, &row);
        inbox_pending(&w->inbox, is_gap ? 0 : 4);
        w->unstored[w->unstored_count++] = item;
        return;
    case INBOX_TELL:
        if (w->unstored_count == 0)
            say_have(w);
        break;
    case INBOX_DROP:
        break;
    case INBOX_REFUSE:
        fail_msg("the sender sent more than the window");
    }
    free(item);
}

/* Whether the sender still has any of these. */
static bool is_in_log(const struct world *w, uint32_t stream, uint64_t from, uint64_t through)
{
    for (uint64_t seq = 1; seq <= w->last_seq; seq++)
        if (w->log[seq].stream == stream && w->log[seq].number >= from &&
            w->log[seq].number <= through)
            return true;
    return false;
}

static void show(struct world *w, const struct on_wire *item)
{
    const uint32_t stream = (uint32_t)(item->epoch - epoch_of(0));
    const uint64_t first = item->kind == WIRE_GAP ? item->from : item->number;

    assert_int_equal(first, w->disk.received[stream] + 1); /* once, and in order */
    assert_true(stream >= w->disk.newest);                 /* also of epochs */
    if (item->kind == WIRE_GAP)
        assert_false(is_in_log(w, stream, first, item->number));
    w->disk.newest = stream;
    w->disk.received[stream] = item->number;
}

static void acknowledge(struct world *w, const struct on_wire *item)
{
    inbox_give_credit(&w->inbox, OUTBOX_WINDOW_BYTES);
    put_on(&w->to_sender,
           &(struct on_wire){.kind = WIRE_ACK, .epoch = item->epoch, .number = item->number});
}

/* The disk has everything taken so far: it is shown, and acknowledged. */
static void commit(struct world *w)
{
    for (size_t i = 0; i < w->unstored_count; i++) {
        const struct on_wire *item = w->unstored[i];
        show(w, item);
        inbox_settled(&w->inbox, item->kind == WIRE_GAP ? 0 : 4);
        const struct stream_row *row = inbox_epoch(&w->inbox, item->epoch);
        if (row != NULL) {
            w->disk.rows[row->stream] = *row;
            w->disk.rows[row->stream].last = item->number;
            w->disk.last_stream = w->last_in_stream;
        }
        if (w->linked && w->sent_have)
            acknowledge(w, item);
        free(w->unstored[i]);
    }
    w->unstored_count = 0;
}

static void disk_fails(struct world *w, bool fails)
{
    if (w->fails && !fails && w->linked)
        say_have(w);
    w->fails = fails;
}

/* --- Life --- */

static void disconnect(struct world *w)
{
    cut(&w->to_receiver);
    cut(&w->to_sender);
    outbox_close(&w->outbox);
    inbox_close(&w->inbox);
    w->has_have = w->told = w->sent_have = w->linked = false;
}

/* The sender's HAVE: which of its epochs are live. */
static void tell_live(struct world *w)
{
    struct on_wire live = {.kind = WIRE_HAVE};

    if (!w->linked || w->told)
        return;
    outbox_list_live(&w->outbox, &live.have);
    put_on(&w->to_receiver, &live);
    w->told = true;
}

static void connect(struct world *w)
{
    commit(w); /* HAVE waits for what is on its way to the disk */
    w->linked = true;
    say_have(w);
}

static void restart_sender(struct world *w)
{
    disconnect(w);
    outbox_done(&w->outbox);
    for (uint32_t stream = 1; stream <= w->last_stream; stream++)
        if (w->out_rows[stream].epoch != 0)
            outbox_put(&w->outbox, &w->out_rows[stream]);
}

static void restart_receiver(struct world *w)
{
    disconnect(w);
    for (size_t i = 0; i < w->unstored_count; i++)
        free(w->unstored[i]);
    w->unstored_count = 0;
    inbox_done(&w->inbox);
    w->last_in_stream = w->disk.last_stream;
    for (uint32_t stream = 1; stream <= w->last_in_stream; stream++)
        if (w->disk.rows[stream].epoch != 0)
            inbox_put(&w->inbox, &w->disk.rows[stream]);
}

/* From a copy that was made a while ago; another is made for the next time. */
static void restore_receiver(struct world *w)
{
    struct disk *now = xmemdup(&w->disk, sizeof w->disk);

    if (random_below(&w->random, 2) == 0) {
        w->disk = w->copy;
        restart_receiver(w);
    }
    w->copy = *now;
    free(now);
}

static void deliver_some(struct world *w)
{
    for (uint32_t n = random_below(&w->random, 10); n > 0 && w->to_receiver.count > 0; n--)
        receiver_gets(w, take_off(&w->to_receiver));
    for (uint32_t n = random_below(&w->random, 10); n > 0 && w->to_sender.count > 0; n--) {
        struct on_wire *item = take_off(&w->to_sender);
        sender_gets(w, item);
        free(item);
    }
}

static void step(struct world *w)
{
    switch (random_below(&w->random, 64)) {
    case 0:
        disconnect(w);
        break;
    case 1:
        if (random_below(&w->random, 3) == 0)
            restart_sender(w);
        break;
    case 2:
        if (random_below(&w->random, 3) == 0)
            restart_receiver(w);
        break;
    case 3:
    case 4:
    case 5:
        if (!w->linked)
            connect(w);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        commit(w);
        break;
    case 10:
        disk_fails(w, random_below(&w->random, 2) == 0);
        break;
    case 12:
        if (w->may_lose && random_below(&w->random, 3) == 0)
            trim(w);
        break;
    case 13:
        if (w->may_lose && random_below(&w->random, 8) == 0)
            restore_receiver(w);
        break;
    case 11:
        for (uint32_t n = random_below(&w->random, 40); n > 0 && w->last_seq + 1 < LOG_MAX; n--)
            say(w);
        deliver_some(w);
        break;
    default:
        tell_live(w);
        read_log(w);
        send_some(w);
        deliver_some(w);
    }
}

/* But for what was closed before the receiver was restored. */
static bool is_all_there(const struct world *w)
{
    for (uint32_t stream = 1; stream <= w->last_stream; stream++)
        if ((!w->may_lose || w->out_rows[stream].epoch != 0) &&
            w->disk.received[stream] != w->out_rows[stream].last)
            return false;
    return outbox_queued(&w->outbox) == 0;
}

static void run(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->may_lose = seed % 2 == 0;
    w->random = seeded(&seed);
    for (uint32_t i = 0; i < STEPS; i++)
        step(w);
    disk_fails(w, false);
    disconnect(w);
    connect(w);
    for (uint32_t i = 0; i < 20 * STEPS && !is_all_there(w); i++) {
        tell_live(w);
        read_log(w);
        send_some(w);
        deliver_some(w);
        commit(w);
    }
    assert_true(is_all_there(w));
    restart_receiver(w);
    outbox_done(&w->outbox);
    inbox_done(&w->inbox);
    free(w);
}

static void every_message_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
