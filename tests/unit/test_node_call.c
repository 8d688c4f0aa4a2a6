/* What clients ask of a node that reaches nobody: each refusal with its own name, and dials that
 * end with whoever asked for them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/rpc.h"
#include "daemon/core/limits.h"
#include "tests/unit/node_rig.h"

static int setup(void **state)
{
    struct node_rig *rig = xcalloc(1, sizeof *rig);

    node_rig_init(rig);
    node_rig_know(rig, 1, "alice", CONSENT_MUTUAL);
    node_rig_know(rig, 2, "bob", CONSENT_NONE);
    node_rig_know(rig, 3, "carol", CONSENT_NONE);
    node_rig_asked(rig, 4, "erin", 1000);
    node_rig_start(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    node_rig_done(*state);
    free(*state);
    return 0;
}

/* --- Refusals --- */

static void refusals(void **state)
{
    static const struct {
        enum api_method method;
        const char *params;
        enum error error;
    } rows[] = {
        {API_CHAT_MESSAGE, "{\"peer\":\"dave\",\"text\":\"hi\"}", ERR_NO_SUCH_PEER},
        {API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"hi\"}", ERR_NOT_CONNECTED},
        {API_CHAT_DISCONNECT, "{\"peer\":\"dave\"}", ERR_NO_SUCH_PEER},
        {API_CHAT_DISCONNECT, "{\"peer\":\"bob\"}", ERR_NOT_CONNECTED},
        {API_CHAT_ACCEPT, "{\"request\":\"r1\"}", ERR_NO_SUCH_REQUEST},
        {API_CHAT_ACCEPT, "{\"request\":\"alice\"}", ERR_NO_SUCH_REQUEST},
        {API_CHAT_REFUSE, "{\"request\":\"dave\"}", ERR_NO_SUCH_REQUEST},
        {API_CHAT_REQUEST, "{\"to\":\"dave\"}", ERR_NO_TRACKER},
        {API_CHAT_REQUEST, "{\"to\":\"not an:address\"}", ERR_INVALID_PARAMS},
        {API_CONTACT_RENAME, "{\"peer\":\"dave\",\"alias\":\"d\"}", ERR_NO_SUCH_PEER},
        {API_CONTACT_RENAME, "{\"peer\":\"bob\",\"alias\":\"Alice\"}", ERR_NAME_TAKEN},
        {API_CONTACT_RENAME, "{\"peer\":\"bob\",\"alias\":\"a/b\"}", ERR_BAD_NAME},
        {API_CONTACT_RENAME, "{\"peer\":\"bob\",\"alias\":\"EZG3BPBVRUQG\"}", ERR_BAD_NAME},
        {API_CONTACT_VERIFY, "{\"peer\":\"dave\"}", ERR_NO_SUCH_PEER},
        {API_CONTACT_VERIFY, "{\"peer\":\"alice\",\"number\":\"12345\"}", ERR_INVALID_PARAMS},
        {API_CONTACT_REMOVE, "{\"peer\":\"dave\"}", ERR_NO_SUCH_PEER},
        {API_CONTACT_BLOCK, "{\"peer\":\"dave\"}", ERR_NO_SUCH_PEER},
        {API_CONTACT_UNBLOCK, "{\"peer\":\"dave\"}", ERR_NO_SUCH_PEER},
    };
    struct node_rig *rig = *state;
    const size_t appends = rig->appends;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        node_rig_expect(rig, node_rig_call(rig, rows[i].method, "%s", rows[i].params),
                        rows[i].error);
    assert_int_equal(rig->appends, appends); /* nothing is written for it */
}

static void nobody_asks_themselves(void **state)
{
    struct node_rig *rig = *state;

    node_rig_expect(
        rig,
        node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"%s@192.0.2.1:28470\"}", rig->identity.id),
        ERR_INVALID_PARAMS);
}

static void renamed_and_found(void **state)
{
    struct node_rig *rig = *state;
    uint64_t call = node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"%.20s\",\"alias\":\"B\"}",
                                  node_rig_id(rig, "bob"));

    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    call = node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"carol\",\"alias\":\"bob\"}");
    node_rig_commit(rig); /* a name that somebody gave up is free */
    node_rig_expect(rig, call, OK);
    node_rig_restart(rig);
    assert_non_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"alias\":\"B\""));
    assert_non_null(strstr(rig->result, "\"alias\":\"bob\""));
    assert_null(strstr(rig->result, "\"alias\":\"carol\""));
}

