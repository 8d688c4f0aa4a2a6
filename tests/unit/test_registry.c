#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/overlay/peer_record.h"
#include "daemon/core/overlay/registry.h"
#include "tests/unit/seeded.h"

enum { HEAD = 1 + CRYPTO_PUBLIC_SIZE + 8 + 8 + 4, RECORD_MAX = HEAD + 64 };

struct fixture {
    uint64_t seed;
    struct registry registry;
    struct mono now;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    const struct random random = seeded(&f->seed);

    f->seed = 11;
    f->now.ms = 1000;
    registry_init(&f->registry, &random);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    registry_done(&f->registry);
    free(f);
    return 0;
}

/* The front of a record, which is all that the registry looks at; `mark` makes it another one. */
static void make_record(uint32_t who, uint8_t mark, uint8_t record[RECORD_MAX])
{
    memset(record, mark, RECORD_MAX);
    record[0] = 1;
    memset(record + 1, 0, CRYPTO_PUBLIC_SIZE);
    memcpy(record + 1, &who, sizeof who);
}

static const uint8_t *key_in(const uint8_t *record)
{
    return record + 1;
}

static enum error try_put(struct fixture *f, uint32_t who, const char *name, uint8_t mark,
                          size_t length, uint64_t block)
{
    uint8_t record[RECORD_MAX];
    enum error error;

    make_record(who, mark, record);
    error = registry_check(&f->registry, key_in(record), name, block);
    if (error == OK)
        registry_put(&f->registry, name, record, length, block,
                     mono_after(f->now, REGISTRATION_MS));
    return error;
}

static enum error put(struct fixture *f, uint32_t who, const char *name)
{
    return try_put(f, who, name, 0, RECORD_MAX, who);
}

static uint32_t number_of(const struct fixture *f, uint32_t who)
{
    uint8_t record[RECORD_MAX];

    make_record(who, 0, record);
    return registry_of_key(&f->registry, key_in(record));
}

static uint32_t expire(struct fixture *f)
{
    uint32_t number, count = 0;

    while (registry_due(&f->registry, f->now, &number)) {
        registry_remove(&f->registry, number);
        count++;
    }
    return count;
}

/* The names from a place on, at most so many, with a blank after each. */
static const char *names_from(const struct fixture *f, struct name_order_place place, int max)
{
    static char text[256]; /* scratch */
    struct registration found;

    text[0] = '\0';
    while (max-- > 0 && registry_next(&f->registry, &place, &found)) {
        strcat(text, found.name);
        strcat(text, " ");
    }
    return text;
}

static const char *all_names(const struct fixture *f)
{
    return names_from(f, registry_from(&f->registry, ""), 20);
}

/* --- */

static void test_nobody(void **state)
{
    struct fixture *f = *state;
    uint32_t number;

    assert_int_equal(number_of(f, 1), REGISTRY_NONE);
    assert_int_equal(registry_of_name(&f->registry, "alice"), REGISTRY_NONE);
    assert_string_equal(all_names(f), "");
    assert_false(registry_due(&f->registry, f->now, &number));
    assert_true(registry_deadline(&f->registry).ms == MONO_NEVER.ms);
}

static void test_one(void **state)
{
    struct fixture *f = *state;
    uint8_t record[RECORD_MAX];

    assert_int_equal(put(f, 1, "alice"), OK);
    make_record(1, 0, record);
    const uint32_t number = number_of(f, 1);
    assert_int_not_equal(number, REGISTRY_NONE);
    assert_int_equal(registry_of_name(&f->registry, "alice"), number);
    const struct registration found = registry_at(&f->registry, number);
    assert_string_equal(found.name, "alice");
    assert_int_equal(found.record_length, RECORD_MAX);
    assert_memory_equal(found.record, record, RECORD_MAX);
    assert_string_equal(all_names(f), "alice ");

    registry_remove(&f->registry, number);
    assert_int_equal(number_of(f, 1), REGISTRY_NONE);
    assert_int_equal(registry_of_name(&f->registry, "alice"), REGISTRY_NONE);
    assert_string_equal(all_names(f), "");
    assert_int_equal(f->registry.count, 0);
}

static void test_another_record(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "alice");
    for (size_t length = HEAD; length <= RECORD_MAX; length += 7) {
        uint8_t record[RECORD_MAX];
        make_record(1, (uint8_t)length, record);
        assert_int_equal(try_put(f, 1, "alice", (uint8_t)length, length, 1), OK);
        const struct registration found = registry_at(&f->registry, number_of(f, 1));
        assert_int_equal(found.record_length, length);
        assert_memory_equal(found.record, record, length);
        assert_string_equal(found.name, "alice");
    }
    assert_int_equal(f->registry.count, 1);
}

