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

/* A REGISTER whose name the store is asked about. There is one for each effect that waits. */
struct classic_claim {
    uint64_t number;
    char name[ADDRESS_NAME_MAX + 1];
    struct host_port at;
    bool then_asks; /* its LISTPEER came meanwhile */
    struct classic_claim *next;
};

static void claim(struct node *node, const char *name, const char *folded,
                  const struct host_port *at)
{
    const size_t row = ledger_claim(node, folded, NULL);
    struct effect *effect = ledger_effect(node, EFFECT_CLASSIC_CLAIMED);
    struct registrar *registrar = node->registrar;
    struct classic_claim *claim = xcalloc(1, sizeof *claim);

    claim->number = effect->number = ++registrar->last_claim;
    memcpy(claim->name, name, strlen(name) + 1);
    claim->at = *at;
    claim->next = registrar->claims;
    registrar->claims = claim;
    effect->row = row;
}

static struct classic_claim *take_claim(struct registrar *registrar, uint64_t number)
{
    struct classic_claim **link = &registrar->claims;

    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    struct classic_claim *claim = *link;
    must(claim != NULL);
    *link = claim->next;
    return claim;
}

void registrar_classic_done(struct registrar *registrar)
{
    while (registrar->claims != NULL)
        free(take_claim(registrar, registrar->claims->number));
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
        claim(node, name, folded, at);
    }
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

/* Whether its REGISTER is still being decided: then the list comes behind that. */
static bool asks_early(struct node *node, const char *name, const char *source)
{
    struct classic_claim *claim = node->registrar->claims;

    while (claim != NULL && (strcmp(claim->at.host, source) != 0 || !name_equal(claim->name, name)))
        claim = claim->next;
    if (claim != NULL)
        claim->then_asks = true;
    return claim != NULL;
}

static void asked(struct node *node, const char *name, const char *source)
{
    struct classic_entry *entry;

    if (asks_early(node, name, source) || (entry = speaker(node, name, source)) == NULL)
        return;
    classic_board_heard(&node->registrar->board, entry, node->now.mono);
    list(node, entry);
}

/* --- What the store says --- */

void registrar_classic_claimed(struct node *node, const struct effect *effect, enum error error)
{
    struct classic_claim *claim = take_claim(node->registrar, effect->number);
    char *folded = name_fold(claim->name);

    if (error == OK) /* once more: others registered since */
        error = classic_board_check(&node->registrar->board, folded, claim->at.host);
    if (error == OK)
        classic_board_put(&node->registrar->board, claim->name, folded, &claim->at, node->now.mono);
    answer(node, &claim->at, error == OK ? CLASSIC_REGISTER_SUCCESS : CLASSIC_REGISTER_ERROR);
    if (claim->then_asks)
        asked(node, claim->name, claim->at.host);
    free(folded);
    free(claim);
}

/* --- */

void registrar_classic_heard(struct node *node, const char *source,
                             const struct classic_object *object)
{
    struct classic_entry *entry;

    switch (object->type) {
    case CLASSIC_REGISTER:
        registering(node, object->name, &object->at);
        break;
    case CLASSIC_LISTPEER:
        asked(node, object->name, source);
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
