/* Text made of a format. Apart from alloc.h, since the core does without stdio. */
#ifndef P2PCHAT_COMMON_FORMAT_H
#define P2PCHAT_COMMON_FORMAT_H

#include <stdarg.h>

#include "common/bytes.h"

/* On the heap: as asprintf(), but returns the string, which the caller frees, and aborts when there
 * is no memory for it. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0), returns_nonnull));

/* A size for people: "40 bytes", "1.5 MiB". */
enum { FORMAT_SIZE_MAX = 32 };
const char *format_size(double bytes, char out[FORMAT_SIZE_MAX]);

/* Appends it as a line, which may quote text from outside: it is made safe (text_append_safe). */
void format_line(struct bytes *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
