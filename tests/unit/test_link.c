#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "tests/unit/link_rig.h"

static int rig_setup(void **state)
{
    static struct rig rig;

    link_rig_init(&rig);
    *state = &rig;
    return 0;
}

static int rig_teardown(void **state)
{
    link_rig_done(*state);
    return 0;
}

/* --- Beginning --- */

static void test_each_way(void **state)
{
    struct rig *rig = *state;

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        link_rig_connect(rig, way);
        link_rig_send(rig, DIALLER, MESSAGE_CHAT_REQUEST, "{\"a\":1}");
        link_rig_send(rig, LISTENER, MESSAGE_CHAT_REFUSE, "{\"b\":2}");
        link_rig_run(rig);
        rig_assert_told(rig, LISTENER, "CHAT_REQUEST{\"a\":1}");
        rig_assert_told(rig, DIALLER, "CHAT_REFUSE{\"b\":2}");
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

static void test_cut_anywhere(void **state)
{
    struct rig *rig = *state;

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        for (rig->piece = 1; rig->piece < 20; rig->piece += 3) {
            size_t piece = rig->piece;
            link_rig_connect(rig, way);
            link_rig_send(rig, DIALLER, MESSAGE_CHAT_REQUEST, "{}");
            link_rig_run(rig);
            rig_assert_told(rig, LISTENER, "CHAT_REQUEST{}");
            link_rig_done(rig);
            link_rig_init(rig);
            rig->piece = piece;
        }
    }
}

/* What is for the other role is skipped, and the link goes on. */
static void test_roles_hear_what_is_theirs(void **state)
{
    struct rig *rig = *state;

    rig->settings[LISTENER].role = ROLE_TRACKER;
    link_rig_connect(rig, RIG_XK);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_REQUEST, "{}");
    link_rig_send(rig, DIALLER, MESSAGE_REGISTER, "{}");
    link_rig_send(rig, DIALLER, MESSAGE_RECORDS, "{}");
    link_rig_send(rig, DIALLER, MESSAGE_EXIT_NETWORK, "{}");
    link_rig_send(rig, LISTENER, MESSAGE_REGISTER, "{}");
    link_rig_send(rig, LISTENER, MESSAGE_RECORDS, "{}");
    link_rig_send(rig, LISTENER, MESSAGE_EXIT_NETWORK, "{}");
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "REGISTER{} EXIT_NETWORK{}");
    rig_assert_told(rig, DIALLER, "RECORDS{} EXIT_NETWORK{}");
}

/* Messages wait while a link is held, PING among them; keys are renewed all the same. */
static void test_held(void **state)
{
    struct rig *rig = *state;

    link_rig_connect(rig, RIG_XK);
    link_hold(rig->links[LISTENER]);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_REQUEST, "{\"a\":1}");
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_REFUSE, "{\"b\":2}");
    link_rig_run(rig);
    for (int i = 0; i < 8; i++) {
        link_rig_send(rig, LISTENER, MESSAGE_CHAT_REQUEST, "{}");
        link_rig_pass(rig, KEYS_RENEWAL_MS / 4);
    }
    rig_assert_told(rig, LISTENER, "");
    link_go_on(rig->links[LISTENER]);
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "CHAT_REQUEST{\"a\":1} CHAT_REFUSE{\"b\":2}");
    assert_true(link_is_proved(rig->links[DIALLER]));
}

static void test_held_with_too_much(void **state)
{
    enum { TEXT = 4096 };
    static char text[TEXT + 16] = "{\"a\":\"";
    struct rig *rig = *state;

    memset(text + 6, 'x', TEXT);
    memcpy(text + strlen(text), "\"}", 3);
    link_rig_connect(rig, RIG_XK);
    link_hold(rig->links[LISTENER]);
    for (int i = 0; i < LINK_HELD_MAX / TEXT - 2; i++)
        link_rig_send(rig, DIALLER, MESSAGE_RECORDS, text);
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "");
    for (int i = 0; i < 4; i++)
        link_rig_send(rig, DIALLER, MESSAGE_RECORDS, text);
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "ENDED(limit)");
    rig_assert_told(rig, DIALLER, "ENDED(closed)");
}

