#include "tests/unit/unit.h"

#include "daemon/status_line.h"

static void assert_line(enum node_role role, struct node_counts counts, enum store_state state,
                        const char *expected)
{
    const struct disk_state disk = {.state = state};
    char line[STATUS_LINE_MAX];

    status_line_compose(role, &counts, &disk, line);
    assert_string_equal(line, expected);
}

static void test_of_a_node(void **state)
{
    (void)state;
    assert_line(ROLE_NODE, (struct node_counts){.links = 3, .contacts = 12}, STORE_OK,
                "3 links, 12 contacts, 0 queued; log ok");
    assert_line(ROLE_NODE, (struct node_counts){.links = 1, .contacts = 1, .queued = 1}, STORE_FULL,
                "1 link, 1 contact, 1 queued; log full");
}

static void test_of_a_tracker(void **state)
{
    (void)state;
    assert_line(ROLE_TRACKER, (struct node_counts){.links = 2, .registered = 1}, STORE_FAILING,
                "2 links, 1 registered; log failing");
}

static void test_the_longest_fits(void **state)
{
    (void)state;
    const struct node_counts counts = {
        .links = SIZE_MAX, .contacts = SIZE_MAX, .queued = UINT64_MAX};
    const struct disk_state disk = {.state = STORE_FAILING,
                                    .silence = "the disk has not answered for 18446744073709551 s"};
    char line[STATUS_LINE_MAX];

    status_line_compose(ROLE_NODE, &counts, &disk, line);
    assert_string_equal(
        line,
        "18446744073709551615 links, 18446744073709551615 contacts, 18446744073709551615 queued; "
        "log failing: the disk has not answered for 18446744073709551 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_node),
        cmocka_unit_test(test_of_a_tracker),
        cmocka_unit_test(test_the_longest_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
