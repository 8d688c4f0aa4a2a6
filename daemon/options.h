/* The command line, by the table of settings (p2pchatd(8)). */
#ifndef P2PCHAT_DAEMON_OPTIONS_H
#define P2PCHAT_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "daemon/settings.h"

/* An option as it stands there. */
struct option_given {
    const struct setting *setting;
    const char *value; /* borrowed from argv; NULL: it takes none */
};

struct options {
    struct option_given *items;
    size_t count;
};

/* Reads argv, which may be reordered, into options that were zeroed; options_done frees what they
 * hold. False: mistakes stand in `out`, here and below. */
bool options_read(int argc, char **argv, struct options *options, struct bytes *out);
void options_done(struct options *options);

/* The value of the last option of this kind ("" when it takes none); NULL: it was not given. */
const char *options_value(const struct options *options, enum setting_kind kind);

/* Puts them over what `config` says already. */
bool options_apply(const struct options *options, struct config *config, struct bytes *out);

/* False: a tracker was given options of nodes. */
bool options_check_role(const struct options *options, enum node_role role, struct bytes *out);

/* Appends the text of --help. */
void options_help(struct bytes *out);

#endif