/* What is not proved is never answered with more than it sent, and before a preamble not at all. */
static void test_no_amplification(void **state)
{
    struct rig *rig = *state;

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        link_rig_listen(rig, way);
        link_rig_drain(rig, LISTENER);
        assert_int_equal(rig->sent[LISTENER], 0);
        link_rig_dial(rig, way);
        link_rig_drain(rig, DIALLER);
        link_rig_deliver(rig, DIALLER);
        assert_true(rig->sent[LISTENER] > 0);
        assert_true(rig->sent[LISTENER] < rig->sent[DIALLER]);
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

static void test_dial_of_a_bad_key(void **state)
{
    struct rig *rig = *state;
    const uint8_t key[CRYPTO_PUBLIC_SIZE] = {1};
    struct link *link = NULL;

    assert_int_equal(link_new_dialled(&rig->settings[DIALLER], key, rig->now, &link), ERR_BAD_KEY);
    assert_null(link);
}

static void test_somebody_else_answers(void **state)
{
    struct rig *rig = *state;
    uint64_t seed = 9;
    struct random random = {rig->settings[DIALLER].random.fill, &seed};
    struct identity third;

    identity_create(&random, &third);
    link_rig_listen(rig, RIG_XK);
    assert_int_equal(
        link_new_dialled(&rig->settings[DIALLER], third.key.bytes, rig->now, &rig->links[DIALLER]),
        OK);
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "ENDED(handshake)");
    assert_int_equal(rig->sent[LISTENER], 0);
    link_lost(rig->links[DIALLER]);
    link_rig_run(rig);
    rig_assert_told(rig, DIALLER, "ENDED(lost)");
}

static void test_network_keys_differ(void **state)
{
    struct rig *rig = *state;
    static const uint8_t other[NOISE_PSK_SIZE];
    static const enum rig_way ways[] = {RIG_XK_PSK0, RIG_XX_PSK0};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        for (int has_none = 0; has_none < 2; has_none++) {
            link_rig_listen(rig, ways[i]);
            rig->settings[LISTENER].network_key = has_none ? NULL : other;
            link_rig_dial(rig, ways[i]);
            link_rig_run(rig);
            rig_assert_told(rig, LISTENER, "ENDED(handshake)");
            assert_int_equal(rig->sent[LISTENER], 0);
            link_rig_done(rig);
            link_rig_init(rig);
        }
    }
}

static void test_self(void **state)
{
    struct rig *rig = *state;

    for (enum rig_way way = 0; way < RIG_WAYS; way++) {
        rig->identities[LISTENER] = rig->identities[DIALLER];
        link_rig_listen(rig, way);
        link_rig_dial(rig, way);
        link_rig_run(rig);
        rig_assert_told(rig, DIALLER, "ENDED(self)");
        rig_assert_told(rig, LISTENER, "");
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

/* --- Messages --- */

static void test_many_messages_in_order(void **state)
{
    struct rig *rig = *state;
    struct bytes expected = BYTES_EMPTY;

    link_rig_connect(rig, RIG_XK);
    size_t before = rig->sent[DIALLER];
    for (int i = 0; i < 100; i++) {
        char data[32];
        snprintf(data, sizeof data, "{\"n\":%d}", i);
        link_rig_send(rig, DIALLER, MESSAGE_HAVE, data);
        bytes_text(&expected, i > 0 ? " HAVE" : "HAVE");
        bytes_text(&expected, data);
    }
    bytes_u8(&expected, '\0');
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, (const char *)bytes_data(&expected));
    /* all in one record */
    const char frame[] = "....1{\"msgtype\":\"HAVE\",\"msgdata\":{\"n\":10}}";
    assert_true(rig->sent[DIALLER] - before < 100 * sizeof frame);
    bytes_done(&expected);
}

/* A message as long as a contact may send spans several records. */
static void test_long_messages(void **state)
{
    struct rig *rig = *state;
    static char data[LINK_CONTACT_FRAME_MAX];

    link_rig_connect(rig, RIG_XK);
    link_set_tier(rig->links[LISTENER], LINK_CONTACT);
    size_t length = sizeof data - sizeof "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":}";
    memset(data, 'x', length);
    memcpy(data, "{\"t\":\"", 6);
    memcpy(data + length - 2, "\"}", 3);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_MESSAGE, data);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_ACK, "{}");
    rig->piece = 4096;
    link_rig_run(rig);
    assert_int_equal(bytes_length(&rig->told[LISTENER]), 12 + length + sizeof " CHAT_ACK{}" - 1);
    assert_memory_equal(bytes_data(&rig->told[LISTENER]), "CHAT_MESSAGE{\"t\":\"xxx", 20);
    bytes_done(&rig->told[LISTENER]);
}

