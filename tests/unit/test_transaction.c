#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/transaction.h"

static struct peer_row full_peer(void)
{
    struct peer_row peer = {
        .peer = 7,
        .alias = xstrdup("alice"),
        .name = xstrdup("Alice"),
        .address = xstrdup("192.0.2.1:28470"),
        .record = xmemdup("\0\1\2", 3),
        .record_length = 3,
        .consent = CONSENT_MUTUAL,
        .verified = true,
        .last_seen_ms = 1700000000000,
    };

    memset(peer.key, 0xab, sizeof(peer.key));
    memset(peer.consent_id, 0xcd, sizeof(peer.consent_id));
    return peer;
}

static struct request_row full_request(void)
{
    return (struct request_row){
        .request = 3,
        .id = {1, 2, 3},
        .peer = 7,
        .direction = DIRECTION_OUT,
        .greeting = xstrdup("hello"),
        .address = xstrdup("[2001:db8::1]:28470"),
        .left_ms = 600000,
        .state = REQUEST_REFUSED,
    };
}

static void test_new_is_empty(void **state)
{
    (void)state;
    struct transaction *t = transaction_new(UINT64_MAX);

    assert_true(t->ticket == UINT64_MAX);
    assert_false(t->lazy);
    assert_int_equal(t->count, 0);
    assert_null(t->next);
    transaction_free(t);
    transaction_free(NULL);
}

static void test_bytes(void **state)
{
    (void)state;
    struct transaction *t = transaction_new(1);
    const size_t empty = transaction_bytes(t);

    assert_in_range(empty, sizeof(*t), 2 * sizeof(*t));
    for (int i = 0; i < 100; i++) {
        struct change *change = transaction_add(t, CHANGE_LOG);

        change->log.body = xstrdup("hello");
        change->log.body_length = 5;
    }
    assert_in_range(transaction_bytes(t), 100 * (sizeof(struct change) + 5),
                    empty + 300 * (sizeof(struct change) + 5));
    transaction_free(t);
}

static void test_changes_are_zeroed_and_kept(void **state)
{
    (void)state;
    struct transaction *t = transaction_new(1);
    struct change zero;

    memset(&zero, 0, sizeof(zero));
    zero.kind = CHANGE_META;
    for (uint64_t i = 0; i < 100; i++) {
        struct change *change = transaction_add(t, CHANGE_META);

        assert_memory_equal(change, &zero, sizeof(zero));
        change->meta.name = META_RECORD_SEQUENCE;
        change->meta.value = i;
    }
    assert_int_equal(t->count, 100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(t->changes[i].kind, CHANGE_META);
        assert_true(t->changes[i].meta.value == i);
    }
    transaction_free(t);
}

/* A leak or a free too many would be the sanitizer's to tell. */
static void test_free_takes_every_kind(void **state)
{
    (void)state;
    struct transaction *t = transaction_new(1);
    struct change *change = transaction_add(t, CHANGE_LOG);

    change->log.key = xstrdup("key");
    change->log.body = xstrdup("text");
    change->log.body_length = 4;
    transaction_add(t, CHANGE_LOG);
    transaction_add(t, CHANGE_PEER)->peer = full_peer();
    transaction_add(t, CHANGE_PEER);
    transaction_add(t, CHANGE_PEER_GONE)->peer.peer = 7;
    transaction_add(t, CHANGE_STREAM_IN)->stream.stream = 1;
    transaction_add(t, CHANGE_STREAM_OUT)->stream.stream = 2;
    transaction_add(t, CHANGE_STREAM_GONE)->stream.stream = 2;
    transaction_add(t, CHANGE_REQUEST)->request = full_request();
    transaction_add(t, CHANGE_REQUEST_GONE)->request.request = 3;
    transaction_add(t, CHANGE_META);
    transaction_free(t);
}

static void test_peer_copy_is_deep(void **state)
{
    (void)state;
    struct peer_row peer = full_peer(), copy;

    peer_row_copy(&copy, &peer);
    assert_ptr_not_equal(copy.alias, peer.alias);
    assert_ptr_not_equal(copy.record, peer.record);
    peer_row_done(&peer);

    assert_int_equal(copy.peer, 7);
    assert_int_equal(copy.key[KEY_LENGTH - 1], 0xab);
    assert_string_equal(copy.alias, "alice");
    assert_string_equal(copy.name, "Alice");
    assert_string_equal(copy.address, "192.0.2.1:28470");
    assert_int_equal(copy.record_length, 3);
    assert_memory_equal(copy.record, "\0\1\2", 3);
    assert_int_equal(copy.consent, CONSENT_MUTUAL);
    assert_int_equal(copy.consent_id[CONSENT_ID_LENGTH - 1], 0xcd);
    assert_true(copy.verified);
    assert_false(copy.blocked);
    assert_true(copy.last_seen_ms == 1700000000000);
    peer_row_done(&copy);
}

static void test_request_copy_is_deep(void **state)
{
    (void)state;
    struct request_row request = full_request(), copy;

    request_row_copy(&copy, &request);
    assert_ptr_not_equal(copy.greeting, request.greeting);
    request_row_done(&request);

    assert_int_equal(copy.request, 3);
    assert_int_equal(copy.id[2], 3);
    assert_int_equal(copy.peer, 7);
    assert_int_equal(copy.direction, DIRECTION_OUT);
    assert_string_equal(copy.greeting, "hello");
    assert_string_equal(copy.address, "[2001:db8::1]:28470");
    assert_true(copy.left_ms == 600000);
    assert_int_equal(copy.state, REQUEST_REFUSED);
    request_row_done(&copy);
}

static void test_copy_of_what_is_not_there(void **state)
{
    (void)state;
    const struct peer_row peer = {.peer = 1};
    const struct request_row request = {.request = 1};
    struct peer_row peer_copy;
    struct request_row request_copy;

    peer_row_copy(&peer_copy, &peer);
    assert_null(peer_copy.alias);
    assert_null(peer_copy.name);
    assert_null(peer_copy.address);
    assert_null(peer_copy.record);
    peer_row_done(&peer_copy);

    request_row_copy(&request_copy, &request);
    assert_null(request_copy.greeting);
    assert_null(request_copy.address);
    request_row_done(&request_copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_is_empty),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_changes_are_zeroed_and_kept),
        cmocka_unit_test(test_free_takes_every_kind),
        cmocka_unit_test(test_peer_copy_is_deep),
        cmocka_unit_test(test_request_copy_is_deep),
        cmocka_unit_test(test_copy_of_what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
