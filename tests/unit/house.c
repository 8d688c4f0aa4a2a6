#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/base64.h"
#include "common/json.h"
#include "tests/unit/seeded.h"
#include "tests/unit/street.h"

static const struct host_port home = {.host = "192.0.2.1", .port = 4000};

/* --- The node's world --- */

static struct visitor *visitor_of(struct house *house, uint64_t carrier)
{
    for (size_t i = 0; i < house->visitor_count; i++)
        if (house->visitors[i].carrier == carrier && house->visitors[i].link != NULL)
            return &house->visitors[i];
    return NULL;
}

static void hang_up(struct visitor *visitor)
{
    link_free(visitor->link);
    visitor->link = NULL;
}

static void reply(struct house *house, const struct action *action)
{
    house->replied = action->reply.error;
    house->replied_call = action->reply.call;
    snprintf(house->refused, sizeof house->refused, "%s",
             action->reply.message != NULL ? action->reply.message : "");
    if (house->whole != NULL && action->reply.error == OK)
        bytes_append(house->whole, action->reply.json, action->reply.length);
    if (action->reply.error == OK)
        snprintf(house->result, sizeof house->result, "%.*s", (int)action->reply.length,
                 action->reply.json);
}

static void note_dial(struct house *house, const struct action *action)
{
    house->dials++;
    house->dialled.dial = action->dial.dial;
    house->dialled.kind = action->dial.kind;
    house->dialled.count = action->dial.count;
    assert_true(action->dial.count <= DIAL_ADDRESSES_MAX);
    memcpy(house->dialled.addresses, action->dial.addresses,
           action->dial.count * sizeof action->dial.addresses[0]);
}

static void act(struct house *house, const struct action *action)
{
    struct visitor *visitor;

    if (house->street != NULL && street_act(house, action))
        return;
    switch (action->kind) {
    case ACTION_SEND:
        visitor = visitor_of(house, action->send.carrier);
        if (visitor != NULL)
            link_input(visitor->link, action->send.bytes, action->send.length, house->now);
        break;
    case ACTION_CLOSE:
        visitor = visitor_of(house, action->close.carrier);
        if (visitor != NULL)
            link_lost(visitor->link);
        break;
    case ACTION_APPEND:
        action->append.transaction->age_ms = house->now.mono.ms;
        house->appends++;
        model_store_append(house->store, action->append.transaction);
        break;
    case ACTION_READ:
        if (++house->reads > house->reads_max)
            house->reads_max = house->reads;
        model_store_read_stream(house->store, action->read.read, action->read.stream,
                                action->read.after_seq, action->read.rows_max,
                                action->read.bytes_max);
        break;
    case ACTION_REPLY:
        reply(house, action);
        break;
    case ACTION_NOTE:
        if (action->note.severity != NOTE_DEBUG) {
            house->notes++;
            snprintf(house->noted, sizeof house->noted, "%s %" PRIu64, action->note.code,
                     action->note.count);
        }
        if (strcmp(action->note.code, "link_closed") == 0 ||
            strcmp(action->note.code, "link_refused") == 0)
            snprintf(house->ended, sizeof house->ended, "%s", action->note.error);
        break;
    case ACTION_DIAL:
        note_dial(house, action);
        break;
    case ACTION_RESOLVE:
        house->asked.resolve = action->resolve.resolve;
        snprintf(house->asked.host, sizeof house->asked.host, "%s", action->resolve.host);
        break;
    case ACTION_FINISH:
        house->finished = action->finish.carrier;
        break;
    case ACTION_DIAL_GO_ON:
        house->gone_on = action->dial_go_on.dial;
        snprintf(house->found, sizeof house->found, "%s", action->dial_go_on.found);
        break;
    case ACTION_DIAL_CANCEL:
        house->forgotten = action->dial_cancel.dial;
        break;
    case ACTION_EVENT:
        break;
    }
}

static void take_actions(struct house *house)
{
    struct action action;

    while (node_next_action(house->node, &action))
        act(house, &action);
}

void house_give(struct house *house, const struct input *input)
{
    node_input(house->node, input, house->now);
    take_actions(house);
}

