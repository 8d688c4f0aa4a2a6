/* The time that deadlines are told in. */
#ifndef P2PCHAT_CTL_CLOCK_H
#define P2PCHAT_CTL_CLOCK_H

#include "common/mono.h"

/* The monotonic clock now. */
struct mono clock_now(void);

#endif
