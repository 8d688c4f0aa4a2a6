#include "ctl/commands.h"

#include <string.h>

#include "common/alloc.h"
#include "common/text.h"

/* --- The tables --- */

#define ARG(shown, param, how)                {shown, param, TAKES_##how},
#define OPTION(name, param, how, shown, help) {name, param, OPTION_##how, shown, help},
#define COMMAND(ID, words, method, args, options, help)         \
    static const struct command_arg args_of_##ID[] = {args{0}}; \
    static const struct command_option options_of_##ID[] = {options{0}};
#include "common/api.def"

static const struct command commands[] = {
#define COMMAND(ID, words, method, args, options, help) \
    [COMMAND_##ID] = {COMMAND_##ID, words, API_##method, args_of_##ID, options_of_##ID, help},
#include "common/api.def"
};

static const struct command_option globals[] = {
    [GLOBAL_SOCKET] = {"socket", "", OPTION_VALUE, "PATH", "the daemon's control socket"},
    [GLOBAL_JSON] = {"json", "", OPTION_FLAG, "", "print the result as one line of JSON"},
    [GLOBAL_TIMEOUT] = {"timeout", "", OPTION_VALUE, "SECONDS",
                        "give up after so long (30), unless --wait is given"},
    [GLOBAL_HELP] = {"help", "", OPTION_FLAG, "", "how to use p2pchatctl, or this command"},
    [GLOBAL_VERSION] = {"version", "", OPTION_FLAG, "", "which version this is"},
    [GLOBAL_COUNT] = {0},
};

const struct command *command_at(enum command_id id)
{
    must((unsigned)id < COMMAND_COUNT);
    return &commands[id];
}

const struct command_option *global_option_at(enum global_option id)
{
    must((unsigned)id < GLOBAL_COUNT);
    return &globals[id];
}

size_t param_place(enum api_method method, const char *name)
{
    const struct api_method_row *row = api_method(method);
    size_t place = 0;

    while (place < row->param_count && strcmp(row->params[place].name, name) != 0)
        place++;
    must(place < row->param_count);
    return place;
}

/* --- Names of commands --- */

/* The word at `at` in a name, and where the next one begins (NULL: it was the last). */
static size_t word_length(const char *at, const char **ret_next)
{
    const char *end = strchrnul(at, ' ');

    *ret_next = *end == ' ' ? end + 1 : NULL;
    return (size_t)(end - at);
}

static bool is_word(const char *word, const char *at, size_t length)
{
    return strlen(word) == length && memcmp(word, at, length) == 0;
}

/* How many of the words are the first ones of the name. */
static size_t words_in_common(const char *name, const char *const *words, size_t count)
{
    const char *at = name, *next;
    size_t same = 0;

    while (same < count && at != NULL && is_word(words[same], at, word_length(at, &next))) {
        same++;
        at = next;
    }
    return same;
}

static size_t count_words(const char *name)
{
    size_t count = 1;

    for (; *name != '\0'; name++)
        count += *name == ' ';
    return count;
}

const struct command *command_find(const char *const *words, size_t count, size_t *ret_used)
{
    const struct command *found = NULL;
    size_t used = 0;

    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        size_t length = count_words(commands[i].words);

        if (length > used && words_in_common(commands[i].words, words, count) == length) {
            found = &commands[i];
            used = length;
        }
    }
    if (found != NULL)
        *ret_used = used;
    return found;
}

bool command_begins(const struct command *command, const char *const *words, size_t count)
{
    return words_in_common(command->words, words, count) == count;
}

const char *command_word(const struct command *command, size_t index, size_t *ret_length)
{
    const char *at = command->words, *next;

    for (; at != NULL; at = next, index--) {
        size_t length = word_length(at, &next);

        if (index > 0)
            continue;
        *ret_length = length;
        return at;
    }
    return NULL;
}

/* --- Options --- */

