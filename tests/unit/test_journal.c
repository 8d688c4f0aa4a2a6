/* Entries of the journal: the fields that an entry of the log has, and none that somebody else
 * makes. That the journal takes them is shown by tests/system/test_journal.py. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/link/identity.h"
#include "daemon/journal.h"
#include "daemon/log.h"

static struct bytes made;

static int teardown(void **state)
{
    (void)state;
    bytes_done(&made);
    made = BYTES_EMPTY;
    return 0;
}

static size_t count_fields(void)
{
    const char *text = (const char *)bytes_data(&made), *end = text + bytes_length(&made);
    size_t count = 0;

    for (; text < end; count++) {
        text = memchr(text, '\n', (size_t)(end - text));
        assert_non_null(text);
        text++;
    }
    return count;
}

/* The value of the only field of this name, as text; fails the test when there are several. NULL:
 * there is none. */
static const char *field(const char *name)
{
    static char value[8192];
    const char *text = (const char *)bytes_data(&made), *end = text + bytes_length(&made);
    const char *found = NULL, *next;

    for (; text < end; text = next + 1) {
        next = memchr(text, '\n', (size_t)(end - text));
        assert_non_null(next);
        if ((size_t)(next - text) > strlen(name) && memcmp(text, name, strlen(name)) == 0 &&
            text[strlen(name)] == '=') {
            assert_null(found);
            text += strlen(name) + 1;
            snprintf(value, sizeof(value), "%.*s", (int)(next - text), text);
            found = value;
        }
    }
    return found;
}

static const uint8_t somebody[KEY_LENGTH] = {7};

static void test_all_fields(void **state)
{
    (void)state;
    const struct log_caller caller = {.user = 1000, .process = 77};
    const struct log_entry entry = {.level = LEVEL_WARNING,
                                    .code = "link_refused",
                                    .message_id = "0123456789abcdef0123456789abcdef",
                                    .fields = {.key = somebody,
                                               .address = "[::1]:5",
                                               .link = UINT64_MAX,
                                               .method = "chat.message",
                                               .error = "malformed",
                                               .count = 3,
                                               .caller = &caller},
                                    .text = "so it is",
                                    .length = 8};
    char peer_id[PEER_ID_LENGTH + 1], message[256];

    peer_id_encode(somebody, peer_id);
    snprintf(message, sizeof(message), "so it is (peer %s, address [::1]:5, count 3)", peer_id);
    log_entry_journal(&made, &entry);
    assert_string_equal(field("MESSAGE"), message);
    assert_string_equal(field("PRIORITY"), "4");
    assert_string_equal(field("SYSLOG_IDENTIFIER"), "p2pchatd");
    assert_string_equal(field("MESSAGE_ID"), "0123456789abcdef0123456789abcdef");
    assert_string_equal(field("P2PCHAT_CODE"), "link_refused");
    assert_string_equal(field("P2PCHAT_PEER"), peer_id);
    assert_string_equal(field("P2PCHAT_ADDRESS"), "[::1]:5");
    assert_string_equal(field("P2PCHAT_LINK"), "18446744073709551615");
    assert_string_equal(field("P2PCHAT_METHOD"), "chat.message");
    assert_string_equal(field("P2PCHAT_ERROR"), "malformed");
    assert_string_equal(field("P2PCHAT_COUNT"), "3");
    assert_string_equal(field("P2PCHAT_UID"), "1000");
    assert_string_equal(field("P2PCHAT_PID"), "77");
}

static void test_only_what_there_is(void **state)
{
    (void)state;
    const struct log_entry entry = {.level = LEVEL_ERROR, .text = "x", .length = 1};

    log_entry_journal(&made, &entry);
    assert_string_equal(field("MESSAGE"), "x");
    assert_string_equal(field("PRIORITY"), "3");
    assert_string_equal(field("SYSLOG_FACILITY"), "3");
    assert_int_equal(count_fields(), 4);
}

/* A newline would begin a field. */
static void test_nobody_makes_fields(void **state)
{
    (void)state;
    static const char evil[] = "x\nPRIORITY=0\nMESSAGE_ID=1\x1b]0;t\x07\xc2\x85\xff\0y";
    const struct log_entry entry = {
        .level = LEVEL_INFO,
        .fields = {.address = "a\nP2PCHAT_CODE=ready", .error = "\xe2\x80\xa8P2PCHAT_UID=0"},
        .text = evil,
        .length = sizeof(evil) - 1};

    log_entry_journal(&made, &entry);
    assert_string_equal(field("MESSAGE"),
                        "x<U+000A>PRIORITY=0<U+000A>MESSAGE_ID=1<U+001B>]0;t<U+0007><U+0085><FF>"
                        "<U+0000>y (address a<U+000A>P2PCHAT_CODE=ready)");
    assert_string_equal(field("PRIORITY"), "6");
    assert_string_equal(field("P2PCHAT_ADDRESS"), "a<U+000A>P2PCHAT_CODE=ready");
    assert_string_equal(field("P2PCHAT_ERROR"), "<U+2028>P2PCHAT_UID=0");
    assert_null(field("MESSAGE_ID"));
    assert_null(field("P2PCHAT_CODE"));
    assert_null(field("P2PCHAT_UID"));
    assert_int_equal(count_fields(), 6);
}

static bool is_hexadecimal(const char *id)
{
    return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static void test_table(void **state)
{
    (void)state;
    for (enum log_code code = 0; code < LOG_CODES; code++) {
        const struct log_code_row *row = log_code(code);

        assert_true(row->name[0] != '\0');
        assert_true(row->message_id == NULL || is_hexadecimal(row->message_id));
    }
    assert_string_equal(log_code(LOG_STORAGE_FULL)->name, "storage_full");
    assert_int_equal(log_code(LOG_STORAGE_FULL)->level, LEVEL_ERROR);
    assert_string_equal(log_note_row("own_key")->name, "own_key");
    assert_null(log_note_row("link_proved")->message_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_all_fields, teardown),
        cmocka_unit_test_teardown(test_only_what_there_is, teardown),
        cmocka_unit_test_teardown(test_nobody_makes_fields, teardown),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
