/* The vocabulary on the wire: frames, message types, and who may say what how often
 * (p2pchat-protocol(7), Messages). */
#ifndef P2PCHAT_DAEMON_CORE_LINK_MESSAGE_H
#define P2PCHAT_DAEMON_CORE_LINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/json.h"
#include "common/mono.h"

enum message_type {
#define MESSAGE(ID, tier, per_minute, carries) MESSAGE_##ID,
#include "daemon/core/link/message.def"
#undef MESSAGE
    MESSAGE_TYPE_COUNT
};

enum message_tier { MESSAGE_LINK, MESSAGE_STRANGER, MESSAGE_CONTACT };

struct message_row {
    const char *name;
    enum message_tier tier;
    uint16_t per_minute; /* 0: bounded elsewhere */
};

const struct message_row *message_row(enum message_type type);

/* The kinds of frames: u32 length (without the kind), u8 kind, body. Others are skipped. */
enum frame_kind { FRAME_JSON = 1, FRAME_FILE = 2, FRAME_CIRCUIT = 3 };
enum { FRAME_HEADER_LENGTH = 4 + 1 };

/* Appends the frame {"msgtype": …, "msgdata": data}; `data` is JSON text of an object. */
void message_encode(struct bytes *out, enum message_type type, const void *data, size_t length);

/* Reads the JSON of a kind 1 frame. Unknown types: ERR_NOT_FOUND (to be skipped). ERR_MALFORMED
 * when it is not one object with msgtype (string) and msgdata (object). The caller frees *ret_root;
 * `*ret_data` lives in it. */
enum error message_decode(const char *text, size_t length, enum message_type *ret_type,
                          struct json **ret_root, const struct json **ret_data);

/* Counts messages by type in windows of a minute. */
struct message_meter {
    struct mono since;
    uint16_t count[MESSAGE_TYPE_COUNT];
};

/* Whether one more of this type is within its rate. */
bool message_meter_take(struct message_meter *meter, enum message_type type, struct mono now);

/* --- msgdata of each type. Decoders check everything: ERR_MALFORMED otherwise; texts are borrowed
 * from the JSON. Encoders append the msgdata object to `out`. Ids are 32 lower-case hexadecimal
 * digits, epochs 16. --- */

enum { MESSAGE_ID_LENGTH = 16, MESSAGE_TEXT_MAX = 65536, MESSAGE_GREETING_MAX = 1024 };

struct message_hello {
    const char *role;          /* "node" or "tracker" */
    const char *agent;         /* at most 64 bytes of printable ASCII */
    uint64_t instance;         /* random, drawn at each start */
    const char *record_base64; /* own signed peer record, base64 as RFC 4648; decode with
                                  message_hello_record */
};
void message_hello_encode(struct bytes *out, const char *role, const char *agent, uint64_t instance,
                          const uint8_t *record, size_t record_length);
enum error message_hello_decode(const struct json *data, struct message_hello *ret_hello);
/* The record's bytes into `out` (of RECORD_MAX = 400); ERR_MALFORMED when too long or not base64.
 */
enum error message_hello_record(const struct message_hello *hello, uint8_t *out, size_t size,
                                size_t *ret_length);

struct message_request {
    uint8_t request[MESSAGE_ID_LENGTH];
    const char *name;     /* name_check has passed */
    const char *greeting; /* or NULL */
};
void message_request_encode(struct bytes *out, const struct message_request *m);
enum error message_request_decode(const struct json *data, struct message_request *ret_m);

/* CHAT_ACCEPT: the request's id and the acceptor's name. */
void message_accept_encode(struct bytes *out, const uint8_t request[MESSAGE_ID_LENGTH],
                           const char *name);
enum error message_accept_decode(const struct json *data, uint8_t ret_request[MESSAGE_ID_LENGTH],
                                 const char **ret_name);

/* CHAT_REFUSE (member "request"), NO_CONSENT and DISCONNECT (member "consent"). */
void message_id_encode(struct bytes *out, enum message_type type,
                       const uint8_t id[MESSAGE_ID_LENGTH]);
enum error message_id_decode(enum message_type type, const struct json *data,
                             uint8_t ret_id[MESSAGE_ID_LENGTH]);

enum {
    MESSAGE_EPOCHS_MAX = 64
}; /* epochs in one HAVE, each way: older ones were delivered or given up */
struct message_mark {
    uint64_t epoch;
    uint64_t number;
};
struct message_have {
    uint8_t consent[MESSAGE_ID_LENGTH];
    size_t live_count;
    uint64_t live[MESSAGE_EPOCHS_MAX]; /* the sender's own epochs that are still in use */
    size_t have_count;
    struct message_mark have[MESSAGE_EPOCHS_MAX]; /* what it has of ours, per epoch */
};
void message_have_encode(struct bytes *out, const struct message_have *m);
enum error message_have_decode(const struct json *data, struct message_have *ret_m);

struct message_chat {
    uint64_t epoch;
    uint64_t number;
    int64_t time_ms;
    const char *text;
    size_t text_length;
};
void message_chat_encode(struct bytes *out, const struct message_chat *m);
enum error message_chat_decode(const struct json *data, struct message_chat *ret_m);

struct message_ack {
    uint64_t epoch;
    uint64_t through;
    uint64_t credit_bytes;
};
void message_ack_encode(struct bytes *out, const struct message_ack *m);
enum error message_ack_decode(const struct json *data, struct message_ack *ret_m);

#endif
