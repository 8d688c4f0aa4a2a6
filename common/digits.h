/* Numbers as text, without stdio and without a locale. */
#ifndef P2PCHAT_COMMON_DIGITS_H
#define P2PCHAT_COMMON_DIGITS_H

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_DECIMAL_MAX = 20, DIGITS_HEX64 = 16 };

/* Writes `number` in decimal, NUL-terminated; returns how many digits. */
size_t digits_decimal(uint64_t number, char out[DIGITS_DECIMAL_MAX + 1]);

/* Writes `number` as 16 lower-case hexadecimal digits, NUL-terminated. */
void digits_hex64(uint64_t number, char out[DIGITS_HEX64 + 1]);

/* Writes the id that both sides of a chat show for a message: EPOCH-NUMBER, hexadecimal and
 * decimal. */
enum { DIGITS_MESSAGE_ID_MAX = DIGITS_HEX64 + 1 + DIGITS_DECIMAL_MAX };
void digits_message_id(uint64_t epoch, uint64_t number, char out[DIGITS_MESSAGE_ID_MAX + 1]);

#endif
