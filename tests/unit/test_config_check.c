/* What of a configuration can be told before it holds: files that are none, --check-config, and
 * what differs from another. */
#include "tests/unit/config_rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/defaults.h"
#include "daemon/limits.h"
#include "daemon/settings.h"

/* --- Files that are none: nothing is waited for, and nothing read without end --- */

static void assert_path_refused(struct rig *rig, const char *path, const char *what)
{
    char line[256];

    snprintf(line, sizeof(line), "--config=%s", path);
    rig_read(rig, line);
    rig_assert_refused(rig, CONFIG_BAD_FILE, what);
}

static void test_a_pipe(void **state)
{
    struct rig *rig = *state;
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/file", rig->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_path_refused(rig, path, "it is no regular file");
    fd = open(path, O_RDWR); /* somebody writes, or may */
    assert_true(fd >= 0);
    assert_path_refused(rig, path, "it is no regular file");
    close(fd);
}

static void test_devices(void **state)
{
    struct rig *rig = *state;

    assert_path_refused(rig, "/dev/zero", "it is no regular file");
    rig_read(rig, "--config=/dev/null");
    assert_int_equal(rig->verdict, CONFIG_READY);
}

/* Where nobody gave it, what led there is said: HOME may be another user's. */
static void test_where_it_was_looked_for(void **state)
{
    struct rig *rig = *state;
    char path[128];

    snprintf(path, sizeof(path), "%s/p2pchat", rig->path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/p2pchat/p2pchatd.conf", rig->path);
    assert_int_equal(mkdir(path, 0700), 0);
    rig_read(rig, "");
    rig_assert_refused(rig, CONFIG_BAD_FILE,
                       "Is a directory (its place comes of $XDG_CONFIG_HOME)");
    setenv("HOME", rig->path, 1);
    unsetenv("XDG_CONFIG_HOME");
    assert_string_equal(defaults_file_variable(1000), "HOME");
    assert_null(defaults_file_variable(0));
    setenv("CONFIGURATION_DIRECTORY", rig->path, 1); /* systemd's, and so right */
    assert_null(defaults_file_variable(1000));
    assert_int_equal(rmdir(path), 0);
    path[strlen(rig->path) + strlen("/p2pchat")] = '\0';
    assert_int_equal(rmdir(path), 0);
}

static void test_a_file_that_is_too_large(void **state)
{
    struct rig *rig = *state;
    char *text = malloc(CONFIG_FILE_MAX + 1), path[128];

    memset(text, '\n', CONFIG_FILE_MAX + 1);
    rig_write(rig, text, CONFIG_FILE_MAX, path);
    snprintf(text, 200, "--config=%s", path);
    rig_read(rig, text);
    assert_int_equal(rig->verdict, CONFIG_READY);
    memset(text, '\n', CONFIG_FILE_MAX + 1);
    rig_write(rig, text, CONFIG_FILE_MAX + 1, path);
    assert_path_refused(rig, path, "it is larger than 1 MiB");
    free(text);
}

/* A file of something else has a mistake in every line. */
static void test_many_mistakes(void **state)
{
    struct rig *rig = *state;
    char text[2 * 1000 + 1] = "", path[128];
    size_t lines = 0;

    for (int i = 0; i < 1000; i++)
        strcpy(text + 2 * i, "x\n");
    rig_write(rig, text, strlen(text), path);
    assert_path_refused(rig, path, "file:50: must be [Section]");
    for (const char *at = rig_said(rig); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, CONFIG_MISTAKES_TOLD_MAX + 1);
    assert_non_null(strstr(rig_said(rig), "file: there are 950 more mistakes"));
}

/* --- --check-config --- */

static void test_check_of_what_is_fine(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig, "[Log]\nLevel=debug\n", "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_non_null(strstr(rig_said(rig), "/file is fine\nnot looked at, as only a start can: "));
    rig_read(rig, "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_non_null(
        strstr(rig_said(rig), "there is no configuration file; what is given is fine\n"));
    unsetenv("XDG_RUNTIME_DIR"); /* this user has no place for a socket: no mistake */
    rig_read(rig, "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
}

/* All mistakes at once, each once; those of options weigh more. */
static void test_check_tells_all(void **state)
{
    struct rig *rig = *state;
    static const char file[] = "[Log]\nLevel=loud\n[Nodes]\n[Chat]\nRequestTimeoutSec=soon\n";

    rig_read_with(rig, file, "--check-config");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "file:2: Level=loud: must be error, warning");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "file:3: [Nodes]: there is no such section");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE,
                       "file:5: RequestTimeoutSec=soon: must be a time");
    rig_read_with(rig, file, "--check-config --what --listen=x -q word");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION, "--what: there is no such option");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION, "-q: there is no such option");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION,
                       "word: there is nothing that this could mean");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION, "--listen=x: must be HOST:PORT");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION,
                       "file:5: RequestTimeoutSec=soon: must be a time");
    assert_null(strstr(strstr(rig_said(rig), "--listen=x") + 1, "--listen=x"));
    rig_read_with(rig, "[Log]\nLevel=loud\n", "--check-config --role=tracker --tracker=a:1");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION,
                       "--tracker=a:1: a tracker has no use for it");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_OPTION, "file:2: Level=loud");
    rig_read(rig, "--check-config --config=/nonexistent/x");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "/nonexistent/x: cannot be read");
}

