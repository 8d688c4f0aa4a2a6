/* The beginning of a link: who proved itself, what HELLO says, and which of several links is used;
 * and our own record (p2pchat-protocol(7), Links, Peer records). */
#ifndef P2PCHAT_DAEMON_CORE_NODE_HELLO_H
#define P2PCHAT_DAEMON_CORE_NODE_HELLO_H

#include "daemon/core/node/state.h"

void hello_proved(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH]);
void hello_greeted(struct node *node, struct session *session, const struct json *data);
void hello_learn(struct node *node, const struct session *session);

/* A record of a contact's key, and who showed it. Whether it is taken: a good one, and newer than
 * the one that is known. Borrowed. */
struct told_record {
    const uint8_t *bytes;
    size_t length;
    bool is_local; /* told over a loopback or link-local address */
    const char *from;
};
bool hello_learn_record(struct node *node, struct contact *contact, const struct told_record *told);
void hello_new_record(struct node *node);
void hello_check_clock(struct node *node); /* a new record, when the clock was set since the last */
void hello_set_record(struct node *node, const uint8_t *record, size_t length);

#endif
