#include "daemon/core/link/keys.h"

#include "common/alloc.h"
#include "daemon/core/limits.h"

#include <stdlib.h>

void keys_init(struct keys *keys, const struct handshake_setup *setup,
               const struct handshake *handshake)
{
    *keys = (struct keys){
        .setup = *setup,
        .data_since = MONO_NEVER,
        .overdue = MONO_NEVER,
    };
    handshake_split(handshake, &keys->send, &keys->receive, keys->hash);
}

static void drop_handshake(struct keys *keys)
{
    if (keys->handshake != NULL)
        handshake_done(keys->handshake);
    free(keys->handshake);
    keys->handshake = NULL;
}

void keys_done(struct keys *keys)
{
    drop_handshake(keys);
    crypto_wipe(keys, sizeof *keys);
}

static enum error seal(struct keys *keys, enum record_type type, const uint8_t *content,
                       size_t length, struct bytes *out)
{
    enum error error = record_seal(&keys->send, type, content, length, out);

    if (error == OK)
        keys->bytes += RECORD_OVERHEAD + length;
    return error;
}

enum error keys_seal(struct keys *keys, const uint8_t *content, size_t length, struct bytes *out)
{
    return seal(keys, RECORD_DATA, content, length, out);
}

enum error keys_open(struct keys *keys, uint8_t *bytes, size_t available, struct record *ret_record)
{
    enum error error = record_open(&keys->receive, bytes, available, ret_record);

    if (error == OK)
        keys->bytes += ret_record->size;
    return error;
}

void keys_carry_data(struct keys *keys, struct mono now)
{
    if (keys->data_since.ms != MONO_NEVER.ms)
        return;
    keys->data_since = now;
    if (keys->renewal != KEYS_SWITCHING)
        keys->overdue = mono_after(now, KEYS_USE_MS_MAX);
}

/* --- Renewal --- */

/* Writes our next message of the renewal into a record under the present sending key. */
static enum error send_message(struct keys *keys, enum record_type type, struct bytes *out)
{
    struct bytes message = BYTES_EMPTY;
    enum error error = handshake_write(keys->handshake, &message);

    if (error == OK)
        error = seal(keys, type, bytes_data(&message), bytes_length(&message), out);
    bytes_done(&message);
    return error;
}

static void start_handshake(struct keys *keys)
{
    keys->handshake = xmalloc(sizeof *keys->handshake);
    handshake_init_renewal(keys->handshake, &keys->setup, keys->hash);
}

/* Dialler: "RENEW_1". */
static enum error ask(struct keys *keys, struct bytes *out)
{
    start_handshake(keys);
    keys->renewal = KEYS_ASKED;
    return send_message(keys, RECORD_RENEW_1, out);
}

/* Listener, on RENEW_1. */
static enum error answer(struct keys *keys, const struct record *record, struct bytes *out)
{
    if (keys->setup.role != NOISE_RESPONDER || keys->renewal != KEYS_SETTLED)
        return ERR_BAD_STATE;
    start_handshake(keys);
    enum error error = handshake_read(keys->handshake, record->content, record->length);
    if (error != OK)
        return error;
    keys->renewal = KEYS_ANSWERED;
    return send_message(keys, RECORD_RENEW_2, out);
}

/* The newest keys have carried nothing yet. */
static void start_count(struct keys *keys)
{
    keys->data_since = MONO_NEVER;
    keys->bytes = 0;
}

/* Dialler, on RENEW_2: sends RENEW_3 and with it leaves the old sending key. */
static enum error switch_sending(struct keys *keys, const struct record *record, struct bytes *out)
{
    if (keys->renewal != KEYS_ASKED)
        return ERR_BAD_STATE;
    enum error error = handshake_read(keys->handshake, record->content, record->length);
    if (error == OK)
        error = send_message(keys, RECORD_RENEW_3, out);
    if (error != OK)
        return error;
    handshake_split(keys->handshake, &keys->send, &keys->next_receive, keys->hash);
    drop_handshake(keys);
    start_count(keys);
    keys->renewal = KEYS_SWITCHING;
    return OK;
}

/* Listener, on RENEW_3: leaves the old receiving key, and after SWITCHED the old sending key. */
static enum error switch_both(struct keys *keys, const struct record *record, struct bytes *out)
{
    if (keys->renewal != KEYS_ANSWERED)
        return ERR_BAD_STATE;
    enum error error = handshake_read(keys->handshake, record->content, record->length);
    if (error == OK)
        error = seal(keys, RECORD_SWITCHED, NULL, 0, out);
    if (error != OK)
        return error;
    handshake_split(keys->handshake, &keys->send, &keys->receive, keys->hash);
    drop_handshake(keys);
    start_count(keys);
    keys->overdue = MONO_NEVER;
    keys->renewal = KEYS_SETTLED;
    return OK;
}

/* Dialler, on SWITCHED: leaves the old receiving key. */
static enum error switch_receiving(struct keys *keys, const struct record *record)
{
    if (keys->renewal != KEYS_SWITCHING)
        return ERR_BAD_STATE;
    if (record->length != 0)
        return ERR_MALFORMED;
    keys->receive = keys->next_receive;
    noise_cipher_done(&keys->next_receive);
    keys->overdue = mono_after(keys->data_since, KEYS_USE_MS_MAX);
    keys->renewal = KEYS_SETTLED;
    return OK;
}

enum error keys_renew(struct keys *keys, const struct record *record, struct bytes *out)
{
    switch (record->type) {
    case RECORD_RENEW_1:
        return answer(keys, record, out);
    case RECORD_RENEW_2:
        return switch_sending(keys, record, out);
    case RECORD_RENEW_3:
        return switch_both(keys, record, out);
    case RECORD_SWITCHED:
        return switch_receiving(keys, record);
    case RECORD_DATA:
        break;
    }
    must(!"a record that renews keys");
}

/* --- Time --- */

static struct mono renewal_due(const struct keys *keys)
{
    if (keys->setup.role != NOISE_INITIATOR || keys->renewal != KEYS_SETTLED)
        return MONO_NEVER;
    return mono_after(keys->data_since, KEYS_RENEWAL_MS);
}

enum error keys_expire(struct keys *keys, struct mono now, struct bytes *out)
{
    if (mono_due(keys->overdue, now) || keys->bytes >= KEYS_USE_BYTES_MAX)
        return ERR_EXPIRED;
    bool may_ask = keys->setup.role == NOISE_INITIATOR && keys->renewal == KEYS_SETTLED;
    if (may_ask && (mono_due(renewal_due(keys), now) || keys->bytes >= KEYS_RENEWAL_BYTES))
        return ask(keys, out);
    return OK;
}

struct mono keys_deadline(const struct keys *keys)
{
    return mono_earlier(keys->overdue, renewal_due(keys));
}
