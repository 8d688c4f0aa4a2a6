#include "daemon/core/link/link.h"

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/handshake.h"
#include "daemon/core/link/keys.h"

#include <stdlib.h>
#include <string.h>

/* Timers of a link (p2pchat-protocol(7), Links):
 *   proof    LINK_PROOF_MS after its start, unless the other side has proved its key: TIMEOUT
 *   ping     LINK_PING_MS after the last record that came in (or our last PING): sends PING
 *   silence  LINK_SILENCE_MS after the last record that came in: TIMEOUT
 *   keys     renewal and its limit (keys.h)
 *
 * Everything that is made, opened or answered is made in link_next, so that what it lent before is
 * out of use. The other calls only put down what happened. */

enum phase {
    PHASE_PREAMBLE,  /* listener: waits for the preamble */
    PHASE_HANDSHAKE, /* neither side may send anything else */
    PHASE_OPEN,      /* the other side is proved */
    PHASE_OVER,      /* LINK_ENDED was told */
};

enum { HANDSHAKE_LENGTH_SIZE = 2 }; /* the u16 in front of each handshake message */

struct link {
    const struct link_settings *settings;
    enum noise_role role;
    enum phase phase;
    enum link_tier tier;
    bool heard_hello;
    bool is_held;
    bool has_ended; /* `end` says why; what is ready still goes out */
    enum link_end end;
    enum link_end told; /* the reason in the other side's CLOSE */

    struct mono now;     /* of the last call that said it */
    struct mono started; /* carrier and link */
    struct mono heard;   /* last record that came in */
    struct mono pinged;  /* last PING that we sent on our own */

    struct peer_key peer;        /* the other side, once proved */
    struct handshake *handshake; /* the first one, until the proof */
    struct keys keys;            /* since the proof */
    struct message_meter meter;
    struct mono may_renew_at; /* the dialler, once more */

    struct bytes in;     /* came in: records that are not opened */
    struct bytes stream; /* came in: the content of data records, frames that are not told */
    struct bytes out;    /* goes out: frames, to be cut into records */
    struct bytes wire;   /* goes out: records */

    bool lent_wire;         /* the last output was LINK_SEND */
    struct json *lent_json; /* the last output was made of it */
};

const char *link_end_name(enum link_end end)
{
    static const char *const names[] = {
#define ROW(NAME, name) [LINK_END_##NAME] = name,
        LINK_ENDS(ROW)
#undef ROW
    };

    must(end < sizeof names / sizeof names[0]);
    return names[end];
}

/* --- Beginning and end --- */

static struct handshake_setup handshake_setup(const struct link *link, const struct peer_key *peer)
{
    return (struct handshake_setup){
        .identity = link->settings->identity,
        .network_key = link->settings->network_key,
        .random = &link->settings->random,
        .role = link->role,
        .peer = peer,
    };
}

static struct link *new_link(const struct link_settings *settings, enum noise_role role,
                             struct now now)
{
    struct link *link = xcalloc(1, sizeof *link);

    link->settings = settings;
    link->role = role;
    link->now = now.mono;
    link->started = now.mono;
    link->heard = now.mono;
    link->pinged = now.mono;
    link->meter.since = now.mono;
    link->told = LINK_END_CLOSED;
    return link;
}

static void start_handshake(struct link *link, const struct handshake_setup *setup,
                            enum noise_pattern pattern)
{
    link->handshake = xmalloc(sizeof *link->handshake);
    handshake_init(link->handshake, setup, pattern);
    link->phase = PHASE_HANDSHAKE;
}

enum error link_new_dialled(const struct link_settings *settings, const uint8_t *remote_key,
                            struct now now, struct link **ret_link)
{
    struct peer_key peer;

    if (remote_key != NULL && peer_key_init(&peer, remote_key) != OK)
        return ERR_BAD_KEY;
    struct link *link = new_link(settings, NOISE_INITIATOR, now);
    struct handshake_setup setup = handshake_setup(link, remote_key != NULL ? &peer : NULL);
    enum noise_pattern pattern = handshake_pattern(&setup);

