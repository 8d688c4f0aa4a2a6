/* Dials: to whom, where, and what becomes of them until a carrier has proved to be worth something.
 * When a contact is dialled is the dialler's matter. */
#include "daemon/core/node/dial.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/lookup.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/overlay/peer_record.h"

struct dial *dial_take(struct node *node, uint64_t number)
{
    for (struct dial **link = &node->dials; *link != NULL; link = &(*link)->next) {
        struct dial *dial = *link;
        if (dial->number != number)
            continue;
        *link = dial->next;
        return dial;
    }
    return NULL;
}

static void fail_attempts(struct node *node, uint64_t dial, const char *message)
{
    for (struct attempt *attempt = node->attempts, *next; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->dial == dial)
            call_attempt_failed(node, attempt, ERR_UNREACHABLE, message);
    }
}

void dial_note_found(struct node *node, uint32_t peer, const char *found, enum dial_met met)
{
    struct contact *contact = contacts_by_number(&node->contacts, peer);

    if (contact != NULL && contact->session == NULL)
        contact_note_tried(contact, found, met, node->now.mono);
}

void dial_proved_nothing(struct node *node, uint64_t dial, uint32_t peer, const char *message,
                         enum dial_met met)
{
    if (dial != 0)
        fail_attempts(node, dial, message);
    if (peer != 0)
        dialler_failed(&node->dialler, peer, node->now.mono);
    if (message != NULL)
        dial_note_found(node, peer, message, met);
    dial_back_over(node, dial);
    if (trackers_is_number(peer))
        trackers_unreached(node, peer, message, met);
    else if (peer != 0)
        seek_contact(node, peer);
}

uint64_t dial_start(struct node *node, uint32_t peer, const uint8_t *key,
                    const struct dial_address *addresses, size_t count)
{
    struct dial *dial = xcalloc(1, sizeof *dial);
    const void *memory;

    dial->number = ++node->last_dial;
    dial->peer = peer;
    dial->has_key = key != NULL;
    if (key != NULL)
        memcpy(dial->key, key, KEY_LENGTH);
    dial->next = node->dials;
    node->dials = dial;
    struct action *action =
        node_act(node, ACTION_DIAL, addresses, count * sizeof *addresses, &memory);
    action->dial.dial = dial->number;
    action->dial.addresses = memory;
    action->dial.count = count;
    return dial->number;
}

void dial_failed(struct node *node, uint64_t number, const char *why)
{
    struct dial *dial = dial_take(node, number);

    if (dial == NULL)
        return;
    dial_proved_nothing(node, dial->number, dial->peer, why, dial->met);
    free(dial);
}

static void forget(struct node *node, struct dial *dial)
{
    node_act(node, ACTION_DIAL_CANCEL, NULL, 0, NULL)->dial_cancel.dial = dial->number;
    free(dial);
}

void dial_worthless(struct node *node, struct dial *dial)
{
    dial_proved_nothing(node, dial->number, dial->peer, NULL, dial->met);
    forget(node, dial);
}

/* --- What was won --- */

void dial_settled(struct node *node, struct session *session)
{
    if (session->opened == NULL)
        return;
    forget(node, session->opened);
    session->opened = NULL;
}

/* Whether anybody still waits for what the dial may find. */
static bool is_awaited(const struct node *node, const struct dial *dial)
{
    for (const struct attempt *attempt = node->attempts; attempt != NULL; attempt = attempt->next)
        if (attempt->dial == dial->number)
            return true;
    return dial->peer != 0 && dialler_is_dialling(&node->dialler, dial->peer);
}

/* The other side does not say which of the two keys it was. */
static const char *or_network_key(const struct node *node)
{
    return node->link_settings.network_key != NULL ? ", or has not our p2pchat.network-key"
                                                   : ", or wants a p2pchat.network-key";
}

static enum dial_met met_at(enum link_end why)
{
    if (why == LINK_END_SELF)
        return DIAL_MET_OURSELVES;
    return why == LINK_END_TIMEOUT ? DIAL_MET_NOBODY : DIAL_MET_OTHER;
}

/* What is to be said of an address where a carrier was won and nothing proved, behind its name;
 * ends with a NUL. */
static void write_found(const struct node *node, const struct dial *dial, enum link_end why,
                        const char *remote, struct bytes *text)
{
    const struct contact *contact =
        dial->has_key ? contacts_by_key(&node->contacts, dial->key) : NULL;
    char peer_id[PEER_ID_LENGTH + 1];

    if (why == LINK_END_SELF) {
        bytes_text(text, "is this node itself");
    } else if (why == LINK_END_TIMEOUT) {
        bytes_text(text, "takes the connection and says nothing");
    } else if (!dial->has_key) {
        bytes_text(text, "answers, but not as a node of p2pchat does");
        bytes_text(text, or_network_key(node));
        if (node->dialect.is_on && dial->peer == 0) {
            bytes_text(text, " (a program of the classic dialect is asked with classic:");
            bytes_text(text, remote);
            bytes_text(text, ")");
        }
    } else {
        peer_id_encode(dial->key, peer_id);
        bytes_text(text, "answers, but does not prove the key of ");
        bytes_text(text,
                   contact != NULL && contact->row.alias != NULL ? contact->row.alias : peer_id);
        bytes_text(text, or_network_key(node));
    }
    bytes_append(text, "", 1);
}

