#include "daemon/feed.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "daemon/core/table.h"
#include "daemon/ring.h"

/* Where a reader stands; each state has its list, in the order in which its readers are served. */
enum state {
    LIVE,    /* at last_seq: waits for what happens next */
    READY,   /* behind, and may be written to */
    BLOCKED, /* behind, without room */
    WAITING, /* behind the ring: waits for its turn to read */
    READING, /* waits for the answer to a read */
    TELLING, /* was live when an event that is not kept came, and has not been told yet */
    GONE,    /* unsubscribed while reading: the answer is still to come */
    STATES
};

struct reader {
    uint64_t number;
    enum state state;
    struct feed_filter filter;
    uint64_t position;
    size_t room;
    uint64_t read;      /* READING, GONE: its number */
    uint64_t read_last; /* READING: last_seq when it began */
    TAILQ_ENTRY(reader) link;
    UT_hash_handle hh;
};

TAILQ_HEAD(readers, reader);

struct feed {
    struct ring ring;
    uint64_t last_seq;
    uint64_t floor;           /* of the log; never above last_seq */
    struct reader *by_number; /* all but GONE ones */
    struct readers in[STATES];
    size_t reads; /* under way */
    uint64_t reads_ever;
    struct mono held_to; /* no read before; MONO_NEVER: reads may begin */

    /* An answer that is being handed out. */
    struct reader *answered; /* NULL: none, or its reader is gone */
    const struct feed_row *rows;
    size_t rows_left;
    uint64_t through; /* the reader's position when all of `rows` is written */
    uint64_t gone;    /* what is missing in `rows` is not above this */

    const struct feed_row *told; /* TELLING: what */
};

struct feed *feed_new(uint64_t last_seq, size_t ring_bytes)
{
    struct feed *feed = xcalloc(1, sizeof(*feed));

    ring_init(&feed->ring, last_seq, ring_bytes);
    feed->last_seq = last_seq;
    feed->held_to = MONO_NEVER;
    for (size_t i = 0; i < STATES; i++)
        TAILQ_INIT(&feed->in[i]);
    return feed;
}

void feed_free(struct feed *feed)
{
    if (feed == NULL)
        return;
    HASH_CLEAR(hh, feed->by_number);
    for (size_t i = 0; i < STATES; i++) {
        struct reader *r;

        while ((r = TAILQ_FIRST(&feed->in[i])) != NULL) {
            TAILQ_REMOVE(&feed->in[i], r, link);
            free(r);
        }
    }
    ring_done(&feed->ring);
    free(feed);
}

bool feed_is_followed(const struct feed *feed)
{
    return feed->by_number != NULL;
}

/* To the end of the list of its new state. */
static void move(struct feed *feed, struct reader *r, enum state to)
{
    TAILQ_REMOVE(&feed->in[r->state], r, link);
    r->state = to;
    TAILQ_INSERT_TAIL(&feed->in[to], r, link);
}

static void move_all(struct feed *feed, enum state from, enum state to)
{
    struct reader *r;

    while ((r = TAILQ_FIRST(&feed->in[from])) != NULL)
        move(feed, r, to);
}

static struct reader *find(const struct feed *feed, uint64_t number)
{
    struct reader *r;

    HASH_FIND(hh, feed->by_number, &number, sizeof(number), r);
    return r;
}

/* Whether what the last input brought was handed out, as the header asks. */
static bool is_drained(const struct feed *feed)
{
    return feed->answered == NULL && TAILQ_EMPTY(&feed->in[TELLING]);
}

static bool passes(const struct feed_filter *filter, int type, uint32_t peer)
{
    return (filter->types == 0 || (filter->types >> type & 1) != 0) &&
           (filter->peer == 0 || filter->peer == peer);
}

/* What of a floor concerns the readers now: they are told of the rest as it comes. */
static uint64_t floor_by_now(const struct feed *feed, uint64_t floor)
{
    return floor < feed->last_seq ? floor : feed->last_seq;
}

void feed_raise_floor(struct feed *feed, uint64_t floor)
{
    const uint64_t by_now = floor_by_now(feed, floor);

    if (by_now > feed->floor)
        feed->floor = by_now;
}

