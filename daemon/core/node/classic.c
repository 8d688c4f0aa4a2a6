/* Classic carriers, both ways (p2pchat-protocol(7), The classic dialect).
 *
 *     in:   visitor ──object──► [question: is its host the source?] ──► heard
 *     out:  errand ──dial──► carrier ──object when durable──► end of stream ──► their end
 *
 * A visitor costs at most CLASSIC_READ_MAX bytes for CLASSIC_READ_MS, has a place with the doorman
 * like everybody who proves nothing, and is closed with its object. */
#include "daemon/core/node/classic.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/name.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/ration.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/session.h"

/* Somebody who came to say an object. */
struct classic_visitor {
    uint64_t carrier;
    struct host_port remote; /* the host as host_normalize has it */
    struct classic_reader reader;
    struct timer timer;
    UT_hash_handle hh;
};

/* An object that waits until the host that it names is looked up. */
struct classic_question {
    uint64_t resolve;
    struct host_port source;
    struct classic_object object;
    bool then_asks; /* it is a REGISTER, and its LISTPEER came meanwhile */
    struct classic_question *next;
};

/* An object that goes out. */
struct classic_errand {
    uint64_t dial;
    uint64_t carrier; /* 0: not yet */
    enum classic_owner owner;
    uint32_t number;
    struct host_port to;
    struct bytes object; /* of an ANSWER, until there is a carrier */
    bool is_out;         /* it was written, and so was the end of the stream */
    struct timer timer;
    struct classic_errand *next;
};

static void close_carrier(struct node *node, uint64_t carrier)
{
    node_act(node, ACTION_CLOSE, NULL, 0, NULL)->close.carrier = carrier;
}

/* --- What comes in --- */

static struct classic_visitor *visitor_of(const struct node *node, uint64_t carrier)
{
    struct classic_visitor *visitor;

    HASH_FIND(hh, node->dialect.visitors, &carrier, sizeof carrier, visitor);
    return visitor;
}

static void visitor_free(struct node *node, struct classic_visitor *visitor)
{
    HASH_DELETE(hh, node->dialect.visitors, visitor);
    timers_stop(&node->timers, &visitor->timer);
    doorman_leave(&node->doorman, visitor->carrier);
    classic_reader_done(&visitor->reader);
    free(visitor);
}

/* Anybody can say nonsense without end: one line a minute of each address block. */
static void note_refused(struct node *node, const struct host_port *source, const char *why)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];
    uint64_t suppressed;

    node->totals.classic_refused++;
    if (!ration_take(node, RATIONED_NOTE, address_block(source->host), &suppressed))
        return;
    host_port_format(source, text);
    node_note(node, NOTE_WARNING, "classic_refused", NULL, text, why)->note.count = suppressed;
}

static void refuse(struct node *node, struct classic_visitor *visitor, const char *why)
{
    note_refused(node, &visitor->remote, why);
    close_carrier(node, visitor->carrier);
    visitor_free(node, visitor);
}

static void heard(struct node *node, const struct host_port *source,
                  const struct classic_object *object)
{
    const bool is_tracker = node->role == ROLE_TRACKER;

    switch (object->type) {
    case CLASSIC_REGISTER:
    case CLASSIC_LISTPEER:
    case CLASSIC_EXIT_NETWORK:
        if (is_tracker)
            registrar_classic_heard(node, source->host, object);
        break;
    case CLASSIC_REGISTER_SUCCESS:
    case CLASSIC_REGISTER_ERROR:
    case CLASSIC_PEERLIST:
        if (!is_tracker)
            classic_server_heard(node, source->host, object);
        break;
    case CLASSIC_CHAT_REQUEST:
    case CLASSIC_CHAT_ACCEPT:
    case CLASSIC_CHAT_REFUSE:
    case CLASSIC_CHAT_MESSAGE:
    case CLASSIC_DISCONNECT:
        if (!is_tracker)
            classic_contact_heard(node, source->host, object);
        break;
    case CLASSIC_FILE_TRANSFER:
        note_refused(node, source, "FILE_TRANSFER is not taken");
        break;
    }
}

static bool names_host(const struct classic_object *object)
{
    return object->at.host[0] != '\0';
}

/* Whether the REGISTER of who asks for the list waits until its host is looked up: then the list
 * does, too. */
