/* Readers of events at a machine, each with a filter and a pace of its own. They stop, lose their
 * daemon, and come back with the last event they have read. Whatever happens, each reads every
 * event of the log that passes its filter, once and in order, or is told of a gap. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/feed.h"

enum {
    RING_BYTES = 4096, /* small: readers fall behind it all the time */
    OUTPUT_MAX = 4096,
    PAUSE_MS_MAX = 20 * 1000, /* of a slow reader */
    AWAY_MS_MAX = 60 * 1000,
    STAY_MS = 40 * 1000,
    READ_MS_MAX = 30
};

/* What is known of a row of the log. */
struct logged {
    int type;
    uint32_t peer;
};

struct follower {
    struct actor *actor;
    uint64_t number; /* of its subscription; 0: it is away */
    struct feed_filter filter;
    uint64_t read;    /* it has read everything through this seq */
    uint64_t written; /* and this waits in its output */
    size_t output;    /* what that takes in all */
    uint32_t pause_ms;
};

struct reading {
    struct feed *feed;  /* NULL: the machine is down */
    struct logged *log; /* by seq, from 1 */
    uint64_t log_count, log_room;
    struct follower *followers;
    size_t count;
    uint64_t last_number;
    uint64_t due_ms; /* the feed's timer, in true time */
};

/* A line of the feed begins with it; the body follows. */
struct line {
    uint64_t seq;
    int type;
    uint32_t peer;
};

static bool passes(const struct feed_filter *filter, int type, uint32_t peer)
{
    return (filter->types == 0 || (filter->types >> type & 1) != 0) &&
           (filter->peer == 0 || filter->peer == peer);
}

/* --- What is written to a reader --- */

/* The first row after `after` and before `before` that passes, or 0. */
static uint64_t next_row(const struct follower *follower, uint64_t after, uint64_t before)
{
    const struct reading *reading = follower->actor->reading;

    for (uint64_t seq = after + 1; seq < before && seq <= reading->log_count; seq++)
        if (passes(&follower->filter, reading->log[seq - 1].type, reading->log[seq - 1].peer))
            return seq;
    return 0;
}

static void check_line(struct follower *follower, const struct line *line)
{
    struct actor *actor = follower->actor;
    const struct reading *reading = actor->reading;
    const uint64_t missed = next_row(follower, follower->written, line->seq);

    if (line->seq <= follower->written)
        sim_fail(actor->sim, "a reader at %s is told %llu twice", actor->name,
                 (unsigned long long)line->seq);
    if (missed != 0)
        sim_fail(actor->sim, "a reader at %s is not told %llu", actor->name,
                 (unsigned long long)missed);
    if (line->seq > reading->log_count || reading->log[line->seq - 1].type != line->type ||
        reading->log[line->seq - 1].peer != line->peer)
        sim_fail(actor->sim, "a reader at %s is told %llu, which is not durable", actor->name,
                 (unsigned long long)line->seq);
    if (!passes(&follower->filter, line->type, line->peer))
        sim_fail(actor->sim, "a reader at %s is told what it did not ask for", actor->name);
    follower->written = line->seq;
}

static void write_line(struct reading *reading, const struct feed_action *action)
{
    struct line line;

    memcpy(&line, action->write.line, sizeof line);
    for (size_t i = 0; i < reading->count; i++) {
        struct follower *follower = &reading->followers[i];
        if (follower->number != action->write.reader)
            continue;
        follower->output += action->write.length;
        if (line.seq != 0) /* or it is not kept */
            check_line(follower, &line);
    }
}

/* "Rows up to the log's floor may be gone." */
static void check_gap(struct reading *reading, const struct feed_action *action)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct follower *follower = &reading->followers[i];
        const struct actor *actor = follower->actor;
        if (follower->number != action->gap.reader)
            continue;
        if (action->gap.from <= follower->written || action->gap.to < action->gap.from ||
            action->gap.to > actor->disk.floor ||
            next_row(follower, follower->written, action->gap.from) != 0)
            sim_fail(actor->sim, "a reader at %s that was told %llu is told of a gap %llu-%llu",
                     actor->name, (unsigned long long)follower->written,
                     (unsigned long long)action->gap.from, (unsigned long long)action->gap.to);
        follower->written = action->gap.to;
    }
}

/* --- What the feed wants --- */

struct question {
    uint64_t read, after_seq, types;
    uint32_t peer;
    size_t rows_max, bytes_max;
};

static void pump(struct actor *actor);

static struct bytes render(const struct log_row *row)
{
    struct bytes bytes = BYTES_EMPTY;
    const struct line line = {row->seq, row->type, row->peer};

    bytes_append(&bytes, &line, sizeof line);
    bytes_append(&bytes, row->body, row->body_length);
    return bytes;
}

