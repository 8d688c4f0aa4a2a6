#include "daemon/core/link/msgdata.h"

#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"
#include "common/text.h"
#include "daemon/core/name.h"

enum { ID_DIGITS = 2 * MESSAGE_ID_LENGTH };

static const char digits[] = "0123456789abcdef";

void msgdata_put_id(struct json_writer *w, const char *name, const uint8_t id[MESSAGE_ID_LENGTH])
{
    char text[ID_DIGITS];

    for (size_t i = 0; i < MESSAGE_ID_LENGTH; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 0xf];
    }
    json_write_name(w, name);
    json_write_string_n(w, text, sizeof(text));
}

bool msgdata_take_id(const struct json *data, const char *name, uint8_t ret_id[MESSAGE_ID_LENGTH])
{
    const char *text;
    size_t length;
    uint8_t id[MESSAGE_ID_LENGTH] = {0};

    if (!json_string(json_member(data, name), &text, &length) || length != ID_DIGITS)
        return false;
    for (size_t i = 0; i < ID_DIGITS; i++) {
        const char *digit = memchr(digits, text[i], strlen(digits));

        if (digit == NULL)
            return false;
        id[i / 2] = (uint8_t)(id[i / 2] << 4 | (digit - digits));
    }
    memcpy(ret_id, id, sizeof(id));
    return true;
}

bool msgdata_take_integer(const struct json *data, const char *name, int64_t min, int64_t max,
                          int64_t *ret_integer)
{
    int64_t integer;

    if (!json_integer(json_member(data, name), &integer) || integer < min || integer > max)
        return false;
    *ret_integer = integer;
    return true;
}

bool msgdata_take_number(const struct json *data, const char *name, int64_t min,
                         uint64_t *ret_number)
{
    int64_t integer;

    if (!msgdata_take_integer(data, name, min, JSON_INTEGER_MAX, &integer))
        return false;
    *ret_number = (uint64_t)integer;
    return true;
}

bool msgdata_take_name(const struct json *data, const char *member, const char **ret_name)
{
    const char *name;
    size_t length;

    if (!json_string(json_member(data, member), &name, &length) || name_check(name) != OK)
        return false;
    *ret_name = name;
    return true;
}

bool msgdata_take_text(const struct json *value, size_t length_max, const char **ret_text,
                       size_t *ret_length)
{
    const char *text;
    size_t length;

    if (!json_string(value, &text, &length) || length < 1 || length > length_max ||
        !text_is_message(text, length))
        return false;
    *ret_text = text;
    *ret_length = length;
    return true;
}

void msgdata_write_record(struct json_writer *w, const uint8_t *record, size_t length)
{
    char base64[BASE64_LENGTH(PEER_RECORD_BYTES_MAX) + 1];

    must(length >= 1 && length <= PEER_RECORD_BYTES_MAX);
    base64_encode(record, length, base64);
    json_write_string_n(w, base64, BASE64_LENGTH(length));
}

bool msgdata_take_record(const struct json *value, uint8_t ret_record[PEER_RECORD_BYTES_MAX],
                         size_t *ret_length)
{
    const char *text;
    size_t length;

    return json_string(value, &text, &length) && length > 0 &&
           base64_decode(text, length, ret_record, PEER_RECORD_BYTES_MAX, ret_length);
}
