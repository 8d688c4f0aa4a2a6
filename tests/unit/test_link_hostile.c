/* Links against peers that break the rules, and against somebody on the wire. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "tests/unit/link_rig.h"

struct bed {
    struct rig rig;
    struct puppet puppet;
};

static int rig_setup(void **state)
{
    static struct bed bed;

    link_rig_init(&bed.rig);
    *state = &bed;
    return 0;
}

static int rig_teardown(void **state)
{
    struct bed *bed = *state;

    link_rig_done(&bed->rig);
    return 0;
}

/* A puppet that has proved its key and said HELLO to the rig's listener. */
static int puppet_setup(void **state)
{
    struct bed *bed;

    rig_setup(state);
    bed = *state;
    puppet_connect(&bed->puppet, &bed->rig);
    puppet_hello(&bed->puppet);
    return 0;
}

static int puppet_teardown(void **state)
{
    struct bed *bed = *state;

    puppet_done(&bed->puppet);
    return rig_teardown(state);
}

static void restart(void **state)
{
    puppet_teardown(state);
    puppet_setup(state);
}

static void assert_closed(struct bed *bed, const char *reason)
{
    char told[64], heard[64];

    snprintf(told, sizeof told, "ENDED(%s)", reason);
    snprintf(heard, sizeof heard, "CLOSE(%s)", reason);
    rig_assert_told(&bed->rig, LISTENER, told);
    puppet_assert_heard(&bed->puppet, heard);
}

/* --- What does not even begin as it should --- */

static void test_garbage_instead_of_a_preamble(void **state)
{
    struct bed *bed = *state;
    static const char *const garbage[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x17\x01\x02\x13\xfc",
        "{\"msgtype\":",
        "P2PC\1\5\1\1",
        "P2PC\2\1\1\1",
    };

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        link_rig_listen(&bed->rig, RIG_XK);
        bytes_text(&bed->rig.wire[DIALLER], garbage[i]);
        link_rig_run(&bed->rig);
        rig_assert_told(&bed->rig, LISTENER, "ENDED(handshake)");
        assert_int_equal(bed->rig.sent[LISTENER], 0);
        rig_teardown(state);
        rig_setup(state);
    }
}

/* A length that is not the one of message 1 is refused before the message is there. */
static void test_wrong_lengths_in_the_handshake(void **state)
{
    struct bed *bed = *state;
    uint8_t preamble[HANDSHAKE_PREAMBLE_SIZE];

    for (unsigned length = 0; length <= 0xffff; length += length < 256 ? 1 : 255) {
        link_rig_listen(&bed->rig, RIG_XX);
        handshake_preamble_encode(NOISE_XX, preamble);
        bytes_append(&bed->rig.wire[DIALLER], preamble, sizeof preamble);
        bytes_u16(&bed->rig.wire[DIALLER], (uint16_t)length);
        link_rig_run(&bed->rig);
        rig_assert_told(&bed->rig, LISTENER, length == 128 ? "" : "ENDED(handshake)");
        rig_teardown(state);
        rig_setup(state);
    }
}

/* --- On the wire between two honest links --- */

enum { STORY_PARTS = 6 };

/* Dialler and listener say something in turn: the handshake, HELLO, a request. `spoil` may do
 * anything to each part before it is delivered; `offset` says what its side said before. In the end
 * the carrier is lost. */
static void play(struct rig *rig, enum rig_way way,
                 void (*spoil)(struct rig *rig, int from, size_t offset, size_t at), size_t at)
{
    size_t offset[RIG_SIDES] = {0};

    link_rig_listen(rig, way);
    link_rig_dial(rig, way);
    for (int part = 0; part < STORY_PARTS; part++) {
        int from = part % 2;
        if (part == 4 && link_is_proved(rig->links[DIALLER])) /* all have said HELLO */
            link_rig_send(rig, DIALLER, MESSAGE_CHAT_REQUEST, "{\"secret\":true}");
        link_rig_drain(rig, from);
        size_t length = bytes_length(&rig->wire[from]);
        spoil(rig, from, offset[from], at);
        offset[from] += length;
        link_rig_deliver(rig, from);
    }
    for (int side = 0; side < RIG_SIDES; side++) {
        link_lost(rig->links[side]);
        link_rig_drain(rig, side);
    }
}

