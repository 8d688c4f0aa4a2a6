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

/* Appends what of FTS5's query language finds the texts that have all of the query's words: for
 * each run without white space the phrase of its words, and when it ends in `*`, also longer words
 * for its last. Nothing when the query has no words. No query gives a syntax error. */
void fold_query(const char *query, size_t length, struct bytes *out);

#endif
