/* Who is known: by number, key, alias, address and prefix; which alias a newcomer gets. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/chat/contact.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/name.h"

static const struct hash_key hash_key = {1, 2};

static int setup(void **state)
{
    *state = xcalloc(1, sizeof(struct contacts));
    contacts_init(*state, &hash_key);
    return 0;
}

static int teardown(void **state)
{
    contacts_done(*state);
    free(*state);
    return 0;
}

/* Keys need not be points of the curve here: the first bytes tell them apart. */
static struct contact *put(struct contacts *contacts, uint32_t peer, const char *alias,
                           const char *name, const char *address)
{
    struct peer_row row = {.peer = peer,
                           .key = {(uint8_t)peer, (uint8_t)(peer >> 8), 7},
                           .alias = (char *)alias,
                           .name = (char *)name,
                           .address = (char *)address};

    return contacts_put(contacts, &row);
}

static void found_by_everything(void **state)
{
    struct contacts *contacts = *state;
    struct contact *alice = put(contacts, 1, "alice", "Alice", "192.0.2.1:28470");
    struct contact *bob = put(contacts, 2, "bob", NULL, "[2001:db8::1]:28470");

    assert_ptr_equal(contacts_by_number(contacts, 1), alice);
    assert_ptr_equal(contacts_by_key(contacts, bob->row.key), bob);
    assert_ptr_equal(contacts_by_alias(contacts, "alice"), alice);
    assert_ptr_equal(contacts_by_alias(contacts, "ALICE"), alice); /* compared folded */
    assert_null(contacts_by_alias(contacts, "Alic"));
    assert_ptr_equal(contacts_by_address(contacts, "192.0.2.1:28470"), alice);
    assert_null(contacts_by_address(contacts, "192.0.2.1:28471"));
    assert_int_equal(contacts->last_peer, 2);
    contacts_remove(contacts, alice);
    assert_null(contacts_by_number(contacts, 1));
    assert_null(contacts_by_alias(contacts, "alice"));
    assert_int_equal(contacts->last_peer, 2);
}

/* A new row keeps what is true while the node runs, and frees the alias that it gives up. */
static void row_replaced(void **state)
{
    struct contacts *contacts = *state;
    struct contact *alice = put(contacts, 1, "alice", "Alice", NULL);

    alice->owes_have = true;
    assert_ptr_equal(put(contacts, 1, "ally", "Alice", NULL), alice);
    assert_true(alice->owes_have);
    assert_null(contacts_by_alias(contacts, "alice"));
    assert_ptr_equal(contacts_by_alias(contacts, "ally"), alice);
    put(contacts, 1, NULL, "Alice", NULL); /* removed: the log still names it */
    assert_null(contacts_by_alias(contacts, "ally"));
    assert_ptr_equal(contacts_by_number(contacts, 1), alice);
    struct peer_row itself = alice->row; /* borrowed from what is replaced */
    itself.alias = (char *)"again";
    contacts_put(contacts, &itself);
    assert_string_equal(alice->row.name, "Alice");
}

static void find_by_prefix(void **state)
{
    struct contacts *contacts = *state;
    struct contact *alice = put(contacts, 1, "alice", NULL, NULL);
    struct contact *bob = put(contacts, 2, "bob", NULL, NULL), *found = NULL;
    char id[PEER_ID_LENGTH + 1], prefix[PEER_ID_LENGTH + 1];

    peer_id_encode(alice->row.key, id);
    assert_int_equal(contacts_find(contacts, id, &found), OK);
    assert_ptr_equal(found, alice);
    for (size_t length = 1; length < PEER_ID_LENGTH; length++) {
        memcpy(prefix, id, length);
        prefix[length] = '\0';
        found = NULL;
        assert_int_equal(contacts_find(contacts, prefix, &found),
                         length < 8 ? ERR_NO_SUCH_PEER : OK);
        assert_ptr_equal(found, length < 8 ? NULL : alice);
    }
    id[20] = id[20] == 'a' ? 'b' : 'a';
    assert_int_equal(contacts_find(contacts, id, &found), ERR_NO_SUCH_PEER);
    assert_int_equal(contacts_find(contacts, "BOB", &found), OK);
    assert_ptr_equal(found, bob);
    assert_int_equal(contacts_find(contacts, "", &found), ERR_NO_SUCH_PEER);
    assert_int_equal(contacts_find(contacts, "carol", &found), ERR_NO_SUCH_PEER);
}

/* Of a database that an older version wrote: today name_check refuses it. */
static void alias_like_an_id(void **state)
{
    struct contacts *contacts = *state;
    struct contact *bob = put(contacts, 1, "bob", NULL, NULL), *eve, *found = NULL;
    char capitals[PEER_ID_LENGTH + 1], id[PEER_ID_LENGTH + 1];

    peer_id_encode(bob->row.key, id);
    for (size_t length = PEER_ID_LENGTH; length >= 8; length--) {
        id[length] = '\0';
        for (size_t i = 0; i <= length; i++)
            capitals[i] = (char)(id[i] >= 'a' && id[i] <= 'z' ? id[i] - 'a' + 'A' : id[i]);
        eve = put(contacts, 2, capitals, NULL, NULL);
        assert_int_equal(contacts_find(contacts, id, &found), OK);
        assert_ptr_equal(found, bob);
        assert_int_equal(contacts_find(contacts, capitals, &found), OK);
        assert_ptr_equal(found, eve);
    }
    id[8] = '\0';
    put(contacts, 1, NULL, NULL, NULL); /* bob is removed */
    assert_int_equal(contacts_find(contacts, id, &found), ERR_NO_SUCH_PEER);
}

