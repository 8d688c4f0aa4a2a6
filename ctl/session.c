#include "ctl/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/text.h"
#include "ctl/clock.h"
#include "ctl/nobody.h"
#include "ctl/output.h"
#include "ctl/params.h"
#include "ctl/print.h"
#include "ctl/refusal.h"
#include "ctl/unit.h"

/* --- Find --- */

/* What is named in the runtime directory of the user; `path` is ended by a NUL. */
static bool exists(const char *runtime, const char *name, struct bytes *path)
{
    bytes_clear(path);
    bytes_text(path, runtime);
    bytes_text(path, name);
    bytes_u8(path, '\0');
    return access((const char *)bytes_data(path), F_OK) == 0;
}

/* $XDG_RUNTIME_DIR/p2pchat/control.sock, if that is there, or is meant to be: who has a node that
 * does not start must not speak as that of the machine. systemd is asked only where the directory
 * shows that there was a node since the user logged in. */
static bool user_socket(struct bytes *path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct unit unit;
    bool is_used;

    if (runtime == NULL || *runtime == '\0')
        return false;
    is_used = exists(runtime, "/p2pchat", path);
    if (exists(runtime, "/p2pchat/control.sock", path))
        return true;
    unit = unit_of((const char *)bytes_data(path));
    return is_used && unit_is_meant(&unit);
}

void session_socket(const struct invocation *invocation, struct bytes *ret_path)
{
    const char *named = invocation->socket != NULL ? invocation->socket : getenv("P2PCHAT_SOCKET");

    if ((named == NULL || *named == '\0') && user_socket(ret_path))
        return;
    bytes_clear(ret_path);
    bytes_text(ret_path, named != NULL && *named != '\0' ? named : "/run/p2pchat/control.sock");
    bytes_u8(ret_path, '\0');
}

enum outcome session_open(struct client *client, const struct invocation *invocation,
                          struct mono deadline, struct bytes *message)
{
    struct bytes path = BYTES_EMPTY;
    enum outcome outcome;

    session_socket(invocation, &path);
    outcome = client_connect(client, (const char *)bytes_data(&path), deadline, message);
    bytes_done(&path);
    return outcome;
}

/* --- Ask --- */

/* Whether it may be done later although nobody heard of it. A chat request is not: the daemon gives
 * up its dial when the client is gone. */
static bool is_queued(const struct invocation *invocation)
{
    enum api_method method;

    return api_find_method(params_method(invocation), &method) && method == API_CHAT_MESSAGE;
}

enum {
    /* doctor itself takes 4 s at most (p2pchatd(8)): within these it is known if nobody comes. */
    PATIENCE_MS = 2000,
    LOOK_AGAIN_MS = 1000
};

/* Who asks what is wrong with the daemon is told why it does not answer: that is the diagnosis. */
static enum outcome wait_for_diagnosis(struct client *client, const char *path,
                                       struct mono deadline, struct rpc_incoming *ret_answer,
                                       struct bytes *message)
{
    struct mono look = mono_after(clock_now(), PATIENCE_MS);

    for (;; look = mono_after(clock_now(), LOOK_AGAIN_MS)) {
        enum outcome outcome =
            client_wait(client, mono_earlier(look, deadline), ret_answer, message);

        if (outcome != OUTCOME_RAN_OUT)
            return outcome;
        bytes_clear(message);
        if (nobody_comes(path, client->socket, message))
            return OUTCOME_NO_DAEMON;
        if (mono_due(deadline, clock_now())) {
            nobody_answers(path, client->socket, message);
            return OUTCOME_NO_DAEMON;
        }
    }
}

static enum outcome call(struct client *client, const struct invocation *invocation,
                         const struct bytes *params, struct mono deadline,
                         struct rpc_incoming *ret_answer, struct bytes *message)
{
    struct bytes path = BYTES_EMPTY;
    enum outcome outcome;
    unsigned again = 0;

    if (invocation->command->id != COMMAND_DOCTOR)
        return client_call(client, params_method(invocation), params, deadline, ret_answer,
                           message);
    session_socket(invocation, &path);
    do {
        client_send(client, params_method(invocation), params, deadline);
        outcome = wait_for_diagnosis(client, (const char *)bytes_data(&path), deadline, ret_answer,
                                     message);
    } while (outcome == OUTCOME_NO_DAEMON && client_come_back(client, again++, deadline, message));
    bytes_done(&path);
    return outcome;
}

enum outcome session_call(struct client *client, const struct invocation *invocation,
                          struct mono deadline, struct rpc_incoming *ret_answer,
                          struct bytes *message)
{
    struct bytes params = BYTES_EMPTY;
    struct rpc_incoming answer;
    struct json_writer w;
    enum outcome outcome;

