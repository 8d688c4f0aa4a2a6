#include "common/digits.h"

size_t digits_decimal(uint64_t number, char out[DIGITS_DECIMAL_MAX + 1])
{
    char reversed[DIGITS_DECIMAL_MAX];
    size_t length = 0;

    do
        reversed[length++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    for (size_t i = 0; i < length; i++)
        out[i] = reversed[length - 1 - i];
    out[length] = '\0';
    return length;
}

void digits_hex64(uint64_t number, char out[DIGITS_HEX64 + 1])
{
    for (size_t i = DIGITS_HEX64; i-- > 0; number >>= 4)
        out[i] = "0123456789abcdef"[number & 15];
    out[DIGITS_HEX64] = '\0';
}

void digits_message_id(uint64_t epoch, uint64_t number, char out[DIGITS_MESSAGE_ID_MAX + 1])
{
    digits_hex64(epoch, out);
    out[DIGITS_HEX64] = '-';
    digits_decimal(number, out + DIGITS_HEX64 + 1);
}
