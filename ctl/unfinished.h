/* A command line that is still being typed: what could stand where the cursor is. No I/O. */
#ifndef P2PCHAT_CTL_UNFINISHED_H
#define P2PCHAT_CTL_UNFINISHED_H

#include <stddef.h>

#include "ctl/commands.h"

/* What the unfinished word may become. */
enum lacks {
    LACKS_NOTHING, /* nobody can know: a text, a number, a name that is to be chosen */
    LACKS_WORD,    /* a word of a command's name, behind `words` */
    LACKS_OPTION,  /* an option that every command has, or that `command` has */
    LACKS_METHOD,
    LACKS_TYPE, /* of events */
    LACKS_PEER,
    LACKS_REQUEST,
    LACKS_CONSUMER,
    LACKS_FILE,
    LACKS_PROGRAM
};

/* Strings are borrowed from the words that were read. */
struct unfinished {
    enum lacks lacks;
    const char **list;        /* of the finished words that are no options; owned */
    const char *const *words; /* of them, those that name a command */
    size_t word_count;
    const struct command *command; /* NULL: not named yet */
    const char *front;             /* the unfinished word up to `begun`: "--type=gap," */
    size_t front_length;
    const char *begun;  /* what is there of the thing itself */
    const char *socket; /* value of --socket; NULL: not given */
};

/* Reads the words behind the program's name; the last one is unfinished, and may be empty. `count`
 * is at least 1. The caller ends with unfinished_done(). */
void unfinished_read(const char *const *words, size_t count, struct unfinished *ret_line);
void unfinished_done(struct unfinished *line);

#endif
