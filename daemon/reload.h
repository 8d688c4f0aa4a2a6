/* Reading the configuration again while the daemon runs: at the method reload and at SIGHUP
 * (p2pchatd(8), Reload).
 *
 * The command line, the configuration file and the defaults are read as at a start. What differs
 * from what runs takes effect at once or after a restart; the rows of settings.c say which. With
 * another role all but the log level waits for the restart: it is meant for that role. Where there
 * is a mistake, all stays as it is. */
#ifndef P2PCHAT_DAEMON_RELOAD_H
#define P2PCHAT_DAEMON_RELOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/settings.h"

struct pump;
struct reload;

/* Settings whose value is another now than the one that runs. */
struct reload_found {
    const struct setting *at_once[SETTINGS_MAX];
    size_t at_once_count;
    const struct setting *at_restart[SETTINGS_MAX];
    size_t at_restart_count;
};

/* `started` is what the daemon was started with, from `source`; both, and the pump, outlive this.
 */
struct reload *reload_new(struct pump *pump, const struct config_source *source,
                          const struct config *started);
void reload_free(struct reload *reload);

/* Reads the configuration as it is now and changes nothing; `ret_file`, which the caller frees, is
 * the file (NULL: there is none). False: `mistakes` (which the caller ends) got every one of them,
 * one a line, those of the file with FILE:LINE in front. */
bool reload_look(const struct reload *reload, struct reload_found *ret_found, char **ret_file,
                 struct bytes *mistakes);

/* The same, and applies what takes effect at once. systemd is told before and after. Logs what is
 * new, or the mistakes, and who asked: a program on the control socket, or a signal (NULL). Must
 * not be called from within an action (pump_input). */
bool reload_run(struct reload *reload, const struct log_caller *caller,
                struct reload_found *ret_found, struct bytes *mistakes);

/* SIGHUP: the same. */
void reload_on_signal(struct reload *reload);

#endif
