/* sim [--scenario=NAME] [--seed=N] [--seeds=COUNT] [--trace]
 *
 * Plays each scenario with its seeds (from 1, or from --seed) and prints TAP. With --trace what
 * happens goes to standard error; with one seed the hash of the trace stands in the plan. */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct choice {
    const char *scenario; /* NULL: all */
    uint64_t seed;
    uint32_t seeds; /* 0: as the scenario says */
    bool trace;
};

/* What is being played, for those who look at the remains. */
static char playing[128];

static void say_playing(void)
{
    if (write(STDERR_FILENO, playing, strlen(playing)) < 0)
        return;
}

static void aborted(int number)
{
    (void)number;
    say_playing();
}

/* The sanitizers', where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* Plays one seed; returns whether it went well. */
static bool play(const struct scenario *scenario, uint64_t seed, FILE *trace, uint64_t *ret_hash)
{
    struct sim *sim = sim_new(scenario->name, seed, trace);

    snprintf(playing, sizeof playing, "# while playing --scenario=%s --seed=%llu\n", scenario->name,
             (unsigned long long)seed);
    scenario->play(sim);
    const bool is_good = !sim_failed(sim);
    if (!is_good && !scenario->must_fail)
        printf("# --scenario=%s --seed=%llu: %s\n", scenario->name, (unsigned long long)seed,
               sim->failure);
    *ret_hash = sim->trace_hash;
    sim_free(sim);
    return is_good;
}

/* Prints the verdict on one scenario: all its seeds must go well, or one must be caught. */
static bool judge(const struct scenario *scenario, const struct choice *choice, size_t number)
{
    const uint32_t seeds = choice->seeds != 0 ? choice->seeds : scenario->seeds;
    uint64_t hash = 0, bad = 0, hashes = SIM_HASH_START;

    for (uint32_t i = 0; i < seeds; i++) {
        bad += !play(scenario, choice->seed + i, choice->trace ? stderr : NULL, &hash);
        hashes = sim_hash(hashes, &hash, sizeof hash);
    }
    const bool is_good = scenario->must_fail ? bad > 0 : bad == 0;
    printf("%s %zu - %s: %s (%u seeds, trace %016llx)\n", is_good ? "ok" : "not ok", number,
           scenario->name, scenario->about, seeds, (unsigned long long)hashes);
    fflush(stdout);
    return is_good;
}

static bool read_options(int argc, char **argv, struct choice *choice)
{
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        const size_t length = value != NULL ? (size_t)(value++ - argv[i]) : strlen(argv[i]);
        if (strcmp(argv[i], "--trace") == 0)
            choice->trace = true;
        else if (value != NULL && strncmp(argv[i], "--scenario", length) == 0)
            choice->scenario = value;
        else if (value != NULL && strncmp(argv[i], "--seed", length) == 0)
            choice->seed = strtoull(value, NULL, 10);
        else if (value != NULL && strncmp(argv[i], "--seeds", length) == 0)
            choice->seeds = (uint32_t)strtoul(value, NULL, 10);
        else
            return false;
    }
    return true;
}

static bool is_chosen(const struct choice *choice, const struct scenario *scenario)
{
    return choice->scenario == NULL || strcmp(choice->scenario, scenario->name) == 0;
}

int main(int argc, char **argv)
{
    struct choice choice = {.seed = 1};
    size_t chosen = 0, number = 0, bad = 0;

    if (!read_options(argc, argv, &choice)) {
        fprintf(stderr, "usage: sim [--scenario=NAME] [--seed=N] [--seeds=COUNT] [--trace]\n");
        return 2;
    }
    signal(SIGABRT, aborted);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(say_playing);
    for (size_t i = 0; i < scenario_count; i++)
        chosen += is_chosen(&choice, &scenarios[i]);
    printf("1..%zu\n", chosen);
    for (size_t i = 0; i < scenario_count; i++)
        if (is_chosen(&choice, &scenarios[i]))
            bad += !judge(&scenarios[i], &choice, ++number);
    return bad > 0 || chosen == 0;
}
