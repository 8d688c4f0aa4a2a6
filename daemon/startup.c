#include <config.h>

#include "daemon/startup.h"

#include <string.h>
#include <unistd.h>

#include "daemon/config_check.h"
#include "daemon/control.h"
#include "daemon/core/node.h"
#include "daemon/credential.h"
#include "daemon/dial.h"
#include "daemon/entropy.h"
#include "daemon/housekeeping.h"
#include "daemon/identity_file.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/metrics_http.h"
#include "daemon/names.h"
#include "daemon/net.h"
#include "daemon/ports.h"
#include "daemon/reload.h"
#include "daemon/resolve.h"
#include "daemon/service.h"
#include "daemon/status_line.h"
#include "daemon/store/store.h"
#include "daemon/watchdog.h"

void daemon_init(struct daemon *daemon, const struct config_source *source,
                 const struct config *config)
{
    memset(daemon, 0, sizeof(*daemon));
    daemon->source = source;
    daemon->config = *config;
    daemon->dir.descriptor = -1;
    daemon->dir.lock = -1;
}

static int exit_code_of(enum store_refusal refusal)
{
    switch (refusal) {
    case STORE_OPENED:
        return EX_OK;
    case STORE_NEWER:
    case STORE_OTHER_IDENTITY:
    case STORE_DAMAGED:
    case STORE_NO_FILE:
        return EX_CONFIG;
    case STORE_NOT_WRITABLE:
        return EX_NOPERM;
    case STORE_IO:
        return EX_IOERR;
    }
    return EX_SOFTWARE;
}

static enum log_code code_of(enum store_refusal refusal)
{
    switch (refusal) {
    case STORE_DAMAGED:
        return LOG_DATABASE_DAMAGED;
    case STORE_NEWER:
        return LOG_DATABASE_NEWER;
    case STORE_OTHER_IDENTITY:
        return LOG_DATABASE_OF_OTHER;
    case STORE_NOT_WRITABLE:
    case STORE_IO:
    case STORE_NO_FILE:
        return LOG_DATABASE_UNUSABLE;
    case STORE_OPENED:
        break;
    }
    return LOG_START_REFUSED;
}

static bool refuse_store(struct refusal *ret_refusal, enum store_refusal refusal,
                         const char message[STORE_MESSAGE_MAX])
{
    refuse(ret_refusal, exit_code_of(refusal), "%s", message);
    return refuse_as(ret_refusal, code_of(refusal));
}

/* A node that is new, or that lost what it knew, is told of: neither looks wrong from outside. */
static void say_what_is_new(const struct config *config, const struct identity *identity,
                            enum identity_origin origin, enum store_found found)
{
    const char *path = config->state_dir;

    if (origin == IDENTITY_NEW)
        log_coded(LOG_IDENTITY_NEW, &(struct log_fields){.key = identity->key.bytes},
                  "%s: a new identity was made, peer id %s", path, identity->id);
    else if (origin == IDENTITY_KEPT && found == STORE_FOUND_NOTHING)
        log_coded(LOG_DATABASE_MISSING, NULL,
                  "%s: the identity was there, but no database: %s are gone; was p2pchat.db moved "
                  "away, or its -wal?",
                  path,
                  config->role == ROLE_NODE ? "contacts and history"
                                            : "the names that are reserved");
    if (found == STORE_FOUND_OLDER)
        log_coded(LOG_DATABASE_MIGRATED, NULL,
                  "%s: p2pchat.db was of an older version and is up to date now", path);
}

/* Reading all of a large log takes minutes, and so does writing on a slow disk, which systemd must
 * not take for hanging. */
static void goes_on(void)
{
    service_extend(WATCHDOG_CALL_MS);
}

static enum store_refusal open_store(const struct daemon *daemon, struct store **ret_store,
                                     char message[STORE_MESSAGE_MAX])
{
    const char *path = daemon->config.state_dir;
    const bool is_checked = store_is_to_be_checked(path);
    enum store_refusal refusal;

    service_status(is_checked ? "Checking the database" : "Opening the log");
    if (is_checked)
        log_coded(LOG_CHECK_BEGUN, NULL,
                  "%s: every page of p2pchat.db is checked, as p2pchat.db-check demands", path);
    refusal = store_open(path, daemon->identity->key.bytes, goes_on, ret_store, message);
    if (refusal == STORE_OPENED && is_checked)
        log_coded(LOG_CHECK_PASSED, NULL, "%s: p2pchat.db is whole", path);
    return refusal;
}

