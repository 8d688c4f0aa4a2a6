#include "tests/unit/member_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"
#include "daemon/core/link/message_tracker.h"
#include "tests/unit/seeded.h"
#include "tests/unit/unit.h"

static const struct host_port home = {.host = "198.51.100.9", .port = 4000};

static void append(char *text, size_t size, const char *more)
{
    const size_t length = strlen(text);

    assert_true(length + strlen(more) < size);
    memcpy(text + length, more, strlen(more) + 1);
}

/* --- What the node does --- */

static struct rig_tracker *tracker_at(struct member_rig *rig, const struct host_port *at)
{
    for (size_t i = 0; i < rig->tracker_count; i++)
        if (rig->trackers[i].at.port == at->port && strcmp(rig->trackers[i].at.host, at->host) == 0)
            return &rig->trackers[i];
    return NULL;
}

static struct rig_tracker *tracker_of(struct member_rig *rig, uint64_t carrier)
{
    for (size_t i = 0; i < rig->tracker_count; i++)
        if (rig->trackers[i].link != NULL && rig->trackers[i].carrier == carrier)
            return &rig->trackers[i];
    return NULL;
}

static void drain(struct member_rig *rig);
static bool serve(struct member_rig *rig, struct rig_tracker *tracker);

static void give(struct member_rig *rig, const struct input *input)
{
    node_input(rig->node, input, rig->now);
    drain(rig);
}

static void hang_up(struct rig_tracker *tracker)
{
    link_free(tracker->link);
    tracker->link = NULL;
}

static void answer_dial(struct member_rig *rig, uint64_t dial, struct rig_tracker *tracker)
{
    struct input input = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {.dial = dial, .error = ERR_UNREACHABLE, .why = "connection refused"}};

    rig->dials++;
    if (tracker->is_up) {
        if (tracker->link != NULL)
            hang_up(tracker);
        tracker->carrier = ++rig->last_carrier;
        tracker->link = link_new_accepted(&tracker->settings, rig->now);
        input = (struct input){.kind = INPUT_CARRIER_UP,
                               .carrier_up = {.carrier = tracker->carrier,
                                              .dial = dial,
                                              .kind = CARRIER_LINK,
                                              .remote = tracker->at,
                                              .local = home}};
    }
    give(rig, &input);
}

static void note_dial(struct member_rig *rig, const struct action *action)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];

    rig->dialled[0] = '\0';
    rig->not_local = action->dial.count > 0 && action->dial.addresses[0].not_local;
    rig->dial = action->dial.dial;
    for (size_t i = 0; i < action->dial.count; i++) {
        host_port_format(&action->dial.addresses[i].at, text);
        append(rig->dialled, sizeof rig->dialled, text);
        append(rig->dialled, sizeof rig->dialled, " ");
    }
}

static void dial(struct member_rig *rig, const struct action *action)
{
    struct rig_tracker *tracker = tracker_at(rig, &action->dial.addresses[0].at);

    if (tracker != NULL)
        answer_dial(rig, action->dial.dial, tracker);
    else
        note_dial(rig, action);
}

/* Each is dialled at one address only. */
static void give_up(struct member_rig *rig, const struct action *action)
{
    const struct input failed = {.kind = INPUT_DIAL_FAILED,
                                 .dial_failed = {.dial = action->dial_go_on.dial,
                                                 .error = ERR_UNREACHABLE,
                                                 .why = "another key"}};

    give(rig, &failed);
}

static void reply(struct member_rig *rig, const struct action *action)
{
    const uint64_t call = action->reply.call;

    assert_true(call < RIG_CALLS_MAX && !rig->answered[call]);
    rig->answered[call] = true;
    rig->errors[call] = action->reply.error;
    snprintf(rig->result, sizeof rig->result, "%.*s", (int)action->reply.length,
             action->reply.json != NULL ? action->reply.json : "");
    snprintf(rig->message, sizeof rig->message, "%s",
             action->reply.message != NULL ? action->reply.message : "");
}

