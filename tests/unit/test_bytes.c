#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"

/* --- Reader --- */

static void test_reader_takes_in_order(void **state)
{
    (void)state;
    const uint8_t input[] = {1,    0x23, 0x45, 0xFE, 0xDC, 0xBA, 0x98, 0x80, 0x01, 0x02,
                             0x03, 0x04, 0x05, 0x06, 0x07, 'a',  'b',  'c',  'd',  'e'};
    char copied[2];
    struct reader r;

    reader_init(&r, input, sizeof(input));
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 0x2345);
    assert_true(reader_u32(&r) == UINT32_C(0xFEDCBA98));
    assert_true(reader_u64(&r) == UINT64_C(0x8001020304050607));
    assert_ptr_equal(reader_take(&r, 3), input + 15);
    assert_false(reader_is_finished(&r));
    reader_copy(&r, copied, sizeof(copied));
    assert_memory_equal(copied, "de", 2);
    assert_true(reader_is_finished(&r));
}

static void test_reader_takes_all_that_is_there(void **state)
{
    (void)state;
    const uint8_t input[8] = {0};
    struct reader r;

    reader_init(&r, input, 8);
    reader_u64(&r);
    assert_true(reader_is_finished(&r));
    reader_init(&r, input, 7);
    assert_int_equal(reader_u64(&r), 0);
    assert_true(r.failed);
    reader_init(&r, input, 8);
    assert_non_null(reader_take(&r, 8));
    reader_init(&r, input, 8);
    assert_null(reader_take(&r, 9));
    reader_init(&r, input, 8);
    assert_null(reader_take(&r, SIZE_MAX));
}

/* What was missing gives zeros, and so does everything after it, even where it would have fitted.
 */
static void test_reader_failure_sticks(void **state)
{
    (void)state;
    const uint8_t input[] = {0xFF, 0xFF, 0xFF};
    char copied[] = "xx";
    struct reader r;

    reader_init(&r, input, sizeof(input));
    assert_true(reader_u32(&r) == 0);
    assert_true(r.failed);
    assert_int_equal(r.left, 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_u16(&r), 0);
    assert_null(reader_take(&r, 0));
    reader_copy(&r, copied, 2);
    assert_memory_equal(copied, "\0\0", 2);
    assert_false(reader_is_finished(&r));
}

