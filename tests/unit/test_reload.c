/* The configuration that is read again: what is found, what every part is told, and what a mistake
 * changes. */
#include "tests/unit/config_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/housekeeping.h"
#include "daemon/metrics_http.h"
#include "daemon/pump.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/status_line.h"

static struct {
    struct rig *file;
    char *argv[4];
    struct config_source source;
    struct facts facts;
    struct pump pump;
    struct reload *reload;
    struct reload_found found;
    struct bytes mistakes;
    int64_t request_timeout_ms; /* that the node was told */
    char name[64];
    uint16_t metrics_port;
    char told[64]; /* who was told, in order: s before and S after for systemd, n node, a addresses,
                      h housekeeping */
} rig;

/* --- What is replaced --- */

static void tell(const char *whom)
{
    strncat(rig.told, whom, sizeof(rig.told) - strlen(rig.told) - 1);
}

bool service_reloading(void)
{
    tell("s");
    return true;
}

void status_line_ready(struct status_line *line)
{
    (void)line;
    tell("S");
}

void pump_input(struct pump *pump, const struct input *input)
{
    assert_ptr_equal(pump, &rig.pump);
    assert_int_equal(input->kind, INPUT_CONFIG);
    rig.request_timeout_ms = input->config.settings->request_timeout_ms;
    snprintf(rig.name, sizeof(rig.name), "%s", input->config.settings->name);
    tell("n");
}

bool metrics_http_set(struct pump *pump, const struct host_port *at, struct refusal *ret_refusal)
{
    assert_ptr_equal(pump, &rig.pump);
    if (at->port == 9)
        return refuse(ret_refusal, EX_UNAVAILABLE, "this port is in use");
    rig.metrics_port = at->port;
    return true;
}

void pump_look_at_addresses(struct pump *pump)
{
    assert_ptr_equal(pump, &rig.pump);
    tell("a");
}

void housekeeping_configure(struct housekeeping *h, const struct config *config)
{
    (void)h;
    assert_int_equal(config->request_timeout_ms, rig.request_timeout_ms);
    tell("h");
}

/* --- The rig --- */

static void write_text(const char *text)
{
    char path[128];

    rig_write(rig.file, text, strlen(text), path);
}

/* Starts with this file, and with that option. */
static void start(const char *text, const char *option)
{
    char path[128];

    rig_write(rig.file, text, strlen(text), path);
    rig_read_with(rig.file, text, option != NULL ? option : "");
    assert_int_equal(rig.file->verdict, CONFIG_READY);
    rig.argv[0] = (char[]){"p2pchatd"};
    rig.argv[1] = xasprintf("--config=%s", path);
    rig.argv[2] = option != NULL ? xstrdup(option) : NULL;
    rig.source = (struct config_source){
        .argc = option != NULL ? 3 : 2, .argv = rig.argv, .place = rig.file->place};
    rig.pump.facts = &rig.facts;
    rig.reload = reload_new(&rig.pump, &rig.source, &rig.file->config);
}

static int setup(void **state)
{
    memset(&rig, 0, sizeof(rig));
    if (rig_setup(state) != 0)
        return -1;
    rig.file = *state;
    log_set_level(LEVEL_ERROR);
    return 0;
}

static int teardown(void **state)
{
    reload_free(rig.reload);
    bytes_done(&rig.mistakes);
    free(rig.argv[1]);
    free(rig.argv[2]);
    return rig_teardown(state);
}

static void assert_names(const struct setting *const *list, size_t count, const char *expected)
{
    char names[256] = "", name[SETTING_NAME_MAX];

    for (size_t i = 0; i < count; i++) {
        setting_name(list[i], name);
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", name);
    }
    assert_string_equal(names, expected);
}

static void assert_found(const char *at_once, const char *at_restart)
{
    assert_names(rig.found.at_once, rig.found.at_once_count, at_once);
    assert_names(rig.found.at_restart, rig.found.at_restart_count, at_restart);
}

static void reload(const char *text, const char *at_once, const char *at_restart)
{
    write_text(text);
    assert_true(reload_run(rig.reload, NULL, &rig.found, &rig.mistakes));
    assert_found(at_once, at_restart);
}

/* --- Tests --- */

static void test_nothing_has_changed(void **state)
{
    (void)state;
    start("", NULL);
    reload("", "", "");
    reload("# a comment\n", "", "");
    assert_string_equal(rig.told, "snahSsnahS");
}

static void test_what_has_changed(void **state)
{
    (void)state;
    start("[Node]\nName=anna\n", NULL);
    reload("[Node]\nName=bert\nAdvertise=a:1\n[Chat]\nRequestTimeoutSec=7\n",
           "Node.Advertise Node.Name Chat.RequestTimeoutSec ", "");
    assert_int_equal(rig.request_timeout_ms, 7000);
    assert_string_equal(rig.name, "bert");
    assert_string_equal(rig.facts.name, "bert");
    assert_int_equal(rig.facts.advertise_count, 1);
    assert_string_equal(rig.facts.advertise[0].host, "a");
    reload("[Node]\nName=bert\n", "Node.Advertise Chat.RequestTimeoutSec ", "");
    assert_int_equal(rig.facts.advertise_count, 0);
    assert_string_equal(rig.facts.name, "bert");
    assert_int_equal(rig.request_timeout_ms, 600000);
}

