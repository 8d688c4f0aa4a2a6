#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "ctl/invocation.h"
#include "ctl/params.h"

/* A command line as a NULL-terminated list behind the program's name. */
#define LINE(...) ((const char *const[]){"p2pchatctl", __VA_ARGS__, NULL})

static enum outcome parse(const char *const *argv, struct invocation *invocation,
                          struct bytes *message)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return invocation_parse(argc, argv, invocation, message);
}

/* Parses and checks what must be right. */
static struct invocation right(const char *const *argv)
{
    struct bytes message = BYTES_EMPTY;
    struct invocation invocation;

    if (parse(argv, &invocation, &message) != OUTCOME_DONE ||
        params_check(&invocation, &message) != OUTCOME_DONE) {
        bytes_u8(&message, '\0');
        fail_msg("%s", (char *)bytes_data(&message));
    }
    assert_int_equal(bytes_length(&message), 0);
    return invocation;
}

static void assert_writes(const struct invocation *invocation, const char *method,
                          const char *params)
{
    struct bytes out = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &out);
    params_write(invocation, &w);
    bytes_u8(&out, '\0');
    assert_string_equal((char *)bytes_data(&out), params);
    assert_string_equal(params_method(invocation), method);
    bytes_done(&out);
}

static void assert_calls(const char *const *argv, const char *method, const char *params)
{
    struct invocation invocation = right(argv);

    assert_writes(&invocation, method, params);
    invocation_done(&invocation);
}

static void assert_wrong(const char *const *argv, enum outcome with, const char *says)
{
    struct bytes message = BYTES_EMPTY;
    struct invocation invocation;
    enum outcome outcome = parse(argv, &invocation, &message);

    if (outcome == OUTCOME_DONE)
        outcome = params_check(&invocation, &message);
    bytes_u8(&message, '\0');
    assert_string_equal((char *)bytes_data(&message), says);
    assert_int_equal(outcome, with);
    invocation_done(&invocation);
    bytes_done(&message);
}

static void test_commands_without_arguments(void **state)
{
    (void)state;
    assert_calls(LINE("whoami"), "identity", "{}");
    assert_calls(LINE("status"), "status", "{}");
    assert_calls(LINE("shutdown"), "shutdown", "{}");
    assert_calls(LINE("chat", "requests"), "chat.requests", "{}");
    assert_calls(LINE("connected"), "chat.connected", "{}");
    assert_calls(LINE("list", "connected", "peer"), "chat.connected", "{}");
    assert_calls(LINE("contact", "list"), "contact.list", "{}");
    assert_wrong(LINE("status", "now"), OUTCOME_USAGE,
                 "'status' does not take 'now'; see 'p2pchatctl help status'");
}

static void test_peers(void **state)
{
    (void)state;
    assert_calls(LINE("disconnect", "bob"), "chat.disconnect", "{\"peer\":\"bob\"}");
    assert_calls(LINE("block", "bob"), "contact.block", "{\"peer\":\"bob\"}");
    assert_calls(LINE("unblock", "bob"), "contact.unblock", "{\"peer\":\"bob\"}");
    assert_calls(LINE("contact", "remove", "bob"), "contact.remove", "{\"peer\":\"bob\"}");
    assert_calls(LINE("contact", "rename", "bob", "rob"), "contact.rename",
                 "{\"peer\":\"bob\",\"alias\":\"rob\"}");
    assert_calls(LINE("contact", "verify", "bob"), "contact.verify", "{\"peer\":\"bob\"}");
    assert_calls(LINE("contact", "verify", "bob", "123 45"), "contact.verify",
                 "{\"peer\":\"bob\",\"number\":\"123 45\"}");
    assert_calls(LINE("contact", "verify", "bob", "12345", "67890\n", "-"), "contact.verify",
                 "{\"peer\":\"bob\",\"number\":\"12345 67890\\n -\"}");
    assert_calls(LINE("chat", "accept", "r1", "--as", "al"), "chat.accept",
                 "{\"request\":\"r1\",\"as\":\"al\"}");
    assert_calls(LINE("chat", "refuse", "r1"), "chat.refuse", "{\"request\":\"r1\"}");
    assert_wrong(LINE("contact", "rename", "bob"), OUTCOME_USAGE,
                 "'contact rename' needs ALIAS; see 'p2pchatctl help contact rename'");
    assert_wrong(LINE("disconnect"), OUTCOME_USAGE,
                 "'disconnect' needs PEER; see 'p2pchatctl help disconnect'");
    assert_wrong(LINE("disconnect", "b\xffg"), OUTCOME_USAGE,
                 "PEER must be UTF-8; see 'p2pchatctl help disconnect'");
}

