/* What is said to classic contacts (p2pchat-protocol(7), The classic dialect). It follows from what
 * is kept, so that nothing is lost in a crash:
 *
 *     ENDING                             DISCONNECT    then NONE
 *     PENDING                            CHAT_ACCEPT   then MUTUAL
 *     a request of theirs, refused       CHAT_REFUSE   then it is forgotten
 *     a request of ours, not said yet    CHAT_REQUEST  then the consent id is its id
 *     MUTUAL, with messages queued       CHAT_MESSAGE  then they are `sent`
 *
 * One object is on its way at a time, but that a request of ours need not wait for what it
 * replaces. The dialler decides when, until one went out; then the next follow at once, until one
 * fails or nothing is left. */
#include "daemon/core/node/consent.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/stream.h"

/* --- Our name --- */

/* It knows us by the name that we said when we asked, or accepted: that holds for the chat,
 * whatever we are called by then. */
static void name_known_there(const struct node *node, const struct contact *contact,
                             char ret_name[ADDRESS_NAME_MAX + 1])
{
    const struct peer_row *row = &contact->row;

    ret_name[0] = '\0';
    if (row->record != NULL && row->record_length <= ADDRESS_NAME_MAX) {
        memcpy(ret_name, row->record, row->record_length);
        ret_name[row->record_length] = '\0';
    }
    if (name_check(ret_name) != OK)
        memcpy(ret_name, node_name(node), strlen(node_name(node)) + 1);
}

/* From now on it knows us by the name that we have. */
static void introduce(struct node *node, const struct contact *contact)
{
    struct peer_row row = contact->row;

    row.record = (uint8_t *)node_name(node);
    row.record_length = strlen(node_name(node));
    if (row.record_length != contact->row.record_length ||
        memcmp(row.record, contact->row.record, row.record_length) != 0)
        ledger_put_peer(node, &row);
}

/* --- What is to be said --- */

static struct request *refused_request(const struct node *node, const struct contact *contact)
{
    for (struct request *r = node->requests.first; r != NULL; r = r->next)
        if (r->row.peer == contact->row.peer && r->row.direction == DIRECTION_IN &&
            r->row.state == REQUEST_REFUSED)
            return r;
    return NULL;
}

bool classic_is_said(const struct contact *contact, const struct request *request)
{
    return memcmp(contact->row.consent_id, request->row.id, CONSENT_ID_LENGTH) == 0;
}

static enum classic_item next_item(const struct node *node, const struct contact *contact,
                                   uint32_t *ret_request)
{
    const struct request *refused = refused_request(node, contact);
    const struct request *asked =
        requests_pending(&node->requests, contact->row.peer, DIRECTION_OUT);

    if (!node->dialect.is_on || contact->row.blocked || contact->row.address == NULL)
        return CLASSIC_SAY_NOTHING;
    if (contact->row.consent == CONSENT_ENDING)
        return CLASSIC_SAY_DISCONNECT;
    if (contact->row.consent == CONSENT_PENDING)
        return CLASSIC_SAY_ACCEPT;
    if (refused != NULL) {
        *ret_request = refused->row.request;
        return CLASSIC_SAY_REFUSE;
    }
    if (contact->row.consent == CONSENT_ASKED && asked != NULL &&
        !classic_is_said(contact, asked)) {
        *ret_request = asked->row.request;
        return CLASSIC_SAY_REQUEST;
    }
    if (contact->row.consent == CONSENT_MUTUAL && outbox_queued(&contact->outbox) > 0)
        return CLASSIC_SAY_MESSAGE;
    return CLASSIC_SAY_NOTHING;
}

/* --- The message that is said now --- */

bool classic_is_too_long(const struct node *node, const struct contact *contact, const char *text)
{
    const size_t length = strlen(text);
    char name[ADDRESS_NAME_MAX + 1];

    name_known_there(node, contact, name);
    return node->dialect.long_text == LONG_TEXT_REFUSE &&
           classic_message_fit(name, text, length) < length;
}

void classic_talk_drop_text(struct contact *contact)
{
    free(contact->talk.text);
    contact->talk.text = NULL;
}

/* Nothing of the outbox is kept in memory while nothing goes out. */
static void close_outbox(struct contact *contact)
{
    classic_talk_drop_text(contact);
    outbox_close(&contact->outbox);
    contact->read = 0;
}

/* They have what was sent, and there is no credit. */
static void open_outbox(struct contact *contact)
{
    struct message_have have = {0};

    outbox_list_live(&contact->outbox, &have);
    for (size_t i = 0; i < have.live_count; i++)
        have.have[i] = (struct message_mark){
            .epoch = have.live[i],
            .number = outbox_epoch(&contact->outbox, have.live[i])->row.acked};
    have.have_count = have.live_count;
    outbox_resume(&contact->outbox, &have, UINT64_MAX);
}

