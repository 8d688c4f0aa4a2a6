/* Many contacts of one daemon, played by one process: each a link of its own from an address block
 * of its own, with mutual consent, and then idle. */
#ifndef P2PCHAT_TESTS_BENCH_CROWD_H
#define P2PCHAT_TESTS_BENCH_CROWD_H

#include <stddef.h>
#include <stdint.h>

struct crowd;

/* `count` people who know the daemon's peer id; none is connected yet. */
struct crowd *crowd_new(size_t count);
void crowd_free(struct crowd *crowd);

/* The peer id of one of them, to be accepted from. */
const char *crowd_peer_id(const struct crowd *crowd, size_t index);

/* Connects all to 127.0.0.1:port, asks the daemon `peer_id` for a chat, and confirms its yes. Ends
 * the benchmark when not all of them come through. */
void crowd_join(struct crowd *crowd, const char *peer_id, uint16_t port);

#endif
