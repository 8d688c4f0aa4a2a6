#include "ctl/complete.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "ctl/clock.h"
#include "ctl/print.h"
#include "ctl/session.h"
#include "ctl/unfinished.h"

/* The candidates on their way out. */
struct offers {
    const struct unfinished *line;
    struct bytes out;
};

/* --- One candidate --- */

static bool has_begun(const struct offers *offers, const char *candidate)
{
    return strncmp(candidate, offers->line->begun, strlen(offers->line->begun)) == 0;
}

/* `end` is put behind it ("="); `about` may be NULL. */
static void offer(struct offers *offers, const char *candidate, const char *end, const char *about)
{
    if (!has_begun(offers, candidate))
        return;
    bytes_append(&offers->out, offers->line->front, offers->line->front_length);
    bytes_text(&offers->out, candidate);
    bytes_text(&offers->out, end);
    if (about != NULL) {
        bytes_text(&offers->out, "\t");
        bytes_text(&offers->out, about);
    }
    bytes_text(&offers->out, "\n");
}

/* Whether no shell can take any of it for something else than a word. */
static bool is_plain(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";

    return *text != '\0' && *text != '-' && text[strspn(text, plain)] == '\0';
}

/* --- From the table --- */

/* Whether both commands have the words that are there, and go on with the same one. */
static bool go_on_alike(const struct unfinished *line, const struct command *a,
                        const struct command *b)
{
    size_t a_length, b_length;
    const char *a_word = command_word(a, line->word_count, &a_length);
    const char *b_word = command_word(b, line->word_count, &b_length);

    return command_begins(a, line->words, line->word_count) &&
           command_begins(b, line->words, line->word_count) && a_word != NULL && b_word != NULL &&
           a_length == b_length && memcmp(a_word, b_word, a_length) == 0;
}

/* The next word of a command's name, unless an earlier command has offered it. */
static void offer_word(struct offers *offers, const struct command *command)
{
    char word[COMMAND_WORD_MAX + 1];
    size_t length;
    const char *at = command_word(command, offers->line->word_count, &length);

    if (at == NULL || !command_begins(command, offers->line->words, offers->line->word_count))
        return;
    for (unsigned i = 0; i < (unsigned)command->id; i++) {
        if (go_on_alike(offers->line, command, command_at((enum command_id)i)))
            return;
    }
    must(length < sizeof(word));
    memcpy(word, at, length);
    word[length] = '\0';
    offer(offers, word, "", at[length] == '\0' ? command->help : NULL);
}

static void offer_words(struct offers *offers)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        offer_word(offers, command_at((enum command_id)i));
}

static void offer_option(struct offers *offers, const struct command_option *option)
{
    char name[COMMAND_WORD_MAX + 3];

    must((size_t)snprintf(name, sizeof(name), "--%s", option->name) < sizeof(name));
    offer(offers, name, option_needs_value(option) ? "=" : "", option->help);
}

static void offer_options(struct offers *offers)
{
    const struct command *command = offers->line->command;

    for (const struct command_option *o = command != NULL ? command->options : NULL;
         o != NULL && o->name != NULL; o++)
        offer_option(offers, o);
    for (unsigned i = 0; i < GLOBAL_COUNT; i++)
        offer_option(offers, global_option_at((enum global_option)i));
}

static void offer_methods(struct offers *offers)
{
    for (unsigned i = 0; i < API_METHOD_COUNT; i++) {
        const struct api_method_row *row = api_method((enum api_method)i);

        offer(offers, row->name, "", row->help);
    }
}

static void offer_types(struct offers *offers)
{
    const struct api_event_row *row;

    for (size_t i = 0; (row = api_event_at(i)) != NULL; i++)
        offer(offers, row->name, "", row->help);
}

/* --- From the daemon --- */

/* How peers, requests and consumers are listed: a method, the array in its result, and the members
 * of an element that name it; of these the first that is plain is offered. */
struct source {
    enum api_method method;
    const char *list;
    const char *names[2];
};

static const struct source contacts = {API_CONTACT_LIST, "contacts", {"alias", "peer_id"}};
static const struct source requests = {API_CHAT_REQUESTS, "requests", {"request", NULL}};
static const struct source consumers = {API_EVENTS_CONSUMERS, "consumers", {"consumer", NULL}};

static void offer_element(struct offers *offers, const struct source *source,
                          const struct json *element)
{
    for (size_t i = 0; i < 2 && source->names[i] != NULL; i++) {
        const char *name;
        size_t length;

        if (json_string(json_member(element, source->names[i]), &name, &length) && is_plain(name)) {
            offer(offers, name, "", NULL);
            return;
        }
    }
}

/* Whether another page begins behind `*next` then. */
static bool ask_page(struct offers *offers, const struct source *source, struct client *client,
                     struct mono deadline, int64_t *next)
{
    struct bytes unsaid = BYTES_EMPTY, params = BYTES_EMPTY;
    struct rpc_incoming page;
    struct json_writer w;
    bool more = false;

    json_write_init(&w, &params);
    json_write_open(&w, '{');
    if (*next > 0)
        json_put_integer(&w, "after", *next);
    json_write_close(&w, '}');
    if (client_call(client, api_method(source->method)->name, &params, deadline, &page, &unsaid) ==
        OUTCOME_DONE) {
        const struct json *list = json_member(page.body, source->list);

        for (const struct json *e = json_first(list); e != NULL; e = json_next(e))
            offer_element(offers, source, e);
        more = session_next_page(page.body, next);
        rpc_incoming_done(&page);
    }
    bytes_done(&params);
    bytes_done(&unsaid);
    return more;
}

static void ask(struct offers *offers, const struct source *source)
{
    const struct mono deadline = mono_after(clock_now(), COMPLETE_MS);
    const struct invocation invocation = {.socket = offers->line->socket};
    struct client client;
    int64_t next = 0;

    if (session_open(&client, &invocation, deadline, NULL) != OUTCOME_DONE)
        return;
    while (ask_page(offers, source, &client, deadline, &next))
        ;
    client_done(&client);
}

/* --- All --- */

static void offer_all(struct offers *offers)
{
    switch (offers->line->lacks) {
    case LACKS_NOTHING:
        break;
    case LACKS_WORD:
        offer_words(offers);
        break;
    case LACKS_OPTION:
        offer_options(offers);
        break;
    case LACKS_METHOD:
        offer_methods(offers);
        break;
    case LACKS_TYPE:
        offer_types(offers);
        break;
    case LACKS_PEER:
        ask(offers, &contacts);
        break;
    case LACKS_REQUEST:
        ask(offers, &requests);
        break;
    case LACKS_CONSUMER:
        ask(offers, &consumers);
        break;
    case LACKS_FILE:
        bytes_text(&offers->out, ":files\n");
        break;
    case LACKS_PROGRAM:
        bytes_text(&offers->out, ":programs\n");
        break;
    }
}

enum outcome complete_run(const char *const *words, size_t count, struct bytes *message)
{
    struct unfinished line;
    struct offers offers = {.line = &line, .out = BYTES_EMPTY};
    enum outcome outcome;

    unfinished_read(words, count, &line);
    offer_all(&offers);
    unfinished_done(&line);
    outcome = print_out(&offers.out, message);
    bytes_done(&offers.out);
    return outcome;
}
