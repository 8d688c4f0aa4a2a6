#include "daemon/core/overlay/classic_board.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

void classic_board_init(struct classic_board *board, struct timers *timers, int timer_kind)
{
    *board = (struct classic_board){.timers = timers, .timer_kind = timer_kind};
}

static void entry_free(struct classic_entry *entry)
{
    free(entry->name);
    free(entry->folded);
    free(entry->told);
    free(entry->where);
    free(entry);
}

void classic_board_done(struct classic_board *board)
{
    while (board->count > 0)
        classic_board_remove(board, board->entries[board->count - 1]);
    free(board->entries);
    board->entries = NULL;
    board->room = 0;
}

/* --- Finding --- */

/* The place of the first entry that is not before the name. */
static size_t place_of(const struct classic_board *board, const char *folded)
{
    size_t low = 0, high = board->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(board->entries[middle]->folded, folded) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct classic_board *board, size_t place, const char *folded)
{
    return place < board->count && strcmp(board->entries[place]->folded, folded) == 0;
}

struct classic_entry *classic_board_find(const struct classic_board *board, const char *folded)
{
    size_t place = place_of(board, folded);

    return is_at(board, place, folded) ? board->entries[place] : NULL;
}

struct classic_entry *classic_board_at(const struct classic_board *board,
                                       const struct host_port *at)
{
    struct classic_entry *entry;
    char where[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(at, where);
    HASH_FIND(by_where, board->by_where, where, strlen(where), entry);
    return entry;
}

size_t classic_board_behind(const struct classic_board *board, const char *folded)
{
    size_t place = folded != NULL ? place_of(board, folded) : 0;

    return folded != NULL && is_at(board, place, folded) ? place + 1 : place;
}

enum error classic_board_check(const struct classic_board *board, const char *folded,
                               const char *host)
{
    const struct classic_entry *entry = classic_board_find(board, folded);
    const uint64_t block = address_block(host);
    size_t of_block = 0;

    if (entry != NULL)
        return !entry->is_keyed && strcmp(entry->at.host, host) == 0 ? OK : ERR_NAME_TAKEN;
    for (size_t i = 0; i < board->count; i++)
        of_block += !board->entries[i]->is_keyed && board->entries[i]->block == block;
    return of_block < CLASSIC_REGISTERED_BLOCK_MAX &&
                   board->count - board->keyed_count < CLASSIC_REGISTERED_MAX
               ? OK
               : ERR_LIMIT_EXCEEDED;
}

/* --- Changing --- */

static struct classic_entry *insert(struct classic_board *board, const char *name,
                                    const char *folded)
{
    struct classic_entry *entry = xcalloc(1, sizeof *entry);
    size_t place = place_of(board, folded);

    must(!is_at(board, place, folded));
    entry->name = xstrdup(name);
    entry->folded = xstrdup(folded);
    entry->timer.kind = board->timer_kind;
    if (board->count == board->room) {
        board->room = board->room != 0 ? 2 * board->room : 64;
        board->entries = xreallocarray(board->entries, board->room, sizeof *board->entries);
    }
    memmove(&board->entries[place + 1], &board->entries[place],
            (board->count - place) * sizeof *board->entries);
    board->entries[place] = entry;
    board->count++;
    return entry;
}

static void leave_where(struct classic_board *board, struct classic_entry *entry)
{
    if (entry->where == NULL)
        return;
    HASH_DELETE(by_where, board->by_where, entry);
    free(entry->where);
    entry->where = NULL;
}

static void move_to(struct classic_board *board, struct classic_entry *entry,
                    const struct host_port *at)
{
    char where[ADDRESS_HOST_PORT_MAX + 1];

    leave_where(board, entry);
    host_port_format(at, where);
    entry->at = *at;
    entry->block = address_block(at->host);
    entry->where = xstrdup(where);
    HASH_ADD_KEYPTR(by_where, board->by_where, entry->where, strlen(entry->where), entry);
}

void classic_board_remove(struct classic_board *board, struct classic_entry *entry)
{
    size_t place = place_of(board, entry->folded);

    must(place < board->count && board->entries[place] == entry);
    board->count--;
    board->keyed_count -= entry->is_keyed;
    memmove(&board->entries[place], &board->entries[place + 1],
            (board->count - place) * sizeof *board->entries);
    timers_stop(board->timers, &entry->timer);
    leave_where(board, entry);
    entry_free(entry);
}

void classic_board_put(struct classic_board *board, const char *name, const char *folded,
                       const struct host_port *at, struct mono now)
{
    struct classic_entry *entry = classic_board_find(board, folded);

    must(host_is_literal(at->host) && (entry == NULL || !entry->is_keyed));
    if (entry == NULL) {
        entry = insert(board, name, folded);
    } else if (strcmp(entry->name, name) != 0) { /* "Alice" is "alice" */
        free(entry->name);
        entry->name = xstrdup(name);
    }
    move_to(board, entry, at);
    classic_board_heard(board, entry, now);
}

void classic_board_heard(struct classic_board *board, struct classic_entry *entry, struct mono now)
{
    must(!entry->is_keyed);
    timers_set(board->timers, &entry->timer, mono_after(now, CLASSIC_REGISTERED_MS));
}

bool classic_board_put_keyed(struct classic_board *board, const char *name, const char *folded,
                             const struct host_port *at)
{
    struct classic_entry *entry = classic_board_find(board, folded);
    const bool yields = entry != NULL && !entry->is_keyed;

    if (entry != NULL)
        classic_board_remove(board, entry);
    if (at == NULL || board->keyed_count == CLASSIC_KEYED_MAX)
        return yields;
    entry = insert(board, name, folded);
    entry->is_keyed = true;
    entry->at = *at;
    board->keyed_count++;
    return yields;
}

void classic_board_remove_keyed(struct classic_board *board, const char *folded)
{
    struct classic_entry *entry = classic_board_find(board, folded);

    if (entry != NULL && entry->is_keyed)
        classic_board_remove(board, entry);
}
