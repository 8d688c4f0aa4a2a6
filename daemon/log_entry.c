#include "daemon/log_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/link/identity.h"
#include "daemon/journal.h"

/* --- Notes --- */

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

struct log_entry log_entry_of_note(const struct action *note, struct bytes *text)
{
    must(note->kind == ACTION_NOTE);

    const struct log_note_row *row = log_note_row(note->note.code);
    const char *why = note->note.detail != NULL ? note->note.detail : note->note.error;

    bytes_clear(text);
    bytes_text(text, row->words);
    if (why != NULL) {
        bytes_text(text, ": ");
        bytes_text(text, why);
    }
    return (struct log_entry){.level = level_of(note->note.severity),
                              .code = row->name,
                              .message_id = row->message_id,
                              .fields = {.key = note->note.key,
                                         .address = note->note.address,
                                         .link = note->note.link,
                                         .error = note->note.error,
                                         .count = note->note.count},
                              .text = (const char *)bytes_data(text),
                              .length = bytes_length(text)};
}

/* --- Fields --- */

enum { FIELDS_MAX = 9 };

struct field {
    const char *name;
    const char *value;             /* not safe yet */
    char made[PEER_ID_LENGTH + 1]; /* what `value` points to when it was no text */
};

struct field_list {
    struct field items[FIELDS_MAX];
    size_t count;
};

static void add_text(struct field_list *list, const char *name, const char *value)
{
    must(list->count < FIELDS_MAX);
    if (value == NULL)
        return;
    list->items[list->count].name = name;
    list->items[list->count++].value = value;
}

static void add_number(struct field_list *list, const char *name, uint64_t number)
{
    char *made = list->items[list->count].made;

    snprintf(made, sizeof(list->items[0].made), "%" PRIu64, number);
    add_text(list, name, made);
}

/* Those that there are, in the order in which they are written. */
static void list_fields(const struct log_entry *entry, struct field_list *ret_list)
{
    const struct log_fields *fields = &entry->fields;

    ret_list->count = 0;
    add_text(ret_list, "code", entry->code);
    if (fields->key != NULL) {
        char *made = ret_list->items[ret_list->count].made;

        peer_id_encode(fields->key, made);
        add_text(ret_list, "peer", made);
    }
    add_text(ret_list, "address", fields->address);
    if (fields->link != 0)
        add_number(ret_list, "link", fields->link);
    add_text(ret_list, "method", fields->method);
    add_text(ret_list, "error", fields->error);
    if (fields->count != 0)
        add_number(ret_list, "count", fields->count);
    if (fields->caller != NULL) {
        if (!fields->caller->is_outside)
            add_number(ret_list, "uid", fields->caller->user);
        add_number(ret_list, "pid", (uint64_t)fields->caller->process);
    }
}

/* For programs that look through lines. */
static void append_fields(struct bytes *out, const struct log_entry *entry)
{
    struct field_list list;

    list_fields(entry, &list);
    for (size_t i = 0; i < list.count; i++) {
        bytes_u8(out, ' ');
        bytes_text(out, list.items[i].name);
        bytes_u8(out, '=');
        text_append_safe(out, list.items[i].value, strlen(list.items[i].value));
    }
}

/* What the words do not say already. */
static bool is_news(const struct log_entry *entry, const struct field *field)
{
    if (strcmp(field->name, "peer") != 0 && strcmp(field->name, "address") != 0)
        return strcmp(field->name, "count") == 0;
    return memmem(entry->text, entry->length, field->value, strlen(field->value)) == NULL;
}

/* For people. */
static void append_aside(struct bytes *out, const struct log_entry *entry)
{
    const char *before = " (";
    struct field_list list;

    list_fields(entry, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (!is_news(entry, &list.items[i]))
            continue;
        bytes_text(out, before);
        bytes_text(out, list.items[i].name);
        bytes_u8(out, ' ');
        text_append_safe(out, list.items[i].value, strlen(list.items[i].value));
        before = ", ";
    }
    if (before[0] == ',')
        bytes_u8(out, ')');
}

/* --- Lines --- */

/* syslog(3) counts from error = 3. */
static char priority_of(enum log_level level)
{
    return (char)('3' + level);
}

