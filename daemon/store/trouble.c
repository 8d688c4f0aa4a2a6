#include "daemon/store/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/store/check.h"
#include "daemon/store/connection.h"

const char *store_state_name(enum store_state state)
{
    switch (state) {
    case STORE_OK:
        return "ok";
    case STORE_FULL:
        return "full";
    case STORE_FAILING:
        return "failing";
    }
    must(!"a state");
}

/* --- What was met --- */

static bool is_sync(int rc)
{
    return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

bool trouble_is_no_room(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static char *reason_of(sqlite3 *db, int rc, int error)
{
    const bool told = sqlite3_extended_errcode(db) == rc;
    const char *words = told ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

    return error != 0 ? xasprintf("%s: %s", words, strerror(error)) : xasprintf("%s", words);
}

static int errno_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_IOERR:
        return connection_errno(db);
    }
    return 0;
}

struct mishap mishap_of(sqlite3 *db, int rc)
{
    const bool is_corrupt = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
    const bool cannot_read = is_corrupt && connection_cannot_read(db);
    const int code = cannot_read ? SQLITE_IOERR_READ : rc;
    const int error = cannot_read ? EIO : errno_of(db, rc);
    struct mishap mishap = {
        .error = trouble_is_no_room(error) && !is_sync(rc) ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED,
        .reason = reason_of(db, code, error),
        .is_damage = is_corrupt && !cannot_read,
    };

    if (is_corrupt)
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
