#include "daemon/core/link/record.h"

#include "common/alloc.h"

#include <string.h>

enum error record_seal(struct noise_cipher *cipher, enum record_type type, const uint8_t *content,
                       size_t length, struct bytes *out)
{
    size_t plain_length = RECORD_TYPE_SIZE + length;
    size_t sealed_length = plain_length + CRYPTO_MAC_SIZE;

    must(length <= RECORD_CONTENT_SIZE_MAX);
    uint8_t *record = bytes_reserve(out, RECORD_LENGTH_SIZE + sealed_length);
    uint8_t *plain = record + RECORD_LENGTH_SIZE;
    record[0] = (uint8_t)(sealed_length >> 8);
    record[1] = (uint8_t)sealed_length;
    plain[0] = (uint8_t)type;
    if (length > 0)
        memcpy(plain + RECORD_TYPE_SIZE, content, length);
    enum error error = noise_cipher_seal(cipher, NULL, 0, plain, plain_length, plain);
    if (error == OK)
        bytes_commit(out, RECORD_LENGTH_SIZE + sealed_length);
    return error;
}

enum error record_open(struct noise_cipher *cipher, uint8_t *bytes, size_t available,
                       struct record *ret_record)
{
    if (available < RECORD_LENGTH_SIZE)
        return ERR_TRUNCATED;
    size_t sealed_length = (size_t)bytes[0] << 8 | bytes[1];
    if (sealed_length < RECORD_TYPE_SIZE + CRYPTO_MAC_SIZE)
        return ERR_BAD_MAC;
    if (available < RECORD_LENGTH_SIZE + sealed_length)
        return ERR_TRUNCATED;

    uint8_t *plain = bytes + RECORD_LENGTH_SIZE;
    enum error error = noise_cipher_open(cipher, NULL, 0, plain, sealed_length, plain);
    if (error != OK)
        return error;
    if (plain[0] > RECORD_SWITCHED)
        return ERR_MALFORMED;
    *ret_record = (struct record){
        .type = (enum record_type)plain[0],
        .content = plain + RECORD_TYPE_SIZE,
        .length = sealed_length - CRYPTO_MAC_SIZE - RECORD_TYPE_SIZE,
        .size = RECORD_LENGTH_SIZE + sealed_length,
    };
    return OK;
}
