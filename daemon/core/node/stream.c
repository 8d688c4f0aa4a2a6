/* Messages both ways between contacts (p2pchat-protocol(7), Messages between contacts).
 *
 * Ours: chat.message → log → DURABLE → window → CHAT_MESSAGE → CHAT_ACK → message.delivered.
 * Theirs: CHAT_MESSAGE → log → DURABLE → CHAT_ACK, and message.received for whoever watches.
 * What is no longer in the log goes the same way as CHAT_GAP, and becomes a gap. */
#include "daemon/core/node/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/wait.h"

void stream_touch(struct node *node, struct contact *contact)
{
    if (contact->is_dirty)
        return;
    contact->is_dirty = true;
    contact->next_dirty = node->dirty_contacts;
    node->dirty_contacts = contact;
}

void stream_forget(struct node *node, struct contact *contact)
{
    struct contact **link = &node->dirty_contacts;

    if (!contact->is_dirty)
        return;
    while (*link != contact)
        link = &(*link)->next_dirty;
    *link = contact->next_dirty;
    contact->is_dirty = false;
}

void stream_offline(struct node *node, struct contact *contact)
{
    (void)node;
    outbox_close(&contact->outbox);
    contact->read = 0;
    contact->has_have = false;
    contact->sent_have = false;
    contact->owes_have = false;
    contact->owes_ack = false;
    inbox_close(&contact->inbox);
    classic_talk_drop_text(contact);
}

/* What we can take of one contact: a share of the room before the disk; nothing while it fails. */
static uint64_t credit_of(const struct node *node)
{
    if (node->store_failing || node->unstored_bytes >= UNSTORED_BYTES_MAX)
        return 0;
    uint64_t share = (UNSTORED_BYTES_MAX - node->unstored_bytes) / CREDIT_SHARE;
    return share < OUTBOX_WINDOW_BYTES ? share : OUTBOX_WINDOW_BYTES;
}

/* --- Saying what we have --- */

static void send_have(struct node *node, struct contact *contact)
{
    struct message_have have = {0};
    struct bytes data = BYTES_EMPTY;

    memcpy(have.consent, contact->row.consent_id, CONSENT_ID_LENGTH);
    outbox_list_live(&contact->outbox, &have);
    inbox_list_have(&contact->inbox, &have);
    message_have_encode(&data, &have);
    session_send(node, contact->session, MESSAGE_HAVE, &data);
    bytes_done(&data);
    inbox_give_credit(&contact->inbox, CREDIT_FIRST_BYTES);
    contact->owes_have = false;
    contact->sent_have = true;
    contact->session->said_have = true;
}

static void send_ack(struct node *node, struct contact *contact)
{
    struct bytes data = BYTES_EMPTY;
    const struct stream_row *stream = inbox_stream(&contact->inbox, contact->ack_stream);

    contact->owes_ack = false;
    if (stream == NULL)
        return;
    struct message_ack ack = {
        .epoch = stream->epoch, .through = contact->ack_through, .credit_bytes = credit_of(node)};
    inbox_give_credit(&contact->inbox, ack.credit_bytes);
    message_ack_encode(&data, &ack);
    session_send(node, contact->session, MESSAGE_CHAT_ACK, &data);
    bytes_done(&data);
}

static bool has_room(const struct session *session)
{
    return session->room > (int64_t)session->sent_bytes;
}

/* Whether there was something that may be sent now. */
static bool send_next(struct node *node, struct contact *contact, struct bytes *data)
{
    struct message_chat message;
    struct message_gap gap;

    bytes_clear(data);
    switch (outbox_next(&contact->outbox, &message, &gap)) {
    case OUTBOX_NOTHING:
        return false;
    case OUTBOX_MESSAGE:
        message_chat_encode(data, &message);
        session_send(node, contact->session, MESSAGE_CHAT_MESSAGE, data);
        break;
    case OUTBOX_GAP:
        message_gap_encode(data, &gap);
        session_send(node, contact->session, MESSAGE_CHAT_GAP, data);
        break;
    }
    return true;
}

static void send_messages(struct node *node, struct contact *contact)
{
    struct bytes data = BYTES_EMPTY;

    while (has_room(contact->session) && send_next(node, contact, &data))
        ;
    bytes_done(&data);
}

