/* A tracker's board for classic peers: one name space with keys, limits, order, and its end. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/limits.h"
#include "daemon/core/overlay/classic_board.h"

enum { KIND = 7 };

struct rig {
    struct timers timers;
    struct classic_board board;
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    *state = rig;
    if (rig == NULL)
        return 1;
    classic_board_init(&rig->board, &rig->timers, KIND);
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    classic_board_done(&rig->board);
    assert_int_equal(rig->timers.count, 0);
    assert_int_equal(rig->board.keyed_count, 0);
    timers_done(&rig->timers);
    free(rig);
    return 0;
}

static struct host_port at(const char *host, uint16_t port)
{
    struct host_port at = {.port = port};

    snprintf(at.host, sizeof at.host, "%s", host);
    return at;
}

/* As a tracker does it: names here are their own folded form. */
static enum error put(struct rig *rig, const char *name, const char *host, uint16_t port)
{
    const struct host_port where = at(host, port);
    enum error error = classic_board_check(&rig->board, name, host);

    if (error == OK)
        classic_board_put(&rig->board, name, name, &where, (struct mono){1000});
    return error;
}

static bool put_keyed(struct rig *rig, const char *name, const char *host, uint16_t port)
{
    const struct host_port where = at(host, port);

    return classic_board_put_keyed(&rig->board, name, name, host != NULL ? &where : NULL);
}

static void one_name_space(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(put(rig, "alice", "192.0.2.1", 40000), OK);
    assert_int_equal(put(rig, "alice", "192.0.2.2", 40000), ERR_NAME_TAKEN);
    assert_int_equal(put(rig, "alice", "192.0.2.1", 40001), OK); /* moved to another port */
    assert_int_equal(classic_board_find(&rig->board, "alice")->at.port, 40001);
    const struct host_port left = at("192.0.2.1", 40000), there = at("192.0.2.1", 40001);
    assert_null(classic_board_at(&rig->board, &left));
    assert_string_equal(classic_board_at(&rig->board, &there)->name, "alice");

    assert_true(put_keyed(rig, "alice", "chat.example.org", 443)); /* the classic one yields */
    assert_true(classic_board_find(&rig->board, "alice")->is_keyed);
    assert_null(classic_board_at(&rig->board, &there));
    const struct host_port keyed = at("chat.example.org", 443);
    assert_null(classic_board_at(&rig->board, &keyed)); /* is no classic peer */
    assert_int_equal(put(rig, "alice", "192.0.2.1", 40000), ERR_NAME_TAKEN);
    assert_false(put_keyed(rig, "alice", "chat.example.org", 444));
    assert_int_equal(classic_board_find(&rig->board, "alice")->at.port, 444);

    assert_int_equal(put(rig, "bob", "192.0.2.1", 40000), OK);
    assert_true(put_keyed(rig, "bob", NULL, 0)); /* also to who does not speak the dialect */
    assert_null(classic_board_find(&rig->board, "bob"));
    assert_int_equal(rig->board.count, 1);
}

static void end_of_a_key(void **state)
{
    struct rig *rig = *state;

    put_keyed(rig, "alice", "192.0.2.1", 40000);
    assert_int_equal(put(rig, "bob", "192.0.2.1", 40000), OK);
    classic_board_remove_keyed(&rig->board, "alice");
    classic_board_remove_keyed(&rig->board, "bob"); /* is none */
    classic_board_remove_keyed(&rig->board, "carol");
    assert_null(classic_board_find(&rig->board, "alice"));
    assert_non_null(classic_board_find(&rig->board, "bob"));
    put_keyed(rig, "alice", "192.0.2.1", 40000);
    put_keyed(rig, "alice", NULL, 0); /* does not speak the dialect any more */
    assert_null(classic_board_find(&rig->board, "alice"));
}

static void limits(void **state)
{
    struct rig *rig = *state;
    char name[32], host[32];

    for (int i = 0; i < CLASSIC_REGISTERED_BLOCK_MAX; i++) {
        snprintf(name, sizeof name, "one-%d", i);
        assert_int_equal(put(rig, name, "192.0.2.1", 40000), OK);
    }
    assert_int_equal(put(rig, "more", "192.0.2.1", 40000), ERR_LIMIT_EXCEEDED);
    assert_int_equal(put(rig, "one-1", "192.0.2.1", 40001), OK); /* is on it already */
    for (int i = CLASSIC_REGISTERED_BLOCK_MAX; i < CLASSIC_REGISTERED_MAX; i++) {
        snprintf(name, sizeof name, "many-%d", i);
        snprintf(host, sizeof host, "198.51.%d.%d", i / 256, i % 256);
        assert_int_equal(put(rig, name, host, 40000), OK);
    }
    assert_int_equal(put(rig, "more", "203.0.113.1", 40000), ERR_LIMIT_EXCEEDED);
    assert_false(put_keyed(rig, "more", "203.0.113.1", 40000)); /* keys have a bound of their own */
    for (int i = 1; i < CLASSIC_KEYED_MAX; i++) {
        snprintf(name, sizeof name, "keyed-%d", i);
        put_keyed(rig, name, "203.0.113.1", 40000);
    }
    assert_true(put_keyed(rig, "one-2", "203.0.113.1", 40000)); /* not shown, and still its name */
    assert_null(classic_board_find(&rig->board, "one-2"));
    assert_int_equal(rig->board.count, CLASSIC_REGISTERED_MAX - 1 + CLASSIC_KEYED_MAX);
}

static void in_order(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"delta", "alpha", "echo", "charlie", "bravo"};

    assert_int_equal(classic_board_behind(&rig->board, NULL), 0);
    assert_int_equal(classic_board_behind(&rig->board, "alpha"), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(put(rig, names[i], "192.0.2.1", 40000), OK);
    for (size_t i = 1; i < 5; i++)
        assert_true(strcmp(rig->board.entries[i - 1]->folded, rig->board.entries[i]->folded) < 0);
    assert_int_equal(classic_board_behind(&rig->board, NULL), 0);
    assert_int_equal(classic_board_behind(&rig->board, "b"), 1);
    assert_int_equal(classic_board_behind(&rig->board, "bravo"), 2);
    assert_int_equal(classic_board_behind(&rig->board, "echo"), 5);
}

static void forgotten(void **state)
{
    struct rig *rig = *state;
    const struct mono later = mono_after((struct mono){1000}, CLASSIC_REGISTERED_MS);

    assert_int_equal(put(rig, "alice", "192.0.2.1", 40000), OK);
    assert_int_equal(put(rig, "bob", "192.0.2.1", 40001), OK);
    put_keyed(rig, "carol", "192.0.2.1", 40002); /* goes when its key does */
    classic_board_heard(&rig->board, classic_board_find(&rig->board, "bob"), (struct mono){2000});
    struct timer *due = timers_take_due(&rig->timers, later);
    assert_ptr_equal(due, &classic_board_find(&rig->board, "alice")->timer);
    assert_int_equal(due->kind, KIND);
    assert_null(timers_take_due(&rig->timers, later));
    classic_board_remove(&rig->board, classic_board_find(&rig->board, "alice"));
    assert_non_null(timers_take_due(&rig->timers, mono_after(later, 1000)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_name_space, setup, teardown),
        cmocka_unit_test_setup_teardown(end_of_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(forgotten, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
