/* What a fuzz target defines: the entry that libFuzzer, AFL++ and tests/fuzz/replay.c call. */
#ifndef P2PCHAT_TESTS_FUZZ_FUZZ_H
#define P2PCHAT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Feeds one input to the code under test, which must survive it; anything that is wrong ends the
 * process (must() in common/alloc.h). Keeps nothing between calls. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
