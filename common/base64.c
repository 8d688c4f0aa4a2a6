#include "common/base64.h"

enum { GROUP_BYTES = 3, GROUP_CHARACTERS = 4, BITS = 6 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than the value (0-63) of each character; 0 for those that are not in the alphabet. */
static const uint8_t values[UINT8_MAX + 1] = {
    ['A'] = 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,         12,         13,
    14,         15, 16, 17, 18, 19, 20, 21, 22, 23, 24,         25,         26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,         38,         39,
    40,         41, 42, 43, 44, 45, 46, 47, 48, 49, 50,         51,         52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};

static uint32_t value(char c)
{
    return values[(uint8_t)c] - UINT32_C(1);
}

static bool is_in_alphabet(const char *text, size_t characters)
{
    bool is_good = true;

    for (size_t i = 0; i < characters; i++)
        is_good &= values[(uint8_t)text[i]] != 0;
    return is_good;
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
    size_t characters = text_length, length, unused, i = 0;
    uint32_t bits = 0;

    while (characters > 0 && text_length - characters < 2 && text[characters - 1] == '=')
        characters--;
    length = characters * BITS / 8;
    unused = characters * BITS % 8;
    if (text_length % GROUP_CHARACTERS != 0 || length > size || !is_in_alphabet(text, characters))
        return false;
    if (unused > 0 && (value(text[characters - 1]) & ((1u << unused) - 1)) != 0)
        return false;

    for (; i + GROUP_CHARACTERS <= characters; i += GROUP_CHARACTERS) {
        bits = value(text[i]) << 18 | value(text[i + 1]) << 12 | value(text[i + 2]) << 6 |
               value(text[i + 3]);
        *out++ = (uint8_t)(bits >> 16);
        *out++ = (uint8_t)(bits >> 8);
        *out++ = (uint8_t)bits;
    }
    for (size_t have = 0; i < characters; i++) { /* the last group, if it is not a whole one */
        bits = bits << BITS | value(text[i]);
        have += BITS;
        if (have >= 8) {
            have -= 8;
            *out++ = (uint8_t)(bits >> have);
        }
    }
    *ret_length = length;
    return true;
}