static void find_ambiguous_and_removed(void **state)
{
    struct contacts *contacts = *state;
    struct peer_row row = {.peer = 1, .key = {1, 2, 3, 4, 5, 6, 7, 8}, .alias = (char *)"one"};
    struct contact *one = contacts_put(contacts, &row), *found = NULL;
    char id[PEER_ID_LENGTH + 1];

    row.peer = 2;
    row.key[20] = 1;
    row.alias = (char *)"two";
    contacts_put(contacts, &row);
    peer_id_encode(row.key, id);
    id[12] = '\0';
    assert_int_equal(contacts_find(contacts, id, &found), ERR_AMBIGUOUS_PEER);
    assert_null(found);
    row.alias = NULL;
    contacts_put(contacts, &row);
    assert_int_equal(contacts_find(contacts, id, &found), OK);
    assert_ptr_equal(found, one);
}

static void expect_alias(struct contacts *contacts, const char *name, const char *alias)
{
    const uint8_t key[KEY_LENGTH] = {0xff, 9};
    char *given = contacts_new_alias(contacts, name, key);

    assert_string_equal(given, alias);
    free(given);
}

static void newcomers_get_a_free_alias(void **state)
{
    struct contacts *contacts = *state;
    char longest[ADDRESS_NAME_MAX + 1];

    expect_alias(contacts, "alice", "alice");
    put(contacts, 1, "alice", NULL, NULL);
    expect_alias(contacts, "alice", "alice-2");
    expect_alias(contacts, "Alice", "Alice-2"); /* the same name, folded */
    put(contacts, 2, "alice-2", NULL, NULL);
    expect_alias(contacts, "alice", "alice-3");
    memset(longest, '9', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    expect_alias(contacts, longest, longest);
    put(contacts, 3, longest, NULL, NULL);
    memcpy(longest + sizeof longest - 3, "-2", 3);
    char *shortened = contacts_new_alias(contacts, contacts_by_number(contacts, 3)->row.alias,
                                         contacts_by_number(contacts, 1)->row.key);
    assert_string_equal(shortened, longest);
    free(shortened);
}

/* Whoever types "alice" a moment after she was forgotten does not mean the next one of that name.
 */
static void a_retired_alias_is_nobody_elses(void **state)
{
    struct contacts *contacts = *state;
    struct contact *alice = put(contacts, 1, "alice", NULL, NULL);
    uint8_t key[KEY_LENGTH];

    memcpy(key, alice->row.key, KEY_LENGTH);
    contacts_retire_alias(contacts, alice);
    contacts_remove(contacts, alice);
    expect_alias(contacts, "alice", "alice-2");
    expect_alias(contacts, "ALICE", "ALICE-2");
    char *own = contacts_new_alias(contacts, "alice", key);
    assert_string_equal(own, "alice");
    free(own);
    for (uint32_t i = 0; i < RETIRED_ALIASES_MAX; i++) { /* in the end it is forgotten */
        alice = put(contacts, 2, "bob", NULL, NULL);
        contacts_retire_alias(contacts, alice);
    }
    expect_alias(contacts, "alice", "alice");
}

/* Without a usable name the alias says which key it is. */
static void newcomers_without_a_name(void **state)
{
    struct contacts *contacts = *state;
    const uint8_t key[KEY_LENGTH] = {0xff, 9};
    char id[PEER_ID_LENGTH + 1];
    char *alias = contacts_new_alias(contacts, NULL, key);

    peer_id_encode(key, id);
    assert_memory_equal(alias, "peer-", 5);
    assert_memory_equal(alias + 5, id, 8);
    assert_int_equal(strlen(alias), 13);
    assert_int_equal(name_check(alias), OK);
    free(alias);
}

static void names_of_others(void **state)
{
    struct contacts *contacts = *state;
    const struct contact *alice = put(contacts, 1, "alice", "Alice Liddell", NULL);
    const struct contact *bob = put(contacts, 2, "bob", NULL, NULL);

    assert_non_null(contacts_named(contacts, "alice", bob->row.key));
    assert_non_null(contacts_named(contacts, "Alice Liddell", bob->row.key));
    assert_null(contacts_named(contacts, "alice", alice->row.key));
    assert_null(contacts_named(contacts, "carol", bob->row.key));
}

static void blocks_are_counted(void **state)
{
    struct contacts *contacts = *state;
    const uint64_t block = address_block("192.0.2.1"), other = address_block("198.51.100.1");
    struct contact *alice = put(contacts, 1, "alice", NULL, "192.0.2.1:28470");
    struct contact *bob = put(contacts, 2, "bob", NULL, "192.0.2.1:28471");

    assert_true(contacts_know_block(contacts, block));
    assert_false(contacts_know_block(contacts, other));
    contacts_seen_in(contacts, alice, other);
    assert_true(contacts_know_block(contacts, block));
    contacts_seen_in(contacts, bob, other);
    assert_false(contacts_know_block(contacts, block));
    contacts_remove(contacts, alice);
    assert_true(contacts_know_block(contacts, other));
    contacts_seen_in(contacts, bob, 0);
    assert_false(contacts_know_block(contacts, other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(row_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(find_by_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(alias_like_an_id, setup, teardown),
        cmocka_unit_test_setup_teardown(find_ambiguous_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_get_a_free_alias, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retired_alias_is_nobody_elses, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_without_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
