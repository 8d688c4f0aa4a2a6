/* What the people at the nodes do, and in what kind of world. */
#include "tests/sim/scenario.h"

#include "daemon/core/limits.h"

enum { YEAR_S = 365 * 24 * 3600 };

const struct options quiet = {
    .delay_ms_min = 1,
    .delay_ms_max = 40,
    .bytes_per_ms = 1000,
    .user_timeout_ms = 20 * SECOND,
    .commit_ms_min = 1,
    .commit_ms_max = 15,
    .request_timeout_ms = 600 * SECOND,
    .outbox_messages_max = 1000000,
    .think_ms_max = 3 * SECOND,
    .wait_percent = 10,
    .leave_percent = 20,
    .repeat_percent = 10,
    .repeat_ms_max = 5 * MINUTE,
};

const struct options wild = {
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
    .jump_s_max = 24 * 3600,
    .stall_every_ms = 90 * SECOND,
    .stall_ms_max = 120 * SECOND,
    .commit_ms_min = 1,
    .commit_ms_max = 60,
    .fault_every_ms = 120 * SECOND,
    .fault_ms_max = 30 * SECOND,
    .request_timeout_ms = 600 * SECOND,
    .outbox_messages_max = 1000000,
    .think_ms_max = 3 * SECOND,
    .wait_percent = 10,
    .leave_percent = 20,
    .repeat_percent = 10,
    .repeat_ms_max = 5 * MINUTE,
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

struct actor *anybody(struct sim *sim)
{
    return &sim->actors[sim_below(sim, (uint32_t)sim->actor_count)];
}

struct actor *somebody_else(struct sim *sim, const struct actor *than)
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

/* Long enough for the longest wait between dials, which is 5 minutes and a quarter, and for a link
 * that fell silent before. */
void end_well(struct sim *sim)
{
    chaos_heal(sim);
    for (uint32_t round = 0; round < 12 * MINUTE / (10 * SECOND); round++) {
        sim_run(sim, 10 * SECOND);
        check_flow(sim);
    }
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

/* Talk in bursts between anybody, for `rounds` of about `pause_ms`. */
static void talk(struct sim *sim, uint32_t rounds, uint32_t pause_ms)
{
    while (rounds-- > 0) {
        struct actor *from = anybody(sim), *to = somebody_else(sim, from);
        for (uint32_t burst = sim_chance(sim, 20) ? 1 + sim_below(sim, 100) : 3; burst > 0; burst--)
            people_say(from, to, some_length(sim));
        sim_run(sim, sim_around(sim, pause_ms));
    }
}

static void messages(struct sim *sim)
{
    start(sim, &quiet, 2 + sim_below(sim, 3), ACCEPT);
    make_friends(sim);
    sim->options = wild;
    chaos_start(sim);
    talk(sim, 40, 8 * SECOND);
    end_well(sim);
}

/* A thin line, and more to say than it carries at once. */
static void thin_line(struct sim *sim)
{
    struct options options = quiet;
    uint64_t carriers;

    options.bytes_per_ms = 10 + sim_below(sim, 20);
    start(sim, &options, 2, ACCEPT);
    make_friends(sim);
    carriers = sim->last_carrier;
    for (uint32_t message = 0; message < 60; message++) {
        struct actor *from = anybody(sim);
        people_say(from, somebody_else(sim, from), 60000);
    }
    sim_run(sim, 15 * MINUTE);
    if (sim->last_carrier != carriers)
        sim_fail(sim, "a link was given up because it is slow");
    end_well(sim);
}

/* Many machines, each with a few friends. */
static void crowd(struct sim *sim)
{
    start(sim, &quiet, 24, ACCEPT);
    for (size_t i = 0; i < sim->actor_count; i++)
        for (uint32_t friends = 0; friends < 3; friends++)
            people_insist(&sim->actors[i], somebody_else(sim, &sim->actors[i]));
    sim_run(sim, 30 * SECOND);
    sim->options = wild;
    chaos_start(sim);
    talk(sim, 100, SECOND);
    end_well(sim);
}

/* One thing that somebody may do about somebody else. */
static void do_anything(struct sim *sim)
{
    struct actor *from = anybody(sim), *to = somebody_else(sim, from);

    if (from->node == NULL)
        return;
    switch (sim_below(sim, 16)) {
    case 0:
        people_about(from, API_CHAT_DISCONNECT, to);
        break;
    case 1:
        people_about(from, API_CONTACT_BLOCK, to);
        break;
    case 2:
        people_about(from, API_CONTACT_UNBLOCK, to);
        break;
    case 3:
        people_about(from, API_CONTACT_REMOVE, to);
        break;
    case 4: /* early, late or doubled */
        people_about(from, API_CHAT_ACCEPT, to);
        break;
    case 5:
        people_about(from, API_CHAT_REFUSE, to);
        break;
    case 6: /* both at once: crossing */
        people_request(from, to, BY_KEY);
        people_request(to, from, BY_KEY);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        people_say(from, to, some_length(sim));
        break;
    default:
        people_request(from, to, sim_chance(sim, 50) ? BY_KEY : BY_ADDRESS);
    }
}

static void consent(struct sim *sim)
{
    start(sim, &quiet, 2 + sim_below(sim, 3), ANYHOW);
    if (sim_chance(sim, 70)) {
        sim->options = wild;
        chaos_start(sim);
    }
    sim->options.request_timeout_ms = 60 * SECOND;
    sim->options.think_ms_max = 70 * SECOND;
    for (uint32_t step = 0; step < 80; step++) {
        do_anything(sim);
        sim_run(sim, sim_around(sim, 5 * SECOND));
    }
    end_well(sim);
}

/* Whatever goes wrong, who asked and was accepted has a chat in the end. */
static void requests(struct sim *sim)
{
    sim->options = wild;
    sim->options.crash_every_ms = 30 * SECOND;
    sim->options.carrier_life_ms = 5 * SECOND;
    sim->options.request_timeout_ms = 60 * MINUTE;
    sim->options.no_inbound_percent = 0;
    actors_add(sim, 2 + sim_below(sim, 3));
    for (size_t i = 0; i < sim->actor_count; i++) {
        sim->actors[i].is_bot = sim_chance(sim, 20);
        sim->actors[i].manners = sim->actors[i].is_bot ? IGNORE : ACCEPT;
        actor_start(&sim->actors[i]);
    }
    chaos_start(sim);
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = 0; j < sim->actor_count; j++)
            if (i < j || (i > j && sim_chance(sim, 30)))
                people_insist(&sim->actors[i], &sim->actors[j]);
    sim_run(sim, 3 * MINUTE);
    end_well(sim);
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = 0; j < i; j++)
            if (!sim_failed(sim) && !check_is_mutual(&sim->actors[i], &sim->actors[j]))
                sim_fail(sim, "%s and %s have no chat", sim->actors[i].name, sim->actors[j].name);
}

