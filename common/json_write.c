#include "common/json.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"

static const char hex_digits[] = "0123456789abcdef";

static void put(struct json_writer *w, const char *text)
{
    bytes_text(w->out, text);
}

/* --- Order: what may stand where --- */

static uint32_t bit_of(uint32_t depth)
{
    return UINT32_C(1) << depth;
}

static bool in_object(const struct json_writer *w)
{
    return (w->objects & bit_of(w->depth)) != 0;
}

/* One more member of the container that is open, or the root, of which there is one. */
static void begin_member(struct json_writer *w)
{
    uint32_t bit = bit_of(w->depth);

    if (w->filled & bit) {
        must(w->depth > 0);
        bytes_u8(w->out, ',');
    }
    w->filled |= bit;
}

static void begin_value(struct json_writer *w)
{
    if (in_object(w)) {
        must(w->after_name);
        w->after_name = false;
    } else {
        begin_member(w);
    }
}

void json_write_init(struct json_writer *w, struct bytes *out)
{
    *w = (struct json_writer){.out = out};
}

void json_write_open(struct json_writer *w, char bracket)
{
    uint32_t bit;

    must(bracket == '{' || bracket == '[');
    must(w->depth < JSON_WRITE_DEPTH_MAX);
    begin_value(w);
    bit = bit_of(++w->depth);
    w->filled &= ~bit;
    w->objects = bracket == '{' ? w->objects | bit : w->objects & ~bit;
    bytes_u8(w->out, (uint8_t)bracket);
}

void json_write_close(struct json_writer *w, char bracket)
{
    must(w->depth > 0 && !w->after_name);
    must(bracket == (in_object(w) ? '}' : ']'));
    w->depth--;
    bytes_u8(w->out, (uint8_t)bracket);
}

/* --- Strings --- */

static void put_unit(struct bytes *out, uint32_t unit)
{
    uint8_t *room = bytes_reserve(out, 6);

    room[0] = '\\';
    room[1] = 'u';
    for (unsigned i = 0; i < 4; i++)
        room[2 + i] = (uint8_t)hex_digits[unit >> (12 - 4 * i) & 0xF];
    bytes_commit(out, 6);
}

static void put_escape(struct bytes *out, uint32_t code)
{
    if (code == '"' || code == '\\') {
        bytes_u8(out, '\\');
        bytes_u8(out, (uint8_t)code);
    } else if (code == '\n' || code == '\t') {
        bytes_text(out, code == '\n' ? "\\n" : "\\t");
    } else if (code <= 0xFFFF) {
        put_unit(out, code);
    } else {
        code -= 0x10000;
        put_unit(out, 0xD800 | code >> 10);
        put_unit(out, 0xDC00 | (code & 0x3FF));
    }
}

static bool wants_escape(uint32_t code)
{
    return code == '"' || code == '\\' || text_is_unsafe(code);
}

/* A text that stands for itself. */
static void put_plain(struct bytes *out, const char *text, size_t length)
{
    uint8_t *room = bytes_reserve(out, length + 2);

    room[0] = '"';
    if (length > 0)
        memcpy(room + 1, text, length);
    room[1 + length] = '"';
    bytes_commit(out, length + 2);
}

/* The first `plain` bytes of the text stand for themselves. */
static void put_escaped(struct bytes *out, const char *text, size_t length, size_t plain)
{
    static const uint32_t replacement = 0xFFFD;
    size_t at = plain, kept = 0; /* text[kept, at) stands for itself and is not appended yet */

    bytes_u8(out, '"');
    while (at < length) {
        uint32_t code = 0;
        size_t size;

        at += text_plain_run(text + at, length - at);
        if (at == length)
            break;
        size = text_decode(text + at, length - at, &code);
        if (size > 0 && !wants_escape(code)) {
            at += size;
            continue;
        }
        bytes_append(out, text + kept, at - kept);
        put_escape(out, code != 0 ? code : replacement);
        at += size > 0 ? size : 1;
        kept = at;
    }
    if (at > kept)
        bytes_append(out, text + kept, at - kept);
    bytes_u8(out, '"');
}

static void put_string(struct bytes *out, const char *text, size_t length)
{
    size_t plain = text_plain_run(text, length);

    if (plain == length)
        put_plain(out, text, length);
    else
        put_escaped(out, text, length, plain);
}

void json_write_name(struct json_writer *w, const char *name)
{
    must(in_object(w) && !w->after_name);
    begin_member(w);
    put_string(w->out, name, strlen(name));
    bytes_u8(w->out, ':');
    w->after_name = true;
}

void json_write_string_n(struct json_writer *w, const char *text, size_t length)
{
    begin_value(w);
    put_string(w->out, text, length);
}

void json_write_string(struct json_writer *w, const char *text)
{
    if (text != NULL)
        json_write_string_n(w, text, strlen(text));
    else
        json_write_null(w);
}

void json_write_hex64(struct json_writer *w, uint64_t number)
{
    char digits[16];

    for (size_t i = sizeof(digits); i-- > 0; number >>= 4)
        digits[i] = hex_digits[number & 0xF];
    json_write_string_n(w, digits, sizeof(digits));
}

/* --- Numbers --- */

/* At least `digits` decimal digits. */
static void put_decimal(struct bytes *out, uint64_t number, unsigned digits)
{
    char text[20]; /* of 2^64 */
    size_t at = sizeof(text);

    while (number > 0 || sizeof(text) - at < digits) {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    }
    bytes_append(out, text + at, sizeof(text) - at);
}

void json_write_integer(struct json_writer *w, int64_t integer)
{
    must(integer <= JSON_INTEGER_MAX && integer >= -JSON_INTEGER_MAX);
    begin_value(w);
    if (integer < 0)
        bytes_u8(w->out, '-');
    put_decimal(w->out, (uint64_t)(integer < 0 ? -integer : integer), 1);
}

