/* What must be true whatever goes wrong. Everything is judged by what the nodes show: rows of their
 * logs, answers, events. Only the end of a run looks inside a node. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/digits.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/dial.h"
#include "daemon/core/node/state.h"

enum { REQUESTS_REMEMBERED = 4096, CALL_MS_MAX = 60 * 1000 };

/* What became of a message. */
struct message {
    size_t length;
    uint64_t sent_seq;      /* in the sender's log; 0: not there */
    uint64_t epoch, number; /* there */
    uint32_t sent_count;    /* how often it came there: more than once, when it was lost there */
    uint32_t received_count;
    uint64_t received_seq; /* in the receiver's */
    uint64_t told_seq;     /* row of the sender's log that says it is delivered, or failed */
    bool is_settled;       /* its call was answered for good */
    bool is_failed;
    bool is_lost;     /* at the sender's, with a disk that came back from an older copy */
    bool is_gone;     /* at the receiver's: comes again, or a gap is told */
    uint64_t gap_seq; /* row of the receiver's log that says it will not come */
    uint32_t epochs;  /* that its sender had used for this receiver then */
};

/* What one actor said to and thinks of another. */
struct pair {
    struct message *messages; /* by index, from 1 */
    uint32_t count, room;
    uint64_t received_through; /* the highest sent_seq that was received */
    uint64_t epoch;            /* of the sender, the newest */
    uint32_t epochs;           /* so many */
    bool wants;                /* has asked or accepted, and did not take it back */
    uint64_t wanted_ms;        /* when it last did, if not now */
    uint64_t wanted_call;
    uint64_t asked_ms;
    bool is_online;            /* as those who watch were told */
    uint32_t waiting;          /* messages, when they were last counted */
    uint64_t waiting_since_ms; /* so many */
};

struct warning {
    struct warning *next;
    char reason[];
};

/* What one actor's log told. */
struct seen {
    size_t rows[32]; /* by type */
    struct warning *warnings;
    bool is_over[REQUESTS_REMEMBERED]; /* by request: it was refused, expired or taken back */
};

struct checks {
    struct pair pairs[64][64];
    struct seen seen[64];
};

void check_begin(struct sim *sim)
{
    sim->checks = xcalloc(1, sizeof *sim->checks);
}

void check_done(struct sim *sim)
{
    for (size_t i = 0; i < 64; i++) {
        for (struct warning *w = sim->checks->seen[i].warnings, *next; w != NULL; w = next) {
            next = w->next;
            free(w);
        }
        for (size_t j = 0; j < 64; j++)
            free(sim->checks->pairs[i][j].messages);
    }
    free(sim->checks);
}

/* The same identity: an actor is the same as its double. */
static bool is_same(const struct actor *a, const struct actor *b)
{
    return memcmp(&a->identity.key, &b->identity.key, sizeof a->identity.key) == 0;
}

static struct pair *pair_of(const struct actor *from, const struct actor *to)
{
    return &from->sim->checks->pairs[from->index][to->index];
}

static struct message *message_of(const struct actor *from, const struct actor *to, uint32_t index)
{
    struct pair *pair = pair_of(from, to);

    return index >= 1 && index <= pair->count ? &pair->messages[index - 1] : NULL;
}

uint32_t check_new_message(const struct actor *from, const struct actor *to, size_t length)
{
    struct pair *pair = pair_of(from, to);

    if (pair->count == pair->room) {
        pair->room = 2 * pair->room + 16;
        pair->messages = xreallocarray(pair->messages, pair->room, sizeof *pair->messages);
    }
    pair->messages[pair->count] = (struct message){.length = length};
    return ++pair->count;
}

size_t check_length(const struct actor *from, const struct actor *to, uint32_t message)
{
    return message_of(from, to, message)->length;
}

bool check_is_settled(const struct actor *from, const struct actor *to, uint32_t message)
{
    return message_of(from, to, message)->is_settled;
}

/* --- Fields of rows --- */

static struct json *fields_of(const struct log_row *row)
{
    char *text = xmalloc(row->body_length + 2);
    struct json *json;