static void test_places(void **state)
{
    (void)state;
    assert_calls(LINE("chat", "request", "example.org", "28470"), "chat.request",
                 "{\"to\":\"example.org:28470\"}");
    assert_calls(LINE("chat", "request", "::1", "1"), "chat.request", "{\"to\":\"[::1]:1\"}");
    assert_calls(LINE("chat", "request", "[::1]", "1"), "chat.request", "{\"to\":\"[::1]:1\"}");
    assert_calls(LINE("chat", "request", "abc@::1", "1"), "chat.request",
                 "{\"to\":\"abc@[::1]:1\"}");
    assert_calls(LINE("chat", "request", "abc@[::1]", "65535"), "chat.request",
                 "{\"to\":\"abc@[::1]:65535\"}");
    assert_calls(LINE("chat", "request", "alice", "--greeting=hi, it's me"), "chat.request",
                 "{\"to\":\"alice\",\"greeting\":\"hi, it's me\"}");
    assert_wrong(LINE("chat", "request", "h", "65536"), OUTCOME_USAGE,
                 "PORT must be a number from 1 to 65535, not '65536'; "
                 "see 'p2pchatctl help chat request'");
    assert_wrong(LINE("chat", "request", "h", "x\n"), OUTCOME_USAGE,
                 "PORT must be a number from 1 to 65535, not 'x<U+000A>'; "
                 "see 'p2pchatctl help chat request'");
    assert_wrong(LINE("chat", "request", "h", "1", "2"), OUTCOME_USAGE,
                 "'chat request' does not take '2'; see 'p2pchatctl help chat request'");
    assert_wrong(LINE("chat", "request"), OUTCOME_USAGE,
                 "'chat request' needs ADDRESS | HOST PORT; see 'p2pchatctl help chat request'");
}

static void test_messages(void **state)
{
    (void)state;
    assert_calls(LINE("chat", "message", "alice", "hi", "there"), "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"hi there\"}");
    assert_calls(LINE("chat", "message", "alice", "a  b\n"), "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"a  b\\n\"}");
    assert_calls(LINE("chat", "message", "alice", "a", "-", "b"), "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"a - b\"}");
    assert_calls(LINE("chat", "--wait", "message", "alice", "--key", "k", "--", "--hi", "--"),
                 "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"--hi --\",\"key\":\"k\",\"wait\":true}");
    assert_calls(LINE("chat", "message", "--wait=2.5", "alice", "5"), "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"5\",\"wait\":true,\"wait_s\":2.5}");
    assert_calls(LINE("chat", "message", "--wait=2", "--wait", "alice", "5"), "chat.message",
                 "{\"peer\":\"alice\",\"text\":\"5\",\"wait\":true}");
    assert_wrong(LINE("chat", "message", "alice"), OUTCOME_USAGE,
                 "'chat message' needs TEXT... | -; see 'p2pchatctl help chat message'");
    assert_wrong(LINE("chat", "message", "alice", ""), OUTCOME_FAILED,
                 "the text is empty (invalid_params)");
    assert_wrong(LINE("chat", "message", "alice", "\x1b"), OUTCOME_FAILED,
                 "the text must be UTF-8, of control characters only newline and tab (bad_text)");
    assert_wrong(LINE("chat", "message", "alice", "x", "--wait=1e3"), OUTCOME_USAGE,
                 "--wait must be a number from 0 to 31536000; see 'p2pchatctl help chat message'");
    assert_wrong(LINE("chat", "message", "alice", "x", "--wait="), OUTCOME_USAGE,
                 "--wait must be a number from 0 to 31536000; see 'p2pchatctl help chat message'");
}

