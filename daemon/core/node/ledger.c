/* What a transaction is made of, one for each input that changes something; what waits for it, and
 * what to undo when it fails. Rows change in memory first; the world sees nothing of it before it
 * is durable. */
#include "daemon/core/node/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/trackers.h"

/* --- Building --- */

static void keep_carried(struct node *node);

static struct flight *open_flight(struct node *node)
{
    if (node->open == NULL) {
        node->open = xcalloc(1, sizeof *node->open);
        node->open->ticket = ++node->last_ticket;
        node->open->transaction = transaction_new(node->open->ticket);
        node->open->transaction->lazy = true;
        node->open->effects_end = &node->open->effects;
        keep_carried(node);
    }
    return node->open;
}

enum urgency { SOON, LAZY };

static struct change *add_change(struct node *node, enum change_kind kind, enum urgency urgency)
{
    struct transaction *transaction = open_flight(node)->transaction;

    if (urgency == SOON)
        transaction->lazy = false;
    return transaction_add(transaction, kind);
}

/* Remembers how to put back a row that is about to change, which the caller copies into the result.
 */
static struct undo *add_undo(struct node *node, enum change_kind kind, bool was_there)
{
    struct flight *flight = open_flight(node);
    struct undo *undo = xcalloc(1, sizeof *undo);

    undo->before.kind = kind;
    undo->was_there = was_there;
    undo->next = flight->undo;
    flight->undo = undo;
    return undo;
}

static void remember_peer(struct node *node, uint32_t peer)
{
    const struct contact *contact = contacts_by_number(&node->contacts, peer);
    struct undo *undo = add_undo(node, CHANGE_PEER, contact != NULL);

    undo->before.peer.peer = peer;
    if (contact != NULL)
        peer_row_copy(&undo->before.peer, &contact->row);
}

void ledger_put_peer(struct node *node, const struct peer_row *row)
{
    struct peer_row copy;

    remember_peer(node, row->peer);
    peer_row_copy(&copy, row);
    add_change(node, CHANGE_PEER, SOON)->peer = copy;
    contacts_put(&node->contacts, row);
}

void ledger_remove_peer(struct node *node, struct contact *contact)
{
    remember_peer(node, contact->row.peer);
    add_change(node, CHANGE_PEER_GONE, SOON)->peer.peer = contact->row.peer;
    contacts_remove(&node->contacts, contact);
}

static struct request *put_request(struct node *node, const struct request_row *row)
{
    const struct contact *contact = contacts_by_number(&node->contacts, row->peer);
    struct request *request = requests_put(&node->requests, row);

    request->is_classic = contact != NULL && contact->row.is_classic;
    request->timer.kind = TIMER_REQUEST;
    timers_set(&node->timers, &request->timer,
               mono_after(node->now.mono, row->left_ms > 0 ? (uint64_t)row->left_ms : 0));
    return request;
}

static void remember_request(struct node *node, uint32_t number)
{
    const struct request *request = requests_by_number(&node->requests, number);
    struct undo *undo = add_undo(node, CHANGE_REQUEST, request != NULL);

    undo->before.request.request = number;
    if (request == NULL)
        return;
    request_row_copy(&undo->before.request, &request->row);
    undo->before.request.left_ms = (int64_t)mono_left_ms(node->now.mono, request->timer.at);
}

void ledger_put_request(struct node *node, const struct request_row *row)
{
    struct request_row copy;

    remember_request(node, row->request);
    request_row_copy(&copy, row);
    add_change(node, CHANGE_REQUEST, SOON)->request = copy;
    put_request(node, row);
}

void ledger_remove_request(struct node *node, struct request *request)
{
    remember_request(node, request->row.request);
    add_change(node, CHANGE_REQUEST_GONE, SOON)->request.request = request->row.request;
    requests_remove(&node->requests, &node->timers, request);
}

static void put_stream(struct node *node, const struct stream_row *row)
{
    struct contact *contact = contacts_by_number(&node->contacts, row->peer);

    must(contact != NULL);
    if (row->direction == DIRECTION_IN)
        inbox_put(&contact->inbox, row);
    else
        outbox_put(&contact->outbox, row);
    if (row->stream > node->last_stream)
        node->last_stream = row->stream;
}

void ledger_load_stream(struct node *node, const struct stream_row *row)
{
    put_stream(node, row);
}

void ledger_load_request(struct node *node, const struct request_row *row)
{
    put_request(node, row)->is_logged = true; /* or was not: its end is told in any case */
}

