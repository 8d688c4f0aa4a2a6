#include "daemon/log_code.h"

#include <stddef.h>
#include <string.h>

#include "common/alloc.h"

static const char *const level_names[] = {
    [LEVEL_ERROR] = "error", [LEVEL_WARNING] = "warning", [LEVEL_NOTICE] = "notice",
    [LEVEL_INFO] = "info",   [LEVEL_DEBUG] = "debug",
};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

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
