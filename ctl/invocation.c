#include "ctl/invocation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "ctl/number.h"
#include "ctl/words.h"

/* An option as it stood on the command line. */
struct given {
    const struct command_option *option;
    const char *value; /* NULL: without one */
};

/* The command line on its way to an invocation. */
struct parse {
    struct invocation *to;
    struct bytes *message;
    struct given *given;
    size_t given_count;
    const char *exec;            /* the value of --exec, or NULL */
    const char *const *operands; /* words that the command reads itself */
    size_t operand_count;
    bool help, version;
};

/* --- Saying what is wrong --- */

/* A piece of the command line, made safe for the terminal. */
static void quote(struct bytes *message, const char *text)
{
    bytes_text(message, "'");
    text_append_safe(message, text, strlen(text));
    bytes_text(message, "'");
}

__attribute__((format(printf, 2, 3))) static void say(struct bytes *message, const char *format,
                                                      ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bytes_text(message, text);
}

static enum outcome point_to_help(const struct parse *parse)
{
    say(parse->message, "; see 'p2pchatctl help %s'", parse->to->command->words);
    return OUTCOME_USAGE;
}

/* --- Words and options, before the command is known --- */

static enum outcome take_timeout(struct parse *parse, const char *value)
{
    double seconds;

    if (!number_decimal(value, &seconds) || seconds <= 0 || seconds > SECONDS_MAX) {
        say(parse->message, "--timeout must be a number of seconds, more than 0 and at most %d",
            SECONDS_MAX);
        return OUTCOME_USAGE;
    }
    parse->to->timeout_ms = (uint64_t)(seconds * 1000) + (seconds < 0.001);
    return OUTCOME_DONE;
}

static enum outcome take_global(struct parse *parse, enum global_option id, const char *value)
{
    switch (id) {
    case GLOBAL_SOCKET:
        parse->to->socket = value;
        break;
    case GLOBAL_JSON:
        parse->to->json = true;
        break;
    case GLOBAL_TIMEOUT:
        return take_timeout(parse, value);
    case GLOBAL_HELP:
        parse->help = true;
        break;
    case GLOBAL_VERSION:
        parse->version = true;
        break;
    case GLOBAL_COUNT:
        must(!"an option");
    }
    return OUTCOME_DONE;
}

static enum outcome take_given(struct parse *parse, const struct command_option *option,
                               const char *value)
{
    const struct command_option *globals = global_option_at(0);

    if (option >= globals && option < globals + GLOBAL_COUNT)
        return take_global(parse, (enum global_option)(option - globals), value);
    parse->given[parse->given_count++] = (struct given){option, value};
    return OUTCOME_DONE;
}

/* Takes the option at argv[*at], and the next word if its value stands there. */
static enum outcome take_option(struct parse *parse, int argc, const char *const *argv, int *at)
{
    const char *name = argv[*at] + 2, *end = strchrnul(name, '='), *value = NULL;
    const struct command_option *option = any_option(name, (size_t)(end - name));

    if (strcmp(argv[*at], "-h") == 0) /* what hands type everywhere */
        return take_global(parse, GLOBAL_HELP, NULL);
    if (argv[*at][1] != '-' || option == NULL) {
        bytes_text(parse->message, "unknown option ");
        quote(parse->message, argv[*at]);
        bytes_text(parse->message, "; words that begin with a dash go behind --");
        return OUTCOME_USAGE;
    }
    if (*end == '=')
        value = end + 1;
    else if (option_needs_value(option) && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL && option_needs_value(option)) {
        say(parse->message, "--%s needs a value: --%s=%s", option->name, option->name,
            option->shown);
        return OUTCOME_USAGE;
    }
    if (value != NULL && option->takes == OPTION_FLAG) {
        say(parse->message, "--%s takes no value", option->name);
        return OUTCOME_USAGE;
    }
    return take_given(parse, option, value);
}

static enum outcome split(struct parse *parse, int argc, const char *const *argv)
{
    const char **words = xcalloc((size_t)argc + 1, sizeof(*words));
    enum outcome outcome = OUTCOME_DONE;
    bool options = true;

