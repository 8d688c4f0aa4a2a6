#include "tests/unit/config_rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/link/identity.h"
#include "daemon/core/overlay/peer_record.h"
#include "daemon/defaults.h"
#include "tests/unit/seeded.h"

static void assert_option_refused(struct rig *rig, const char *words, const char *what)
{
    rig_read(rig, words);
    rig_assert_refused(rig, CONFIG_BAD_OPTION, what);
}

static void assert_file_refused(struct rig *rig, const char *content, const char *what)
{
    rig_read_with(rig, content, "");
    rig_assert_refused(rig, CONFIG_BAD_FILE, what);
}

static void assert_listens(const struct config *config, size_t place, const char *where)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];

    assert_true(place < config->listen_count);
    host_port_format(&config->listen[place], text);
    assert_string_equal(text, where);
}

static void test_defaults_of_a_user(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_null(rig->config.file);
    assert_string_equal(rig->config.socket, "/run/user/1000/p2pchat/control.sock");
    assert_string_equal(rig->config.state_dir, "/home/tester/.local/state/p2pchat");
    assert_int_equal(rig->config.listen_count, 1);
    assert_listens(&rig->config, 0, "[::]:28470");
    assert_int_equal(rig->config.log_level, LEVEL_INFO);
    assert_int_equal(rig->config.request_timeout_ms, 600000);
    assert_int_equal(rig->config.accept_from_count, 0);
    assert_int_equal(rig->config.outbox_messages_max, 1000000);
    assert_int_equal(rig->config.outbox_bytes_max, 1 << 30);
    assert_int_equal(rig->config.retain_days, 0);
    assert_int_equal(rig->config.retain_bytes, 0);
    assert_int_equal(rig->config.consumer_days, 30);
}

