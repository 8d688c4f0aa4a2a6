#include "daemon/config.h"
#include <config.h>

#include <stdlib.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/config_check.h"
#include "daemon/config_file.h"
#include "daemon/control_socket.h"
#include "daemon/defaults.h"
#include "daemon/options.h"
#include "daemon/settings.h"

static void clear_all(struct config *config)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].clear != NULL)
            settings[i].clear(config);
    }
}

void config_done(struct config *config)
{
    clear_all(config);
    free(config->file);
    config->file = NULL;
}

struct node_settings config_for_node(const struct config *config)
{
    return (struct node_settings){
        .role = config->role,
        .name = config->name,
        .agent = "p2pchat/" PACKAGE_VERSION,
        .request_timeout_ms = config->request_timeout_ms,
        .accept_from = (const uint8_t(*)[KEY_LENGTH])config->accept_from,
        .accept_from_count = config->accept_from_count,
        .outbox_messages_max = config->outbox_messages_max,
        .outbox_bytes_max = config->outbox_bytes_max,
        .advertise = config->advertise,
        .advertise_count = config->advertise_count,
        .trackers = config->trackers,
        .tracker_count = config->tracker_count,
        .classic = {.is_on = config->classic_listen_count > 0, .long_text = config->long_text},
    };
}

/* --- Reading --- */

static void fill_in_listen(struct config *config, const struct config_place *place)
{
    const struct host_port listen = defaults_listen(config->role);

    if (config->listen_count > 0 || place->peers_passed)
        return;
    config->listen = xmemdup(&listen, sizeof(listen));
    config->listen_count = 1;
}

/* Whoever names the socket that systemd passed means that one: nothing is made there. */
static void fill_in_socket(struct config *config, const struct config_place *place)
{
    if (place->passed_socket == NULL) {
        if (config->socket == NULL)
            config->socket = defaults_socket(place->uid, config->role);
    } else if (config->socket != NULL &&
               control_socket_is_same(config->socket, place->passed_socket)) {
        free(config->socket);
        config->socket = NULL;
    }
}

/* False: something must be given; `out` says what. */
static bool fill_in_defaults(struct config *config, const struct config_place *place,
                             struct bytes *out)
{
    fill_in_listen(config, place);
    fill_in_socket(config, place);
    if (config->state_dir == NULL)
        config->state_dir = defaults_state_dir(place->uid, config->role);
    config->name_is_default = config->name == NULL;
    if (config->name_is_default)
        config->name = place->name != NULL ? xstrdup(place->name) : defaults_name(place->uid);
    if (config->socket == NULL && place->passed_socket == NULL)
        format_line(out, "no place is known for the control socket ($XDG_RUNTIME_DIR is not set): "
                         "give --socket=PATH");
    if (config->state_dir == NULL)
        format_line(out, "no place is known for the state directory ($HOME is not set): "
                         "give --state-dir=DIR");
    return (config->socket != NULL || place->passed_socket != NULL) && config->state_dir != NULL;
}

/* Reads the file, in its place or in that of the role; `role` as for config_file_read. */
static bool read_given_file(const struct options *options, const enum node_role *role,
                            const struct config_place *place, struct config *config,
                            struct bytes *out)
{
    const char *given = options_value(options, SETTING_CONFIG);
    struct config_file_place file = {.is_given = given != NULL};
    bool is_good = true;

    if (file.is_given) {
        file.path = xstrdup(given);
    } else {
        file.path = defaults_file(place->uid, role != NULL ? *role : ROLE_NODE);
        file.variable = defaults_file_variable(place->uid);
    }
    if (file.path != NULL)
        is_good = config_file_read(&file, role, config, out);
    free(file.path);
    return is_good;
}

static enum config_verdict read_all(const struct options *options, const enum node_role *role,
                                    const struct config_place *place, struct config *config,
                                    struct bytes *out)
{
    if (!read_given_file(options, role, place, config, out))
        return CONFIG_BAD_FILE;
    if (!options_apply(options, config, out) || !options_check_role(options, config->role, out) ||
        !fill_in_defaults(config, place, out))
        return CONFIG_BAD_OPTION;
    return config_check(config, place, out) ? CONFIG_READY : CONFIG_BAD_FILE;
}

/* --check-config: all mistakes at once, those of the options (which are in `out` already, unless
 * they are `good`), those of the file, and when these have none those of both together. Whether
 * this user has a place for a socket is no question of the configuration. */
static enum config_verdict check_all(const struct options *options, const enum node_role *role,
                                     bool good, const struct config_place *place,
                                     struct config *config, struct bytes *out)
{
    const bool is_good_file = read_given_file(options, role, place, config, out);

    if (good &&
        (!options_apply(options, config, out) || !options_check_role(options, config->role, out)))
        good = false;
    if (!good || !is_good_file)
        return good ? CONFIG_CHECKED_BAD_FILE : CONFIG_CHECKED_BAD_OPTION;
    fill_in_listen(config, place);
    good = config_check(config, place, out);
    if (!config_check_credentials(config, out) || !good)
        return CONFIG_CHECKED_BAD_FILE;
    if (config->file != NULL)
        format_line(out, "%s is fine", config->file);
    else
        format_line(out, "there is no configuration file; what is given is fine");
    config_remark(config, place, out);
    return CONFIG_SHOWN;
}

static bool is_shown(const struct options *options, struct bytes *out)
{
    if (options_value(options, SETTING_HELP) != NULL)
        options_help(out);
    else if (options_value(options, SETTING_VERSION) != NULL)
        bytes_text(out, "p2pchatd " PACKAGE_VERSION "\n");
    else
        return false;
    return true;
}

enum config_verdict config_read(int argc, char **argv, const struct config_place *place,
                                struct config *ret_config, struct bytes *ret_text)
{
    struct config tried = {0}, config = {0};
    struct options options = {0};
    enum config_verdict verdict = CONFIG_BAD_OPTION;
    bool is_good;

    clear_all(&tried);
    clear_all(&config);
    is_good = options_read(argc, argv, &options, ret_text);
    if (is_good && is_shown(&options, ret_text)) {
        verdict = CONFIG_SHOWN;
        goto out;
    }
    /* Mistakes of the command line are told before the file is opened. */
    is_good = options_apply(&options, &tried, ret_text) && is_good;

    const enum node_role *role = options_value(&options, SETTING_ROLE) != NULL ? &tried.role : NULL;

    if (options_value(&options, SETTING_CHECK) != NULL)
        verdict = check_all(&options, role, is_good, place, &config, ret_text);
    else if (is_good)
        verdict = read_all(&options, role, place, &config, ret_text);
    if (verdict == CONFIG_READY) {
        *ret_config = config;
        config = (struct config){0};
    }
out:
    options_done(&options);
    config_done(&tried);
    config_done(&config);
    return verdict;
}
