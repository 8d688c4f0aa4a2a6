/* Many real nodes in one process, on virtual time, from one seed.
 *
 *     world.c      time, what happens next, randomness, the trace
 *     wire.c       the network between the nodes: dials, carriers, partitions
 *     disk.c       each node's disk: latency, failures, crashes
 *     actor.c      a machine: a node with its clock, its disk and its control socket
 *     people.c     who ask, answer and talk there
 *     readers.c    who read its events
 *     names.c      who has which name at which tracker
 *     liar.c       trackers that lie
 *     chaos.c      what goes wrong by itself, as the options say
 *     check.c      what must be true whatever goes wrong
 *     inside.c     and in the memory of each node
 *     scenario*.c  what the people at the nodes do
 *     main.c       seeds in, verdicts out
 *
 * Same seed, same trace, byte for byte. */
#ifndef P2PCHAT_TESTS_SIM_SIM_H
#define P2PCHAT_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/address.h"
#include "common/api.h"
#include "common/bytes.h"
#include "daemon/core/node.h"
#include "daemon/core/table.h"
#include "tests/support/model_store.h"

struct actor;
struct call;
struct carrier;
struct checks;
struct first_record;
struct holding;
struct reading;
struct sim;

/* --- What the world is like. Zero: never, or none --- */

struct options {
    /* Network */
    uint32_t delay_ms_min, delay_ms_max; /* one way; drawn for each segment, order kept */
    uint32_t bytes_per_ms;               /* of each direction of a carrier */
    uint32_t dial_fails_percent;         /* though there is somebody */
    uint32_t no_inbound_percent;         /* of the machines: they dial, nobody reaches them */
    uint32_t carrier_life_ms;            /* a carrier breaks after that, on average */
    uint32_t silent_percent;             /* of those breaks: nobody is told, bytes go nowhere */
    uint32_t user_timeout_ms;            /* bytes unacknowledged for so long: carrier down */
    uint32_t partition_every_ms, partition_ms_max; /* some machines against the others */

    /* Machines */
    uint32_t crash_every_ms, down_ms_max;  /* each machine, on average; how long it stays down */
    uint32_t stop_percent;                 /* of these: an orderly stop */
    uint32_t jump_every_ms, jump_s_max;    /* wall clocks, either way, also of who is down */
    uint32_t stall_every_ms, stall_ms_max; /* the process stands still, and then goes on */

    /* Disks */
    uint32_t commit_ms_min, commit_ms_max;
    uint32_t fault_every_ms, fault_ms_max; /* each disk: commits fail, reads too */
    uint32_t trim_every_ms;                /* rows that are old, and delivered, leave the log */
    bool disk_lies;  /* says "durable" before it is so: a planted fault that must be caught */
    bool disk_keeps; /* all it ever held, so that it can be copied and restored */

    /* Nodes */
    uint32_t request_timeout_ms;
    uint32_t outbox_messages_max;

    /* People */
    uint32_t think_ms_max;   /* before they answer a request */
    uint32_t wait_percent;   /* of messages: the client waits for the delivery */
    uint32_t leave_percent;  /* of those clients: go away before they are answered */
    uint32_t repeat_percent; /* of messages that were answered: they are said again with their key,
                                or something else is */
    uint32_t repeat_ms_max;
    uint32_t readers; /* of events, at each machine */
};

/* --- world.c --- */

struct event {
    uint64_t at_ms;
    uint64_t order; /* of being scheduled: ties are broken by it */
    void (*happen)(struct sim *sim, struct event *event);
    struct actor *actor;  /* whose process it happens to; NULL: to the world */
    uint64_t incarnation; /* of the actor; 0: whatever became of it */
    uint64_t a, b;        /* what they mean is known to `happen` */
    struct bytes bytes;   /* likewise */
    struct event *next;   /* in an actor's backlog */
};

struct sim {
    const char *scenario;
    uint64_t seed;
    struct options options;

    uint64_t now_ms; /* true time, from 0 */
    struct event **heap;
    size_t event_count, event_room;
    uint64_t next_order;
    uint64_t random_state;
    struct random random;

    struct actor *actors;
    size_t actor_count;
    struct carrier *carriers;
    uint64_t last_carrier;
    uint64_t partition; /* bit i: actor i is on the other side */
    bool healed;        /* nothing goes wrong any more */

    struct holding *holdings;           /* names.c */
    struct first_record *first_records; /* liar.c */