/* What of it went out before a failure does not go out again, as long as the node runs. */
static void take_text(struct classic_talk *talk, const struct message_chat *message)
{
    if (talk->epoch != message->epoch || talk->number != message->number)
        talk->said = 0;
    talk->epoch = message->epoch;
    talk->number = message->number;
    talk->text = xmemdup(message->text, message->text_length);
    talk->text_length = message->text_length;
}

/* It is tried again, ever less often. Who is only to be told that it is over is not looked for
 * without end: somebody else may have that address by then. */
static void give_up(struct node *node, struct contact *contact)
{
    contact->talk.is_due = false;
    contact->talk.is_online = false;
    close_outbox(contact);
    dialler_failed(&node->dialler, contact->row.peer, node->now.mono);
    dialler_lost(&node->dialler, contact->row.peer, node->now.mono);
    if (contact->talk.failures < UINT8_MAX)
        contact->talk.failures++;
    if (contact->row.consent == CONSENT_ENDING &&
        contact->talk.failures >= CLASSIC_DISCONNECT_TRIES_MAX)
        consent_set(node, contact, CONSENT_NONE, NULL);
    else
        stream_touch(node, contact);
}

/* Whether the next message is there; else it is being read. */
static bool fetch_text(struct node *node, struct contact *contact)
{
    struct outbox *outbox = &contact->outbox;
    struct message_chat message;
    struct message_gap gap;

    if (contact->talk.text != NULL)
        return true;
    if (!outbox->open || outbox_wants_listing(outbox))
        open_outbox(contact);
    for (;;)
        switch (outbox_next(outbox, &message, &gap)) {
        case OUTBOX_MESSAGE:
            take_text(&contact->talk, &message);
            return true;
        case OUTBOX_GAP: /* no longer in the log */
            stream_sent(node, contact, gap.epoch, gap.through);
            break;
        case OUTBOX_NOTHING:
            stream_read_more(node, contact);
            if (contact->reads == 0) /* there is nothing, whatever its row says */
                give_up(node, contact);
            return false;
        }
}

/* --- Saying it --- */

/* Nothing is to be said, for now. */
static void rest(struct node *node, struct contact *contact)
{
    close_outbox(contact);
    contact->talk.is_due = false;
    contact->talk.failures = 0;
    dialler_unwant(&node->dialler, contact->row.peer);
}

void classic_talk_pump(struct node *node, struct contact *contact)
{
    struct classic_talk *talk = &contact->talk;
    struct dial_address to = {0};
    uint32_t request;

    if (!node->started || node->stopping)
        return;
    const enum classic_item item = next_item(node, contact, &request);
    const bool is_ready =
        item != CLASSIC_SAY_NOTHING && (item != CLASSIC_SAY_MESSAGE || talk->text != NULL);
    if (talk->is_under_way && !is_ready && classic_call_off(node, contact->row.peer))
        talk->is_under_way = false; /* else a connection would have nothing on it */
    if (talk->is_under_way)
        return;
    if (item == CLASSIC_SAY_NOTHING) {
        rest(node, contact);
    } else if (!talk->is_due) {
        dialler_want(&node->dialler, contact->row.peer,
                     item == CLASSIC_SAY_DISCONNECT ? DIALLER_SELDOM : DIALLER_OFTEN,
                     node->now.mono);
    } else if (item != CLASSIC_SAY_MESSAGE || fetch_text(node, contact)) {
        must(host_port_parse(contact->row.address, PORT_ZERO_REFUSED, &to.at) == OK);
        talk->is_under_way = true;
        talk->is_out = false;
        classic_errand_start(node, CLASSIC_CONTACT, contact->row.peer, &to);
    }
}

void classic_talk_due(struct node *node, struct contact *contact)
{
    contact->talk.is_due = true;
    stream_touch(node, contact);
}

void classic_talk_news(struct node *node, struct contact *contact)
{
    uint32_t request;

    stream_touch(node, contact);
    if (contact->talk.is_under_way || next_item(node, contact, &request) == CLASSIC_SAY_NOTHING)
        return;
    if (contact->talk.failures > 0)
        dialler_news(&node->dialler, contact->row.peer, node->now.mono);
    else
        dialler_want_now(&node->dialler, contact->row.peer);
}

void classic_talk_unreadable(struct node *node, struct contact *contact)
{
    give_up(node, contact);
}

