/* One node without a network: its store is a model that commits when it is told to, its time stands
 * still until it is moved, and its clients' calls are asked from here. */
#ifndef P2PCHAT_TESTS_UNIT_NODE_RIG_H
#define P2PCHAT_TESTS_UNIT_NODE_RIG_H

#include "daemon/core/node.h"
#include "tests/support/model_store.h"

enum { NODE_RIG_CALLS_MAX = 128, NODE_RIG_TEXT_MAX = 8192 };

struct node_rig {
    uint64_t seed;
    struct now now;
    struct identity identity;
    struct node *node;
    struct model_store *store;

    uint64_t last_call;
    bool answered[NODE_RIG_CALLS_MAX]; /* by call */
    enum error errors[NODE_RIG_CALLS_MAX];
    char result[NODE_RIG_TEXT_MAX]; /* of the last call that had one: its beginning, */
    size_t result_length;           /* and how long it is */
    uint64_t last_dial, told_dial, cancelled_dial; /* told: the test told that it failed */
    size_t dials, appends, events;
};

/* A node that knows nobody yet. */
void node_rig_init(struct node_rig *rig);
void node_rig_done(struct node_rig *rig);

/* A contact with that consent, whose key begins with `key`, as loaded from the store. Between init
 * and start. */
void node_rig_know(struct node_rig *rig, uint32_t peer, const char *alias, enum consent consent);

/* A stranger who asks for a chat, with so long left, as loaded from the store after a restart. */
void node_rig_asked(struct node_rig *rig, uint32_t peer, const char *alias, int64_t left_ms);
void node_rig_start(struct node_rig *rig);

/* Stops the node as a crash does, and makes it anew from its store. */
void node_rig_restart(struct node_rig *rig);

/* What it would be made with, to be changed and told again. */
struct node_settings node_rig_settings(struct node_rig *rig);
void node_rig_reconfigure(struct node_rig *rig, const struct node_settings *settings);

/* Says good-bye. */
void node_rig_stop(struct node_rig *rig);
void node_rig_input(struct node_rig *rig, const struct input *input);

/* Asks; `params` is printf's. Its number. */
uint64_t node_rig_call(struct node_rig *rig, enum api_method method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));

/* The disk takes or refuses all that waits, and the node hears of it, of the first `count` answers
 * only; of what became durable, of all at once. */
void node_rig_commit(struct node_rig *rig);
void node_rig_fail(struct node_rig *rig, enum error error);
void node_rig_hear(struct node_rig *rig, size_t count);

void node_rig_wait(struct node_rig *rig, uint64_t ms);

/* Fails the test unless the call was answered so; OK or an error. */
void node_rig_expect(struct node_rig *rig, uint64_t call, enum error error);
void node_rig_expect_open(struct node_rig *rig, uint64_t call);

/* The result of a read-only method, which is answered at once. Borrowed until the next call. */
const char *node_rig_look(struct node_rig *rig, enum api_method method);

/* The peer id of a known contact. */
const char *node_rig_id(struct node_rig *rig, const char *alias);

#endif