static void test_too_long_text(void **state)
{
    (void)state;
    char *text = xmalloc(65538);

    memset(text, 'x', 65537);
    text[65537] = '\0';
    assert_wrong(LINE("chat", "message", "alice", text), OUTCOME_FAILED,
                 "the text is too long; at most 65536 bytes are allowed (too_long)");
    free(text);
}

static void test_standard_input(void **state)
{
    (void)state;
    struct invocation invocation = right(LINE("chat", "message", "alice", "-"));

    assert_int_equal(invocation.from_stdin, ARG_CHAT_MESSAGE_TEXT);
    invocation_take_text(&invocation, xstrdup("one\ntwo"));
    assert_writes(&invocation, "chat.message", "{\"peer\":\"alice\",\"text\":\"one\\ntwo\"}");
    invocation_done(&invocation);
}

static void test_history_and_watch(void **state)
{
    (void)state;
    struct invocation invocation;

    assert_calls(LINE("history"), "history", "{}");
    assert_calls(LINE("history", "bob", "--limit", "5", "--before=9007199254740991"), "history",
                 "{\"peer\":\"bob\",\"before\":9007199254740991,\"limit\":5}");
    assert_calls(LINE("history", "--search=two words", "--limit=5"), "history",
                 "{\"limit\":5,\"search\":\"two words\"}");
    assert_wrong(LINE("history", "--limit=1001"), OUTCOME_USAGE,
                 "--limit must be an integer from 1 to 1000; see 'p2pchatctl help history'");
    assert_wrong(LINE("history", "--limit=-1"), OUTCOME_USAGE,
                 "--limit must be an integer from 1 to 1000; see 'p2pchatctl help history'");
    assert_wrong(LINE("history", "--before=99999999999999999999"), OUTCOME_USAGE,
                 "--before must be an integer from 1 to 9007199254740991; "
                 "see 'p2pchatctl help history'");
    invocation = right(LINE("watch", "--since=0", "--type=message.received,chat.refused",
                            "--type=peer.online", "--peer=bob", "--count=3"));
    assert_writes(&invocation, "events.subscribe",
                  "{\"since\":0,\"types\":[\"message.received\",\"chat.refused\",\"peer.online\"],"
                  "\"peer\":\"bob\"}");
    assert_int_equal(invocation.count, 3);
    invocation_done(&invocation);
    assert_calls(LINE("watch", "--as=bot", "--count=1"), "events.subscribe",
                 "{\"consumer\":\"bot\"}");
    assert_wrong(LINE("watch", "--as=bot", "--since=0"), OUTCOME_USAGE,
                 "--as and --since exclude each other");
    assert_wrong(LINE("watch", "--count=0"), OUTCOME_USAGE,
                 "--count must be an integer from 1; see 'p2pchatctl help watch'");
    assert_wrong(LINE("watch", "--type=a,,b"), OUTCOME_USAGE,
                 "--type must be a list, separated by commas; see 'p2pchatctl help watch'");
    assert_wrong(LINE("watch", "--type="), OUTCOME_USAGE,
                 "--type must be a list, separated by commas; see 'p2pchatctl help watch'");
}

static void test_export(void **state)
{
    (void)state;
    struct invocation invocation = right(LINE("history", "--export", "bob", "--limit=100000"));

    assert_true(invocation.export);
    assert_int_equal(invocation_integer(&invocation, ARG_HISTORY_LIMIT), 100000);
    invocation_set_integer(&invocation, ARG_HISTORY_LIMIT, 1000);
    invocation_set_integer(&invocation, ARG_HISTORY_AFTER, INT64_C(9007199254740991));
    assert_writes(&invocation, "history",
                  "{\"peer\":\"bob\",\"after\":9007199254740991,\"limit\":1000}");
    invocation_done(&invocation);
    assert_wrong(LINE("history", "--export", "--limit=0"), OUTCOME_USAGE,
                 "--limit must be an integer from 1");
    assert_wrong(LINE("history", "--export", "--limit=9007199254740992"), OUTCOME_USAGE,
                 "--limit must be an integer from 1");
    assert_wrong(LINE("history", "--export", "--before=9"), OUTCOME_USAGE,
                 "--export and --before exclude each other");
}