static void put_text(char text_of_it[HOUSE_TEXT_MAX], const struct json *data)
{
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &text);
    json_write_value(&w, data);
    snprintf(text_of_it, HOUSE_TEXT_MAX, "%.*s", (int)bytes_length(&text),
             (const char *)bytes_data(&text));
    bytes_done(&text);
}

static void hear(struct visitor *visitor, enum message_type type, const struct json *data)
{
    const char *epoch;
    size_t length;

    bytes_text(&visitor->heard, message_row(type)->name);
    bytes_text(&visitor->heard, " ");
    put_text(visitor->said, data);
    if (type != MESSAGE_CHAT_MESSAGE)
        return;
    assert_true(json_string(json_member(data, "epoch"), &epoch, &length));
    snprintf(visitor->epoch, sizeof visitor->epoch, "%.*s", (int)length, epoch);
}

/* What a visitor's link wants to send goes to the node; true when there was anything. */
static bool serve(struct house *house, struct visitor *visitor)
{
    struct link_output output;
    bool were_any = false;

    while (visitor->link != NULL && link_next(visitor->link, &output)) {
        struct input input = {.kind = INPUT_BYTES, .bytes.carrier = visitor->carrier};
        uint8_t *copy;
        were_any = true;
        switch (output.kind) {
        case LINK_SEND:
            copy = xmemdup(output.send.bytes, output.send.length);
            input.bytes.bytes = copy;
            input.bytes.length = output.send.length;
            house_give(house, &input);
            free(copy);
            break;
        case LINK_MESSAGE:
            hear(visitor, output.message.type, output.message.data);
            break;
        case LINK_ENDED:
            hang_up(visitor);
            break;
        case LINK_HELLO:
            put_text(house->greeting, output.hello);
            break;
        case LINK_PROVED:
            break;
        }
    }
    return were_any;
}

static void note_row(struct house *house, const struct log_row *row)
{
    house->rows++;
    if (row->type == EVENT_MESSAGE_RECEIVED)
        house->messages++;
    if (row->stream == 0)
        snprintf(house->logged, sizeof house->logged, "%s %s", api_event(row->type)->name,
                 row->body);
}

static void note_rows(struct house *house, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->changes[i].kind == CHANGE_LOG &&
            transaction->changes[i].log.result == OK && !transaction->changes[i].log.existing)
            note_row(house, &transaction->changes[i].log);
}

static void give_rows(struct house *house, const struct store_answer *answer)
{
    struct input input = {.kind = INPUT_ROWS, .rows = {.read = answer->id, .end = answer->end}};
    struct outbox_row *rows = xcalloc(answer->count + 1, sizeof *rows);

    house->reads--;
    for (size_t i = 0; i < answer->count; i++) {
        const struct log_row *row = &answer->rows[i].log;
        rows[i] = (struct outbox_row){.seq = row->seq,
                                      .number = row->number,
                                      .time_ms = row->time_ms,
                                      .text = row->body,
                                      .text_length = row->body_length};
    }
    input.rows.rows = rows;
    input.rows.count = answer->count;
    house_give(house, &input);
    free(rows);
}

static bool serve_store(struct house *house)
{
    struct store_answer answer;
    bool were_any = false;

    if (house->disk_waits)
        return false;
    model_store_commit(house->store, SIZE_MAX);
    while (model_store_take(house->store, &answer)) {
        struct input input = {.kind = INPUT_DURABLE};
        were_any = true;
        if (answer.kind == STORE_ROWS) {
            give_rows(house, &answer);
        } else if (answer.kind == STORE_FAILED) {
            input.kind = INPUT_STORE_FAILED;
            input.store_failed.transaction = answer.transaction;
            input.store_failed.error = answer.error;
            house_give(house, &input);
        } else {
            note_rows(house, answer.transaction);
            input.durable.transaction = answer.transaction;
            house_give(house, &input);
        }
        model_store_answer_done(&answer);
    }
    return were_any;
}

static bool expire(struct house *house)
{
    if (node_deadline(house->node).ms > house->now.mono.ms)
        return false;
    node_expire(house->node, house->now);
    take_actions(house);
    return true;
}

