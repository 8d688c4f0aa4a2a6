/* The grammar of JSON (RFC 8259), judged before cJSON, which is lenient, sees the text. */
#ifndef P2PCHAT_COMMON_JSON_SCAN_H
#define P2PCHAT_COMMON_JSON_SCAN_H

#include <stddef.h>

#include "common/error.h"

/* Judges whether `text` is exactly one value in UTF-8, with white space around it allowed, by all
 * rules of common/json.h that can be told without decoding: all but the range of numbers and names
 * that occur twice. OK, ERR_PARSE_ERROR, or ERR_OVERSIZED: by its first `values_max` values it is
 * fine, and more follow (the value itself, members and elements count). *ret_count tells how many
 * there are when it is OK. Linear time, no memory. */
enum error json_scan(const char *text, size_t length, size_t values_max, size_t *ret_count);

#endif