    parse->to->words = words;
    for (int at = 1; at < argc && outcome == OUTCOME_DONE; at++) {
        if (options && strcmp(argv[at], "--") == 0)
            options = false;
        else if (options && argv[at][0] == '-' && argv[at][1] != '\0')
            outcome = take_option(parse, argc, argv, &at);
        else
            words[parse->to->word_count++] = argv[at];
    }
    return outcome;
}

/* --- The command's options --- */

static void set_value(struct invocation *invocation, const char *param, char *value)
{
    char **place = &invocation->value[param_place(invocation->command->method, param)];

    free(*place);
    *place = value;
}

/* More of a list joins what is there: --type=a --type=b,c. */
static void add_to_list(struct invocation *invocation, const char *param, const char *value)
{
    const char *before = invocation->value[param_place(invocation->command->method, param)];
    struct bytes list = BYTES_EMPTY;

    if (before != NULL) {
        bytes_text(&list, before);
        bytes_text(&list, ",");
    }
    bytes_text(&list, value);
    bytes_u8(&list, '\0');
    set_value(invocation, param, xstrdup((char *)bytes_data(&list)));
    bytes_done(&list);
}

static enum outcome take_count(struct parse *parse, const char *value)
{
    int64_t count;

    if (!number_whole(value, &count) || count == 0 || count > JSON_INTEGER_MAX) {
        say(parse->message, "--count must be an integer from 1");
        return point_to_help(parse);
    }
    parse->to->count = (uint64_t)count;
    return OUTCOME_DONE;
}

/* Options that the command itself reads. */
static enum outcome take_local(struct parse *parse, const char *name, const char *value)
{
    if (strcmp(name, "count") == 0)
        return take_count(parse, value);
    if (strcmp(name, "exec") == 0)
        parse->exec = value;
    else if (strcmp(name, "no-reconnect") == 0)
        parse->to->no_reconnect = true;
    else if (strcmp(name, "export") == 0)
        parse->to->export = true;
    else
        must(!"an option of a command");
    return OUTCOME_DONE;
}

static enum outcome apply_option(struct parse *parse, const struct given *given)
{
    const char *name = given->option->name;
    const struct command_option *option = command_option(parse->to->command, name, strlen(name));

    if (option == NULL) {
        say(parse->message, "'%s' has no option --%s", parse->to->command->words, name);
        return point_to_help(parse);
    }
    switch (option->takes) {
    case OPTION_VALUE:
        set_value(parse->to, option->param, xstrdup(given->value));
        break;
    case OPTION_LIST:
        add_to_list(parse->to, option->param, given->value);
        break;
    case OPTION_WAIT:
        set_value(parse->to, option->param, xstrdup("true"));
        set_value(parse->to, "wait_s", given->value != NULL ? xstrdup(given->value) : NULL);
        break;
    case OPTION_LOCAL:
    case OPTION_FLAG:
        return take_local(parse, name, given->value);
    }
    return OUTCOME_DONE;
}

/* --- The command's arguments --- */

/* HOST PORT as one address: an IPv6 literal gets brackets, also behind PEERID@. */
static char *join_place(const char *host, const char *port)
{
    const char *at = strrchr(host, '@'), *bare = at != NULL ? at + 1 : host;
    bool bracket = strchr(bare, ':') != NULL && *bare != '[';
    struct bytes place = BYTES_EMPTY;
    char *text;

    bytes_append(&place, host, (size_t)(bare - host));
    bytes_text(&place, bracket ? "[" : "");
    bytes_text(&place, bare);
    bytes_text(&place, bracket ? "]:" : ":");
    bytes_text(&place, port);
    bytes_u8(&place, '\0');
    text = xstrdup((char *)bytes_data(&place));
    bytes_done(&place);
    return text;
}

static enum outcome take_place(struct parse *parse, const struct command_arg *arg,
                               const char *const *words, size_t count)
{
    int64_t port;

    if (count == 1) {
        set_value(parse->to, arg->param, xstrdup(words[0]));
        return OUTCOME_DONE;
    }
    if (!number_whole(words[1], &port) || port < 1 || port > UINT16_MAX) {
        say(parse->message, "PORT must be a number from 1 to %d, not ", UINT16_MAX);
        quote(parse->message, words[1]);
        return point_to_help(parse);
    }
    set_value(parse->to, arg->param, join_place(words[0], words[1]));
    return OUTCOME_DONE;
}

