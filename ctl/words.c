#include "ctl/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static const char blanks[] = " \t\n";

struct split {
    const char *at; /* in the text */
    char *to;       /* behind what was taken of the words */
};

/* What stands between two quotes; at the first. False when there is no second. */
static bool take_quoted(struct split *split)
{
    const char quote = *split->at++;

    while (*split->at != quote) {
        if (*split->at == '\0')
            return false;
        if (quote == '"' && *split->at == '\\' && (split->at[1] == '"' || split->at[1] == '\\'))
            split->at++;
        *split->to++ = *split->at++;
    }
    split->at++;
    return true;
}

/* One word, with its NUL. False, and `why` says why, when it has no end. */
static bool take_word(struct split *split, const char **why)
{
    while (*split->at != '\0' && strchr(blanks, *split->at) == NULL) {
        if (*split->at == '\'' || *split->at == '"') {
            if (!take_quoted(split)) {
                *why = "a quote is not closed";
                return false;
            }
            continue;
        }
        if (*split->at == '\\' && *++split->at == '\0') {
            *why = "nothing follows the last backslash";
            return false;
        }
        *split->to++ = *split->at++;
    }
    *split->to++ = '\0';
    return true;
}

enum error words_split(const char *text, char ***ret_words, size_t *ret_count, const char **ret_why)
{
    /* A word takes at least one character and, but for the last one, a blank; unquoted it is no
     * longer than it was, and its NUL stands where the blank stood. */
    size_t length = strlen(text), words_max = length / 2 + 1, count = 0;
    char **words = xmalloc((words_max + 1) * sizeof(*words) + length + 1);
    struct split split = {text, (char *)(words + words_max + 1)};
    const char *why = NULL;

    for (;;) {
        split.at += strspn(split.at, blanks);
        if (*split.at == '\0')
            break;
        words[count++] = split.to;
        if (!take_word(&split, &why)) {
            free(words);
            *ret_why = why;
            return ERR_MALFORMED;
        }
    }
    words[count] = NULL;
    *ret_words = words;
    *ret_count = count;
    return OK;
}
