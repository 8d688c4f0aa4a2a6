/* The floor of a delivered message: what any program must do that keeps a message on both sides
 * before it says so, and nothing else. Two processes of one thread each and one TCP connection. The
 * sender inserts a row and commits it, then seals the message and sends it; the receiver opens it,
 * inserts a row and commits it, then acknowledges; the sender marks what was acknowledged in its
 * next transaction. SQLite with WAL and synchronous=FULL on both sides. */
#ifndef P2PCHAT_TESTS_BENCH_FLOOR_DELIVERY_H
#define P2PCHAT_TESTS_BENCH_FLOOR_DELIVERY_H

#include <stddef.h>

struct floor_settings {
    const char *directory; /* where the two databases are made, and removed */
    size_t count;          /* messages */
    size_t window;         /* sent and not acknowledged, at most */
    size_t batch;          /* messages in one transaction, at most */
};

struct floor_result {
    double wall_s;      /* from the first message to the last acknowledgement */
    double processor_s; /* of both processes */
    double median_s;    /* from the beginning of a transaction to its acknowledgement */
};

struct floor_result floor_delivery(const struct floor_settings *settings);

#endif
