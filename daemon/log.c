#include "daemon/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/journal_stream.h"
#include "daemon/journal.h"
#include "daemon/limits.h"

static enum log_level level_max = LEVEL_INFO;

void log_set_level(enum log_level level)
{
    level_max = level;
}

/* --- Where to --- */

/* NO_COLOR: https://no-color.org. */
static const char *colour_terminal(void)
{
    const char *no_colour = getenv("NO_COLOR");

    return no_colour != NULL && no_colour[0] != '\0' ? NULL : getenv("TERM");
}

enum log_manner log_manner_of(int descriptor, const char *journal_stream, const char *terminal)
{
    if (journal_stream_is(descriptor, journal_stream))
        return LOG_MANNER_JOURNAL;
    if (!isatty(descriptor))
        return LOG_MANNER_PLAIN;
    return terminal == NULL || strcmp(terminal, "dumb") == 0 ? LOG_MANNER_TERMINAL
                                                             : LOG_MANNER_COLOUR;
}

/* --- Writing --- */

/* Lines that nobody took, since the last that somebody did. */
static uint64_t lost;

static enum journal_answer send_entry(const struct log_entry *entry)
{
    struct bytes fields = BYTES_EMPTY;
    enum journal_answer answer;

    log_entry_journal(&fields, entry);
    answer = journal_send(&fields);
    bytes_done(&fields);
    return answer;
}

/* Where lines go. To a terminal by a descriptor of our own, if it can be had, which does not wait:
 * one may take a line in part, and that of standard error is shared with whoever started us. */
static int descriptor_for(enum log_manner manner)
{
    static int terminal = -1;

    if (manner != LOG_MANNER_TERMINAL && manner != LOG_MANNER_COLOUR)
        return STDERR_FILENO;
    if (terminal < 0)
        terminal = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return terminal >= 0 ? terminal : STDERR_FILENO;
}

/* Whether there was room for it: a pipe that nobody reads, a terminal that is stopped, a full disk
 * have none. Where there is room for a part, the line ends there. */
static bool write_line(enum log_manner manner, const struct log_entry *entry)
{
    static bool is_cut; /* the last line has no end */
    struct pollfd room = {.fd = descriptor_for(manner), .events = POLLOUT};
    struct bytes line = BYTES_EMPTY;
    struct timespec now;
    ssize_t written = -1;

    clock_gettime(CLOCK_REALTIME, &now);
    bytes_text(&line, is_cut ? "\n" : "");
    log_entry_line(&line, manner, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, entry);
    /* In one piece, so that lines of several writers do not mix. */
    if (poll(&room, 1, 0) > 0)
        written = write(room.fd, bytes_data(&line), bytes_length(&line));
    if (written >= 0)
        is_cut = (size_t)written < bytes_length(&line);
    bytes_done(&line);
    return written >= 0;
}

static bool offer(const struct log_entry *entry)
{
    enum log_manner manner =
        log_manner_of(STDERR_FILENO, getenv("JOURNAL_STREAM"), colour_terminal());

    if (manner == LOG_MANNER_JOURNAL) {
        switch (send_entry(entry)) {
        case JOURNAL_TOOK:
            return true;
        case JOURNAL_BUSY:
            return false;
        case JOURNAL_ABSENT:
            manner = LOG_MANNER_PREFIXED;
        }
    }
    return write_line(manner, entry);
}

/* Waits for a millisecond, if there is one left of this second's. */
static bool wait_a_moment(void)
{
    static time_t second;
    static unsigned waited_ms;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec != second)
        waited_ms = 0;
    second = now.tv_sec;
    if (waited_ms == LOG_PATIENCE_MS)
        return false;
    waited_ms++;
    poll(NULL, 0, 1);
    return true;
}

void log_look_again(void)
{
    static const char text[] = "lines before this one were lost, as nobody took them";
    const struct log_code_row *row = log_code(LOG_LINES_LOST);

    if (lost > 0 && offer(&(const struct log_entry){.level = row->level,
                                                    .code = row->name,
                                                    .message_id = row->message_id,
                                                    .fields.count = lost,
                                                    .text = text,
                                                    .length = strlen(text)}))
        lost = 0;
}

/* A log that cannot be written costs lines, and not conversations. */
static void write_entry(const struct log_entry *entry)
{
    bool is_taken;

    log_look_again();
    is_taken = lost == 0 && offer(entry);
    while (!is_taken && lost == 0 && wait_a_moment())
        is_taken = offer(entry);
    if (!is_taken)
        lost++;
}

void log_flush(void)
{
    const bool was_lost = lost > 0;

    journal_flush();
    log_look_again();
    if (was_lost && lost == 0)
        journal_flush();
}

static void write_formatted(struct log_entry *entry, const char *format, va_list args)
{
    char text[LOG_LINE_MAX];
    int length = vsnprintf(text, sizeof(text), format, args);

    must(length >= 0);
    entry->text = text;
    entry->length = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    write_entry(entry);
}

void log_coded(enum log_code code, const struct log_fields *fields, const char *format, ...)
{
    static const struct log_fields none;
    const struct log_code_row *row = log_code(code);
    struct log_entry entry = {.level = row->level,
                              .code = row->name,
                              .message_id = row->message_id,
                              .fields = fields != NULL ? *fields : none};
    va_list args;

    if (row->level > level_max)
        return;
    va_start(args, format);
    write_formatted(&entry, format, args);
    va_end(args);
}

void log_coded_lines(enum log_code code, const struct log_fields *fields, const struct bytes *text)
{
    const char *line = (const char *)bytes_data(text);
    const char *end = line + bytes_length(text), *next;

    for (; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL)
            next = end;
        log_coded(code, fields, "%.*s", (int)(next - line), line);
    }
}

void log_note(const struct action *note)
{
    struct bytes text = BYTES_EMPTY;
    const struct log_entry entry = log_entry_of_note(note, &text);

    if (entry.level <= level_max)
        write_entry(&entry);
    bytes_done(&text);
}
