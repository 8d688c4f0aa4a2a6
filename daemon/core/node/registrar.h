/* What a tracker holds, for the files that make up its part of a node:
 *
 *     registrar.c          who is registered
 *     registrar_classic.c  classic peers: registering, asking, leaving
 *     registrar_list.c     who asks for them: over links, and on the control socket
 *     dial_back.c          whether they are reached where they say
 *
 * What others of the node need is in state.h. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_REGISTRAR_H
#define P2PCHAT_DAEMON_CORE_NODE_REGISTRAR_H

#include "daemon/core/link/message_tracker.h"
#include "daemon/core/node/state.h"
#include "daemon/core/overlay/classic_board.h"
#include "daemon/core/overlay/registry.h"

struct dial_back;

struct registrar {
    struct registry registry;
    struct timer timer; /* TIMER_REGISTRY: a registration may be over */

    bool is_classic; /* we listen for the classic dialect, and keep the board for it */
    struct classic_board board;

    struct dial_back *dial_backs; /* under way */
    size_t dial_back_count;

    struct bytes answer; /* the one that is being written */
    struct records_writer writer;
};

/* The address that a session comes from. */
struct host_port registrar_source(const struct session *session);

/* LISTPEER */
void registrar_asked(struct node *node, struct session *session, const struct json *data);

/* All dials back are forgotten. */
void dial_back_done(struct node *node);

#endif
