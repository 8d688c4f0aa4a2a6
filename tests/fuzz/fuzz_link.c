/* Any bytes on a link, at each depth that a peer can reach.
 *
 * The first byte chooses the depth:
 *   0  the carrier's bytes, in two halves, for a listener
 *   1  the same for a dialler of a known key
 *   2  the same for a dialler that knows only an address
 *   3  records of a peer that proved its key: u8 type, u16 length, content, sealed as it should be.
 *      Types from 252 on are done instead: enum deed.
 * Whatever comes, the link ends at most once, says nothing after that, is sealed as it should be,
 * and asks to be woken later, not now. */
#include "tests/fuzz/fuzz.h"

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/keys.h"
#include "daemon/core/link/link.h"
#include "tests/unit/seeded.h"

enum { DEPTH_LISTENER, DEPTH_XK, DEPTH_XX, DEPTH_RECORDS, DEPTHS };

enum deed {
    DO_RENEW = 252, /* the peer renews the keys, honestly */
    DO_RAISE = 253, /* the peer is a contact from now on */
    DO_HELLO = 254, /* the peer says HELLO */
    DO_PASS = 255,  /* `length` seconds pass */
};

static const char hello[] = "{}";

/* One link, and the peer's side of it. */
struct bench {
    uint64_t seed, peer_seed;
    struct random peer_random;
    struct now now;
    struct identity ours, theirs;
    struct bytes hello;
    struct link_settings settings;
    struct link *link;
    bool has_ended;
    struct bytes heard; /* what the link sent and the peer has not read */

    struct handshake_setup setup;
    struct keys keys;
};

static void bench_init(struct bench *b)
{
    *b = (struct bench){.seed = 1, .peer_seed = 2, .now = {.mono = {1}}};
    b->peer_random = seeded(&b->peer_seed);
    struct random random = seeded(&b->seed);
    identity_create(&random, &b->ours);
    identity_create(&random, &b->theirs);
    bytes_text(&b->hello, hello);
    b->settings =
        (struct link_settings){.identity = &b->ours, .random = random, .hello = &b->hello};
}

static void bench_done(struct bench *b)
{
    link_free(b->link);
    keys_done(&b->keys);
    bytes_done(&b->heard);
    bytes_done(&b->hello);
}

static void drain(struct bench *b)
{
    struct link_output output;

    while (link_next(b->link, &output)) {
        must(!b->has_ended);
        switch (output.kind) {
        case LINK_SEND:
            must(output.send.length > 0);
            bytes_append(&b->heard, output.send.bytes, output.send.length);
            break;
        case LINK_PROVED:
            must(peer_key_compare(output.key, b->theirs.key.bytes) == 0);
            break;
        case LINK_HELLO:
            must(json_type(output.hello) == JSON_OBJECT);
            break;
        case LINK_MESSAGE:
            must(json_type(output.message.data) == JSON_OBJECT);
            must(message_row(output.message.type)->tier != MESSAGE_LINK);
            break;
        case LINK_ENDED:
            b->has_ended = true;
            break;
        }
    }
    must(b->has_ended || !mono_due(link_deadline(b->link), b->now.mono));
}

static void input(struct bench *b, const uint8_t *bytes, size_t length)
{
    link_input(b->link, bytes, length, b->now);
    drain(b);
}

static void pass(struct bench *b, uint64_t seconds)
{
    struct mono end = mono_after(b->now.mono, seconds * 1000);

    while (b->now.mono.ms < end.ms) {
        b->now.mono = mono_earlier(end, link_deadline(b->link));
        link_expire(b->link, b->now);
        drain(b);
    }
}

static void carrier_bytes(struct bench *b, const uint8_t *data, size_t size)
{
    input(b, data, size / 2);
    input(b, data + size / 2, size - size / 2);
}

/* --- A peer that proves its key --- */

static void send_message(struct bench *b, struct handshake *h)
{
    struct bytes out = BYTES_EMPTY;

    bytes_u16(&out, (uint16_t)handshake_next_length(h));
    must(handshake_write(h, &out) == OK);
    input(b, bytes_data(&out), bytes_length(&out));
    bytes_done(&out);
}

