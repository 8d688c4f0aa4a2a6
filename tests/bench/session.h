/* One new session over a connected socket, as each kind of process of tests/bench/handshake.c makes
 * it: from the first byte to the first word each way. */
#ifndef P2PCHAT_TESTS_BENCH_SESSION_H
#define P2PCHAT_TESTS_BENCH_SESSION_H

#include <stdbool.h>

#include "daemon/core/link/identity.h"

enum session_side { SESSION_DIALLER, SESSION_LISTENER };

/* The floor: a key agreement of the same shape (an ephemeral key and three X25519 on each side,
 * sealed static keys, three flights) and one sealed byte each way. For timing only. Needs
 * session_floor_init once before the processes fork. */
void session_floor_init(void);
void session_floor(int fd, enum session_side side);

/* Ours: a link on each side, preamble, handshake XX and HELLO each way. */
void session_link_init(void);
void session_link(int fd, enum session_side side);

/* What a side of ours does beside the floor's work: to check the other's Ed25519 key and convert
 * it. Counted apart. */
void session_convert(enum session_side side);

#endif