    start_handshake(link, &setup, pattern);
    handshake_preamble_encode(pattern, bytes_reserve(&link->wire, HANDSHAKE_PREAMBLE_SIZE));
    bytes_commit(&link->wire, HANDSHAKE_PREAMBLE_SIZE);
    *ret_link = link;
    return OK;
}

struct link *link_new_accepted(const struct link_settings *settings, struct now now)
{
    return new_link(settings, NOISE_RESPONDER, now);
}

static void drop_handshake(struct link *link)
{
    if (link->handshake != NULL)
        handshake_done(link->handshake);
    free(link->handshake);
    link->handshake = NULL;
}

static void drop_json(struct link *link)
{
    json_free(link->lent_json);
    link->lent_json = NULL;
}

void link_free(struct link *link)
{
    if (link == NULL)
        return;
    drop_handshake(link);
    keys_done(&link->keys);
    drop_json(link);
    bytes_done(&link->in);
    bytes_done(&link->stream);
    bytes_done(&link->out);
    bytes_done(&link->wire);
    free(link);
}

/* Whether CLOSE tells the other side of this end. Not when nobody would read it, when the bytes are
 * not the other side's any more, or when it shall not know. */
static bool is_told(enum link_end why)
{
    switch (why) {
    case LINK_END_SHUTDOWN:
    case LINK_END_DUPLICATE:
    case LINK_END_SELF:
    case LINK_END_LIMIT:
    case LINK_END_CREDIT:
    case LINK_END_MALFORMED:
    case LINK_END_NOT_RENEWED:
    case LINK_END_STORAGE:
    case LINK_END_REMOVED:
        return true;
    case LINK_END_BLOCKED:
    case LINK_END_SLOW:
    case LINK_END_HANDSHAKE:
    case LINK_END_TAMPERED:
    case LINK_END_TIMEOUT:
    case LINK_END_LOST:
    case LINK_END_CLOSED:
        return false;
    }
    must(!"a reason of the table");
}

static enum link_end reason_in(const struct json *data)
{
    const char *text;
    size_t length;

    if (json_string(json_member(data, "reason"), &text, &length))
        for (enum link_end end = 0; end < LINK_END_CLOSED; end++)
            if (is_told(end) && strcmp(text, link_end_name(end)) == 0)
                return end;
    return LINK_END_CLOSED;
}

enum link_end link_reason_told(const struct link *link)
{
    return link->told;
}

static void say_close(struct link *link, enum link_end why)
{
    struct bytes data = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &data);
    json_write_open(&w, '{');
    json_put_string(&w, "reason", link_end_name(why));
    json_write_close(&w, '}');
    link_send(link, MESSAGE_CLOSE, bytes_data(&data), bytes_length(&data));
    bytes_done(&data);
}

void link_close(struct link *link, enum link_end why)
{
    if (link->has_ended)
        return;
    if (!is_told(why))
        bytes_done(&link->out);
    else if (link->phase == PHASE_OPEN)
        say_close(link, why);
    bytes_done(&link->in);
    bytes_done(&link->stream);
    link->has_ended = true;
    link->end = why;
}

void link_lost(struct link *link)
{
    link_close(link, LINK_END_LOST);
}

/* --- What happens to it --- */

void link_input(struct link *link, const uint8_t *bytes, size_t length, struct now now)
{
    link->now = now.mono;
    if (!link->has_ended)
        bytes_append(&link->in, bytes, length);
}

static struct mono ping_due(const struct link *link)
{
    struct mono last = link->heard.ms > link->pinged.ms ? link->heard : link->pinged;

    return mono_after(last, LINK_PING_MS);
}

void link_expire(struct link *link, struct now now)
{
    link->now = now.mono;
    if (link->has_ended)
        return;
    if (link->phase != PHASE_OPEN) {
        if (mono_due(mono_after(link->started, LINK_PROOF_MS), link->now))
            link_close(link, LINK_END_TIMEOUT);
    } else if (mono_due(mono_after(link->heard, LINK_SILENCE_MS), link->now)) {
        link_close(link, LINK_END_TIMEOUT);
    } else if (mono_due(ping_due(link), link->now)) {
        link_send(link, MESSAGE_PING, "{}", 2);
        link->pinged = link->now;
    }
}