static bool asks_early(struct node *node, const struct host_port *source,
                       const struct classic_object *object)
{
    struct classic_question *question = node->dialect.questions;

    while (question != NULL && (question->object.type != CLASSIC_REGISTER ||
                                strcmp(question->source.host, source->host) != 0 ||
                                !name_equal(question->object.name, object->name)))
        question = question->next;
    if (question != NULL)
        question->then_asks = true;
    return question != NULL;
}

/* A question of the same address block, and how many there are. */
static size_t questions_of(const struct node *node, uint64_t block)
{
    size_t count = 0;

    for (const struct classic_question *q = node->dialect.questions; q != NULL; q = q->next)
        count += address_block(q->source.host) == block;
    return count;
}

static void ask_resolver(struct node *node, const struct host_port *source,
                         const struct classic_object *object)
{
    struct dialect *dialect = &node->dialect;
    struct classic_question *question;
    const void *host;

    if (dialect->question_count >= RESOLVES_MAX ||
        questions_of(node, address_block(source->host)) >= CLASSIC_QUESTIONS_BLOCK_MAX) {
        note_refused(node, source, "too many host names are being looked up");
        return;
    }
    question = xcalloc(1, sizeof *question);
    *question = (struct classic_question){.resolve = ++dialect->last_resolve,
                                          .source = *source,
                                          .object = *object,
                                          .next = dialect->questions};
    question->object.root = NULL; /* what names a host has nothing else that lives there */
    dialect->questions = question;
    dialect->question_count++;
    struct action *action =
        node_act(node, ACTION_RESOLVE, object->at.host, strlen(object->at.host) + 1, &host);
    action->resolve.resolve = question->resolve;
    action->resolve.host = host;
}

/* "A host that an object names must be the source of the connection, or a DNS name that resolves to
 * it". */
static void check_host(struct node *node, const struct host_port *source,
                       const struct classic_object *object)
{
    if (object->type == CLASSIC_LISTPEER && asks_early(node, source, object))
        return;
    if (!names_host(object) || strcmp(object->at.host, source->host) == 0)
        heard(node, source, object);
    else if (host_is_literal(object->at.host))
        note_refused(node, source, "the host that it names is another than the one it comes from");
    else
        ask_resolver(node, source, object);
}

static struct classic_question *take_question(struct node *node, uint64_t resolve)
{
    struct classic_question **link = &node->dialect.questions;

    while (*link != NULL && (*link)->resolve != resolve)
        link = &(*link)->next;
    struct classic_question *question = *link;
    if (question != NULL) {
        *link = question->next;
        node->dialect.question_count--;
    }
    return question;
}

/* "From then on the source's literal stands for the name." */
void classic_resolved(struct node *node, const struct input *input)
{
    struct classic_question *question = take_question(node, input->resolved.resolve);
    bool is_source = false;

    if (question == NULL)
        return;
    for (size_t i = 0; i < input->resolved.count && !is_source; i++) {
        char literal[ADDRESS_HOST_MAX + 1];

        is_source = host_normalize(input->resolved.literals[i], literal) &&
                    strcmp(literal, question->source.host) == 0;
    }
    if (is_source) {
        memcpy(question->object.at.host, question->source.host, sizeof question->source.host);
        heard(node, &question->source, &question->object);
    } else {
        note_refused(node, &question->source,
                     "the host name that it gives is not that of where it comes from");
    }
    if (question->then_asks) {
        question->object.type = CLASSIC_LISTPEER;
        heard(node, &question->source, &question->object);
    }
    free(question);
}

static void visitor_up(struct node *node, const struct input *input)
{
    struct classic_visitor *visitor;

    if (!session_admit(node, input->carrier_up.carrier, &input->carrier_up.remote,
                       DOORMAN_ANYWHERE))
        return;
    visitor = xcalloc(1, sizeof *visitor);
    visitor->carrier = input->carrier_up.carrier;
    visitor->remote.port = input->carrier_up.remote.port;
    must(host_normalize(input->carrier_up.remote.host, visitor->remote.host));
    HASH_ADD(hh, node->dialect.visitors, carrier, sizeof visitor->carrier, visitor);
    visitor->timer.kind = TIMER_CLASSIC_VISITOR;
    timers_set(&node->timers, &visitor->timer, mono_after(node->now.mono, CLASSIC_READ_MS));
}

