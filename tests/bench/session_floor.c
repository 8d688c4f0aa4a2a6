/* The bare work of a Noise XX handshake with libsodium. Not one: nothing here is safe to use. */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/session.h"

enum { KEY = 32, TAG = 16 };

struct pair {
    uint8_t secret[KEY], public[KEY];
};

static struct pair statics[2];

static void make_pair(struct pair *pair)
{
    randombytes_buf(pair->secret, KEY);
    crypto_scalarmult_base(pair->public, pair->secret);
}

void session_floor_init(void)
{
    make_pair(&statics[SESSION_DIALLER]);
    make_pair(&statics[SESSION_LISTENER]);
}

static void send_all(int fd, const void *bytes, size_t length)
{
    if (write(fd, bytes, length) != (ssize_t)length)
        bench_die("write");
}

static void receive_all(int fd, uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t got = read(fd, bytes, length);
        if (got <= 0)
            bench_die("read");
        bytes += got;
        length -= (size_t)got;
    }
}

/* Agrees on a secret and mixes it into the chain. */
static void agree(uint8_t chain[KEY], const uint8_t secret[KEY], const uint8_t public[KEY])
{
    uint8_t shared[KEY], mixed[2 * KEY];

    if (crypto_scalarmult(shared, secret, public) != 0)
        bench_die("key agreement");
    crypto_generichash(mixed, sizeof mixed, shared, KEY, chain, KEY);
    memcpy(chain, mixed, KEY);
}

static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

static void seal(const uint8_t chain[KEY], const uint8_t *plain, size_t length, uint8_t *sealed)
{
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain, length, NULL, 0, NULL, nonce,
                                              chain);
}

static void open_sealed(const uint8_t chain[KEY], const uint8_t *sealed, size_t length,
                        uint8_t *plain)
{
    if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, length, NULL, 0, nonce,
                                                  chain) != 0)
        bench_die("decryption");
}

static void dial(int fd, const struct pair *own, const struct pair *ephemeral, uint8_t chain[KEY])
{
    uint8_t second[KEY + KEY + TAG + TAG], third[KEY + TAG + 1 + TAG], fourth[1 + TAG];
    uint8_t remote[KEY], byte;

    send_all(fd, ephemeral->public, KEY);
    receive_all(fd, second, sizeof second);
    agree(chain, ephemeral->secret, second);
    open_sealed(chain, second + KEY, KEY + TAG, remote);
    agree(chain, ephemeral->secret, remote);
    open_sealed(chain, second + KEY + KEY + TAG, TAG, &byte);
    seal(chain, own->public, KEY, third);
    agree(chain, own->secret, second);
    seal(chain, own->public, 1, third + KEY + TAG);
    send_all(fd, third, sizeof third);
    receive_all(fd, fourth, sizeof fourth);
    open_sealed(chain, fourth, sizeof fourth, &byte);
}

static void listen_for(int fd, const struct pair *own, const struct pair *ephemeral,
                       uint8_t chain[KEY])
{
    uint8_t first[KEY], second[KEY + KEY + TAG + TAG], third[KEY + TAG + 1 + TAG], fourth[1 + TAG];
    uint8_t remote[KEY], byte;

    receive_all(fd, first, sizeof first);
    memcpy(second, ephemeral->public, KEY);
    agree(chain, ephemeral->secret, first);
    seal(chain, own->public, KEY, second + KEY);
    agree(chain, own->secret, first);
    seal(chain, own->public, 0, second + KEY + KEY + TAG);
    send_all(fd, second, sizeof second);
    receive_all(fd, third, sizeof third);
    open_sealed(chain, third, KEY + TAG, remote);
    agree(chain, ephemeral->secret, remote);
    open_sealed(chain, third + KEY + TAG, 1 + TAG, &byte);
    seal(chain, own->public, 1, fourth);
    send_all(fd, fourth, sizeof fourth);
}

void session_floor(int fd, enum session_side side)
{
    uint8_t chain[KEY] = "same work, no protocol";
    struct pair ephemeral;

    make_pair(&ephemeral);
    if (side == SESSION_DIALLER)
        dial(fd, &statics[side], &ephemeral, chain);
    else
        listen_for(fd, &statics[side], &ephemeral, chain);
}
