/* Two daemons with mutual consent, and a client that has one say something to the other: requests
 * go to the sender's control socket, events come from the receiver's. */
#ifndef P2PCHAT_TESTS_BENCH_TALK_H
#define P2PCHAT_TESTS_BENCH_TALK_H

#include <stddef.h>

#include "common/bytes.h"
#include "tests/bench/subject.h"

enum {
    TALK_TEXT = 100,    /* bytes of each message, as the floor's */
    TALK_LINES = 100000 /* different ones; then they begin again */
};

/* When the client says the next thing. */
enum talk_pace {
    TALK_TOLD,    /* `window` are said and their events have not come */
    TALK_ANSWERED /* `window` are said and not answered; events come later, or not at all */
};

struct talk {
    struct subject sender, receiver;
    int events; /* of the receiver: the client follows message.received; -1: nobody does */
    uint64_t followed_seq; /* the receiver's log when it went away */

    /* The requests, made beforehand: line i is at lines[starts[i]]. */
    struct bytes lines;
    size_t *starts;

    /* What went on since the start, in messages. */
    size_t said, answered, told;
    size_t line_left; /* bytes of the line that the socket has not taken */
    struct bytes answers, notices;
};

/* What it took: from the first request to the last answer, and the last event. */
struct talk_cost {
    double wall_s;
    double processor_s; /* of the two daemons */
    double client_s;    /* of the client: not part of it */
};

/* Starts both daemons and makes them contacts; `parameters` are members to be added to each
 * request's params: "" or ",\"wait\":true". Ends the benchmark when something goes wrong. */
void talk_start(struct talk *talk, const char *parameters);
void talk_stop(struct talk *talk);

/* Follows the events. */
void talk_follow(struct talk *talk);

/* The receiver goes away, and comes again; its events are followed from where they were. */
void talk_part(struct talk *talk);
void talk_meet(struct talk *talk);

/* Says `count` things at that pace and checks every answer; waits for the events, in order and each
 * once, when somebody follows. */
struct talk_cost talk_say(struct talk *talk, size_t count, size_t window, enum talk_pace pace);

/* Only waits for the events of what was said before; the cost counts from the first of them. */
struct talk_cost talk_listen(struct talk *talk);

#endif
