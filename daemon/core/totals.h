/* What a node counts while it runs: from 0 when it is made, never less, and of no effect on what it
 * does. */
#ifndef P2PCHAT_DAEMON_CORE_TOTALS_H
#define P2PCHAT_DAEMON_CORE_TOTALS_H

#include <stdint.h>

#include "daemon/core/link/link.h"
#include "daemon/core/link/message_tracker.h"

enum {
#define ROW(NAME, name) +1
    LINK_END_COUNT = 0 LINK_ENDS(ROW)
#undef ROW
};

struct node_totals {
    uint64_t accepted_refused; /* connections that were closed at once: too many came from there */
    uint64_t links_accepted;   /* whose other end proved a key */
    uint64_t links_dialled;
    uint64_t
        link_ends[LINK_END_COUNT]; /* by enum link_end; also of those where nothing was proved */
    uint64_t classic_refused;      /* objects of the classic dialect, or what was none */
    uint64_t warnings;             /* about security, also those that were not told */

    uint64_t messages_sent;      /* ours, when they are in the log */
    uint64_t messages_delivered; /* when that is in the log */
    uint64_t messages_received;

    /* Of a tracker. */
    uint64_t registrations; /* and renewals */
    uint64_t registrations_refused[REGISTER_OTHERWISE];
};

#endif
