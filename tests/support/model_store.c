#include "tests/support/model_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/support/list.h"
#include "tests/support/model_claims.h"

struct model_stream {
    struct stream_row row;
    bool closed;
};

struct model_store {
    struct list log;      /* struct log_row: seq is the place, from 1; type 0: removed */
    struct list peers;    /* struct peer_row, by number */
    struct list streams;  /* struct model_stream, by number */
    struct list requests; /* struct request_row, by number */
    struct list trackers; /* struct tracker_row, by address */
    char *own_name;
    struct list claims; /* struct model_claim */
    uint64_t meta[META_LAST_REQUEST + 1];

    struct list waiting; /* struct model_job: appended */
    struct list answers; /* struct model_job: not taken */
    struct list lost;    /* struct transaction *: copies of the commit that failed last */
    uint64_t generation, failed_generation;
    enum error failure;
    uint64_t last_seq;
    enum store_state state;
    size_t queued_bytes;
};

struct model_job {
    struct store_answer answer;
    uint64_t generation;
    size_t bytes;
};

_Static_assert(offsetof(struct peer_row, peer) == 0 && offsetof(struct request_row, request) == 0 &&
                   offsetof(struct model_stream, row.stream) == 0,
               "rows begin with their number");

/* --- Applying a change --- */

static struct log_row *row_at(const struct model_store *m, uint64_t seq)
{
    return list_at(&m->log, seq - 1, sizeof(struct log_row));
}

static struct model_stream *stream_of(const struct model_store *m, uint32_t stream)
{
    return list_find(&m->streams, stream, sizeof(struct model_stream));
}

static const struct log_row *find_key(const struct model_store *m, const struct log_row *row)
{
    for (uint64_t seq = m->log.count; row->key != NULL && seq > 0; seq--) {
        const struct log_row *other = row_at(m, seq);

        if (other->peer == row->peer && other->key != NULL && strcmp(other->key, row->key) == 0)
            return other;
    }
    return NULL;
}

static void answer_key(const struct model_store *m, struct log_row *row,
                       const struct log_row *other)
{
    if (other->body_length != row->body_length ||
        memcmp(other->body, row->body, row->body_length) != 0) {
        row->result = ERR_KEY_CONFLICT;
        return;
    }
    row->existing = true;
    row->seq = other->seq;
    row->number = other->number;
    row->epoch = other->epoch;
    row->stream = other->stream;
    row->delivered = other->number <= stream_of(m, other->stream)->row.acked;
}

static void find_message(const struct model_store *m, struct log_row *row)
{
    const struct log_row *other = find_key(m, row);

    row->result = other != NULL ? OK : ERR_NOT_FOUND;
    if (other != NULL)
        answer_key(m, row, other);
}

static void copy_log_row(struct log_row *ret_copy, const struct log_row *row)
{
    struct log_row copy = *row;

    copy.key = row->key != NULL ? xstrdup(row->key) : NULL;
    copy.body = xmalloc(row->body_length + 1);
    if (row->body_length > 0)
        memcpy(copy.body, row->body, row->body_length);
    copy.body[row->body_length] = '\0';
    *ret_copy = copy;
}

static void apply_log(struct model_store *m, struct log_row *row)
{
    struct model_stream *stream = row->stream != 0 ? stream_of(m, row->stream) : NULL;
    const bool is_ours = stream != NULL && stream->row.direction == DIRECTION_OUT;
    const struct log_row *other = find_key(m, row);

    must((row->stream != 0) == (stream != NULL));
    must(stream == NULL || (!stream->closed && stream->row.peer == row->peer));
    must(stream == NULL || (row->type == EVENT_MESSAGE_SENT) == is_ours);
    must(row->key == NULL || is_ours);
    row->result = OK;
    row->existing = stream != NULL && !is_ours && row->number <= stream->row.acked;
    row->delivered = false;
    if (row->type == EVENT_GAP) {
        row->stream = 0;
        row->number = 0;
        stream = NULL;
    }
    if (row->existing)
        return;
    if (other != NULL) {
        answer_key(m, row, other);
        return;
    }
    row->seq = m->log.count + 1;
    if (stream != NULL)
        row->epoch = stream->row.epoch;
    if (is_ours) {
        row->number = ++stream->row.last;
        stream->row.queued++;
        stream->row.queued_bytes += row->body_length;
    }
    copy_log_row(list_add(&m->log, sizeof(*row)), row);
}

