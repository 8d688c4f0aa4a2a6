/* New sessions per second: links of the core on both ends, in pairs of processes over TCP on
 * loopback, beside key agreement of the same shape and nothing else.
 *
 * Links check and convert the other side's Ed25519 key, which the floor has no part of. What that
 * costs is measured in the same rounds and counted apart: the ratio that is judged is the one with
 * the processor time of both sides' conversions taken off. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tests/bench/bench.h"
#include "tests/bench/session.h"

enum { PAIRS = 8, SESSIONS_PER_PAIR = 250, ROUNDS = 7, SESSIONS = PAIRS * SESSIONS_PER_PAIR };

static const double ratio_min = 0.6;

typedef void session_run(int fd, enum session_side side);

/* What one round took, for each session (both ends). */
struct cost {
    double wall_s;
    double processor_s;
};

static void no_delay(int fd)
{
    int on = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        bench_die("TCP_NODELAY");
}

static void listen_for(int listener, session_run *run)
{
    for (int i = 0; i < SESSIONS_PER_PAIR; i++) {
        int fd = accept(listener, NULL, NULL);
        char byte;
        if (fd < 0)
            bench_die("accept");
        no_delay(fd);
        run(fd, SESSION_LISTENER);
        while (read(fd, &byte, 1) > 0) /* the dialler closes */
            continue;
        close(fd);
    }
}

static void dial(const struct sockaddr_in *address, session_run *run)
{
    const struct linger at_once = {.l_onoff = 1};

    for (int i = 0; i < SESSIONS_PER_PAIR; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
            bench_die("connect");
        no_delay(fd);
        run(fd, SESSION_DIALLER);
        /* without TIME_WAIT, which would use up the ports */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
}

/* One process of a pair. */
static void work(int listener, const struct sockaddr_in *address, session_run *run,
                 enum session_side side)
{
    if (run == NULL) {
        for (int i = 0; i < SESSIONS_PER_PAIR; i++)
            session_convert(side);
    } else if (side == SESSION_LISTENER) {
        listen_for(listener, run);
    } else {
        dial(address, run);
    }
}

static void reap_all(void)
{
    int status;

    for (int i = 0; i < 2 * PAIRS; i++) {
        if (wait(&status) < 0 || status != 0) {
            fprintf(stderr, "benchmark: a process of a pair failed\n");
            exit(EXIT_FAILURE);
        }
    }
}

/* One round; `run` is NULL for conversions alone. */
static struct cost run_pairs(session_run *run)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        bench_die("listen");
    double processor = bench_children_seconds(), start = bench_seconds();
    for (int i = 0; i < 2 * PAIRS; i++) {
        pid_t child = fork();
        if (child < 0)
            bench_die("fork");
        if (child == 0) {
            work(listener, &address, run, i % 2 == 0 ? SESSION_LISTENER : SESSION_DIALLER);
            _exit(EXIT_SUCCESS);
        }
    }
    reap_all();
    close(listener);
    return (struct cost){.wall_s = (bench_seconds() - start) / SESSIONS,
                         .processor_s = (bench_children_seconds() - processor) / SESSIONS};
}

int main(void)
{
    double floors[ROUNDS], ours[ROUNDS], conversions[ROUNDS], raw[ROUNDS], apart[ROUNDS];

    session_link_init();
    session_floor_init();
    for (int i = 0; i < ROUNDS; i++) {
        struct cost floor = run_pairs(session_floor);
        struct cost link = run_pairs(session_link);
        struct cost conversion = run_pairs(NULL);
        double share = conversion.processor_s / link.processor_s;
        floors[i] = 1 / floor.wall_s;
        ours[i] = 1 / link.wall_s;
        conversions[i] = conversion.processor_s * 1e6;
        raw[i] = floor.wall_s / link.wall_s;
        apart[i] = raw[i] / (1 - share);
    }
    printf("handshake: %.0f new XX sessions/s in %d pairs, floor %.0f/s (medians of %d rounds)\n",
           bench_median(ours, ROUNDS), PAIRS, bench_median(floors, ROUNDS), ROUNDS);
    printf("handshake: id conversions take %.0f us of processor time a session, both ends\n",
           bench_median(conversions, ROUNDS));
    printf("handshake: ratio %.2f with the conversions, for information\n",
           bench_median(raw, ROUNDS));
    return bench_judge("handshake: conversions counted apart", bench_median(apart, ROUNDS),
                       BENCH_AT_LEAST, ratio_min)
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