void stream_read_more(struct node *node, struct contact *contact)
{
    uint32_t stream;
    uint64_t after_seq;
    size_t rows_max, bytes_max;

    if (contact->reads > 0 ||
        !outbox_wants_rows(&contact->outbox, &stream, &after_seq, &rows_max, &bytes_max))
        return;
    contact->reads++;
    contact->read = ++node->last_read;
    contact->read_stream = stream;
    struct action *action = node_act(node, ACTION_READ, NULL, 0, NULL);
    action->read.read = contact->read;
    action->read.stream = stream;
    action->read.after_seq = after_seq;
    action->read.rows_max = rows_max;
    action->read.bytes_max = bytes_max;
    struct pending_read *read = xcalloc(1, sizeof *read);
    *read = (struct pending_read){.read = contact->read, .peer = contact->row.peer};
    HASH_ADD(hh, node->reads, read, sizeof read->read, read);
}

/* What they have all of is closed, but for the newest epochs: who restores a database from an older
 * copy gets these again. */
static void close_over(struct node *node, struct contact *contact)
{
    const struct stream_row *over;

    while ((over = outbox_over(&contact->outbox)) != NULL)
        ledger_remove_stream(node, over);
}

static void pump(struct node *node, struct contact *contact)
{
    if (contact->row.is_classic) {
        classic_talk_pump(node, contact);
        return;
    }
    if (contact->session == NULL || !consent_is_open(contact))
        return;
    if (contact->owes_have && contact->inbox.pending_count == 0)
        send_have(node, contact);
    if (contact->owes_ack)
        send_ack(node, contact);
    if (!contact->sent_have || !contact->has_have)
        return;
    send_messages(node, contact);
    stream_read_more(node, contact);
    if (!contact->owes_have && outbox_wants_listing(&contact->outbox)) {
        close_over(node, contact);
        contact->owes_have = true;
        stream_touch(node, contact);
    }
}

bool stream_pump(struct node *node)
{
    bool were_any = node->dirty_contacts != NULL;

    for (struct contact *contact; (contact = node->dirty_contacts) != NULL;) {
        node->dirty_contacts = contact->next_dirty;
        contact->is_dirty = false;
        pump(node, contact);
    }
    return were_any;
}

/* --- Their HAVE --- */

/* Epochs of theirs that they will not use again. */
static void forget_dead(struct node *node, struct contact *contact, const struct message_have *have)
{
    const struct stream_row *dead;

    while ((dead = inbox_dead(&contact->inbox, have)) != NULL)
        ledger_remove_stream(node, dead);
}

static void remember(struct session *session, const struct message_have *have)
{
    struct heard *heard = xmalloc(sizeof *heard + have->have_count * sizeof heard->marks[0]);

    memcpy(heard->consent, have->consent, sizeof heard->consent);
    heard->count = have->have_count;
    memcpy(heard->marks, have->have, heard->count * sizeof heard->marks[0]);
    free(session->heard);
    session->heard = heard;
}

/* Epochs of ours that are not in the outbox are over and forgotten; or our database is an older
 * copy that never knew them. The log can tell. It keeps these, so that each is warned of once; and
 * as the other side may invent them, none are looked for while a warning would not be told anyhow.
 */
static void look_for_unknown(struct node *node, const struct contact *contact,
                             const struct message_have *have)
{
    struct effect *effect = NULL;

    if (node->store_failing ||
        mono_left_ms(node->now.mono, contact->warnings[DANGER_DATABASE_RESTORED].next) > 0)
        return;
    for (size_t i = 0; i < have->have_count; i++) {
        if (outbox_epoch(&contact->outbox, have->have[i].epoch) != NULL)
            continue;
        const size_t row = ledger_see_epoch(node, contact->row.peer, &have->have[i]);
        if (effect == NULL) {
            effect = ledger_effect(node, EFFECT_SEEN);
            effect->peer = contact->row.peer;
            effect->stream = node->last_stream;
            effect->row = row;
            bytes_append(&effect->bytes, contact->session->remote,
                         strlen(contact->session->remote) + 1);
        }
        effect->number++;
    }
}

/* An epoch that nobody knew took the number that was offered for it. */
void stream_seen(struct node *node, const struct effect *effect, const struct change *results)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);
    bool is_unknown = false;

    for (uint32_t i = 0; i < effect->number; i++)
        is_unknown = is_unknown || results[i].stream.stream == effect->stream + i;
    if (is_unknown && contact != NULL)
        ration_warn(node, DANGER_DATABASE_RESTORED, contact, effect->peer,
                    (const char *)bytes_data(&effect->bytes));
}

