/* The table of what the daemon's own log tells: log_code.def. */
#ifndef P2PCHAT_DAEMON_LOG_CODE_H
#define P2PCHAT_DAEMON_LOG_CODE_H

#include <stdbool.h>

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };

/* The name of a level ("warning"), and the level of a name; false when there is none. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

enum log_code {
#define LOG_CODE(NAME, name, LEVEL, message_id) LOG_##NAME,
#include "daemon/log_code.def"
    LOG_CODES
};

struct log_code_row {
    const char *name; /* "storage_full": stable, lower case */
    enum log_level level;
    const char *message_id; /* 32 hexadecimal digits; NULL: nobody acts on it */
};

const struct log_code_row *log_code(enum log_code code);

struct log_note_row {
    const char *name;
    const char *message_id; /* as above */
    const char *words;
};

/* The row of a code that the core notes. */
const struct log_note_row *log_note_row(const char *name);

#endif