static void test_defaults_of_root(void **state)
{
    struct rig *rig = *state;

    rig->place.uid = 0;
    unsetenv("XDG_RUNTIME_DIR");
    rig_read(rig, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_string_equal(rig->config.socket, "/run/p2pchat/control.sock");
    assert_string_equal(rig->config.state_dir, "/var/lib/p2pchat");

    setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    setenv("STATE_DIRECTORY", "/var/lib/private/a:/var/lib/b", 1);
    rig_read(rig, "");
    assert_string_equal(rig->config.socket, "/run/user/0/p2pchat/control.sock");
    assert_string_equal(rig->config.state_dir, "/var/lib/private/a");
}

static void test_defaults_that_are_missing(void **state)
{
    struct rig *rig = *state;

    unsetenv("XDG_RUNTIME_DIR");
    assert_option_refused(rig, "", "give --socket=PATH");
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    assert_option_refused(rig, "", "give --socket=PATH");

    rig->place.passed_socket = "/run/passed.sock";
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    rig_read(rig, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_null(rig->config.socket);
    rig_read(rig, "--socket=/a");
    assert_string_equal(rig->config.socket, "/a");
}

/* Its own path is no other one, by whatever way it is told. */
static void test_the_socket_that_was_passed_is_named(void **state)
{
    struct rig *rig = *state;
    char path[128], file[256];

    rig->place.passed_socket = "/run/passed.sock";
    rig_read(rig, "--socket=/run/passed.sock");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_null(rig->config.socket);
    rig_read_with(rig, "[Control]\nSocket=/run/passed.sock\n", "");
    assert_null(rig->config.socket);
    rig_read(rig, "--socket=/run/other.sock"); /* neither is there */
    assert_string_equal(rig->config.socket, "/run/other.sock");

    snprintf(file, sizeof(file), "[Control]\nSocket=%s/./file\n", rig->path);
    rig_write(rig, file, strlen(file), path);
    rig->place.passed_socket = path;
    rig_read_with(rig, file, "");
    assert_null(rig->config.socket);
}

/* Nothing listens by default where systemd listens; what is said is kept, and said to be unused. */
static void test_sockets_for_peers_are_passed(void **state)
{
    struct rig *rig = *state;

    rig->place.peers_passed = true;
    rig_read(rig, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_int_equal(rig->config.listen_count, 0);
    rig_read(rig, "--listen=[::1]:7");
    assert_int_equal(rig->config.listen_count, 1);
}

static void test_defaults_of_a_tracker(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "--role=tracker");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_int_equal(rig->config.role, ROLE_TRACKER);
    assert_string_equal(rig->config.socket, "/run/user/1000/p2pchat-tracker/control.sock");
    assert_string_equal(rig->config.state_dir, "/home/tester/.local/state/p2pchat-tracker");
    assert_int_equal(rig->config.listen_count, 1);
    assert_listens(&rig->config, 0, "[::]:28471");
    assert_int_equal(rig->config.classic_listen_count, 0);

    rig->place.uid = 0;
    unsetenv("XDG_RUNTIME_DIR");
    rig_read(rig, "-r tracker");
    assert_string_equal(rig->config.socket, "/run/p2pchat-tracker/control.sock");
    assert_string_equal(rig->config.state_dir, "/var/lib/p2pchat-tracker");
    setenv("STATE_DIRECTORY", "/var/lib/x", 1);
    rig_read(rig, "-r tracker");
    assert_string_equal(rig->config.state_dir, "/var/lib/x");
}

/* Where systemd has put the configuration; the file may be missing there too. */
static void test_file_of_a_service(void **state)
{
    struct rig *rig = *state;
    char path[160];
    FILE *file;

    setenv("CONFIGURATION_DIRECTORY", rig->path, 1);
    rig_read(rig, "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_null(rig->config.file);
    snprintf(path, sizeof(path), "%s/p2pchatd.conf", rig->path);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("[Node]\nName=of-a-service\n", file);
    fclose(file);
    rig_read(rig, "");
    unlink(path);
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_string_equal(rig->config.name, "of-a-service");
}

/* A tracker reads a file of its own, unless it is told which. */
static void test_file_of_a_tracker(void **state)
{
    struct rig *rig = *state;
    char folder[128], path[160];
    FILE *file;

    snprintf(folder, sizeof(folder), "%s/p2pchat-tracker", rig->path);
    snprintf(path, sizeof(path), "%s/tracker.conf", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("[Node]\nName=from-its-file\n", file);
    fclose(file);
    rig_read(rig, "--role=tracker");
    unlink(path);
    rmdir(folder);
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_string_equal(rig->config.name, "from-its-file");
    assert_string_equal(rig->config.file, path);

    rig_read_with(rig, "[Node]\nRole=tracker\n", "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_int_equal(rig->config.role, ROLE_TRACKER);
    assert_listens(&rig->config, 0, "[::]:28471");
    assert_string_equal(rig->config.state_dir, "/home/tester/.local/state/p2pchat-tracker");
}

static void test_settings_that_a_tracker_has_no_use_for(void **state)
{
    struct rig *rig = *state;

    assert_option_refused(rig, "-r tracker -t a:1",
                          "--tracker=a:1: a tracker has no use for it: it is for nodes");
    rig_read(rig, "-r tracker --tracker=");
    assert_int_equal(rig->verdict, CONFIG_READY);

    /* The role may stand below, or be an option. */
    assert_file_refused(rig, "[Tracker]\nUse=a:1\n[Node]\nRole=tracker\n",
                        "file:2: Use=: a tracker has no use for it");
    rig_read_with(rig, "[Chat]\nRequestTimeoutSec=5\n[Store]\nRetainDays=1\n", "-r tracker");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "file:2: RequestTimeoutSec=: a tracker");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "file:4: RetainDays=: a tracker");
    rig_read_with(rig, "[Tracker]\nUse=a:1\n[Node]\nRole=tracker\n", "-r node");
    assert_int_equal(rig->verdict, CONFIG_READY);
    rig_read_with(rig, "[Tracker]\nUse=a:1\nUse=\n[Node]\nRole=tracker\n", "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    rig_read_with(rig, "[Node]\nRole=tracker\n", "-t a:1");
    rig_assert_refused(rig, CONFIG_BAD_OPTION, "--tracker=a:1: a tracker has no use for it");
}

static void test_where_it_is_reached(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "-a Chat.Example.org:443 --advertise [2001:db8::1]:28470");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_int_equal(rig->config.advertise_count, 2);
    assert_string_equal(rig->config.advertise[0].host, "chat.example.org");
    assert_int_equal(rig->config.advertise[0].port, 443);
    assert_string_equal(rig->config.advertise[1].host, "2001:db8::1");

    rig_read_with(rig, "[Node]\nAdvertise=a:1\nAdvertise=b:2\n", "");
    assert_int_equal(rig->config.advertise_count, 2);
    rig_read_with(rig, "[Node]\nAdvertise=a:1\nAdvertise=b:2\n", "-a c:3");
    assert_int_equal(rig->config.advertise_count, 1);
    rig_read(rig, "-a a:1 -a a:2 -a a:3 -a a:4 -a a:5 -a a:6 -a a:7 -a a:8");
    assert_int_equal(rig->config.advertise_count, 8);
    assert_option_refused(rig, "-a a:1 -a a:2 -a a:3 -a a:4 -a a:5 -a a:6 -a a:7 -a a:8 -a a:9",
                          "too many");
}

/* Whatever is taken fits into a record, beside the longest name. */
static void test_advertised_addresses_fit_into_a_record(void **state)
{
    struct rig *rig = *state;
    uint64_t seed = 1;
    const struct random random = seeded(&seed);
    struct peer_record record = {.sequence = 1, .lifetime_s = 1, .has_classic = true};
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    struct identity identity;
    size_t length;
    char words[512];

    memset(words, 0, sizeof(words));
    strcpy(words, "-a [2001:db8::1]:1 -a 192.0.2.1:2 -a ");
    for (length = 1; length <= 165; length++)
        strcat(words, length % 50 == 0 ? "." : "x");
    strcat(words, ":443");
    rig_read(rig, words);
    assert_int_equal(rig->verdict, CONFIG_READY);

    identity_create(&random, &identity);
    memcpy(record.key, identity.key.bytes, KEY_LENGTH);
    memset(record.name, '1', ADDRESS_NAME_MAX);
    record.classic = (struct host_port){.host = "2001:db8::1", .port = 4};
    memcpy(record.addresses, rig->config.advertise,
           rig->config.advertise_count * sizeof(record.addresses[0]));
    record.address_count = rig->config.advertise_count;
    assert_int_equal(peer_record_encode(&record, &identity, bytes, &length), OK);
    assert_int_equal(length, PEER_RECORD_BYTES_MAX);
    identity_done(&identity);

    *strrchr(words, ':') = 'x';
    strcat(words, ":443");
    assert_option_refused(rig, words, "a record has no room for it");
}

/* Only programs of this machine are to read them. */
static void test_metrics(void **state)
{
    struct rig *rig = *state;
    static const char *const bad[] = {
        "9470",         "localhost:9470", "0.0.0.0:9470", "[::]:9470",        "192.0.2.1:9470",
        "[fe80::1]:94", "127.0.0.1",      "127.0.0.1:x",  "127.0.0.1:9470:1",
    };

    rig_read_with(rig, "", "");
    assert_string_equal(rig->config.metrics_listen.host, "");
    rig_read_with(rig, "[Metrics]\nListen=127.0.0.1:9470\nListen=[::1]:0\n", "");
    assert_string_equal(rig_said(rig), "");
    assert_string_equal(rig->config.metrics_listen.host, "::1"); /* the last one counts */
    assert_int_equal(rig->config.metrics_listen.port, 0);
    rig_read_with(rig, "[Metrics]\nListen=127.9.9.9:1\nListen=\n", "");
    assert_string_equal(rig->config.metrics_listen.host, "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char file[60];

        snprintf(file, sizeof(file), "[Metrics]\nListen=%s\n", bad[i]);
        assert_file_refused(rig, file, "must be a loopback address with a port, as 127.0.0.1:9470");
    }
}

static void test_trackers(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig,
                  "[Tracker]\n"
                  "Use=tracker.example.org:28471\n"
                  "Use=4oe2dkroeuxythsc77butfzbiesixms6asekf3uwrhlo2lpemzpsouab@192.0.2.1:1\n"
                  "Use=classic:192.0.2.1:30000\n"
                  "[Classic]\nListen=[::]:40000\nListen=127.0.0.1:0\nLongText=refuse\n",
                  "");
    assert_string_equal(rig_said(rig), "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_int_equal(rig->config.tracker_count, 3);
    assert_string_equal(rig->config.trackers[0].text, "tracker.example.org:28471");
    assert_string_equal(rig->config.trackers[1].address.at.host, "192.0.2.1");
    assert_true(rig->config.trackers[2].is_classic);
    assert_int_equal(rig->config.classic_listen_count, 2);
    assert_string_equal(rig->config.classic_listen[0].host, "::");
    assert_int_equal(rig->config.long_text, LONG_TEXT_REFUSE);

    rig_read_with(rig, "[Tracker]\nUse=a:1\n", "-t b:2 -t c:3 --classic-listen=[::1]:0");
    assert_int_equal(rig->config.tracker_count, 2);
    assert_string_equal(rig->config.trackers[0].text, "b:2");
    assert_int_equal(rig->config.classic_listen_count, 1);
    assert_int_equal(rig->config.long_text, LONG_TEXT_SPLIT);

    rig_read_with(rig,
                  "[Tracker]\n"
                  "Use=192.0.2.1:1\n"
                  "Use=4oe2dkroeuxythsc77butfzbiesixms6asekf3uwrhlo2lpemzpsouab@192.0.2.1:1\n"
                  "Use=b:2\n",
                  ""); /* the first two are one */
    assert_int_equal(rig->config.tracker_count, 2);
    assert_string_equal(rig->config.trackers[0].text, "192.0.2.1:1");
    assert_true(rig->config.trackers[0].address.peer_id[0] != '\0');

    assert_file_refused(rig, "[Classic]\nLongText=cut\n", "file:2: LongText=cut: must be split or");
    assert_file_refused(
        rig, "[Tracker]\nUse=4oe2dkroeuxythsc77butfzbiesixms6asekf3uwrhlo2lpemzpsouaa@a:1\n",
        "file:2: Use=4oe2");
}

static void test_options(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "-s /s -d state -l 127.0.0.1:0 --listen=[::1]:5 -n alice@home -r node "
                  "--log-level debug");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_string_equal(rig->config.socket, "/s");
    assert_string_equal(rig->config.state_dir, "state");
    assert_int_equal(rig->config.listen_count, 2);
    assert_listens(&rig->config, 0, "127.0.0.1:0");
    assert_listens(&rig->config, 1, "[::1]:5");
    assert_string_equal(rig->config.name, "alice@home");
    assert_int_equal(rig->config.log_level, LEVEL_DEBUG);
}

static void test_bad_options(void **state)
{
    struct rig *rig = *state;

    assert_option_refused(rig, "--bogus", "--bogus: there is no such option");
    assert_option_refused(rig, "-x", "-x: there is no such option");
    assert_option_refused(rig, "-l", "-l: its value is missing");
    assert_option_refused(rig, "--listen", "--listen: its value is missing");
    assert_option_refused(rig, "--help=yes", "--help: takes no value");
    assert_option_refused(rig, "extra", "extra: there is nothing that this could mean");
    assert_option_refused(rig, "--listen=nowhere", "--listen=nowhere: must be HOST:PORT");
    assert_option_refused(rig, "--listen=1.2.3.4:65536", "must be HOST:PORT");
    assert_option_refused(rig, "--name=-alice", "--name=-alice: this cannot be a name");
    assert_option_refused(rig, "--role=boss", "must be node or tracker");
    assert_option_refused(rig, "--advertise=1.2.3.4:0", "--advertise=1.2.3.4:0: must be HOST:PORT");
    assert_option_refused(rig, "-a [::]:443", "nobody can be reached there");
    assert_option_refused(rig, "--tracker=1.2.3.4", "must be HOST:PORT, PEERID@HOST:PORT or");
    assert_option_refused(rig, "-t a:1 -t A:1", "--tracker=A:1: is there already");
    assert_option_refused(rig, "--classic-listen=1.2.3.4", "must be HOST:PORT");
    assert_option_refused(rig, "--log-level=loud", "must be error, warning");
    assert_option_refused(rig, "--config=/nonexistent/file --log-level=loud", "--log-level=loud");
}

static void test_help_and_version(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "--help");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_non_null(strstr(rig_said(rig), "\n  -l, --listen=HOST:PORT "));
    assert_non_null(strstr(rig_said(rig), "\n      --log-level=LEVEL "));
    assert_non_null(strstr(rig_said(rig), "\n      --classic-listen=HOST:PORT  speak"));
    rig_read(rig, "--version");
    assert_int_equal(rig->verdict, CONFIG_SHOWN);
    assert_memory_equal(rig_said(rig), "p2pchatd ", 9);
}

static void test_file(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig,
                  "\xEF\xBB\xBF# comment\r\n"
                  "; another\n"
                  "\n"
                  "[Control]\n"
                  "Socket=/run/x;y#z\n"
                  "  [Node]  \n"
                  "StateDirectory = /var/x y \n"
                  "   Listen=1.1.1.1:1\n"
                  "Listen=[::1]:0\n"
                  "Name=\"bob\" = he\n"
                  "Role=node\n"
                  "[Network]\nClosed=yes\n"
                  "[Log]\nLevel=error\n"
                  "[Chat]\nRequestTimeoutSec=1h 30min\n"
                  "[Limits]\nOutboxMessages=10\nOutboxBytes=2M\n"
                  "[Store]\nRetainDays=90\nRetainBytes=10G\nConsumerDays=0",
                  "");
    assert_string_equal(rig_said(rig), "");
    assert_int_equal(rig->verdict, CONFIG_READY);
    assert_string_equal(rig->config.socket, "/run/x;y#z");
    assert_string_equal(rig->config.state_dir, "/var/x y");
    assert_int_equal(rig->config.listen_count, 2);
    assert_listens(&rig->config, 0, "1.1.1.1:1");
    assert_string_equal(rig->config.name, "\"bob\" = he");
    assert_true(rig->config.is_closed);
    assert_int_equal(rig->config.log_level, LEVEL_ERROR);
    assert_int_equal(rig->config.request_timeout_ms, 5400 * 1000);
    assert_int_equal(rig->config.outbox_messages_max, 10);
    assert_int_equal(rig->config.outbox_bytes_max, 2 << 20);
    assert_int_equal(rig->config.retain_days, 90);
    assert_int_equal(rig->config.retain_bytes, UINT64_C(10) << 30);
    assert_int_equal(rig->config.consumer_days, 0);
    assert_non_null(rig->config.file);
}

