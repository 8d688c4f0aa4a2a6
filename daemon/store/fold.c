#include "daemon/store/fold.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "common/alloc.h"
#include "common/format.h"
#include "common/text.h"

/* To be raised with every change to what is folded into what. */
enum { FOLD_RULES = 1 };

struct range {
    utf8proc_int32_t first, last;
};

/* Marks that are dropped. */
static const struct range dropped[] = {
    {0x0300, 0x036f},                                     /* Combining Diacritical Marks */
    {0x0591, 0x05c7},                                     /* Hebrew points */
    {0x0610, 0x061a},                                     /* Arabic, as the next two */
    {0x064b, 0x0670}, {0x06d6, 0x06ed}, {0x20d0, 0x20ff}, /* keycaps around digits, and the like */
};

/* Characters of which each is a word. */
static const struct range single[] = {
    {0x0e00, 0x0eff},   /* Thai, Lao */
    {0x1000, 0x109f},   /* Myanmar */
    {0x1100, 0x11ff},   /* Hangul Jamo */
    {0x1780, 0x17ff},   /* Khmer */
    {0x2e80, 0x2fdf},   /* radicals */
    {0x3005, 0x3007},   /* Han: iteration mark, closing mark, zero */
    {0x3021, 0x31ff},   /* Hangzhou numerals, kana, Bopomofo, Hangul, strokes */
    {0x3400, 0x4dbf},   /* Han */
    {0x4e00, 0xa4cf},   /* Han, Yi */
    {0xa960, 0xa97f},   /* Hangul */
    {0xac00, 0xd7ff},   /* Hangul */
    {0xf900, 0xfaff},   /* Han */
    {0x1b000, 0x1b16f}, /* kana */
    {0x20000, 0x3ffff}, /* Han */
};

static bool is_in(utf8proc_int32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

#define IS_IN(code, ranges) is_in(code, ranges, sizeof(ranges) / sizeof(ranges[0]))

/* --- Code points --- */

/* Those of a text, folded. */
struct codes {
    utf8proc_int32_t *at;
    size_t count;
    size_t room;
};

static void make_room(struct codes *codes, size_t more)
{
    if (codes->room - codes->count >= more)
        return;
    codes->room = codes->count + more;
    codes->at = xreallocarray(codes->at, codes->room, sizeof(codes->at[0]));
}

/* Adds a text that is UTF-8, decomposed and with its case folded. */
static void add_text(struct codes *codes, const char *text, size_t length)
{
    const utf8proc_option_t options = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                                      UTF8PROC_IGNORE | UTF8PROC_STABLE;
    utf8proc_ssize_t count;

    make_room(codes, length + 1); /* nearly always enough */
    while (true) {
        const size_t room = codes->room - codes->count - 1;

        count = utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length,
                                   codes->at + codes->count, (utf8proc_ssize_t)room, options);
        must(count >= 0);
        if ((size_t)count <= room)
            break;
        make_room(codes, (size_t)count + 1);
    }
    codes->count += (size_t)count;
}

static size_t length_of_utf8(const char *text, size_t length)
{
    uint32_t code;
    size_t at = 0, taken;

    for (; at < length && (taken = text_decode(text + at, length - at, &code)) > 0; at += taken)
        continue;
    return at;
}

static void drop_marks(struct codes *codes)
{
    size_t count = 0;

    for (size_t i = 0; i < codes->count; i++)
        if (!IS_IN(codes->at[i], dropped))
            codes->at[count++] = codes->at[i];
    codes->count = count;
}

/* Ended with free(codes.at). */
static struct codes fold(const char *text, size_t length)
{
    struct codes codes = {0};

    for (size_t at = 0; at < length;) {
        const size_t good = length_of_utf8(text + at, length - at);

        if (good > 0)
            add_text(&codes, text + at, good);
        at += good;
        if (at == length)
            break;
        make_room(&codes, 1);
        codes.at[codes.count++] = '\n'; /* for a byte that is not UTF-8 */
        at++;
    }
    drop_marks(&codes);
    if (codes.count > 0) {
        const utf8proc_ssize_t composed = utf8proc_normalize_utf32(
            codes.at, (utf8proc_ssize_t)codes.count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);

        must(composed >= 0);
        codes.count = (size_t)composed;
    }
    return codes;
}

/* --- Words --- */

enum kind {
    KIND_PART,   /* of a word */
    KIND_SINGLE, /* a word by itself */
    KIND_OTHER,  /* between words */
    KIND_SPACE   /* the same, and between the phrases of a query */
};

static enum kind kind_of_ascii(utf8proc_int32_t code)
{
    if ((code >= 'a' && code <= 'z') || (code >= '0' && code <= '9'))
        return KIND_PART;
    return code <= ' ' || code == 0x7f ? KIND_SPACE : KIND_OTHER;
}

