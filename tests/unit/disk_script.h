/* Two hundred changes of a store, what it holds after each of them, and whether a directory that
 * was found somewhere holds just that. */
#ifndef P2PCHAT_TESTS_UNIT_DISK_SCRIPT_H
#define P2PCHAT_TESTS_UNIT_DISK_SCRIPT_H

#include "common/bytes.h"
#include "daemon/store/store.h"
#include "tests/unit/store_rig.h"

enum { DISK_SCRIPT_LENGTH = 200 };

struct disk_step {
    struct transaction *transaction; /* or, when it is NULL, the place of a consumer: */
    struct consumer_row consumer;    /* moved, or gone when its seq is 0 */
};

struct disk_script {
    struct disk_step steps[DISK_SCRIPT_LENGTH];
    char *expected[DISK_SCRIPT_LENGTH + 1]; /* all rows after so many steps, as text */
    struct bytes dump;
};

/* Makes the steps, and runs them once on a store whose disk is well. */
void disk_script_init(struct disk_script *script);
void disk_script_done(struct disk_script *script);

/* Hands a step to the store. It is not held back, unless `lazy` and the script says so. */
enum disk_haste { DISK_AT_ONCE, DISK_AS_SCRIPTED };
void disk_script_append(const struct disk_script *script, struct store *store, size_t number,
                        enum disk_haste haste);

/* Waits for what became of the next step: OK when it is durable. Rows that come before are dropped.
 */
enum error disk_script_take(struct store_rig *rig);

/* All rows of the database in a directory, as text; borrowed until the next call on the script. */
const char *disk_script_dump(struct disk_script *script, const char *directory);

/* A directory for a test, on a file system in memory where there is one. */
void disk_script_directory(char *ret_directory, size_t size);

/* Opens the store in the rig's directory as a daemon does after a crash, and fails the test unless
 * it opens, is whole, and holds exactly what it does after `from` to `to` steps. Returns after how
 * many. The store stays open. */
size_t disk_script_open(struct disk_script *script, struct store_rig *rig, size_t from, size_t to);

/* The same after all steps, when old rows are going (store_trim): all else is as it was, and of the
 * log only rows up to the floor may be gone. Returns the floor. */
uint64_t disk_script_open_trimmed(struct disk_script *script, struct store_rig *rig);

/* Takes the step that follows and fails the test unless all is as it should be then. */
void disk_script_go_on(struct disk_script *script, struct store_rig *rig, size_t number);

#endif
