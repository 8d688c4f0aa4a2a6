#include "ctl/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal_stream.h"
#include "common/text.h"
#include "ctl/phrase.h"

/* What else the daemon says: the peers among which it could not choose, one a line. */
static void say_candidates(const struct json *candidates, struct bytes *message)
{
    const struct json *each = json_first(candidates);

    for (; each != NULL; each = json_next(each)) {
        bytes_text(message, "\n    ");
        phrase_name(message, each, "name");
        bytes_text(message, "  ");
        phrase_field(message, each, phrase_has(each, "peer_id") ? "peer_id" : "source");
        if (phrase_has(each, "tracker")) {
            bytes_text(message, "  says ");
            phrase_field(message, each, "tracker");
        }
    }
}

/* The mistakes of a configuration, one a line; the first is in the message. */
static void say_mistakes(const struct json *mistakes, struct bytes *message)
{
    const struct json *each = json_first(mistakes);
    const char *text;
    size_t length;

    while (each != NULL && (each = json_next(each)) != NULL) {
        bytes_text(message, "\n    ");
        if (json_string(each, &text, &length))
            text_append_safe(message, text, length);
    }
}

static bool is_error(const struct rpc_incoming *answer, enum error error)
{
    return answer->name != NULL && strcmp(answer->name, error_name(error)) == 0;
}

/* Whether the daemon's log has told all of it where this goes to: in the journal, as the
 * ExecReload= of its service. */
static bool is_told(const struct rpc_incoming *error)
{
    return is_error(error, ERR_BAD_CONFIG) &&
           journal_stream_is(STDERR_FILENO, getenv("JOURNAL_STREAM"));
}

enum outcome refusal_say(const struct rpc_incoming *error, struct bytes *message)
{
    const char *name = error->name;
    char code[32];

    if (name == NULL) {
        snprintf(code, sizeof(code), "error %d", error->code);
        name = code;
    }
    if (is_told(error)) {
        bytes_text(message, "nothing was changed: p2pchatd's log says what is wrong (bad_config)");
        return OUTCOME_FAILED;
    }
    text_append_safe(message, error->message, strlen(error->message));
    bytes_text(message, " (");
    text_append_safe(message, name, strlen(name));
    bytes_text(message, ")");
    say_candidates(json_member(error->data, "candidates"), message);
    say_mistakes(json_member(error->data, "mistakes"), message);
    return strcmp(name, error_name(ERR_REFUSED)) == 0 ? OUTCOME_REFUSED : OUTCOME_FAILED;
}

bool refusal_is_shutdown(const struct rpc_incoming *error)
{
    return is_error(error, ERR_SHUTTING_DOWN);
}

bool refusal_passes(const struct rpc_incoming *error)
{
    return is_error(error, ERR_STORAGE_FULL) || is_error(error, ERR_STORAGE_FAILED) ||
           is_error(error, ERR_LIMIT_EXCEEDED);
}
