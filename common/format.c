#include "common/format.h"

#include <stdio.h>

#include "common/alloc.h"

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
