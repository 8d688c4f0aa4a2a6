/* What is wrong with the disk: told by the threads with what failed, remembered until the same work
 * succeeds again. */
#ifndef P2PCHAT_DAEMON_STORE_TROUBLE_H
#define P2PCHAT_DAEMON_STORE_TROUBLE_H

#include <stdbool.h>

#include <sqlite3.h>

#include "common/error.h"
#include "daemon/store/store.h"

/* What may fail by itself, in the order of importance. */
enum trouble_part { TROUBLE_WRITING, TROUBLE_READING, TROUBLE_COPYING, TROUBLE_PARTS };

/* Whether an errno says that there is no room to write: a full file system, a quota, a limit on the
 * size of files. */
bool trouble_is_no_room(int error);

/* What a thread met. All zero: nothing. */
struct mishap {
    enum error error;
    char *reason; /* in SQLite's and the system's words; NULL: what was told before still holds */
    bool is_damage;
};

/* What this result code, which `db` has just returned, means. ERR_STORAGE_FULL is told only when
 * there was no room to write, so that nothing was kept; anything else may have been. Damage, and
 * pages that cannot be read, also leave the demand for a check. */
struct mishap mishap_of(sqlite3 *db, int rc);
void mishap_done(struct mishap *mishap);

struct trouble {
    enum store_state state;
    char *reason;   /* NULL: OK */
    bool is_damage; /* stays until a check */
};

/* Takes the reason over. OK ends what there was, but for damage. */
void trouble_note(struct trouble *t, enum trouble_part part, struct mishap *mishap);
void trouble_done(struct trouble *t);

#endif