static void resume(struct node *node, struct contact *contact, const struct message_have *have)
{
    contact->read = 0;
    contact->has_have = true;
    if (outbox_resume(&contact->outbox, have, CREDIT_FIRST_BYTES))
        ration_warn(node, DANGER_DATABASE_RESTORED, contact, contact->row.peer,
                    contact->session->remote);
    look_for_unknown(node, contact, have);
    stream_touch(node, contact);
}

/* Nothing that is out of date does harm: what they have already they drop, and say HAVE again. */
void stream_online(struct node *node, struct contact *contact)
{
    const struct heard *heard = contact->session->heard;
    struct message_have have = {0};

    if (heard == NULL || !consent_is_open(contact) ||
        memcmp(heard->consent, contact->row.consent_id, CONSENT_ID_LENGTH) != 0)
        return;
    consent_confirmed(node, contact);
    have.have_count = heard->count;
    memcpy(have.have, heard->marks, heard->count * sizeof heard->marks[0]);
    resume(node, contact, &have);
}

void stream_have(struct node *node, struct session *session, const struct json *data)
{
    struct contact *contact = session->contact;
    struct message_have have;

    if (message_have_decode(data, &have) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (!consent_confirm(node, session, have.consent)) {
        consent_deny(node, session, have.consent);
        return;
    }
    consent_confirmed(node, contact);
    remember(session, &have);
    if (contact->session != session)
        return; /* the two of us do not agree yet on which link to use */
    resume(node, contact, &have);
    forget_dead(node, contact, &have);
    close_over(node, contact);
}

/* --- Theirs --- */

static const struct stream_row *new_in_stream(struct node *node, struct contact *contact,
                                              uint64_t epoch)
{
    struct stream_row row = {.stream = node->last_stream + 1,
                             .peer = contact->row.peer,
                             .direction = DIRECTION_IN,
                             .epoch = epoch};

    ledger_put_stream(node, &row);
    return inbox_epoch(&contact->inbox, epoch);
}

/* Nobody's clock but ours decides what is the future. */
static int64_t said_at(const struct node *node, int64_t claimed_ms)
{
    return claimed_ms > 0 && claimed_ms < node->now.unix_ms ? claimed_ms : node->now.unix_ms;
}

/* The stream that a message of theirs, or a gap, goes on with; NULL: it is not taken. */
static const struct stream_row *in_turn(struct node *node, struct session *session, uint64_t epoch,
                                        uint64_t number, size_t bytes)
{
    struct contact *contact = session->contact;

    if (contact == NULL || !consent_is_open(contact) || contact->session != session)
        return NULL; /* consent ended, or another link is used: on its way before they knew */
    if (!session->said_have || session->heard == NULL) {
        session_close(node, session, LINK_END_MALFORMED);
        return NULL;
    }
    if (!contact->sent_have || node->store_failing)
        return NULL; /* HAVE tells when, and where, it goes on */
    switch (inbox_judge(&contact->inbox, epoch, number, bytes)) {
    case INBOX_TAKE_FIRST:
        return new_in_stream(node, contact, epoch);
    case INBOX_TAKE:
        return inbox_epoch(&contact->inbox, epoch);
    case INBOX_TELL:
        contact->owes_have = true;
        stream_touch(node, contact);
        return NULL;
    case INBOX_DROP:
        return NULL;
    case INBOX_REFUSE:
        session_close(node, session, LINK_END_CREDIT);
        return NULL;
    }
    must(!"a verdict");
}

static struct stream_row move_on(struct node *node, const struct stream_row *stream, uint64_t last)
{
    struct stream_row row = *stream;

    row.last = last;
    ledger_put_stream(node, &row);
    return row;
}

/* What was logged for it is acknowledged when it is durable. */
static void take(struct node *node, struct contact *contact, const struct stream_row *stream,
                 size_t bytes)
{
    inbox_pending(&contact->inbox, bytes);
    node->unstored_bytes += bytes;
    struct effect *effect = ledger_effect(node, EFFECT_TAKEN);
    effect->peer = contact->row.peer;
    effect->stream = stream->stream;
    effect->number = stream->last;
    effect->text_length = bytes;
}

void stream_message(struct node *node, struct session *session, const struct json *data)
{
    struct message_chat message;

    if (message_chat_decode(data, &message) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    const struct stream_row *stream =
        in_turn(node, session, message.epoch, message.number, message.text_length);
    if (stream == NULL)
        return;
    const struct stream_row row = move_on(node, stream, message.number);
    ledger_log_message(node, EVENT_MESSAGE_RECEIVED, &row, message.number,
                       said_at(node, message.time_ms), NULL, message.text, message.text_length);
    take(node, session->contact, &row, message.text_length);
}

void stream_gap(struct node *node, struct session *session, const struct json *data)
{
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    struct message_gap gap;

    if (message_gap_decode(data, &gap) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    const struct stream_row *stream = in_turn(node, session, gap.epoch, gap.from, 0);
    if (stream == NULL)
        return;
    const struct stream_row row = move_on(node, stream, gap.through);
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_hex64(&w, "epoch", gap.epoch);
    json_put_integer(&w, "from", (int64_t)gap.from);
    json_put_integer(&w, "to", (int64_t)gap.through);
    json_write_close(&w, '}');
    ledger_log_gap(node, &row, &object);
    bytes_done(&object);
    take(node, session->contact, &row, 0);
}

/* Nothing counts what a classic contact says, so we do; and what the disk cannot take is lost. */
void stream_classic_message(struct node *node, struct contact *contact, const char *text,
                            size_t length)
{
    const struct stream_row *stream = inbox_newest(&contact->inbox);
    uint64_t epoch;

    inbox_give_credit(&contact->inbox, credit_of(node));
    if (node->store_failing || contact->inbox.pending_count >= OUTBOX_WINDOW_MESSAGES ||
        length > contact->inbox.allowed_bytes)
        return;
    if (stream == NULL) {
        random_fill(&node->random, &epoch, sizeof epoch);
        stream = new_in_stream(node, contact, epoch);
    }
    const struct stream_row row = move_on(node, stream, stream->last + 1);
    ledger_log_message(node, EVENT_MESSAGE_RECEIVED, &row, row.last, node->now.unix_ms, NULL, text,
                       length);
    take(node, contact, &row, length);
}

/* A message of theirs is durable, or is not going to be. */
static struct contact *settle(struct node *node, const struct effect *effect)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    must(node->unstored_bytes >= effect->text_length);
    node->unstored_bytes -= effect->text_length;
    if (contact != NULL) {
        inbox_settled(&contact->inbox, effect->text_length);
        stream_touch(node, contact);
    }
    return contact;
}

void stream_taken(struct node *node, const struct effect *effect)
{
    struct contact *contact = settle(node, effect);

    node->totals.messages_received++;
    if (contact == NULL || contact->session == NULL || !contact->sent_have)
        return;
    if (contact->owes_ack && contact->ack_stream != effect->stream)
        send_ack(node, contact); /* of the epoch before */
    contact->owes_ack = true;
    contact->ack_stream = effect->stream;
    contact->ack_through = effect->number;
}

void stream_not_taken(struct node *node, const struct effect *effect)
{
    struct contact *contact = settle(node, effect);

    if (contact == NULL || contact->session == NULL)
        return;
    contact->owes_have = true; /* they go back; with credit 0 until the disk works */
}

/* --- Ours --- */

static const struct stream_row *current_stream(struct node *node, struct contact *contact)
{
    struct outbox *outbox = &contact->outbox;
    struct out_stream *current = NULL;

    if (outbox->current_epoch != 0)
        current = outbox_epoch(outbox, outbox->current_epoch);
    if (current != NULL)
        return &current->row;
    struct stream_row row = {
        .stream = node->last_stream + 1, .peer = contact->row.peer, .direction = DIRECTION_OUT};
    do
        random_fill(&node->random, &row.epoch, sizeof row.epoch);
    while (row.epoch == 0 || outbox_epoch(outbox, row.epoch) != NULL);
    ledger_put_stream(node, &row);
    outbox->current_epoch = row.epoch;
    return &outbox_epoch(outbox, row.epoch)->row;
}

enum error stream_queue(struct node *node, struct contact *contact, const char *text,
                        const char *key, const struct effect *answer)
{
    size_t length = strlen(text);

    if (outbox_queued(&contact->outbox) + contact->unstored_count >= node->outbox_messages_max ||
        outbox_queued_bytes(&contact->outbox) + contact->unstored_bytes + length >
            node->outbox_bytes_max)
        return ERR_OUTBOX_FULL;
    const struct stream_row *stream = current_stream(node, contact);
    uint32_t number = stream->stream;
    size_t row = ledger_log_message(node, EVENT_MESSAGE_SENT, stream, 0, node->now.unix_ms, key,
                                    text, length);
    contact->unstored_count++;
    contact->unstored_bytes += length;
    struct effect *effect = ledger_effect_like(node, EFFECT_STORED, answer);
    effect->peer = contact->row.peer;
    effect->stream = number;
    effect->row = row;
    effect->text_length = length;
    return OK;
}

static void settle_ours(struct node *node, const struct effect *effect)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    if (contact == NULL)
        return;
    must(contact->unstored_count > 0 && contact->unstored_bytes >= effect->text_length);
    contact->unstored_count--;
    contact->unstored_bytes -= effect->text_length;
}

void stream_stored(struct node *node, const struct effect *effect, const struct log_row *row)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    settle_ours(node, effect);
    if (row->result == OK && !row->existing)
        node->totals.messages_sent++;
    if (contact != NULL && row->result == OK && !row->existing) {
        outbox_stored(&contact->outbox, row->stream, row->number, row->seq, row->time_ms, row->body,
                      row->body_length);
        stream_touch(node, contact);
        if (contact->row.is_classic)
            classic_talk_news(node, contact);
        else if (contact->session == NULL)
            dialler_news(&node->dialler, contact->row.peer, node->now.mono);
    }
    call_stored(node, effect, row);
}

