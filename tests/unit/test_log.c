#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/link/identity.h"
#include "daemon/log.h"

static struct bytes composed;

static const char *compose(enum log_manner manner, enum log_level level, const char *text)
{
    bytes_clear(&composed);
    log_compose(&composed, manner, level, INT64_C(1767225600123), text, strlen(text));
    bytes_u8(&composed, '\0');
    return (const char *)bytes_data(&composed);
}

static const char *compose_note(const struct action *note)
{
    bytes_clear(&composed);
    log_compose_note(&composed, note);
    bytes_u8(&composed, '\0');
    return (const char *)bytes_data(&composed);
}

static int teardown(void **state)
{
    (void)state;
    bytes_done(&composed);
    return 0;
}

static void test_levels(void **state)
{
    (void)state;
    enum log_level level = LEVEL_INFO;

    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LEVEL_DEBUG);
    assert_false(log_level_parse("Debug", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LEVEL_DEBUG);
    assert_string_equal(log_level_name(LEVEL_WARNING), "warning");
}

static void test_plain_lines(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    assert_string_equal(compose(LOG_MANNER_PLAIN, LEVEL_NOTICE, "ready"),
                        "2026-01-01 00:00:00.123 notice: ready\n");
}

static void test_journal_lines(void **state)
{
    (void)state;
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_ERROR, "a"), "<3>a\n");
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_WARNING, "b"), "<4>b\n");
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_NOTICE, "c"), "<5>c\n");
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_INFO, "d"), "<6>d\n");
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_DEBUG, "e"), "<7>e\n");
}

static void test_text_of_others_is_harmless(void **state)
{
    (void)state;
    assert_string_equal(compose(LOG_MANNER_JOURNAL, LEVEL_INFO, "a\n<0>b\x1b[2J\xff\xe2\x80\xae"),
                        "<6>a<U+000A><0>b<U+001B>[2J<FF><U+202E>\n");
}

static void test_journal_is_known_by_its_inode(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_WRONLY);
    char stream[64];
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    assert_int_equal(log_manner_of(fd, stream), LOG_MANNER_JOURNAL);
    assert_int_equal(log_manner_of(fd, NULL), LOG_MANNER_PLAIN);
    assert_int_equal(log_manner_of(fd, "1:1"), LOG_MANNER_PLAIN);
    assert_int_equal(log_manner_of(fd, "x"), LOG_MANNER_PLAIN);
    strcat(stream, "x");
    assert_int_equal(log_manner_of(fd, stream), LOG_MANNER_PLAIN);
    close(fd);
}

static void test_notes(void **state)
{
    (void)state;
    static const uint8_t key[KEY_LENGTH] = {1};
    struct action note = {.kind = ACTION_NOTE, .note = {.severity = NOTE_INFO, .code = "lost"}};
    char peer_id[PEER_ID_LENGTH + 1], expected[256];

    assert_string_equal(compose_note(&note), "code=lost");
    note.note.detail = "the link is gone";
    note.note.address = "[::1]:5";
    assert_string_equal(compose_note(&note), "the link is gone code=lost address=[::1]:5");
    note.note.key = key;
    peer_id_encode(key, peer_id);
    snprintf(expected, sizeof(expected), "the link is gone code=lost peer=%s address=[::1]:5",
             peer_id);
    assert_string_equal(compose_note(&note), expected);
    note.note.key = NULL;
    note.note.count = 12;
    assert_string_equal(compose_note(&note), "the link is gone code=lost address=[::1]:5 count=12");
}

/* Runs `write_lines` with standard error in a file, and returns what it wrote. */
static size_t capture(void (*write_lines)(void), char *out, size_t size)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    size_t length;

    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    write_lines();
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
    rewind(file);
    length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    fclose(file);
    return length;
}

static void write_levels(void)
{
    struct action note = {.kind = ACTION_NOTE, .note = {.severity = NOTE_INFO, .code = "n"}};

    log_set_level(LEVEL_WARNING);
    log_line(LEVEL_ERROR, "one %d", 1);
    log_line(LEVEL_NOTICE, "two");
    log_note(&note);
    log_set_level(LEVEL_DEBUG);
    log_line(LEVEL_DEBUG, "three");
    log_note(&note);
    log_set_level(LEVEL_INFO);
}

static void write_long_line(void)
{
    log_line(LEVEL_ERROR, "%05000d", 1);
}

static void test_what_is_written(void **state)
{
    (void)state;
    char text[8192];

    unsetenv("JOURNAL_STREAM");
    capture(write_levels, text, sizeof(text));
    assert_non_null(strstr(text, " error: one 1\n"));
    assert_null(strstr(text, "two"));
    assert_non_null(strstr(text, " debug: three\n"));
    assert_non_null(strstr(text, " info: code=n\n"));
    assert_true(capture(write_long_line, text, sizeof(text)) < 2200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_journal_lines),
        cmocka_unit_test(test_text_of_others_is_harmless),
        cmocka_unit_test(test_journal_is_known_by_its_inode),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_what_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
