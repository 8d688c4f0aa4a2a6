/* Numbers as they are typed. */
#ifndef P2PCHAT_CTL_NUMBER_H
#define P2PCHAT_CTL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits and nothing else, at most 16 of them. */
bool number_whole(const char *text, int64_t *ret_integer);

/* Decimal digits, perhaps with a point: no sign, exponent, infinity or hexadecimal. */
bool number_decimal(const char *text, double *ret_number);

#endif
