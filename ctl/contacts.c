#include "ctl/contacts.h"

#include "common/alloc.h"
#include "ctl/client.h"
#include "ctl/clock.h"
#include "ctl/session.h"

_Static_assert((int)ARG_CONTACT_LIST_AFTER == (int)ARG_CHAT_CONNECTED_AFTER,
               "both lists go on in the same way");

/* One result of a page, which is done with then, and all that come behind it. */
static enum outcome print_all(struct client *client, struct invocation *invocation,
                              struct mono deadline, struct rpc_incoming *page,
                              struct bytes *message)
{
    const char *list = invocation->command->id == COMMAND_CONTACT_LIST ? "contacts" : "peers";
    enum outcome outcome = OUTCOME_DONE;
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;
    struct json *whole;
    int64_t next = 0;
    bool more;

    json_write_init(&w, &text);
    json_write_open(&w, '{');
    json_write_name(&w, list);
    json_write_open(&w, '[');
    do {
        const struct json *each = json_first(json_member(page->body, list));

        for (; each != NULL; each = json_next(each))
            json_write_value(&w, each);
        more = session_next_page(page->body, &next);
        rpc_incoming_done(page);
        invocation_set_integer(invocation, ARG_CONTACT_LIST_AFTER, next);
        if (more)
            outcome = session_call(client, invocation, deadline, page, message);
    } while (more && outcome == OUTCOME_DONE);
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    if (outcome == OUTCOME_DONE) {
        must(json_parse((const char *)bytes_data(&text), bytes_length(&text), &whole) == OK);
        outcome = session_print(invocation, whole, message);
        json_free(whole);
    }
    bytes_done(&text);
    return outcome;
}

enum outcome contacts_run(struct invocation *invocation, struct bytes *message)
{
    const struct mono deadline = mono_after(clock_now(), invocation->timeout_ms);
    struct rpc_incoming page;
    struct client client;
    enum outcome outcome;
    int64_t next = 0;

    outcome = session_open(&client, invocation, deadline, message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = session_call(&client, invocation, deadline, &page, message);
    if (outcome == OUTCOME_DONE && session_next_page(page.body, &next)) {
        outcome = print_all(&client, invocation, deadline, &page, message);
    } else if (outcome == OUTCOME_DONE) {
        outcome = session_print(invocation, page.body, message);
        rpc_incoming_done(&page);
    }
    client_done(&client);
    return outcome;
}