static void leave(struct rig *rig, int from, size_t offset, size_t at)
{
    (void)rig, (void)from, (void)offset, (void)at;
}

static const char story_of_listener[] =
    "PROVED HELLO{\"role\":\"d\"} CHAT_REQUEST{\"secret\":true}";
static const char story_of_dialler[] = "PROVED HELLO{\"role\":\"l\"}";

/* Whether nothing was told but the beginning of the story, and then one end. */
static bool is_beginning(struct rig *rig, int side, const char *story)
{
    bytes_u8(&rig->told[side], '\0');
    char *told = (char *)bytes_data(&rig->told[side]);
    char *end = strstr(told, "ENDED(");
    assert_non_null(end);
    *end = '\0';
    size_t length = (size_t)(end - told);
    if (length > 0)
        length--; /* the blank before ENDED */
    return strncmp(told, story, length) == 0 &&
           (story[length] == ' ' || story[length] == '\0' || length == 0);
}

static void assert_beginnings(struct rig *rig)
{
    assert_true(is_beginning(rig, LISTENER, story_of_listener));
    assert_true(is_beginning(rig, DIALLER, story_of_dialler));
}

/* How much each side says in the story. */
static void story_lengths(void **state, enum rig_way way, size_t ret_lengths[RIG_SIDES])
{
    struct bed *bed = *state;

    play(&bed->rig, way, leave, 0);
    memcpy(ret_lengths, bed->rig.sent, sizeof bed->rig.sent);
    rig_teardown(state);
    rig_setup(state);
}

static void flip(struct rig *rig, int from, size_t offset, size_t at)
{
    int whose = (int)(at & 1);
    size_t byte = at >> 1;

    if (from == whose && byte >= offset && byte < offset + bytes_length(&rig->wire[from]))
        bytes_data(&rig->wire[from])[byte - offset] ^= (uint8_t)(1 << byte % 8);
}

static void test_any_altered_byte_only_closes(void **state)
{
    struct bed *bed = *state;
    size_t lengths[RIG_SIDES];

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        story_lengths(state, way, lengths);
        for (int side = 0; side < RIG_SIDES; side++) {
            for (size_t byte = 0; byte < lengths[side]; byte++) {
                play(&bed->rig, way, flip, byte << 1 | (size_t)side);
                assert_beginnings(&bed->rig);
                /* the reader did not get to the end of the story */
                const struct bytes *told = &bed->rig.told[1 - side];
                const char *story = side == DIALLER ? story_of_listener : story_of_dialler;
                assert_true(strlen((char *)bytes_data(told)) < strlen(story));
                rig_teardown(state);
                rig_setup(state);
            }
        }
    }
}

static void cut(struct rig *rig, int from, size_t offset, size_t at)
{
    size_t length = bytes_length(&rig->wire[from]);

    if (from != (int)(at & 1) || (at >> 1) >= offset + length)
        return;
    size_t kept = (at >> 1) > offset ? (at >> 1) - offset : 0;
    struct bytes copy = BYTES_EMPTY;
    bytes_append(&copy, bytes_data(&rig->wire[from]), kept);
    bytes_done(&rig->wire[from]);
    rig->wire[from] = copy;
}

static void test_cut_anywhere_only_closes(void **state)
{
    struct bed *bed = *state;
    size_t lengths[RIG_SIDES];

    story_lengths(state, RIG_XX, lengths);
    for (int side = 0; side < RIG_SIDES; side++) {
        for (size_t byte = 0; byte < lengths[side]; byte++) {
            play(&bed->rig, RIG_XX, cut, byte << 1 | (size_t)side);
            assert_beginnings(&bed->rig);
            rig_teardown(state);
            rig_setup(state);
        }
    }
}

