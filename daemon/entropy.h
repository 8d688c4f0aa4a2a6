/* What a process needs for secrets: randomness of the operating system, and memory that is neither
 * swapped nor dumped. */
#ifndef P2PCHAT_DAEMON_ENTROPY_H
#define P2PCHAT_DAEMON_ENTROPY_H

#include <stddef.h>

#include "daemon/core/random.h"

/* The operating system's generator, fit for keys. It cannot fail. */
struct random entropy_random(void);

/* Zeroed memory for secrets that last as long as the process: locked into RAM where the limits of
 * the system allow it, never in a core dump (it is kept out one by one, so that a crash of the rest
 * can still be looked into), and not in a child's memory. At least a page: for one slab, not for
 * many small things. */
void *secret_new(size_t bytes);

/* Wipes and gives back. NULL is fine. */
void secret_free(void *secret, size_t bytes);

#endif
