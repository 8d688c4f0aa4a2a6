#include "daemon/config_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/control_socket.h"
#include "daemon/credential.h"
#include "daemon/entropy.h"
#include "daemon/identity_file.h"
#include "daemon/listen.h"
#include "daemon/settings.h"

static const char no_classic[] = "there is a network key (the credential " CREDENTIAL_NETWORK_KEY
                                 "), and the classic dialect has no secrets: take one of them away";

#define KEY_IN_STORE "/etc/credstore/" CREDENTIAL_NETWORK_KEY
#define PUT_KEY      "put one into " KEY_IN_STORE ", where LoadCredential= of the units finds it"

static const char no_key[] = "there is no network key: " PUT_KEY;

/* Of a daemon that runs already: it stays what it is until it ends. */
static const char runs_without_key[] =
    "this daemon was started without a network key, and its network is open: " PUT_KEY
    ", and restart; without a key a restart is refused";

/* --- The control socket --- */

static bool check_socket(const struct config *config, struct bytes *mistakes)
{
    const size_t length = config->socket != NULL ? strlen(config->socket) : 0;
    char *why;

    if (length <= CONTROL_PATH_MAX)
        return true;
    why = xasprintf("must be a path of at most %d bytes, and has %zu", CONTROL_PATH_MAX, length);
    setting_add_mistake(config, setting_of_key("Control", "Socket"), why, mistakes);
    free(why);
    return false;
}

/* --- Places to listen at --- */

struct places {
    const char *section; /* whose Listen= it is */
    const struct host_port *at;
    size_t count;
};

static bool check_place(const struct config *config, const struct places *places,
                        const struct host_port *at, const struct places *others,
                        struct bytes *mistakes)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct host_port *other = &others->at[i];
        char text[ADDRESS_HOST_PORT_MAX + 1], other_text[ADDRESS_HOST_PORT_MAX + 1], *why;

        if (!listen_collide(at, other, LISTEN_IN_TWO_LISTS))
            continue;
        host_port_format(at, text);
        host_port_format(other, other_text);
        why = xasprintf("%s is taken by Listen=%s of [%s]: give another port", text, other_text,
                        others->section);
        setting_add_mistake(config, setting_of_key(places->section, "Listen"), why, mistakes);
        free(why);
        return false;
    }
    return true;
}

/* What systemd passed is bound whatever is configured. */
static bool check_places(const struct config *config, const struct config_place *place,
                         struct bytes *mistakes)
{
    const struct places all[] = {
        {"Node", config->listen, place->peers_passed ? 0 : config->listen_count},
        {"Classic", config->classic_listen, config->classic_listen_count},
        {"Metrics", &config->metrics_listen, config->metrics_listen.host[0] != '\0'},
    };
    bool is_good = true;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t j = 0; j < i; j++) {
            for (size_t k = 0; k < all[i].count; k++)
                is_good = check_place(config, &all[i], &all[i].at[k], &all[j], mistakes) && is_good;
        }
    }
    return is_good;
}

/* --- All of it --- */

bool config_check(const struct config *config, const struct config_place *place,
                  struct bytes *mistakes)
{
    bool is_good = check_socket(config, mistakes);

    is_good = check_places(config, place, mistakes) && is_good;
    if (place->network_key == KEY_THERE && config->classic_listen_count > 0) {
        setting_add_mistake(config, setting_of_key("Classic", "Listen"), no_classic, mistakes);
        is_good = false;
    }
    if (place->network_key == KEY_NONE && config->is_closed) {
        setting_add_mistake(config, setting_of_key("Network", "Closed"), runs_without_key,
                            mistakes);
        is_good = false;
    }
    return is_good;
}

static bool refuse_key(const struct config *config, const struct setting *setting, const char *why,
                       struct refusal *ret_refusal)
{
    struct bytes line = BYTES_EMPTY;