/* Both sides lose their link again and again, and dial at the same time. */
static void duplicates(struct sim *sim)
{
    struct options options = quiet;
    struct actor *a, *b;

    options.delay_ms_max = 800;
    start(sim, &options, 2, ACCEPT);
    make_friends(sim);
    a = &sim->actors[0];
    b = &sim->actors[1];
    for (uint32_t round = 0; round < 20 && !sim_failed(sim); round++) {
        const uint64_t carriers = sim->last_carrier;
        wire_break(sim, a, b, WIRE_CUT);
        sim_run(sim, sim_below(sim, 4 * SECOND));
        people_say(a, b, 100);
        people_say(b, a, 100);
        if (sim_chance(sim, 50)) /* while links come and go, also often */
            continue;
        sim_run(sim, 7 * MINUTE); /* longer than any wait between dials */
        if (!sim_failed(sim))
            check_converged(sim);
        if (sim->last_carrier - carriers > 2) /* one from each side */
            sim_fail(sim, "both sides close links, and dial again");
    }
    end_well(sim);
}

static void keepalive(struct sim *sim)
{
    struct options options = quiet;
    struct actor *a, *b;
    uint64_t carriers;

    options.user_timeout_ms = 0; /* nobody but the nodes themselves finds out */
    start(sim, &options, 2, ACCEPT);
    make_friends(sim);
    a = &sim->actors[0];
    b = &sim->actors[1];
    carriers = sim->last_carrier;
    sim_run(sim, 120 * MINUTE);
    if (sim->last_carrier != carriers)
        sim_fail(sim, "an idle link was not kept");
    wire_break(sim, a, b, WIRE_SILENT);
    sim_run(sim, 59 * SECOND);
    if (sim->last_carrier != carriers)
        sim_fail(sim, "a link was given up too soon");
    people_say(a, b, 100);
    people_say(b, a, 100);
    sim_run(sim, 45 * SECOND);
    if (check_received(sim, a, b) != 1 || check_received(sim, b, a) != 1)
        sim_fail(sim, "a silent link was not given up after 90 s");
    end_well(sim);
}

