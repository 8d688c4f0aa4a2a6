/* The table of everything that can be set, by an option, by a key of the configuration file, or by
 * both. */
#ifndef P2PCHAT_DAEMON_SETTINGS_H
#define P2PCHAT_DAEMON_SETTINGS_H

#include <stddef.h>

#include "daemon/config.h"

enum setting_kind {
    SETTING_VALUE,   /* `set` takes its value */
    SETTING_PATH,    /* the same; in the file it must begin with / */
    SETTING_ROLE,    /* --role: its value too goes to `set` */
    SETTING_CONFIG,  /* --config */
    SETTING_CHECK,   /* --check-config */
    SETTING_HELP,    /* --help */
    SETTING_VERSION, /* --version */
};

enum setting_role {
    SETTING_FOR_ALL,
    SETTING_FOR_NODES /* in a tracker it is a mistake */
};

/* When a value takes effect that was changed while the daemon runs (daemon/reload.h). */
enum setting_effect {
    SETTING_AT_ONCE, /* at the reload */
    SETTING_AT_RESTART
};

enum { SETTING_WHY_MAX = 256 };

struct setting {
    enum setting_kind kind;
    const char *section; /* of the file, and the key there; NULL: only an option */
    const char *key;
    const char *option; /* without its dashes; NULL: only a key */
    char letter;        /* 0: none */
    const char *value;  /* what the value is called in the help; NULL: takes none */
    const char *help;
    enum setting_role role;
    enum setting_effect effect;

    /* Takes one value (adds it, when repeatable). False: it is not good, and `ret_why` says what
     * would be. */
    bool (*set)(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX]);

    /* Goes back to what it is when nobody sets it. */
    void (*clear)(struct config *config);

    /* Whether both say the same of it. */
    bool (*same)(const struct config *a, const struct config *b);
};

extern const struct setting settings[];
extern const size_t settings_count;

enum { SETTING_NAME_MAX = 64 };

/* The row of a key, which there is. */
const struct setting *setting_of_key(const char *section, const char *key);

/* Adds a line about a value that cannot be: where it was given, and why; both may hold text from
 * outside. */
void setting_add_mistake(const struct config *config, const struct setting *setting,
                         const char *why, struct bytes *mistakes);

/* Whether it makes sense in this role; where it does not, giving it is a mistake, and this is said.
 */
bool setting_is_for(const struct setting *setting, enum node_role role);
#define SETTING_NOT_FOR_TRACKERS "a tracker has no use for it: it is for nodes"

/* What it is called where only its name is said: "Section.Key". It must have a key. */
void setting_name(const struct setting *setting, char out[SETTING_NAME_MAX]);

/* Adds the names of these, with `before` in front of the first and commas between them; nothing
 * when there are none. */
void setting_add_names(struct bytes *text, const char *before, const struct setting *const *list,
                       size_t count);

#endif
