/* Base64 as RFC 4648, section 4, with padding; decoding is strict. */
#ifndef P2PCHAT_COMMON_BASE64_H
#define P2PCHAT_COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters that `length` bytes take. */
#define BASE64_LENGTH(length) (((length) + 2) / 3 * 4)

/* Writes BASE64_LENGTH(length) characters and a NUL to `out`. */
void base64_encode(const uint8_t *bytes, size_t length, char *out);

/* Reads at most `size` bytes. False, and nothing written, unless `text` is exactly the encoding of
 * so many: nothing but the alphabet, padded, with the unused bits of the last character zero. */
bool base64_decode(const char *text, size_t text_length, uint8_t *out, size_t size,
                   size_t *ret_length);

#endif
