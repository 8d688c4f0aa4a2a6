/* Pieces of msgdata that messages of several kinds share: written and read in one way
 * (p2pchat-protocol(7), Messages). Readers are false, and the out-parameter untouched, when the
 * member is missing or not as described; texts are borrowed from the JSON. */
#ifndef P2PCHAT_DAEMON_CORE_LINK_MSGDATA_H
#define P2PCHAT_DAEMON_CORE_LINK_MSGDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/message.h"

/* An id: 32 lower-case hexadecimal digits. */
void msgdata_put_id(struct json_writer *w, const char *name, const uint8_t id[MESSAGE_ID_LENGTH]);
bool msgdata_take_id(const struct json *data, const char *name, uint8_t ret_id[MESSAGE_ID_LENGTH]);

/* An integer from `min` to `max`; the other one to JSON_INTEGER_MAX. */
bool msgdata_take_integer(const struct json *data, const char *name, int64_t min, int64_t max,
                          int64_t *ret_integer);
bool msgdata_take_number(const struct json *data, const char *name, int64_t min,
                         uint64_t *ret_number);

/* A peer's name, which passes name_check. */
bool msgdata_take_name(const struct json *data, const char *member, const char **ret_name);

/* A text (not a member) that passes text_is_message, 1 to `length_max` bytes. */
bool msgdata_take_text(const struct json *value, size_t length_max, const char **ret_text,
                       size_t *ret_length);

/* The bytes of a signed peer record, 1 to PEER_RECORD_BYTES_MAX, as a string in base64: an element
 * of an array, or a member's value. That they are a record is for peer_record_decode to say. */
void msgdata_write_record(struct json_writer *w, const uint8_t *record, size_t length);
bool msgdata_take_record(const struct json *value, uint8_t ret_record[PEER_RECORD_BYTES_MAX],
                         size_t *ret_length);

#endif
