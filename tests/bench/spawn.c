/* How long `p2pchatctl status` takes from its start to its end, beside /bin/true. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/format.h"
#include "tests/bench/bench.h"
#include "tests/bench/subject.h"

enum { RUNS = 200, ROUNDS = 3 };

static const double ratio_max = 1.5;

/* Runs a program once, its output thrown away; returns how long it took, in microseconds. */
static double run(const char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    pid_t process;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    double start = bench_seconds();
    if (posix_spawn(&process, arguments[0], &actions, NULL, (char *const *)arguments, environ) !=
            0 ||
        waitpid(process, &status, 0) < 0)
        bench_die(arguments[0]);
    double took = bench_seconds() - start;
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        fprintf(stderr, "benchmark: %s failed\n", arguments[0]);
        exit(EXIT_FAILURE);
    }
    return took * 1e6;
}

/* One round, interleaved so that both meet the same machine; returns the ratio. */
static double compare(const char *const *ours, const char *const *floor)
{
    double ours_us[RUNS], floor_us[RUNS];

    for (int i = 0; i < RUNS; i++) {
        floor_us[i] = run(floor);
        ours_us[i] = run(ours);
    }
    double ours_median = bench_median(ours_us, RUNS), floor_median = bench_median(floor_us, RUNS);
    printf("spawn: p2pchatctl status %.0f us, /bin/true %.0f us (medians of %d, interleaved)\n",
           ours_median, floor_median, RUNS);
    return ours_median / floor_median;
}

int main(void)
{
    struct subject subject;
    double ratios[ROUNDS];

    subject_start(&subject, "");
    char *option = xasprintf("--socket=%s", subject.socket);
    const char *const ours[] = {"./p2pchatctl", option, "status", NULL};
    const char *const floor[] = {"/bin/true", NULL};
    for (int i = 0; i < ROUNDS; i++)
        ratios[i] = compare(ours, floor);
    free(option);
    subject_stop(&subject);
    return bench_judge("spawn", bench_median(ratios, ROUNDS), BENCH_AT_MOST, ratio_max)
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