/* Whoever closed their network, and misspelt the name of its key, would not see that it is open. */
static void say_unknown_credentials(void)
{
    struct bytes text = BYTES_EMPTY;

    if (credential_tell_unknown(&text)) {
        bytes_u8(&text, '\0');
        log_coded(LOG_CREDENTIAL_UNKNOWN, NULL, "%s", (const char *)bytes_data(&text));
    }
    bytes_done(&text);
}

static bool open_state(struct daemon *daemon, struct refusal *ret_refusal)
{
    const struct random random = entropy_random();
    const char *path = daemon->config.state_dir;
    char message[STORE_MESSAGE_MAX];
    enum store_refusal refusal;
    enum identity_origin origin;

    if (!state_dir_open(path, &daemon->dir, ret_refusal))
        return refuse_as(ret_refusal, ret_refusal->exit_code == EX_UNAVAILABLE
                                          ? LOG_STATE_HELD
                                          : LOG_STATE_UNUSABLE);
    daemon->identity = secret_new(sizeof(*daemon->identity));
    if (!identity_file_load(&daemon->dir,
                            store_exists(path) ? IDENTITY_MUST_BE_THERE : IDENTITY_MAY_BE_NEW,
                            &random, daemon->identity, &origin, ret_refusal))
        return refuse_as(ret_refusal, LOG_IDENTITY_UNUSABLE);
    refusal = open_store(daemon, &daemon->pump.store, message);
    if (refusal != STORE_OPENED)
        return refuse_store(ret_refusal, refusal, message);
    refusal = store_start_age(daemon->pump.store, pump_now(&daemon->pump), message);
    if (refusal != STORE_OPENED)
        return refuse_store(ret_refusal, refusal, message);
    say_what_is_new(&daemon->config, daemon->identity, origin, store_found(daemon->pump.store));
    return true;
}

struct loading {
    struct pump *pump;
    bool has_peers;
};

static void load_row(void *context, const struct change *row)
{
    struct loading *loading = context;

    loading->has_peers = loading->has_peers || row->kind == CHANGE_PEER;
    node_load(loading->pump->node, row, pump_now(loading->pump));
}

static bool make_node(struct daemon *daemon, struct refusal *ret_refusal)
{
    const struct config *config = &daemon->config;
    struct node_settings told = config_for_node(config);
    struct loading loading = {.pump = &daemon->pump};
    char message[STORE_MESSAGE_MAX];
    enum store_refusal refusal;

    told.identity = daemon->identity;
    told.random = entropy_random();
    told.network_key = daemon->network_key;
    daemon->pump.node = node_new(&told);
    refusal = store_load(daemon->pump.store, load_row, &loading, message);
    if (refusal != STORE_OPENED)
        return refuse_store(ret_refusal, refusal, message);
    if (config->role == ROLE_TRACKER && loading.has_peers)
        return refuse(
            ret_refusal, EX_CONFIG,
            "%s: here a node keeps its contacts; give the tracker a --state-dir of its own",
            config->state_dir);
    return true;
}

/* Binds with the ports of the last time, where any will do. */
static bool bind_all(const struct state_dir *dir, const char *ports_file,
                     const struct listen_wish *wish, struct listeners **ret_listeners,
                     struct refusal *ret_refusal)
{
    struct ports ports, before;
    struct refusal unsaved;

    ports_load(dir, ports_file, &ports);
    before = ports;
    if (!listeners_open(wish, &ports, ret_listeners, ret_refusal))
        return refuse_as(ret_refusal, LOG_LISTEN_FAILED);
    /* Not being able to remember is no reason not to run. */
    if (!ports_equal(&ports, &before) && !ports_save(dir, ports_file, &ports, &unsaved))
        log_coded(LOG_PORTS_NOT_KEPT, NULL, "%s", unsaved.why);
    return true;
}

/* Takes the sockets that systemd passed, or binds what is configured. */
static bool listen_for_links(struct daemon *daemon, const struct service_sockets *passed,
                             struct refusal *ret_refusal)
{
    const struct config *config = &daemon->config;
    const struct listen_wish wish = {config->listen, config->listen_count, "--listen"};
    struct listeners **listeners = &daemon->pump.listeners;

    if (passed->peer_count == 0)
        return bind_all(&daemon->dir, PORTS_OF_LINKS, &wish, listeners, ret_refusal);
    if (wish.count > 0)
        log_coded(LOG_LISTEN_UNUSED, NULL,
                  "systemd passed sockets for peers: Listen= of [Node] is not used");
    return listeners_adopt(passed->peers, passed->peer_count, listeners, ret_refusal);
}

