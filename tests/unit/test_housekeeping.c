/* What is done once a minute, and how often of those times. The minutes are the test's. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>

#include "daemon/control.h"
#include "daemon/housekeeping.h"
#include "daemon/limits.h"

static struct {
    struct pump pump;
    struct now now;
    struct housekeeping *housekeeping;
    size_t saves, expiries;
    uint64_t saved_mono_ms;   /* by the last save */
    uint64_t consumer_ms_max; /* asked for by the last expiry */

    size_t trims, floors;
    size_t claim_trims;
    uint64_t claim_trim_id;
    uint64_t trim_id, trim_after; /* of the last slice */
    struct retention keep;
} rig;

/* --- What is replaced --- */

struct now pump_now(struct pump *pump)
{
    assert_ptr_equal(pump, &rig.pump);
    return rig.now;
}

void store_save_age(struct store *store, uint64_t id, struct now now)
{
    (void)store;
    assert_true((id & PUMP_QUESTION_OF_CONTROL) == 0);
    rig.saves++;
    rig.saved_mono_ms = now.mono.ms;
}

void store_trim(struct store *store, uint64_t id, const struct retention *keep, uint64_t after_seq,
                struct mono now)
{
    (void)store;
    assert_int_equal(now.ms, rig.now.mono.ms);
    rig.trims++;
    rig.trim_id = id;
    rig.trim_after = after_seq;
    rig.keep = *keep;
}

void store_trim_claims(struct store *store, uint64_t id, struct mono now)
{
    (void)store;
    assert_int_equal(now.ms, rig.now.mono.ms);
    rig.claim_trims++;
    rig.claim_trim_id = id;
}

void control_floor(struct control *control)
{
    (void)control;
    rig.floors++;
}

void control_expire(struct control *control, uint64_t consumer_ms_max)
{
    (void)control;
    rig.expiries++;
    rig.consumer_ms_max = consumer_ms_max;
}

/* --- The rig --- */

static int set_up_with(const struct config *config)
{
    memset(&rig, 0, sizeof(rig));
    rig.now.mono.ms = 5000;
    rig.pump.base = event_base_new();
    rig.housekeeping = housekeeping_new(&rig.pump, config);
    return 0;
}

static int set_up(void **state)
{
    const struct config config = {.consumer_days = 30};

    (void)state;
    return set_up_with(&config);
}

static int set_up_retention(void **state)
{
    const struct config config = {.retain_days = 3, .retain_bytes = 1000};

    (void)state;
    return set_up_with(&config);
}

static int tear_down(void **state)
{
    (void)state;
    housekeeping_free(rig.housekeeping);
    housekeeping_free(NULL);
    event_base_free(rig.pump.base);
    return 0;
}

static int ring(const struct event_base *base, const struct event *timer, void *context)
{
    (void)base;
    (void)context;
    event_active((struct event *)(uintptr_t)timer, EV_TIMEOUT, 0);
    return 0;
}

static void let_a_minute_pass(void)
{
    rig.now.mono.ms += HOUSEKEEPING_PERIOD_MS;
    event_base_foreach_event(rig.pump.base, ring, NULL);
    event_base_loop(rig.pump.base, EVLOOP_NONBLOCK);
}

static void answer_save(enum error error)
{
    const struct store_answer answer = {.kind = STORE_KEPT, .error = error};

    housekeeping_kept(rig.housekeeping, &answer);
}

static void answer_trim(enum error error, uint64_t floor, uint64_t through, bool end)
{
    const struct store_answer answer = {.kind = STORE_KEPT,
                                        .id = rig.trim_id,
                                        .error = error,
                                        .floor = floor,
                                        .scanned_through = through,
                                        .end = end};

    housekeeping_kept(rig.housekeeping, &answer);
}

static void answer_trim_claims(enum error error, bool end)
{
    const struct store_answer answer = {
        .kind = STORE_KEPT, .id = rig.claim_trim_id, .error = error, .end = end};

    housekeeping_kept(rig.housekeeping, &answer);
}

/* --- Tests --- */

/* Some at a time, until those were all; then a minute later. */
static void test_names_that_are_over(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    assert_int_equal(rig.claim_trims, 1);
    let_a_minute_pass(); /* not answered yet */
    assert_int_equal(rig.claim_trims, 1);
    answer_trim_claims(OK, false);
    assert_int_equal(rig.claim_trims, 2);
    answer_trim_claims(OK, true);
    assert_int_equal(rig.claim_trims, 2);
    let_a_minute_pass();
    assert_int_equal(rig.claim_trims, 3);
    answer_trim_claims(ERR_STORAGE_FULL, false); /* not at once again */
    assert_int_equal(rig.claim_trims, 3);
    let_a_minute_pass();
    assert_int_equal(rig.claim_trims, 4);
    rig.pump.is_stopping = true;
    answer_trim_claims(OK, false);
    assert_int_equal(rig.claim_trims, 4);
    assert_int_equal(rig.saves, 1); /* which was not mistaken for the others */
    answer_save(OK);
}

static void test_the_first_time_is_the_start(void **state)
{
    (void)state;
    assert_int_equal(rig.saves + rig.expiries, 0);
    housekeeping_start(rig.housekeeping);
    assert_int_equal(rig.saves, 1);
    assert_int_equal(rig.expiries, 1);
    assert_true(rig.consumer_ms_max == UINT64_C(30) * 24 * 3600 * 1000);
    let_a_minute_pass();
    assert_int_equal(rig.expiries, 2);
}

