#include "tests/unit/unit.h"

#include <string.h>

#include "ctl/commands.h"
#include "ctl/help.h"

/* Words given as one string, cut at spaces; the list lives until the next call. */
static const char *const *words_of(const char *line, size_t *ret_count)
{
    static char text[256];
    static const char *words[32];
    char *at = text, *word;

    memcpy(text, line, strlen(line) + 1);
    *ret_count = 0;
    while ((word = strsep(&at, " ")) != NULL) {
        if (*word != '\0')
            words[(*ret_count)++] = word;
    }
    return words;
}

static void assert_finds(const char *line, enum command_id id, size_t used)
{
    size_t count, got_used = 99;
    const char *const *words = words_of(line, &count);
    const struct command *command = command_find(words, count, &got_used);

    assert_non_null(command);
    assert_int_equal(command->id, id);
    assert_int_equal(got_used, used);
}

static void assert_suggests(const char *line, const char *says)
{
    struct bytes message = BYTES_EMPTY;
    size_t count, used;
    const char *const *words = words_of(line, &count);

    assert_null(command_find(words, count, &used));
    command_suggest(words, count, &message);
    bytes_u8(&message, '\0');
    assert_string_equal((char *)bytes_data(&message), says);
    bytes_done(&message);
}

/* Whether the command itself reads what names no parameter. */
static bool is_own(const struct command *command)
{
    return command->id == COMMAND_CALL || command->id == COMMAND_HELP ||
           command->id == COMMAND_WATCH;
}

static void check_args(const struct command *command)
{
    for (const struct command_arg *arg = command->args; arg->shown != NULL; arg++) {
        bool takes_all = arg->takes == TAKES_REST || arg->takes == TAKES_ANY;

        assert_int_equal(*arg->param == '\0', is_own(command));
        if (*arg->param != '\0')
            param_place(command->method, arg->param);
        assert_true(!takes_all || arg[1].shown == NULL);
    }
}

static void check_options(const struct command *command)
{
    for (const struct command_option *option = command->options; option->name != NULL; option++) {
        const struct command_option *any = any_option(option->name, strlen(option->name));

        assert_true(*option->help != '\0' &&
                    (*option->shown == '\0') == (option->takes == OPTION_FLAG));
        assert_int_equal(option_needs_value(any), option_needs_value(option));
        assert_int_equal(any->takes, option->takes);
        assert_int_equal(*option->param == '\0',
                         option->takes == OPTION_LOCAL || option->takes == OPTION_FLAG);
        if (*option->param != '\0')
            param_place(command->method, option->param);
        if (option->takes == OPTION_WAIT)
            param_place(command->method, "wait_s");
        for (unsigned i = 0; i < GLOBAL_COUNT; i++)
            assert_string_not_equal(option->name, global_option_at((enum global_option)i)->name);
    }
}

static void test_table_fits_methods(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at((enum command_id)i);

        assert_int_equal(command->id, i);
        check_args(command);
        check_options(command);
    }
}

/* What the method demands can be given. */
static void test_required_parameters_are_arguments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at((enum command_id)i);
        const struct api_method_row *row = api_method(command->method);

        for (size_t j = 0; j < row->param_count; j++) {
            bool given = row->params[j].need == API_OPTIONAL;

            for (const struct command_arg *arg = command->args; arg->shown != NULL; arg++)
                given |= strcmp(arg->param, row->params[j].name) == 0;
            assert_true(given);
        }
    }
}

static void test_finds_the_longest(void **state)
{
    (void)state;
    size_t count, used = 99;

    assert_finds("status", COMMAND_STATUS, 1);
    assert_finds("chat request h 1", COMMAND_CHAT_REQUEST, 2);
    assert_finds("chat requests", COMMAND_CHAT_REQUESTS, 2);
    assert_finds("list connected peer", COMMAND_LIST_CONNECTED_PEER, 3);
    assert_finds("connected", COMMAND_CONNECTED, 1);
    assert_finds("watch chat", COMMAND_WATCH, 1);
    assert_null(command_find(words_of("chat", &count), count, &used));
    assert_null(command_find(words_of("Status", &count), 1, &used));
    assert_null(command_find(NULL, 0, &used));
    assert_int_equal(used, 99);
}

