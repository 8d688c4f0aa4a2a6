#include "daemon/log_code.h"

#include <stddef.h>
#include <string.h>

#include "common/alloc.h"

static const struct log_code_row codes[] = {
#define LOG_CODE(NAME, name, LEVEL, message_id) [LOG_##NAME] = {name, LEVEL_##LEVEL, message_id},
#include "daemon/log_code.def"
};

static const struct log_note_row notes[] = {
#define LOG_NOTE(name, message_id, words) {name, message_id, words},
#include "daemon/log_code.def"
};

const struct log_code_row *log_code(enum log_code code)
{
    must(code < LOG_CODES);
    return &codes[code];
}

const struct log_note_row *log_note_row(const char *name)
{
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (strcmp(notes[i].name, name) == 0)
            return &notes[i];
    }
    must(!"a code of the table");
}