static void test_exec(void **state)
{
    (void)state;
    struct invocation invocation =
        right(LINE("watch", "--exec=sh -c 'a b'", "--no-reconnect", "--", "one two", "--exec"));

    assert_true(invocation.no_reconnect);
    assert_string_equal(invocation.exec[0], "sh");
    assert_string_equal(invocation.exec[1], "-c");
    assert_string_equal(invocation.exec[2], "a b");
    assert_string_equal(invocation.exec[3], "one two");
    assert_string_equal(invocation.exec[4], "--exec");
    assert_null(invocation.exec[5]);
    assert_writes(&invocation, "events.subscribe", "{}");
    invocation_done(&invocation);
    invocation = right(LINE("watch"));
    assert_false(invocation.no_reconnect);
    assert_null(invocation.exec);
    invocation_done(&invocation);
    assert_wrong(LINE("watch", "--exec="), OUTCOME_USAGE,
                 "--exec: it names no command; see 'p2pchatctl help watch'");
    assert_wrong(LINE("watch", "--exec=' '", "--exec", "a 'b", "--", "c"), OUTCOME_USAGE,
                 "--exec: a quote is not closed; see 'p2pchatctl help watch'");
    assert_wrong(LINE("watch", "a\x1b"), OUTCOME_USAGE,
                 "'watch' does not take 'a<U+001B>' without --exec; see 'p2pchatctl help watch'");
    assert_wrong(LINE("watch", "--no-reconnect=yes"), OUTCOME_USAGE,
                 "--no-reconnect takes no value");
    assert_wrong(LINE("status", "--exec=a"), OUTCOME_USAGE,
                 "'status' has no option --exec; see 'p2pchatctl help status'");
}

#define KNOWN_TYPES                                                                       \
    "message.received, message.sent, message.delivered, message.failed, chat.requested, " \
    "chat.accepted, chat.refused, chat.expired, chat.disconnected, peer.online, "         \
    "peer.offline, security.warning, gap, registered, register.failed, unregistered"

static void test_types_of_events(void **state)
{
    (void)state;
    struct invocation invocation = right(LINE("watch"));

    invocation_done(&invocation);
    assert_wrong(LINE("watch", "--type=foo"), OUTCOME_USAGE,
                 "--type: there are no events 'foo', only " KNOWN_TYPES);
    assert_wrong(LINE("watch", "--type=peer.online,message"), OUTCOME_USAGE,
                 "--type: there are no events 'message', only " KNOWN_TYPES);
    assert_wrong(LINE("watch", "--type=\x1b.a.name.that.is.longer.than.any.of.them,peer.online"),
                 OUTCOME_USAGE,
                 "--type: there are no events '<U+001B>.a.name.that.is.longer.than.any.of.them', "
                 "only " KNOWN_TYPES);
}

static void test_calls(void **state)
{
    (void)state;
    struct invocation invocation;

    assert_calls(LINE("call", "no.such"), "no.such", "{}");
    assert_calls(LINE("call", "history", "{ \"limit\" :\n5 }"), "history", "{\"limit\":5}");
    assert_wrong(LINE("call"), OUTCOME_USAGE, "'call' needs METHOD; see 'p2pchatctl help call'");
    assert_wrong(LINE("call", "x", "[]"), OUTCOME_USAGE,
                 "PARAMS-JSON must be one JSON object, such as '{\"limit\": 5}'; "
                 "see 'p2pchatctl help call'");
    assert_wrong(LINE("call", "x", "{"), OUTCOME_USAGE,
                 "PARAMS-JSON must be one JSON object, such as '{\"limit\": 5}'; "
                 "see 'p2pchatctl help call'");
    assert_wrong(LINE("call", "\xff"), OUTCOME_USAGE, "METHOD must be UTF-8");
    invocation = right(LINE("call", "chat.message", "{\"wait\":true}"));
    assert_true(invocation_waits(&invocation));
    invocation_done(&invocation);
    invocation = right(LINE("call", "chat.message", "{\"wait\":false}"));
    assert_false(invocation_waits(&invocation));
    invocation_done(&invocation);
}

