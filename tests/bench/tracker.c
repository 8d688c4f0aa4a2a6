/* A tracker with a hundred thousand peers: what each costs in memory, how many register again and
 * look others up a second, and whether a page of the list costs the same among many as among few.
 * The tracker has one processor, and who asks it another.
 * Usage: tracker [memory|renewal|look-up|page]; all unless told. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"
#include "common/format.h"
#include "daemon/core/link/message_tracker.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"
#include "tests/bench/inquiry.h"
#include "tests/bench/swarm.h"

enum {
    PEERS = 100000,
    FEW = 1000,
    ROUNDS = 5,

    RENEWING = 100, /* links; each may register 1,200 times a minute */
    RENEWALS = 20000,
    RENEWAL_WINDOW = 16,
    SIGNED_LENGTH_TAG = 1 + 14, /* "p2pchat record", with its length in front */

    ASKING = 32, /* links */
    LOOK_UPS = 200000,
    LOOK_UP_WINDOW = 64,

    PAGE = 30,
    PAGES = 4000,
    PAGE_WINDOW = 8,
};

static const double peer_bytes_max = 300;
static const double renewal_min = 0.6;
static const double look_up_min = 0.3;
static const double page_max = 2;

struct scene {
    struct swarm *swarm;
    struct subject many, few; /* trackers with PEERS and FEW of them */
    struct guest_host host_of_many, host_of_few;
    long empty_kib; /* of `many`, before anybody was there */
};

/* --- Processors --- */

enum processor { OURS, TRACKERS };

static cpu_set_t allowed;

/* This process, and what it starts from now on, runs on one of the first two processors that it may
 * run on; on the only one, where there is no other. */
static void run_on(enum processor which)
{
    cpu_set_t one;
    int processor = 0;

    if (CPU_COUNT(&allowed) == 1)
        which = OURS;
    while (!CPU_ISSET(processor, &allowed) || which-- > 0)
        processor++;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        bench_die("sched_setaffinity");
}

/* --- Beginning and end --- */

static struct guest_host start(struct subject *tracker)
{
    run_on(TRACKERS);
    subject_start(tracker, "[Node]\nRole=tracker\n");
    run_on(OURS);
    struct subject_status status = subject_status(tracker);
    return guest_host(status.peer_id, status.port);
}

static void scene_start(struct scene *scene)
{
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        bench_die("sched_getaffinity");
    scene->swarm = swarm_new(PEERS);
    guest_allow_descriptors(2 * RENEWING);
    scene->host_of_many = start(&scene->many);
    scene->host_of_few = start(&scene->few);
    scene->empty_kib = bench_resting_kib(scene->many.process);
    double began = bench_seconds();
    swarm_register(scene->swarm, 0, FEW, &scene->host_of_few);
    swarm_register(scene->swarm, 0, PEERS, &scene->host_of_many);
    printf("tracker: %d peers registered in %.0f s, each over a new link\n", PEERS,
           bench_seconds() - began);
}

static void scene_stop(struct scene *scene)
{
    subject_stop(&scene->many);
    subject_stop(&scene->few);
    swarm_free(scene->swarm);
}

static void visit(const struct scene *scene, const struct guest_host *host, struct guest *guests,
                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        swarm_visit(scene->swarm, i, &guests[i], host);
    inquiry_greet(guests, count);
}

static void leave(struct guest *guests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        guest_close(&guests[i]);
}

/* What the tracker's processor does a second of a kind (floor_tracker.c). */
static double floor_rate(const char *kind, size_t length)
{
    char *command = xasprintf("exec ./tests/bench/floor_tracker %s %zu", kind, length);
    double rate;

    run_on(TRACKERS);
    FILE *output = popen(command, "re");
    run_on(OURS);
    if (output == NULL || fscanf(output, "%lf", &rate) != 1 || pclose(output) != 0) {
        fprintf(stderr, "benchmark: %s failed\n", command);
        exit(EXIT_FAILURE);
    }
    free(command);
    return rate;
}

static void print_rates(const char *what, size_t count, const struct inquiry_cost *cost,
                        const char *floor_of, double floor)
{
    printf("tracker: %.0f %s/s, floor %.0f %s/s; processor %.2f us each, ours %.2f\n",
           (double)count / cost->wall_s, what, floor, floor_of,
           cost->processor_s / (double)count * 1e6, cost->client_s / (double)count * 1e6);
}

/* --- Memory --- */

static bool memory(const struct scene *scene)
{
    long full_kib = bench_resting_kib(scene->many.process);
    size_t record_length = swarm_record_length(scene->swarm);
    double each = (double)(full_kib - scene->empty_kib) * 1024 / PEERS - (double)record_length;

    printf("tracker: %ld KiB without peers, %ld KiB with %d, whose records have %zu bytes\n",
           scene->empty_kib, full_kib, PEERS, record_length);
    return bench_judge("tracker: bytes for each peer beside its record", each, BENCH_AT_MOST,
                       peer_bytes_max);
}

/* --- Messages made beforehand --- */