static void visitor_bytes(struct node *node, struct classic_visitor *visitor, const uint8_t *bytes,
                          size_t length)
{
    const struct host_port source = visitor->remote;
    struct classic_object object;

    switch (classic_reader_take(&visitor->reader, bytes, length, &object)) {
    case CLASSIC_MORE:
        break;
    case CLASSIC_OBJECT:
        close_carrier(node, visitor->carrier);
        visitor_free(node, visitor);
        check_host(node, &source, &object);
        classic_object_done(&object);
        break;
    case CLASSIC_UNKNOWN: /* skipped */
        close_carrier(node, visitor->carrier);
        visitor_free(node, visitor);
        break;
    case CLASSIC_MALFORMED:
        refuse(node, visitor, "what it says is malformed");
        break;
    case CLASSIC_TOO_LONG:
        refuse(node, visitor, "what it says is too long");
        break;
    }
}

void classic_visitor_expire(struct node *node, struct timer *timer)
{
    struct classic_visitor *visitor =
        (struct classic_visitor *)((char *)timer - offsetof(struct classic_visitor, timer));

    refuse(node, visitor, "it says nothing, or half of something");
}

void classic_evict(struct node *node, uint64_t carrier)
{
    struct classic_visitor *visitor = visitor_of(node, carrier);

    must(visitor != NULL);
    close_carrier(node, carrier);
    visitor_free(node, visitor);
}

/* --- What goes out --- */

static struct classic_errand *errand_by_carrier(const struct node *node, uint64_t carrier)
{
    struct classic_errand *errand = node->dialect.errands;

    while (errand != NULL && errand->carrier != carrier)
        errand = errand->next;
    return errand;
}

static struct classic_errand *errand_by_dial(const struct node *node, uint64_t dial)
{
    struct classic_errand *errand = node->dialect.errands;

    while (errand != NULL && (errand->carrier != 0 || errand->dial != dial))
        errand = errand->next;
    return errand;
}

static struct classic_errand *new_errand(struct node *node, enum classic_owner owner,
                                         uint32_t number, const struct dial_address *to)
{
    struct classic_errand *errand = xcalloc(1, sizeof *errand);
    const void *memory;

    *errand = (struct classic_errand){.dial = ++node->last_dial,
                                      .owner = owner,
                                      .number = number,
                                      .to = to->at,
                                      .next = node->dialect.errands};
    node->dialect.errands = errand;
    struct action *action = node_act(node, ACTION_DIAL, to, sizeof *to, &memory);
    action->dial.dial = errand->dial;
    action->dial.kind = CARRIER_CLASSIC;
    action->dial.addresses = memory;
    action->dial.count = 1;
    return errand;
}

uint64_t classic_errand_start(struct node *node, enum classic_owner owner, uint32_t number,
                              const struct dial_address *to)
{
    return new_errand(node, owner, number, to)->dial;
}

/* Ends an errand, and then tells whose it was. */
static void errand_end(struct node *node, struct classic_errand *errand, enum classic_end end,
                       const char *why)
{
    struct classic_errand **link = &node->dialect.errands;
    const struct classic_errand ended = *errand;

    while (*link != errand)
        link = &(*link)->next;
    *link = errand->next;
    timers_stop(&node->timers, &errand->timer);
    bytes_done(&errand->object);
    free(errand);
    switch (ended.owner) {
    case CLASSIC_ANSWER:
        break;
    case CLASSIC_CONTACT:
        if (why != NULL)
            dial_note_found(node, ended.number, why, DIAL_MET_NOBODY);
        classic_talk_ended(node, ended.number, end);
        break;
    case CLASSIC_SERVER:
        classic_server_ended(node, ended.number, ended.dial, why);
        break;
    case CLASSIC_ATTEMPT:
        dial_proved_nothing(node, ended.dial, 0, why, DIAL_MET_NOBODY);
        break;
    }
}

/* An answer that is on its way gives up its place. */
static void give_way(struct node *node, struct classic_errand *errand)
{
    if (errand->carrier != 0)
        close_carrier(node, errand->carrier);
    else
        node_act(node, ACTION_DIAL_CANCEL, NULL, 0, NULL)->dial_cancel.dial = errand->dial;
    errand_end(node, errand, CLASSIC_FAILED, NULL);
}

