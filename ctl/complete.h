/* Completion for shells: `p2pchatctl --complete WORD...` prints what the last word, which is
 * unfinished, may become. The scripts in ctl/completion/ hand it to bash, zsh and fish. */
#ifndef P2PCHAT_CTL_COMPLETE_H
#define P2PCHAT_CTL_COMPLETE_H

#include <stddef.h>

#include "common/bytes.h"
#include "ctl/outcome.h"

/* How long the daemon is waited for: somebody's hands rest on the keys. */
enum { COMPLETE_MS = 1000 };

/* Prints one candidate a line, whole as it would stand on the command line, and behind a tab what
 * it is, in our own words. Peers, requests and consumers are the running daemon's; as aliases are
 * the text of others, only what has nothing but [A-Za-z0-9._@-] is offered, and of peers the id
 * otherwise. The lines ":files" and ":programs" stand for those that the shell knows. Says nothing
 * when there is nothing, also when no daemon answers in COMPLETE_MS. As print_out(). */
enum outcome complete_run(const char *const *words, size_t count, struct bytes *message);

#endif
