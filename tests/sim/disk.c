/* A node's disk: the model of the store, with a writer that takes its time, fails, and loses what
 * was on its way when the machine stops. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

enum {
    LAZY_MS = 100,
    READ_MS_MAX = 30,
    ROWS_MAX = 256,
    KEY_MS = 12 * 60 * 1000 /* of keys, in place of seven days: longer than anybody repeats one */
};

/* A transaction that a disk that lies has said to be durable, or one that keeps has written. */
struct kept {
    struct transaction *transaction;
    uint64_t durable_ms; /* when it really is */
    struct kept *older;
};

static void forget_kept(struct disk *disk)
{
    for (struct kept *kept = disk->kept, *older; kept != NULL; kept = older) {
        older = kept->older;
        transaction_free(kept->transaction);
        free(kept);
    }
    disk->kept = NULL;
}

/* Remembers what is, or will be, durable so much later. */
static void keep(struct disk *disk, const struct transaction *transaction, uint64_t after_ms)
{
    struct kept *kept = xcalloc(1, sizeof *kept);

    *kept = (struct kept){.transaction = model_store_copy(transaction),
                          .durable_ms = disk->actor->sim->now_ms + after_ms,
                          .older = disk->kept};
    disk->kept = kept;
}

void disk_init(struct disk *disk, struct actor *actor)
{
    *disk = (struct disk){.actor = actor, .store = model_store_new()};
}

void disk_done(struct disk *disk)
{
    forget_kept(disk);
    model_store_free(disk->store);
}

/* --- Answers --- */

static void give_rows(struct actor *actor, const struct store_answer *answer)
{
    struct outbox_row *rows = xcalloc(answer->count + 1, sizeof *rows);
    struct input input = {.kind = INPUT_ROWS};

    for (size_t i = 0; i < answer->count; i++)
        rows[i] = (struct outbox_row){.seq = answer->rows[i].log.seq,
                                      .number = answer->rows[i].log.number,
                                      .time_ms = answer->rows[i].log.time_ms,
                                      .text = answer->rows[i].log.body,
                                      .text_length = answer->rows[i].log.body_length};
    input.rows.read = answer->id;
    input.rows.error = answer->error;
    input.rows.rows = rows;
    input.rows.count = answer->count;
    input.rows.end = answer->end;
    actor_input(actor, &input);
    free(rows);
}

static void give_failed(struct actor *actor, const struct store_answer *answer)
{
    struct input input = {.kind = INPUT_STORE_FAILED};

    input.store_failed.transaction = answer->transaction;
    input.store_failed.error = answer->error;
    actor_input(actor, &input);
}

/* Transactions that became durable, one after the other: the node is told of all at once. */
struct durables {
    struct transaction *first, **end;
};

static void add_durable(struct actor *actor, struct durables *durables,
                        struct transaction *transaction)
{
    actor->durable_ticket = transaction->ticket;
    if (actor->sim->options.disk_keeps)
        keep(&actor->disk, transaction, 0);
    for (size_t i = 0; i < transaction->count; i++) {
        const struct log_row *row = &transaction->changes[i].log;
        if (transaction->changes[i].kind != CHANGE_LOG || row->result != OK || row->existing)
            continue;
        actor_saw_row(actor, row);
    }
    *durables->end = transaction;
    durables->end = &transaction->next;
}

static void give_durables(struct actor *actor, struct durables *durables)
{
    const struct input input = {.kind = INPUT_DURABLE, .durable.transaction = durables->first};

    if (durables->first != NULL)
        actor_input(actor, &input);
    durables->first = NULL;
    durables->end = &durables->first;
}

static void give_answers(struct disk *disk)
{
    struct actor *actor = disk->actor;
    struct durables durables = {.end = &durables.first};
    struct store_answer answer;

    while (actor->node != NULL && model_store_take(disk->store, &answer)) {
        if (answer.kind != STORE_DURABLE || sim_chance(actor->sim, 20)) /* the loop's turn ends */
            give_durables(actor, &durables);
        if (answer.kind == STORE_DURABLE)
            add_durable(actor, &durables, answer.transaction);
        else if (answer.kind == STORE_FAILED)
            give_failed(actor, &answer);
        else
            give_rows(actor, &answer);
        model_store_answer_done(&answer);
    }
    give_durables(actor, &durables);
}