/* Each delivery of one side comes twice. */
static void repeat(struct rig *rig, int from, size_t offset, size_t at)
{
    (void)offset;
    if (from != (int)at)
        return;
    struct bytes copy = BYTES_EMPTY;
    bytes_append(&copy, bytes_data(&rig->wire[from]), bytes_length(&rig->wire[from]));
    bytes_append(&rig->wire[from], bytes_data(&copy), bytes_length(&copy));
    bytes_done(&copy);
}

static void test_repeating_only_closes(void **state)
{
    struct bed *bed = *state;

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        for (size_t side = 0; side < RIG_SIDES; side++) {
            play(&bed->rig, way, repeat, side);
            assert_beginnings(&bed->rig);
            rig_teardown(state);
            rig_setup(state);
        }
    }
}

/* Two records change places. */
static void test_reordering_only_closes(void **state)
{
    struct bed *bed = *state;
    struct bytes *wire = &bed->rig.wire[DIALLER];

    link_rig_connect(&bed->rig, RIG_XK);
    link_rig_send(&bed->rig, DIALLER, MESSAGE_HAVE, "{\"n\":1}");
    link_rig_drain(&bed->rig, DIALLER);
    size_t first = bytes_length(wire);
    link_rig_send(&bed->rig, DIALLER, MESSAGE_HAVE, "{\"n\":2}");
    link_rig_drain(&bed->rig, DIALLER);
    bytes_append(wire, bytes_data(wire), first);
    bytes_consume(wire, first);
    link_rig_run(&bed->rig);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(tampered)");
    rig_assert_told(&bed->rig, DIALLER, ""); /* nobody tells it on this wire */
}

/* Everything that an honest dialler said, said again to the same node. */
static void test_replay_of_a_session(void **state)
{
    struct bed *bed = *state;
    struct bytes recorded = BYTES_EMPTY;

    link_rig_listen(&bed->rig, RIG_XK);
    link_rig_dial(&bed->rig, RIG_XK);
    for (int part = 0; part < STORY_PARTS; part++) {
        link_rig_drain(&bed->rig, part % 2);
        if (part % 2 == DIALLER)
            bytes_append(&recorded, bytes_data(&bed->rig.wire[DIALLER]),
                         bytes_length(&bed->rig.wire[DIALLER]));
        link_rig_deliver(&bed->rig, part % 2);
    }
    rig_assert_told(&bed->rig, LISTENER, "PROVED HELLO{\"role\":\"d\"}");
    link_free(bed->rig.links[LISTENER]);
    link_free(bed->rig.links[DIALLER]);
    bed->rig.links[DIALLER] = NULL;
    link_rig_listen(&bed->rig, RIG_XK);
    bytes_append(&bed->rig.wire[DIALLER], bytes_data(&recorded), bytes_length(&recorded));
    link_rig_run(&bed->rig);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(handshake)");
    bytes_done(&recorded);
}

/* --- A peer that proved its key and breaks the rules --- */

static void test_hello_comes_first_and_once(void **state)
{
    struct bed *bed = *state;
    static const char *const before_hello[] = {
        "{\"msgtype\":\"PING\",\"msgdata\":{}}", "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{}}",
        "{\"msgtype\":\"CLOSE\",\"msgdata\":{}}", "{\"msgtype\":\"NO_SUCH_TYPE\",\"msgdata\":{}}"};

    for (size_t i = 0; i < sizeof before_hello / sizeof before_hello[0]; i++) {
        puppet_teardown(state);
        rig_setup(state);
        puppet_connect(&bed->puppet, &bed->rig);
        puppet_say(&bed->puppet, before_hello[i]);
        assert_closed(bed, "malformed");
    }
    restart(state);
    link_rig_pass(&bed->rig, LINK_PING_MS - 1);
    puppet_say(&bed->puppet, "{\"msgtype\":\"HELLO\",\"msgdata\":{}}");
    assert_closed(bed, "malformed");
}

