/* The configuration file: INI as systemd has it, by the table of settings (p2pchatd.conf(5)). */
#ifndef P2PCHAT_DAEMON_CONFIG_FILE_H
#define P2PCHAT_DAEMON_CONFIG_FILE_H

#include <stdbool.h>

#include "common/bytes.h"
#include "daemon/config.h"

/* Where it is. */
struct config_file_place {
    char *path;
    bool is_given;        /* so it must exist */
    const char *variable; /* of the environment, that leads there; NULL: none does */
};

/* Reads all of it into `config`. `role` is the one that the options say; NULL: they say none, and
 * the file may. False: it cannot be read, or has mistakes: `out` got them, one a line. */
bool config_file_read(const struct config_file_place *place, const enum node_role *role,
                      struct config *config, struct bytes *out);

#endif