    text[0] = '{';
    memcpy(text + 1, row->body, row->body_length);
    text[row->body_length + 1] = '}';
    must(json_parse(text, row->body_length + 2, &json) == OK);
    free(text);
    return json;
}

static uint64_t integer_field(const struct json *json, const char *name)
{
    int64_t value;

    must(json_integer(json_member(json, name), &value) && value >= 0);
    return (uint64_t)value;
}

static const char *string_field(const struct json *json, const char *name)
{
    const char *text;
    size_t length;

    must(json_string(json_member(json, name), &text, &length));
    return text;
}

/* Whether `actor` (or its double) has wanted `peer` (or its double) since then;
 * UINT64_MAX: wants it now. */
static bool wanted_since(const struct actor *actor, const struct actor *peer, uint64_t ms)
{
    const struct sim *sim = actor->sim;

    if (actor->was_bot)
        return true;
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = 0; j < sim->actor_count; j++) {
            const struct pair *pair = pair_of(&sim->actors[i], &sim->actors[j]);
            if (is_same(&sim->actors[i], actor) && is_same(&sim->actors[j], peer) &&
                (pair->wants || (pair->wanted_call != 0 && pair->wanted_ms >= ms)))
                return true;
        }
    return false;
}

/* --- Messages --- */

/* The message that a row is about; NULL (and a failure) when it is none of ours. */
static struct message *read_message(struct actor *actor, const struct log_row *row,
                                    struct actor **ret_from, struct actor **ret_to)
{
    struct sim *sim = actor->sim;
    uint32_t index;

    if (!people_read(sim, row->body, &index, ret_from, ret_to) ||
        message_of(*ret_from, *ret_to, index) == NULL) {
        sim_fail(sim, "%s has a message that nobody wrote: %.60s", actor->name, row->body);
        return NULL;
    }
    struct message *message = message_of(*ret_from, *ret_to, index);
    const struct actor *peer = actor_of_peer(actor, row->peer);
    const struct actor *other = row->type == EVENT_MESSAGE_SENT ? *ret_to : *ret_from;
    if (peer == NULL || !is_same(peer, other))
        sim_fail(sim, "%s has it from or to somebody else: %.60s", actor->name, row->body);
    if (row->body_length < message->length)
        sim_fail(sim, "%s has only a part: %.60s", actor->name, row->body);
    return message;
}

static void check_sent(struct actor *actor, const struct log_row *row)
{
    struct actor *from, *to;
    struct message *message = read_message(actor, row, &from, &to);

    if (message == NULL)
        return;
    if (from != actor || message->sent_seq != 0)
        sim_fail(actor->sim, "%s sends twice: %.60s", actor->name, row->body);
    message->sent_seq = row->seq;
    message->epoch = row->epoch;
    message->number = row->number;
    message->sent_count++;
    message->received_seq = 0; /* if ever, it was what was sent before */
    message->is_gone = false;
    message->gap_seq = 0;
    struct pair *pair = pair_of(from, to);
    pair->epochs += pair->epoch != row->epoch;
    pair->epoch = row->epoch;
    message->epochs = pair->epochs;
}

static void check_received_row(struct actor *actor, const struct log_row *row)
{
    struct actor *from, *to;
    struct message *message = read_message(actor, row, &from, &to);

    if (message == NULL)
        return;
    struct pair *pair = pair_of(from, to);
    if (to != actor)
        sim_fail(actor->sim, "%s gets what was for %s", actor->name, to->name);
    if (++message->received_count > message->sent_count)
        sim_fail(actor->sim, "%s gets twice: %.60s", actor->name, row->body);
    if (message->gap_seq != 0)
        sim_fail(actor->sim, "%s gets what it was told it would not: %.60s", actor->name,
                 row->body);
    if (message->is_lost || message->is_gone) { /* or is it not? */
        message->received_seq = row->seq;
        return;
    }
    if (row->epoch != message->epoch || row->number != message->number)
        sim_fail(actor->sim, "%s gets it under another number: %.60s", actor->name, row->body);
    if (message->sent_seq == 0)
        sim_fail(actor->sim, "%s gets what is not durable there: %.60s", actor->name, row->body);
    if (message->sent_seq <= pair->received_through)
        sim_fail(actor->sim, "%s gets out of order: %.60s", actor->name, row->body);
    if (!wanted_since(actor, from, UINT64_MAX))
        sim_fail(actor->sim, "%s gets a message without consent: %.60s", actor->name, row->body);
    message->received_seq = row->seq;
    pair->received_through = message->sent_seq;
}

