#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/entropy.h"
#include "daemon/identity_file.h"
#include "daemon/state_dir.h"

/* A directory of its own for each test, with the state directory in it. */
struct rig {
    char top[64];
    char path[80];
    struct state_dir dir;
    enum identity_origin origin;
    struct refusal refusal;
};

static int rig_setup(void **state)
{
    static struct rig rig;

    crypto_init();
    rig = (struct rig){.dir = {.descriptor = -1, .lock = -1}};
    memcpy(rig.top, "/tmp/test_state.XXXXXX", sizeof("/tmp/test_state.XXXXXX"));
    if (mkdtemp(rig.top) == NULL)
        return -1;
    snprintf(rig.path, sizeof(rig.path), "%s/a/b", rig.top);
    *state = &rig;
    return 0;
}

static int rig_teardown(void **state)
{
    static const char *const names[] = {"a/b/identity.key", "a/b/lock", "a/b/x", "a/b/y",
                                        "a/b/x.new"};
    struct rig *rig = *state;
    char path[128];

    state_dir_close(&rig->dir);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", rig->top, names[i]);
        unlink(path);
    }
    rmdir(rig->path);
    snprintf(path, sizeof(path), "%s/a", rig->top);
    rmdir(path);
    return rmdir(rig->top);
}

static void assert_refusal(const struct rig *rig, int exit_code, const char *what)
{
    assert_int_equal(rig->refusal.exit_code, exit_code);
    if (strstr(rig->refusal.why, what) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", what, rig->refusal.why);
}

static void open_dir(struct rig *rig)
{
    if (!state_dir_open(rig->path, &rig->dir, &rig->refusal))
        fail_msg("%s", rig->refusal.why);
}

static void put(struct rig *rig, const char *name, const char *content, mode_t mode)
{
    int fd = openat(rig->dir.descriptor, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_makes_what_is_missing(void **state)
{
    struct rig *rig = *state;
    char parent[80];

    open_dir(rig);
    snprintf(parent, sizeof(parent), "%s/a", rig->top);
    assert_int_equal(mode_of(parent), 0700);
    assert_int_equal(mode_of(rig->path), 0700);
}

static void test_one_holder(void **state)
{
    struct rig *rig = *state;
    struct state_dir second;
    char who[64];

    open_dir(rig);
    snprintf(who, sizeof(who), "held by another daemon (process %ld)", (long)getpid());
    assert_false(state_dir_open(rig->path, &second, &rig->refusal));
    assert_refusal(rig, EX_UNAVAILABLE, who);
    state_dir_close(&rig->dir);
    open_dir(rig);
}

static void test_others_may_not_write(void **state)
{
    struct rig *rig = *state;

    open_dir(rig);
    state_dir_close(&rig->dir);
    assert_int_equal(chmod(rig->path, 0770), 0);
    assert_false(state_dir_open(rig->path, &rig->dir, &rig->refusal));
    assert_refusal(rig, EX_CONFIG, "others can write to the state directory");
    assert_int_equal(chmod(rig->path, 0755), 0);
    open_dir(rig);
}

/* Where StateDirectory= gives it to the service, a restart does; here nobody does. */
static void test_of_another_user(void **state)
{
    struct rig *rig = *state;

    open_dir(rig);
    state_dir_close(&rig->dir);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(rig->path, 54321, (gid_t)-1), 0);
    assert_false(state_dir_open(rig->path, &rig->dir, &rig->refusal));
    assert_refusal(rig, EX_CONFIG, "belongs to user 54321: give it and what is in it to root");
    assert_int_equal(chown(rig->path, 0, (gid_t)-1), 0);
    open_dir(rig);
}

static void test_no_directory(void **state)
{
    struct rig *rig = *state;
    char path[128];

    open_dir(rig);
    put(rig, "x", "", 0600);
    snprintf(path, sizeof(path), "%s/x", rig->path);
    assert_false(state_dir_open(path, &(struct state_dir){0}, &rig->refusal));
    assert_refusal(rig, EX_CONFIG, "cannot be opened: Not a directory");
    snprintf(path, sizeof(path), "%s/x/y", rig->path);
    assert_false(state_dir_open(path, &(struct state_dir){0}, &rig->refusal));
    assert_refusal(rig, EX_CONFIG, "cannot be made: Not a directory");
}

static enum state_file read_x(struct rig *rig, enum state_secrecy secrecy, char *out, size_t size)
{
    size_t length;

    return state_dir_read(&rig->dir, "x", secrecy, out, size, &length, &rig->refusal);
}

static void test_files(void **state)
{
    struct rig *rig = *state;
    char text[8], path[128];
    size_t length = 0;

    open_dir(rig);
    assert_int_equal(read_x(rig, STATE_SECRET, text, sizeof(text)), STATE_FILE_MISSING);
    assert_true(state_dir_write(&rig->dir, "x", "old", 3, &rig->refusal));
    put(rig, "x.new", "left over", 0600);
    assert_true(state_dir_write(&rig->dir, "x", "1234567", 7, &rig->refusal));
    assert_int_equal(
        state_dir_read(&rig->dir, "x", STATE_SECRET, text, sizeof(text), &length, &rig->refusal),
        STATE_FILE_READ);
    assert_int_equal(length, 7);
    assert_string_equal(text, "1234567");
    snprintf(path, sizeof(path), "%s/x", rig->path);
    assert_int_equal(mode_of(path), 0600);
    snprintf(path, sizeof(path), "%s/x.new", rig->path);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_files_that_are_refused(void **state)
{
    struct rig *rig = *state;
    char text[8];

    open_dir(rig);
    put(rig, "x", "12345678", 0600);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "too large");
    put(rig, "x", "1", 0644);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_READ);
    assert_int_equal(read_x(rig, STATE_SECRET, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "can be read or written by others");
    put(rig, "x", "1", 0620);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "can be written by others");

    put(rig, "y", "1", 0600);
    assert_int_equal(unlinkat(rig->dir.descriptor, "x", 0), 0);
    assert_int_equal(symlinkat("y", rig->dir.descriptor, "x"), 0);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "is a symbolic link");

    assert_int_equal(unlinkat(rig->dir.descriptor, "x", 0), 0);
    assert_int_equal(mkfifoat(rig->dir.descriptor, "x", 0600), 0);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "is no regular file");

    assert_int_equal(unlinkat(rig->dir.descriptor, "x", 0), 0);
    put(rig, "x", "1", 0600);
    if (geteuid() != 0)
        return;
    assert_int_equal(fchownat(rig->dir.descriptor, "x", 54321, (gid_t)-1, 0), 0);
    assert_int_equal(read_x(rig, STATE_PUBLIC, text, sizeof(text)), STATE_FILE_REFUSED);
    assert_refusal(rig, EX_CONFIG, "belongs to user 54321: 'chown root ");
    assert_int_equal(read_x(rig, STATE_HANDED_OVER, text, sizeof(text)), STATE_FILE_READ);
}