/* "The remaining time is stored": what is left of those that wait. */
void ledger_store_requests(struct node *node)
{
    for (struct request *r = node->requests.first; r != NULL; r = r->next) {
        if (r->row.state != REQUEST_PENDING)
            continue;
        struct request_row row = r->row;
        row.left_ms = (int64_t)mono_left_ms(node->now.mono, r->timer.at);
        ledger_put_request(node, &row);
    }
}

static void remove_stream(struct node *node, const struct stream_row *row)
{
    struct contact *contact = contacts_by_number(&node->contacts, row->peer);

    if (contact == NULL)
        return;
    if (row->direction == DIRECTION_IN)
        inbox_remove(&contact->inbox, row->stream);
    else
        outbox_remove(&contact->outbox, row->stream);
}

static const struct stream_row *known_stream(const struct node *node, const struct stream_row *row)
{
    const struct contact *contact = contacts_by_number(&node->contacts, row->peer);

    if (contact == NULL)
        return NULL;
    if (row->direction == DIRECTION_IN)
        return inbox_epoch(&contact->inbox, row->epoch);
    const struct out_stream *stream = outbox_stream(&contact->outbox, row->stream);
    return stream != NULL ? &stream->row : NULL;
}

static void remember_stream(struct node *node, const struct stream_row *row)
{
    const struct stream_row *known = known_stream(node, row);
    struct undo *undo = add_undo(
        node, row->direction == DIRECTION_IN ? CHANGE_STREAM_IN : CHANGE_STREAM_OUT, known != NULL);

    undo->before.stream = known != NULL ? *known : *row;
}

/* The change that moves an in-stream in this very transaction already, or NULL: one is enough. */
static struct change *same_stream_in(const struct node *node, uint32_t stream)
{
    const struct transaction *transaction = node->open != NULL ? node->open->transaction : NULL;

    for (size_t i = 0; transaction != NULL && i < transaction->count; i++)
        if (transaction->changes[i].kind == CHANGE_STREAM_IN &&
            transaction->changes[i].stream.stream == stream)
            return &transaction->changes[i];
    return NULL;
}

void ledger_put_stream(struct node *node, const struct stream_row *row)
{
    struct change *change =
        row->direction == DIRECTION_IN ? same_stream_in(node, row->stream) : NULL;

    if (change == NULL) {
        remember_stream(node, row);
        change = add_change(
            node, row->direction == DIRECTION_IN ? CHANGE_STREAM_IN : CHANGE_STREAM_OUT, SOON);
    }
    change->stream = *row;
    put_stream(node, row);
}

void ledger_remove_stream(struct node *node, const struct stream_row *row)
{
    struct stream_row gone = *row;

    remember_stream(node, row);
    add_change(node, CHANGE_STREAM_GONE, SOON)->stream = gone;
    remove_stream(node, &gone);
}

size_t ledger_see_epoch(struct node *node, uint32_t peer, const struct message_mark *mark)
{
    add_change(node, CHANGE_STREAM_SEEN, SOON)->stream =
        (struct stream_row){.stream = ++node->last_stream,
                            .peer = peer,
                            .direction = DIRECTION_OUT,
                            .epoch = mark->epoch,
                            .last = mark->number,
                            .acked = mark->number};
    return node->open->transaction->count - 1;
}

void ledger_put_meta(struct node *node, enum meta_name name, uint64_t value)
{
    struct change *change = add_change(node, CHANGE_META, SOON);

    change->meta.name = name;
    change->meta.value = value;
}

static void remember_tracker(struct node *node, const char *address)
{
    const struct tracker_row *row = trackers_row(node, address);
    struct undo *undo = add_undo(node, CHANGE_TRACKER, row != NULL);

    if (row != NULL)
        tracker_row_copy(&undo->before.tracker, row);
    else
        undo->before.tracker.address = xstrdup(address);
}

void ledger_put_tracker(struct node *node, const struct tracker_row *row)
{
    struct tracker_row copy;

    remember_tracker(node, row->address);
    tracker_row_copy(&copy, row);
    add_change(node, CHANGE_TRACKER, SOON)->tracker = copy;
    trackers_put_row(node, row);
}

void ledger_remove_tracker(struct node *node, const char *address)
{
    char *copy = xstrdup(address);

    remember_tracker(node, address);
    add_change(node, CHANGE_TRACKER_GONE, SOON)->tracker.address = copy;
    trackers_remove_row(node, copy);
}

void ledger_put_own_name(struct node *node, const char *name)
{
    struct undo *undo = add_undo(node, CHANGE_OWN_NAME, node->own_name != NULL);

    undo->before.own_name = node->own_name;
    node->own_name = name != NULL ? xstrdup(name) : NULL;
    add_change(node, CHANGE_OWN_NAME, SOON)->own_name = name != NULL ? xstrdup(name) : NULL;
}

