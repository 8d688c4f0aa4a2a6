#include "daemon/dial.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/dial_why.h"
#include "daemon/happy_eyeballs.h"
#include "daemon/listen.h"
#include "daemon/net.h"
#include "daemon/pump.h"
#include "daemon/resolve.h"

/* A socket that is being connected. */
struct attempt {
    struct dial *dial;
    size_t number, entry; /* in the race */
    struct socket_address address;
    int fd;
    struct event connected;
    LIST_ENTRY(attempt) others;
};

/* One family of one name. */
struct question {
    struct dial *dial;
    size_t entry;
    enum race_family family;
    uint16_t port;
    struct lookup *lookup; /* NULL: not asked, or answered */
    enum error error;      /* of the answer */
    bool leads_home;       /* something in it is not to be dialled: see struct dial_address */
};

struct dial {
    struct dials *dials;
    uint64_t number;
    enum carrier_kind kind;
    struct dial_address *entries;
    size_t count;
    struct question questions[DIAL_ADDRESSES_MAX][RACE_FAMILIES];
    struct happy_eyeballs race;
    LIST_HEAD(, attempt) attempts;
    int errors[DIAL_CANDIDATES_MAX];  /* errno of the attempts that failed, by their numbers */
    char *found[DIAL_CANDIDATES_MAX]; /* what was there where one won, in words; or NULL */
    size_t won;                       /* the attempt whose carrier is looked at */
    struct event timer;
    bool has_begun;
    bool has_won;    /* rests */
    bool is_running; /* its actions are being carried out further up the stack */
    LIST_ENTRY(dial) others;
};

struct dials {
    struct pump *pump;
    LIST_HEAD(, dial) dials;
};

static void attempt_free(struct attempt *attempt)
{
    event_del(&attempt->connected);
    if (attempt->fd >= 0)
        close(attempt->fd);
    LIST_REMOVE(attempt, others);
    free(attempt);
}

static void dial_free(struct dial *dial)
{
    struct attempt *attempt;

    for (size_t i = 0; i < dial->count; i++) {
        for (int family = 0; family < RACE_FAMILIES; family++) {
            if (dial->questions[i][family].lookup != NULL)
                lookup_cancel(dial->questions[i][family].lookup);
        }
    }
    while ((attempt = LIST_FIRST(&dial->attempts)) != NULL)
        attempt_free(attempt);
    for (size_t i = 0; i < DIAL_CANDIDATES_MAX; i++)
        free(dial->found[i]);
    event_del(&dial->timer);
    LIST_REMOVE(dial, others);
    free(dial->entries);
    free(dial);
}

static void say_why_of(const struct dial *dial, size_t attempt, char why[DIAL_WHY_MAX + 1])
{
    const struct race_attempt *tried = &dial->race.attempts[attempt];
    const char *host = dial->entries[tried->entry].at.host;

    if (dial->found[attempt] != NULL)
        dial_why_add_found(why, host, &tried->address, dial->found[attempt]);
    else
        dial_why_add(why, host, &tried->address,
                     tried->state == RACE_FAILED ? dial->errors[attempt] : ETIMEDOUT);
}

/* Whether the name has addresses (which may all have been another entry's). */
static bool is_resolved(const struct question questions[RACE_FAMILIES])
{
    return (questions[RACE_IPV6].lookup == NULL && questions[RACE_IPV6].error == OK) ||
           (questions[RACE_IPV4].lookup == NULL && questions[RACE_IPV4].error == OK);
}

/* What was found at each entry. */
static void say_why(const struct dial *dial, char why[DIAL_WHY_MAX + 1])
{
    const struct happy_eyeballs *race = &dial->race;

    dial_why_init(why);
    for (size_t entry = 0; entry < dial->count; entry++) {
        const struct question *questions = dial->questions[entry];
        const char *host = dial->entries[entry].at.host;

        for (size_t i = 0; i < race->count; i++) {
            if (race->attempts[i].entry == entry)
                say_why_of(dial, i, why);
        }
        if (questions[RACE_IPV6].leads_home || questions[RACE_IPV4].leads_home)
            dial_why_add_home(why, host);
        if (host_is_literal(host) || is_resolved(questions))
            continue;
        dial_why_add_unknown(why, host,
                             questions[RACE_IPV6].error == ERR_NOT_FOUND &&
                                     questions[RACE_IPV4].error == ERR_NOT_FOUND
                                 ? ERR_NOT_FOUND
                                 : ERR_TIMED_OUT);
    }
}

