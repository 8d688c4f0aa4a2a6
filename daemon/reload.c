#include "daemon/reload.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/housekeeping.h"
#include "daemon/log.h"
#include "daemon/metrics_http.h"
#include "daemon/pump.h"
#include "daemon/service.h"
#include "daemon/status_line.h"

struct reload {
    struct pump *pump;
    const struct config_source *source;
    const struct config *started;
    struct config applied; /* what was taken over last; what needs a restart is not at work */
    bool is_ours;          /* `applied` was read since the start; else it borrows from `started` */
};

struct reload *reload_new(struct pump *pump, const struct config_source *source,
                          const struct config *started)
{
    struct reload *reload = xcalloc(1, sizeof(*reload));

    reload->pump = pump;
    reload->source = source;
    reload->started = started;
    reload->applied = *started;
    return reload;
}

void reload_free(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->is_ours)
        config_done(&reload->applied);
    free(reload);
}

/* --- Looking --- */

/* What another role is told is nothing to this one; but of what goes on both may be asked to say
 * more. */
static bool holds_at_once(const struct reload *reload, const struct setting *setting,
                          const struct config *fresh)
{
    return setting->effect == SETTING_AT_ONCE &&
           (fresh->role == reload->started->role || setting == setting_of_key("Log", "Level"));
}

static void compare(const struct reload *reload, const struct config *fresh,
                    struct reload_found *ret_found)
{
    struct reload_found found = {.at_once_count = 0};

    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        const struct config *running =
            s->effect == SETTING_AT_ONCE ? &reload->applied : reload->started;

        if (s->same == NULL || s->same(running, fresh))
            continue;
        if (holds_at_once(reload, s, fresh))
            found.at_once[found.at_once_count++] = s;
        else
            found.at_restart[found.at_restart_count++] = s;
    }
    *ret_found = found;
}

static bool read_again(const struct reload *reload, struct config *ret_config,
                       struct bytes *mistakes)
{
    const struct config_source *from = reload->source;
    struct config_place place = from->place;

    place.network_key = reload->pump->facts->has_network_key ? KEY_THERE : KEY_NONE;
    if (reload->started->name_is_default)
        place.name = reload->started->name;
    else if (reload->applied.name_is_default)
        place.name = reload->applied.name;
    return config_read(from->argc, from->argv, &place, ret_config, mistakes) == CONFIG_READY;
}

bool reload_look(const struct reload *reload, struct reload_found *ret_found, char **ret_file,
                 struct bytes *mistakes)
{
    struct config fresh;

    if (!read_again(reload, &fresh, mistakes))
        return false;
    compare(reload, &fresh, ret_found);
    *ret_file = fresh.file;
    fresh.file = NULL;
    config_done(&fresh);
    return true;
}

/* --- Applying --- */

static void tell_node(struct pump *pump, const struct config *config)
{
    const struct node_settings settings_now = config_for_node(config);
    const struct input input = {.kind = INPUT_CONFIG, .config.settings = &settings_now};

    pump_input(pump, &input);
}

/* Every part is told all of it, whatever is new. Takes over `fresh`. */
static void apply(struct reload *reload, struct config *fresh)
{
    struct pump *pump = reload->pump;
    struct config before = reload->applied;

    log_set_level(fresh->log_level);
    if (fresh->role != reload->started->role) {
        reload->applied.log_level = fresh->log_level;
        config_done(fresh);
        return;
    }
    reload->applied = *fresh;
    pump->facts->advertise = fresh->advertise;
    pump->facts->advertise_count = fresh->advertise_count;
    pump->facts->name = fresh->name;
    tell_node(pump, fresh);
    pump_look_at_addresses(pump);
    housekeeping_configure(pump->housekeeping, fresh);
    if (reload->is_ours)
        config_done(&before);
    reload->is_ours = true;
}

static void log_found(const struct reload_found *found, const struct log_fields *fields)
{
    struct bytes line = BYTES_EMPTY;

    setting_add_names(&line, "; changed: ", found->at_once, found->at_once_count);
    setting_add_names(&line, "; needs a restart: ", found->at_restart, found->at_restart_count);
    if (bytes_length(&line) == 0)
        bytes_text(&line, "; nothing has changed");
    bytes_u8(&line, '\0');
    log_coded(LOG_RELOADED, fields, "the configuration was read again%s",
              (const char *)bytes_data(&line));
    bytes_done(&line);
}

/* The one part that may fail, and so the first: a port may be in use. */
static bool move_metrics(struct reload *reload, const struct config *fresh, struct bytes *mistakes)
{
    struct refusal refusal;

    if (metrics_http_set(reload->pump, &fresh->metrics_listen, &refusal))
        return true;
    setting_add_mistake(fresh, setting_of_key("Metrics", "Listen"), refusal.why, mistakes);
    return false;
}

static bool read_and_apply(struct reload *reload, const struct log_fields *fields,
                           struct reload_found *ret_found, struct bytes *mistakes)
{
    const enum log_level level = reload->applied.log_level;
    struct config fresh;

    if (!read_again(reload, &fresh, mistakes))
        return false;
    compare(reload, &fresh, ret_found);
    if (fresh.role == reload->started->role && !move_metrics(reload, &fresh, mistakes)) {
        config_done(&fresh);
        return false;
    }
    if (fresh.log_level > level)
        log_set_level(fresh.log_level); /* the line is written if either level has it */
    log_found(ret_found, fields);
    apply(reload, &fresh);
    return true;
}

bool reload_run(struct reload *reload, const struct log_caller *caller,
                struct reload_found *ret_found, struct bytes *mistakes)
{
    struct log_fields fields = {.method = caller != NULL ? "reload" : NULL, .caller = caller};
    bool is_good;

    service_reloading();
    is_good = read_and_apply(reload, &fields, ret_found, mistakes);
    status_line_ready(reload->pump->status_line);
    fields.error = error_name(ERR_BAD_CONFIG);
    if (!is_good)
        log_coded_lines(LOG_RELOAD_REFUSED, &fields, mistakes);
    return is_good;
}

void reload_on_signal(struct reload *reload)
{
    struct bytes mistakes = BYTES_EMPTY;
    struct reload_found found;

    (void)reload_run(reload, NULL, &found, &mistakes);
    bytes_done(&mistakes);
}
