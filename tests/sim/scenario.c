/* What the people at the nodes do, and in what kind of world. */
#include "tests/sim/sim.h"

#include "daemon/core/limits.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* A quiet network of good machines. */
static const struct options quiet = {
    .delay_ms_min = 1,
    .delay_ms_max = 40,
    .bytes_per_ms = 1000,
    .user_timeout_ms = 20 * SECOND,
    .commit_ms_min = 1,
    .commit_ms_max = 15,
    .request_timeout_ms = 600 * SECOND,
    .outbox_messages_max = 1000000,
};

/* Where everything goes wrong that the project promises to bear. */
static const struct options wild = {
    .delay_ms_min = 1,
    .delay_ms_max = 400,
    .bytes_per_ms = 100,
    .dial_fails_percent = 20,
    .no_inbound_percent = 20,
    .carrier_life_ms = 40 * SECOND,
    .silent_percent = 30,
    .user_timeout_ms = 20 * SECOND,
    .partition_every_ms = 60 * SECOND,
    .partition_ms_max = 60 * SECOND,
    .crash_every_ms = 90 * SECOND,
    .down_ms_max = 30 * SECOND,
    .stop_percent = 30,
    .jump_every_ms = 60 * SECOND,
    .jump_ms_max = 3600 * SECOND,
    .commit_ms_min = 1,
    .commit_ms_max = 60,
    .fault_every_ms = 120 * SECOND,
    .fault_ms_max = 30 * SECOND,
    .request_timeout_ms = 600 * SECOND,
    .outbox_messages_max = 1000000,
};

/* --- Pieces --- */

static void start(struct sim *sim, const struct options *options, size_t count,
                  enum manners manners)
{
    sim->options = *options;
    actors_add(sim, count);
    for (size_t i = 0; i < count; i++) {
        sim->actors[i].manners = manners;
        actor_start(&sim->actors[i]);
    }
}

static struct actor *anybody(struct sim *sim)
{
    return &sim->actors[sim_below(sim, (uint32_t)sim->actor_count)];
}

static struct actor *somebody_else(struct sim *sim, const struct actor *than)
{
    const size_t step = 1 + sim_below(sim, (uint32_t)sim->actor_count - 1);

    return &sim->actors[(than->index + step) % sim->actor_count];
}

/* Everybody asks everybody with a higher index, in quiet. */
static void make_friends(struct sim *sim)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = i + 1; j < sim->actor_count; j++)
            people_request(&sim->actors[i], &sim->actors[j],
                           sim_chance(sim, 50) ? BY_KEY : BY_ADDRESS);
    sim_run(sim, 30 * SECOND);
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = i + 1; j < sim->actor_count; j++)
            if (!sim_failed(sim) && !check_is_mutual(&sim->actors[i], &sim->actors[j]))
                sim_fail(sim, "%s and %s did not get to know each other", sim->actors[i].name,
                         sim->actors[j].name);
}

/* Everything works again; in a while all must be well. Long enough for the longest wait between
 * dials, which is 5 minutes and a quarter, and for a link that fell silent before. */
static void end_well(struct sim *sim)
{
    chaos_heal(sim);
    sim_run(sim, 12 * MINUTE);
    if (!sim_failed(sim))
        check_converged(sim);
}

/* --- The scenarios --- */

static void conversation(struct sim *sim)
{
    struct actor *alice, *bob;

    start(sim, &quiet, 2, ACCEPT);
    alice = &sim->actors[0];
    bob = &sim->actors[1];
    people_request(alice, bob, BY_ADDRESS);
    sim_run(sim, 10 * SECOND);
    if (!sim_failed(sim) && !check_is_mutual(alice, bob))
        sim_fail(sim, "no consent");
    people_say(alice, bob, 20);
    people_say(bob, alice, 20);
    people_say(bob, alice, 60000);
    sim_run(sim, 5 * SECOND);
    if (!sim_failed(sim) &&
        (check_received(sim, alice, bob) != 1 || check_received(sim, bob, alice) != 2))
        sim_fail(sim, "no conversation");
    end_well(sim);
}

static size_t some_length(struct sim *sim)
{
    return sim_chance(sim, 10) ? sim_between(sim, 1000, 65000) : sim_between(sim, 30, 200);
}

/* Bursts both ways between several nodes while everything goes wrong. */
static void messages(struct sim *sim)
{
    struct options options = wild;

    start(sim, &quiet, 2 + sim_below(sim, 3), ACCEPT);
    make_friends(sim);
    options.no_inbound_percent = 0;
    sim->options = options;
    chaos_start(sim);
    for (uint32_t round = 0; round < 40; round++) {
        struct actor *from = anybody(sim), *to = somebody_else(sim, from);
        for (uint32_t burst = sim_chance(sim, 20) ? 1 + sim_below(sim, 100) : 3; burst > 0; burst--)
            people_say(from, to, some_length(sim));
        sim_run(sim, sim_around(sim, 8 * SECOND));
    }
    end_well(sim);
}

const struct scenario scenarios[] = {
    {"conversation", "two nodes: request, accept, messages both ways", 10, conversation, false},
    {"messages", "bursts between several nodes while everything goes wrong", 40, messages, false},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
