#include "daemon/refusal.h"

#include <stdarg.h>
#include <stdio.h>

bool refuse(struct refusal *ret_refusal, int exit_code, const char *format, ...)
{
    va_list args;

    ret_refusal->exit_code = exit_code;
    ret_refusal->code = LOG_START_REFUSED;
    va_start(args, format);
    vsnprintf(ret_refusal->why, sizeof(ret_refusal->why), format, args);
    va_end(args);
    return false;
}

bool refuse_as(struct refusal *refusal, enum log_code code)
{
    refusal->code = code;
    return false;
}
