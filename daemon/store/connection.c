#include "daemon/store/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/store/trouble.h"

/* An idle daemon is small: memory for pages is taken as they are used, up to these. The writer's
 * covers the right edges of the log's trees, where all inserts happen. A WAL keeps the
 * room that it fills again and again (writer.c); what one that grew longer occupies is given
 * back. */
static const char writer_pragmas[] = "PRAGMA page_size=4096;"
                                     "PRAGMA journal_mode=WAL;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA wal_autocheckpoint=0;"
                                     "PRAGMA journal_size_limit=8388608;"
                                     "PRAGMA cache_size=-1024;"
                                     "PRAGMA mmap_size=0;"
                                     "PRAGMA cell_size_check=ON;"
                                     "PRAGMA trusted_schema=OFF";
static const char reader_pragmas[] = "PRAGMA query_only=ON;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA wal_autocheckpoint=0;"
                                     "PRAGMA cache_size=-512;"
                                     "PRAGMA mmap_size=0;"
                                     "PRAGMA cell_size_check=ON;"
                                     "PRAGMA trusted_schema=OFF";
static const char search_pragmas[] = "PRAGMA page_size=4096;"
                                     "PRAGMA journal_mode=WAL;"
                                     "PRAGMA synchronous=NORMAL;"
                                     "PRAGMA journal_size_limit=4194304;"
                                     "PRAGMA cache_size=-512;"
                                     "PRAGMA mmap_size=0;"
                                     "PRAGMA cell_size_check=ON;"
                                     "PRAGMA trusted_schema=OFF";

static const char *pragmas_of(enum connection_kind kind)
{
    switch (kind) {
    case CONNECTION_WRITER:
        return writer_pragmas;
    case CONNECTION_READER:
        return reader_pragmas;
    case CONNECTION_SEARCH:
        return search_pragmas;
    }
    must(false);
}

int connection_sync_directory(const char *path)
{
    char *directory = xstrdup(path);
    int fd, error = 0;

    strrchr(directory, '/')[1] = '\0';
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    free(directory);
    return error;
}

/* What is not a file of ours is left as it is. It is not opened: to close it again would drop
 * SQLite's locks. */
static int make_private(const char *path, const char *suffix)
{
    char *name = xasprintf("%s%s", path, suffix);
    struct stat st;
    int error = 0;

    if (lstat(name, &st) < 0)
        error = errno == ENOENT ? 0 : errno;
    else if (!S_ISREG(st.st_mode))
        error = CONNECTION_NO_FILE;
    else if ((st.st_mode & 07777) != 0600 && chmod(name, 0600) < 0)
        error = errno;
    free(name);
    return error;
}

/* Nobody asks SQLite how much memory it uses; counting it takes a lock at each allocation. And a
 * connection takes memory for a page when it has one, not for twenty beforehand. */
void connection_init(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

int connection_create_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = 0;

    if (fd >= 0) {
        if (fchmod(fd, 0600) < 0)
            error = errno;
        close(fd);
        return error != 0 ? error : connection_sync_directory(path);
    }
    if (errno != EEXIST)
        return errno;
    error = make_private(path, "");
    if (error == 0)
        error = make_private(path, "-wal");
    return error != 0 ? error : make_private(path, "-shm");
}

/* What runs is what we wrote: no trigger or view that somebody left in the database. And what a
 * failed commit left in the WAL must not be copied in passing. */
static int configure(sqlite3 *db)
{
    static const struct {
        int option, value;
    } settings[] = {{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
                    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                    {SQLITE_DBCONFIG_DEFENSIVE, 1}};
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(settings) / sizeof(settings[0]); i++)
        rc = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
    return rc;
}

int connection_open(const char *path, enum connection_kind kind, const struct pulse *pulse,
                    sqlite3 **ret_db)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *pragmas = pragmas_of(kind);
    int rc = sqlite3_open_v2(path, ret_db, flags, pulse != NULL ? pulse->name : NULL);

    if (rc == SQLITE_OK)
        rc = configure(*ret_db);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(*ret_db, CONNECTION_BUSY_MS);
    if (rc == SQLITE_OK && sqlite3_db_readonly(*ret_db, "main") != 0)
        rc = SQLITE_READONLY; /* what SQLite falls back to */
    return rc == SQLITE_OK ? sqlite3_exec(*ret_db, pragmas, NULL, NULL, NULL) : rc;
}

static int errno_of_wal(sqlite3 *db)
{
    sqlite3_file *wal = NULL;
    int error = 0;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (wal != NULL && wal->pMethods != NULL)
        wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

/* A commit that fails leaves its errno with the file of the WAL only. */
int connection_errno(sqlite3 *db)
{
    const int error = sqlite3_system_errno(db);

    return error != 0 ? error : errno_of_wal(db);
}

bool connection_cannot_read(sqlite3 *db)
{
    int error = 0;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error == EIO || errno_of_wal(db) == EIO;
}

static bool is_permission(int error)
{
    return error == EACCES || error == EPERM || error == EROFS;
}

enum store_refusal connection_refuse_file(const char *path, int error,
                                          char message[STORE_MESSAGE_MAX])
{
    const bool permission = is_permission(error);
    const char *advice = "";

    if (error == CONNECTION_NO_FILE) {
        snprintf(message, STORE_MESSAGE_MAX,
                 "%s, or its -wal or -shm, is a symbolic link or anything else but a regular file: "
                 "move it away",
                 path);
        return STORE_NO_FILE;
    }
    if (permission)
        advice = ": the state directory and the database in it must be owned and writable by the "
                 "user that the daemon runs as";
    else if (trouble_is_no_room(error))
        advice = ": make room there and start again";
    snprintf(message, STORE_MESSAGE_MAX, "%s: %s%s", path, strerror(error), advice);
    return permission ? STORE_NOT_WRITABLE : STORE_IO;
}

enum store_refusal connection_refuse_damaged(const char *path, const char *what,
                                             char message[STORE_MESSAGE_MAX])
{
    snprintf(message, STORE_MESSAGE_MAX,
             "%s is damaged (%s); nothing was repaired: restore it, with its -wal, from a backup, "
             "or move both away to begin with an empty log",
             path, what);
    return STORE_DAMAGED;
}

enum store_refusal connection_refuse(const char *path, sqlite3 *db, int rc,
                                     char message[STORE_MESSAGE_MAX])
{
    const bool told = db != NULL && sqlite3_errcode(db) != SQLITE_OK;
    const char *reason = told ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    const int error = db != NULL ? connection_errno(db) : 0;

    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
        if (db != NULL && connection_cannot_read(db))
            return connection_refuse_file(path, EIO, message);
        return connection_refuse_damaged(path, reason, message);
    case SQLITE_NOTADB:
    case SQLITE_ERROR:    /* a table or column is missing */
    case SQLITE_MISMATCH: /* a value is of a type that its column cannot have */
        return connection_refuse_damaged(path, reason, message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return connection_refuse_file(path, EACCES, message);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (error != 0)
            return connection_refuse_file(path, error, message);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(message, STORE_MESSAGE_MAX,
                 "%s is in use by another program: end it (fuser %s shows it)", path, path);
        return STORE_IO;
    case SQLITE_FULL:
        return connection_refuse_file(path, ENOSPC, message);
    }
    snprintf(message, STORE_MESSAGE_MAX, "%s: %s", path, reason);
    return STORE_IO;
}
