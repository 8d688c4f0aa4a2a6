#include "common/text.h"

#include <string.h>

/* --- UTF-8 --- */

enum {
    CODE_MAX = 0x10FFFF,
    SURROGATE_FIRST = 0xD800,
    SURROGATE_LAST = 0xDFFF,
};

/* What the first byte says: the bytes of the sequence (0: it cannot start one), its share of the
 * code, and the least code that needs so many bytes. */
struct lead {
    size_t size;
    uint32_t bits;
    uint32_t least;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, byte, 0};
    if ((byte & 0xE0) == 0xC0)
        return (struct lead){2, byte & 0x1F, 0x80};
    if ((byte & 0xF0) == 0xE0)
        return (struct lead){3, byte & 0x0F, 0x800};
    if ((byte & 0xF8) == 0xF0)
        return (struct lead){4, byte & 0x07, 0x10000};
    return (struct lead){0};
}

static bool is_scalar(uint32_t code)
{
    return code <= CODE_MAX && (code < SURROGATE_FIRST || code > SURROGATE_LAST);
}

size_t text_decode(const char *text, size_t length, uint32_t *ret_code)
{
    struct lead lead;
    uint32_t code;

    if (length == 0)
        return 0;
    lead = lead_of((uint8_t)text[0]);
    if (lead.size == 0 || lead.size > length)
        return 0;
    code = lead.bits;
    for (size_t i = 1; i < lead.size; i++) {
        uint8_t byte = (uint8_t)text[i];

        if ((byte & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (byte & 0x3F);
    }
    if (code < lead.least || !is_scalar(code))
        return 0;
    *ret_code = code;
    return lead.size;
}

/* --- Plain runs, sixteen bytes at a time --- */

enum { LANES = 16 };

static bool lanes_are_plain(const char *text)
{
    uint8_t bytes __attribute__((vector_size(LANES)));
    int8_t odd __attribute__((vector_size(LANES))); /* all ones where one is */
    uint64_t halves[2];

    memcpy(&bytes, text, sizeof(bytes));
    odd = (bytes < ' ') | (bytes > '~') | (bytes == '"') | (bytes == '\\');
    memcpy(halves, &odd, sizeof(halves));
    return (halves[0] | halves[1]) == 0;
}

static bool byte_is_plain(char byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

size_t text_plain_run(const char *text, size_t length)
{
    size_t at = 0;

    while (length - at >= LANES && lanes_are_plain(text + at))
        at += LANES;
    while (at < length && byte_is_plain(text[at]))
        at++;
    return at;
}

/* --- Judging --- */

bool text_is_utf8(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t code;
        size_t size;

        at += text_plain_run(text + at, length - at);
        if (at == length)
            break;
        size = text_decode(text + at, length - at, &code);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

bool text_is_message(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t code;
        size_t size;

        at += text_plain_run(text + at, length - at);
        if (at == length)
            break;
        size = text_decode(text + at, length - at, &code);
        if (size == 0 || (is_control(code) && code != '\n' && code != '\t'))
            return false;
        at += size;
    }
    return true;
}

/* Above Latin-1's controls: general category Cf, Zl and Zp of UnicodeData.txt 15.0.0, and the whole
 * block of tags. Sorted. Noncharacters follow from their number. */
static const struct {
    uint32_t first, last;
} unsafe_ranges[] = {
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x0600, 0x0605},   /* Arabic number signs */
    {0x061C, 0x061C},   /* Arabic letter mark */
    {0x06DD, 0x06DD},   /* Arabic end of ayah */
    {0x070F, 0x070F},   /* Syriac abbreviation mark */
    {0x0890, 0x0891},   /* Arabic pound and piastre marks */
    {0x08E2, 0x08E2},   /* Arabic disputed end of ayah */
    {0x180E, 0x180E},   /* Mongolian vowel separator */
    {0x200B, 0x200F},   /* zero width space and joiners, direction marks */
    {0x2028, 0x202E},   /* line and paragraph separators, embeddings and overrides */
    {0x2060, 0x2064},   /* word joiner, invisible operators */
    {0x2066, 0x206F},   /* isolates, deprecated format characters */
    {0xFEFF, 0xFEFF},   /* zero width no-break space: the byte order mark */
    {0xFFF9, 0xFFFB},   /* interlinear annotation */
    {0x110BD, 0x110BD}, /* Kaithi number sign */
    {0x110CD, 0x110CD}, /* Kaithi number sign above */
    {0x13430, 0x1343F}, /* Egyptian hieroglyph format controls */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical symbols */
    {0xE0000, 0xE007F}, /* tags */
};

static bool is_nonchar(uint32_t code)
{
    return (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
}

bool text_is_unsafe(uint32_t code)
{
    size_t low = 0, high = sizeof(unsafe_ranges) / sizeof(unsafe_ranges[0]);

    if (is_control(code) || is_nonchar(code) || !is_scalar(code))
        return true;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (code < unsafe_ranges[middle].first)
            high = middle;
        else if (code > unsafe_ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

/* --- Showing --- */

static const char hex_digits[] = "0123456789ABCDEF";

static void append_hex(struct bytes *out, uint32_t number, unsigned digits)
{
    while (digits-- > 0)
        bytes_u8(out, (uint8_t)hex_digits[number >> 4 * digits & 0xF]);
}

static void append_code(struct bytes *out, uint32_t code)
{
    bytes_text(out, "<U+");
    append_hex(out, code, code > 0xFFFFF ? 6 : code > 0xFFFF ? 5 : 4);
    bytes_u8(out, '>');
}

static void append_byte(struct bytes *out, uint8_t byte)
{
    bytes_u8(out, '<');
    append_hex(out, byte, 2);
    bytes_u8(out, '>');
}

void text_append_safe(struct bytes *out, const char *text, size_t length)
{
    size_t at = 0, kept = 0; /* text[kept, at) is safe and not appended yet */

    while (at < length) {
        uint32_t code = 0;
        size_t size;

        at += text_plain_run(text + at, length - at);
        if (at == length)
            break;
        size = text_decode(text + at, length - at, &code);
        if (size == 0 || text_is_unsafe(code)) {
            bytes_append(out, text + kept, at - kept);
            if (size > 0)
                append_code(out, code);
            else
                append_byte(out, (uint8_t)text[at]);
            kept = at + (size > 0 ? size : 1);
        }
        at += size > 0 ? size : 1;
    }
    if (at > kept)
        bytes_append(out, text + kept, at - kept);
}

/* Beyond ASCII: general category Zs, and what is drawn as nothing. */
static bool is_blank(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } blanks[] = {
        {0x00A0, 0x00A0}, /* no-break space */
        {0x115F, 0x1160}, /* Hangul fillers */
        {0x1680, 0x1680}, /* Ogham space */
        {0x2000, 0x200A}, /* spaces of many widths */
        {0x202F, 0x202F}, /* narrow no-break space */
        {0x205F, 0x205F}, /* mathematical space */
        {0x2800, 0x2800}, /* Braille without a dot */
        {0x3000, 0x3000}, /* ideographic space */
        {0x3164, 0x3164}, /* Hangul filler */
        {0xFFA0, 0xFFA0}, /* the same, half as wide */
    };

    for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        if (code >= blanks[i].first && code <= blanks[i].last)
            return true;
    }
    return false;
}

static bool is_of_word(uint32_t code)
{
    if (code >= 0x80)
        return !text_is_unsafe(code) && !is_blank(code);
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= '0' && code <= '9') || (code != '\0' && strchr("._@+-", (int)code) != NULL);
}

static bool is_plain_word(const char *text, size_t length)
{
    uint32_t code;

    for (size_t at = 0, size; at < length; at += size) {
        size = text_decode(text + at, length - at, &code);
        if (size == 0 || !is_of_word(code))
            return false;
    }
    return length > 0;
}

void text_append_name(struct bytes *out, const char *text, size_t length)
{
    if (is_plain_word(text, length)) {
        bytes_append(out, text, length);
        return;
    }
    bytes_u8(out, '"');
    for (size_t at = 0, run; at < length; at += run) {
        if (text[at] == '"' || text[at] == '\\')
            bytes_u8(out, '\\');
        for (run = 1; at + run < length && text[at + run] != '"' && text[at + run] != '\\';)
            run++;
        text_append_safe(out, text + at, run);
    }
    bytes_u8(out, '"');
}
