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

static const char *compose(enum log_manner manner, const struct log_entry *entry)
{
    bytes_clear(&composed);
    log_entry_line(&composed, manner, INT64_C(1767225600123), entry);
    bytes_u8(&composed, '\0');
    return (const char *)bytes_data(&composed);
}

static struct log_entry entry_of(enum log_level level, const char *text)
{
    return (struct log_entry){.level = level, .text = text, .length = strlen(text)};
}

static const char *compose_text(enum log_manner manner, enum log_level level, const char *text)
{
    const struct log_entry entry = entry_of(level, text);

    return compose(manner, &entry);
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
    assert_string_equal(compose_text(LOG_MANNER_PLAIN, LEVEL_NOTICE, "ready"),
                        "2026-01-01 00:00:00.123 notice: ready\n");
}

static void test_prefixed_lines(void **state)
{
    (void)state;
    assert_string_equal(compose_text(LOG_MANNER_PREFIXED, LEVEL_ERROR, "a"), "<3>a\n");
    assert_string_equal(compose_text(LOG_MANNER_PREFIXED, LEVEL_WARNING, "b"), "<4>b\n");
    assert_string_equal(compose_text(LOG_MANNER_PREFIXED, LEVEL_NOTICE, "c"), "<5>c\n");
    assert_string_equal(compose_text(LOG_MANNER_PREFIXED, LEVEL_INFO, "d"), "<6>d\n");
    assert_string_equal(compose_text(LOG_MANNER_PREFIXED, LEVEL_DEBUG, "e"), "<7>e\n");
}

static void test_terminal_lines(void **state)
{
    (void)state;
    struct log_entry entry = entry_of(LEVEL_WARNING, "it is so");

    setenv("TZ", "UTC", 1);
    entry.code = "so";
    assert_string_equal(compose(LOG_MANNER_TERMINAL, &entry),
                        "2026-01-01 00:00:00 warning: it is so\n");
    assert_string_equal(compose(LOG_MANNER_COLOUR, &entry),
                        "2026-01-01 00:00:00 \x1b[1;33mwarning:\x1b[0m it is so\n");
    entry.fields = (struct log_fields){.address = "[::1]:5", .link = 7, .count = 12};
    assert_string_equal(compose(LOG_MANNER_TERMINAL, &entry),
                        "2026-01-01 00:00:00 warning: it is so (address [::1]:5, count 12)\n");
    assert_string_equal(compose(LOG_MANNER_COLOUR, &entry),
                        "2026-01-01 00:00:00 \x1b[1;33mwarning:\x1b[0m it is so\x1b[2m (address "
                        "[::1]:5, count 12)\x1b[0m\n");
}

static void test_text_of_others_is_harmless(void **state)
{
    (void)state;
    static const char evil[] = "a\n<0>b\x1b[2J\xff\xe2\x80\xae";
    struct log_entry entry = entry_of(LEVEL_INFO, evil);

    assert_string_equal(compose(LOG_MANNER_PREFIXED, &entry),
                        "<6>a<U+000A><0>b<U+001B>[2J<FF><U+202E>\n");
    entry.fields.address = "x\ny";
    assert_string_equal(compose(LOG_MANNER_PREFIXED, &entry),
                        "<6>a<U+000A><0>b<U+001B>[2J<FF><U+202E> address=x<U+000A>y\n");
    setenv("TZ", "UTC", 1);
    assert_string_equal(compose(LOG_MANNER_TERMINAL, &entry),
                        "2026-01-01 00:00:00 info: a<U+000A><0>b<U+001B>[2J<FF><U+202E> (address "
                        "x<U+000A>y)\n");
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
    assert_int_equal(log_manner_of(fd, stream, NULL), LOG_MANNER_JOURNAL);
    assert_int_equal(log_manner_of(fd, NULL, NULL), LOG_MANNER_PLAIN);
    assert_int_equal(log_manner_of(fd, "1:1", NULL), LOG_MANNER_PLAIN);
    assert_int_equal(log_manner_of(fd, "x", "xterm"), LOG_MANNER_PLAIN);
    strcat(stream, "x");
    assert_int_equal(log_manner_of(fd, stream, NULL), LOG_MANNER_PLAIN);
    close(fd);
}

static void test_terminal_is_known(void **state)
{
    (void)state;
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

    assert_int_equal(log_manner_of(fd, NULL, "xterm"), LOG_MANNER_COLOUR);
    assert_int_equal(log_manner_of(fd, NULL, "dumb"), LOG_MANNER_TERMINAL);
    assert_int_equal(log_manner_of(fd, NULL, NULL), LOG_MANNER_TERMINAL);
    close(fd);
}

static void test_people_are_told_once(void **state)
{
    (void)state;
    struct log_entry entry = entry_of(LEVEL_NOTICE, "at [::1]:5 it is so");

    setenv("TZ", "UTC", 1);
    entry.fields = (struct log_fields){.address = "[::1]:5", .count = 5};
    assert_string_equal(compose(LOG_MANNER_TERMINAL, &entry),
                        "2026-01-01 00:00:00 notice: at [::1]:5 it is so (count 5)\n");
}

