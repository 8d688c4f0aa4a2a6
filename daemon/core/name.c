#include "daemon/core/name.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "common/alloc.h"
#include "common/text.h"

enum {
    ID_PIECE_LENGTH = 8,                         /* 40 bits: enough to be unique among contacts */
    EXPANSION_MAX = 18,                          /* code points that one becomes: U+FDFA */
    CODES_MAX = ADDRESS_NAME_MAX * EXPANSION_MAX /* a code point takes a byte at least */
};

/* Code points of a text, and then the text that they make, in one buffer (utf8proc works so). */
union scratch {
    utf8proc_int32_t codes[CODES_MAX + 1];
    char text[(CODES_MAX + 1) * sizeof(utf8proc_int32_t)];
};

/* Whether `text` of at most ADDRESS_NAME_MAX bytes is UTF-8; then scratch->text is its normal form.
 */
static bool normalize(const char *text, utf8proc_option_t options, union scratch *scratch)
{
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strlen(text),
                           scratch->codes, CODES_MAX, options);

    if (count < 0)
        return false;
    must(count <= CODES_MAX);
    must(utf8proc_reencode(scratch->codes, count, options) >= 0);
    return true;
}

static bool is_nfc(const char *text)
{
    union scratch scratch;

    return normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE, &scratch) &&
           strcmp(text, scratch.text) == 0;
}

/* Most names are ASCII, where folding is no more than lower case. */
static bool fold_ascii(const char *text, char *folded)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
        *folded++ = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    }
    *folded = '\0';
    return true;
}

static bool fold(const char *text, union scratch *scratch)
{
    return strlen(text) <= ADDRESS_NAME_MAX &&
           normalize(text,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                         UTF8PROC_IGNORE,
                     scratch);
}

static bool is_space(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_ZS;
}

/* Whether every character may stand where it stands. */
static bool has_good_characters(const char *text, size_t length)
{
    uint32_t code = 0;

    for (size_t at = 0, taken; at < length; at += taken) {
        taken = text_decode(text + at, length - at, &code);
        if (taken == 0 || text_is_unsafe(code))
            return false;
        if (code == ':' || code == '/' || code == '?' || code == '[')
            return false;
        if (at == 0 && (code == '-' || is_space(code)))
            return false;
    }
    return !is_space(code);
}

bool name_is_like_id(const char *text)
{
    size_t length = strlen(text);

    return length >= ID_PIECE_LENGTH && strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == length;
}

/* A name is found by what it folds to, which is something, and nothing that means a peer id. */
static bool is_good_key(const char *folded)
{
    return folded[0] != '\0' && !name_is_like_id(folded);
}

enum error name_check(const char *text)
{
    size_t length = strlen(text);
    char ascii[ADDRESS_NAME_MAX + 1];
    union scratch scratch;

    if (length < 1 || length > ADDRESS_NAME_MAX || !has_good_characters(text, length))
        return ERR_BAD_NAME;
    if (fold_ascii(text, ascii)) /* which is in normal form */
        return is_good_key(ascii) ? OK : ERR_BAD_NAME;
    return is_nfc(text) && fold(text, &scratch) && is_good_key(scratch.text) ? OK : ERR_BAD_NAME;
}

static char *fold_codes(const char *text)
{
    union scratch scratch;

    return fold(text, &scratch) ? xstrdup(scratch.text) : NULL;
}

char *name_fold(const char *text)
{
    char ascii[ADDRESS_NAME_MAX + 1];

    if (strlen(text) > ADDRESS_NAME_MAX)
        return NULL;
    return fold_ascii(text, ascii) ? xstrdup(ascii) : fold_codes(text);
}

bool name_equal(const char *a, const char *b)
{
    union scratch folded_a, folded_b;

    return fold(a, &folded_a) && fold(b, &folded_b) && strcmp(folded_a.text, folded_b.text) == 0;
}

static bool is_inside_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

char *name_with_suffix(const char *name, uint32_t number)
{
    enum { SUFFIX_SIZE = 1 + 10 + 1 }; /* "-4294967295" */
    char suffix[SUFFIX_SIZE] = {0};
    char *start = suffix + SUFFIX_SIZE - 1;
    size_t suffix_length, length = strlen(name);
    char *result;

    do {
        *--start = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *--start = '-';
    suffix_length = strlen(start);

    while (length + suffix_length > ADDRESS_NAME_MAX || is_inside_character(name[length]))
        length--;
    result = xmalloc(length + suffix_length + 1);
    memcpy(result, name, length);
    memcpy(result + length, start, suffix_length + 1);
    return result;
}
