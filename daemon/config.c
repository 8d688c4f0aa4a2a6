#include "daemon/config.h"
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/config_check.h"
#include "daemon/defaults.h"
#include "daemon/limits.h"
#include "daemon/settings.h"

/* An option as it stands on the command line. */
struct given {
    const struct setting *setting;
    const char *value; /* borrowed from argv */
};

struct given_list {
    struct given *items;
    size_t count;
};

static void add_line(struct bytes *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds one line to what is shown; it may quote text from outside. */
static void add_line(struct bytes *out, const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text_append_safe(out, line, strlen(line));
    bytes_u8(out, '\n');
}

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

/* --- The command line --- */

enum { LONG_ONLY = 256 }; /* getopt_long's values: this and the row of the table */

static void make_option_tables(struct option *longs, char *letters)
{
    *letters++ = ':'; /* a missing value is told apart */
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].option == NULL)
            continue;
        *longs++ =
            (struct option){.name = settings[i].option,
                            .has_arg = settings[i].value != NULL ? required_argument : no_argument,
                            .val = LONG_ONLY + (int)i};
        if (settings[i].letter != 0) {
            *letters++ = settings[i].letter;
            if (settings[i].value != NULL)
                *letters++ = ':';
        }
    }
    *longs = (struct option){0};
    *letters = '\0';
}

static const struct setting *setting_of(int value)
{
    if (value >= LONG_ONLY)
        return &settings[value - LONG_ONLY];
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].letter == value)
            return &settings[i];
    }
    must(!"an option of the table");
    return NULL;
}

/* Says what getopt_long did not like. */
static void add_bad_option(struct bytes *out, int value, char **argv)
{
    if (value == ':')
        add_line(out, "%s: its value is missing; see --help", argv[optind - 1]);
    else if (optopt > 0 && optopt < LONG_ONLY)
        add_line(out, "-%c: there is no such option; see --help", optopt);
    else if (optopt >= LONG_ONLY)
        add_line(out, "--%s: takes no value; see --help", setting_of(optopt)->option);
    else
        add_line(out, "%s: there is no such option; see --help", argv[optind - 1]);
}

/* Reads argv into the list. False: mistakes stand in `out`. */
static bool read_options(int argc, char **argv, struct given_list *list, struct bytes *out)
{
    struct option longs[SETTINGS_MAX + 1];
    char letters[2 * SETTINGS_MAX + 2];
    bool good = true;
    int value;

    make_option_tables(longs, letters);
    opterr = 0;
    optind = 0; /* begin anew, whoever used it before */
    while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (value == '?' || value == ':') {
            add_bad_option(out, value, argv);
            good = false;
            continue;
        }
        list->items = xreallocarray(list->items, list->count + 1, sizeof(list->items[0]));
        list->items[list->count++] = (struct given){setting_of(value), optarg};
    }
    for (; optind < argc; optind++) {
        add_line(out, "%s: there is nothing that this could mean; see --help", argv[optind]);
        good = false;
    }
    return good;
}

static const char *given_value(const struct given_list *list, enum setting_kind kind)
{
    const char *value = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].setting->kind == kind)
            value = list->items[i].value != NULL ? list->items[i].value : "";
    }
    return value;
}

/* Puts the options over what `config` says already. False: mistakes stand in `out`. */
static bool apply_given(const struct given_list *list, struct config *config, struct bytes *out)
{
    char why[SETTING_WHY_MAX];
    bool good = true;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].setting->clear != NULL)
            list->items[i].setting->clear(config);
        config->lines[list->items[i].setting - settings] = 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct setting *setting = list->items[i].setting;
        const char *value = list->items[i].value;

        if (setting->set == NULL || value[0] == '\0' || setting->set(config, value, why))
            continue;
        add_line(out, "--%s=%s: %s", setting->option, value, why);
        good = false;
    }
    return good;
}

static const char not_for_trackers[] = "a tracker has no use for it: it is for nodes";

/* False: a tracker was given options of nodes. */
static bool check_role_of_given(const struct given_list *list, enum node_role role,
                                struct bytes *out)
{
    bool good = true;