size_t ledger_claim(struct node *node, const char *folded, const uint8_t *key)
{
    struct claim *claim = &add_change(node, CHANGE_CLAIM, SOON)->claim;

    claim->name = xstrdup(folded);
    claim->is_question = key == NULL;
    if (key != NULL)
        memcpy(claim->key, key, KEY_LENGTH);
    return node->open->transaction->count - 1;
}

void ledger_release(struct node *node, const char *folded, const uint8_t key[KEY_LENGTH])
{
    struct claim *claim = &add_change(node, CHANGE_RELEASE, LAZY)->claim;

    claim->name = xstrdup(folded);
    memcpy(claim->key, key, KEY_LENGTH);
}

static struct log_row *add_row(struct node *node, int type, uint32_t peer, int64_t time_ms,
                               const char *body, size_t length, enum urgency urgency)
{
    struct log_row *row = &add_change(node, CHANGE_LOG, urgency)->log;
    struct contact *contact = contacts_by_number(&node->contacts, peer);

    if (contact != NULL)
        contact->is_logged = true;
    row->time_ms = time_ms;
    row->type = type;
    row->peer = peer;
    row->body = xmalloc(length + 1);
    memcpy(row->body, body, length);
    row->body[length] = '\0';
    row->body_length = length;
    return row;
}

/* The members of an object: what stands between its braces. */
static struct log_row *add_event(struct node *node, int type, uint32_t peer,
                                 const struct bytes *object, enum urgency urgency)
{
    if (object == NULL)
        return add_row(node, type, peer, node->now.unix_ms, "", 0, urgency);
    must(bytes_length(object) >= 2);
    return add_row(node, type, peer, node->now.unix_ms, (char *)bytes_data(object) + 1,
                   bytes_length(object) - 2, urgency);
}

void ledger_log(struct node *node, int type, uint32_t peer, const struct bytes *object)
{
    add_event(node, type, peer, object, SOON);
}

void ledger_log_gap(struct node *node, const struct stream_row *stream, const struct bytes *object)
{
    struct log_row *row = add_event(node, EVENT_GAP, stream->peer, object, SOON);

    row->stream = stream->stream;
    row->number = stream->last;
}

size_t ledger_log_message(struct node *node, int type, const struct stream_row *stream,
                          uint64_t number, int64_t time_ms, const char *key, const char *text,
                          size_t length)
{
    struct log_row *row = add_row(node, type, stream->peer, time_ms, text, length, SOON);

    row->stream = stream->stream;
    row->number = number;
    row->epoch = stream->epoch;
    row->key = key != NULL ? xstrdup(key) : NULL;
    return node->open->transaction->count - 1;
}

size_t ledger_find_message(struct node *node, uint32_t peer, const char *key, const char *text)
{
    struct log_row *row = &add_change(node, CHANGE_FIND, SOON)->log;

    row->peer = peer;
    row->key = xstrdup(key);
    row->body = xstrdup(text);
    row->body_length = strlen(text);
    return node->open->transaction->count - 1;
}

/* Nobody waits for these rows: when they are lost in a crash, the next HAVE tells again. `row` has
 * the new marks, and how many messages are delivered and of how many bytes. */
static void add_progress(struct node *node, const struct stream_row *row)
{
    const struct contact *contact = contacts_by_number(&node->contacts, row->peer);
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;

    add_change(node, CHANGE_STREAM_OUT, LAZY)->stream = *row;
    if (contact != NULL && contact->row.is_classic)
        return; /* what was sent to it nobody knows to be delivered */
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_integer(&w, "through", (int64_t)row->acked_seq);
    json_put_integer(&w, "count", (int64_t)row->queued);
    json_write_close(&w, '}');
    add_event(node, EVENT_MESSAGE_DELIVERED, row->peer, &object, LAZY);
    bytes_done(&object);
}

void ledger_progress(struct node *node, const struct contact *contact,
                     const struct outbox_progress *progress)
{
    const struct out_stream *stream = outbox_stream(&contact->outbox, progress->stream);

    must(stream != NULL);
    struct stream_row row = stream->row;
    row.acked = progress->acked;
    row.acked_seq = progress->acked_seq;
    row.queued = progress->count;
    row.queued_bytes = progress->queued_bytes;
    add_progress(node, &row);
}

static void carry(struct node *node, struct carried *carried)
{
    *node->carried_end = carried;
    node->carried_end = &carried->next;
}

