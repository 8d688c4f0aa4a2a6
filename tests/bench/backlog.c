/* Messages for a peer that is away: what they cost in memory, and how quickly they go when the peer
 * comes.
 * Usage: backlog [COUNT]; 200,000 unless told. A daemon takes 1,000,000. */
#include <stdio.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "tests/bench/bench.h"
#include "tests/bench/floor_delivery.h"
#include "tests/bench/talk.h"

enum { COUNT = 200000, FEW = 1000, WARM = 50000, WINDOW = 1000, BATCH = 250, FLOOR_COUNT = 120000 };

static const double rate_min = 0.6;
static const double memory_max = 1.25;

/* Messages a second. */
static double floor_rate(const struct talk *talk)
{
    const struct floor_settings settings = {.directory = talk->sender.directory,
                                            .count = FLOOR_COUNT,
                                            .window = WINDOW,
                                            .batch = BATCH};
    double rate = FLOOR_COUNT / floor_delivery(&settings).wall_s;

    printf("backlog: floor %.0f messages/s\n", rate);
    return rate;
}

/* Queues more messages while the peer is away, and says what the daemon takes then. */
static long queue(struct talk *talk, size_t count)
{
    struct talk_cost cost = talk_say(talk, count, WINDOW, TALK_ANSWERED);
    long kib = bench_resident_kib(talk->sender.process);

    printf("backlog: %zu more queued, %.0f/s, processor %.2f us each; the daemon has %ld KiB\n",
           count, (double)count / cost.wall_s, cost.processor_s / (double)count * 1e6, kib);
    return kib;
}

/* The peer comes: both daemons see to it that all is told to the one who follows. Returns how many
 * messages a second that were. */
static double drain(struct talk *talk, size_t count)
{
    talk_meet(talk);
    struct talk_cost cost = talk_listen(talk);
    double rate = (double)count / cost.wall_s;

    printf("backlog: drained at %.0f/s, processor %.2f us a message; the daemon has %ld KiB\n",
           rate, cost.processor_s / (double)count * 1e6, bench_resident_kib(talk->sender.process));
    return rate;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : COUNT;
    struct talk talk;

    must(count > FEW);
    talk_start(&talk, "");
    talk_follow(&talk);
    talk_say(&talk, WARM, WINDOW, TALK_TOLD); /* so that what is kept for use is in use */
    talk_part(&talk);
    long few = queue(&talk, FEW), many = queue(&talk, count - FEW);
    double floor = floor_rate(&talk), ours = drain(&talk, count);
    talk_stop(&talk);
    bool ok = bench_judge("backlog: memory with many beside a thousand", (double)many / (double)few,
                          BENCH_AT_MOST, memory_max);
    ok &= bench_judge("backlog: messages a second", ours / floor, BENCH_AT_LEAST, rate_min);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
