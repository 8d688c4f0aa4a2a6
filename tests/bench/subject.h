/* A p2pchatd that is measured, in a temporary directory of its own. */
#ifndef P2PCHAT_TESTS_BENCH_SUBJECT_H
#define P2PCHAT_TESTS_BENCH_SUBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct subject {
    pid_t process;
    char directory[32];
    char socket[64];
    int control; /* connected to the socket */
};

/* What `status` says that benchmarks want to know. */
struct subject_status {
    char peer_id[64];
    uint16_t port; /* of the listener on 127.0.0.1 */
    size_t links;
    size_t contacts;
};

/* Starts the p2pchatd of the build that we are run in and waits until it answers. `configuration`
 * is the text of its file. Ends the benchmark when it does not start. */
void subject_start(struct subject *subject, const char *configuration);
struct subject_status subject_status(struct subject *subject);

/* Ends it and removes its directory. */
void subject_stop(struct subject *subject);

#endif
