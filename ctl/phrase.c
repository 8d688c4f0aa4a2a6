#include "ctl/phrase.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/format.h"
#include "common/text.h"

static void add_number(struct bytes *out, double number)
{
    char text[32];

    snprintf(text, sizeof(text), "%.15g", number);
    bytes_text(out, text);
}

void phrase_begin(struct bytes *out, enum look look, enum style style)
{
    if (look == LOOK_PLAIN)
        return;
    switch (style) {
    case STYLE_NAME:
    case STYLE_HEAD:
        bytes_text(out, "\033[1m");
        break;
    case STYLE_DIM:
        bytes_text(out, "\033[2m");
        break;
    case STYLE_WARNING:
        bytes_text(out, "\033[1;31m");
        break;
    }
}

void phrase_end(struct bytes *out, enum look look)
{
    if (look == LOOK_COLOUR)
        bytes_text(out, "\033[0m");
}

void phrase_field(struct bytes *out, const struct json *object, const char *name)
{
    const struct json *value = json_member(object, name);
    const char *text;
    size_t length;
    double number;
    bool truth;

    if (json_string(value, &text, &length) && length > 0)
        text_append_safe(out, text, length);
    else if (json_number(value, &number))
        add_number(out, number);
    else if (json_bool(value, &truth))
        bytes_text(out, truth ? "yes" : "no");
    else
        bytes_text(out, "-");
}

void phrase_name(struct bytes *out, const struct json *object, const char *name)
{
    const char *text;
    size_t length;

    if (json_string(json_member(object, name), &text, &length) && length > 0)
        text_append_name(out, text, length);
    else
        phrase_field(out, object, name);
}

void phrase_shell_word(struct bytes *out, const struct json *object, const char *name)
{
    const char *text = "", *quote;
    size_t length;

    json_string(json_member(object, name), &text, &length);
    bytes_u8(out, '\'');
    for (; (quote = strchr(text, '\'')) != NULL; text = quote + 1) {
        text_append_safe(out, text, (size_t)(quote - text));
        bytes_text(out, "'\\''");
    }
    text_append_safe(out, text, strlen(text));
    bytes_u8(out, '\'');
}

bool phrase_is(const struct json *object, const char *name, const char *text)
{
    const char *value;
    size_t length;

    return json_string(json_member(object, name), &value, &length) && strcmp(value, text) == 0;
}

bool phrase_has(const struct json *object, const char *name)
{
    const struct json *value = json_member(object, name);
    const char *text;
    size_t length;
    double number;
    bool truth;

    if (json_string(value, &text, &length))
        return length > 0;
    if (json_number(value, &number))
        return number != 0;
    if (json_bool(value, &truth))
        return truth;
    return json_count(value) > 0;
}

int64_t phrase_number(const struct json *object, const char *name)
{
    int64_t number = 0;

    json_integer(json_member(object, name), &number);
    return number;
}

void phrase_peer(struct bytes *out, enum look look, const struct json *object, const char *name)
{
    phrase_begin(out, look, STYLE_NAME);
    phrase_name(out, object, phrase_has(object, name) ? name : "peer_id");
    phrase_end(out, look);
    if (!phrase_has(object, "classic"))
        return;
    bytes_text(out, " (");
    phrase_begin(out, look, STYLE_WARNING);
    bytes_text(out, "classic, insecure");
    phrase_end(out, look);
    bytes_text(out, ")");
}

enum { TAB_WIDTH = 4 }; /* a tab in a text is shown as so many blanks */

void phrase_text(struct bytes *out, const struct json *object, const char *name, size_t indent)
{
    const char *text, *end;
    size_t length;

    if (!json_string(json_member(object, name), &text, &length))
        return;
    for (; (end = strpbrk(text, "\n\t")) != NULL; text = end + 1) {
        text_append_safe(out, text, (size_t)(end - text));
        if (*end == '\n')
            bytes_u8(out, '\n');
        for (size_t i = 0; i < (*end == '\n' ? indent : TAB_WIDTH); i++)
            bytes_u8(out, ' ');
    }
    text_append_safe(out, text, strlen(text));
}

/* "2026-01-31T12:00:00.123Z" */
static bool read_time(const char *text, time_t *ret_time)
{
    struct tm utc = {.tm_isdst = 0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);

    if (rest == NULL)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "Z") != 0)
        return false;
    *ret_time = timegm(&utc);
    return true;
}

void phrase_time(struct bytes *out, const struct json *object, const char *name)
{
    const char *text;
    size_t length;
    struct tm local;
    char shown[64];
    time_t time;

    if (!json_string(json_member(object, name), &text, &length) || !read_time(text, &time)) {
        phrase_field(out, object, name);
        return;
    }
    tzset();
    if (localtime_r(&time, &local) != NULL &&
        strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S", &local) > 0)
        bytes_text(out, shown);
}

void phrase_duration(struct bytes *out, const struct json *object, const char *name)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{" d", 86400}, {" h", 3600}, {" min", 60}, {" s", 1}};
    double exact = 0;
    int64_t left;
    unsigned shown = 0;

    if (!json_number(json_member(object, name), &exact) || exact < 0 || exact > 1e12) {
        phrase_field(out, object, name);
        return;
    }
    left = (int64_t)exact;
    for (unsigned i = 0; i < 4 && shown < 2; i++) {
        if (left < units[i].seconds && !(i == 3 && shown == 0))
            continue;
        if (shown++ > 0)
            bytes_u8(out, ' ');
        add_number(out, (double)(left / units[i].seconds));
        bytes_text(out, units[i].name);
        left %= units[i].seconds;
    }
}

void phrase_size(struct bytes *out, const struct json *object, const char *name)
{
    char text[FORMAT_SIZE_MAX];
    double size;

    if (json_number(json_member(object, name), &size))
        bytes_text(out, format_size(size, text));
    else
        phrase_field(out, object, name);
}
