/* A connection to the database: how its file is made, how it is opened, and what its errors mean.
 *
 * Each connection belongs to one thread (SQLite's NOMUTEX), and nothing but SQLite opens the file:
 * closing another descriptor of it would drop SQLite's locks. */
#ifndef P2PCHAT_DAEMON_STORE_CONNECTION_H
#define P2PCHAT_DAEMON_STORE_CONNECTION_H

#include <stdbool.h>

#include <sqlite3.h>

#include "daemon/store/pulse.h"
#include "daemon/store/store.h"

/* Sets SQLite up for this process; has an effect only before its first connection. */
void connection_init(void);

/* Makes an empty database file where there is none, and the files of one that is there readable and
 * writable by its owner only, whatever the umask (SQLite gives a WAL the mode of its database). 0,
 * an errno, or CONNECTION_NO_FILE: one of them is a symbolic link, a directory or the like. */
enum { CONNECTION_NO_FILE = -1 };
int connection_create_file(const char *path);

/* Syncs the directory of a file, so that a new name in it survives a power cut. 0 or an errno. */
int connection_sync_directory(const char *path);

/* Ours are never in each other's way for longer than a checkpoint's last step; somebody's shell may
 * hold the file a little longer, and a stuck one shall not hang the daemon. */
enum { CONNECTION_BUSY_MS = 2000 };

enum connection_kind {
    CONNECTION_WRITER, /* also makes it a WAL database */
    CONNECTION_READER, /* refuses to change anything; may run checkpoints */
    CONNECTION_SEARCH  /* of search.db: whole after a power cut, but not the newest */
};

/* Opens a connection to a file that exists; what it does on the disk makes the pulse beat (NULL:
 * none). Returns SQLite's result code; *ret_db is set also on
 * failure (NULL only when memory ran out), has the reason, and is the caller's to close. */
int connection_open(const char *path, enum connection_kind kind, const struct pulse *pulse,
                    sqlite3 **ret_db);

/* Why the operating system refused what `db` has just failed to do, or 0. */
int connection_errno(sqlite3 *db);

/* Whether a SQLITE_CORRUPT means that the disk could not be read: SQLite does not tell that from
 * damage. Once it was so it stays so for this connection. */
bool connection_cannot_read(sqlite3 *db);

/* Why the database cannot be used, and in `message` what to do about it; `db` may be NULL. */
enum store_refusal connection_refuse(const char *path, sqlite3 *db, int rc,
                                     char message[STORE_MESSAGE_MAX]);

/* STORE_DAMAGED, with what was seen. */
enum store_refusal connection_refuse_damaged(const char *path, const char *what,
                                             char message[STORE_MESSAGE_MAX]);

/* The same for what connection_create_file gave, or an errno of the file. */
enum store_refusal connection_refuse_file(const char *path, int error,
                                          char message[STORE_MESSAGE_MAX]);

#endif
