/* JSON: a strict façade over cJSON for reading, and a streaming writer.
 *
 * What cJSON lets pass is refused (RFC 8259 and our own limits): whatever breaks the grammar,
 * invalid UTF-8, NUL (also as \u0000), lone surrogates, trailing data, numbers that are too long or
 * beyond a double, names that occur twice in one object however they are escaped, nesting deeper
 * than 16. Names are compared exactly. Integers are exact within ±(2^53-1). */
#ifndef P2PCHAT_COMMON_JSON_H
#define P2PCHAT_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum {
    /* Containers within containers: far more than any message has, and little enough to recurse. */
    JSON_DEPTH_MAX = 16,
    /* Characters of a number: cJSON reads no more of them, and no double needs more than 24. */
    JSON_NUMBER_LENGTH_MAX = 63,
};
#define JSON_INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/* A parsed value, or a member of one. Members live as long as the root. */
struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses exactly one value (white space around it allowed). ERR_PARSE_ERROR when it breaks a rule
 * above. Takes time linear in the length (and n log n in the members of one object), and memory of
 * about 40 bytes for each byte of text at worst (an array of digits). The caller frees the root
 * with json_free (NULL is fine). The text is not kept. */
enum error json_parse(const char *text, size_t length, struct json **ret_root);

/* The same for what others send, of which we know that it has few values (members and elements
 * count): ERR_OVERSIZED when there are more, for a hundredth of what they would cost. */
enum error json_parse_small(const char *text, size_t length, size_t values_max,
                            struct json **ret_root);
void json_free(struct json *root);

enum json_type json_type(const struct json *value);

/* The member of that name, or NULL when there is none or `object` is no object (NULL is no object).
 */
const struct json *json_member(const struct json *object, const char *name);

/* Readers of one type each: false, and the out-parameter untouched, when the value is NULL or of
 * another type. */
bool json_number(const struct json *value, double *ret_number); /* finite; -0 is 0 */
bool json_bool(const struct json *value, bool *ret_bool);

/* A string: borrowed, UTF-8, with a NUL behind it and none inside. */
bool json_string(const struct json *value, const char **ret_text, size_t *ret_length);

/* A number that is whole, also if written as 1.0 or 1e3, within ±JSON_INTEGER_MAX. */
bool json_integer(const struct json *value, int64_t *ret_integer);

/* 64 bits as a string of exactly 16 lower-case hexadecimal digits (numbers wider than 2^53 travel
 * so). */
bool json_hex64(const struct json *value, uint64_t *ret_number);

/* Members of an object or elements of an array, in order: the first, the next; NULL at the end. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *member);
const char *json_name(const struct json *member); /* NULL for an array's element */
size_t json_count(const struct json *container);

/* --- Writing --- */

/* The bits of a word that keep account; enough for the deepest parsed value inside one of ours. */
enum { JSON_WRITE_DEPTH_MAX = 31 };

/* Writes one value to the end of `out`, on one line, with commas where they belong. Unbalanced or
 * misplaced calls are our own mistakes and abort.
 *
 * Strings: newline and tab are written as \n and \t; other control characters, format and
 * bidirectional characters and noncharacters (text_is_unsafe) as \uXXXX, in surrogate pairs beyond
 * the BMP; NUL and bytes that are not UTF-8 as \ufffd. So what is written can be read back, a
 * message (text_is_message) takes at most three times its length, and nothing in it acts on a
 * terminal. */
struct json_writer {
    struct bytes *out;
    uint32_t depth;
    uint32_t filled;  /* bit n: the container at depth n has a member already */
    uint32_t objects; /* bit n: the container at depth n is an object */
    bool after_name;  /* a name was written; its value comes next */
};

void json_write_init(struct json_writer *w, struct bytes *out);
void json_write_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_write_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_write_name(struct json_writer *w, const char *name);
void json_write_string(struct json_writer *w, const char *text); /* NULL is written as null */
void json_write_string_n(struct json_writer *w, const char *text, size_t length);
void json_write_integer(struct json_writer *w, int64_t integer); /* within ±JSON_INTEGER_MAX */
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
void json_write_hex64(struct json_writer *w, uint64_t number);

/* A finite number, in the fewest digits that read back equal, in every locale. */
void json_write_number(struct json_writer *w, double number);

/* "2026-01-31T12:00:00.123Z" (RFC 3339); what is outside the years 0 to 9999 becomes their edge. */
void json_write_time(struct json_writer *w, int64_t unix_ms);

/* One value that is JSON already, as it is. */
void json_write_raw(struct json_writer *w, const void *json, size_t length);

/* A parsed value, printed again. */
void json_write_value(struct json_writer *w, const struct json *value);

/* A name and its value in one call. */
void json_put_string(struct json_writer *w, const char *name, const char *text);
void json_put_integer(struct json_writer *w, const char *name, int64_t integer);
void json_put_bool(struct json_writer *w, const char *name, bool value);
void json_put_null(struct json_writer *w, const char *name);
void json_put_time(struct json_writer *w, const char *name, int64_t unix_ms);
void json_put_hex64(struct json_writer *w, const char *name, uint64_t number);

#endif