void classic_send(struct node *node, const struct host_port *to, struct bytes *object)
{
    const uint64_t block = address_block(to->host);
    struct classic_errand *errand, *oldest = NULL;
    size_t count = 0, count_of_block = 0;

    for (struct classic_errand *e = node->dialect.errands; e != NULL; e = e->next) {
        if (e->owner != CLASSIC_ANSWER)
            continue;
        oldest = e; /* the newest stands first */
        count++;
        count_of_block += address_block(e->to.host) == block;
    }
    if (count_of_block >= CLASSIC_ANSWERS_BLOCK_MAX) {
        note_refused(node, to, "too many answers are on their way");
        bytes_done(object);
    } else {
        if (count >= CLASSIC_ANSWERS_MAX)
            give_way(node, oldest);
        errand = new_errand(node, CLASSIC_ANSWER, 0, &(const struct dial_address){.at = *to});
        errand->object = *object;
        errand->timer.kind = TIMER_CLASSIC_ERRAND;
        timers_set(&node->timers, &errand->timer,
                   mono_after(node->now.mono, CLASSIC_ANSWER_DIAL_MS));
    }
    *object = BYTES_EMPTY;
}

/* The host that we say is ours: the one that the other side sees, unless it is far and we are told
 * by what name we are reached there. */
static struct host_port own_address(const struct node *node, const struct classic_errand *errand,
                                    const struct host_port *local)
{
    struct host_port own = *local;

    if (node->is_advertised && !host_is_local(errand->to.host))
        memcpy(own.host, node->classic.host, sizeof own.host);
    return own;
}

static bool has_to_say(struct node *node, struct classic_errand *errand,
                       const struct host_port *local)
{
    const struct host_port own = own_address(node, errand, local);

    switch (errand->owner) {
    case CLASSIC_ANSWER:
        return true;
    case CLASSIC_ATTEMPT:
        errand->number = classic_contact_reached(node, errand->dial, &errand->to, local);
        errand->owner = CLASSIC_CONTACT;
        return errand->number != 0 && classic_talk_say(node, errand->number, &own, &errand->object);
    case CLASSIC_CONTACT:
        return classic_talk_say(node, errand->number, &own, &errand->object);
    case CLASSIC_SERVER:
        return classic_server_say(node, errand->number, errand->dial, &own, &errand->to,
                                  &errand->object);
    }
    must(!"an owner");
}

static void errand_up(struct node *node, const struct input *input)
{
    struct classic_errand *errand = errand_by_dial(node, input->carrier_up.dial);
    const uint64_t carrier = input->carrier_up.carrier;
    struct host_port local = input->carrier_up.local;

    if (errand == NULL) { /* it was cancelled */
        close_carrier(node, carrier);
        return;
    }
    errand->carrier = carrier;
    must(host_normalize(input->carrier_up.remote.host, errand->to.host));
    must(host_normalize(input->carrier_up.local.host, local.host));
    local.port = node->classic.port;
    if (!has_to_say(node, errand, &local)) {
        close_carrier(node, carrier);
        errand_end(node, errand, CLASSIC_SENT, NULL);
        return;
    }
    struct effect *effect = ledger_effect(node, EFFECT_CLASSIC);
    effect->number = carrier;
    effect->bytes = errand->object;
    errand->object = BYTES_EMPTY;
}

void classic_say(struct node *node, const struct effect *effect)
{
    struct classic_errand *errand = errand_by_carrier(node, effect->number);
    const void *memory;

    if (errand == NULL) /* the carrier is gone */
        return;
    struct action *action = node_act(node, ACTION_SEND, bytes_data(&effect->bytes),
                                     bytes_length(&effect->bytes), &memory);
    action->send.carrier = errand->carrier;
    action->send.bytes = memory;
    action->send.length = bytes_length(&effect->bytes);
    node_act(node, ACTION_FINISH, NULL, 0, NULL)->finish.carrier = errand->carrier;
    errand->is_out = true;
    errand->timer.kind = TIMER_CLASSIC_ERRAND;
    timers_set(&node->timers, &errand->timer, mono_after(node->now.mono, CLASSIC_SENT_MS));
    if (errand->owner == CLASSIC_CONTACT)
        classic_talk_out(node, errand->number);
}

