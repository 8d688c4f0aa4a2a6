#include "daemon/core/link/classic.h"

#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/name.h"

/* Values in one object: a list of as many peers as CLASSIC_READ_MAX holds, each of at least 12
 * characters and three values, and what stands around it. */
enum { VALUES_MAX = CLASSIC_READ_MAX / 12 * 3 + 16 };

static const char *const type_names[] = {
    [CLASSIC_REGISTER] = "REGISTER",
    [CLASSIC_REGISTER_SUCCESS] = "REGISTER_SUCCESS",
    [CLASSIC_REGISTER_ERROR] = "REGISTER_ERROR",
    [CLASSIC_LISTPEER] = "LISTPEER",
    [CLASSIC_PEERLIST] = "LISTPEER",
    [CLASSIC_EXIT_NETWORK] = "EXIT_NETWORK",
    [CLASSIC_CHAT_REQUEST] = "CHAT_REQUEST",
    [CLASSIC_CHAT_ACCEPT] = "CHAT_ACCEPT",
    [CLASSIC_CHAT_REFUSE] = "CHAT_REFUSE",
    [CLASSIC_CHAT_MESSAGE] = "CHAT_MESSAGE",
    [CLASSIC_DISCONNECT] = "DISCONNECT",
    [CLASSIC_FILE_TRANSFER] = "FILE_TRANSFER",
};
#define TYPE_COUNT (sizeof(type_names) / sizeof(type_names[0]))

/* What a later version of the original calls a CHAT_REQUEST. */
static const char request_name[] = "REQUEST";

static const char peerlist_name[] = "peerlist";

const char *classic_type_name(enum classic_type type)
{
    must(type < TYPE_COUNT);
    return type_names[type];
}

/* --- Fields --- */

static bool take_string(const struct json *data, const char *member, const char **ret_text,
                        size_t *ret_length)
{
    return json_string(json_member(data, member), ret_text, ret_length);
}

static bool take_name(const struct json *data, char ret_name[ADDRESS_NAME_MAX + 1])
{
    const char *name;
    size_t length;

    if (!take_string(data, "peername", &name, &length) || name_check(name) != OK)
        return false;
    memcpy(ret_name, name, length + 1);
    return true;
}

