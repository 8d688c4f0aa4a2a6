/*
 * What every unit test includes: cmocka after the headers it needs, in blocks that clang-format
 * does not reorder, and helpers that cmocka has not.
 */
#ifndef P2PCHAT_TESTS_UNIT_UNIT_H
#define P2PCHAT_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * Runs `run(arg)` in a child process and fails the test unless it ends with SIGABRT and `says`
 * stands in what it wrote to standard error.
 */
void unit_assert_aborts(void (*run)(void *arg), void *arg, const char *says);

/*
 * Writes the bytes that `hex` stands for to `ret_bytes` and returns their number; fails the test
 * when it is not hexadecimal or stands for more than `size`.
 */
size_t unit_hex(const char *hex, uint8_t *ret_bytes, size_t size);

#endif
