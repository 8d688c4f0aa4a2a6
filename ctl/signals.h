/* Signals, for a command that goes on until it is told to stop: `watch`. What would end the process
 * becomes a wish to end, which is heard while it waits and in no other place. */
#ifndef P2PCHAT_CTL_SIGNALS_H
#define P2PCHAT_CTL_SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/mono.h"

/* Takes over SIGINT and SIGTERM, and lets the end of a child interrupt a wait. Until then all below
 * is as if there were no signals. */
void signals_catch(void);

/* Whether SIGINT or SIGTERM came, and whether that is more than a second ago: then what is stuck is
 * given up. */
bool signals_stop(void);
bool signals_stop_overdue(void);

/* poll() until `deadline`, also ended by a signal; there is no moment in which one is missed. False
 * when nothing is ready; then no `revents` is set. */
bool signals_poll(struct pollfd *descriptors, size_t count, struct mono deadline);

/* Around a call that may block: in between, a signal interrupts it. One that comes just before it
 * blocks does so a second later. */
void signals_admit(void);
void signals_hold(void);

/* Hears the signals that have come, without waiting. */
void signals_hear(void);

/* The signals that were blocked at the beginning: what a child should start with. */
const sigset_t *signals_at_start(void);

#endif
