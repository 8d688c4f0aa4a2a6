/* JSON: a strict façade over cJSON for reading, and a streaming writer.
 *
 * What cJSON lets pass is refused here before cJSON sees it (RFC 8259 and our own limits): invalid
 * UTF-8, NUL (also as \u0000), lone surrogates, trailing data, leading zeros, names that occur
 * twice in one object, nesting deeper than 16. Names are compared exactly. Integers are exact
 * within ±(2^53-1). */
#ifndef P2PCHAT_COMMON_JSON_H
#define P2PCHAT_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum { JSON_DEPTH_MAX = 16 };
#define JSON_INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/* A parsed value, or a member of one. Members live as long as the root. */
struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses exactly one value (white space around it allowed). ERR_PARSE_ERROR when it breaks a rule
 * above. The caller frees the root with json_free. The text is not kept. */
enum error json_parse(const char *text, size_t length, struct json **ret_root);
void json_free(struct json *root);

enum json_type json_type(const struct json *value);

/* The member of that name, or NULL when there is none or `object` is no object (NULL is no object).
 */
const struct json *json_member(const struct json *object, const char *name);

/* Readers of one type each: false, and the out-parameter untouched, when the value is NULL or of
 * another type. */
bool json_string(const struct json *value, const char **ret_text,
                 size_t *ret_length); /* no NUL inside; borrowed */
bool json_integer(const struct json *value,
                  int64_t *ret_integer); /* whole, within ±JSON_INTEGER_MAX */
bool json_number(const struct json *value, double *ret_number);
bool json_bool(const struct json *value, bool *ret_bool);

/* 64 bits as a string of exactly 16 lower-case hexadecimal digits (numbers wider than 2^53 travel
 * so). */
bool json_hex64(const struct json *value, uint64_t *ret_number);

/* Members of an object or elements of an array, in order: the first, the next; NULL at the end. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *member);
const char *json_name(const struct json *member); /* NULL for an array's element */
size_t json_count(const struct json *container);

/* --- Writing --- */

/* Writes one value to the end of `out`, on one line, with commas where they belong. Unbalanced or
 * misplaced calls are our own mistakes and abort. Control, format and bidirectional characters are
 * written as \uXXXX (surrogate pairs beyond the BMP); bytes that are not UTF-8 as \ufffd. */
struct json_writer {
    struct bytes *out;
    uint32_t depth;
    uint32_t filled; /* bit n: the container at depth n has a member already */
    bool after_name; /* a name was written; its value comes next */
};

void json_write_init(struct json_writer *w, struct bytes *out);
void json_write_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_write_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_write_name(struct json_writer *w, const char *name);
void json_write_string(struct json_writer *w, const char *text); /* NULL is written as null */
void json_write_string_n(struct json_writer *w, const char *text, size_t length);
void json_write_integer(struct json_writer *w, int64_t integer);
void json_write_number(struct json_writer *w,
                       double number); /* finite; shortest form that reads back equal */
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
void json_write_hex64(struct json_writer *w, uint64_t number);
void json_write_time(struct json_writer *w,
                     int64_t unix_ms); /* "2026-01-31T12:00:00.123Z" (RFC 3339) */
void json_write_raw(struct json_writer *w, const void *json,
                    size_t length); /* one value, already JSON */
void json_write_value(struct json_writer *w,
                      const struct json *value); /* a parsed value, printed again */

/* A name and its value in one call. */
void json_put_string(struct json_writer *w, const char *name, const char *text);
void json_put_integer(struct json_writer *w, const char *name, int64_t integer);
void json_put_bool(struct json_writer *w, const char *name, bool value);
void json_put_null(struct json_writer *w, const char *name);
void json_put_time(struct json_writer *w, const char *name, int64_t unix_ms);
void json_put_hex64(struct json_writer *w, const char *name, uint64_t number);

#endif