static void test_a_name_is_there_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, 1, "alice"), OK);
    assert_int_equal(put(f, 2, "alice"), ERR_NAME_TAKEN);
    assert_int_equal(number_of(f, 2), REGISTRY_NONE);
    assert_int_equal(put(f, 2, "bob"), OK);
    assert_int_equal(put(f, 2, "alice"), ERR_NAME_TAKEN);
    assert_int_equal(put(f, 1, "alicia"), OK); /* another name: the old one is free */
    assert_int_equal(registry_of_name(&f->registry, "alice"), REGISTRY_NONE);
    assert_int_equal(put(f, 2, "alice"), OK);
    assert_string_equal(all_names(f), "alice alicia ");
    assert_int_equal(f->registry.count, 2);
}

/* --- Pages --- */

static void test_pages(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"b", "ab", "abc", "a", "abd", "ac", "aa", "b\xc3\xa9"};

    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put(f, i + 1, names[i]);
    assert_string_equal(all_names(f), "a aa ab abc abd ac b b\xc3\xa9 ");
    assert_string_equal(names_from(f, registry_from(&f->registry, "ab"), 3), "ab abc abd ");
    assert_string_equal(names_from(f, registry_from(&f->registry, "abb"), 1), "abc ");
    assert_string_equal(names_from(f, registry_behind(&f->registry, "ab"), 2), "abc abd ");
    assert_string_equal(names_from(f, registry_behind(&f->registry, "abb"), 1), "abc ");
    assert_string_equal(names_from(f, registry_behind(&f->registry, "b\xc3\xa9"), 1), "");
    assert_string_equal(names_from(f, registry_from(&f->registry, "c"), 1), "");
    registry_remove(&f->registry, registry_of_name(&f->registry, "abc"));
    assert_string_equal(names_from(f, registry_behind(&f->registry, "abc"), 1), "abd ");
}

/* --- Deadlines --- */

static void test_ends_in_the_order_of_renewal(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "a");
    f->now.ms += 1000;
    put(f, 2, "b");
    f->now.ms += 1000;
    put(f, 3, "c");
    f->now.ms += 1000;
    put(f, 1, "a");
    assert_int_equal(registry_deadline(&f->registry).ms, f->now.ms - 2000 + REGISTRATION_MS);
    f->now.ms += REGISTRATION_MS - 2001;
    assert_int_equal(expire(f), 0);
    f->now.ms += 1;
    assert_int_equal(expire(f), 1);
    assert_string_equal(all_names(f), "a c ");
    f->now.ms += 1000;
    assert_int_equal(expire(f), 1);
    assert_string_equal(all_names(f), "a ");
    f->now.ms += 1000;
    assert_int_equal(expire(f), 1);
    assert_true(registry_deadline(&f->registry).ms == MONO_NEVER.ms);
}

static void put_too_early(void *argument)
{
    struct fixture *f = argument;

    f->now.ms -= 1;
    put(f, 2, "b");
}

static void test_deadlines_only_grow(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "a");
    unit_assert_aborts(put_too_early, f, "registry.c:");
}

/* --- Bounds --- */

static void test_of_one_block(void **state)
{
    struct fixture *f = *state;
    char name[16];

    for (uint32_t i = 0; i < REGISTRY_BLOCK_MAX; i++) {
        snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(try_put(f, i + 1, name, 0, HEAD, 7), OK);
    }
    assert_int_equal(try_put(f, 9999, "late", 0, HEAD, 7), ERR_LIMIT_EXCEEDED);
    assert_int_equal(try_put(f, 9999, "late", 0, HEAD, 8), OK); /* from elsewhere */
    assert_int_equal(try_put(f, 9999, "late", 0, HEAD, 7), ERR_LIMIT_EXCEEDED);
    assert_int_equal(try_put(f, 1, "other", 0, HEAD, 7), OK); /* who has a place keeps it */
    assert_int_equal(try_put(f, 1, "other", 0, HEAD, 8), OK); /* and makes room when it moves */
    assert_int_equal(try_put(f, 9999, "late", 0, HEAD, 7), OK);
    assert_int_equal(try_put(f, 1, "other", 0, HEAD, 7), ERR_LIMIT_EXCEEDED);
    registry_remove(&f->registry, number_of(f, 2));
    assert_int_equal(try_put(f, 1, "other", 0, HEAD, 7), OK);
    f->now.ms += REGISTRATION_MS;
    assert_int_equal(expire(f), REGISTRY_BLOCK_MAX); /* one was removed, one came */
    assert_int_equal(f->registry.of_block.count, 0);
}

