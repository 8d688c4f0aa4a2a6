/* Trackers, and nodes that register with them and look each other up by name. */
#include "tests/sim/scenario.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/overlay/tracker_setting.h"
#include "tests/sim/liar.h"

enum {
    TRACKERS_TOP = 4,
    RESIDENTS_TOP = 12,

    /* A renewal, and what it takes to find out that the link for it is dead. */
    RENEWED_MS = 160 * SECOND,

    /* How long a registration lasts that nobody renews, and a moment. */
    EXPIRED_MS = 5 * MINUTE + 5 * SECOND,
};

/* What a node has been told to be registered as, for good. */
struct resident {
    struct actor *actor;
    char own_name[16];                         /* nobody else's */
    bool wants;                                /* registered, or not */
    struct call *call;                         /* the last that told it so */
    struct tracker_setting uses[TRACKERS_TOP]; /* some of the town's */
    bool has_to_read;                          /* its configuration is another than it knows */
};

struct town {
    struct sim *sim;
    struct actor *trackers; /* the first machines */
    size_t tracker_count;
    struct resident residents[RESIDENTS_TOP];
    size_t resident_count;
    struct tracker_setting settings[TRACKERS_TOP];
};

/* --- Pieces --- */

static void settle(struct town *town, struct sim *sim, size_t trackers, size_t residents)
{
    actors_add(sim, trackers + residents);
    *town = (struct town){.sim = sim,
                          .trackers = sim->actors,
                          .tracker_count = trackers,
                          .resident_count = residents};
    for (size_t i = 0; i < trackers; i++) {
        struct actor *tracker = &sim->actors[i];
        char text[ADDRESS_HOST_PORT_MAX + 1];
        host_port_format(&tracker->address, text);
        must(tracker_setting_parse(text, &town->settings[i]) == OK);
        tracker->role = ROLE_TRACKER;
        tracker->inbound = true;
        actor_start(tracker);
    }
    for (size_t i = 0; i < residents; i++) {
        struct resident *resident = &town->residents[i];
        resident->actor = &sim->actors[trackers + i];
        resident->wants = true;
        snprintf(resident->own_name, sizeof resident->own_name, "own-%zu", i);
        resident->actor->is_called = resident->own_name;
        resident->actor->manners = ACCEPT;
        resident->actor->trackers = town->settings;
        resident->actor->tracker_count = trackers;
        actor_start(resident->actor);
    }
}

static struct resident *any_resident(struct town *town)
{
    return &town->residents[sim_below(town->sim, (uint32_t)town->resident_count)];
}

static struct actor *any_tracker(struct town *town)
{
    return &town->trackers[sim_below(town->sim, (uint32_t)town->tracker_count)];
}

/* Lets time pass, and looks at the trackers' lists all the while. */
static void watch(struct town *town, uint64_t ms)
{
    for (uint64_t end_ms = town->sim->now_ms + ms;
         town->sim->now_ms < end_ms && !sim_failed(town->sim);) {
        const uint64_t left_ms = end_ms - town->sim->now_ms;
        sim_run(town->sim, left_ms < NAMES_LOOK_MS ? left_ms : NAMES_LOOK_MS);
        for (size_t i = 0; i < town->tracker_count; i++)
            names_look(&town->trackers[i]);
    }
}

static struct call *call_register(struct actor *actor, const char *name)
{
    return actor_call(actor, API_REGISTER, NULL, 0, "{\"name\":\"%s\"}", name);
}

static struct call *call_exit(struct actor *actor)
{
    return actor_call(actor, API_EXIT_NETWORK, NULL, 0, "{}");
}

static struct call *request_by_name(struct actor *actor, struct resident *whom)
{
    return actor_call(actor, API_CHAT_REQUEST, whom->actor, 0, "{\"to\":\"%s\"}", whom->own_name);
}

/* Every tracker lists all who want it. */
static void check_listed(struct town *town, const char *when)
{
    for (size_t t = 0; t < town->tracker_count; t++)
        for (size_t r = 0; r < town->resident_count && !sim_failed(town->sim); r++) {
            const struct resident *resident = &town->residents[r];
            if (resident->wants &&
                !names_is_listed(&town->trackers[t], resident->own_name, resident->actor))
                sim_fail(town->sim, "%s: %s does not list %s", when, town->trackers[t].name,
                         resident->actor->name);
        }
}

/* And nobody else. */
static void check_lists(struct town *town, const char *when)
{
    check_listed(town, when);
    for (size_t t = 0; t < town->tracker_count; t++)
        for (size_t r = 0; r < town->resident_count && !sim_failed(town->sim); r++) {
            const struct resident *resident = &town->residents[r];
            if (!resident->wants && names_lists_key(&town->trackers[t], resident->actor))
                sim_fail(town->sim, "%s: %s still lists %s", when, town->trackers[t].name,
                         resident->actor->name);
        }
}

