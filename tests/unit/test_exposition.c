#include "tests/unit/unit.h"

#include <regex.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/exposition.h"

static struct bytes text;
static struct exposition e;

static int setup(void **state)
{
    (void)state;
    exposition_init(&e, ROLE_NODE, &text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bytes_done(&text);
    return 0;
}

static void assert_text(const char *expected)
{
    bytes_u8(&text, '\0');
    assert_string_equal((const char *)bytes_data(&text), expected);
}

/* --- The table --- */

static bool fits(const char *pattern, const char *name)
{
    regex_t regex;
    bool is_match;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    is_match = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return is_match;
}

static void assert_row(const struct metric_row *row)
{
    const size_t length = strlen(row->name);
    const bool is_total = length > 6 && strcmp(row->name + length - 6, "_total") == 0;

    if (!fits("^p2pchat_[a-z][a-z0-9_]*[a-z0-9]$", row->name))
        fail_msg("%s is no name", row->name);
    if (is_total != (row->kind == METRIC_COUNTER))
        fail_msg("%s: what only grows, and nothing else, is a _total", row->name);
    if (row->kind == METRIC_HISTOGRAM && !fits("_seconds$", row->name))
        fail_msg("%s: of seconds", row->name);
    if (!fits("^[A-Z1].*\\.$", row->help) || strpbrk(row->help, "\\\n") != NULL)
        fail_msg("%s: \"%s\" is no sentence on a line", row->name, row->help);
    if (row->label != NULL &&
        (!fits("^[a-z][a-z_]*$", row->label) || fits("^(le|quantile|role)$", row->label)))
        fail_msg("%s: %s is no label", row->name, row->label);
}

static void test_table(void **state)
{
    (void)state;
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        assert_row(metric_row(m));
        for (enum metric other = 0; other < m; other++)
            assert_string_not_equal(metric_row(m)->name, metric_row(other)->name);
    }
}

/* --- Numbers --- */

static void test_numbers(void **state)
{
    (void)state;
    exposition_put_us(&e, METRIC_START_TIME, UINT64_C(1700000000123456));
    exposition_put(&e, METRIC_LINKS, NULL, UINT64_MAX);
    assert_text("# HELP p2pchat_process_start_time_seconds When the daemon was started, in Unix "
                "time.\n"
                "# TYPE p2pchat_process_start_time_seconds gauge\n"
                "p2pchat_process_start_time_seconds{role=\"node\"} 1700000000.123456\n"
                "# HELP p2pchat_links Links to peers that proved their key.\n"
                "# TYPE p2pchat_links gauge\n"
                "p2pchat_links{role=\"node\"} 18446744073709551615\n");
}

static void test_labels(void **state)
{
    (void)state;
    exposition_put(&e, METRIC_BUILD_INFO, "1.0", 1);
    exposition_put(&e, METRIC_LOG_STATE, "ok", 1);
    exposition_put(&e, METRIC_LOG_STATE, "full", 0);
    assert_text("# HELP p2pchat_build_info Always 1.\n"
                "# TYPE p2pchat_build_info gauge\n"
                "p2pchat_build_info{role=\"node\",version=\"1.0\"} 1\n"
                "# HELP p2pchat_log_state 1 for the state that the log is in, 0 for the others.\n"
                "# TYPE p2pchat_log_state gauge\n"
                "p2pchat_log_state{role=\"node\",state=\"ok\"} 1\n"
                "p2pchat_log_state{role=\"node\",state=\"full\"} 0\n");
}

/* Buckets hold all that was no longer; the last one holds everything. */
static void test_histogram(void **state)
{
    (void)state;
    struct histogram h = {.sum_us = 0};

    histogram_add(&h, 0);
    histogram_add(&h, 500);
    histogram_add(&h, 501);
    histogram_add(&h, 10000000);
    histogram_add(&h, 10000001);
    exposition_put_histogram(&e, METRIC_COMMITS, &h);
    assert_text("# HELP p2pchat_log_commit_seconds Commits: how long each took until it was on the "
                "disk.\n"
                "# TYPE p2pchat_log_commit_seconds histogram\n"
#define BUCKET(le, count) \
    "p2pchat_log_commit_seconds_bucket{role=\"node\",le=\"" le "\"} " count "\n"
                BUCKET("0.0005", "2") BUCKET("0.001", "3") BUCKET("0.0025", "3") BUCKET(
                    "0.005", "3") BUCKET("0.01", "3") BUCKET("0.025", "3") BUCKET("0.05", "3")
                    BUCKET("0.1", "3") BUCKET("0.25", "3") BUCKET("0.5", "3") BUCKET("1", "3")
                        BUCKET("2.5", "3") BUCKET("5", "3") BUCKET("10", "4") BUCKET(
                            "+Inf", "5") "p2pchat_log_commit_seconds_sum{role=\"node\"} 20.001002\n"
                                         "p2pchat_log_commit_seconds_count{role=\"node\"} 5\n");
}

static void test_empty_histogram(void **state)
{
    (void)state;
    const struct histogram h = {.sum_us = 0};

    exposition_put_histogram(&e, METRIC_LOOP_LAG, &h);
    bytes_u8(&text, '\0');
    assert_non_null(strstr((char *)bytes_data(&text),
                           "_bucket{role=\"node\",le=\"+Inf\"} 0\n"
                           "p2pchat_event_loop_lag_seconds_sum{role=\"node\"} 0\n"
                           "p2pchat_event_loop_lag_seconds_count{role=\"node\"} 0\n"));
}

/* No value ends its line, its quotes, or the encoding. */
static void test_values_are_escaped(void **state)
{
    (void)state;
    exposition_put(&e, METRIC_LOG_STATE,
                   "a\"} 1\np2pchat_links 7\\\r\x1b\xff\xe2\x80\xae"
                   "ä",
                   1);
    assert_text("# HELP p2pchat_log_state 1 for the state that the log is in, 0 for the others.\n"
                "# TYPE p2pchat_log_state gauge\n"
                "p2pchat_log_state{role=\"node\",state=\"a\\\"} 1<U+000A>p2pchat_links "
                "7\\\\<U+000D><U+001B><FF>"
                "<U+202E>ä\"} 1\n");
}

static void put_out_of_order(void *arg)
{
    (void)arg;
    exposition_put(&e, METRIC_LOG_SIZE, NULL, 1);
    exposition_put(&e, METRIC_LINKS, NULL, 1);
}

static void put_without_labels(void *arg)
{
    (void)arg;
    exposition_put(&e, METRIC_LOG_STATE, NULL, 1);
}

static void put_with_labels(void *arg)
{
    (void)arg;
    exposition_put(&e, METRIC_LINKS, "x", 1);
}

/* A text in which a metric comes twice, or with other labels, cannot be made. */
static void test_what_cannot_be_put(void **state)
{
    (void)state;
    unit_assert_aborts(put_out_of_order, NULL, "metric > e->at");
    unit_assert_aborts(put_without_labels, NULL, "label != NULL");
    unit_assert_aborts(put_with_labels, NULL, "label != NULL");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_table),
        TEST(test_numbers),
        TEST(test_labels),
        TEST(test_histogram),
        TEST(test_empty_histogram),
        TEST(test_values_are_escaped),
        TEST(test_what_cannot_be_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
