/* The receiver's end of a stream: strictly in turn, out of turn told once, bounded. */
#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/chat/inbox.h"
#include "daemon/core/limits.h"

static enum inbox_verdict judge(struct inbox *inbox, uint64_t epoch, uint64_t number)
{
    return inbox_judge(inbox, epoch, number, 5);
}

static void put(struct inbox *inbox, uint32_t stream, uint64_t epoch, uint64_t last)
{
    const struct stream_row row = {
        .stream = stream, .peer = 1, .direction = DIRECTION_IN, .epoch = epoch, .last = last};

    inbox_put(inbox, &row);
}

static void strictly_in_turn(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    assert_int_equal(judge(&inbox, 0xa, 1), INBOX_TAKE_FIRST);
    put(&inbox, 1, 0xa, 1);
    assert_int_equal(judge(&inbox, 0xa, 2), INBOX_TAKE);
    put(&inbox, 1, 0xa, 2);
    assert_int_equal(inbox.count, 1);
    assert_int_equal(judge(&inbox, 0xa, 3), INBOX_TAKE);
    inbox_done(&inbox);
}

/* What is out of turn leads to one HAVE, however much of it comes. */
static void out_of_turn_is_told_once(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    put(&inbox, 1, 0xa, 7);
    assert_int_equal(judge(&inbox, 0xa, 7), INBOX_TELL); /* again */
    assert_int_equal(judge(&inbox, 0xa, 9), INBOX_DROP); /* a gap */
    assert_int_equal(judge(&inbox, 0xa, 0), INBOX_DROP);
    assert_int_equal(judge(&inbox, 0xb, 2), INBOX_DROP); /* an epoch that begins in its middle */
    assert_int_equal(judge(&inbox, 0xa, 8), INBOX_TAKE);
    put(&inbox, 1, 0xa, 8);
    assert_int_equal(judge(&inbox, 0xb, 2), INBOX_TELL);
    inbox_done(&inbox);
}

/* The longest number has no next. */
static void numbers_end(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    put(&inbox, 1, 0xa, UINT64_MAX - 1);
    assert_int_equal(judge(&inbox, 0xa, UINT64_MAX), INBOX_TAKE);
    inbox_done(&inbox);
}

static void epochs_of_one_peer_are_apart(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    put(&inbox, 1, 0xa, 7);
    put(&inbox, 2, 0xb, 1);
    assert_int_equal(judge(&inbox, 0xb, 2), INBOX_TAKE);
    assert_int_equal(judge(&inbox, 0xa, 8), INBOX_TAKE);
    assert_int_equal(inbox_stream(&inbox, 2)->epoch, 0xb);
    assert_int_equal(inbox_epoch(&inbox, 0xa)->stream, 1);
    assert_null(inbox_stream(&inbox, 3));
    assert_null(inbox_epoch(&inbox, 0xc));
    inbox_remove(&inbox, 1);
    inbox_remove(&inbox, 1);
    assert_null(inbox_epoch(&inbox, 0xa));
    assert_int_equal(inbox_epoch(&inbox, 0xb)->last, 1);
    inbox_remove(&inbox, 2);
    assert_int_equal(inbox.count, 0);
    inbox_done(&inbox);
}

static void have_says_all_of_it(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    struct message_have have = {0};
    (void)state;

    put(&inbox, 1, 0xa, 7);
    put(&inbox, 2, 0xb, 1);
    inbox_list_have(&inbox, &have);
    assert_int_equal(have.have_count, 2);
    assert_int_equal(have.have[0].epoch, 0xa);
    assert_int_equal(have.have[0].number, 7);
    assert_int_equal(have.have[1].epoch, 0xb);
    assert_int_equal(have.have[1].number, 1);
    inbox_done(&inbox);
}

/* The oldest go; the newest few are remembered, for copies of a database that take turns. */
static void dead_epochs_are_found(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    struct message_have have = {.live_count = 1, .live = {2}};
    (void)state;

    for (uint32_t i = 1; i <= INBOX_DORMANT_MAX + 3; i++)
        put(&inbox, i, i, 7);
    assert_int_equal(inbox_dead(&inbox, &have)->epoch, 1);
    inbox_remove(&inbox, 1);
    assert_int_equal(inbox_dead(&inbox, &have)->epoch, 3);
    inbox_remove(&inbox, 3);
    assert_null(inbox_dead(&inbox, &have));
    inbox_done(&inbox);
}

static void window_of_messages(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    put(&inbox, 1, 0xa, 0);
    for (uint64_t number = 1; number <= OUTBOX_WINDOW_MESSAGES; number++) {
        assert_int_equal(judge(&inbox, 0xa, number), INBOX_TAKE);
        put(&inbox, 1, 0xa, number);
        inbox_pending(&inbox, 5);
    }
    assert_int_equal(judge(&inbox, 0xa, OUTBOX_WINDOW_MESSAGES + 1), INBOX_REFUSE);
    inbox_settled(&inbox, 5);
    assert_int_equal(judge(&inbox, 0xa, OUTBOX_WINDOW_MESSAGES + 1), INBOX_TAKE);
    inbox_done(&inbox);
}

/* All the credit may be used, and not a byte more. */
static void credit_is_a_bound(void **state)
{
    struct inbox inbox = {0};
    (void)state;

    assert_int_equal(inbox_judge(&inbox, 0xa, 1, 1), INBOX_REFUSE);
    inbox_give_credit(&inbox, 10);
    assert_int_equal(inbox_judge(&inbox, 0xa, 1, 11), INBOX_REFUSE);
    assert_int_equal(inbox_judge(&inbox, 0xa, 1, 10), INBOX_TAKE_FIRST);
    put(&inbox, 1, 0xa, 1);
    inbox_pending(&inbox, 7);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 4), INBOX_REFUSE);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 3), INBOX_TAKE);
    inbox_pending(&inbox, 3);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 1), INBOX_REFUSE);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 0), INBOX_TAKE); /* a gap */
    inbox_settled(&inbox, 7);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 1), INBOX_REFUSE); /* they do not know of it yet */
    inbox_give_credit(&inbox, 10);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 8), INBOX_REFUSE);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 7), INBOX_TAKE);
    inbox_give_credit(&inbox,
                      0); /* less than before: what they have been given may be on its way */
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 7), INBOX_TAKE);
    inbox_close(&inbox);
    assert_int_equal(inbox_judge(&inbox, 0xa, 2, 1), INBOX_REFUSE);
    inbox_done(&inbox);
}

static void so_many_epochs(void **state)
{
    struct inbox inbox = {.allowed_bytes = OUTBOX_WINDOW_BYTES};
    (void)state;

    for (uint32_t stream = 1; stream <= MESSAGE_EPOCHS_MAX; stream++) {
        assert_int_equal(judge(&inbox, stream, 1), INBOX_TAKE_FIRST);
        put(&inbox, stream, stream, 1);
    }
    assert_int_equal(judge(&inbox, 0xffff, 1), INBOX_REFUSE);
    assert_int_equal(judge(&inbox, MESSAGE_EPOCHS_MAX, 2), INBOX_TAKE);
    inbox_done(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strictly_in_turn),    cmocka_unit_test(out_of_turn_is_told_once),
        cmocka_unit_test(numbers_end),         cmocka_unit_test(epochs_of_one_peer_are_apart),
        cmocka_unit_test(have_says_all_of_it), cmocka_unit_test(dead_epochs_are_found),
        cmocka_unit_test(window_of_messages),  cmocka_unit_test(credit_is_a_bound),
        cmocka_unit_test(so_many_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
