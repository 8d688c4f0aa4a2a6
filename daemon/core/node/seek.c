/* Contacts that have moved: "a contact that answers nowhere it was is asked for by its key". What
 * they show is the contact's own signed record, so that they can keep it from us but not lead us to
 * anybody else (p2pchat-protocol(7), The tracker). */
#include "daemon/core/node/lookup.h"

#include "daemon/core/node/hello.h"
#include "daemon/core/node/trackers.h"

static bool may_seek(const struct node *node, const struct contact *contact)
{
    size_t count = 0;

    for (const struct lookup *lookup = node->lookups; lookup != NULL; lookup = lookup->next)
        count += lookup->sought != 0;
    return count < SEEKS_MAX && !node->stopping && lookup_is_possible(node) &&
           mono_left_ms(node->now.mono, contact->next_seek) == 0;
}

void seek_contact(struct node *node, uint32_t peer)
{
    struct message_listpeer question = {.asks = ASKS_PEER_ID, .limit = 1};
    struct contact *contact = contacts_by_number(&node->contacts, peer);
    struct lookup *lookup;

    if (contact == NULL || contact->row.is_classic || !may_seek(node, contact) ||
        peer_key_init(&question.key, contact->row.key) != OK ||
        lookup_start(node, &question, &lookup) != OK)
        return;
    contact->next_seek = mono_after(node->now.mono, SEEK_MS);
    lookup->sought = peer;
    lookup_go(node, lookup);
}

void seek_looked_up(struct node *node, const struct lookup *lookup)
{
    struct contact *contact = contacts_by_number(&node->contacts, lookup->sought);
    char from[ADDRESS_HOST_PORT_MAX + 1];

    if (contact == NULL || lookup->entry_count == 0 || !lookup->entries[0].has_key)
        return;
    const struct lookup_entry *entry = &lookup->entries[0];
    const struct tracker *tracker = trackers_by_number(node, entry->tracker);
    const struct told_record told = {.bytes = entry->record,
                                     .length = entry->record_length,
                                     .is_local = entry->is_local,
                                     .from = from};
    if (tracker == NULL || entry->address_count == 0)
        return;
    host_port_format(&tracker->setting.address.at, from);
    if (hello_learn_record(node, contact, &told))
        dialler_news(&node->dialler, lookup->sought, node->now.mono);
}
