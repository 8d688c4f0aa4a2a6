/* A command line in one text: its words are never longer than it, and, quoted, they are split into
 * the same words again. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "ctl/words.h"

static void quote(struct bytes *out, const char *word)
{
    bytes_text(out, bytes_length(out) > 0 ? " '" : "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            bytes_text(out, "'\\''");
        else
            bytes_u8(out, (uint8_t)*word);
    }
    bytes_text(out, "'");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xcalloc(size + 1, 1), **words, **again;
    struct bytes quoted = BYTES_EMPTY;
    size_t count, again_count, length = 0;
    const char *why = NULL;

    if (size > 0)
        memcpy(text, data, size);
    if (words_split(text, &words, &count, &why) != OK) {
        must(why != NULL);
        free(text);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        length += strlen(words[i]) + 1;
        quote(&quoted, words[i]);
    }
    must(words[count] == NULL && length <= size + 1);
    bytes_u8(&quoted, '\0');
    must(words_split((const char *)bytes_data(&quoted), &again, &again_count, &why) == OK);
    must(again_count == count);
    for (size_t i = 0; i < count; i++)
        must(strcmp(words[i], again[i]) == 0);
    bytes_done(&quoted);
    free(words);
    free(again);
    free(text);
    return 0;
}