static void note_number(struct model_store *m, enum meta_name name, uint32_t number)
{
    if (number > m->meta[name])
        m->meta[name] = number;
}

static void apply_peer(struct model_store *m, const struct peer_row *row)
{
    struct peer_row *peer = list_get(&m->peers, row->peer, sizeof(*peer));

    for (size_t i = 0; i < m->peers.count; i++) {
        const struct peer_row *other = list_at(&m->peers, i, sizeof(*other));

        must(other == peer || memcmp(other->key, row->key, KEY_LENGTH) != 0);
        must(other == peer || other->alias == NULL || row->alias == NULL ||
             strcmp(other->alias, row->alias) != 0);
    }
    peer_row_done(peer);
    peer_row_copy(peer, row);
    note_number(m, META_LAST_PEER, row->peer);
}

static void remove_peer(struct model_store *m, uint32_t number)
{
    struct peer_row *peer = list_find(&m->peers, number, sizeof(*peer));

    if (peer == NULL)
        return;
    peer_row_done(peer);
    list_remove(&m->peers, peer, sizeof(*peer));
}

static void add_stream(struct model_store *m, const struct stream_row *row)
{
    struct stream_row added = *row;

    for (size_t i = 0; i < m->streams.count; i++) {
        const struct model_stream *other = list_at(&m->streams, i, sizeof(*other));

        if (other->row.peer != row->peer || other->row.direction != row->direction ||
            other->row.epoch != row->epoch)
            continue;
        must(other->closed);
        if (row->direction == DIRECTION_IN && other->row.last > added.acked)
            added.acked = other->row.last;
    }
    if (row->direction == DIRECTION_IN && added.last < added.acked)
        added.last = added.acked;
    ((struct model_stream *)list_get(&m->streams, row->stream, sizeof(struct model_stream)))->row =
        added;
    note_number(m, META_LAST_STREAM, row->stream);
}

static void apply_stream(struct model_store *m, enum direction direction,
                         const struct stream_row *row)
{
    struct model_stream *stream = stream_of(m, row->stream);

    must(row->direction == direction);
    if (stream == NULL) {
        add_stream(m, row);
        return;
    }
    must(!stream->closed && stream->row.direction == direction);
    if (direction == DIRECTION_IN) {
        if (stream->row.last < row->last)
            stream->row.last = row->last;
        return;
    }
    must(row->queued <= stream->row.queued && row->queued_bytes <= stream->row.queued_bytes);
    stream->row.acked = row->acked;
    stream->row.acked_seq = row->acked_seq;
    stream->row.queued -= row->queued;
    stream->row.queued_bytes -= row->queued_bytes;
}

static void close_stream(struct model_store *m, uint32_t number)
{
    struct model_stream *stream = stream_of(m, number);

    if (stream != NULL)
        stream->closed = true;
}

static void see_stream(struct model_store *m, struct stream_row *row)
{
    struct model_stream *added;

    for (size_t i = 0; i < m->streams.count; i++) {
        const struct model_stream *other = list_at(&m->streams, i, sizeof(*other));

        if (other->closed && other->row.peer == row->peer &&
            other->row.direction == row->direction && other->row.epoch == row->epoch) {
            row->stream = other->row.stream;
            return;
        }
    }
    added = list_get(&m->streams, row->stream, sizeof(*added));
    *added = (struct model_stream){.row = *row, .closed = true};
    note_number(m, META_LAST_STREAM, row->stream);
}

static void apply_request(struct model_store *m, const struct request_row *row)
{
    struct request_row *request = list_get(&m->requests, row->request, sizeof(*request));

    request_row_done(request);
    request_row_copy(request, row);
    note_number(m, META_LAST_REQUEST, row->request);
}

static void remove_request(struct model_store *m, uint32_t number)
{
    struct request_row *request = list_find(&m->requests, number, sizeof(*request));

    if (request == NULL)
        return;
    request_row_done(request);
    list_remove(&m->requests, request, sizeof(*request));
}

/* The place of the row of that address, or where it would be. */
static size_t tracker_place(const struct model_store *m, const char *address)
{
    size_t place = 0;

    while (place < m->trackers.count &&
           strcmp(((struct tracker_row *)list_at(&m->trackers, place, sizeof(struct tracker_row)))
                      ->address,
                  address) < 0)
        place++;
    return place;
}

