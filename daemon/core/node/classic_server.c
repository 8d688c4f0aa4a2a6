/* A node that is registered with a server of the classic dialect (p2pchat-protocol(7), The classic
 * dialect).
 *
 *     REGISTER ──► REGISTER_SUCCESS
 *                  REGISTER_ERROR: the name is taken, unless the list has it with our address
 *     LISTPEER ──► the list: for look-ups; and as renewal, because who is not registered gets none
 *
 * There is no link: each of these is an object on a connection of its own, and one question at a
 * time is under way. Answers come to where we listen, from the host that the server was reached at;
 * one that nothing was asked for changes nothing. */
#include "daemon/core/node/trackers.h"

#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/lookup.h"

static void arm(struct node *node, struct tracker *tracker, uint64_t ms)
{
    timers_set(&node->timers, &tracker->timer, mono_after(node->now.mono, ms));
}

/* --- Questions --- */

static void ask(struct node *node, struct tracker *tracker, enum classic_asked asked)
{
    struct classic_server *server = &tracker->server;

    must(server->asked == CLASSIC_ASKED_NOTHING);
    server->asked = asked;
    tracker->is_asked = asked == CLASSIC_ASKED_REGISTER || server->is_refused;
    server->dial =
        classic_errand_start(node, CLASSIC_SERVER, tracker->number,
                             &(const struct dial_address){.at = tracker->setting.address.at});
    timers_stop(&node->timers, &tracker->timer); /* the dial has a bound of its own */
}

static void answered(struct tracker *tracker)
{
    tracker->server.asked = CLASSIC_ASKED_NOTHING;
    tracker->server.dial = 0;
    tracker->is_asked = false;
}

/* Nothing more comes of what was asked. */
static void drop_question(struct node *node, struct tracker *tracker)
{
    if (tracker->server.dial != 0)
        classic_cancel(node, tracker->server.dial);
    answered(tracker);
}

bool classic_server_say(struct node *node, uint32_t number, uint64_t dial,
                        const struct host_port *local, const struct host_port *remote,
                        struct bytes *object)
{
    struct tracker *tracker = trackers_by_number(node, number);
    struct classic_server *server = tracker != NULL ? &tracker->server : NULL;

    if (server == NULL || server->dial != dial)
        return false;
    server->dial = 0;
    memcpy(server->source, remote->host, sizeof server->source);
    if (server->asked == CLASSIC_ASKED_REGISTER) {
        memcpy(server->name, node_name(node), strlen(node_name(node)) + 1);
        server->ours = *local;
        classic_write_at(object, CLASSIC_REGISTER, server->name, &server->ours);
    } else {
        classic_write_name(object, CLASSIC_LISTPEER, server->name);
    }
    arm(node, tracker, CLASSIC_ANSWER_MS);
    return true;
}

/* --- How it stands --- */

static struct lookup *next_waiting(const struct node *node, const struct tracker *tracker)
{
    for (struct lookup *lookup = node->lookups; lookup != NULL; lookup = lookup->next)
        for (size_t i = 0; i < lookup->part_count; i++)
            if (lookup->parts[i].tracker == tracker->number &&
                lookup->parts[i].progress == LOOKUP_WAITS)
                return lookup;
    return NULL;
}

static void registered(struct node *node, struct tracker *tracker)
{
    tracker->server.is_registered = true;
    tracker->server.is_refused = false;
    tracker->server.failures = 0;
    registration_state(node, tracker, TRACKER_REGISTERED, NULL, NULL);
    if (next_waiting(node, tracker) != NULL)
        ask(node, tracker, CLASSIC_ASKED_LIST);
    else
        registration_arm(node, tracker);
}

static void name_taken(struct node *node, struct tracker *tracker)
{
    tracker->server.is_registered = tracker->server.is_refused = false;
    tracker->server.name[0] = '\0'; /* it is somebody else's: not ours to take off the list */
    registration_state(node, tracker, TRACKER_NAME_TAKEN, "name_taken",
                       "somebody else has this name there; register another");
    lookup_tracker_gone(node, tracker);
    registration_arm(node, tracker);
}

/* Again soon, and then ever less often. */
static void away(struct node *node, struct tracker *tracker, const char *reason, const char *why)
{
    struct classic_server *server = &tracker->server;
    uint64_t wait_ms = CLASSIC_SERVER_RETRY_MS;

    for (unsigned i = 0; i < server->failures && wait_ms < TRACKER_RENEWAL_MS; i++)
        wait_ms *= 2;
    server->failures++;
    server->is_registered = server->is_refused = false;
    registration_state(node, tracker, TRACKER_AWAY, reason, why);
    lookup_tracker_gone(node, tracker);
    arm(node, tracker, wait_ms < TRACKER_RENEWAL_MS ? wait_ms : TRACKER_RENEWAL_MS);
}

/* Whether it has us under a name that is not ours any more. */
static bool has_other_name(const struct node *node, const struct classic_server *server)
{
    return server->name[0] != '\0' && strcmp(server->name, node_name(node)) != 0;
}

void classic_server_ask(struct node *node, struct tracker *tracker)
{
    struct classic_server *server = &tracker->server;

    if (node->classic.port == 0) {
        registration_state(node, tracker, TRACKER_FAILED, "classic_off",
                           "its answers come to [Classic] Listen=, which is not set");
        return;
    }
    if (has_other_name(node, server))
        classic_server_leave(node, tracker);
    if (server->asked == CLASSIC_ASKED_NOTHING)
        ask(node, tracker, server->is_registered ? CLASSIC_ASKED_LIST : CLASSIC_ASKED_REGISTER);
}

