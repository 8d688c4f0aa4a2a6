/* What the daemon counts and measures, as text (p2pchatd(8), METRICS). */
#ifndef P2PCHAT_DAEMON_METRICS_H
#define P2PCHAT_DAEMON_METRICS_H

#include "common/bytes.h"
#include "common/mono.h"

struct pump;

/* The text that was made last, for the next who asks. */
struct metrics {
    struct bytes text;
    struct mono made;
};

/* All numbers (daemon/metrics.def) as they are, or were METRICS_FRESH_MS ago at the earliest: to
 * put them together may take a millisecond or two, and any number of programs may ask. Borrowed
 * until the next call. */
const struct bytes *metrics_text(struct pump *pump);

/* Frees the text. */
void metrics_done(struct metrics *metrics);

#endif
