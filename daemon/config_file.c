#include "daemon/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/limits.h"
#include "daemon/settings.h"

/* Where a line of the file stands; keys of a section that was refused are not looked at. */
enum section { SECTION_NONE, SECTION_KNOWN, SECTION_REFUSED };

struct reading {
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

static void add_mistake(struct reading *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_mistake(struct reading *file, const char *format, ...)
{
    char what[1024];
    va_list args;

    if (++file->mistakes > CONFIG_MISTAKES_TOLD_MAX)
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    format_line(file->out, "%s:%u: %s", file->path, file->line, what);
}

/* Whether a setting is of use in the role that is known so far. */
static bool is_of_use(const struct reading *file, const struct setting *setting)
{
    const enum node_role role = file->role != NULL ? *file->role : file->config->role;

    return setting_is_for(setting, role);
}

static void add_to_list(struct bytes *list, const char *before, const char *name, const char *after)
{
    bytes_text(list, bytes_length(list) > 0 ? ", " : "");
    bytes_text(list, before);
    bytes_text(list, name);
    bytes_text(list, after);
}

/* "[Control], [Node]", with a NUL behind them; the rows of a section stand together. */
static void list_sections(const struct reading *file, struct bytes *list)
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
static void list_keys(const struct reading *file, const char *section, struct bytes *list)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (s->section != NULL && strcmp(s->section, section) == 0 && is_of_use(file, s))
            add_to_list(list, "", s->key, "=");
    }
    bytes_u8(list, '\0');
}

static void add_unknown_section(struct reading *file, const char *line)
{
    struct bytes list = BYTES_EMPTY;

    list_sections(file, &list);
    add_mistake(file, "%s: there is no such section, but %s", line, (char *)bytes_data(&list));
    bytes_done(&list);
}

static void add_unknown_key(struct reading *file, const char *section, const char *key)
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

static bool check_section(struct reading *file, const char *line)
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
static bool check_line(struct reading *file, const char *line)
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
static char *next_line(struct reading *file, size_t *ret_length)
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
    struct reading *file = context;
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
    struct reading *file = context;
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

/* What the file says makes sense for nodes only, and this is a tracker. */
static void check_role_of_file(struct reading *file)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (is_of_use(file, &settings[i]) || file->config->lines[i] == 0)
            continue;
        file->line = file->config->lines[i];
        add_mistake(file, "%s=: %s", settings[i].key, SETTING_NOT_FOR_TRACKERS);
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

/* Who writes the file as root, and keeps it from all others, keeps it from a service as well. */
static const char not_for_us[] =
    "Permission denied: let the user of the daemon read it (chmod o+r), and enter its directories "
    "(chmod o+x)";

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

static void parse_file(struct reading *file)
{
    ini_parse_stream(read_line, file, take_key, file);
    check_role_of_file(file);
    if (file->mistakes > CONFIG_MISTAKES_TOLD_MAX)
        format_line(file->out, "%s: there are %u more mistakes", file->path,
                    file->mistakes - CONFIG_MISTAKES_TOLD_MAX);
}

bool config_file_read(const struct config_file_place *place, const enum node_role *role,
                      struct config *config, struct bytes *out)
{
    struct reading file = {.path = place->path, .role = role, .config = config, .out = out};
    const int descriptor = open(place->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const char *why;

    if (descriptor < 0 && errno == ENOENT && !place->is_given)
        return true;
    if (descriptor >= 0) {
        why = read_text(descriptor, &file.text);
        close(descriptor);
    } else {
        why = errno == EACCES ? not_for_us : strerror(errno);
    }
    if (why != NULL && place->variable != NULL)
        format_line(out, "%s: cannot be read: %s (its place comes of $%s)", place->path, why,
                    place->variable);
    else if (why != NULL)
        format_line(out, "%s: cannot be read: %s", place->path, why);
    else
        parse_file(&file);
    bytes_done(&file.text);
    if (why != NULL || file.mistakes > 0)
        return false;
    config->file = xstrdup(place->path);
    return true;
}
