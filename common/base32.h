/* Base32 as peer ids are written: RFC 4648 in lower case, without padding. */
#ifndef P2PCHAT_COMMON_BASE32_H
#define P2PCHAT_COMMON_BASE32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters that `length` bytes take. */
#define BASE32_LENGTH(length) (((length)*8 + 4) / 5)

/* Writes BASE32_LENGTH(length) characters and a NUL to `out`. */
void base32_encode(const uint8_t *bytes, size_t length, char *out);

/* Reads `out_length` bytes. False, and `out` untouched, unless `text` is exactly their encoding: of
 * that length, in lower case, with the unused bits of the last character zero. */
bool base32_decode(const char *text, size_t text_length, uint8_t *out, size_t out_length);

/* The value (0–31) of a character, or -1 when it is not in the alphabet a–z 2–7. */
int base32_value(char character);

#endif
