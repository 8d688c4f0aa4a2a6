/* The tables, the schema's version, and what is checked before a database is used. */
#ifndef P2PCHAT_DAEMON_STORE_SCHEMA_H
#define P2PCHAT_DAEMON_STORE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "daemon/store/pulse.h"
#include "daemon/store/store.h"

/* The event numbers that the tables' indexes and our queries name. */
#define SCHEMA_MESSAGE_SENT "2"

/* Opens the writing connection: makes the file where there is none, copies the WAL into the
 * database and syncs it before anything is read (what a failed commit left behind is either durable
 * from then on or gone), checks that the database is ours and whole as far as that is cheap, and
 * brings an older schema up to date; `pulse` beats meanwhile. *ret_db is the caller's to close,
 * also on failure (then it may be NULL). */
enum store_refusal schema_open(const char *path, const uint8_t key[KEY_LENGTH],
                               const struct pulse *pulse, sqlite3 **ret_db,
                               enum store_found *ret_found, char message[STORE_MESSAGE_MAX]);

#endif
