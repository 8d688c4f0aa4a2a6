#include "tests/unit/link_rig.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "tests/unit/seeded.h"
#include "tests/unit/unit.h"

static const uint8_t network_key[NOISE_PSK_SIZE] = "thirty-two bytes that few know!";

static bool has_psk(enum rig_way way)
{
    return way == RIG_XK_PSK0 || way == RIG_XX_PSK0;
}

static bool is_xk(enum rig_way way)
{
    return way == RIG_XK || way == RIG_XK_PSK0;
}

void link_rig_init(struct rig *rig)
{
    *rig = (struct rig){
        .seed = 1,
        .now = {.mono = {1000000}, .unix_ms = 1700000000000},
    };
    struct random random = seeded(&rig->seed);
    for (int side = 0; side < RIG_SIDES; side++) {
        identity_create(&random, &rig->identities[side]);
        bytes_text(&rig->hello[side], side == DIALLER ? "{\"role\":\"d\"}" : "{\"role\":\"l\"}");
        rig->settings[side] = (struct link_settings){
            .identity = &rig->identities[side],
            .random = random,
            .hello = &rig->hello[side],
        };
    }
}

void link_rig_done(struct rig *rig)
{
    for (int side = 0; side < RIG_SIDES; side++) {
        link_free(rig->links[side]);
        bytes_done(&rig->hello[side]);
        bytes_done(&rig->wire[side]);
        bytes_done(&rig->told[side]);
    }
}

void link_rig_listen(struct rig *rig, enum rig_way way)
{
    for (int side = 0; side < RIG_SIDES; side++)
        rig->settings[side].network_key = has_psk(way) ? network_key : NULL;
    rig->links[LISTENER] = link_new_accepted(&rig->settings[LISTENER], rig->now);
}

void link_rig_dial(struct rig *rig, enum rig_way way)
{
    const uint8_t *key = is_xk(way) ? rig->identities[LISTENER].key.bytes : NULL;

    assert_int_equal(link_new_dialled(&rig->settings[DIALLER], key, rig->now, &rig->links[DIALLER]),
                     OK);
}

void link_rig_connect(struct rig *rig, enum rig_way way)
{
    link_rig_listen(rig, way);
    link_rig_dial(rig, way);
    link_rig_run(rig);
    rig_assert_told(rig, DIALLER, "PROVED HELLO{\"role\":\"l\"}");
    rig_assert_told(rig, LISTENER, "PROVED HELLO{\"role\":\"d\"}");
}

/* --- Running --- */

static void tell(struct rig *rig, int side, const char *word)
{
    if (bytes_length(&rig->told[side]) > 0)
        bytes_text(&rig->told[side], " ");
    bytes_text(&rig->told[side], word);
}

static void tell_json(struct rig *rig, int side, const char *word, const struct json *data)
{
    struct json_writer w;

    tell(rig, side, word);
    json_write_init(&w, &rig->told[side]);
    json_write_value(&w, data);
}

static void take_output(struct rig *rig, int side, const struct link_output *output)
{
    switch (output->kind) {
    case LINK_SEND:
        assert_true(output->send.length > 0);
        bytes_append(&rig->wire[side], output->send.bytes, output->send.length);
        rig->sent[side] += output->send.length;
        break;
    case LINK_PROVED:
        assert_memory_equal(output->key, rig->identities[1 - side].key.bytes, CRYPTO_PUBLIC_SIZE);
        assert_true(link_is_proved(rig->links[side]));
        tell(rig, side, "PROVED");
        break;
    case LINK_HELLO:
        tell_json(rig, side, "HELLO", output->hello);
        break;
    case LINK_MESSAGE:
        tell_json(rig, side, message_row(output->message.type)->name, output->message.data);
        break;
    case LINK_ENDED:
        tell(rig, side, "ENDED(");
        bytes_text(&rig->told[side], link_end_name(output->ended));
        bytes_text(&rig->told[side], ")");
        assert_false(link_is_proved(rig->links[side]));
        break;
    }
}

void link_rig_drain(struct rig *rig, int side)
{
    struct link_output output;

    while (rig->links[side] != NULL && link_next(rig->links[side], &output))
        take_output(rig, side, &output);
}

