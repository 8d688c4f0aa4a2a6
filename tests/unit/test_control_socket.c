#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control_socket.h"

/* A directory of each test's own, and a path in it. */
static char directory[] = "/tmp/test-control-XXXXXX";
static char path[200];

static int setup(void **state)
{
    (void)state;
    strcpy(strrchr(directory, '-'), "-XXXXXX");
    umask(022);
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/made/control.sock", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[300];

    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static mode_t mode_of(const char *name)
{
    struct stat status;

    assert_return_code(lstat(name, &status), errno);
    return status.st_mode;
}

static struct sockaddr_un address_of_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

static int connect_there(void)
{
    struct sockaddr_un address = address_of_path();
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    if (connect(s, (struct sockaddr *)&address, sizeof(address)) == 0)
        return s;
    close(s);
    return -1;
}

static struct control_socket make(void)
{
    struct control_socket s;
    struct refusal refusal;

    if (!control_socket_make(path, &s, &refusal))
        fail_msg("%s", refusal.why);
    return s;
}

static void expect_refused(int exit_code, const char *why)
{
    struct control_socket s;
    struct refusal refusal;

    assert_false(control_socket_make(path, &s, &refusal));
    assert_int_equal(refusal.exit_code, exit_code);
    if (strstr(refusal.why, why) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", why, refusal.why);
}

/* Leaves a socket behind that nobody listens on. */
static void leave_dead_socket(void)
{
    struct control_socket s = make();

    close(s.descriptor);
    free(s.path);
}

static void test_made_private_and_removed(void **state)
{
    (void)state;
    char made[200];

    umask(0);
    snprintf(made, sizeof(made), "%s/made", directory);
    struct control_socket s = make();
    assert_int_equal(mode_of(made), S_IFDIR | 0700);
    assert_int_equal(mode_of(path), S_IFSOCK | 0600);

    int client = connect_there();
    assert_true(client >= 0);
    close(client);
    control_socket_close(&s);
    assert_int_equal(access(path, F_OK), -1);
    assert_return_code(access(made, F_OK), 0);
}

static void test_dead_one_is_replaced(void **state)
{
    (void)state;
    leave_dead_socket();
    struct control_socket s = make();
    int client = connect_there();

    assert_true(client >= 0);
    close(client);
    control_socket_close(&s);
}

static void test_live_one_is_refused(void **state)
{
    (void)state;
    char process[40];
    struct control_socket s = make();

    snprintf(process, sizeof(process), "(process %d)", (int)getpid());
    expect_refused(EX_UNAVAILABLE, process);
    int client = connect_there();
    assert_true(client >= 0);
    close(client);
    control_socket_close(&s);
}

static void test_what_is_planted_is_left_alone(void **state)
{
    (void)state;
    char target[200];
    FILE *file;

    leave_dead_socket();
    snprintf(target, sizeof(target), "%s/target", directory);
    assert_return_code(rename(path, target), errno);
    assert_return_code(symlink(target, path), errno); /* to a dead socket of ours, even */
    expect_refused(EX_CONFIG, "is no socket");
    assert_true(S_ISLNK(mode_of(path)));
    assert_return_code(unlink(path), errno);

    assert_return_code(mkdir(path, 0700), errno);
    expect_refused(EX_CONFIG, "is no socket");
    assert_true(S_ISDIR(mode_of(path)));
    assert_return_code(rmdir(path), errno);

    assert_non_null(file = fopen(path, "w"));
    fclose(file);
    expect_refused(EX_CONFIG, "left alone");
    assert_true(S_ISREG(mode_of(path)));
}

static void test_socket_of_another_kind(void **state)
{
    (void)state;
    struct sockaddr_un address = address_of_path();
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);

    leave_dead_socket();
    unlink(path);
    assert_return_code(bind(s, (struct sockaddr *)&address, sizeof(address)), errno);
    expect_refused(EX_CONFIG, "left alone");
    close(s);
    assert_true(S_ISSOCK(mode_of(path)));
}

static void test_socket_of_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    leave_dead_socket();
    assert_return_code(chown(path, 65534, 65534), errno);
    expect_refused(EX_CONFIG, "of user 65534");
    assert_true(S_ISSOCK(mode_of(path)));
}

static void test_unsafe_directories(void **state)
{
    (void)state;
    char made[200];

    snprintf(made, sizeof(made), "%s/made", directory);
    assert_return_code(mkdir(made, 0700), errno);
    assert_return_code(chmod(made, 0770), errno);
    expect_refused(EX_CONFIG, "others may write");
    assert_return_code(chmod(made, 0707), errno);
    expect_refused(EX_CONFIG, "others may write");
    assert_return_code(chmod(made, 01777), errno); /* as /tmp: nobody else can take ours away */
    struct control_socket s = make();
    control_socket_close(&s);
    if (geteuid() == 0) {
        assert_return_code(chown(made, 65534, 65534), errno);
        expect_refused(EX_CONFIG, "belongs to user 65534");
    }
}

static void test_directories_that_cannot_be(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "%s/no/such/control.sock", directory);
    expect_refused(EX_CONFIG, "cannot make directory");
    snprintf(path, sizeof(path), "/dev/null/control.sock");
    expect_refused(EX_CONFIG, "cannot open directory");
}

static void test_length_of_paths(void **state)
{
    (void)state;
    size_t length = strlen(directory);

    strcpy(path, directory);
    path[length] = '/';
    memset(path + length + 1, 'x', sizeof(path) - length - 1);
    path[CONTROL_PATH_MAX] = '\0';
    struct control_socket s = make();
    control_socket_close(&s);
    path[CONTROL_PATH_MAX] = 'x';
    path[CONTROL_PATH_MAX + 1] = '\0';
    expect_refused(EX_CONFIG, "1 to 107 bytes");
    path[0] = '\0';
    expect_refused(EX_CONFIG, "1 to 107 bytes");
}

static void test_what_is_no_longer_ours_stays(void **state)
{
    (void)state;
    struct control_socket s = make();

    assert_return_code(unlink(path), errno);
    struct control_socket other = make();
    control_socket_close(&s);
    int client = connect_there();
    assert_true(client >= 0);
    close(client);
    control_socket_close(&other);
}

static void test_inherited_is_not_removed(void **state)
{
    (void)state;
    struct control_socket s = make(), inherited;
    struct refusal refusal;

    assert_true(control_socket_inherit(dup(s.descriptor), &inherited, &refusal));
    control_socket_close(&inherited);
    assert_return_code(access(path, F_OK), 0);
    control_socket_close(&s);
    assert_false(control_socket_inherit(-1, &inherited, &refusal));
    assert_int_equal(refusal.exit_code, EX_IOERR);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_made_private_and_removed), TEST(test_dead_one_is_replaced),
        TEST(test_live_one_is_refused),      TEST(test_what_is_planted_is_left_alone),
        TEST(test_socket_of_another_kind),   TEST(test_socket_of_another_user),
        TEST(test_unsafe_directories),       TEST(test_directories_that_cannot_be),
        TEST(test_length_of_paths),          TEST(test_what_is_no_longer_ours_stays),
        TEST(test_inherited_is_not_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
