#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/users.h"

/* Root, and three who are neither root nor whoever runs this test. */
enum { ROOT = 0, ANNA = 1, BERT, CARL, USERS };
enum { OF_OTHERS = CLIENTS_MAX - CLIENTS_KEPT };

static struct {
    struct users users;
    struct client clients[CLIENTS_MAX];
    size_t count;
} rig;

static uid_t id_of(int user)
{
    return user == ROOT ? 0 : geteuid() + (uid_t)user;
}

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    users_init(&rig.users);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (rig.count > 0)
        users_leave(&rig.users, &rig.clients[--rig.count]);
    users_done(&rig.users);
    return 0;
}

static struct client *enter(int user)
{
    struct client *client = &rig.clients[rig.count++];

    client->caller.user = id_of(user);
    users_enter(&rig.users, client);
    return client;
}

/* As many clients as find a place. */
static size_t enter_all(int user)
{
    const size_t before = rig.count;

    while (users_have_place(&rig.users, id_of(user)))
        enter(user);
    return rig.count - before;
}

/* --- Places --- */

static void test_who_is_the_owner(void **state)
{
    (void)state;
    assert_true(enter(ROOT)->user->is_owner);
    assert_false(enter(ANNA)->user->is_owner);
    rig.clients[rig.count].caller.user = geteuid();
    users_enter(&rig.users, &rig.clients[rig.count++]);
    assert_true(rig.clients[2].user->is_owner);
}

/* Who is outside of the daemon's user namespace shows as user 65534, whoever it is; only root can
 * run this as that user. */
static void test_nobody_is_not_the_owner(void **state)
{
    (void)state;
    const uid_t me = geteuid(), nobody = 65534;

    if (me == 0)
        assert_int_equal(seteuid(nobody), 0);
    rig.clients[rig.count].caller.user = nobody;
    users_enter(&rig.users, &rig.clients[rig.count++]);
    enter(ROOT);
    assert_int_equal(seteuid(me), 0);
    assert_false(rig.clients[0].user->is_owner);
    assert_true(rig.clients[1].user->is_owner);
}

static void test_one_has_half_of_the_places(void **state)
{
    (void)state;
    assert_int_equal(enter_all(ANNA), OF_OTHERS / 2);
    assert_int_equal(users_clients_of(&rig.users, id_of(ANNA)), OF_OTHERS / 2);
    assert_int_equal(users_clients_of(&rig.users, id_of(BERT)), 0);
}

static void test_the_next_find_places(void **state)
{
    (void)state;
    enter_all(ANNA);
    assert_int_equal(enter_all(BERT), OF_OTHERS / 4);
    assert_int_equal(enter_all(CARL), OF_OTHERS / 8);
}

static void test_places_for_the_owner(void **state)
{
    (void)state;
    /* All who may, until none of them finds a place. */
    for (int user = ANNA; rig.users.clients < OF_OTHERS; user++)
        assert_true(enter_all(user) > 0);
    assert_false(users_have_place(&rig.users, id_of(ANNA)));
    assert_false(users_have_place(&rig.users, geteuid() + 70000));
    assert_int_equal(enter_all(ROOT), CLIENTS_KEPT);
    assert_int_equal(rig.users.clients, CLIENTS_MAX);
}

static void test_the_owner_alone(void **state)
{
    (void)state;
    assert_int_equal(enter_all(ROOT), CLIENTS_MAX);
    assert_false(users_have_place(&rig.users, id_of(ANNA)));
}

static void test_a_place_becomes_free(void **state)
{
    (void)state;
    enter_all(ANNA);
    users_leave(&rig.users, &rig.clients[--rig.count]);
    assert_int_equal(enter_all(ANNA), 1);
}

/* --- What waits for them --- */

/* As many calls as there is room for. */
static size_t call_all(struct client *client)
{
    size_t calls = 0;

    for (; users_have_room(&rig.users, client->user, USERS_CALLS); calls++)
        users_call_begins(&rig.users, client);
    return calls;
}

static void end_calls(struct client *client)
{
    while (client->call_count > 0)
        users_call_ends(&rig.users, client);
}

static void test_one_has_half_of_the_calls(void **state)
{
    (void)state;
    struct client *anna = enter(ANNA), *bert = enter(BERT), *root = enter(ROOT);

    assert_int_equal(call_all(anna), CLIENTS_CALLS_MAX / 2);
    assert_int_equal(call_all(bert), CLIENTS_CALLS_MAX / 4);
    assert_int_equal(call_all(root), CLIENTS_CALLS_MAX / 4);
    end_calls(anna);
    end_calls(bert);
    end_calls(root);
}

