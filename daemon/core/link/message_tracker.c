#include "daemon/core/link/message_tracker.h"

#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/link/message.h"
#include "daemon/core/link/msgdata.h"

/* --- Registration --- */

static void put_record(struct json_writer *w, const uint8_t *record, size_t length)
{
    json_write_name(w, "record");
    msgdata_write_record(w, record, length);
}

void message_register_encode(struct bytes *out, const uint8_t *record, size_t length)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    put_record(&w, record, length);
    json_write_close(&w, '}');
}

enum error message_register_decode(const struct json *data,
                                   uint8_t ret_record[PEER_RECORD_BYTES_MAX], size_t *ret_length)
{
    return msgdata_take_record(json_member(data, "record"), ret_record, ret_length) ? OK
                                                                                    : ERR_MALFORMED;
}

void message_registered_encode(struct bytes *out, const struct message_registered *m)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_string(&w, "name", m->name);
    json_put_string(&w, "seen", m->seen);
    json_put_integer(&w, "lifetime_s", m->lifetime_s);
    json_write_close(&w, '}');
}

enum error message_registered_decode(const struct json *data, struct message_registered *ret_m)
{
    struct message_registered m;
    size_t seen_length;
    int64_t lifetime_s;

    if (!msgdata_take_name(data, "name", &m.name) ||
        !json_string(json_member(data, "seen"), &m.seen, &seen_length) ||
        seen_length > ADDRESS_HOST_MAX || !host_is_literal(m.seen) ||
        !msgdata_take_integer(data, "lifetime_s", 1, PEER_RECORD_LIFETIME_S_MAX, &lifetime_s))
        return ERR_MALFORMED;
    m.lifetime_s = (uint32_t)lifetime_s;
    *ret_m = m;
    return OK;
}

static const char *const refusals[] = {
    [REGISTER_NAME_TAKEN] = "name_taken",
    [REGISTER_BAD_RECORD] = "bad_record",
    [REGISTER_OUTDATED] = "outdated",
    [REGISTER_LIMIT_EXCEEDED] = "limit_exceeded",
    [REGISTER_STORAGE_FAILED] = "storage_failed",
    [REGISTER_OTHERWISE] = "failed",
};

const char *register_refusal_name(enum register_refusal why)
{
    must(why <= REGISTER_OTHERWISE);
    return refusals[why];
}

void message_refused_encode(struct bytes *out, const struct message_refused *m)
{
    struct json_writer w;

    must(m->why < REGISTER_OTHERWISE && (!m->has_record || m->why == REGISTER_OUTDATED));
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_string(&w, "error", refusals[m->why]);
    if (m->has_record)
        put_record(&w, m->record, m->record_length);
    json_write_close(&w, '}');
}

static enum register_refusal refusal_of(const char *word)
{
    enum register_refusal why = 0;

    while (why < REGISTER_OTHERWISE && strcmp(refusals[why], word) != 0)
        why++;
    return why;
}

enum error message_refused_decode(const struct json *data, struct message_refused *ret_m)
{
    struct message_refused m = {.has_record = false};
    const char *word;
    size_t length;

    if (!json_string(json_member(data, "error"), &word, &length))
        return ERR_MALFORMED;
    m.why = refusal_of(word);
    if (m.why == REGISTER_OUTDATED && json_member(data, "record") != NULL) {
        if (!msgdata_take_record(json_member(data, "record"), m.record, &m.record_length))
            return ERR_MALFORMED;
        m.has_record = true;
    }
    *ret_m = m;
    return OK;
}

/* --- Questions --- */

static const char *const asked_by[] = {
    [ASKS_NAME] = "name",
    [ASKS_PEER_ID] = "peer_id",
    [ASKS_PREFIX] = "prefix",
    [ASKS_ADDRESS] = "address",
};
enum { ASKS_COUNT = sizeof(asked_by) / sizeof(asked_by[0]) };

