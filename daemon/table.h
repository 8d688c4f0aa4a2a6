/* Hash tables (uthash) whose memory is always there. */
#ifndef P2PCHAT_DAEMON_TABLE_H
#define P2PCHAT_DAEMON_TABLE_H

#include "common/alloc.h"

#define uthash_malloc(bytes) xmalloc(bytes)
#include <uthash.h>

#endif
