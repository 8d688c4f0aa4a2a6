#include "tests/unit/node_rig.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "tests/unit/seeded.h"

/* --- What the node wants done --- */

static void reply(struct node_rig *rig, const struct action *action)
{
    const uint64_t call = action->reply.call;

    assert_true(call >= 1 && call <= rig->last_call);
    assert_false(rig->answered[call]); /* exactly once */
    rig->answered[call] = true;
    rig->errors[call] = action->reply.error;
    if (action->reply.json == NULL)
        return;
    rig->result_length = action->reply.length;
    snprintf(rig->result, sizeof rig->result, "%.*s", (int)action->reply.length,
             action->reply.json);
}

static void drain(struct node_rig *rig)
{
    struct action action;

    while (node_next_action(rig->node, &action))
        switch (action.kind) {
        case ACTION_REPLY:
            reply(rig, &action);
            break;
        case ACTION_APPEND:
            rig->appends++;
            action.append.transaction->age_ms = rig->now.mono.ms;
            model_store_append(rig->store, action.append.transaction);
            break;
        case ACTION_DIAL:
            rig->dials++;
            rig->last_dial = action.dial.dial;
            break;
        case ACTION_DIAL_GO_ON:
            fail_msg("nothing was won");
            break;
        case ACTION_DIAL_CANCEL:
            rig->cancelled_dial = action.dial_cancel.dial;
            break;
        case ACTION_EVENT:
            rig->events++;
            break;
        case ACTION_SEND:
        case ACTION_FINISH:
        case ACTION_CLOSE:
        case ACTION_READ:
        case ACTION_RESOLVE:
            fail_msg("nothing is there to be read, sent to, closed or looked up");
            break;
        case ACTION_NOTE:
            break;
        }
}

void node_rig_input(struct node_rig *rig, const struct input *input)
{
    node_input(rig->node, input, rig->now);
    drain(rig);
}

/* --- Life --- */

struct node_settings node_rig_settings(struct node_rig *rig)
{
    return (struct node_settings){
        .identity = &rig->identity,
        .random = seeded(&rig->seed),
        .name = "home",
        .agent = "test/1",
        .request_timeout_ms = 600 * 1000,
        .outbox_messages_max = 5,
        .outbox_bytes_max = 100000,
    };
}

static struct node *make_node(struct node_rig *rig)
{
    const struct node_settings settings = node_rig_settings(rig);

    return node_new(&settings);
}

void node_rig_reconfigure(struct node_rig *rig, const struct node_settings *settings)
{
    const struct input input = {.kind = INPUT_CONFIG, .config.settings = settings};

    node_rig_input(rig, &input);
    node_rig_commit(rig);
}

void node_rig_init(struct node_rig *rig)
{
    const struct random random = seeded(&rig->seed);

    *rig = (struct node_rig){.seed = 1, .now = {{1000}, 1767225600000}};
    identity_create(&random, &rig->identity);
    rig->store = model_store_new();
    rig->node = make_node(rig);
}

void node_rig_done(struct node_rig *rig)
{
    node_free(rig->node);
    model_store_free(rig->store);
    identity_done(&rig->identity);
}

/* Puts a transaction's rows into the store, and what they say into the node. */
static void load_rows(struct node_rig *rig, struct transaction *t)
{
    struct store_answer answer;

    for (size_t i = 0; i < t->count; i++)
        node_load(rig->node, &t->changes[i], rig->now);
    model_store_append(rig->store, t);
    model_store_commit(rig->store, 1);
    assert_true(model_store_take(rig->store, &answer));
    transaction_free(answer.transaction);
}

static void add_peer(struct node_rig *rig, struct transaction *t, const struct peer_row *row)
{
    const struct random random = seeded(&rig->seed);
    struct change *change = transaction_add(t, CHANGE_PEER);
    struct identity identity;

    identity_create(&random, &identity);
    peer_row_copy(&change->peer, row);
    memcpy(change->peer.key, identity.key.bytes, KEY_LENGTH);
}

void node_rig_know(struct node_rig *rig, uint32_t peer, const char *alias, enum consent consent)
{
    struct transaction *t = transaction_new(1);

    add_peer(rig, t,
             &(const struct peer_row){.peer = peer,
                                      .alias = (char *)alias,
                                      .address = (char *)"192.0.2.7:28470",
                                      .consent = consent,
                                      .consent_id = {(uint8_t)peer, 1}});
    load_rows(rig, t);
}

