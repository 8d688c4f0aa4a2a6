/* What systemd hands to a service and wants to hear from it (sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3)). Nothing is said, and nothing asked for, when it is not systemd that
 * started us. What is said holds numbers and words of ours only, never anything from others. */
#ifndef P2PCHAT_DAEMON_SERVICE_H
#define P2PCHAT_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/limits.h"
#include "daemon/process.h"
#include "daemon/refusal.h"

/* --- Sockets that were passed (p2pchatd(8), Sockets from systemd) --- */

/* Listening sockets; whoever takes them closes them. */
struct service_sockets {
    int control;           /* Unix stream; -1: none */
    int peers[LISTEN_MAX]; /* TCP: they take the place of [Node] Listen= */
    size_t peer_count;
};

/* Takes the descriptors that were passed, told apart by FileDescriptorName= ("control", "peer")
 * and, when they have another name, by what they are. Refused (78): anything else, a name that does
 * not fit, a control socket without a path, a second one, more than LISTEN_MAX for peers. */
bool service_take_sockets(struct service_sockets *ret_sockets, struct refusal *ret_refusal);

/* Whether a unit like p2pchatd-peer.socket is enabled for this service, which so is to have a port
 * from it; `ret_name` as process_unit(). */
bool service_is_to_have_a_port(char ret_name[PROCESS_UNIT_MAX]);

/* --- Notifications. `status` is one line for `systemctl status`. ---
 *
 * Any thread may tell them. None waits: false means that it was not taken, because whoever should
 * read has too much unread, or there is no descriptor to tell it with; it can be told again. */

/* Whether there is anybody to tell. */
bool service_is_heard(void);

/* Says what goes on. */
bool service_status(const char *status);

/* Everything is bound and open, at a start and when a reload is over. */
bool service_ready(const char *status);

/* The configuration is read again; service_ready follows. */
bool service_reloading(void);

/* The end has begun. */
bool service_stopping(void);

/* The start or the end takes long, and goes on: systemd waits for at least so much longer from now.
 */
bool service_extend(uint64_t by_ms);

/* --- The watchdog --- */

/* systemd ends us when service_feed is not called for so long (rounded up); 0: it does not. */
uint64_t service_watchdog_ms(void);
bool service_feed(void);

#endif
