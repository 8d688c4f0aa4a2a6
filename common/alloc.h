/*
 * Memory that is always there, and assertions that are always on.
 *
 * The log is safe against a crash and a restart is cheap, so running out of memory and a broken
 * invariant end the process: one line on standard error, written without allocating, then abort().
 * Sizes that come from outside are bounded by their limits before they get here.
 */
#ifndef P2PCHAT_COMMON_ALLOC_H
#define P2PCHAT_COMMON_ALLOC_H

#include <stddef.h>

/* Never NULL, also for 0 bytes. The caller owns the block and gives it back with free(). */
void *xmalloc(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));

/* As xmalloc(), for `count` elements of `size` bytes, all zero; a product that overflows aborts. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));

/* Grows or shrinks `block` (NULL for a new one), which is then gone; 0 bytes keep a block. */
void *xrealloc(void *block, size_t bytes)
    __attribute__((alloc_size(2), returns_nonnull, warn_unused_result));

/* As xrealloc(), for `count` elements of `size` bytes; a product that overflows aborts. */
void *xreallocarray(void *block, size_t count, size_t size)
    __attribute__((alloc_size(2, 3), returns_nonnull, warn_unused_result));

/* A copy of a string; the caller frees it. */
char *xstrdup(const char *string) __attribute__((malloc, nonnull, returns_nonnull));

/* A copy of `bytes` bytes (`data` may be NULL when there are none); the caller frees it. */
void *xmemdup(const void *data, size_t bytes)
    __attribute__((malloc, alloc_size(2), returns_nonnull));

/*
 * Asserts one of our own invariants, in release builds too; evaluates `cond` once. What comes from
 * outside is checked and refused, never asserted.
 */
#define must(cond) (__builtin_expect(!!(cond), 1) ? (void)0 : must_fail(#cond, __FILE__, __LINE__))

/* Says which expression did not hold, and where, and aborts. Called by must(). */
void must_fail(const char *expression, const char *file, unsigned line)
    __attribute__((noreturn, cold, nonnull));

#endif
