#include "daemon/core/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static char *copy_text(const char *text)
{
    return text != NULL ? xstrdup(text) : NULL;
}

static void log_row_done(struct log_row *row)
{
    free(row->key);
    free(row->body);
}

struct transaction *transaction_new(uint64_t ticket)
{
    struct transaction *t = xcalloc(1, sizeof(*t));

    t->ticket = ticket;
    t->room = TRANSACTION_FEW;
    t->changes = t->few;
    return t;
}

void transaction_free(struct transaction *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++)
        change_done(&t->changes[i]);
    if (t->changes != t->few)
        free(t->changes);
    free(t);
}

size_t transaction_bytes(const struct transaction *t)
{
    size_t bytes = sizeof(*t);

    if (t->changes != t->few)
        bytes += t->room * sizeof(*t->changes);
    for (size_t i = 0; i < t->count; i++)
        if (t->changes[i].kind == CHANGE_LOG || t->changes[i].kind == CHANGE_FIND)
            bytes += t->changes[i].log.body_length;
        else if (t->changes[i].kind == CHANGE_CLAIM || t->changes[i].kind == CHANGE_RELEASE)
            bytes += strlen(t->changes[i].claim.name);
    return bytes;
}

static void grow(struct transaction *t)
{
    struct change *changes = xcalloc(2 * t->room, sizeof(*changes));

    memcpy(changes, t->changes, t->count * sizeof(*changes));
    if (t->changes != t->few)
        free(t->changes);
    t->changes = changes;
    t->room *= 2;
}

struct change *transaction_add(struct transaction *t, enum change_kind kind)
{
    if (t->count == t->room)
        grow(t);

    struct change *change = &t->changes[t->count++];

    memset(change, 0, sizeof(*change));
    change->kind = kind;
    return change;
}

void peer_row_copy(struct peer_row *ret_copy, const struct peer_row *row)
{
    struct peer_row copy = *row;

    copy.alias = copy_text(row->alias);
    copy.name = copy_text(row->name);
    copy.address = copy_text(row->address);
    copy.record = row->record != NULL ? xmemdup(row->record, row->record_length) : NULL;
    *ret_copy = copy;
}

void peer_row_done(struct peer_row *row)
{
    free(row->alias);
    free(row->name);
    free(row->address);
    free(row->record);
}

void request_row_copy(struct request_row *ret_copy, const struct request_row *row)
{
    struct request_row copy = *row;

    copy.greeting = copy_text(row->greeting);
    copy.address = copy_text(row->address);
    *ret_copy = copy;
}

void request_row_done(struct request_row *row)
{
    free(row->greeting);
    free(row->address);
}

void tracker_row_copy(struct tracker_row *ret_copy, const struct tracker_row *row)
{
    struct tracker_row copy = *row;

    copy.address = copy_text(row->address);
    *ret_copy = copy;
}

void tracker_row_done(struct tracker_row *row)
{
    free(row->address);
}

void change_done(struct change *change)
{
    switch (change->kind) {
    case CHANGE_LOG:
    case CHANGE_FIND:
        log_row_done(&change->log);
        break;
    case CHANGE_PEER:
    case CHANGE_PEER_GONE:
        peer_row_done(&change->peer);
        break;
    case CHANGE_REQUEST:
    case CHANGE_REQUEST_GONE:
        request_row_done(&change->request);
        break;
    case CHANGE_CLAIM:
    case CHANGE_RELEASE:
        free(change->claim.name);
        break;
    case CHANGE_TRACKER:
    case CHANGE_TRACKER_GONE:
        tracker_row_done(&change->tracker);
        break;
    case CHANGE_OWN_NAME:
        free(change->own_name);
        break;
    case CHANGE_STREAM_IN:
    case CHANGE_STREAM_OUT:
    case CHANGE_STREAM_GONE:
    case CHANGE_STREAM_SEEN:
    case CHANGE_META:
        break;
    }
}