static const struct command_option *option_in(const struct command_option *options,
                                              const char *name, size_t length)
{
    for (; options->name != NULL; options++) {
        if (is_word(options->name, name, length))
            return options;
    }
    return NULL;
}

const struct command_option *command_option(const struct command *command, const char *name,
                                            size_t length)
{
    return option_in(command->options, name, length);
}

const struct command_option *any_option(const char *name, size_t length)
{
    const struct command_option *found = option_in(globals, name, length);

    for (unsigned i = 0; found == NULL && i < COMMAND_COUNT; i++)
        found = option_in(commands[i].options, name, length);
    return found;
}

bool option_needs_value(const struct command_option *option)
{
    switch (option->takes) {
    case OPTION_VALUE:
    case OPTION_LIST:
    case OPTION_LOCAL:
        return true;
    case OPTION_WAIT:
    case OPTION_FLAG:
        break;
    }
    return false;
}

/* --- Names that are none --- */

enum { COMPARED_MAX = 32 }; /* of what is compared; longer than every command */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete, replace or swap to make one out of the other (optimal string
 * alignment). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][COMPARED_MAX + 1];

    must(a_length <= COMPARED_MAX && b_length <= COMPARED_MAX);
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

/* The first words, joined as a name would be, cut at COMPARED_MAX. */
static size_t join(const char *const *words, size_t count, char out[COMPARED_MAX])
{
    size_t length = 0;

    for (size_t i = 0; i < count && length < COMPARED_MAX; i++) {
        size_t word = strlen(words[i]);

        if (i > 0)
            out[length++] = ' ';
        word = least(word, COMPARED_MAX - length);
        memcpy(out + length, words[i], word);
        length += word;
    }
    return length;
}

/* How far the words are from a command, or SIZE_MAX: too far to be meant. */
static size_t distance_to(const struct command *command, const char *const *words, size_t count)
{
    size_t length = strlen(command->words), given_length, away;
    char given[COMPARED_MAX];

    given_length = join(words, least(count, count_words(command->words)), given);
    away = distance(given, given_length, command->words, least(length, COMPARED_MAX));
    return away <= 1 + length / 4 ? away : SIZE_MAX;
}

static void add_name(struct bytes *message, size_t *listed, const char *before, const char *name)
{
    bytes_text(message, (*listed)++ == 0 ? before : ", ");
    bytes_text(message, "'");
    bytes_text(message, name);
    bytes_text(message, "'");
}

static bool suggest_near(const char *const *words, size_t count, struct bytes *message)
{
    size_t best = SIZE_MAX, listed = 0;

    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        best = least(best, distance_to(&commands[i], words, count));
    for (unsigned i = 0; best != SIZE_MAX && i < COMMAND_COUNT; i++) {
        if (distance_to(&commands[i], words, count) == best)
            add_name(message, &listed, "; did you mean ", commands[i].words);
    }
    if (listed > 0)
        bytes_text(message, "?");
    return listed > 0;
}

/* How many first words are those of a command, at most. */
static size_t known_words(const char *const *words, size_t count)
{
    size_t known = 0;

    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        size_t same = words_in_common(commands[i].words, words, count);

        known = same > known ? same : known;
    }
    return known;
}

void command_suggest(const char *const *words, size_t count, struct bytes *message)
{
    size_t known = known_words(words, count), listed = 0;

    bytes_text(message, "unknown command '");
    for (size_t i = 0; i < least(known + 1, count); i++) {
        bytes_text(message, i > 0 ? " " : "");
        text_append_safe(message, words[i], strlen(words[i]));
    }
    bytes_text(message, "'");
    if (suggest_near(words, count, message))
        return;
    for (unsigned i = 0; known > 0 && i < COMMAND_COUNT; i++) {
        if (command_begins(&commands[i], words, known))
            add_name(message, &listed, "; there is ", commands[i].words);
    }
    if (listed == 0)
        bytes_text(message, "; 'p2pchatctl help' lists them");
}