static bool bind_listeners(struct daemon *daemon, const struct service_sockets *passed,
                           struct refusal *ret_refusal)
{
    const struct config *config = &daemon->config;
    const struct listen_wish classic = {config->classic_listen, config->classic_listen_count,
                                        "--classic-listen"};
    struct facts *facts = &daemon->facts;
    struct pump *pump = &daemon->pump;

    if (!listen_for_links(daemon, passed, ret_refusal))
        return false;
    facts->listen = listeners_bound(pump->listeners, &facts->listen_count);
    facts->listen_is_passed = passed->peer_count > 0;
    if (classic.count == 0)
        return true;
    if (!bind_all(&daemon->dir, PORTS_OF_CLASSIC, &classic, &pump->classic_listeners, ret_refusal))
        return false;
    facts->classic_listen = listeners_bound(pump->classic_listeners, &facts->classic_listen_count);
    return true;
}

static bool open_control(struct daemon *daemon, int passed, struct refusal *ret_refusal)
{
    struct control_socket socket;

    if (daemon->config.socket != NULL && passed >= 0) {
        log_coded(LOG_LISTEN_UNUSED, NULL,
                  "systemd passed a control socket, and nobody is served there: %s is to be used",
                  daemon->config.socket);
        close(passed);
    }
    if (daemon->config.socket == NULL) {
        if (!control_socket_inherit(passed, &socket, ret_refusal))
            return refuse_as(ret_refusal, LOG_SOCKET_UNUSABLE);
    } else if (!control_socket_make(daemon->config.socket, &socket, ret_refusal)) {
        return refuse_as(ret_refusal, LOG_SOCKET_UNUSABLE);
    }
    daemon->pump.control = control_new(&daemon->pump, &socket);
    return true;
}

static bool load_consumers(struct pump *pump, struct refusal *ret_refusal)
{
    char message[STORE_MESSAGE_MAX];
    enum store_refusal refusal =
        store_load_consumers(pump->store, control_load_consumer, pump->control, message);

    if (refusal != STORE_OPENED)
        return refuse_store(ret_refusal, refusal, message);
    return true;
}

bool daemon_start(struct daemon *daemon, const struct service_sockets *passed,
                  struct refusal *ret_refusal)
{
    struct pump *pump = &daemon->pump;

    if (!pump_init(pump))
        return refuse(ret_refusal, EX_OSERR, "the system gives no event loop");
    net_raise_descriptors();
    if (!config_network_key(&daemon->config, &daemon->network_key, ret_refusal) ||
        !open_state(daemon, ret_refusal))
        return false;
    say_unknown_credentials();
    daemon->facts = (struct facts){.dir = &daemon->dir,
                                   .identity = daemon->identity,
                                   .name = daemon->config.name,
                                   .role = daemon->config.role,
                                   .has_network_key = daemon->network_key != NULL,
                                   .advertise = daemon->config.advertise,
                                   .advertise_count = daemon->config.advertise_count,
                                   .started = pump_now(pump).mono,
                                   .started_unix_ms = pump_now(pump).unix_ms};
    pump->facts = &daemon->facts;
    if (!make_node(daemon, ret_refusal) || !bind_listeners(daemon, passed, ret_refusal))
        return false;
    pump->net = net_new(pump);
    pump->resolver = resolver_new(pump->base);
    pump->dials = dials_new(pump);
    pump->names = names_new(pump);
    if (!open_control(daemon, passed->control, ret_refusal) || !load_consumers(pump, ret_refusal))
        return false;
    metrics_http_start(pump, &daemon->config.metrics_listen);
    pump->housekeeping = housekeeping_new(pump, &daemon->config);
    pump->status_line = status_line_new(pump);
    pump->reload = reload_new(pump, daemon->source, &daemon->config);
    pump->watchdog = watchdog_new(pump);
    pump_start(pump);
    return true;
}

void daemon_done(struct daemon *daemon)
{
    struct pump *pump = &daemon->pump;

    watchdog_free(pump->watchdog);
    status_line_free(pump->status_line);
    housekeeping_free(pump->housekeeping);
    metrics_http_free(pump->metrics_http);
    control_free(pump->control);
    names_free(pump->names);
    dials_free(pump->dials);
    resolver_free(pump->resolver);
    net_free(pump->net);
    listeners_free(pump->classic_listeners);
    listeners_free(pump->listeners);
    node_free(pump->node);
    reload_free(pump->reload);
    store_close(pump->store);
    pump_done(pump);
    secret_free(daemon->identity, sizeof(*daemon->identity));
    secret_free(daemon->network_key, NETWORK_KEY_SIZE);
    state_dir_close(&daemon->dir);
    config_done(&daemon->config);
}