static void test_options(void **state)
{
    (void)state;
    const struct command *message = command_at(COMMAND_CHAT_MESSAGE);

    assert_non_null(command_option(message, "wait=5", 4));
    assert_null(command_option(message, "wait=5", 3));
    assert_null(command_option(message, "limit", 5));
    assert_non_null(any_option("limit", 5));
    assert_ptr_equal(any_option("json", 4), global_option_at(GLOBAL_JSON));
    assert_null(any_option("", 0));
    assert_false(option_needs_value(any_option("wait", 4)));
    assert_false(option_needs_value(any_option("json", 4)));
    assert_true(option_needs_value(any_option("count", 5)));
}

static void test_suggestions(void **state)
{
    (void)state;
    assert_suggests("statsu", "unknown command 'statsu'; did you mean 'status'?");
    assert_suggests("chat mesage alice hi",
                    "unknown command 'chat mesage'; did you mean 'chat message'?");
    assert_suggests("contact",
                    "unknown command 'contact'; there is 'contact list', 'contact rename', "
                    "'contact verify', 'contact remove'");
    assert_suggests("list connected",
                    "unknown command 'list connected'; did you mean 'list connected peer'?");
    assert_suggests("frobnicate", "unknown command 'frobnicate'; 'p2pchatctl help' lists them");
    assert_suggests("\x1b[2J\xff",
                    "unknown command '<U+001B>[2J<FF>'; 'p2pchatctl help' lists them");
    assert_suggests("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
                    "unknown command 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; "
                    "'p2pchatctl help' lists them");
}

/* --- Help --- */

static const char *help_of(const char *line, enum outcome wanted)
{
    static char text[8192];
    struct bytes out = BYTES_EMPTY, message = BYTES_EMPTY, *said;
    size_t count;
    const char *const *words = words_of(line, &count);

    assert_int_equal(help_text(words, count, &out, &message), wanted);
    said = wanted == OUTCOME_DONE ? &out : &message;
    assert_int_equal(bytes_length(wanted == OUTCOME_DONE ? &message : &out), 0);
    assert_true(bytes_length(said) < sizeof(text));
    memcpy(text, bytes_data(said), bytes_length(said));
    text[bytes_length(said)] = '\0';
    bytes_done(&out);
    bytes_done(&message);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void test_help_names_every_command(void **state)
{
    (void)state;
    const char *text = help_of("", OUTCOME_DONE);

    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        assert_has(text, command_at((enum command_id)i)->words);
        assert_has(text, command_at((enum command_id)i)->help);
    }
    assert_has(text, "--socket=PATH");
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 100);
}

static void test_help_of_one(void **state)
{
    (void)state;
    const char *text = help_of("chat message alice hi", OUTCOME_DONE);

    assert_has(text, "Usage: p2pchatctl [OPTION]... chat message PEER {TEXT... | -}\n");
    assert_has(text, "  --wait[=SECONDS]          until it is delivered\n");
    assert_has(text, "  --key=KEY                 makes a repeated call harmless");
    assert_has(text, "  PEER                      to whom: alias");
    assert_has(help_of("history", OUTCOME_DONE), "history [PEER]\n");
    assert_has(help_of("help", OUTCOME_DONE), "help [COMMAND...]\n");
    assert_has(help_of("chat request", OUTCOME_DONE), "chat request {ADDRESS | HOST PORT}\n");
}

static void test_help_of_many_and_none(void **state)
{
    (void)state;
    const char *text = help_of("contact", OUTCOME_DONE);

    assert_has(text, "  contact list              all peers that are known\n");
    assert_null(strstr(text, "chat message"));
    assert_string_equal(help_of("histroy", OUTCOME_USAGE),
                        "unknown command 'histroy'; did you mean 'history'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_fits_methods),
        cmocka_unit_test(test_required_parameters_are_arguments),
        cmocka_unit_test(test_finds_the_longest),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_help_names_every_command),
        cmocka_unit_test(test_help_of_one),
        cmocka_unit_test(test_help_of_many_and_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
