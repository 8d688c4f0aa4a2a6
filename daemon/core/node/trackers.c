/* Our own registrations with trackers. */
#include "daemon/core/node/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/table.h"

static struct tracker *tracker_of(const struct node *node, const char *address)
{
    struct tracker *tracker;

    HASH_FIND_STR(node->trackers, address, tracker);
    return tracker;
}

const struct tracker_row *trackers_row(const struct node *node, const char *address)
{
    const struct tracker *tracker = tracker_of(node, address);

    return tracker != NULL ? &tracker->row : NULL;
}

void trackers_put_row(struct node *node, const struct tracker_row *row)
{
    struct tracker *tracker = tracker_of(node, row->address);
    char *address;

    if (tracker == NULL) {
        tracker = xcalloc(1, sizeof *tracker);
        tracker->row.address = xstrdup(row->address);
        HASH_ADD_KEYPTR(hh, node->trackers, tracker->row.address, strlen(row->address), tracker);
    }
    address = tracker->row.address; /* the table's key: stays where it is */
    tracker->row = *row;
    tracker->row.address = address;
}

void trackers_remove_row(struct node *node, const char *address)
{
    struct tracker *tracker = tracker_of(node, address);

    if (tracker == NULL)
        return;
    HASH_DELETE(hh, node->trackers, tracker);
    tracker_row_done(&tracker->row);
    free(tracker);
}

void trackers_undone(struct node *node)
{
    (void)node;
}

void trackers_done(struct node *node)
{
    while (node->trackers != NULL)
        trackers_remove_row(node, node->trackers->row.address);
    free(node->own_name);
}
