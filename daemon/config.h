/* What the daemon is told: command line, configuration file, environment, and the defaults behind
 * them (p2pchatd(8), p2pchatd.conf(5)).
 *
 * One table of settings drives all of it, --help included. The file follows systemd's manners:
 * comments on lines of their own, keys that may be repeated, an empty value that clears what was
 * said before. An option replaces all that the file says for its key. */
#ifndef P2PCHAT_DAEMON_CONFIG_H
#define P2PCHAT_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/address.h"
#include "common/bytes.h"
#include "daemon/core/node.h"
#include "daemon/log.h"

enum { SETTINGS_MAX = 32 }; /* room for the table of them all (daemon/settings.h) */

struct config {
    char *file;      /* the configuration file that was read; NULL: there is none */
    char *socket;    /* path of the control socket; NULL: the one that systemd passed */
    char *state_dir; /* path of the state directory */
    enum node_role role;
    struct host_port *listen; /* none: the sockets that systemd passed */
    size_t listen_count;
    struct host_port *advertise; /* they fit into a record */
    size_t advertise_count;
    char *name;           /* passed name_check */
    bool name_is_default; /* nobody said it */
    struct tracker_setting *trackers;
    size_t tracker_count;
    struct host_port *classic_listen; /* none: the classic dialect is off */
    size_t classic_listen_count;
    enum long_text long_text;
    bool is_closed; /* there must be a network key */
    enum log_level log_level;
    struct host_port metrics_listen; /* a loopback literal; an empty host: off */
    int64_t request_timeout_ms;
    uint8_t (*accept_from)[KEY_LENGTH];
    size_t accept_from_count;
    uint64_t outbox_messages_max; /* per peer */
    uint64_t outbox_bytes_max;
    uint64_t consumer_days; /* unused; 0: for ever */
    uint64_t retain_days;   /* of the log; 0: for ever */
    uint64_t retain_bytes;  /* 0: without bound */

    /* The line of the file that set each row of the table last; 0: none does, or an option stands
     * above it. */
    unsigned lines[SETTINGS_MAX];
};

/* Whether this daemon runs with a network key: links are closed to others then. */
enum known_key {
    KEY_UNKNOWN, /* nobody has looked yet */
    KEY_NONE,
    KEY_THERE
};

/* What the defaults depend on, beside the environment. */
struct config_place {
    uid_t uid; /* the effective one */

    /* Where the control socket is that systemd passed; "": that is not known; NULL: none was. */
    const char *passed_socket;
    bool peers_passed; /* and sockets for peers: then there is no default for `listen` */
    enum known_key network_key;

    /* The default name, when it was found out before; NULL: it is found out. To ask who a user is
     * may take long, and a host is called otherwise now and then; a node is not. */
    const char *name;
};

/* Where all of it comes from: the same at a start and whenever it is read again. */
struct config_source {
    int argc;
    char **argv; /* borrowed */
    struct config_place place;
};

enum config_verdict {
    CONFIG_READY,
    CONFIG_SHOWN,      /* --help, --version, or --check-config: print the text and end with 0 */
    CONFIG_BAD_OPTION, /* exit 64 */
    CONFIG_BAD_FILE,   /* exit 78 */
    CONFIG_CHECKED_BAD_OPTION, /* the same of --check-config, whose text is for who asked */
    CONFIG_CHECKED_BAD_FILE
};

/* Reads everything. CONFIG_READY: `ret_config` is filled in, and config_done frees what it holds.
 * Otherwise it is untouched, and `ret_text` (which the caller ends) holds what to show: the help,
 * or every mistake found, one a line, those of the file with FILE:LINE in front. May reorder argv.
 */
enum config_verdict config_read(int argc, char **argv, const struct config_place *place,
                                struct config *ret_config, struct bytes *ret_text);
void config_done(struct config *config);

/* What of it the node is told, borrowed; without identity, randomness and network key. */
struct node_settings config_for_node(const struct config *config);

#endif
