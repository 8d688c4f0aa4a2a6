/* What `systemctl status` shows of the daemon: "3 links, 12 contacts, 0 queued; log ok". Numbers
 * and words of ours only: nothing of what peers say gets there. */
#ifndef P2PCHAT_DAEMON_STATUS_LINE_H
#define P2PCHAT_DAEMON_STATUS_LINE_H

#include "common/role.h"
#include "daemon/core/node.h"
#include "daemon/disk_state.h"

struct pump;
struct status_line;

/* For a pump whose members are there; NULL when nobody reads it. */
struct status_line *status_line_new(struct pump *pump);

/* NULL is fine, here and below. */
void status_line_free(struct status_line *line);

/* Tells systemd that we are ready, at a start and after a reload, and the line; or that the end has
 * begun. What it does not take is told again every STATUS_LINE_MS. */
void status_line_ready(struct status_line *line);
void status_line_stopping(struct status_line *line);

/* Something may have changed: it is looked at, and told, in this turn of the loop, or
 * STATUS_LINE_MS after the last look. */
void status_line_touch(struct status_line *line);

/* The line itself. */
enum { STATUS_LINE_MAX = 192 };
void status_line_compose(enum node_role role, const struct node_counts *counts,
                         const struct disk_state *disk, char ret_line[STATUS_LINE_MAX]);

#endif