/* "Every message to this peer with seq up to `through` is delivered." */
static void check_delivered(struct actor *actor, const struct log_row *row)
{
    struct actor *to = actor_of_peer(actor, row->peer);
    struct pair *pair = pair_of(actor, to);
    struct json *json = fields_of(row);
    const uint64_t through = integer_field(json, "through"), count = integer_field(json, "count");
    uint64_t newly = 0;

    json_free(json);
    for (uint32_t i = 0; i < pair->count; i++) {
        struct message *message = &pair->messages[i];
        if (message->sent_seq == 0 || message->sent_seq > through || message->is_failed)
            continue;
        if (message->received_seq == 0 && !message->is_lost && !message->is_gone)
            sim_fail(actor->sim, "%s is told that %s has message %u, but it has not", actor->name,
                     to->name, i + 1);
        newly += message->told_seq == 0;
        if (message->told_seq == 0)
            message->told_seq = row->seq;
    }
    if (newly != count)
        sim_fail(actor->sim, "%s counts %llu delivered to %s; they are %llu", actor->name,
                 (unsigned long long)count, to->name, (unsigned long long)newly);
}

/* What their log no longer has will not come: of our messages nothing else is missing. */
static void check_gap(struct actor *actor, const struct log_row *row)
{
    struct actor *from = actor_of_peer(actor, row->peer);
    struct pair *pair = pair_of(from, actor);
    struct json *json = fields_of(row);
    const uint64_t epoch = strtoull(string_field(json, "epoch"), NULL, 16);
    const uint64_t first = integer_field(json, "from"), last = integer_field(json, "to");

    json_free(json);
    for (uint32_t i = 0; i < pair->count; i++) {
        struct message *message = &pair->messages[i];
        if (message->sent_seq == 0 || message->epoch != epoch || message->number < first ||
            message->number > last)
            continue;
        if (message->sent_seq > from->disk.floor || message->received_seq != 0)
            sim_fail(actor->sim, "%s is told that message %u of %s is gone, but it is not",
                     actor->name, i + 1, from->name);
        message->gap_seq = row->seq;
    }
}

/* Messages that were on their way to the disk: one said again with its key is counted once more. */
enum { WRITING_MS_MAX = 1000 };
static uint64_t count_said(const struct actor *actor, const struct actor *to)
{
    uint64_t said = 0;

    for (const struct call *call = actor->calls; call != NULL; call = call->next)
        said += call->message != 0 && call->about == to &&
                call->at_ms + WRITING_MS_MAX >= actor->sim->now_ms;
    return said;
}

static void check_failed(struct actor *actor, const struct log_row *row)
{
    struct actor *to = actor_of_peer(actor, row->peer);
    struct pair *pair = pair_of(actor, to);
    struct json *json = fields_of(row);
    const uint64_t count = integer_field(json, "count");
    uint64_t newly = 0;

    json_free(json);
    for (uint32_t i = 0; i < pair->count; i++) {
        struct message *message = &pair->messages[i];
        if (message->sent_seq == 0 || message->told_seq != 0)
            continue;
        message->told_seq = row->seq;
        message->is_failed = true;
        newly++;
    }
    if (count < newly || count > newly + count_said(actor, to))
        sim_fail(actor->sim, "%s counts %llu failed to %s; they are %llu", actor->name,
                 (unsigned long long)count, to->name, (unsigned long long)newly);
}

/* --- Consent --- */

static void want(struct actor *actor, struct actor *peer, const struct call *call)
{
    struct pair *pair = pair_of(actor, peer);

    pair->wants = true;
    pair->wanted_call = call->number;
}

