#include "ctl/unfinished.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* The finished words on their way. */
struct reading {
    struct unfinished *line;
    bool options_are_over;               /* behind -- */
    const struct command_option *hungry; /* the last word is an option whose value comes next */
};

/* The option that a word of the command line names, and its value if that stands in the same word.
 */
static const struct command_option *option_of(const char *word, const char **ret_value)
{
    const char *name = word + 2, *end;

    if (strncmp(word, "--", 2) != 0)
        return NULL;
    end = strchrnul(name, '=');
    *ret_value = *end == '=' ? end + 1 : NULL;
    return any_option(name, (size_t)(end - name));
}

static void take_value(struct reading *reading, const struct command_option *option,
                       const char *value)
{
    if (option == global_option_at(GLOBAL_SOCKET))
        reading->line->socket = value;
}

static void take_word(struct reading *reading, const char *word)
{
    const char *value = NULL;
    const struct command_option *option;

    if (reading->hungry != NULL) {
        take_value(reading, reading->hungry, word);
        reading->hungry = NULL;
    } else if (!reading->options_are_over && strcmp(word, "--") == 0) {
        reading->options_are_over = true;
    } else if (!reading->options_are_over && word[0] == '-' && word[1] != '\0') {
        option = option_of(word, &value);
        if (option != NULL && value != NULL)
            take_value(reading, option, value);
        else if (option != NULL && option_needs_value(option))
            reading->hungry = option;
    } else {
        reading->line->list[reading->line->word_count++] = word;
    }
}

/* --- What is lacking --- */

/* What the value of a method's parameter names. */
static enum lacks of_param(const char *param)
{
    static const struct {
        const char *param;
        enum lacks lacks;
    } named[] = {
        {"peer", LACKS_PEER},  {"to", LACKS_PEER},           {"request", LACKS_REQUEST},
        {"types", LACKS_TYPE}, {"consumer", LACKS_CONSUMER},
    };

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (strcmp(named[i].param, param) == 0)
            return named[i].lacks;
    }
    return LACKS_NOTHING;
}

/* Options of one name mean different things in different commands. */
static enum lacks of_value(const struct command *command, const struct command_option *option)
{
    const struct command_option *own =
        command != NULL ? command_option(command, option->name, strlen(option->name)) : NULL;

    if (own != NULL)
        option = own;
    if (option == global_option_at(GLOBAL_SOCKET))
        return LACKS_FILE;
    if (strcmp(option->name, "exec") == 0)
        return LACKS_PROGRAM;
    return of_param(option->param);
}

/* The argument that takes the word behind so many, or NULL. */
static const struct command_arg *arg_behind(const struct command *command, size_t before)
{
    const struct command_arg *arg = command->args;

    for (; arg->shown != NULL && before > 0 && arg->takes != TAKES_REST && arg->takes != TAKES_ANY;
         arg++)
        before--;
    return arg->shown != NULL ? arg : NULL;
}

static enum lacks of_argument(const struct command *command, size_t before)
{
    const struct command_arg *arg = arg_behind(command, before);

    if (arg == NULL)
        return LACKS_NOTHING;
    if (command->id == COMMAND_CALL && arg->takes == TAKES_WORD)
        return LACKS_METHOD;
    return *arg->param != '\0' ? of_param(arg->param) : LACKS_NOTHING;
}

static bool goes_on(const struct unfinished *line)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at((enum command_id)i);

        if (command != line->command && command_begins(command, line->words, line->word_count))
            return true;
    }
    return false;
}

static enum lacks of_words(struct unfinished *line)
{
    size_t used = 0;

    line->command = command_find(line->words, line->word_count, &used);
    if (line->command != NULL && line->command->id == COMMAND_HELP) {
        line->words++;
        line->word_count--;
        return LACKS_WORD;
    }
    if (line->command == NULL || (used == line->word_count && goes_on(line)))
        return LACKS_WORD;
    return of_argument(line->command, line->word_count - used);
}

/* What is lacking in the last word. `ret_begun` is where the thing itself begins. */
static enum lacks of_last(const struct reading *reading, const char *last, enum lacks of_words,
                          const char **ret_begun)
{
    const struct command_option *option;
    const char *value = NULL;

    *ret_begun = last;
    if (reading->hungry != NULL)
        return of_value(reading->line->command, reading->hungry);
    if (reading->options_are_over || last[0] != '-')
        return of_words;
    option = option_of(last, &value);
    if (value == NULL)
        return LACKS_OPTION;
    *ret_begun = value;
    return option != NULL ? of_value(reading->line->command, option) : LACKS_NOTHING;
}

void unfinished_read(const char *const *words, size_t count, struct unfinished *ret_line)
{
    struct reading reading = {.line = ret_line};
    const char *comma;
    enum lacks lacks;

    *ret_line = (struct unfinished){.list = xcalloc(count, sizeof(*words))};
    for (size_t i = 0; i + 1 < count; i++)
        take_word(&reading, words[i]);
    ret_line->words = ret_line->list;
    lacks = of_words(ret_line);
    ret_line->front = words[count - 1];
    ret_line->lacks = of_last(&reading, ret_line->front, lacks, &ret_line->begun);
    comma = ret_line->lacks == LACKS_TYPE ? strrchr(ret_line->begun, ',') : NULL;
    if (comma != NULL)
        ret_line->begun = comma + 1;
    ret_line->front_length = (size_t)(ret_line->begun - ret_line->front);
}

void unfinished_done(struct unfinished *line)
{
    free(line->list);
}
