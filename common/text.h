/* Text from others: UTF-8 that is checked before it is believed, and made harmless before it is
 * shown. */
#ifndef P2PCHAT_COMMON_TEXT_H
#define P2PCHAT_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* Decodes one scalar value from `text` (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
 * Returns the bytes it takes, or 0 when they are not UTF-8 or the text ends inside it. */
size_t text_decode(const char *text, size_t length, uint32_t *ret_code);

/* Whether `text` is UTF-8 from end to end. */
bool text_is_utf8(const char *text, size_t length);

/* The length of the leading run of printable ASCII without quote and backslash: the characters that
 * stand for themselves in every encoding that we read or write, and most of what there is. */
size_t text_plain_run(const char *text, size_t length);

/* Whether a code point must not reach a terminal as it is: C0 and C1 controls, DEL, line and
 * paragraph separators, format characters (general category Cf, so all bidirectional controls, and
 * the whole block of tags), noncharacters, and what is no Unicode scalar value. Unicode 15.0. */
bool text_is_unsafe(uint32_t code);

/* Whether `text` may be a message or greeting: UTF-8 without control characters other than
 * newline and tab. Format characters are allowed: people write with them; they are escaped when
 * shown. The length is not judged here. */
bool text_is_message(const char *text, size_t length);

/* Appends `text` for a terminal or a log line: unsafe characters as <U+XXXX>, bytes that are not
 * UTF-8 as <XX>. Nothing in the result can move the cursor, start a line or change the reading
 * direction. */
void text_append_safe(struct bytes *out, const char *text, size_t length);

/* Appends a name as text_append_safe does, so that it cannot pass for words or columns beside it:
 * as it is when it is a plain word, else in quotes, with \ before each " and \. A plain word has
 * ASCII letters, digits, . _ @ + -, and what is beyond ASCII and does not look like a blank. */
void text_append_name(struct bytes *out, const char *text, size_t length);

#endif
