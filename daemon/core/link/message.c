#include "daemon/core/link/message.h"

#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/msgdata.h"

static const struct message_row rows[] = {
#define MESSAGE(ID, tier, hears, per_minute, carries) \
    {#ID, MESSAGE_##tier, MESSAGE_FOR_##hears, per_minute},
#include "daemon/core/link/message.def"
#undef MESSAGE
};

enum { METER_WINDOW_MS = 60 * 1000 };

const struct message_row *message_row(enum message_type type)
{
    must(type < MESSAGE_TYPE_COUNT);
    return &rows[type];
}

bool message_is_for(enum message_type type, enum node_role role)
{
    switch (message_row(type)->hears) {
    case MESSAGE_FOR_ANY:
        return true;
    case MESSAGE_FOR_NODE:
        return role == ROLE_NODE;
    case MESSAGE_FOR_TRACKER:
        return role == ROLE_TRACKER;
    }
    must(!"a column of the table");
}

/* --- Frames --- */

static const char head[] = "{\"msgtype\":\"";
static const char middle[] = "\",\"msgdata\":";
static const char tail[] = "}";

void message_encode(struct bytes *out, enum message_type type, const void *data, size_t length)
{
    const char *name = message_row(type)->name;
    size_t name_length = strlen(name);
    size_t body_length = strlen(head) + name_length + strlen(middle) + length + strlen(tail);
    size_t frame_length = FRAME_HEADER_LENGTH + body_length;
    struct writer w;

    must(length >= strlen("{}") && body_length <= UINT32_MAX);
    writer_init(&w, bytes_reserve(out, frame_length), frame_length);
    writer_u32(&w, (uint32_t)body_length);
    writer_u8(&w, FRAME_JSON);
    writer_bytes(&w, head, strlen(head));
    writer_bytes(&w, name, name_length);
    writer_bytes(&w, middle, strlen(middle));
    writer_bytes(&w, data, length);
    writer_bytes(&w, tail, strlen(tail));
    must(!w.failed && w.length == frame_length);
    bytes_commit(out, frame_length);
}

static bool find_type(const char *name, enum message_type *ret_type)
{
    for (enum message_type type = 0; type < MESSAGE_TYPE_COUNT; type++) {
        if (strcmp(rows[type].name, name) == 0) {
            *ret_type = type;
            return true;
        }
    }
    return false;
}

enum error message_decode(const char *text, size_t length, enum message_type *ret_type,
                          struct json **ret_root, const struct json **ret_data)
{
    const struct json *data;
    const char *name;
    size_t name_length;
    struct json *root;
    enum message_type type;

    if (json_parse_small(text, length, MESSAGE_VALUES_MAX, &root) != OK)
        return ERR_MALFORMED;
    data = json_member(root, "msgdata");
    if (!json_string(json_member(root, "msgtype"), &name, &name_length) || data == NULL ||
        json_type(data) != JSON_OBJECT) {
        json_free(root);
        return ERR_MALFORMED;
    }
    if (!find_type(name, &type)) {
        json_free(root);
        return ERR_NOT_FOUND;
    }
    *ret_type = type;
    *ret_root = root;
    *ret_data = data;
    return OK;
}

static void open_window(struct message_meter *meter, struct mono now)
{
    if (mono_left_ms(meter->since, now) >= METER_WINDOW_MS)
        *meter = (struct message_meter){.since = now};
}

bool message_meter_take(struct message_meter *meter, enum message_type type, struct mono now)
{
    uint16_t limit = message_row(type)->per_minute;

    if (limit == 0)
        return true;
    open_window(meter, now);
    if (meter->count[type] >= limit)
        return false;
    meter->count[type]++;
    return true;
}

bool message_meter_take_unknown(struct message_meter *meter, struct mono now)
{
    open_window(meter, now);
    if (meter->unknown >= LINK_UNKNOWN_PER_MINUTE)
        return false;
    meter->unknown++;
    return true;
}

/* --- HELLO --- */

static bool is_agent(const char *text, size_t length)
{
    return length <= MESSAGE_AGENT_MAX && strspn(text, " !\"#$%&'()*+,-./0123456789:;<=>?@"
                                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                                                       "abcdefghijklmnopqrstuvwxyz{|}~") == length;
}

void message_hello_encode(struct bytes *out, enum node_role role, const char *agent,
                          uint64_t instance, const uint8_t *record, size_t record_length)
{
    char base64[BASE64_LENGTH(PEER_RECORD_BYTES_MAX) + 1];
    struct json_writer w;

    must(is_agent(agent, strlen(agent)));
    must(record_length <= PEER_RECORD_BYTES_MAX);
    base64_encode(record, record_length, base64);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_write_name(&w, "features");
    json_write_open(&w, '[');
    json_write_close(&w, ']');
    json_put_string(&w, "role", role_name(role));
    json_put_string(&w, "agent", agent);
    json_put_hex64(&w, "instance", instance);
    json_put_string(&w, "record", base64);
    json_write_close(&w, '}');
}

static bool has_features(const struct json *data)
{
    const struct json *features = json_member(data, "features");

    return features != NULL && json_type(features) == JSON_ARRAY;
}

enum error message_hello_decode(const struct json *data, struct message_hello *ret_hello)
{
    struct message_hello m;
    const char *role;
    size_t role_length, agent_length;

    if (!has_features(data) || !json_string(json_member(data, "role"), &role, &role_length) ||
        !role_find(role, &m.role) ||
        !json_string(json_member(data, "agent"), &m.agent, &agent_length) ||
        !is_agent(m.agent, agent_length) ||
        !json_hex64(json_member(data, "instance"), &m.instance) ||
        !json_string(json_member(data, "record"), &m.record_base64, &m.record_base64_length))
        return ERR_MALFORMED;
    *ret_hello = m;
    return OK;
}

enum error message_hello_record(const struct message_hello *hello, uint8_t *out, size_t size,
                                size_t *ret_length)
{
    return base64_decode(hello->record_base64, hello->record_base64_length, out, size, ret_length)
               ? OK
               : ERR_MALFORMED;
}

/* --- Consent --- */

void message_request_encode(struct bytes *out, const struct message_request *m)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    msgdata_put_id(&w, "request", m->request);
    json_put_string(&w, "name", m->name);
    if (m->greeting != NULL)
        json_put_string(&w, "greeting", m->greeting);
    json_write_close(&w, '}');
}