/* Keys are renewed every two minutes while data flow, and nobody notices. */
static void renewal(struct sim *sim)
{
    struct options options = quiet;
    uint64_t carriers;

    options.delay_ms_max = 400;
    start(sim, &options, 2, ACCEPT);
    make_friends(sim);
    carriers = sim->last_carrier;
    for (uint32_t round = 0; round < 300 && !sim_failed(sim); round++) {
        struct actor *from = anybody(sim);
        for (uint32_t burst = sim_chance(sim, 10) ? 60 : 1; burst > 0; burst--)
            people_say(from, somebody_else(sim, from), some_length(sim));
        sim_run(sim, sim_around(sim, sim_chance(sim, 5) ? MINUTE : 4 * SECOND));
    }
    if (sim->last_carrier != carriers)
        sim_fail(sim, "a link was lost while it was in use");
    end_well(sim);
}

static void failing_disks(struct sim *sim)
{
    struct options options = quiet;

    options.fault_every_ms = 30 * SECOND;
    options.fault_ms_max = 30 * SECOND;
    if (sim_chance(sim, 50))
        options.crash_every_ms = 60 * SECOND;
    options.down_ms_max = 5 * SECOND;
    options.stop_percent = 30;
    start(sim, &quiet, 2 + sim_below(sim, 2), ACCEPT);
    make_friends(sim);
    sim->options = options;
    chaos_start(sim);
    talk(sim, 40, 5 * SECOND);
    sim->options.fault_every_ms = sim->options.fault_ms_max = 3 * SECOND;
    for (uint32_t step = 0; step < 100; step++) {
        do_anything(sim);
        sim_run(sim, sim_around(sim, SECOND));
    }
    end_well(sim);
}

/* Nobody is at the receiver's machine: when its disk fails, it must find out by itself that it
 * works again, and tell who sends. */
static void listener(struct sim *sim)
{
    struct actor *a, *b;

    start(sim, &quiet, 2, ACCEPT);
    make_friends(sim);
    a = &sim->actors[0];
    b = &sim->actors[1];
    for (uint32_t round = 0; round < 10 && !sim_failed(sim); round++) {
        const size_t length = sim_chance(sim, 20) ? 10000 : 100;
        b->disk.fault = sim_chance(sim, 50) ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED;
        for (uint32_t burst = sim_between(sim, 1, 30); burst > 0; burst--)
            people_say(a, b, length);
        sim_run(sim, sim_around(sim, 20 * SECOND));
        if (sim_chance(sim, 30)) { /* what is said now is of another epoch */
            actor_crash(a);
            actor_start(a);
            sim_run(sim, sim_around(sim, 2 * SECOND));
            b->disk.fault = OK;
            sim_run(sim, sim_around(sim, 5 * SECOND));
            for (uint32_t burst = sim_between(sim, 1, 30); burst > 0; burst--)
                people_say(a, b, 100);
        }
        b->disk.fault = OK;
        for (uint32_t step = 0; step < 20; step++) {
            sim_run(sim, 10 * SECOND);
            check_flow(sim);
        }
    }
    end_well(sim);
}

