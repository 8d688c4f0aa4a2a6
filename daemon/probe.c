#include "daemon/probe.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/limits.h"
#include "daemon/resolve.h"

struct place {
    struct probes *probes;
    struct socket_address address;
    int fd;                      /* -1: not under way */
    struct socket_address local; /* our end of it */
    int error;
    struct event connected;
    STAILQ_ENTRY(place) next;
};

static const sa_family_t families[] = {AF_INET6, AF_INET};

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

struct half {
    struct name *name;
    struct lookup *lookup; /* NULL: not asked, or answered */
    enum error error;
};

struct name {
    struct probes *probes;
    char *text;
    struct half halves[FAMILIES];
    struct host_port found; /* an address of it; "": none */
    STAILQ_ENTRY(name) next;
};

struct probes {
    struct event_base *base;
    struct resolver *resolver;
    STAILQ_HEAD(, place) places;
    STAILQ_HEAD(, name) names;
    size_t awaited;
    struct event over; /* all is known, or the time is over */
    void (*done)(void *context);
    void *context;
};

/* --- What was found --- */

static struct place *find_place(const struct probes *probes, const struct socket_address *address)
{
    struct place *place;

    STAILQ_FOREACH(place, &probes->places, next)
    {
        if (socket_address_equal(&place->address, address))
            return place;
    }
    return NULL;
}

static struct name *find_name(const struct probes *probes, const char *text)
{
    struct name *name;

    STAILQ_FOREACH(name, &probes->names, next)
    {
        if (strcmp(name->text, text) == 0)
            return name;
    }
    return NULL;
}

int probes_at_place(const struct probes *probes, const struct socket_address *address)
{
    const struct place *place = find_place(probes, address);

    must(place != NULL);
    return place->error;
}

bool probes_has_name(const struct probes *probes, const char *text)
{
    return find_name(probes, text) != NULL;
}

enum error probes_of_name(const struct probes *probes, const char *text,
                          struct host_port *ret_found)
{
    const struct name *name = find_name(probes, text);

    must(name != NULL);
    if (name->found.host[0] != '\0') {
        *ret_found = name->found;
        return OK;
    }
    for (size_t i = 0; i < FAMILIES; i++) {
        if (name->halves[i].error != ERR_NOT_FOUND)
            return ERR_TIMED_OUT;
    }
    return ERR_NOT_FOUND;
}

/* --- Under way --- */

static void await(struct probes *probes)
{
    probes->awaited++;
}

/* One is known. */
static void settle(struct probes *probes)
{
    static const struct timeval at_once = {0};

    if (--probes->awaited == 0)
        evtimer_add(&probes->over, &at_once);
}

static void leave(struct place *place)
{
    if (place->fd < 0)
        return;
    event_del(&place->connected);
    close(place->fd);
    place->fd = -1;
}

static void end(struct place *place, int error)
{
    place->error = error;
    leave(place);
    settle(place->probes);
}

/* One that is connected waits until it is accepted, too: the system connects by itself. */
static void on_connected(evutil_socket_t fd, short events, void *context)
{
    struct place *place = context;
    int error = 0;
    socklen_t length = sizeof(error);

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        error = errno;
    if (error != 0)
        end(place, error);
}

bool probes_meet(struct probes *probes, const struct socket_address *remote)
{
    struct place *place;

    STAILQ_FOREACH(place, &probes->places, next)
    {
        if (place->fd >= 0 && socket_address_equal(&place->local, remote)) {
            end(place, 0);
            return true;
        }
    }
    return false;
}

/* Where the connection comes from. False and errno when the system does not say. */
static bool find_local(struct place *place)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof(local);

    if (getsockname(place->fd, (struct sockaddr *)&local, &length) < 0)
        return false;
    must(socket_address_from((const struct sockaddr *)&local, &place->local)); /* as it was made */
    return true;
}

