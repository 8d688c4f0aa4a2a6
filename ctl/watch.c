#include "ctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/clock.h"
#include "ctl/environment.h"
#include "ctl/exec.h"
#include "ctl/output.h"
#include "ctl/print.h"
#include "ctl/signals.h"
#include "ctl/subscription.h"

enum { PRINT_BYTES = 64 * 1024 }; /* what is printed at once, when much comes at once */

/* An event among what is to be printed. */
struct mark {
    size_t end; /* of its line, in bytes from the beginning */
    int64_t seq;
};

struct watch {
    struct invocation *invocation;
    struct subscription subscription;
    const struct output *output;
    enum look look;
    uint64_t left; /* events to take, if they are counted */
    bool is_unread;
    struct bytes out;   /* to be printed */
    struct bytes marks; /* struct mark of each event in `out` */
    struct bytes *message;
};

/* Whether nothing more is to be done, well or because a signal says so. */
static bool is_over(const struct watch *watch)
{
    return (watch->invocation->count > 0 && watch->left == 0) || watch->is_unread || signals_stop();
}

/* --- Printing --- */

static void add_event(struct watch *watch, const struct json *event, int64_t seq)
{
    struct mark mark = {.seq = seq};

    watch->output->event(&watch->out, watch->look, event);
    mark.end = bytes_length(&watch->out);
    bytes_append(&watch->marks, &mark, sizeof(mark));
}

/* What was printed whole is done with. */
static void reach_printed(struct watch *watch, size_t written)
{
    const size_t count = bytes_length(&watch->marks) / sizeof(struct mark);
    struct mark mark;

    for (size_t i = count; i-- > 0;) {
        memcpy(&mark, bytes_data(&watch->marks) + i * sizeof(mark), sizeof(mark));
        if (mark.end <= written) {
            acks_reach(&watch->subscription.acks, mark.seq);
            return;
        }
    }
}

static enum outcome print_events(struct watch *watch)
{
    size_t written;
    enum printed printed = print_some(&watch->out, &written);
    int error = errno;

    reach_printed(watch, written);
    bytes_clear(&watch->out);
    bytes_clear(&watch->marks);
    switch (printed) {
    case PRINTED_ALL:
    case PRINTED_CUT:
        break;
    case PRINTED_UNREAD:
        watch->is_unread = true;
        break;
    case PRINTED_FAILED:
        return print_failure(error, watch->message);
    }
    return OUTCOME_DONE;
}

/* --- Running a command --- */

/* "event 12 (message.received): the command ended with status 3" */
static void say_command(struct watch *watch, const struct json *event, int status)
{
    bytes_text(watch->message, "event ");
    phrase_field(watch->message, event, "seq");
    bytes_text(watch->message, " (");
    phrase_field(watch->message, event, "type");
    bytes_text(watch->message, "): the command ");
    exec_say_end(status, watch->message);
    if (watch->subscription.acks.consumer != NULL)
        bytes_text(watch->message, "; the event is not acknowledged");
}

/* Waits for the end of the command, whatever becomes meanwhile of acknowledgements: as
 * acks_work(). */
static enum outcome wait_for_command(struct watch *watch, pid_t child, int *ret_status)
{
    struct acks *acks = &watch->subscription.acks;
    enum outcome outcome = OUTCOME_DONE;

    while (!exec_ended(child, ret_status)) {
        struct pollfd answers = acks_waits_for(acks);
        const bool has_acks = outcome == OUTCOME_DONE;

        signals_poll(&answers, has_acks, has_acks ? acks_deadline(acks) : MONO_NEVER);
        if (has_acks)
            outcome = acks_work(acks, watch->message);
    }
    signals_hear(); /* before the next one is begun */
    return outcome;
}

static enum outcome run_command(struct watch *watch, const struct json *event, int64_t seq)
{
    const char *socket = (const char *)bytes_data(&watch->subscription.socket);
    char **environment = environment_of(environ, socket, event);
    enum outcome outcome;
    pid_t child;
    int status;

    output_json_line(&watch->out, event);
    outcome = exec_start(watch->invocation->exec, environment, &watch->out, &child, watch->message);
    bytes_clear(&watch->out);
    environment_free(environment);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = wait_for_command(watch, child, &status);
    if (status != 0) {
        bytes_clear(watch->message);
        say_command(watch, event, status);
        return OUTCOME_FAILED;
    }
    acks_reach(&watch->subscription.acks, seq);
    return outcome == OUTCOME_DONE ? acks_work(&watch->subscription.acks, watch->message) : outcome;
}

/* --- Events --- */

static enum outcome take(struct watch *watch, const struct rpc_incoming *incoming)
{
    int64_t seq;

    if (incoming->kind != RPC_EVENT ||
        !subscription_take(&watch->subscription, incoming->body, &seq))
        return OUTCOME_DONE;
    if (watch->invocation->count > 0)
        watch->left--;
    if (watch->invocation->exec != NULL)
        return run_command(watch, incoming->body, seq);
    add_event(watch, incoming->body, seq);
    return OUTCOME_DONE;
}