void house_run(struct house *house)
{
    bool goes_on;

    do {
        goes_on = serve_store(house);
        for (size_t i = 0; i < house->visitor_count; i++)
            goes_on = serve(house, &house->visitors[i]) || goes_on;
        if (house->street != NULL) /* there, much begins with a dial that is due now */
            goes_on = street_serve(house) || expire(house) || goes_on;
    } while (goes_on);
}

void house_pass(struct house *house, uint64_t ms)
{
    house->now.mono.ms += ms;
    house->now.unix_ms += (int64_t)ms;
    node_expire(house->node, house->now);
    take_actions(house);
    house_run(house);
}

uint64_t house_call(struct house *house, enum api_method method, const char *params)
{
    char message[API_MESSAGE_MAX];
    struct api_args args;
    struct json *json;
    struct input input = {.kind = INPUT_CALL};

    assert_int_equal(json_parse(params, strlen(params), &json), OK);
    assert_int_equal(api_check(method, json, &args, message), OK);
    input.call.call = input.call.client = ++house->last_call;
    input.call.method = method;
    input.call.args = &args;
    house->replied = ERR_BAD_STATE;
    house_give(house, &input);
    json_free(json);
    house_run(house);
    return house->last_call;
}

/* --- Visitors --- */

struct visitor *house_come(struct house *house)
{
    struct visitor *visitor = &house->visitors[house->visitor_count++];
    struct random random = seeded(&house->seed);

    assert_true(house->visitor_count <= HOUSE_VISITORS_MAX);
    *visitor = (struct visitor){.link = NULL};
    identity_create(&random, &visitor->identity);
    visitor->settings = (struct link_settings){
        .identity = &visitor->identity, .random = random, .hello = &house->hello};
    return visitor;
}

void house_enter(struct house *house, struct visitor *visitor, const char *host)
{
    struct input input = {.kind = INPUT_CARRIER_UP,
                          .carrier_up = {.carrier = ++house->last_carrier,
                                         .kind = CARRIER_LINK,
                                         .remote.port = 5000,
                                         .local = home}};

    if (visitor->link != NULL) {
        const struct input down = {.kind = INPUT_CARRIER_DOWN,
                                   .carrier_down.carrier = visitor->carrier};
        hang_up(visitor);
        house_give(house, &down);
    }
    bytes_clear(&visitor->heard);
    visitor->carrier = house->last_carrier;
    assert_int_equal(
        link_new_dialled(&visitor->settings, house->identity.key.bytes, house->now, &visitor->link),
        OK);
    link_set_tier(visitor->link, LINK_CONTACT);
    snprintf(input.carrier_up.remote.host, sizeof input.carrier_up.remote.host, "%s", host);
    house_give(house, &input);
    house_run(house);
}

void house_answer(struct house *house, struct visitor *visitor)
{
    struct input input = {.kind = INPUT_CARRIER_UP,
                          .carrier_up = {.carrier = ++house->last_carrier,
                                         .dial = house->dialled.dial,
                                         .remote = house->dialled.addresses[0].at}};

    must(visitor->link == NULL);
    bytes_clear(&visitor->heard);
    visitor->carrier = house->last_carrier;
    visitor->link = link_new_accepted(&visitor->settings, house->now);
    house_give(house, &input);
    house_run(house);
}

struct visitor *house_stranger(struct house *house, const char *host)
{
    struct visitor *visitor = house_come(house);

    house_enter(house, visitor, host);
    return visitor;
}

void house_say(struct house *house, struct visitor *visitor, enum message_type type,
               const char *data)
{
    if (visitor->link == NULL || !link_is_proved(visitor->link))
        return;
    link_send(visitor->link, type, data, strlen(data));
    house_run(house);
}

void house_check_heard(struct visitor *visitor, const char *expected, const char *file, int line)
{
    bytes_u8(&visitor->heard, '\0');
    _assert_string_equal((const char *)bytes_data(&visitor->heard), expected, file, line);
    bytes_clear(&visitor->heard);
}

void house_ask(struct house *house, struct visitor *visitor, unsigned number)
{
    char data[128];

    snprintf(data, sizeof data, "{\"request\":\"%032x\",\"name\":\"visitor\"}", number);
    house_say(house, visitor, MESSAGE_CHAT_REQUEST, data);
}

struct visitor *house_befriend(struct house *house)
{
    struct visitor *visitor = house_stranger(house, "198.51.100.1");

