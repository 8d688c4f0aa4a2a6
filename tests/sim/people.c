/* People and scripts at the nodes: they ask, answer as their manners are, and talk. What was not
 * answered for good they say again, with the same idempotency key. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

enum { AGAIN_MS = 4000, LEAVE_MS = 20000, LOOK_MS = 3000 };

/* --- Asking and answering --- */

struct call *people_request(struct actor *actor, struct actor *to, enum known known)
{
    return actor_call(actor, API_CHAT_REQUEST, to, 0, "{\"to\":\"%s%s%s:%u\"}",
                      known == BY_KEY ? to->identity.id : "", known == BY_KEY ? "@" : "",
                      to->address.host, to->address.port);
}

static void insist(struct sim *sim, struct event *event)
{
    people_insist(event->actor, &sim->actors[event->a]);
}

static void insist_later(struct actor *actor, const struct actor *to)
{
    struct event *event = sim_after(actor->sim, sim_between(actor->sim, 1, AGAIN_MS), insist);

    event->actor = actor;
    event->a = to->index;
}

void people_insist(struct actor *actor, struct actor *to)
{
    struct call *call = people_request(actor, to, BY_KEY);

    if (call != NULL && call->state == CALL_OPEN)
        call->is_insisted_on = true;
    else if (call == NULL || call->state == CALL_LOST || call->error != OK)
        insist_later(actor, to);
}

struct call *people_about(struct actor *actor, enum api_method method, struct actor *peer)
{
    return actor_call(actor, method, peer, 0, "{\"%s\":\"%s\"}", api_method(method)->params[0].name,
                      peer->identity.id);
}

/* Fields of an event, as the log has them: without braces. The caller frees the root. */
static struct json *parse_fields(const char *fields, size_t length)
{
    char *text = xmalloc(length + 2);
    struct json *json;

    text[0] = '{';
    memcpy(text + 1, fields, length);
    text[length + 1] = '}';
    must(json_parse(text, length + 2, &json) == OK);
    free(text);
    return json;
}

static void answer(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor;
    struct actor *from = &sim->actors[event->b];
    enum manners manners = actor->manners;

    if (manners == ANYHOW)
        manners = (enum manners)sim_below(sim, ANYHOW);
    if (manners != IGNORE)
        actor_call(actor, manners == ACCEPT ? API_CHAT_ACCEPT : API_CHAT_REFUSE, from, 0,
                   "{\"request\":\"r%llu\"}", (unsigned long long)event->a);
}

static const char *text_of(const struct json *object, const char *name)
{
    const char *text;
    size_t length;

    must(json_string(json_member(object, name), &text, &length));
    return text;
}

/* Somebody asks (or we do: then there is nothing to answer). */
static void think_about(struct actor *actor, const struct actor *from, const struct json *request)
{
    struct sim *sim = actor->sim;
    struct event *event;

    if (strcmp(text_of(request, "direction"), "in") != 0)
        return;
    event = sim_after_for(actor, sim_below(sim, sim->options.think_ms_max + 1), answer);
    event->a = strtoull(text_of(request, "request") + 1, NULL, 10);
    event->b = from->index;
}

void people_saw_request(struct actor *actor, struct actor *from, const char *fields, size_t length)
{
    struct json *json = parse_fields(fields, length);

    think_about(actor, from, json);
    json_free(json);
}

static void look(struct sim *sim, struct event *event)
{
    const struct call *call = actor_call(event->actor, API_CHAT_REQUESTS, NULL, 0, "{}");
    struct json *json;

    if (call == NULL || call->state != CALL_ANSWERED || call->error != OK)
        return;
    must(json_parse(call->json, strlen(call->json), &json) == OK);
    for (const struct json *r = json_first(json_member(json, "requests")); r != NULL;
         r = json_next(r))
        think_about(event->actor, actor_of_id(sim, text_of(r, "peer_id")), r);
    json_free(json);
}

void people_look(struct actor *actor)
{
    sim_after_for(actor, sim_between(actor->sim, 100, LOOK_MS), look);
}

/* --- Talking --- */

