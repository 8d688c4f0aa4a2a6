/* What systemd hands to a service and wants to hear from it (sd_listen_fds(3), sd_notify(3)). Does
 * nothing when it is not systemd that started us. */
#ifndef P2PCHAT_DAEMON_SERVICE_H
#define P2PCHAT_DAEMON_SERVICE_H

#include <stdbool.h>

#include "daemon/refusal.h"

/* Takes the descriptors that were passed: at most one, the control socket; `ret_control` is -1 when
 * there is none. Refused (78): more than one, or something else. */
bool service_take_sockets(int *ret_control, struct refusal *ret_refusal);

/* The database is checked before the start, which may take as long as an hour. */
void service_checking(void);

/* Everything is bound and open; `status` is one line for `systemctl status`. */
void service_ready(const char *status);

/* The end has begun. */
void service_stopping(void);

#endif
