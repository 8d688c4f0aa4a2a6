/* What others may make us write: so much a minute of each kind, and the rest is counted. */
#include "daemon/core/node/ration.h"

#include "daemon/core/limits.h"
#include "daemon/core/node/ledger.h"

/* "at most one row a minute per kind and address block, with `suppressed`" */
bool ration_take(struct node *node, enum rationed kind, uint64_t block, uint64_t *ret_suppressed)
{
    struct ration *const rations = node->rations[kind], *oldest = &rations[0];

    for (size_t i = 0; i < RATIONS_MAX; i++) {
        struct ration *ration = &rations[i];
        if (ration->is_used && ration->block == block) {
            if (mono_left_ms(node->now.mono, mono_after(ration->last, RATION_MS)) > 0) {
                ration->suppressed++;
                return false;
            }
            *ret_suppressed = ration->suppressed;
            ration->suppressed = 0;
            ration->last = node->now.mono;
            return true;
        }
        if (!ration->is_used || (oldest->is_used && ration->last.ms < oldest->last.ms))
            oldest = ration;
    }
    /* More blocks than places within a minute: they share what the oldest has left. */
    if (oldest->is_used && mono_left_ms(node->now.mono, mono_after(oldest->last, RATION_MS)) > 0) {
        oldest->suppressed++;
        return false;
    }
    *oldest = (struct ration){.is_used = true, .block = block, .last = node->now.mono};
    *ret_suppressed = 0;
    return true;
}

bool ration_of_contact(struct node *node, struct contact_ration *ration, uint64_t *ret_suppressed)
{
    if (mono_left_ms(node->now.mono, ration->next) > 0) {
        ration->suppressed++;
        return false;
    }
    *ret_suppressed = ration->suppressed;
    *ration = (struct contact_ration){.next = mono_after(node->now.mono, RATION_MS)};
    return true;
}

bool ration_is_exceeded(const struct node *node, const struct contact_ration *ration)
{
    return ration->suppressed > 0 && mono_left_ms(node->now.mono, ration->next) > 0;
}

static const char *const reasons[DANGERS] = {
    [DANGER_NAME_CLAIMED] = "name_claimed",
    [DANGER_DATABASE_RESTORED] = "database_restored",
    [DANGER_CLONED_IDENTITY] = "cloned_identity",
};

/* Contacts are warned about each for itself, and of each danger for itself, so that nobody can hide
 * one warning behind another. */
static bool may_warn(struct node *node, enum danger danger, struct contact *concerned,
                     const char *address, uint64_t *ret_suppressed)
{
    struct host_port at;

    if (contact_is_stranger(concerned))
        return ration_take(
            node, RATIONED_WARNING,
            host_port_parse(address, PORT_ZERO_REFUSED, &at) == OK ? address_block(at.host) : 0,
            ret_suppressed);
    return ration_of_contact(node, &concerned->warnings[danger], ret_suppressed);
}

void ration_warn(struct node *node, enum danger danger, struct contact *concerned, uint32_t peer,
                 const char *address)
{
    const struct contact *contact = contacts_by_number(&node->contacts, peer);
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;
    uint64_t suppressed;

    node->totals.warnings++;
    if (!may_warn(node, danger, concerned, address, &suppressed))
        return;
    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_put_string(&w, "reason", reasons[danger]);
    json_put_string(&w, "address", address);
    json_put_integer(&w, "suppressed", (int64_t)suppressed);
    json_write_close(&w, '}');
    ledger_log(node, EVENT_SECURITY_WARNING, peer, &object);
    bytes_done(&object);
    if (contact != NULL && contact->row.is_classic)
        contact = NULL; /* its key is none */
    node_note(node, NOTE_WARNING, reasons[danger], contact != NULL ? contact->row.key : NULL,
              address, NULL)
        ->note.count = suppressed;
}
