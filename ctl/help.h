/* Help, from the table of commands. */
#ifndef P2PCHAT_CTL_HELP_H
#define P2PCHAT_CTL_HELP_H

#include <stddef.h>

#include "common/bytes.h"
#include "ctl/outcome.h"

/* Appends help for the command that the words name (more words may follow), for all commands that
 * begin with them, or the overview when there are no words. OUTCOME_USAGE when no command begins
 * so, and `message` says which come near. */
enum outcome help_text(const char *const *words, size_t count, struct bytes *out,
                       struct bytes *message);

#endif
