/* The parts of the daemon in the order in which they start, and in the reverse order at the end. */
#ifndef P2PCHAT_DAEMON_STARTUP_H
#define P2PCHAT_DAEMON_STARTUP_H

#include <stdbool.h>

#include "daemon/config.h"
#include "daemon/pump.h"
#include "daemon/refusal.h"
#include "daemon/service.h"
#include "daemon/state_dir.h"

struct daemon {
    const struct config_source *source; /* main's */
    struct config config;               /* as it was at the start */
    struct state_dir dir;
    struct identity *identity; /* in memory for secrets */
    uint8_t *network_key;      /* the same; NULL: none */
    struct facts facts;
    struct pump pump;
};

/* A daemon of which nothing has started. Takes over the configuration, which was read from
 * `source`. */
void daemon_init(struct daemon *daemon, const struct config_source *source,
                 const struct config *config);

/* Opens the state directory with the identity and the log, makes the node, binds the listeners, and
 * last the control socket, so that whoever is answered there finds everything at work. `passed`
 * are the sockets that systemd passed. */
bool daemon_start(struct daemon *daemon, const struct service_sockets *passed,
                  struct refusal *ret_refusal);

/* Ends what has started. */
void daemon_done(struct daemon *daemon);

#endif
