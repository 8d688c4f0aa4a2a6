#include "daemon/status_line.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/pump.h"
#include "daemon/service.h"

struct status_line {
    struct pump *pump;
    struct event *timer; /* pending: something may have changed since `told` */
    char told[STATUS_LINE_MAX];
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void status_line_compose(enum node_role role, const struct node_counts *counts,
                         enum store_state state, char ret_line[STATUS_LINE_MAX])
{
    switch (role) {
    case ROLE_NODE:
        snprintf(ret_line, STATUS_LINE_MAX, "%zu link%s, %zu contact%s, %" PRIu64 " queued; log %s",
                 counts->links, plural(counts->links), counts->contacts, plural(counts->contacts),
                 counts->queued, store_state_name(state));
        break;
    case ROLE_TRACKER:
        snprintf(ret_line, STATUS_LINE_MAX, "%zu link%s, %zu registered; log %s", counts->links,
                 plural(counts->links), counts->registered, store_state_name(state));
        break;
    }
}

static void compose_now(const struct status_line *line, char ret_line[STATUS_LINE_MAX])
{
    const struct pump *pump = line->pump;
    const struct node_counts counts = node_counts(pump->node);

    status_line_compose(pump->facts->role, &counts, store_state(pump->store), ret_line);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct status_line *line = context;
    char now[STATUS_LINE_MAX];

    (void)fd;
    (void)events;
    if (line->pump->is_stopping)
        return; /* that is what there is to be told */
    compose_now(line, now);
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
    compose_now(line, line->told);
    service_ready(line->told);
}

void status_line_touch(struct status_line *line)
{
    const struct timeval rest = {.tv_sec = STATUS_LINE_MS / 1000};

    if (line != NULL && !evtimer_pending(line->timer, NULL))
        evtimer_add(line->timer, &rest);
}
