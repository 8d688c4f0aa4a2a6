/* What the core must know at its start, read from the small tables. */
#ifndef P2PCHAT_DAEMON_STORE_LOAD_H
#define P2PCHAT_DAEMON_STORE_LOAD_H

#include <sqlite3.h>

#include "daemon/core/transaction.h"

/* Calls `row` for each row, as store_load says. SQLite's result code; SQLITE_CORRUPT also for a
 * value that cannot be. */
int load_rows(sqlite3 *db, void (*row)(void *context, const struct change *row), void *context);

#endif
