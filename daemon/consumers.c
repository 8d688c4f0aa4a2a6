#include "daemon/consumers.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"

_Static_assert((int)CONSUMERS_MAX == (int)STORE_CONSUMERS_MAX, "all that there are can be loaded");

struct consumers {
    struct consumer *by_name, *by_number; /* by_name in order */
    uint64_t numbers;                     /* given out so far */
    TAILQ_HEAD(, consumer) due;
};

struct consumers *consumers_new(void)
{
    struct consumers *consumers = xcalloc(1, sizeof(*consumers));

    TAILQ_INIT(&consumers->due);
    return consumers;
}

static void remove_consumer(struct consumers *consumers, struct consumer *c)
{
    HASH_DELETE(by_name, consumers->by_name, c);
    HASH_DELETE(by_number, consumers->by_number, c);
    free(c);
}

void consumers_free(struct consumers *consumers)
{
    if (consumers == NULL)
        return;
    while (consumers->by_name != NULL)
        remove_consumer(consumers, consumers->by_name);
    free(consumers);
}

static int compare_names(const struct consumer *a, const struct consumer *b)
{
    return strcmp(a->row.name, b->row.name);
}

static struct consumer *add(struct consumers *consumers, const struct consumer_row *row)
{
    struct consumer *c = xcalloc(1, sizeof(*c));

    c->number = ++consumers->numbers;
    c->row = *row;
    c->exists = true;
    TAILQ_INIT(&c->calls);
    HASH_ADD_KEYPTR_INORDER(by_name, consumers->by_name, c->row.name, strlen(c->row.name), c,
                            compare_names);
    HASH_ADD(by_number, consumers->by_number, number, sizeof(c->number), c);
    return c;
}

void consumers_load(struct consumers *consumers, const struct consumer_row *row)
{
    struct consumer *c = add(consumers, row);

    c->kept = *row;
    c->is_kept = true;
}

enum error consumers_check_name(const char *name)
{
    return store_is_consumer_name(name) ? OK : ERR_BAD_NAME;
}

static struct consumer *find(const struct consumers *consumers, const char *name)
{
    struct consumer *c;

    HASH_FIND(by_name, consumers->by_name, name, strlen(name), c);
    return c;
}

struct consumer *consumers_find(const struct consumers *consumers, const char *name)
{
    struct consumer *c = find(consumers, name);

    return c != NULL && c->exists ? c : NULL;
}

struct consumer *consumers_numbered(const struct consumers *consumers, uint64_t number)
{
    struct consumer *c;

    HASH_FIND(by_number, consumers->by_number, &number, sizeof(number), c);
    return c;
}

struct consumer *consumers_next(const struct consumers *consumers, const struct consumer *after)
{
    return after != NULL ? after->by_name.next : consumers->by_name;
}

/* --- Changes --- */

static void make_due(struct consumers *consumers, struct consumer *c)
{
    if (c->is_writing || c->is_due)
        return;
    c->is_due = true;
    TAILQ_INSERT_TAIL(&consumers->due, c, in_due);
}

static void change(struct consumers *consumers, struct consumer *c)
{
    c->change++;
    make_due(consumers, c);
}

enum error consumers_add(struct consumers *consumers, const char *name, uint64_t seq,
                         struct consumer **ret_consumer)
{
    struct consumer *c = find(consumers, name);

    must(c == NULL || !c->exists);
    if (c == NULL) {
        struct consumer_row row = {.seq = 0};

        if (HASH_CNT(by_name, consumers->by_name) >= CONSUMERS_MAX)
            return ERR_LIMIT_EXCEEDED;
        memcpy(row.name, name, strlen(name));
        c = add(consumers, &row);
    }
    c->exists = true;
    c->has_expired = false;
    c->row.seq = seq;
    change(consumers, c);
    c->born = c->change;
    *ret_consumer = c;
    return OK;
}

void consumers_ack(struct consumers *consumers, struct consumer *c, uint64_t seq)
{
    must(c->exists);
    if (seq <= c->row.seq)
        return;
    c->row.seq = seq;
    change(consumers, c);
}

void consumers_forget(struct consumers *consumers, struct consumer *c)
{
    must(c->exists);
    c->exists = false;
    change(consumers, c);
}

void consumers_touch(struct consumer *c, int64_t now_ms, uint64_t age_ms)
{
    c->row.last_used_ms = now_ms;
    c->row.used_age_ms = age_ms;
}

/* Whether the clock has gone on for longer than that. It may also have lost a little in a crash. */
static bool is_older(uint64_t age_ms, uint64_t then_ms, uint64_t by_ms)
{
    return age_ms > then_ms && age_ms - then_ms > by_ms;
}

void consumers_expire(struct consumers *consumers, int64_t now_ms, uint64_t age_ms, uint64_t max_ms)
{
    for (struct consumer *c = consumers->by_name; c != NULL; c = c->by_name.next) {
        if (!c->exists)
            continue;
        if (c->followers > 0)
            consumers_touch(c, now_ms, age_ms);
        if (max_ms > 0 && is_older(age_ms, c->row.used_age_ms, max_ms)) {
            consumers_forget(consumers, c);
            c->has_expired = true;
        } else if (is_older(c->row.used_age_ms, c->kept.used_age_ms, CONSUMER_TOUCH_MS)) {
            make_due(consumers, c);
        }
    }
}

/* --- Writes --- */

bool consumers_next_write(struct consumers *consumers, struct consumer_write *ret_write)
{
    struct consumer *c = TAILQ_FIRST(&consumers->due);

    if (c == NULL)
        return false;
    TAILQ_REMOVE(&consumers->due, c, in_due);
    c->is_due = false;
    c->is_writing = true;
    c->written = c->row;
    c->written_exists = c->exists;
    c->written_change = c->change;
    *ret_write = (struct consumer_write){.consumer = c->number,
                                         .row = &c->written,
                                         .is_removal = !c->exists,
                                         .lazy = c->change == c->kept_change};
    return true;
}

/* Takes back what is not durable. When it was used stays, as that is not the disk's to say. */
static void take_back(struct consumer *c)
{
    c->row.seq = c->kept.seq;
    c->exists = c->is_kept;
    c->has_expired = false;
    c->kept_change = c->change;
}

struct consumer *consumers_written(struct consumers *consumers, uint64_t consumer, enum error error)
{
    struct consumer *c = consumers_numbered(consumers, consumer);

    must(c != NULL && c->is_writing);
    c->is_writing = false;
    if (error != OK) {
        take_back(c);
    } else {
        c->kept = c->written;
        c->is_kept = c->written_exists;
        c->kept_change = c->written_change;
        if (c->change != c->kept_change)
            make_due(consumers, c);
    }
    return c;
}

void consumers_settle(struct consumers *consumers, struct consumer *c)
{
    if (!c->exists && !c->is_kept && !c->is_writing && !c->is_due) {
        must(TAILQ_EMPTY(&c->calls));
        remove_consumer(consumers, c);
    }
}