/* --- Writing --- */

static void begin_commit(struct sim *sim, struct event *event);

static void commit(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    struct disk *disk = &actor->disk;

    if (disk->fault == OK) {
        sim_trace(sim, actor, "disk commits %zu", disk->committing);
        model_store_commit(disk->store, disk->committing);
    } else {
        sim_trace(sim, actor, "disk fails %zu: %s", disk->committing, error_name(disk->fault));
        model_store_fail(disk->store, disk->committing, disk->fault);
    }
    disk->committing = 0;
    if (model_store_waiting(disk->store) > 0)
        begin_commit(sim, event);
    give_answers(disk);
}

/* The writer, when it is idle, takes all that waits. */
static void begin_commit(struct sim *sim, struct event *event)
{
    struct disk *disk = &event->actor->disk;

    if (disk->committing > 0)
        return;
    disk->committing = model_store_waiting(disk->store);
    if (disk->committing > 0)
        sim_after_for(event->actor,
                      sim_between(sim, sim->options.commit_ms_min, sim->options.commit_ms_max),
                      commit);
}

static void give_answers_now(struct sim *sim, struct event *event)
{
    (void)sim;
    give_answers(&event->actor->disk);
}

/* Says that it is durable at once; really it is so only some time later. */
static void append_lying(struct disk *disk, struct transaction *transaction)
{
    keep(disk, transaction, disk->actor->sim->options.commit_ms_max);
    model_store_append(disk->store, transaction);
    model_store_commit(disk->store, 1);
    sim_after_for(disk->actor, 0, give_answers_now);
}

void disk_append(struct disk *disk, struct transaction *transaction)
{
    const size_t waiting = model_store_waiting(disk->store);

    transaction->age_ms = disk->actor->sim->now_ms;
    const bool is_lazy = transaction->lazy;

    if (disk->actor->sim->options.disk_lies) {
        append_lying(disk, transaction);
        return;
    }
    model_store_append(disk->store, transaction);
    if (model_store_waiting(disk->store) == waiting) /* after a failure that was not taken yet */
        sim_after_for(disk->actor, 0, give_answers_now);
    else
        sim_after_for(disk->actor, is_lazy ? LAZY_MS : 0, begin_commit);
}

/* --- Reading --- */

/* What a read asks for; the event's bytes. */
struct question {
    uint64_t read, after_seq;
    uint32_t stream;
    size_t rows_max, bytes_max;
};

static void answer_read(struct sim *sim, struct event *event)
{
    struct disk *disk = &event->actor->disk;
    struct question ask;
    (void)sim;

    memcpy(&ask, bytes_data(&event->bytes), sizeof ask);
    if (disk->fault == ERR_STORAGE_FAILED) {
        const struct input failed = {.kind = INPUT_ROWS,
                                     .rows = {.read = ask.read, .error = disk->fault}};
        actor_input(event->actor, &failed);
        return;
    }
    model_store_read_stream(disk->store, ask.read, ask.stream, ask.after_seq, ask.rows_max,
                            ask.bytes_max);
    give_answers(disk);
}

/* A slow disk reads slowly, too. */
static uint32_t read_ms(struct sim *sim)
{
    const uint32_t most = sim->options.commit_ms_max / 2;

    return sim_between(sim, 0, most > READ_MS_MAX ? most : READ_MS_MAX);
}

void disk_read(struct disk *disk, const struct action *action)
{
    const struct question ask = {.read = action->read.read,
                                 .after_seq = action->read.after_seq,
                                 .stream = action->read.stream,
                                 .rows_max = action->read.rows_max,
                                 .bytes_max = action->read.bytes_max};

    bytes_append(&sim_after_for(disk->actor, read_ms(disk->actor->sim), answer_read)->bytes, &ask,
                 sizeof ask);
}