static void test_empty_value_clears(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig,
                  "[Node]\nListen=1.1.1.1:1\nListen=2.2.2.2:2\nListen=\nListen=3.3.3.3:3\n"
                  "[Chat]\nRequestTimeoutSec=5\nRequestTimeoutSec=\n",
                  "");
    assert_int_equal(rig->config.listen_count, 1);
    assert_listens(&rig->config, 0, "3.3.3.3:3");
    assert_int_equal(rig->config.request_timeout_ms, 600000);
}

static void test_option_replaces_the_file(void **state)
{
    struct rig *rig = *state;

    rig_read_with(rig, "[Node]\nListen=1.1.1.1:1\nListen=2.2.2.2:2\nName=bob\n",
                  "--listen=3.3.3.3:3 --listen=4.4.4.4:4");
    assert_int_equal(rig->config.listen_count, 2);
    assert_listens(&rig->config, 0, "3.3.3.3:3");
    assert_listens(&rig->config, 1, "4.4.4.4:4");
    assert_string_equal(rig->config.name, "bob");

    rig_read_with(rig, "[Node]\nListen=1.1.1.1:1\n", "--listen=");
    assert_listens(&rig->config, 0, "[::]:28470");
}

static void test_accept_from(void **state)
{
    struct rig *rig = *state;
    static const uint8_t seed[KEY_LENGTH] = {7};
    struct identity identity;
    char content[256];
    uint8_t tried[KEY_LENGTH];

    memcpy(tried, seed, sizeof(tried));
    while (identity_from_seed(tried, &identity) != OK)
        tried[1]++;
    snprintf(content, sizeof(content), "[Chat]\nAcceptFrom=%s\n", identity.id);
    rig_read_with(rig, content, "");
    assert_int_equal(rig->config.accept_from_count, 1);
    assert_memory_equal(rig->config.accept_from[0], identity.key.bytes, KEY_LENGTH);

    assert_file_refused(rig, "[Chat]\nAcceptFrom=alice\n", "file:2: AcceptFrom=alice: must be a");
    identity.id[0] = identity.id[0] == 'a' ? 'b' : 'a';
    snprintf(content, sizeof(content), "[Chat]\nAcceptFrom=%s\n", identity.id);
    assert_file_refused(rig, content, error_text(ERR_BAD_CHECKSUM));
}

