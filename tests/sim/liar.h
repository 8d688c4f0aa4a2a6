/* Trackers that lie: what they are told to, in each record that they hand out. They are true nodes
 * in that role; only what they write into RECORDS is changed on the way (the linker puts liar.c
 * between them and records_add). */
#ifndef P2PCHAT_TESTS_SIM_LIAR_H
#define P2PCHAT_TESTS_SIM_LIAR_H

#include "tests/sim/sim.h"

/* The actor whose node is at work from now on; NULL: none. */
void liar_turn(struct actor *actor);

void liar_done(struct sim *sim);

#endif