static bool load(struct rig *rig, enum identity_need need, struct identity *identity)
{
    struct random random = entropy_random();

    return identity_file_load(&rig->dir, need, &random, identity, &rig->origin, &rig->refusal);
}

static void test_identity_is_made_and_kept(void **state)
{
    struct rig *rig = *state;
    struct identity *first = secret_new(sizeof(*first)), *second = secret_new(sizeof(*second));

    open_dir(rig);
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, first));
    assert_int_equal(rig->origin, IDENTITY_NEW);
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, second));
    assert_int_equal(rig->origin, IDENTITY_KEPT);
    assert_memory_equal(first, second, sizeof(*first));
    assert_true(load(rig, IDENTITY_MUST_BE_THERE, second));
    secret_free(first, sizeof(*first));
    secret_free(second, sizeof(*second));
}

static void test_identity_that_is_missing(void **state)
{
    struct rig *rig = *state;
    struct identity identity;

    open_dir(rig);
    assert_false(load(rig, IDENTITY_MUST_BE_THERE, &identity));
    assert_refusal(rig, EX_CONFIG, "identity.key: is missing, but there is a database");
    assert_refusal(rig, EX_CONFIG, "or the credential p2pchat.identity if it was that");
}

static void test_identity_that_is_damaged(void **state)
{
    struct rig *rig = *state;
    struct identity identity;
    char text[256], changed[260];
    size_t length;

    open_dir(rig);
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, &identity));
    assert_int_equal(state_dir_read(&rig->dir, "identity.key", STATE_SECRET, text, sizeof(text),
                                    &length, &rig->refusal),
                     STATE_FILE_READ);
    for (size_t i = 0; i < length; i++) {
        memcpy(changed, text, length + 1);
        changed[i] = changed[i] == 'x' ? 'y' : 'x';
        put(rig, "identity.key", changed, 0600);
        assert_false(load(rig, IDENTITY_MAY_BE_NEW, &identity));
        assert_refusal(rig, EX_CONFIG, "identity.key: is damaged");

        memcpy(changed, text, length + 1);
        changed[i] = '\0';
        put(rig, "identity.key", changed, 0600);
        assert_false(load(rig, IDENTITY_MAY_BE_NEW, &identity));
        assert_refusal(rig, EX_CONFIG, "identity.key: is damaged");
    }
    snprintf(changed, sizeof(changed), "%s\n", text);
    put(rig, "identity.key", changed, 0600);
    assert_false(load(rig, IDENTITY_MAY_BE_NEW, &identity));
    assert_refusal(rig, EX_CONFIG, "identity.key: is damaged");

    put(rig, "identity.key", text, 0640);
    assert_false(load(rig, IDENTITY_MAY_BE_NEW, &identity));
    assert_refusal(rig, EX_CONFIG, "identity.key: can be read or written by others");
    put(rig, "identity.key", text, 0600);
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, &identity));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_makes_what_is_missing),
        TEST(test_one_holder),
        TEST(test_others_may_not_write),
        TEST(test_of_another_user),
        TEST(test_no_directory),
        TEST(test_files),
        TEST(test_files_that_are_refused),
        TEST(test_identity_is_made_and_kept),
        TEST(test_identity_that_is_missing),
        TEST(test_identity_that_is_damaged),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
