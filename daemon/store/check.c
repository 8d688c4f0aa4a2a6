#include "daemon/store/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/store/connection.h"

static char *name_of(const char *path)
{
    return xasprintf("%s-check", path);
}

void check_demand(const char *path, const char *why)
{
    char *name = name_of(path);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0) {
        const ssize_t written = write(fd, why, strlen(why));

        (void)written; /* the name alone is enough */
        fsync(fd);
        close(fd);
        connection_sync_directory(path);
    }
    free(name);
}

bool check_is_demanded(const char *path)
{
    char *name = name_of(path);
    const bool is_demanded = access(name, F_OK) == 0;

    free(name);
    return is_demanded;
}

static void take_away(const char *path)
{
    char *name = name_of(path);

    unlink(name); /* if it stays, the next start checks again */
    free(name);
}

/* What SQLite says may have several lines; what we say has one. */
static enum store_refusal refuse_damaged(const char *path, const char *told,
                                         char message[STORE_MESSAGE_MAX])
{
    char *what = xstrdup(told);
    enum store_refusal refusal;

    for (char *at = what; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    refusal = connection_refuse_damaged(path, what, message);
    free(what);
    return refusal;
}

/* The first row says "ok", or what is wrong. */
static enum store_refusal quick_check(const char *path, sqlite3 *db,
                                      char message[STORE_MESSAGE_MAX])
{
    enum store_refusal refusal = STORE_OPENED;
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const char *told = (const char *)sqlite3_column_text(statement, 0);

        if (told == NULL || strcmp(told, "ok") != 0)
            refusal = refuse_damaged(path, told != NULL ? told : "no check", message);
    } else {
        refusal = connection_refuse(path, db, rc, message);
    }
    sqlite3_finalize(statement);
    return refusal;
}

enum store_refusal check_when_demanded(const char *path, sqlite3 *db,
                                       char message[STORE_MESSAGE_MAX])
{
    enum store_refusal refusal;

    if (!check_is_demanded(path))
        return STORE_OPENED;
    refusal = quick_check(path, db, message);
    if (refusal == STORE_OPENED)
        take_away(path);
    return refusal;
}
