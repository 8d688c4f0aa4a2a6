/* Pieces of text for people, made out of members of JSON objects. Whatever they hold, they come out
 * safe for a terminal (common/text.h). */
#ifndef P2PCHAT_CTL_PHRASE_H
#define P2PCHAT_CTL_PHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/json.h"

enum look { LOOK_PLAIN, LOOK_COLOUR };

enum style { STYLE_NAME, STYLE_DIM, STYLE_HEAD, STYLE_WARNING };

/* Between them the text looks so, if the look is coloured. */
void phrase_begin(struct bytes *out, enum look look, enum style style);
void phrase_end(struct bytes *out, enum look look);

/* A member's value: a string, a number, yes or no; "-" when there is none or it is another thing.
 */
void phrase_field(struct bytes *out, const struct json *object, const char *name);

/* A member that is a name, which others choose: in quotes when it is no plain word
 * (text_append_name). "-" as before. */
void phrase_name(struct bytes *out, const struct json *object, const char *name);

/* A member that is a name, as a word of a shell's command line: '…'. */
void phrase_shell_word(struct bytes *out, const struct json *object, const char *name);

/* Whether the member is that string. */
bool phrase_is(const struct json *object, const char *name, const char *text);

/* Whether the member is there and not null, false, 0 or empty. */
bool phrase_has(const struct json *object, const char *name);

/* A member's integer; 0 when there is none. */
int64_t phrase_number(const struct json *object, const char *name);

/* The peer that an object is about, by its alias, else its id; of a classic one it says so. */
void phrase_peer(struct bytes *out, enum look look, const struct json *object, const char *name);

/* A member that is a text of lines: each after the first begins with `indent` spaces. */
void phrase_text(struct bytes *out, const struct json *object, const char *name, size_t indent);

/* A member that is a time, as local time to the second; as it is when it is none. */
void phrase_time(struct bytes *out, const struct json *object, const char *name);

/* A member that is a length of time in seconds: "3 d 4 h", "12 min 5 s". */
void phrase_duration(struct bytes *out, const struct json *object, const char *name);

/* A member that is a size in bytes: "1.5 MiB". */
void phrase_size(struct bytes *out, const struct json *object, const char *name);

#endif