/* --- Quiet: what is to be seen at once --- */

/* The name is asked for by somebody who has no right to it, and stays whose it is. */
static void check_theft(struct town *town, struct resident *thief, const struct resident *victim)
{
    call_register(thief->actor, victim->own_name);
    watch(town, 5 * SECOND);
    for (size_t t = 0; t < town->tracker_count; t++)
        if (names_is_listed(&town->trackers[t], victim->own_name, thief->actor))
            sim_fail(town->sim, "%s has the name of %s", thief->actor->name, victim->actor->name);
    call_register(thief->actor, thief->own_name);
    watch(town, 5 * SECOND);
}

static void check_has(struct town *town, const struct resident *resident, const char *name)
{
    for (size_t t = 0; t < town->tracker_count; t++)
        if (!names_is_listed(&town->trackers[t], name, resident->actor))
            sim_fail(town->sim, "%s does not list %s as %s", town->trackers[t].name,
                     resident->actor->name, name);
}

/* Another name is kept over a restart; it is somebody else's as soon as it is reserved no more. */
static void check_another_name(struct town *town, struct resident *first, struct resident *second)
{
    call_register(first->actor, "anna");
    watch(town, 10 * SECOND);
    check_has(town, first, "anna");
    actor_stop(first->actor);
    watch(town, 3 * SECOND);
    actor_start(first->actor);
    watch(town, 10 * SECOND);
    check_has(town, first, "anna");
    call_register(first->actor, first->own_name);
    watch(town, 30 * SECOND);
    call_register(second->actor, "anna");
    watch(town, 5 * SECOND);
    check_has(town, second, "anna");
    call_register(second->actor, second->own_name);
    watch(town, 5 * SECOND);
}

void play_registered(struct sim *sim)
{
    struct town town;
    struct resident *a, *b;

    sim->options = quiet;
    settle(&town, sim, 1 + sim_below(sim, 3), 3);
    a = &town.residents[0];
    b = &town.residents[1];
    watch(&town, 10 * SECOND);
    check_lists(&town, "after the start");
    check_another_name(&town, a, b);

    actor_stop(a->actor);
    a->wants = false;
    watch(&town, 3 * SECOND);
    check_lists(&town, "after a stop");
    check_theft(&town, b, a);
    a->wants = true;
    actor_start(a->actor);
    watch(&town, 10 * SECOND);
    check_lists(&town, "after another start");

    call_exit(a->actor);
    a->wants = false;
    watch(&town, 3 * SECOND);
    check_lists(&town, "after an exit");
    actor_stop(a->actor);
    watch(&town, 3 * SECOND);
    actor_start(a->actor);
    watch(&town, RENEWED_MS);
    check_lists(&town, "after an exit and a restart");
    call_register(a->actor, a->own_name);
    a->wants = true;
    watch(&town, 5 * SECOND);
    check_lists(&town, "registered again");

    actor_crash(b->actor);
    b->wants = false;
    watch(&town, EXPIRED_MS);
    check_lists(&town, "after a crash");
    actor_start(b->actor);
    b->wants = true;
    watch(&town, 20 * MINUTE);
    check_lists(&town, "after a while");

    struct actor *tracker = any_tracker(&town);
    actor_crash(tracker);
    watch(&town, sim_below(sim, 10 * MINUTE));
    actor_start(tracker);
    if (sim_chance(sim, 50))
        check_theft(&town, b, a);
    watch(&town, RENEWED_MS);
    check_lists(&town, "after a tracker's crash");

    request_by_name(a->actor, b);
    watch(&town, 30 * SECOND);
    if (!sim_failed(sim) && !check_is_mutual(a->actor, b->actor))
        sim_fail(sim, "%s did not find %s by name", a->actor->name, b->actor->name);
}

/* --- Wild --- */

/* One thing that somebody may do. Only whose name it is asks for one that is its own, so whoever
 * is asked for by it is meant. */
static void do_anything(struct town *town)
{
    static const char *const pool[] = {"anna", "bert", "cora"};
    struct sim *sim = town->sim;
    struct resident *resident = any_resident(town), *other = any_resident(town);

    if (resident->actor->node == NULL)
        return;
    switch (sim_below(sim, 10)) {
    case 0:
    case 1:
    case 2:
        call_register(resident->actor, pool[sim_below(sim, 3)]);
        break;
    case 3:
        call_register(resident->actor, resident->own_name);
        break;
    case 4:
        call_exit(resident->actor);
        break;
    case 5:
        actor_call(resident->actor, API_LISTPEER, NULL, 0, "{}");
        break;
    case 6:
        if (resident != other)
            people_say(resident->actor, other->actor, 100);
        break;
    default:
        if (resident != other)
            request_by_name(resident->actor, other);
    }
}

