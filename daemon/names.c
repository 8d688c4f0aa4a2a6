#include "daemon/names.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/alloc.h"
#include "daemon/limits.h"
#include "daemon/pump.h"
#include "daemon/resolve.h"

static const sa_family_t families[] = {AF_INET6, AF_INET};

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

_Static_assert(RESOLVED_MAX >= FAMILIES * DIAL_PER_ANSWER_MAX, "all answers fit");

struct half {
    struct question *question;
    struct lookup *lookup; /* NULL: not asked, or answered */
};

struct question {
    struct names *names;
    uint64_t number; /* the node's */
    char host[ADDRESS_HOST_MAX + 1];
    struct half halves[FAMILIES];
    size_t awaited; /* halves that are not answered */
    struct host_port found[RESOLVED_MAX];
    size_t count;
    struct event timer; /* to begin, and then to end */
    LIST_ENTRY(question) others;
};

struct names {
    struct pump *pump;
    LIST_HEAD(, question) questions;
};

static void question_free(struct question *question)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        if (question->halves[i].lookup != NULL)
            lookup_cancel(question->halves[i].lookup);
    }
    event_del(&question->timer);
    LIST_REMOVE(question, others);
    free(question);
}

/* Tells the node what was found. */
static void end(struct question *question)
{
    const char *literals[RESOLVED_MAX];
    const struct input input = {
        .kind = INPUT_RESOLVED,
        .resolved = {.resolve = question->number, .literals = literals, .count = question->count}};

    for (size_t i = 0; i < question->count; i++)
        literals[i] = question->found[i].host;
    pump_input(question->names->pump, &input);
    question_free(question);
}

static void on_resolved(void *context, enum error error, const struct socket_address *addresses,
                        size_t count)
{
    struct half *half = context;
    struct question *question = half->question;

    (void)error; /* whoever asks wants to know where, not why not */
    half->lookup = NULL;
    for (size_t i = 0; i < count && i < DIAL_PER_ANSWER_MAX; i++)
        socket_address_format(&addresses[i], &question->found[question->count++]);
    if (--question->awaited == 0)
        end(question);
}

/* Asks in both families; /etc/hosts answers at once. */
static void ask(struct question *question)
{
    question->awaited = 1 + FAMILIES; /* it is not over before both are asked */
    for (size_t i = 0; i < FAMILIES; i++) {
        struct half *half = &question->halves[i];

        half->question = question;
        half->lookup = resolver_ask(question->names->pump->resolver, question->host, families[i],
                                    on_resolved, half);
    }
    if (--question->awaited == 0)
        end(question);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct question *question = context;
    struct pump *pump = question->names->pump;

    (void)fd;
    (void)events;
    if (question->awaited > 0) { /* its time is over */
        end(question);
        return;
    }
    pump_arm(pump, &question->timer, mono_after(pump_now(pump).mono, NAMES_TOTAL_MS));
    ask(question);
}

void names_resolve(struct names *names, const struct action *action)
{
    static const struct timeval at_once = {0};
    struct question *question = xcalloc(1, sizeof(*question));

    must(action->kind == ACTION_RESOLVE && strlen(action->resolve.host) <= ADDRESS_HOST_MAX);
    question->names = names;
    question->number = action->resolve.resolve;
    memcpy(question->host, action->resolve.host, strlen(action->resolve.host));
    LIST_INSERT_HEAD(&names->questions, question, others);
    evtimer_assign(&question->timer, names->pump->base, on_timer, question);
    evtimer_add(&question->timer, &at_once);
}

void names_stop(struct names *names)
{
    while (!LIST_EMPTY(&names->questions))
        question_free(LIST_FIRST(&names->questions));
}

struct names *names_new(struct pump *pump)
{
    struct names *names = xcalloc(1, sizeof(*names));

    names->pump = pump;
    LIST_INIT(&names->questions);
    return names;
}

void names_free(struct names *names)
{
    if (names == NULL)
        return;
    names_stop(names);
    free(names);
}