    FILE *trace; /* or NULL */
    uint64_t trace_hash, trace_lines;
    struct checks *checks;
    char failure[512]; /* "": none so far */
};

struct sim *sim_new(const char *scenario, uint64_t seed, FILE *trace);
void sim_free(struct sim *sim);

/* Schedules something `after_ms` from now. The event is borrowed: fill in the rest at once. */
struct event *sim_after(struct sim *sim, uint64_t after_ms,
                        void (*happen)(struct sim *sim, struct event *event));

/* The same for a machine: does not happen when it has stopped meanwhile. */
struct event *sim_after_for(struct actor *actor, uint64_t after_ms,
                            void (*happen)(struct sim *sim, struct event *event));

/* What happens to this machine's process waits from now on, or happens now in its order. */
void sim_stall(struct actor *actor);
void sim_go_on(struct actor *actor);

/* Lets `ms` pass. Returns at once when something failed. */
void sim_run(struct sim *sim, uint64_t ms);

uint32_t sim_below(struct sim *sim, uint32_t bound);
uint32_t sim_between(struct sim *sim, uint32_t min, uint32_t max); /* both included */
bool sim_chance(struct sim *sim, uint32_t percent);

/* A time that is `mean_ms` on average. */
uint32_t sim_around(struct sim *sim, uint32_t mean_ms);