    house_say(house, visitor, MESSAGE_CHAT_REQUEST,
              "{\"request\":\"" HOUSE_ID "\",\"name\":\"visitor\"}");
    house_call(house, API_CHAT_ACCEPT, "{\"request\":\"visitor\"}");
    assert_int_equal(house->replied, OK);
    house_assert_heard(visitor, "CHAT_ACCEPT HAVE ");
    house_say(house, visitor, MESSAGE_HAVE, HOUSE_HAVE_NOTHING);
    assert_int_equal(node_counts(house->node).contacts, 1);
    house->rows = 0;
    return visitor;
}

void house_say_text(struct house *house, struct visitor *visitor, unsigned number, const char *text)
{
    char *data = xmalloc(strlen(text) + 128);

    sprintf(data, "{\"epoch\":\"" HOUSE_EPOCH "\",\"number\":%u,\"time\":0,\"text\":\"%s\"}",
            number, text);
    house_say(house, visitor, MESSAGE_CHAT_MESSAGE, data);
    free(data);
}

void house_record(struct house *house, struct peer_record *ret_record)
{
    static const char member[] = "\"record\":\"";
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    house_stranger(house, "198.51.100.9");
    const char *base64 = strstr(house->greeting, member) + strlen(member);
    assert_true(base64_decode(base64, (size_t)(strchr(base64, '"') - base64), bytes, sizeof bytes,
                              &length));
    assert_int_equal(peer_record_decode(bytes, length, ret_record), OK);
}

char *house_text(size_t length)
{
    char *text = xmalloc(length + 1);

    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

/* --- Life --- */

static struct node *make_node(struct house *house)
{
    const struct node_settings settings = {
        .identity = &house->identity,
        .random = seeded(&house->seed),
        .role = house->role,
        .name = "house",
        .agent = "p2pchat/0",
        .request_timeout_ms = 600000,
        .outbox_messages_max = house->outbox_messages_max,
        .outbox_bytes_max = house->outbox_bytes_max,
        .advertise = house->advertise,
        .advertise_count = house->advertise_count,
        .classic = {.is_on = house->street != NULL,
                    .long_text = house->refuses_long_text ? LONG_TEXT_REFUSE : LONG_TEXT_SPLIT}};

    return node_new(&settings);
}

static void start(struct house *house)
{
    node_set_addresses(house->node, &home, 1, house->now);
    if (house->street != NULL)
        node_set_classic_address(house->node, &street_home);
    node_start(house->node, house->now);
    take_actions(house);
    house_run(house);
}

static int set_up(void **state, enum node_role role)
{
    struct house *house = xcalloc(1, sizeof *house);
    const struct random random = seeded(&house->seed);

    house->role = role;
    house->now = (struct now){.mono = {1000000}, .unix_ms = 1700000000000};
    house->outbox_messages_max = 1000000;
    house->outbox_bytes_max = 1 << 30;
    identity_create(&random, &house->identity);
    house->node = make_node(house);
    house->store = model_store_new();
    message_hello_encode(&house->hello, ROLE_NODE, "visitor/0", 1, NULL, 0);
    start(house);
    *state = house;
    return 0;
}

int house_setup(void **state)
{
    return set_up(state, ROLE_NODE);
}

int house_setup_tracker(void **state)
{
    return set_up(state, ROLE_TRACKER);
}

int house_teardown(void **state)
{
    struct house *house = *state;

    node_free(house->node);
    model_store_free(house->store);
    for (size_t i = 0; i < house->visitor_count; i++) {
        link_free(house->visitors[i].link);
        bytes_done(&house->visitors[i].heard);
    }
    bytes_done(&house->hello);
    free(house);
    return 0;
}

static void load(void *context, const struct change *row)
{
    struct house *house = context;

    node_load(house->node, row, house->now);
}

void house_restart(struct house *house)
{
    for (size_t i = 0; i < house->visitor_count; i++)
        if (house->visitors[i].link != NULL)
            hang_up(&house->visitors[i]);
    node_free(house->node);
    model_store_crash(house->store, false);
    model_store_start_age(house->store, house->now.mono.ms);
    house->reads = 0;
    house->node = make_node(house);
    model_store_load(house->store, load, house);
    start(house);
}
