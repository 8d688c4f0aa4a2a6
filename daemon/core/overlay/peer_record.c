#include "daemon/core/overlay/peer_record.h"

#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/json.h"
#include "daemon/core/name.h"

static const char tag[] = "p2pchat record";

enum { VERSION = 1, KEY = CRYPTO_PUBLIC_SIZE, SIGNATURE = CRYPTO_SIGNATURE_SIZE };
enum form { FORM_IPV4 = 1, FORM_IPV6 = 2, FORM_NAME = 3 };
enum { IPV4_SIZE = 4, IPV6_SIZE = 16, PORT_SIZE = 2 };

#define SEQUENCE_MAX INT64_MAX
#define ISSUED_MAX   JSON_INTEGER_MAX

/* All but names of addresses: whoever has none of them always fits. */
_Static_assert(1 + KEY + 8 + 8 + 4 + 1 + (1 + ADDRESS_NAME_MAX) +
                       (1 + PEER_RECORD_ADDRESSES_MAX * (1 + IPV4_SIZE + PORT_SIZE)) +
                       (1 + 1 + IPV4_SIZE + PORT_SIZE) + (1 + PEER_RECORD_VIA_MAX * KEY) +
                       SIGNATURE <=
                   PEER_RECORD_BYTES_MAX,
               "as many IPv4 addresses as allowed fit, with the longest name and all relays");
_Static_assert((int)PEER_RECORD_BYTES_MAX <= (int)CRYPTO_SIGNED_SIZE_MAX, "a record can be signed");

/* Bit 255, of 32 bytes little-endian, is the sign, without which one key would have two forms. */
static bool key_is_good(const uint8_t key[CRYPTO_PUBLIC_SIZE])
{
    return (key[KEY - 1] & 0x80) == 0;
}

/* Whether it is an address, and written as it is read back. */
static bool address_is_good(const struct host_port *at)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port again;

    host_port_format(at, text);
    return host_port_parse(text, PORT_ZERO_REFUSED, &again) == OK &&
           strcmp(again.host, at->host) == 0;
}

/* --- Encoding --- */

static void put_address(struct writer *w, const struct host_port *at)
{
    uint8_t literal[HOST_BYTES_MAX];
    size_t length = host_to_bytes(at->host, literal);

    must(address_is_good(at));
    if (length == 0) {
        size_t name_length = strlen(at->host);

        writer_u8(w, FORM_NAME);
        writer_u8(w, (uint8_t)name_length);
        writer_bytes(w, at->host, name_length);
    } else {
        writer_u8(w, length == IPV4_SIZE ? FORM_IPV4 : FORM_IPV6);
        writer_bytes(w, literal, length);
    }
    writer_u16(w, at->port);
}

static void put_body(struct writer *w, const struct peer_record *r)
{
    size_t name_length = strlen(r->name);

    writer_u8(w, VERSION);
    writer_bytes(w, r->key, KEY);
    writer_u64(w, r->sequence);
    writer_u64(w, (uint64_t)r->issued_ms);
    writer_u32(w, r->lifetime_s);
    writer_u8(w, r->flags);
    writer_u8(w, (uint8_t)name_length);
    writer_bytes(w, r->name, name_length);
    writer_u8(w, (uint8_t)r->address_count);
    for (size_t i = 0; i < r->address_count; i++)
        put_address(w, &r->addresses[i]);
    writer_u8(w, r->has_classic);
    if (r->has_classic)
        put_address(w, &r->classic);
    writer_u8(w, (uint8_t)r->via_count);
    writer_bytes(w, r->via, r->via_count * KEY);
}

enum error peer_record_encode(const struct peer_record *r, const struct identity *identity,
                              uint8_t out[PEER_RECORD_BYTES_MAX], size_t *ret_length)
{
    struct writer w;
    uint8_t *signature;

    must(memcmp(r->key, identity->key.bytes, KEY) == 0);
    must(r->sequence >= 1 && r->sequence <= SEQUENCE_MAX);
    must(r->issued_ms >= 0 && r->issued_ms <= ISSUED_MAX);
    must(r->lifetime_s >= 1 && r->lifetime_s <= PEER_RECORD_LIFETIME_S_MAX);
    must(name_check(r->name) == OK);
    must(r->address_count <= PEER_RECORD_ADDRESSES_MAX && r->via_count <= PEER_RECORD_VIA_MAX);

    writer_init(&w, out, PEER_RECORD_BYTES_MAX);
    put_body(&w, r);
    signature = writer_reserve(&w, SIGNATURE);
    if (signature == NULL)
        return ERR_OVERSIZED;
    crypto_sign_tagged(identity->secret, tag, out, w.length - SIGNATURE, signature);
    *ret_length = w.length;
    return OK;
}

/* --- Decoding: takes what is there, and says whether it is as it must be --- */

/* A host of the form given; false when it is written as it must not be, or not there. */
static bool take_host(struct reader *r, enum form form, char host[ADDRESS_HOST_MAX + 1])
{
    uint8_t literal[HOST_BYTES_MAX];
    size_t length;

    switch (form) {
    case FORM_IPV4:
    case FORM_IPV6:
        length = form == FORM_IPV4 ? IPV4_SIZE : IPV6_SIZE;
        reader_copy(r, literal, length);
        host_from_bytes(literal, length, host);
        return host_to_bytes(host, literal) == length; /* a v4-mapped address is another form's */
    case FORM_NAME:
        length = reader_u8(r);
        if (length > ADDRESS_HOST_MAX)
            return false;
        reader_copy(r, host, length);
        host[length] = '\0';
        return strlen(host) == length && !host_is_literal(host);
    }
    return false;
}

