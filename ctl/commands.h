/* The commands of p2pchatctl: the COMMAND rows of common/api.def, seen from C. */
#ifndef P2PCHAT_CTL_COMMANDS_H
#define P2PCHAT_CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/api.h"
#include "common/bytes.h"

enum command_id {
#define COMMAND(ID, words, method, args, options, help) COMMAND_##ID,
#include "common/api.def"
    COMMAND_COUNT
};

/* How an argument takes words from the command line. */
enum arg_takes {
    TAKES_WORD,  /* one */
    TAKES_MAYBE, /* one, or none */
    TAKES_REST,  /* all that are left, at least one, joined by a space; `-` alone: standard input */
    TAKES_PLACE, /* an ADDRESS, or HOST and PORT */
    TAKES_JSON,  /* one JSON object, or none */
    TAKES_ANY    /* all that are left, also none; joined by a space, or for the command itself */
};

struct command_arg {
    const char *shown; /* in help; NULL ends a list */
    const char *param; /* of the method; empty: the command reads it itself */
    enum arg_takes takes;
};

enum option_takes {
    OPTION_VALUE, /* --name=VALUE or --name VALUE */
    OPTION_LIST,  /* the same with a,b,c; again: more of them */
    OPTION_WAIT,  /* --name or --name=SECONDS */
    OPTION_LOCAL, /* --name=VALUE or --name VALUE; the command reads it itself */
    OPTION_FLAG   /* --name; the command reads it itself */
};

struct command_option {
    const char *name; /* without dashes; NULL ends a list */
    const char *param;
    enum option_takes takes;
    const char *shown; /* its value in help */
    const char *help;
};

struct command {
    enum command_id id;
    const char *words; /* "list connected peer" */
    enum api_method method;
    const struct command_arg *args;
    const struct command_option *options;
    const char *help;
};

/* A word of a command's name, and an option's name, are no longer. */
enum { COMMAND_WORD_MAX = 31 };

/* Options that every command has. */
enum global_option {
    GLOBAL_SOCKET,
    GLOBAL_JSON,
    GLOBAL_TIMEOUT,
    GLOBAL_HELP,
    GLOBAL_VERSION,
    GLOBAL_COUNT
};

const struct command *command_at(enum command_id id);
const struct command_option *global_option_at(enum global_option id);

/* The command that the first words name, and how many of them do; the longest name wins. NULL when
 * there is none. */
const struct command *command_find(const char *const *words, size_t count, size_t *ret_used);

/* Whether the command's name begins with these words. */
bool command_begins(const struct command *command, const char *const *words, size_t count);

/* The word of a command's name with that index, from 0, and its length; NULL past the end. */
const char *command_word(const struct command *command, size_t index, size_t *ret_length);

/* The option of that name among the command's, or NULL. `name` needs no NUL. */
const struct command_option *command_option(const struct command *command, const char *name,
                                            size_t length);

/* The first option of that name in the whole table, global ones included, or NULL. Options of one
 * name take their values alike in all commands. */
const struct command_option *any_option(const char *name, size_t length);

/* Whether an option cannot be without a value. */
bool option_needs_value(const struct command_option *option);

/* The place of a parameter among the method's; it must be there. */
size_t param_place(enum api_method method, const char *name);

/* Says what is wrong with words that name no command, and which ones come near. */
void command_suggest(const char *const *words, size_t count, struct bytes *message);

#endif
