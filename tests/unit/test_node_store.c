/* A node and its disk: nothing is answered before it is durable, and when the disk fails everything
 * is as it was before. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "tests/unit/node_rig.h"

static int setup(void **state)
{
    struct node_rig *rig = xcalloc(1, sizeof *rig);

    node_rig_init(rig);
    node_rig_know(rig, 1, "alice", CONSENT_MUTUAL);
    node_rig_know(rig, 2, "bob", CONSENT_PENDING);
    node_rig_know(rig, 3, "carol", CONSENT_NONE);
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

/* What changes something, of a contact that has a chat. */
static const struct change_call {
    enum api_method method;
    const char *params;
} changes[] = {
    {API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}"},
    {API_CHAT_DISCONNECT, "{\"peer\":\"alice\"}"},
    {API_CONTACT_RENAME, "{\"peer\":\"alice\",\"alias\":\"alicia\"}"},
    {API_CONTACT_REMOVE, "{\"peer\":\"alice\"}"},
    {API_CONTACT_BLOCK, "{\"peer\":\"alice\"}"},
};

enum { CHANGES = sizeof changes / sizeof changes[0] };

static char *all_there_is(struct node_rig *rig)
{
    char *contacts = xstrdup(node_rig_look(rig, API_CONTACT_LIST));
    char *chats = xstrdup(node_rig_look(rig, API_CHAT_CONNECTED));
    char *all = xmalloc(strlen(contacts) + strlen(chats) + 1);

    strcpy(all, contacts);
    strcat(all, chats);
    free(contacts);
    free(chats);
    return all;
}

static void answered_when_durable(void **state)
{
    struct node_rig *rig = *state;

    for (size_t i = 0; i < CHANGES; i++) {
        const uint64_t call = node_rig_call(rig, changes[i].method, "%s", changes[i].params);
        node_rig_expect_open(rig, call);
        node_rig_commit(rig);
        node_rig_expect(rig, call, OK);
        node_rig_done(rig);
        free(rig);
        setup(state);
        rig = *state;
    }
}

static void as_it_was_when_the_disk_fails(void **state)
{
    struct node_rig *rig = *state;
    char *before = all_there_is(rig);

    for (size_t i = 0; i < CHANGES; i++) {
        const uint64_t call = node_rig_call(rig, changes[i].method, "%s", changes[i].params);
        node_rig_fail(rig, i % 2 == 0 ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED);
        node_rig_expect(rig, call, i % 2 == 0 ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED);
        char *after = all_there_is(rig);
        assert_string_equal(after, before);
        free(after);
    }
    for (size_t i = 0; i < CHANGES; i++) { /* and all at once */
        node_rig_call(rig, changes[i].method, "%s", changes[i].params);
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"hi\"}");
    }
    node_rig_fail(rig, ERR_STORAGE_FULL);
    char *after = all_there_is(rig);
    assert_string_equal(after, before);
    free(after);
    free(before);
}

/* Calls that follow one another fail together; a call after the failure was heard stands alone. */
static void failures_end_where_they_are_heard(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t first =
        node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"alice\",\"alias\":\"a\"}");
    const uint64_t second =
        node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"bob\",\"alias\":\"b\"}");

    model_store_fail(rig->store, 1, ERR_STORAGE_FAILED);
    node_rig_hear(rig, 1);
    node_rig_expect(rig, first, ERR_STORAGE_FAILED);
    node_rig_expect_open(rig, second);
    const uint64_t third =
        node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"carol\",\"alias\":\"c\"}");
    node_rig_hear(rig, 1);
    node_rig_expect(rig, second, ERR_STORAGE_FAILED);
    node_rig_expect_open(rig, third);
    node_rig_commit(rig);
    node_rig_expect(rig, third, OK);
    assert_non_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"alias\":\"alice\""));
    assert_non_null(strstr(rig->result, "\"alias\":\"bob\""));
    assert_non_null(strstr(rig->result, "\"alias\":\"c\""));
    node_rig_restart(rig); /* the same on disk */
    assert_non_null(strstr(node_rig_look(rig, API_CONTACT_LIST), "\"alias\":\"c\""));
    assert_null(strstr(rig->result, "\"alias\":\"carol\""));
}