void classic_server_renamed(struct node *node, struct tracker *tracker)
{
    if (!has_other_name(node, &tracker->server))
        return;
    tracker->state = TRACKER_CONNECTING;
    classic_server_ask(node, tracker);
}

/* What was written may be answered, whatever became of the connection. */
void classic_server_ended(struct node *node, uint32_t number, uint64_t dial, const char *why)
{
    struct tracker *tracker = trackers_by_number(node, number);

    if (tracker == NULL || tracker->server.dial != dial)
        return;
    answered(tracker);
    away(node, tracker, "unreachable", why);
    tracker_calls_look(node);
}

/* People look where the answer should have come in. */
static void say_no_answer(struct node *node, struct tracker *tracker)
{
    char ours[ADDRESS_HOST_PORT_MAX + 1];
    struct bytes why = BYTES_EMPTY;

    host_port_format(&tracker->server.ours, ours);
    bytes_text(&why, "no answer came to ");
    bytes_text(&why, ours);
    bytes_u8(&why, '\0');
    away(node, tracker, "no_answer", (const char *)bytes_data(&why));
    bytes_done(&why);
}

static void no_answer(struct node *node, struct tracker *tracker)
{
    struct classic_server *server = &tracker->server;
    const bool is_list = server->asked == CLASSIC_ASKED_LIST;

    answered(tracker);
    if (server->is_refused) { /* the list went to whose the name is */
        name_taken(node, tracker);
    } else if (is_list) { /* it does not know us any more */
        server->is_registered = false;
        lookup_tracker_gone(node, tracker);
        ask(node, tracker, CLASSIC_ASKED_REGISTER);
    } else {
        say_no_answer(node, tracker);
    }
}

void classic_server_expire(struct node *node, struct tracker *tracker)
{
    if (tracker->server.asked != CLASSIC_ASKED_NOTHING)
        no_answer(node, tracker);
    else
        classic_server_ask(node, tracker);
    tracker_calls_look(node);
}

void classic_server_leave(struct node *node, struct tracker *tracker)
{
    struct classic_server *server = &tracker->server;
    struct host_port to = {.port = tracker->setting.address.at.port};
    struct bytes object = BYTES_EMPTY;

    drop_question(node, tracker);
    server->is_registered = server->is_refused = false;
    timers_stop(&node->timers, &tracker->timer);
    if (server->name[0] == '\0')
        return;
    memcpy(to.host, server->source, sizeof to.host);
    classic_write_name(&object, CLASSIC_EXIT_NETWORK, server->name);
    classic_send(node, &to, &object);
    server->name[0] = '\0';
}

/* --- Look-ups --- */

void classic_server_look_up(struct node *node, struct tracker *tracker)
{
    struct classic_server *server = &tracker->server;

    if (server->is_registered && server->asked == CLASSIC_ASKED_NOTHING)
        ask(node, tracker, CLASSIC_ASKED_LIST);
}

/* Everybody who waits gets the list. */
static void give_list(struct node *node, struct tracker *tracker,
                      const struct classic_object *object)
{
    struct lookup *lookup;

    while ((lookup = next_waiting(node, tracker)) != NULL) {
        const uint64_t number = lookup->number;
        const struct json *place = NULL;
        struct classic_peer peer;

        while (classic_object_next_peer(object, &place, &peer))
            lookup_found_classic(node, number, tracker, &peer);
        lookup_source_done(node, number, tracker->number, LOOKUP_ANSWERED);
    }
}

/* Whether the list has our name, with our address. */
static bool lists_us(const struct classic_server *server, const struct classic_object *object)
{
    const struct json *place = NULL;
    struct classic_peer peer;

    while (classic_object_next_peer(object, &place, &peer))
        if (strcmp(peer.name, server->name) == 0)
            return peer.at.port == server->ours.port &&
                   strcmp(peer.at.host, server->ours.host) == 0;
    return false;
}

static void listed(struct node *node, struct tracker *tracker, const struct classic_object *object)
{
    const bool is_ours = lists_us(&tracker->server, object);

    answered(tracker);
    give_list(node, tracker, object);
    if (is_ours) {
        registered(node, tracker);
    } else if (tracker->server.is_refused) {
        name_taken(node, tracker);
    } else {
        tracker->server.is_registered = false;
        ask(node, tracker, CLASSIC_ASKED_REGISTER);
    }
}

/* --- Answers --- */

/* Who was asked that and has not answered: of several at one host, the first. */
static struct tracker *who_answers(const struct node *node, const char *source,
                                   enum classic_asked asked)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (t->setting.is_classic && t->server.asked == asked && t->server.dial == 0 &&
            strcmp(t->server.source, source) == 0)
            return t;
    return NULL;
}

void classic_server_heard(struct node *node, const char *source,
                          const struct classic_object *object)
{
    const bool is_list = object->type == CLASSIC_PEERLIST;
    struct tracker *tracker =
        who_answers(node, source, is_list ? CLASSIC_ASKED_LIST : CLASSIC_ASKED_REGISTER);

    if (tracker == NULL)
        return;
    if (is_list) {
        listed(node, tracker, object);
    } else {
        answered(tracker);
        if (object->type == CLASSIC_REGISTER_SUCCESS) {
            registered(node, tracker);
        } else {
            tracker->server.is_refused = true;
            ask(node, tracker, CLASSIC_ASKED_LIST);
        }
    }
    tracker_calls_look(node);
}
