/* SPDX-License-Identifier: MIT */
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

const struct scenario scenarios[] = {
    {"conversation", "two nodes: request, accept, messages both ways", 10, conversation, false},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