void classic_not_said(struct node *node, const struct effect *effect)
{
    struct classic_errand *errand = errand_by_carrier(node, effect->number);

    if (errand == NULL)
        return;
    close_carrier(node, errand->carrier);
    errand_end(node, errand, CLASSIC_FAILED, NULL);
}

/* "or has said nothing against it for 3 seconds"; or an answer's dial takes too long. */
void classic_errand_expire(struct node *node, struct timer *timer)
{
    struct classic_errand *errand =
        (struct classic_errand *)((char *)timer - offsetof(struct classic_errand, timer));

    if (!errand->is_out) {
        give_way(node, errand);
        return;
    }
    close_carrier(node, errand->carrier);
    errand_end(node, errand, CLASSIC_SENT, NULL);
}

void classic_dial_failed(struct node *node, uint64_t dial, const char *why)
{
    struct classic_errand *errand = errand_by_dial(node, dial);

    if (errand != NULL)
        errand_end(node, errand, CLASSIC_FAILED, why);
}

static void cancel(struct node *node, struct classic_errand *errand)
{
    node_act(node, ACTION_DIAL_CANCEL, NULL, 0, NULL)->dial_cancel.dial = errand->dial;
    errand->owner = CLASSIC_ANSWER; /* nobody is told */
    errand_end(node, errand, CLASSIC_FAILED, NULL);
}

void classic_cancel(struct node *node, uint64_t dial)
{
    struct classic_errand *errand = errand_by_dial(node, dial);

    if (errand != NULL)
        cancel(node, errand);
}

static struct classic_errand *errand_of(const struct node *node, uint32_t peer)
{
    struct classic_errand *errand = node->dialect.errands;

    while (errand != NULL && (errand->owner != CLASSIC_CONTACT || errand->number != peer))
        errand = errand->next;
    return errand;
}

bool classic_call_off(struct node *node, uint32_t peer)
{
    struct classic_errand *errand = errand_of(node, peer);

    if (errand == NULL || errand->carrier != 0)
        return false;
    cancel(node, errand);
    return true;
}

void classic_let_go(struct node *node, uint32_t peer)
{
    struct classic_errand *errand = errand_of(node, peer);

    if (errand != NULL && !classic_call_off(node, peer))
        errand->owner = CLASSIC_ANSWER;
}

/* --- Carriers --- */

void classic_carrier_up(struct node *node, const struct input *input)
{
    if (input->carrier_up.dial == 0)
        visitor_up(node, input);
    else
        errand_up(node, input);
}

void classic_bytes(struct node *node, uint64_t carrier, const uint8_t *bytes, size_t length)
{
    struct classic_visitor *visitor = visitor_of(node, carrier);

    if (visitor != NULL) /* whom we dialled says nothing there that we would hear */
        visitor_bytes(node, visitor, bytes, length);
}

void classic_carrier_down(struct node *node, uint64_t carrier, bool is_clean)
{
    struct classic_visitor *visitor = visitor_of(node, carrier);
    struct classic_errand *errand = errand_by_carrier(node, carrier);

    if (visitor != NULL) {
        if (classic_reader_has_begun(&visitor->reader))
            note_refused(node, &visitor->remote, "it ended within what it said");
        visitor_free(node, visitor);
    } else if (errand != NULL) {
        errand_end(node, errand, errand->is_out && is_clean ? CLASSIC_SENT : CLASSIC_FAILED, NULL);
    }
}

void classic_stop(struct node *node)
{
    while (node->dialect.visitors != NULL) {
        close_carrier(node, node->dialect.visitors->carrier);
        visitor_free(node, node->dialect.visitors);
    }
}

void classic_done(struct node *node)
{
    while (node->dialect.visitors != NULL)
        visitor_free(node, node->dialect.visitors);
    while (node->dialect.questions != NULL)
        free(take_question(node, node->dialect.questions->resolve));
    for (struct classic_errand *errand = node->dialect.errands, *next; errand != NULL;
         errand = next) {
        next = errand->next;
        timers_stop(&node->timers, &errand->timer);
        bytes_done(&errand->object);
        free(errand);
    }
}
