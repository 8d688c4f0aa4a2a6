/* Carriers and links: who is there (p2pchat-protocol(7), Links). session_key.c has what concerns
 * all links of one key. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_SESSION_H
#define P2PCHAT_DAEMON_CORE_NODE_SESSION_H

#include "daemon/core/node/state.h"

/* --- session.c --- */

void session_carrier_up(struct node *node, uint64_t carrier, uint64_t dial, size_t address,
                        const struct host_port *remote);
void session_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length);
void session_room(struct node *node, uint64_t carrier, size_t bytes_free);
void session_carrier_down(struct node *node, uint64_t carrier, bool is_clean);

/* A carrier came in from `remote`. False: there is no place for it, and it is closed. */
bool session_admit(struct node *node, uint64_t carrier, const struct host_port *remote,
                   enum doorman_origin origin);
void session_expire(struct node *node, struct session *session);
void session_idle(struct node *node, struct session *session);
bool session_drain(struct node *node); /* all dirty ones; whether there were any */
void session_send(struct node *node, struct session *session, enum message_type type,
                  const struct bytes *data);
void session_close(struct node *node, struct session *session, enum link_end why);
struct session *session_by_carrier(const struct node *node, uint64_t carrier);

/* A contact came into being, or its consent changed: sessions and dialler take note. */
void session_consent_changed(struct node *node, struct contact *contact);
void session_use(struct node *node, struct contact *contact, struct session *session);
void session_tell_online(struct node *node, struct contact *contact);
bool session_is_local(const struct session *session);
uint64_t session_block(const struct session *session);
void session_forget_contact(struct node *node,
                            struct contact *contact); /* its sessions are strangers' */
/* A stranger without business is sent away after a while. */
void session_judge_idle(struct node *node, struct session *session);
void session_done(struct node *node);

/* --- session_key.c --- */

/* The other side has proved its key; and the session ends. */
void session_enter_key(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH]);
void session_leave_key(struct node *node, struct session *session);

/* The newest link to a key over which HELLO came, or NULL; of those that are not `not`. */
struct session *session_of_key(const struct node *node, const uint8_t key[KEY_LENGTH]);
struct session *session_newest_greeted(const struct node *node, const uint8_t key[KEY_LENGTH],
                                       const struct session * not );
void session_close_others(struct node *node,
                          const struct session *keep); /* duplicates: of the same key */
void session_close_key(struct node *node, const uint8_t key[KEY_LENGTH], enum link_end why);
void session_of_contact(struct node *node,
                        struct contact *contact); /* its sessions are told what it is now */

#endif
