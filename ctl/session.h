/* What every command does with the daemon: find it, and ask it. */
#ifndef P2PCHAT_CTL_SESSION_H
#define P2PCHAT_CTL_SESSION_H

#include "common/bytes.h"
#include "common/rpc.h"
#include "ctl/client.h"
#include "ctl/invocation.h"
#include "ctl/outcome.h"

/* The path of the control socket that the invocation or the environment names, ended by a NUL. */
void session_socket(const struct invocation *invocation, struct bytes *ret_path);

/* Connects to the daemon that the invocation or the environment names. As client_connect(). */
enum outcome session_open(struct client *client, const struct invocation *invocation,
                          struct mono deadline, struct bytes *message);

/* Calls the invocation's method and gives its result; an error of the daemon is an outcome, and
 * `message` what it said. As client_call(). */
enum outcome session_call(struct client *client, const struct invocation *invocation,
                          struct mono deadline, struct rpc_incoming *ret_answer,
                          struct bytes *message);

/* Of a result that is a page: sets `*after` to where the next begins. False when this is the last:
 * it says so, or does not go on, and whoever serves it could do that for ever. */
bool session_next_page(const struct json *page, int64_t *after);

/* Prints a result of the invocation's method, for people or as JSON. As print_out(). */
enum outcome session_print(const struct invocation *invocation, const struct json *result,
                           struct bytes *message);

/* The whole of a command that is one call: connects, calls, prints, and judges the result: whether
 * it is what was asked for. */
enum outcome session_run(const struct invocation *invocation, struct bytes *message);

#endif