/* One line of the trace, with time and actor (or NULL) in front. */
void sim_trace(struct sim *sim, const struct actor *actor, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails the run; the first failure is kept, and time stands still from now on. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sim_failed(const struct sim *sim);

/* For traces: FNV-1a, by words. */
uint64_t sim_hash(uint64_t hash, const void *bytes, size_t length);
#define SIM_HASH_START UINT64_C(0xcbf29ce484222325)

/* --- disk.c --- */

struct kept;

struct disk {
    struct actor *actor;
    struct model_store *store;
    size_t committing; /* transactions of the commit under way; 0: the writer is idle */
    enum error fault;  /* OK, or what commits end with now */
    uint64_t floor;    /* rows up to here may be gone */
    struct {
        uint64_t at_ms, seq; /* where the log was then */
    } older, newer;          /* of marks that are KEY_MS apart: keys live that long */
    struct kept *kept; /* of a disk that lies or keeps: everything it ever wrote, newest first */
};

void disk_init(struct disk *disk, struct actor *actor);
void disk_done(struct disk *disk);
void disk_append(struct disk *disk, struct transaction *transaction);
void disk_read(struct disk *disk, const struct action *action);

/* The machine stops: what was on its way is there or not. */
void disk_crash(struct disk *disk);

/* Makes the disk a copy of what one that keeps held at `ms` (maybe itself). The machine is down. */
void disk_restore(struct disk *disk, const struct disk *from, uint64_t ms);

/* Removes old rows from the log, as retention does, if it has any. The machine is up. */
void disk_trim(struct disk *disk);

/* Reads the log for a follower, at once; ended with model_store_answer_done. */
void disk_read_range(struct disk *disk, uint64_t after_seq, uint64_t types, uint32_t peer,
                     size_t rows_max, size_t bytes_max, struct store_answer *ret_answer);

/* Calls `row` for each line of the log after `after_seq`. Only while nothing is under way. */
void disk_each_row(struct disk *disk, uint64_t after_seq,
                   void (*row)(struct actor *actor, const struct log_row *row));

/* --- wire.c --- */

void wire_dial(struct actor *actor, const struct action *action);
void wire_dial_go_on(struct actor *actor, uint64_t dial);
void wire_dial_cancel(struct actor *actor, uint64_t dial);
void wire_send(struct actor *actor, uint64_t carrier, const uint8_t *bytes, size_t length);
void wire_finish(struct actor *actor, uint64_t carrier);
void wire_close(struct actor *actor, uint64_t carrier);

/* Looks a name up: each machine has one (actor.host_name), and there are no others. */
void wire_resolve(struct actor *actor, uint64_t resolve, const char *host);

/* The machine stops. With power lost nobody is told. */
enum wire_end { WIRE_KILLED, WIRE_POWER_LOST };
void wire_crash(struct actor *actor, enum wire_end how);

/* Breaks one carrier between the two, or all; silently, or so that both ends learn of it. */
enum wire_break { WIRE_CUT, WIRE_SILENT };
void wire_break(struct sim *sim, const struct actor *a, const struct actor *b, enum wire_break how);

/* Carriers between the two that at least one end holds to be there. */
size_t wire_count(const struct sim *sim, const struct actor *a, const struct actor *b);
bool wire_is_parted(const struct sim *sim, const struct actor *a, const struct actor *b);
void wire_done(struct sim *sim);

/* --- actor.c --- */

enum call_state { CALL_OPEN, CALL_ANSWERED, CALL_LOST /* the daemon or the client went */ };

struct call {
    uint64_t number, client;
    enum api_method method;
    enum call_state state;
    enum error error;
    char *json; /* the result */
    uint64_t at_ms;
    uint64_t ticket;     /* of the transaction that the call led to at once, or 0 */
    struct actor *about; /* or NULL */
    uint32_t message;    /* chat.message: its index, from 1 */
    bool is_other_text;  /* chat.message: with the key of that message */
    bool is_insisted_on; /* chat.request: asked again until it is sent */
    struct call *next;
};

/* What the people at a node do about requests. */
enum manners { IGNORE, ACCEPT, REFUSE, ANYHOW };

/* What a tracker does to the records that it hands out. */
enum lie {
    LIE_NONE,
    LIE_ALTERED, /* a byte is another */
    LIE_OTHER,   /* the record of somebody else */
    LIE_OLDER,   /* the first that there was of this key */
    LIE_INVENTED /* the same name with a key of its own */
};

struct dialled;

struct actor {
    struct sim *sim;
    size_t index;
    char name[24];         /* of the machine, in traces */
    const char *is_called; /* what the node says its name is */
    struct identity identity;
    struct host_port address, classic;
    char host_name[32]; /* by which it can be looked up */
    bool inbound;
    bool advertises;                        /* its address; holds as the next ones do */
    enum node_role role;                    /* these hold from its next start on, or
                                               from actor_configure */
    const struct tracker_setting *trackers; /* the scenario's */
    size_t tracker_count;
    bool is_classic;   /* listens for the classic dialect as well */
    enum lie lie;      /* of a tracker */
    struct node *node; /* NULL: down */
    bool is_stopping;  /* in an orderly way */
    bool starts_again; /* as soon as it has stopped */
    bool is_stalled;
    struct event *backlog, **backlog_end; /* what happened to it meanwhile */
    bool is_bot;                          /* accepts everybody by its configuration */
    bool was_bot;                         /* or did so once: who was accepted then stays so */
    uint64_t incarnation;
    uint64_t random_state;
    uint64_t mono_ahead_ms; /* of true time; drawn at each start */
    int64_t wall_ms;        /* Unix time at true time 0 */
    uint64_t timer_ms;      /* the timer that is set, in true time; UINT64_MAX: none */
    struct disk disk;
    uint64_t last_carrier;
    struct dialled *dials;
    size_t resolves; /* names being looked up */
    struct call *calls;
    uint64_t last_call;
    uint64_t appended_ticket, durable_ticket;
    struct actor **peers; /* by number in its store */
    size_t peer_room;
    enum manners manners;
    uint32_t turns; /* in the present millisecond */
    uint64_t turn_ms;
    uint64_t logged_seq;     /* rows up to here were looked at */
    bool is_starting;        /* rows that it finds in its log are no news */
    struct reading *reading; /* or NULL */
};

/* Adds machines, all down. Only once in a world. */
void actors_add(struct sim *sim, size_t count);
void actors_free(struct sim *sim);

/* Makes an actor the double of another: the same identity and disk on a machine of its own. */
void actor_clone(struct actor *actor, const struct actor *of);

/* Starts and stops a machine. */
void actor_start(struct actor *actor);
void actor_stop(struct actor *actor);

/* The node reads its configuration again. False: not now. One that is down does so when it starts.
 */
bool actor_configure(struct actor *actor);
void actor_crash(struct actor *actor);

/* The machine stops, and starts again from a copy of its disk that was made at `ms` (0: with an
 * empty one). */
void actor_restore(struct actor *actor, uint64_t ms);
struct now actor_now(const struct actor *actor);

/* Hands an input to the node and does what it wants done. Not from within an action. */
void actor_input(struct actor *actor, const struct input *input);

/* A row of its log is durable: for the checks, and for people who watch. */
void actor_saw_row(struct actor *actor, const struct log_row *row);
struct actor *actor_of_peer(const struct actor *actor, uint32_t peer);
struct actor *actor_of_id(const struct sim *sim, const char *peer_id);

/* A client calls; `params` is printf's. `about` is whom it concerns, or NULL; `message` the index
 * of a message, or 0. NULL while the machine is down. The call lives as long as the world. */
struct call *actor_call(struct actor *actor, enum api_method method, struct actor *about,
                        uint32_t message, const char *params, ...)
    __attribute__((format(printf, 5, 6)));
void actor_client_gone(struct actor *actor, uint64_t client);

/* --- people.c --- */

/* Asks for a chat, by address alone, or with the peer id as well. */
enum known { BY_ADDRESS, BY_KEY };
struct call *people_request(struct actor *actor, struct actor *to, enum known known);

/* The same, again and again until it is on its way. */
void people_insist(struct actor *actor, struct actor *to);

/* Any method with one parameter that names a peer. */
struct call *people_about(struct actor *actor, enum api_method method, struct actor *peer);

/* Says something of at least `length` bytes, and says it again with the same key until it is
 * answered for good. */
void people_say(struct actor *actor, struct actor *to, size_t length);

/* Whether `text` is a message, and which. */
bool people_read(const struct sim *sim, const char *text, uint32_t *ret_message,
                 struct actor **ret_from, struct actor **ret_to);

/* The machine is up: they look which requests wait. */
void people_look(struct actor *actor);
void people_saw_request(struct actor *actor, struct actor *from, const char *fields, size_t length);
void people_answered(struct actor *actor, struct call *call);

/* --- readers.c --- */

void readers_start(struct actor *actor);
void readers_gone(struct actor *actor); /* their daemon is */
void readers_done(struct actor *actor);
void readers_row(struct actor *actor, const struct log_row *row); /* is durable */
void readers_event(struct actor *actor, int type, uint32_t peer); /* one that is not kept */
void readers_floor(struct actor *actor);                          /* the log has another */
void readers_restored(struct actor *actor);                       /* its log ends at logged_seq */

/* Everything works, and has for a while: each has read all. */
void readers_check(const struct actor *actor);

/* --- chaos.c --- */

/* Things begin to go wrong as the options say. */
void chaos_start(struct sim *sim);

/* Everything works again, and goes on working. */
void chaos_heal(struct sim *sim);

/* --- check.c: what is seen of an actor, and what must be so --- */

void check_begin(struct sim *sim);
void check_done(struct sim *sim);
void check_row(struct actor *actor, const struct log_row *row); /* a line of its log is durable */
void check_started(struct actor *actor);
void check_restored(struct actor *actor); /* its log ends at logged_seq now */
void check_called(struct actor *actor, struct call *call);
void check_answered(struct actor *actor, struct call *call);
void check_event(struct actor *actor, const struct action *action);

/* inside.c */
void check_bounds(struct actor *actor);

/* A new message of `from` to `to`: its index, from 1. */
uint32_t check_new_message(const struct actor *from, const struct actor *to, size_t length);
size_t check_length(const struct actor *from, const struct actor *to, uint32_t message);

/* Whether it was answered for good: kept, or refused. */
bool check_is_settled(const struct actor *from, const struct actor *to, uint32_t message);

/* Where both sides are online messages go on: called now and then while nothing goes wrong. */
void check_flow(struct sim *sim);

/* All messages arrived or failed, every call is answered, both sides agree on who has consent, and
 * every pair that has it shares one link. */
void check_converged(struct sim *sim);

/* Of what `from` said to `to` all that is not lost has arrived. */
void check_arrived(const struct actor *from, const struct actor *to);

size_t check_received(const struct sim *sim, const struct actor *from, const struct actor *to);
size_t check_rows(const struct actor *actor, int type); /* of that type in its log */
size_t check_warnings(const struct actor *actor, const char *reason);
bool check_is_online(const struct actor *actor, const struct actor *peer);
bool check_is_mutual(const struct actor *a, const struct actor *b);

/* --- names.c: what trackers' lists say --- */

enum { NAMES_LOOK_MS = 1000 };

void names_done(struct sim *sim);

/* Looks at the list of a tracker, if it is up, as it is to be done so often: a name never belongs
 * to two keys within its reservation, and nobody is there whom nobody knows. */
void names_look(struct actor *tracker);

/* Whether the tracker lists the name now, as that of `holder`. */
bool names_is_listed(struct actor *tracker, const char *name, const struct actor *holder);

/* Whether it lists `holder` under any name. */
bool names_lists_key(struct actor *tracker, const struct actor *holder);

/* --- scenario.c --- */

struct scenario {
    const char *name;
    const char *about;
    uint32_t seeds; /* under make check */
    void (*play)(struct sim *sim);
    bool must_fail;
};
extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