    for (size_t i = 0; i < list->count; i++) {
        const struct given *given = &list->items[i];

        if (role == ROLE_NODE || given->setting->role == SETTING_FOR_ALL || given->value[0] == '\0')
            continue;
        add_line(out, "--%s=%s: %s", given->setting->option, given->value, not_for_trackers);
        good = false;
    }
    return good;
}

static void write_help(struct bytes *out)
{
    char left[64], line[160];

    bytes_text(out, "Usage: p2pchatd [OPTION]...\n"
                    "Talks with peers, and serves p2pchatctl on a socket of this machine.\n\n");
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->option == NULL)
            continue;
        snprintf(left, sizeof(left), "%c%c%c --%s%s%s", s->letter != 0 ? '-' : ' ',
                 s->letter != 0 ? s->letter : ' ', s->letter != 0 ? ',' : ' ', s->option,
                 s->value != NULL ? "=" : "", s->value != NULL ? s->value : "");
        snprintf(line, sizeof(line), "  %-30s  %s\n", left, s->help);
        bytes_text(out, line);
    }
    bytes_text(out, "\nSee p2pchatd(8) and p2pchatd.conf(5).\n");
}

/* --- The file --- */

/* Where a line of the file stands; keys of a section that was refused are not looked at. */
enum section { SECTION_NONE, SECTION_KNOWN, SECTION_REFUSED };

struct config_file {
    const char *path;
    struct bytes text; /* all of it; each line has its end */
    size_t at;         /* where in it the next line begins */
    unsigned line;     /* the one that was read last */
    enum section section;
    const enum node_role *role; /* that the options say; NULL: none, and the file may */
    struct config *config;
    struct bytes *out;
    unsigned mistakes;
};

static void add_mistake(struct config_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_mistake(struct config_file *file, const char *format, ...)
{
    char what[1024];
    va_list args;

    if (++file->mistakes > CONFIG_MISTAKES_TOLD_MAX)
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    add_line(file->out, "%s:%u: %s", file->path, file->line, what);
}

/* Whether a setting is of use in the role that is known so far. */
static bool is_of_use(const struct config_file *file, const struct setting *setting)
{
    const enum node_role role = file->role != NULL ? *file->role : file->config->role;

    return role == ROLE_NODE || setting->role == SETTING_FOR_ALL;
}

static void add_to_list(struct bytes *list, const char *before, const char *name, const char *after)
{
    bytes_text(list, bytes_length(list) > 0 ? ", " : "");
    bytes_text(list, before);
    bytes_text(list, name);
    bytes_text(list, after);
}

/* "[Control], [Node]", with a NUL behind them; the rows of a section stand together. */
static void list_sections(const struct config_file *file, struct bytes *list)
{
    const char *last = "";

    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->section == NULL || strcmp(s->section, last) == 0 || !is_of_use(file, s))
            continue;
        add_to_list(list, "[", s->section, "]");
        last = s->section;
    }
    bytes_u8(list, '\0');
}

/* "Level=, Other=", with a NUL behind them; none when all of the section is for nodes only. */
static void list_keys(const struct config_file *file, const char *section, struct bytes *list)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->section != NULL && strcmp(s->section, section) == 0 && is_of_use(file, s))
            add_to_list(list, "", s->key, "=");
    }
    bytes_u8(list, '\0');
}

static void add_unknown_section(struct config_file *file, const char *line)
{
    struct bytes list = BYTES_EMPTY;

    list_sections(file, &list);
    add_mistake(file, "%s: there is no such section, but %s", line, (char *)bytes_data(&list));
    bytes_done(&list);
}

static void add_unknown_key(struct config_file *file, const char *section, const char *key)
{
    struct bytes list = BYTES_EMPTY;

    list_keys(file, section, &list);
    if (bytes_length(&list) > 1)
        add_mistake(file, "%s=: there is no such key in [%s], but %s", key, section,
                    (char *)bytes_data(&list));
    else
        add_mistake(file, "%s=: there is no such key in [%s], which is for nodes", key, section);
    bytes_done(&list);
}

static bool is_section(const char *name, size_t length)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].section != NULL && strlen(settings[i].section) == length &&
            memcmp(settings[i].section, name, length) == 0)
            return true;
    }
    return false;
}

