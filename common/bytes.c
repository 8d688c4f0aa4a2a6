#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* --- Reader --- */

void reader_init(struct reader *r, const void *bytes, size_t length)
{
    /* Never NULL, so that nothing taken from nothing is still something. */
    *r = (struct reader){.at = length > 0 ? bytes : "", .left = length};
}

const uint8_t *reader_take(struct reader *r, size_t length)
{
    const uint8_t *taken = r->at;

    if (r->failed || length > r->left) {
        r->failed = true;
        r->left = 0;
        return NULL;
    }
    r->at += length;
    r->left -= length;
    return taken;
}

static uint64_t reader_integer(struct reader *r, size_t size)
{
    const uint8_t *taken = reader_take(r, size);
    uint64_t value = 0;

    for (size_t i = 0; taken != NULL && i < size; i++)
        value = value << 8 | taken[i];
    return value;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_integer(r, sizeof(uint8_t));
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)reader_integer(r, sizeof(uint16_t));
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)reader_integer(r, sizeof(uint32_t));
}

uint64_t reader_u64(struct reader *r)
{
    return reader_integer(r, sizeof(uint64_t));
}

void reader_copy(struct reader *r, void *out, size_t length)
{
    const uint8_t *taken = reader_take(r, length);

    if (length == 0)
        return;
    if (taken != NULL)
        memcpy(out, taken, length);
    else
        memset(out, 0, length);
}

bool reader_is_finished(const struct reader *r)
{
    return !r->failed && r->left == 0;
}

/* --- Writer --- */

static void put_integer(uint8_t *out, size_t size, uint64_t value)
{
    for (size_t i = size; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
}

void writer_init(struct writer *w, void *buffer, size_t size)
{
    *w = (struct writer){.start = size > 0 ? buffer : (uint8_t *)"", .size = size};
}

uint8_t *writer_reserve(struct writer *w, size_t length)
{
    uint8_t *room;

    if (w->failed || length > w->size - w->length) {
        w->failed = true;
        return NULL;
    }
    room = w->start + w->length;
    w->length += length;
    return room;
}

static void writer_integer(struct writer *w, size_t size, uint64_t value)
{
    uint8_t *room = writer_reserve(w, size);

    if (room != NULL)
        put_integer(room, size, value);
}

void writer_u8(struct writer *w, uint8_t value)
{
    writer_integer(w, sizeof(value), value);
}

void writer_u16(struct writer *w, uint16_t value)
{
    writer_integer(w, sizeof(value), value);
}

void writer_u32(struct writer *w, uint32_t value)
{
    writer_integer(w, sizeof(value), value);
}

void writer_u64(struct writer *w, uint64_t value)
{
    writer_integer(w, sizeof(value), value);
}

void writer_bytes(struct writer *w, const void *bytes, size_t length)
{
    uint8_t *room;

    if (length == 0)
        return;
    room = writer_reserve(w, length);
    if (room != NULL)
        memcpy(room, bytes, length);
}

/* --- Queue --- */

/* The first block: most messages and frames of a conversation fit without growing. */
enum { BYTES_SIZE_MIN = 256 };

void bytes_done(struct bytes *b)
{
    free(b->memory);
    *b = BYTES_EMPTY;
}

/* Whether moving the content to the front pays: it is not more than what was consumed since the
 * last move, so all moves together cost no more than all appends. */
static bool bytes_can_slide(const struct bytes *b, size_t needed)
{
    return needed <= b->size && bytes_length(b) <= b->begin;
}

static void bytes_grow(struct bytes *b, size_t needed)
{
    size_t length = bytes_length(b);
    size_t size = b->size > BYTES_SIZE_MIN / 2 ? b->size : BYTES_SIZE_MIN / 2;
    uint8_t *memory;

    must(size <= SIZE_MAX / 2);
    size *= 2;
    if (size < needed)
        size = needed;
    memory = xmalloc(size);
    if (length > 0)
        memcpy(memory, bytes_data(b), length);
    free(b->memory);
    *b = (struct bytes){.memory = memory, .end = length, .size = size};
}

uint8_t *bytes_make_room(struct bytes *b, size_t length)
{
    size_t content = bytes_length(b);

    must(length <= SIZE_MAX - content);
    if (b->memory != NULL && bytes_can_slide(b, content + length)) {
        memmove(b->memory, b->memory + b->begin, content);
        b->begin = 0;
        b->end = content;
    } else {
        bytes_grow(b, content + length);
    }
    return b->memory + b->end;
}

void bytes_commit(struct bytes *b, size_t length)
{
    must(length <= b->size - b->end);
    b->end += length;
}

void bytes_append(struct bytes *b, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    memcpy(bytes_reserve(b, length), bytes, length);
    b->end += length;
}

void bytes_consume(struct bytes *b, size_t length)
{
    must(length <= bytes_length(b));
    b->begin += length;
    if (b->begin == b->end)
        bytes_done(b);
}

void bytes_clear(struct bytes *b)
{
    b->begin = 0;
    b->end = 0;
}

static void bytes_integer(struct bytes *b, size_t size, uint64_t value)
{
    put_integer(bytes_reserve(b, size), size, value);
    b->end += size;
}

void bytes_u8(struct bytes *b, uint8_t value)
{
    *bytes_reserve(b, 1) = value;
    b->end++;
}

void bytes_u16(struct bytes *b, uint16_t value)
{
    bytes_integer(b, sizeof(value), value);
}

void bytes_u32(struct bytes *b, uint32_t value)
{
    bytes_integer(b, sizeof(value), value);
}

void bytes_text(struct bytes *b, const char *text)
{
    bytes_append(b, text, strlen(text));
}
