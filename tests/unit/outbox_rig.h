/* An outbox, and the log that it reads: what is said, read back, lost and acknowledged, and what
 * must come out next. */
#ifndef P2PCHAT_TESTS_UNIT_OUTBOX_RIG_H
#define P2PCHAT_TESTS_UNIT_OUTBOX_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/action.h"
#include "daemon/core/chat/outbox.h"

enum { OUTBOX_RIG_LOG_MAX = 6000 };

/* The epoch of stream 1, 2, … */
#define EPOCH(n) (UINT64_C(0xe000) + (n))

/* The log of messages to one contact: seq is the place, from 1. The messages of a stream say
 * "xx…x", at 1000 + number. */
struct outbox_rig {
    struct outbox outbox;
    struct {
        uint32_t stream;
        uint64_t number;
        size_t length;
    } log[OUTBOX_RIG_LOG_MAX];
    uint64_t last_seq;
    size_t reads;
};

int outbox_rig_setup(void **state);
int outbox_rig_teardown(void **state);

/* Draws an epoch, and says something in it. */
void outbox_rig_begin(struct outbox_rig *rig, uint32_t stream);
void outbox_rig_say(struct outbox_rig *rig, uint32_t stream, size_t length);
void outbox_rig_say_many(struct outbox_rig *rig, uint32_t stream, size_t count, size_t length);

/* Rows of the log go, as by retention. */
void outbox_rig_lose(struct outbox_rig *rig, uint64_t from_seq, uint64_t through_seq);

/* Answers one read as the store would; false when none is wanted. */
bool outbox_rig_read_once(struct outbox_rig *rig, struct outbox_progress *progress);

/* The other side's HAVE: `number` of stream `stream` (0: of none). */
bool outbox_rig_resume(struct outbox_rig *rig, uint32_t stream, uint64_t number, uint64_t credit);
bool outbox_rig_acknowledge(struct outbox_rig *rig, uint32_t stream, uint64_t through,
                            struct outbox_progress *progress);

/* What comes next, when all that is needed was read, must be this. */
void outbox_rig_expect(struct outbox_rig *rig, uint32_t stream, uint64_t number);
void outbox_rig_expect_gap(struct outbox_rig *rig, uint32_t stream, uint64_t from,
                           uint64_t through);

/* Nothing may be sent now, without another read. */
void outbox_rig_expect_nothing(struct outbox_rig *rig);

/* Sends all that may be sent; how much that was. */
size_t outbox_rig_send_all(struct outbox_rig *rig);

/* All of that, to begin with: so many messages of 10 bytes in stream 1 are sent to a contact that
 * has none of them, and those up to `acked` are acknowledged. */
void outbox_rig_talk(struct outbox_rig *rig, size_t count, uint64_t acked);

#endif
