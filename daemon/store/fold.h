/* Words, as the search index has them (p2pchat-api(7), history). A text and a query are folded
 * alike, so that what was written in one way is found in another:
 *
 * - compatibility forms and case are folded (NFKC, full case folding of Unicode), and the marks
 *   that people leave out when they type are dropped: accents of Latin, Greek and Cyrillic, vowel
 *   points of Hebrew and Arabic;
 * - scripts that are written without spaces between words (Han, kana, Thai, ...), Hangul, whose
 *   particles stick to their words, and symbols such as emoji are taken apart: every character is a
 *   word of its own, and what was written together is found as a phrase;
 * - all else that is no letter, mark or digit stands between words.
 *
 * The result holds letters, marks, digits and symbols beyond ASCII, lower-case letters and digits
 * of ASCII, and spaces: FTS5's tokenizer "ascii" splits it at the spaces and nowhere else. */
#ifndef P2PCHAT_DAEMON_STORE_FOLD_H
#define P2PCHAT_DAEMON_STORE_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"

/* Longer words are cut into several. */
enum { FOLD_WORD_MAX = 64 };

/* Which rules, and which Unicode, the functions below follow: an index made by others is of no use.
 * Ended with free(). */
char *fold_version(void);

/* Appends the words of a text, with a space between them. Bytes that are not UTF-8 stand between
 * words. */
void fold_text(const char *text, size_t length, struct bytes *out);

/* Appends the phrases that a text must have, all of them: for each run of the query without white
 * space the one of its words, and when it ends in `*`, also longer words for its last. A phrase is
 * its words, each behind a space, then a space unless its last word may be longer, then a NUL:
 * " hello ", " 192 168 0 1 ", " dep". Returns how many words there are; nothing is a mistake. */
size_t fold_query(const char *query, size_t length, struct bytes *out);

/* Appends what of FTS5's query language finds the texts that have these phrases, at least one. */
void fold_expression(const struct bytes *phrases, struct bytes *out);

/* Whether a text has these phrases: what FTS5 says of its words, without an index. Takes time
 * linear in the length, for each phrase. */
bool fold_finds(const struct bytes *phrases, const char *text, size_t length);

#endif