static bool check_section(struct config_file *file, const char *line)
{
    size_t length = strlen(line);

    file->section = SECTION_REFUSED;
    if (strchr(line, ']') == NULL) {
        add_mistake(file, "%s: its ] is missing", line);
    } else if (line[length - 1] != ']') {
        add_mistake(file, "%s: nothing may stand behind the ]", line);
    } else if (!is_section(line + 1, length - 2)) {
        add_unknown_section(file, line);
    } else {
        file->section = SECTION_KNOWN;
    }
    return file->section == SECTION_KNOWN;
}

/* Whether something stands behind a blank that begins with # or ;: nobody knows whether a comment
 * or the value was meant. */
static bool has_comment(const char *line)
{
    for (const char *at = line; (at = strpbrk(at, "#;")) != NULL; at++) {
        if (at > line && isspace((unsigned char)at[-1]))
            return true;
    }
    return false;
}

/* Checks a line that inih would read otherwise than systemd: cut it, take half of it for a comment
 * or `:` for `=`. The line has no white space at its ends. */
static bool check_line(struct config_file *file, const char *line)
{
    size_t length = strlen(line);

    if (line[0] == '[')
        return check_section(file, line);
    if (line[length - 1] == '\\') {
        add_mistake(file, "a line cannot be continued on the next one");
        return false;
    }
    if (has_comment(line)) {
        add_mistake(file, "a comment (# or ; behind a blank) must stand on a line of its own");
        return false;
    }
    if (line[strcspn(line, "=:")] != '=') {
        add_mistake(file, "must be [Section], Key=VALUE or a comment");
        return false;
    }
    return true;
}

/* The next line without white space at its ends, in memory of `file`; `ret_length` counts what
 * stands behind a NUL, too. NULL: there are no more. */
static char *next_line(struct config_file *file, size_t *ret_length)
{
    const size_t left = bytes_length(&file->text) - file->at;
    char *line = (char *)bytes_data(&file->text) + file->at;
    size_t length;

    if (left == 0)
        return NULL;
    const char *end = memchr(line, '\n', left);
    must(end != NULL); /* read_text has seen to it */
    length = (size_t)(end - line);
    file->at += length + 1;
    if (file->line++ == 0 && length >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        length -= 3;
    }
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    line[length] = '\0';
    for (; isspace((unsigned char)*line); line++)
        length--;
    *ret_length = length;
    return line;
}

/* inih's source of lines (ini_reader): nothing that it does not read as we mean reaches it. */
static char *read_line(char *out, int size, void *context)
{
    struct config_file *file = context;
    size_t length;
    char *line = next_line(file, &length);

    if (line == NULL)
        return NULL;
    snprintf(out, (size_t)size, "\n");
    if (strlen(line) != length)
        add_mistake(file, "there is a NUL byte in this line");
    else if (length > (size_t)size - 2)
        add_mistake(file, "this line is longer than %d bytes", size - 2);
    else if (length > 0 && strchr("#;", line[0]) == NULL && check_line(file, line))
        snprintf(out, (size_t)size, "%s\n", line);
    return out;
}

/* inih's receiver of keys (ini_handler). */
static int take_key(void *context, const char *section, const char *key, const char *value)
{
    struct config_file *file = context;
    char why[SETTING_WHY_MAX];

    if (file->section == SECTION_NONE)
        add_mistake(file, "%s= stands before any [Section]", key);
    if (file->section != SECTION_KNOWN)
        return 1;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->section == NULL || strcmp(s->section, section) != 0 || strcmp(s->key, key) != 0)
            continue;
        file->config->lines[i] = value[0] != '\0' ? file->line : 0;
        if (value[0] == '\0')
            s->clear(file->config);
        else if (s->kind == SETTING_PATH && value[0] != '/')
            add_mistake(file, "%s=%s: must be an absolute path", key, value);
        else if (!s->set(file->config, value, why))
            add_mistake(file, "%s=%s: %s", key, value, why);
        return 1;
    }
    add_unknown_key(file, section, key);
    return 1;
}

struct file_place {
    char *path;
    bool is_given;        /* so it must exist */
    const char *variable; /* of the environment, that leads there; NULL: none does */
};