static void test_contacts_messages_are_not_told_of_strangers(void **state)
{
    struct rig *rig = *state;

    link_rig_connect(rig, RIG_XK);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_MESSAGE, "{\"n\":1}");
    link_rig_send(rig, DIALLER, MESSAGE_HAVE, "{}");
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "HAVE{}");
    link_set_tier(rig->links[LISTENER], LINK_CONTACT);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_MESSAGE, "{\"n\":2}");
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "CHAT_MESSAGE{\"n\":2}");
    link_set_tier(rig->links[LISTENER], LINK_STRANGER);
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_ACK, "{}");
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "");
}

/* Raised between two messages that came together: the second is already a contact's. */
static void test_raised_in_the_middle(void **state)
{
    struct rig *rig = *state;
    struct link_output output;

    link_rig_connect(rig, RIG_XK);
    link_rig_send(rig, DIALLER, MESSAGE_HAVE, "{}");
    link_rig_send(rig, DIALLER, MESSAGE_CHAT_MESSAGE, "{}");
    link_rig_drain(rig, DIALLER);
    link_input(rig->links[LISTENER], bytes_data(&rig->wire[DIALLER]),
               bytes_length(&rig->wire[DIALLER]), rig->now);
    bytes_done(&rig->wire[DIALLER]);
    assert_true(link_next(rig->links[LISTENER], &output));
    assert_int_equal(output.message.type, MESSAGE_HAVE);
    link_set_tier(rig->links[LISTENER], LINK_CONTACT);
    assert_true(link_next(rig->links[LISTENER], &output));
    assert_int_equal(output.message.type, MESSAGE_CHAT_MESSAGE);
    assert_false(link_next(rig->links[LISTENER], &output));
}

/* --- Time --- */

static void test_proof_in_time(void **state)
{
    struct rig *rig = *state;

    link_rig_listen(rig, RIG_XX);
    link_rig_pass(rig, LINK_PROOF_MS - 1);
    rig_assert_told(rig, LISTENER, "");
    link_rig_pass(rig, 1);
    rig_assert_told(rig, LISTENER, "ENDED(timeout)");
    assert_int_equal(rig->sent[LISTENER], 0);

    link_rig_dial(rig, RIG_XX);
    rig->links[LISTENER] = (link_free(rig->links[LISTENER]), NULL);
    link_rig_pass(rig, LINK_PROOF_MS - 1);
    rig_assert_told(rig, DIALLER, "");
    link_rig_pass(rig, 1);
    rig_assert_told(rig, DIALLER, "ENDED(timeout)");
}

static void test_idle_links_stay(void **state)
{
    struct rig *rig = *state;

    link_rig_connect(rig, RIG_XK);
    link_rig_pass(rig, 4 * 60 * 1000); /* one renewal, for HELLO was data */
    size_t before = rig->sent[DIALLER] + rig->sent[LISTENER];
    link_rig_pass(rig, 60 * 60 * 1000);
    rig_assert_told(rig, DIALLER, "");
    rig_assert_told(rig, LISTENER, "");

    /* each half minute at most a PING and a PONG from each side */
    const char ping[] = "....1{\"msgtype\":\"PING\",\"msgdata\":{}}";
    size_t after = rig->sent[DIALLER] + rig->sent[LISTENER];
    assert_in_range(after - before, 1, 120 * 4 * (sizeof ping + RECORD_OVERHEAD));
}

