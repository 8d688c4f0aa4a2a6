#include <string.h>

#include "common/text.h"
#include "ctl/event_text.h"
#include "ctl/output.h"
#include "ctl/table.h"

/* --- Names and values, one pair a line --- */

static struct bytes *pair(struct table *table, const char *name)
{
    table_text(table, name);
    return table_cell(table);
}

static void pair_field(struct table *table, const char *name, const struct json *object,
                       const char *member)
{
    table_text(table, name);
    table_field(table, object, member);
}

static void show_identity(struct bytes *out, enum look look, const struct json *result)
{
    struct table table;

    table_init(&table, 2);
    pair_field(&table, "name", result, "name");
    pair_field(&table, "peer id", result, "peer_id");
    pair_field(&table, "address", result, "address");
    table_print(&table, out, look, TABLE_WITHOUT_HEAD);
    table_done(&table);
}

static void list_strings(struct bytes *out, const struct json *array)
{
    const char *text;
    size_t length;

    if (json_count(array) == 0)
        bytes_text(out, "-");
    for (const struct json *each = json_first(array); each != NULL; each = json_next(each)) {
        if (json_string(each, &text, &length))
            text_append_safe(out, text, length);
        if (json_next(each) != NULL)
            bytes_text(out, ", ");
    }
}

/* "192.0.2.1:28471 (registered, seen at 203.0.113.5)", "… (away: connection refused)" */
static void show_tracker(struct bytes *out, const struct json *tracker)
{
    bool is_reachable;

    phrase_field(out, tracker, "address");
    bytes_text(out, " (");
    phrase_field(out, tracker, "state");
    if (phrase_has(tracker, "error")) {
        bytes_text(out, ": ");
        phrase_field(out, tracker, "error");
    } else if (phrase_has(tracker, "seen")) {
        bytes_text(out, ", seen at ");
        phrase_field(out, tracker, "seen");
        if (json_bool(json_member(tracker, "reachable"), &is_reachable))
            bytes_text(out, is_reachable ? ", reachable there" : ", not reachable there");
    }
    bytes_text(out, ")");
}

/* One a line of the table: the first beside its name. */
static void pair_trackers(struct table *table, const struct json *array)
{
    const struct json *each = json_first(array);

    if (each == NULL)
        bytes_text(pair(table, "trackers"), "-");
    for (const char *name = "trackers"; each != NULL; each = json_next(each), name = "") {
        show_tracker(pair(table, name), each);
        if (json_next(each) != NULL)
            table_end_cell(table);
    }
    table_end_cell(table);
}

/* What there may be none of: then nothing is said. */
static void pair_places(struct table *table, const char *name, const struct json *places)
{
    if (json_count(places) == 0)
        return;
    list_strings(pair(table, name), places);
    table_end_cell(table);
}

/* Everybody's is what is expected; only another is told. */
static void pair_network(struct table *table, const struct json *has_key)
{
    bool is_closed;

    if (!json_bool(has_key, &is_closed) || !is_closed)
        return;
    bytes_text(pair(table, "network"), "closed, with a key");
    table_end_cell(table);
}

/* "ok, from 17 up to 90, 1.5 MiB, 69.7 GiB free" */
static void pair_log(struct table *table, const struct json *log)
{
    struct bytes *cell = pair(table, "log");
    double first;

    phrase_field(cell, log, "state");
    if (json_member(log, "reason") != NULL) {
        bytes_text(cell, " (");
        phrase_field(cell, log, "reason");
        bytes_u8(cell, ')');
    }
    bytes_text(cell, ", ");
    if (json_number(json_member(log, "first_seq"), &first) && first > 1) {
        bytes_text(cell, "from ");
        phrase_field(cell, log, "first_seq");
        bytes_u8(cell, ' ');
    }
    bytes_text(cell, "up to ");
    phrase_field(cell, log, "last_seq");
    bytes_text(cell, ", ");
    phrase_size(cell, log, "size_bytes");
    if (phrase_has(log, "free_bytes")) {
        bytes_text(cell, ", ");
        phrase_size(cell, log, "free_bytes");
        bytes_text(cell, " free");
    }
    table_end_cell(table);
}

