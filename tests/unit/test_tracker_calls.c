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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_while_it_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
