#include "daemon/core/link/noise.h"

#include "common/alloc.h"
#include "common/bytes.h"

#include <string.h>

/* What a handshake message is made of, in the paper's notation. */
enum token {
    END,
    E,   /* the sender's ephemeral public key */
    S,   /* the sender's static public key */
    EE,  /* the secret of both ephemeral keys */
    ES,  /* the secret of the initiator's ephemeral and the responder's static key */
    SE,  /* the secret of the initiator's static and the responder's ephemeral key */
    PSK, /* the pre-shared key */
};

enum { TOKENS_MAX = 4 }; /* in one message */

struct pattern {
    const char *name;     /* the protocol name, where h starts from */
    bool knows_responder; /* pre-message "<- s": the initiator knows the responder's static key */
    bool has_psk;
    enum token messages[NOISE_MESSAGES][TOKENS_MAX + 1]; /* each up to END */
};

static const struct pattern patterns[] = {
    [NOISE_XK] =
        {
            .name = "Noise_XK_25519_ChaChaPoly_SHA256",
            .knows_responder = true,
            .messages =
                {
                    {E, ES}, /* -> e, es */
                    {E, EE}, /* <- e, ee */
                    {S, SE}, /* -> s, se */
                },
        },
    [NOISE_XX] =
        {
            .name = "Noise_XX_25519_ChaChaPoly_SHA256",
            .messages =
                {
                    {E},            /* -> e */
                    {E, EE, S, ES}, /* <- e, ee, s, es */
                    {S, SE},        /* -> s, se */
                },
        },
    [NOISE_XK_PSK0] =
        {
            .name = "Noise_XKpsk0_25519_ChaChaPoly_SHA256",
            .knows_responder = true,
            .has_psk = true,
            .messages =
                {
                    {PSK, E, ES}, /* -> psk, e, es */
                    {E, EE},      /* <- e, ee */
                    {S, SE},      /* -> s, se */
                },
        },
    [NOISE_XX_PSK0] =
        {
            .name = "Noise_XXpsk0_25519_ChaChaPoly_SHA256",
            .has_psk = true,
            .messages =
                {
                    {PSK, E},       /* -> psk, e */
                    {E, EE, S, ES}, /* <- e, ee, s, es */
                    {S, SE},        /* -> s, se */
                },
        },
};

/* --- CipherState --- */

enum error noise_cipher_seal(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                             const uint8_t *plain, size_t length, uint8_t *ret_sealed)
{
    if (c->nonce == UINT64_MAX) /* reserved by the paper */
        return ERR_BAD_STATE;
    crypto_seal(c->key, c->nonce, ad, ad_length, plain, length, ret_sealed);
    c->nonce++;
    return OK;
}

enum error noise_cipher_open(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                             const uint8_t *sealed, size_t length, uint8_t *ret_plain)
{
    if (c->nonce == UINT64_MAX)
        return ERR_BAD_STATE;
    enum error error = crypto_open(c->key, c->nonce, ad, ad_length, sealed, length, ret_plain);
    if (error == OK)
        c->nonce++;
    return error;
}

void noise_cipher_done(struct noise_cipher *c)
{
    crypto_wipe(c, sizeof *c);
}

/* --- SymmetricState --- */

/* MixHash(data): h = HASH(h ‖ data) */
static void mix_hash(struct noise *n, const uint8_t *data, size_t length)
{
    crypto_sha256(n->h, sizeof n->h, data, length, n->h);
}

/* InitializeKey(key) */
static void start_cipher(struct noise *n)
{
    n->cipher.nonce = 0;
    n->has_key = true;
}

/* MixKey(input): ck, key = HKDF(ck, input, 2) */
static void mix_key(struct noise *n, const uint8_t input[CRYPTO_DH_SIZE])
{
    crypto_hkdf2(n->ck, input, CRYPTO_DH_SIZE, n->ck, n->cipher.key);
    start_cipher(n);
}

/* MixKeyAndHash(input): ck, temp_h, key = HKDF(ck, input, 3); MixHash(temp_h) */
static void mix_key_and_hash(struct noise *n, const uint8_t input[NOISE_PSK_SIZE])
{
    uint8_t temp_h[CRYPTO_HASH_SIZE];

    crypto_hkdf3(n->ck, input, NOISE_PSK_SIZE, n->ck, temp_h, n->cipher.key);
    mix_hash(n, temp_h, sizeof temp_h);
    start_cipher(n);
    crypto_wipe(temp_h, sizeof temp_h);
}