static void remove_tracker(struct model_store *m, const char *address)
{
    const size_t place = tracker_place(m, address);
    struct tracker_row *row = list_at(&m->trackers, place, sizeof(*row));

    if (place == m->trackers.count || strcmp(row->address, address) != 0)
        return;
    tracker_row_done(row);
    list_remove(&m->trackers, row, sizeof(*row));
}

static void apply_tracker(struct model_store *m, const struct tracker_row *row)
{
    remove_tracker(m, row->address);
    tracker_row_copy(list_insert(&m->trackers, tracker_place(m, row->address), sizeof(*row)), row);
}

static void apply_own_name(struct model_store *m, const char *name)
{
    free(m->own_name);
    m->own_name = name != NULL ? xstrdup(name) : NULL;
}

static void apply_change(struct model_store *m, struct change *change, uint64_t age_ms)
{
    switch (change->kind) {
    case CHANGE_LOG:
        apply_log(m, &change->log);
        break;
    case CHANGE_FIND:
        find_message(m, &change->log);
        break;
    case CHANGE_PEER:
        apply_peer(m, &change->peer);
        break;
    case CHANGE_PEER_GONE:
        remove_peer(m, change->peer.peer);
        break;
    case CHANGE_STREAM_IN:
        apply_stream(m, DIRECTION_IN, &change->stream);
        break;
    case CHANGE_STREAM_OUT:
        apply_stream(m, DIRECTION_OUT, &change->stream);
        break;
    case CHANGE_STREAM_GONE:
        close_stream(m, change->stream.stream);
        break;
    case CHANGE_STREAM_SEEN:
        see_stream(m, &change->stream);
        break;
    case CHANGE_REQUEST:
        apply_request(m, &change->request);
        break;
    case CHANGE_REQUEST_GONE:
        remove_request(m, change->request.request);
        break;
    case CHANGE_META:
        must(change->meta.name == META_RECORD_SEQUENCE);
        m->meta[META_RECORD_SEQUENCE] = change->meta.value;
        break;
    case CHANGE_CLAIM:
        model_claims_take(&m->claims, &change->claim, age_ms);
        break;
    case CHANGE_RELEASE:
        model_claims_release(&m->claims, &change->claim, age_ms);
        break;
    case CHANGE_TRACKER:
        apply_tracker(m, &change->tracker);
        break;
    case CHANGE_TRACKER_GONE:
        remove_tracker(m, change->tracker.address);
        break;
    case CHANGE_OWN_NAME:
        apply_own_name(m, change->own_name);
        break;
    }
}

static void apply(struct model_store *m, struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++)
        apply_change(m, &t->changes[i], t->age_ms);
}

/* --- Transactions --- */

/* Its texts are its own. */
static void copy_change(struct change *to, const struct change *from)
{
    *to = *from;
    switch (from->kind) {
    case CHANGE_LOG:
    case CHANGE_FIND:
        copy_log_row(&to->log, &from->log);
        to->log.seq = 0;
        break;
    case CHANGE_PEER:
        peer_row_copy(&to->peer, &from->peer);
        break;
    case CHANGE_REQUEST:
        request_row_copy(&to->request, &from->request);
        break;
    case CHANGE_CLAIM:
    case CHANGE_RELEASE:
        to->claim.name = xstrdup(from->claim.name);
        break;
    case CHANGE_TRACKER:
    case CHANGE_TRACKER_GONE:
        tracker_row_copy(&to->tracker, &from->tracker);
        break;
    case CHANGE_OWN_NAME:
        to->own_name = from->own_name != NULL ? xstrdup(from->own_name) : NULL;
        break;
    case CHANGE_PEER_GONE:
    case CHANGE_STREAM_IN:
    case CHANGE_STREAM_OUT:
    case CHANGE_STREAM_GONE:
    case CHANGE_STREAM_SEEN:
    case CHANGE_REQUEST_GONE:
    case CHANGE_META:
        break;
    }
}

struct transaction *model_store_copy(const struct transaction *t)
{
    struct transaction *copy = transaction_new(t->ticket);

    copy->age_ms = t->age_ms;
    copy->lazy = t->lazy;
    for (size_t i = 0; i < t->count; i++)
        if (t->changes[i].kind != CHANGE_LOG ||
            !t->changes[i].log.existing) /* that changed nothing */
            copy_change(transaction_add(copy, t->changes[i].kind), &t->changes[i]);
    return copy;
}