static void test_the_clock_is_saved_once_an_hour(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    answer_save(OK);
    for (int minute = 1; minute < 60; minute++)
        let_a_minute_pass();
    assert_int_equal(rig.saves, 1);
    let_a_minute_pass();
    assert_int_equal(rig.saves, 2);
    assert_int_equal(rig.saved_mono_ms, rig.now.mono.ms);
    let_a_minute_pass(); /* the disk is slow: one is under way */
    assert_int_equal(rig.saves, 2);
    answer_save(ERR_STORAGE_FAILED);
    let_a_minute_pass();
    assert_int_equal(rig.saves, 3);
}

static void test_everything_is_kept(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 0);
}

/* Slice after slice; once through the log, and again a minute later. */
static void test_retention(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    assert_int_equal(rig.trims, 1);
    assert_int_equal(rig.trim_after, 0);
    assert_true(rig.keep.age_ms == UINT64_C(3) * 24 * 3600 * 1000 && rig.keep.bytes == 1000);
    let_a_minute_pass(); /* the writer is busy: one is under way */
    assert_int_equal(rig.trims, 1);
    answer_trim(OK, 500, 600, false);
    assert_int_equal(rig.floors, 1);
    assert_int_equal(rig.trims, 2);
    assert_int_equal(rig.trim_after, 600);
    answer_trim(OK, 0, 700, false);
    assert_int_equal(rig.trims, 3);
    answer_trim(OK, 0, 800, true);
    assert_int_equal(rig.floors, 1);
    assert_int_equal(rig.trims, 3);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 4);
    assert_int_equal(rig.trim_after, 0);
    assert_int_equal(rig.saves, 1); /* its answers are not taken for others */
}

/* A log of which nothing may go is not looked through every minute. */
static void test_retention_rests(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    answer_trim(OK, 0, 700, true);
    for (int minute = 1; minute < RETAIN_REST_MS / HOUSEKEEPING_PERIOD_MS; minute++)
        let_a_minute_pass();
    assert_int_equal(rig.trims, 1);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 2);
}

/* One that is neither too large nor too old is asked again every minute: no row is looked at. */
static void test_retention_looks_every_minute(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    for (size_t minute = 1; minute < 5; minute++) {
        answer_trim(OK, 0, 0, true);
        assert_int_equal(rig.trims, minute);
        let_a_minute_pass();
        assert_int_equal(rig.trims, minute + 1);
    }
}

static void test_retention_fails(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    answer_trim(ERR_STORAGE_FULL, 0, 600, false);
    assert_int_equal(rig.trims, 1);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 2);
    answer_trim(OK, 500, 600, false);
    assert_int_equal(rig.trims, 3);
    rig.pump.is_stopping = true;
    answer_trim(OK, 1100, 1100, false);
    assert_int_equal(rig.trims, 3);
}

static void test_another_configuration(void **state)
{
    const struct config config = {.consumer_days = 7, .retain_days = 1};

    (void)state;
    housekeeping_start(rig.housekeeping);
    assert_int_equal(rig.trims, 0);
    housekeeping_configure(rig.housekeeping, &config);
    assert_true(rig.consumer_ms_max == UINT64_C(7) * 24 * 3600 * 1000);
    assert_int_equal(rig.trims, 1);
    assert_true(rig.keep.age_ms == UINT64_C(24) * 3600 * 1000 && rig.keep.bytes == 0);
}

/* It does not wait until a log is looked through again of which nothing was to go. */
static void test_other_bounds_while_it_rests(void **state)
{
    const struct config config = {.retain_bytes = 500};

    (void)state;
    housekeeping_start(rig.housekeeping);
    answer_trim(OK, 0, 700, true);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 1);
    housekeeping_configure(rig.housekeeping, &config);
    assert_int_equal(rig.trims, 2);
    assert_true(rig.keep.age_ms == 0 && rig.keep.bytes == 500);
}

/* What was looked at by the old ones is looked at again a minute later. */
static void test_other_bounds_half_way(void **state)
{
    const struct config config = {.retain_bytes = 500};

    (void)state;
    housekeeping_start(rig.housekeeping);
    housekeeping_configure(rig.housekeeping, &config);
    assert_int_equal(rig.trims, 1);
    answer_trim(OK, 0, 700, true);
    let_a_minute_pass();
    assert_int_equal(rig.trims, 2);
    assert_int_equal(rig.trim_after, 0);
}

static void test_the_end(void **state)
{
    (void)state;
    housekeeping_start(rig.housekeeping);
    answer_save(OK);
    housekeeping_stop(rig.housekeeping);
    assert_int_equal(rig.saves, 2);
    answer_save(ERR_STORAGE_FAILED);
    rig.pump.is_stopping = true;
    let_a_minute_pass();
    assert_int_equal(rig.saves, 2);
    assert_int_equal(rig.expiries, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_time_is_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_clock_is_saved_once_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_everything_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retention, set_up_retention, tear_down),
        cmocka_unit_test_setup_teardown(test_retention_rests, set_up_retention, tear_down),
        cmocka_unit_test_setup_teardown(test_retention_looks_every_minute, set_up_retention,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_retention_fails, set_up_retention, tear_down),
        cmocka_unit_test_setup_teardown(test_another_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_bounds_while_it_rests, set_up_retention,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_other_bounds_half_way, set_up_retention, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_are_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