static void test_reader_of_nothing(void **state)
{
    (void)state;
    struct reader r;

    reader_init(&r, NULL, 0);
    assert_non_null(reader_take(&r, 0));
    reader_copy(&r, NULL, 0);
    assert_true(reader_is_finished(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_false(reader_is_finished(&r));
}

/* --- Writer --- */

static void test_writer_fills_exactly(void **state)
{
    (void)state;
    const uint8_t expected[] = {0xFF, 1, 2, 0xFF, 0xFE, 0xFD, 0xFC, 1, 2,   3,
                                4,    5, 6, 7,    8,    'h',  'i',  9, 'x', 'y'};
    uint8_t out[sizeof(expected) + 1];
    uint8_t *room;
    struct writer w;

    memset(out, 0xAA, sizeof(out));
    writer_init(&w, out, sizeof(expected));
    writer_u8(&w, 0xFF);
    writer_u16(&w, 0x0102);
    writer_u32(&w, UINT32_C(0xFFFEFDFC));
    writer_u64(&w, UINT64_C(0x0102030405060708));
    writer_bytes(&w, "hi", 2);
    writer_u8(&w, 9);
    room = writer_reserve(&w, 2);
    assert_ptr_equal(room, out + sizeof(expected) - 2);
    memcpy(room, "xy", 2);
    writer_bytes(&w, NULL, 0);
    assert_non_null(writer_reserve(&w, 0));
    assert_false(w.failed);
    assert_int_equal(w.length, sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    assert_int_equal(out[sizeof(expected)], 0xAA);
}

/* What does not fit leaves the buffer alone, and so does everything after it. */
static void test_writer_failure_sticks(void **state)
{
    (void)state;
    uint8_t out[5] = {0};
    const uint8_t expected[5] = {1, 2, 0, 0, 0};
    struct writer w;

    writer_init(&w, out, 5);
    writer_u16(&w, 0x0102);
    writer_u32(&w, UINT32_MAX);
    assert_true(w.failed);
    writer_u8(&w, 7);
    writer_bytes(&w, "x", 1);
    assert_null(writer_reserve(&w, 1));
    assert_int_equal(w.length, 2);
    assert_memory_equal(out, expected, sizeof(expected));
}

static void test_writer_of_nothing(void **state)
{
    (void)state;
    struct writer w;

    writer_init(&w, NULL, 0);
    assert_non_null(writer_reserve(&w, 0));
    assert_false(w.failed);
    assert_null(writer_reserve(&w, SIZE_MAX));
    assert_true(w.failed);
}

/* --- Queue --- */

static void assert_content(const struct bytes *b, const char *text)
{
    assert_int_equal(bytes_length(b), strlen(text));
    assert_memory_equal(bytes_data(b), text, strlen(text));
}

static void test_queue_is_in_order(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;

    bytes_append(&b, "one", 3);
    bytes_text(&b, "two");
    bytes_text(&b, "");
    bytes_append(&b, NULL, 0);
    assert_content(&b, "onetwo");
    bytes_consume(&b, 2);
    bytes_u8(&b, '3');
    assert_content(&b, "etwo3");
    bytes_consume(&b, 0);
    bytes_consume(&b, 5);
    assert_int_equal(bytes_length(&b), 0);
    bytes_done(&b);
}

static void test_queue_integers(void **state)
{
    (void)state;
    const uint8_t expected[] = {0xFF, 1, 2, 0xFC, 0xFD, 0xFE, 0xFF};
    struct bytes b = BYTES_EMPTY;

    bytes_u8(&b, 0xFF);
    bytes_u16(&b, 0x0102);
    bytes_u32(&b, UINT32_C(0xFCFDFEFF));
    assert_int_equal(bytes_length(&b), sizeof(expected));
    assert_memory_equal(bytes_data(&b), expected, sizeof(expected));
    bytes_done(&b);
}

static void test_queue_gives_memory_back(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;

    assert_null(bytes_data(&b));
    bytes_text(&b, "text");
    bytes_consume(&b, 4);
    assert_null(b.memory);
    assert_int_equal(b.size, 0);
    bytes_consume(&b, 0);
    bytes_done(&b);
    bytes_done(&b);
}

static void test_queue_keeps_memory_when_cleared(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;
    uint8_t *memory;

    bytes_clear(&b);
    bytes_text(&b, "text");
    memory = b.memory;
    bytes_clear(&b);
    assert_int_equal(bytes_length(&b), 0);
    bytes_text(&b, "next");
    assert_ptr_equal(b.memory, memory);
    assert_content(&b, "next");
    bytes_done(&b);
}

static void test_queue_reserve_and_commit(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;

    assert_non_null(bytes_reserve(&b, 0));
    memset(bytes_reserve(&b, 1000), 'x', 1000);
    assert_int_equal(bytes_length(&b), 0);
    bytes_commit(&b, 3);
    assert_content(&b, "xxx");
    bytes_commit(&b, 0);
    bytes_consume(&b, 2);
    assert_content(&b, "x");
    bytes_done(&b);
}

/* Appends and consumes in uneven steps, beside a counter that knows what must come out. */
static void test_queue_against_a_model(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;
    uint8_t in = 0, out = 0, step[700];
    size_t length = 0;
    uint32_t random = 1;

    for (int round = 0; round < 20000; round++) {
        size_t size;

        random = random * 1103515245 + 12345;
        size = random >> 16 & 0x1FF;
        if ((random >> 28) < 8) {
            for (size_t i = 0; i < size; i++)
                step[i] = in++;
            bytes_append(&b, step, size);
            length += size;
        } else {
            size = size < length ? size : length;
            for (size_t i = 0; i < size; i++)
                assert_int_equal(bytes_data(&b)[i], out++);
            bytes_consume(&b, size);
            length -= size;
        }
        assert_int_equal(bytes_length(&b), length);
    }
    bytes_done(&b);
}

/* A queue that never runs empty must not grow with what passed through it. */
static void test_queue_does_not_creep(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;

    bytes_text(&b, "0123456789");
    for (int round = 0; round < 100000; round++) {
        bytes_text(&b, "0123456789");
        bytes_consume(&b, 10);
    }
    assert_true(b.size <= 256);
    bytes_done(&b);
}

static void die_consume(void *arg)
{
    bytes_consume(arg, 5);
}

static void die_commit(void *arg)
{
    struct bytes *b = arg;

    bytes_commit(b, b->size - b->end + 1);
}

static void die_reserve(void *arg)
{
    bytes_reserve(arg, SIZE_MAX - 1);
}

static void test_queue_misuse_aborts(void **state)
{
    (void)state;
    struct bytes b = BYTES_EMPTY;

    bytes_text(&b, "text");
    unit_assert_aborts(die_consume, &b, "common/bytes.c:");
    unit_assert_aborts(die_commit, &b, "common/bytes.c:");
    unit_assert_aborts(die_reserve, &b, "common/bytes.c:");
    bytes_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_takes_in_order),
        cmocka_unit_test(test_reader_takes_all_that_is_there),
        cmocka_unit_test(test_reader_failure_sticks),
        cmocka_unit_test(test_reader_of_nothing),
        cmocka_unit_test(test_writer_fills_exactly),
        cmocka_unit_test(test_writer_failure_sticks),
        cmocka_unit_test(test_writer_of_nothing),
        cmocka_unit_test(test_queue_is_in_order),
        cmocka_unit_test(test_queue_integers),
        cmocka_unit_test(test_queue_gives_memory_back),
        cmocka_unit_test(test_queue_keeps_memory_when_cleared),
        cmocka_unit_test(test_queue_reserve_and_commit),
        cmocka_unit_test(test_queue_against_a_model),
        cmocka_unit_test(test_queue_does_not_creep),
        cmocka_unit_test(test_queue_misuse_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
