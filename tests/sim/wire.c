/* The network between the nodes: dials, and carriers like TCP connections. Bytes arrive in order,
 * late, and cut anywhere; a carrier breaks with or without the ends being told. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

enum {
    HERE,
    THERE,
    RETRANSMIT_MS = 400,     /* how often a blocked sender tries again */
    DIAL_TIMEOUT_MS = 20000, /* nobody answers at all */
    SEGMENT_MAX = 65536,
    EPHEMERAL_PORT = 32768
};

/* One end of a carrier. */
struct end {
    struct actor *actor;
    uint64_t number; /* by which its node knows it; 0: not yet, or no more */
    enum carrier_kind kind;
    struct host_port at;
    struct bytes out;
    bool is_sending;   /* a segment of `out` leaves in its time */
    bool is_closing;   /* nothing follows `out` */
    bool has_said_end; /* the other end will learn of it */
    bool is_broken;    /* and that something went wrong */
    uint64_t last_arrival_ms;
    uint64_t blocked_since_ms; /* UINT64_MAX: not */
};

struct carrier {
    uint64_t number;
    struct end ends[2];
    size_t address; /* which of the dialled ones it came from */
    bool is_silent; /* bytes go nowhere */
    UT_hash_handle hh;
};

/* A dial that has not ended, known to the dialler's machine only. */
struct dialled {
    uint64_t dial;
    enum carrier_kind kind;
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    size_t count;
    size_t from; /* those before were tried */
    struct dialled *next;
};

static struct carrier *find(const struct sim *sim, uint64_t number)
{
    struct carrier *carrier;

    HASH_FIND(hh, sim->carriers, &number, sizeof number, carrier);
    return carrier;
}

static void forget(struct sim *sim, struct carrier *carrier)
{
    HASH_DELETE(hh, sim->carriers, carrier);
    bytes_done(&carrier->ends[HERE].out);
    bytes_done(&carrier->ends[THERE].out);
    free(carrier);
}

void wire_done(struct sim *sim)
{
    for (struct carrier *carrier = sim->carriers, *next; carrier != NULL; carrier = next) {
        next = carrier->hh.next;
        forget(sim, carrier);
    }
}

bool wire_is_parted(const struct sim *sim, const struct actor *a, const struct actor *b)
{
    return (sim->partition >> a->index & 1) != (sim->partition >> b->index & 1);
}

static uint32_t delay(struct sim *sim)
{
    return sim_between(sim, sim->options.delay_ms_min, sim->options.delay_ms_max);
}

/* What the kernel does at one end, and what it tells the process there. */
static struct event *later(struct sim *sim, const struct carrier *carrier, size_t side,
                           uint64_t after_ms, void (*happen)(struct sim *sim, struct event *event))
{
    struct event *event = sim_after(sim, after_ms, happen);

    event->a = carrier->number;
    event->b = side;
    return event;
}

static struct event *tell_later(struct sim *sim, const struct carrier *carrier, size_t side,
                                uint64_t after_ms,
                                void (*happen)(struct sim *sim, struct event *event))
{
    struct event *event = later(sim, carrier, side, after_ms, happen);

    event->actor = carrier->ends[side].actor;
    return event;
}

/* --- The end --- */

enum end_kind { END_CLEAN, END_BROKEN };

/* Tells the node at this end, if it still wants to know. */
static void tell_down(struct end *end, enum end_kind kind)
{
    const struct input input = {
        .kind = INPUT_CARRIER_DOWN,
        .carrier_down = {.carrier = end->number,
                         .is_clean = kind == END_CLEAN && bytes_length(&end->out) == 0}};

    if (end->number == 0)
        return;
    end->number = 0;
    bytes_clear(&end->out);
    actor_input(end->actor, &input);
}

static void say_end(struct sim *sim, struct carrier *carrier, size_t side, enum end_kind kind);

