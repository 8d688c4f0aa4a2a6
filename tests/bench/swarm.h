/* The many peers of a tracker: each has a key, a name of 12 bytes, a signed record with one IPv4
 * address, and a loopback address of its own to come from. */
#ifndef P2PCHAT_TESTS_BENCH_SWARM_H
#define P2PCHAT_TESTS_BENCH_SWARM_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/overlay/peer_record.h"
#include "tests/bench/guest.h"

struct swarm;

enum { SWARM_NAME_LENGTH = 12 };

/* Makes the keys, and signs the records. */
struct swarm *swarm_new(size_t count);
void swarm_free(struct swarm *swarm);

/* Of peer `index`; borrowed. */
const char *swarm_name(const struct swarm *swarm, size_t index);
const struct identity *swarm_identity(const struct swarm *swarm, size_t index);

/* All records have the same length. */
size_t swarm_record_length(const struct swarm *swarm);
const uint8_t *swarm_record(const struct swarm *swarm, size_t index);

/* Signs another record of that peer, `newer` sequences above its first, into `ret_record`. */
void swarm_sign(const struct swarm *swarm, size_t index, uint64_t newer,
                uint8_t ret_record[PEER_RECORD_BYTES_MAX]);

/* Registers those from `first` up to `end`, each over a link of its own, which is closed after
 * that. Ends the benchmark when one is not registered. */
void swarm_register(struct swarm *swarm, size_t first, size_t end, const struct guest_host *host);

/* Opens a link of that peer, as guest_open. */
void swarm_visit(const struct swarm *swarm, size_t index, struct guest *guest,
                 const struct guest_host *host);

#endif
