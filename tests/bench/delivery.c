/* Messages from one control socket to another, through both daemons, beside the bare work of the
 * same guarantee (floor_delivery.h): how many a second when many are on their way, what they cost
 * in processor time, and how long one takes that is alone.
 * Usage: delivery [many|alone]; both unless told. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/floor_delivery.h"
#include "tests/bench/talk.h"

enum {
    MESSAGES = 120000,
    WINDOW = 1000,
    BATCH = 250, /* of the floor: what is quickest for it */
    ALONE = 1500,
    ROUNDS = 5
};

static const double rate_min = 0.6;
static const double processor_max = 2;
static const double latency_max = 1.5;

static struct floor_result run_floor(const struct talk *talk, size_t count, size_t window,
                                     size_t batch)
{
    const struct floor_settings settings = {
        .directory = talk->sender.directory, .count = count, .window = window, .batch = batch};

    return floor_delivery(&settings);
}

static bool many(void)
{
    double rates[ROUNDS], processor[ROUNDS];
    struct talk talk;

    talk_start(&talk, "");
    talk_follow(&talk);
    talk_say(&talk, WINDOW, WINDOW, TALK_TOLD); /* to warm up */
    for (int i = 0; i < ROUNDS; i++) {
        struct floor_result floor = run_floor(&talk, MESSAGES, WINDOW, BATCH);
        struct talk_cost ours = talk_say(&talk, MESSAGES, WINDOW, TALK_TOLD);
        rates[i] = floor.wall_s / ours.wall_s;
        processor[i] = ours.processor_s / floor.processor_s;
        printf("delivery: %.0f messages/s, floor %.0f/s; processor %.2f us a message (both ends; "
               "the client %.2f), floor %.2f\n",
               MESSAGES / ours.wall_s, MESSAGES / floor.wall_s, ours.processor_s / MESSAGES * 1e6,
               ours.client_s / MESSAGES * 1e6, floor.processor_s / MESSAGES * 1e6);
    }
    talk_stop(&talk);
    bool ok = bench_judge("delivery: messages a second", bench_median(rates, ROUNDS),
                          BENCH_AT_LEAST, rate_min);
    return bench_judge("delivery: processor time of a message", bench_median(processor, ROUNDS),
                       BENCH_AT_MOST, processor_max) &&
           ok;
}

/* All processes that are started from now on share one processor with this one. */
static void pin(void)
{
    cpu_set_t allowed;
    int processor = 0;

    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        bench_die("sched_getaffinity");
    while (!CPU_ISSET(processor, &allowed))
        processor++;
    CPU_ZERO(&allowed);
    CPU_SET(processor, &allowed);
    if (sched_setaffinity(0, sizeof allowed, &allowed) < 0)
        bench_die("sched_setaffinity");
}

static double alone_once(struct talk *talk)
{
    static double took[ALONE];

    for (int i = 0; i < ALONE; i++)
        took[i] = talk_say(talk, 1, 1, TALK_ANSWERED).wall_s;
    return bench_median(took, ALONE);
}

static bool alone(void)
{
    double ratios[ROUNDS];
    struct talk talk;

    pin();
    talk_start(&talk, ",\"wait\":true");
    for (int i = 0; i < ROUNDS; i++) {
        double floor = run_floor(&talk, ALONE, 1, 1).median_s, ours = alone_once(&talk);
        ratios[i] = ours / floor;
        printf("delivery: one alone takes %.0f us until it is answered delivered, floor %.0f us "
               "(medians; one processor)\n",
               ours * 1e6, floor * 1e6);
    }
    talk_stop(&talk);
    return bench_judge("delivery: one alone", bench_median(ratios, ROUNDS), BENCH_AT_MOST,
                       latency_max);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool ok = true;

    if (strcmp(what, "alone") != 0)
        ok &= many();
    if (strcmp(what, "many") != 0)
        ok &= alone();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