/* To the second; nothing when the clock is beyond all calendars. */
static void append_time(struct bytes *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    char text[64];

    if (localtime_r(&seconds, &local) != NULL &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) > 0)
        bytes_text(out, text);
}

static void compose_plain(struct bytes *out, int64_t unix_ms, const struct log_entry *entry)
{
    char fraction[16];

    append_time(out, unix_ms);
    snprintf(fraction, sizeof(fraction), ".%03d ", (int)(unix_ms % 1000));
    bytes_text(out, fraction);
    bytes_text(out, log_level_name(entry->level));
    bytes_text(out, ": ");
    text_append_safe(out, entry->text, entry->length);
    append_fields(out, entry);
}

static void compose_prefixed(struct bytes *out, const struct log_entry *entry)
{
    const char priority[] = {'<', priority_of(entry->level), '>', '\0'};

    bytes_text(out, priority);
    text_append_safe(out, entry->text, entry->length);
    append_fields(out, entry);
}

/* SGR parameters, ECMA-48. */
static const char *const colours[] = {
    [LEVEL_ERROR] = "\x1b[1;31m", [LEVEL_WARNING] = "\x1b[1;33m",
    [LEVEL_NOTICE] = "\x1b[1m",   [LEVEL_INFO] = "",
    [LEVEL_DEBUG] = "\x1b[2m",
};

static void compose_terminal(struct bytes *out, int64_t unix_ms, const struct log_entry *entry,
                             bool in_colour)
{
    struct bytes aside = BYTES_EMPTY;

    append_time(out, unix_ms);
    bytes_u8(out, ' ');
    bytes_text(out, in_colour ? colours[entry->level] : "");
    bytes_text(out, log_level_name(entry->level));
    bytes_text(out, in_colour ? ":\x1b[0m " : ": ");
    text_append_safe(out, entry->text, entry->length);
    append_aside(&aside, entry);
    if (bytes_length(&aside) > 0) {
        bytes_text(out, in_colour ? "\x1b[2m" : "");
        bytes_append(out, bytes_data(&aside), bytes_length(&aside));
        bytes_text(out, in_colour ? "\x1b[0m" : "");
    }
    bytes_done(&aside);
}

void log_entry_line(struct bytes *out, enum log_manner manner, int64_t unix_ms,
                    const struct log_entry *entry)
{
    switch (manner) {
    case LOG_MANNER_PLAIN:
        compose_plain(out, unix_ms, entry);
        break;
    case LOG_MANNER_TERMINAL:
    case LOG_MANNER_COLOUR:
        compose_terminal(out, unix_ms, entry, manner == LOG_MANNER_COLOUR);
        break;
    case LOG_MANNER_PREFIXED:
        compose_prefixed(out, entry);
        break;
    case LOG_MANNER_JOURNAL:
        must(!"a line");
    }
    bytes_u8(out, '\n');
}

/* --- Entries --- */

static void add_field(struct bytes *out, const struct field *field)
{
    char name[32] = "P2PCHAT_";
    size_t length = strlen(name);

    must(length + strlen(field->name) < sizeof(name));
    for (const char *c = field->name; *c != '\0'; c++)
        name[length++] = (char)(*c - 'a' + 'A');
    journal_add(out, name, field->value, strlen(field->value));
}

void log_entry_journal(struct bytes *out, const struct log_entry *entry)
{
    const char priority = priority_of(entry->level);
    struct bytes message = BYTES_EMPTY;
    struct field_list list;

    bytes_append(&message, entry->text, entry->length);
    append_aside(&message, entry);
    journal_add(out, "MESSAGE", (const char *)bytes_data(&message), bytes_length(&message));
    bytes_done(&message);
    journal_add(out, "PRIORITY", &priority, 1);
    journal_add(out, "SYSLOG_IDENTIFIER", "p2pchatd", strlen("p2pchatd"));
    journal_add(out, "SYSLOG_FACILITY", "3", 1); /* LOG_DAEMON, as systemd says of our lines */
    if (entry->message_id != NULL)
        journal_add(out, "MESSAGE_ID", entry->message_id, strlen(entry->message_id));
    list_fields(entry, &list);
    for (size_t i = 0; i < list.count; i++)
        add_field(out, &list.items[i]);
}