/* A read-only answer that shows what is not durable yet waits with it. */
static void answers_keep_their_order(void **state)
{
    struct node_rig *rig = *state;
    const uint64_t rename =
        node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"alice\",\"alias\":\"a\"}");
    const uint64_t verify = node_rig_call(rig, API_CONTACT_VERIFY, "{\"peer\":\"a\"}");

    node_rig_expect_open(rig, verify);
    node_rig_fail(rig, ERR_STORAGE_FAILED);
    node_rig_expect(rig, rename, ERR_STORAGE_FAILED);
    node_rig_expect(rig, verify, ERR_STORAGE_FAILED);
}

/* The disk is tried again after 1 s, then ever less often, and once it works all goes on. */
static void the_disk_is_tried_again(void **state)
{
    struct node_rig *rig = *state;
    size_t tries = 0;

    node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"alice\",\"alias\":\"a\"}");
    node_rig_fail(rig, ERR_STORAGE_FULL);
    assert_int_equal(model_store_waiting(rig->store), 0);
    node_rig_wait(rig, STORE_RETRY_MIN_MS - 1);
    assert_int_equal(model_store_waiting(rig->store), 0);
    for (uint64_t ms = 0; ms < 10 * STORE_RETRY_MAX_MS; ms += 100) {
        node_rig_wait(rig, 100);
        tries += model_store_waiting(rig->store) > 0;
        node_rig_fail(rig, ERR_STORAGE_FULL);
    }
    assert_in_range(tries, 10, 16);
    node_rig_wait(rig, STORE_RETRY_MAX_MS);
    node_rig_commit(rig);
    const uint64_t call =
        node_rig_call(rig, API_CONTACT_RENAME, "{\"peer\":\"alice\",\"alias\":\"a\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
}

/* A message that failed leaves its key free; one that was kept is found by it again. */
static void keys_of_messages(void **state)
{
    struct node_rig *rig = *state;
    const char *params = "{\"peer\":\"alice\",\"text\":\"hi\",\"key\":\"k\"}";
    char first[NODE_RIG_TEXT_MAX];
    uint64_t call = node_rig_call(rig, API_CHAT_MESSAGE, "%s", params);

    node_rig_fail(rig, ERR_STORAGE_FAILED);
    node_rig_expect(rig, call, ERR_STORAGE_FAILED);
    call = node_rig_call(rig, API_CHAT_MESSAGE, "%s", params);
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    strcpy(first, rig->result);
    assert_non_null(strstr(first, "\"state\":\"queued\""));
    call = node_rig_call(rig, API_CHAT_MESSAGE, "%s", params);
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    assert_string_equal(rig->result, first);
    node_rig_restart(rig); /* another epoch; the key stands for what it stood for */
    call = node_rig_call(rig, API_CHAT_MESSAGE, "%s", params);
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK);
    assert_string_equal(rig->result, first);
    call = node_rig_call(rig, API_CHAT_MESSAGE,
                         "{\"peer\":\"alice\",\"text\":\"other\",\"key\":\"k\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, call, ERR_KEY_CONFLICT);
    call =
        node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"other\",\"key\":\"k\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, call, OK); /* keys are per peer */
}

static void what_is_queued_is_bounded(void **state)
{
    struct node_rig *rig = *state;
    uint64_t calls[6];

    for (size_t i = 0; i < 6; i++) /* before any of them is durable */
        calls[i] = node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
    node_rig_expect(rig, calls[5], ERR_OUTBOX_FULL);
    node_rig_commit(rig);
    node_rig_expect(rig, calls[4], OK);
    calls[0] = node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
    node_rig_expect(rig, calls[0], ERR_OUTBOX_FULL);
    calls[0] = node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"bob\",\"text\":\"hi\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, calls[0], OK);
    node_rig_restart(rig);
    calls[0] = node_rig_call(rig, API_CHAT_MESSAGE, "{\"peer\":\"alice\",\"text\":\"hi\"}");
    node_rig_expect(rig, calls[0], ERR_OUTBOX_FULL);
    calls[0] = node_rig_call(rig, API_CHAT_DISCONNECT, "{\"peer\":\"alice\"}");
    node_rig_commit(rig);
    node_rig_expect(rig, calls[0], OK);
    assert_null(strstr(node_rig_look(rig, API_CHAT_CONNECTED), "alice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(answered_when_durable),
        TEST(as_it_was_when_the_disk_fails),
        TEST(failures_end_where_they_are_heard),
        TEST(answers_keep_their_order),
        TEST(the_disk_is_tried_again),
        TEST(keys_of_messages),
        TEST(what_is_queued_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