static void take_back(struct actor *actor, struct actor *peer, const struct call *call)
{
    struct pair *pair = pair_of(actor, peer);

    if (!pair->wants || pair->wanted_call > call->number)
        return;
    pair->wants = false;
    pair->wanted_ms = actor->sim->now_ms;
}

static bool *is_over(struct actor *actor, const struct json *json)
{
    const uint64_t number = strtoull(string_field(json, "request") + 1, NULL, 10);

    must(number < REQUESTS_REMEMBERED);
    return &actor->sim->checks->seen[actor->index].is_over[number];
}

/* Granted only when both sides have asked or accepted, and the request was still open. */
static void check_accepted(struct actor *actor, const struct log_row *row)
{
    struct actor *peer = actor_of_peer(actor, row->peer);
    struct json *json = fields_of(row);
    const bool is_ours = strcmp(string_field(json, "direction"), "out") == 0;
    const uint64_t asked_ms = (is_ours ? pair_of(actor, peer) : pair_of(peer, actor))->asked_ms;
    /* what they said before may have waited for a process that stood still */
    const uint64_t late_ms = actor->sim->options.stall_ms_max + actor->sim->options.user_timeout_ms;
    const uint64_t since_ms = asked_ms > late_ms ? asked_ms - late_ms : 0;

    if (*is_over(actor, json))
        sim_fail(actor->sim, "%s: an answer counts although %s is over", actor->name,
                 string_field(json, "request"));
    if (!wanted_since(actor, peer, since_ms) || !wanted_since(peer, actor, since_ms))
        sim_fail(actor->sim, "%s has consent with %s, which did not want it", actor->name,
                 peer->name);
    json_free(json);
}

static void check_over(struct actor *actor, const struct log_row *row)
{
    struct json *json = fields_of(row);

    *is_over(actor, json) = true;
    json_free(json);
}

/* Who ends a chat forgets what it had sent. */
static void check_disconnected(struct actor *actor, const struct log_row *row)
{
    struct actor *peer = actor_of_peer(actor, row->peer);
    struct pair *pair = pair_of(actor, peer);

    for (uint32_t i = 0; i < pair->count; i++)
        pair->messages[i].is_lost = pair->messages[i].is_lost || pair->messages[i].is_gone;
}

/* --- Rows and events --- */

static void check_warning(struct actor *actor, const struct log_row *row)
{
    struct json *json = fields_of(row);
    const char *reason = string_field(json, "reason");
    struct warning *warning = xmalloc(sizeof *warning + strlen(reason) + 1);
    struct seen *seen = &actor->sim->checks->seen[actor->index];

    strcpy(warning->reason, reason);
    warning->next = seen->warnings;
    seen->warnings = warning;
    json_free(json);
}

void check_row(struct actor *actor, const struct log_row *row)
{
    actor->sim->checks->seen[actor->index].rows[row->type]++;
    switch ((enum api_event)row->type) {
    case EVENT_MESSAGE_RECEIVED:
        check_received_row(actor, row);
        break;
    case EVENT_MESSAGE_SENT:
        check_sent(actor, row);
        break;
    case EVENT_MESSAGE_DELIVERED:
        check_delivered(actor, row);
        break;
    case EVENT_MESSAGE_FAILED:
        check_failed(actor, row);
        break;
    case EVENT_CHAT_ACCEPTED:
        check_accepted(actor, row);
        break;
    case EVENT_CHAT_REFUSED:
    case EVENT_CHAT_EXPIRED:
        check_over(actor, row);
        break;
    case EVENT_SECURITY_WARNING:
        check_warning(actor, row);
        break;
    case EVENT_CHAT_DISCONNECTED:
        check_disconnected(actor, row);
        break;
    case EVENT_CHAT_REQUESTED:
    case EVENT_REGISTERED:
    case EVENT_REGISTER_FAILED:
    case EVENT_UNREGISTERED:
        break;
    case EVENT_GAP:
        check_gap(actor, row);
        break;
    case EVENT_PEER_ONLINE:
    case EVENT_PEER_OFFLINE:
        sim_fail(actor->sim, "%s logs what is not to be logged", actor->name);
        break;
    }
}