static void test_unknown_frames_are_skipped(void **state)
{
    struct bed *bed = *state;
    static const char zeros[LINK_STRANGER_FRAME_MAX];

    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind != FRAME_JSON)
            puppet_frame(&bed->puppet, kind, zeros, kind);
    }
    puppet_frame(&bed->puppet, 77, zeros, sizeof zeros);
    puppet_say(&bed->puppet, "{\"msgtype\":\"NO_SUCH_TYPE\",\"msgdata\":{}}");
    rig_assert_told(&bed->rig, LISTENER, "");
    puppet_say(&bed->puppet, "{\"more\":[],\"msgdata\":{\"x\":1},\"msgtype\":\"CHAT_REQUEST\"}");
    rig_assert_told(&bed->rig, LISTENER, "CHAT_REQUEST{\"x\":1}");
}

static void test_malformed_messages_close(void **state)
{
    struct bed *bed = *state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"msgtype\":\"PING\"}",
                                      "{\"msgtype\":1,\"msgdata\":{}}",
                                      "{\"msgtype\":\"PING\",\"msgdata\":[]}",
                                      "{\"msgtype\":\"PING\",\"msgdata\":{}}x"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        puppet_say(&bed->puppet, bad[i]);
        assert_closed(bed, "malformed");
        restart(state);
    }
}

/* Refused as soon as the length stands there: nothing is kept for what will not be taken. */
static void test_oversized_frames_close(void **state)
{
    struct bed *bed = *state;
    static const uint32_t lengths[] = {LINK_STRANGER_FRAME_MAX + 1, 1 << 30, UINT32_MAX};
    static const unsigned kinds[] = {FRAME_JSON, 9};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            uint8_t header[FRAME_HEADER_LENGTH];
            struct writer w;
            writer_init(&w, header, sizeof header);
            writer_u32(&w, lengths[i]);
            writer_u8(&w, (uint8_t)kinds[k]);
            puppet_record(&bed->puppet, RECORD_DATA, header, sizeof header);
            assert_closed(bed, "malformed");
            restart(state);
        }
    }
}

static void test_frame_sizes_of_tiers(void **state)
{
    struct bed *bed = *state;
    static const char zeros[LINK_CONTACT_FRAME_MAX + 1];

    puppet_frame(&bed->puppet, 9, zeros, LINK_STRANGER_FRAME_MAX);
    link_set_tier(bed->rig.links[LISTENER], LINK_CONTACT);
    puppet_frame(&bed->puppet, 9, zeros, LINK_CONTACT_FRAME_MAX);
    rig_assert_told(&bed->rig, LISTENER, "");
    puppet_frame(&bed->puppet, 9, zeros, sizeof zeros);
    assert_closed(bed, "malformed");
}

/* One byte of the stream in each record, and empty records between. */
static void test_stream_in_crumbs(void **state)
{
    struct bed *bed = *state;
    struct bytes frames = BYTES_EMPTY;

    message_encode(&frames, MESSAGE_CHAT_REFUSE, "{}", 2);
    bytes_append(&frames, "\0\0\0\0\7", FRAME_HEADER_LENGTH); /* an empty one of unknown kind */
    message_encode(&frames, MESSAGE_HAVE, "{}", 2);
    for (size_t i = 0; i < bytes_length(&frames); i++) {
        puppet_record(&bed->puppet, RECORD_DATA, bytes_data(&frames) + i, 1);
        puppet_record(&bed->puppet, RECORD_DATA, NULL, 0);
    }
    bytes_done(&frames);
    rig_assert_told(&bed->rig, LISTENER, "CHAT_REFUSE{} HAVE{}");
}