void disk_trim(struct disk *disk)
{
    struct sim *sim = disk->actor->sim;
    const uint64_t last_seq = model_store_last_seq(disk->store);

    if (sim->now_ms - disk->newer.at_ms >= KEY_MS) {
        disk->older = disk->newer;
        disk->newer.at_ms = sim->now_ms;
        disk->newer.seq = last_seq;
    }
    const uint64_t through = sim_between(sim, 0, (uint32_t)last_seq);
    if (through <= disk->floor)
        return;
    sim_trace(sim, disk->actor, "trims through %llu", (unsigned long long)through);
    model_store_trim(disk->store, through, disk->older.seq);
    disk->floor = through;
    readers_floor(disk->actor);
}

void disk_read_range(struct disk *disk, uint64_t after_seq, uint64_t types, uint32_t peer,
                     size_t rows_max, size_t bytes_max, struct store_answer *ret_answer)
{
    if (disk->fault == ERR_STORAGE_FAILED) {
        *ret_answer = (struct store_answer){.kind = STORE_ROWS, .error = disk->fault};
        return;
    }
    give_answers(disk); /* what came before */
    model_store_read_range(disk->store, 1, after_seq, types, peer, rows_max, bytes_max);
    must(model_store_take(disk->store, ret_answer));
    ret_answer->floor = disk->floor;
}

/* --- Crashes --- */

/* Copies what was durable at `ms` into a list of its own, and into the store, oldest first. */
static struct kept *replay(const struct kept *kept, uint64_t ms, struct model_store *store)
{
    struct kept *older, *copy;

    if (kept == NULL)
        return NULL;
    older = replay(kept->older, ms, store);
    if (kept->durable_ms > ms)
        return older;
    copy = xcalloc(1, sizeof *copy);
    *copy = (struct kept){.transaction = model_store_copy(kept->transaction),
                          .durable_ms = kept->durable_ms,
                          .older = older};
    model_store_append(store, model_store_copy(kept->transaction));
    return copy;
}

void disk_restore(struct disk *disk, const struct disk *from, uint64_t ms)
{
    struct model_store *store = model_store_new();
    struct kept *kept = replay(from->kept, ms, store);

    model_store_commit(store, model_store_waiting(store));
    model_store_crash(store, false);
    forget_kept(disk);
    model_store_free(disk->store);
    model_store_start_age(store, disk->actor->sim->now_ms);
    disk->store = store;
    disk->floor = 0; /* the copy is older than what was removed */
    disk->older.seq = disk->newer.seq = 0;
    disk->newer.at_ms = disk->actor->sim->now_ms;
    disk->kept = kept;
}

/* Answers that nobody is there to hear. */
static void drop_answers(struct disk *disk)
{
    struct store_answer answer;

    while (model_store_take(disk->store, &answer)) {
        if (answer.kind == STORE_DURABLE && disk->actor->sim->options.disk_keeps)
            keep(disk, answer.transaction, 0);
        transaction_free(answer.transaction);
        model_store_answer_done(&answer);
    }
}

void disk_crash(struct disk *disk)
{
    struct sim *sim = disk->actor->sim;
    const bool is_found = !sim->options.disk_keeps && sim_chance(sim, 50);

    if (sim->options.disk_lies)
        disk_restore(disk, disk, sim->now_ms);
    if (disk->committing > 0) /* any part of it is there, but nobody has heard of it */
        model_store_commit(disk->store, sim_between(sim, 0, (uint32_t)disk->committing));
    disk->committing = 0;
    drop_answers(disk);
    model_store_crash(disk->store, is_found);
    model_store_start_age(disk->store, sim->now_ms);
}

void disk_each_row(struct disk *disk, uint64_t after_seq,
                   void (*row)(struct actor *actor, const struct log_row *row))
{
    struct store_answer answer;

    for (bool end = false; !end;) {
        model_store_read_range(disk->store, 1, after_seq, 0, 0, ROWS_MAX, SIZE_MAX);
        must(model_store_take(disk->store, &answer));
        for (size_t i = 0; i < answer.count; i++)
            row(disk->actor, &answer.rows[i].log);
        after_seq = answer.scanned_through;
        end = answer.end;
        model_store_answer_done(&answer);
    }
}