static enum kind kind_of(utf8proc_int32_t code)
{
    if (code < 0x80)
        return kind_of_ascii(code);
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return IS_IN(code, single) ? KIND_SINGLE : KIND_PART;
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN: /* perhaps the emoji of next year */
        return KIND_SINGLE;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return KIND_SPACE;
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SK:
        return KIND_OTHER;
    }
    must(!"a category");
}

static void put(struct bytes *out, utf8proc_int32_t code)
{
    uint8_t *room = bytes_reserve(out, 4);

    bytes_commit(out, (size_t)utf8proc_encode_char(code, room));
}

/* Where the writing of words stands. */
struct words {
    struct bytes *out;
    size_t count;     /* of words that were begun */
    size_t length;    /* code points of the word that is being written; 0: between words */
    bool is_single;   /* that word is one of its own */
    bool is_followed; /* a word was written that the next one follows in the same phrase */
};

/* Goes on with the word, or begins the next. */
static void put_code(struct words *w, utf8proc_int32_t code, enum kind kind)
{
    const bool is_single = kind == KIND_SINGLE;

    if (is_single || w->is_single || w->length == FOLD_WORD_MAX)
        w->length = 0;
    if (w->length == 0 && w->is_followed)
        bytes_u8(w->out, ' ');
    w->count += w->length == 0;
    put(w->out, code);
    w->length++;
    w->is_single = is_single;
    w->is_followed = true;
}

char *fold_version(void)
{
    return xasprintf("%d, utf8proc %s", FOLD_RULES, utf8proc_version());
}

void fold_text(const char *text, size_t length, struct bytes *out)
{
    struct codes codes = fold(text, length);
    struct words w = {.out = out};

    for (size_t i = 0; i < codes.count; i++) {
        const enum kind kind = kind_of(codes.at[i]);

        if (kind == KIND_PART || kind == KIND_SINGLE)
            put_code(&w, codes.at[i], kind);
        else
            w.length = 0;
    }
    free(codes.at);
}

/* Ends the phrase that was begun, if one was. */
static void end_phrase(struct words *w, bool is_prefix)
{
    if (w->is_followed && !is_prefix)
        bytes_u8(w->out, ' ');
    if (w->is_followed)
        bytes_u8(w->out, '\0');
    w->is_followed = false;
    w->length = 0;
}

size_t fold_query(const char *query, size_t length, struct bytes *out)
{
    struct codes codes = fold(query, length);
    struct words w = {.out = out};
    bool is_prefix = false; /* a star was met right behind a word */

    for (size_t i = 0; i < codes.count; i++) {
        const enum kind kind = kind_of(codes.at[i]);

        if (kind == KIND_SPACE) {
            end_phrase(&w, is_prefix);
        } else if (kind == KIND_OTHER) {
            is_prefix = codes.at[i] == '*' && w.length > 0;
            w.length = 0;
            continue;
        } else {
            if (!w.is_followed)
                bytes_u8(out, ' ');
            put_code(&w, codes.at[i], kind);
        }
        is_prefix = false;
    }
    end_phrase(&w, is_prefix);
    free(codes.at);
    return w.count;
}

/* The first phrase, or the one behind another; NULL: there is no more. */
static const char *next_phrase(const struct bytes *phrases, const char *phrase)
{
    const char *next = (const char *)bytes_data(phrases);

    if (phrase != NULL)
        next = phrase + strlen(phrase) + 1;
    return next < (const char *)bytes_data(phrases) + bytes_length(phrases) ? next : NULL;
}

void fold_expression(const struct bytes *phrases, struct bytes *out)
{
    const char *phrase = NULL;

    while ((phrase = next_phrase(phrases, phrase)) != NULL) {
        const size_t length = strlen(phrase);
        const bool is_prefix = phrase[length - 1] != ' ';

        bytes_text(out, phrase == (const char *)bytes_data(phrases) ? "\"" : " AND \"");
        bytes_append(out, phrase + 1, length - (is_prefix ? 1 : 2));
        bytes_text(out, is_prefix ? "\" *" : "\"");
    }
}

bool fold_finds(const struct bytes *phrases, const char *text, size_t length)
{
    struct bytes words = BYTES_EMPTY;
    const char *phrase = NULL;

    bytes_u8(&words, ' ');
    fold_text(text, length, &words);
    bytes_u8(&words, ' ');
    do
        phrase = next_phrase(phrases, phrase);
    while (phrase != NULL &&
           memmem(bytes_data(&words), bytes_length(&words), phrase, strlen(phrase)) != NULL);
    bytes_done(&words);
    return phrase == NULL;
}