uint64_t feed_subscribe(struct feed *feed, uint64_t reader, uint64_t since,
                        const struct feed_filter *filter, size_t room)
{
    struct reader *r = xcalloc(1, sizeof(*r));

    must(find(feed, reader) == NULL);
    r->number = reader;
    r->filter = *filter;
    r->position = since < feed->last_seq ? since : feed->last_seq;
    r->room = room;
    r->state = READY;
    TAILQ_INSERT_TAIL(&feed->in[READY], r, link);
    HASH_ADD(hh, feed->by_number, number, sizeof(r->number), r);
    return r->position;
}

void feed_unsubscribe(struct feed *feed, uint64_t reader)
{
    struct reader *r = find(feed, reader);

    if (r == NULL)
        return;
    HASH_DELETE(hh, feed->by_number, r);
    if (feed->answered == r)
        feed->answered = NULL;
    if (r->state == READING) {
        move(feed, r, GONE);
    } else {
        TAILQ_REMOVE(&feed->in[r->state], r, link);
        free(r);
    }
    if (!feed_is_followed(feed))
        ring_clear(&feed->ring, feed->last_seq);
}

void feed_room(struct feed *feed, uint64_t reader, size_t bytes)
{
    struct reader *r = find(feed, reader);

    if (r == NULL)
        return;
    r->room = bytes;
    if (r->state == BLOCKED && bytes > 0)
        move(feed, r, READY);
}

void feed_append(struct feed *feed, const struct feed_row *row)
{
    must(is_drained(feed) && row->seq > feed->last_seq && row->type > 0 && row->type < 64);
    feed->last_seq = row->seq;
    if (!feed_is_followed(feed)) {
        ring_clear(&feed->ring, row->seq);
        return;
    }
    ring_append(&feed->ring, row->seq, row->type, row->peer, row->line, row->length);
    move_all(feed, LIVE, READY);
}

void feed_tell(struct feed *feed, const struct feed_row *row)
{
    must(is_drained(feed) && row->type > 0 && row->type < 64);
    feed->told = row;
    move_all(feed, LIVE, TELLING);
}

/* --- Reading the log --- */

/* Takes the reader of a read off the list of those who wait for an answer; NULL when it is gone. */
static struct reader *finish_read(struct feed *feed, uint64_t read)
{
    struct reader *r;

    must(feed->reads > 0);
    feed->reads--;
    TAILQ_FOREACH(r, &feed->in[READING], link)
        if (r->read == read)
            return r;
    TAILQ_FOREACH(r, &feed->in[GONE], link)
        if (r->read == read)
            break;
    must(r != NULL);
    TAILQ_REMOVE(&feed->in[GONE], r, link);
    free(r);
    return NULL;
}

void feed_rows(struct feed *feed, uint64_t read, const struct feed_answer *answer, struct mono now)
{
    must(is_drained(feed));

    struct reader *r = finish_read(feed, read);

    if (r == NULL)
        return;
    if (answer->error != OK) {
        feed->held_to = mono_after(now, FEED_RETRY_MS);
        move(feed, r, WAITING);
        return;
    }

    uint64_t through = answer->scanned_through;

    must(answer->end || through > r->position);
    if (answer->end && through < r->read_last)
        through = r->read_last; /* the rows up to there were durable then, and are no longer kept */
    if (through > feed->last_seq)
        through = feed->last_seq; /* the rest is about to come by feed_append */
    feed->answered = r;
    feed->rows = answer->rows;
    feed->rows_left = answer->count;
    feed->through = through;
    feed->gone = floor_by_now(feed, answer->floor);
    feed_raise_floor(feed, answer->floor);
}

void feed_expire(struct feed *feed, struct mono now)
{
    if (mono_due(feed->held_to, now))
        feed->held_to = MONO_NEVER;
}

struct mono feed_deadline(const struct feed *feed)
{
    return TAILQ_EMPTY(&feed->in[WAITING]) ? MONO_NEVER : feed->held_to;
}

/* --- What comes next --- */

static void write_line(struct reader *r, const void *line, size_t length,
                       struct feed_action *ret_action)
{
    r->room -= r->room < length ? r->room : length;
    *ret_action = (struct feed_action){
        .kind = FEED_WRITE, .write = {.reader = r->number, .line = line, .length = length}};
}