static void listed_in_pages(void **state)
{
    struct node_rig *rig = *state;

    node_rig_expect(rig, node_rig_call(rig, API_CONTACT_LIST, "{\"limit\":2}"), OK);
    assert_non_null(strstr(rig->result, "\"alias\":\"alice\""));
    assert_non_null(strstr(rig->result, "\"alias\":\"bob\""));
    assert_non_null(strstr(rig->result, "],\"next\":2}"));
    const uint64_t removed = node_rig_call(rig, API_CONTACT_REMOVE, "{\"peer\":\"bob\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, removed, OK);
    node_rig_expect(rig, node_rig_call(rig, API_CONTACT_LIST, "{\"after\":2}"), OK);
    assert_null(strstr(rig->result, "alice"));
    assert_non_null(strstr(rig->result, "\"alias\":\"carol\""));
    assert_null(strstr(rig->result, "\"next\""));
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_CONNECTED, "{\"limit\":1}"), OK);
    assert_non_null(strstr(rig->result, "\"alias\":\"alice\""));
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_CONNECTED, "{\"after\":1}"), OK);
    assert_string_equal(rig->result, "{\"peers\":[]}");
}

/* As many as a line holds. */
static void pages_fit_a_line(void **state)
{
    (void)state;
    struct node_rig *rig = xcalloc(1, sizeof *rig);
    char alias[65];

    node_rig_init(rig);
    for (uint32_t i = 1; i <= 5000; i++) {
        snprintf(alias, sizeof alias, "%064u", i);
        node_rig_know(rig, i, alias, CONSENT_MUTUAL);
    }
    node_rig_start(rig);
    node_rig_expect(rig, node_rig_call(rig, API_CONTACT_LIST, "{}"), OK);
    assert_in_range(rig->result_length, RPC_LINE_MAX / 2, RPC_LINE_MAX - RPC_ID_MAX - 256);
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_CONNECTED, "{}"), OK);
    assert_in_range(rig->result_length, RPC_LINE_MAX / 2, RPC_LINE_MAX - RPC_ID_MAX - 256);
    node_rig_done(rig);
    free(rig);
}

static void verified_by_the_number(void **state)
{
    struct node_rig *rig = *state;
    char digits[SAFETY_NUMBER_DIGITS + 1];
    const char *number;
    uint64_t call = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"alice\"}");

    node_rig_expect(rig, call, OK); /* only shown: nothing to wait for */
    number = strstr(rig->result, "\"safety_number\":\"");
    assert_non_null(number);
    memcpy(digits, number + 17, SAFETY_NUMBER_DIGITS);
    digits[SAFETY_NUMBER_DIGITS] = '\0';
    assert_non_null(strstr(rig->result, "\"verified\":false"));
    call = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"alice\",\"number\":\"%.30s %s\"}",
                         digits, digits + 30);
    node_rig_expect_open(rig, call);
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    assert_non_null(strstr(rig->result, "\"verified\":true"));
    node_rig_call(rig, API_CONTACT_REMOVE, "{\"peer\":\"alice\"}");
    node_rig_fail(rig, ERR_STORAGE_FAILED); /* "perhaps stored" */
    call = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"alice\"}");
    node_rig_expect(rig, call, OK);
    call = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"alice\",\"number\":\"%s\"}", digits);
    node_rig_expect_open(rig, call);
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    digits[59] = digits[59] == '0' ? '1' : '0';
    call = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"alice\",\"number\":\"%s\"}", digits);
    node_rig_expect(rig, call, ERR_INVALID_PARAMS);
}

/* Who has a chat is told so when that is durable, and no earlier failure can come back. */
static void asked_who_has_a_chat(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t accept = node_rig_call(rig, API_CHAT_ACCEPT, "{\"request\":\"erin\"}");
    uint64_t call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"erin\"}");

    node_rig_expect_open(rig, call);
    node_rig_commit(rig);
    node_rig_expect(rig, accept, OK);
    node_rig_expect(rig, call, OK);
    assert_non_null(strstr(rig->result, "\"accepted\""));
    call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"alice\"}");
    node_rig_expect(rig, call, OK); /* nothing to wait for */
    node_rig_call(rig, API_CHAT_DISCONNECT, "{\"peer\":\"alice\"}");
    node_rig_fail(rig, ERR_STORAGE_FAILED);
    call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"alice\"}");
    node_rig_expect_open(rig, call);
    node_rig_fail(rig, ERR_STORAGE_FAILED);
    node_rig_expect(rig, call, ERR_STORAGE_FAILED);
    call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"alice\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    assert_non_null(strstr(rig->result, "\"accepted\""));
}

