#include "ctl/clock.h"

#include <time.h>

#include "common/alloc.h"

struct mono clock_now(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (struct mono){(uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000};
}
