/* Feeds systemd's watchdog (p2pchatd(8), Watchdog): while the loop turns and the disk answers. A
 * daemon that hangs is so ended and started again. */
#ifndef P2PCHAT_DAEMON_WATCHDOG_H
#define P2PCHAT_DAEMON_WATCHDOG_H

#include <stdint.h>

struct pump;
struct watchdog;

/* For a pump whose members are there; NULL when systemd asks for none. */
struct watchdog *watchdog_new(struct pump *pump);

/* NULL is fine. */
void watchdog_free(struct watchdog *dog);

/* For how long one call to the disk may not come back, where systemd waits for so long:
 * WATCHDOG_CALL_MS, or two thirds of that if it is less. */
uint64_t watchdog_patience_ms(uint64_t watchdog_ms);

#endif