static void test_bad_files(void **state)
{
    struct rig *rig = *state;
    char line[5000];

    assert_file_refused(rig, "[Node]\n\nFoo=1\n",
                        "file:3: Foo=: there is no such key in [Node], "
                        "but StateDirectory=, Listen=, Advertise=, Name=, Role=\n");
    assert_file_refused(rig, "[Node]\nlisten=1.1.1.1:1\n", "file:2: listen=: there is no such key");
    assert_file_refused(
        rig, "[Foo]\nBar=1\n",
        "file:1: [Foo]: there is no such section, but "
        "[Control], [Node], [Tracker], [Classic], [Network], [Log], [Chat], [Limits], "
        "[Store], [Metrics]\n");
    assert_file_refused(rig, "[Node]\nRole=tracker\n[Foo]\n",
                        "file:3: [Foo]: there is no such "
                        "section, but [Control], [Node], [Classic], [Network], "
                        "[Log], [Metrics]\n");
    assert_file_refused(rig, "[Node]\nRole=tracker\n[Chat]\nFoo=\n",
                        "file:4: Foo=: there is no such key in [Chat], which is for nodes\n");
    assert_file_refused(rig, "[Node\nName=x\n", "file:1: [Node: its ] is missing");
    assert_file_refused(rig, "[Node] # x\n", "file:1: [Node] # x: nothing may stand behind the ]");
    assert_file_refused(rig, "[\n", "file:1: [: its ] is missing");
    assert_file_refused(rig, "Name=x\n", "file:1: Name= stands before any [Section]");
    assert_file_refused(rig, "[Node]\nName\n", "file:2: must be [Section], Key=VALUE or a comment");
    assert_file_refused(rig, "[Node]\nName: x\n", "file:2: must be [Section]");
    assert_file_refused(rig, "[Node]\nName=x ; y\n", "file:2: a comment (# or ; behind a blank)");
    assert_file_refused(rig, "[Node]\nName=x # y\n", "file:2: a comment (# or ; behind a blank)");
    assert_file_refused(rig, "[Node]\nName=x#y;z\t#y\n", "file:2: a comment (# or ; behind");
    assert_file_refused(rig, "[Log]\nLevel=info # y\n", "file:2: a comment (# or ; behind");
    assert_file_refused(rig, "[Node]\nName=x\\\n y\n", "file:2: a line cannot be continued");
    assert_file_refused(rig, "[Node]\nListen=x\n", "file:2: Listen=x: must be HOST:PORT");
    assert_file_refused(rig, "[Node]\nRole=boss\n", "file:2: Role=boss: must be node or tracker");
    assert_file_refused(rig, "[Node]\nStateDirectory=x\n", "must be an absolute path");
    assert_file_refused(rig, "[Node]\nName=a\x1b[31m\n", "Name=a<U+001B>[31m: ");

    memset(line, 'x', sizeof(line));
    memcpy(line, "[Node]\nName=", 12);
    line[sizeof(line) - 1] = '\0';
    assert_file_refused(rig, line, "file:2: this line is longer than ");
}

