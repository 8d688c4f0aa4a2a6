#include "daemon/entropy.h"

#include <sodium.h>
#include <sys/mman.h>

#include "common/alloc.h"

static void fill(void *context, uint8_t *buffer, size_t length)
{
    (void)context;
    randombytes_buf(buffer, length);
}

struct random entropy_random(void)
{
    return (struct random){.fill = fill, .ctx = NULL};
}

void *secret_new(size_t bytes)
{
    void *secret = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(secret != MAP_FAILED);
    must(madvise(secret, bytes, MADV_DONTDUMP) == 0);
    must(madvise(secret, bytes, MADV_WIPEONFORK) == 0);
    /* Without the right to lock memory (RLIMIT_MEMLOCK) it may be swapped: no reason not to run. */
    (void)mlock(secret, bytes);
    return secret;
}

void secret_free(void *secret, size_t bytes)
{
    if (secret == NULL)
        return;
    sodium_memzero(secret, bytes);
    munmap(secret, bytes);
}
