#include "daemon/status_line.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/limits.h"
#include "daemon/pump.h"
#include "daemon/service.h"

struct status_line {
    struct pump *pump;
    struct event *timer; /* pending: something may have changed since `told` */
    struct mono due;     /* before that it is not looked at again */
    char told[STATUS_LINE_MAX];
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void status_line_compose(enum node_role role, const struct node_counts *counts,
                         const struct disk_state *disk, char ret_line[STATUS_LINE_MAX])
{
    const char *state = store_state_name(disk->state);
    const char *colon = disk->silence[0] != '\0' ? ": " : "";

    switch (role) {
    case ROLE_NODE:
        snprintf(ret_line, STATUS_LINE_MAX,
                 "%zu link%s, %zu contact%s, %" PRIu64 " queued; log %s%s%s", counts->links,
                 plural(counts->links), counts->contacts, plural(counts->contacts), counts->queued,
                 state, colon, disk->silence);
        break;
    case ROLE_TRACKER:
        snprintf(ret_line, STATUS_LINE_MAX, "%zu link%s, %zu registered; log %s%s%s", counts->links,
                 plural(counts->links), counts->registered, state, colon, disk->silence);
        break;
    }
}

static void look(struct status_line *line, char ret_line[STATUS_LINE_MAX])
{
    struct pump *pump = line->pump;
    const struct node_counts counts = node_counts(pump->node);
    struct disk_state disk;

    line->due = mono_after(pump_now(pump).mono, STATUS_LINE_MS);
    disk_state_look(pump, &disk);
    status_line_compose(pump->facts->role, &counts, &disk, ret_line);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct status_line *line = context;
    char now[STATUS_LINE_MAX];

    (void)fd;
    (void)events;
    if (line->pump->is_stopping)
        return; /* that is what there is to be told */
    look(line, now);
    if (strcmp(now, line->told) == 0)
        return;
    memcpy(line->told, now, sizeof(now));
    service_status(now);
}

struct status_line *status_line_new(struct pump *pump)
{
    struct status_line *line;

    if (!service_is_heard())
        return NULL;
    line = xcalloc(1, sizeof(*line));
    line->pump = pump;
    line->timer = evtimer_new(pump->base, on_timer, line);
    must(line->timer != NULL);
    return line;
}

void status_line_free(struct status_line *line)
{
    if (line == NULL)
        return;
    event_free(line->timer);
    free(line);
}

void status_line_ready(struct status_line *line)
{
    if (line == NULL)
        return;
    look(line, line->told);
    service_ready(line->told);
}

void status_line_touch(struct status_line *line)
{
    if (line != NULL && !evtimer_pending(line->timer, NULL))
        pump_arm(line->pump, line->timer, line->due);
}
