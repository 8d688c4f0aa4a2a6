#include "daemon/refusal.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct refusal *ret_refusal, enum log_code code, int exit_code, const char *format,
                 va_list args)
{
    ret_refusal->exit_code = exit_code;
    ret_refusal->code = code;
    vsnprintf(ret_refusal->why, sizeof(ret_refusal->why), format, args);
}

bool refuse(struct refusal *ret_refusal, int exit_code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(ret_refusal, LOG_START_REFUSED, exit_code, format, args);
    va_end(args);
    return false;
}

bool refuse_as(struct refusal *ret_refusal, enum log_code code, int exit_code, const char *format,
               ...)
{
    va_list args;

    va_start(args, format);
    fill(ret_refusal, code, exit_code, format, args);
    va_end(args);
    return false;
}