/* Another configuration, which it may be too busy to read. */
static void write_configuration(struct resident *resident, const struct tracker_setting *trackers,
                                size_t count)
{
    memcpy(resident->uses, trackers, count * sizeof *trackers);
    resident->actor->trackers = resident->uses;
    resident->actor->tracker_count = count;
    resident->has_to_read = true;
}

static bool reads_configuration(struct resident *resident)
{
    if (resident->has_to_read && actor_configure(resident->actor))
        resident->has_to_read = false;
    return !resident->has_to_read;
}

/* Some of the trackers, in any order, and whatever else can change. */
static void reconfigure(struct town *town)
{
    struct resident *resident = any_resident(town);
    struct tracker_setting uses[TRACKERS_TOP];
    struct sim *sim = town->sim;
    size_t count = 0;

    for (size_t i = 0; i < town->tracker_count; i++)
        if (sim_chance(sim, 50))
            uses[count++] = town->settings[i];
    write_configuration(resident, uses, count);
    resident->actor->advertises = sim_chance(sim, 30);
    resident->actor->is_bot = sim_chance(sim, 20);
    reads_configuration(resident);
}

static bool is_told(const struct call *call)
{
    return call != NULL && call->state == CALL_ANSWERED && call->error == OK;
}

/* Each is told what it shall be from now on, until it has heard. */
static void tell_all(struct town *town, uint32_t rounds)
{
    for (uint32_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < town->resident_count; i++) {
            struct resident *r = &town->residents[i];
            if (!reads_configuration(r) || is_told(r->call) ||
                (r->call != NULL && r->call->state == CALL_OPEN))
                continue;
            r->call = r->wants ? call_register(r->actor, r->own_name) : call_exit(r->actor);
        }
        watch(town, SECOND);
    }
}

/* Whoever has a wrong clock makes records that nobody believes: in the end all are right. */
static void set_clocks(struct sim *sim)
{
    for (size_t i = 1; i < sim->actor_count; i++)
        sim->actors[i].wall_ms = sim->actors[0].wall_ms + sim_below(sim, MINUTE);
}

static void check_found(struct town *town)
{
    for (size_t i = 0; i < town->resident_count; i++) {
        struct resident *from = &town->residents[i], *to = any_resident(town);
        if (from == to || !from->wants || !to->wants || sim_failed(town->sim))
            continue;
        request_by_name(from->actor, to);
        watch(town, 30 * SECOND);
        if (!sim_failed(town->sim) && !check_is_mutual(from->actor, to->actor))
            sim_fail(town->sim, "%s did not find %s by name", from->actor->name, to->actor->name);
    }
}

static void move_in(struct town *town, struct sim *sim)
{
    sim->options = quiet;
    settle(town, sim, 1 + sim_below(sim, 3), 4 + sim_below(sim, 6));
    watch(town, 20 * SECOND);
    check_lists(town, "after the start");
    sim->options = wild;
    sim->options.jump_s_max = 3600;
    chaos_start(sim);
    for (size_t i = 0; i < town->tracker_count; i++)
        town->trackers[i].inbound = true;
}

/* Everything is well again, and everybody is told what to be: that is what they are. */
static void check_end(struct town *town, struct sim *sim)
{
    for (size_t i = 0; i < town->resident_count; i++)
        town->residents[i].wants = sim_chance(sim, 75);
    tell_all(town, 60);
    set_clocks(sim);
    chaos_heal(sim);
    tell_all(town, 30); /* who was not there */
    watch(town, RENEWED_MS);
    check_listed(town, "one renewal after everything was healed");
    watch(town, EXPIRED_MS);
    check_lists(town, "after all was healed");
    check_found(town);
    end_well(sim);
}

void play_trackers(struct sim *sim)
{
    struct town town;

    move_in(&town, sim);
    for (uint32_t step = 0; step < 80; step++) {
        do_anything(&town);
        watch(&town, sim_around(sim, 8 * SECOND));
    }
    check_end(&town, sim);
}

void play_reconfigured(struct sim *sim)
{
    struct town town;

    move_in(&town, sim);
    for (uint32_t step = 0; step < 80; step++) {
        if (sim_chance(sim, 40))
            reconfigure(&town);
        else
            do_anything(&town);
        watch(&town, sim_around(sim, 8 * SECOND));
    }
    for (size_t i = 0; i < town.resident_count; i++)
        write_configuration(&town.residents[i], town.settings, town.tracker_count);
    check_end(&town, sim);
}

