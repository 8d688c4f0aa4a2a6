/* The ports that were picked for listeners with port 0, remembered in files of the state directory
 * (one HOST:PORT a line), so that peers find us again after a restart. */
#ifndef P2PCHAT_DAEMON_PORTS_H
#define P2PCHAT_DAEMON_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "daemon/limits.h"
#include "daemon/refusal.h"
#include "daemon/state_dir.h"

struct ports {
    struct host_port at[LISTEN_MAX];
    size_t count;
};

/* The files: of the listeners for links, and of those for the classic dialect. */
#define PORTS_OF_LINKS   "ports"
#define PORTS_OF_CLASSIC "classic-ports"

/* What is remembered; nothing when the file is missing or not ours: it is only a convenience. */
void ports_load(const struct state_dir *dir, const char *file, struct ports *ret_ports);

/* The port that the listener with this host had, the nth (from 0) of those with the same host; 0
 * when none is known. */
uint16_t ports_find(const struct ports *ports, const char *host, size_t nth);

bool ports_equal(const struct ports *a, const struct ports *b);

/* Writes what is remembered from now on. */
bool ports_save(const struct state_dir *dir, const char *file, const struct ports *ports,
                struct refusal *ret_refusal);

#endif