static void give_answer(struct actor *actor, uint64_t read, const struct store_answer *answer)
{
    struct bytes *lines = xcalloc(answer->count + 1, sizeof *lines);
    struct feed_row *rows = xcalloc(answer->count + 1, sizeof *rows);
    const struct feed_answer rendered = {.error = answer->error,
                                         .rows = rows,
                                         .count = answer->count,
                                         .scanned_through = answer->scanned_through,
                                         .floor = answer->floor,
                                         .end = answer->end};

    for (size_t i = 0; i < answer->count; i++) {
        const struct log_row *row = &answer->rows[i].log;
        lines[i] = render(row);
        rows[i] = (struct feed_row){.seq = row->seq,
                                    .type = row->type,
                                    .peer = row->peer,
                                    .line = bytes_data(&lines[i]),
                                    .length = bytes_length(&lines[i])};
    }
    feed_rows(actor->reading->feed, read, &rendered, actor_now(actor).mono);
    pump(actor);
    for (size_t i = 0; i < answer->count; i++)
        bytes_done(&lines[i]);
    free(lines);
    free(rows);
}

static void answer_read(struct sim *sim, struct event *event)
{
    struct store_answer answer;
    struct question ask;
    (void)sim;

    memcpy(&ask, bytes_data(&event->bytes), sizeof ask);
    disk_read_range(&event->actor->disk, ask.after_seq, ask.types, ask.peer, ask.rows_max,
                    ask.bytes_max, &answer);
    give_answer(event->actor, ask.read, &answer);
    model_store_answer_done(&answer);
}

static void begin_read(struct actor *actor, const struct feed_action *action)
{
    struct sim *sim = actor->sim;
    const struct question ask = {.read = action->read.read,
                                 .after_seq = action->read.after_seq,
                                 .types = action->read.types,
                                 .peer = action->read.peer,
                                 .rows_max = sim_between(sim, 1, (uint32_t)action->read.rows_max),
                                 .bytes_max = action->read.bytes_max};

    bytes_append(&sim_after_for(actor, sim_between(sim, 0, READ_MS_MAX), answer_read)->bytes, &ask,
                 sizeof ask);
}

static void due(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    (void)sim;

    if (actor->reading->due_ms != event->at_ms)
        return; /* it was moved */
    actor->reading->due_ms = UINT64_MAX;
    feed_expire(actor->reading->feed, actor_now(actor).mono);
    pump(actor);
}

static void arm(struct actor *actor)
{
    const struct mono deadline = feed_deadline(actor->reading->feed);
    uint64_t due_ms = actor->sim->now_ms;

    if (deadline.ms == MONO_NEVER.ms)
        due_ms = UINT64_MAX;
    else if (deadline.ms > due_ms + actor->mono_ahead_ms)
        due_ms = deadline.ms - actor->mono_ahead_ms;
    if (due_ms == actor->reading->due_ms)
        return;
    actor->reading->due_ms = due_ms;
    if (due_ms != UINT64_MAX)
        sim_after_for(actor, due_ms - actor->sim->now_ms, due);
}

static void pump(struct actor *actor)
{
    struct reading *reading = actor->reading;
    struct feed_action action;

    while (feed_next_action(reading->feed, &action))
        switch (action.kind) {
        case FEED_WRITE:
            write_line(reading, &action);
            break;
        case FEED_GAP:
            check_gap(reading, &action);
            break;
        case FEED_READ:
            begin_read(actor, &action);
            break;
        }
    arm(actor);
}

/* --- What readers do --- */

static void come(struct sim *sim, struct event *event);
static void look(struct sim *sim, struct event *event);

static struct event *later(struct follower *follower, uint32_t most_ms,
                           void (*happen)(struct sim *sim, struct event *event))
{
    struct actor *actor = follower->actor;
    struct event *event = sim_after_for(actor, sim_below(actor->sim, most_ms + 1), happen);

    event->a = (uint64_t)(follower - actor->reading->followers);
    event->b = follower->number;
    return event;
}

/* Who is still this follower, with this subscription. */
static struct follower *follower_of(const struct event *event)
{
    struct follower *follower = &event->actor->reading->followers[event->a];

    return follower->number == event->b ? follower : NULL;
}

static uint32_t pause_of(const struct follower *follower)
{
    return follower->actor->sim->healed ? 1000 : follower->pause_ms;
}

/* It reads what is there. */
static void look(struct sim *sim, struct event *event)
{
    struct follower *follower = follower_of(event);
    (void)sim;

    if (follower == NULL)
        return;
    follower->read = follower->written;
    follower->output = 0;
    feed_room(event->actor->reading->feed, follower->number, OUTPUT_MAX);
    pump(event->actor);
    later(follower, pause_of(follower), look);
}

static void go(struct sim *sim, struct event *event)
{
    struct follower *follower = follower_of(event);

    if (follower == NULL || sim->healed)
        return;
    feed_unsubscribe(event->actor->reading->feed, follower->number);
    pump(event->actor);
    follower->number = 0;
    later(follower, AWAY_MS_MAX, come);
}

