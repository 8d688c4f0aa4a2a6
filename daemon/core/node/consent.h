/* Steps of consent that peers of either kind take: those with a key, who say it over a link
 * (consent_link.c), and classic ones (classic_contact.c). What others of the node need is in
 * state.h. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_CONSENT_H
#define P2PCHAT_DAEMON_CORE_NODE_CONSENT_H

#include "daemon/core/node/state.h"

/* --- Saying: to the contact, when all is durable --- */

void consent_say_id(struct node *node, const struct contact *contact, enum message_type type,
                    const uint8_t id[CONSENT_ID_LENGTH]);
void consent_say_request(struct node *node, const struct contact *contact,
                         const struct request_row *row);
void consent_say_have(struct node *node, const struct contact *contact);

/* --- Changing --- */

/* Another consent; `id` may be NULL for none. Returns the contact, which is where it was. */
struct contact *consent_set(struct node *node, const struct contact *contact, enum consent consent,
                            const uint8_t *id);

/* Both sides have agreed, and this request of ours is why. */
void consent_granted(struct node *node, struct contact *contact, struct request *request,
                     enum consent consent, const uint8_t id[CONSENT_ID_LENGTH]);

/* They refused this request of ours. */
void consent_refused(struct node *node, struct contact *contact, struct request *request);

/* The chat is over: `consent` is NONE, or ENDING as long as the other side does not know. Returns
 * how many messages of ours failed. */
uint64_t consent_end_chat(struct node *node, struct contact *contact, enum consent consent,
                          const char *by);

/* The other side ended what `count` messages of ours waited for. */
void consent_note_failed(struct node *node, const struct contact *contact, uint64_t count);

/* --- Requests --- */

/* Milliseconds that are left of it. */
int64_t consent_left_of(const struct node *node, const struct request *request);

/* Gives it another state, and so much time. */
void consent_remember_answer(struct node *node, const struct request *request,
                             enum request_state state, int64_t left_ms);

/* The peer's open request in that direction is open no more; who waits for it is told. */
void consent_remove_pending(struct node *node, const struct contact *contact,
                            enum direction direction);

/* Nobody answered it: it is not open any more. */
void consent_tell_expired(struct node *node, const struct request *request);

/* What was answered is forgotten; and who asked, if that is all we know of them. */
void consent_forget_request(struct node *node, struct request *request);

/* Who asked takes it back. Remembered like one that expired, but not for every stranger who comes
 * by: keys are free. */
void consent_taken_back(struct node *node, const struct contact *contact, struct request *request);

/* A new request's row; texts are borrowed. */
void consent_new_request(struct node *node, const struct contact *contact, enum direction direction,
                         const uint8_t id[CONSENT_ID_LENGTH], const char *greeting,
                         const char *address, struct request_row *ret_row);

/* --- Asking --- */

/* Asks the contact what `attempt` is about, at `address`. */
void consent_ask(struct node *node, struct contact *contact, const struct attempt *attempt,
                 const char *address);

/* The answer of a chat.request: `state` is "sent" or "accepted". */
void consent_reply_request(struct node *node, const struct attempt *attempt,
                           const struct request_row *row, const char *state);

/* --- Being asked --- */

/* A place for one more request of a stranger from that address block, classic or not. */
void consent_make_room(struct node *node, uint64_t block, bool is_classic);

/* "A newer request from the same key replaces its older one", answered or not. */
void consent_forget_answered(struct node *node, const struct contact *contact);

/* Shows a request that came from that address block. */
void consent_ask_the_user(struct node *node, struct contact *contact, const struct request_row *row,
                          uint64_t block);

/* --- consent.c --- */

void consent_message(struct node *node, struct session *session, enum message_type type,
                     const struct json *data);
void consent_greeted(struct node *node,
                     struct session *session); /* HELLO came: say again what is open */
void consent_attempt_reached(struct node *node, struct session *session, struct attempt *attempt);
void consent_expire(struct node *node, struct request *request);
void consent_accept(struct node *node, struct request *request, const char *alias);
void consent_accept_listed(struct node *node); /* accept_from may name who has asked */
void consent_refuse(struct node *node, struct request *request);
void consent_disconnect(struct node *node, struct contact *contact);
void consent_remove(struct node *node, struct contact *contact);
void consent_block(struct node *node, struct contact *contact);
void consent_unblock(struct node *node, struct contact *contact);
void consent_deny(struct node *node, struct session *session, const uint8_t id[CONSENT_ID_LENGTH]);
bool consent_confirm(struct node *node, struct session *session,
                     const uint8_t id[CONSENT_ID_LENGTH]);
void consent_confirmed(struct node *node, struct contact *contact);
bool consent_is_open(const struct contact *contact); /* messages may be queued */

#endif