static void show_status(struct bytes *out, enum look look, const struct json *result)
{
    const bool is_tracker = phrase_is(result, "role", "tracker");
    struct table table;

    table_init(&table, 2);
    pair_field(&table, "version", result, "version");
    pair_field(&table, "role", result, "role");
    pair_field(&table, "name", result, "name");
    pair_field(&table, "peer id", result, "peer_id");
    list_strings(pair(&table, "listens on"), json_member(result, "listen"));
    table_end_cell(&table);
    pair_places(&table, "classic on", json_member(result, "classic_listen"));
    pair_places(&table, "metrics on", json_member(result, "metrics_listen"));
    pair_network(&table, json_member(result, "network_key"));
    if (!is_tracker)
        pair_trackers(&table, json_member(result, "trackers"));
    if (json_member(result, "registered") != NULL)
        pair_field(&table, "registered", result, "registered");
    pair_field(&table, "links", result, "links");
    if (!is_tracker) {
        pair_field(&table, "contacts", result, "contacts");
        pair_field(&table, "queued", result, "queued");
    }
    pair_log(&table, json_member(result, "log"));
    phrase_duration(pair(&table, "up for"), result, "uptime_s");
    table_end_cell(&table);
    table_print(&table, out, look, TABLE_WITHOUT_HEAD);
    table_done(&table);
}

/* Whole lines, as they are read by programs. */
static void show_metrics(struct bytes *out, enum look look, const struct json *result)
{
    (void)look;
    const size_t before = bytes_length(out);

    phrase_text(out, result, "text", 0);
    if (bytes_length(out) == before || bytes_data(out)[bytes_length(out) - 1] != '\n')
        bytes_u8(out, '\n');
}

/* --- Lists --- */

enum { TEXT_INDENT = 4 }; /* of the further lines of a text */

/* The rows of a result, or what to say when there are none: NULL and the text is printed. */
static const struct json *rows_of(struct bytes *out, const struct json *result, const char *name,
                                  const char *none)
{
    const struct json *first = json_first(json_member(result, name));

    if (first == NULL)
        bytes_text(out, none);
    return first;
}

static void heads(struct table *table, const char *const *names, size_t count)
{
    table_init(table, count);
    for (size_t i = 0; i < count; i++)
        table_text(table, names[i]);
}

static void end_list(struct table *table, struct bytes *out, enum look look)
{
    table_print(table, out, look, TABLE_WITH_HEAD);
    table_done(table);
}

static void show_greetings(struct bytes *out, enum look look, const struct json *first)
{
    for (const struct json *each = first; each != NULL; each = json_next(each)) {
        if (!phrase_has(each, "greeting"))
            continue;
        phrase_field(out, each, "request");
        bytes_text(out, " ");
        phrase_peer(out, look, each, "alias");
        bytes_text(out, ": ");
        phrase_text(out, each, "greeting", TEXT_INDENT);
        bytes_u8(out, '\n');
    }
}

static void show_requests(struct bytes *out, enum look look, const struct json *result)
{
    static const char *const names[] = {"REQUEST", "DIRECTION", "PEER",
                                        "NAME",    "ADDRESS",   "EXPIRES IN"};
    const struct json *first = rows_of(out, result, "requests", "no requests\n");
    struct table table;

    if (first == NULL)
        return;
    heads(&table, names, sizeof(names) / sizeof(names[0]));
    for (const struct json *each = first; each != NULL; each = json_next(each)) {
        table_field(&table, each, "request");
        table_field(&table, each, "direction");
        phrase_peer(table_cell(&table), LOOK_PLAIN, each, "alias");
        table_end_cell(&table);
        phrase_name(table_cell(&table), each, "name");
        table_end_cell(&table);
        table_field(&table, each, "address");
        phrase_duration(table_cell(&table), each, "expires_in_s");
        table_end_cell(&table);
    }
    end_list(&table, out, look);
    show_greetings(out, look, first);
}

static void show_connected(struct bytes *out, enum look look, const struct json *result)
{
    static const char *const names[] = {"PEER",    "ONLINE",   "VIA",    "HOPS",
                                        "ADDRESS", "VERIFIED", "QUEUED", "LAST SEEN"};
    const struct json *first = rows_of(out, result, "peers", "no chats\n");
    struct table table;

    if (first == NULL)
        return;
    heads(&table, names, sizeof(names) / sizeof(names[0]));
    for (const struct json *each = first; each != NULL; each = json_next(each)) {
        phrase_peer(table_cell(&table), LOOK_PLAIN, each, "alias");
        table_end_cell(&table);
        table_field(&table, each, "online");
        table_field(&table, each, "via");
        table_field(&table, each, "hops");
        table_field(&table, each, "address");
        table_field(&table, each, "verified");
        table_field(&table, each, "queued");
        phrase_time(table_cell(&table), each, "last_seen");
        table_end_cell(&table);
    }
    end_list(&table, out, look);
}

