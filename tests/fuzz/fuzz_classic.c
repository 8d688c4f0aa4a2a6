/* Objects of the classic dialect: however the bytes are cut, the outcome is the same; what is read,
 * is written so that it reads the same again. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/classic.h"

/* As a classic connection is read: until an outcome, or the end. */
static enum classic_outcome take(const uint8_t *data, size_t size, size_t piece,
                                 struct classic_object *object)
{
    struct classic_reader reader = {0};
    enum classic_outcome outcome = CLASSIC_MORE;

    while (size > 0 && outcome == CLASSIC_MORE) {
        size_t length = piece < size ? piece : size;

        outcome = classic_reader_take(&reader, data, length, object);
        data += length;
        size -= length;
    }
    classic_reader_done(&reader);
    return outcome;
}

static void write_list(struct bytes *out, const struct classic_object *object)
{
    const struct json *place = NULL;
    struct classic_peer peer;
    struct classic_list list;

    classic_list_begin(&list, out);
    while (classic_object_next_peer(object, &place, &peer) &&
           classic_list_add(&list, peer.name, &peer.at))
        ;
    classic_list_end(&list);
}

/* False for what we never write. */
static bool write_again(struct bytes *out, const struct classic_object *o)
{
    switch (o->type) {
    case CLASSIC_REGISTER:
    case CLASSIC_CHAT_REQUEST:
    case CLASSIC_CHAT_ACCEPT:
        if (o->name[0] == '\0')
            return false;
        classic_write_at(out, o->type, o->name, &o->at);
        return true;
    case CLASSIC_LISTPEER:
    case CLASSIC_EXIT_NETWORK:
    case CLASSIC_DISCONNECT:
        classic_write_name(out, o->type, o->name);
        return true;
    case CLASSIC_REGISTER_SUCCESS:
    case CLASSIC_REGISTER_ERROR:
    case CLASSIC_CHAT_REFUSE:
        classic_write(out, o->type);
        return true;
    case CLASSIC_CHAT_MESSAGE:
        classic_write_message(out, o->name, o->text,
                              classic_message_fit(o->name, o->text, o->text_length));
        return true;
    case CLASSIC_PEERLIST:
        write_list(out, o);
        return true;
    case CLASSIC_FILE_TRANSFER:
        return false;
    }
    must(!"a type");
}

static void check_again(const struct classic_object *object)
{
    struct bytes once = BYTES_EMPTY, twice = BYTES_EMPTY;
    struct classic_object again;

    if (write_again(&once, object)) {
        must(bytes_length(&once) <= CLASSIC_OBJECT_MAX);
        must(take(bytes_data(&once), bytes_length(&once), SIZE_MAX, &again) == CLASSIC_OBJECT);
        must(again.type == object->type && write_again(&twice, &again));
        must(bytes_length(&once) == bytes_length(&twice));
        must(memcmp(bytes_data(&once), bytes_data(&twice), bytes_length(&once)) == 0);
        classic_object_done(&again);
    }
    bytes_done(&once);
    bytes_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct classic_object object, in_pieces;
    enum classic_outcome outcome = take(data, size, SIZE_MAX, &object);

    /* What stands behind an object counts only when it comes with it. */
    if (outcome != CLASSIC_MALFORMED) {
        must(take(data, size, 1, &in_pieces) == outcome);
        if (outcome == CLASSIC_OBJECT)
            classic_object_done(&in_pieces);
    }
    if (outcome == CLASSIC_OBJECT) {
        check_again(&object);
        classic_object_done(&object);
    }
    return 0;
}