static void blocked_and_let_in_again(void **state)
{
    struct node_rig *rig = *state;
    uint64_t call = node_rig_call(rig, API_CONTACT_BLOCK, "{\"peer\":\"alice\"}");

    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    node_rig_expect(rig,
                    node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}"),
                    ERR_BLOCKED);
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"alice\"}"), ERR_BLOCKED);
    call = node_rig_call(rig, API_CONTACT_UNBLOCK, "{\"peer\":\"alice\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    node_rig_expect(rig,
                    node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}"),
                    ERR_NOT_CONNECTED);
}

/* --- Dials --- */

static void unreachable_when_the_dial_fails(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:28470\"}");
    const size_t appends = rig->appends;

    node_rig_expect_open(rig, call);
    const struct input failed = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {rig->last_dial, ERR_UNREACHABLE, "nobody is there"}};
    node_rig_input(rig, &failed);
    node_rig_expect(rig, call, ERR_UNREACHABLE);
    assert_int_equal(rig->appends, appends); /* "keeps nothing" */
}

static void unreachable_after_a_while(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:28470\"}");
    const uint64_t dial = rig->last_dial;

    node_rig_wait(rig, ATTEMPT_MS - 1);
    node_rig_expect_open(rig, call);
    node_rig_wait(rig, 1);
    node_rig_expect(rig, call, ERR_UNREACHABLE);
    assert_int_equal(rig->cancelled_dial, dial);
    const struct input late = {.kind = INPUT_DIAL_FAILED,
                               .dial_failed = {dial, ERR_UNREACHABLE, "nobody is there"}};
    node_rig_input(rig, &late); /* crossed the cancellation: nothing more is said */
}

/* Nobody is asked who was removed or blocked while the dial to them was under way. */
static void the_dial_ends_with_its_contact(void **state)
{
    static const struct {
        const char *alias;
        enum api_method method;
        enum error error;
    } ends[] = {{"bob", API_CONTACT_REMOVE, ERR_REQUEST_EXPIRED},
                {"carol", API_CONTACT_BLOCK, ERR_BLOCKED}};
    struct node_rig *rig = *state;
    const uint64_t other = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:28470\"}");

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const uint64_t call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"%s@192.0.2.8:1\"}",
                                            node_rig_id(rig, ends[i].alias));
        node_rig_expect_open(rig, call);
        const uint64_t end = node_rig_call(rig, ends[i].method, "{\"peer\":\"%s\"}", ends[i].alias);
        node_rig_commit(rig);
        node_rig_expect(rig, end, OK);
        node_rig_expect(rig, call, ends[i].error);
        assert_int_equal(rig->cancelled_dial, rig->last_dial);
    }
    node_rig_expect_open(rig, other);
}

static void the_dial_ends_with_its_client(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t call = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:28470\"}");
    const struct input gone = {.kind = INPUT_CALL_GONE, .call_gone.client = call};

    node_rig_input(rig, &gone);
    assert_int_equal(rig->cancelled_dial, rig->last_dial);
    node_rig_wait(rig, 2 * ATTEMPT_MS);
    node_rig_expect_open(rig, call);
}

static void attempts_are_bounded(void **state)
{
    struct node_rig *rig = *state;

    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:%zu\"}", i + 1);
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:99\"}"),
                    ERR_LIMIT_EXCEEDED);
    node_rig_wait(rig, ATTEMPT_MS);
    node_rig_expect_open(rig, node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:99\"}"));
}

/* --- Waiting, and the end --- */

static void waits_at_most_so_long(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t call = node_rig_call(
        rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\",\"wait\":true,\"wait_s\":2.5}");

    node_rig_commit(rig);
    node_rig_wait(rig, 2499);
    node_rig_expect_open(rig, call);
    node_rig_wait(rig, 1);
    node_rig_expect(rig, call, OK);
    assert_non_null(strstr(rig->result, "\"state\":\"queued\""));
    assert_non_null(strstr(rig->result, "\"timed_out\":true"));
}

/* So long nobody answers, wherever the node dials. How often it dialled. */
static size_t nobody_answers(struct node_rig *rig, uint64_t s)
{
    struct input failed = {.kind = INPUT_DIAL_FAILED,
                           .dial_failed = {0, ERR_UNREACHABLE, "nobody is there"}};
    const size_t before = rig->dials;

    for (; s > 0; s--, node_rig_wait(rig, 1000))
        while (rig->told_dial < rig->last_dial) {
            failed.dial_failed.dial = ++rig->told_dial;
            node_rig_input(rig, &failed);
        }
    return rig->dials - before;
}