static void test_one_has_half_of_the_output(void **state)
{
    (void)state;
    struct client *anna = enter(ANNA), *bert = enter(BERT);

    bytes_reserve(&anna->out, CLIENTS_OUTPUT_MAX / 2);
    bytes_commit(&anna->out, CLIENTS_OUTPUT_MAX / 2 - 1);
    users_count(&rig.users, anna);
    users_count(&rig.users, anna);
    assert_true(users_have_room(&rig.users, anna->user, USERS_OUTPUT));
    bytes_commit(&anna->out, 1);
    users_count(&rig.users, anna);
    assert_false(users_have_room(&rig.users, anna->user, USERS_OUTPUT));
    assert_true(users_have_room(&rig.users, bert->user, USERS_OUTPUT));
    bytes_consume(&anna->out, 1);
    users_count(&rig.users, anna);
    assert_true(users_have_room(&rig.users, anna->user, USERS_OUTPUT));
    bytes_done(&anna->out);
}

static void test_input_is_counted(void **state)
{
    (void)state;
    struct client *anna = enter(ANNA);

    bytes_reserve(&anna->lines.in, CLIENTS_INPUT_MAX / 2);
    bytes_commit(&anna->lines.in, CLIENTS_INPUT_MAX / 2);
    users_count(&rig.users, anna);
    assert_false(users_have_room(&rig.users, anna->user, USERS_INPUT));
    assert_true(users_have_room(&rig.users, anna->user, USERS_OUTPUT));
    rpc_lines_done(&anna->lines);
    users_count(&rig.users, anna);
    assert_true(users_have_room(&rig.users, anna->user, USERS_INPUT));
}

static void count_a_wake(struct client *client)
{
    client->number++;
}

static void test_held_until_there_is_room(void **state)
{
    (void)state;
    struct client *busy = enter(ANNA), *first = enter(ANNA), *second = enter(ANNA);

    call_all(busy);
    users_hold(first, USERS_CALLS);
    users_hold(second, USERS_CALLS);
    users_hold(first, USERS_CALLS);
    users_release(&rig.users, count_a_wake);
    assert_int_equal(first->number + second->number, 0);
    users_call_ends(&rig.users, busy);
    users_release(&rig.users, count_a_wake);
    assert_int_equal(first->number, 1);
    assert_int_equal(second->number, 0);
    users_hold(second, USERS_OUTPUT); /* of that there is room */
    users_release(&rig.users, count_a_wake);
    users_release(&rig.users, count_a_wake);
    assert_int_equal(second->number, 1);
    end_calls(busy);
}

/* --- Turns --- */

static void test_users_in_turn(void **state)
{
    (void)state;
    struct client *anna[3], *bert, *root;

    for (int i = 0; i < 3; i++)
        anna[i] = enter(ANNA);
    bert = enter(BERT);
    root = enter(ROOT);
    for (int i = 0; i < 3; i++)
        users_wait(&rig.users, anna[i]);
    users_wait(&rig.users, bert);
    users_wait(&rig.users, bert);
    users_wait(&rig.users, root);
    assert_int_equal(users_waiting(&rig.users), 5);
    assert_ptr_equal(users_next(&rig.users), anna[0]);
    users_wait(&rig.users, anna[0]); /* behind the others of anna */
    assert_ptr_equal(users_next(&rig.users), bert);
    assert_ptr_equal(users_next(&rig.users), root);
    assert_ptr_equal(users_next(&rig.users), anna[1]);
    assert_ptr_equal(users_next(&rig.users), anna[2]);
    assert_ptr_equal(users_next(&rig.users), anna[0]);
    assert_null(users_next(&rig.users));
    assert_int_equal(users_waiting(&rig.users), 0);
}

static void test_gone_while_it_waits(void **state)
{
    (void)state;
    struct client *anna = enter(ANNA), *bert = enter(BERT);

    users_wait(&rig.users, bert);
    users_wait(&rig.users, anna);
    users_leave(&rig.users, bert);
    rig.count--;
    assert_int_equal(users_waiting(&rig.users), 1);
    assert_ptr_equal(users_next(&rig.users), anna);
    assert_null(users_next(&rig.users));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_who_is_the_owner),           TEST(test_nobody_is_not_the_owner),
        TEST(test_one_has_half_of_the_places), TEST(test_the_next_find_places),
        TEST(test_places_for_the_owner),       TEST(test_the_owner_alone),
        TEST(test_a_place_becomes_free),       TEST(test_one_has_half_of_the_calls),
        TEST(test_one_has_half_of_the_output), TEST(test_input_is_counted),
        TEST(test_held_until_there_is_room),   TEST(test_users_in_turn),
        TEST(test_gone_while_it_waits),
    };

    return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