static void test_types_too_often(void **state)
{
    struct bed *bed = *state;
    int pings = message_row(MESSAGE_PING)->per_minute;

    for (int i = 0; i < pings; i++) {
        puppet_say(&bed->puppet, "{\"msgtype\":\"PING\",\"msgdata\":{}}");
        puppet_assert_heard(&bed->puppet, "PONG");
    }
    puppet_say(&bed->puppet, "{\"msgtype\":\"PING\",\"msgdata\":{}}");
    assert_closed(bed, "limit");
}

static void test_links_own_messages_are_not_told(void **state)
{
    struct bed *bed = *state;

    puppet_say(&bed->puppet, "{\"msgtype\":\"PONG\",\"msgdata\":{}}");
    puppet_say(&bed->puppet, "{\"msgtype\":\"ERROR\",\"msgdata\":{\"name\":\"x\"}}");
    rig_assert_told(&bed->rig, LISTENER, "");
    puppet_say(&bed->puppet, "{\"msgtype\":\"CLOSE\",\"msgdata\":{}}");
    rig_assert_told(&bed->rig, LISTENER, "ENDED(closed)");
    puppet_assert_heard(&bed->puppet, ""); /* is not answered */
}

static void test_nothing_is_heard_after_close(void **state)
{
    struct bed *bed = *state;
    struct bytes frames = BYTES_EMPTY;

    message_encode(&frames, MESSAGE_CLOSE, "{}", 2);
    message_encode(&frames, MESSAGE_CHAT_REFUSE, "{}", 2);
    puppet_record(&bed->puppet, RECORD_DATA, bytes_data(&frames), bytes_length(&frames));
    bytes_done(&frames);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(closed)");
}

static void test_unknown_frames_have_a_rate(void **state)
{
    struct bed *bed = *state;

    for (unsigned i = 0; i < LINK_UNKNOWN_PER_MINUTE; i++)
        puppet_frame(&bed->puppet, 77, NULL, 0);
    rig_assert_told(&bed->rig, LISTENER, "");
    puppet_frame(&bed->puppet, 77, NULL, 0);
    assert_closed(bed, "limit");
}

static void test_unknown_record_type(void **state)
{
    struct bed *bed = *state;

    puppet_record(&bed->puppet, RECORD_SWITCHED + 1, NULL, 0);
    assert_closed(bed, "malformed");
}

/* --- Renewal --- */

static void test_renewal_records_out_of_turn(void **state)
{
    struct bed *bed = *state;

    for (unsigned type = RECORD_RENEW_1; type <= RECORD_SWITCHED; type++) {
        puppet_record(&bed->puppet, type, NULL, 0);
        assert_closed(bed, "not_renewed");
        restart(state);
    }
}

/* Has the puppet start a renewal. */
static void puppet_ask(struct bed *bed)
{
    struct puppet *puppet = &bed->puppet;
    struct mono due = mono_after(bed->rig.now.mono, KEYS_RENEWAL_MS);

    keys_carry_data(&puppet->keys, bed->rig.now.mono);
    assert_int_equal(keys_expire(&puppet->keys, due, &bed->rig.wire[DIALLER]), OK);
    link_rig_run(&bed->rig);
}

static void test_renewal_by_a_puppet(void **state)
{
    struct bed *bed = *state;

    puppet_ask(bed);
    puppet_assert_heard(&bed->puppet, "");
    link_rig_run(&bed->rig);
    puppet_assert_heard(&bed->puppet, "");
    assert_int_equal(bed->puppet.keys.renewal, KEYS_SETTLED);
    puppet_say(&bed->puppet, "{\"msgtype\":\"PING\",\"msgdata\":{}}");
    puppet_assert_heard(&bed->puppet, "PONG");
    assert_int_equal(bed->puppet.keys.send.nonce, 1); /* the first under the new key */
}