    setting_add_mistake(config, setting, why, &line);
    refuse(ret_refusal, EX_CONFIG, "%.*s", (int)bytes_length(&line) - 1,
           (const char *)bytes_data(&line));
    bytes_done(&line);
    return refuse_as(ret_refusal, LOG_CREDENTIAL_UNUSABLE);
}

/* p2pchat-protocol(7), The classic dialect: "cannot be used beside a network key." `is_needed`: it
 * is a mistake when there is none. */
static bool check_key(const struct config *config, bool is_needed, uint8_t **ret_key,
                      struct refusal *ret_refusal)
{
    uint8_t *key;

    if (!credential_network_key(&key, ret_refusal))
        return refuse_as(ret_refusal, LOG_CREDENTIAL_UNUSABLE);
    if (key != NULL && config->classic_listen_count > 0) {
        secret_free(key, NETWORK_KEY_SIZE);
        return refuse_key(config, setting_of_key("Classic", "Listen"), no_classic, ret_refusal);
    }
    if (key == NULL && is_needed)
        return refuse_key(config, setting_of_key("Network", "Closed"), no_key, ret_refusal);
    *ret_key = key;
    return true;
}

bool config_network_key(const struct config *config, uint8_t **ret_key, struct refusal *ret_refusal)
{
    return check_key(config, config->is_closed, ret_key, ret_refusal);
}

static bool add_refusal(const struct refusal *refusal, struct bytes *mistakes)
{
    format_line(mistakes, "%s", refusal->why);
    return false;
}

bool config_check_credentials(const struct config *config, struct bytes *mistakes)
{
    const bool are_seen = getenv("CREDENTIALS_DIRECTORY") != NULL;
    struct refusal refusal;
    uint8_t *key;

    if (!check_key(config, are_seen && config->is_closed, &key, &refusal))
        return add_refusal(&refusal, mistakes);
    secret_free(key, NETWORK_KEY_SIZE);
    return identity_file_check_credential(&refusal) || add_refusal(&refusal, mistakes);
}

/* --- Remarks --- */

/* What the units would hand over, if nothing was added to them. */
static bool key_is_in_store(void)
{
    return access(KEY_IN_STORE, F_OK) == 0 ||
           access("/etc/credstore.encrypted/" CREDENTIAL_NETWORK_KEY, F_OK) == 0;
}

/* Whether the service, which is another user, is kept from it: root alone has what these bits
 * give. */
static bool is_for_root(const char *path, mode_t group, mode_t others)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_uid == 0 &&
           (status.st_gid == 0 || (status.st_mode & group) == 0) && (status.st_mode & others) == 0;
}

static void remark_of_file(const char *file, struct bytes *text)
{
    char *directory = xstrdup(file);

    for (char *slash = strrchr(directory, '/'); slash != NULL; slash = strrchr(directory, '/')) {
        *slash = '\0';
        if (slash > directory && is_for_root(directory, S_IXGRP, S_IXOTH))
            format_line(text,
                        "only root can enter %s: a service that is another user cannot read the "
                        "file (chmod o+x lets it)",
                        directory);
    }
    free(directory);
    if (is_for_root(file, S_IRGRP, S_IROTH))
        bytes_text(text, "only root can read it: a service that is another user cannot (chmod o+r "
                         "lets it)\n");
}

void config_remark(const struct config *config, const struct config_place *place,
                   struct bytes *text)
{
    bytes_text(text, "not looked at, as only a start can: addresses of this host, ");
    bytes_text(text, getenv("CREDENTIALS_DIRECTORY") == NULL ? "credentials, " : "");
    bytes_text(text, "the state directory and its database\n");
    if (credential_tell_unknown(text))
        bytes_u8(text, '\n');
    if (place->uid == 0 && config->is_closed && getenv("CREDENTIALS_DIRECTORY") == NULL &&
        !key_is_in_store())
        bytes_text(text, "Closed=yes wants a network key, and there is no " KEY_IN_STORE
                         ": without one a start is refused\n");
    if (place->uid == 0 && config->file != NULL)
        remark_of_file(config->file, text);
}
