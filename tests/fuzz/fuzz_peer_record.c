/* Peer records: the input as it is, which hardly ever has a good signature, and signed by a key of
 * ours. What decodes must encode to the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/overlay/peer_record.h"

enum { KEY_AT = 1, SIGNATURE = CRYPTO_SIGNATURE_SIZE };

/* The same in every run. */
static struct identity owner(void)
{
    uint8_t seed[CRYPTO_SEED_SIZE] = {1};
    struct identity identity;

    crypto_init();
    while (identity_from_seed(seed, &identity) != OK)
        seed[0]++;
    return identity;
}

static void check(const uint8_t *bytes, size_t length, const struct identity *identity)
{
    struct peer_record record;
    uint8_t again[PEER_RECORD_BYTES_MAX];
    size_t again_length = 0;

    if (peer_record_decode(bytes, length, &record) != OK)
        return;
    must(memcmp(record.key, identity->key.bytes, sizeof(record.key)) == 0);
    must(peer_record_encode(&record, identity, again, &again_length) == OK);
    must(again_length == length && memcmp(again, bytes, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity identity = owner();
    uint8_t bytes[PEER_RECORD_BYTES_MAX];

    check(data, size, &identity);
    if (size < KEY_AT + CRYPTO_PUBLIC_SIZE + SIGNATURE || size > sizeof(bytes))
        return 0;
    memcpy(bytes, data, size);
    memcpy(bytes + KEY_AT, identity.key.bytes, CRYPTO_PUBLIC_SIZE);
    crypto_sign_tagged(identity.secret, "p2pchat record", bytes, size - SIGNATURE,
                       bytes + size - SIGNATURE);
    check(bytes, size, &identity);
    return 0;
}
