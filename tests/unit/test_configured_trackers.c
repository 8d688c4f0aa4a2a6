#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/configured_trackers.h"

struct rig {
    char path[64];
    struct state_dir dir;
    struct refusal refusal;
};

static int setup(void **state)
{
    static struct rig rig;

    rig = (struct rig){.path = "/tmp/test_trackers.XXXXXX"};
    *state = &rig;
    return mkdtemp(rig.path) != NULL && state_dir_open(rig.path, &rig.dir, &rig.refusal) ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    unlinkat(rig->dir.descriptor, "trackers", 0);
    unlinkat(rig->dir.descriptor, "lock", 0);
    state_dir_close(&rig->dir);
    return rmdir(rig->path);
}

static void assert_remembered(struct rig *rig, const char *const *texts, size_t count)
{
    struct configured_trackers last;

    configured_trackers_load(&rig->dir, &last);
    assert_int_equal(last.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(last.items[i].text, texts[i]);
}

/* Nobody who uses none has a file. */
static void test_remembers(void **state)
{
    static const char *const texts[] = {"a.example:1", "[::1]:2", "classic:b.example:3"};
    struct rig *rig = *state;
    struct tracker_setting now[3];

    configured_trackers_save(&rig->dir, NULL, 0);
    assert_int_equal(faccessat(rig->dir.descriptor, "trackers", F_OK, 0), -1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tracker_setting_parse(texts[i], &now[i]), OK);
    configured_trackers_save(&rig->dir, now, 3);
    assert_remembered(rig, texts, 3);
    configured_trackers_save(&rig->dir, now, 2);
    assert_remembered(rig, texts, 2);
    configured_trackers_save(&rig->dir, now + 1, 2);
    assert_remembered(rig, texts + 1, 2);
    configured_trackers_save(&rig->dir, NULL, 0);
    assert_remembered(rig, NULL, 0);
}

static void test_is_written_when_it_changes(void **state)
{
    struct rig *rig = *state;
    struct tracker_setting now;
    struct stat before, after;

    assert_int_equal(tracker_setting_parse("a:1", &now), OK);
    configured_trackers_save(&rig->dir, &now, 1);
    assert_int_equal(fstatat(rig->dir.descriptor, "trackers", &before, 0), 0);
    configured_trackers_save(&rig->dir, &now, 1);
    assert_int_equal(fstatat(rig->dir.descriptor, "trackers", &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void test_damage_is_passed_over(void **state)
{
    static const char damaged[] = "a:1\n\nnonsense\nb:2\n\xff\xfe:3\nc:4";
    static const char *const rest[] = {"a:1", "b:2", "c:4"};
    struct rig *rig = *state;

    assert_true(
        state_dir_write(&rig->dir, "trackers", damaged, sizeof(damaged) - 1, &rig->refusal));
    assert_remembered(rig, rest, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_remembers),
        TEST(test_is_written_when_it_changes),
        TEST(test_damage_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
