/* Open and answered requests: found by number, id and peer; the oldest stranger's first. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "daemon/core/chat/request.h"

struct rig {
    struct requests requests;
    struct timers timers;
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct rig));
    return *state == NULL;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    requests_done(&rig->requests, &rig->timers);
    assert_int_equal(rig->requests.count, 0);
    assert_int_equal(rig->timers.count, 0);
    timers_done(&rig->timers);
    free(rig);
    return 0;
}

static struct request *put(struct rig *rig, uint32_t number, uint32_t peer,
                           enum direction direction, const char *address)
{
    struct request_row row = {.request = number,
                              .id = {(uint8_t)number},
                              .peer = peer,
                              .direction = direction,
                              .greeting = (char *)"hello",
                              .address = (char *)address};

    return requests_put(&rig->requests, &row);
}

static void found_by_everything(void **state)
{
    struct rig *rig = *state;
    struct request *first = put(rig, 1, 10, DIRECTION_IN, "192.0.2.1:28470");
    struct request *second = put(rig, 2, 10, DIRECTION_OUT, NULL);
    const uint8_t id[CONSENT_ID_LENGTH] = {2};

    assert_ptr_equal(requests_by_number(&rig->requests, 1), first);
    assert_null(requests_by_number(&rig->requests, 3));
    assert_ptr_equal(requests_by_id(&rig->requests, 10, DIRECTION_OUT, id), second);
    assert_null(requests_by_id(&rig->requests, 10, DIRECTION_IN, id));  /* the other direction */
    assert_null(requests_by_id(&rig->requests, 11, DIRECTION_OUT, id)); /* another peer */
    assert_ptr_equal(requests_pending(&rig->requests, 10, DIRECTION_IN), first);
    first->row.state = REQUEST_REFUSED;
    assert_null(requests_pending(&rig->requests, 10, DIRECTION_IN));
    assert_string_equal(first->row.greeting, "hello");
}

/* A row put again is the same request; its texts are copies. */
static void put_again(void **state)
{
    struct rig *rig = *state;
    struct request *request = put(rig, 7, 10, DIRECTION_IN, "192.0.2.1:28470");
    struct request_row row = request->row; /* borrows what is about to be replaced */

    row.state = REQUEST_ACCEPTED;
    assert_ptr_equal(requests_put(&rig->requests, &row), request);
    assert_int_equal(rig->requests.count, 1);
    assert_int_equal(request->row.state, REQUEST_ACCEPTED);
    assert_string_equal(request->row.address, "192.0.2.1:28470");
    assert_int_equal(rig->requests.last_request, 7);
}

static void removed_with_its_timer(void **state)
{
    struct rig *rig = *state;
    struct request *request = put(rig, 1, 10, DIRECTION_IN, NULL);

    put(rig, 2, 11, DIRECTION_IN, NULL);
    timers_set(&rig->timers, &request->timer, (struct mono){5});
    requests_remove(&rig->requests, &rig->timers, request);
    assert_int_equal(rig->requests.count, 1);
    assert_int_equal(timers_deadline(&rig->timers).ms, MONO_NEVER.ms);
    assert_int_equal(rig->requests.last_request, 2); /* numbers are not used again */
}

static void waiting_by_block_oldest_first(void **state)
{
    struct rig *rig = *state;
    struct request *oldest;
    const uint64_t block = address_block("192.0.2.1");

    put(rig, 3, 13, DIRECTION_IN, "192.0.2.1:3");
    struct request *first = put(rig, 1, 11, DIRECTION_IN, "198.51.100.7:1"); /* not in order */
    struct request *answered = put(rig, 2, 12, DIRECTION_IN, "192.0.2.1:2");
    put(rig, 4, 14, DIRECTION_OUT, "192.0.2.1:4");

    answered->row.state = REQUEST_EXPIRED;
    assert_int_equal(requests_waiting(&rig->requests, 0, false, &oldest), 2);
    assert_ptr_equal(oldest, first);
    assert_int_equal(requests_waiting(&rig->requests, block, false, &oldest), 1);
    assert_int_equal(oldest->row.request, 3);
    assert_int_equal(requests_waiting(&rig->requests, address_block("203.0.113.1"), false, &oldest),
                     0);
    assert_null(oldest);
}

static void numbers_as_people_write_them(void **state)
{
    (void)state;
    assert_int_equal(request_number("r1"), 1);
    assert_int_equal(request_number("r4294967295"), UINT32_MAX);
    for (const char *const *text =
             (const char *const[]){"", "r", "1", "r0", "r01", "r-1", "r1 ", "R1", "r4294967296",
                                   "r99999999999", "r111111111111111111111", "rr1", NULL};
         *text != NULL; text++)
        assert_int_equal(request_number(*text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(put_again, setup, teardown),
        cmocka_unit_test_setup_teardown(removed_with_its_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_by_block_oldest_first, setup, teardown),
        cmocka_unit_test(numbers_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
