#include "ctl/history.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/rpc.h"
#include "ctl/client.h"
#include "ctl/clock.h"
#include "ctl/search.h"
#include "ctl/session.h"

enum {
    LIMIT_DEFAULT = 50, /* the daemon's (p2pchat-api(7), history) */
    TEXT_BYTES_MAX = RPC_LINE_MAX / 2
};

/* Pages as they come, the newest messages first. Those in between have messages. */
struct pages {
    struct rpc_incoming *at;
    size_t count;
    int64_t left; /* messages that are still wanted */
    size_t bytes; /* of text */
    int64_t next; /* where the one to come begins; 0: there is none */
};

static void pages_done(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        rpc_incoming_done(&pages->at[i]);
    free(pages->at);
}

static const struct json *first_message(const struct rpc_incoming *page)
{
    return json_first(json_member(page->body, "messages"));
}

/* Takes a page in, which is owned from now on. */
static void take_page(struct pages *pages, const struct rpc_incoming *page)
{
    const int64_t before = pages->next;
    const struct json *each = first_message(page);
    const char *text;
    size_t length;

    if (!json_integer(json_member(page->body, "next"), &pages->next) || pages->next <= 0 ||
        (before > 0 && pages->next >= before))
        pages->next = 0;
    if (pages->count > 1 && first_message(&pages->at[pages->count - 1]) == NULL)
        rpc_incoming_done(&pages->at[--pages->count]);
    pages->at = xreallocarray(pages->at, pages->count + 1, sizeof(*pages->at));
    pages->at[pages->count++] = *page;
    for (; each != NULL; each = json_next(each)) {
        pages->left--;
        if (json_string(json_member(each, "text"), &text, &length))
            pages->bytes += length;
    }
}

static void write_messages(const struct pages *pages, struct json_writer *w)
{
    json_write_open(w, '[');
    for (size_t i = pages->count; i-- > 0;)
        for (const struct json *each = first_message(&pages->at[i]); each != NULL;
             each = json_next(each))
            json_write_value(w, each);
    json_write_close(w, ']');
}

/* The first page, with the messages of all and the `next` of the last. Ended with json_free(). */
static struct json *join(const struct pages *pages)
{
    const struct json *each = json_first(pages->at[0].body);
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;
    struct json *root;

    json_write_init(&w, &text);
    json_write_open(&w, '{');
    for (; each != NULL; each = json_next(each)) {
        json_write_name(&w, json_name(each));
        if (strcmp(json_name(each), "messages") == 0)
            write_messages(pages, &w);
        else if (strcmp(json_name(each), "next") != 0)
            json_write_value(&w, each);
        else if (pages->next > 0)
            json_write_integer(&w, pages->next);
        else
            json_write_null(&w);
    }
    json_write_close(&w, '}');
    must(json_parse((const char *)bytes_data(&text), bytes_length(&text), &root) == OK);
    bytes_done(&text);
    return root;
}

static enum outcome ask(struct client *client, struct invocation *invocation, struct pages *pages,
                        struct bytes *message)
{
    enum outcome outcome;

    do {
        struct rpc_incoming page;

        outcome = session_call(client, invocation, mono_after(clock_now(), invocation->timeout_ms),
                               &page, message);
        if (outcome != OUTCOME_DONE)
            return outcome;
        take_page(pages, &page);
        invocation_set_integer(invocation, ARG_HISTORY_BEFORE, pages->next);
        invocation_set_integer(invocation, ARG_HISTORY_LIMIT, pages->left);
    } while (pages->next > 0 && pages->left > 0 && pages->bytes < TEXT_BYTES_MAX);
    return OUTCOME_DONE;
}

enum outcome history_run(struct invocation *invocation, struct bytes *message)
{
    const struct mono deadline = mono_after(clock_now(), invocation->timeout_ms);
    const bool is_limited = invocation->value[ARG_HISTORY_LIMIT] != NULL;
    struct pages pages = {.left = is_limited ? invocation_integer(invocation, ARG_HISTORY_LIMIT)
                                             : LIMIT_DEFAULT};
    struct client client;
    struct json *whole;
    enum outcome outcome;
    int64_t last_seq;

    outcome = session_open(&client, invocation, deadline, message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = search_begin(&client, invocation, deadline, &last_seq, message);
    if (outcome == OUTCOME_DONE)
        outcome = ask(&client, invocation, &pages, message);
    client_done(&client);
    if (outcome == OUTCOME_DONE) {
        whole = join(&pages);
        outcome = session_print(invocation, whole, message);
        search_end(whole, last_seq);
        json_free(whole);
    }
    pages_done(&pages);
    return outcome;
}