/* The dial ends without a carrier. */
static void lose(struct dial *dial, enum error error)
{
    struct pump *pump = dial->dials->pump;
    char why[DIAL_WHY_MAX + 1];
    const struct input input = {.kind = INPUT_DIAL_FAILED,
                                .dial_failed = {.dial = dial->number, .error = error, .why = why}};

    pump->counters.dials_failed++;
    say_why(dial, why);
    dial_free(dial);
    pump_input(pump, &input);
}

/* Until the node has looked at what was won. */
static void rest(struct dial *dial, size_t won)
{
    struct attempt *attempt;

    while ((attempt = LIST_FIRST(&dial->attempts)) != NULL)
        attempt_free(attempt);
    happy_eyeballs_won(&dial->race, won);
    event_del(&dial->timer);
    dial->has_won = true;
    dial->won = won;
}

/* The socket of this attempt becomes a carrier. What is said in the classic dialect proves nothing,
 * so that dial is over. */
static void win(struct attempt *attempt)
{
    struct dial *dial = attempt->dial;
    struct net *net = dial->dials->pump->net;
    const struct arrival arrival = {.fd = attempt->fd,
                                    .dial = dial->number,
                                    .address = attempt->entry,
                                    .kind = dial->kind,
                                    .remote = attempt->address};

    attempt->fd = -1;
    if (dial->kind == CARRIER_LINK)
        rest(dial, attempt->number);
    else
        dial_free(dial);
    net_adopt(net, &arrival);
}

static void run(struct dial *dial);

static void on_connected(evutil_socket_t fd, short events, void *context)
{
    struct attempt *attempt = context;
    struct dial *dial = attempt->dial;
    size_t number = attempt->number;
    int error = 0;
    socklen_t length = sizeof(error);

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0) {
        win(attempt);
        return;
    }
    dial->errors[number] = error;
    attempt_free(attempt);
    happy_eyeballs_failed(&dial->race, number, pump_now(dial->dials->pump));
    run(dial);
}

/* The answer to an object of the classic dialect goes to the host that it comes from: so it has to
 * come from where we listen. */
static bool leave(const struct dial *dial, int fd, const struct socket_address *to)
{
    const struct pump *pump = dial->dials->pump;
    const int later = 1; /* the port: when it is known to whom */
    struct socket_address source;

    if (dial->kind != CARRIER_CLASSIC || !listeners_source(pump->classic_listeners, to, &source))
        return true;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof(later));
    return bind(fd, &source.any, socket_address_length(&source)) == 0;
}