/* --- What cannot hold together --- */

/* A start refuses it, and --check-config says why. */
static void assert_together(struct rig *rig, const char *content, const char *words,
                            const char *why)
{
    char line[512];

    rig_read_with(rig, content, words);
    rig_assert_refused(rig, CONFIG_BAD_FILE, why);
    snprintf(line, sizeof(line), "--check-config %s", words);
    rig_read_with(rig, content, line);
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, why);
}

static void assert_fits(struct rig *rig, const char *content, const char *words)
{
    rig_read_with(rig, content, words);
    if (rig->verdict != CONFIG_READY)
        fail_msg("%s", rig_said(rig));
}

static void test_one_place_for_two(void **state)
{
    struct rig *rig = *state;

    assert_together(rig, "[Node]\nListen=1.1.1.1:1\n[Classic]\n\nListen=1.1.1.1:1\n", "",
                    "/file:5: Listen=: 1.1.1.1:1 is taken by Listen=1.1.1.1:1 of [Node]");
    assert_together(rig, "[Metrics]\nListen=127.0.0.1:28470\n", "",
                    "/file:2: Listen=: 127.0.0.1:28470 is taken by Listen=[::]:28470 of [Node]");
    assert_together(rig, "[Metrics]\nListen=127.0.0.1:9\n",
                    "--listen=0.0.0.0:1 --classic-listen=0.0.0.0:9", "0.0.0.0:9 of [Classic]");
    assert_together(rig, "[Node]\nListen=[::1]:9\n", "--classic-listen=[::]:9",
                    "--classic-listen: [::]:9 is taken by Listen=[::1]:9 of [Node]");
    assert_fits(rig, "[Node]\nListen=[::1]:9\n[Metrics]\nListen=127.0.0.1:9\n", "");
    assert_fits(rig, "[Node]\nListen=1.1.1.1:0\n[Classic]\nListen=1.1.1.1:0\n", "");
    assert_fits(rig, "[Node]\nListen=a:1\n[Metrics]\nListen=127.0.0.1:1\n", "");
    rig->place.peers_passed = true;
    assert_fits(rig, "[Metrics]\nListen=127.0.0.1:28470\n", "");
}

static void test_one_place_twice(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig, "[Node]\nListen=a:1\nListen=b:1\nListen=a:1\n", "");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "/file:4: Listen=a:1: is there already");
    rig_read_with(rig, "[Classic]\nListen=[::]:1\nListen=127.0.0.1:1\n", "");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "/file:3: Listen=127.0.0.1:1: ");
    rig_read(rig, "--listen=127.0.0.1:1 --listen=0.0.0.0:1");
    rig_assert_refused(rig, CONFIG_BAD_OPTION, "--listen=0.0.0.0:1: ");
    assert_fits(rig, "[Node]\nListen=a:0\nListen=a:0\nListen=[::]:1\nListen=0.0.0.0:1\n", "");
}

static void test_a_socket_path(void **state)
{
    struct rig *rig = *state;
    char path[110] = "/", content[256];

    memset(path + 1, 'x', 107);
    path[108] = '\0';
    snprintf(content, sizeof(content), "[Control]\nSocket=%s\n", path);
    assert_together(rig, content, "",
                    "/file:2: Socket=: must be a path of at most 107 bytes, and has 108\n");
    assert_fits(rig, content, "--socket=/short");
    snprintf(content, sizeof(content), "--socket=%s", path);
    assert_together(rig, "", content, "--socket: must be a path of at most 107 bytes");
    path[107] = '\0';
    snprintf(content, sizeof(content), "--socket=%s", path);
    assert_fits(rig, "", content);
}

/* --- What systemd hands over --- */

static void hand_over(struct rig *rig, const char *name, const char *content)
{
    char command[256];

    snprintf(command, sizeof(command), "mkdir -p %s/c && printf %%s '%s' >%s/c/%s", rig->path,
             content, rig->path, name);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "%s/c", rig->path);
    setenv("CREDENTIALS_DIRECTORY", command, 1);
}

