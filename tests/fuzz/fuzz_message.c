/* The JSON of a frame, and the msgdata of each type. What decodes, encodes to what decodes to the
 * same again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/message.h"

/* Encodes what `data` of that type says; false when it is malformed, or the link's own. */
static bool encode_again(enum message_type type, const struct json *data, struct bytes *out)
{
    uint8_t id[MESSAGE_ID_LENGTH], record[PEER_RECORD_BYTES_MAX];
    size_t record_length;
    struct message_hello hello;
    struct message_request request;
    struct message_have have;
    struct message_chat chat;
    struct message_gap gap;
    struct message_ack ack;
    const char *name;

    switch (type) {
    case MESSAGE_HELLO:
        if (message_hello_decode(data, &hello) != OK ||
            message_hello_record(&hello, record, sizeof(record), &record_length) != OK)
            return false;
        message_hello_encode(out, hello.role, hello.agent, hello.instance, record, record_length);
        return true;
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
