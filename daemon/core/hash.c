#include "daemon/core/hash.h"

/* The names are the paper's: four words of state, c = 2 rounds a block, d = 4 at the end. */
struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static struct sip sip_start(const struct hash_key *key)
{
    return (struct sip){
        key->k0 ^ UINT64_C(0x736f6d6570736575),
        key->k1 ^ UINT64_C(0x646f72616e646f6d),
        key->k0 ^ UINT64_C(0x6c7967656e657261),
        key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static void sip_block(struct sip *s, uint64_t block)
{
    s->v3 ^= block;
    sip_round(s);
    sip_round(s);
    s->v0 ^= block;
}

static uint64_t sip_end(struct sip *s)
{
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static uint64_t read_little_endian(const uint8_t *bytes, size_t length)
{
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

struct hash_key hash_key_draw(const struct random *random)
{
    uint8_t bytes[16];

    random_fill(random, bytes, sizeof(bytes));
    return (struct hash_key){read_little_endian(bytes, 8), read_little_endian(bytes + 8, 8)};
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t rest = length % 8;
    struct sip s = sip_start(key);

    for (const uint8_t *end = at + (length - rest); at < end; at += 8)
        sip_block(&s, read_little_endian(at, 8));
    sip_block(&s, (uint64_t)length << 56 | read_little_endian(at, rest));
    return sip_end(&s);
}

uint64_t hash_number(const struct hash_key *key, uint64_t number)
{
    struct sip s = sip_start(key);

    sip_block(&s, number);
    sip_block(&s, (uint64_t)sizeof(number) << 56);
    return sip_end(&s);
}