static void act(struct member_rig *rig, const struct action *action)
{
    struct rig_tracker *tracker;

    switch (action->kind) {
    case ACTION_SEND:
        tracker = tracker_of(rig, action->send.carrier);
        if (tracker != NULL)
            link_input(tracker->link, action->send.bytes, action->send.length, rig->now);
        break;
    case ACTION_CLOSE:
        tracker = tracker_of(rig, action->close.carrier);
        if (tracker != NULL)
            serve(rig, tracker); /* what was sent comes first */
        if (tracker != NULL && tracker->link != NULL)
            link_lost(tracker->link);
        break;
    case ACTION_DIAL:
        dial(rig, action);
        break;
    case ACTION_DIAL_GO_ON:
        give_up(rig, action);
        break;
    case ACTION_APPEND:
        model_store_append(rig->store, action->append.transaction);
        break;
    case ACTION_REPLY:
        reply(rig, action);
        break;
    case ACTION_NOTE:
        if (action->note.severity <= NOTE_WARNING) {
            append(rig->noted, sizeof rig->noted, action->note.code);
            append(rig->noted, sizeof rig->noted, " ");
        }
        break;
    case ACTION_READ:
    case ACTION_FINISH:
    case ACTION_DIAL_CANCEL:
    case ACTION_RESOLVE:
    case ACTION_EVENT:
        break;
    }
}

/* Actions are copied before they are acted upon: what they borrow ends with the next input. */
static void drain(struct member_rig *rig)
{
    struct action action;

    while (node_next_action(rig->node, &action)) {
        struct dial_address addresses[DIAL_ADDRESSES_MAX];
        if (action.kind == ACTION_DIAL) {
            memcpy(addresses, action.dial.addresses, action.dial.count * sizeof addresses[0]);
            action.dial.addresses = addresses;
        }
        act(rig, &action);
    }
}

/* --- What trackers do --- */

static void say(struct rig_tracker *tracker, enum message_type type, const char *data)
{
    if (tracker->link != NULL && link_is_proved(tracker->link))
        link_send(tracker->link, type, data, strlen(data));
}

static void hear_register(struct rig_tracker *tracker, const struct json *data)
{
    struct peer_record record;
    char answer[256];

    assert_int_equal(
        message_register_decode(data, tracker->registered.bytes, &tracker->registered.length), OK);
    assert_int_equal(
        peer_record_decode(tracker->registered.bytes, tracker->registered.length, &record), OK);
    tracker->registers++;
    if (tracker->is_silent)
        return;
    if (tracker->refusal != NULL) {
        const char *refusal = tracker->refusal;
        if (tracker->refuses_once)
            tracker->refusal = NULL;
        say(tracker, MESSAGE_REGISTER_ERROR, refusal);
        return;
    }
    snprintf(answer, sizeof answer, "{\"name\":\"%s\",\"seen\":\"%s\",\"lifetime_s\":300}",
             record.name, tracker->seen);
    say(tracker, MESSAGE_REGISTER_SUCCESS, answer);
}

static void hear_listpeer(struct rig_tracker *tracker, const struct json *data)
{
    struct message_listpeer question;
    struct bytes answer = BYTES_EMPTY;
    struct json_writer w;

    assert_int_equal(message_listpeer_decode(data, &question), OK);
    tracker->query = question.query;
    if (tracker->is_silent)
        return;
    json_write_init(&w, &answer);
    json_write_open(&w, '{');
    json_put_integer(&w, "query", (int64_t)question.query);
    json_write_name(&w, "records");
    json_write_open(&w, '[');
    for (size_t i = 0; i < tracker->shown_count; i++) {
        char base64[4 * PEER_RECORD_BYTES_MAX];
        base64_encode(tracker->shown[i].bytes, tracker->shown[i].length, base64);
        json_write_string(&w, base64);
    }
    json_write_close(&w, ']');
    json_write_name(&w, "classic");
    json_write_open(&w, '[');
    if (tracker->classic != NULL)
        json_write_raw(&w, tracker->classic, strlen(tracker->classic));
    json_write_close(&w, ']');
    json_put_string(&w, "next", tracker->next);
    json_write_close(&w, '}');
    bytes_u8(&answer, '\0');
    say(tracker, MESSAGE_RECORDS, (const char *)bytes_data(&answer));
    bytes_done(&answer);
}

static void hear(struct rig_tracker *tracker, enum message_type type, const struct json *data)
{
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;

    bytes_text(&tracker->heard, message_row(type)->name);
    bytes_text(&tracker->heard, " ");
    json_write_init(&w, &text);
    json_write_value(&w, data);
    snprintf(tracker->said, sizeof tracker->said, "%.*s", (int)bytes_length(&text),
             (const char *)bytes_data(&text));
    bytes_done(&text);
    if (type == MESSAGE_REGISTER)
        hear_register(tracker, data);
    else if (type == MESSAGE_LISTPEER)
        hear_listpeer(tracker, data);
    else if (type == MESSAGE_EXIT_NETWORK && !tracker->is_silent)
        say(tracker, MESSAGE_EXIT_NETWORK, "{}");
}

