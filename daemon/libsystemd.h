/* libsystemd brings five other libraries along, a sixth of the memory of an idle daemon. So it is
 * loaded only where systemd passes sockets or has a watchdog. */
#ifndef P2PCHAT_DAEMON_LIBSYSTEMD_H
#define P2PCHAT_DAEMON_LIBSYSTEMD_H

/* The address of a function of libsystemd, which stays loaded; NULL where it is not installed. */
void *libsystemd_function(const char *name);

#endif
