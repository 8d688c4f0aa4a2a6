/* What the benchmarks share: clocks, memory of a process, medians, and the verdict.
 *
 * A benchmark measures a figure of ours beside its floor: the same work by a program that does
 * nothing else, in the same run on the same machine. What is judged is the ratio of the two, so
 * that a slow or busy machine does not change the verdict. */
#ifndef P2PCHAT_TESTS_BENCH_BENCH_H
#define P2PCHAT_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/mono.h"

/* Seconds on the monotonic clock. */
double bench_seconds(void);

/* The same as the core is told it. */
struct now bench_now(void);

/* Seconds of processor time, user and system, of all children that were waited for. */
double bench_children_seconds(void);

/* The same of this process. */
double bench_own_seconds(void);

/* What of a process is in memory (VmRSS), in KiB. */
long bench_resident_kib(pid_t pid);

/* The same, once it does not change any more. */
long bench_resting_kib(pid_t pid);

/* The middle one; sorts the values. `count` is at least 1. */
double bench_median(double *values, size_t count);

/* Says what the system refused, by errno, and ends the benchmark. */
void bench_die(const char *what) __attribute__((noreturn));

enum bench_bound { BENCH_AT_LEAST, BENCH_AT_MOST };

/* Prints the verdict, "ratio 0.83 (at least 0.60) ok", after `what` it is about; returns whether it
 * is ok. */
bool bench_judge(const char *what, double ratio, enum bench_bound bound, double limit);

#endif
