/* Bytes: a bounded reader, a bounded writer, and a queue that grows.
 *
 * Reader and writer carry a sticky error: decode or encode in a straight line and ask once at the
 * end. All integers are big-endian (p2pchat-protocol(7)). */
#ifndef P2PCHAT_COMMON_BYTES_H
#define P2PCHAT_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- Reader: a cursor over bytes that it borrows --- */

struct reader {
    const uint8_t *at;
    size_t left; /* bytes not read yet; none once it failed */
    bool failed; /* something was asked for that was not there; every later read gives zeros */
};

void reader_init(struct reader *r, const void *bytes, size_t length);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/* The next `length` bytes, borrowed from the input; NULL (and failed) when there are fewer. */
const uint8_t *reader_take(struct reader *r, size_t length);

/* Copies the next `length` bytes to `out`; zeros when there are fewer. */
void reader_copy(struct reader *r, void *out, size_t length);

/* Whether everything asked for was there and nothing is left over. */
bool reader_is_finished(const struct reader *r);

/* --- Writer: fills a buffer that it borrows --- */

struct writer {
    uint8_t *start;
    size_t size;
    size_t length; /* bytes written so far */
    bool failed;   /* something did not fit; nothing was written since */
};

void writer_init(struct writer *w, void *buffer, size_t size);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_bytes(struct writer *w, const void *bytes, size_t length);

/* Room for `length` bytes that the caller fills; NULL (and failed) when they do not fit. */
uint8_t *writer_reserve(struct writer *w, size_t length);

/* --- Queue: append at the end, consume at the front; owns its memory, which it gives back when it
 * runs empty --- */

struct bytes {
    uint8_t *memory;
    size_t begin, end; /* the content is memory[begin, end) */
    size_t size;
};

#define BYTES_EMPTY ((struct bytes){0})

void bytes_done(struct bytes *b);

static inline size_t bytes_length(const struct bytes *b)
{
    return b->end - b->begin;
}

/* The content; valid until the next call that changes the queue. NULL while there is no memory. */
static inline uint8_t *bytes_data(const struct bytes *b)
{
    return b->memory != NULL ? b->memory + b->begin : NULL;
}

void bytes_append(struct bytes *b, const void *bytes, size_t length);

/* Moves the content or gets more memory: for bytes_reserve only. */
uint8_t *bytes_make_room(struct bytes *b, size_t length);

/* Room for `length` bytes at the end for the caller to fill, counted as content once `bytes_commit`
 * says how many of them were. Valid until the next call that changes the queue; never NULL. */
static inline uint8_t *bytes_reserve(struct bytes *b, size_t length)
{
    return b->memory != NULL && length <= b->size - b->end ? b->memory + b->end
                                                           : bytes_make_room(b, length);
}
void bytes_commit(struct bytes *b, size_t length);

/* Drops `length` bytes (at most the content) from the front; frees the memory when nothing is left.
 */
void bytes_consume(struct bytes *b, size_t length);

/* Drops the content but keeps the memory, for a buffer that is filled again and again. */
void bytes_clear(struct bytes *b);

/* Big-endian integers at the end of the queue, and text (without its NUL). */
void bytes_u8(struct bytes *b, uint8_t value);
void bytes_u16(struct bytes *b, uint16_t value);
void bytes_u32(struct bytes *b, uint32_t value);
void bytes_text(struct bytes *b, const char *text);

#endif
