#include "common/base64.h"

enum { GROUP_BYTES = 3, GROUP_CHARACTERS = 4, BITS = 6 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value (0-63) of a character, or -1 when it is not in the alphabet. */
static int value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void base64_encode(const uint8_t *bytes, size_t length, char *out)
{
    for (; length > 0; bytes += GROUP_BYTES) {
        size_t count = length < GROUP_BYTES ? length : GROUP_BYTES;
        uint32_t group = (uint32_t)bytes[0] << 16;

        if (count > 1)
            group |= (uint32_t)bytes[1] << 8;
        if (count > 2)
            group |= bytes[2];
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = count > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = count > 2 ? alphabet[group & 63] : '=';
        length -= count;
    }
    *out = '\0';
}

bool base64_decode(const char *text, size_t text_length, uint8_t *out, size_t size,
                   size_t *ret_length)
{
    size_t characters = text_length, length, unused;
    uint32_t bits = 0;

    while (characters > 0 && text_length - characters < 2 && text[characters - 1] == '=')
        characters--;
    length = characters * BITS / 8;
    unused = characters * BITS % 8;
    if (text_length % GROUP_CHARACTERS != 0 || length > size)
        return false;
    for (size_t i = 0; i < characters; i++)
        if (value(text[i]) < 0)
            return false;
    if (unused > 0 && (value(text[characters - 1]) & ((1 << unused) - 1)) != 0)
        return false;

    for (size_t i = 0, have = 0; i < characters; i++) {
        bits = bits << BITS | (uint32_t)value(text[i]);
        have += BITS;
        if (have >= 8) {
            have -= 8;
            *out++ = (uint8_t)(bits >> have);
        }
    }
    *ret_length = length;
    return true;
}
