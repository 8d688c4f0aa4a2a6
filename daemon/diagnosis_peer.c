/* What keeps messages from a peer, from the first thing that is needed to the last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/format.h"
#include "common/text.h"
#include "daemon/diagnosis.h"

enum { SPAN_MAX = 40 };

/* A length of time for people: "3 d 4 h", "12 min". */
static const char *span(uint64_t ms, char out[SPAN_MAX])
{
    const uint64_t s = ms / 1000, min = s / 60, h = min / 60, d = h / 24;

    if (d > 0)
        snprintf(out, SPAN_MAX, "%" PRIu64 " d %" PRIu64 " h", d, h % 24);
    else if (h > 0)
        snprintf(out, SPAN_MAX, "%" PRIu64 " h %" PRIu64 " min", h, min % 60);
    else if (min > 0)
        snprintf(out, SPAN_MAX, "%" PRIu64 " min %" PRIu64 " s", min, s % 60);
    else if (s == 0)
        snprintf(out, SPAN_MAX, "a moment");
    else
        snprintf(out, SPAN_MAX, "%" PRIu64 " s", s);
    return out;
}

/* "12 min ago", "never" */
static const char *seen(int64_t then_ms, int64_t now_ms, char out[SPAN_MAX])
{
    if (then_ms == 0)
        return "never";
    size_t length = strlen(span(now_ms > then_ms ? (uint64_t)(now_ms - then_ms) : 0, out));

    snprintf(out + length, SPAN_MAX - length, " ago");
    return out;
}

/* For a command that may be copied to a shell as it stands: names of others may hold anything. */
static const char *typed(const char *alias)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";

    return alias[0] != '-' && alias[strspn(alias, plain)] == '\0' ? alias : "PEER";
}

/* --- Consent --- */

static void say_mutual(struct json_writer *w, const char *alias,
                       const struct node_peer_state *state)
{
    if (state->is_classic)
        diagnosis_say(w, "consent", WELL,
                      "there is a chat with %s; it has no key, so anybody at its address can be it",
                      alias);
    else if (state->is_verified)
        diagnosis_say(w, "consent", WELL, "there is a chat with %s, whose key was verified", alias);
    else
        diagnosis_say(w, "consent", WELL,
                      "there is a chat with %s; its key was not verified yet ('contact verify %s')",
                      alias, typed(alias));
}

static void say_asked(struct json_writer *w, const char *alias, const struct node_peer_state *state)
{
    char left[SPAN_MAX];

    span(state->request_left_ms, left);
    if (state->direction == DIRECTION_IN)
        diagnosis_say(w, "consent", PROBLEM,
                      "%s asks for a chat (r%" PRIu32 ", open for another %s): agree with 'chat "
                      "accept r%" PRIu32 "'",
                      alias, state->request, left, state->request);
    else
        diagnosis_say(w, "consent", PROBLEM,
                      "%s has not answered our request (r%" PRIu32 ", open for another %s): it has "
                      "to be accepted there",
                      alias, state->request, left);
}

static void say_consent(struct json_writer *w, const char *alias,
                        const struct node_peer_state *state)
{
    if (state->is_blocked)
        diagnosis_say(w, "consent", PROBLEM,
                      "%s is blocked here: 'unblock %s' lets it ask for a chat again", alias,
                      typed(alias));
    else if (state->consent == CONSENT_MUTUAL)
        say_mutual(w, alias, state);
    else if (state->consent == CONSENT_PENDING)
        diagnosis_say(w, "consent", PROBLEM,
                      "we have accepted, and %s does not know it yet: it is told when there is a "
                      "link",
                      alias);
    else if (state->request != 0)
        say_asked(w, alias, state);
    else
        diagnosis_say(w, "consent", PROBLEM,
                      "there is no chat with %s: ask for one with 'chat request', and its address",
                      alias);
}

/* --- Link, and where it was looked for --- */

static void say_link(struct json_writer *w, const char *alias, const struct node_peer_state *state,
                     struct now now)
{
    char time[SPAN_MAX], before[SPAN_MAX];
    const char *last = seen(state->last_seen_ms, now.unix_ms, before);

    if (state->remote != NULL)
        diagnosis_say(w, "link", WELL, "up for %s, to %s", span(state->up_ms, time), state->remote);
    else if (state->is_online)
        diagnosis_say(w, "link", WELL, "%s was reached the last time", alias);
    else if (state->is_being_dialled)
        diagnosis_say(w, "link", PROBLEM, "there is none (last: %s); %s is looked for right now",
                      last, alias);
    else if (state->is_wanted)
        diagnosis_say(w, "link", PROBLEM,
                      "there is none (last: %s); %s is looked for again in %s, and may come to us",
                      last, alias, span(state->next_dial_ms, time));
    else
        diagnosis_say(w, "link", PROBLEM, "there is none, and without a chat none is looked for");
}