static const uint8_t somebody[KEY_LENGTH] = {1};

static void test_fields_of_a_line(void **state)
{
    (void)state;
    struct log_caller caller = {.user = 0, .process = 77};
    struct log_entry entry = entry_of(LEVEL_ERROR, "x");
    char peer_id[PEER_ID_LENGTH + 1], expected[256];

    peer_id_encode(somebody, peer_id);
    entry.code = "call_failed";
    entry.message_id = "0123456789abcdef0123456789abcdef";
    entry.fields = (struct log_fields){.key = somebody,
                                       .address = "[::1]:5",
                                       .link = 3,
                                       .method = "chat.message",
                                       .error = "storage_full",
                                       .count = 12,
                                       .caller = &caller};
    snprintf(expected, sizeof(expected),
             "<3>x code=call_failed peer=%s address=[::1]:5 link=3 method=chat.message "
             "error=storage_full count=12 uid=0 pid=77\n",
             peer_id);
    assert_string_equal(compose(LOG_MANNER_PREFIXED, &entry), expected);
    caller = (struct log_caller){.user = 65534, .process = 78, .is_outside = true};
    entry.fields = (struct log_fields){.caller = &caller};
    assert_string_equal(compose(LOG_MANNER_PREFIXED, &entry), "<3>x code=call_failed pid=78\n");
}

static const char *compose_note(const struct action *note, struct log_entry *ret_entry)
{
    static struct bytes text;

    bytes_done(&text);
    text = BYTES_EMPTY;
    *ret_entry = log_entry_of_note(note, &text);
    bytes_u8(&text, '\0');
    return (const char *)bytes_data(&text);
}

static void test_notes(void **state)
{
    (void)state;
    struct action note = {.kind = ACTION_NOTE,
                          .note = {.severity = NOTE_INFO,
                                   .code = "link_refused",
                                   .key = somebody,
                                   .address = "[::1]:5",
                                   .link = 9,
                                   .count = 4}};
    struct log_entry entry;

    assert_string_equal(compose_note(&note, &entry), "a link was refused");
    assert_int_equal(entry.level, LEVEL_INFO);
    assert_string_equal(entry.code, "link_refused");
    assert_int_equal(strlen(entry.message_id), 32);
    assert_ptr_equal(entry.fields.key, somebody);
    assert_string_equal(entry.fields.address, "[::1]:5");
    assert_int_equal(entry.fields.link, 9);
    assert_int_equal(entry.fields.count, 4);
    note.note.error = "malformed";
    assert_string_equal(compose_note(&note, &entry), "a link was refused: malformed");
    assert_string_equal(entry.fields.error, "malformed");
    note.note.detail = "that was nothing";
    assert_string_equal(compose_note(&note, &entry), "a link was refused: that was nothing");
    note.note.code = "link_closed";
    compose_note(&note, &entry);
    assert_null(entry.message_id);
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
    struct action note = {.kind = ACTION_NOTE,
                          .note = {.severity = NOTE_INFO, .code = "link_closed"}};

    log_set_level(LEVEL_WARNING);
    log_coded(LOG_STORAGE_FULL, NULL, "one %d", 1);
    log_coded(LOG_STOPPED, NULL, "two");
    log_coded(LOG_CLIENTS_FULL, &(const struct log_fields){.count = 3}, "four %d", 4);
    log_note(&note);
    log_set_level(LEVEL_DEBUG);
    log_coded(LOG_CALL_REFUSED, NULL, "three");
    log_note(&note);
    log_set_level(LEVEL_INFO);
}

static void write_long_line(void)
{
    log_coded(LOG_START_REFUSED, NULL, "%05000d", 1);
}

static void test_what_is_written(void **state)
{
    (void)state;
    char text[8192];

    unsetenv("JOURNAL_STREAM");
    capture(write_levels, text, sizeof(text));
    assert_non_null(strstr(text, " error: one 1 code=storage_full\n"));
    assert_null(strstr(text, "two"));
    assert_non_null(strstr(text, " debug: three code=call_refused\n"));
    assert_non_null(strstr(text, " info: a link ended code=link_closed\n"));
    assert_non_null(strstr(text, " warning: four 4 code=clients_full count=3\n"));
    assert_true(capture(write_long_line, text, sizeof(text)) < 2200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_prefixed_lines),
        cmocka_unit_test(test_terminal_lines),
        cmocka_unit_test(test_text_of_others_is_harmless),
        cmocka_unit_test(test_journal_is_known_by_its_inode),
        cmocka_unit_test(test_terminal_is_known),
        cmocka_unit_test(test_people_are_told_once),
        cmocka_unit_test(test_fields_of_a_line),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_what_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