static void answer_transaction(struct model_store *m, const struct model_job *job,
                               enum store_answer_kind kind, enum error error)
{
    struct model_job *answer = list_add(&m->answers, sizeof(*answer));

    *answer = *job;
    answer->answer.kind = kind;
    answer->answer.error = error;
}

void model_store_append(struct model_store *m, struct transaction *transaction)
{
    const struct model_job job = {.answer = {.transaction = transaction},
                                  .generation = m->generation,
                                  .bytes = transaction_bytes(transaction)};

    m->queued_bytes += job.bytes;
    if (job.generation <= m->failed_generation)
        answer_transaction(m, &job, STORE_FAILED, m->failure);
    else
        *(struct model_job *)list_add(&m->waiting, sizeof(job)) = job;
}

size_t model_store_waiting(const struct model_store *m)
{
    return m->waiting.count;
}

static void forget_lost(struct model_store *m)
{
    for (size_t i = 0; i < m->lost.count; i++)
        transaction_free(*(struct transaction **)list_at(&m->lost, i, sizeof(void *)));
    m->lost.count = 0;
}

void model_store_commit(struct model_store *m, size_t count)
{
    if (count > m->waiting.count)
        count = m->waiting.count;
    for (size_t i = 0; i < count; i++) {
        const struct model_job *job = list_at(&m->waiting, i, sizeof(*job));

        apply(m, job->answer.transaction);
        answer_transaction(m, job, STORE_DURABLE, OK);
    }
    list_consume(&m->waiting, count, sizeof(struct model_job));
    if (count > 0)
        forget_lost(m); /* overwritten */
}

void model_store_fail(struct model_store *m, size_t count, enum error error)
{
    must(error == ERR_STORAGE_FULL || error == ERR_STORAGE_FAILED);
    if (m->waiting.count == 0)
        return;
    forget_lost(m);
    m->failure = error;
    m->failed_generation = m->generation;
    for (size_t i = 0; i < m->waiting.count; i++) {
        const struct model_job *job = list_at(&m->waiting, i, sizeof(*job));

        if (i < count)
            *(struct transaction **)list_add(&m->lost, sizeof(void *)) =
                model_store_copy(job->answer.transaction);
        answer_transaction(m, job, STORE_FAILED, error);
    }
    m->waiting.count = 0;
}

/* --- Retention --- */

static bool is_waiting(const struct model_store *m, const struct log_row *row)
{
    const struct model_stream *stream = row->stream != 0 ? stream_of(m, row->stream) : NULL;

    return stream != NULL && stream->row.direction == DIRECTION_OUT && !stream->closed &&
           row->number > stream->row.acked;
}

void model_store_trim(struct model_store *m, uint64_t through_seq, uint64_t keyed_through_seq)
{
    for (uint64_t seq = 1; seq <= through_seq && seq < m->log.count; seq++) {
        struct log_row *row = row_at(m, seq);

        if (is_waiting(m, row) || (row->key != NULL && seq > keyed_through_seq))
            continue;
        free(row->key);
        free(row->body);
        *row = (struct log_row){.seq = seq};
    }
}

/* --- The age clock --- */

void model_store_start_age(struct model_store *m, uint64_t age_ms)
{
    model_claims_release_all(&m->claims, age_ms);
}

void model_store_trim_claims(struct model_store *m, uint64_t age_ms)
{
    model_claims_trim(&m->claims, age_ms);
}

/* --- Life --- */

struct model_store *model_store_new(void)
{
    struct model_store *m = xcalloc(1, sizeof(*m));

    m->generation = 1;
    return m;
}

static void drop_jobs(struct list *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        struct model_job *job = list_at(jobs, i, sizeof(*job));

        transaction_free(job->answer.transaction);
        model_store_answer_done(&job->answer);
    }
    jobs->count = 0;
}

void model_store_crash(struct model_store *m, bool is_found)
{
    drop_jobs(&m->waiting);
    drop_jobs(&m->answers);
    for (size_t i = 0; is_found && i < m->lost.count; i++)
        apply(m, *(struct transaction **)list_at(&m->lost, i, sizeof(void *)));
    forget_lost(m);
    m->generation = 1;
    m->failed_generation = 0;
    m->state = STORE_OK;
    m->queued_bytes = 0;
    m->last_seq = m->log.count;
}