static void test_every_mistake_is_told(void **state)
{
    struct rig *rig = *state;

    assert_file_refused(rig, "[Node]\nA=1\nB=2\n[C]\nD=1\n", "file:2: A=: ");
    assert_non_null(strstr(rig_said(rig), "file:3: B=: "));
    assert_non_null(strstr(rig_said(rig), "file:4: [C]: "));
    assert_null(strstr(rig_said(rig), "file:5"));
}

/* Keys of a section that was refused are not told of as well, wherever it stands. */
static void test_one_mistake_is_told_once(void **state)
{
    static const char *const first[] = {"[Foo]", "[Node", "[Node] # x"};
    struct rig *rig = *state;
    char content[64];

    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        snprintf(content, sizeof(content), "%s\nBar=1\n[Node]\nName=alice\n", first[i]);
        assert_file_refused(rig, content, "file:1: [");
        assert_null(strstr(rig_said(rig), "file:2"));
        snprintf(content, sizeof(content), "[Node]\n%s\nBar=1\n[Chat]\nBaz=1\n", first[i]);
        assert_file_refused(rig, content, "file:2: [");
        assert_null(strstr(rig_said(rig), "file:3"));
        assert_non_null(strstr(rig_said(rig), "file:5: Baz=: there is no such key in [Chat]"));
    }
}