void stream_not_stored(struct node *node, const struct effect *effect)
{
    settle_ours(node, effect);
}

static void delivered(struct node *node, struct contact *contact,
                      const struct outbox_progress *progress)
{
    ledger_progress(node, contact, progress);
    wait_delivered(node, progress->stream, progress->acked, wait_arrived_state(contact));
}

void stream_sent(struct node *node, struct contact *contact, uint64_t epoch, uint64_t through)
{
    const struct message_ack all = {.epoch = epoch, .through = through, .credit_bytes = UINT64_MAX};
    struct outbox_progress progress;
    enum error error = OK;

    if (outbox_acknowledged(&contact->outbox, &all, &progress, &error))
        delivered(node, contact, &progress);
}

void stream_ack(struct node *node, struct session *session, const struct json *data)
{
    struct contact *contact = session->contact;
    struct outbox_progress progress;
    struct message_ack ack;
    enum error error = OK;

    if (message_ack_decode(data, &ack) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (contact == NULL || !consent_is_open(contact) || contact->session != session ||
        !contact->has_have)
        return;
    if (outbox_acknowledged(&contact->outbox, &ack, &progress, &error))
        delivered(node, contact, &progress);
    if (error != OK)
        session_close(node, session, LINK_END_MALFORMED);
    stream_touch(node, contact);
}

void stream_rows(struct node *node, const struct input *input)
{
    struct pending_read *read;
    struct outbox_progress progress;

    HASH_FIND(hh, node->reads, &input->rows.read, sizeof input->rows.read, read);
    if (read == NULL)
        return;
    struct contact *contact = contacts_by_number(&node->contacts, read->peer);
    bool is_wanted = contact != NULL && contact->read == read->read;
    HASH_DELETE(hh, node->reads, read);
    free(read);
    if (contact == NULL)
        return;
    contact->reads--;
    if (!is_wanted) { /* HAVE came meanwhile: from there */
        stream_touch(node, contact);
        return;
    }
    contact->read = 0;
    if (outbox_rows(&contact->outbox, contact->read_stream, input->rows.rows, input->rows.count,
                    input->rows.end && input->rows.error == OK, &progress))
        delivered(node, contact, &progress);
    if (input->rows.error == OK)
        stream_touch(node, contact);
    else
        node_note_contact(node, NOTE_ERROR, "log_not_readable", contact,
                          "messages wait in the log");
    if (input->rows.error != OK && contact->row.is_classic)
        classic_talk_unreadable(node, contact);
}

/* The chat is over: what is queued is failed, and our epochs are closed. How far we have theirs is
 * remembered: when they do not know of the end and we agree again, nothing is taken twice. */
uint64_t stream_end(struct node *node, struct contact *contact, const char *reason)
{
    uint64_t count = outbox_queued(&contact->outbox) + contact->unstored_count;
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;

    wait_failed(node, contact->row.peer);
    if (count > 0) {
        json_write_init(&w, &object);
        json_write_open(&w, '{');
        json_put_integer(&w, "count", (int64_t)count);
        json_put_string(&w, "reason", reason);
        json_write_close(&w, '}');
        ledger_log(node, EVENT_MESSAGE_FAILED, contact->row.peer, &object);
        bytes_done(&object);
    }
    while (contact->outbox.count > 0)
        ledger_remove_stream(node, &contact->outbox.streams[0].row);
    stream_offline(node, contact);
    return count;
}
