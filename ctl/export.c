#include "ctl/export.h"

#include "ctl/clock.h"
#include "ctl/output.h"
#include "ctl/print.h"
#include "ctl/search.h"
#include "ctl/session.h"

enum { PAGE_MESSAGES = 1000 }; /* as many as the daemon gives at once */

static enum outcome print_page(const struct json *page, int64_t *left, struct bytes *message)
{
    struct bytes out = BYTES_EMPTY;
    const struct json *each = json_first(json_member(page, "messages"));
    enum outcome outcome;

    for (; each != NULL && *left > 0; each = json_next(each), --*left)
        output_json_line(&out, each);
    outcome = print_out(&out, message);
    bytes_done(&out);
    return outcome;
}

static enum outcome export_pages(struct client *client, struct invocation *invocation, int64_t left,
                                 struct bytes *message)
{
    enum outcome outcome;
    int64_t after = 0, last_seq;
    bool more;

    outcome = search_begin(client, invocation, mono_after(clock_now(), invocation->timeout_ms),
                           &last_seq, message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    do {
        struct rpc_incoming page;

        invocation_set_integer(invocation, ARG_HISTORY_AFTER, after);
        invocation_set_integer(invocation, ARG_HISTORY_LIMIT,
                               left < PAGE_MESSAGES ? left : PAGE_MESSAGES);
        outcome = session_call(client, invocation, mono_after(clock_now(), invocation->timeout_ms),
                               &page, message);
        if (outcome != OUTCOME_DONE)
            return outcome;
        outcome = print_page(page.body, &left, message);
        more = session_next_page(page.body, &after) && left > 0;
        if (!more)
            search_end(page.body, last_seq);
        rpc_incoming_done(&page);
    } while (outcome == OUTCOME_DONE && more);
    return outcome;
}

enum outcome export_run(struct invocation *invocation, struct bytes *message)
{
    const bool is_limited = invocation->value[ARG_HISTORY_LIMIT] != NULL;
    struct client client;
    enum outcome outcome;

    outcome =
        session_open(&client, invocation, mono_after(clock_now(), invocation->timeout_ms), message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = export_pages(
        &client, invocation,
        is_limited ? invocation_integer(invocation, ARG_HISTORY_LIMIT) : INT64_MAX, message);
    client_done(&client);
    return outcome;
}