static void test_global_options(void **state)
{
    (void)state;
    struct invocation invocation =
        right(LINE("--json", "chat", "--socket", "/tmp/s", "message", "a", "b", "--timeout=0.25"));

    assert_true(invocation.json);
    assert_string_equal(invocation.socket, "/tmp/s");
    assert_int_equal(invocation.timeout_ms, 250);
    assert_false(invocation_waits(&invocation));
    invocation_done(&invocation);
    invocation = right(LINE("status"));
    assert_false(invocation.json);
    assert_null(invocation.socket);
    assert_int_equal(invocation.timeout_ms, 30000);
    invocation_done(&invocation);
    invocation = right(LINE("status", "--timeout=0.0001"));
    assert_int_equal(invocation.timeout_ms, 1);
    invocation_done(&invocation);
}

static void test_wrong_options(void **state)
{
    (void)state;
    static const char *const times[] = {
        "--timeout=0",        "--timeout=-1",   "--timeout=",      "--timeout=inf",
        "--timeout=31536001", "--timeout=0x10", "--timeout=1.2.3", "--timeout=."};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_wrong(LINE("status", times[i]), OUTCOME_USAGE,
                     "--timeout must be a number of seconds, more than 0 and at most 31536000");
    assert_wrong(LINE("status", "--socket"), OUTCOME_USAGE,
                 "--socket needs a value: --socket=PATH");
    assert_wrong(LINE("status", "--json=yes"), OUTCOME_USAGE, "--json takes no value");
    assert_wrong(LINE("status", "--verbose"), OUTCOME_USAGE,
                 "unknown option '--verbose'; words that begin with a dash go behind --");
    assert_wrong(LINE("-s", "status"), OUTCOME_USAGE,
                 "unknown option '-s'; words that begin with a dash go behind --");
    assert_wrong(LINE("status", "--limit=5"), OUTCOME_USAGE,
                 "'status' has no option --limit; see 'p2pchatctl help status'");
    assert_wrong(LINE("--"), OUTCOME_USAGE, "which command? 'p2pchatctl help' lists them");
    assert_wrong(LINE("chat", "mesage"), OUTCOME_USAGE,
                 "unknown command 'chat mesage'; did you mean 'chat message'?");
}

static void test_help_and_version(void **state)
{
    (void)state;
    struct bytes message = BYTES_EMPTY;
    struct invocation invocation;

    assert_int_equal(parse(LINE("-h"), &invocation, &message), OUTCOME_DONE);
    assert_int_equal(invocation.wants, WANTS_HELP);
    invocation_done(&invocation);
    assert_int_equal(parse(LINE("chat", "message", "--help"), &invocation, &message), OUTCOME_DONE);
    assert_int_equal(invocation.wants, WANTS_HELP);
    assert_int_equal(invocation.word_count, 2);
    invocation_done(&invocation);
    assert_int_equal(parse(LINE("help", "chat"), &invocation, &message), OUTCOME_DONE);
    assert_int_equal(invocation.wants, WANTS_HELP);
    assert_int_equal(invocation.command->id, COMMAND_HELP);
    invocation_done(&invocation);
    assert_int_equal(parse(LINE("--version", "nonsense"), &invocation, &message), OUTCOME_DONE);
    assert_int_equal(invocation.wants, WANTS_VERSION);
    invocation_done(&invocation);
    assert_int_equal(bytes_length(&message), 0);
}

/* Also for a command line of nothing at all, as execve() can make it. */
static void test_no_words(void **state)
{
    (void)state;
    const char *const nothing[] = {NULL};

    assert_wrong(nothing, OUTCOME_USAGE, "which command? 'p2pchatctl help' lists them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_without_arguments),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_too_long_text),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_history_and_watch),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_types_of_events),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_global_options),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_no_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
