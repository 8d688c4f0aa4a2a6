/* What the system says of this process. */
#ifndef P2PCHAT_DAEMON_PROCESS_H
#define P2PCHAT_DAEMON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Processor time of all threads, in microseconds. */
uint64_t process_cpu_us(void);

/* Memory that is in use, in bytes (proc(5), statm). False when there is no /proc. */
bool process_resident_bytes(uint64_t *ret_bytes);

/* Descriptors that are open, and that may be open (RLIMIT_NOFILE). False when the system does not
 * say. */
bool process_open_descriptors(uint64_t *ret_count);
bool process_max_descriptors(uint64_t *ret_count);

/* The service of the system that it runs in, without .service, by its control group (cgroups(7)).
 * False when that is none, or a service of a user. */
enum { PROCESS_UNIT_MAX = 256 }; /* systemd.unit(5) */
bool process_unit(char ret_unit[PROCESS_UNIT_MAX]);

/* Whether our user namespace has that user; whoever comes from outside shows as one that it has not
 * (user_namespaces(7), "Unmapped user and group IDs"). True when there is no /proc. */
bool process_has_user(uint32_t user);

#endif