static void test_silence(void **state)
{
    struct rig *rig = *state;
    struct link *listener;

    link_rig_connect(rig, RIG_XK);
    listener = rig->links[LISTENER];
    rig->links[LISTENER] = NULL; /* hears and says nothing any more */
    link_rig_pass(rig, LINK_PING_MS - 1);
    assert_int_equal(bytes_length(&rig->wire[DIALLER]), 0);
    link_rig_pass(rig, 1);
    size_t ping = bytes_length(&rig->wire[DIALLER]);
    assert_true(ping > 0);
    link_rig_pass(rig, LINK_PING_MS);
    assert_int_equal(bytes_length(&rig->wire[DIALLER]), 2 * ping);
    link_rig_pass(rig, LINK_SILENCE_MS - 2 * LINK_PING_MS - 1);
    rig_assert_told(rig, DIALLER, "");
    link_rig_pass(rig, 1);
    rig_assert_told(rig, DIALLER, "ENDED(timeout)");
    assert_int_equal(bytes_length(&rig->wire[DIALLER]), 2 * ping); /* nobody would read a CLOSE */
    link_free(listener);
}

/* Data every few seconds for half an hour, both ways: many renewals, and nothing is lost. */
static void test_renewal_while_data_flow(void **state)
{
    struct rig *rig = *state;
    static const enum rig_way ways[] = {RIG_XX, RIG_XK_PSK0};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        link_rig_connect(rig, ways[i]);
        rig->piece = 7;
        for (int n = 0; n < 600; n++) {
            char data[32], expected[64];
            snprintf(data, sizeof data, "{\"n\":%d}", n);
            snprintf(expected, sizeof expected, "HAVE%s", data);
            link_rig_send(rig, DIALLER, MESSAGE_HAVE, data);
            link_rig_send(rig, LISTENER, MESSAGE_HAVE, data);
            link_rig_pass(rig, 3000);
            rig_assert_told(rig, DIALLER, expected);
            rig_assert_told(rig, LISTENER, expected);
        }
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

/* --- End --- */

static void test_close_is_told(void **state)
{
    struct rig *rig = *state;
    static const enum link_end told[] = {LINK_END_SHUTDOWN, LINK_END_DUPLICATE, LINK_END_SELF,
                                         LINK_END_LIMIT,    LINK_END_CREDIT,    LINK_END_MALFORMED,
                                         LINK_END_REMOVED};

    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "ENDED(%s)", link_end_name(told[i]));
        link_rig_connect(rig, RIG_XK);
        link_rig_send(rig, LISTENER, MESSAGE_HAVE, "{}"); /* what was said before is still heard */
        link_close(rig->links[LISTENER], told[i]);
        link_close(rig->links[LISTENER], LINK_END_BLOCKED); /* no effect */
        link_rig_send(rig, LISTENER, MESSAGE_HAVE, "{}");   /* nor this */
        link_rig_run(rig);
        rig_assert_told(rig, LISTENER, expected);
        rig_assert_told(rig, DIALLER, "HAVE{} ENDED(closed)");
        assert_int_equal(link_reason_told(rig->links[DIALLER]), told[i]);
        link_rig_pass(rig, 1000000); /* and that was all */
        rig_assert_told(rig, LISTENER, "");
        rig_assert_told(rig, DIALLER, "");
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

/* What nobody says of itself, or what we do not know, is no reason. */
static void test_close_for_no_reason(void **state)
{
    struct rig *rig = *state;
    static const char *const said[] = {"{}", "{\"reason\":\"lost\"}", "{\"reason\":\"closed\"}",
                                       "{\"reason\":7}", "{\"reason\":\"shutdown \"}"};

    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        link_rig_connect(rig, RIG_XK);
        link_rig_send(rig, LISTENER, MESSAGE_CLOSE, said[i]);
        link_rig_run(rig);
        rig_assert_told(rig, DIALLER, "ENDED(closed)");
        assert_int_equal(link_reason_told(rig->links[DIALLER]), LINK_END_CLOSED);
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

static void test_close_is_not_told(void **state)
{
    struct rig *rig = *state;
    static const enum link_end untold[] = {LINK_END_BLOCKED, LINK_END_SLOW, LINK_END_TIMEOUT};

    for (size_t i = 0; i < sizeof untold / sizeof untold[0]; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "ENDED(%s)", link_end_name(untold[i]));
        link_rig_connect(rig, RIG_XK);
        size_t before = rig->sent[LISTENER];
        link_rig_send(rig, LISTENER, MESSAGE_HAVE, "{}");
        link_close(rig->links[LISTENER], untold[i]);
        link_rig_run(rig);
        rig_assert_told(rig, LISTENER, expected);
        assert_int_equal(rig->sent[LISTENER], before);
        link_rig_done(rig);
        link_rig_init(rig);
    }
}

static void test_close_before_the_proof(void **state)
{
    struct rig *rig = *state;

    link_rig_listen(rig, RIG_XK);
    link_close(rig->links[LISTENER], LINK_END_SHUTDOWN);
    link_rig_run(rig);
    rig_assert_told(rig, LISTENER, "ENDED(shutdown)");
    assert_int_equal(rig->sent[LISTENER], 0);
}

static void test_lost(void **state)
{
    struct rig *rig = *state;

    link_rig_connect(rig, RIG_XK);
    link_rig_send(rig, DIALLER, MESSAGE_HAVE, "{}");
    size_t before = rig->sent[DIALLER];
    link_lost(rig->links[DIALLER]);
    assert_int_equal(link_deadline(rig->links[DIALLER]).ms, MONO_NEVER.ms);
    link_input(rig->links[DIALLER], (const uint8_t *)"late", 4, rig->now);
    link_expire(rig->links[DIALLER], rig->now);
    link_rig_run(rig);
    rig_assert_told(rig, DIALLER, "ENDED(lost)");
    assert_int_equal(rig->sent[DIALLER], before);

    rig->links[DIALLER] = (link_free(rig->links[DIALLER]), NULL);
    link_rig_dial(rig, RIG_XK); /* also before anything was taken */
    link_lost(rig->links[DIALLER]);
    link_rig_run(rig);
    rig_assert_told(rig, DIALLER, "ENDED(lost)");
    assert_int_equal(rig->sent[DIALLER], before);
}

static void test_names_of_ends(void **state)
{
    (void)state;
    assert_string_equal(link_end_name(LINK_END_SHUTDOWN), "shutdown");
    assert_string_equal(link_end_name(LINK_END_NOT_RENEWED), "not_renewed");
    assert_string_equal(link_end_name(LINK_END_CLOSED), "closed");
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_each_way),
        RIG_TEST(test_cut_anywhere),
        RIG_TEST(test_roles_hear_what_is_theirs),
        RIG_TEST(test_held),
        RIG_TEST(test_held_with_too_much),
        RIG_TEST(test_no_amplification),
        RIG_TEST(test_dial_of_a_bad_key),
        RIG_TEST(test_somebody_else_answers),
        RIG_TEST(test_network_keys_differ),
        RIG_TEST(test_self),
        RIG_TEST(test_many_messages_in_order),
        RIG_TEST(test_long_messages),
        RIG_TEST(test_contacts_messages_are_not_told_of_strangers),
        RIG_TEST(test_raised_in_the_middle),
        RIG_TEST(test_proof_in_time),
        RIG_TEST(test_idle_links_stay),
        RIG_TEST(test_silence),
        RIG_TEST(test_renewal_while_data_flow),
        RIG_TEST(test_close_is_told),
        RIG_TEST(test_close_for_no_reason),
        RIG_TEST(test_close_is_not_told),
        RIG_TEST(test_close_before_the_proof),
        RIG_TEST(test_lost),
        RIG_TEST(test_names_of_ends),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