static void arrive_end(struct sim *sim, struct event *event)
{
    struct carrier *carrier = find(sim, event->a);

    if (carrier == NULL)
        return;
    struct end *end = &carrier->ends[event->b], *other = &carrier->ends[!event->b];
    if (wire_is_parted(sim, end->actor, other->actor) || carrier->is_silent) {
        if (end->number != 0)
            tell_later(sim, carrier, event->b, RETRANSMIT_MS, arrive_end);
        else if (other->number == 0)
            forget(sim, carrier);
        return;
    }
    tell_down(end, other->is_broken ? END_BROKEN : END_CLEAN);
    if (end->number == 0 && other->number == 0)
        forget(sim, carrier);
    else if (end->number == 0 && !end->is_closing) /* whoever finished hears of this end, too */
        say_end(sim, carrier, event->b, END_CLEAN);
}

/* The other end will hear that this one is gone, after what was sent. */
static void say_end(struct sim *sim, struct carrier *carrier, size_t side, enum end_kind kind)
{
    struct end *end = &carrier->ends[side];

    if (end->has_said_end && (end->is_broken || kind == END_CLEAN))
        return;
    end->has_said_end = true;
    end->is_broken = kind == END_BROKEN;
    uint64_t at_ms = sim->now_ms + delay(sim);
    if (at_ms < end->last_arrival_ms)
        at_ms = end->last_arrival_ms;
    tell_later(sim, carrier, !side, at_ms - sim->now_ms, arrive_end);
}

/* --- Bytes --- */

static void send_segment(struct sim *sim, struct event *event);

static void arrive(struct sim *sim, struct event *event)
{
    struct carrier *carrier = find(sim, event->a);
    struct input input = {.kind = INPUT_BYTES};

    if (carrier == NULL || carrier->is_silent)
        return;
    struct end *end = &carrier->ends[event->b];
    if (end->number == 0) { /* a reset, if there is anybody to send it */
        if (end->actor->node != NULL && !end->is_closing)
            say_end(sim, carrier, event->b, END_BROKEN);
        return;
    }
    input.bytes.carrier = end->number;
    input.bytes.bytes = bytes_data(&event->bytes);
    input.bytes.length = bytes_length(&event->bytes);
    actor_input(end->actor, &input);
}

static size_t segment_length(struct sim *sim, size_t ready)
{
    size_t most = sim_chance(sim, 10) ? 20 : sim_chance(sim, 40) ? 1500 : SEGMENT_MAX;

    if (most > ready)
        most = ready;
    return sim_chance(sim, 30) ? 1 + sim_below(sim, (uint32_t)most) : most;
}

static void start_sending(struct sim *sim, struct carrier *carrier, size_t side, uint64_t after_ms)
{
    if (carrier->ends[side].is_sending)
        return;
    carrier->ends[side].is_sending = true;
    later(sim, carrier, side, after_ms, send_segment);
}

/* Nothing gets through: try again, or give up. */
static void block(struct sim *sim, struct carrier *carrier, size_t side)
{
    struct end *end = &carrier->ends[side];

    if (end->number == 0 && carrier->ends[!side].number == 0) {
        forget(sim, carrier);
        return;
    }
    if (end->blocked_since_ms == UINT64_MAX)
        end->blocked_since_ms = sim->now_ms;
    if (sim->options.user_timeout_ms != 0 &&
        sim->now_ms - end->blocked_since_ms >= sim->options.user_timeout_ms) {
        bytes_clear(&end->out);
        tell_down(end, END_BROKEN);
        if (carrier->ends[!side].number == 0)
            forget(sim, carrier);
        return;
    }
    start_sending(sim, carrier, side, RETRANSMIT_MS);
}

static void tell_room(struct sim *sim, struct event *event)
{
    const struct carrier *carrier = find(sim, event->a);
    struct input input = {.kind = INPUT_ROOM};

    if (carrier == NULL || carrier->ends[event->b].number == 0)
        return;
    const struct end *end = &carrier->ends[event->b];
    const size_t queued = bytes_length(&end->out);
    input.room.carrier = end->number;
    input.room.bytes_free = queued < CARRIER_ROOM ? CARRIER_ROOM - queued : 0;
    actor_input(end->actor, &input);
}