static void leave(struct sim *sim, struct event *event)
{
    (void)sim;
    actor_client_gone(event->actor, event->a);
}

enum text { SAME, OTHER };

static struct call *say(struct actor *actor, struct actor *to, uint32_t message, size_t length,
                        enum text other)
{
    struct sim *sim = actor->sim;
    const bool waits = sim_chance(sim, sim->options.wait_percent);
    char text[64];
    const size_t start =
        (size_t)snprintf(text, sizeof text, "%u from %s to %s ", message, actor->name, to->name);
    struct call *call =
        actor_call(actor, API_CHAT_MESSAGE, to, message,
                   "{\"peer\":\"%s\",\"key\":\"k%zu-%u\",\"wait\":%s,\"text\":\"%s%0*d\"}",
                   to->identity.id, to->index, message, waits ? "true" : "false", text,
                   length > start ? (int)(length - start) : 1, (int)other);

    if (waits && call != NULL && sim_chance(sim, sim->options.leave_percent))
        sim_after_for(actor, sim_below(sim, LEAVE_MS), leave)->a = call->client;
    if (call != NULL)
        call->is_other_text = other == OTHER;
    return call;
}

static void say_again(struct sim *sim, struct event *event);

static void say_later(struct actor *actor, struct actor *to, uint32_t message, size_t length)
{
    struct event *event = sim_after(actor->sim, sim_between(actor->sim, 1, AGAIN_MS), say_again);

    event->actor = actor;
    event->a = to->index;
    event->b = (uint64_t)message << 32 | length;
}

static void say_again(struct sim *sim, struct event *event)
{
    struct actor *actor = event->actor, *to = &sim->actors[event->a];
    const uint32_t message = (uint32_t)(event->b >> 32);
    const size_t length = (uint32_t)event->b;

    if (check_is_settled(actor, to, message))
        return;
    if (actor->node != NULL)
        say(actor, to, message, length, SAME);
    else
        say_later(actor, to, message, length);
}

/* Who is not sure says it again; who is mistaken says something else with the same key. */
static void repeat(struct sim *sim, struct event *event)
{
    struct actor *to = &sim->actors[event->a];
    const uint32_t message = (uint32_t)event->b;

    say(event->actor, to, message, check_length(event->actor, to, message),
        sim_chance(sim, 20) ? OTHER : SAME);
}

static void repeat_later(struct actor *actor, const struct call *call)
{
    struct sim *sim = actor->sim;

    if (!sim_chance(sim, sim->options.repeat_percent))
        return;
    struct event *event = sim_after(sim, sim_below(sim, sim->options.repeat_ms_max + 1), repeat);
    event->actor = actor;
    event->a = call->about->index;
    event->b = call->message;
}

void people_say(struct actor *actor, struct actor *to, size_t length)
{
    const uint32_t message = check_new_message(actor, to, length);

    if (actor->node != NULL)
        say(actor, to, message, length, SAME);
    else
        say_later(actor, to, message, length);
}

void people_answered(struct actor *actor, struct call *call)
{
    if (call->is_insisted_on && (call->state == CALL_LOST || call->error != OK))
        insist_later(actor, call->about);
    if (call->method == API_CHAT_ACCEPT && call->state == CALL_ANSWERED &&
        (call->error == ERR_STORAGE_FULL || call->error == ERR_STORAGE_FAILED))
        people_look(actor); /* it waits still */
    if (call->message != 0 && !check_is_settled(actor, call->about, call->message))
        say_later(actor, call->about, call->message,
                  check_length(actor, call->about, call->message));
    else if (call->message != 0 && call->state == CALL_ANSWERED && call->error == OK)
        repeat_later(actor, call);
}

/* "17 from p0 to p1 000…" */
bool people_read(const struct sim *sim, const char *text, uint32_t *ret_message,
                 struct actor **ret_from, struct actor **ret_to)
{
    unsigned from, to;

    if (sscanf(text, "%u from p%u to p%u ", ret_message, &from, &to) != 3 ||
        from >= sim->actor_count || to >= sim->actor_count)
        return false;
    *ret_from = &sim->actors[from];
    *ret_to = &sim->actors[to];
    return true;
}
