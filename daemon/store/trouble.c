#include "daemon/store/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "daemon/store/check.h"
#include "daemon/store/connection.h"

/* --- What was met --- */

static bool is_sync(int rc)
{
    return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

/* A file system without room, a quota, a limit on the size of files. */
static bool is_no_room(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static char *reason_of(sqlite3 *db, int rc, int error)
{
    const bool told = sqlite3_extended_errcode(db) == rc;
    const char *words = told ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

    return error != 0 ? xasprintf("%s: %s", words, strerror(error)) : xasprintf("%s", words);
}

struct mishap mishap_of(sqlite3 *db, int rc)
{
    const int primary = rc & 0xff;
    const int error = primary == SQLITE_FULL    ? ENOSPC
                      : primary == SQLITE_IOERR ? connection_errno(db)
                                                : 0;
    struct mishap mishap = {
        .error = is_no_room(error) && !is_sync(rc) ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED,
        .reason = reason_of(db, rc, error),
        .is_damage = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB,
    };

    if (mishap.is_damage)
        check_demand(sqlite3_db_filename(db, "main"), mishap.reason);
    return mishap;
}

void mishap_done(struct mishap *mishap)
{
    free(mishap->reason);
    *mishap = (struct mishap){0};
}

/* --- What is remembered --- */

static const char *const parts[TROUBLE_PARTS] = {
    [TROUBLE_WRITING] = "writing",
    [TROUBLE_READING] = "reading",
    [TROUBLE_COPYING] = "copying into the database",
};

void trouble_note(struct trouble *t, enum trouble_part part, struct mishap *mishap)
{
    if (t->is_damage || (mishap->error != OK && mishap->reason == NULL)) {
        mishap_done(mishap);
        return;
    }
    trouble_done(t);
    if (mishap->error != OK) {
        t->state = mishap->error == ERR_STORAGE_FULL ? STORE_FULL : STORE_FAILING;
        t->reason = xasprintf("%s: %s", parts[part], mishap->reason);
        t->is_damage = mishap->is_damage;
    }
    mishap_done(mishap);
}

void trouble_done(struct trouble *t)
{
    free(t->reason);
    *t = (struct trouble){.state = STORE_OK};
}