static void test_nul_in_file(void **state)
{
    struct rig *rig = *state;
    char path[128], words[160];

    rig_write(rig, "[Node]\nName=a\0b\n", 16, path);
    snprintf(words, sizeof(words), "-c %s", path);
    rig_read(rig, words);
    rig_assert_refused(rig, CONFIG_BAD_FILE, "file:2: there is a NUL byte");
}

static void test_quantities(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } times[] = {
        {"1", 1},
        {"90", 90},
        {"2min", 120},
        {"1h30min", 5400},
        {"1 d 1 s", 86401},
        {"30d", 2592000},
        {"0", 0},
        {"-1", 0},
        {"1.5", 0},
        {"1x", 0},
        {"min", 0},
        {"31d", 0},
        {"99999999999999999999", 0},
        {"18446744073709551615w", 0},
    };
    char content[128];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        snprintf(content, sizeof(content), "[Chat]\nRequestTimeoutSec=%s\n", times[i].text);
        rig_read_with(rig, content, "");
        assert_int_equal(rig->verdict, times[i].seconds > 0 ? CONFIG_READY : CONFIG_BAD_FILE);
        if (times[i].seconds > 0)
            assert_int_equal(rig->config.request_timeout_ms, times[i].seconds * 1000);
    }
    assert_file_refused(rig, "[Limits]\nOutboxBytes=65535\n", "from 64K to 1T");
    assert_file_refused(rig, "[Limits]\nOutboxBytes=2T\n", "from 64K to 1T");
    assert_file_refused(rig, "[Network]\nClosed=1\n", "file:2: Closed=1: must be yes or no");
    assert_file_refused(rig, "[Store]\nRetainBytes=100K\n", "from 256K to 1024T");
    assert_file_refused(rig, "[Store]\nRetainBytes=1025T\n", "from 256K to 1024T");
    assert_file_refused(rig, "[Store]\nRetainDays=36501\n", "from 1 to 36500");
    assert_file_refused(rig, "[Store]\nRetainDays=30d\n", "from 1 to 36500");
    assert_file_refused(rig, "[Limits]\nOutboxMessages=1K\n", "from 1 to 1000000000");
    assert_file_refused(rig, "[Store]\nConsumerDays=36501\n", "from 0 (never) to 36500");
    assert_file_refused(rig, "[Store]\nConsumerDays=30d\n", "from 0 (never) to 36500");
}