static void show_contacts(struct bytes *out, enum look look, const struct json *result)
{
    static const char *const names[] = {"PEER",     "NAME",    "CONSENT",
                                        "VERIFIED", "BLOCKED", "PEER ID"};
    const struct json *first = rows_of(out, result, "contacts", "no contacts\n");
    struct table table;

    if (first == NULL)
        return;
    heads(&table, names, sizeof(names) / sizeof(names[0]));
    for (const struct json *each = first; each != NULL; each = json_next(each)) {
        phrase_peer(table_cell(&table), LOOK_PLAIN, each, "alias");
        table_end_cell(&table);
        phrase_name(table_cell(&table), each, "name");
        table_end_cell(&table);
        table_field(&table, each, "consent");
        table_field(&table, each, "verified");
        table_field(&table, each, "blocked");
        table_field(&table, each, "peer_id");
    }
    end_list(&table, out, look);
}

static void show_addresses(struct table *table, const struct json *array)
{
    list_strings(table_cell(table), array);
    table_end_cell(table);
}

static void show_listed(struct bytes *out, enum look look, const struct json *result)
{
    static const char *const names[] = {"NAME", "CONNECTED", "SOURCE", "ADDRESSES", "PEER ID"};
    const struct json *first = rows_of(out, result, "peers", "nobody is listed\n");
    struct table table;

    if (first != NULL) {
        heads(&table, names, sizeof(names) / sizeof(names[0]));
        for (const struct json *each = first; each != NULL; each = json_next(each)) {
            phrase_name(table_cell(&table), each, "name");
            table_end_cell(&table);
            table_field(&table, each, "connected");
            table_field(&table, each, "source");
            show_addresses(&table, json_member(each, "addresses"));
            table_field(&table, each, "peer_id");
        }
        end_list(&table, out, look);
    }
    if (json_count(json_member(result, "unanswered")) > 0) {
        bytes_text(out, "(without the peers of ");
        list_strings(out, json_member(result, "unanswered"));
        bytes_text(out, ": no answer)\n");
    }
    if (phrase_has(result, "next")) {
        bytes_text(out, "(more: --after=");
        phrase_shell_word(out, result, "next");
        bytes_text(out, ")\n");
    }
}

static void show_consumers(struct bytes *out, enum look look, const struct json *result)
{
    static const char *const names[] = {"CONSUMER", "READ UP TO", "LAST USED"};
    const struct json *first = rows_of(out, result, "consumers", "no consumers\n");
    struct table table;

    if (first == NULL)
        return;
    heads(&table, names, sizeof(names) / sizeof(names[0]));
    for (const struct json *each = first; each != NULL; each = json_next(each)) {
        table_field(&table, each, "consumer");
        table_field(&table, each, "seq");
        phrase_time(table_cell(&table), each, "last_used");
        table_end_cell(&table);
    }
    end_list(&table, out, look);
}

/* "12  2026-01-31 13:00:00  to alice (queued): hi" */
static void show_message(struct bytes *out, enum look look, const struct json *message)
{
    phrase_begin(out, look, STYLE_DIM);
    phrase_field(out, message, "seq");
    bytes_text(out, "  ");
    phrase_time(out, message, "time");
    phrase_end(out, look);
    bytes_text(out, "  ");
    if (phrase_is(message, "direction", "out"))
        bytes_text(out, "to ");
    phrase_peer(out, look, message, "peer");
    if (phrase_is(message, "state", "queued") || phrase_is(message, "state", "failed")) {
        bytes_text(out, " (");
        phrase_field(out, message, "state");
        bytes_text(out, ")");
    }
    bytes_text(out, ": ");
    phrase_text(out, message, "text", TEXT_INDENT);
    bytes_u8(out, '\n');
}

static void show_history(struct bytes *out, enum look look, const struct json *result)
{
    const struct json *each = rows_of(out, result, "messages", "no messages\n");

    if (each != NULL && phrase_has(result, "next")) {
        bytes_text(out, "(earlier ones: --before=");
        phrase_field(out, result, "next");
        bytes_text(out, ")\n");
    }
    for (; each != NULL; each = json_next(each))
        show_message(out, look, each);
}

/* --- What was done, in a sentence --- */