void node_rig_asked(struct node_rig *rig, uint32_t peer, const char *alias, int64_t left_ms)
{
    struct transaction *t = transaction_new(1);
    const struct request_row request = {.request = peer,
                                        .id = {(uint8_t)peer, 2},
                                        .peer = peer,
                                        .direction = DIRECTION_IN,
                                        .left_ms = left_ms,
                                        .state = REQUEST_PENDING};

    add_peer(rig, t,
             &(const struct peer_row){
                 .peer = peer, .alias = (char *)alias, .consent = CONSENT_WAS_ASKED});
    request_row_copy(&transaction_add(t, CHANGE_REQUEST)->request, &request);
    load_rows(rig, t);
}

void node_rig_start(struct node_rig *rig)
{
    node_start(rig->node, rig->now);
    drain(rig);
    node_rig_commit(rig);
}

void node_rig_stop(struct node_rig *rig)
{
    node_stop(rig->node, rig->now);
    drain(rig);
}

static void load(void *context, const struct change *row)
{
    struct node_rig *rig = context;

    node_load(rig->node, row, rig->now);
}

void node_rig_restart(struct node_rig *rig)
{
    node_free(rig->node);
    model_store_crash(rig->store, false);
    model_store_start_age(rig->store, rig->now.mono.ms);
    rig->node = make_node(rig);
    model_store_load(rig->store, load, rig);
    node_rig_start(rig);
}

/* --- The disk --- */

void node_rig_hear(struct node_rig *rig, size_t count)
{
    struct input durable = {.kind = INPUT_DURABLE};
    struct transaction **end = &durable.durable.transaction;
    struct store_answer answer;

    while (count-- > 0 && model_store_take(rig->store, &answer)) {
        if (answer.kind == STORE_FAILED) {
            const struct input failed = {.kind = INPUT_STORE_FAILED,
                                         .store_failed = {answer.transaction, answer.error}};
            must(durable.durable.transaction == NULL);
            node_rig_input(rig, &failed);
        } else {
            *end = answer.transaction;
            end = &answer.transaction->next;
        }
        model_store_answer_done(&answer);
    }
    if (durable.durable.transaction != NULL)
        node_rig_input(rig, &durable);
}

void node_rig_commit(struct node_rig *rig)
{
    do {
        model_store_commit(rig->store, SIZE_MAX);
        node_rig_hear(rig, SIZE_MAX);
    } while (model_store_waiting(rig->store) > 0);
}

void node_rig_fail(struct node_rig *rig, enum error error)
{
    model_store_fail(rig->store, SIZE_MAX, error);
    node_rig_hear(rig, SIZE_MAX);
}

void node_rig_wait(struct node_rig *rig, uint64_t ms)
{
    const struct mono until = mono_after(rig->now.mono, ms);

    while (node_deadline(rig->node).ms <= until.ms) {
        if (node_deadline(rig->node).ms > rig->now.mono.ms) {
            rig->now.unix_ms += (int64_t)(node_deadline(rig->node).ms - rig->now.mono.ms);
            rig->now.mono = node_deadline(rig->node);
        }
        node_expire(rig->node, rig->now);
        drain(rig);
    }
    rig->now.unix_ms += (int64_t)(until.ms - rig->now.mono.ms);
    rig->now.mono = until;
}

/* --- Clients --- */

uint64_t node_rig_call(struct node_rig *rig, enum api_method method, const char *params, ...)
{
    char text[NODE_RIG_TEXT_MAX], message[API_MESSAGE_MAX];
    struct input in = {.kind = INPUT_CALL};
    struct json *json;
    struct api_args args;
    va_list list;

    va_start(list, params);
    const int length = vsnprintf(text, sizeof text, params, list);
    va_end(list);
    assert_true(length > 0 && (size_t)length < sizeof text);
    assert_int_equal(json_parse(text, (size_t)length, &json), OK);
    assert_int_equal(api_check(method, json, &args, message), OK);
    assert_true(rig->last_call + 1 < NODE_RIG_CALLS_MAX);
    in.call.call = in.call.client = ++rig->last_call;
    in.call.method = method;
    in.call.args = &args;
    node_rig_input(rig, &in);
    json_free(json);
    return rig->last_call;
}

void node_rig_expect(struct node_rig *rig, uint64_t call, enum error error)
{
    if (!rig->answered[call])
        fail_msg("call %d is not answered", (int)call);
    assert_string_equal(error_name(rig->errors[call]), error_name(error));
}

void node_rig_expect_open(struct node_rig *rig, uint64_t call)
{
    assert_false(rig->answered[call]);
}

const char *node_rig_look(struct node_rig *rig, enum api_method method)
{
    node_rig_expect(rig, node_rig_call(rig, method, "{}"), OK);
    return rig->result;
}

const char *node_rig_id(struct node_rig *rig, const char *alias)
{
    static struct node_peer peer; /* scratch */
    uint32_t number;

    assert_int_equal(node_find_peer(rig->node, alias, &number), OK);
    assert_true(node_peer(rig->node, number, &peer));
    return peer.peer_id;
}