static bool next_told(struct feed *feed, struct feed_action *ret_action)
{
    struct reader *r;

    while ((r = TAILQ_FIRST(&feed->in[TELLING])) != NULL) {
        move(feed, r, LIVE);
        if (r->room > 0 && passes(&r->filter, feed->told->type, feed->told->peer)) {
            write_line(r, feed->told->line, feed->told->length, ret_action);
            return true;
        }
    }
    return false;
}

static void tell_gap(struct reader *r, uint64_t to, struct feed_action *ret_action)
{
    *ret_action = (struct feed_action){
        .kind = FEED_GAP, .gap = {.reader = r->number, .from = r->position + 1, .to = to}};
    r->room -= r->room < FEED_GAP_BYTES ? r->room : FEED_GAP_BYTES;
    r->position = to;
}

static bool next_answered(struct feed *feed, struct feed_action *ret_action)
{
    struct reader *r = feed->answered;

    if (r == NULL)
        return false;
    if (r->position < feed->gone && r->room > 0) {
        tell_gap(r, feed->gone, ret_action);
        return true;
    }
    while (feed->rows_left > 0 && r->room > 0) {
        const struct feed_row *row = feed->rows++;

        feed->rows_left--;
        if (row->seq > r->position && row->seq <= feed->through &&
            passes(&r->filter, row->type, row->peer)) {
            r->position = row->seq;
            write_line(r, row->line, row->length, ret_action);
            return true;
        }
    }
    if (feed->rows_left == 0 && r->position >= feed->gone && r->position < feed->through)
        r->position = feed->through;
    feed->answered = NULL;
    move(feed, r, READY);
    return false;
}

/* The next row of the ring that a reader wants, or NULL: then it is live. */
static const struct ring_row *next_in_ring(const struct feed *feed, const struct reader *r)
{
    for (size_t i = ring_after(&feed->ring, r->position); i < feed->ring.count; i++) {
        const struct ring_row *row = ring_at(&feed->ring, i);

        if (passes(&r->filter, row->type, row->peer))
            return row;
    }
    return NULL;
}

static bool next_ready(struct feed *feed, struct feed_action *ret_action)
{
    struct reader *r;

    while ((r = TAILQ_FIRST(&feed->in[READY])) != NULL) {
        if (r->position == feed->last_seq) {
            move(feed, r, LIVE);
        } else if (r->position < feed->ring.floor) {
            move(feed, r, r->room > 0 ? WAITING : BLOCKED);
        } else {
            const struct ring_row *row = next_in_ring(feed, r);

            if (row == NULL) {
                r->position = feed->last_seq;
                move(feed, r, LIVE);
            } else if (r->room == 0) {
                move(feed, r, BLOCKED);
            } else {
                r->position = row->seq;
                move(feed, r, READY);
                write_line(r, row->line, row->length, ret_action);
                return true;
            }
        }
    }
    return false;
}

static void begin_read(struct feed *feed, struct reader *r, struct feed_action *ret_action)
{
    move(feed, r, READING);
    feed->reads++;
    r->read = ++feed->reads_ever;
    r->read_last = feed->last_seq;
    *ret_action = (struct feed_action){
        .kind = FEED_READ,
        .read = {.read = r->read,
                 .after_seq = r->position,
                 .types = r->filter.types,
                 .peer = r->filter.peer,
                 .rows_max = FEED_READ_ROWS,
                 .bytes_max = r->room < FEED_READ_BYTES ? r->room : FEED_READ_BYTES}};
}

static bool next_read(struct feed *feed, struct feed_action *ret_action)
{
    struct reader *r;

    if (feed->reads == FEED_READS_MAX || feed->held_to.ms != MONO_NEVER.ms)
        return false;
    while ((r = TAILQ_FIRST(&feed->in[WAITING])) != NULL) {
        if (r->room == 0) {
            move(feed, r, BLOCKED);
        } else if (r->position < feed->floor) {
            move(feed, r, READY);
            tell_gap(r, feed->floor, ret_action);
            return true;
        } else {
            begin_read(feed, r, ret_action);
            return true;
        }
    }
    return false;
}

bool feed_next_action(struct feed *feed, struct feed_action *ret_action)
{
    return next_told(feed, ret_action) || next_answered(feed, ret_action) ||
           next_ready(feed, ret_action) || next_read(feed, ret_action);
}