static bool serve(struct member_rig *rig, struct rig_tracker *tracker)
{
    struct link_output output;
    bool were_any = false;

    while (tracker->link != NULL && link_next(tracker->link, &output)) {
        struct input input = {.kind = INPUT_BYTES, .bytes.carrier = tracker->carrier};
        uint8_t *copy;
        were_any = true;
        switch (output.kind) {
        case LINK_SEND:
            copy = xmemdup(output.send.bytes, output.send.length);
            input.bytes.bytes = copy;
            input.bytes.length = output.send.length;
            give(rig, &input);
            free(copy);
            break;
        case LINK_MESSAGE:
            hear(tracker, output.message.type, output.message.data);
            break;
        case LINK_ENDED:
            tracker->ended =
                output.ended == LINK_END_CLOSED ? link_reason_told(tracker->link) : output.ended;
            hang_up(tracker);
            input = (struct input){.kind = INPUT_CARRIER_DOWN,
                                   .carrier_down.carrier = tracker->carrier};
            give(rig, &input);
            break;
        case LINK_HELLO:
        case LINK_PROVED:
            break;
        }
    }
    return were_any;
}

void member_rig_say(struct member_rig *rig, struct rig_tracker *tracker, enum message_type type,
                    const char *data)
{
    say(tracker, type, data);
    member_rig_run(rig);
}

void member_rig_cut(struct member_rig *rig, struct rig_tracker *tracker)
{
    const struct input down = {.kind = INPUT_CARRIER_DOWN,
                               .carrier_down.carrier = tracker->carrier};

    if (tracker->link == NULL)
        return;
    hang_up(tracker);
    give(rig, &down);
    member_rig_run(rig);
}

void member_rig_dial_back(struct member_rig *rig, struct rig_tracker *tracker)
{
    struct link *kept = tracker->link;
    const uint64_t kept_carrier = tracker->carrier;
    struct input up = {.kind = INPUT_CARRIER_UP,
                       .carrier_up = {.carrier = ++rig->last_carrier,
                                      .kind = CARRIER_LINK,
                                      .remote = tracker->at,
                                      .local = home}};

    up.carrier_up.remote.port = 50000;
    tracker->carrier = rig->last_carrier;
    assert_int_equal(
        link_new_dialled(&tracker->settings, rig->identity.key.bytes, rig->now, &tracker->link),
        OK);
    give(rig, &up);
    while (tracker->link != NULL)
        if (!serve(rig, tracker))
            break;
    assert_null(tracker->link); /* the node has closed it */
    tracker->link = kept;
    tracker->carrier = kept_carrier;
    member_rig_run(rig);
}

/* --- The disk --- */

static void note_rows(struct member_rig *rig, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct log_row *row = &transaction->changes[i].log;
        if (transaction->changes[i].kind != CHANGE_LOG || row->stream != 0)
            continue;
        append(rig->log, sizeof rig->log, api_event(row->type)->name);
        append(rig->log, sizeof rig->log, " ");
        append(rig->log, sizeof rig->log, row->body);
        append(rig->log, sizeof rig->log, "\n");
    }
}

static bool serve_store(struct member_rig *rig)
{
    struct store_answer answer;
    bool were_any = false;

    if (rig->disk_waits)
        return false;
    model_store_commit(rig->store, SIZE_MAX);
    while (model_store_take(rig->store, &answer)) {
        struct input input = {.kind = INPUT_DURABLE};
        were_any = true;
        if (answer.kind == STORE_FAILED) {
            input.kind = INPUT_STORE_FAILED;
            input.store_failed.transaction = answer.transaction;
            input.store_failed.error = answer.error;
        } else {
            note_rows(rig, answer.transaction);
            input.durable.transaction = answer.transaction;
        }
        give(rig, &input);
        model_store_answer_done(&answer);
    }
    return were_any;
}

void member_rig_fail_disk(struct member_rig *rig)
{
    struct store_answer answer;

    model_store_fail(rig->store, SIZE_MAX, ERR_STORAGE_FAILED);
    while (model_store_take(rig->store, &answer)) {
        const struct input failed = {.kind = INPUT_STORE_FAILED,
                                     .store_failed = {answer.transaction, answer.error}};
        assert_int_equal(answer.kind, STORE_FAILED);
        give(rig, &failed);
        model_store_answer_done(&answer);
    }
}