/* What `from` said to `to`, when the disk of one of them has gone back. */
static void forget_messages(struct pair *pair, const uint64_t *sent_through,
                            const uint64_t *received_through)
{
    pair->received_through = 0;
    for (uint32_t i = 0; i < pair->count; i++) {
        struct message *message = &pair->messages[i];
        if (sent_through != NULL && message->sent_seq > *sent_through) {
            message->sent_seq = 0;
            message->is_lost = true;
        }
        if (sent_through != NULL && message->told_seq > *sent_through) {
            message->told_seq = 0;
            message->is_failed = false;
        }
        if (received_through != NULL && message->gap_seq > *received_through)
            message->gap_seq = 0;
        if (received_through != NULL && message->received_seq > *received_through) {
            message->received_seq = 0;
            message->received_count = 0;
            message->is_gone = true;
        }
        if (message->received_seq != 0 && message->sent_seq > pair->received_through)
            pair->received_through = message->sent_seq;
    }
}

void check_restored(struct actor *actor)
{
    for (size_t i = 0; i < actor->sim->actor_count; i++) {
        struct actor *other = &actor->sim->actors[i];
        forget_messages(pair_of(actor, other), &actor->logged_seq, NULL);
        forget_messages(pair_of(other, actor), NULL, &actor->logged_seq);
    }
    memset(actor->sim->checks->seen[actor->index].is_over, 0,
           sizeof actor->sim->checks->seen[actor->index].is_over); /* numbers are used again */
}

void check_started(struct actor *actor)
{
    for (size_t i = 0; i < actor->sim->actor_count; i++)
        pair_of(actor, &actor->sim->actors[i])->is_online = false;
}

void check_event(struct actor *actor, const struct action *action)
{
    const struct api_event_row *row = api_event(action->event.type);

    if (action->event.type == EVENT_PEER_ONLINE || action->event.type == EVENT_PEER_OFFLINE) {
        struct pair *pair = pair_of(actor, actor_of_peer(actor, action->event.peer));
        const bool is_online = action->event.type == EVENT_PEER_ONLINE;
        if (pair->is_online == is_online)
            sim_fail(actor->sim, "%s tells %s twice", actor->name, row->name);
        pair->is_online = is_online;
    }
    if (row->logged && action->event.type != EVENT_CHAT_REQUESTED &&
        action->event.type != EVENT_CHAT_EXPIRED)
        sim_fail(actor->sim, "%s tells %s without logging it", actor->name, row->name);
}

/* --- Calls --- */

void check_called(struct actor *actor, struct call *call)
{
    if (call->about == NULL)
        return;
    if (call->method == API_CHAT_REQUEST) {
        pair_of(actor, call->about)->asked_ms = actor->sim->now_ms;
        want(actor, call->about, call);
    } else if (call->method == API_CHAT_ACCEPT) {
        want(actor, call->about, call);
    }
}

static void check_message_answered(struct actor *actor, const struct call *call)
{
    struct message *message = message_of(actor, call->about, call->message);
    char id[DIGITS_MESSAGE_ID_MAX + 1];
    struct json *json;

    if (call->is_other_text) {
        if (call->error == OK && !message->is_lost)
            sim_fail(actor->sim, "%s takes another text under the key of message %u to %s",
                     actor->name, call->message, call->about->name);
        return;
    }
    if (call->error == ERR_STORAGE_FAILED || call->error == ERR_STORAGE_FULL ||
        call->error == ERR_SHUTTING_DOWN || call->error == ERR_OUTBOX_FULL)
        return; /* to be said again */
    message->is_settled = true;
    if (call->error != OK)
        return;
    must(json_parse(call->json, strlen(call->json), &json) == OK);
    const char *state = string_field(json, "state");
    if (integer_field(json, "seq") != message->sent_seq)
        sim_fail(actor->sim, "%s answers message %u to %s with seq %llu; the log has %llu",
                 actor->name, call->message, call->about->name,
                 (unsigned long long)integer_field(json, "seq"),
                 (unsigned long long)message->sent_seq);
    digits_message_id(message->epoch, message->number, id);
    if (strcmp(string_field(json, "id"), id) != 0)
        sim_fail(actor->sim, "%s answers message %u to %s with id %s; the log has %s", actor->name,
                 call->message, call->about->name, string_field(json, "id"), id);
    if (strcmp(state, "delivered") == 0 && message->received_seq == 0 && !message->is_lost &&
        !message->is_gone)
        sim_fail(actor->sim, "%s answers delivered: message %u, which %s has not", actor->name,
                 call->message, call->about->name);
    if ((strcmp(state, "failed") == 0) != message->is_failed)
        sim_fail(actor->sim, "%s answers message %u to %s: %s, against its log", actor->name,
                 call->message, call->about->name, state);
    json_free(json);
}

