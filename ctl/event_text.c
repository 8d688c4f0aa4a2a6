#include "ctl/event_text.h"

#include <string.h>

#include "common/api.h"

/* How a line is made: text between members of the event. */
struct line {
    struct bytes *out;
    enum look look;
    const struct json *event;
};

static void say(const struct line *line, const char *text)
{
    bytes_text(line->out, text);
}

static void say_field(const struct line *line, const char *name)
{
    phrase_field(line->out, line->event, name);
}

static void say_peer(const struct line *line)
{
    phrase_peer(line->out, line->look, line->event, "peer");
}

/* " (reason)", if there is one. */
static void say_in_brackets(const struct line *line, const char *name)
{
    if (!phrase_has(line->event, name))
        return;
    say(line, " (");
    say_field(line, name);
    say(line, ")");
}

static void say_text(const struct line *line, const char *name)
{
    say(line, ": ");
    phrase_text(line->out, line->event, name, EVENT_INDENT);
}

/* "alice's request (r1)", "the request to alice (r1)" */
static void say_request(const struct line *line)
{
    if (phrase_is(line->event, "direction", "in")) {
        say(line, "the request of ");
        say_peer(line);
    } else {
        say(line, "the request to ");
        say_peer(line);
    }
    say_in_brackets(line, "request");
}

static void say_requested(const struct line *line)
{
    if (phrase_is(line->event, "direction", "out")) {
        say(line, "asked ");
        say_peer(line);
        say(line, " for a chat");
    } else {
        say_peer(line);
        say(line, " asks for a chat");
    }
    say_in_brackets(line, "request");
    if (phrase_has(line->event, "name")) {
        say(line, ", calls itself ");
        phrase_name(line->out, line->event, "name");
    }
    if (phrase_has(line->event, "address")) {
        say(line, ", at ");
        say_field(line, "address");
    }
    if (phrase_has(line->event, "greeting"))
        say_text(line, "greeting");
}

/* "3 messages to alice, up to 12" */
static void say_messages(const struct line *line)
{
    say_field(line, "count");
    say(line, phrase_number(line->event, "count") == 1 ? " message to " : " messages to ");
    say_peer(line);
    say(line, ", up to ");
    say_field(line, "through");
}

/* What a warning means: BEFORE alice (HOST:PORT) AFTER. */
struct warning {
    const char *reason;
    const char *before, *after;
};

static const struct warning warnings[] = {
    {"tracker_lied", "a tracker",
     " answered with what nobody asked for, or nobody signed; its answer is not used"},
    {"tracker_outdated", "a tracker",
     " shows records that are older than what is known of the same peers; they are not used"},
    {"name_claimed", "the peer that is known here as ",
     " calls itself by a name that another contact has: compare safety numbers before you trust "
     "either"},
    {"cloned_identity", "two programs use the key of ",
     " and take turns: it runs twice there, or somebody has a copy of the key"},
    {"database_restored", "",
     " has messages of ours that our log does not know: was p2pchat.db here restored from an older "
     "copy?"},
};

static const struct warning classic_name_claimed = {
    "name_claimed", "", " calls itself by a name that a contact with a key has, and is not it"};

/* A reason that is not known here is said as it is. */
static struct warning warning_of(const struct json *event)
{
    if (phrase_has(event, "classic") && phrase_is(event, "reason", classic_name_claimed.reason))
        return classic_name_claimed;
    for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
        if (phrase_is(event, "reason", warnings[i].reason))
            return warnings[i];
    }
    return (struct warning){.before = ", ", .after = ""};
}

static void say_warning(const struct line *line)
{
    const struct warning warning = warning_of(line->event);

    phrase_begin(line->out, line->look, STYLE_WARNING);
    say(line, "warning");
    phrase_end(line->out, line->look);
    say(line, ": ");
    if (warning.reason == NULL)
        say_field(line, "reason");
    say(line, warning.before);
    if (phrase_has(line->event, "peer_id"))
        say_peer(line);
    say_in_brackets(line, "address");
    say(line, warning.after);
    if (phrase_has(line->event, "suppressed")) {
        say(line, "; warnings left out before it: ");
        say_field(line, "suppressed");
    }
}

