#include "common/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"

char *xvasprintf(const char *format, va_list arguments)
{
    char *text;
    int length = vasprintf(&text, format, arguments);

    must(length >= 0);
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    return text;
}

const char *format_size(double bytes, char out[FORMAT_SIZE_MAX])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;

    for (; bytes >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1; unit++)
        bytes /= 1024;
    snprintf(out, FORMAT_SIZE_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

void format_line(struct bytes *out, const char *format, ...)
{
    va_list arguments;
    char *line;

    va_start(arguments, format);
    line = xvasprintf(format, arguments);
    va_end(arguments);
    text_append_safe(out, line, strlen(line));
    bytes_u8(out, '\n');
    free(line);
}