/* A renewal costs as much as a handshake: the next one comes too early, or just in time. */
static void test_renewals_have_a_rate(void **state)
{
    struct bed *bed = *state;

    for (int early = 0; early <= 1; early++) {
        puppet_ask(bed);
        puppet_assert_heard(&bed->puppet, "");
        link_rig_run(&bed->rig);
        puppet_assert_heard(&bed->puppet, "");
        bed->rig.now.mono = mono_after(bed->rig.now.mono, (uint64_t)(LINK_RENEWAL_MS_MIN - early));
        puppet_ask(bed);
        if (early) {
            assert_closed(bed, "not_renewed");
        } else {
            puppet_assert_heard(&bed->puppet, "");
            rig_assert_told(&bed->rig, LISTENER, "");
            restart(state);
        }
    }
}

static void test_renewal_asked_twice(void **state)
{
    struct bed *bed = *state;

    puppet_ask(bed);
    puppet_record(&bed->puppet, RECORD_RENEW_1, NULL, 0);
    assert_closed(bed, "not_renewed");
}

static void test_renewal_with_another_key(void **state)
{
    struct bed *bed = *state;

    /* the puppet's Ed25519 key is another one in the last message */
    struct identity other = bed->rig.identities[DIALLER];
    other.key.bytes[0] ^= 1;
    bed->puppet.keys.setup.identity = &other;
    puppet_ask(bed);
    puppet_assert_heard(&bed->puppet, "");
    link_rig_run(&bed->rig);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(not_renewed)");
}

static void test_renewal_of_another_session(void **state)
{
    struct bed *bed = *state;

    bed->puppet.keys.hash[0] ^= 1;
    puppet_ask(bed);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(not_renewed)");
}

/* A dialler that does not renew is closed, data or not in the last minutes. */
static void test_never_renewed(void **state)
{
    struct bed *bed = *state;

    uint64_t left_ms = KEYS_USE_MS_MAX;
    for (; left_ms > LINK_PING_MS; left_ms -= LINK_PING_MS) {
        link_rig_pass(&bed->rig, LINK_PING_MS);
        puppet_say(&bed->puppet, "{\"msgtype\":\"PONG\",\"msgdata\":{}}");
    }
    link_rig_pass(&bed->rig, left_ms - 1);
    rig_assert_told(&bed->rig, LISTENER, "");
    link_rig_pass(&bed->rig, 1);
    rig_assert_told(&bed->rig, LISTENER, "ENDED(not_renewed)");
}

#define RIG_TEST(test)    cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
#define PUPPET_TEST(test) cmocka_unit_test_setup_teardown(test, puppet_setup, puppet_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_garbage_instead_of_a_preamble),
        RIG_TEST(test_wrong_lengths_in_the_handshake),
        RIG_TEST(test_any_altered_byte_only_closes),
        RIG_TEST(test_cut_anywhere_only_closes),
        RIG_TEST(test_repeating_only_closes),
        RIG_TEST(test_reordering_only_closes),
        RIG_TEST(test_replay_of_a_session),
        PUPPET_TEST(test_hello_comes_first_and_once),
        PUPPET_TEST(test_unknown_frames_are_skipped),
        PUPPET_TEST(test_unknown_frames_have_a_rate),
        PUPPET_TEST(test_malformed_messages_close),
        PUPPET_TEST(test_oversized_frames_close),
        PUPPET_TEST(test_frame_sizes_of_tiers),
        PUPPET_TEST(test_stream_in_crumbs),
        PUPPET_TEST(test_types_too_often),
        PUPPET_TEST(test_links_own_messages_are_not_told),
        PUPPET_TEST(test_nothing_is_heard_after_close),
        PUPPET_TEST(test_unknown_record_type),
        PUPPET_TEST(test_renewal_records_out_of_turn),
        PUPPET_TEST(test_renewal_by_a_puppet),
        PUPPET_TEST(test_renewals_have_a_rate),
        PUPPET_TEST(test_renewal_asked_twice),
        PUPPET_TEST(test_renewal_with_another_key),
        PUPPET_TEST(test_renewal_of_another_session),
        PUPPET_TEST(test_never_renewed),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