void check_answered(struct actor *actor, struct call *call)
{
    if (call->error == OK && call->ticket > actor->durable_ticket)
        sim_fail(actor->sim, "%s answers call %llu before it is durable", actor->name,
                 (unsigned long long)call->number);
    if (call->message != 0)
        check_message_answered(actor, call);
    if (call->about == NULL || call->error != OK)
        return;
    if (call->method == API_CHAT_REQUEST) /* sent now, whatever came between */
        pair_of(actor, call->about)->wants = true;
    if (call->method == API_CHAT_DISCONNECT || call->method == API_CHAT_REFUSE ||
        call->method == API_CONTACT_BLOCK || call->method == API_CONTACT_REMOVE)
        take_back(actor, call->about, call);
}

/* --- Consent, as the nodes have it --- */

static const struct contact *contact_of(const struct actor *actor, const struct actor *peer)
{
    return contacts_by_key(&actor->node->contacts, peer->identity.key.bytes);
}

static enum consent consent_of(const struct actor *actor, const struct actor *peer)
{
    const struct contact *contact = contact_of(actor, peer);

    return contact != NULL ? contact->row.consent : CONSENT_NONE;
}

bool check_is_online(const struct actor *actor, const struct actor *peer)
{
    const struct contact *contact = actor->node != NULL ? contact_of(actor, peer) : NULL;

    return contact != NULL && contact->session != NULL;
}

bool check_is_mutual(const struct actor *a, const struct actor *b)
{
    return a->node != NULL && b->node != NULL && consent_of(a, b) == CONSENT_MUTUAL &&
           consent_of(b, a) == CONSENT_MUTUAL;
}

/* --- The end --- */

/* Longer than it takes to find out that a link is dead. */
enum { STANDS_STILL_MS = 120 * 1000 };

static uint32_t count_waiting(const struct pair *pair)
{
    uint32_t waiting = 0;

    for (uint32_t i = 0; i < pair->count; i++)
        waiting += pair->messages[i].sent_seq != 0 && pair->messages[i].told_seq == 0 &&
                   !pair->messages[i].is_lost;
    return waiting;
}

static void check_pair_flow(struct sim *sim, const struct actor *from, const struct actor *to)
{
    struct pair *pair = pair_of(from, to);
    const uint32_t waiting = count_waiting(pair);
    const bool must_flow = waiting > 0 && check_is_mutual(from, to) && check_is_online(from, to) &&
                           check_is_online(to, from);

    if (!must_flow || waiting != pair->waiting) {
        pair->waiting = waiting;
        pair->waiting_since_ms = sim->now_ms;
    } else if (sim->now_ms - pair->waiting_since_ms > STANDS_STILL_MS) {
        sim_fail(sim, "%u messages from %s to %s stand still", waiting, from->name, to->name);
    }
}

void check_flow(struct sim *sim)
{
    for (size_t i = 0; i < sim->actor_count; i++)
        for (size_t j = 0; j < sim->actor_count; j++)
            if (i != j && !sim_failed(sim))
                check_pair_flow(sim, &sim->actors[i], &sim->actors[j]);
}

/* Whoever blocks does not answer, so the two need not agree. */
static bool has_blocked(const struct actor *actor, const struct actor *peer)
{
    const struct contact *contact = contact_of(actor, peer);

    return contact != NULL && contact->row.blocked;
}

