#include "ctl/listing.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/rpc.h"
#include "ctl/client.h"
#include "ctl/clock.h"
#include "ctl/session.h"

enum {
    LIMIT_DEFAULT = 100, /* the daemon's (p2pchat-api(7), listpeer) */
    PAGE_PEERS = 1000    /* as many as the daemon gives at once */
};

/* The peers of all pages so far, and what the last one said besides. */
struct listing {
    struct bytes peers; /* elements of a JSON array */
    struct json_writer w;
    int64_t left;            /* peers that are still wanted */
    char *next;              /* behind whom the next page begins; NULL: there is none */
    struct bytes unanswered; /* JSON: of the page where most trackers were missing */
    size_t unanswered_count;
};

static void begin(struct listing *listing, int64_t limit)
{
    *listing = (struct listing){.left = limit};
    json_write_init(&listing->w, &listing->peers);
    json_write_open(&listing->w, '[');
    bytes_text(&listing->unanswered, "[]");
}

static void listing_done(struct listing *listing)
{
    bytes_done(&listing->peers);
    bytes_done(&listing->unanswered);
    free(listing->next);
}

static void take_unanswered(struct listing *listing, const struct json *unanswered)
{
    struct json_writer w;

    if (json_count(unanswered) <= listing->unanswered_count)
        return;
    listing->unanswered_count = json_count(unanswered);
    bytes_clear(&listing->unanswered);
    json_write_init(&w, &listing->unanswered);
    json_write_value(&w, unanswered);
}

/* False when it does not say where to go on, or that it is the last. One without anybody is, too:
 * whoever serves it could go on like this for ever. */
static bool take_page(struct listing *listing, const struct json *page)
{
    const struct json *peers = json_member(page, "peers");
    const struct json *each = json_first(peers);
    const char *next = NULL;
    size_t length;

    for (; each != NULL; each = json_next(each), listing->left--)
        json_write_value(&listing->w, each);
    take_unanswered(listing, json_member(page, "unanswered"));
    json_string(json_member(page, "next"), &next, &length);
    const bool is_new = next != NULL && json_count(peers) > 0 &&
                        (listing->next == NULL || strcmp(listing->next, next) != 0);
    free(listing->next);
    listing->next = next != NULL ? xstrdup(next) : NULL;
    return is_new;
}

static enum outcome ask(struct client *client, struct invocation *invocation,
                        struct listing *listing, struct bytes *message)
{
    bool more = true;

    while (more && listing->left > 0) {
        struct rpc_incoming page;
        enum outcome outcome;

        invocation_set_integer(invocation, ARG_LISTPEER_LIMIT,
                               listing->left < PAGE_PEERS ? listing->left : PAGE_PEERS);
        outcome = session_call(client, invocation, mono_after(clock_now(), invocation->timeout_ms),
                               &page, message);
        if (outcome != OUTCOME_DONE)
            return outcome;
        more = take_page(listing, page.body);
        if (more)
            invocation_set_string(invocation, ARG_LISTPEER_AFTER, listing->next);
        rpc_incoming_done(&page);
    }
    return OUTCOME_DONE;
}

/* One result, as if it had come at once. Ended with json_free(). */
static struct json *join(struct listing *listing)
{
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;
    struct json *root;

    json_write_close(&listing->w, ']');
    json_write_init(&w, &text);
    json_write_open(&w, '{');
    json_write_name(&w, "peers");
    json_write_raw(&w, bytes_data(&listing->peers), bytes_length(&listing->peers));
    json_write_name(&w, "unanswered");
    json_write_raw(&w, bytes_data(&listing->unanswered), bytes_length(&listing->unanswered));
    json_put_string(&w, "next", listing->next);
    json_write_close(&w, '}');
    must(json_parse((const char *)bytes_data(&text), bytes_length(&text), &root) == OK);
    bytes_done(&text);
    return root;
}

enum outcome listing_run(struct invocation *invocation, struct bytes *message)
{
    const bool is_limited = invocation->value[ARG_LISTPEER_LIMIT] != NULL;
    struct listing listing;
    struct client client;
    struct json *whole;
    enum outcome outcome;

    outcome =
        session_open(&client, invocation, mono_after(clock_now(), invocation->timeout_ms), message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    begin(&listing,
          is_limited ? invocation_integer(invocation, ARG_LISTPEER_LIMIT) : LIMIT_DEFAULT);
    outcome = ask(&client, invocation, &listing, message);
    client_done(&client);
    if (outcome == OUTCOME_DONE) {
        whole = join(&listing);
        outcome = session_print(invocation, whole, message);
        json_free(whole);
    }
    listing_done(&listing);
    return outcome;
}
