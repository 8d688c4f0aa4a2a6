/* The grammar of JSON (RFC 8259), judged before cJSON, which is lenient, sees the text. */
#ifndef P2PCHAT_COMMON_JSON_SCAN_H
#define P2PCHAT_COMMON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is exactly one value in UTF-8, with white space around it allowed, by all rules of
 * common/json.h that can be told without decoding: all but the range of numbers and names that
 * occur twice. Linear time, no memory. */
bool json_scan(const char *text, size_t length);

#endif
