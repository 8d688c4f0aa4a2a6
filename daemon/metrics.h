/* What the daemon counts and measures, as text (p2pchatd(8), METRICS). */
#ifndef P2PCHAT_DAEMON_METRICS_H
#define P2PCHAT_DAEMON_METRICS_H

#include "common/bytes.h"

struct pump;

/* Appends all numbers as they are now; what they are is in daemon/metrics.def. */
void metrics_write(struct pump *pump, struct bytes *out);

#endif
