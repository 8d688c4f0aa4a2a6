/* What stands between a message and a peer, for whoever wonders why it does not arrive. */
#include "daemon/core/chat/outbox.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/state.h"

static void look_at_request(const struct node *node, const struct contact *contact, struct now now,
                            struct node_peer_state *state)
{
    const uint32_t peer = contact->row.peer;
    const struct request *request = requests_pending(&node->requests, peer, DIRECTION_IN);

    if (request == NULL)
        request = requests_pending(&node->requests, peer, DIRECTION_OUT);
    if (request == NULL)
        return;
    state->request = request->row.request;
    state->direction = request->row.direction;
    state->request_left_ms = mono_left_ms(now.mono, request->timer.at);
}

static void look_at_dials(const struct node *node, const struct contact *contact, struct now now,
                          struct node_peer_state *state)
{
    const struct mono due = dialler_due(&node->dialler, contact->row.peer);
    struct dial_address addresses[DIAL_ADDRESSES_MAX];

    state->is_being_dialled = dialler_is_dialling(&node->dialler, contact->row.peer);
    state->is_wanted = due.ms != MONO_NEVER.ms;
    state->next_dial_ms = mono_left_ms(now.mono, due);
    state->tried = contact->tried.found;
    state->met = contact->tried.met;
    state->tried_ms = mono_left_ms(contact->tried.at, now.mono);
    if (!contact->row.is_classic) {
        state->address_count = dial_addresses(contact, addresses, DIAL_ADDRESSES_MAX);
        for (size_t i = 0; i < state->address_count; i++)
            state->addresses[i] = addresses[i].at;
    } else if (contact->row.address != NULL &&
               host_port_parse(contact->row.address, PORT_ZERO_REFUSED, &state->addresses[0]) ==
                   OK) {
        state->address_count = 1;
    }
}

static void look_at_record(const struct contact *contact, struct now now,
                           struct node_peer_state *state)
{
    struct peer_record record;

    if (contact->row.is_classic || contact->row.record == NULL ||
        peer_record_decode(contact->row.record, contact->row.record_length, &record) != OK)
        return;
    const enum peer_record_validity validity = peer_record_validity(&record, now.unix_ms);
    state->record_issued_ms = record.issued_ms;
    state->is_record_ahead = validity == PEER_RECORD_AHEAD;
    state->is_record_expired = validity == PEER_RECORD_EXPIRED;
}

/* Nine tenths, or more. */
static bool is_near(uint64_t value, uint64_t max)
{
    return value >= max - max / 10;
}

bool node_peer_state(const struct node *node, uint32_t peer, struct now now,
                     struct node_peer_state *ret_state)
{
    const struct contact *contact = contacts_by_number(&node->contacts, peer);
    struct node_peer_state state = {.request = 0};

    if (contact == NULL)
        return false;
    state.consent = contact->row.consent;
    state.is_removed = contact->row.alias == NULL;
    state.is_blocked = contact->row.blocked;
    state.is_verified = contact->row.verified;
    state.is_classic = contact->row.is_classic;
    state.last_seen_ms = contact->row.last_seen_ms;
    state.is_online = contact->session != NULL || contact->talk.is_online;
    if (contact->session != NULL) {
        state.remote = contact->session->remote;
        state.up_ms = mono_left_ms(contact->session->since, now.mono);
    }
    state.queued = outbox_queued(&contact->outbox);
    state.queued_bytes = outbox_queued_bytes(&contact->outbox);
    state.is_queue_low_on_room = is_near(state.queued, node->outbox_messages_max) ||
                                 is_near(state.queued_bytes, node->outbox_bytes_max);
    state.is_queue_full =
        state.queued >= node->outbox_messages_max || state.queued_bytes >= node->outbox_bytes_max;
    look_at_request(node, contact, now, &state);
    look_at_dials(node, contact, now, &state);
    look_at_record(contact, now, &state);
    *ret_state = state;
    return true;
}