static void write_item(struct node *node, struct contact *contact, const struct host_port *own,
                       struct bytes *object)
{
    struct classic_talk *talk = &contact->talk;
    char name[ADDRESS_NAME_MAX + 1];

    if (talk->item == CLASSIC_SAY_ACCEPT || talk->item == CLASSIC_SAY_REQUEST)
        introduce(node, contact);
    name_known_there(node, contact, name);
    switch (talk->item) {
    case CLASSIC_SAY_NOTHING:
        break;
    case CLASSIC_SAY_DISCONNECT:
        classic_write_name(object, CLASSIC_DISCONNECT, name);
        break;
    case CLASSIC_SAY_ACCEPT:
        classic_write_at(object, CLASSIC_CHAT_ACCEPT, name, own);
        break;
    case CLASSIC_SAY_REFUSE:
        classic_write(object, CLASSIC_CHAT_REFUSE);
        break;
    case CLASSIC_SAY_REQUEST:
        classic_write_at(object, CLASSIC_CHAT_REQUEST, name, own);
        break;
    case CLASSIC_SAY_MESSAGE:
        talk->part =
            classic_message_fit(name, talk->text + talk->said, talk->text_length - talk->said);
        classic_write_message(object, name, talk->text + talk->said, talk->part);
        break;
    }
}

bool classic_talk_say(struct node *node, uint32_t peer, const struct host_port *own,
                      struct bytes *object)
{
    struct contact *contact = contacts_by_number(&node->contacts, peer);

    if (contact == NULL)
        return false;
    dialler_linked(&node->dialler, peer, node->now.mono);
    contact->talk.item = next_item(node, contact, &contact->talk.request);
    if (contact->talk.item == CLASSIC_SAY_NOTHING ||
        (contact->talk.item == CLASSIC_SAY_MESSAGE && contact->talk.text == NULL))
        return false; /* it is not what it was when the dial began */
    write_item(node, contact, own, object);
    return true;
}

void classic_talk_out(struct node *node, uint32_t peer)
{
    struct contact *contact = contacts_by_number(&node->contacts, peer);

    if (contact != NULL)
        contact->talk.is_out = true;
}

static void said_part(struct node *node, struct contact *contact)
{
    struct classic_talk *talk = &contact->talk;

    if (talk->text == NULL) /* the chat is over */
        return;
    talk->said += talk->part;
    if (talk->said < talk->text_length)
        return;
    talk->said = 0;
    classic_talk_drop_text(contact);
    stream_sent(node, contact, talk->epoch, talk->number);
}

/* What went out is not said again. */
static void said(struct node *node, struct contact *contact)
{
    struct request *request = requests_by_number(&node->requests, contact->talk.request);

    switch (contact->talk.item) {
    case CLASSIC_SAY_NOTHING:
        break;
    case CLASSIC_SAY_DISCONNECT:
        if (contact->row.consent == CONSENT_ENDING)
            consent_set(node, contact, CONSENT_NONE, NULL);
        break;
    case CLASSIC_SAY_ACCEPT:
        consent_confirmed(node, contact);
        break;
    case CLASSIC_SAY_REFUSE:
        if (request != NULL && request->row.state == REQUEST_REFUSED)
            consent_forget_request(node, request);
        break;
    case CLASSIC_SAY_REQUEST:
        if (request != NULL && contact->row.consent == CONSENT_ASKED)
            classic_contact_seen(node, consent_set(node, contact, CONSENT_ASKED, request->row.id));
        break;
    case CLASSIC_SAY_MESSAGE:
        said_part(node, contact);
        break;
    }
}

void classic_talk_ended(struct node *node, uint32_t peer, enum classic_end end)
{
    struct contact *contact = contacts_by_number(&node->contacts, peer);

    if (contact == NULL)
        return;
    contact->talk.is_under_way = false;
    if (end == CLASSIC_FAILED) {
        give_up(node, contact);
        return;
    }
    contact->talk.is_due = true; /* what follows goes at once */
    contact->talk.is_online = true;
    contact->talk.failures = 0;
    said(node, contact);
    contact = contacts_by_number(&node->contacts, peer); /* who was refused may be forgotten */
    if (contact != NULL)
        stream_touch(node, contact);
}

bool classic_talk_take_over(struct node *node, struct contact *contact)
{
    const uint32_t peer = contact->row.peer;

    if (contact->talk.is_under_way) {
        if (consent_is_open(contact))
            return false; /* it follows when that is said */
        classic_let_go(node, peer);
        if (contact->talk.is_out)
            said(node, contact);
        contact = contacts_by_number(&node->contacts, peer);
    }
    contact->talk.is_under_way = true;
    contact->talk.is_out = false;
    return true;
}