static bool take_address(struct reader *r, struct host_port *at)
{
    if (!take_host(r, reader_u8(r), at->host))
        return false;
    at->port = reader_u16(r);
    return !r->failed && address_is_good(at);
}

static bool take_numbers(struct reader *r, struct peer_record *record)
{
    uint64_t sequence = reader_u64(r), issued_ms = reader_u64(r);
    uint32_t lifetime_s = reader_u32(r);

    record->sequence = sequence;
    record->issued_ms = (int64_t)issued_ms;
    record->lifetime_s = lifetime_s;
    record->flags = reader_u8(r);
    return sequence >= 1 && sequence <= SEQUENCE_MAX && issued_ms <= ISSUED_MAX &&
           lifetime_s >= 1 && lifetime_s <= PEER_RECORD_LIFETIME_S_MAX;
}

static bool take_name(struct reader *r, struct peer_record *record)
{
    size_t length = reader_u8(r);

    if (length > ADDRESS_NAME_MAX)
        return false;
    reader_copy(r, record->name, length);
    return strlen(record->name) == length && name_check(record->name) == OK;
}

static bool take_addresses(struct reader *r, struct peer_record *record)
{
    uint8_t has_classic;

    record->address_count = reader_u8(r);
    if (record->address_count > PEER_RECORD_ADDRESSES_MAX)
        return false;
    for (size_t i = 0; i < record->address_count; i++)
        if (!take_address(r, &record->addresses[i]))
            return false;
    has_classic = reader_u8(r);
    record->has_classic = has_classic == 1;
    return has_classic == 0 || (has_classic == 1 && take_address(r, &record->classic));
}

static bool take_via(struct reader *r, struct peer_record *record)
{
    record->via_count = reader_u8(r);
    if (record->via_count > PEER_RECORD_VIA_MAX)
        return false;
    reader_copy(r, record->via, record->via_count * KEY);
    return true;
}

static bool keys_are_good(const struct peer_record *record)
{
    for (size_t i = 0; i < record->via_count; i++)
        if (!key_is_good(record->via[i]))
            return false;
    return key_is_good(record->key);
}

/* All but the signature. */
static enum error read_body(const uint8_t *bytes, size_t length, struct peer_record *ret_record)
{
    struct peer_record record = {0};
    struct reader r;

    if (length > PEER_RECORD_BYTES_MAX)
        return ERR_OVERSIZED;
    if (length < SIGNATURE)
        return ERR_MALFORMED;
    reader_init(&r, bytes, length - SIGNATURE);
    if (reader_u8(&r) != VERSION)
        return r.failed ? ERR_MALFORMED : ERR_BAD_VERSION;
    reader_copy(&r, record.key, KEY);
    if (!take_numbers(&r, &record) || !take_name(&r, &record) || !take_addresses(&r, &record) ||
        !take_via(&r, &record) || !reader_is_finished(&r))
        return ERR_MALFORMED;
    if (!keys_are_good(&record))
        return ERR_BAD_KEY;
    *ret_record = record;
    return OK;
}

enum error peer_record_decode(const uint8_t *bytes, size_t length, struct peer_record *ret_record)
{
    struct peer_record record;
    enum error error = read_body(bytes, length, &record);

    if (error == OK)
        error = crypto_verify_tagged(record.key, tag, bytes, length - SIGNATURE,
                                     bytes + length - SIGNATURE);
    if (error != OK)
        return error;
    *ret_record = record;
    return OK;
}

void peer_record_read(const uint8_t *bytes, size_t length, struct peer_record *ret_record)
{
    must(read_body(bytes, length, ret_record) == OK);
}

struct peer_record_head peer_record_peek(const uint8_t *bytes)
{
    struct peer_record_head head;
    struct reader r;

    reader_init(&r, bytes, 1 + KEY + 8 + 8 + 4);
    must(reader_u8(&r) == VERSION);
    head.key = reader_take(&r, KEY);
    head.sequence = reader_u64(&r);
    head.issued_ms = (int64_t)reader_u64(&r);
    head.lifetime_s = reader_u32(&r);
    return head;
}

/* --- What a record says --- */

enum peer_record_validity peer_record_head_validity(const struct peer_record_head *head,
                                                    int64_t unix_ms)
{
    if (head->issued_ms - PEER_RECORD_AHEAD_MS_MAX > unix_ms)
        return PEER_RECORD_AHEAD;
    if (unix_ms >= head->issued_ms + (int64_t)head->lifetime_s * 1000)
        return PEER_RECORD_EXPIRED;
    return PEER_RECORD_VALID;
}

enum peer_record_validity peer_record_validity(const struct peer_record *r, int64_t unix_ms)
{
    return peer_record_head_validity(
        &(const struct peer_record_head){.issued_ms = r->issued_ms, .lifetime_s = r->lifetime_s},
        unix_ms);
}

bool peer_record_is_newer(const struct peer_record *record, const struct peer_record *known)
{
    must(memcmp(record->key, known->key, KEY) == 0);
    return record->sequence > known->sequence;
}

bool peer_record_is_withdrawal(const struct peer_record *r)
{
    return r->address_count == 0 && !r->has_classic && r->via_count == 0;
}

uint64_t peer_record_next_sequence(uint64_t last, int64_t unix_ms)
{
    must(last < SEQUENCE_MAX);
    return unix_ms > 0 && (uint64_t)unix_ms > last ? (uint64_t)unix_ms : last + 1;
}