/* A number, or its decimal digits: programs send either. */
static bool read_port(const struct json *value, uint16_t *ret_port)
{
    enum { DIGITS_MAX = 5 };
    const char *text;
    size_t length;
    int64_t port = 0;

    if (json_string(value, &text, &length)) {
        if (length == 0 || length > DIGITS_MAX || strspn(text, "0123456789") != length)
            return false;
        for (; *text != '\0'; text++)
            port = port * 10 + (*text - '0');
    } else if (!json_integer(value, &port)) {
        return false;
    }
    if (port < 1 || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool read_at(const struct json *host, const struct json *port, struct host_port *ret_at)
{
    struct host_port at;
    const char *text;
    size_t length;

    if (!json_string(host, &text, &length) || !host_normalize(text, at.host) ||
        !read_port(port, &at.port))
        return false;
    *ret_at = at;
    return true;
}

static bool take_at(const struct json *data, struct host_port *ret_at)
{
    return read_at(json_member(data, "host"), json_member(data, "port"), ret_at);
}

/* Who wants to register under what is no name of ours is answered, and so is only read. */
static bool take_register(const struct json *data, struct classic_object *object)
{
    const char *name;
    size_t length;

    if (!take_string(data, "peername", &name, &length))
        return false;
    if (!take_name(data, object->name))
        object->name[0] = '\0';
    return take_at(data, &object->at);
}

static bool take_text(const struct json *data, struct classic_object *object)
{
    return take_string(data, "message", &object->text, &object->text_length) &&
           object->text_length > 0 && text_is_message(object->text, object->text_length);
}

static bool take_peerlist(const struct json *data)
{
    const struct json *list = json_member(data, peerlist_name);

    return list != NULL && json_type(list) == JSON_OBJECT;
}

static bool take_fields(const struct json *data, struct classic_object *object)
{
    switch (object->type) {
    case CLASSIC_REGISTER:
        return take_register(data, object);
    case CLASSIC_CHAT_REQUEST:
    case CLASSIC_CHAT_ACCEPT:
        return take_name(data, object->name) && take_at(data, &object->at);
    case CLASSIC_LISTPEER:
    case CLASSIC_EXIT_NETWORK:
    case CLASSIC_DISCONNECT:
        return take_name(data, object->name);
    case CLASSIC_CHAT_MESSAGE:
        return take_name(data, object->name) && take_text(data, object);
    case CLASSIC_PEERLIST:
        return take_peerlist(data);
    case CLASSIC_REGISTER_SUCCESS:
    case CLASSIC_REGISTER_ERROR:
    case CLASSIC_CHAT_REFUSE:
    case CLASSIC_FILE_TRANSFER:
        return true;
    }
    must(!"a type");
}

/* --- Objects --- */

static bool find_type(const char *name, const struct json *data, enum classic_type *ret_type)
{
    if (strcmp(name, request_name) == 0) {
        *ret_type = CLASSIC_CHAT_REQUEST;
        return true;
    }
    for (enum classic_type type = 0; type < TYPE_COUNT; type++) {
        if (strcmp(type_names[type], name) == 0) {
            bool is_answer = type == CLASSIC_LISTPEER && json_member(data, peerlist_name) != NULL;

            *ret_type = is_answer ? CLASSIC_PEERLIST : type;
            return true;
        }
    }
    return false;
}

static enum classic_outcome decode_root(const struct json *root, struct classic_object *object)
{
    const struct json *data = json_member(root, "msgdata");
    const char *name;
    size_t length;

    if (!take_string(root, "msgtype", &name, &length) || data == NULL ||
        json_type(data) != JSON_OBJECT)
        return CLASSIC_MALFORMED;
    if (!find_type(name, data, &object->type))
        return CLASSIC_UNKNOWN;
    return take_fields(data, object) ? CLASSIC_OBJECT : CLASSIC_MALFORMED;
}

static enum classic_outcome decode(const struct bytes *bytes, struct classic_object *ret_object)
{
    struct classic_object object = {0};
    enum classic_outcome outcome;

    if (json_parse_small((const char *)bytes_data(bytes), bytes_length(bytes), VALUES_MAX,
                         &object.root) != OK)
        return CLASSIC_MALFORMED;
    outcome = decode_root(object.root, &object);
    if (outcome == CLASSIC_OBJECT)
        *ret_object = object;
    else
        classic_object_done(&object);
    return outcome;
}

void classic_object_done(struct classic_object *object)
{
    json_free(object->root);
    *object = (struct classic_object){0};
}

bool classic_object_next_peer(const struct classic_object *object, const struct json **place,
                              struct classic_peer *ret_peer)
{
    const struct json *list = json_member(json_member(object->root, "msgdata"), peerlist_name);

    must(object->type == CLASSIC_PEERLIST);
    for (;;) {
        const struct json *host, *port;
        struct classic_peer peer;

        *place = *place == NULL ? json_first(list) : json_next(*place);
        if (*place == NULL)
            return false;
        host = json_type(*place) == JSON_ARRAY ? json_first(*place) : NULL;
        port = host != NULL ? json_next(host) : NULL;
        peer.name = json_name(*place);
        if (port != NULL && json_next(port) == NULL && name_check(peer.name) == OK &&
            read_at(host, port, &peer.at)) {
            *ret_peer = peer;
            return true;
        }
    }
}

/* --- The bytes of a connection --- */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static void scan_string_byte(struct classic_reader *r, uint8_t byte)
{
    if (r->is_escaped)
        r->is_escaped = false;
    else if (byte == '\\')
        r->is_escaped = true;
    else if (byte == '"')
        r->in_string = false;
}

/* What one byte does to the count of brackets; only the parser judges the rest. CLASSIC_OBJECT at
 * the last bracket. */
static enum classic_outcome scan_byte(struct classic_reader *r, uint8_t byte)
{
    if (r->in_string) {
        scan_string_byte(r, byte);
        return CLASSIC_MORE;
    }
    if (r->depth == 0 && byte != '{') /* before the object */
        return is_space(byte) ? CLASSIC_MORE : CLASSIC_MALFORMED;
    if (byte == '"')
        r->in_string = true;
    else if (byte == '{' || byte == '[')
        r->depth++;
    else if (byte == '}' || byte == ']')
        r->depth--;
    if (r->depth > JSON_DEPTH_MAX)
        return CLASSIC_MALFORMED;
    return r->depth == 0 ? CLASSIC_OBJECT : CLASSIC_MORE;
}

static enum classic_outcome scan(struct classic_reader *r)
{
    const uint8_t *bytes = bytes_data(&r->bytes);
    size_t length = bytes_length(&r->bytes);
    enum classic_outcome outcome = CLASSIC_MORE;

    while (r->scanned < length && outcome == CLASSIC_MORE)
        outcome = scan_byte(r, bytes[r->scanned++]);
    return outcome;
}

enum classic_outcome classic_reader_take(struct classic_reader *r, const void *bytes, size_t length,
                                         struct classic_object *ret_object)
{
    size_t room = CLASSIC_READ_MAX - bytes_length(&r->bytes);
    enum classic_outcome outcome;

    must(!r->is_ended);
    bytes_append(&r->bytes, bytes, length < room ? length : room);
    outcome = scan(r);
    if (outcome == CLASSIC_MORE && length >= room)
        outcome = CLASSIC_TOO_LONG;
    else if (outcome == CLASSIC_OBJECT)
        /* The parser refuses whatever stands behind, unless it is beyond the room. */
        outcome = length > room ? CLASSIC_MALFORMED : decode(&r->bytes, ret_object);
    r->is_ended = outcome != CLASSIC_MORE;
    return outcome;
}

bool classic_reader_has_begun(const struct classic_reader *r)
{
    return r->depth > 0;
}

void classic_reader_done(struct classic_reader *r)
{
    bytes_done(&r->bytes);
    *r = (struct classic_reader){0};
}

/* --- Writing --- */

static void open_object(struct json_writer *w, struct bytes *out, enum classic_type type)
{
    json_write_init(w, out);
    json_write_open(w, '{');
    json_put_string(w, "msgtype", classic_type_name(type));
    json_write_name(w, "msgdata");
    json_write_open(w, '{');
}

static void close_object(struct json_writer *w, size_t start)
{
    json_write_close(w, '}');
    json_write_close(w, '}');
    must(bytes_length(w->out) - start <= CLASSIC_OBJECT_MAX);
}

void classic_write(struct bytes *out, enum classic_type type)
{
    size_t start = bytes_length(out);
    struct json_writer w;

    must(type == CLASSIC_REGISTER_SUCCESS || type == CLASSIC_REGISTER_ERROR ||
         type == CLASSIC_CHAT_REFUSE);
    open_object(&w, out, type);
    close_object(&w, start);
}

void classic_write_name(struct bytes *out, enum classic_type type, const char *name)
{
    size_t start = bytes_length(out);
    struct json_writer w;

    must(type == CLASSIC_LISTPEER || type == CLASSIC_EXIT_NETWORK || type == CLASSIC_DISCONNECT);
    open_object(&w, out, type);
    json_put_string(&w, "peername", name);
    close_object(&w, start);
}

void classic_write_at(struct bytes *out, enum classic_type type, const char *name,
                      const struct host_port *at)
{
    size_t start = bytes_length(out);
    struct json_writer w;

    must(type == CLASSIC_REGISTER || type == CLASSIC_CHAT_REQUEST || type == CLASSIC_CHAT_ACCEPT);
    open_object(&w, out, type);
    json_put_string(&w, "peername", name);
    json_put_string(&w, "host", at->host);
    json_put_integer(&w, "port", at->port);
    close_object(&w, start);
}

static void put_message(struct bytes *out, const char *name, const char *text, size_t length)
{
    struct json_writer w;

    open_object(&w, out, CLASSIC_CHAT_MESSAGE);
    json_put_string(&w, "peername", name);
    json_write_name(&w, "message");
    json_write_string_n(&w, text, length);
    json_write_close(&w, '}');
    json_write_close(&w, '}');
}

/* What the writer makes of one character. */
static size_t written_length(struct bytes *scratch, const char *character, size_t length)
{
    struct json_writer w;

    bytes_clear(scratch);
    json_write_init(&w, scratch);
    json_write_string_n(&w, character, length);
    return bytes_length(scratch) - strlen("\"\"");
}

size_t classic_message_fit(const char *name, const char *text, size_t length)
{
    struct bytes scratch = BYTES_EMPTY;
    size_t at = 0, written;

    put_message(&scratch, name, "", 0);
    written = bytes_length(&scratch);
    while (at < length) {
        uint32_t code;
        size_t size = text_decode(text + at, length - at, &code);

        must(size > 0);
        written += written_length(&scratch, text + at, size);
        if (written > CLASSIC_OBJECT_MAX)
            break;
        at += size;
    }
    bytes_done(&scratch);
    return at;
}

void classic_write_message(struct bytes *out, const char *name, const char *text, size_t length)
{
    size_t start = bytes_length(out);

    put_message(out, name, text, length);
    must(bytes_length(out) - start <= CLASSIC_OBJECT_MAX);
}

/* --- Lists --- */

static const char list_head[] = "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{";
static const char list_tail[] = "}}}";

void classic_list_begin(struct classic_list *list, struct bytes *out)
{
    *list = (struct classic_list){.out = out, .start = bytes_length(out), .is_empty = true};
    bytes_text(out, list_head);
}

/* "alice":["192.0.2.1",40000] */
static void put_peer(struct bytes *out, const char *name, const struct host_port *at)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_string(&w, name);
    bytes_u8(out, ':');
    json_write_init(&w, out);
    json_write_open(&w, '[');
    json_write_string(&w, at->host);
    json_write_integer(&w, at->port);
    json_write_close(&w, ']');
}

bool classic_list_add(struct classic_list *list, const char *name, const struct host_port *at)
{
    struct bytes peer = BYTES_EMPTY;
    bool fits;

    if (!list->is_empty)
        bytes_u8(&peer, ',');
    put_peer(&peer, name, at);
    fits = bytes_length(list->out) - list->start + bytes_length(&peer) + strlen(list_tail) <=
           CLASSIC_OBJECT_MAX;
    if (fits) {
        bytes_append(list->out, bytes_data(&peer), bytes_length(&peer));
        list->is_empty = false;
    }
    bytes_done(&peer);
    return fits;
}

void classic_list_end(struct classic_list *list)
{
    bytes_text(list->out, list_tail);
    must(bytes_length(list->out) - list->start <= CLASSIC_OBJECT_MAX);
}
