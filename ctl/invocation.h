/* One command line, understood: which command, with which values. No I/O. */
#ifndef P2PCHAT_CTL_INVOCATION_H
#define P2PCHAT_CTL_INVOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/json.h"
#include "ctl/commands.h"
#include "ctl/outcome.h"

enum invocation_wants { WANTS_RUN, WANTS_HELP, WANTS_VERSION };

enum {
    TIMEOUT_MS_DEFAULT = 30000, /* more than a dial and what it answers may take */
    SECONDS_MAX = 31536000,     /* a year: beyond it a number is a mistake */
    FROM_NOWHERE = -1
};

/* Strings are borrowed from argv unless it says otherwise. */
struct invocation {
    enum invocation_wants wants;
    const struct command *command; /* when it wants to run */
    const char **words;            /* that are no options, the command's name first; owned list */
    size_t word_count;

    const char *socket; /* NULL: not given */
    uint64_t timeout_ms;
    bool json;

    char
        *value[API_PARAMS_MAX]; /* by place among the method's parameters; owned; NULL: not given */
    int from_stdin;             /* the place of the value to read, or FROM_NOWHERE */
    uint64_t count;             /* of `watch`; 0: no end */
    bool no_reconnect;          /* of `watch` */
    char **exec;                /* of `watch`: what to run, ended by NULL; owned; NULL: nothing */
    bool export;                /* of `history` */
    const char *call_method;    /* of `call` */
    struct json *call_params;   /* of `call`; owned; NULL: none */
};

/* Reads a command line. OUTCOME_USAGE when it makes no sense, and `message` says why. The caller
 * ends with invocation_done() in either case. */
enum outcome invocation_parse(int argc, const char *const *argv, struct invocation *ret_invocation,
                              struct bytes *message);
void invocation_done(struct invocation *invocation);

/* The value of an integer parameter that was checked, by its place; and another one in its stead.
 */
int64_t invocation_integer(const struct invocation *invocation, int place);
void invocation_set_integer(struct invocation *invocation, int place, int64_t integer);
void invocation_set_string(struct invocation *invocation, int place, const char *text);

/* Hands over what was read for `from_stdin`; the text is owned from now on. */
void invocation_take_text(struct invocation *invocation, char *text);

/* Whether the answer may wait for a peer: then --timeout does not bound it. */
bool invocation_waits(const struct invocation *invocation);

#endif
