#include "ctl/number.h"

#include <stdlib.h>
#include <string.h>

bool number_whole(const char *text, int64_t *ret_integer)
{
    enum { DIGITS_MAX = 16 }; /* of 2^53 */
    size_t length = strspn(text, "0123456789");

    if (length == 0 || length > DIGITS_MAX || text[length] != '\0')
        return false;
    *ret_integer = strtoll(text, NULL, 10);
    return true;
}

bool number_decimal(const char *text, double *ret_number)
{
    size_t length = strspn(text, "0123456789.");
    double number;
    char *end;

    if (length == 0 || text[length] != '\0')
        return false;
    number = strtod(text, &end);
    if (end == text || *end != '\0')
        return false;
    *ret_number = number;
    return true;
}
