/* The JSON of a frame, and the msgdata of each type. What decodes, encodes to what decodes to the
 * same again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/message.h"
#include "daemon/core/link/message_tracker.h"

static bool page_again(const struct json *data, struct bytes *out)
{
    struct records_writer w = {0};
    struct message_records m;

    if (message_records_decode(data, &m) != OK)
        return false;
    records_begin(&w, out, m.query);
    for (const struct json *e = json_first(m.records); e != NULL; e = json_next(e)) {
        uint8_t record[PEER_RECORD_BYTES_MAX];
        size_t length;

        records_record(e, record, &length);
        if (!records_add(&w, record, length))
            break;
    }
    for (const struct json *e = json_first(m.classic); e != NULL; e = json_next(e)) {
        struct host_port at;
        const char *name;

        records_classic(e, &name, &at);
        if (!records_add_classic(&w, name, &at))
            break;
    }
    records_end(&w, m.next);
    records_done(&w);
    return true;
}

static bool register_again(const struct json *data, struct bytes *out)
{
    uint8_t record[PEER_RECORD_BYTES_MAX];
    size_t length;

    if (message_register_decode(data, record, &length) != OK)
        return false;
    message_register_encode(out, record, length);
    return true;
}

static bool registered_again(const struct json *data, struct bytes *out)
{
    struct message_registered m;

    if (message_registered_decode(data, &m) != OK)
        return false;
    message_registered_encode(out, &m);
    return true;
}

static bool refused_again(const struct json *data, struct bytes *out)
{
    struct message_refused m;

    if (message_refused_decode(data, &m) != OK || m.why == REGISTER_OTHERWISE)
        return false;
    message_refused_encode(out, &m);
    return true;
}

static bool listpeer_again(const struct json *data, struct bytes *out)
{
    struct message_listpeer m;

    if (message_listpeer_decode(data, &m) != OK)
        return false;
    message_listpeer_encode(out, &m);
    return true;
}

static bool hello_again(const struct json *data, struct bytes *out)
{
    uint8_t record[PEER_RECORD_BYTES_MAX];
    struct message_hello m;
    size_t length;

    if (message_hello_decode(data, &m) != OK ||
        message_hello_record(&m, record, sizeof(record), &length) != OK)
        return false;
    message_hello_encode(out, m.role, m.agent, m.instance, record, length);
    return true;
}

/* Encodes what `data` of that type says; false when it is malformed, or the link's own. */
static bool encode_again(enum message_type type, const struct json *data, struct bytes *out)
{
    uint8_t id[MESSAGE_ID_LENGTH];
    struct message_request request;
    struct message_have have;
    struct message_chat chat;
    struct message_gap gap;
    struct message_ack ack;
    const char *name;

    switch (type) {
    case MESSAGE_HELLO:
        return hello_again(data, out);
    case MESSAGE_CHAT_REQUEST:
        if (message_request_decode(data, &request) != OK)
            return false;
        message_request_encode(out, &request);
        return true;
    case MESSAGE_CHAT_ACCEPT:
        if (message_accept_decode(data, id, &name) != OK)
            return false;
        message_accept_encode(out, id, name);
        return true;
    case MESSAGE_CHAT_REFUSE:
    case MESSAGE_NO_CONSENT:
    case MESSAGE_DISCONNECT:
        if (message_id_decode(type, data, id) != OK)
            return false;
        message_id_encode(out, type, id);
        return true;
    case MESSAGE_HAVE:
        if (message_have_decode(data, &have) != OK)
            return false;
        message_have_encode(out, &have);
        return true;
    case MESSAGE_CHAT_MESSAGE:
        if (message_chat_decode(data, &chat) != OK)
            return false;
        message_chat_encode(out, &chat);
        return true;
    case MESSAGE_CHAT_GAP:
        if (message_gap_decode(data, &gap) != OK)
            return false;
        message_gap_encode(out, &gap);
        return true;
    case MESSAGE_CHAT_ACK:
        if (message_ack_decode(data, &ack) != OK)
            return false;
        message_ack_encode(out, &ack);
        return true;
    case MESSAGE_REGISTER:
        return register_again(data, out);
    case MESSAGE_REGISTER_SUCCESS:
        return registered_again(data, out);
    case MESSAGE_REGISTER_ERROR:
        return refused_again(data, out);
    case MESSAGE_LISTPEER:
        return listpeer_again(data, out);
    case MESSAGE_RECORDS:
        return page_again(data, out);
    case MESSAGE_EXIT_NETWORK:
    case MESSAGE_PING:
    case MESSAGE_PONG:
    case MESSAGE_CLOSE:
    case MESSAGE_ERROR:
    case MESSAGE_TYPE_COUNT:
        return false;
    }
    must(!"a type");
}

/* Decodes a frame and appends the frame that says the same; false when it says nothing. */
static bool frame_again(const uint8_t *json, size_t length, struct bytes *out)
{
    struct bytes msgdata = BYTES_EMPTY;
    enum message_type type;
    const struct json *data;
    struct json *root;
    bool good;

    if (message_decode((const char *)json, length, &type, &root, &data) != OK)
        return false;
    good = encode_again(type, data, &msgdata);
    if (good)
        message_encode(out, type, bytes_data(&msgdata), bytes_length(&msgdata));
    bytes_done(&msgdata);
    json_free(root);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes once = BYTES_EMPTY, twice = BYTES_EMPTY;

    if (frame_again(data, size, &once)) {
        must(frame_again(bytes_data(&once) + FRAME_HEADER_LENGTH,
                         bytes_length(&once) - FRAME_HEADER_LENGTH, &twice));
        must(bytes_length(&once) == bytes_length(&twice));
        must(memcmp(bytes_data(&once), bytes_data(&twice), bytes_length(&once)) == 0);
    }
    bytes_done(&once);
    bytes_done(&twice);
    return 0;
}