void member_rig_run(struct member_rig *rig)
{
    bool goes_on;

    do {
        goes_on = serve_store(rig);
        if (mono_due(node_deadline(rig->node), rig->now.mono)) {
            node_expire(rig->node, rig->now);
            drain(rig);
            goes_on = true;
        }
        for (size_t i = 0; i < rig->tracker_count; i++)
            goes_on = serve(rig, &rig->trackers[i]) || goes_on;
    } while (goes_on);
}

void member_rig_wait(struct member_rig *rig, uint64_t ms)
{
    const struct mono until = mono_after(rig->now.mono, ms);

    while (rig->now.mono.ms < until.ms) {
        struct mono next = mono_earlier(node_deadline(rig->node), until);
        if (next.ms < rig->now.mono.ms)
            next = rig->now.mono;
        rig->now.unix_ms += (int64_t)(next.ms - rig->now.mono.ms);
        rig->now.mono = next;
        node_expire(rig->node, rig->now);
        drain(rig);
        for (size_t i = 0; i < rig->tracker_count; i++)
            if (rig->trackers[i].link != NULL)
                link_expire(rig->trackers[i].link, rig->now);
        member_rig_run(rig);
    }
}

/* --- Clients --- */

uint64_t member_rig_call(struct member_rig *rig, enum api_method method, const char *params, ...)
{
    char text[RIG_TEXT_MAX], message[API_MESSAGE_MAX];
    struct input in = {.kind = INPUT_CALL};
    struct api_args args;
    struct json *json;
    va_list list;

    va_start(list, params);
    const int length = vsnprintf(text, sizeof text, params, list);
    va_end(list);
    assert_true(length > 0 && (size_t)length < sizeof text);
    assert_int_equal(json_parse(text, (size_t)length, &json), OK);
    assert_int_equal(api_check(method, json, &args, message), OK);
    assert_true(rig->last_call + 1 < RIG_CALLS_MAX);
    in.call.call = in.call.client = ++rig->last_call;
    in.call.method = method;
    in.call.args = &args;
    const uint64_t call = rig->last_call;
    give(rig, &in);
    json_free(json);
    member_rig_run(rig);
    return call;
}

void member_rig_gone(struct member_rig *rig, uint64_t client)
{
    const struct input gone = {.kind = INPUT_CALL_GONE, .call_gone.client = client};

    give(rig, &gone);
    member_rig_run(rig);
}

void member_rig_expect(struct member_rig *rig, uint64_t call, enum error error)
{
    if (!rig->answered[call])
        fail_msg("call %d is not answered", (int)call);
    assert_string_equal(error_name(rig->errors[call]), error_name(error));
}

void member_rig_expect_open(struct member_rig *rig, uint64_t call)
{
    assert_false(rig->answered[call]);
}

const char *member_rig_status(struct member_rig *rig)
{
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &text);
    node_write_trackers(rig->node, &w);
    snprintf(rig->result, sizeof rig->result, "%.*s", (int)bytes_length(&text),
             (const char *)bytes_data(&text));
    bytes_done(&text);
    return rig->result;
}

/* --- Looking --- */

void rig_assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in '%s'", part, text);
}

void rig_assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' in '%s'", part, text);
}

void rig_assert_heard(struct rig_tracker *tracker, const char *expected)
{
    bytes_u8(&tracker->heard, '\0');
    assert_string_equal((const char *)bytes_data(&tracker->heard), expected);
    bytes_clear(&tracker->heard);
}

void rig_assert_log(struct member_rig *rig, const char *expected)
{
    assert_string_equal(rig->log, expected);
    rig->log[0] = '\0';
}

/* --- Peers --- */

void rig_peer_init(struct member_rig *rig, struct rig_peer *peer)
{
    const struct random random = seeded(&rig->seed);

    identity_create(&random, &peer->identity);
    memcpy(peer->id, peer->identity.id, sizeof peer->id);
}

struct rig_record rig_record(const struct member_rig *rig, const struct rig_peer *peer,
                             const char *name, uint64_t sequence, const char *at)
{
    struct peer_record record = {
        .sequence = sequence, .issued_ms = rig->now.unix_ms, .lifetime_s = 86400};
    struct rig_record made;

    memcpy(record.key, peer->identity.key.bytes, sizeof record.key);
    memcpy(record.name, name, strlen(name) + 1);
    if (at != NULL) {
        record.address_count = 1;
        assert_int_equal(host_port_parse(at, PORT_ZERO_REFUSED, &record.addresses[0]), OK);
    }
    assert_int_equal(peer_record_encode(&record, &peer->identity, made.bytes, &made.length), OK);
    return made;
}

