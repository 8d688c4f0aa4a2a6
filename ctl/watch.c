#include "ctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/print.h"
#include "ctl/session.h"

enum { PRINT_BYTES = 64 * 1024 }; /* what is printed at once, when much comes at once */

/* A signal ends the reading side of the connection: whatever waits for the daemon, now or in the
 * next moment, finds its end, so that there is no moment in which a signal is missed. A line that
 * is being printed is printed whole, unless its reader takes longer than GRACE_S. */
enum { GRACE_S = 1 };

static volatile sig_atomic_t stopped;
static volatile sig_atomic_t watched_socket = -1;

static void stop(int signal_number)
{
    int before = errno;

    (void)signal_number;
    stopped = 1;
    shutdown(watched_socket, SHUT_RD);
    alarm(GRACE_S);
    errno = before;
}

static _Noreturn void stop_now(int signal_number)
{
    (void)signal_number;
    _exit(OUTCOME_DONE);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};

    sigemptyset(&action.sa_mask);
    must(sigaction(SIGINT, &action, NULL) == 0);
    must(sigaction(SIGTERM, &action, NULL) == 0);
    action.sa_handler = stop_now;
    must(sigaction(SIGALRM, &action, NULL) == 0);
}

struct watch {
    struct client client;
    const struct output *output;
    enum look look;
    uint64_t left; /* events to print, if they are counted */
    bool counted;
    struct bytes out;
    struct bytes *message;
};

static void add_event(struct watch *watch, const struct rpc_incoming *incoming)
{
    if (incoming->kind != RPC_EVENT)
        return;
    watch->output->event(&watch->out, watch->look, incoming->body);
    if (watch->counted)
        watch->left--;
}

static bool is_complete(const struct watch *watch)
{
    return watch->counted && watch->left == 0;
}

/* Prints all that was received, in as few pieces as it takes not to wait with any of it. */
static enum outcome print_received(struct watch *watch)
{
    enum client_read read = CLIENT_READ;
    struct rpc_incoming incoming;
    enum outcome outcome = OUTCOME_DONE;

    while (read == CLIENT_READ && outcome == OUTCOME_DONE && !is_complete(watch) && !stopped) {
        read = client_next(&watch->client, &incoming, watch->message);
        if (read == CLIENT_READ) {
            add_event(watch, &incoming);
            rpc_incoming_done(&incoming);
        }
        if (read != CLIENT_READ || is_complete(watch) || bytes_length(&watch->out) >= PRINT_BYTES)
            outcome = print_out(&watch->out, watch->message);
    }
    return read == CLIENT_BROKEN ? OUTCOME_FAILED : outcome;
}

static enum outcome follow(struct watch *watch)
{
    enum outcome outcome;

    for (;;) {
        outcome = print_received(watch);
        if (outcome != OUTCOME_DONE || is_complete(watch))
            return outcome;
        if (client_receive(&watch->client, MONO_NEVER) != CLIENT_READ) {
            bytes_text(watch->message, "the daemon went away");
            return OUTCOME_NO_DAEMON;
        }
    }
}

static enum outcome subscribe(struct watch *watch, const struct invocation *invocation,
                              struct mono deadline)
{
    struct rpc_incoming answer;
    enum outcome outcome;

    outcome = session_call(&watch->client, invocation, deadline, &answer, watch->message);
    if (outcome == OUTCOME_DONE)
        rpc_incoming_done(&answer);
    return outcome;
}

enum outcome watch_run(const struct invocation *invocation, struct bytes *message)
{
    struct watch watch = {
        .output = invocation->json ? &OUTPUT_JSON : &OUTPUT_TEXT,
        .look = invocation->json ? LOOK_PLAIN : print_look(),
        .left = invocation->count,
        .counted = invocation->count > 0,
        .message = message,
    };
    struct mono deadline = mono_after(client_now(), invocation->timeout_ms);
    enum outcome outcome;

    catch_signals();
    outcome = session_open(&watch.client, invocation, deadline, message);
    if (outcome == OUTCOME_DONE) {
        watched_socket = watch.client.socket;
        if (!stopped)
            outcome = subscribe(&watch, invocation, deadline);
        if (outcome == OUTCOME_DONE && !stopped)
            outcome = follow(&watch);
        watched_socket = -1;
        client_done(&watch.client);
    }
    bytes_done(&watch.out);
    if (stopped)
        bytes_clear(message);
    return stopped ? OUTCOME_DONE : outcome;
}