void message_listpeer_encode(struct bytes *out, const struct message_listpeer *m)
{
    char id[PEER_ID_LENGTH + 1];
    struct json_writer w;

    must(m->limit >= 1 && m->limit <= MESSAGE_PAGE_MAX);
    if (m->asks == ASKS_PEER_ID)
        peer_id_encode(m->key.bytes, id);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_integer(&w, "query", (int64_t)m->query);
    json_put_string(&w, asked_by[m->asks], m->asks == ASKS_PEER_ID ? id : m->text);
    if (m->after != NULL)
        json_put_string(&w, "after", m->after);
    json_put_integer(&w, "limit", m->limit);
    json_write_close(&w, '}');
}

/* Exactly one of the members says what is asked. */
static bool take_asks(const struct json *data, enum message_asks *ret_asks)
{
    enum message_asks asks = 0;
    size_t count = 0;

    for (size_t i = 0; i < ASKS_COUNT; i++) {
        if (json_member(data, asked_by[i]) == NULL)
            continue;
        asks = (enum message_asks)i;
        count++;
    }
    if (count != 1)
        return false;
    *ret_asks = asks;
    return true;
}

/* The beginning of a name: any character that a message may have, as it may end inside of what
 * belongs together. */
static bool take_prefix(const struct json *data, const char **ret_prefix)
{
    const char *prefix;
    size_t length;

    if (!json_string(json_member(data, asked_by[ASKS_PREFIX]), &prefix, &length) ||
        length > ADDRESS_NAME_MAX || !text_is_message(prefix, length))
        return false;
    *ret_prefix = prefix;
    return true;
}

static bool take_peer_id(const struct json *data, struct peer_key *ret_key)
{
    const char *id;
    size_t length;

    return json_string(json_member(data, asked_by[ASKS_PEER_ID]), &id, &length) &&
           peer_id_decode(id, length, ret_key) == OK;
}

static bool take_address(const struct json *data, const char **ret_address)
{
    const char *address;
    struct host_port at;
    size_t length;

    if (!json_string(json_member(data, asked_by[ASKS_ADDRESS]), &address, &length) ||
        strlen(address) != length || host_port_parse(address, PORT_ZERO_REFUSED, &at) != OK)
        return false;
    *ret_address = address;
    return true;
}

static bool take_what_is_asked(const struct json *data, struct message_listpeer *m)
{
    if (!take_asks(data, &m->asks))
        return false;
    switch (m->asks) {
    case ASKS_NAME:
        return msgdata_take_name(data, asked_by[ASKS_NAME], &m->text);
    case ASKS_PEER_ID:
        return take_peer_id(data, &m->key);
    case ASKS_PREFIX:
        return take_prefix(data, &m->text);
    case ASKS_ADDRESS:
        return take_address(data, &m->text);
    }
    return false;
}

enum error message_listpeer_decode(const struct json *data, struct message_listpeer *ret_m)
{
    struct message_listpeer m = {.text = NULL};
    int64_t limit;

    if (!msgdata_take_number(data, "query", 0, &m.query) || !take_what_is_asked(data, &m) ||
        !msgdata_take_integer(data, "limit", 1, MESSAGE_PAGE_MAX, &limit))
        return ERR_MALFORMED;
    if (json_member(data, "after") != NULL && !msgdata_take_name(data, "after", &m.after))
        return ERR_MALFORMED;
    m.limit = (uint32_t)limit;
    *ret_m = m;
    return OK;
}

/* --- Answers --- */

/* What a page holds besides its elements: the message around it, and its end. Of what JSON escapes
 * a name can have quotes and backslashes only. */
enum {
    RECORDS_AROUND = sizeof("{\"msgtype\":\"RECORDS\",\"msgdata\":}"),
    RECORDS_END = sizeof("],\"classic\":[],\"next\":\"\"}") + 2 * ADDRESS_NAME_MAX,
    RECORDS_ROOM = LINK_STRANGER_FRAME_MAX - RECORDS_AROUND - RECORDS_END,
    RECORD_ELEMENT = sizeof("\"\",") + (PEER_RECORD_BYTES_MAX + 2) / 3 * 4,
    CLASSIC_ELEMENT =
        sizeof("{\"name\":\"\",\"address\":\"\"},") + 2 * ADDRESS_NAME_MAX + ADDRESS_HOST_PORT_MAX
};
_Static_assert(RECORDS_ROOM > 64 + RECORD_ELEMENT && RECORDS_ROOM > 64 + CLASSIC_ELEMENT,
               "an empty page has room for any element");