/* --- Trackers that are not what they should be --- */

/* A tracker's disk says "durable" before it is so, and forgets whose a name is. */
void play_stolen_names(struct sim *sim)
{
    struct town town;
    struct resident *a, *b;

    sim->options = quiet;
    sim->options.disk_lies = true;
    settle(&town, sim, 1, 2);
    a = &town.residents[0];
    b = &town.residents[1];
    watch(&town, 10 * SECOND);
    sim->options.commit_ms_min = sim->options.commit_ms_max = 10 * MINUTE; /* it says at once */
    call_register(a->actor, "anna");
    watch(&town, 2 * MINUTE);
    actor_crash(a->actor);
    actor_crash(&town.trackers[0]);
    actor_start(&town.trackers[0]);
    call_register(b->actor, "anna");
    watch(&town, MINUTE);
}

/* What came of a call by now; it fails the run when nothing has. */
static enum error outcome_of(struct sim *sim, const struct call *call)
{
    if (call == NULL || call->state != CALL_ANSWERED) {
        sim_fail(sim, "a request by name is not answered");
        return OK;
    }
    return call->error;
}

/* One tracker is honest, the other lies: only where both could be right it is up to people. */
static void lie_beside_the_truth(struct town *town, enum lie lie)
{
    struct resident *a = &town->residents[0], *b = &town->residents[1];
    struct sim *sim = town->sim;

    town->trackers[0].lie = lie;
    struct call *call = request_by_name(a->actor, b);
    watch(town, 30 * SECOND);
    const enum error error = outcome_of(sim, call);
    if (lie == LIE_INVENTED && error != ERR_AMBIGUOUS_PEER)
        sim_fail(sim, "two trackers disagree, and the answer is %s", error_name(error));
    if (lie != LIE_INVENTED && !sim_failed(sim) && !check_is_mutual(a->actor, b->actor))
        sim_fail(sim, "a tracker's lie kept %s from %s", a->actor->name, b->actor->name);
    if ((lie == LIE_ALTERED || lie == LIE_OTHER) && check_warnings(a->actor, "tracker_lied") != 1)
        sim_fail(sim, "a tracker lied, and %zu warnings came of it",
                 check_warnings(a->actor, "tracker_lied"));
}

/* Only the liar is there. */
static void lie_alone(struct town *town, enum lie lie)
{
    struct resident *a = &town->residents[0], *b = &town->residents[1];
    struct sim *sim = town->sim;

    actor_call(a->actor, API_LISTPEER, NULL, 0, "{}"); /* the newest records have been seen */
    watch(town, 5 * SECOND);
    town->trackers[0].lie = lie;
    actor_crash(&town->trackers[1]);
    watch(town, 30 * SECOND);
    const struct call *call = request_by_name(a->actor, b);
    watch(town, 30 * SECOND);
    if (outcome_of(sim, call) == OK)
        sim_fail(sim, "%s believed what its tracker invented", a->actor->name);
    const char *reason = lie == LIE_OLDER ? "tracker_outdated" : "tracker_lied";
    if (check_warnings(a->actor, reason) == 0)
        sim_fail(sim, "nobody was warned: %s", reason);
}

void play_liars(struct sim *sim)
{
    static const enum lie all[] = {LIE_ALTERED, LIE_OTHER, LIE_INVENTED};
    static const enum lie caught[] = {LIE_ALTERED, LIE_OTHER, LIE_OLDER};
    struct town town;
    struct actor *b;

    sim->options = quiet;
    settle(&town, sim, 2, 4);
    b = town.residents[1].actor;
    watch(&town, 10 * SECOND);
    actor_call(town.residents[2].actor, API_LISTPEER, NULL, 0, "{}"); /* the first records */
    watch(&town, 5 * SECOND);
    actor_stop(b); /* and the next one is another */
    watch(&town, 5 * SECOND);
    actor_start(b);
    watch(&town, 10 * SECOND);
    check_lists(&town, "after the start");
    if (sim_chance(sim, 50))
        lie_beside_the_truth(&town, all[sim_below(sim, 3)]);
    else
        lie_alone(&town, caught[sim_below(sim, 3)]);
    for (size_t i = 0; i < town.resident_count && !sim_failed(sim); i++)
        if (i != 0 && check_warnings(town.residents[i].actor, "tracker_lied") != 0)
            sim_fail(sim, "%s was warned of an honest tracker", town.residents[i].actor->name);
}