/* Of a peer's messages by their numbers, or of our own events by their seq. */
static void say_gap(const struct line *line)
{
    const bool is_of_peer = phrase_has(line->event, "peer_id");

    say(line, is_of_peer ? "messages of " : "events ");
    if (is_of_peer) {
        say_peer(line);
        say(line, " will not come any more: numbers ");
    }
    say_field(line, "from");
    say(line, " to ");
    say_field(line, "to");
    say(line, is_of_peer ? " are no longer kept there" : " are no longer kept");
}

/* "the tracker 192.0.2.1:28471 lists us as alice" */
static void say_tracker(const struct line *line, const char *what)
{
    say(line, "the tracker ");
    say_field(line, "tracker");
    say(line, what);
    phrase_name(line->out, line->event, "name");
    say_in_brackets(line, "reason");
}

static void say_unknown(const struct line *line)
{
    struct json_writer w;

    json_write_init(&w, line->out);
    json_write_value(&w, line->event);
}

static void say_event(const struct line *line, enum api_event type)
{
    switch (type) {
    case EVENT_MESSAGE_RECEIVED:
        say_peer(line);
        say_text(line, "text");
        break;
    case EVENT_MESSAGE_SENT:
        say(line, "to ");
        say_peer(line);
        say_text(line, "text");
        break;
    case EVENT_MESSAGE_DELIVERED:
        say(line, "delivered: ");
        say_messages(line);
        break;
    case EVENT_MESSAGE_FAILED:
        say(line, "not delivered: ");
        say_messages(line);
        say_in_brackets(line, "reason");
        break;
    case EVENT_CHAT_REQUESTED:
        say_requested(line);
        break;
    case EVENT_CHAT_ACCEPTED:
        say_request(line);
        say(line, " is accepted");
        break;
    case EVENT_CHAT_REFUSED:
        say_request(line);
        say(line, " is refused");
        break;
    case EVENT_CHAT_EXPIRED:
        say_request(line);
        say(line, " is over, unanswered");
        break;
    case EVENT_CHAT_DISCONNECTED:
        say(line, "the chat with ");
        say_peer(line);
        say(line, phrase_is(line->event, "by", "us") ? " was ended by us" : " was ended by them");
        break;
    case EVENT_PEER_ONLINE:
        say_peer(line);
        say(line, " is online");
        say_in_brackets(line, "via");
        break;
    case EVENT_PEER_OFFLINE:
        say_peer(line);
        say(line, " is offline");
        say_in_brackets(line, "reason");
        break;
    case EVENT_SECURITY_WARNING:
        say_warning(line);
        break;
    case EVENT_GAP:
        say_gap(line);
        break;
    case EVENT_REGISTERED:
        say_tracker(line, " lists us as ");
        break;
    case EVENT_REGISTER_FAILED:
        say_tracker(line, " does not list us as ");
        break;
    case EVENT_UNREGISTERED:
        say_tracker(line, " is asked no more to list us as ");
        break;
    }
}

void event_text(struct bytes *out, enum look look, const struct json *event)
{
    const struct line line = {out, look, event};
    const struct api_event_row *row = NULL;
    const char *type;
    size_t length;

    if (json_string(json_member(event, "type"), &type, &length))
        row = api_event_named(type);
    phrase_begin(out, look, STYLE_DIM);
    phrase_time(out, event, "time");
    phrase_end(out, look);
    /* What is not said by a peer stands behind a star, which no name can bring along: those that
     * are no plain words are quoted. */
    bool is_message =
        row != NULL && (row->number == EVENT_MESSAGE_RECEIVED || row->number == EVENT_MESSAGE_SENT);
    bytes_text(out, is_message ? "  " : "  * ");
    if (row != NULL)
        say_event(&line, (enum api_event)row->number);
    else
        say_unknown(&line);
    bytes_u8(out, '\n');
}