void records_begin(struct records_writer *w, struct bytes *out, uint64_t query)
{
    w->before = bytes_length(out);
    json_write_init(&w->json, out);
    json_write_open(&w->json, '{');
    json_put_integer(&w->json, "query", (int64_t)query);
    json_write_name(&w->json, "records");
    json_write_open(&w->json, '[');
    bytes_clear(&w->classic);
    json_write_init(&w->classic_json, &w->classic);
    json_write_open(&w->classic_json, '[');
}

void records_done(struct records_writer *w)
{
    bytes_done(&w->classic);
}

static bool has_room(const struct records_writer *w, size_t length)
{
    const size_t used = bytes_length(w->json.out) - w->before + bytes_length(&w->classic);

    return used + length <= RECORDS_ROOM;
}

bool records_add(struct records_writer *w, const uint8_t *record, size_t length)
{
    if (!has_room(w, sizeof("\"\",") + (length + 2) / 3 * 4))
        return false;
    msgdata_write_record(&w->json, record, length);
    return true;
}

bool records_add_classic(struct records_writer *w, const char *name, const struct host_port *at)
{
    char address[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(at, address);
    if (!has_room(w,
                  sizeof("{\"name\":\"\",\"address\":\"\"},") + 2 * strlen(name) + strlen(address)))
        return false;
    json_write_open(&w->classic_json, '{');
    json_put_string(&w->classic_json, "name", name);
    json_put_string(&w->classic_json, "address", address);
    json_write_close(&w->classic_json, '}');
    return true;
}

void records_end(struct records_writer *w, const char *next)
{
    json_write_close(&w->json, ']');
    json_write_close(&w->classic_json, ']');
    json_write_name(&w->json, "classic");
    json_write_raw(&w->json, bytes_data(&w->classic), bytes_length(&w->classic));
    json_put_string(&w->json, "next", next);
    json_write_close(&w->json, '}');
    must(bytes_length(w->json.out) - w->before <= LINK_STRANGER_FRAME_MAX - RECORDS_AROUND);
}

static bool take_classic(const struct json *element, const char **ret_name,
                         struct host_port *ret_at)
{
    const char *name, *address;
    struct host_port at;
    size_t length;

    if (!msgdata_take_name(element, "name", &name) ||
        !json_string(json_member(element, "address"), &address, &length) ||
        host_port_parse(address, PORT_ZERO_REFUSED, &at) != OK)
        return false;
    *ret_name = name;
    *ret_at = at;
    return true;
}

static bool are_records(const struct json *list)
{
    uint8_t record[PEER_RECORD_BYTES_MAX];
    size_t length;

    if (list == NULL || json_type(list) != JSON_ARRAY)
        return false;
    for (const struct json *e = json_first(list); e != NULL; e = json_next(e))
        if (!msgdata_take_record(e, record, &length))
            return false;
    return true;
}

static bool are_classic(const struct json *list)
{
    const char *name;
    struct host_port at;

    if (list == NULL || json_type(list) != JSON_ARRAY)
        return false;
    for (const struct json *e = json_first(list); e != NULL; e = json_next(e))
        if (!take_classic(e, &name, &at))
            return false;
    return true;
}

enum error message_records_decode(const struct json *data, struct message_records *ret_m)
{
    const struct json *next = json_member(data, "next");
    struct message_records m = {.records = json_member(data, "records"),
                                .classic = json_member(data, "classic")};

    if (!msgdata_take_number(data, "query", 0, &m.query) || !are_records(m.records) ||
        !are_classic(m.classic) || next == NULL)
        return ERR_MALFORMED;
    if (json_type(next) != JSON_NULL && !msgdata_take_name(data, "next", &m.next))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}

void records_record(const struct json *element, uint8_t ret_record[PEER_RECORD_BYTES_MAX],
                    size_t *ret_length)
{
    const bool was_checked = msgdata_take_record(element, ret_record, ret_length);

    must(was_checked);
}

void records_classic(const struct json *element, const char **ret_name, struct host_port *ret_at)
{
    const bool was_checked = take_classic(element, ret_name, ret_at);

    must(was_checked);
}