void check_arrived(const struct actor *from, const struct actor *to)
{
    const struct pair *pair = pair_of(from, to);

    if (to->node != NULL && has_blocked(to, from))
        return;
    for (uint32_t i = 0; i < pair->count; i++) {
        const struct message *message = &pair->messages[i];
        if (message->sent_seq == 0 || message->is_failed || message->is_lost ||
            message->gap_seq != 0 ||
            (message->is_gone && pair->epochs - message->epochs > OUTBOX_COMPLETE_MAX))
            continue;
        if (message->received_seq == 0)
            sim_fail(from->sim, "message %u from %s to %s is lost", i + 1, from->name, to->name);
        else if (message->told_seq == 0)
            sim_fail(from->sim, "%s does not know that %s has message %u", from->name, to->name,
                     i + 1);
    }
}

static void check_calls(const struct actor *actor)
{
    for (const struct call *call = actor->calls; call != NULL; call = call->next)
        if (call->state == CALL_OPEN && call->at_ms + CALL_MS_MAX < actor->sim->now_ms &&
            (call->about == NULL || !has_blocked(call->about, actor)))
            sim_fail(actor->sim, "%s does not answer call %llu (%s)", actor->name,
                     (unsigned long long)call->number, api_method(call->method)->name);
}

/* Who asked while its disk failed told no address. When it has forgotten that by the time it is
 * answered, it does not come again, and cannot be told. */
static bool can_reach(const struct actor *a, const struct actor *b)
{
    struct dial_address addresses[DIAL_ADDRESSES_MAX];
    const struct contact *contact = contact_of(a, b);

    return contact != NULL && dial_addresses(contact, addresses, DIAL_ADDRESSES_MAX) > 0;
}

/* Both sides see the same: consent and one link, or neither. */
static void check_agreed(const struct actor *a, const struct actor *b)
{
    const enum consent here = consent_of(a, b), there = consent_of(b, a);
    const size_t carriers = wire_count(a->sim, a, b);

    if (has_blocked(a, b) || has_blocked(b, a))
        return;
    if ((here == CONSENT_PENDING || here == CONSENT_ENDING) && can_reach(a, b))
        sim_fail(a->sim, "%s does not get to an end with %s (%d, %d)", a->name, b->name, here,
                 there);
    if ((here == CONSENT_MUTUAL) != (there == CONSENT_MUTUAL))
        sim_fail(a->sim, "%s and %s do not agree on having consent (%d, %d)", a->name, b->name,
                 here, there);
    if (here == CONSENT_MUTUAL && contact_of(a, b)->session == NULL)
        sim_fail(a->sim, "%s has no link to %s", a->name, b->name);
    if (here == CONSENT_MUTUAL && carriers != 1)
        sim_fail(a->sim, "%zu carriers between %s and %s", carriers, a->name, b->name);
}

void check_converged(struct sim *sim)
{
    for (size_t i = 0; i < sim->actor_count && !sim_failed(sim); i++) {
        const struct actor *a = &sim->actors[i];
        if (a->node == NULL) {
            sim_fail(sim, "%s is down", a->name);
            return;
        }
        check_calls(a);
        readers_check(a);
        for (size_t j = 0; j < sim->actor_count; j++)
            if (i != j && sim->actors[j].node != NULL) {
                check_arrived(a, &sim->actors[j]);
                check_agreed(a, &sim->actors[j]);
            }
    }
}

/* --- For scenarios --- */

size_t check_received(const struct sim *sim, const struct actor *from, const struct actor *to)
{
    const struct pair *pair = pair_of(from, to);
    size_t received = 0;
    (void)sim;

    for (uint32_t i = 0; i < pair->count; i++)
        received += pair->messages[i].received_seq != 0;
    return received;
}

size_t check_rows(const struct actor *actor, int type)
{
    return actor->sim->checks->seen[actor->index].rows[type];
}

size_t check_warnings(const struct actor *actor, const char *reason)
{
    const struct warning *warning = actor->sim->checks->seen[actor->index].warnings;
    size_t count = 0;

    for (; warning != NULL; warning = warning->next)
        count += strcmp(warning->reason, reason) == 0;
    return count;
}