/* EncryptAndHash(plain), to the end of w. Room was checked before. */
static void encrypt_and_hash(struct noise *n, const uint8_t *plain, size_t length, struct writer *w)
{
    size_t sealed_length = n->has_key ? length + CRYPTO_MAC_SIZE : length;
    uint8_t *sealed = writer_reserve(w, sealed_length);

    must(sealed != NULL);
    if (n->has_key)
        must(noise_cipher_seal(&n->cipher, n->h, sizeof n->h, plain, length, sealed) == OK);
    else if (length > 0)
        memcpy(sealed, plain, length);
    mix_hash(n, sealed, sealed_length);
}

/* DecryptAndHash(sealed), where sealed is what r has next that gives length bytes of plain. Length
 * was checked before. */
static enum error decrypt_and_hash(struct noise *n, struct reader *r, size_t length,
                                   uint8_t *ret_plain)
{
    size_t sealed_length = n->has_key ? length + CRYPTO_MAC_SIZE : length;
    const uint8_t *sealed = reader_take(r, sealed_length);

    must(sealed != NULL);
    if (n->has_key) {
        enum error error =
            noise_cipher_open(&n->cipher, n->h, sizeof n->h, sealed, sealed_length, ret_plain);
        if (error != OK)
            return error;
    } else if (length > 0) {
        memcpy(ret_plain, sealed, length);
    }
    mix_hash(n, sealed, sealed_length);
    return OK;
}

/* --- HandshakeState --- */

static const enum token *next_tokens(const struct noise *n)
{
    return patterns[n->pattern].messages[n->message];
}

void noise_init(struct noise *n, const struct noise_setup *setup)
{
    const struct pattern *pattern = &patterns[setup->pattern];
    size_t name_length = strlen(pattern->name);

    must((setup->remote != NULL) == (pattern->knows_responder && setup->role == NOISE_INITIATOR));
    must((setup->psk != NULL) == pattern->has_psk);

    memset(n, 0, sizeof *n);
    n->pattern = setup->pattern;
    n->role = setup->role;
    n->s = *setup->self;
    memcpy(n->e.secret, setup->ephemeral, CRYPTO_DH_SIZE);
    if (setup->remote != NULL) {
        memcpy(n->remote_static, setup->remote, CRYPTO_DH_SIZE);
        n->has_remote_static = true;
    }
    if (setup->psk != NULL)
        memcpy(n->psk, setup->psk, NOISE_PSK_SIZE);

    /* A name that fits stands for itself, a longer one is hashed. */
    if (name_length <= CRYPTO_HASH_SIZE)
        memcpy(n->h, pattern->name, name_length);
    else
        crypto_sha256((const uint8_t *)pattern->name, name_length, NULL, 0, n->h);
    memcpy(n->ck, n->h, sizeof n->ck);

    mix_hash(n, setup->prologue, setup->prologue_length);
    if (pattern->knows_responder)
        mix_hash(n, n->role == NOISE_INITIATOR ? n->remote_static : n->s.public, CRYPTO_DH_SIZE);
}

void noise_done(struct noise *n)
{
    crypto_wipe(n, sizeof *n);
}

bool noise_is_done(const struct noise *n)
{
    return n->message == NOISE_MESSAGES;
}

bool noise_is_our_turn(const struct noise *n)
{
    return !noise_is_done(n) && (n->message % 2 == 0) == (n->role == NOISE_INITIATOR);
}

size_t noise_overhead(const struct noise *n)
{
    size_t overhead = 0;
    bool has_key = n->has_key;

    if (noise_is_done(n))
        return 0;
    for (const enum token *token = next_tokens(n); *token != END; token++) {
        switch (*token) {
        case E:
            overhead += CRYPTO_DH_SIZE;
            break;
        case S:
            overhead += has_key ? CRYPTO_DH_SIZE + CRYPTO_MAC_SIZE : CRYPTO_DH_SIZE;
            break;
        case EE:
        case ES:
        case SE:
        case PSK:
            has_key = true;
            break;
        case END:
            break;
        }
    }
    return overhead + (has_key ? CRYPTO_MAC_SIZE : 0);
}

/* MixKey(DH(own, remote)) */
static enum error mix_dh(struct noise *n, const struct crypto_dh *own,
                         const uint8_t remote[CRYPTO_DH_SIZE])
{
    uint8_t shared[CRYPTO_DH_SIZE];
    enum error error = crypto_dh_shared(own->secret, remote, shared);

    if (error != OK)
        return error;
    mix_key(n, shared);
    crypto_wipe(shared, sizeof shared);
    return OK;
}

/* The tokens that put nothing on the wire: both sides do the same, from their own end. */
static enum error mix_token(struct noise *n, enum token token)
{
    bool initiates = n->role == NOISE_INITIATOR;

