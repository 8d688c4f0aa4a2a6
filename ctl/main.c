/* p2pchatctl, the control client of p2pchatd. */
#include <string.h>
#include <unistd.h>

#include "config.h"

#include "common/bytes.h"
#include "ctl/complete.h"
#include "ctl/contacts.h"
#include "ctl/export.h"
#include "ctl/help.h"
#include "ctl/history.h"
#include "ctl/input.h"
#include "ctl/invocation.h"
#include "ctl/listing.h"
#include "ctl/params.h"
#include "ctl/print.h"
#include "ctl/session.h"
#include "ctl/watch.h"

static enum outcome show_help(const struct invocation *invocation, struct bytes *message)
{
    const char *const *words = (const char *const *)invocation->words;
    size_t count = invocation->word_count;
    struct bytes out = BYTES_EMPTY;
    enum outcome outcome;

    if (invocation->command != NULL) { /* the command `help` itself */
        words++;
        count--;
    }
    outcome = help_text(words, count, &out, message);
    if (outcome == OUTCOME_DONE)
        outcome = print_out(&out, message);
    bytes_done(&out);
    return outcome;
}

static enum outcome show_version(struct bytes *message)
{
    struct bytes out = BYTES_EMPTY;
    enum outcome outcome;

    bytes_text(&out, "p2pchatctl " PACKAGE_VERSION "\n");
    outcome = print_out(&out, message);
    bytes_done(&out);
    return outcome;
}

static enum outcome read_text(struct invocation *invocation, struct bytes *message)
{
    const struct api_method_row *row = api_method(invocation->command->method);
    enum outcome outcome;
    char *text;

    if (invocation->from_stdin == FROM_NOWHERE)
        return OUTCOME_DONE;
    outcome =
        input_read(STDIN_FILENO, (size_t)row->params[invocation->from_stdin].max, &text, message);
    if (outcome == OUTCOME_DONE)
        invocation_take_text(invocation, text);
    return outcome;
}

static bool lists_contacts(enum command_id id)
{
    return id == COMMAND_CONTACT_LIST || id == COMMAND_CONNECTED ||
           id == COMMAND_LIST_CONNECTED_PEER;
}

static enum outcome run(struct invocation *invocation, struct bytes *message)
{
    enum outcome outcome;

    switch (invocation->wants) {
    case WANTS_HELP:
        return show_help(invocation, message);
    case WANTS_VERSION:
        return show_version(message);
    case WANTS_RUN:
        break;
    }
    outcome = read_text(invocation, message);
    if (outcome == OUTCOME_DONE)
        outcome = params_check(invocation, message);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (invocation->command->id == COMMAND_WATCH)
        return watch_run(invocation, message);
    if (invocation->command->id == COMMAND_LISTPEER)
        return listing_run(invocation, message);
    if (lists_contacts(invocation->command->id))
        return contacts_run(invocation, message);
    if (invocation->export)
        return export_run(invocation, message);
    if (invocation->command->id == COMMAND_HISTORY)
        return history_run(invocation, message);
    return session_run(invocation, message);
}

static enum outcome understand_and_run(int argc, const char *const *argv, struct bytes *message)
{
    struct invocation invocation;
    enum outcome outcome = invocation_parse(argc, argv, &invocation, message);

    if (outcome == OUTCOME_DONE)
        outcome = run(&invocation, message);
    invocation_done(&invocation);
    return outcome;
}

int main(int argc, char **argv)
{
    const char *const *words = (const char *const *)argv;
    struct bytes message = BYTES_EMPTY;
    enum outcome outcome;

    if (argc > 2 && strcmp(argv[1], "--complete") == 0)
        outcome = complete_run(words + 2, (size_t)argc - 2, &message);
    else
        outcome = understand_and_run(argc, words, &message);
    if (bytes_length(&message) > 0)
        print_complaint(&message);
    bytes_done(&message);
    return (int)outcome;
}