/* It is named until it holds; what holds at once is compared with what was read last. */
static void test_what_needs_a_restart(void **state)
{
    (void)state;
    start("[Node]\nListen=a:1\n", NULL);
    reload("[Node]\nListen=a:2\nName=anna\n", "Node.Name ", "Node.Listen ");
    reload("[Node]\nListen=a:2\nName=anna\n", "", "Node.Listen ");
    reload("[Node]\nListen=a:1\nName=anna\n", "", "");
}

/* What is meant for a tracker does not touch the node that runs. */
static void test_another_role(void **state)
{
    (void)state;
    start("[Node]\nName=anna\n[Tracker]\nUse=a:1\n", NULL);
    rig.told[0] = '\0';
    reload("[Node]\nName=bert\nRole=tracker\n[Metrics]\nListen=127.0.0.1:9\n[Log]\nLevel=debug\n",
           "Log.Level ",
           "Control.Socket Node.StateDirectory Node.Listen Node.Name Node.Role "
           "Tracker.Use Metrics.Listen ");
    assert_string_equal(rig.told, "sS"); /* nobody else */
    reload("[Node]\nName=bert\n[Tracker]\nUse=a:1\n", "Node.Name Log.Level ", "");
    assert_string_equal(rig.name, "bert");
}

/* A name that nobody gave is the same as at the start, whatever the host is called by now. */
static void test_default_name(void **state)
{
    (void)state;
    start("", NULL);
    char *name = xstrdup(rig.file->config.name);
    memset(rig.file->config.name, 'x', 1);
    reload("", "", "");
    assert_int_equal(rig.facts.name[0], 'x');
    reload("[Node]\nName=anna\n", "Node.Name ", "");
    reload("", "Node.Name ", "");
    assert_int_equal(rig.facts.name[0], 'x');
    assert_string_equal(rig.facts.name + 1, name + 1);
    free(name);
}

static void test_options_stand_above_the_file(void **state)
{
    (void)state;
    start("[Node]\nName=anna\n", "--name=carl");
    reload("[Node]\nName=bert\n", "", "");
    assert_string_equal(rig.name, "carl");
}

static void assert_refused(const char *what)
{
    bytes_clear(&rig.mistakes);
    rig.told[0] = '\0';
    assert_false(reload_run(rig.reload, NULL, &rig.found, &rig.mistakes));
    bytes_u8(&rig.mistakes, '\0');
    assert_non_null(strstr((const char *)bytes_data(&rig.mistakes), what));
    assert_string_equal(rig.told, "sS"); /* nobody else */
}

/* All that was good in the file is not at work, either. */
static void test_a_mistake_changes_nothing(void **state)
{
    (void)state;
    start("[Node]\nName=anna\n", NULL);
    write_text("[Node]\nName=bert\n[Log]\nLevel=loud\nLevle=debug\n");
    assert_refused("/file:4: Level=loud: must be error, warning, notice, info or debug\n");
    assert_refused("/file:5: Levle=: there is no such key in [Log], but Level=\n");
    reload("[Node]\nName=carl\n", "Node.Name ", "");
    write_text("[Node]\n\n\nName=a/b\n");
    assert_refused("/file:4: Name=a/b: ");
    assert_string_equal(rig.facts.name, "carl");
    reload("[Node]\nName=carl\n", "", "");
}

/* What cannot be had is a mistake like the others. */
static void test_a_port_in_use(void **state)
{
    (void)state;
    start("", NULL);
    reload("[Metrics]\nListen=127.0.0.1:7\n", "Metrics.Listen ", "");
    assert_int_equal(rig.metrics_port, 7);
    write_text("[Node]\nName=bert\n[Metrics]\nListen=127.0.0.1:9\n");
    assert_refused("/file:4: Listen=: this port is in use\n");
    assert_int_equal(rig.metrics_port, 7);
    reload("[Metrics]\nListen=127.0.0.1:7\n", "", "");
}

static void test_the_file_has_gone(void **state)
{
    char path[128];

    (void)state;
    start("", NULL);
    rig_write(rig.file, "", 0, path);
    assert_int_equal(unlink(path), 0);
    assert_refused("cannot be read: No such file");
}

/* Looking tells the same, and nobody hears of it. */
static void test_looking(void **state)
{
    char *file;

    (void)state;
    start("[Node]\nName=anna\n", NULL);
    write_text("[Node]\nName=bert\nListen=a:1\n");
    assert_true(reload_look(rig.reload, &rig.found, &file, &rig.mistakes));
    assert_found("Node.Name ", "Node.Listen ");
    assert_string_equal(file, rig.file->config.file);
    free(file);
    write_text("[Node\n");
    assert_false(reload_look(rig.reload, &rig.found, &file, &rig.mistakes));
    assert_true(bytes_length(&rig.mistakes) > 0);
    assert_string_equal(rig.told, "");
    reload("[Node]\nName=bert\n", "Node.Name ", "");
}

static void test_signal(void **state)
{
    (void)state;
    start("[Node]\nName=anna\n", NULL);
    write_text("[Node]\nName=bert\n");
    reload_on_signal(rig.reload);
    assert_string_equal(rig.name, "bert");
    write_text("[Node\n");
    reload_on_signal(rig.reload);
    assert_string_equal(rig.told, "snahSsS");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_has_changed),
        TEST(test_what_has_changed),
        TEST(test_what_needs_a_restart),
        TEST(test_another_role),
        TEST(test_default_name),
        TEST(test_options_stand_above_the_file),
        TEST(test_a_mistake_changes_nothing),
        TEST(test_a_port_in_use),
        TEST(test_the_file_has_gone),
        TEST(test_looking),
        TEST(test_signal),
    };

    reload_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
