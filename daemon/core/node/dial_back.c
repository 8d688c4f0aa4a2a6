/* Dials back: a tracker dials a peer that registered once, at the address that its link comes from.
 * The peer sees that somebody with its tracker's key comes in, and knows that it can be reached
 * there. Nobody else's address is ever dialled, or others could have us knock anywhere. */
#include "daemon/core/node/registrar.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/node/dial.h"

struct dial_back {
    uint64_t dial;
    struct timer timer; /* first: found by it */
    struct dial_back *next;
};

/* "With the port of the address that has that host, else of its first one." */
static uint16_t port_for(const struct peer_record *record, const char *host)
{
    for (size_t i = 0; i < record->address_count; i++)
        if (strcmp(record->addresses[i].host, host) == 0)
            return record->addresses[i].port;
    return record->addresses[0].port;
}

bool dial_back_start(struct node *node, const struct session *session,
                     const struct peer_record *record)
{
    struct registrar *registrar = node->registrar;
    struct dial_address to = {.at = registrar_source(session)};
    struct dial_back *dial_back;

    if (record->address_count == 0)
        return true; /* there is nothing to be seen */
    if (registrar->dial_back_count == DIAL_BACKS_MAX)
        return false;
    to.at.port = port_for(record, to.at.host);
    if (!dial_may_knock(node, &to.at))
        return false;
    dial_back = xcalloc(1, sizeof *dial_back);
    dial_back->dial = dial_start(node, 0, session->key, &to, 1);
    dial_back->timer.kind = TIMER_DIAL_BACK;
    timers_set(&node->timers, &dial_back->timer, mono_after(node->now.mono, DIAL_BACK_MS));
    dial_back->next = registrar->dial_backs;
    registrar->dial_backs = dial_back;
    registrar->dial_back_count++;
    return true;
}

static struct dial_back **find(struct registrar *registrar, uint64_t dial)
{
    struct dial_back **link = &registrar->dial_backs;

    while (*link != NULL && (*link)->dial != dial)
        link = &(*link)->next;
    return link;
}

bool dial_back_is(const struct node *node, uint64_t dial)
{
    return node->registrar != NULL && dial != 0 && *find(node->registrar, dial) != NULL;
}

static void forget(struct node *node, struct dial_back **link)
{
    struct dial_back *dial_back = *link;

    *link = dial_back->next;
    timers_stop(&node->timers, &dial_back->timer);
    free(dial_back);
    node->registrar->dial_back_count--;
}

void dial_back_over(struct node *node, uint64_t dial)
{
    if (dial_back_is(node, dial))
        forget(node, find(node->registrar, dial));
}

/* One that has a carrier already ends by itself: its other end has to prove its key. */
void dial_back_expire(struct node *node, struct timer *timer)
{
    struct dial_back *dial_back =
        (struct dial_back *)((char *)timer - offsetof(struct dial_back, timer));

    if (dial_cancel(node, dial_back->dial))
        forget(node, find(node->registrar, dial_back->dial));
}

void dial_back_done(struct node *node)
{
    while (node->registrar->dial_backs != NULL)
        forget(node, &node->registrar->dial_backs);
}
