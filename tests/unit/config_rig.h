/* Command lines and configuration files that are read as the daemon reads them, by a user with a
 * home of its own. */
#ifndef P2PCHAT_TESTS_UNIT_CONFIG_RIG_H
#define P2PCHAT_TESTS_UNIT_CONFIG_RIG_H

#include "common/bytes.h"
#include "daemon/config.h"

/* One reading of a command line and of a file that is written for it. */
struct rig {
    char path[64];
    struct config_place place;
    struct config config;
    struct bytes text;
    enum config_verdict verdict;
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* Writes the file; `path` is where it is. */
void rig_write(struct rig *rig, const void *content, size_t length, char path[128]);

/* Reads a command line, words separated by blanks: what came of it is in the rig. */
void rig_read(struct rig *rig, const char *words);

/* The same with that file as --config. */
void rig_read_with(struct rig *rig, const char *content, const char *words);

/* The text that came of it. */
const char *rig_said(struct rig *rig);

/* Fails unless it was refused, so, and said this. */
void rig_assert_refused(struct rig *rig, enum config_verdict verdict, const char *what);

#endif