static void connect_to(struct place *place)
{
    const struct socket_address *to = &place->address;
    int fd = socket(socket_address_family(to), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    place->fd = fd;
    if (fd < 0) {
        place->error = errno;
        return;
    }
    event_assign(&place->connected, place->probes->base, fd, EV_WRITE, on_connected, place);
    /* A socket that is connected at once is writable at once. */
    if ((connect(fd, &to->any, socket_address_length(to)) < 0 && errno != EINPROGRESS) ||
        !find_local(place)) {
        place->error = errno;
        leave(place);
        return;
    }
    await(place->probes);
    event_add(&place->connected, NULL);
}

static void on_resolved(void *context, enum error error, const struct socket_address *addresses,
                        size_t count)
{
    struct half *half = context;
    struct name *name = half->name;

    half->lookup = NULL;
    half->error = error;
    if (error == OK && count > 0)
        socket_address_format(&addresses[0], &name->found);
    settle(name->probes);
}

static void look_up(struct name *name)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        await(name->probes);
        name->halves[i] = (struct half){.name = name, .error = ERR_TIMED_OUT};
        name->halves[i].lookup = resolver_ask(name->probes->resolver, name->text, families[i],
                                              on_resolved, &name->halves[i]);
    }
}

static void stop(struct probes *probes)
{
    struct place *place;
    struct name *name;

    event_del(&probes->over);
    STAILQ_FOREACH(place, &probes->places, next)
    leave(place);
    STAILQ_FOREACH(name, &probes->names, next)
    {
        for (size_t i = 0; i < FAMILIES; i++) {
            if (name->halves[i].lookup != NULL)
                lookup_cancel(name->halves[i].lookup);
            name->halves[i].lookup = NULL;
        }
    }
}

static void on_over(evutil_socket_t fd, short events, void *context)
{
    struct probes *probes = context;

    (void)fd;
    (void)events;
    stop(probes);
    probes->done(probes->context);
}

void probes_begin(struct probes *probes, void (*done)(void *context), void *context)
{
    static const struct timeval time = {.tv_sec = PROBES_MS / 1000,
                                        .tv_usec = PROBES_MS % 1000 * 1000};
    struct place *place;
    struct name *name;

    probes->done = done;
    probes->context = context;
    evtimer_add(&probes->over, &time);
    await(probes); /* it is not over before all have begun */
    STAILQ_FOREACH(place, &probes->places, next)
    connect_to(place);
    STAILQ_FOREACH(name, &probes->names, next)
    look_up(name);
    settle(probes);
}

/* --- Beginning and end --- */

struct probes *probes_new(struct event_base *base, struct resolver *resolver)
{
    struct probes *probes = xcalloc(1, sizeof(*probes));

    probes->base = base;
    probes->resolver = resolver;
    STAILQ_INIT(&probes->places);
    STAILQ_INIT(&probes->names);
    evtimer_assign(&probes->over, base, on_over, probes);
    return probes;
}

void probes_add_place(struct probes *probes, const struct socket_address *address)
{
    struct place *place;

    if (find_place(probes, address) != NULL)
        return;
    place = xcalloc(1, sizeof(*place));
    *place = (struct place){.probes = probes, .address = *address, .fd = -1, .error = ETIMEDOUT};
    STAILQ_INSERT_TAIL(&probes->places, place, next);
}

void probes_add_name(struct probes *probes, const char *text)
{
    struct name *name;

    if (find_name(probes, text) != NULL)
        return;
    name = xcalloc(1, sizeof(*name));
    *name = (struct name){.probes = probes, .text = xstrdup(text)};
    STAILQ_INSERT_TAIL(&probes->names, name, next);
}

void probes_free(struct probes *probes)
{
    struct place *place;
    struct name *name;

    if (probes == NULL)
        return;
    stop(probes);
    while ((place = STAILQ_FIRST(&probes->places)) != NULL) {
        STAILQ_REMOVE_HEAD(&probes->places, next);
        free(place);
    }
    while ((name = STAILQ_FIRST(&probes->names)) != NULL) {
        STAILQ_REMOVE_HEAD(&probes->names, next);
        free(name->text);
        free(name);
    }
    free(probes);
}
