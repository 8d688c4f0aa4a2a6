/* The numbers of the daemon over HTTP, for Prometheus on this machine (p2pchatd(8), METRICS): one
 * resource, /metrics, at a loopback address, off unless it is configured.
 *
 * Whoever has an account here can connect, so what visitors can cost is little: there are few at a
 * time, of whom the oldest gives way, each says one request in a head of bounded length, is
 * answered, and is gone after seconds at the latest; and the numbers are put together once a second
 * at most. libevent's own server (evhttp, 2.1) bounds neither how many there are nor how long one
 * takes. */
#ifndef P2PCHAT_DAEMON_METRICS_HTTP_H
#define P2PCHAT_DAEMON_METRICS_HTTP_H

#include <stdbool.h>

#include "common/address.h"
#include "daemon/refusal.h"

struct metrics_http;
struct pump;

/* Serves at this place from now on (an empty host: at none), instead of where it did; with port 0
 * at any port. Sets pump->metrics_http. Refused: as listeners_open says; then all stays as it was.
 */
bool metrics_http_set(struct pump *pump, const struct host_port *at, struct refusal *ret_refusal);

/* The same at the start, for which nothing else waits: when the place cannot be had, the log says
 * so, and it is tried again every METRICS_AGAIN_MS, and when metrics_http_set names it. */
void metrics_http_start(struct pump *pump, const struct host_port *at);

/* Why it does not serve where it is to, one line; NULL when it does, or is to serve nowhere. */
const char *metrics_http_trouble(const struct metrics_http *http);

/* Where it serves, with the real port; NULL when it does not. */
const struct host_port *metrics_http_bound(const struct metrics_http *http);

/* Ends it, and all visits. NULL is fine. */
void metrics_http_free(struct metrics_http *http);

#endif
