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

#endif
