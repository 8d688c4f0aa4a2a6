/* Opens connections to a daemon and drops them, as fast as one processor can: half of them are
 * silent, the others begin a handshake and never go on.
 * Usage: flood PORT SECONDS FIRST_ADDRESS COUNT: to 127.0.0.1, from any of so many addresses from
 * that one on. Prints how many there were.
 *
 * Nothing is waited for: so many connections are open at any time, and the oldest gives its place
 * to the next one, whatever became of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_MAX_WANTED = 4096, DESCRIPTORS_SPARE = 64, SPEAKS_AFTER = 64 };

struct target {
    struct sockaddr_in at;
    uint32_t first_address, address_count; /* that we come from */
};

/* What begins a handshake XX: the preamble, a message's length, a key, and zeros. It costs the
 * other side three multiplications on the curve. */
enum { PREAMBLE = 8, LENGTH = 2, MESSAGE = 128 };
static const uint8_t opening[PREAMBLE + LENGTH + MESSAGE] = {'P', '2', 'P',          'C',     1, 2,
                                                             0,   0,   MESSAGE >> 8, MESSAGE, 9};

static void die(const char *what)
{
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Places for connections, as many as we may have. */
static size_t places(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("RLIMIT_NOFILE");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("RLIMIT_NOFILE");
    return limit.rlim_cur > OPEN_MAX_WANTED + DESCRIPTORS_SPARE
               ? OPEN_MAX_WANTED
               : (size_t)limit.rlim_cur - DESCRIPTORS_SPARE;
}

/* -1: the kernel has no port left at that address. */
static int open_one(const struct target *target)
{
    const uint32_t address = target->first_address + (uint32_t)random() % target->address_count;
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
    const struct linger at_once = {.l_onoff = 1}; /* no TIME_WAIT, which would use up the ports */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) < 0 ||
        (connect(fd, (const struct sockaddr *)&target->at, sizeof target->at) < 0 &&
         errno != EINPROGRESS)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Whoever is not connected yet, or was closed, does not get it. */
static void speak(int fd)
{
    if (fd >= 0)
        (void)!send(fd, opening, sizeof opening, MSG_NOSIGNAL);
}

/* The number of connections that were made, or tried. */
static uint64_t flood(const struct target *target, double until)
{
    const size_t count = places();
    int *open = malloc(count * sizeof *open);
    uint64_t made = 0;

    if (open == NULL)
        die("memory");
    for (size_t i = 0; i < count; i++)
        open[i] = -1;
    for (; made % 256 != 0 || seconds() < until; made++) {
        int *place = &open[made % count];
        if (*place >= 0)
            close(*place);
        *place = open_one(target);
        if (made >= SPEAKS_AFTER && made % 2 == 0) /* every other one is silent */
            speak(open[(made - SPEAKS_AFTER) % count]);
    }
    for (size_t i = 0; i < count; i++)
        if (open[i] >= 0)
            close(open[i]);
    free(open);
    return made;
}

int main(int argc, char **argv)
{
    struct target target = {.at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    struct in_addr first;

    if (argc != 5 || inet_pton(AF_INET, argv[3], &first) != 1) {
        fprintf(stderr, "usage: flood PORT SECONDS FIRST_ADDRESS COUNT\n");
        return EXIT_FAILURE;
    }
    target.at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    target.first_address = ntohl(first.s_addr);
    target.address_count = (uint32_t)strtoul(argv[4], NULL, 10);
    printf("%llu\n", (unsigned long long)flood(&target, seconds() + strtod(argv[2], NULL)));
    return EXIT_SUCCESS;
}
