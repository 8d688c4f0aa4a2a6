/* Which trackers the configuration named last, remembered in a file of the state directory (one a
 * line), so that a start leaves those that were taken out of it while the daemon was down, as a
 * reload does. Those of `register` are the database's. */
#ifndef P2PCHAT_DAEMON_CONFIGURED_TRACKERS_H
#define P2PCHAT_DAEMON_CONFIGURED_TRACKERS_H

#include <stddef.h>

#include "daemon/core/limits.h"
#include "daemon/core/overlay/tracker_setting.h"
#include "daemon/state_dir.h"

struct configured_trackers {
    struct tracker_setting items[TRACKERS_MAX];
    size_t count;
};

/* What is remembered; nothing when the file is missing or not ours. */
void configured_trackers_load(const struct state_dir *dir, struct configured_trackers *ret_last);

/* Remembers these from now on, at most TRACKERS_MAX. That the disk does not take it is told where
 * it matters (`storage_failed`), and is no reason not to run. */
void configured_trackers_save(const struct state_dir *dir, const struct tracker_setting *now,
                              size_t count);

#endif
