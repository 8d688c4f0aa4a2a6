/* Calls that wait for trackers while others change what they wait for. */
#include "tests/unit/member_rig.h"
#include "tests/unit/unit.h"

#define SECOND "192.0.2.2:28471"

/* Who is left while somebody waits to be registered there has not registered anybody. */
static void test_left_while_it_is_waited_for(void **state)
{
    (void)state;
    struct member_rig rig;

    member_rig_init(&rig, 1);
    member_rig_start(&rig);
    struct rig_tracker *second = member_rig_open(&rig);
    second->is_silent = true;
    const uint64_t call = member_rig_call(&rig, API_REGISTER, "{\"tracker\":\"" SECOND "\"}");
    member_rig_expect_open(&rig, call);
    member_rig_call(&rig, API_EXIT_NETWORK, "{\"tracker\":\"" SECOND "\"}");
    member_rig_wait(&rig, TRACKER_LEAVE_MS);
    member_rig_expect(&rig, call, ERR_NO_TRACKER);
    rig_assert_has_not(rig.result, SECOND);
    member_rig_done(&rig);
}

static void expect_when_sure(struct member_rig *rig, enum api_method method)
{
    const uint64_t unsure = member_rig_call(rig, method, "{}");
    member_rig_expect_open(rig, unsure);
    member_rig_fail_disk(rig);
    member_rig_expect(rig, unsure, ERR_STORAGE_FAILED);
    const uint64_t sure = member_rig_call(rig, method, "{}");
    member_rig_expect_open(rig, sure);
    rig->disk_waits = false;
    member_rig_wait(rig, 2000);
    member_rig_expect(rig, sure, OK);
}

/* What failed is "perhaps stored": that the opposite is so already is not said before the disk has
 * taken something again, or a crash would bring back what failed. */
static void test_the_opposite_failed_before(void **state)
{
    (void)state;
    static const enum api_method methods[] = {API_EXIT_NETWORK, API_REGISTER};
    struct member_rig rig;

    for (size_t i = 0; i < 2; i++) {
        member_rig_init(&rig, 1);
        member_rig_start(&rig);
        member_rig_wait(&rig, 2000);
        const uint64_t first = member_rig_call(&rig, methods[i], "{}");
        member_rig_run(&rig);
        member_rig_expect(&rig, first, OK);
        rig.disk_waits = true;
        const uint64_t failed = member_rig_call(&rig, methods[!i], "{}");
        member_rig_fail_disk(&rig);
        member_rig_expect(&rig, failed, ERR_STORAGE_FAILED);
        expect_when_sure(&rig, methods[i]);
        member_rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_while_it_is_waited_for),
        cmocka_unit_test(test_the_opposite_failed_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