static void list_addresses(const struct node_peer_state *state, struct bytes *text)
{
    char at[ADDRESS_HOST_PORT_MAX + 1];

    for (size_t i = 0; i < state->address_count; i++) {
        host_port_format(&state->addresses[i], at);
        bytes_text(text, i > 0 ? ", " : "");
        bytes_text(text, at);
    }
    bytes_u8(text, '\0');
}

/* What to do about it, by who was met instead. */
static const char *advice_of(enum dial_met met)
{
    switch (met) {
    case DIAL_MET_NOBODY:
        return "Look whether its daemon runs, and whether that is still its address ('whoami' "
               "there)";
    case DIAL_MET_OURSELVES:
        return "Look what its address is ('whoami' there)";
    case DIAL_MET_OTHER:
        return "Compare p2pchat.network-key on both sides, and look whether that is still its "
               "address ('whoami' there)";
    }
    must(!"one of them");
}

static void say_address(struct json_writer *w, const char *alias,
                        const struct node_peer_state *state)
{
    struct bytes known = BYTES_EMPTY;
    char time[SPAN_MAX];

    list_addresses(state, &known);
    if (state->is_online)
        diagnosis_say(w, "address", WELL, "known: %s",
                      state->address_count > 0 ? (const char *)bytes_data(&known)
                                               : "none; it came to us");
    else if (state->tried != NULL)
        diagnosis_say(w, "address", PROBLEM,
                      "%s ago: %s. %s; a tracker that both use finds it when it moves",
                      span(state->tried_ms, time), state->tried, advice_of(state->met));
    else if (state->address_count == 0)
        diagnosis_say(w, "address", PROBLEM,
                      "none is known where %s could be: use the same tracker ('register'), or ask "
                      "at its address with 'chat request'",
                      alias);
    else
        diagnosis_say(w, "address", WELL, "known: %s; none was tried yet",
                      (const char *)bytes_data(&known));
    bytes_done(&known);
}

static void say_record(struct json_writer *w, const char *alias,
                       const struct node_peer_state *state, struct now now)
{
    char time[SPAN_MAX];

    if (state->is_classic)
        return;
    if (state->record_issued_ms == 0)
        diagnosis_say(w, "record", WELL, "%s has not said yet where it is reached", alias);
    else if (state->is_record_ahead)
        diagnosis_say(w, "record", PROBLEM,
                      "%s has signed where it is at a time that is still to come: its clock is "
                      "wrong, or ours; have both kept right (timedatectl)",
                      alias);
    else
        diagnosis_say(w, "record", WELL, "%s said where it is reached %s%s", alias,
                      seen(state->record_issued_ms, now.unix_ms, time),
                      state->is_record_expired ? ", which is too long ago to be passed on" : "");
}

/* --- Queue --- */

static void say_queue(struct json_writer *w, const char *alias, const struct node_peer_state *state)
{
    char size[FORMAT_SIZE_MAX];

    format_size((double)state->queued_bytes, size);
    if (state->queued == 0)
        diagnosis_say(w, "queue", WELL, "nothing waits for %s", alias);
    else if (state->is_queue_full)
        diagnosis_say(w, "queue", PROBLEM,
                      "messages that wait for %s: %" PRIu64 " (%s), as much as may: no more are "
                      "taken until some are delivered, unless more is allowed ([Limits] "
                      "OutboxMessages=, OutboxBytes=)",
                      alias, state->queued, size);
    else if (state->is_queue_low_on_room)
        diagnosis_say(w, "queue", PROBLEM,
                      "messages that wait for %s: %" PRIu64 " (%s), nearly as much as may: no more "
                      "are taken then, unless more is allowed ([Limits] OutboxMessages=, "
                      "OutboxBytes=)",
                      alias, state->queued, size);
    else
        diagnosis_say(w, "queue", WELL,
                      "messages that wait for %s: %" PRIu64
                      " (%s); they are kept until they are delivered",
                      alias, state->queued, size);
}

void diagnosis_peer(struct json_writer *w, const char *alias, const struct node_peer_state *state,
                    struct now now)
{
    struct bytes text = BYTES_EMPTY;
    const char *name;

    text_append_name(&text, alias, strlen(alias));
    bytes_u8(&text, '\0');
    name = (const char *)bytes_data(&text);
    say_consent(w, name, state);
    say_link(w, name, state, now);
    say_address(w, name, state);
    say_record(w, name, state, now);
    say_queue(w, name, state);
    bytes_done(&text);
}
