/* What a consumer has done with its events, told to the daemon on a connection of its own, where no
 * events stand before the answers. One acknowledgement is on its way at a time; when it is answered
 * the newest follows, which is for all before it as well. So the load is bounded, and nobody waits.
 */
#ifndef P2PCHAT_CTL_ACKS_H
#define P2PCHAT_CTL_ACKS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/mono.h"
#include "ctl/client.h"
#include "ctl/outcome.h"

struct acks {
    const char *consumer; /* borrowed; NULL: there is none, and nothing to tell */
    uint64_t pause_ms;    /* between two of them */
    struct client client;
    bool is_open;
    bool is_asked;        /* one is on its way */
    bool is_refused;      /* one was, for good */
    bool is_ending;       /* see acks_end() */
    int64_t done;         /* the last event of which there is something to tell */
    int64_t asked;        /* in the acknowledgement on its way */
    int64_t acknowledged; /* answered */
    struct mono due;      /* no acknowledgement before */
};

/* Opens the connection. As client_connect(). */
enum outcome acks_open(struct acks *acks, const char *socket, struct mono deadline,
                       struct bytes *message);
void acks_close(struct acks *acks);

/* Begins at `seq`, up to which all is acknowledged. */
void acks_begin(struct acks *acks, int64_t seq);

/* The events up to `seq` are done with. */
void acks_reach(struct acks *acks, int64_t seq);

/* Whether all that is done with is acknowledged. */
bool acks_settled(const struct acks *acks);

/* From now on without pauses, and an error is for good that would otherwise be waited out: a disk
 * that is full may be so for days. */
void acks_end(struct acks *acks);

/* What to wait for before acks_work() has something to do; a descriptor of -1 when there is none.
 */
struct pollfd acks_waits_for(const struct acks *acks);
struct mono acks_deadline(const struct acks *acks);

/* Reads the answers that are there, and tells what is due; does not wait. OUTCOME_NO_DAEMON when
 * the connection is lost, OUTCOME_FAILED when the daemon refuses; `message` says why. */
enum outcome acks_work(struct acks *acks, struct bytes *message);

#endif
