#include "daemon/reload.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/housekeeping.h"
#include "daemon/log.h"
#include "daemon/metrics_http.h"
#include "daemon/pump.h"
#include "daemon/service.h"

struct reload {
    struct pump *pump;
    const struct config_source *source;
    const struct config *started;
    struct config applied; /* what was read last; what needs a restart is not at work */
    bool is_applied;       /* else nothing was read since the start */
};

struct reload *reload_new(struct pump *pump, const struct config_source *source,
                          const struct config *started)
{
    struct reload *reload = xcalloc(1, sizeof(*reload));

    reload->pump = pump;
    reload->source = source;
    reload->started = started;
    return reload;
}

void reload_free(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->is_applied)
        config_done(&reload->applied);
    free(reload);
}

/* --- Looking --- */

/* What takes effect at once is at work as it stands there. */
static const struct config *running(const struct reload *reload)
{
    return reload->is_applied ? &reload->applied : reload->started;
}

static void compare(const struct reload *reload, const struct config *fresh,
                    struct reload_found *ret_found)
{
    struct reload_found found = {.at_once_count = 0};

    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->same == NULL)
            continue;
        switch (s->effect) {
        case SETTING_AT_ONCE:
            if (!s->same(running(reload), fresh))
                found.at_once[found.at_once_count++] = s;
            break;
        case SETTING_AT_RESTART:
            if (!s->same(reload->started, fresh))
                found.at_restart[found.at_restart_count++] = s;
            break;
        }
    }
    *ret_found = found;
}

static bool read_again(const struct reload *reload, struct config *ret_config,
                       struct bytes *mistakes)
{
    const struct config_source *from = reload->source;
    const struct config *before = running(reload);
    struct config_place place = from->place;

    if (reload->started->name_is_default)
        place.name = reload->started->name;
    else if (before->name_is_default)
        place.name = before->name;
    return config_read(from->argc, from->argv, &place, ret_config, mistakes) == CONFIG_READY;
}

bool reload_look(const struct reload *reload, struct reload_found *ret_found,
                 struct bytes *mistakes)
{
    struct config fresh;

    if (!read_again(reload, &fresh, mistakes))
        return false;
    compare(reload, &fresh, ret_found);
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
static void apply(struct reload *reload, const struct config *fresh)
{
    struct pump *pump = reload->pump;
    struct config before = reload->applied;

    reload->applied = *fresh;
    log_set_level(fresh->log_level);
    pump->facts->advertise = fresh->advertise;
    pump->facts->advertise_count = fresh->advertise_count;
    pump->facts->name = fresh->name;
    tell_node(pump, fresh);
    pump_look_at_addresses(pump);
    housekeeping_configure(pump->housekeeping, fresh);
    if (reload->is_applied)
        config_done(&before);
    reload->is_applied = true;
}

static void add_names(struct bytes *line, const char *before, const struct setting *const *list,
                      size_t count)
{
    char name[SETTING_NAME_MAX];

    for (size_t i = 0; i < count; i++) {
        bytes_text(line, i == 0 ? before : ", ");
        setting_name(list[i], name);
        bytes_text(line, name);
    }
}

static void log_found(const struct reload_found *found, const struct log_fields *fields)
{
    struct bytes line = BYTES_EMPTY;

    add_names(&line, "; changed: ", found->at_once, found->at_once_count);
    add_names(&line, "; needs a restart: ", found->at_restart, found->at_restart_count);
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
    bytes_text(mistakes, "Listen= of [Metrics]: ");
    text_append_safe(mistakes, refusal.why, strlen(refusal.why));
    bytes_u8(mistakes, '\n');
    return false;
}

static bool read_and_apply(struct reload *reload, const struct log_fields *fields,
                           struct reload_found *ret_found, struct bytes *mistakes)
{
    const enum log_level level = running(reload)->log_level;
    struct config fresh;

    if (!read_again(reload, &fresh, mistakes))
        return false;
    compare(reload, &fresh, ret_found);
    if (!move_metrics(reload, &fresh, mistakes)) {
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
    service_reloaded();
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