/* BEFORE alice AFTER */
static void sentence(struct bytes *out, enum look look, const char *before,
                     const struct json *result, const char *after)
{
    bytes_text(out, before);
    phrase_peer(out, look, result, phrase_has(result, "alias") ? "alias" : "peer");
    bytes_text(out, after);
}

static void line(struct bytes *out, enum look look, const char *before, const struct json *result,
                 const char *after)
{
    sentence(out, look, before, result, after);
    bytes_u8(out, '\n');
}

static void show_request(struct bytes *out, enum look look, const struct json *result)
{
    if (phrase_is(result, "state", "accepted")) {
        line(out, look, "there is a chat with ", result, "");
        return;
    }
    if (phrase_is(result, "state", "refused")) {
        line(out, look, "", result, " refused");
        return;
    }
    sentence(out, look, "asked ", result, " for a chat: request ");
    phrase_field(out, result, "request");
    if (phrase_has(result, "classic")) {
        bytes_text(out, "\nit has no key: whoever can send from its address can pass for it\n");
        return;
    }
    bytes_text(out, "\nits key, from ");
    phrase_field(out, result, "source");
    bytes_text(out, ": ");
    phrase_field(out, result, "peer_id");
    bytes_u8(out, '\n');
}

static void show_accepted(struct bytes *out, enum look look, const struct json *result)
{
    line(out, look, "accepted; the chat with ", result,
         phrase_has(result, "classic") ? " is open as soon as they are told so"
                                       : " is open as soon as they confirm it");
}

static bool is_listed(const struct json *trackers)
{
    for (const struct json *each = json_first(trackers); each != NULL; each = json_next(each))
        if (phrase_is(each, "state", "registered"))
            return true;
    return false;
}

/* "listed as alice", or after exit network "not listed any more"; and how it stands with each
 * tracker. */
static void show_registration(struct bytes *out, enum look look, const struct json *result)
{
    (void)look;
    if (phrase_has(result, "name")) {
        bytes_text(out, "listed as ");
        phrase_name(out, result, "name");
        bytes_u8(out, '\n');
    } else if (!is_listed(json_member(result, "trackers"))) {
        bytes_text(out, "not listed any more\n");
    }
    for (const struct json *each = json_first(json_member(result, "trackers")); each != NULL;
         each = json_next(each)) {
        show_tracker(out, each);
        bytes_u8(out, '\n');
    }
}

static void show_sent(struct bytes *out, enum look look, const struct json *result)
{
    phrase_field(out, result, "state");
    sentence(out, look, phrase_is(result, "state", "queued") ? " for " : " to ", result, ", as ");
    phrase_field(out, result, "seq");
    bytes_u8(out, '\n');
}

/* 60 digits in groups of five, four a line. */
static void show_safety_number(struct bytes *out, const struct json *result)
{
    enum { GROUP = 5, LINE = 20 };
    const char *text;
    size_t length;

    if (!json_string(json_member(result, "safety_number"), &text, &length) ||
        strspn(text, "0123456789") != length) {
        phrase_field(out, result, "safety_number");
        bytes_u8(out, '\n');
        return;
    }
    for (size_t at = 0; at < length; at++) {
        if (at % GROUP == 0)
            bytes_text(out, at % LINE == 0 ? "    " : " ");
        bytes_u8(out, (uint8_t)text[at]);
        if (at % LINE == LINE - 1 || at + 1 == length)
            bytes_u8(out, '\n');
    }
}

static void show_verified(struct bytes *out, enum look look, const struct json *result)
{
    line(out, look, "safety number with ", result,
         phrase_has(result, "verified") ? " (verified):" : " (not verified):");
    show_safety_number(out, result);
    if (!phrase_has(result, "verified"))
        bytes_text(out, "compare it with what the other side shows, over another way than this\n");
}

/* What was done to a peer: BEFORE alice AFTER. */
static const struct {
    enum api_method method;
    const char *before, *after;
} done[] = {
    {API_CHAT_REFUSE, "the request of ", " is refused"},
    {API_CHAT_DISCONNECT, "the chat with ", " is ended"},
    {API_CONTACT_RENAME, "now known as ", ""},
    {API_CONTACT_REMOVE, "", " is forgotten; its history stays"},
    {API_CONTACT_BLOCK, "", " is blocked"},
    {API_CONTACT_UNBLOCK, "", " may ask for a chat again"},
};

/* False when it is none of these. */
static bool show_done(struct bytes *out, enum look look, enum api_method method,
                      const struct json *result)
{
    for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
        if (done[i].method != method)
            continue;
        line(out, look, done[i].before, result, done[i].after);
        return true;
    }
    return false;
}

