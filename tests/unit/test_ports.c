#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ports.h"

struct rig {
    char path[64];
    struct state_dir dir;
    struct refusal refusal;
};

static int setup(void **state)
{
    static struct rig rig;

    rig = (struct rig){.path = "/tmp/test_ports.XXXXXX"};
    *state = &rig;
    return mkdtemp(rig.path) != NULL && state_dir_open(rig.path, &rig.dir, &rig.refusal) ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    unlinkat(rig->dir.descriptor, "ports", 0);
    unlinkat(rig->dir.descriptor, "lock", 0);
    state_dir_close(&rig->dir);
    return rmdir(rig->path);
}

static void test_remembers(void **state)
{
    struct rig *rig = *state;
    const struct ports ports = {
        .at = {{"127.0.0.1", 1001}, {"::", 1002}, {"127.0.0.1", 1003}, {"a.example", 1004}},
        .count = 4};
    struct ports again;

    ports_load(&rig->dir, PORTS_OF_LINKS, &again);
    assert_int_equal(again.count, 0);
    assert_true(ports_save(&rig->dir, PORTS_OF_LINKS, &ports, &rig->refusal));
    ports_load(&rig->dir, PORTS_OF_LINKS, &again);
    assert_true(ports_equal(&ports, &again));
    assert_int_equal(ports_find(&again, "127.0.0.1", 0), 1001);
    assert_int_equal(ports_find(&again, "127.0.0.1", 1), 1003);
    assert_int_equal(ports_find(&again, "127.0.0.1", 2), 0);
    assert_int_equal(ports_find(&again, "::", 0), 1002);
    assert_int_equal(ports_find(&again, "::1", 0), 0);
    again.at[3].port++;
    assert_false(ports_equal(&ports, &again));
    again.count--;
    assert_false(ports_equal(&ports, &again));
}

static void test_damage_is_passed_over(void **state)
{
    static const char text[] = "127.0.0.1:1\nnonsense\n[::1]:0\n[::1]:5";
    struct rig *rig = *state;
    struct ports ports;

    assert_true(state_dir_write(&rig->dir, "ports", text, sizeof(text) - 1, &rig->refusal));
    ports_load(&rig->dir, PORTS_OF_LINKS, &ports);
    assert_int_equal(ports.count, 2);
    assert_int_equal(ports_find(&ports, "::1", 0), 5);

    char many[2048] = "";

    for (int i = 0; i < 100; i++)
        memcpy(many + 14 * i, "127.0.0.1:100\n", 14);
    assert_true(state_dir_write(&rig->dir, "ports", many, 1400, &rig->refusal));
    ports_load(&rig->dir, PORTS_OF_LINKS, &ports);
    assert_int_equal(ports.count, LISTEN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remembers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_passed_over, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