static void put_shortest(struct bytes *out, double number)
{
    enum { DIGITS_MAX = 17 }; /* so many tell every double from its neighbours */
    char text[32];            /* sign, digits, point, "e-308" */

    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    bytes_text(out, text);
}

void json_write_number(struct json_writer *w, double number)
{
    locale_t c_locale, before;

    must(isfinite(number));
    if (number >= -(double)JSON_INTEGER_MAX && number <= (double)JSON_INTEGER_MAX &&
        number == (double)(int64_t)number) {
        json_write_integer(w, (int64_t)number);
        return;
    }
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc's own; costs nothing */
    must(c_locale != (locale_t)0);
    before = uselocale(c_locale);
    begin_value(w);
    put_shortest(w->out, number);
    uselocale(before);
    freelocale(c_locale);
}

/* --- Time --- */

#define YEAR_0_MS     INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define YEAR_10000_MS INT64_C(253402300800000) /* 10000-01-01T00:00:00.000Z */

struct date {
    unsigned year, month, day;
};

/* The Gregorian date `days` after 0000-01-01. Counts from March 1st 400 years before, so that a
 * leap day ends its year. */
static struct date date_of(unsigned days)
{
    enum { DAYS_1 = 365, DAYS_4 = 1461, DAYS_100 = 36524, DAYS_400 = 146097 };
    unsigned from_march = days + DAYS_400 - 60;
    unsigned in_400 = from_march % DAYS_400;
    unsigned leaps = in_400 / (DAYS_4 - 1) - in_400 / DAYS_100 + in_400 / (DAYS_400 - 1);
    unsigned years = (in_400 - leaps) / DAYS_1;
    unsigned in_year = in_400 - (DAYS_1 * years + years / 4 - years / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 is March; five months have 153 days */
    bool next_year = month >= 10;

    return (struct date){
        .year = from_march / DAYS_400 * 400 + years + next_year - 400,
        .month = next_year ? month - 9 : month + 3,
        .day = in_year - (153 * month + 2) / 5 + 1,
    };
}

void json_write_time(struct json_writer *w, int64_t unix_ms)
{
    static const unsigned ms_per_day = 24 * 60 * 60 * 1000;
    struct bytes *out = w->out;
    struct date date;
    uint64_t ms;

    if (unix_ms < YEAR_0_MS)
        unix_ms = YEAR_0_MS;
    if (unix_ms >= YEAR_10000_MS)
        unix_ms = YEAR_10000_MS - 1;
    ms = (uint64_t)(unix_ms - YEAR_0_MS);
    date = date_of((unsigned)(ms / ms_per_day));
    ms %= ms_per_day;

    begin_value(w);
    bytes_u8(out, '"');
    put_decimal(out, date.year, 4);
    bytes_u8(out, '-');
    put_decimal(out, date.month, 2);
    bytes_u8(out, '-');
    put_decimal(out, date.day, 2);
    bytes_u8(out, 'T');
    put_decimal(out, ms / 3600000, 2);
    bytes_u8(out, ':');
    put_decimal(out, ms / 60000 % 60, 2);
    bytes_u8(out, ':');
    put_decimal(out, ms / 1000 % 60, 2);
    bytes_u8(out, '.');
    put_decimal(out, ms % 1000, 3);
    bytes_text(out, "Z\"");
}

/* --- The rest --- */

void json_write_bool(struct json_writer *w, bool value)
{
    begin_value(w);
    put(w, value ? "true" : "false");
}

void json_write_null(struct json_writer *w)
{
    begin_value(w);
    put(w, "null");
}

void json_write_raw(struct json_writer *w, const void *json, size_t length)
{
    must(length > 0);
    begin_value(w);
    bytes_append(w->out, json, length);
}

static void write_members(struct json_writer *w, const struct json *container)
{
    for (const struct json *at = json_first(container); at != NULL; at = json_next(at)) {
        if (json_name(at) != NULL)
            json_write_name(w, json_name(at));
        json_write_value(w, at);
    }
}

void json_write_value(struct json_writer *w, const struct json *value)
{
    const char *text;
    size_t length;
    double number;
    bool truth;

    if (json_string(value, &text, &length)) {
        json_write_string_n(w, text, length);
    } else if (json_number(value, &number)) {
        json_write_number(w, number);
    } else if (json_bool(value, &truth)) {
        json_write_bool(w, truth);
    } else if (json_type(value) == JSON_NULL) {
        json_write_null(w);
    } else {
        bool object = json_type(value) == JSON_OBJECT;

        json_write_open(w, object ? '{' : '[');
        write_members(w, value);
        json_write_close(w, object ? '}' : ']');
    }
}

/* --- A name and its value --- */

void json_put_string(struct json_writer *w, const char *name, const char *text)
{
    json_write_name(w, name);
    json_write_string(w, text);
}

void json_put_integer(struct json_writer *w, const char *name, int64_t integer)
{
    json_write_name(w, name);
    json_write_integer(w, integer);
}

void json_put_bool(struct json_writer *w, const char *name, bool value)
{
    json_write_name(w, name);
    json_write_bool(w, value);
}

void json_put_null(struct json_writer *w, const char *name)
{
    json_write_name(w, name);
    json_write_null(w);
}

void json_put_time(struct json_writer *w, const char *name, int64_t unix_ms)
{
    json_write_name(w, name);
    json_write_time(w, unix_ms);
}

void json_put_hex64(struct json_writer *w, const char *name, uint64_t number)
{
    json_write_name(w, name);
    json_write_hex64(w, number);
}
