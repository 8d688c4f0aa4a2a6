/* What goes wrong by itself, as often as the options say, until everything is healed. */
#include "tests/sim/sim.h"

/* Schedules the next misfortune of a kind; never when its mean is 0. */
static void next(struct sim *sim, struct actor *actor, uint32_t mean_ms,
                 void (*happen)(struct sim *sim, struct event *event))
{
    if (mean_ms != 0)
        sim_after(sim, 1 + sim_around(sim, mean_ms), happen)->actor = actor;
}

/* --- Machines --- */

static void start(struct sim *sim, struct event *event)
{
    (void)sim;
    actor_start(event->actor);
}

static void crash(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    if (sim->healed)
        return;
    if (sim_chance(sim, sim->options.stop_percent))
        actor_stop(actor);
    else
        actor_crash(actor);
    sim_after(sim, sim_between(sim, 0, sim->options.down_ms_max), start)->actor = actor;
    next(sim, actor, sim->options.crash_every_ms, crash);
}

/* No kernel lets a clock go before 1970. */
static void jump(struct sim *sim, struct event *event)
{
    const uint32_t most = sim->options.jump_s_max;
    struct actor *actor = event->actor;

    if (sim->healed)
        return;
    actor->wall_ms += 1000 * ((int64_t)sim_below(sim, 2 * most + 1) - most);
    if (actor_now(actor).unix_ms < 0)
        actor->wall_ms = -(int64_t)sim->now_ms;
    sim_trace(sim, event->actor, "clock jumps");
    next(sim, event->actor, sim->options.jump_every_ms, jump);
}

static void go_on(struct sim *sim, struct event *event)
{
    struct actor *actor = &sim->actors[event->a];

    sim_trace(sim, actor, "goes on");
    sim_go_on(actor);
}

static void stall(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    if (sim->healed)
        return;
    sim_trace(sim, actor, "stalls");
    sim_stall(actor);
    sim_after(sim, sim_between(sim, 0, sim->options.stall_ms_max), go_on)->a = actor->index;
    next(sim, actor, sim->options.stall_every_ms, stall);
}

/* --- Disks --- */

static void disk_works(struct sim *sim, struct event *event)
{
    sim_trace(sim, event->actor, "disk works");
    event->actor->disk.fault = OK;
}

static void disk_breaks(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;

    if (sim->healed)
        return;
    actor->disk.fault = sim_chance(sim, 50) ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED;
    sim_trace(sim, actor, "disk breaks: %s", error_name(actor->disk.fault));
    sim_after(sim, sim_between(sim, 0, sim->options.fault_ms_max), disk_works)->actor = actor;
    next(sim, actor, sim->options.fault_every_ms, disk_breaks);
}

static void trim(struct sim *sim, struct event *event)
{
    if (event->actor->node != NULL)
        disk_trim(&event->actor->disk);
    next(sim, event->actor, sim->options.trim_every_ms, trim);
}

/* --- The network --- */

static void unpart(struct sim *sim, struct event *event)
{
    (void)event;
    sim_trace(sim, NULL, "the network is one again");
    sim->partition = 0;
}

static void part(struct sim *sim, struct event *event)
{
    (void)event;
    if (sim->healed)
        return;
    random_fill(&sim->random, &sim->partition, sizeof sim->partition);
    sim_trace(sim, NULL, "the network is parted");
    sim_after(sim, sim_between(sim, 0, sim->options.partition_ms_max), unpart);
    next(sim, NULL, sim->options.partition_every_ms, part);
}

void chaos_start(struct sim *sim)
{
    next(sim, NULL, sim->options.partition_every_ms, part);
    for (size_t i = 0; i < sim->actor_count; i++) {
        sim->actors[i].inbound = !sim_chance(sim, sim->options.no_inbound_percent);
        next(sim, &sim->actors[i], sim->options.stall_every_ms, stall);
        next(sim, &sim->actors[i], sim->options.crash_every_ms, crash);
        next(sim, &sim->actors[i], sim->options.jump_every_ms, jump);
        next(sim, &sim->actors[i], sim->options.fault_every_ms, disk_breaks);
        next(sim, &sim->actors[i], sim->options.trim_every_ms, trim);
    }
}

void chaos_heal(struct sim *sim)
{
    sim_trace(sim, NULL, "everything is healed");
    sim->healed = true;
    sim->partition = 0;
    for (size_t i = 0; i < sim->actor_count; i++) {
        sim->actors[i].disk.fault = OK;
        sim->actors[i].inbound = true;
        sim_go_on(&sim->actors[i]);
        actor_start(&sim->actors[i]);
    }
}