/* --- What is well, and what is not --- */

/* Room for a word of verdict, and for the longest name of a check. */
enum { VERDICT_WIDTH = 9, CHECK_WIDTH = 15 };

static void pad(struct bytes *out, size_t begin, size_t width)
{
    do
        bytes_u8(out, ' ');
    while (bytes_length(out) < begin + width);
}

static void show_check(struct bytes *out, enum look look, const struct json *check)
{
    size_t begin = bytes_length(out);

    if (phrase_has(check, "ok")) {
        bytes_text(out, "ok");
    } else {
        phrase_begin(out, look, STYLE_WARNING);
        begin = bytes_length(out);
        bytes_text(out, "PROBLEM");
    }
    pad(out, begin, VERDICT_WIDTH);
    begin = bytes_length(out);
    phrase_field(out, check, "name");
    pad(out, begin, CHECK_WIDTH);
    if (!phrase_has(check, "ok"))
        phrase_end(out, look);
    phrase_text(out, check, "message", VERDICT_WIDTH + CHECK_WIDTH);
    bytes_u8(out, '\n');
}

/* "PROBLEM  disk           there is no room for the log …" */
static void show_checks(struct bytes *out, enum look look, const struct json *result)
{
    const struct json *each = rows_of(out, result, "checks", "nothing was checked\n");

    for (; each != NULL; each = json_next(each))
        show_check(out, look, each);
}

/* One setting a line, below a heading. */
static void show_settings(struct bytes *out, const char *heading, const struct json *array)
{
    const struct json *each = json_first(array);
    const char *text;
    size_t length;

    if (each != NULL)
        bytes_text(out, heading);
    for (; each != NULL; each = json_next(each)) {
        bytes_text(out, "    ");
        if (json_string(each, &text, &length))
            text_append_safe(out, text, length);
        bytes_u8(out, '\n');
    }
}

static void show_reloaded(struct bytes *out, enum look look, const struct json *result)
{
    const struct json *changed = json_member(result, "changed");
    const struct json *waiting = json_member(result, "needs_restart");

    (void)look;
    if (json_count(changed) == 0 && json_count(waiting) == 0)
        bytes_text(out, "nothing has changed\n");
    show_settings(out, "changed:\n", changed);
    show_settings(out, "changed by a restart only:\n", waiting);
}

static void show_stopping(struct bytes *out, enum look look, const struct json *result)
{
    (void)look;
    bytes_text(out, "the daemon is stopping\n");
    if (phrase_has(result, "socket_stays"))
        bytes_text(out, "its socket stays, and the next who connects starts it again; p2pchatd(8), "
                        "Day by day, says how it is stopped for good\n");
}

static void show_forgotten(struct bytes *out, enum look look, const struct json *result)
{
    (void)look;
    (void)result;
    bytes_text(out, "the consumer is forgotten\n");
}

/* By method. Those that are in neither table are shown as JSON. */
static void (*const shows[API_METHOD_COUNT])(struct bytes *out, enum look look,
                                             const struct json *result) = {
    [API_IDENTITY] = show_identity,
    [API_STATUS] = show_status,
    [API_CHAT_REQUEST] = show_request,
    [API_CHAT_REQUESTS] = show_requests,
    [API_CHAT_ACCEPT] = show_accepted,
    [API_CHAT_MESSAGE] = show_sent,
    [API_CHAT_CONNECTED] = show_connected,
    [API_CONTACT_LIST] = show_contacts,
    [API_CONTACT_VERIFY] = show_verified,
    [API_REGISTER] = show_registration,
    [API_EXIT_NETWORK] = show_registration,
    [API_LISTPEER] = show_listed,
    [API_HISTORY] = show_history,
    [API_EVENTS_CONSUMERS] = show_consumers,
    [API_EVENTS_FORGET] = show_forgotten,
    [API_METRICS] = show_metrics,
    [API_DOCTOR] = show_checks,
    [API_RELOAD] = show_reloaded,
    [API_SHUTDOWN] = show_stopping,
};

static void show_result(struct bytes *out, enum look look, enum api_method method,
                        const struct json *result)
{
    if (shows[method] != NULL)
        shows[method](out, look, result);
    else if (!show_done(out, look, method, result))
        OUTPUT_JSON.result(out, look, method, result);
}

const struct output OUTPUT_TEXT = {.result = show_result, .event = event_text};