struct lines {
    struct bytes text;
    size_t *starts; /* count + 1 of them */
    const struct scene *scene;
    const uint32_t *wanted; /* peers, by line; NULL: none in particular */
};

static void lines_init(struct lines *lines, const struct scene *scene, size_t count)
{
    *lines = (struct lines){.scene = scene, .starts = xcalloc(count + 1, sizeof(size_t))};
}

/* Ends line `number`, which was added to the text. */
static void lines_end(struct lines *lines, size_t number)
{
    lines->starts[number + 1] = bytes_length(&lines->text);
}

static void lines_done(struct lines *lines)
{
    bytes_done(&lines->text);
    free(lines->starts);
}

static void say_line(const struct lines *lines, size_t number, struct guest *guest,
                     enum message_type type)
{
    guest_say(guest, type, bytes_data(&lines->text) + lines->starts[number],
              lines->starts[number + 1] - lines->starts[number]);
}

/* --- Registering again --- */

static void say_register(void *context, size_t number, struct guest *guest)
{
    say_line(context, number, guest, MESSAGE_REGISTER);
}

static bool is_registered(void *context, size_t number, enum message_type type,
                          const struct json *data)
{
    (void)context;
    (void)number;
    (void)data;
    return type == MESSAGE_REGISTER_SUCCESS;
}

/* New records of those who renew, in the order in which they go out. */
static void sign_all(struct lines *lines, const struct scene *scene, size_t round)
{
    uint8_t record[PEER_RECORD_BYTES_MAX];

    lines_init(lines, scene, RENEWALS);
    for (size_t i = 0; i < RENEWALS; i++) {
        size_t newer = 1 + round * (RENEWALS / RENEWING) + i / RENEWING;
        swarm_sign(scene->swarm, i % RENEWING, newer, record);
        message_register_encode(&lines->text, record, swarm_record_length(scene->swarm));
        lines_end(lines, i);
    }
}

static bool renewal(const struct scene *scene)
{
    struct guest *guests = xcalloc(RENEWING, sizeof *guests);
    size_t signed_length =
        SIGNED_LENGTH_TAG + swarm_record_length(scene->swarm) - CRYPTO_SIGNATURE_SIZE;
    double ratios[ROUNDS];

    visit(scene, &scene->host_of_many, guests, RENEWING);
    for (size_t round = 0; round < ROUNDS; round++) {
        struct lines lines;
        sign_all(&lines, scene, round);
        struct inquiry inquiry = {.subject = &scene->many,
                                  .guests = guests,
                                  .guest_count = RENEWING,
                                  .window = RENEWAL_WINDOW,
                                  .count = RENEWALS,
                                  .ask = say_register,
                                  .is_answer = is_registered,
                                  .context = &lines};
        double floor = floor_rate("verify", signed_length);
        struct inquiry_cost cost = inquire(&inquiry);
        ratios[round] = RENEWALS / cost.wall_s / floor;
        print_rates("re-registrations", RENEWALS, &cost, "signatures verified", floor);
        lines_done(&lines);
    }
    leave(guests, RENEWING);
    free(guests);
    return bench_judge("tracker: re-registrations a second", bench_median(ratios, ROUNDS),
                       BENCH_AT_LEAST, renewal_min);
}

/* --- Questions --- */

static void say_listpeer(void *context, size_t number, struct guest *guest)
{
    say_line(context, number, guest, MESSAGE_LISTPEER);
}

/* Whether it answers with the record of who was wanted, exactly as that was signed. It is looked at
 * and not read, so that asking costs less than answering. */
static bool is_found(void *context, size_t number, enum message_type type, const struct json *data)
{
    const struct lines *lines = context;
    const struct swarm *swarm = lines->scene->swarm;
    char wanted[BASE64_LENGTH(PEER_RECORD_BYTES_MAX) + 1];
    const char *text;
    size_t length;
    int64_t query;

    if (type != MESSAGE_RECORDS || !json_integer(json_member(data, "query"), &query) ||
        (size_t)query != number ||
        !json_string(json_first(json_member(data, "records")), &text, &length))
        return false;
    base64_encode(swarm_record(swarm, lines->wanted[number]), swarm_record_length(swarm), wanted);
    return strcmp(text, wanted) == 0;
}

/* Whether it answers with so many records, the first of which is the wanted peer's. */
static bool is_page(void *context, size_t number, enum message_type type, const struct json *data)
{
    const struct lines *lines = context;
    struct message_records records;
    uint8_t record[PEER_RECORD_BYTES_MAX];
    size_t length;

    if (type != MESSAGE_RECORDS || message_records_decode(data, &records) != OK ||
        records.query != number || json_count(records.records) != PAGE)
        return false;
    records_record(json_first(records.records), record, &length);
    return memcmp(record + 1, swarm_record(lines->scene->swarm, lines->wanted[number]) + 1,
                  CRYPTO_PUBLIC_SIZE) == 0; /* behind the version: the key */
}