/* Takes all that was received; prints in as few pieces as it takes not to wait with any of it. */
static enum outcome take_received(struct watch *watch)
{
    enum client_read read = CLIENT_READ;
    struct rpc_incoming incoming;
    enum outcome outcome = OUTCOME_DONE;

    while (read == CLIENT_READ && outcome == OUTCOME_DONE && !is_over(watch)) {
        read = client_next(&watch->subscription.client, &incoming, watch->message);
        if (read == CLIENT_READ) {
            outcome = take(watch, &incoming);
            rpc_incoming_done(&incoming);
        }
        if (outcome == OUTCOME_DONE &&
            (read != CLIENT_READ || is_over(watch) || bytes_length(&watch->out) >= PRINT_BYTES))
            outcome = print_events(watch);
    }
    return read == CLIENT_BROKEN ? OUTCOME_FAILED : outcome;
}

/* Waits until there is something to do, and takes in what came. OUTCOME_NO_DAEMON when nothing more
 * can come. */
static enum outcome wait_for_more(struct watch *watch)
{
    struct acks *acks = &watch->subscription.acks;
    struct client *client = &watch->subscription.client;
    struct pollfd ready[] = {{.fd = client->socket, .events = POLLIN}, acks_waits_for(acks)};
    enum outcome outcome;

    signals_poll(ready, 2, acks_deadline(acks));
    outcome = acks_work(acks, watch->message);
    if (ready[0].revents != 0 && client_receive(client) == CLIENT_CLOSED)
        return OUTCOME_NO_DAEMON;
    return outcome;
}

/* Follows one connection. OUTCOME_NO_DAEMON when it is lost. */
static enum outcome follow(struct watch *watch)
{
    enum outcome outcome = OUTCOME_DONE;

    while (outcome == OUTCOME_DONE) {
        outcome = take_received(watch);
        if (outcome != OUTCOME_DONE || is_over(watch))
            break;
        outcome = wait_for_more(watch);
    }
    return outcome;
}

/* --- The end --- */

/* Says what the next reader of this consumer's events is told again, and why. */
static void say_unsettled(const struct watch *watch, enum outcome settled, const struct bytes *why)
{
    const long long seq = (long long)watch->subscription.acks.acknowledged;
    char text[160];

    if (bytes_length(watch->message) > 0)
        bytes_text(watch->message, "; ");
    if (settled == OUTCOME_FAILED) {
        bytes_append(watch->message, bytes_data(why), bytes_length(why));
        return;
    }
    snprintf(text, sizeof(text),
             "%s: what was done after event %lld is not acknowledged, and comes again",
             settled == OUTCOME_NO_DAEMON ? "no daemon answers" : "out of time", seq);
    bytes_text(watch->message, text);
}

/* What was done is acknowledged before we end, unless that was refused already. */
static enum outcome settle(struct watch *watch, enum outcome outcome)
{
    const struct mono deadline = mono_after(clock_now(), watch->invocation->timeout_ms);
    const bool comes_back =
        outcome == OUTCOME_DONE && !signals_stop() && !watch->invocation->no_reconnect;
    struct bytes why = BYTES_EMPTY;
    enum outcome settled;

    if (watch->subscription.acks.is_refused)
        return outcome;
    settled = subscription_settle(&watch->subscription, comes_back, deadline, &why);
    if (settled != OUTCOME_DONE)
        say_unsettled(watch, settled, &why);
    bytes_done(&why);
    return outcome == OUTCOME_DONE ? settled : outcome;
}

static enum outcome come_back(struct watch *watch)
{
    if (watch->invocation->no_reconnect) {
        bytes_clear(watch->message);
        bytes_text(watch->message, "the daemon went away");
        return OUTCOME_NO_DAEMON;
    }
    return subscription_come_back(&watch->subscription, watch->message);
}

enum outcome watch_run(struct invocation *invocation, struct bytes *message)
{
    struct watch watch = {
        .invocation = invocation,
        .output = invocation->json ? &OUTPUT_JSON : &OUTPUT_TEXT,
        .look = invocation->json ? LOOK_PLAIN : print_look(),
        .left = invocation->count,
        .message = message,
    };
    enum outcome outcome;

    signals_catch();
    if (invocation->exec == NULL)
        signal(SIGPIPE, SIG_IGN); /* what was printed before is to be acknowledged */
    outcome = subscription_open(&watch.subscription, invocation,
                                mono_after(clock_now(), invocation->timeout_ms), message);
    while (outcome == OUTCOME_DONE && !is_over(&watch)) {
        outcome = follow(&watch);
        if (outcome == OUTCOME_NO_DAEMON && !is_over(&watch))
            outcome = come_back(&watch);
    }
    if (signals_stop()) { /* whatever it cut short */
        bytes_clear(message);
        outcome = OUTCOME_DONE;
    }
    outcome = settle(&watch, outcome);
    subscription_done(&watch.subscription);
    bytes_done(&watch.out);
    bytes_done(&watch.marks);
    if (watch.is_unread)
        print_end_unread();
    return signals_stop() ? OUTCOME_DONE : outcome;
}