static void send_segment(struct sim *sim, struct event *event)
{
    struct carrier *carrier = find(sim, event->a);
    const size_t side = event->b;

    if (carrier == NULL)
        return;
    struct end *end = &carrier->ends[side], *other = &carrier->ends[!side];
    end->is_sending = false;
    if (bytes_length(&end->out) == 0 && !end->is_closing)
        return;
    if (wire_is_parted(sim, end->actor, other->actor) || carrier->is_silent ||
        (other->number == 0 && other->actor->node == NULL)) {
        block(sim, carrier, side);
        return;
    }
    end->blocked_since_ms = UINT64_MAX;
    if (bytes_length(&end->out) > 0) {
        const size_t length = segment_length(sim, bytes_length(&end->out));
        uint64_t at_ms = sim->now_ms + delay(sim);
        if (at_ms < end->last_arrival_ms)
            at_ms = end->last_arrival_ms;
        end->last_arrival_ms = at_ms;
        event = tell_later(sim, carrier, !side, at_ms - sim->now_ms, arrive);
        bytes_append(&event->bytes, bytes_data(&end->out), length);
        bytes_consume(&end->out, length);
        const uint32_t pace = sim->options.bytes_per_ms;
        start_sending(sim, carrier, side, pace != 0 ? length / pace : 0);
        tell_later(sim, carrier, side, 0, tell_room);
        return;
    }
    say_end(sim, carrier, side, END_CLEAN);
}

/* The end by which a node knows a carrier. */
static struct carrier *of_actor(const struct actor *actor, uint64_t number, size_t *ret_side)
{
    for (struct carrier *carrier = actor->sim->carriers; carrier != NULL;
         carrier = carrier->hh.next)
        for (size_t side = HERE; side <= THERE; side++)
            if (carrier->ends[side].actor == actor && carrier->ends[side].number == number) {
                *ret_side = side;
                return carrier;
            }
    return NULL;
}

void wire_send(struct actor *actor, uint64_t number, const uint8_t *bytes, size_t length)
{
    size_t side;
    struct carrier *carrier = of_actor(actor, number, &side);

    if (carrier == NULL)
        return;
    bytes_append(&carrier->ends[side].out, bytes, length);
    start_sending(actor->sim, carrier, side, 0);
}

void wire_finish(struct actor *actor, uint64_t number)
{
    size_t side;
    struct carrier *carrier = of_actor(actor, number, &side);

    if (carrier == NULL)
        return;
    carrier->ends[side].is_closing = true;
    start_sending(actor->sim, carrier, side, 0);
}

void wire_close(struct actor *actor, uint64_t number)
{
    size_t side;
    struct carrier *carrier = of_actor(actor, number, &side);

    if (carrier == NULL)
        return;
    carrier->ends[side].number = 0;
    carrier->ends[side].is_closing = true;
    start_sending(actor->sim, carrier, side, 0);
}

/* --- Dials --- */

static struct dialled **find_dial(struct actor *actor, uint64_t dial)
{
    struct dialled **link = &actor->dials;

    while (*link != NULL && (*link)->dial != dial)
        link = &(*link)->next;
    return link;
}

/* False when there is none. */
static bool end_dial(struct actor *actor, uint64_t dial)
{
    struct dialled **link = find_dial(actor, dial), *known = *link;

    if (known == NULL)
        return false;
    *link = known->next;
    free(known);
    return true;
}

static void tell_dial_failed(struct actor *actor, uint64_t dial, const char *why)
{
    const struct input input = {.kind = INPUT_DIAL_FAILED,
                                .dial_failed = {dial, ERR_UNREACHABLE, why}};

    actor_input(actor, &input);
}

static void dial_failed(struct sim *sim, struct event *event)
{
    (void)sim;
    if (end_dial(event->actor, event->a))
        tell_dial_failed(event->actor, event->a,
                         event->b != 0 ? "the connection is refused" : "nobody answers");
}

static void carrier_up(struct carrier *carrier, size_t side, uint64_t dial)
{
    struct end *end = &carrier->ends[side];
    struct input input = {.kind = INPUT_CARRIER_UP};

    end->number = ++end->actor->last_carrier;
    input.carrier_up.carrier = end->number;
    input.carrier_up.dial = dial;
    input.carrier_up.kind = end->kind;
    input.carrier_up.address = side == HERE ? carrier->address : 0;
    input.carrier_up.remote = carrier->ends[!side].at;
    input.carrier_up.local = end->at;
    actor_input(end->actor, &input);
}