/* Any of the peers from `first` on, `count` times; the caller frees it. */
static uint32_t *draw(size_t count, uint32_t first, uint32_t end)
{
    struct random random = entropy_random();
    uint32_t *drawn = xcalloc(count, sizeof *drawn);

    for (size_t i = 0; i < count; i++)
        drawn[i] = first + random_below(&random, end - first);
    return drawn;
}

static bool look_up(const struct scene *scene)
{
    struct guest guests[ASKING];
    uint32_t *wanted = draw(LOOK_UPS, RENEWING, PEERS); /* whose records are the first */
    struct lines lines;
    double ratios[ROUNDS];

    lines_init(&lines, scene, LOOK_UPS);
    lines.wanted = wanted;
    for (size_t i = 0; i < LOOK_UPS; i++) {
        const struct message_listpeer question = {
            .query = i, .asks = ASKS_NAME, .text = swarm_name(scene->swarm, wanted[i]), .limit = 1};
        message_listpeer_encode(&lines.text, &question);
        lines_end(&lines, i);
    }
    visit(scene, &scene->host_of_many, guests, ASKING);
    const struct inquiry inquiry = {.subject = &scene->many,
                                    .guests = guests,
                                    .guest_count = ASKING,
                                    .window = LOOK_UP_WINDOW,
                                    .count = LOOK_UPS,
                                    .ask = say_listpeer,
                                    .is_answer = is_found,
                                    .context = &lines};
    for (size_t round = 0; round < ROUNDS; round++) {
        double floor = floor_rate("json", 0);
        struct inquiry_cost cost = inquire(&inquiry);
        ratios[round] = LOOK_UPS / cost.wall_s / floor;
        print_rates("look-ups", LOOK_UPS, &cost, "messages parsed and printed", floor);
    }
    leave(guests, ASKING);
    lines_done(&lines);
    free(wanted);
    return bench_judge("tracker: look-ups a second", bench_median(ratios, ROUNDS), BENCH_AT_LEAST,
                       look_up_min);
}

/* --- Pages --- */

enum depth { FIRST_PAGE, DEEP_PAGE };

/* Processor time of a page, in microseconds, over one link. */
static double page_us(const struct scene *scene, const struct subject *tracker, struct guest *guest,
                      uint32_t peers, enum depth depth)
{
    uint32_t *wanted = draw(PAGES, 1, depth == FIRST_PAGE ? 2 : peers - PAGE);
    struct lines lines;

    lines_init(&lines, scene, PAGES);
    lines.wanted = wanted;
    for (size_t i = 0; i < PAGES; i++) {
        struct message_listpeer question = {
            .query = i, .asks = ASKS_PREFIX, .text = "", .limit = PAGE};
        if (depth == FIRST_PAGE)
            wanted[i] = 0;
        else
            question.after = swarm_name(scene->swarm, wanted[i] - 1);
        message_listpeer_encode(&lines.text, &question);
        lines_end(&lines, i);
    }
    const struct inquiry inquiry = {.subject = tracker,
                                    .guests = guest,
                                    .guest_count = 1,
                                    .window = PAGE_WINDOW,
                                    .count = PAGES,
                                    .ask = say_listpeer,
                                    .is_answer = is_page,
                                    .context = &lines};
    struct inquiry_cost cost = inquire(&inquiry);
    lines_done(&lines);
    free(wanted);
    return cost.processor_s / PAGES * 1e6;
}

static bool page(const struct scene *scene)
{
    static const char *const names[] = {"first", "deep"};
    struct guest at_many, at_few;
    double ratios[2][ROUNDS];
    bool ok = true;

    visit(scene, &scene->host_of_many, &at_many, 1);
    visit(scene, &scene->host_of_few, &at_few, 1);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (enum depth depth = FIRST_PAGE; depth <= DEEP_PAGE; depth++) {
            double few = page_us(scene, &scene->few, &at_few, FEW, depth);
            double many = page_us(scene, &scene->many, &at_many, PEERS, depth);
            ratios[depth][round] = many / few;
            printf("tracker: a %s page of %d: %.1f us among %d, %.1f us among %d\n", names[depth],
                   PAGE, few, FEW, many, PEERS);
        }
    }
    leave(&at_many, 1);
    leave(&at_few, 1);
    for (enum depth depth = FIRST_PAGE; depth <= DEEP_PAGE; depth++) {
        char *what = xasprintf("tracker: a %s page among many, beside few", names[depth]);
        ok &= bench_judge(what, bench_median(ratios[depth], ROUNDS), BENCH_AT_MOST, page_max);
        free(what);
    }
    return ok;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*run)(const struct scene *scene);
    } parts[] = {{"memory", memory}, {"renewal", renewal}, {"look-up", look_up}, {"page", page}};
    struct scene scene;
    bool ok = true;

    setvbuf(stdout, NULL, _IOLBF, 0);
    scene_start(&scene);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (argc < 2 || strcmp(argv[1], parts[i].name) == 0)
            ok &= parts[i].run(&scene);
    scene_stop(&scene);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