enum error message_request_decode(const struct json *data, struct message_request *ret_m)
{
    const struct json *greeting = json_member(data, "greeting");
    struct message_request m = {.greeting = NULL};
    size_t length;

    if (!msgdata_take_id(data, "request", m.request) || !msgdata_take_name(data, "name", &m.name))
        return ERR_MALFORMED;
    if (greeting != NULL &&
        !msgdata_take_text(greeting, MESSAGE_GREETING_MAX, &m.greeting, &length))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}

void message_accept_encode(struct bytes *out, const uint8_t request[MESSAGE_ID_LENGTH],
                           const char *name)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    msgdata_put_id(&w, "request", request);
    json_put_string(&w, "name", name);
    json_write_close(&w, '}');
}

enum error message_accept_decode(const struct json *data, uint8_t ret_request[MESSAGE_ID_LENGTH],
                                 const char **ret_name)
{
    const char *name;

    if (!msgdata_take_name(data, "name", &name) || !msgdata_take_id(data, "request", ret_request))
        return ERR_MALFORMED;
    *ret_name = name;
    return OK;
}

static const char *id_member(enum message_type type)
{
    if (type == MESSAGE_CHAT_REFUSE)
        return "request";
    must(type == MESSAGE_NO_CONSENT || type == MESSAGE_DISCONNECT);
    return "consent";
}

void message_id_encode(struct bytes *out, enum message_type type,
                       const uint8_t id[MESSAGE_ID_LENGTH])
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    msgdata_put_id(&w, id_member(type), id);
    json_write_close(&w, '}');
}

enum error message_id_decode(enum message_type type, const struct json *data,
                             uint8_t ret_id[MESSAGE_ID_LENGTH])
{
    return msgdata_take_id(data, id_member(type), ret_id) ? OK : ERR_MALFORMED;
}

/* --- Streams --- */

void message_have_encode(struct bytes *out, const struct message_have *m)
{
    struct json_writer w;

    must(m->live_count <= MESSAGE_EPOCHS_MAX && m->have_count <= MESSAGE_EPOCHS_MAX);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    msgdata_put_id(&w, "consent", m->consent);
    json_write_name(&w, "live");
    json_write_open(&w, '[');
    for (size_t i = 0; i < m->live_count; i++)
        json_write_hex64(&w, m->live[i]);
    json_write_close(&w, ']');
    json_write_name(&w, "have");
    json_write_open(&w, '[');
    for (size_t i = 0; i < m->have_count; i++) {
        json_write_open(&w, '{');
        json_put_hex64(&w, "epoch", m->have[i].epoch);
        json_put_integer(&w, "number", (int64_t)m->have[i].number);
        json_write_close(&w, '}');
    }
    json_write_close(&w, ']');
    json_write_close(&w, '}');
}

