/* Probes: places where we listen, which are connected to, and names that are looked up, all at once
 * and in little time, to tell what is found. What they cost ends with them. */
#ifndef P2PCHAT_DAEMON_PROBE_H
#define P2PCHAT_DAEMON_PROBE_H

#include <stdbool.h>

#include "common/error.h"
#include "daemon/socket_address.h"

struct event_base;
struct probes;
struct resolver;

/* None yet. `resolver` outlives them, and may be NULL when no name is asked for. */
struct probes *probes_new(struct event_base *base, struct resolver *resolver);

/* Forgets them, also while they are under way. NULL is fine. */
void probes_free(struct probes *probes);

/* One more, before they begin. A place or a name that is there already is not added again. */
void probes_add_place(struct probes *probes, const struct socket_address *place);
void probes_add_name(struct probes *probes, const char *name);

/* Begins. `done` is called once, when all has been found out or PROBES_MS are over, never before
 * this returns; it may free the probes. */
void probes_begin(struct probes *probes, void (*done)(void *context), void *context);

/* A connection was accepted from there: whether it is one of these, which is then known to have
 * come to where we listen. */
bool probes_meet(struct probes *probes, const struct socket_address *remote);

/* What was found at a place that was added: 0, we have accepted there; else errno, ETIMEDOUT also
 * when we did not in time. */
int probes_at_place(const struct probes *probes, const struct socket_address *place);

/* Whether the name was added. */
bool probes_has_name(const struct probes *probes, const char *name);

/* What was found of a name that was added: OK, and one of its addresses (port 0); ERR_NOT_FOUND, it
 * has none; ERR_TIMED_OUT, no server of names could say in time. */
enum error probes_of_name(const struct probes *probes, const char *name,
                          struct host_port *ret_found);

#endif