/* The dialler learns that somebody answered. */
static void dial_done(struct sim *sim, struct event *event)
{
    struct carrier *carrier = find(sim, event->a);
    const struct dialled *known = *find_dial(event->actor, event->b);

    if (known == NULL) { /* cancelled meanwhile */
        if (carrier != NULL) {
            carrier->ends[HERE].is_closing = true;
            start_sending(sim, carrier, HERE, 0);
        }
        return;
    }
    if (carrier == NULL || known->kind == CARRIER_CLASSIC)
        end_dial(event->actor, event->b);
    if (carrier == NULL) {
        tell_dial_failed(event->actor, event->b, "the connection is refused");
        return;
    }
    carrier_up(carrier, HERE, event->b);
}

static void breaks(struct sim *sim, struct event *event)
{
    struct carrier *carrier = find(sim, event->a);
    const bool is_silent = sim_chance(sim, sim->options.silent_percent);

    if (carrier == NULL || sim->healed)
        return;
    sim_trace(sim, NULL, "carrier %llu %s", (unsigned long long)carrier->number,
              is_silent ? "falls silent" : "breaks");
    if (is_silent) {
        carrier->is_silent = true;
        return;
    }
    say_end(sim, carrier, HERE, END_BROKEN);
    say_end(sim, carrier, THERE, END_BROKEN);
}

static void connect(struct actor *actor, struct actor *to, enum carrier_kind listening,
                    const struct dialled *known, size_t address)
{
    struct sim *sim = actor->sim;
    struct carrier *carrier = xcalloc(1, sizeof *carrier);
    struct event *event;

    carrier->number = ++sim->last_carrier;
    carrier->address = address;
    carrier->ends[HERE].actor = actor;
    carrier->ends[HERE].kind = known->kind;
    carrier->ends[HERE].at = actor->address;
    carrier->ends[HERE].at.port = (uint16_t)(EPHEMERAL_PORT + carrier->number % EPHEMERAL_PORT);
    carrier->ends[THERE].actor = to;
    carrier->ends[THERE].kind = listening;
    carrier->ends[THERE].at = listening == CARRIER_CLASSIC ? to->classic : to->address;
    carrier->ends[HERE].blocked_since_ms = carrier->ends[THERE].blocked_since_ms = UINT64_MAX;
    HASH_ADD(hh, sim->carriers, number, sizeof carrier->number, carrier);
    sim_trace(sim, NULL, "carrier %llu from %s to %s", (unsigned long long)carrier->number,
              actor->name, to->name);
    event = sim_after_for(actor, delay(sim), dial_done);
    event->a = carrier->number;
    event->b = known->dial;
    carrier->ends[THERE].last_arrival_ms = event->at_ms; /* nothing comes before that */
    if (sim->options.carrier_life_ms != 0)
        later(sim, carrier, HERE, sim_around(sim, sim->options.carrier_life_ms), breaks);
    carrier_up(carrier, THERE, 0);
}

static struct actor *at_host(const struct sim *sim, const char *host)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        if (strcmp(sim->actors[i].address.host, host) == 0 ||
            strcmp(sim->actors[i].host_name, host) == 0)
            return &sim->actors[i];
    return NULL;
}

/* Whether somebody listens at this port of a machine that is up, and for what. */
static bool listens(const struct actor *actor, uint16_t port, enum carrier_kind *ret_kind)
{
    if (actor->node == NULL || !actor->inbound)
        return false;
    *ret_kind = port == actor->address.port ? CARRIER_LINK : CARRIER_CLASSIC;
    return port == actor->address.port || (actor->is_classic && port == actor->classic.port);
}

/* A SYN arrives, or does not. */
static void try_dial(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    struct dialled *known = *find_dial(actor, event->a);
    bool is_refused = false;

    if (known == NULL)
        return;
    while (known->from < known->count) {
        const size_t i = known->from++;
        struct actor *to = at_host(sim, known->addresses[i].at.host);
        enum carrier_kind kind;
        if (to == NULL || wire_is_parted(sim, actor, to))
            continue;
        is_refused = true;
        if (!listens(to, known->addresses[i].at.port, &kind) ||
            (!sim->healed && sim_chance(sim, sim->options.dial_fails_percent)))
            continue;
        connect(actor, to, kind, known, i);
        return;
    }
    event = sim_after_for(actor, is_refused ? delay(sim) : DIAL_TIMEOUT_MS, dial_failed);
    event->a = known->dial;
    event->b = is_refused;
}

