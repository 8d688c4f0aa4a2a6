/* What the shell counts while it runs, all from 0 at the start: plain numbers in the loop thread,
 * of no effect on anything (p2pchatd(8), METRICS). What the core counts is in daemon/core/totals.h,
 * what the store does in daemon/store/store.h. */
#ifndef P2PCHAT_DAEMON_COUNTERS_H
#define P2PCHAT_DAEMON_COUNTERS_H

#include <stdint.h>

#include "common/api.h"
#include "common/error.h"
#include "common/histogram.h"

struct counters {
    struct histogram turns; /* of the loop: how long what became due meanwhile had to wait */

    uint64_t received_bytes; /* of carriers */
    uint64_t sent_bytes;
    uint64_t accepted;      /* connections of others */
    uint64_t accepted_full; /* of them, those for which there was no descriptor */
    uint64_t dials;
    uint64_t dials_failed; /* no address answered, or none proved the key */

    uint64_t clients; /* of the control socket */
    uint64_t clients_refused;
    uint64_t calls[API_METHOD_COUNT];
    uint64_t call_errors[ERROR_KINDS];
};

#endif
