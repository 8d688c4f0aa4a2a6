/* Messages for a peer that is away: what they cost in memory, and how quickly they go when the peer
 * comes.
 * Usage: backlog [COUNT]; 200,000 unless told. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"
#include "tests/bench/floor_delivery.h"
#include "tests/bench/talk.h"

enum { COUNT = 200000, FEW = 1000, WINDOW = 1000, BATCH = 250, FLOOR_COUNT = 120000 };

static const double rate_min = 0.6;
static const double memory_max = 1.25;

static struct floor_result run_floor(const struct talk *talk)
{
    const struct floor_settings settings = {.directory = talk->sender.directory,
                                            .count = FLOOR_COUNT,
                                            .window = WINDOW,
                                            .batch = BATCH};

    return floor_delivery(&settings);
}

/* Queues messages while the peer is away, and says what the daemon takes then. */
static long queue(struct talk *talk, size_t count)
{
    struct talk_cost cost = talk_say(talk, count, WINDOW, TALK_ANSWERED);
    long kib = bench_resident_kib(talk->sender.process);

    printf("backlog: %zu queued, %.0f/s, processor %.2f us each; the daemon has %ld KiB\n", count,
           (double)count / cost.wall_s, cost.processor_s / (double)count * 1e6, kib);
    return kib;
}

/* The peer comes: both daemons send what is queued to the one who follows. */
static struct talk_cost drain(struct talk *talk)
{
    subject_resume(&talk->receiver);
    talk_follow(talk);
    return talk_listen(talk);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : COUNT;
    struct talk talk;

    talk_start(&talk, "");
    subject_pause(&talk.receiver);
    long few = queue(&talk, FEW), many = queue(&talk, count);
    struct floor_result floor = run_floor(&talk);
    struct talk_cost cost = drain(&talk);
    double rate = (double)talk.told / cost.wall_s, floor_rate = FLOOR_COUNT / floor.wall_s;
    printf("backlog: drained at %.0f/s, floor %.0f/s; processor %.2f us a message; the daemon has "
           "%ld KiB\n",
           rate, floor_rate, cost.processor_s / (double)talk.told * 1e6,
           bench_resident_kib(talk.sender.process));
    talk_stop(&talk);
    bool ok = bench_judge("backlog: memory with many beside a thousand", (double)many / (double)few,
                          BENCH_AT_MOST, memory_max);
    return bench_judge("backlog: messages a second", rate / floor_rate, BENCH_AT_LEAST, rate_min) &&
                   ok
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