static void prove(struct bench *b)
{
    uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE];
    struct handshake h;

    b->setup = (struct handshake_setup){
        .identity = &b->theirs,
        .random = &b->peer_random,
        .role = NOISE_INITIATOR,
        .peer = &b->ours.key,
    };
    b->link = link_new_accepted(&b->settings, b->now);
    handshake_preamble_encode(NOISE_XK, preamble);
    input(b, preamble, sizeof preamble);
    handshake_init(&h, &b->setup, NOISE_XK);
    send_message(b, &h);
    must(handshake_read(&h, bytes_data(&b->heard) + 2, bytes_length(&b->heard) - 2) == OK);
    bytes_clear(&b->heard);
    send_message(b, &h);
    keys_init(&b->keys, &b->setup, &h);
    handshake_done(&h);
    must(link_is_proved(b->link));
}

static void say(struct bench *b, uint8_t type, const uint8_t *content, size_t length)
{
    struct bytes record = BYTES_EMPTY;

    must(record_seal(&b->keys.send, type, content, length, &record) == OK);
    input(b, bytes_data(&record), bytes_length(&record));
    bytes_done(&record);
}

static void say_hello(struct bench *b)
{
    struct bytes frame = BYTES_EMPTY;

    message_encode(&frame, MESSAGE_HELLO, hello, sizeof hello - 1);
    say(b, RECORD_DATA, bytes_data(&frame), bytes_length(&frame));
    bytes_done(&frame);
}

/* Opens what the link sent, and answers what renews keys. */
static void listen(struct bench *b)
{
    while (bytes_length(&b->heard) > 0) {
        struct record record;
        struct bytes answer = BYTES_EMPTY;
        must(keys_open(&b->keys, bytes_data(&b->heard), bytes_length(&b->heard), &record) == OK);
        /* An answer to a renewal that the input made up, and keys know nothing of, has no answer.
         */
        if (record.type != RECORD_DATA && keys_renew(&b->keys, &record, &answer) != OK)
            bytes_clear(&answer);
        bytes_consume(&b->heard, record.size);
        if (!b->has_ended)
            input(b, bytes_data(&answer), bytes_length(&answer));
        bytes_done(&answer);
    }
}

static void renew(struct bench *b)
{
    struct bytes out = BYTES_EMPTY;
    struct mono due = mono_after(b->now.mono, KEYS_RENEWAL_MS);

    keys_carry_data(&b->keys, b->now.mono);
    if (keys_expire(&b->keys, due, &out) == OK)
        input(b, bytes_data(&out), bytes_length(&out));
    bytes_done(&out);
    listen(b);
    must(b->has_ended || b->keys.renewal == KEYS_SETTLED);
}

static void records(struct bench *b, const uint8_t *data, size_t size)
{
    struct reader r;

    prove(b);
    reader_init(&r, data, size);
    while (!b->has_ended) {
        uint8_t type = reader_u8(&r);
        size_t length = reader_u16(&r);
        if (r.failed)
            break;
        if (type == DO_PASS) {
            pass(b, length);
        } else if (type == DO_HELLO) {
            say_hello(b);
        } else if (type == DO_RAISE) {
            link_set_tier(b->link, LINK_CONTACT);
        } else if (type == DO_RENEW) {
            renew(b);
        } else {
            if (length > r.left)
                length = r.left;
            if (length > RECORD_CONTENT_SIZE_MAX)
                length = RECORD_CONTENT_SIZE_MAX;
            say(b, type, reader_take(&r, length), length);
        }
    }
    listen(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b;

    if (size < 1 || data[0] >= DEPTHS)
        return 0;
    crypto_init();
    bench_init(&b);
    if (data[0] == DEPTH_LISTENER)
        b.link = link_new_accepted(&b.settings, b.now);
    else if (data[0] != DEPTH_RECORDS)
        must(link_new_dialled(&b.settings, data[0] == DEPTH_XK ? b.theirs.key.bytes : NULL, b.now,
                              &b.link) == OK);
    if (data[0] == DEPTH_RECORDS) {
        records(&b, data + 1, size - 1);
    } else {
        drain(&b);
        carrier_bytes(&b, data + 1, size - 1);
    }
    bench_done(&b);
    return 0;
}
