/* Plays scenarios with their seeds and prints TAP: see usage(). */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"

enum { JOBS_MAX = 64, FAILURES_SHOWN = 10 };

struct choice {
    const char *scenario; /* NULL: all */
    uint64_t seed;
    uint32_t seeds; /* of each scenario; 0: as it says */
    uint32_t total; /* of all scenarios together, in the proportion that they say; 0: as they say */
    uint32_t jobs;
    bool first; /* no further seeds when one failed */
    bool trace;
    bool list;
};

static void usage(void)
{
    fprintf(stderr, "usage: sim [OPTION...]\n"
                    "  --list           say which scenarios there are\n"
                    "  --scenario=NAME  only this one\n"
                    "  --seed=N         the first seed (1)\n"
                    "  --seeds=COUNT    so many seeds of each scenario; else as the scenario says\n"
                    "  --total=COUNT    so many seeds at least of all scenarios together\n"
                    "  --jobs=N         play with N processes\n"
                    "  --first          stop at the first seed that fails\n"
                    "  --trace          say what happens on standard error\n");
}

/* --- One seed --- */

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

enum verdict { NOT_PLAYED, BEGUN, WENT_WELL, FAILED };

struct outcome {
    enum verdict verdict;
    uint64_t hash; /* of the trace */
    char failure[512];
};

static void play(const struct scenario *scenario, uint64_t seed, FILE *trace,
                 struct outcome *outcome)
{
    struct sim *sim = sim_new(scenario->name, seed, trace);

    outcome->verdict = BEGUN;
    snprintf(playing, sizeof playing, "# while playing --scenario=%s --seed=%llu\n", scenario->name,
             (unsigned long long)seed);
    scenario->play(sim);
    outcome->hash = sim->trace_hash;
    memcpy(outcome->failure, sim->failure, sizeof outcome->failure);
    outcome->verdict = sim_failed(sim) ? FAILED : WENT_WELL;
    sim_free(sim);
}

/* --- All seeds of a scenario, by several processes --- */

/* What the processes share. */
struct board {
    uint32_t next; /* to be played */
    bool has_failed;
    struct outcome outcomes[];
};

static void work(const struct scenario *scenario, const struct choice *choice, uint32_t seeds,
                 struct board *board)
{
    uint32_t i;

    while ((i = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED)) < seeds) {
        if (choice->first && board->has_failed)
            return;
        play(scenario, choice->seed + i, choice->trace ? stderr : NULL, &board->outcomes[i]);
        if (board->outcomes[i].verdict == FAILED)
            board->has_failed = true;
    }
}

/* False when a process did not get to its end. */
static bool work_together(const struct scenario *scenario, const struct choice *choice,
                          uint32_t seeds, struct board *board)
{
    bool is_good = true;
    int status;

    for (uint32_t job = 0; job < choice->jobs; job++) {
        const pid_t pid = fork();
        must(pid >= 0);
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work(scenario, choice, seeds, board);
            exit(0);
        }
    }
    while (wait(&status) > 0)
        is_good = is_good && status == 0;
    return is_good;
}

/* Prints what failed; returns how many seeds did. */
static uint32_t show(const struct scenario *scenario, const struct choice *choice, uint32_t seeds,
                     const struct board *board)
{
    uint32_t bad = 0;

    for (uint32_t i = 0; i < seeds; i++) {
        const struct outcome *outcome = &board->outcomes[i];
        if (outcome->verdict != FAILED && outcome->verdict != BEGUN)
            continue;
        if (++bad <= FAILURES_SHOWN && !scenario->must_fail)
            printf("# --scenario=%s --seed=%llu: %s\n", scenario->name,
                   (unsigned long long)(choice->seed + i),
                   outcome->verdict == BEGUN ? "the simulator died" : outcome->failure);
    }
    return bad;
}