static void take_joined(struct invocation *invocation, const struct command_arg *arg,
                        const char *const *words, size_t count)
{
    struct bytes text = BYTES_EMPTY;

    for (size_t i = 0; i < count; i++) {
        bytes_text(&text, i > 0 ? " " : "");
        bytes_text(&text, words[i]);
    }
    bytes_u8(&text, '\0');
    set_value(invocation, arg->param, xstrdup((char *)bytes_data(&text)));
    bytes_done(&text);
}

static void take_rest(struct invocation *invocation, const struct command_arg *arg,
                      const char *const *words, size_t count)
{
    if (count == 1 && strcmp(words[0], "-") == 0)
        invocation->from_stdin = (int)param_place(invocation->command->method, arg->param);
    else
        take_joined(invocation, arg, words, count);
}

static enum outcome take_json(struct parse *parse, const char *word)
{
    if (json_parse(word, strlen(word), &parse->to->call_params) == OK &&
        json_type(parse->to->call_params) == JSON_OBJECT)
        return OUTCOME_DONE;
    bytes_text(parse->message, "PARAMS-JSON must be one JSON object, such as '{\"limit\": 5}'");
    return point_to_help(parse);
}

/* How many of the words that are left an argument takes. */
static size_t words_taken(const struct command_arg *arg, size_t left)
{
    switch (arg->takes) {
    case TAKES_WORD:
    case TAKES_MAYBE:
    case TAKES_JSON:
        return left < 1 ? left : 1;
    case TAKES_PLACE:
        return left < 2 ? left : 2;
    case TAKES_REST:
    case TAKES_ANY:
        return left;
    }
    must(!"a way to take words");
    return 0;
}

static enum outcome take_arg(struct parse *parse, const struct command_arg *arg,
                             const char *const *words, size_t count)
{
    switch (arg->takes) {
    case TAKES_WORD:
    case TAKES_MAYBE:
        if (*arg->param != '\0')
            set_value(parse->to, arg->param, xstrdup(words[0]));
        else
            parse->to->call_method = words[0];
        break;
    case TAKES_PLACE:
        return take_place(parse, arg, words, count);
    case TAKES_REST:
        take_rest(parse->to, arg, words, count);
        break;
    case TAKES_JSON:
        return take_json(parse, words[0]);
    case TAKES_ANY:
        parse->operands = words;
        parse->operand_count = count;
        if (*arg->param != '\0')
            take_joined(parse->to, arg, words, count);
        break;
    }
    return OUTCOME_DONE;
}

static enum outcome take_args(struct parse *parse, const char *const *words, size_t left)
{
    const struct command_arg *arg = parse->to->command->args;
    enum outcome outcome = OUTCOME_DONE;

    for (; arg->shown != NULL && outcome == OUTCOME_DONE; arg++) {
        size_t count = words_taken(arg, left);

        if (count > 0) {
            outcome = take_arg(parse, arg, words, count);
            words += count;
            left -= count;
        } else if (arg->takes == TAKES_WORD || arg->takes == TAKES_REST ||
                   arg->takes == TAKES_PLACE) {
            say(parse->message, "'%s' needs %s", parse->to->command->words, arg->shown);
            return point_to_help(parse);
        }
    }
    if (outcome == OUTCOME_DONE && left > 0) {
        say(parse->message, "'%s' does not take ", parse->to->command->words);
        quote(parse->message, words[0]);
        return point_to_help(parse);
    }
    return outcome;
}

/* The words of --exec and the operands behind them become one command. */
static enum outcome join_exec(struct parse *parse)
{
    const char *why = "it names no command";
    char **words = NULL, **exec;
    size_t count = 0;

