#include "ctl/help.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "ctl/commands.h"

enum { HELP_COLUMN = 28 }; /* where explanations begin */

/* One entry: what is typed, and what it is for, on the next line when it is too long. */
static void entry(struct bytes *out, const struct bytes *typed, const char *help)
{
    size_t length = bytes_length(typed);

    bytes_text(out, "  ");
    bytes_append(out, bytes_data(typed), length);
    if (length + 4 > HELP_COLUMN) {
        bytes_u8(out, '\n');
        length = 0;
        bytes_text(out, "  ");
    }
    for (; length + 2 < HELP_COLUMN; length++)
        bytes_u8(out, ' ');
    bytes_text(out, help);
    bytes_u8(out, '\n');
}

static void option_entry(struct bytes *out, const struct command_option *option)
{
    struct bytes typed = BYTES_EMPTY;

    bytes_text(&typed, "--");
    bytes_text(&typed, option->name);
    if (option_needs_value(option))
        bytes_text(&typed, "=");
    else if (option->takes == OPTION_WAIT)
        bytes_text(&typed, "[=");
    bytes_text(&typed, option->shown);
    if (option->takes == OPTION_WAIT)
        bytes_text(&typed, "]");
    entry(out, &typed, option->help);
    bytes_done(&typed);
}

/* "PEER", "[PEER]", "{REQUEST | PEER}", "[COMMAND...]" */
static void add_arg(struct bytes *out, const struct command_arg *arg)
{
    bool maybe = arg->takes == TAKES_MAYBE || arg->takes == TAKES_JSON || arg->takes == TAKES_ANY;
    bool choice = !maybe && strchr(arg->shown, '|') != NULL;

    bytes_text(out, maybe ? " [" : choice ? " {" : " ");
    bytes_text(out, arg->shown);
    if (arg->takes == TAKES_ANY)
        bytes_text(out, "...");
    bytes_text(out, maybe ? "]" : choice ? "}" : "");
}

static void add_usage(struct bytes *out, const struct command *command)
{
    bytes_text(out, command->words);
    for (const struct command_arg *arg = command->args; arg->shown != NULL; arg++)
        add_arg(out, arg);
}

static void add_globals(struct bytes *out)
{
    bytes_text(out, "\nOptions of every command, anywhere before --:\n");
    for (unsigned i = 0; i < GLOBAL_COUNT; i++)
        option_entry(out, global_option_at((enum global_option)i));
}

/* --- The overview --- */

static void command_entry(struct bytes *out, const struct command *command)
{
    struct bytes typed = BYTES_EMPTY;

    add_usage(&typed, command);
    entry(out, &typed, command->help);
    bytes_done(&typed);
}

static size_t first_word(const char *words)
{
    return (size_t)(strchrnul(words, ' ') - words);
}

static bool same_first_word(const char *a, const char *b)
{
    return first_word(a) == first_word(b) && memcmp(a, b, first_word(a)) == 0;
}

/* Whether other commands begin with the same word. */
static bool is_in_group(const struct command *command)
{
    unsigned members = 0;

    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        members += same_first_word(command->words, command_at((enum command_id)i)->words);
    return members > 1;
}

static bool begins_group(const struct command *command, const struct command *before)
{
    if (before == NULL)
        return true;
    return !same_first_word(command->words, before->words) &&
           (is_in_group(command) || is_in_group(before));
}

static void usage(struct bytes *out)
{
    bytes_text(out, "Usage: p2pchatctl [OPTION]... COMMAND [ARGUMENT]...\n");
}

static void overview(struct bytes *out)
{
    const struct command *before = NULL;

    usage(out);
    bytes_text(out, "Talks to p2pchatd on this machine.\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at((enum command_id)i);

        if (begins_group(command, before))
            bytes_u8(out, '\n');
        command_entry(out, command);
        before = command;
    }
    add_globals(out);
    bytes_text(out, "\n'p2pchatctl help COMMAND' says more about one; p2pchatctl(1) about all.\n");
}

/* --- One command --- */

static void arg_entries(struct bytes *out, const struct command *command)
{
    const struct api_method_row *row = api_method(command->method);
    struct bytes typed = BYTES_EMPTY;

    for (const struct command_arg *arg = command->args; arg->shown != NULL; arg++) {
        if (*arg->param == '\0')
            continue;
        if (bytes_length(&typed) == 0)
            bytes_text(out, "\nArguments:\n");
        bytes_clear(&typed);
        bytes_text(&typed, arg->shown);
        entry(out, &typed, row->params[param_place(command->method, arg->param)].help);
    }
    bytes_done(&typed);
}

static void one_command(struct bytes *out, const struct command *command)
{
    bytes_text(out, "Usage: p2pchatctl [OPTION]... ");
    add_usage(out, command);
    bytes_u8(out, '\n');
    bytes_text(out, command->help);
    bytes_u8(out, '\n');
    arg_entries(out, command);
    if (command->options->name != NULL)
        bytes_text(out, "\nOptions:\n");
    for (const struct command_option *option = command->options; option->name != NULL; option++)
        option_entry(out, option);
    add_globals(out);
}

/* Lists the commands that begin with these words; false when there is none. */
static bool those_that_begin(const char *const *words, size_t count, struct bytes *out)
{
    bool any = false;

    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at((enum command_id)i);

        if (!command_begins(command, words, count))
            continue;
        if (!any) {
            usage(out);
            bytes_u8(out, '\n');
        }
        command_entry(out, command);
        any = true;
    }
    return any;
}

enum outcome help_text(const char *const *words, size_t count, struct bytes *out,
                       struct bytes *message)
{
    const struct command *command;
    size_t used;

    if (count == 0) {
        overview(out);
        return OUTCOME_DONE;
    }
    command = command_find(words, count, &used);
    if (command != NULL) {
        one_command(out, command);
        return OUTCOME_DONE;
    }
    if (those_that_begin(words, count, out))
        return OUTCOME_DONE;
    command_suggest(words, count, message);
    return OUTCOME_USAGE;
}