    json_write_init(&w, &params);
    params_write(invocation, &w);
    outcome = call(client, invocation, &params, deadline, &answer, message);
    bytes_done(&params);
    if (outcome == OUTCOME_RAN_OUT && is_queued(invocation))
        bytes_text(message, "; what was queued stays queued");
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (answer.kind == RPC_ERROR) {
        outcome = refusal_say(&answer, message);
        rpc_incoming_done(&answer);
        return outcome;
    }
    *ret_answer = answer;
    return OUTCOME_DONE;
}

bool session_next_page(const struct json *page, int64_t *after)
{
    int64_t next;

    if (!json_integer(json_member(page, "next"), &next) || next <= *after)
        return false;
    *after = next;
    return true;
}

/* --- Judge --- */

/* Why a wait came to its end with nothing. */
static void say_unfinished(const struct json *result, const char *late, struct bytes *message)
{
    bool is_stopping = false;

    json_bool(json_member(result, "stopping"), &is_stopping);
    bytes_text(message, is_stopping ? "the daemon is stopping" : late);
}

static enum outcome judge_message(const struct invocation *invocation, const struct json *result,
                                  struct bytes *message)
{
    if (phrase_is(result, "state", "failed")) {
        bytes_text(message, "this message failed: the chat was ended before it was delivered");
        return OUTCOME_FAILED;
    }
    if (!invocation_waits(invocation) || !phrase_is(result, "state", "queued"))
        return OUTCOME_DONE;
    say_unfinished(result, "not delivered in time", message);
    bytes_text(message, "; the message stays queued");
    return OUTCOME_RAN_OUT;
}

static enum outcome judge_request(const struct invocation *invocation, const struct json *result,
                                  struct bytes *message)
{
    if (phrase_is(result, "state", "refused")) {
        bytes_text(message, "the other side refused (refused)");
        return OUTCOME_REFUSED;
    }
    if (!invocation_waits(invocation) || !phrase_is(result, "state", "sent"))
        return OUTCOME_DONE;
    say_unfinished(result, "no answer in time", message);
    bytes_text(message, "; the request stays queued");
    return OUTCOME_RAN_OUT;
}

/* Whether all is well, or how much is not. */
static enum outcome judge_health(const struct json *result, struct bytes *message)
{
    const struct json *checks = json_member(result, "checks");
    char text[80];
    unsigned problems = 0;

    for (const struct json *each = json_first(checks); each != NULL; each = json_next(each))
        problems += !phrase_has(each, "ok");
    if (problems == 0)
        return OUTCOME_DONE;
    snprintf(text, sizeof(text), "%u of %zu checks found a problem", problems, json_count(checks));
    bytes_text(message, text);
    return OUTCOME_FAILED;
}

static enum outcome judge(const struct invocation *invocation, const struct json *result,
                          struct bytes *message)
{
    enum api_method method;

    if (!api_find_method(params_method(invocation), &method))
        return OUTCOME_DONE;
    if (method == API_CHAT_MESSAGE)
        return judge_message(invocation, result, message);
    if (method == API_CHAT_REQUEST)
        return judge_request(invocation, result, message);
    if (method == API_DOCTOR)
        return judge_health(result, message);
    return OUTCOME_DONE;
}

/* --- Run --- */

enum outcome session_print(const struct invocation *invocation, const struct json *result,
                           struct bytes *message)
{
    const struct output *output = &OUTPUT_TEXT;
    enum look look = LOOK_PLAIN;
    struct bytes out = BYTES_EMPTY;
    enum outcome outcome;

    if (invocation->json || invocation->command->id == COMMAND_CALL)
        output = &OUTPUT_JSON;
    else
        look = print_look();
    output->result(&out, look, invocation->command->method, result);
    outcome = print_out(&out, message);
    bytes_done(&out);
    return outcome;
}

/* Who asks what is wrong with the daemon is told why it takes no connection. */
static enum outcome diagnose(const struct invocation *invocation, struct bytes *message)
{
    struct bytes path = BYTES_EMPTY;

    session_socket(invocation, &path);
    bytes_clear(message);
    nobody_answers((const char *)bytes_data(&path), -1, message);
    bytes_done(&path);
    return OUTCOME_NO_DAEMON;
}

enum outcome session_run(const struct invocation *invocation, struct bytes *message)
{
    struct mono deadline = mono_after(clock_now(), invocation->timeout_ms);
    struct rpc_incoming answer;
    struct client client;
    enum outcome outcome;

    outcome = session_open(&client, invocation, deadline, message);
    if (outcome == OUTCOME_RAN_OUT && invocation->command->id == COMMAND_DOCTOR)
        return diagnose(invocation, message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (invocation_waits(invocation))
        deadline = MONO_NEVER;
    outcome = session_call(&client, invocation, deadline, &answer, message);
    client_done(&client);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = session_print(invocation, answer.body, message);
    if (outcome == OUTCOME_DONE)
        outcome = judge(invocation, answer.body, message);
    rpc_incoming_done(&answer);
    return outcome;
}