/* Wall clocks jump by years while requests wait and messages flow. */
static void clock_jumps(struct sim *sim)
{
    struct options options = quiet;
    struct actor *a, *b;

    options.jump_every_ms = 5 * SECOND;
    options.jump_s_max = 20 * YEAR_S;
    options.request_timeout_ms = 600 * SECOND;
    start(sim, &options, 3, IGNORE);
    a = &sim->actors[0];
    b = &sim->actors[1];
    chaos_start(sim);
    people_request(a, b, BY_ADDRESS);
    sim_run(sim, 590 * SECOND);
    if (check_rows(a, EVENT_CHAT_EXPIRED) != 0 || check_rows(b, EVENT_CHAT_EXPIRED) != 0)
        sim_fail(sim, "a request expired too soon");
    actor_stop(b); /* the time it is down does not count */
    sim_run(sim, 30 * SECOND);
    actor_start(b);
    if (check_rows(a, EVENT_CHAT_EXPIRED) != 1 || check_rows(b, EVENT_CHAT_EXPIRED) != 0)
        sim_fail(sim, "a request did not expire in its time");
    sim_run(sim, 30 * SECOND);
    if (check_rows(b, EVENT_CHAT_EXPIRED) != 1)
        sim_fail(sim, "a request did not expire after a restart");
    for (size_t i = 0; i < sim->actor_count; i++)
        sim->actors[i].manners = ACCEPT;
    make_friends(sim);
    talk(sim, 20, 10 * SECOND);
    end_well(sim);
}

/* Somebody is away for a day, and comes back to thousands of messages. */
static void away(struct sim *sim)
{
    struct actor *a, *b;

    start(sim, &quiet, 2, ACCEPT);
    make_friends(sim);
    a = &sim->actors[0];
    b = &sim->actors[1];
    actor_stop(b);
    for (uint32_t hour = 0; hour < 24 && !sim_failed(sim); hour++) {
        for (uint32_t message = sim_below(sim, 200); message > 0; message--)
            people_say(a, b, sim_chance(sim, 2) ? 60000 : 100);
        if (sim_chance(sim, 20))
            actor_crash(a);
        sim_run(sim, 30 * MINUTE);
        actor_start(a);
        sim_run(sim, 30 * MINUTE);
    }
    actor_start(b);
    end_well(sim);
}

/* The same identity on two machines: told once, and no ping-pong. */
static void clones(struct sim *sim)
{
    struct actor *a, *b, *double_of_b;
    uint64_t carriers;

    sim->options = quiet;
    sim->options.disk_keeps = true;
    actors_add(sim, 3);
    a = &sim->actors[0];
    b = &sim->actors[1];
    double_of_b = &sim->actors[2];
    a->manners = b->manners = double_of_b->manners = ACCEPT;
    actor_start(a);
    actor_start(b);
    people_request(b, a, BY_KEY);
    sim_run(sim, 10 * SECOND);
    actor_clone(double_of_b, b);
    actor_start(double_of_b);
    sim_run(sim, 10 * MINUTE);
    if (!sim_failed(sim) && check_warnings(a, "cloned_identity") == 0)
        sim_fail(sim, "a clone was not noticed");
    if (check_warnings(a, "cloned_identity") > 2)
        sim_fail(sim, "a clone was told of %zu times", check_warnings(a, "cloned_identity"));
    carriers = sim->last_carrier;
    sim_run(sim, 60 * MINUTE);
    if (sim->last_carrier - carriers > 120)
        sim_fail(sim, "clones made %llu carriers in an hour",
                 (unsigned long long)(sim->last_carrier - carriers));
}

/* A copy of the disk from some time since all had agreed. */
static void restore(struct sim *sim, struct actor *actor)
{
    const uint64_t since_ms = 30 * SECOND;

    actor_restore(actor, since_ms + sim_below(sim, (uint32_t)(sim->now_ms - since_ms) + 1));
}

/* Disks are restored from older copies, of one side or of both: all goes on from there. */
static void restored(struct sim *sim)
{
    struct options options = quiet;

    options.disk_keeps = true;
    start(sim, &options, 2 + sim_below(sim, 2), ACCEPT);
    make_friends(sim);
    sim->options.carrier_life_ms = 30 * SECOND;
    for (uint32_t round = 0; round < 12 && !sim_failed(sim); round++) {
        talk(sim, 4, 2 * SECOND);
        struct actor *actor = anybody(sim);
        if (sim_chance(sim, 60))
            restore(sim, actor);
        if (sim_chance(sim, 30))
            restore(sim, somebody_else(sim, actor));
    }
    end_well(sim);
}

