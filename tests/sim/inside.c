/* What must be true inside a node at the end of each of its turns: bounds of memory, and nothing
 * left undone. */
#include "tests/sim/sim.h"

#include "daemon/core/limits.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/state.h"
#include "daemon/core/node/trackers.h"

static void check_contact(struct actor *actor, const struct contact *contact)
{
    const struct outbox *outbox = &contact->outbox;

    if (outbox->window_count > OUTBOX_WINDOW_MESSAGES + 2 * OUTBOX_AHEAD_MESSAGES ||
        outbox->window_bytes > OUTBOX_WINDOW_BYTES + 2 * OUTBOX_AHEAD_BYTES + MESSAGE_TEXT_MAX)
        sim_fail(actor->sim, "%s keeps %zu messages in memory", actor->name, outbox->window_count);
    if (outbox->flight_count > OUTBOX_WINDOW_MESSAGES || outbox->flight_bytes > OUTBOX_WINDOW_BYTES)
        sim_fail(actor->sim, "%s has %zu messages in flight", actor->name, outbox->flight_count);
    if (contact->session == NULL && outbox->window_count != 0)
        sim_fail(actor->sim, "%s keeps messages in memory without a link", actor->name);
    if (contact->inbox.pending_count > OUTBOX_WINDOW_MESSAGES)
        sim_fail(actor->sim, "%s has %zu messages on their way to the disk", actor->name,
                 contact->inbox.pending_count);
    if (contact->is_dirty)
        sim_fail(actor->sim, "%s leaves something undone", actor->name);
}

static const char *const consent_names[] = {"none",    "asked",  "was asked",
                                            "pending", "mutual", "ending"};

/* Consent and open requests tell the same story. */
static void check_story(struct actor *actor, const struct contact *contact)
{
    const struct requests *requests = &actor->node->requests;
    const bool we_ask = requests_pending(requests, contact->row.peer, DIRECTION_OUT) != NULL;
    const bool they_ask = requests_pending(requests, contact->row.peer, DIRECTION_IN) != NULL;
    bool is_good = true;

    switch (contact->row.consent) {
    case CONSENT_NONE:
    case CONSENT_MUTUAL:
    case CONSENT_ENDING:
        is_good = !we_ask && !they_ask;
        break;
    case CONSENT_ASKED:
        is_good = we_ask && !they_ask;
        break;
    case CONSENT_WAS_ASKED:
        is_good = they_ask && !we_ask;
        break;
    case CONSENT_PENDING: /* ours has crossed theirs, or there is none */
        is_good = !they_ask;
        break;
    }
    if (!is_good)
        sim_fail(actor->sim, "%s: consent of contact %u is %s, and requests are open:%s%s",
                 actor->name, contact->row.peer, consent_names[contact->row.consent],
                 we_ask ? " ours" : "", they_ask ? " theirs" : "");
}

/* Nothing is on its way to the disk: nothing counts as if it were. */
static void check_settled(struct actor *actor)
{
    const struct node *node = actor->node;

    if (node->unstored_bytes != 0)
        sim_fail(actor->sim, "%s counts %zu bytes as on their way to the disk", actor->name,
                 node->unstored_bytes);
    for (const struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next)
        if (c->unstored_count != 0 || c->unstored_bytes != 0 || c->inbox.pending_count != 0)
            sim_fail(actor->sim, "%s counts messages as on their way to the disk", actor->name);
}

/* A tracker holds one registration of a key at most, and nobody waits for a disk that is idle. */
static void check_registrar(struct actor *actor)
{
    const struct node *node = actor->node;
    const struct registrar *registrar = node->registrar;

    if (registrar->registry.count > actor->sim->actor_count)
        sim_fail(actor->sim, "%s has %u registrations", actor->name, registrar->registry.count);
    if (registrar->dial_back_count > actor->sim->actor_count)
        sim_fail(actor->sim, "%s dials %zu peers back", actor->name, registrar->dial_back_count);
    for (const struct session *s = node->sessions; s != NULL && node->flights == NULL;
         s = s->hh.next)
        if (s->is_claiming)
            sim_fail(actor->sim, "%s lets %s wait for nothing", actor->name, s->remote);
}

/* What clients wait for. */
static void check_questions(struct actor *actor)
{
    size_t lookups = 0, calls = 0;

    for (const struct lookup *l = actor->node->lookups; l != NULL; l = l->next)
        lookups++;
    for (const struct tracker_call *c = actor->node->tracker_calls; c != NULL; c = c->next)
        calls++;
    if (lookups > LOOKUPS_MAX || calls > TRACKER_CALLS_MAX)
        sim_fail(actor->sim, "%s has %zu look-ups and %zu calls under way", actor->name, lookups,
                 calls);
}

void check_bounds(struct actor *actor)
{
    const struct node *node = actor->node;

    if (node->registrar != NULL)
        check_registrar(actor);
    check_questions(actor);
    for (const struct contact *c = node->contacts.by_number; c != NULL; c = c->by_number.next) {
        check_contact(actor, c);
        check_story(actor, c);
    }
    if (node->flights == NULL)
        check_settled(actor);
    if (HASH_COUNT(node->sessions) > 2 * DOORMAN_UNPROVED_MAX + DOORMAN_STRANGERS_MAX)
        sim_fail(actor->sim, "%s has %u sessions", actor->name, HASH_COUNT(node->sessions));
    if (node->requests.count > 4 * REQUESTS_MAX)
        sim_fail(actor->sim, "%s keeps %zu requests", actor->name, node->requests.count);
    if (node->unstored_bytes > UNSTORED_BYTES_MAX)
        sim_fail(actor->sim, "%s has %zu bytes on their way to the disk", actor->name,
                 node->unstored_bytes);
    if (node->open != NULL || node->dirty_sessions != NULL ||
        (node->ready != NULL && node->flights == NULL))
        sim_fail(actor->sim, "%s leaves something undone", actor->name);
}
