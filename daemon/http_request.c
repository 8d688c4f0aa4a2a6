#include "daemon/http_request.h"

#include <string.h>
#include <strings.h>

#include "common/address.h"

/* A part of the head; not ended by NUL. */
struct span {
    const char *at;
    size_t length;
};

static bool is(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool is_in_any_case(struct span span, const char *text)
{
    return span.length == strlen(text) && strncasecmp(span.at, text, span.length) == 0;
}

size_t http_head_length(const char *text, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        if (text[i] != '\n')
            continue;
        if (text[i - 1] == '\n' || (i >= 2 && text[i - 1] == '\r' && text[i - 2] == '\n'))
            return i + 1;
    }
    return 0;
}

/* Takes the next line off, without its end. */
static struct span take_line(struct span *rest)
{
    const char *end = memchr(rest->at, '\n', rest->length);
    struct span line = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->length};
    const size_t taken = end != NULL ? line.length + 1 : line.length;

    rest->at += taken;
    rest->length -= taken;
    if (line.length > 0 && line.at[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* Takes off what stands before a separator, and that; false when there is none. */
static bool take_until(struct span *rest, char separator, struct span *ret_part)
{
    const char *end = memchr(rest->at, separator, rest->length);

    if (end == NULL)
        return false;
    *ret_part = (struct span){rest->at, (size_t)(end - rest->at)};
    rest->at = end + 1;
    rest->length -= ret_part->length + 1;
    return true;
}

static struct span trim(struct span span)
{
    while (span.length > 0 && (*span.at == ' ' || *span.at == '\t'))
        span = (struct span){span.at + 1, span.length - 1};
    while (span.length > 0 && (span.at[span.length - 1] == ' ' || span.at[span.length - 1] == '\t'))
        span.length--;
    return span;
}

static bool has_controls(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        const unsigned char c = (unsigned char)line.at[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

/* --- Host --- */

static bool is_port(struct span text)
{
    if (text.length > 5)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return true;
}

static bool is_loopback(struct span host)
{
    char text[ADDRESS_HOST_MAX + 1];

    if (is_in_any_case(host, "localhost") || is(host, "[::1]"))
        return true;
    if (host.length >= sizeof(text) || memchr(host.at, ':', host.length) != NULL)
        return false;
    memcpy(text, host.at, host.length);
    text[host.length] = '\0';
    return host_is_loopback(text);
}

bool http_is_local(const char *value, size_t length)
{
    struct span host = {value, length}, port = {value, 0};

    if (memchr(value, '\0', length) != NULL)
        return false;
    for (size_t i = length; i > 0 && value[i - 1] != ']'; i--) {
        if (value[i - 1] != ':')
            continue;
        host.length = i - 1;
        port = (struct span){value + i, length - i};
        break;
    }
    return is_port(port) && is_loopback(host);
}

/* --- Fields --- */

struct fields {
    size_t hosts;
    bool is_local; /* the last of them is */
};

static bool read_field(struct span line, struct fields *fields)
{
    struct span name, value = line;

    if (has_controls(line) || !take_until(&value, ':', &name) || name.length == 0 ||
        memchr(name.at, ' ', name.length) != NULL || memchr(name.at, '\t', name.length) != NULL)
        return false;
    if (!is_in_any_case(name, "Host"))
        return true;
    value = trim(value);
    fields->hosts++;
    fields->is_local = http_is_local(value.at, value.length);
    return true;
}

static bool read_fields(struct span rest, struct fields *ret_fields)
{
    struct fields fields = {.hosts = 0};

    for (struct span line = take_line(&rest); line.length > 0; line = take_line(&rest))
        if (!read_field(line, &fields))
            return false;
    *ret_fields = fields;
    return true;
}

/* --- The request --- */

static bool is_version(struct span text)
{
    return text.length == strlen("HTTP/1.1") && memcmp(text.at, "HTTP/", 5) == 0 &&
           text.at[5] >= '0' && text.at[5] <= '9' && text.at[6] == '.' && text.at[7] >= '0' &&
           text.at[7] <= '9';
}

/* The query of a target means nothing here. */
static bool is_ours(struct span target)
{
    struct span path;

    return is(take_until(&target, '?', &path) ? path : target, "/metrics");
}

enum http_status http_judge(const char *head, size_t length, bool *ret_is_head)
{
    struct span rest = {head, length}, version = take_line(&rest), method, target;
    struct fields fields;

    if (has_controls(version) || !take_until(&version, ' ', &method) || method.length == 0 ||
        !take_until(&version, ' ', &target) || target.length == 0 || !is_version(version))
        return HTTP_BAD_REQUEST;
    if (version.at[5] != '1')
        return HTTP_VERSION_NOT_SUPPORTED;
    if (!read_fields(rest, &fields) || fields.hosts != 1)
        return HTTP_BAD_REQUEST;
    if (!fields.is_local)
        return HTTP_FORBIDDEN;
    if (!is(method, "GET") && !is(method, "HEAD"))
        return HTTP_METHOD_NOT_ALLOWED;
    if (!is_ours(target))
        return HTTP_NOT_FOUND;
    *ret_is_head = is(method, "HEAD");
    return HTTP_OK;
}
