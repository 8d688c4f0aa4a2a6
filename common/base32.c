#include "common/base32.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

int base32_value(char character)
{
    if (character >= 'a' && character <= 'z')
        return character - 'a';
    if (character >= '2' && character <= '7')
        return character - '2' + 26;
    return -1;
}

void base32_encode(const uint8_t *bytes, size_t length, char *out)
{
    uint32_t held = 0; /* bits that no character has taken yet, at its low end */
    unsigned bits = 0;

    for (size_t i = 0; i < length; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = alphabet[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *out++ = alphabet[held << (5 - bits) & 31];
    *out = '\0';
}

/* Whether `text` encodes `out_length` bytes, and no bit more. */
static bool is_encoding(const char *text, size_t text_length, size_t out_length)
{
    size_t unused_bits = text_length * 5 - out_length * 8;

    if (text_length != BASE32_LENGTH(out_length))
        return false;
    for (size_t i = 0; i < text_length; i++) {
        if (base32_value(text[i]) < 0)
            return false;
    }
    return text_length == 0 ||
           (base32_value(text[text_length - 1]) & ((1 << unused_bits) - 1)) == 0;
}

bool base32_decode(const char *text, size_t text_length, uint8_t *out, size_t out_length)
{
    uint32_t held = 0; /* as in base32_encode */
    unsigned bits = 0;

    if (!is_encoding(text, text_length, out_length))
        return false;
    for (size_t i = 0; i < text_length; i++) {
        held = held << 5 | (uint32_t)base32_value(text[i]);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(held >> bits);
        }
    }
    return true;
}
