/* Hash tables (uthash) whose memory is always there. */
#ifndef P2PCHAT_DAEMON_CORE_TABLE_H
#define P2PCHAT_DAEMON_CORE_TABLE_H

#include "common/alloc.h"

#define uthash_malloc(bytes) xmalloc(bytes)
#define uthash_fatal(text)   must_fail(text, __FILE__, __LINE__)
#include <uthash.h>

#endif
