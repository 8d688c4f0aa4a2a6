/* What handlers of methods share. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_CALL_H
#define P2PCHAT_DAEMON_CORE_NODE_CALL_H

#include "daemon/core/node/state.h"

/* A handler returns what came of the call. Whoever returns CALL_LATER has seen to it that an
 * effect, an attempt or a waiter answers. */
enum outcome_kind { OUTCOME_RESULT, OUTCOME_ERROR, OUTCOME_LATER };

struct outcome {
    enum outcome_kind kind;
    enum error error;
    const char *message;
    struct bytes result;
};

/* An effect, an attempt or a waiter answers. */
struct outcome outcome_later(void);

/* An error; `message` may be NULL for the error's own text. */
struct outcome outcome_error(enum error error, const char *message);

/* The result, which it takes. */
struct outcome outcome_result(struct bytes result);

/* The answer of a call that only looks: when what was changed before is durable. Takes the result.
 */
struct outcome outcome_in_turn(struct node *node, uint64_t call, struct bytes result);

/* The answer of a call that changed something, or found it to be so already: when that is durable.
 * Takes the result. */
struct outcome outcome_when_durable(struct node *node, uint64_t call, struct bytes result);

/* The member "peer_id"; of a classic peer it is null, and "classic" is true. */
void call_put_peer_id(struct json_writer *w, const struct contact *contact);

/* A page of those contacts that `write` writes, in the array `list`; the result of a method that
 * has these parameters: at most `limit` (0: as many as a line holds), behind the contact with the
 * number `after`. When it is not the last page, `next` is the `after` of the one to come. */
typedef bool contact_writer(const struct node *node, struct json_writer *w,
                            const struct contact *contact);
struct outcome call_contacts(const struct node *node, const char *list, int64_t after,
                             int64_t limit, contact_writer *write);

/* {peer_id, alias} */
struct bytes call_contact_result(const struct contact *contact);

/* Whether an alias that somebody chose is a name, and free for this contact. ERR_BAD_NAME,
 * ERR_NAME_TAKEN. */
enum error call_check_alias(const struct node *node, const struct contact *contact,
                            const char *alias);

/* A chat.request that is under way; NULL: there are too many. `source` is static. */
struct attempt *call_new_attempt(struct node *node, const struct input *input, const char *source);

/* Goes on with a chat.request in the classic dialect, at an address where a list knows `name` (or
 * NULL: no list). The attempt is answered. */
void classic_ask(struct node *node, struct attempt *attempt, const struct dial_address *to,
                 const char *name);

/* The answer of listpeer at a tracker: a page of those who are registered with it. */
struct message_listpeer;
struct outcome registrar_listpeer(const struct node *node, const struct message_listpeer *question);

/* --- The handlers --- */

struct outcome method_chat_request(struct node *node, const struct input *input);
struct outcome method_chat_requests(struct node *node, const struct input *input);
struct outcome method_chat_accept(struct node *node, const struct input *input);
struct outcome method_chat_refuse(struct node *node, const struct input *input);
struct outcome method_chat_message(struct node *node, const struct input *input);
struct outcome method_chat_connected(struct node *node, const struct input *input);
struct outcome method_chat_disconnect(struct node *node, const struct input *input);
struct outcome method_contact_list(struct node *node, const struct input *input);
struct outcome method_contact_rename(struct node *node, const struct input *input);
struct outcome method_contact_verify(struct node *node, const struct input *input);
struct outcome method_contact_remove(struct node *node, const struct input *input);
struct outcome method_contact_block(struct node *node, const struct input *input);
struct outcome method_contact_unblock(struct node *node, const struct input *input);
struct outcome method_register(struct node *node, const struct input *input);
struct outcome method_listpeer(struct node *node, const struct input *input);
struct outcome method_exit_network(struct node *node, const struct input *input);

/* --- call.c --- */

void call_input(struct node *node, const struct input *input);
void call_gone(struct node *node, uint64_t client);
void call_reply_error(struct node *node, uint64_t call, enum error error, const char *message);
/* The same, with members for the error's data: those of an object. */
void call_reply_error_with(struct node *node, uint64_t call, enum error error, const char *message,
                           const struct bytes *data);
void call_reply(struct node *node, uint64_t call, const struct bytes *result);
void call_stored(struct node *node, const struct effect *effect, const struct log_row *row);
void call_found(struct node *node, const struct effect *effect, const struct log_row *row);
void call_stop(struct node *node);
void call_attempt_failed(struct node *node, struct attempt *attempt, enum error error,
                         const char *message); /* NULL: the error's own text */

/* Nobody of that key is to be asked any more. */
void call_end_attempts(struct node *node, const uint8_t key[KEY_LENGTH], enum error error,
                       const char *message);
void call_attempt_free(struct node *node, struct attempt *attempt);
void call_done(struct node *node);

#endif