void dial_goes_on(struct node *node, struct session *session, enum link_end why)
{
    struct dial *dial = session->opened;
    struct bytes text = BYTES_EMPTY;
    const void *memory;

    session->opened = NULL;
    if (node->stopping || !is_awaited(node, dial)) {
        dial_worthless(node, dial);
        return;
    }
    dial->next = node->dials;
    node->dials = dial;
    if (met_at(why) > dial->met)
        dial->met = met_at(why);
    write_found(node, dial, why, session->remote, &text);
    struct action *action =
        node_act(node, ACTION_DIAL_GO_ON, bytes_data(&text), bytes_length(&text), &memory);
    action->dial_go_on.dial = dial->number;
    action->dial_go_on.found = memory;
    bytes_done(&text);
}

void dial_came_to_nothing(struct node *node, const struct session *session, enum link_end why)
{
    struct bytes text = BYTES_EMPTY;

    bytes_text(&text, session->remote);
    bytes_text(&text, " proves its key, but the link ended at once (");
    bytes_text(&text, link_end_name(why));
    bytes_append(&text, ")", 2);
    dial_note_found(node, session->dialled_peer, (const char *)bytes_data(&text), DIAL_MET_NOBODY);
    bytes_done(&text);
    dial_proved_nothing(node, session->dial, session->dialled_peer, NULL, DIAL_MET_NOBODY);
}

/* The user who asked for a dial is gone. */
bool dial_cancel(struct node *node, uint64_t number)
{
    struct dial *dial = number != 0 ? dial_take(node, number) : NULL;

    if (dial == NULL) {
        classic_cancel(node, number);
        return false;
    }
    forget(node, dial);
    return true;
}

static bool is_among(const struct host_port *at, const struct dial_address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (at->port == addresses[i].at.port && strcmp(at->host, addresses[i].at.host) == 0)
            return true;
    return false;
}

/* p2pchat-protocol(7), Peer records: "Loopback, link-local and multicast addresses count only if
 * learnt over such a link" */
void dial_add_told(struct dial_address *addresses, size_t *count, size_t max,
                   const struct host_port *told, bool is_local)
{
    if (*count < max && (is_local || !host_is_local(told->host)) &&
        !is_among(told, addresses, *count))
        addresses[(*count)++] = (struct dial_address){.at = *told, .not_local = !is_local};
}

/* Where we dialled it before, then what its record says. */
size_t dial_addresses(const struct contact *contact, struct dial_address *addresses, size_t max)
{
    struct peer_record record;
    struct host_port given;
    size_t count = 0;

    if (max > 0 && contact->row.address != NULL &&
        host_port_parse(contact->row.address, PORT_ZERO_REFUSED, &given) == OK)
        addresses[count++] = (struct dial_address){.at = given};
    if (contact->row.record == NULL ||
        peer_record_decode(contact->row.record, contact->row.record_length, &record) != OK)
        return count;
    for (size_t i = 0; i < record.address_count; i++)
        dial_add_told(addresses, &count, max, &record.addresses[i], contact->row.is_local);
    return count;
}

/* "At most one dial a minute per destination": a record may name anybody's address, so nobody can
 * have us knock there without end. */
bool dial_may_knock(struct node *node, const struct host_port *at)
{
    const size_t sets = RECENT_DIALS_MAX / RECENT_DIALS_SET;
    char text[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(at, text);
    const uint64_t hash = hash_bytes(&node->hash_key, text, strlen(text));
    struct recent_dial *set = &node->recent_dials[hash % sets * RECENT_DIALS_SET], *oldest = set;
    for (size_t i = 0; i < RECENT_DIALS_SET; i++) {
        if (set[i].hash == hash && mono_left_ms(node->now.mono, set[i].until) > 0)
            return false;
        if (set[i].until.ms < oldest->until.ms)
            oldest = &set[i];
    }
    *oldest =
        (struct recent_dial){.hash = hash, .until = mono_after(node->now.mono, RECENT_DIAL_MS)};
    return true;
}

/* What the user gave is dialled as often as it is due. */
static size_t drop_recent(struct node *node, const struct contact *contact,
                          struct dial_address *addresses, size_t count)
{
    size_t kept = 0;
    char text[ADDRESS_HOST_PORT_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        host_port_format(&addresses[i].at, text);
        const bool is_users =
            contact->row.address != NULL && strcmp(contact->row.address, text) == 0;
        if (is_users || dial_may_knock(node, &addresses[i].at))
            addresses[kept++] = addresses[i];
    }
    return kept;
}

void dial_due(struct node *node)
{
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    uint32_t peer;

    while (dialler_next(&node->dialler, node->now.mono, &peer)) {
        if (trackers_is_number(peer)) {
            trackers_dial(node, peer);
            continue;
        }
        struct contact *contact = contacts_by_number(&node->contacts, peer);
        must(contact != NULL);
        if (contact->row.is_classic) {
            classic_talk_due(node, contact);
            continue;
        }
        size_t count = dial_addresses(contact, addresses, DIAL_ADDRESSES_MAX);
        if (count == 0)
            dial_note_found(node, peer, "no address is known where it could be", DIAL_MET_NOBODY);
        count = drop_recent(node, contact, addresses, count);
        if (count == 0)
            dial_proved_nothing(node, 0, peer, NULL, DIAL_MET_NOBODY);
        else
            dial_start(node, peer, contact->row.key, addresses, count);
    }
}
