/* How the disk of the log is at this moment, as whoever asks is told: what the store met last, and
 * whether the disk answers at all. */
#ifndef P2PCHAT_DAEMON_DISK_STATE_H
#define P2PCHAT_DAEMON_DISK_STATE_H

#include "daemon/store/store.h"

struct pump;

enum { DISK_SILENCE_MAX = 64 };

struct disk_state {
    enum store_state state;         /* STORE_FAILING also when it is silent */
    const char *reason;             /* NULL: all is well. Borrowed: `silence`, or the store's */
    char silence[DISK_SILENCE_MAX]; /* that it has not answered for DISK_SILENT_MS or longer, in
                                       words of ours; empty: it answers. Who looks at it then waits
                                       for it, too */
};
void disk_state_look(struct pump *pump, struct disk_state *ret_disk);

#endif