/* What the file says makes sense for nodes only, and this is a tracker. */
static void check_role_of_file(struct config_file *file)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (is_of_use(file, &settings[i]) || file->config->lines[i] == 0)
            continue;
        file->line = file->config->lines[i];
        add_mistake(file, "%s=: %s", settings[i].key, not_for_trackers);
    }
}

/* Why a descriptor is none of a configuration file; NULL: it is one. /dev/null stands for an empty
 * one. */
static const char *why_no_file(int descriptor)
{
    struct stat status;

    if (fstat(descriptor, &status) < 0)
        return strerror(errno);
    if (S_ISDIR(status.st_mode))
        return strerror(EISDIR);
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
        return NULL;
    return S_ISREG(status.st_mode) ? NULL : "it is no regular file";
}

/* Reads all of it, and ends its last line. NULL, or why that cannot be: a daemon that runs must
 * neither wait for somebody to write nor read without end. */
static const char *read_text(int descriptor, struct bytes *text)
{
    const char *why = why_no_file(descriptor);
    ssize_t got = 0;

    if (why != NULL)
        return why;
    do {
        got = read(descriptor, bytes_reserve(text, CONFIG_READ_AT_ONCE), CONFIG_READ_AT_ONCE);
        if (got < 0)
            return strerror(errno);
        bytes_commit(text, (size_t)got);
        if (bytes_length(text) > CONFIG_FILE_MAX)
            return "it is larger than 1 MiB";
    } while (got > 0);
    if (bytes_length(text) > 0 && bytes_data(text)[bytes_length(text) - 1] != '\n')
        bytes_u8(text, '\n');
    return NULL;
}

static void parse_file(struct config_file *file)
{
    ini_parse_stream(read_line, file, take_key, file);
    check_role_of_file(file);
    if (file->mistakes > CONFIG_MISTAKES_TOLD_MAX)
        add_line(file->out, "%s: there are %u more mistakes", file->path,
                 file->mistakes - CONFIG_MISTAKES_TOLD_MAX);
}

/* `role` is the one that the options say; NULL: they say none, and the file may. False: mistakes
 * stand in `out`. */
static bool read_file(const struct file_place *place, const enum node_role *role,
                      struct config *config, struct bytes *out)
{
    struct config_file file = {.path = place->path, .role = role, .config = config, .out = out};
    const int descriptor = open(place->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const char *why;

    if (descriptor < 0 && errno == ENOENT && !place->is_given)
        return true;
    why = descriptor < 0 ? strerror(errno) : read_text(descriptor, &file.text);
    if (descriptor >= 0)
        close(descriptor);
    if (why != NULL && place->variable != NULL)
        add_line(out, "%s: cannot be read: %s (its place comes of $%s)", place->path, why,
                 place->variable);
    else if (why != NULL)
        add_line(out, "%s: cannot be read: %s", place->path, why);
    else
        parse_file(&file);
    bytes_done(&file.text);
    if (why != NULL || file.mistakes > 0)
        return false;
    config->file = xstrdup(place->path);
    return true;
}

/* --- All of it --- */

static void fill_in_listen(struct config *config, const struct config_place *place)
{
    const struct host_port listen = defaults_listen(config->role);

    if (config->listen_count > 0 || place->peers_passed)
        return;
    config->listen = xmemdup(&listen, sizeof(listen));
    config->listen_count = 1;
}

/* False: something must be given; `out` says what. */
static bool fill_in_defaults(struct config *config, const struct config_place *place,
                             struct bytes *out)
{
    fill_in_listen(config, place);
    if (config->socket == NULL && !place->socket_passed)
        config->socket = defaults_socket(place->uid, config->role);
    if (config->state_dir == NULL)
        config->state_dir = defaults_state_dir(place->uid, config->role);
    config->name_is_default = config->name == NULL;
    if (config->name_is_default)
        config->name = place->name != NULL ? xstrdup(place->name) : defaults_name(place->uid);
    if (config->socket == NULL && !place->socket_passed)
        add_line(out, "no place is known for the control socket ($XDG_RUNTIME_DIR is not set): "
                      "give --socket=PATH");
    if (config->state_dir == NULL)
        add_line(out, "no place is known for the state directory ($HOME is not set): "
                      "give --state-dir=DIR");
    return (config->socket != NULL || place->socket_passed) && config->state_dir != NULL;
}

/* Reads the file, in its place or in that of the role; `role` as for read_file. */
static bool read_given_file(const struct given_list *list, const enum node_role *role,
                            const struct config_place *place, struct config *config,
                            struct bytes *out)
{
    const char *given = given_value(list, SETTING_CONFIG);
    struct file_place file = {.is_given = given != NULL};
    bool is_good = true;

