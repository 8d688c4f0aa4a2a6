/* The classic dialect in a node (p2pchat-protocol(7), The classic dialect): part of state.h.
 *
 *     classic.c          carriers: an object that comes in, an object that goes out
 *     classic_server.c   servers that the node is registered with (trackers.h)
 *     classic_contact.c  contacts that are spoken to so: who they are, requests and answers
 *     classic_talk.c     what is said to them
 *
 * What goes out is an errand: a dial, an object, the end of the stream. Whose errand it is says
 * what to say only when there is a carrier, because an object names the host that we have there. */
#ifndef P2PCHAT_DAEMON_CORE_NODE_CLASSIC_H
#define P2PCHAT_DAEMON_CORE_NODE_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "daemon/core/action.h"
#include "daemon/core/chat/contact.h"
#include "daemon/core/chat/request.h"
#include "daemon/core/link/classic.h"
#include "daemon/core/node.h"

struct effect;
struct timer;

struct classic_visitor;
struct classic_errand;
struct classic_question;

struct dialect {
    bool is_on;
    enum long_text long_text;
    struct classic_visitor *visitors;   /* by carrier: objects that are coming in */
    struct classic_errand *errands;     /* objects that are going out */
    struct classic_question *questions; /* objects whose host is being looked up */
    size_t question_count;
    uint64_t last_resolve;
};

/* --- classic.c --- */

/* Whose errand it is: whom `number` means, and who is asked and told about it. */
enum classic_owner {
    CLASSIC_ANSWER, /* nobody's: the object is given at once, and if it does not arrive, it does not
                     */
    CLASSIC_CONTACT, /* that contact's: classic_talk_say, _out, _ended */
    CLASSIC_ATTEMPT, /* a chat.request's, until somebody is reached: classic_contact_reached */
    CLASSIC_SERVER   /* that tracker's: classic_server_say, _ended */
};

enum classic_end {
    CLASSIC_SENT,  /* all was taken; nothing tells that it was read */
    CLASSIC_FAILED /* and may have arrived */
};

/* Dials `to` for an owner. Returns the dial's number. */
uint64_t classic_errand_start(struct node *node, enum classic_owner owner, uint32_t number,
                              const struct dial_address *to);

/* What an errand of that contact's was for is over before it is connected: nobody is told. False:
 * there is none, or it is connected. */
bool classic_call_off(struct node *node, uint32_t peer);

/* The contact's errand is nobody's any more: it is called off; or it goes on, when it is connected,
 * and nobody is told how it ends. */
void classic_let_go(struct node *node, uint32_t peer);

/* Says an object to `to`, once; its bytes are taken. Who answers too many gives no more answers. */
void classic_send(struct node *node, const struct host_port *to, struct bytes *object);

/* Nobody waits for that dial any more. */
void classic_cancel(struct node *node, uint64_t dial);

/* What the shell tells. Of carriers and dials that are none of these: no effect. */
void classic_carrier_up(struct node *node, const struct input *input);
void classic_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length);
void classic_carrier_down(struct node *node, uint64_t carrier, bool is_clean);
void classic_dial_failed(struct node *node, uint64_t dial, const char *why);
void classic_resolved(struct node *node, const struct input *input);
void classic_visitor_expire(struct node *node, struct timer *timer);
void classic_errand_expire(struct node *node, struct timer *timer);

/* Somebody else has the carrier's place. */
void classic_evict(struct node *node, uint64_t carrier);

/* What led to an object is durable: it goes out; or it is not. */
void classic_say(struct node *node, const struct effect *effect);
void classic_not_said(struct node *node, const struct effect *effect);
/* Nobody is listened to any more; what is on its way out goes on. */
void classic_stop(struct node *node);
void classic_done(struct node *node);

/* --- classic_server.c --- */

/* The errand of that dial has its carrier, from `local` to `remote`: what is to be asked. False:
 * nothing any more. */
bool classic_server_say(struct node *node, uint32_t number, uint64_t dial,
                        const struct host_port *local, const struct host_port *remote,
                        struct bytes *object);

/* The errand is over. */
void classic_server_ended(struct node *node, uint32_t number, uint64_t dial, const char *why);

/* An answer of a server came from `source`, a literal. */
void classic_server_heard(struct node *node, const char *source,
                          const struct classic_object *object);

/* --- classic_contact.c --- */

/* An object for peers came from `source`, a literal; when it names a host, that is the source. */
void classic_contact_heard(struct node *node, const char *source,
                           const struct classic_object *object);

/* The dial of a chat.request led to `remote`. Whose errand it is now, or 0: nobody's. */
uint32_t classic_contact_reached(struct node *node, uint64_t dial, const struct host_port *remote,
                                 const struct host_port *local);

/* Whether a contact is there that we agreed with, or asked, in the dialect. */
bool classic_is_contact(const struct node *node, const struct host_port *at);

/* It was reached, or heard of: written down now and then. Returns the contact. */
struct contact *classic_contact_seen(struct node *node, struct contact *contact);

/* --- classic_talk.c --- */

/* Does what there is to do for a contact that was touched (stream_touch). */
void classic_talk_pump(struct node *node, struct contact *contact);

/* There is something new to say to it, as of now. */
void classic_talk_news(struct node *node, struct contact *contact);

/* The dialler says that its time has come. */
void classic_talk_due(struct node *node, struct contact *contact);

/* An errand has its carrier, of which `local` is our end: what is to be said now. False: nothing.
 */
bool classic_talk_say(struct node *node, uint32_t peer, const struct host_port *local,
                      struct bytes *object);
void classic_talk_out(struct node *node, uint32_t peer); /* it was written */

/* An errand has its carrier, while another may be on its way for what a request of ours has just
 * replaced: this one takes its place. False: the other one's is still to be said. */
bool classic_talk_take_over(struct node *node, struct contact *contact);

/* An errand ended. */
void classic_talk_ended(struct node *node, uint32_t peer, enum classic_end end);

/* Its messages could not be read. */
void classic_talk_unreadable(struct node *node, struct contact *contact);

/* The message that is being said is not to be said any more. */
void classic_talk_drop_text(struct contact *contact);

/* Whether a request of ours went out to the contact, and that is kept. */
bool classic_is_said(const struct contact *contact, const struct request *request);

/* Whether a text is longer than one object to the contact holds, and long ones are refused. */
bool classic_is_too_long(const struct node *node, const struct contact *contact, const char *text);

#endif
