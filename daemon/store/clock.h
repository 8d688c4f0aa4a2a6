/* The time by which the store's threads wait, and bound what they do. */
#ifndef P2PCHAT_DAEMON_STORE_CLOCK_H
#define P2PCHAT_DAEMON_STORE_CLOCK_H

#include <stdint.h>

/* The monotonic clock now, in milliseconds. Any thread may ask. */
uint64_t clock_ms(void);

/* The same in microseconds. */
uint64_t clock_us(void);

#endif