void model_store_free(struct model_store *m)
{
    if (m == NULL)
        return;
    drop_jobs(&m->waiting);
    drop_jobs(&m->answers);
    forget_lost(m);
    for (size_t i = 0; i < m->log.count; i++) {
        free(row_at(m, i + 1)->key);
        free(row_at(m, i + 1)->body);
    }
    for (size_t i = 0; i < m->peers.count; i++)
        peer_row_done(list_at(&m->peers, i, sizeof(struct peer_row)));
    for (size_t i = 0; i < m->requests.count; i++)
        request_row_done(list_at(&m->requests, i, sizeof(struct request_row)));
    for (size_t i = 0; i < m->trackers.count; i++)
        tracker_row_done(list_at(&m->trackers, i, sizeof(struct tracker_row)));
    model_claims_done(&m->claims);
    free(m->own_name);
    free(m->trackers.items);
    free(m->log.items);
    free(m->peers.items);
    free(m->streams.items);
    free(m->requests.items);
    free(m->waiting.items);
    free(m->answers.items);
    free(m->lost.items);
    free(m);
}

void model_store_load(const struct model_store *m,
                      void (*row)(void *context, const struct change *row), void *context)
{
    for (int i = META_RECORD_SEQUENCE; i <= META_LAST_REQUEST; i++)
        if (m->meta[i] != 0)
            row(context,
                &(struct change){.kind = CHANGE_META, .meta = {(enum meta_name)i, m->meta[i]}});
    row(context, &(struct change){.kind = CHANGE_META, .meta = {META_LAST_SEQ, m->log.count}});
    for (size_t i = 0; i < m->peers.count; i++) {
        const struct peer_row *peer = list_at(&m->peers, i, sizeof(*peer));

        row(context, &(struct change){.kind = CHANGE_PEER, .peer = *peer});
    }
    for (size_t i = 0; i < m->streams.count; i++) {
        const struct model_stream *stream = list_at(&m->streams, i, sizeof(*stream));
        const enum change_kind kind =
            stream->row.direction == DIRECTION_IN ? CHANGE_STREAM_IN : CHANGE_STREAM_OUT;

        if (!stream->closed)
            row(context, &(struct change){.kind = kind, .stream = stream->row});
    }
    for (size_t i = 0; i < m->requests.count; i++) {
        const struct request_row *request = list_at(&m->requests, i, sizeof(*request));

        row(context, &(struct change){.kind = CHANGE_REQUEST, .request = *request});
    }
    for (size_t i = 0; i < m->trackers.count; i++) {
        const struct tracker_row *tracker = list_at(&m->trackers, i, sizeof(*tracker));

        row(context, &(struct change){.kind = CHANGE_TRACKER, .tracker = *tracker});
    }
    if (m->own_name != NULL)
        row(context, &(struct change){.kind = CHANGE_OWN_NAME, .own_name = m->own_name});
}

uint64_t model_store_last_seq(const struct model_store *m)
{
    return m->last_seq;
}

enum store_state model_store_state(const struct model_store *m)
{
    return m->state;
}

size_t model_store_queued_bytes(const struct model_store *m)
{
    return m->queued_bytes;
}

/* --- Questions --- */

/* The rows of one answer. */
struct page {
    struct list rows; /* struct store_row */
    size_t rows_max, bytes_max, bytes;
    bool full; /* a further row was met */
};

static bool is_classic(const struct model_store *m, uint32_t number)
{
    const struct peer_row *peer = list_find(&m->peers, number, sizeof(*peer));

    return peer != NULL && peer->is_classic;
}

static enum message_state state_of(const struct model_store *m, const struct log_row *row)
{
    const struct model_stream *stream = row->stream != 0 ? stream_of(m, row->stream) : NULL;

    if (stream == NULL)
        return MESSAGE_STATE_QUEUED;
    if (stream->row.direction == DIRECTION_IN)
        return MESSAGE_STATE_RECEIVED;
    if (row->number <= stream->row.acked)
        return is_classic(m, stream->row.peer) ? MESSAGE_STATE_SENT : MESSAGE_STATE_DELIVERED;
    return stream->closed ? MESSAGE_STATE_FAILED : MESSAGE_STATE_QUEUED;
}

