/* Why no daemon answers, for people: what stands at the path of the control socket, who may use it,
 * how its service does (unit.h), and what to do (p2pchatctl(1), Exit status 3). */
#ifndef P2PCHAT_CTL_NOBODY_H
#define P2PCHAT_CTL_NOBODY_H

#include <stdbool.h>

#include "common/bytes.h"

/* Connecting to the socket at `path` failed with `error` (errno). */
void nobody_listens(const char *path, int error, struct bytes *message);

/* The connection to it was closed before anybody had read what was asked. Returns whether it makes
 * sense to ask again: not when the service needs help first. */
bool nobody_read(const char *path, struct bytes *message);

/* Somebody accepts, or at least listens there, but gives no answer. `socket` is connected, or -1.
 */
void nobody_answers(const char *path, int socket, struct bytes *message);

/* The same while there is time left: whether it is known already that no answer comes. */
bool nobody_comes(const char *path, int socket, struct bytes *message);

#endif