/* An array of that name with no more elements than a HAVE may list. */
static bool take_list(const struct json *data, const char *name, const struct json **ret_list)
{
    const struct json *list = json_member(data, name);

    if (list == NULL || json_type(list) != JSON_ARRAY || json_count(list) > MESSAGE_EPOCHS_MAX)
        return false;
    *ret_list = list;
    return true;
}

static bool take_live(const struct json *data, struct message_have *m)
{
    const struct json *list;

    if (!take_list(data, "live", &list))
        return false;
    for (const struct json *e = json_first(list); e != NULL; e = json_next(e)) {
        uint64_t epoch;

        if (!json_hex64(e, &epoch))
            return false;
        for (size_t i = 0; i < m->live_count; i++)
            if (m->live[i] == epoch)
                return false;
        m->live[m->live_count++] = epoch;
    }
    return true;
}

static bool take_have(const struct json *data, struct message_have *m)
{
    const struct json *list;

    if (!take_list(data, "have", &list))
        return false;
    for (const struct json *e = json_first(list); e != NULL; e = json_next(e)) {
        struct message_mark mark;

        if (!json_hex64(json_member(e, "epoch"), &mark.epoch) ||
            !msgdata_take_number(e, "number", 0, &mark.number))
            return false;
        for (size_t i = 0; i < m->have_count; i++)
            if (m->have[i].epoch == mark.epoch)
                return false;
        m->have[m->have_count++] = mark;
    }
    return true;
}

enum error message_have_decode(const struct json *data, struct message_have *ret_m)
{
    struct message_have m = {.live_count = 0};

    if (!msgdata_take_id(data, "consent", m.consent) || !take_live(data, &m) ||
        !take_have(data, &m))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}

void message_chat_encode(struct bytes *out, const struct message_chat *m)
{
    struct json_writer w;

    must(m->text_length >= 1 && m->text_length <= MESSAGE_TEXT_MAX);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_hex64(&w, "epoch", m->epoch);
    json_put_integer(&w, "number", (int64_t)m->number);
    json_put_integer(&w, "time", m->time_ms);
    json_write_name(&w, "text");
    json_write_string_n(&w, m->text, m->text_length);
    json_write_close(&w, '}');
}

enum error message_chat_decode(const struct json *data, struct message_chat *ret_m)
{
    struct message_chat m;

    if (!json_hex64(json_member(data, "epoch"), &m.epoch) ||
        !msgdata_take_number(data, "number", 1, &m.number) ||
        !msgdata_take_integer(data, "time", 0, MESSAGE_TIME_MAX, &m.time_ms) ||
        !msgdata_take_text(json_member(data, "text"), MESSAGE_TEXT_MAX, &m.text, &m.text_length))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}

void message_gap_encode(struct bytes *out, const struct message_gap *m)
{
    struct json_writer w;

    must(m->from >= 1 && m->from <= m->through);
    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_hex64(&w, "epoch", m->epoch);
    json_put_integer(&w, "from", (int64_t)m->from);
    json_put_integer(&w, "through", (int64_t)m->through);
    json_write_close(&w, '}');
}

enum error message_gap_decode(const struct json *data, struct message_gap *ret_m)
{
    struct message_gap m;

    if (!json_hex64(json_member(data, "epoch"), &m.epoch) ||
        !msgdata_take_number(data, "from", 1, &m.from) ||
        !msgdata_take_number(data, "through", (int64_t)m.from, &m.through))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}

void message_ack_encode(struct bytes *out, const struct message_ack *m)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_open(&w, '{');
    json_put_hex64(&w, "epoch", m->epoch);
    json_put_integer(&w, "through", (int64_t)m->through);
    json_put_integer(&w, "credit_bytes", (int64_t)m->credit_bytes);
    json_write_close(&w, '}');
}

enum error message_ack_decode(const struct json *data, struct message_ack *ret_m)
{
    struct message_ack m;

    if (!json_hex64(json_member(data, "epoch"), &m.epoch) ||
        !msgdata_take_number(data, "through", 0, &m.through) ||
        !msgdata_take_number(data, "credit_bytes", 0, &m.credit_bytes))
        return ERR_MALFORMED;
    *ret_m = m;
    return OK;
}
