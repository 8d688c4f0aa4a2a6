#include "common/format.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/alloc.h"

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    char *text;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    must(length >= 0);
    return text;
}