/* A message that is queued brings the next dial nearer, and a thousand of them no nearer. */
static void queueing_dials_soon(void **state)
{
    struct node_rig *rig = *state;

    nobody_answers(rig, 3600);
    const size_t before = rig->dials;
    node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
    node_rig_commit(rig);
    node_rig_wait(rig, DIALLER_NEWS_MS);
    assert_int_equal(rig->dials, before + 1);
    for (int i = 0; i < 3; i++) {
        nobody_answers(rig, 1);
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
        node_rig_commit(rig);
    }
    assert_in_range(nobody_answers(rig, DIALLER_NEWS_MS / 1000), 0, 1);
}

/* Who blocked us never hears that the chat is over: we do not knock for ever. */
static void goodbyes_are_said_seldom(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t week_s = 7 * 24 * 3600;

    node_rig_call(rig, API_CHAT_DISCONNECT, "{\"peer\":\"alice\"}");
    node_rig_commit(rig);
    nobody_answers(rig, 24 * 3600);
    assert_in_range(nobody_answers(rig, week_s), 7 * 3, 7 * 6);
}

/* Whoever waits for a peer does not wait for the end of a back-off as well. */
static void waiting_dials_at_once(void **state)
{
    struct node_rig *rig = *state;

    nobody_answers(rig, 3600);
    const size_t before = rig->dials;
    node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
    node_rig_commit(rig);
    node_rig_wait(rig, 0);
    assert_int_equal(rig->dials, before); /* nobody waits for that one */
    node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\",\"wait\":true}");
    node_rig_commit(rig);
    node_rig_wait(rig, 0);
    assert_int_equal(rig->dials, before + 1);
}

/* Who only asked is a stranger still after a restart, and leaves nothing behind. */
static void strangers_are_forgotten_after_a_restart(void **state)
{
    struct node_rig *rig = *state;

    node_rig_wait(rig, 999);
    assert_non_null(strstr(node_rig_look(rig, API_CHAT_REQUESTS), "\"erin\""));
    node_rig_wait(rig, 1);
    assert_null(strstr(node_rig_look(rig, API_CHAT_REQUESTS), "\"erin\""));
    assert_non_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"erin\"")); /* for a late yes */
    node_rig_expect(rig, node_rig_call(rig, API_CHAT_ACCEPT, "{\"request\":\"erin\"}"),
                    ERR_REQUEST_EXPIRED);
    node_rig_commit(rig);
    node_rig_wait(rig, REQUEST_REMEMBERED_MS);
    assert_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"erin\""));
    assert_non_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"carol\""));
}

static void waiting_ends_with_the_chat(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t wait =
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\",\"wait\":true}");

    node_rig_commit(rig);
    node_rig_expect_open(rig, wait);
    const uint64_t end = node_rig_call(rig, API_CHAT_DISCONNECT, "{\"peer\":\"alice\"}");
    node_rig_expect_open(rig, wait); /* until the end is durable */
    node_rig_commit(rig);
    node_rig_expect(rig, end, OK);
    node_rig_expect(rig, wait, OK);
}

static void stopping_answers_everybody(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t dialling = node_rig_call(rig, API_CHAT_REQUEST, "{\"to\":\"192.0.2.9:28470\"}");
    const uint64_t waiting =
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\",\"wait\":true}");

    node_rig_commit(rig);
    const uint64_t writing =
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"last\"}");
    node_rig_stop(rig);
    node_rig_commit(rig);
    node_rig_expect(rig, dialling, ERR_SHUTTING_DOWN);
    assert_true(rig->answered[waiting]);
    node_rig_expect(rig, writing, OK); /* it is durable, and says so */
    node_rig_expect(rig, node_rig_call(rig, API_CONTACT_LIST, "{}"), ERR_SHUTTING_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(refusals),
        TEST(nobody_asks_themselves),
        TEST(renamed_and_found),
        TEST(listed_in_pages),
        TEST(pages_fit_a_line),
        TEST(verified_by_the_number),
        TEST(asked_who_has_a_chat),
        TEST(blocked_and_let_in_again),
        TEST(unreachable_when_the_dial_fails),
        TEST(unreachable_after_a_while),
        TEST(the_dial_ends_with_its_contact),
        TEST(the_dial_ends_with_its_client),
        TEST(attempts_are_bounded),
        TEST(waits_at_most_so_long),
        TEST(queueing_dials_soon),
        TEST(goodbyes_are_said_seldom),
        TEST(waiting_dials_at_once),
        TEST(strangers_are_forgotten_after_a_restart),
        TEST(waiting_ends_with_the_chat),
        TEST(stopping_answers_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