static void take_back(struct rig *rig)
{
    char command[256];

    snprintf(command, sizeof(command), "rm -r %s/c", rig->path);
    assert_int_equal(system(command), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* What cannot be seen is no mistake. */
static void test_check_of_a_closed_network(void **state)
{
    static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    static const char closed[] = "[Network]\nClosed=yes\n";
    struct rig *rig = *state;

    rig_read_with(rig, closed, "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    hand_over(rig, "other", key);
    rig_read_with(rig, closed, "--check-config");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE,
                       "/file:2: Closed=: there is no network key: put one into /etc/credstore/");
    hand_over(rig, "p2pchat.network-key", key);
    rig_read_with(rig, closed, "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    take_back(rig);
}

static void test_check_of_credentials(void **state)
{
    static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    struct rig *rig = *state;

    hand_over(rig, "p2pchat.network-key", key);
    rig_read_with(rig, "", "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    rig_read_with(rig, "[Classic]\nListen=a:1\n", "--check-config");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "/file:2: Listen=: there is a network key");
    hand_over(rig, "p2pchat.network-key", "short");
    rig_read_with(rig, "", "--check-config");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "p2pchat.network-key is no key");
    take_back(rig);
    hand_over(rig, "p2pchat.identity", "nobody");
    rig_read_with(rig, "", "--check-config");
    rig_assert_refused(rig, CONFIG_CHECKED_BAD_FILE, "p2pchat.identity is no identity");
    take_back(rig);
    hand_over(rig, "p2pchat.networkkey", key);
    rig_read_with(rig, "", "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_non_null(strstr(rig_said(rig), "nobody uses the credential p2pchat.networkkey"));
    take_back(rig);
}

/* A daemon that has one is told before its next start. */
static void test_classic_beside_a_network_key(void **state)
{
    struct rig *rig = *state;

    rig->place.network_key = KEY_THERE;
    rig_read_with(rig, "[Classic]\nListen=a:1\n", "");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "/file:2: Listen=: there is a network key");
    assert_fits(rig, "", "");
    assert_fits(rig, "[Network]\nClosed=yes\n", "");
}

/* What runs open cannot be closed by reading a file, and the next start without a key fails. */
static void test_beside_no_network_key(void **state)
{
    struct rig *rig = *state;

    assert_fits(rig, "[Network]\nClosed=yes\n", ""); /* a start looks for it later */
    rig->place.network_key = KEY_NONE;
    assert_fits(rig, "[Network]\nClosed=no\n[Classic]\nListen=a:1\n", "");
    rig_read_with(rig, "[Network]\nClosed=yes\n", "");
    rig_assert_refused(rig, CONFIG_BAD_FILE,
                       "/file:2: Closed=: this daemon was started without a network key, and its "
                       "network is open: put one into /etc/credstore/p2pchat.network-key");
}

static void test_remark_of_a_missing_network_key(void **state)
{
    static const char closed[] = "[Network]\nClosed=yes\n";
    static const char remark[] = "Closed=yes wants a network key, and there is no /etc/credstore/";
    const bool is_there = access("/etc/credstore/p2pchat.network-key", F_OK) == 0 ||
                          access("/etc/credstore.encrypted/p2pchat.network-key", F_OK) == 0;
    struct rig *rig = *state;

    rig_read_with(rig, closed, "--check-config");
    assert_null(strstr(rig_said(rig), remark)); /* who looks may not look into the store */
    rig->place.uid = 0;
    rig_read_with(rig, closed, "--check-config");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_int_equal(strstr(rig_said(rig), remark) == NULL, is_there);
    rig_read_with(rig, "", "--check-config");
    assert_null(strstr(rig_said(rig), remark));
}

static void test_a_file_for_root(void **state)
{
    struct rig *rig = *state;
    char path[128];

    rig->place.uid = 0;
    snprintf(path, sizeof(path), "%s/file", rig->path);
    rig_read_with(rig, "", "--check-config"); /* its mode is 0600, and it is ours */
    assert_int_equal(strstr(rig_said(rig), "only root can read it") != NULL, geteuid() == 0);
    assert_int_equal(chmod(path, 0644), 0);
    rig_read_with(rig, "", "--check-config");
    assert_null(strstr(rig_said(rig), "only root can read"));
    assert_int_equal(strstr(rig_said(rig), "only root can enter /tmp/test_config") != NULL,
                     geteuid() == 0); /* mkdtemp made it so */
    assert_int_equal(chmod(rig->path, 0755), 0);
    rig_read_with(rig, "", "--check-config");
    assert_null(strstr(rig_said(rig), "only root"));
}

/* --- When a value takes effect --- */

static bool is_changed(struct rig *rig, const char *content, const char *name,
                       enum setting_effect *ret_effect)
{
    struct config before = rig->config;
    bool is_found = false;
    char each[SETTING_NAME_MAX];

    rig->config = (struct config){0};
    rig_read_with(rig, content, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].same == NULL)
            continue;
        assert_true(settings[i].same(&before, &before));
        setting_name(&settings[i], each);
        if (settings[i].same(&before, &rig->config)) {
            assert_string_not_equal(each, name);
            continue;
        }
        assert_string_equal(each, name);
        assert_false(settings[i].same(&rig->config, &before));
        *ret_effect = settings[i].effect;
        is_found = true;
    }
    config_done(&before);
    return is_found;
}

/* Each differs when its own value does, and only then. */
static void test_what_differs(void **state)
{
    static const char peer[] = "4oe2dkroeuxythsc77butfzbiesixms6asekf3uwrhlo2lpemzpsouab";
    char accept[128];
    const struct {
        const char *content, *name;
        enum setting_effect effect;
    } rows[] = {
        {"[Control]\nSocket=/a\n", "Control.Socket", SETTING_AT_RESTART},
        {"[Node]\nStateDirectory=/a\n", "Node.StateDirectory", SETTING_AT_RESTART},
        {"[Node]\nListen=a:1\n", "Node.Listen", SETTING_AT_RESTART},
        {"[Node]\nAdvertise=a:1\n", "Node.Advertise", SETTING_AT_ONCE},
        {"[Node]\nName=anna\n", "Node.Name", SETTING_AT_ONCE},
        {"[Tracker]\nUse=a:1\n", "Tracker.Use", SETTING_AT_ONCE},
        {"[Classic]\nListen=a:1\n", "Classic.Listen", SETTING_AT_RESTART},
        {"[Classic]\nLongText=refuse\n", "Classic.LongText", SETTING_AT_ONCE},
        {"[Log]\nLevel=debug\n", "Log.Level", SETTING_AT_ONCE},
        {"[Chat]\nRequestTimeoutSec=1\n", "Chat.RequestTimeoutSec", SETTING_AT_ONCE},
        {accept, "Chat.AcceptFrom", SETTING_AT_ONCE},
        {"[Limits]\nOutboxMessages=1\n", "Limits.OutboxMessages", SETTING_AT_ONCE},
        {"[Limits]\nOutboxBytes=1M\n", "Limits.OutboxBytes", SETTING_AT_ONCE},
        {"[Store]\nRetainDays=1\n", "Store.RetainDays", SETTING_AT_ONCE},
        {"[Store]\nRetainBytes=1M\n", "Store.RetainBytes", SETTING_AT_ONCE},
        {"[Metrics]\nListen=127.0.0.1:1\n", "Metrics.Listen", SETTING_AT_ONCE},
        {"[Store]\nConsumerDays=1\n", "Store.ConsumerDays", SETTING_AT_ONCE},
    };
    struct rig *rig = *state;
    enum setting_effect effect;

    snprintf(accept, sizeof(accept), "[Chat]\nAcceptFrom=%s\n", peer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_read_with(rig, "", "");
        assert_true(is_changed(rig, rows[i].content, rows[i].name, &effect));
        assert_int_equal(effect, rows[i].effect);
        assert_false(is_changed(rig, rows[i].content, "nothing", &effect));
        assert_true(is_changed(rig, "", rows[i].name, &effect));
    }
}

static void test_what_differs_in_lists(void **state)
{
    struct rig *rig = *state;
    enum setting_effect effect;

    rig_read_with(rig, "[Node]\nListen=a:1\nListen=b:1\n", "");
    assert_true(is_changed(rig, "[Node]\nListen=a:1\nListen=b:2\n", "Node.Listen", &effect));
    assert_true(is_changed(rig, "[Node]\nListen=a:1\nListen=c:2\n", "Node.Listen", &effect));
    rig_read_with(rig, "[Tracker]\nUse=a:1\n", "");
    assert_true(is_changed(rig,
                           "[Tracker]\nUse=4oe2dkroeuxythsc77butfzbiesixms6asekf3uwrhlo2lpemzpsouab"
                           "@a:1\n",
                           "Tracker.Use", &effect));
    assert_true(is_changed(rig, "[Tracker]\nUse=b:1\n", "Tracker.Use", &effect));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_pipe),
        TEST(test_devices),
        TEST(test_where_it_was_looked_for),
        TEST(test_a_file_that_is_too_large),
        TEST(test_many_mistakes),
        TEST(test_check_of_what_is_fine),
        TEST(test_check_tells_all),
        TEST(test_one_place_for_two),
        TEST(test_one_place_twice),
        TEST(test_a_socket_path),
        TEST(test_check_of_credentials),
        TEST(test_check_of_a_closed_network),
        TEST(test_classic_beside_a_network_key),
        TEST(test_beside_no_network_key),
        TEST(test_remark_of_a_missing_network_key),
        TEST(test_a_file_for_root),
        TEST(test_what_differs),
        TEST(test_what_differs_in_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