/* False when the page is full. */
static bool page_add(struct page *p, const struct model_store *m, const struct log_row *row,
                     size_t place)
{
    struct store_row *copy;

    if (p->rows.count == p->rows_max ||
        (p->rows.count > 0 && p->bytes + row->body_length > p->bytes_max)) {
        p->full = true;
        return false;
    }
    copy = list_insert(&p->rows, place, sizeof(*copy));
    copy_log_row(&copy->log, row);
    free(copy->log.key);
    copy->log.key = NULL;
    copy->state = state_of(m, row);
    p->bytes += row->body_length;
    return true;
}

static void answer_rows(struct model_store *m, uint64_t id, const struct page *p,
                        uint64_t scanned_through, bool end)
{
    struct model_job *job = list_add(&m->answers, sizeof(*job));

    job->answer = (struct store_answer){.kind = STORE_ROWS,
                                        .id = id,
                                        .rows = p->rows.items,
                                        .count = p->rows.count,
                                        .scanned_through = scanned_through,
                                        .end = end};
}

void model_store_read_stream(struct model_store *m, uint64_t id, uint32_t stream,
                             uint64_t after_seq, size_t rows_max, size_t bytes_max)
{
    struct page p = {.rows_max = rows_max, .bytes_max = bytes_max};

    for (uint64_t seq = after_seq; seq < m->last_seq && !p.full; seq++) {
        const struct log_row *row = row_at(m, seq + 1);

        if (row->stream == stream && row->type == EVENT_MESSAGE_SENT)
            page_add(&p, m, row, p.rows.count);
    }
    answer_rows(m, id, &p, 0, !p.full);
}

void model_store_read_range(struct model_store *m, uint64_t id, uint64_t after_seq, uint64_t types,
                            uint32_t peer, size_t rows_max, size_t bytes_max)
{
    const uint64_t scan_max = rows_max < 256 ? 16 * rows_max : 4096;
    struct page p = {.rows_max = rows_max, .bytes_max = bytes_max};
    uint64_t seq = after_seq;

    while (seq < m->last_seq && seq - after_seq < scan_max) {
        const struct log_row *row = row_at(m, seq + 1);
        const bool fits = row->type != 0 && (types == 0 || (types >> row->type & 1) != 0) &&
                          (peer == 0 || row->peer == peer);

        if (fits && !page_add(&p, m, row, p.rows.count)) {
            const struct store_row *last = list_at(&p.rows, p.rows.count - 1, sizeof(*last));

            seq = last->log.seq;
            break;
        }
        seq++;
    }
    answer_rows(m, id, &p, seq, seq >= m->last_seq);
}

void model_store_read_history(struct model_store *m, uint64_t id, const struct history_query *query)
{
    const bool is_after = query->order == HISTORY_AFTER;
    struct page p = {.rows_max = query->limit, .bytes_max = STORE_HISTORY_BYTES_MAX};
    uint64_t seq = query->seq;

    if (!is_after && (seq == 0 || seq > m->last_seq))
        seq = m->last_seq + 1;
    while ((is_after ? ++seq <= m->last_seq : --seq > 0) && !p.full) {
        const struct log_row *row = row_at(m, seq);

        if (row->stream != 0 && (query->peer == 0 || row->peer == query->peer))
            page_add(&p, m, row, is_after ? p.rows.count : 0);
    }
    answer_rows(m, id, &p, 0, !p.full);
}

/* --- Answers --- */

static void note_durable(struct model_store *m, const struct transaction *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->changes[i].kind == CHANGE_LOG && t->changes[i].log.seq > m->last_seq)
            m->last_seq = t->changes[i].log.seq;
    m->state = STORE_OK;
}

static void note_failed(struct model_store *m, const struct model_job *job)
{
    m->state = job->answer.error == ERR_STORAGE_FULL ? STORE_FULL : STORE_FAILING;
    if (job->generation == m->generation)
        m->generation++;
}

bool model_store_take(struct model_store *m, struct store_answer *ret_answer)
{
    struct model_job job;

    if (m->answers.count == 0)
        return false;
    job = *(struct model_job *)m->answers.items;
    list_consume(&m->answers, 1, sizeof(job));
    if (job.answer.kind == STORE_DURABLE)
        note_durable(m, job.answer.transaction);
    else if (job.answer.kind == STORE_FAILED)
        note_failed(m, &job);
    m->queued_bytes -= job.bytes;
    *ret_answer = job.answer;
    return true;
}

void model_store_answer_done(struct store_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->rows[i].log.body);
    free(answer->rows);
    answer->rows = NULL;
    answer->count = 0;
}