    switch (token) {
    case EE:
        return mix_dh(n, &n->e, n->remote_ephemeral);
    case ES:
        return initiates ? mix_dh(n, &n->e, n->remote_static)
                         : mix_dh(n, &n->s, n->remote_ephemeral);
    case SE:
        return initiates ? mix_dh(n, &n->s, n->remote_ephemeral)
                         : mix_dh(n, &n->e, n->remote_static);
    case PSK:
        mix_key_and_hash(n, n->psk);
        return OK;
    case E:
    case S:
    case END:
        break;
    }
    must(!"a token that is written or read");
}

/* An ephemeral key was sent or received. With a pre-shared key it also goes into ck: without it,
 * psk0's first payload would be sealed twice with one key and nonce. */
static void mix_ephemeral(struct noise *n, const uint8_t public[CRYPTO_DH_SIZE])
{
    mix_hash(n, public, CRYPTO_DH_SIZE);
    if (patterns[n->pattern].has_psk)
        mix_key(n, public);
}

static enum error write_token(struct noise *n, enum token token, struct writer *w)
{
    if (token == E) {
        crypto_dh_init(&n->e, n->e.secret);
        writer_bytes(w, n->e.public, CRYPTO_DH_SIZE);
        mix_ephemeral(n, n->e.public);
        return OK;
    }
    if (token == S) {
        encrypt_and_hash(n, n->s.public, CRYPTO_DH_SIZE, w);
        return OK;
    }
    return mix_token(n, token);
}

static enum error read_token(struct noise *n, enum token token, struct reader *r)
{
    if (token == E) {
        reader_copy(r, n->remote_ephemeral, CRYPTO_DH_SIZE);
        mix_ephemeral(n, n->remote_ephemeral);
        return OK;
    }
    if (token == S) {
        n->has_remote_static = true;
        return decrypt_and_hash(n, r, CRYPTO_DH_SIZE, n->remote_static);
    }
    return mix_token(n, token);
}

enum error noise_write(struct noise *n, const uint8_t *payload, size_t length, uint8_t *out,
                       size_t out_size, size_t *ret_length)
{
    if (!noise_is_our_turn(n))
        return ERR_BAD_STATE;
    size_t overhead = noise_overhead(n);
    if (length > NOISE_MESSAGE_SIZE_MAX - overhead || length + overhead > out_size)
        return ERR_OVERSIZED;

    struct noise next = *n;
    struct writer w;
    enum error error = OK;
    writer_init(&w, out, out_size);
    for (const enum token *token = next_tokens(n); *token != END && error == OK; token++)
        error = write_token(&next, *token, &w);
    if (error == OK) {
        encrypt_and_hash(&next, payload, length, &w);
        must(!w.failed && w.length == length + overhead);

        /* Success! */
        next.message++;
        *n = next;
        *ret_length = w.length;
    }
    noise_done(&next);
    return error;
}

enum error noise_read(struct noise *n, const uint8_t *message, size_t length, uint8_t *out,
                      size_t out_size, size_t *ret_length)
{
    if (noise_is_done(n) || noise_is_our_turn(n))
        return ERR_BAD_STATE;
    size_t overhead = noise_overhead(n);
    if (length < overhead)
        return ERR_TRUNCATED;
    size_t payload_length = length - overhead;
    if (length > NOISE_MESSAGE_SIZE_MAX || payload_length > out_size)
        return ERR_OVERSIZED;

    struct noise next = *n;
    struct reader r;
    enum error error = OK;
    reader_init(&r, message, length);
    for (const enum token *token = next_tokens(n); *token != END && error == OK; token++)
        error = read_token(&next, *token, &r);
    if (error == OK)
        error = decrypt_and_hash(&next, &r, payload_length, out);
    if (error == OK) {
        must(reader_is_finished(&r));

        /* Success! */
        next.message++;
        *n = next;
        *ret_length = payload_length;
    }
    noise_done(&next);
    return error;
}

const uint8_t *noise_remote_static(const struct noise *n)
{
    return n->has_remote_static ? n->remote_static : NULL;
}

const uint8_t *noise_hash(const struct noise *n)
{
    must(noise_is_done(n));
    return n->h;
}

void noise_split(const struct noise *n, struct noise_cipher *ret_send,
                 struct noise_cipher *ret_receive)
{
    struct noise_cipher to_responder = {.nonce = 0};
    struct noise_cipher to_initiator = {.nonce = 0};

    must(noise_is_done(n));
    crypto_hkdf2(n->ck, NULL, 0, to_responder.key, to_initiator.key);
    *ret_send = n->role == NOISE_INITIATOR ? to_responder : to_initiator;
    *ret_receive = n->role == NOISE_INITIATOR ? to_initiator : to_responder;
    noise_cipher_done(&to_responder);
    noise_cipher_done(&to_initiator);
}
