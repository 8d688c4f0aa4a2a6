/* Many questions to a daemon over several links, so many under way on each, and what they cost. */
#ifndef P2PCHAT_TESTS_BENCH_INQUIRY_H
#define P2PCHAT_TESTS_BENCH_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/guest.h"
#include "tests/bench/subject.h"

struct inquiry {
    const struct subject *subject;
    struct guest *guests; /* greeted; question n goes over guest n % guest_count */
    size_t guest_count;
    size_t window; /* of each guest: their answers must fit into a socket's buffer */
    size_t count;

    /* Says question `number` with guest_say. */
    void (*ask)(void *context, size_t number, struct guest *guest);

    /* Whether that is the answer to it. */
    bool (*is_answer)(void *context, size_t number, enum message_type type,
                      const struct json *data);
    void *context;
};

struct inquiry_cost {
    double wall_s;
    double processor_s; /* of the daemon */
    double client_s;    /* of us: not part of it */
};

/* Asks them all and waits for all answers. Ends the benchmark at the first that is none. */
struct inquiry_cost inquire(const struct inquiry *inquiry);

/* Waits until each guest, opened before, has heard HELLO. */
void inquiry_greet(struct guest *guests, size_t count);

#endif
