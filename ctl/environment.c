#include "ctl/environment.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"

#define PREFIX "P2PCHAT_"

/* Linux takes no longer strings (MAX_ARG_STRLEN of execve(2)): with the name and the NUL. */
enum { VARIABLE_BYTES_MAX = 128 * 1024 };

struct list {
    char **strings; /* with room for all that may come */
    size_t count;
};

static bool is_ours(const char *variable)
{
    return strncmp(variable, PREFIX, strlen(PREFIX)) == 0;
}

/* PREFIX and the name in capitals, and "=". False when the name cannot be one. */
static bool write_name(struct bytes *variable, const char *name)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

    if (*name == '\0' || name[strspn(name, lower)] != '\0' || strcmp(name, "socket") == 0)
        return false;
    bytes_text(variable, PREFIX);
    for (; *name != '\0'; name++)
        bytes_u8(variable, (uint8_t)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name));
    bytes_text(variable, "=");
    return true;
}

static bool write_value(struct bytes *variable, const struct json *value)
{
    struct json_writer w;
    const char *text;
    size_t length;

    switch (json_type(value)) {
    case JSON_STRING:
        must(json_string(value, &text, &length));
        bytes_append(variable, text, length);
        return true;
    case JSON_NUMBER:
    case JSON_BOOL:
        json_write_init(&w, variable);
        json_write_value(&w, value);
        return true;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static void add_member(struct list *list, const struct json *member)
{
    struct bytes variable = BYTES_EMPTY;

    if (write_name(&variable, json_name(member)) && write_value(&variable, member) &&
        bytes_length(&variable) < VARIABLE_BYTES_MAX) {
        bytes_u8(&variable, '\0');
        list->strings[list->count++] = xstrdup((const char *)bytes_data(&variable));
    }
    bytes_done(&variable);
}

static void add_socket(struct list *list, const char *socket)
{
    struct bytes variable = BYTES_EMPTY;

    bytes_text(&variable, PREFIX "SOCKET=");
    bytes_text(&variable, socket);
    bytes_u8(&variable, '\0');
    list->strings[list->count++] = xstrdup((const char *)bytes_data(&variable));
    bytes_done(&variable);
}

char **environment_of(char *const *base, const char *socket, const struct json *event)
{
    struct list list = {.count = 0};
    size_t base_count = 0;

    while (base[base_count] != NULL)
        base_count++;
    list.strings = xcalloc(base_count + 1 + json_count(event) + 1, sizeof(*list.strings));
    for (size_t i = 0; i < base_count; i++) {
        if (!is_ours(base[i]))
            list.strings[list.count++] = xstrdup(base[i]);
    }
    add_socket(&list, socket);
    for (const struct json *m = json_first(event); m != NULL; m = json_next(m))
        add_member(&list, m);
    return list.strings;
}

void environment_free(char **environment)
{
    if (environment == NULL)
        return;
    for (char **each = environment; *each != NULL; each++)
        free(*each);
    free(environment);
}
