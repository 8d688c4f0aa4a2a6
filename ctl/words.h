/* A command line in one text, split into words as a shell splits it, but without anything else of a
 * shell: nothing is expanded, and no character has a meaning but blanks, quotes and the backslash.
 */
#ifndef P2PCHAT_CTL_WORDS_H
#define P2PCHAT_CTL_WORDS_H

#include <stddef.h>

#include "common/error.h"

/* Words are separated by spaces, tabs and newlines. What stands between '...' is taken as it is;
 * between "..." as well, but for \" and \\, which stand for the character behind the backslash. Out
 * of quotes a backslash takes the character behind it as it is, whatever it is. Pieces that touch
 * are one word, and quotes with nothing between them are an empty one.
 *
 * The list ends with NULL; it and the words are one piece of memory, for free(). ERR_MALFORMED when
 * a quote is not closed or nothing follows the last backslash, and `ret_why` says so. */
enum error words_split(const char *text, char ***ret_words, size_t *ret_count,
                       const char **ret_why);

#endif
