#include "daemon/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/link/identity.h"
#include "daemon/limits.h"

static const char *const level_names[] = {
    [LEVEL_ERROR] = "error", [LEVEL_WARNING] = "warning", [LEVEL_NOTICE] = "notice",
    [LEVEL_INFO] = "info",   [LEVEL_DEBUG] = "debug",
};

static enum log_level level_max = LEVEL_INFO;

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

void log_set_level(enum log_level level)
{
    level_max = level;
}

enum log_manner log_manner_of(int descriptor, const char *journal_stream)
{
    unsigned long long device, inode;
    struct stat st;
    char rest;

    if (journal_stream == NULL ||
        sscanf(journal_stream, "%llu:%llu%c", &device, &inode, &rest) != 2)
        return LOG_MANNER_PLAIN;
    if (fstat(descriptor, &st) < 0 || st.st_dev != device || st.st_ino != inode)
        return LOG_MANNER_PLAIN;
    return LOG_MANNER_JOURNAL;
}

static void append_time(struct bytes *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    char text[64], with_ms[80];
    struct tm local;

    if (localtime_r(&seconds, &local) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) == 0)
        return;
    snprintf(with_ms, sizeof(with_ms), "%s.%03d ", text, (int)(unix_ms % 1000));
    bytes_text(out, with_ms);
}

void log_compose(struct bytes *out, enum log_manner manner, enum log_level level, int64_t unix_ms,
                 const char *text, size_t length)
{
    switch (manner) {
    case LOG_MANNER_JOURNAL: {
        /* syslog(3) counts from error = 3. */
        const char priority[] = {'<', (char)('3' + level), '>', '\0'};

        bytes_text(out, priority);
        break;
    }
    case LOG_MANNER_PLAIN:
        append_time(out, unix_ms);
        bytes_text(out, log_level_name(level));
        bytes_text(out, ": ");
        break;
    }
    text_append_safe(out, text, length);
    bytes_u8(out, '\n');
}

static void append_field(struct bytes *out, const char *name, const char *value)
{
    if (bytes_length(out) > 0)
        bytes_u8(out, ' ');
    bytes_text(out, name);
    bytes_u8(out, '=');
    bytes_text(out, value);
}

void log_compose_note(struct bytes *out, const struct action *note)
{
    char peer_id[PEER_ID_LENGTH + 1];

    must(note->kind == ACTION_NOTE);
    if (note->note.detail != NULL)
        bytes_text(out, note->note.detail);
    append_field(out, "code", note->note.code);
    if (note->note.key != NULL) {
        peer_id_encode(note->note.key, peer_id);
        append_field(out, "peer", peer_id);
    }
    if (note->note.address != NULL)
        append_field(out, "address", note->note.address);
    if (note->note.count > 0) {
        char count[24];

        snprintf(count, sizeof(count), "%" PRIu64, note->note.count);
        append_field(out, "count", count);
    }
}

static void write_line(enum log_level level, const char *text, size_t length)
{
    struct bytes line = BYTES_EMPTY;
    struct timespec now;
    ssize_t written;

    clock_gettime(CLOCK_REALTIME, &now);
    log_compose(&line, log_manner_of(STDERR_FILENO, getenv("JOURNAL_STREAM")), level,
                (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text, length);
    /* In one piece, so that lines of several writers do not mix. Nowhere to complain to. */
    written = write(STDERR_FILENO, bytes_data(&line), bytes_length(&line));
    (void)written;
    bytes_done(&line);
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;
    int length;

    if (level > level_max)
        return;
    va_start(args, format);
    length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    must(length >= 0);
    write_line(level, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

static enum log_level level_of(enum note_severity severity)
{
    switch (severity) {
    case NOTE_ERROR:
        return LEVEL_ERROR;
    case NOTE_WARNING:
        return LEVEL_WARNING;
    case NOTE_NOTICE:
        return LEVEL_NOTICE;
    case NOTE_INFO:
        return LEVEL_INFO;
    case NOTE_DEBUG:
        return LEVEL_DEBUG;
    }
    must(!"a severity");
    return LEVEL_ERROR;
}

void log_note(const struct action *note)
{
    enum log_level level = level_of(note->note.severity);
    struct bytes text = BYTES_EMPTY;

    if (level > level_max)
        return;
    log_compose_note(&text, note);
    write_line(level, (const char *)bytes_data(&text), bytes_length(&text));
    bytes_done(&text);
}
