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
#include "common/role.h"

enum message_type {
#define MESSAGE(ID, tier, hears, per_minute, carries) MESSAGE_##ID,
#include "daemon/core/link/message.def"
#undef MESSAGE
    MESSAGE_TYPE_COUNT
};

enum message_tier { MESSAGE_LINK, MESSAGE_STRANGER, MESSAGE_CONTACT };
enum message_hears { MESSAGE_FOR_ANY, MESSAGE_FOR_NODE, MESSAGE_FOR_TRACKER };

struct message_row {
    const char *name;
    enum message_tier tier;
    enum message_hears hears;
    uint16_t per_minute; /* 0: bounded elsewhere */
};

const struct message_row *message_row(enum message_type type);

/* Whether a daemon of that role hears such messages at all. */
bool message_is_for(enum message_type type, enum node_role role);

/* The kinds of frames: u32 length (without the kind), u8 kind, body. Others are skipped. */
enum frame_kind { FRAME_JSON = 1, FRAME_FILE = 2, FRAME_CIRCUIT = 3 };
enum { FRAME_HEADER_LENGTH = 4 + 1 };

/* Values in the JSON of one frame: many times what any message has. One full of small ones would
 * cost as much time as a hundred that are full of text. */
enum { MESSAGE_VALUES_MAX = 4096 };

/* Appends the frame {"msgtype": …, "msgdata": data}; `data` is JSON text of an object. */
void message_encode(struct bytes *out, enum message_type type, const void *data, size_t length);

/* Reads the JSON of a kind 1 frame. ERR_NOT_FOUND: a type that we do not know, to be skipped.
 * ERR_MALFORMED: not one object with msgtype (string) and msgdata (object); members beside these
 * are skipped. The caller frees *ret_root; `*ret_data` lives in it. */
enum error message_decode(const char *text, size_t length, enum message_type *ret_type,
                          struct json **ret_root, const struct json **ret_data);

/* Counts messages by type in windows of a minute. Zeroed: none came yet. */
struct message_meter {
    struct mono since;
    uint16_t count[MESSAGE_TYPE_COUNT];
    uint16_t unknown;
};

/* The same of a frame that is skipped, because its kind or type is not known. */
bool message_meter_take_unknown(struct message_meter *meter, struct mono now);

/* Whether one more of this type is within its rate. */
bool message_meter_take(struct message_meter *meter, enum message_type type, struct mono now);

/* --- msgdata of each type that has any. Encoders append the object to `out`; what they are given
 * has been checked. Decoders check everything, and skip members that they do not know; what is not
 * as described is ERR_MALFORMED. Texts are borrowed from the JSON. Ids are 32 lower-case
 * hexadecimal digits, epochs and instances 16; numbers are integers from 0 to JSON_INTEGER_MAX.
 * PING and PONG are empty; CLOSE {reason} and ERROR {name, text} are the link's own. --- */

enum {
    MESSAGE_ID_LENGTH = 16,
    MESSAGE_TEXT_MAX = 65536,
    MESSAGE_GREETING_MAX = 1024,
    MESSAGE_AGENT_MAX = 64
};

/* Times are Unix milliseconds up to the end of the year 9999, which is what can be shown. */
#define MESSAGE_TIME_MAX INT64_C(253402300799999)

struct message_hello {
    enum node_role role;
    const char *agent;         /* at most MESSAGE_AGENT_MAX characters of printable ASCII */
    uint64_t instance;         /* random, drawn at each start */
    const char *record_base64; /* own signed peer record, or empty; see message_hello_record */
    size_t record_base64_length;
};

/* `features` is written as an empty array: there is none yet. */
void message_hello_encode(struct bytes *out, enum node_role role, const char *agent,
                          uint64_t instance, const uint8_t *record, size_t record_length);
enum error message_hello_decode(const struct json *data, struct message_hello *ret_hello);

/* The bytes of the record, at most `size` (PEER_RECORD_BYTES_MAX), for peer_record_decode.
 * ERR_MALFORMED: more, or not base64 as RFC 4648 has it. */
enum error message_hello_record(const struct message_hello *hello, uint8_t *out, size_t size,
                                size_t *ret_length);

struct message_request {
    uint8_t request[MESSAGE_ID_LENGTH];
    const char *name;     /* passes name_check */
    const char *greeting; /* passes text_is_message, 1 to MESSAGE_GREETING_MAX bytes; or NULL */
};
void message_request_encode(struct bytes *out, const struct message_request *m);
enum error message_request_decode(const struct json *data, struct message_request *ret_m);

/* CHAT_ACCEPT: the request's id and the acceptor's name, which passes name_check. */
void message_accept_encode(struct bytes *out, const uint8_t request[MESSAGE_ID_LENGTH],
                           const char *name);
enum error message_accept_decode(const struct json *data, uint8_t ret_request[MESSAGE_ID_LENGTH],
                                 const char **ret_name);

/* CHAT_REFUSE (member "request"), NO_CONSENT and DISCONNECT (member "consent"). */
void message_id_encode(struct bytes *out, enum message_type type,
                       const uint8_t id[MESSAGE_ID_LENGTH]);
enum error message_id_decode(enum message_type type, const struct json *data,
                             uint8_t ret_id[MESSAGE_ID_LENGTH]);

/* Epochs in one HAVE, each way: older ones were delivered or given up. */
enum { MESSAGE_EPOCHS_MAX = 64 };

struct message_mark {
    uint64_t epoch;
    uint64_t number; /* 0: nothing of it yet */
};

struct message_have {
    uint8_t consent[MESSAGE_ID_LENGTH];
    size_t live_count;
    uint64_t live[MESSAGE_EPOCHS_MAX]; /* the sender's own epochs that are still in use; distinct */
    size_t have_count;
    struct message_mark have[MESSAGE_EPOCHS_MAX]; /* what it has of ours; one of each epoch */
};
void message_have_encode(struct bytes *out, const struct message_have *m);
enum error message_have_decode(const struct json *data, struct message_have *ret_m);

struct message_chat {
    uint64_t epoch;
    uint64_t number;  /* from 1 */
    int64_t time_ms;  /* 0 to MESSAGE_TIME_MAX */
    const char *text; /* passes text_is_message, 1 to MESSAGE_TEXT_MAX bytes */
    size_t text_length;
};
void message_chat_encode(struct bytes *out, const struct message_chat *m);
enum error message_chat_decode(const struct json *data, struct message_chat *ret_m);

/* The numbers `from` to `through` of a stream are no longer in the sender's log. */
struct message_gap {
    uint64_t epoch;
    uint64_t from;    /* from 1 */
    uint64_t through; /* at least `from` */
};
void message_gap_encode(struct bytes *out, const struct message_gap *m);
enum error message_gap_decode(const struct json *data, struct message_gap *ret_m);

struct message_ack {
    uint64_t epoch;
    uint64_t through;
    uint64_t credit_bytes;
};
void message_ack_encode(struct bytes *out, const struct message_ack *m);
enum error message_ack_decode(const struct json *data, struct message_ack *ret_m);

#endif
