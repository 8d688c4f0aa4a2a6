/* A command that is given one event: it is run without a shell, with the event's line on its
 * standard input; the other streams are ours. */
#ifndef P2PCHAT_CTL_EXEC_H
#define P2PCHAT_CTL_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "ctl/outcome.h"

/* Starts argv[0], looked for in $PATH, with `input` as its standard input: a file in memory, so it
 * does not matter whether and when it is read. OUTCOME_FAILED when it cannot be started, and
 * `message` says why. */
enum outcome exec_start(char *const *argv, char *const *environment, const struct bytes *input,
                        pid_t *ret_child, struct bytes *message);

/* Whether the command has ended, and how: as waitpid(2) says it. Does not wait. */
bool exec_ended(pid_t child, int *ret_status);

/* "ended with status 3", "was killed by SIGTERM" */
void exec_say_end(int status, struct bytes *message);

#endif
