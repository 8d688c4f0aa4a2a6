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
struct classic_claim;

struct registrar {
    struct registry registry;
    struct timer timer; /* TIMER_REGISTRY: a registration may be over */

    bool is_classic; /* we listen for the classic dialect, and keep the board for it */
    struct classic_board board;
    struct classic_claim *claims; /* names that the store is asked about */
    uint64_t last_claim;

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

/* --- registrar.c: only of a tracker --- */

struct registrar *registrar_new(struct node *node, const struct node_settings *settings);
void registrar_free(struct node *node);

/* REGISTER, LISTPEER and EXIT_NETWORK. */
void registrar_message(struct node *node, struct session *session, enum message_type type,
                       const struct json *data);
void registrar_claimed(struct node *node, const struct effect *effect, const struct claim *claim);
void registrar_not_claimed(struct node *node, const struct effect *effect);
void registrar_expire(struct node *node); /* registrations that are not renewed */
void registrar_forget_classic(struct node *node, struct classic_entry *entry);
size_t registrar_count(const struct node *node);  /* 0: we are no tracker */
size_t registrar_listed(const struct node *node); /* classic peers; the same */

/* Whether somebody is registered, or asks. Others are sent away. */
bool registrar_is_busy(const struct node *node, const struct session *session);

/* --- registrar_classic.c: only of a tracker that speaks the classic dialect --- */

/* An object for servers came from `source`, a literal; when it names a host, that is the source. */
void registrar_classic_heard(struct node *node, const char *source,
                             const struct classic_object *object);

/* What the store says of a name that a classic peer wants: OK, or why not. */
void registrar_classic_claimed(struct node *node, const struct effect *effect, enum error error);

/* All claims are forgotten. */
void registrar_classic_done(struct registrar *registrar);

/* --- dial_back.c: only of a tracker --- */

/* Dials a peer that registered by this link, at the link's source and the port that its record
 * says, to see whether it is reached there. False: there is no place now. */
bool dial_back_start(struct node *node, const struct session *session,
                     const struct peer_record *record);
bool dial_back_is(const struct node *node, uint64_t dial); /* whether a dial is one */
void dial_back_over(struct node *node, uint64_t dial);     /* whatever became of it */
void dial_back_expire(struct node *node, struct timer *timer);

#endif