struct mono link_deadline(const struct link *link)
{
    if (link->has_ended)
        return MONO_NEVER;
    if (link->phase != PHASE_OPEN)
        return mono_after(link->started, LINK_PROOF_MS);
    struct mono silent = mono_after(link->heard, LINK_SILENCE_MS);
    return mono_earlier(mono_earlier(silent, ping_due(link)), keys_deadline(&link->keys));
}

void link_set_tier(struct link *link, enum link_tier tier)
{
    link->tier = tier;
}

void link_hold(struct link *link)
{
    link->is_held = true;
}

void link_go_on(struct link *link)
{
    link->is_held = false;
}

size_t link_waiting(const struct link *link)
{
    return bytes_length(&link->in) + bytes_length(&link->stream);
}

/* PING and PONG keep a link alive; they are no reason to renew its keys. */
static bool is_data(enum message_type type)
{
    return type != MESSAGE_PING && type != MESSAGE_PONG;
}

void link_send(struct link *link, enum message_type type, const void *data, size_t length)
{
    if (link->has_ended)
        return;
    must(link->phase == PHASE_OPEN);
    message_encode(&link->out, type, data, length);
    if (is_data(type))
        keys_carry_data(&link->keys, link->now);
}

bool link_is_proved(const struct link *link)
{
    return link->phase == PHASE_OPEN;
}

/* --- Before the proof --- */

/* How far one step through what came in has got. */
enum step {
    STEP_WAIT, /* nothing to be done until more comes in */
    STEP_ON,   /* something was done; there may be more */
    STEP_TELL, /* *ret_output was filled */
};

static enum step fail(struct link *link, enum link_end why)
{
    link_close(link, why);
    return STEP_WAIT;
}

static enum step read_preamble(struct link *link)
{
    enum noise_pattern pattern;
    struct handshake_setup setup = handshake_setup(link, NULL);

    if (bytes_length(&link->in) < HANDSHAKE_PREAMBLE_SIZE)
        return STEP_WAIT;
    if (handshake_preamble_decode(bytes_data(&link->in), setup.network_key != NULL, &pattern) != OK)
        return fail(link, LINK_END_HANDSHAKE);
    bytes_consume(&link->in, HANDSHAKE_PREAMBLE_SIZE);
    start_handshake(link, &setup, pattern);
    return STEP_ON;
}

static enum step write_handshake(struct link *link)
{
    bytes_u16(&link->wire, (uint16_t)handshake_next_length(link->handshake));
    if (handshake_write(link->handshake, &link->wire) != OK)
        return fail(link, LINK_END_HANDSHAKE);
    return STEP_ON;
}

/* The length of each message is known, so a wrong one is refused as soon as it stands there. */
static enum step read_handshake(struct link *link)
{
    struct reader r;
    size_t length = handshake_next_length(link->handshake);

    if (bytes_length(&link->in) < HANDSHAKE_LENGTH_SIZE)
        return STEP_WAIT;
    reader_init(&r, bytes_data(&link->in), bytes_length(&link->in));
    if (reader_u16(&r) != length)
        return fail(link, LINK_END_HANDSHAKE);
    const uint8_t *message = reader_take(&r, length);
    if (message == NULL)
        return STEP_WAIT;
    if (handshake_read(link->handshake, message, length) != OK)
        return fail(link, LINK_END_HANDSHAKE);
    bytes_consume(&link->in, HANDSHAKE_LENGTH_SIZE + length);
    const struct peer_key *peer = handshake_peer(link->handshake);
    if (peer != NULL && peer_key_compare(peer->bytes, link->settings->identity->key.bytes) == 0)
        return fail(link, LINK_END_SELF);
    return STEP_ON;
}