/* Prints the verdict on one scenario: all its seeds must go well, or one must be caught. */
static bool judge(const struct scenario *scenario, const struct choice *choice, uint32_t seeds,
                  size_t number)
{
    const size_t length = sizeof(struct board) + seeds * sizeof(struct outcome);
    struct board *board =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t hashes = SIM_HASH_START;
    bool is_good = true;

    must(board != MAP_FAILED);
    if (choice->jobs > 1)
        is_good = work_together(scenario, choice, seeds, board);
    else
        work(scenario, choice, seeds, board);
    for (uint32_t i = 0; i < seeds; i++)
        hashes = sim_hash(hashes, &board->outcomes[i].hash, sizeof hashes);
    const uint32_t bad = show(scenario, choice, seeds, board);
    is_good = is_good && (scenario->must_fail ? bad > 0 : bad == 0);
    printf("%s %zu - %s: %s (%u seeds, trace %016llx)\n", is_good ? "ok" : "not ok", number,
           scenario->name, scenario->about, seeds, (unsigned long long)hashes);
    fflush(stdout);
    munmap(board, length);
    return is_good;
}

/* --- What to play --- */

static bool read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || number < 1 || number > max)
        return false;
    *ret_number = number;
    return true;
}

static bool read_option(const char *name, size_t length, const char *value, struct choice *choice)
{
    static const char *const names[] = {"--seed", "--seeds", "--total", "--jobs"};
    static const uint64_t most[] = {UINT64_MAX, 1000000, 1000000, JOBS_MAX};
    uint64_t number;

    if (strncmp(name, "--scenario", length) == 0 && strlen("--scenario") == length) {
        choice->scenario = value;
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) != length || strncmp(name, names[i], length) != 0)
            continue;
        if (!read_number(value, most[i], &number))
            return false;
        choice->seed = i == 0 ? number : choice->seed;
        choice->seeds = i == 1 ? (uint32_t)number : choice->seeds;
        choice->total = i == 2 ? (uint32_t)number : choice->total;
        choice->jobs = i == 3 ? (uint32_t)number : choice->jobs;
        return true;
    }
    return false;
}

static bool read_options(int argc, char **argv, struct choice *choice)
{
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (strcmp(argv[i], "--trace") == 0)
            choice->trace = true;
        else if (strcmp(argv[i], "--list") == 0)
            choice->list = true;
        else if (strcmp(argv[i], "--first") == 0)
            choice->first = true;
        else if (value == NULL ||
                 !read_option(argv[i], (size_t)(value - argv[i]), value + 1, choice))
            return false;
    }
    return true;
}

static bool is_chosen(const struct choice *choice, const struct scenario *scenario)
{
    return choice->scenario == NULL || strcmp(choice->scenario, scenario->name) == 0;
}

/* Seeds of this scenario; `usual` is what all that are chosen play together by themselves. */
static uint32_t seeds_of(const struct choice *choice, const struct scenario *scenario,
                         uint32_t usual)
{
    if (choice->seeds != 0)
        return choice->seeds;
    if (choice->total <= usual)
        return scenario->seeds;
    return (uint32_t)(((uint64_t)scenario->seeds * choice->total + usual - 1) / usual);
}

/* Returns whether all went well. */
static bool play_chosen(const struct choice *choice)
{
    size_t chosen = 0, number = 0, bad = 0;
    uint32_t usual = 0;

    for (size_t i = 0; i < scenario_count; i++)
        if (is_chosen(choice, &scenarios[i])) {
            chosen++;
            usual += scenarios[i].seeds;
        }
    printf("1..%zu\n", chosen);
    fflush(stdout); /* or each process would print it again */
    for (size_t i = 0; i < scenario_count; i++)
        if (is_chosen(choice, &scenarios[i]))
            bad += !judge(&scenarios[i], choice, seeds_of(choice, &scenarios[i], usual), ++number);
    return bad == 0 && chosen > 0;
}

int main(int argc, char **argv)
{
    struct choice choice = {.seed = 1, .jobs = 1};

    if (!read_options(argc, argv, &choice)) {
        usage();
        return 2;
    }
    if (choice.list) {
        for (size_t i = 0; i < scenario_count; i++)
            printf("%s\n", scenarios[i].name);
        return 0;
    }
    signal(SIGABRT, aborted);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(say_playing);
    return !play_chosen(&choice);
}