/* Many who read events, each at its own pace and with its own filter. */
static void readers(struct sim *sim)
{
    sim->options = quiet;
    sim->options.readers = 6;
    sim->options.disk_keeps = true;
    actors_add(sim, 2 + sim_below(sim, 2));
    for (size_t i = 0; i < sim->actor_count; i++) {
        sim->actors[i].manners = ACCEPT;
        actor_start(&sim->actors[i]);
    }
    make_friends(sim);
    sim->options = wild;
    sim->options.readers = 6;
    sim->options.disk_keeps = true;
    sim->options.trim_every_ms = 15 * SECOND;
    chaos_start(sim);
    for (uint32_t round = 0; round < 6 && !sim_failed(sim); round++) {
        talk(sim, 6, 5 * SECOND);
        if (sim_chance(sim, 20))
            restore(sim, anybody(sim));
    }
    end_well(sim);
}

/* Old rows leave the logs, and then an older copy asks for them. */
static void retention(struct sim *sim)
{
    struct options options = quiet;

    options.disk_keeps = true;
    options.readers = 4;
    options.wait_percent = 0; /* nobody says again what is too old to be known */
    start(sim, &options, 2 + sim_below(sim, 2), ACCEPT);
    make_friends(sim);
    sim->options.carrier_life_ms = 5 * MINUTE;
    sim->options.trim_every_ms = 2 * MINUTE;
    chaos_start(sim);
    for (uint32_t round = 0; round < 6 && !sim_failed(sim); round++) {
        talk(sim, 4, 2 * SECOND);
        sim_run(sim, 10 * MINUTE);
        if (sim_chance(sim, 50))
            restore(sim, anybody(sim));
    }
    end_well(sim);
}

/* Databases are lost altogether: who lost one asks again, and all goes on from there. */
static void replaced(struct sim *sim)
{
    struct options options = quiet;

    options.disk_keeps = true;
    start(sim, &options, 2 + sim_below(sim, 2), ACCEPT);
    make_friends(sim);
    sim->options.carrier_life_ms = 30 * SECOND;
    for (uint32_t round = 0; round < 6 && !sim_failed(sim); round++) {
        struct actor *actor = anybody(sim);
        talk(sim, 4, 2 * SECOND);
        actor_restore(actor, 0);
        sim_run(sim, sim_around(sim, 5 * SECOND));
        for (size_t i = 0; i < sim->actor_count; i++)
            if (i != actor->index)
                people_insist(actor, &sim->actors[i]);
        talk(sim, 4, 2 * SECOND);
        sim_run(sim, 30 * SECOND);
    }
    end_well(sim);
}

/* One of two copies of a database runs, then the other, and each has something to say. */
static void turns(struct sim *sim)
{
    struct options options = quiet;
    struct actor *a, *b[2];

    options.disk_keeps = true;
    sim->options = options;
    actors_add(sim, 3);
    a = &sim->actors[0];
    b[0] = &sim->actors[1];
    b[1] = &sim->actors[2];
    for (size_t i = 0; i < sim->actor_count; i++)
        sim->actors[i].manners = ACCEPT;
    actor_start(a);
    actor_start(b[0]);
    people_request(b[0], a, BY_KEY);
    sim_run(sim, 20 * SECOND);
    actor_crash(b[0]);
    actor_clone(b[1], b[0]);
    for (uint32_t turn = 0; turn < 8 && !sim_failed(sim); turn++) {
        struct actor *now = b[turn % 2];
        actor_start(now);
        for (uint32_t message = sim_below(sim, 20); message > 0; message--) {
            people_say(now, a, some_length(sim));
            sim_run(sim, sim_below(sim, SECOND));
        }
        sim_run(sim, sim_below(sim, 3 * SECOND));
        actor_crash(now);
        sim_run(sim, sim_below(sim, 10 * SECOND));
    }
    for (size_t i = 0; i < 2 && !sim_failed(sim); i++) {
        actor_start(b[i]);
        sim_run(sim, 12 * MINUTE);
        check_arrived(b[i], a);
        actor_crash(b[i]);
    }
}