static enum step prove(struct link *link, struct link_output *ret_output)
{
    const struct bytes *hello = link->settings->hello;

    link->peer = *handshake_peer(link->handshake);
    struct handshake_setup setup = handshake_setup(link, &link->peer);
    keys_init(&link->keys, &setup, link->handshake);
    drop_handshake(link);
    link->phase = PHASE_OPEN;
    link->heard = link->now;
    link_send(link, MESSAGE_HELLO, bytes_data(hello), bytes_length(hello));
    *ret_output = (struct link_output){.kind = LINK_PROVED, .key = link->peer.bytes};
    return STEP_TELL;
}

static enum step step_handshake(struct link *link, struct link_output *ret_output)
{
    if (handshake_is_complete(link->handshake))
        return prove(link, ret_output);
    if (handshake_is_our_turn(link->handshake))
        return write_handshake(link);
    return read_handshake(link);
}

/* --- After the proof --- */

/* What HELLO is: nothing may come before it, and it does not come again. */
static bool is_in_place(const struct link *link, enum message_type type)
{
    return (type == MESSAGE_HELLO) != link->heard_hello;
}

/* A message that is ours to answer, or that is to be told. Types for contacts are dropped from
 * others, not punished: they may have been on their way when consent ended. */
static enum step take_message(struct link *link, enum message_type type, const struct json *data,
                              struct link_output *ret_output)
{
    if (is_data(type))
        keys_carry_data(&link->keys, link->now);
    if (!is_in_place(link, type))
        return fail(link, LINK_END_MALFORMED);
    if (!message_meter_take(&link->meter, type, link->now))
        return fail(link, LINK_END_LIMIT);
    if (type == MESSAGE_CLOSE) {
        link->told = reason_in(data);
        return fail(link, LINK_END_CLOSED);
    }
    if (type == MESSAGE_HELLO) {
        link->heard_hello = true;
        *ret_output = (struct link_output){.kind = LINK_HELLO, .hello = data};
        return STEP_TELL;
    }
    if (type == MESSAGE_PING)
        link_send(link, MESSAGE_PONG, "{}", 2);

    enum message_tier tier = message_row(type)->tier;
    if (tier == MESSAGE_LINK || (tier == MESSAGE_CONTACT && link->tier != LINK_CONTACT))
        return STEP_ON;
    *ret_output = (struct link_output){
        .kind = LINK_MESSAGE,
        .message = {.type = type, .data = data},
    };
    return STEP_TELL;
}

static size_t frame_length_max(const struct link *link)
{
    switch (link->tier) {
    case LINK_STRANGER:
        return LINK_STRANGER_FRAME_MAX;
    case LINK_CONTACT:
        return LINK_CONTACT_FRAME_MAX;
    }
    must(!"a tier");
}

/* Takes the frame at the front of the stream, if it is all there. Kinds and types that we do not
 * know, or that are for another role, are skipped, so that the vocabulary can grow. */
static enum step take_frame(struct link *link, struct link_output *ret_output)
{
    enum message_type type;
    const struct json *data;
    enum error error = ERR_NOT_FOUND;
    struct reader r;

    reader_init(&r, bytes_data(&link->stream), bytes_length(&link->stream));
    size_t length = reader_u32(&r);
    uint8_t kind = reader_u8(&r);
    if (r.failed)
        return STEP_WAIT;
    if (length > frame_length_max(link))
        return fail(link, LINK_END_MALFORMED);
    const uint8_t *body = reader_take(&r, length);
    if (body == NULL)
        return STEP_WAIT;

    drop_json(link);
    if (kind == FRAME_JSON)
        error = message_decode((const char *)body, length, &type, &link->lent_json, &data);
    bytes_consume(&link->stream, FRAME_HEADER_LENGTH + length);
    if (error == OK && !message_is_for(type, link->settings->role))
        error = ERR_NOT_FOUND;
    if (error == OK)
        return take_message(link, type, data, ret_output);
    if (error != ERR_NOT_FOUND || !link->heard_hello)
        return fail(link, LINK_END_MALFORMED);
    if (!message_meter_take_unknown(&link->meter, link->now))
        return fail(link, LINK_END_LIMIT);
    keys_carry_data(&link->keys, link->now);
    return STEP_ON;
}

