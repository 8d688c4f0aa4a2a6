/* What scenarios share, and those that are not in scenario.c. */
#ifndef P2PCHAT_TESTS_SIM_SCENARIO_H
#define P2PCHAT_TESTS_SIM_SCENARIO_H

#include "tests/sim/sim.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* A quiet network of good machines. */
extern const struct options quiet;

/* Where everything goes wrong that the project promises to bear. */
extern const struct options wild;

struct actor *anybody(struct sim *sim);
struct actor *somebody_else(struct sim *sim, const struct actor *than);

/* Everything works again; in a while all must be well. */
void end_well(struct sim *sim);

/* --- scenario_trackers.c --- */

void play_registered(struct sim *sim);
void play_trackers(struct sim *sim);
void play_reconfigured(struct sim *sim);
void play_stolen_names(struct sim *sim);
void play_liars(struct sim *sim);

#endif