/* Begins to connect; false when it failed at once. */
static bool begin(struct dial *dial, const struct race_action *action)
{
    struct attempt *attempt = xcalloc(1, sizeof(*attempt));
    int fd = socket(socket_address_family(action->address),
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    attempt->dial = dial;
    attempt->number = action->attempt;
    attempt->entry = action->entry;
    attempt->address = *action->address;
    attempt->fd = fd;
    LIST_INSERT_HEAD(&dial->attempts, attempt, others);
    event_assign(&attempt->connected, dial->dials->pump->base, fd, EV_WRITE, on_connected, attempt);
    /* A socket that is connected at once is writable at once. */
    if (fd >= 0 && leave(dial, fd, &attempt->address) &&
        (connect(fd, &attempt->address.any, socket_address_length(&attempt->address)) == 0 ||
         errno == EINPROGRESS)) {
        event_add(&attempt->connected, NULL);
        return true;
    }
    dial->errors[action->attempt] = errno;
    attempt_free(attempt);
    return false;
}

/* Carries out what the race wants, and sets the timer. The dial may be gone afterwards. */
static void run(struct dial *dial)
{
    struct pump *pump = dial->dials->pump;
    struct race_action action;

    if (dial->is_running)
        return;
    dial->is_running = true;
    while (happy_eyeballs_next_action(&dial->race, &action)) {
        switch (action.kind) {
        case RACE_TRY:
            if (!begin(dial, &action))
                happy_eyeballs_failed(&dial->race, action.attempt, pump_now(pump));
            break;
        case RACE_LOST:
            lose(dial, action.error);
            return;
        }
    }
    dial->is_running = false;
    pump_arm(pump, &dial->timer, happy_eyeballs_deadline(&dial->race));
}

/* Whether an address that a name has may be dialled for it. */
static bool counts(const struct dial_address *entry, const struct socket_address *address)
{
    struct host_port literal;

    socket_address_format(address, &literal);
    return !entry->not_local || !host_is_local(literal.host);
}

static void on_resolved(void *context, enum error error, const struct socket_address *addresses,
                        size_t count)
{
    struct socket_address with_port[DIAL_PER_ANSWER_MAX];
    struct question *question = context;
    struct dial *dial = question->dial;
    size_t kept = 0;

    must(count <= DIAL_PER_ANSWER_MAX);
    question->lookup = NULL;
    question->error = error;
    for (size_t i = 0; i < count; i++) {
        if (!counts(&dial->entries[question->entry], &addresses[i])) {
            question->leads_home = true;
            continue;
        }
        with_port[kept] = addresses[i];
        socket_address_set_port(&with_port[kept++], question->port);
    }
    happy_eyeballs_resolved(&dial->race, question->entry, question->family, with_port, kept,
                            pump_now(dial->dials->pump));
    if (!dial->has_won)
        run(dial);
}

static void ask(struct dial *dial, size_t entry)
{
    static const sa_family_t families[] = {[RACE_IPV6] = AF_INET6, [RACE_IPV4] = AF_INET};

    for (int family = 0; family < RACE_FAMILIES; family++) {
        struct question *question = &dial->questions[entry][family];

        *question = (struct question){.dial = dial,
                                      .entry = entry,
                                      .family = (enum race_family)family,
                                      .port = dial->entries[entry].at.port};
        question->lookup = resolver_ask(dial->dials->pump->resolver, dial->entries[entry].at.host,
                                        families[family], on_resolved, question);
    }
}

/* Tells the race of all entries, and only then looks names up: /etc/hosts answers at once. */
static void start(struct dial *dial)
{
    struct now now = pump_now(dial->dials->pump);
    bool is_name[DIAL_ADDRESSES_MAX] = {false};
    struct socket_address address;

    dial->has_begun = true;
    dial->is_running = true; /* answers that come at once wait */
    happy_eyeballs_init(&dial->race, now);
    for (size_t i = 0; i < dial->count; i++) {
        is_name[i] = !socket_address_parse(&dial->entries[i].at, &address);
        if (is_name[i])
            happy_eyeballs_add_name(&dial->race, i);
        else
            happy_eyeballs_add_literal(&dial->race, i, &address);
    }
    for (size_t i = 0; i < dial->count; i++) {
        if (is_name[i])
            ask(dial, i);
    }
    happy_eyeballs_start(&dial->race, now);
    dial->is_running = false;
    run(dial);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct dial *dial = context;

    (void)fd;
    (void)events;
    if (!dial->has_begun) {
        start(dial);
        return;
    }
    happy_eyeballs_expire(&dial->race, pump_now(dial->dials->pump));
    run(dial);
}

static const struct timeval at_once = {0};

void dials_dial(struct dials *dials, const struct action *action)
{
    struct dial *dial = xcalloc(1, sizeof(*dial));

    must(action->kind == ACTION_DIAL && action->dial.count <= DIAL_ADDRESSES_MAX);
    dials->pump->counters.dials++;
    dial->dials = dials;
    dial->number = action->dial.dial;
    dial->kind = action->dial.kind;
    dial->count = action->dial.count;
    dial->entries =
        xmemdup(action->dial.addresses, action->dial.count * sizeof(action->dial.addresses[0]));
    LIST_INIT(&dial->attempts);
    LIST_INSERT_HEAD(&dials->dials, dial, others);
    evtimer_assign(&dial->timer, dials->pump->base, on_timer, dial);
    evtimer_add(&dial->timer, &at_once);
}

static struct dial *find(const struct dials *dials, uint64_t number)
{
    struct dial *dial;

    LIST_FOREACH(dial, &dials->dials, others)
    {
        if (dial->number == number)
            return dial;
    }
    return NULL;
}

void dials_go_on(struct dials *dials, const struct action *action)
{
    struct dial *dial = find(dials, action->dial_go_on.dial);

    if (dial == NULL)
        return; /* it was stopped */
    must(dial->has_won);
    dial->found[dial->won] = xstrdup(action->dial_go_on.found);
    dial->has_won = false;
    happy_eyeballs_go_on(&dial->race, pump_now(dials->pump));
    evtimer_add(&dial->timer, &at_once);
}

void dials_cancel(struct dials *dials, uint64_t number)
{
    struct dial *dial = find(dials, number);

    if (dial != NULL)
        dial_free(dial);
}

bool dials_are_under_way(const struct dials *dials)
{
    const struct dial *dial;

    LIST_FOREACH(dial, &dials->dials, others)
    {
        if (!dial->has_won)
            return true;
    }
    return false;
}

void dials_stop(struct dials *dials)
{
    while (!LIST_EMPTY(&dials->dials))
        dial_free(LIST_FIRST(&dials->dials));
}

struct dials *dials_new(struct pump *pump)
{
    struct dials *dials = xcalloc(1, sizeof(*dials));

    dials->pump = pump;
    LIST_INIT(&dials->dials);
    return dials;
}

void dials_free(struct dials *dials)
{
    if (dials == NULL)
        return;
    dials_stop(dials);
    free(dials);
}