void link_rig_deliver(struct rig *rig, int from)
{
    struct bytes *wire = &rig->wire[from];
    int to = 1 - from;

    while (rig->links[to] != NULL && bytes_length(wire) > 0) {
        size_t length = bytes_length(wire);
        if (rig->piece > 0 && length > rig->piece)
            length = rig->piece;
        /* in a block of its own, so that AddressSanitizer sees who reads past it */
        uint8_t *piece = xmemdup(bytes_data(wire), length);
        bytes_consume(wire, length);
        link_input(rig->links[to], piece, length, rig->now);
        free(piece);
        link_rig_drain(rig, to);
    }
}

static bool is_busy(const struct rig *rig)
{
    for (int side = 0; side < RIG_SIDES; side++) {
        if (rig->links[1 - side] != NULL && bytes_length(&rig->wire[side]) > 0)
            return true;
    }
    return false;
}

void link_rig_run(struct rig *rig)
{
    do {
        for (int side = 0; side < RIG_SIDES; side++) {
            link_rig_drain(rig, side);
            link_rig_deliver(rig, side);
        }
    } while (is_busy(rig));
}

static struct mono rig_deadline(const struct rig *rig)
{
    struct mono first = MONO_NEVER;

    for (int side = 0; side < RIG_SIDES; side++) {
        if (rig->links[side] != NULL)
            first = mono_earlier(first, link_deadline(rig->links[side]));
    }
    return first;
}

void link_rig_pass(struct rig *rig, uint64_t ms)
{
    struct mono end = mono_after(rig->now.mono, ms);

    link_rig_run(rig);
    while (rig->now.mono.ms < end.ms) {
        struct mono before = rig->now.mono;
        rig->now.mono = mono_earlier(end, rig_deadline(rig));
        assert_true(rig->now.mono.ms > before.ms); /* a link that was woken has moved on */
        rig->now.unix_ms += (int64_t)(rig->now.mono.ms - before.ms);
        for (int side = 0; side < RIG_SIDES; side++) {
            if (rig->links[side] != NULL &&
                mono_due(link_deadline(rig->links[side]), rig->now.mono))
                link_expire(rig->links[side], rig->now);
        }
        link_rig_run(rig);
    }
}

void link_rig_send(struct rig *rig, int side, enum message_type type, const char *data)
{
    link_send(rig->links[side], type, data, strlen(data));
}

void link_rig_check_told(struct rig *rig, int side, const char *expected, const char *file,
                         int line)
{
    bytes_u8(&rig->told[side], '\0');
    _assert_string_equal((const char *)bytes_data(&rig->told[side]), expected, file, line);
    bytes_done(&rig->told[side]);
}

/* --- Puppet --- */

static void puppet_post(struct puppet *puppet, const void *bytes, size_t length)
{
    bytes_append(&puppet->rig->wire[DIALLER], bytes, length);
    link_rig_run(puppet->rig);
}

/* Writes or reads the next message of the handshake, on the wire with its length in front. */
static void puppet_shake(struct puppet *puppet, struct handshake *h)
{
    struct bytes *heard = &puppet->rig->wire[LISTENER];

    if (handshake_is_our_turn(h)) {
        struct bytes message = BYTES_EMPTY;
        bytes_u16(&message, (uint16_t)handshake_next_length(h));
        assert_int_equal(handshake_write(h, &message), OK);
        puppet_post(puppet, bytes_data(&message), bytes_length(&message));
        bytes_done(&message);
        return;
    }
    size_t length = handshake_next_length(h);
    assert_int_equal(bytes_length(heard), 2 + length);
    assert_int_equal(handshake_read(h, bytes_data(heard) + 2, length), OK);
    bytes_consume(heard, 2 + length);
}

