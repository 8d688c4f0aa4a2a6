#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "common/format.h"

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
        format_line(out, "%s: its value is missing; see --help", argv[optind - 1]);
    else if (optopt > 0 && optopt < LONG_ONLY)
        format_line(out, "-%c: there is no such option; see --help", optopt);
    else if (optopt >= LONG_ONLY)
        format_line(out, "--%s: takes no value; see --help", setting_of(optopt)->option);
    else
        format_line(out, "%s: there is no such option; see --help", argv[optind - 1]);
}

bool options_read(int argc, char **argv, struct options *options, struct bytes *out)
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
        options->items =
            xreallocarray(options->items, options->count + 1, sizeof(options->items[0]));
        options->items[options->count++] = (struct option_given){setting_of(value), optarg};
    }
    for (; optind < argc; optind++) {
        format_line(out, "%s: there is nothing that this could mean; see --help", argv[optind]);
        good = false;
    }
    return good;
}

const char *options_value(const struct options *options, enum setting_kind kind)
{
    const char *value = NULL;

    for (size_t i = 0; i < options->count; i++) {
        if (options->items[i].setting->kind == kind)
            value = options->items[i].value != NULL ? options->items[i].value : "";
    }
    return value;
}

bool options_apply(const struct options *options, struct config *config, struct bytes *out)
{
    char why[SETTING_WHY_MAX];
    bool good = true;

    for (size_t i = 0; i < options->count; i++) {
        if (options->items[i].setting->clear != NULL)
            options->items[i].setting->clear(config);
        config->lines[options->items[i].setting - settings] = 0;
    }
    for (size_t i = 0; i < options->count; i++) {
        const struct setting *setting = options->items[i].setting;
        const char *value = options->items[i].value;

        if (setting->set == NULL || value[0] == '\0' || setting->set(config, value, why))
            continue;
        format_line(out, "--%s=%s: %s", setting->option, value, why);
        good = false;
    }
    return good;
}

bool options_check_role(const struct options *options, enum node_role role, struct bytes *out)
{
    bool good = true;

    for (size_t i = 0; i < options->count; i++) {
        const struct option_given *given = &options->items[i];

        if (setting_is_for(given->setting, role) || given->value[0] == '\0')
            continue;
        format_line(out, "--%s=%s: %s", given->setting->option, given->value,
                    SETTING_NOT_FOR_TRACKERS);
        good = false;
    }
    return good;
}

void options_help(struct bytes *out)
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

void options_done(struct options *options)
{
    free(options->items);
}
