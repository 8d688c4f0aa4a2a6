/* Memory of an idle daemon beside a process that only opens and uses the same libraries, and what
 * each of many idle connected contacts adds to it. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/format.h"
#include "tests/bench/bench.h"
#include "tests/bench/crowd.h"
#include "tests/bench/subject.h"

enum {
    CONTACTS = 1000,
    JOIN_MS = 1000,
    JOIN_ROUNDS_MAX = 20,
};

static const double ratio_max = 1.5;
static const double contact_kib_max = 4;

/* What the floor says of itself. */
static long floor_kib(const struct subject *subject)
{
    char *command = xasprintf("exec ./tests/bench/floor_memory %s", subject->directory);
    FILE *output = popen(command, "re");
    long kib;

    if (output == NULL || fscanf(output, "%ld", &kib) != 1 || pclose(output) != 0) {
        fprintf(stderr, "benchmark: %s failed\n", command);
        exit(EXIT_FAILURE);
    }
    free(command);
    return kib;
}

/* A configuration by which everybody in the crowd is accepted at once. */
static struct bytes configuration(const struct crowd *crowd)
{
    struct bytes text = BYTES_EMPTY;

    bytes_text(&text, "[Chat]\n");
    for (size_t i = 0; i < CONTACTS; i++) {
        bytes_text(&text, "AcceptFrom=");
        bytes_text(&text, crowd_peer_id(crowd, i));
        bytes_text(&text, "\n");
    }
    bytes_u8(&text, '\0');
    return text;
}

/* The daemon has confirmed all of them. */
static void wait_for_contacts(struct subject *subject)
{
    struct subject_status status = subject_status(subject);

    for (int i = 0; i < JOIN_ROUNDS_MAX && status.contacts < CONTACTS; i++) {
        poll(NULL, 0, JOIN_MS);
        status = subject_status(subject);
    }
    if (status.contacts != CONTACTS || status.links != CONTACTS) {
        fprintf(stderr, "benchmark: %zu contacts, %zu links instead of %d\n", status.contacts,
                status.links, CONTACTS);
        exit(EXIT_FAILURE);
    }
}

static bool idle(void)
{
    struct subject subject;

    subject_start(&subject, "");
    long ours = bench_resting_kib(subject.process), floor = floor_kib(&subject);
    subject_stop(&subject);
    printf("memory: idle daemon %ld KiB, floor %ld KiB\n", ours, floor);
    return bench_judge("memory: idle daemon", (double)ours / (double)floor, BENCH_AT_MOST,
                       ratio_max);
}

static bool crowded(void)
{
    struct crowd *crowd = crowd_new(CONTACTS);
    struct bytes text = configuration(crowd);
    struct subject subject;

    subject_start(&subject, (const char *)bytes_data(&text));
    bytes_done(&text);
    struct subject_status status = subject_status(&subject);
    long before = bench_resting_kib(subject.process);
    crowd_join(crowd, status.peer_id, status.port);
    wait_for_contacts(&subject);
    long after = bench_resting_kib(subject.process);
    crowd_free(crowd);
    subject_stop(&subject);

    double each = (double)(after - before) / CONTACTS;
    printf("memory: %ld KiB without contacts, %ld KiB with %d connected and idle: %.2f KiB each\n",
           before, after, CONTACTS, each);
    return bench_judge("memory: KiB for each contact", each, BENCH_AT_MOST, contact_kib_max);
}

int main(void)
{
    bool ok = idle();

    ok &= crowded();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