void rig_show(struct rig_tracker *tracker, const struct rig_record *record)
{
    assert_true(tracker->shown_count < RIG_SHOWN_MAX);
    tracker->shown[tracker->shown_count++] = *record;
}

/* --- Life --- */

struct rig_tracker *member_rig_open(struct member_rig *rig)
{
    struct rig_tracker *tracker = &rig->trackers[rig->tracker_count++];
    const struct random random = seeded(&rig->seed);

    assert_true(rig->tracker_count <= RIG_TRACKERS_MAX);
    *tracker = (struct rig_tracker){
        .role = ROLE_TRACKER, .is_up = true, .at.port = 28471, .seen = "203.0.113.5"};
    snprintf(tracker->at.host, sizeof tracker->at.host, "192.0.2.%zu", rig->tracker_count);
    identity_create(&random, &tracker->identity);
    tracker->settings = (struct link_settings){.identity = &tracker->identity,
                                               .random = random,
                                               .role = ROLE_TRACKER,
                                               .hello = &tracker->hello};
    message_hello_encode(&tracker->hello, tracker->role, "tracker/0", 1, NULL, 0);
    return tracker;
}

void member_rig_configure(struct member_rig *rig, const char *text)
{
    assert_true(rig->setting_count < RIG_TRACKERS_MAX);
    assert_int_equal(tracker_setting_parse(text, &rig->settings[rig->setting_count++]), OK);
}

void member_rig_init(struct member_rig *rig, size_t trackers)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];

    *rig =
        (struct member_rig){.now = {.mono = {1000000}, .unix_ms = 1700000000000}, .name = "alice"};
    const struct random random = seeded(&rig->seed);
    identity_create(&random, &rig->identity);
    for (size_t i = 0; i < trackers; i++) {
        host_port_format(&member_rig_open(rig)->at, text);
        member_rig_configure(rig, text);
    }
    rig->store = model_store_new();
}

static struct node_settings settings_of(struct member_rig *rig)
{
    return (struct node_settings){.identity = &rig->identity,
                                  .random = seeded(&rig->seed),
                                  .role = ROLE_NODE,
                                  .name = rig->name,
                                  .agent = "p2pchat/0",
                                  .request_timeout_ms = 600000,
                                  .outbox_messages_max = 1000000,
                                  .outbox_bytes_max = 1 << 30,
                                  .advertise = rig->advertise,
                                  .advertise_count = rig->advertise_count,
                                  .trackers = rig->settings,
                                  .tracker_count = rig->setting_count};
}

static void make_node(struct member_rig *rig)
{
    const struct node_settings settings = settings_of(rig);

    rig->node = node_new(&settings);
}

void member_rig_reconfigure(struct member_rig *rig)
{
    const struct node_settings settings = settings_of(rig);
    const struct input input = {.kind = INPUT_CONFIG, .config.settings = &settings};

    node_input(rig->node, &input, rig->now);
    drain(rig);
    member_rig_run(rig);
}

static void load(void *context, const struct change *row)
{
    struct member_rig *rig = context;

    node_load(rig->node, row, rig->now);
}

void member_rig_start(struct member_rig *rig)
{
    make_node(rig);
    model_store_load(rig->store, load, rig);
    node_set_addresses(rig->node, &home, 1, rig->now);
    node_start(rig->node, rig->now);
    drain(rig);
    member_rig_run(rig);
}

void member_rig_stop(struct member_rig *rig)
{
    node_stop(rig->node, rig->now);
    drain(rig);
    member_rig_run(rig);
}

void member_rig_restart(struct member_rig *rig)
{
    for (size_t i = 0; i < rig->tracker_count; i++)
        if (rig->trackers[i].link != NULL)
            hang_up(&rig->trackers[i]);
    node_free(rig->node);
    model_store_crash(rig->store, false);
    model_store_start_age(rig->store, rig->now.mono.ms);
    member_rig_start(rig);
}

void member_rig_done(struct member_rig *rig)
{
    node_free(rig->node);
    model_store_free(rig->store);
    for (size_t i = 0; i < rig->tracker_count; i++) {
        link_free(rig->trackers[i].link);
        bytes_done(&rig->trackers[i].heard);
        bytes_done(&rig->trackers[i].hello);
    }
}