void puppet_connect(struct puppet *puppet, struct rig *rig)
{
    uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE];
    struct handshake h;

    *puppet = (struct puppet){
        .rig = rig,
        .setup = {.identity = &rig->identities[DIALLER],
                  .random = &rig->settings[DIALLER].random,
                  .role = NOISE_INITIATOR,
                  .peer = &rig->identities[LISTENER].key},
    };
    link_rig_listen(rig, RIG_XK);
    handshake_preamble_encode(NOISE_XK, preamble);
    puppet_post(puppet, preamble, sizeof preamble);
    handshake_init(&h, &puppet->setup, NOISE_XK);
    while (!handshake_is_complete(&h))
        puppet_shake(puppet, &h);
    keys_init(&puppet->keys, &puppet->setup, &h);
    handshake_done(&h);
    rig_assert_told(rig, LISTENER, "PROVED");
    puppet_assert_heard(puppet, "HELLO");
}

void puppet_done(struct puppet *puppet)
{
    keys_done(&puppet->keys);
    bytes_done(&puppet->stream);
}

void puppet_record(struct puppet *puppet, enum record_type type, const void *content, size_t length)
{
    struct bytes record = BYTES_EMPTY;

    assert_int_equal(record_seal(&puppet->keys.send, type, content, length, &record), OK);
    puppet_post(puppet, bytes_data(&record), bytes_length(&record));
    bytes_done(&record);
}

void puppet_frame(struct puppet *puppet, unsigned kind, const void *body, size_t length)
{
    struct bytes frame = BYTES_EMPTY;

    bytes_u32(&frame, (uint32_t)length);
    bytes_u8(&frame, (uint8_t)kind);
    bytes_append(&frame, body, length);
    while (bytes_length(&frame) > 0) {
        size_t part = bytes_length(&frame);
        if (part > RECORD_CONTENT_SIZE_MAX)
            part = RECORD_CONTENT_SIZE_MAX;
        puppet_record(puppet, RECORD_DATA, bytes_data(&frame), part);
        bytes_consume(&frame, part);
    }
}

void puppet_say(struct puppet *puppet, const char *json)
{
    puppet_frame(puppet, FRAME_JSON, json, strlen(json));
}

void puppet_hello(struct puppet *puppet)
{
    puppet_say(puppet, "{\"msgtype\":\"HELLO\",\"msgdata\":{}}");
    rig_assert_told(puppet->rig, LISTENER, "HELLO{}");
}

/* Opens all records that came; renews keys as an honest peer would. */
static void puppet_listen(struct puppet *puppet)
{
    struct bytes *wire = &puppet->rig->wire[LISTENER];

    while (bytes_length(wire) > 0) {
        struct record record;
        assert_int_equal(keys_open(&puppet->keys, bytes_data(wire), bytes_length(wire), &record),
                         OK);
        if (record.type == RECORD_DATA)
            bytes_append(&puppet->stream, record.content, record.length);
        else
            assert_int_equal(keys_renew(&puppet->keys, &record, &puppet->rig->wire[DIALLER]), OK);
        bytes_consume(wire, record.size);
    }
}

static void puppet_note(const struct json *data, enum message_type type, struct bytes *heard)
{
    const char *reason;
    size_t length;

    if (bytes_length(heard) > 0)
        bytes_text(heard, " ");
    bytes_text(heard, message_row(type)->name);
    if (type != MESSAGE_CLOSE)
        return;
    assert_true(json_string(json_member(data, "reason"), &reason, &length));
    bytes_text(heard, "(");
    bytes_append(heard, reason, length);
    bytes_text(heard, ")");
}

void puppet_check_heard(struct puppet *puppet, const char *expected, const char *file, int line)
{
    struct bytes heard = BYTES_EMPTY;

    puppet_listen(puppet);
    while (bytes_length(&puppet->stream) > 0) {
        struct reader r;
        enum message_type type;
        struct json *root;
        const struct json *data;
        reader_init(&r, bytes_data(&puppet->stream), bytes_length(&puppet->stream));
        size_t length = reader_u32(&r);
        assert_int_equal(reader_u8(&r), FRAME_JSON);
        const char *text = (const char *)reader_take(&r, length);
        assert_non_null(text);
        assert_int_equal(message_decode(text, length, &type, &root, &data), OK);
        puppet_note(data, type, &heard);
        json_free(root);
        bytes_consume(&puppet->stream, FRAME_HEADER_LENGTH + length);
    }
    bytes_u8(&heard, '\0');
    _assert_string_equal((const char *)bytes_data(&heard), expected, file, line);
    bytes_done(&heard);
}
