#include "tests/bench/bench.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/alloc.h"

enum { SETTLE_MS = 1000 /* without a change: at rest */ };

static struct timespec read_clock(clockid_t clock)
{
    struct timespec time;

    must(clock_gettime(clock, &time) == 0);
    return time;
}

double bench_seconds(void)
{
    struct timespec time = read_clock(CLOCK_MONOTONIC);

    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

struct now bench_now(void)
{
    struct timespec mono = read_clock(CLOCK_MONOTONIC);
    struct timespec wall = read_clock(CLOCK_REALTIME);

    return (struct now){
        .mono = {(uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000},
        .unix_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
    };
}

double bench_children_seconds(void)
{
    struct rusage usage;

    must(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double bench_own_seconds(void)
{
    struct timespec time = read_clock(CLOCK_PROCESS_CPUTIME_ID);

    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

long bench_resident_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        bench_die(path);
    while (kib < 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    fclose(file);
    return kib;
}

long bench_resting_kib(pid_t pid)
{
    long before, now = bench_resident_kib(pid);

    do {
        before = now;
        poll(NULL, 0, SETTLE_MS);
        now = bench_resident_kib(pid);
    } while (now != before);
    return now;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    must(count > 0);
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void bench_die(const char *what)
{
    fprintf(stderr, "benchmark: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

bool bench_judge(const char *what, double ratio, enum bench_bound bound, double limit)
{
    bool ok = bound == BENCH_AT_LEAST ? ratio >= limit : ratio <= limit;

    printf("%s: ratio %.2f (%s %.2f) %s\n", what, ratio,
           bound == BENCH_AT_LEAST ? "at least" : "at most", limit, ok ? "ok" : "MISSED");
    fflush(stdout);
    return ok;
}