void wire_dial(struct actor *actor, const struct action *action)
{
    struct dialled *known = xcalloc(1, sizeof *known);

    must(action->dial.count <= DIAL_ADDRESSES_MAX);
    known->dial = action->dial.dial;
    known->kind = action->dial.kind;
    known->count = action->dial.count;
    memcpy(known->addresses, action->dial.addresses, known->count * sizeof known->addresses[0]);
    known->next = actor->dials;
    actor->dials = known;
    sim_after_for(actor, delay(actor->sim), try_dial)->a = known->dial;
}

void wire_dial_go_on(struct actor *actor, uint64_t dial)
{
    const struct dialled *known = *find_dial(actor, dial);
    const bool is_left = known != NULL && known->from < known->count;
    struct event *event = is_left ? sim_after_for(actor, delay(actor->sim), try_dial)
                                  : sim_after_for(actor, 0, dial_failed);

    event->a = dial;
    event->b = 1; /* somebody answered */
}

void wire_dial_cancel(struct actor *actor, uint64_t dial)
{
    end_dial(actor, dial);
}

/* --- Names --- */

static void resolved(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    const struct actor *of = at_host(sim, (const char *)bytes_data(&event->bytes));
    const char *literal = of != NULL ? of->address.host : NULL;
    const struct input input = {
        .kind = INPUT_RESOLVED,
        .resolved = {.resolve = event->a, .literals = &literal, .count = of != NULL}};

    must(actor->resolves > 0);
    actor->resolves--;
    actor_input(actor, &input);
}

void wire_resolve(struct actor *actor, uint64_t resolve, const char *host)
{
    struct event *event = sim_after_for(actor, delay(actor->sim), resolved);

    if (++actor->resolves > RESOLVES_MAX)
        sim_fail(actor->sim, "%s looks up more than %d names at once", actor->name, RESOLVES_MAX);
    event->a = resolve;
    bytes_append(&event->bytes, host, strlen(host) + 1);
}

/* --- What befalls carriers --- */

void wire_crash(struct actor *actor, enum wire_end how)
{
    struct sim *sim = actor->sim;

    while (actor->dials != NULL)
        end_dial(actor, actor->dials->dial);
    actor->resolves = 0;
    for (struct carrier *carrier = sim->carriers, *next; carrier != NULL; carrier = next) {
        next = carrier->hh.next;
        for (size_t side = HERE; side <= THERE; side++) {
            struct end *end = &carrier->ends[side];
            if (end->actor != actor)
                continue;
            end->number = 0;
            if (how == WIRE_POWER_LOST)
                bytes_clear(&end->out);
            else if (!end->is_closing) {
                end->is_closing = true; /* the kernel sends what it has, and then the end */
                start_sending(sim, carrier, side, 0);
            }
        }
        if (carrier->ends[HERE].number == 0 && carrier->ends[THERE].number == 0 &&
            how == WIRE_POWER_LOST)
            forget(sim, carrier);
    }
}

static bool is_between(const struct carrier *carrier, const struct actor *a, const struct actor *b)
{
    const struct end *ends = carrier->ends;

    return (ends[HERE].number != 0 || ends[THERE].number != 0) &&
           ((ends[HERE].actor == a && ends[THERE].actor == b) ||
            (ends[HERE].actor == b && ends[THERE].actor == a));
}

void wire_break(struct sim *sim, const struct actor *a, const struct actor *b, enum wire_break how)
{
    for (struct carrier *carrier = sim->carriers; carrier != NULL; carrier = carrier->hh.next) {
        if (!is_between(carrier, a, b))
            continue;
        carrier->is_silent = how == WIRE_SILENT;
        if (how == WIRE_CUT) {
            say_end(sim, carrier, HERE, END_BROKEN);
            say_end(sim, carrier, THERE, END_BROKEN);
        }
    }
}

size_t wire_count(const struct sim *sim, const struct actor *a, const struct actor *b)
{
    size_t count = 0;

    for (const struct carrier *carrier = sim->carriers; carrier != NULL; carrier = carrier->hh.next)
        count += is_between(carrier, a, b);
    return count;
}