    if (file.is_given) {
        file.path = xstrdup(given);
    } else {
        file.path = defaults_file(place->uid, role != NULL ? *role : ROLE_NODE);
        file.variable = defaults_file_variable(place->uid);
    }
    if (file.path != NULL)
        is_good = read_file(&file, role, config, out);
    free(file.path);
    return is_good;
}

static enum config_verdict read_all(const struct given_list *list, const enum node_role *role,
                                    const struct config_place *place, struct config *config,
                                    struct bytes *out)
{
    if (!read_given_file(list, role, place, config, out))
        return CONFIG_BAD_FILE;
    if (!apply_given(list, config, out) || !check_role_of_given(list, config->role, out) ||
        !fill_in_defaults(config, place, out))
        return CONFIG_BAD_OPTION;
    return config_check(config, place, out) ? CONFIG_READY : CONFIG_BAD_FILE;
}

/* --check-config: all mistakes at once, those of the options (which are in `out` already, unless
 * they are `good`), those of the file, and when these have none those of both together. Whether
 * this user has a place for a socket is no question of the configuration. */
static enum config_verdict check_all(const struct given_list *list, const enum node_role *role,
                                     bool good, const struct config_place *place,
                                     struct config *config, struct bytes *out)
{
    const bool is_good_file = read_given_file(list, role, place, config, out);

    if (good && (!apply_given(list, config, out) || !check_role_of_given(list, config->role, out)))
        good = false;
    if (!good || !is_good_file)
        return good ? CONFIG_CHECKED_BAD_FILE : CONFIG_CHECKED_BAD_OPTION;
    fill_in_listen(config, place);
    good = config_check(config, place, out);
    if (!config_check_credentials(config, out) || !good)
        return CONFIG_CHECKED_BAD_FILE;
    if (config->file != NULL)
        add_line(out, "%s is fine", config->file);
    else
        add_line(out, "there is no configuration file; what is given is fine");
    config_remark(config, place, out);
    return CONFIG_SHOWN;
}

static bool is_shown(const struct given_list *list, struct bytes *out)
{
    if (given_value(list, SETTING_HELP) != NULL)
        write_help(out);
    else if (given_value(list, SETTING_VERSION) != NULL)
        bytes_text(out, "p2pchatd " PACKAGE_VERSION "\n");
    else
        return false;
    return true;
}

enum config_verdict config_read(int argc, char **argv, const struct config_place *place,
                                struct config *ret_config, struct bytes *ret_text)
{
    struct config tried = {0}, config = {0};
    struct given_list list = {0};
    enum config_verdict verdict = CONFIG_BAD_OPTION;
    bool is_good;

    clear_all(&tried);
    clear_all(&config);
    is_good = read_options(argc, argv, &list, ret_text);
    if (is_good && is_shown(&list, ret_text)) {
        verdict = CONFIG_SHOWN;
        goto out;
    }
    /* Mistakes of the command line are told before the file is opened. */
    is_good = apply_given(&list, &tried, ret_text) && is_good;

    const enum node_role *role = given_value(&list, SETTING_ROLE) != NULL ? &tried.role : NULL;

    if (given_value(&list, SETTING_CHECK) != NULL)
        verdict = check_all(&list, role, is_good, place, &config, ret_text);
    else if (is_good)
        verdict = read_all(&list, role, place, &config, ret_text);
    if (verdict == CONFIG_READY) {
        *ret_config = config;
        config = (struct config){0};
    }
out:
    free(list.items);
    config_done(&tried);
    config_done(&config);
    return verdict;
}
