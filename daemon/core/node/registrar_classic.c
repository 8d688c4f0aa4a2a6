/* The tracker's classic side: who registers in the classic dialect, asks for the list, leaves
 * (p2pchat-protocol(7), The classic dialect). */
#include "daemon/core/node/registrar.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/classic.h"
#include "daemon/core/name.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/ledger.h"

static void answer(struct node *node, const struct host_port *to, enum classic_type type)
{
    struct bytes object = BYTES_EMPTY;

    classic_write(&object, type);
    classic_send(node, to, &object);
}

/* --- REGISTER --- */

/* Where a REGISTER whose name the store is asked about came from. */
static void keep_asker(struct effect *effect, const char *name, const struct host_port *at)
{
    bytes_append(&effect->bytes, at, sizeof *at);
    bytes_append(&effect->bytes, name, strlen(name) + 1);
}

static void registering(struct node *node, const char *name, const struct host_port *at)
{
    char *folded = name_fold(name);
    const struct classic_entry *entry;
    enum error error = ERR_BAD_NAME;

    if (folded != NULL && *name != '\0')
        error = classic_board_check(&node->registrar->board, folded, at->host);
    entry = error == OK ? classic_board_find(&node->registrar->board, folded) : NULL;
    if (error != OK) {
        answer(node, at, CLASSIC_REGISTER_ERROR);
    } else if (entry != NULL) { /* nobody took it since */
        classic_board_put(&node->registrar->board, name, folded, at, node->now.mono);
        answer(node, at, CLASSIC_REGISTER_SUCCESS);
    } else {
        size_t row = ledger_claim(node, folded, NULL);
        struct effect *effect = ledger_effect(node, EFFECT_CLASSIC_CLAIMED);

        effect->row = row;
        keep_asker(effect, name, at);
    }
    free(folded);
}

void registrar_classic_claimed(struct node *node, const struct effect *effect, enum error error)
{
    struct host_port at;
    const char *name = (const char *)bytes_data(&effect->bytes) + sizeof at;
    char *folded = name_fold(name);

    memcpy(&at, bytes_data(&effect->bytes), sizeof at);
    if (error == OK) /* once more: others registered since */
        error = classic_board_check(&node->registrar->board, folded, at.host);
    if (error == OK)
        classic_board_put(&node->registrar->board, name, folded, &at, node->now.mono);
    answer(node, &at, error == OK ? CLASSIC_REGISTER_SUCCESS : CLASSIC_REGISTER_ERROR);
    free(folded);
}

/* --- LISTPEER, EXIT_NETWORK --- */

/* The entry of a classic peer, if it is who speaks: all that is known of it is its address. */
static struct classic_entry *speaker(struct node *node, const char *name, const char *source)
{
    char *folded = name_fold(name);
    struct classic_entry *entry =
        folded != NULL ? classic_board_find(&node->registrar->board, folded) : NULL;

    free(folded);
    return entry != NULL && !entry->is_keyed && strcmp(entry->at.host, source) == 0 ? entry : NULL;
}

/* Loopback means another machine to everybody else. */
static bool is_shown(const struct classic_entry *entry, const char *host)
{
    return !host_is_local(entry->at.host) || host_is_local(host);
}

/* "Each list that a peer gets begins where its last one ended, and from the beginning after the
 * end." */
static void list(struct node *node, struct classic_entry *asker)
{
    const struct classic_board *board = &node->registrar->board;
    const size_t start = classic_board_behind(board, asker->told);
    const struct classic_entry *last = NULL;
    struct bytes object = BYTES_EMPTY;
    struct classic_list list;
    bool fits = true;

    classic_list_begin(&list, &object);
    for (size_t i = 0; i < board->count && fits; i++) {
        const struct classic_entry *entry = board->entries[(start + i) % board->count];

        if (!is_shown(entry, asker->at.host))
            continue;
        fits = classic_list_add(&list, entry->name, &entry->at);
        if (fits)
            last = entry;
    }
    classic_list_end(&list);
    free(asker->told);
    asker->told = fits ? NULL : xstrdup(last->folded);
    classic_send(node, &asker->at, &object);
}

void registrar_classic_heard(struct node *node, const char *source,
                             const struct classic_object *object)
{
    struct classic_entry *entry;

    switch (object->type) {
    case CLASSIC_REGISTER:
        registering(node, object->name, &object->at);
        break;
    case CLASSIC_LISTPEER:
        if ((entry = speaker(node, object->name, source)) == NULL)
            break;
        classic_board_heard(&node->registrar->board, entry, node->now.mono);
        list(node, entry);
        break;
    case CLASSIC_EXIT_NETWORK:
        if ((entry = speaker(node, object->name, source)) != NULL)
            classic_board_remove(&node->registrar->board, entry);
        break;
    case CLASSIC_REGISTER_SUCCESS:
    case CLASSIC_REGISTER_ERROR:
    case CLASSIC_PEERLIST:
    case CLASSIC_CHAT_REQUEST:
    case CLASSIC_CHAT_ACCEPT:
    case CLASSIC_CHAT_REFUSE:
    case CLASSIC_CHAT_MESSAGE:
    case CLASSIC_DISCONNECT:
    case CLASSIC_FILE_TRANSFER:
        break; /* for peers */
    }
}
