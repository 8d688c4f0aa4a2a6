#include "common/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

struct scanner {
    const char *at;
    const char *end;
    size_t values_left; /* that may still come */
    bool too_many;      /* came */
};

static size_t left(const struct scanner *s)
{
    return (size_t)(s->end - s->at);
}

static bool take(struct scanner *s, char wanted)
{
    if (s->at == s->end || *s->at != wanted)
        return false;
    s->at++;
    return true;
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

/* --- Strings --- */

static bool scan_hex4(struct scanner *s, uint32_t *ret_code)
{
    uint32_t code = 0;

    if (left(s) < 4)
        return false;
    for (const char *end = s->at + 4; s->at < end; s->at++) {
        char c = *s->at;

        if (c >= '0' && c <= '9')
            code = code << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            code = code << 4 | (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            code = code << 4 | (uint32_t)(c - 'A' + 10);
        else
            return false;
    }
    *ret_code = code;
    return true;
}

/* What follows "\u": a code that is not NUL, or both halves of a surrogate pair. */
static bool scan_code(struct scanner *s)
{
    uint32_t code, low;

    if (!scan_hex4(s, &code) || code == 0)
        return false;
    if (code < 0xD800 || code > 0xDFFF)
        return true;
    return code < 0xDC00 && take(s, '\\') && take(s, 'u') && scan_hex4(s, &low) && low >= 0xDC00 &&
           low <= 0xDFFF;
}

static bool scan_escape(struct scanner *s)
{
    static const char letters[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};

    if (take(s, 'u'))
        return scan_code(s);
    if (s->at == s->end || memchr(letters, *s->at, sizeof(letters)) == NULL)
        return false;
    s->at++;
    return true;
}

/* One character that is not plain: DEL, or more than ASCII. */
static bool scan_character(struct scanner *s)
{
    uint32_t code;
    size_t size = text_decode(s->at, left(s), &code);

    if (size == 0 || code < 0x20)
        return false;
    s->at += size;
    return true;
}

static bool scan_string(struct scanner *s)
{
    if (!take(s, '"'))
        return false;
    for (;;) {
        s->at += text_plain_run(s->at, left(s));
        if (take(s, '"'))
            return true;
        if (!(take(s, '\\') ? scan_escape(s) : scan_character(s)))
            return false;
    }
}

/* --- Numbers and literals --- */

static bool scan_digits(struct scanner *s)
{
    const char *start = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > start;
}

static bool scan_number(struct scanner *s)
{
    const char *start = s->at;

    take(s, '-');
    if (!take(s, '0') && !scan_digits(s))
        return false;
    if (take(s, '.') && !scan_digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!scan_digits(s))
            return false;
    }
    return s->at - start <= JSON_NUMBER_LENGTH_MAX;
}

static bool scan_literal(struct scanner *s, const char *literal)
{
    size_t length = strlen(literal);

    if (left(s) < length || memcmp(s->at, literal, length) != 0)
        return false;
    s->at += length;
    return true;
}

/* --- Containers: `depth` of them are open where they stand --- */

static bool scan_value(struct scanner *s, unsigned depth);

static bool scan_array(struct scanner *s, unsigned depth)
{
    skip_space(s);
    if (take(s, ']'))
        return true;
    do {
        if (!scan_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool scan_member(struct scanner *s, unsigned depth)
{
    skip_space(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    return take(s, ':') && scan_value(s, depth);
}

static bool scan_object(struct scanner *s, unsigned depth)
{
    skip_space(s);
    if (take(s, '}'))
        return true;
    do {
        if (!scan_member(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

static bool scan_bare_value(struct scanner *s, unsigned depth)
{
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
        s->at++;
        return depth < JSON_DEPTH_MAX && scan_object(s, depth + 1);
    case '[':
        s->at++;
        return depth < JSON_DEPTH_MAX && scan_array(s, depth + 1);
    case '"':
        return scan_string(s);
    case 't':
        return scan_literal(s, "true");
    case 'f':
        return scan_literal(s, "false");
    case 'n':
        return scan_literal(s, "null");
    default:
        return scan_number(s);
    }
}

static bool scan_value(struct scanner *s, unsigned depth)
{
    bool good;

    s->too_many = s->values_left == 0;
    if (s->too_many)
        return false;
    s->values_left--;
    skip_space(s);
    good = scan_bare_value(s, depth);
    skip_space(s);
    return good;
}

enum error json_scan(const char *text, size_t length, size_t values_max, size_t *ret_count)
{
    struct scanner s;

    if (length == 0)
        return ERR_PARSE_ERROR;
    s = (struct scanner){.at = text, .end = text + length, .values_left = values_max};
    if (scan_value(&s, 0) && s.at == s.end) {
        *ret_count = values_max - s.values_left;
        return OK;
    }
    return s.too_many ? ERR_OVERSIZED : ERR_PARSE_ERROR;
}