static void test_file_must_exist_when_given(void **state)
{
    struct rig *rig = *state;

    rig_read(rig, "--config=/nonexistent/x.conf");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "/nonexistent/x.conf: cannot be read: No such file");
    rig_read(rig, "--config=/");
    rig_assert_refused(rig, CONFIG_BAD_FILE, "/: cannot be read: Is a directory");
}

static void test_default_names(void **state)
{
    (void)state;
    static const struct {
        const char *user, *host, *name;
    } rows[] = {
        {"alice", "home", "alice@home"},
        {"a b", "c/d:e", "ab@cde"},
        {"-x", "y", "x@y"},
        {"", "", "node"},
        {"J\xC3\xB6rg", "haus", "Jrg@haus"},
    };
    char name[ADDRESS_NAME_MAX + 1], long_user[100];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        defaults_compose_name(rows[i].user, rows[i].host, name);
        assert_string_equal(name, rows[i].name);
    }
    memset(long_user, 'u', sizeof(long_user));
    long_user[sizeof(long_user) - 1] = '\0';
    defaults_compose_name(long_user, "h", name);
    assert_string_equal(name, "node");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults_of_a_user),
        TEST(test_defaults_of_root),
        TEST(test_defaults_that_are_missing),
        TEST(test_the_socket_that_was_passed_is_named),
        TEST(test_sockets_for_peers_are_passed),
        TEST(test_defaults_of_a_tracker),
        TEST(test_file_of_a_service),
        TEST(test_file_of_a_tracker),
        TEST(test_settings_that_a_tracker_has_no_use_for),
        TEST(test_where_it_is_reached),
        TEST(test_advertised_addresses_fit_into_a_record),
        TEST(test_metrics),
        TEST(test_trackers),
        TEST(test_options),
        TEST(test_bad_options),
        TEST(test_help_and_version),
        TEST(test_file),
        TEST(test_empty_value_clears),
        TEST(test_option_replaces_the_file),
        TEST(test_accept_from),
        TEST(test_bad_files),
        TEST(test_every_mistake_is_told),
        TEST(test_one_mistake_is_told_once),
        TEST(test_nul_in_file),
        TEST(test_quantities),
        TEST(test_file_must_exist_when_given),
        cmocka_unit_test(test_default_names),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
