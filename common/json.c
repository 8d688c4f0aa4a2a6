/* A parsed text is a tree in one block of memory: the values, the root first, and behind them the
 * strings, decoded. json_scan.c has judged the text before and counted the values, so that here
 * nothing is checked twice. */
#include "common/json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json_scan.h"
#include "common/text.h"

struct json {
    enum json_type type;
    const char *name;  /* of an object's member; else NULL */
    struct json *next; /* in its container */
    union {
        struct json *first; /* ARRAY, OBJECT */
        double number;
        bool truth;
        struct {
            const char *text; /* ends with a NUL, and has none inside */
            size_t length;
        };
    };
};

/* --- Names that occur twice --- */

/* Up to so many members are compared each with each: quicker than sorting, and every message of
 * ours has fewer. */
enum { PAIRWISE_MAX = 16 };

static bool names_differ_pairwise(const struct json *object)
{
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        for (const struct json *other = object->first; other != member; other = other->next) {
            if (strcmp(member->name, other->name) == 0)
                return false;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names_differ_sorted(const struct json *object, size_t count)
{
    const char **names = xcalloc(count, sizeof(*names));
    bool differ = true;
    size_t i = 0;

    for (const struct json *member = object->first; member != NULL; member = member->next)
        names[i++] = member->name;
    qsort(names, count, sizeof(*names), compare_names);
    for (i = 1; i < count && differ; i++)
        differ = strcmp(names[i - 1], names[i]) != 0;
    free(names);
    return differ;
}

static bool names_differ(const struct json *object)
{
    size_t count = json_count(object);

    return count <= PAIRWISE_MAX ? names_differ_pairwise(object)
                                 : names_differ_sorted(object, count);
}

/* --- Building --- */

struct builder {
    const char *at, *end; /* the text, from where it is not read yet */
    struct json *values;  /* the next one */
    char *strings;        /* where the next one goes */
    bool failed;          /* a number beyond a double, or a name that occurs twice */
};

static void skip_space(struct builder *b)
{
    while (b->at < b->end && (*b->at == ' ' || *b->at == '\n' || *b->at == '\t' || *b->at == '\r'))
        b->at++;
}

/* Skips white space, and then the character if it is there. */
static bool take(struct builder *b, char wanted)
{
    skip_space(b);
    if (*b->at != wanted)
        return false;
    b->at++;
    return true;
}

/* --- Strings --- */

static uint32_t take_hex4(struct builder *b)
{
    uint32_t code = 0;

    for (const char *end = b->at + 4; b->at < end; b->at++) {
        uint32_t digit = (uint32_t)(*b->at & 0xF);
        code = code << 4 | (*b->at > '9' ? digit + 9 : digit);
    }
    return code;
}

/* What follows "\u". */
static uint32_t take_code(struct builder *b)
{
    uint32_t code = take_hex4(b);

    if (code < 0xD800 || code > 0xDFFF)
        return code;
    b->at += 2; /* the other half's "\u" */
    return 0x10000 + ((code & 0x3FF) << 10 | (take_hex4(b) & 0x3FF));
}

static void put_code(struct builder *b, uint32_t code)
{
    if (code < 0x80) {
        *b->strings++ = (char)code;
        return;
    }
    if (code < 0x800) {
        *b->strings++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *b->strings++ = (char)(0xE0 | code >> 12);
        } else {
            *b->strings++ = (char)(0xF0 | code >> 18);
            *b->strings++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *b->strings++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *b->strings++ = (char)(0x80 | (code & 0x3F));
}

static void take_escape(struct builder *b)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char letter = b->at[1];
    const char *known = strchr(letters, letter);

    b->at += 2;
    if (letter == 'u')
        put_code(b, take_code(b));
    else
        *b->strings++ = known != NULL ? meanings[known - letters] : letter;
}

/* A string and its NUL take no more room than it took in quotes. */
static const char *take_string(struct builder *b, size_t *ret_length)
{
    const char *start = b->strings;

    for (b->at++; *b->at != '"';) {
        size_t run = text_plain_run(b->at, (size_t)(b->end - b->at));

        memcpy(b->strings, b->at, run);
        b->strings += run;
        b->at += run;
        if (*b->at == '\\')
            take_escape(b);
        else if (*b->at != '"')
            *b->strings++ = *b->at++;
    }
    b->at++;
    *ret_length = (size_t)(b->strings - start);
    *b->strings++ = '\0';
    return start;
}

/* --- Numbers --- */

/* strtod() reads as the thread's locale writes. (That of all categories of "C" is glibc's own and
 * costs nothing.) */
static double read_number(const char *text)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    double number;

    must(c_locale != (locale_t)0);
    before = uselocale(c_locale);
    number = strtod(text, NULL);
    uselocale(before);
    freelocale(c_locale);
    return number;
}

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static double take_number(struct builder *b)
{
    enum { EXACT_MAX = 15 }; /* digits that any integer may have and be exact */
    char text[JSON_NUMBER_LENGTH_MAX + 1];
    bool is_integer = true;
    size_t length = 0;
    int64_t integer = 0;
    double number;

    for (; b->at < b->end && is_of_number(*b->at); text[length++] = *b->at++) {
        if (*b->at >= '0' && *b->at <= '9' && length <= EXACT_MAX)
            integer = 10 * integer + (*b->at - '0');
        else
            is_integer = false;
    }
    if (is_integer && length <= EXACT_MAX)
        return (double)integer;
    text[length] = '\0';
    number = read_number(text);
    b->failed |= !isfinite(number);
    return number;
}

/* --- Values. They recurse no deeper than JSON_DEPTH_MAX --- */

static struct json *take_value(struct builder *b);

static void take_elements(struct builder *b, struct json *array)
{
    struct json **end = &array->first;

    array->type = JSON_ARRAY;
    array->first = NULL;
    b->at++;
    if (take(b, ']'))
        return;
    do {
        *end = take_value(b);
        end = &(*end)->next;
    } while (take(b, ','));
    take(b, ']');
}

static void take_members(struct builder *b, struct json *object)
{
    struct json **end = &object->first;
    size_t length;

    object->type = JSON_OBJECT;
    object->first = NULL;
    b->at++;
    if (take(b, '}'))
        return;
    do {
        skip_space(b);
        const char *name = take_string(b, &length);
        take(b, ':');
        *end = take_value(b);
        (*end)->name = name;
        end = &(*end)->next;
    } while (take(b, ','));
    take(b, '}');
    b->failed |= !names_differ(object);
}

static void take_word(struct builder *b, struct json *value, enum json_type type)
{
    value->type = type;
    value->truth = *b->at == 't';
    b->at += *b->at == 'f' ? strlen("false") : strlen("true");
}

static struct json *take_value(struct builder *b)
{
    struct json *value = b->values++;

    value->name = NULL;
    value->next = NULL;
    skip_space(b);
    switch (*b->at) {
    case '{':
        take_members(b, value);
        break;
    case '[':
        take_elements(b, value);
        break;
    case '"':
        value->type = JSON_STRING;
        value->text = take_string(b, &value->length);
        break;
    case 't':
    case 'f':
        take_word(b, value, JSON_BOOL);
        break;
    case 'n':
        take_word(b, value, JSON_NULL);
        break;
    default:
        value->type = JSON_NUMBER;
        value->number = take_number(b);
    }
    return value;
}

enum error json_parse_small(const char *text, size_t length, size_t values_max,
                            struct json **ret_root)
{
    size_t count;
    enum error error = json_scan(text, length, values_max, &count);

    if (error != OK)
        return error;
    struct json *root = xmalloc(count * sizeof(*root) + length);
    struct builder b = {
        .at = text, .end = text + length, .values = root, .strings = (char *)(root + count)};
    must(take_value(&b) == root && b.values == root + count &&
         b.strings <= (char *)(root + count) + length);
    if (b.failed) {
        free(root);
        return ERR_PARSE_ERROR;
    }
    *ret_root = root;
    return OK;
}

enum error json_parse(const char *text, size_t length, struct json **ret_root)
{
    return json_parse_small(text, length, SIZE_MAX, ret_root);
}

void json_free(struct json *root)
{
    free(root);
}

/* --- Reading --- */

static bool is_a(const struct json *value, enum json_type type)
{
    return value != NULL && value->type == type;
}

enum json_type json_type(const struct json *value)
{
    return value->type;
}

const struct json *json_member(const struct json *object, const char *name)
{
    if (!is_a(object, JSON_OBJECT))
        return NULL;
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

bool json_number(const struct json *value, double *ret_number)
{
    if (!is_a(value, JSON_NUMBER))
        return false;
    *ret_number = value->number + 0.0; /* makes -0 0 */
    return true;
}

bool json_bool(const struct json *value, bool *ret_bool)
{
    if (!is_a(value, JSON_BOOL))
        return false;
    *ret_bool = value->truth;
    return true;
}

bool json_string(const struct json *value, const char **ret_text, size_t *ret_length)
{
    if (!is_a(value, JSON_STRING))
        return false;
    *ret_text = value->text;
    *ret_length = value->length;
    return true;
}

bool json_integer(const struct json *value, int64_t *ret_integer)
{
    double number;

    if (!json_number(value, &number))
        return false;
    if (number < -(double)JSON_INTEGER_MAX || number > (double)JSON_INTEGER_MAX)
        return false;
    if (number != (double)(int64_t)number)
        return false;
    *ret_integer = (int64_t)number;
    return true;
}

bool json_hex64(const struct json *value, uint64_t *ret_number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    const char *text;
    size_t length;

    if (!json_string(value, &text, &length) || length != 16)
        return false;
    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);

        if (digit == NULL)
            return false;
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *ret_number = number;
    return true;
}

/* --- Walking --- */

const struct json *json_first(const struct json *container)
{
    return is_a(container, JSON_ARRAY) || is_a(container, JSON_OBJECT) ? container->first : NULL;
}

const struct json *json_next(const struct json *member)
{
    return member->next;
}

const char *json_name(const struct json *member)
{
    return member->name;
}

size_t json_count(const struct json *container)
{
    size_t count = 0;

    for (const struct json *at = json_first(container); at != NULL; at = json_next(at))
        count++;
    return count;
}
