#include "ctl/search.h"

#include <stdio.h>

#include "common/api.h"
#include "ctl/print.h"
#include "ctl/refusal.h"

static bool is_for_people(const struct invocation *invocation)
{
    return !invocation->json && invocation->value[ARG_HISTORY_SEARCH] != NULL;
}

enum outcome search_begin(struct client *client, const struct invocation *invocation,
                          struct mono deadline, int64_t *ret_last_seq, struct bytes *message)
{
    const struct json *log;
    struct rpc_incoming status;
    struct bytes params = BYTES_EMPTY;
    enum outcome outcome;

    *ret_last_seq = 0;
    if (!is_for_people(invocation))
        return OUTCOME_DONE;
    bytes_text(&params, "{}");
    outcome =
        client_call(client, api_method(API_STATUS)->name, &params, deadline, &status, message);
    bytes_done(&params);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (status.kind == RPC_ERROR) {
        outcome = refusal_say(&status, message);
    } else {
        log = json_member(status.body, "log");
        json_integer(json_member(log, "last_seq"), ret_last_seq);
    }
    rpc_incoming_done(&status);
    return outcome;
}

void search_end(const struct json *page, int64_t last_seq)
{
    struct bytes line = BYTES_EMPTY;
    int64_t through;
    char text[160];

    if (!json_integer(json_member(page, "indexed_through"), &through) || through >= last_seq)
        return;
    snprintf(text, sizeof(text),
             "only messages up to %lld of %lld were searched: the index is still being built; ask "
             "again later",
             (long long)through, (long long)last_seq);
    bytes_text(&line, text);
    print_complaint(&line);
    bytes_done(&line);
}
