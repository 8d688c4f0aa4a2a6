#include "common/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line on the stack: nothing here may allocate. What does not fit is cut. */
struct line {
    char text[512];
    size_t len;
};

static void line_add(struct line *line, const char *string)
{
    size_t room = sizeof(line->text) - line->len - 1; /* keeps a place for the newline */
    size_t len = strlen(string);

    if (len > room)
        len = room;
    memcpy(line->text + line->len, string, len);
    line->len += len;
}

static void line_add_number(struct line *line, size_t number)
{
    char digits[3 * sizeof(number) + 1]; /* a byte is less than three decimal digits */
    char *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    line_add(line, at);
}

static _Noreturn void line_die(struct line *line)
{
    line->text[line->len++] = '\n';
    if (write(STDERR_FILENO, line->text, line->len) < 0) {
        /* Nobody listens; the signal still tells. */
    }
    abort();
}

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    struct line line = {.len = 0};

    line_add(&line, "p2pchat: out of memory: ");
    line_add_number(&line, count);
    line_add(&line, " x ");
    line_add_number(&line, size);
    line_add(&line, " bytes");
    line_die(&line);
}

void *xmalloc(size_t bytes)
{
    void *block = malloc(bytes > 0 ? bytes : 1);

    if (block == NULL)
        out_of_memory(1, bytes);
    return block;
}

void *xcalloc(size_t count, size_t size)
{
    void *block = count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);

    if (block == NULL)
        out_of_memory(count, size);
    return block;
}

void *xrealloc(void *block, size_t bytes)
{
    void *moved = realloc(block, bytes > 0 ? bytes : 1);

    if (moved == NULL)
        out_of_memory(1, bytes);
    return moved;
}

void *xreallocarray(void *block, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        out_of_memory(count, size);
    return xrealloc(block, count * size);
}

char *xstrdup(const char *string)
{
    return xmemdup(string, strlen(string) + 1);
}

void *xmemdup(const void *data, size_t bytes)
{
    void *copy = xmalloc(bytes);

    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

void must_fail(const char *expression, const char *file, unsigned line_number)
{
    struct line line = {.len = 0};

    line_add(&line, "p2pchat: ");
    line_add(&line, file);
    line_add(&line, ":");
    line_add_number(&line, line_number);
    line_add(&line, ": does not hold: ");
    line_add(&line, expression);
    line_die(&line);
}
