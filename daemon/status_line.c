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

/* What systemd is to be told, until it has taken it. */
enum owed { OWED_CHANGES, OWED_READY, OWED_STOPPING, OWED_NOTHING };

struct status_line {
    struct pump *pump;
    enum owed owed;
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

/* Whether it was taken; `ret_left` is owed then. */
static bool say(const struct status_line *line, const char *now, enum owed *ret_left)
{
    bool is_taken = true;

    switch (line->owed) {
    case OWED_CHANGES:
        is_taken = strcmp(now, line->told) == 0 || service_status(now);
        *ret_left = OWED_CHANGES;
        break;
    case OWED_READY:
        is_taken = service_ready(now);
        *ret_left = OWED_CHANGES;
        break;
    case OWED_STOPPING:
        is_taken = service_stopping();
        *ret_left = OWED_NOTHING;
        break;
    case OWED_NOTHING:
        *ret_left = OWED_NOTHING;
        break;
    }
    return is_taken;
}

static void tell(struct status_line *line)
{
    char now[STATUS_LINE_MAX];
    enum owed left;

    look(line, now);
    if (!say(line, now, &left)) {
        status_line_touch(line); /* and again */
        return;
    }
    line->owed = left;
    memcpy(line->told, now, sizeof(now));
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    tell(context);
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

static void owe(struct status_line *line, enum owed owed)
{
    if (line == NULL || line->owed >= OWED_STOPPING) /* the end is the last word */
        return;
    line->owed = owed;
    tell(line);
}

void status_line_ready(struct status_line *line)
{
    owe(line, OWED_READY);
}

void status_line_stopping(struct status_line *line)
{
    owe(line, OWED_STOPPING);
}

void status_line_touch(struct status_line *line)
{
    if (line != NULL && !evtimer_pending(line->timer, NULL))
        pump_arm(line->pump, line->timer, line->due);
}
