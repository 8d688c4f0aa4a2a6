/* The demand for a check: a file beside the database, p2pchat.db-check, that makes the next start
 * read every page. The store leaves it when it meets damage; an administrator may make it by hand
 * (p2pchatd(8), Files). */
#ifndef P2PCHAT_DAEMON_STORE_CHECK_H
#define P2PCHAT_DAEMON_STORE_CHECK_H

#include <stdbool.h>

#include <sqlite3.h>

#include "daemon/store/store.h"

/* Leaves the file, with `why` in it. Whether that succeeds is not told: the disk is a bad one. */
void check_demand(const char *path, const char *why);
bool check_is_demanded(const char *path);

/* When it is demanded: looks at every page of the open database and takes the file away when all
 * are well. Reads as much as the database is large. */
enum store_refusal check_when_demanded(const char *path, sqlite3 *db,
                                       char message[STORE_MESSAGE_MAX]);

#endif