static void carry_progress(struct node *node, const struct stream_row *row)
{
    struct carried *carried = node->carried;

    if (row->queued == 0)
        return; /* a new stream: undone */
    while (carried != NULL && (carried->change.kind != CHANGE_STREAM_OUT ||
                               carried->change.stream.stream != row->stream))
        carried = carried->next;
    if (carried == NULL) {
        carried = xcalloc(1, sizeof *carried);
        carried->change.kind = CHANGE_STREAM_OUT;
        carry(node, carried);
    }
    struct stream_row *sum = &carried->change.stream;
    const uint64_t count = sum->queued, bytes = sum->queued_bytes;
    *sum = *row;
    sum->queued += count;
    sum->queued_bytes += bytes;
}

static void carry_release(struct node *node, struct claim *claim)
{
    struct carried *carried = xcalloc(1, sizeof *carried);

    carried->change.kind = CHANGE_RELEASE;
    carried->change.claim = *claim;
    claim->name = NULL; /* moved */
    carry(node, carried);
}

void ledger_carry(struct node *node, struct transaction *failed)
{
    for (size_t i = 0; i < failed->count; i++)
        if (failed->changes[i].kind == CHANGE_STREAM_OUT)
            carry_progress(node, &failed->changes[i].stream);
        else if (failed->changes[i].kind == CHANGE_RELEASE)
            carry_release(node, &failed->changes[i].claim);
}

static struct carried *take_carried(struct node *node)
{
    struct carried *carried = node->carried;

    node->carried = NULL;
    node->carried_end = &node->carried;
    return carried;
}

static void keep_carried(struct node *node)
{
    for (struct carried *carried = take_carried(node), *next; carried != NULL; carried = next) {
        next = carried->next;
        if (carried->change.kind == CHANGE_STREAM_OUT)
            add_progress(node, &carried->change.stream);
        else
            add_change(node, CHANGE_RELEASE, LAZY)->claim = carried->change.claim;
        free(carried);
    }
}

/* --- Putting back --- */

/* What was due is due again when the disk is tried again. */
static void put_request_back(struct node *node, struct request_row row)
{
    if (row.left_ms < STORE_RETRY_MIN_MS)
        row.left_ms = STORE_RETRY_MIN_MS;
    put_request(node, &row);
}

void ledger_put_back(struct node *node, struct undo *undo)
{
    struct contact *contact;
    struct request *request;

    switch (undo->before.kind) {
    case CHANGE_PEER:
        if (undo->was_there) {
            contacts_put(&node->contacts, &undo->before.peer)->is_undone = true;
        } else if ((contact = contacts_by_number(&node->contacts, undo->before.peer.peer)) !=
                   NULL) {
            session_close_key(node, contact->row.key, LINK_END_STORAGE);
            session_forget_contact(node, contact);
            contacts_remove(&node->contacts, contact);
        }
        break;
    case CHANGE_REQUEST:
        if (undo->was_there)
            put_request_back(node, undo->before.request);
        else if ((request = requests_by_number(&node->requests, undo->before.request.request)))
            requests_remove(&node->requests, &node->timers, request);
        break;
    case CHANGE_STREAM_IN:
    case CHANGE_STREAM_OUT:
        if (undo->was_there)
            put_stream(node, &undo->before.stream);
        else
            remove_stream(node, &undo->before.stream);
        break;
    case CHANGE_TRACKER:
        if (undo->was_there)
            trackers_put_row(node, &undo->before.tracker);
        else
            trackers_remove_row(node, undo->before.tracker.address);
        break;
    case CHANGE_OWN_NAME:
        free(node->own_name);
        node->own_name = undo->before.own_name;
        undo->before.own_name = NULL;
        break;
    case CHANGE_LOG:
    case CHANGE_FIND:
    case CHANGE_PEER_GONE:
    case CHANGE_STREAM_GONE:
    case CHANGE_STREAM_SEEN:
    case CHANGE_REQUEST_GONE:
    case CHANGE_META:
    case CHANGE_CLAIM:
    case CHANGE_RELEASE:
    case CHANGE_TRACKER_GONE:
        must(!"rows of this kind are not undone");
    }
}

/* --- Effects --- */

struct effect *ledger_effect(struct node *node, enum effect_kind kind)
{
    struct effect *effect = xcalloc(1, sizeof *effect);

    effect->kind = kind;
    *node->ready_end = effect;
    node->ready_end = &effect->next;
    return effect;
}

struct effect *ledger_effect_like(struct node *node, enum effect_kind kind,
                                  const struct effect *like)
{
    struct effect *effect = ledger_effect(node, kind);

    *effect = *like;
    effect->kind = kind;
    effect->next = NULL;
    return effect;
}

void ledger_done(struct node *node)
{
    for (struct carried *carried = take_carried(node), *next; carried != NULL; carried = next) {
        next = carried->next;
        change_done(&carried->change);
        free(carried);
    }
}
