#include "daemon/core/node/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/trackers.h"

static void set_addresses(struct node *node, const struct host_port *addresses, size_t count)
{
    struct host_port *copy = xmemdup(addresses, count * sizeof *addresses);

    free(node->addresses);
    node->addresses = copy;
    node->address_count = count;
}

void settings_listened(struct node *node, const struct host_port *addresses, size_t count)
{
    free(node->listened);
    node->listened = xmemdup(addresses, count * sizeof *addresses);
    node->listened_count = count;
    if (!node->is_advertised)
        set_addresses(node, addresses, count);
}

void settings_take(struct node *node, const struct node_settings *settings)
{
    free(node->name);
    node->name = xstrdup(settings->name);
    node->request_timeout_ms = settings->request_timeout_ms;
    node->outbox_messages_max = settings->outbox_messages_max;
    node->outbox_bytes_max = settings->outbox_bytes_max;
    node->dialect.long_text = settings->classic.long_text;
    free(node->accept_from);
    node->accept_from = xmemdup(settings->accept_from, settings->accept_from_count * KEY_LENGTH);
    node->accept_from_count = settings->accept_from_count;
    node->is_advertised = settings->advertise_count > 0;
    if (node->is_advertised)
        set_addresses(node, settings->advertise, settings->advertise_count);
    else
        set_addresses(node, node->listened, node->listened_count);
}

void settings_done(struct node *node)
{
    free(node->listened);
    free(node->addresses);
    free(node->accept_from);
    free(node->name);
}

static bool are_advertised(const struct node *node, const struct node_settings *settings)
{
    const struct host_port *new = settings->advertise;

    if (!node->is_advertised || settings->advertise_count == 0)
        return !node->is_advertised && settings->advertise_count == 0;
    if (node->address_count != settings->advertise_count)
        return false;
    for (size_t i = 0; i < node->address_count; i++)
        if (node->addresses[i].port != new[i].port ||
            strcmp(node->addresses[i].host, new[i].host) != 0)
            return false;
    return true;
}

/* A name that was registered stands above that of the configuration. */
static bool is_called(const struct node *node, const char *name)
{
    return node->own_name != NULL || strcmp(node->name, name) == 0;
}

void settings_input(struct node *node, const struct node_settings *settings)
{
    const bool is_same_record = are_advertised(node, settings) && is_called(node, settings->name);

    settings_take(node, settings);
    consent_accept_listed(node);
    if (!is_same_record) {
        registration_advertised(node);
        hello_new_record(node);
    }
    if (node->role == ROLE_NODE)
        trackers_reconfigure(node, settings->trackers, settings->tracker_count);
}
