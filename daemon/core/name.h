/* Names of peers: what may be one, and when two are the same (p2pchat-protocol(7), Identity).
 *
 * A name is UTF-8 in normalization form C, 1 to 64 bytes, without control, format and bidirectional
 * characters, line separators and noncharacters; none of : / ? [ is in it, it does not start with
 * '-', and it does not fold to 8 or more characters of a-z2-7 alone, which mean a peer id.
 * Something of it can be seen, and white space is not at its ends. */
#ifndef P2PCHAT_DAEMON_CORE_NAME_H
#define P2PCHAT_DAEMON_CORE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/address.h"
#include "common/error.h"

/* OK, or ERR_BAD_NAME when `text` cannot be a name. */
enum error name_check(const char *text);

/* Whether `text` is what a peer id, or a piece of one, is told apart from a name by: 8 or more
 * characters of a-z2-7 alone. No name is equal to it. */
bool name_is_like_id(const char *text);

/* The key that names are compared and looked up by: NFKC with case folded and default ignorable
 * characters left out (Unicode's NFKC_Casefold). `text` need not be a name; NULL when it is not
 * UTF-8 or longer than a name can be, so that no name is equal to it. The caller frees the key. */
char *name_fold(const char *text);

/* Whether two names count as the same. */
bool name_equal(const char *a, const char *b);

/* "name-2": the alias of one more peer with that name, which passed name_check; so does the result.
 * The name is cut at the end of a character where the suffix needs the room. The caller frees it.
 */
char *name_with_suffix(const char *name, uint32_t number);

#endif
