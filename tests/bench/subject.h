/* A p2pchatd that is measured, in a temporary directory of its own. */
#ifndef P2PCHAT_TESTS_BENCH_SUBJECT_H
#define P2PCHAT_TESTS_BENCH_SUBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/json.h"

struct subject {
    pid_t process; /* 0: paused */
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
    uint64_t last_seq; /* of its log */
};

/* Starts the p2pchatd of the build that we are run in and waits until it answers. `configuration`
 * is the text of its file. Ends the benchmark when it does not start. */
void subject_start(struct subject *subject, const char *configuration);
struct subject_status subject_status(struct subject *subject);

/* One call over `control`; the result, or the end of the benchmark when it is an error. The caller
 * frees the root with json_free. */
struct json *subject_call(struct subject *subject, const char *method, const char *params);

/* Another connection to its control socket. */
int subject_connect(const struct subject *subject);

/* Ends the process and keeps the directory; starts it anew in there. */
void subject_pause(struct subject *subject);
void subject_resume(struct subject *subject);

/* Seconds of processor time that the process has used, all its threads; 0 while it is paused. */
double subject_processor_s(const struct subject *subject);

/* Ends it and removes its directory. */
void subject_stop(struct subject *subject);

#endif