/* A renewal costs as much as a handshake, so it has a rate too: far above what data need. */
static bool may_renew(struct link *link, enum record_type type)
{
    if (type != RECORD_RENEW_1)
        return true;
    if (mono_left_ms(link->now, link->may_renew_at) > 0)
        return false;
    link->may_renew_at = mono_after(link->now, LINK_RENEWAL_MS_MIN);
    return true;
}

static enum step take_record(struct link *link)
{
    struct record record;
    enum error error =
        keys_open(&link->keys, bytes_data(&link->in), bytes_length(&link->in), &record);

    if (error == ERR_TRUNCATED)
        return STEP_WAIT;
    if (error != OK)
        return fail(link, error == ERR_MALFORMED ? LINK_END_MALFORMED : LINK_END_TAMPERED);
    link->heard = link->now;
    if (link->is_held && bytes_length(&link->stream) + record.length > LINK_HELD_MAX)
        return fail(link, LINK_END_LIMIT);
    if (record.type == RECORD_DATA)
        bytes_append(&link->stream, record.content, record.length);
    else if (!may_renew(link, record.type) || keys_renew(&link->keys, &record, &link->wire) != OK)
        return fail(link, LINK_END_NOT_RENEWED);
    bytes_consume(&link->in, record.size);
    return STEP_ON;
}

static enum step step_open(struct link *link, struct link_output *ret_output)
{
    enum step step = link->is_held ? STEP_WAIT : take_frame(link, ret_output);

    if (step == STEP_WAIT && !link->has_ended)
        step = take_record(link);
    return step;
}

/* --- What comes out --- */

static enum step take_step(struct link *link, struct link_output *ret_output)
{
    if (link->has_ended)
        return STEP_WAIT;
    switch (link->phase) {
    case PHASE_PREAMBLE:
        return read_preamble(link);
    case PHASE_HANDSHAKE:
        return step_handshake(link, ret_output);
    case PHASE_OPEN:
        return step_open(link, ret_output);
    case PHASE_OVER:
        return STEP_WAIT;
    }
    must(!"a phase");
}

/* Puts all that is to be sent into records. */
static void fill_wire(struct link *link)
{
    if (link->phase == PHASE_OPEN && !link->has_ended &&
        keys_expire(&link->keys, link->now, &link->wire) != OK)
        link_close(link, LINK_END_NOT_RENEWED);
    while (bytes_length(&link->out) > 0) {
        size_t length = bytes_length(&link->out);
        if (length > RECORD_CONTENT_SIZE_MAX)
            length = RECORD_CONTENT_SIZE_MAX;
        /* A key's nonces outlast KEYS_USE_BYTES_MAX by far. */
        must(keys_seal(&link->keys, bytes_data(&link->out), length, &link->wire) == OK);
        bytes_consume(&link->out, length);
    }
    if (link->has_ended && link->end == LINK_END_LOST)
        bytes_done(&link->wire);
}

bool link_next(struct link *link, struct link_output *ret_output)
{
    enum step step;

    drop_json(link);
    if (link->lent_wire)
        bytes_done(&link->wire);
    link->lent_wire = false;

    do {
        step = take_step(link, ret_output);
    } while (step == STEP_ON);
    if (step == STEP_TELL)
        return true;

    fill_wire(link);
    if (bytes_length(&link->wire) > 0) {
        *ret_output = (struct link_output){
            .kind = LINK_SEND,
            .send = {.bytes = bytes_data(&link->wire), .length = bytes_length(&link->wire)},
        };
        link->lent_wire = true;
        return true;
    }
    if (!link->has_ended || link->phase == PHASE_OVER)
        return false;
    link->phase = PHASE_OVER;
    *ret_output = (struct link_output){.kind = LINK_ENDED, .ended = link->end};
    return true;
}