static void test_in_all(void **state)
{
    struct fixture *f = *state;
    char name[16];

    for (uint32_t i = 0; i < REGISTRY_MAX; i++) {
        snprintf(name, sizeof name, "%06x", i);
        assert_int_equal(try_put(f, i + 1, name, 0, HEAD, i), OK);
    }
    assert_int_equal(put(f, REGISTRY_MAX + 1, "late"), ERR_LIMIT_EXCEEDED);
    assert_int_equal(put(f, 77, "another"), OK);
    assert_int_equal(f->registry.count, REGISTRY_MAX);
    registry_remove(&f->registry, number_of(f, 78));
    assert_int_equal(put(f, REGISTRY_MAX + 1, "late"), OK);
    f->now.ms += REGISTRATION_MS;
    assert_int_equal(expire(f), REGISTRY_MAX);
    assert_int_equal(f->registry.used, REGISTRY_MAX); /* places were used again */
}

/* --- Against a naive one --- */

enum { WHO_MAX = 60, NAMES_MAX = 40, BLOCKS = 9 };

struct known {
    bool is_there;
    char name[16];
    uint8_t mark;
    size_t length;
    uint64_t block;
    struct mono deadline;
};

static const struct known *known_by_name(const struct known *known, const char *name)
{
    for (uint32_t who = 0; who < WHO_MAX; who++)
        if (known[who].is_there && strcmp(known[who].name, name) == 0)
            return &known[who];
    return NULL;
}

static void check_equal(const struct fixture *f, const struct known *known)
{
    struct name_order_place place = registry_from(&f->registry, "");
    struct registration found;
    uint32_t count = 0;
    char last[16] = "";

    for (uint32_t who = 0; who < WHO_MAX; who++) {
        uint8_t record[RECORD_MAX];
        const uint32_t number = number_of(f, who);
        assert_int_equal(number != REGISTRY_NONE, known[who].is_there);
        if (!known[who].is_there)
            continue;
        count++;
        make_record(who, known[who].mark, record);
        found = registry_at(&f->registry, number);
        assert_string_equal(found.name, known[who].name);
        assert_int_equal(found.record_length, known[who].length);
        assert_memory_equal(found.record, record, found.record_length);
        assert_int_equal(registry_of_name(&f->registry, known[who].name), number);
    }
    assert_int_equal(f->registry.count, count);
    while (registry_next(&f->registry, &place, &found)) {
        assert_true(strcmp(last, found.name) < 0);
        assert_non_null(known_by_name(known, found.name));
        snprintf(last, sizeof last, "%s", found.name);
        count--;
    }
    assert_int_equal(count, 0);
}

static void expire_known(const struct fixture *f, struct known *known)
{
    for (uint32_t who = 0; who < WHO_MAX; who++)
        if (mono_due(known[who].deadline, f->now))
            known[who].is_there = false;
}

static void put_both(struct fixture *f, struct known *known, const struct random *random)
{
    const uint32_t who = random_below(random, WHO_MAX);
    struct known new = {.is_there = true,
                        .mark = (uint8_t)random_below(random, 256),
                        .length = HEAD + random_below(random, RECORD_MAX - HEAD),
                        .block = random_below(random, BLOCKS),
                        .deadline = mono_after(f->now, REGISTRATION_MS)};
    snprintf(new.name, sizeof new.name, "%x", random_below(random, NAMES_MAX));
    if (known[who].is_there && random_below(random, 3) > 0)
        snprintf(new.name, sizeof new.name, "%s", known[who].name);
    const struct known *holder = known_by_name(known, new.name);
    const enum error expected = holder != NULL && holder != &known[who] ? ERR_NAME_TAKEN : OK;

    assert_int_equal(try_put(f, who, new.name, new.mark, new.length, new.block), expected);
    if (expected == OK)
        known[who] = new;
}

static void test_random(void **state)
{
    struct fixture *f = *state;
    const struct random random = seeded(&f->seed);
    struct known known[WHO_MAX] = {{.is_there = false}};

    for (int i = 0; i < 20000; i++) {
        const uint32_t what = random_below(&random, 100);
        const uint32_t who = random_below(&random, WHO_MAX);
        if (what < 80)
            put_both(f, known, &random);
        else if (what < 90 && known[who].is_there) {
            registry_remove(&f->registry, number_of(f, who));
            known[who].is_there = false;
        } else {
            f->now.ms += random_below(&random, REGISTRATION_MS / 4);
            expire(f);
            expire_known(f, known);
        }
        if (i % 50 == 0)
            check_equal(f, known);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nobody),
        TEST(test_one),
        TEST(test_another_record),
        TEST(test_a_name_is_there_once),
        TEST(test_pages),
        TEST(test_ends_in_the_order_of_renewal),
        TEST(test_deadlines_only_grow),
        TEST(test_of_one_block),
        TEST(test_in_all),
        TEST(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