static void come(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    struct reading *reading = actor->reading;
    struct follower *follower = follower_of(event);
    const uint64_t expected =
        follower->read < reading->log_count ? follower->read : reading->log_count;

    follower->number = ++reading->last_number;
    follower->read = feed_subscribe(reading->feed, follower->number, follower->read,
                                    &follower->filter, OUTPUT_MAX);
    if (follower->read != expected)
        sim_fail(sim, "a reader at %s came back at %llu and begins at %llu", actor->name,
                 (unsigned long long)expected, (unsigned long long)follower->read);
    follower->written = follower->read;
    follower->output = 0;
    pump(actor);
    later(follower, pause_of(follower), look);
    later(follower, STAY_MS, go);
}

/* --- What the machine does --- */

static void add_readers(struct actor *actor)
{
    struct sim *sim = actor->sim;
    struct reading *reading = xcalloc(1, sizeof *reading);

    actor->reading = reading;
    reading->count = sim->options.readers;
    reading->followers = xcalloc(reading->count, sizeof *reading->followers);
    for (size_t i = 0; i < reading->count; i++) {
        struct follower *follower = &reading->followers[i];
        follower->actor = actor;
        follower->pause_ms = sim_chance(sim, 50) ? 200 : sim_between(sim, 200, PAUSE_MS_MAX);
        if (sim_chance(sim, 50))
            follower->filter.types = UINT64_C(1) << EVENT_MESSAGE_RECEIVED;
        if (sim_chance(sim, 20))
            follower->filter.peer = 1;
    }
}

void readers_start(struct actor *actor)
{
    struct reading *reading;

    if (actor->sim->options.readers == 0)
        return;
    if (actor->reading == NULL)
        add_readers(actor);
    reading = actor->reading;
    reading->feed = feed_new(model_store_last_seq(actor->disk.store), RING_BYTES);
    reading->due_ms = UINT64_MAX;
    readers_floor(actor);
    for (size_t i = 0; i < reading->count; i++)
        later(&reading->followers[i], 1000, come);
}

void readers_gone(struct actor *actor)
{
    struct reading *reading = actor->reading;

    if (reading == NULL)
        return;
    feed_free(reading->feed);
    reading->feed = NULL;
    for (size_t i = 0; i < reading->count; i++)
        reading->followers[i].number = 0;
}

void readers_done(struct actor *actor)
{
    if (actor->reading == NULL)
        return;
    readers_gone(actor);
    free(actor->reading->log);
    free(actor->reading->followers);
    free(actor->reading);
}

/* A row is durable: at the start it is only known, later it is news. */
void readers_row(struct actor *actor, const struct log_row *row)
{
    struct reading *reading = actor->reading;

    if (reading == NULL)
        return;
    if (row->seq != reading->log_count + 1)
        sim_fail(actor->sim, "%s logs %llu after %llu", actor->name, (unsigned long long)row->seq,
                 (unsigned long long)reading->log_count);
    if (reading->log_count == reading->log_room) {
        reading->log_room = 2 * reading->log_room + 64;
        reading->log = xreallocarray(reading->log, reading->log_room, sizeof *reading->log);
    }
    reading->log[reading->log_count++] = (struct logged){row->type, row->peer};
    if (reading->feed == NULL || actor->is_starting)
        return;
    struct bytes bytes = render(row);
    const struct feed_row line = {.seq = row->seq,
                                  .type = row->type,
                                  .peer = row->peer,
                                  .line = bytes_data(&bytes),
                                  .length = bytes_length(&bytes)};
    feed_append(reading->feed, &line);
    pump(actor);
    bytes_done(&bytes);
}

void readers_event(struct actor *actor, int type, uint32_t peer)
{
    const struct line line = {0, type, peer};
    const struct feed_row row = {.type = type, .peer = peer, .line = &line, .length = sizeof line};

    if (actor->reading == NULL)
        return;
    feed_tell(actor->reading->feed, &row);
    pump(actor);
}

void readers_floor(struct actor *actor)
{
    if (actor->reading == NULL)
        return;
    feed_raise_floor(actor->reading->feed, actor->disk.floor);
    pump(actor);
}

void readers_restored(struct actor *actor)
{
    if (actor->reading != NULL)
        actor->reading->log_count = actor->logged_seq;
}

void readers_check(const struct actor *actor)
{
    const struct reading *reading = actor->reading;

    for (size_t i = 0; reading != NULL && i < reading->count; i++) {
        const struct follower *follower = &reading->followers[i];
        const uint64_t missed = next_row(follower, follower->read, UINT64_MAX);
        if (missed != 0)
            sim_fail(actor->sim, "a reader at %s waits for %llu of %llu", actor->name,
                     (unsigned long long)missed, (unsigned long long)reading->log_count);
    }
}