/* Disks so slow that the window is full and credit runs out, and that often end in a crash. */
static void slow_disks(struct sim *sim)
{
    struct options options = quiet;

    start(sim, &quiet, 2 + sim_below(sim, 2), ACCEPT);
    make_friends(sim);
    options.carrier_life_ms = 20 * SECOND;
    options.commit_ms_min = 100;
    options.commit_ms_max = 5 * SECOND;
    options.crash_every_ms = 60 * SECOND;
    options.down_ms_max = 5 * SECOND;
    options.fault_every_ms = 60 * SECOND;
    options.fault_ms_max = 5 * SECOND;
    sim->options = options;
    chaos_start(sim);
    for (uint32_t round = 0; round < 10 && !sim_failed(sim); round++) {
        struct actor *from = anybody(sim), *to = somebody_else(sim, from);
        const bool is_short = sim_chance(sim, 50);
        for (uint32_t burst = sim_below(sim, is_short ? 1500 : 200); burst > 0; burst--)
            people_say(from, to, is_short ? 30 : 20000);
        talk(sim, 3, 5 * SECOND);
    }
    end_well(sim);
}

/* Disks say "durable" before it is so: somebody must notice. */
static void canary(struct sim *sim)
{
    struct options options = quiet;

    sim->options = quiet;
    sim->options.disk_lies = true;
    actors_add(sim, 2);
    for (size_t i = 0; i < 2; i++) {
        sim->actors[i].manners = ACCEPT;
        actor_start(&sim->actors[i]);
    }
    make_friends(sim);
    options.disk_lies = true;
    options.commit_ms_max = 200;
    options.crash_every_ms = 20 * SECOND;
    options.down_ms_max = 5 * SECOND;
    sim->options = options;
    chaos_start(sim);
    talk(sim, 60, SECOND);
    end_well(sim);
}

const struct scenario scenarios[] = {
    {"conversation", "two nodes: request, accept, messages both ways", 5, conversation, false},
    {"messages", "bursts between several nodes while everything goes wrong", 40, messages, false},
    {"thin_line", "more to say than the line carries", 5, thin_line, false},
    {"crowd", "many machines, each with a few friends", 3, crowd, false},
    {"consent", "requests, answers and ends of all kinds while links come and go", 60, consent,
     false},
    {"requests", "who asked and was accepted has a chat in the end", 20, requests, false},
    {"duplicates", "both sides dial at once; one link is kept, and messages flow", 20, duplicates,
     false},
    {"keepalive", "idle links are kept, silent ones given up", 5, keepalive, false},
    {"renewal", "keys are renewed while data flow", 10, renewal, false},
    {"failing_disks", "nothing that was answered is lost, and all goes on by itself", 40,
     failing_disks, false},
    {"listener", "a disk that works again, and nobody there to try it", 10, listener, false},
    {"clock_jumps", "nothing depends on the time of day", 10, clock_jumps, false},
    {"away", "a day's absence, and thousands of messages waiting", 5, away, false},
    {"clones", "one identity on two machines", 5, clones, false},
    {"restored", "disks come back from older copies", 20, restored, false},
    {"retention", "old rows leave the log, and who needs them is told", 20, retention, false},
    {"replaced", "disks are lost, and people ask again", 20, replaced, false},
    {"turns", "two copies of one database take turns", 20, turns, false},
    {"readers", "every reader of events reads each once", 40, readers, false},
    {"slow_disks", "windows are full and credit runs out", 20, slow_disks, false},
    {"registered", "who is registered is listed, and no one else", 10, play_registered, false},
    {"trackers", "trackers and nodes while everything goes wrong", 20, play_trackers, false},
    {"reconfigured", "nodes whose configuration changes, too", 20, play_reconfigured, false},
    {"liars", "trackers that lie are caught, and not believed", 20, play_liars, false},
    {"canary", "disks that lie are caught", 5, canary, true},
    {"stolen_names", "a tracker whose disk lies is caught", 5, play_stolen_names, true},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