    if (parse->exec == NULL) {
        if (parse->to->command->id != COMMAND_WATCH || parse->operand_count == 0)
            return OUTCOME_DONE;
        say(parse->message, "'watch' does not take ");
        quote(parse->message, parse->operands[0]);
        bytes_text(parse->message, " without --exec");
        return point_to_help(parse);
    }
    if (words_split(parse->exec, &words, &count, &why) != OK || count == 0) {
        free(words);
        say(parse->message, "--exec: %s", why);
        return point_to_help(parse);
    }
    exec = xcalloc(count + parse->operand_count + 1, sizeof(*exec));
    for (size_t i = 0; i < count; i++)
        exec[i] = xstrdup(words[i]);
    for (size_t i = 0; i < parse->operand_count; i++)
        exec[count + i] = xstrdup(parse->operands[i]);
    free(words);
    parse->to->exec = exec;
    return OUTCOME_DONE;
}

/* --- The whole --- */

static enum outcome understand(struct parse *parse)
{
    struct invocation *to = parse->to;
    enum outcome outcome = OUTCOME_DONE;
    size_t used;

    if (parse->version || parse->help) {
        to->wants = parse->version ? WANTS_VERSION : WANTS_HELP;
        return OUTCOME_DONE;
    }
    if (to->word_count == 0) {
        bytes_text(parse->message, "which command? 'p2pchatctl help' lists them");
        return OUTCOME_USAGE;
    }
    to->command = command_find(to->words, to->word_count, &used);
    if (to->command == NULL) {
        command_suggest(to->words, to->word_count, parse->message);
        return OUTCOME_USAGE;
    }
    if (to->command->id == COMMAND_HELP)
        to->wants = WANTS_HELP;
    for (size_t i = 0; i < parse->given_count && outcome == OUTCOME_DONE; i++)
        outcome = apply_option(parse, &parse->given[i]);
    if (outcome == OUTCOME_DONE)
        outcome = take_args(parse, to->words + used, to->word_count - used);
    return outcome == OUTCOME_DONE ? join_exec(parse) : outcome;
}

enum outcome invocation_parse(int argc, const char *const *argv, struct invocation *ret_invocation,
                              struct bytes *message)
{
    struct parse parse = {.to = ret_invocation, .message = message};
    enum outcome outcome;

    *ret_invocation = (struct invocation){
        .wants = WANTS_RUN, .timeout_ms = TIMEOUT_MS_DEFAULT, .from_stdin = FROM_NOWHERE};
    parse.given = xcalloc((size_t)argc + 1, sizeof(*parse.given));
    outcome = split(&parse, argc, argv);
    if (outcome == OUTCOME_DONE)
        outcome = understand(&parse);
    free(parse.given);
    return outcome;
}

void invocation_done(struct invocation *invocation)
{
    for (size_t i = 0; i < API_PARAMS_MAX; i++)
        free(invocation->value[i]);
    for (char **each = invocation->exec; each != NULL && *each != NULL; each++)
        free(*each);
    free(invocation->exec);
    json_free(invocation->call_params);
    free(invocation->words);
    *invocation = (struct invocation){.words = NULL};
}

int64_t invocation_integer(const struct invocation *invocation, int place)
{
    int64_t integer = 0;

    must(number_whole(invocation->value[place], &integer));
    return integer;
}

void invocation_set_integer(struct invocation *invocation, int place, int64_t integer)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%lld", (long long)integer);
    free(invocation->value[place]);
    invocation->value[place] = xstrdup(digits);
}

void invocation_set_string(struct invocation *invocation, int place, const char *text)
{
    free(invocation->value[place]);
    invocation->value[place] = xstrdup(text);
}

void invocation_take_text(struct invocation *invocation, char *text)
{
    must(invocation->from_stdin != FROM_NOWHERE);
    free(invocation->value[invocation->from_stdin]);
    invocation->value[invocation->from_stdin] = text;
}

bool invocation_waits(const struct invocation *invocation)
{
    const struct api_method_row *row = api_method(invocation->command->method);
    bool wait = false;

    if (invocation->command->id == COMMAND_CALL)
        return json_bool(json_member(invocation->call_params, "wait"), &wait) && wait;
    for (size_t i = 0; i < row->param_count; i++)
        wait |= strcmp(row->params[i].name, "wait") == 0 && invocation->value[i] != NULL;
    return wait;
}
